/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runtime/io_uring_internal.h"

/*   phases of a stream                 left by
 *
 *   CONNECTING -> OPEN, DEAD           connect's completion; close
 *   OPEN       -> DRAINING, DEAD       close or the peer's end: with writes queued or without;
 *   DRAINING   -> FINISHING, DEAD      the queue is empty; errors, the end of the linger time
 *   FINISHING  -> DEAD                 the peer's end, errors, the end of the linger time
 *   DEAD       -> (the slot is free)   nothing is in flight any more */

static bool is_lingering(const struct uring_stream *stream)
{
    return stream->phase == URING_DRAINING || stream->phase == URING_FINISHING;
}

static void drop_held(struct uring *u, struct uring_stream *stream)
{
    if (stream->has_held) {
        stream->has_held = false;
        u->held_count--;
        uring_buffer_return(u, URING_STREAMS, stream->held_buffer);
    }
}

static void die(struct uring *u, struct uring_handle *handle)
{
    struct uring_stream *stream = handle->stream;
    if (is_lingering(stream)) {
        rt_list_remove(&u->lingering, &stream->lingering);
    }
    stream->phase = URING_DEAD;
    uring_handle_list(u, handle);
}

/* The owner is done with the stream; what it queued still leaves. */
static void linger(struct uring *u, struct uring_handle *handle)
{
    struct uring_stream *stream = handle->stream;
    drop_held(u, stream);
    if (stream->phase != URING_OPEN || stream->queue_count == 0) {
        die(u, handle);
        return;
    }
    stream->phase = URING_DRAINING;
    stream->linger_until_ns = u->now_ns + RT_STREAM_LINGER_MS * RT_NS_PER_MS;
    rt_list_append(&u->lingering, &stream->lingering);
    uring_handle_list(u, handle);
}

void uring_stream_close(struct uring *u, struct uring_handle *handle)
{
    linger(u, handle);
}

/* Closing resets the connection: a peer that left our queue full for so long reads nothing, and the
 * kernel would keep what it has of it for many seconds more. */
