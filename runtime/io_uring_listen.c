/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runtime/io_uring_internal.h"

rt_status uring_tcp_listen(struct rt_io *io, rt_ref owner, const struct rt_tcp_options *options,
                           rt_handle *out)
{
    struct uring *u = uring_of(io);
    RT_CHECK(options->local.family == 4 || options->local.family == 6);
    int fd;
    rt_status status = uring_listen_socket(options, &fd);
    u->io.counters.syscalls += 6;
    if (status != RT_OK) {
        return status;
    }
    struct uring_handle *handle = uring_handle_new(u, URING_LISTENER, fd, owner);
    if (handle == NULL) {
        if (fd != options->adopt_fd) {
            close(fd);
        }
        return RT_FULL;
    }
    handle->tells_end = options->tells_end;
    uring_handle_list(u, handle);
    *out = uring_handle_name(u, handle);
    return RT_OK;
}

/* ---- resting: no descriptor, no stream or no memory is left ---- */

/* Accept ends for a moment: the queue of the kernel holds the clients meanwhile. Trying again at
 * once would spin, as the descriptor that is missing does not come back by trying. */
static void rest(struct uring *u, struct uring_handle *handle, const char *why)
{
    if (handle->rest_until_ns != 0) {
        return;
    }
    rt_log_limited(&u->accept_log, u->now_ns, RT_LOG_WARNING, "io",
                   "core %u: accepting connections rests: %s", u->core_index, why);
    handle->rest_until_ns = u->now_ns + RT_ACCEPT_REST_MS * RT_NS_PER_MS;
    rt_list_append(&u->resting, &handle->resting);
    uring_handle_list(u, handle);
}

static void end_rest(struct uring *u, struct uring_handle *handle)
{
    if (handle->rest_until_ns != 0) {
        handle->rest_until_ns = 0;
        rt_list_remove(&u->resting, &handle->resting);
        uring_handle_list(u, handle);
    }
}

static struct uring_handle *first_resting(const struct uring *u)
{
    return u->resting.first != NULL ? rt_container(u->resting.first, struct uring_handle, resting)
                                    : NULL;
}

/* All rest equally long: the first in the list is the first to end. */
void uring_listener_wake_rested(struct uring *u)
{
    struct uring_handle *handle;
    while ((handle = first_resting(u)) != NULL && handle->rest_until_ns <= u->now_ns) {
        end_rest(u, handle);
    }
}

uint64_t uring_listener_next_ns(const struct uring *u)
{
    const struct uring_handle *handle = first_resting(u);
    return handle != NULL ? handle->rest_until_ns : UINT64_MAX;
}

/* Without a free stream a client is better off in the kernel's queue than accepted and dropped. A
 * quarter of the streams is not for clients: what they ask may have to be asked over TCP. */
static bool rest_when_full(struct uring *u, struct uring_handle *handle)
{
    bool is_full = u->accepted_count >= u->accepted_max || u->streams.in_use == u->streams.count ||
                   u->io.counters.handles_open == u->handles_max;
    if (is_full) {
        rest(u, handle, "all streams are in use");
    }
    return is_full;
}

/* ---- accepting ---- */

static void tell_accepted(struct uring *u, struct uring_handle *listener,
                          struct uring_handle *stream)
{
    struct rt_io_accepted event = {
        .head = RT_MSG_INIT(RT_IO_ACCEPTED, struct rt_io_accepted),
        .listener = uring_handle_name(u, listener),
        .stream = uring_handle_name(u, stream),
        .peer = stream->stream->peer_addr,
        .local = stream->stream->local_addr,
    };
    uring_deliver(u, event.listener, listener->owner, &event.head);
    if (!listener->is_open) { /* Its owner is gone or closed it: the stream has no reader. */
        u->io.ops->close(&u->io, event.stream);
    }
    uring_handle_list(u, stream);
}

/* The kernel cannot tell addresses of a multishot accept; ask for them. */
static bool learn_addresses(int fd, struct uring_stream *stream)
{
    union uring_sockaddr addr;
    socklen_t size = sizeof(addr);
    if (getpeername(fd, &addr.any, &size) != 0) {
        return false; /* Gone already. */
    }
    uring_sockaddr_to(&addr, &stream->peer_addr);
    size = sizeof(addr);
    if (getsockname(fd, &addr.any, &size) != 0) {
        return false;
    }
    uring_sockaddr_to(&addr, &stream->local_addr);
    return true;
}

