/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_io_private.h"

/* ---- streams: what the net tells becomes due, and is delivered at the core's next poll ---- */

static void on_connected(void *arg)
{
    struct sim_handle *handle = arg;

    handle->is_open = true;
    handle->is_connected_due = true;
    sim_handle_ready(handle);
}

static void on_readable(void *arg)
{
    struct sim_handle *handle = arg;

    if (!handle->is_paused) {
        sim_handle_ready(handle);
    }
}

/* Gives back the buffers whose bytes have all left. */
static void release_writes(struct sim_handle *handle)
{
    uint64_t left = handle->written - (handle->end == NULL ? 0 : sim_end_unsent(handle->end));
    uint32_t count = 0;

    while (count < handle->writes_count && handle->writes_end[count] <= left) {
        rt_buf_unref(rt_core_bufs(handle->self->core), handle->writes[count++]);
    }
    handle->writes_count -= count;
    memmove(handle->writes, handle->writes + count,
            handle->writes_count * sizeof(handle->writes[0]));
    memmove(handle->writes_end, handle->writes_end + count,
            handle->writes_count * sizeof(handle->writes_end[0]));
    if (count > 0 && handle->writes_count == 0) {
        handle->is_written_due = true;
        sim_handle_ready(handle);
    }
}

static void on_progress(void *arg)
{
    release_writes(arg);
}

static void on_closed(void *arg, rt_status why)
{
    struct sim_handle *handle = arg;

    handle->is_open = false;
    handle->is_closed_due = true;
    handle->closed_why = why;
    sim_handle_ready(handle);
}

static const struct sim_end_ops stream_ops = {
    .connected = on_connected,
    .readable = on_readable,
    .progress = on_progress,
    .closed = on_closed,
};

static bool deliver_event(struct sim_handle *handle, uint16_t type, rt_status why)
{
    struct rt_io_stream msg = {
        .head = {.type = type, .size = sizeof(msg)},
        .handle = sim_handle_number(handle),
        .why = why,
    };

    return sim_handle_deliver(handle, &msg.head);
}

/* One read; true: the handle lives. */
static bool deliver_read(struct sim_handle *handle)
{
    struct sim_io *self = handle->self;
    struct rt_io_read msg = {
        .head = {.type = RT_IO_READ, .size = sizeof(msg)},
        .handle = sim_handle_number(handle),
        .data = self->read_buffer,
    };

    msg.size = sim_end_read(handle->end, self->read_buffer, sizeof(self->read_buffer));
    self->io.counters.bytes_in += msg.size;
    if (!sim_handle_deliver(handle, &msg.head)) {
        return false;
    }
    if (sim_end_readable(handle->end) > 0 && !handle->is_paused) {
        sim_handle_ready(handle);
    }
    return true;
}

/* RT_IO_CLOSED: the handle is dead before its owner hears of it. */
static void deliver_closed(struct sim_handle *handle)
{
    struct sim_io *self = handle->self;
    struct rt_io_stream msg = {
        .head = {.type = RT_IO_CLOSED, .size = sizeof(msg)},
        .handle = sim_handle_number(handle),
        .why = handle->closed_why,
    };
    rt_ref owner = handle->owner;

    sim_handle_end(handle);
    sim_trace_note(sim_net_trace(self->net), sim_net_now_ns(self->net), SIM_NOTE_DELIVERED, owner,
                   msg.head.type);
    rt_status status = sim_io_deliver(self, owner, &msg.head);
    (void)status; /* An owner that is gone needs no news. */
}

void sim_stream_deliver(struct sim_handle *handle)
{
    if (handle->is_accept_due) {
        return; /* Its listener tells of it first. */
    }
    if (handle->is_connected_due) {
        handle->is_connected_due = false;
        if (!deliver_event(handle, RT_IO_CONNECTED, RT_OK)) {
            return;
        }
    }
    if (!handle->is_paused && sim_end_readable(handle->end) > 0 && !deliver_read(handle)) {
        return;
    }
    if (handle->is_written_due && handle->is_open) {
        handle->is_written_due = false;
        if (!deliver_event(handle, RT_IO_WRITTEN, RT_OK)) {
            return;
        }
    }
    if (handle->is_closed_due && sim_end_readable(handle->end) == 0) {
        deliver_closed(handle);
    }
}

void sim_stream_end(struct sim_handle *handle)
{
    struct rt_buf_pool *bufs = rt_core_bufs(handle->self->core);

    for (uint32_t i = 0; i < handle->writes_count; i++) {
        rt_buf_unref(bufs, handle->writes[i]); /* The net has its own copy, which may linger. */
    }
    handle->writes_count = 0;
    handle->written = 0;
    if (handle->end != NULL) {
        sim_end_close(handle->end, false);
        handle->end = NULL;
    }
    handle->is_connected_due = handle->is_written_due = handle->is_closed_due = false;
    handle->is_open = handle->is_paused = handle->is_accept_due = false;
    handle->self->io.counters.streams_closed++;
}