static void forget_unsent(struct uring *u, struct uring_handle *handle)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (handle->stream->queue_count > 0) {
        u->io.counters.syscalls++;
        (void)setsockopt(handle->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
}

/* All linger equally long: the first in the list is the first to end. */
void uring_stream_end_lingering(struct uring *u)
{
    struct rt_node *first;
    while ((first = u->lingering.first) != NULL) {
        struct uring_stream *stream = rt_container(first, struct uring_stream, lingering);
        if (stream->linger_until_ns > u->now_ns) {
            return;
        }
        forget_unsent(u, &u->handles[stream->index]);
        die(u, &u->handles[stream->index]);
    }
}

static void tell(struct uring *u, struct uring_handle *handle, uint16_t type, rt_status why)
{
    struct rt_io_stream event = {
        .head = RT_MSG_INIT(type, struct rt_io_stream),
        .handle = uring_handle_name(u, handle),
        .why = why,
    };
    uring_deliver(u, event.handle, handle->owner, &event.head);
}

/* The peer or an error ended the stream: for the owner the handle is dead from here on. */
static void end(struct uring *u, struct uring_handle *handle, rt_status why)
{
    if (!handle->is_open) {
        die(u, handle);
        return;
    }
    handle->is_open = false;
    if (why == RT_CLOSED) {
        handle->stream->has_peer_finished = true;
        linger(u, handle);
    } else {
        die(u, handle);
    }
    tell(u, handle, RT_IO_CLOSED, why);
}

/* ---- the owner's calls ---- */

rt_status uring_tcp_connect(struct rt_io *io, rt_ref owner, const struct rt_tcp_options *options,
                            rt_handle *out)
{
    struct uring *u = uring_of(io);
    RT_CHECK(options->peer.family == 4 || options->peer.family == 6);
    int fd;
    rt_status status = uring_connect_socket(options, &fd);
    u->io.counters.syscalls += 4;
    if (status != RT_OK) {
        return status;
    }
    struct uring_handle *handle = uring_handle_new(u, URING_STREAM, fd, owner);
    if (handle == NULL) {
        close(fd);
        return RT_FULL;
    }
    handle->stream->phase = URING_CONNECTING;
    handle->stream->peer_addr = options->peer;
    uring_handle_list(u, handle);
    *out = uring_handle_name(u, handle);
    return RT_OK;
}

rt_status uring_stream_write(struct rt_io *io, rt_handle name, struct rt_buf *buf)
{
    struct uring *u = uring_of(io);
    struct uring_handle *handle = uring_handle_find(u, name, URING_STREAM);
    if (handle == NULL) {
        return RT_GONE;
    }
    struct uring_stream *stream = handle->stream;
    if (stream->queue_count == RT_STREAM_WRITES_MAX) {
        return RT_FULL;
    }
    uint32_t at = (stream->queue_head + stream->queue_count++) % RT_STREAM_WRITES_MAX;
    stream->queue[at] = buf;
    stream->pending_bytes += buf->size;
    uring_handle_list(u, handle);
    return RT_OK;
}

void uring_stream_pause(struct rt_io *io, rt_handle name, bool is_paused)
{
    struct uring *u = uring_of(io);
    struct uring_handle *handle = uring_handle_any(u, name);
    if (handle != NULL && handle->kind != URING_UDP && handle->is_paused != is_paused) {
        handle->is_paused = is_paused;
        uring_handle_list(u, handle);
    }
}

uint32_t uring_stream_pending(struct rt_io *io, rt_handle name)
{
    const struct uring_handle *handle = uring_handle_find(uring_of(io), name, URING_STREAM);
    return handle != NULL ? handle->stream->pending_bytes : 0;
}

/* ---- submissions ---- */

static bool submit_connect(struct uring *u, struct uring_handle *handle)
{
    struct io_uring_sqe *sqe = uring_sqe(u);
    if (sqe == NULL) {
        return false;
    }
    struct uring_stream *stream = handle->stream;
    socklen_t size = uring_sockaddr_from(&stream->peer, &stream->peer_addr);
    io_uring_prep_connect(sqe, handle->fd, &stream->peer.any, size);
    sqe->user_data = uring_data(URING_CONNECT, stream->index);
    stream->is_connecting = true;
    handle->is_armed = true;
    handle->in_flight++;
    return true;
}

/* One receive at a time: an idle connection holds no buffer, and after a pause at most one comes.
 */
static bool submit_receive(struct uring *u, struct uring_handle *handle)
{
    struct io_uring_sqe *sqe = uring_sqe(u);
    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_recv(sqe, handle->fd, NULL, RT_STREAM_READ_BYTES, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = URING_STREAMS;
    sqe->user_data = uring_data(URING_STREAM_RECV, handle->stream->index);
    handle->is_armed = true;
    handle->in_flight++;
    return true;
}

/* All that is queued in one submission. RFC7766-8: a length prefix shares its buf with the message,
 * so it also leaves in the same segment. */
static bool submit_send(struct uring *u, struct uring_handle *handle)
{
    struct io_uring_sqe *sqe = uring_sqe(u);
    if (sqe == NULL) {
        return false;
    }
    struct uring_stream *stream = handle->stream;
    for (uint32_t i = 0; i < stream->queue_count; i++) {
        struct rt_buf *buf = stream->queue[(stream->queue_head + i) % RT_STREAM_WRITES_MAX];
        uint32_t skip = i == 0 ? stream->sent_of_first : 0;
        stream->iov[i] = (struct iovec){buf->data + skip, buf->size - skip};
    }
    stream->msg = (struct msghdr){.msg_iov = stream->iov, .msg_iovlen = stream->queue_count};
    io_uring_prep_sendmsg(sqe, handle->fd, &stream->msg, MSG_NOSIGNAL);
    sqe->user_data = uring_data(URING_STREAM_SEND, stream->index);
    stream->is_sending = true;
    handle->in_flight++;
    return true;
}

static bool cancel_armed(struct uring *u, struct uring_handle *handle, enum uring_op op)
{
    if (handle->is_armed && !handle->is_cancelling) {
        handle->is_cancelling = uring_cancel(u, op, handle->stream->index);
        return handle->is_cancelling;
    }
    return true;
}

/* ---- what is wanted, phase by phase ---- */

static bool advance_connecting(struct uring *u, struct uring_handle *handle)
{
    return handle->is_armed || submit_connect(u, handle);
}

static void read_to_owner(struct uring *u, struct uring_handle *handle, uint16_t buffer,
                          uint32_t size)
{
    struct rt_io_read event = {
        .head = RT_MSG_INIT(RT_IO_READ, struct rt_io_read),
        .handle = uring_handle_name(u, handle),
        .data = uring_buffer(u, URING_STREAMS, buffer),
        .size = size,
    };
    uring_deliver(u, event.handle, handle->owner, &event.head);
    uring_buffer_return(u, URING_STREAMS, buffer);
}

static bool advance_open(struct uring *u, struct uring_handle *handle)
{
    struct uring_stream *stream = handle->stream;
    if (stream->has_held && !handle->is_paused) {
        stream->has_held = false;
        u->held_count--;
        read_to_owner(u, handle, stream->held_buffer, stream->held_size);
        if (stream->phase != URING_OPEN) {
            return true; /* It was closed in that turn, and is on the list again. */
        }
    }
    if (stream->queue_count > 0 && !stream->is_sending && !submit_send(u, handle)) {
        return false;
    }
    if (handle->is_paused) {
        return cancel_armed(u, handle, URING_STREAM_RECV);
    }
    return handle->is_armed || stream->has_peer_finished || submit_receive(u, handle);
}

static bool advance_lingering(struct uring *u, struct uring_handle *handle)
{
    struct uring_stream *stream = handle->stream;
    if (stream->queue_count > 0) {
        if (!stream->is_sending && !submit_send(u, handle)) {
            return false;
        }
    } else if (stream->has_peer_finished) {
        die(u, handle);
        return true;
    } else if (stream->phase == URING_DRAINING) {
        u->io.counters.syscalls++;
        (void)shutdown(handle->fd, SHUT_WR);
        stream->phase = URING_FINISHING;
    }
    /* What the peer still says is read and thrown away: unread, it would make the kernel send a
     * reset that can overtake our last answer. */
    return handle->is_armed || stream->has_peer_finished || submit_receive(u, handle);
}

static bool advance_dead(struct uring *u, struct uring_handle *handle)
{
    struct uring_stream *stream = handle->stream;
    enum uring_op armed = stream->is_connecting ? URING_CONNECT : URING_STREAM_RECV;
    if (!cancel_armed(u, handle, armed)) {
        return false;
    }
    if (stream->is_sending && !stream->is_send_cancelled) {
        stream->is_send_cancelled = uring_cancel(u, URING_STREAM_SEND, stream->index);
        return stream->is_send_cancelled;
    }
    if (handle->in_flight == 0 && !handle->is_listed) {
        uring_handle_release(u, handle);
    }
    return true;
}

bool uring_stream_advance(struct uring *u, struct uring_handle *handle)
{
    switch (handle->stream->phase) {
    case URING_CONNECTING:
        return advance_connecting(u, handle);
    case URING_OPEN:
        return advance_open(u, handle);
    case URING_DRAINING:
    case URING_FINISHING:
        return advance_lingering(u, handle);
    case URING_DEAD:
        return advance_dead(u, handle);
    }
    RT_UNREACHABLE("phase outside enum uring_phase");
}

/* ---- completions ---- */

static void disarm(struct uring *u, struct uring_handle *handle)
{
    RT_CHECK(handle->in_flight > 0 && handle->is_armed);
    handle->in_flight--;
    handle->is_armed = handle->is_cancelling = false;
    uring_handle_list(u, handle); /* To be armed again, or released. */
}

void uring_stream_connected(struct uring *u, struct uring_handle *handle, int result)
{
    struct uring_stream *stream = handle->stream;
    disarm(u, handle);
    stream->is_connecting = false;
    if (stream->phase != URING_CONNECTING) {
        return;
    }
    if (result < 0) {
        end(u, handle, uring_status(-result));
        return;
    }
    stream->phase = URING_OPEN;
    tell(u, handle, RT_IO_CONNECTED, RT_OK);
}

/* Bytes that crossed a pause wait in their buffer; the stream pays with its life when too many
 * do: buffers are common property. */
static void hold(struct uring *u, struct uring_handle *handle, uint16_t buffer, uint32_t size)
{
    struct uring_stream *stream = handle->stream;
    if (u->held_count >= u->held_max) {
        uring_buffer_return(u, URING_STREAMS, buffer);
        end(u, handle, RT_FULL);
        return;
    }
    u->held_count++;
    stream->has_held = true;
    stream->held_buffer = buffer;
    stream->held_size = size;
}

void uring_stream_received(struct uring *u, struct uring_handle *handle,
                           const struct io_uring_cqe *cqe)
{
    struct uring_stream *stream = handle->stream;
    disarm(u, handle);
    bool has_bytes = cqe->res > 0 && (cqe->flags & IORING_CQE_F_BUFFER) != 0;
    if (has_bytes) {
        u->io.counters.bytes_in += (uint32_t)cqe->res;
    }
    if (has_bytes && stream->phase == URING_OPEN) {
        if (handle->is_paused) {
            hold(u, handle, uring_buffer_of(cqe), (uint32_t)cqe->res);
        } else {
            read_to_owner(u, handle, uring_buffer_of(cqe), (uint32_t)cqe->res);
        }
        return;
    }
    uring_buffer_discard(u, URING_STREAMS, cqe);
    if (stream->phase == URING_DEAD || has_bytes) {
        return;
    }
    switch (-cqe->res) {
    case ECANCELED:
    case EINTR:
    case EAGAIN:
    case ENOBUFS: /* Other streams hold the buffers; they are back at the next poll. */
        return;
    case 0:
        stream->has_peer_finished = true;
        if (stream->phase == URING_OPEN && stream->tells_end) {
            tell(u, handle, RT_IO_ENDED, RT_OK);
        } else if (stream->phase == URING_OPEN) {
            end(u, handle, RT_CLOSED);
        }
        return;
    default:
        end(u, handle, uring_status(-cqe->res));
        return;
    }
}

/* Takes `size` sent bytes off the queue. */
static void take_off(struct uring *u, struct uring_stream *stream, uint32_t size)
{
    RT_CHECK(size <= stream->pending_bytes);
    stream->pending_bytes -= size;
    stream->sent_of_first += size;
    while (stream->queue_count > 0 &&
           stream->sent_of_first >= stream->queue[stream->queue_head]->size) {
        struct rt_buf *buf = stream->queue[stream->queue_head];
        stream->sent_of_first -= buf->size;
        stream->queue_head = (stream->queue_head + 1) % RT_STREAM_WRITES_MAX;
        stream->queue_count--;
        rt_buf_unref(u->bufs, buf);
    }
}

void uring_stream_sent(struct uring *u, struct uring_handle *handle, int result)
{
    struct uring_stream *stream = handle->stream;
    RT_CHECK(handle->in_flight > 0 && stream->is_sending);
    handle->in_flight--;
    stream->is_sending = false;
    uring_handle_list(u, handle);
    if (stream->phase == URING_DEAD || result == -EINTR || result == -EAGAIN) {
        return;
    }
    if (result < 0) {
        end(u, handle, uring_status(-result));
        return;
    }
    u->io.counters.bytes_out += (uint64_t)result;
    take_off(u, stream, (uint32_t)result);
    if (stream->queue_count == 0 && stream->phase == URING_OPEN && handle->is_open) {
        tell(u, handle, RT_IO_WRITTEN, RT_OK);
    }
}

/* ---- the end ---- */

void uring_stream_release(struct uring *u, struct uring_handle *handle)
{
    struct uring_stream *stream = handle->stream;
    drop_held(u, stream);
    if (is_lingering(stream)) {
        rt_list_remove(&u->lingering, &stream->lingering);
    }
    for (uint32_t i = 0; i < stream->queue_count; i++) {
        rt_buf_unref(u->bufs, stream->queue[(stream->queue_head + i) % RT_STREAM_WRITES_MAX]);
    }
    if (stream->is_accepted) {
        u->accepted_count--;
    }
    rt_pool_give(&u->streams, stream);
    handle->stream = NULL;
}

/* The core stops: what is queued and not in the kernel's hands yet has one try. */
void uring_stream_flush_at_exit(struct uring *u, struct uring_handle *handle)
{
    (void)u;
    struct uring_stream *stream = handle->stream;
    bool can_write = stream->phase == URING_OPEN || stream->phase == URING_DRAINING;
    for (uint32_t i = 0; can_write && !stream->is_sending && i < stream->queue_count; i++) {
        const struct rt_buf *buf = stream->queue[(stream->queue_head + i) % RT_STREAM_WRITES_MAX];
        uint32_t skip = i == 0 ? stream->sent_of_first : 0;
        ssize_t sent = send(handle->fd, buf->data + skip, buf->size - skip,
                            MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE);
        can_write = sent == (ssize_t)(buf->size - skip);
    }
}
