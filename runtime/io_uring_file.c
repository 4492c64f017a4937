/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/io_uring_internal.h"

/*   read     OPEN -> MOVE ... -> told
 *   replace  OPEN (the temporary) -> MOVE ... -> SYNC -> RENAME -> told
 *
 * Every step that may wait for a disk goes through the ring, whose workers wait instead of the
 * core. A replaced file is the old one or the new one, whole, at any moment (rename(2)). */

static uint32_t index_of(const struct uring *u, const struct uring_file *file)
{
    return (uint32_t)(file - u->files);
}

static void finish(struct uring *u, struct uring_file *file, int error)
{
    if (file->fd >= 0) {
        uring_close_fd(u, file->fd);
        file->fd = -1;
    }
    if (error != 0 && file->is_replace && file->step != URING_FILE_OPEN) {
        (void)unlink(file->temporary);
    }
    file->status = uring_status(error);
    file->is_finished = true;
    u->files_finished++;
}

/* A submission for the next step; without one the operation fails. */
static struct io_uring_sqe *next_step(struct uring *u, struct uring_file *file,
                                      enum uring_file_step step)
{
    struct io_uring_sqe *sqe = uring_sqe(u);
    if (sqe == NULL) {
        finish(u, file, EBUSY);
        return NULL;
    }
    file->step = step;
    return sqe;
}