rt_status sim_io_tcp_connect(struct rt_io *io, rt_ref owner, const struct rt_tcp_options *options,
                             rt_handle *out)
{
    struct sim_io *self = sim_io_of(io);
    struct rt_addr local;

    if (!sim_io_source(self, &options->local, options->peer.family, &local)) {
        return RT_NO_ROUTE;
    }
    struct sim_handle *handle = sim_handle_new(self, SIM_HANDLE_STREAM, owner, out);
    if (handle == NULL) {
        return RT_FULL;
    }
    io->counters.streams_opened++;
    return sim_connect(self->net, &local, &options->peer, &stream_ops, handle, &handle->end);
}

rt_status sim_io_stream_write(struct rt_io *io, rt_handle number, struct rt_buf *buf)
{
    struct sim_handle *handle = sim_handle_find(sim_io_of(io), number);

    if (handle == NULL || handle->kind != SIM_HANDLE_STREAM || handle->is_closed_due) {
        return RT_GONE;
    }
    if (handle->writes_count == RT_STREAM_WRITES_MAX) {
        return RT_FULL;
    }
    handle->written += buf->size;
    handle->writes[handle->writes_count] = buf;
    handle->writes_end[handle->writes_count++] = handle->written;
    io->counters.bytes_out += buf->size;
    sim_end_write(handle->end, buf->data, buf->size);
    release_writes(handle);
    return RT_OK;
}

void sim_io_stream_pause(struct rt_io *io, rt_handle number, bool is_paused)
{
    struct sim_handle *handle = sim_handle_find(sim_io_of(io), number);

    if (handle == NULL || handle->kind == SIM_HANDLE_UDP) {
        return;
    }
    handle->is_paused = is_paused;
    if (!is_paused) {
        sim_handle_ready(handle);
    }
}

uint32_t sim_io_stream_pending(struct rt_io *io, rt_handle number)
{
    struct sim_handle *handle = sim_handle_find(sim_io_of(io), number);

    if (handle == NULL || handle->kind != SIM_HANDLE_STREAM || handle->end == NULL) {
        return 0;
    }
    return sim_end_unsent(handle->end);
}

/* ---- listeners ---- */

static void on_accept(void *arg, struct sim_end *end)
{
    struct sim_handle *listener = arg;
    struct sim_io *self = listener->self;
    rt_handle number;
    struct sim_handle *stream = sim_handle_new(self, SIM_HANDLE_STREAM, listener->owner, &number);

    if (stream == NULL) {
        sim_end_close(end, true);
        return;
    }
    stream->end = end;
    stream->is_open = true;
    stream->is_accept_due = true;
    sim_end_adopt(end, &stream_ops, stream);
    struct sim_accepted *item = calloc(1, sizeof(*item));
    RT_CHECK(item != NULL);
    item->stream = stream;
    if (listener->accepted_last != NULL) {
        listener->accepted_last->next = item;
    } else {
        listener->accepted_first = item;
    }
    listener->accepted_last = item;
    sim_handle_ready(listener);
}

static struct sim_handle *take_accepted(struct sim_handle *listener)
{
    struct sim_accepted *item = listener->accepted_first;
    struct sim_handle *stream = item->stream;

    listener->accepted_first = item->next;
    if (item->next == NULL) {
        listener->accepted_last = NULL;
    }
    free(item);
    return stream;
}

void sim_listener_deliver(struct sim_handle *listener)
{
    struct sim_io *self = listener->self;

    while (!listener->is_paused && listener->accepted_first != NULL) {
        struct sim_handle *stream = take_accepted(listener);
        rt_handle number = sim_handle_number(stream);
        struct rt_io_accepted msg = {
            .head = {.type = RT_IO_ACCEPTED, .size = sizeof(msg)},
            .listener = sim_handle_number(listener),
            .stream = number,
            .peer = *sim_end_peer(stream->end),
            .local = *sim_end_local(stream->end),
        };
        self->io.counters.streams_accepted++;
        stream->is_accept_due = false;
        bool is_alive = sim_handle_deliver(listener, &msg.head);
        stream = sim_handle_find(self, number);
        if (stream != NULL) {
            sim_handle_ready(stream); /* What arrived meanwhile, its end included. */
        }
        if (!is_alive) {
            return;
        }
    }
}

void sim_listener_end(struct sim_handle *listener)
{
    while (listener->accepted_first != NULL) {
        sim_handle_end(take_accepted(listener));
    }
    listener->is_paused = false;
    if (listener->listener != NULL) {
        sim_listener_close(listener->listener);
        listener->listener = NULL;
    }
}

rt_status sim_io_tcp_listen(struct rt_io *io, rt_ref owner, const struct rt_tcp_options *options,
                            rt_handle *out)
{
    struct sim_io *self = sim_io_of(io);
    struct sim_handle *handle = sim_handle_new(self, SIM_HANDLE_LISTENER, owner, out);

    if (handle == NULL) {
        return RT_FULL;
    }
    rt_status status = sim_listen(self->net, &options->local, options->reuse_port, on_accept,
                                  handle, &handle->listener);
    if (status != RT_OK) {
        handle->listener = NULL;
        sim_handle_end(handle);
    }
    return status;
}
