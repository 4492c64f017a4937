/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

rt_status rs_file_status(int error)
{
    switch (error) {
    case 0:
        return RT_OK;
    case EACCES:
    case EPERM:
    case EROFS:
        return RT_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: /* the process's file size limit */
        return RT_NO_SPACE;
    case ENOMEM:
        return RT_NO_MEMORY;
    case EAGAIN:
    case EBUSY:
        return RT_IN_USE;
    case ENOENT:
        return RT_NOT_FOUND;
    default:
        return RT_IO_ERROR;
    }
}

rt_status rs_file_path(char out[RS_PATH_BYTES_MAX], const char *folder, const char *name)
{
    int size = snprintf(out, RS_PATH_BYTES_MAX, "%s/%s", folder, name);
    return size < 0 || size >= RS_PATH_BYTES_MAX ? RT_FULL : RT_OK;
}

rt_status rs_file_make_folder(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? RT_OK : rs_file_status(errno);
}

rt_status rs_file_lock(const char *folder, int *fd)
{
    char path[RS_PATH_BYTES_MAX];
    rt_status status = rs_file_path(path, folder, "lock");
    if (status != RT_OK) {
        return status;
    }
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) {
        return rs_file_status(errno);
    }
    /* flock, not fcntl: it also holds between two opens of one process, and closing some other
     * descriptor of the file does not drop it. The kernel drops it when the process dies. */
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        status = rs_file_status(errno);
        close(file);
        return status;
    }
    *fd = file;
    return RT_OK;
}

/* Removes a folder of plain files. What cannot be removed makes the rename after it fail. */
static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return;
    }
    for (struct dirent *item = readdir(folder); item != NULL; item = readdir(folder)) {
        (void)unlinkat(dirfd(folder), item->d_name, 0);
    }
    closedir(folder);
    (void)rmdir(path);
}

rt_status rs_file_move_aside(const char *path)
{
    char aside[RS_PATH_BYTES_MAX];
    int size = snprintf(aside, sizeof(aside), "%s.damaged", path);
    if (size < 0 || size >= (int)sizeof(aside)) {
        return RT_FULL;
    }
    remove_folder(aside);
    return rename(path, aside) == 0 ? RT_OK : rs_file_status(errno);
}

rt_status rs_file_read(const char *path, char *out, size_t capacity)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return rs_file_status(errno);
    }
    size_t size = 0;
    ssize_t got = 1;
    while (got > 0 && size < capacity) {
        got = read(file, out + size, capacity - size);
        size += got > 0 ? (size_t)got : 0;
    }
    rt_status status = got < 0 ? rs_file_status(errno) : size == capacity ? RT_FULL : RT_OK;
    close(file);
    out[status == RT_OK ? size : 0] = '\0';
    return status;
}

static rt_status write_and_sync(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) {
        return rs_file_status(errno);
    }
    size_t size = strlen(text);
    errno = ENOSPC; /* for a short write, which sets none */
    rt_status status = RT_OK;
    if (write(file, text, size) != (ssize_t)size || fsync(file) != 0) {
        status = rs_file_status(errno);
    }
    close(file);
    return status;
}

rt_status rs_file_write(const char *path, const char *text)
{
    char fresh[RS_PATH_BYTES_MAX];
    int size = snprintf(fresh, sizeof(fresh), "%s.new", path);
    if (size < 0 || size >= (int)sizeof(fresh)) {
        return RT_FULL;
    }
    rt_status status = write_and_sync(fresh, text);
    if (status == RT_OK && rename(fresh, path) != 0) {
        status = rs_file_status(errno);
    }
    if (status != RT_OK) {
        (void)unlink(fresh);
    }
    return status;
}
