/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* fake_io (actors): tests/unit/runtime/fake_io.h with sockets. Nothing is connected to anything: a
 * test reads what an actor sent and says what arrives. One core, one world at a time. */

#include "tests/unit/runtime/fake_io.h"

enum { FAKE_SOCKETS = 128, FAKE_SENT = 512, FAKE_STREAM_BYTES = 1 << 18 };

struct fake_socket {
    rt_handle handle; /* 0: unused */
    rt_ref owner;
    struct rt_addr local, peer;
    bool is_open, is_stream, is_listener, is_paused;
    uint32_t queued_bufs; /* while `does_not_read` */
    uint32_t pending;
    bool does_not_read; /* the peer: what is written stays in the queue */
    uint8_t *written;
    uint32_t written_size, writes;
};

struct fake_sent {
    rt_handle handle;
    struct rt_addr peer, local;
    uint32_t size, call; /* `call`: which udp_send it was part of */
    uint8_t data[RT_DATAGRAM_BYTES_MAX];
};

static struct fake_net {
    struct rt_core *core;
    uint32_t sockets_count, sent_count, calls;
    rt_status open_status; /* of the next opens */
    uint32_t ports_in_use; /* so many udp_open fail with RT_IN_USE first */
    struct fake_socket sockets[FAKE_SOCKETS];
    struct fake_sent sent[FAKE_SENT];
} fake_net;

static inline struct fake_socket *fake_socket(rt_handle handle)
{
    for (uint32_t i = 0; i < fake_net.sockets_count; i++) {
        if (fake_net.sockets[i].handle == handle) {
            return &fake_net.sockets[i];
        }
    }
    return NULL;
}

static inline struct fake_socket *fake_socket_new(rt_ref owner)
{
    RT_CHECK(fake_net.sockets_count < FAKE_SOCKETS);
    struct fake_socket *socket = &fake_net.sockets[fake_net.sockets_count++];
    *socket = (struct fake_socket){
        .handle = 1000 + fake_net.sockets_count, .owner = owner, .is_open = true};
    return socket;
}

/* The newest open socket of a kind; NULL none. */
static inline struct fake_socket *fake_newest(bool is_stream)
{
    for (uint32_t i = fake_net.sockets_count; i > 0; i--) {
        struct fake_socket *socket = &fake_net.sockets[i - 1];
        if (socket->is_open && socket->is_stream == is_stream) {
            return socket;
        }
    }
    return NULL;
}

static inline uint32_t fake_open_count(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < fake_net.sockets_count; i++) {
        count += fake_net.sockets[i].is_open;
    }
    return count;
}

static inline rt_status fake_udp_open(struct rt_io *io, rt_ref owner,
                                      const struct rt_udp_options *options, rt_handle *out)
{
    (void)io;
    if (fake_net.ports_in_use > 0) {
        fake_net.ports_in_use--;
        return RT_IN_USE;
    }
    if (fake_net.open_status != RT_OK) {
        return fake_net.open_status;
    }
    struct fake_socket *socket = fake_socket_new(owner);
    socket->local = options->local;
    socket->peer = options->peer;
    *out = socket->handle;
    return RT_OK;
}

static inline void fake_udp_send(struct rt_io *io, rt_handle handle,
                                 const struct rt_datagram *items, uint32_t count)
{
    (void)io;
    struct fake_socket *socket = fake_socket(handle);
    fake_net.calls++;
    for (uint32_t i = 0; i < count && socket != NULL && socket->is_open; i++) {
        RT_CHECK(fake_net.sent_count < FAKE_SENT && items[i].size <= RT_DATAGRAM_BYTES_MAX);
        struct fake_sent *sent = &fake_net.sent[fake_net.sent_count++];
        sent->handle = handle;
        sent->peer = items[i].peer;
        sent->local = items[i].local;
        sent->size = items[i].size;
        sent->call = fake_net.calls;
        memcpy(sent->data, items[i].data, items[i].size);
    }
}

static inline rt_status fake_tcp_listen(struct rt_io *io, rt_ref owner,
                                        const struct rt_tcp_options *options, rt_handle *out)
{
    (void)io;
    if (fake_net.open_status != RT_OK) {
        return fake_net.open_status;
    }
    struct fake_socket *socket = fake_socket_new(owner);
    socket->local = options->local;
    socket->is_listener = true;
    *out = socket->handle;
    return RT_OK;
}

static inline rt_status fake_tcp_connect(struct rt_io *io, rt_ref owner,
                                         const struct rt_tcp_options *options, rt_handle *out)
{
    rt_status status = fake_tcp_listen(io, owner, options, out);
    if (status == RT_OK) {
        struct fake_socket *socket = fake_socket(*out);
        socket->is_listener = false;
        socket->is_stream = true;
        socket->peer = options->peer;
        socket->written = malloc(FAKE_STREAM_BYTES);
    }
    return status;
}

static inline rt_status fake_stream_write(struct rt_io *io, rt_handle handle, struct rt_buf *buf)
{
    (void)io;
    struct fake_socket *socket = fake_socket(handle);
    if (socket == NULL || !socket->is_open) {
        return RT_GONE;
    }
    if (socket->does_not_read && socket->queued_bufs == RT_STREAM_WRITES_MAX) {
        return RT_FULL;
    }
    RT_CHECK(socket->written_size + buf->size <= FAKE_STREAM_BYTES);
    memcpy(socket->written + socket->written_size, buf->data, buf->size);
    socket->written_size += buf->size;
    socket->writes++;
    if (socket->does_not_read) {
        socket->queued_bufs++;
        socket->pending += buf->size;
    }
    rt_buf_unref(rt_core_bufs(fake_net.core), buf);
    return RT_OK;
}