static void adopt(struct uring *u, struct uring_handle *listener, int fd)
{
    if (!listener->is_open) {
        uring_close_fd(u, fd);
        return;
    }
    if (fd >= u->accepted_fd_max) {
        uring_close_fd(u, fd);
        rest(u, listener, "connections use their share of the file descriptors");
        return;
    }
    struct uring_handle *handle = u->accepted_count < u->accepted_max
                                      ? uring_handle_new(u, URING_STREAM, fd, listener->owner)
                                      : NULL;
    if (handle == NULL) { /* Connections that came while accept was being stopped. */
        uring_close_fd(u, fd);
        rest(u, listener, "all streams are in use");
        return;
    }
    u->io.counters.syscalls += 2;
    handle->stream->is_accepted = true;
    u->accepted_count++;
    handle->stream->phase = URING_OPEN;
    handle->stream->tells_end = listener->tells_end;
    if (!learn_addresses(fd, handle->stream)) {
        uring_stream_close(u, handle);
        handle->is_open = false;
        uring_handle_list(u, handle);
        return;
    }
    u->io.counters.streams_accepted++;
    (void)rest_when_full(u, listener);
    if (listener->is_paused) { /* It was on its way when the pause began. */
        rt_list_append(&listener->held, &handle->stream->accepted);
        return;
    }
    tell_accepted(u, listener, handle);
}

void uring_listener_accepted(struct uring *u, struct uring_handle *handle,
                             const struct io_uring_cqe *cqe)
{
    if ((cqe->flags & IORING_CQE_F_MORE) == 0) {
        RT_CHECK(handle->in_flight > 0);
        handle->in_flight--;
        handle->is_armed = handle->is_cancelling = false;
        uring_handle_list(u, handle);
    }
    switch (-cqe->res) {
    case ECANCELED:
    case ECONNABORTED: /* The client left before we came. */
    case EINTR:
    case EAGAIN:
        return;
    default:
        break;
    }
    if (cqe->res >= 0) {
        adopt(u, handle, cqe->res);
    } else if (handle->is_open) {
        rest(u, handle, strerror(-cqe->res));
    }
}

/* ---- what is wanted ---- */

static bool arm(struct uring *u, struct uring_handle *handle)
{
    struct io_uring_sqe *sqe = uring_sqe(u);
    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_multishot_accept(sqe, handle->fd, NULL, NULL, SOCK_CLOEXEC);
    sqe->user_data = uring_data(URING_ACCEPT, uring_handle_index(u, handle));
    handle->is_armed = true;
    handle->in_flight++;
    return true;
}

static struct uring_handle *take_held(struct uring *u, struct uring_handle *handle)
{
    struct rt_node *node = rt_list_take(&handle->held);
    if (node == NULL) {
        return NULL;
    }
    return &u->handles[rt_container(node, struct uring_stream, accepted)->index];
}

static void tell_held(struct uring *u, struct uring_handle *handle)
{
    struct uring_handle *stream;
    while (handle->is_open && !handle->is_paused && (stream = take_held(u, handle)) != NULL) {
        tell_accepted(u, handle, stream);
    }
}

static void close_held(struct uring *u, struct uring_handle *handle)
{
    struct uring_handle *stream;
    while ((stream = take_held(u, handle)) != NULL) {
        u->io.ops->close(&u->io, uring_handle_name(u, stream));
    }
}

bool uring_listener_advance(struct uring *u, struct uring_handle *handle)
{
    tell_held(u, handle);
    if (!handle->is_open) {
        end_rest(u, handle);
        close_held(u, handle);
    }
    bool wants_more = handle->is_open && !handle->is_paused && handle->rest_until_ns == 0;
    if (wants_more && !rest_when_full(u, handle)) {
        return handle->is_armed || arm(u, handle);
    }
    if (handle->is_armed && !handle->is_cancelling) {
        handle->is_cancelling = uring_cancel(u, URING_ACCEPT, uring_handle_index(u, handle));
        return handle->is_cancelling;
    }
    if (!handle->is_open && handle->in_flight == 0 && !handle->is_listed) {
        uring_handle_release(u, handle);
    }
    return true;
}