static void submit_open(struct uring *u, struct uring_file *file)
{
    struct io_uring_sqe *sqe = next_step(u, file, URING_FILE_OPEN);
    if (sqe == NULL) {
        return;
    }
    if (file->is_replace) {
        io_uring_prep_openat(sqe, AT_FDCWD, file->temporary,
                             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    } else {
        io_uring_prep_openat(sqe, AT_FDCWD, file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    }
    sqe->user_data = uring_data(URING_FILE, index_of(u, file));
}

static void submit_move(struct uring *u, struct uring_file *file)
{
    struct io_uring_sqe *sqe = next_step(u, file, URING_FILE_MOVE);
    if (sqe == NULL) {
        return;
    }
    uint8_t *at = file->buf->data + file->moved;
    uint32_t left = file->buf->size - file->moved;
    if (file->is_replace) {
        io_uring_prep_write(sqe, file->fd, at, left, file->moved);
    } else {
        io_uring_prep_read(sqe, file->fd, at, left, file->moved);
    }
    sqe->user_data = uring_data(URING_FILE, index_of(u, file));
}

static void submit_sync(struct uring *u, struct uring_file *file)
{
    struct io_uring_sqe *sqe = next_step(u, file, URING_FILE_SYNC);
    if (sqe != NULL) {
        io_uring_prep_fsync(sqe, file->fd, 0);
        sqe->user_data = uring_data(URING_FILE, index_of(u, file));
    }
}

static void submit_rename(struct uring *u, struct uring_file *file)
{
    struct io_uring_sqe *sqe = next_step(u, file, URING_FILE_RENAME);
    if (sqe != NULL) {
        io_uring_prep_renameat(sqe, AT_FDCWD, file->temporary, AT_FDCWD, file->path, 0);
        sqe->user_data = uring_data(URING_FILE, index_of(u, file));
    }
}

/* The size is known only now; it may still change under us: fewer bytes are what was there. */
static void on_opened_for_reading(struct uring *u, struct uring_file *file)
{
    struct stat about;
    if (fstat(file->fd, &about) != 0) {
        finish(u, file, errno);
        return;
    }
    if (!S_ISREG(about.st_mode)) {
        finish(u, file, EISDIR);
        return;
    }
    if (about.st_size > file->size_max || about.st_size > RT_BUF_HUGE_BYTES) {
        finish(u, file, 0);
        file->status = RT_FULL;
        return;
    }
    file->buf = rt_buf_new(u->bufs, (uint32_t)about.st_size);
    if (file->buf == NULL) {
        finish(u, file, ENOMEM);
        return;
    }
    file->buf->size = (uint32_t)about.st_size;
    if (file->buf->size == 0) {
        finish(u, file, 0);
    } else {
        submit_move(u, file);
    }
}

static void on_opened(struct uring *u, struct uring_file *file, int fd)
{
    file->fd = fd;
    if (!file->is_replace) {
        on_opened_for_reading(u, file);
        return;
    }
    file->step = URING_FILE_MOVE; /* From here on there is a temporary to clean up. */
    if (file->buf->size > 0) {
        submit_move(u, file);
    } else {
        submit_sync(u, file);
    }
}

static void on_moved(struct uring *u, struct uring_file *file, uint32_t size)
{
    file->moved += size;
    if (size > 0 && file->moved < file->buf->size) {
        submit_move(u, file);
    } else if (file->is_replace) {
        if (file->moved < file->buf->size) {
            finish(u, file, EIO);
        } else {
            submit_sync(u, file);
        }
    } else {
        file->buf->size = file->moved; /* The file became shorter while it was read. */
        finish(u, file, 0);
    }
}

void uring_file_advanced(struct uring *u, uint32_t index, int result)
{
    struct uring_file *file = &u->files[index];
    RT_CHECK(file->is_used && !file->is_finished);
    if (result == -EINTR || result == -EAGAIN) {
        result = -EIO; /* The ring tries these again by itself; whoever still sees one gives up. */
    }
    if (result < 0) {
        finish(u, file, -result);
        return;
    }
    switch (file->step) {
    case URING_FILE_OPEN:
        on_opened(u, file, result);
        return;
    case URING_FILE_MOVE:
        on_moved(u, file, (uint32_t)result);
        return;
    case URING_FILE_SYNC:
        submit_rename(u, file);
        return;
    case URING_FILE_RENAME:
        finish(u, file, 0);
        return;
    }
    RT_UNREACHABLE("step outside enum uring_file_step");
}

static void tell(struct uring *u, struct uring_file *file)
{
    bool has_content = !file->is_replace && file->status == RT_OK;
    struct rt_io_file event = {
        .head = RT_MSG_INIT(RT_IO_FILE, struct rt_io_file),
        .status = file->status,
    };
    event.head.cookie = file->cookie;
    event.head.buf = has_content ? file->buf : NULL;
    if (!has_content) {
        rt_buf_unref(u->bufs, file->buf);
    }
    rt_ref owner = file->owner;
    *file = (struct uring_file){0}; /* Before the turn: its owner may want the next file. */
    u->files_finished--;
    uring_deliver(u, RT_HANDLE_NONE, owner, &event.head);
    rt_buf_unref(u->bufs, event.head.buf);
}

void uring_file_tell(struct uring *u)
{
    for (uint32_t i = 0; u->files_finished > 0 && i < RT_FILE_OPS_MAX; i++) {
        if (u->files[i].is_used && u->files[i].is_finished) {
            tell(u, &u->files[i]);
        }
    }
}

/* NULL: all operations are in use, or the path is too long to be one. */
static struct uring_file *take(struct uring *u, rt_ref owner, const char *path, uint64_t cookie)
{
    for (uint32_t i = 0; i < RT_FILE_OPS_MAX; i++) {
        struct uring_file *file = &u->files[i];
        if (file->is_used) {
            continue;
        }
        file->is_used = true;
        file->fd = -1;
        file->owner = owner;
        file->cookie = cookie;
        snprintf(file->path, sizeof(file->path), "%s", path);
        return file;
    }
    return NULL;
}

enum { SUFFIX_BYTES = 32 }; /* of a temporary */

rt_status uring_file_read(struct rt_io *io, rt_ref owner, const char *path, uint32_t size_max,
                          uint64_t cookie)
{
    struct uring *u = uring_of(io);
    if (strlen(path) >= RT_FILE_PATH_MAX - SUFFIX_BYTES) {
        return RT_NOT_FOUND;
    }
    struct uring_file *file = take(u, owner, path, cookie);
    if (file == NULL) {
        return RT_FULL;
    }
    file->size_max = size_max;
    submit_open(u, file);
    return RT_OK;
}

rt_status uring_file_replace(struct rt_io *io, rt_ref owner, const char *path,
                             struct rt_buf *content, uint64_t cookie)
{
    struct uring *u = uring_of(io);
    if (strlen(path) >= RT_FILE_PATH_MAX - SUFFIX_BYTES) {
        return RT_NOT_FOUND;
    }
    struct uring_file *file = take(u, owner, path, cookie);
    if (file == NULL) {
        return RT_FULL;
    }
    file->is_replace = true;
    file->buf = content;
    /* Unique among processes, cores and operations: two replacements never share a temporary. */
    snprintf(file->temporary, sizeof(file->temporary), "%.*s.%d-%u-%u~",
             RT_FILE_PATH_MAX - SUFFIX_BYTES, path, (int)getpid(), u->core_index,
             u->files_sequence++);
    submit_open(u, file);
    return RT_OK;
}

void uring_files_close(struct uring *u)
{
    for (uint32_t i = 0; i < RT_FILE_OPS_MAX; i++) {
        struct uring_file *file = &u->files[i];
        if (!file->is_used) {
            continue;
        }
        if (file->fd >= 0) {
            close(file->fd);
        }
        if (file->is_replace && file->step != URING_FILE_OPEN && !file->is_finished) {
            (void)unlink(file->temporary);
        }
        rt_buf_unref(u->bufs, file->buf);
    }
}
