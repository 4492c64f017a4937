/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/io_uring_internal.h"

/* From this many replies on, one sendmmsg is cheaper than a copy, a submission and a completion for
 * each. Below it the ring saves the system call. */
enum { SEND_DIRECTLY_FROM = 4 };

static const uint32_t none = UINT32_MAX;

/* ---- opening ---- */

/* Where the socket is bound, for datagrams that do not say it themselves. */
static void learn_local(struct uring_handle *handle)
{
    union uring_sockaddr bound;
    socklen_t size = sizeof(bound);
    struct rt_addr local = {0};
    if (getsockname(handle->fd, &bound.any, &size) == 0) {
        uring_sockaddr_to(&bound, &local);
    }
    handle->port = local.port;
    if (!rt_addr_is_any(&local)) {
        handle->local = local;
    }
}

rt_status uring_udp_open(struct rt_io *io, rt_ref owner, const struct rt_udp_options *options,
                         rt_handle *out)
{
    struct uring *u = uring_of(io);
    RT_CHECK(options->local.family == 4 || options->local.family == 6);
    RT_CHECK(options->peer.family == 0 || options->peer.family == options->local.family);
    int fd;
    rt_status status = uring_udp_socket(options, &fd);
    u->io.counters.syscalls += 4;
    if (status != RT_OK) {
        return status;
    }
    struct uring_handle *handle = uring_handle_new(u, URING_UDP, fd, owner);
    if (handle == NULL) {
        if (fd != options->adopt_fd) {
            close(fd);
        }
        return RT_FULL;
    }
    handle->is_connected = options->peer.family != 0;
    handle->wants_local = options->wants_local;
    if (!handle->is_connected) {
        learn_local(handle);
    }
    uring_handle_list(u, handle);
    *out = uring_handle_name(u, handle);
    return RT_OK;
}

/* ---- sending ---- */

rt_status uring_udp_slots_open(struct uring *u)
{
    u->slots = calloc(RT_URING_SEND_SLOTS, sizeof(*u->slots));
    if (u->slots == NULL) {
        return RT_NO_MEMORY;
    }
    for (uint32_t i = 0; i < RT_URING_SEND_SLOTS; i++) {
        u->slots[i].next_free = i + 1 < RT_URING_SEND_SLOTS ? i + 1 : none;
    }
    u->free_slot = 0;
    return RT_OK;
}

/* Fills `msg`; `iov`, `peer` and `control` are what it points to. */
static void address(const struct uring_handle *handle, const struct rt_datagram *item,
                    struct msghdr *msg, union uring_sockaddr *peer, uint8_t *control)
{
    *msg = (struct msghdr){0};
    if (handle->is_connected) {
        return;
    }
    msg->msg_name = peer;
    msg->msg_namelen = uring_sockaddr_from(peer, &item->peer);
    if (handle->wants_local && item->local.family == item->peer.family) {
        msg->msg_control = control;
        msg->msg_controllen = uring_control_from(control, &item->local);
    }
}

/* What was lost is counted; on a connected socket it may be news of the peer. */
static void note_lost(struct uring *u, struct uring_handle *handle, int error)
{
    u->io.counters.datagrams_lost++;
    if (!handle->is_open || !handle->is_connected || handle->notice != RT_OK) {
        return;
    }
    rt_status status = uring_status(error);
    if (status == RT_DENIED) { /* A packet filter of this host rejects it. */
        status = RT_NO_ROUTE;
    }
    if (status == RT_REFUSED || status == RT_NO_ROUTE) {
        handle->notice = status;
        uring_handle_list(u, handle);
    }
}