static inline void fake_stream_pause(struct rt_io *io, rt_handle handle, bool is_paused)
{
    (void)io;
    fake_socket(handle)->is_paused = is_paused;
}

static inline void fake_close(struct rt_io *io, rt_handle handle)
{
    (void)io;
    struct fake_socket *socket = fake_socket(handle);
    if (socket != NULL) {
        socket->is_open = false;
    }
}

static inline uint32_t fake_stream_pending(struct rt_io *io, rt_handle handle)
{
    (void)io;
    return fake_socket(handle)->pending;
}

/* A machine of one core whose io has sockets. */
static inline void fake_net_open(struct fake_world *world, void *services)
{
    static struct rt_io_ops ops;
    const struct rt_machine_options options = {
        .cores_count = 1,
        .bufs = {.small_count = 512, .large_count = 32, .huge_count = 4},
        .arena_small_count = 64,
        .arena_large_count = 8,
        .msgs_per_core = 2048,
        .timers_per_core = 512,
    };

    memset(&fake_net, 0, sizeof(fake_net));
    *world = (struct fake_world){.cores_count = 1};
    RT_CHECK(rt_machine_open(&world->machine, &options) == RT_OK);
    fake_net.core = rt_machine_core(world->machine, 0);
    struct fake_io *io = fake_io_new(world, 0);
    ops = *io->base.ops;
    ops.udp_open = fake_udp_open;
    ops.udp_send = fake_udp_send;
    ops.tcp_listen = fake_tcp_listen;
    ops.tcp_connect = fake_tcp_connect;
    ops.stream_write = fake_stream_write;
    ops.stream_pause = fake_stream_pause;
    ops.close = fake_close;
    ops.stream_pending = fake_stream_pending;
    io->base.ops = &ops;
    rt_core_attach(fake_net.core, &io->base, services);
}

static inline void fake_net_close(struct fake_world *world)
{
    rt_machine_close(world->machine);
    for (uint32_t i = 0; i < fake_net.sockets_count; i++) {
        free(fake_net.sockets[i].written);
    }
}

static inline void fake_pass(struct fake_world *world, uint64_t ms)
{
    fake_run_until(world, world->ios[0]->now_ns + ms * RT_NS_PER_MS);
}

/* ---- what arrives ---- */

static inline void fake_deliver(struct fake_world *world, rt_ref owner, struct rt_msg *msg)
{
    (void)rt_core_deliver(fake_net.core, owner, msg);
    fake_run(world);
}

static inline void fake_datagram(struct fake_world *world, rt_handle handle,
                                 const struct rt_addr *peer, const void *data, uint32_t size)
{
    static uint8_t copy[RT_DATAGRAM_BYTES_MAX];
    memcpy(copy, data, size);
    struct rt_datagram item = {.peer = *peer, .data = copy, .size = size};
    struct rt_io_datagrams msg = {
        .head = RT_MSG_INIT(RT_IO_DATAGRAMS, struct rt_io_datagrams),
        .handle = handle,
        .count = 1,
        .items = &item,
    };
    fake_deliver(world, fake_socket(handle)->owner, &msg.head);
}

static inline void fake_icmp(struct fake_world *world, rt_handle handle)
{
    struct rt_io_datagrams msg = {
        .head = RT_MSG_INIT(RT_IO_DATAGRAMS, struct rt_io_datagrams),
        .handle = handle,
        .why = RT_REFUSED,
    };
    fake_deliver(world, fake_socket(handle)->owner, &msg.head);
}

static inline struct fake_socket *fake_accept(struct fake_world *world, rt_handle listener,
                                              const struct rt_addr *peer)
{
    rt_ref owner = fake_socket(listener)->owner;
    struct fake_socket *socket = fake_socket_new(owner);
    socket->is_stream = true;
    socket->peer = *peer;
    socket->written = malloc(FAKE_STREAM_BYTES);
    struct rt_io_accepted msg = {
        .head = RT_MSG_INIT(RT_IO_ACCEPTED, struct rt_io_accepted),
        .listener = listener,
        .stream = socket->handle,
        .peer = *peer,
    };
    fake_deliver(world, owner, &msg.head);
    return socket;
}

static inline void fake_bytes(struct fake_world *world, struct fake_socket *socket,
                              const void *data, uint32_t size)
{
    static uint8_t copy[RT_STREAM_READ_BYTES];
    memcpy(copy, data, size);
    struct rt_io_read msg = {
        .head = RT_MSG_INIT(RT_IO_READ, struct rt_io_read),
        .handle = socket->handle,
        .data = copy,
        .size = size,
    };
    fake_deliver(world, socket->owner, &msg.head);
}

static inline void fake_stream_event(struct fake_world *world, struct fake_socket *socket,
                                     enum rt_io_msg_type type, rt_status why)
{
    struct rt_io_stream msg = {
        .head = {.type = (uint16_t)type, .size = sizeof(msg)},
        .handle = socket->handle,
        .why = why,
    };
    if (type == RT_IO_CLOSED) {
        socket->is_open = false;
    }
    if (type == RT_IO_WRITTEN) {
        socket->pending = socket->queued_bufs = 0;
    }
    fake_deliver(world, socket->owner, &msg.head);
}
