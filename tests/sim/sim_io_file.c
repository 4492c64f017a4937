/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_io_private.h"

struct file {
    struct file *next;
    char *path;
    uint8_t *data;
    uint32_t size;
};

struct sim_files {
    struct file *first;
};

/* One file operation, done and waiting to be told. */
struct sim_file_job {
    struct sim_file_job *next;
    rt_ref owner;
    uint64_t cookie;
    rt_status status;
    struct rt_buf *content;
};

static struct file *find(const struct sim_files *files, const char *path)
{
    struct file *at = files == NULL ? NULL : files->first;

    while (at != NULL && strcmp(at->path, path) != 0) {
        at = at->next;
    }
    return at;
}

struct sim_files *sim_files_new(void)
{
    struct sim_files *files = calloc(1, sizeof(*files));

    RT_CHECK(files != NULL);
    return files;
}

void sim_files_free(struct sim_files *files)
{
    while (files->first != NULL) {
        struct file *file = files->first;
        files->first = file->next;
        free(file->path);
        free(file->data);
        free(file);
    }
    free(files);
}

void sim_files_put(struct sim_files *files, const char *path, const void *data, uint32_t size)
{
    struct file *file = find(files, path);

    if (file == NULL) {
        file = calloc(1, sizeof(*file));
        RT_CHECK(file != NULL);
        file->path = strdup(path);
        file->next = files->first;
        files->first = file;
    }
    free(file->data);
    file->data = malloc(size + 1);
    RT_CHECK(file->data != NULL && file->path != NULL);
    memcpy(file->data, data, size);
    file->size = size;
}

static void add_job(struct sim_io *self, rt_ref owner, uint64_t cookie, rt_status status,
                    struct rt_buf *content)
{
    struct sim_file_job *job = calloc(1, sizeof(*job)), **last = &self->file_jobs;

    RT_CHECK(job != NULL);
    *job = (struct sim_file_job){NULL, owner, cookie, status, content};
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = job;
}

rt_status sim_io_file_read(struct rt_io *io, rt_ref owner, const char *path, uint32_t size_max,
                           uint64_t cookie)
{
    struct sim_io *self = sim_io_of(io);
    const struct file *file = find(self->files, path);
    struct rt_buf *content = NULL;
    rt_status status = RT_OK;

    if (file == NULL) {
        status = RT_NOT_FOUND;
    } else if (file->size > size_max) {
        status = RT_FULL;
    } else {
        content = rt_buf_new(rt_core_bufs(self->core), file->size);
        if (content == NULL) {
            return RT_FULL;
        }
        memcpy(content->data, file->data, file->size);
        content->size = file->size;
    }
    add_job(self, owner, cookie, status, content);
    return RT_OK;
}

rt_status sim_io_file_replace(struct rt_io *io, rt_ref owner, const char *path,
                              struct rt_buf *content, uint64_t cookie)
{
    struct sim_io *self = sim_io_of(io);

    if (self->files == NULL) {
        return RT_DENIED;
    }
    sim_files_put(self->files, path, content->data, content->size);
    rt_buf_unref(rt_core_bufs(self->core), content);
    add_job(self, owner, cookie, RT_OK, NULL);
    return RT_OK;
}

void sim_files_deliver(struct sim_io *self)
{
    struct sim_file_job *job = self->file_jobs;

    self->file_jobs = NULL; /* What receivers start now is told at the next poll. */
    while (job != NULL) {
        struct sim_file_job *next = job->next;
        struct rt_io_file msg = {
            .head = {.type = RT_IO_FILE,
                     .size = sizeof(msg),
                     .cookie = job->cookie,
                     .buf = job->content},
            .status = job->status,
        };
        rt_status status = sim_io_deliver(self, job->owner, &msg.head);
        (void)status; /* Nobody waits for it any more. */
        rt_buf_unref(rt_core_bufs(self->core), msg.head.buf);
        free(job);
        job = next;
    }
}

void sim_files_drop(struct sim_io *self)
{
    while (self->file_jobs != NULL) {
        struct sim_file_job *next = self->file_jobs->next;
        rt_buf_unref(rt_core_bufs(self->core), self->file_jobs->content);
        free(self->file_jobs);
        self->file_jobs = next;
    }
}