static void send_directly(struct uring *u, struct uring_handle *handle,
                          const struct rt_datagram *items, uint32_t count)
{
    struct mmsghdr messages[RT_DATAGRAM_BATCH];
    struct iovec iovs[RT_DATAGRAM_BATCH];
    union uring_sockaddr peers[RT_DATAGRAM_BATCH];
    _Alignas(8) uint8_t controls[RT_DATAGRAM_BATCH][URING_CONTROL_BYTES];
    for (uint32_t i = 0; i < count; i++) {
        address(handle, &items[i], &messages[i].msg_hdr, &peers[i], controls[i]);
        iovs[i] = (struct iovec){items[i].data, items[i].size};
        messages[i].msg_hdr.msg_iov = &iovs[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    uint32_t at = 0;
    while (at < count) {
        int sent = sendmmsg(handle->fd, messages + at, count - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        u->io.counters.syscalls++;
        if (sent > 0) {
            for (uint32_t i = 0; i < (uint32_t)sent; i++, at++) {
                u->io.counters.datagrams_out++;
                u->io.counters.bytes_out += items[at].size;
            }
        } else if (errno == EAGAIN || errno == ENOBUFS) { /* No room for any of them. */
            u->io.counters.datagrams_lost += count - at;
            return;
        } else if (errno != EINTR) { /* This one is lost, the others have their chance. */
            note_lost(u, handle, errno);
            at++;
        }
    }
}

static struct uring_send_slot *take_slot(struct uring *u)
{
    if (u->free_slot == none) {
        return NULL;
    }
    struct uring_send_slot *slot = &u->slots[u->free_slot];
    u->free_slot = slot->next_free;
    slot->is_used = true;
    return slot;
}

static void give_slot(struct uring *u, struct uring_send_slot *slot)
{
    slot->is_used = false;
    slot->next_free = u->free_slot;
    u->free_slot = (uint32_t)(slot - u->slots);
}

/* False: no slot or no submission is free. */
static bool send_by_ring(struct uring *u, struct uring_handle *handle,
                         const struct rt_datagram *item)
{
    struct uring_send_slot *slot = take_slot(u);
    if (slot == NULL) {
        return false;
    }
    struct io_uring_sqe *sqe = uring_sqe(u);
    if (sqe == NULL) {
        give_slot(u, slot);
        return false;
    }
    address(handle, item, &slot->msg, &slot->peer, slot->control);
    memcpy(slot->data, item->data, item->size);
    slot->iov = (struct iovec){slot->data, item->size};
    slot->msg.msg_iov = &slot->iov;
    slot->msg.msg_iovlen = 1;
    slot->handle_index = uring_handle_index(u, handle);
    slot->submission = u->submissions;
    handle->in_flight++;
    io_uring_prep_sendmsg(sqe, handle->fd, &slot->msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    sqe->user_data = uring_data(URING_UDP_SEND, (uint32_t)(slot - u->slots));
    return true;
}

void uring_udp_send(struct rt_io *io, rt_handle name, const struct rt_datagram *items,
                    uint32_t count)
{
    struct uring *u = uring_of(io);
    RT_CHECK(count <= RT_DATAGRAM_BATCH);
    struct uring_handle *handle = uring_handle_find(u, name, URING_UDP);
    if (handle == NULL) {
        return;
    }
    if (count >= SEND_DIRECTLY_FROM) {
        send_directly(u, handle, items, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].size > RT_DATAGRAM_BYTES_MAX || !send_by_ring(u, handle, &items[i])) {
            send_directly(u, handle, &items[i], 1);
        }
    }
}

void uring_udp_sent(struct uring *u, uint32_t slot_index, int result)
{
    struct uring_send_slot *slot = &u->slots[slot_index];
    struct uring_handle *handle = &u->handles[slot->handle_index];
    RT_CHECK(slot->is_used && handle->in_flight > 0);
    handle->in_flight--;
    if (result >= 0) {
        u->io.counters.datagrams_out++;
        u->io.counters.bytes_out += (uint64_t)result;
    } else {
        note_lost(u, handle, -result);
    }
    if (!handle->is_open) {
        uring_handle_list(u, handle);
    }
    give_slot(u, slot);
}

/* The last answers of a core that stops: what no poll submitted any more. */
void uring_udp_slots_close(struct uring *u)
{
    for (uint32_t i = 0; u->slots != NULL && i < RT_URING_SEND_SLOTS; i++) {
        struct uring_send_slot *slot = &u->slots[i];
        if (slot->is_used && slot->submission == u->submissions) {
            (void)!sendmsg(u->handles[slot->handle_index].fd, &slot->msg,
                           MSG_DONTWAIT | MSG_NOSIGNAL);
        }
    }
    free(u->slots);
    u->slots = NULL;
}

/* ---- receiving ---- */

/* A listener's receive is armed once for any number of datagrams. A connected socket expects one
 * reply and is closed after it: a single receive then has ended by itself, so that closing needs no
 * cancellation. */
static bool arm(struct uring *u, struct uring_handle *handle)
{
    struct io_uring_sqe *sqe = uring_sqe(u);
    if (sqe == NULL) {
        return false;
    }
    if (handle->is_connected) {
        io_uring_prep_recv(sqe, handle->fd, NULL, URING_DATAGRAM_BUFFER_BYTES, 0);
    } else {
        u->recvmsg_shape = (struct msghdr){
            .msg_namelen = URING_NAME_BYTES,
            .msg_controllen = URING_CONTROL_BYTES,
        };
        io_uring_prep_recvmsg_multishot(sqe, handle->fd, &u->recvmsg_shape, 0);
    }
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = URING_DATAGRAMS;
    sqe->user_data = uring_data(URING_UDP_RECV, uring_handle_index(u, handle));
    handle->is_armed = true;
    handle->in_flight++;
    return true;
}

static void tell_error(struct uring *u, struct uring_handle *handle, rt_status why)
{
    struct rt_io_datagrams event = {
        .head = RT_MSG_INIT(RT_IO_DATAGRAMS, struct rt_io_datagrams),
        .handle = uring_handle_name(u, handle),
        .why = why,
    };
    uring_deliver(u, event.handle, handle->owner, &event.head);
}

static void tell_notice(struct uring *u, struct uring_handle *handle)
{
    rt_status why = handle->notice;
    if (why == RT_OK) {
        return;
    }
    handle->notice = RT_OK;
    if (handle->is_open) {
        tell_error(u, handle, why);
    }
}

bool uring_udp_advance(struct uring *u, struct uring_handle *handle)
{
    tell_notice(u, handle);
    if (handle->is_open) {
        return handle->is_armed || arm(u, handle);
    }
    if (handle->is_armed && !handle->is_cancelling) {
        handle->is_cancelling = uring_cancel(u, URING_UDP_RECV, uring_handle_index(u, handle));
        return handle->is_cancelling;
    }
    if (handle->in_flight == 0 && !handle->is_listed) {
        uring_handle_release(u, handle);
    }
    return true;
}

static void flush(struct uring *u, struct uring_batch *batch)
{
    struct rt_io_datagrams event = {
        .head = RT_MSG_INIT(RT_IO_DATAGRAMS, struct rt_io_datagrams),
        .handle = batch->handle,
        .count = batch->count,
        .items = batch->items,
    };
    uint32_t count = batch->count;
    const struct uring_handle *handle = uring_handle_find(u, batch->handle, URING_UDP);
    if (handle != NULL && count > 0) {
        uring_deliver(u, batch->handle, handle->owner, &event.head);
    }
    for (uint32_t i = 0; i < count; i++) {
        uring_buffer_return(u, URING_DATAGRAMS, batch->buffers[i]);
    }
    batch->count = 0;
    batch->handle = RT_HANDLE_NONE;
}

void uring_udp_flush(struct uring *u)
{
    for (unsigned i = 0; i < URING_BATCHES; i++) {
        if (u->batches[i].handle != RT_HANDLE_NONE) {
            flush(u, &u->batches[i]);
        }
    }
}

/* The batch of this handle; another one's is delivered early when all are taken. */
static struct uring_batch *batch_of(struct uring *u, rt_handle name)
{
    struct uring_batch *free_batch = NULL;
    for (unsigned i = 0; i < URING_BATCHES; i++) {
        if (u->batches[i].handle == name) {
            return &u->batches[i];
        }
        if (u->batches[i].handle == RT_HANDLE_NONE) {
            free_batch = &u->batches[i];
        }
    }
    if (free_batch == NULL) {
        free_batch = &u->batches[u->next_batch++ % URING_BATCHES];
        flush(u, free_batch);
    }
    free_batch->handle = name;
    return free_batch;
}

/* Takes a buffer of the multishot receive apart. False: the kernel wrote no datagram into it. */
static bool take_apart(struct uring *u, struct uring_handle *handle, uint8_t *buffer, int size,
                       struct rt_datagram *item)
{
    struct io_uring_recvmsg_out *out = io_uring_recvmsg_validate(buffer, size, &u->recvmsg_shape);
    if (out == NULL || out->namelen > sizeof(union uring_sockaddr) ||
        out->controllen > URING_CONTROL_BYTES) {
        return false;
    }
    union uring_sockaddr peer;
    memcpy(&peer, io_uring_recvmsg_name(out), sizeof(peer));
    uint8_t *payload = io_uring_recvmsg_payload(out, &u->recvmsg_shape);
    uint32_t payload_size = (uint32_t)(buffer + size - payload);
    *item = (struct rt_datagram){
        .local = handle->local,
        .data = payload,
        .size = payload_size < RT_DATAGRAM_BYTES_MAX ? payload_size : RT_DATAGRAM_BYTES_MAX,
        .is_cut = (out->flags & MSG_TRUNC) != 0 || payload_size > RT_DATAGRAM_BYTES_MAX,
    };
    uring_sockaddr_to(&peer, &item->peer);
    if (handle->wants_local) {
        struct msghdr msg = {
            .msg_control = payload - URING_CONTROL_BYTES,
            .msg_controllen = out->controllen,
        };
        uring_control_to(&msg, handle->port, &item->local);
    }
    return item->peer.family != 0;
}

static void take_from_listener(struct uring *u, struct uring_handle *handle,
                               const struct io_uring_cqe *cqe)
{
    uint16_t index = uring_buffer_of(cqe);
    uint8_t *buffer = uring_buffer(u, URING_DATAGRAMS, index);
    struct rt_datagram item;
    if (!take_apart(u, handle, buffer, cqe->res, &item)) {
        uring_buffer_return(u, URING_DATAGRAMS, index);
        return;
    }
    u->io.counters.datagrams_in++;
    u->io.counters.bytes_in += item.size;
    struct uring_batch *batch = batch_of(u, uring_handle_name(u, handle));
    batch->items[batch->count] = item;
    batch->buffers[batch->count++] = index;
    if (batch->count == RT_DATAGRAM_BATCH) {
        flush(u, batch);
    }
}

static void take_from_peer(struct uring *u, struct uring_handle *handle,
                           const struct io_uring_cqe *cqe)
{
    uint16_t index = uring_buffer_of(cqe);
    uint32_t size = (uint32_t)cqe->res;
    struct rt_datagram item = {
        .data = uring_buffer(u, URING_DATAGRAMS, index),
        .size = size < RT_DATAGRAM_BYTES_MAX ? size : RT_DATAGRAM_BYTES_MAX,
        .is_cut = size > RT_DATAGRAM_BYTES_MAX, /* The buffer is longer than that. */
    };
    u->io.counters.datagrams_in++;
    u->io.counters.bytes_in += item.size;
    struct rt_io_datagrams event = {
        .head = RT_MSG_INIT(RT_IO_DATAGRAMS, struct rt_io_datagrams),
        .handle = uring_handle_name(u, handle),
        .count = 1,
        .items = &item,
    };
    uring_deliver(u, event.handle, handle->owner, &event.head);
    uring_buffer_return(u, URING_DATAGRAMS, index);
}

static void receive_failed(struct uring *u, struct uring_handle *handle, int error)
{
    rt_status why = uring_status(error);
    if (handle->is_connected && (why == RT_REFUSED || why == RT_NO_ROUTE)) {
        tell_error(u, handle, why);
    } else if (error != ENOBUFS && error != ECANCELED && error != EINTR && error != EAGAIN) {
        u->io.counters.datagrams_lost++; /* Nothing an owner could act upon; go on reading. */
    }
}

void uring_udp_received(struct uring *u, struct uring_handle *handle,
                        const struct io_uring_cqe *cqe)
{
    if ((cqe->flags & IORING_CQE_F_MORE) == 0) {
        RT_CHECK(handle->in_flight > 0);
        handle->in_flight--;
        handle->is_armed = handle->is_cancelling = false;
        uring_handle_list(u, handle); /* To be armed again, or released. */
    }
    if (!handle->is_open || cqe->res < 0 || (cqe->flags & IORING_CQE_F_BUFFER) == 0) {
        uring_buffer_discard(u, URING_DATAGRAMS, cqe);
        if (handle->is_open && cqe->res < 0) {
            receive_failed(u, handle, -cqe->res);
        }
        return;
    }
    if (handle->is_connected) {
        take_from_peer(u, handle, cqe);
    } else {
        take_from_listener(u, handle, cqe);
    }
}
