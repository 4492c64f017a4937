/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* files: the few things the cache does with its folders besides LMDB. Used when a cache is opened
 * and closed, never while it serves. */

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/check.h"
#include "runtime/base/status.h"

enum { RS_PATH_BYTES_MAX = 1024 };

/* What errno means to a caller: RT_DENIED, RT_NO_SPACE, RT_NO_MEMORY, RT_IN_USE, RT_NOT_FOUND or
 * RT_IO_ERROR. */
rt_status rs_file_status(int error);

/* "folder/name" into `out`; RT_FULL when it is too long. */
RT_MUST_USE rt_status rs_file_path(char out[RS_PATH_BYTES_MAX], const char *folder,
                                   const char *name);

/* Makes the folder when it is missing; its parent must be there. */
RT_MUST_USE rt_status rs_file_make_folder(const char *path);

/* Locks `folder`/lock for the life of *fd, across processes and within one. RT_IN_USE: somebody
 * else has it. Close the fd to unlock. */
RT_MUST_USE rt_status rs_file_lock(const char *folder, int *fd);

/* Renames the folder to `path`.damaged; an older one of that name is removed with its files. */
RT_MUST_USE rt_status rs_file_move_aside(const char *path);

/* The whole file, at most capacity - 1 bytes and a NUL. RT_FULL when it is longer. */
RT_MUST_USE rt_status rs_file_read(const char *path, char *out, size_t capacity);

/* Replaces the file as a whole: a crash leaves the old one or the new one. */
RT_MUST_USE rt_status rs_file_write(const char *path, const char *text);
