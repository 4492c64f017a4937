/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <unistd.h>

#include "runtime/io_uring_internal.h"

static const uint32_t none = UINT32_MAX;

rt_status uring_handles_open(struct uring *u, uint32_t handles_max, uint32_t streams_max)
{
    u->handles = calloc(handles_max, sizeof(*u->handles));
    if (u->handles == NULL) {
        return RT_NO_MEMORY;
    }
    u->handles_max = handles_max;
    u->free_handle = none;
    /* Streams that were paused with bytes on the way keep a buffer each: at most half of all. */
    u->held_max = u->buffers[URING_STREAMS].count / 2;
    u->accepted_max = streams_max - streams_max / 4;
    return rt_pool_open(&u->streams, sizeof(struct uring_stream), streams_max);
}

void uring_handles_close(struct uring *u)
{
    for (uint32_t i = 0; i < u->handles_touched; i++) {
        struct uring_handle *handle = &u->handles[i];
        if (handle->kind == URING_STREAM) {
            uring_stream_flush_at_exit(u, handle);
            uring_stream_release(u, handle);
        }
        if (handle->kind != URING_FREE) {
            close(handle->fd);
        }
    }
    if (u->streams.blocks != NULL) {
        rt_pool_close(&u->streams);
    }
    free(u->handles);
}

static struct uring_handle *take(struct uring *u)
{
    if (u->free_handle != none) {
        struct uring_handle *handle = &u->handles[u->free_handle];
        u->free_handle = handle->next_free;
        return handle;
    }
    return u->handles_touched < u->handles_max ? &u->handles[u->handles_touched++] : NULL;
}

static void give_back(struct uring *u, struct uring_handle *handle)
{
    handle->kind = URING_FREE;
    handle->next_free = u->free_handle;
    u->free_handle = uring_handle_index(u, handle);
}

struct uring_handle *uring_handle_new(struct uring *u, enum uring_kind kind, int fd, rt_ref owner)
{
    struct uring_handle *handle = take(u);
    if (handle == NULL) {
        return NULL;
    }
    uint32_t generation = handle->generation + 1;
    *handle = (struct uring_handle){
        .generation = generation != 0 ? generation : 1,
        .kind = kind,
        .fd = fd,
        .owner = owner,
        .is_open = true,
    };
    if (kind == URING_STREAM) {
        handle->stream = rt_pool_take(&u->streams);
        if (handle->stream == NULL) {
            give_back(u, handle);
            return NULL;
        }
        handle->stream->index = uring_handle_index(u, handle);
        u->io.counters.streams_opened++;
    }
    u->io.counters.handles_open++;
    return handle;
}

void uring_handle_release(struct uring *u, struct uring_handle *handle)
{
    RT_CHECK(handle->kind != URING_FREE && !handle->is_open);
    RT_CHECK(handle->in_flight == 0 && !handle->is_listed);
    if (handle->kind == URING_STREAM) {
        uring_stream_release(u, handle);
        u->io.counters.streams_closed++;
    }
    uring_close_fd(u, handle->fd);
    u->io.counters.handles_open--;
    give_back(u, handle);
}

void uring_handle_list(struct uring *u, struct uring_handle *handle)
{
    if (!handle->is_listed) {
        handle->is_listed = true;
        rt_list_append(&u->work, &handle->work);
    }
}

rt_handle uring_handle_name(const struct uring *u, const struct uring_handle *handle)
{
    return (rt_handle)handle->generation << 32 | uring_handle_index(u, handle);
}

struct uring_handle *uring_handle_any(struct uring *u, rt_handle name)
{
    uint32_t index = (uint32_t)name;
    if (index >= u->handles_touched) {
        return NULL;
    }
    struct uring_handle *handle = &u->handles[index];
    bool is_it = handle->kind != URING_FREE && handle->is_open &&
                 handle->generation == (uint32_t)(name >> 32);
    return is_it ? handle : NULL;
}

struct uring_handle *uring_handle_find(struct uring *u, rt_handle name, enum uring_kind kind)
{
    struct uring_handle *handle = uring_handle_any(u, name);
    return handle != NULL && handle->kind == kind ? handle : NULL;
}
