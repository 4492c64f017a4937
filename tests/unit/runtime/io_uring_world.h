/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* io_uring_world: one core with one actor on a real ring, run step by step by the test's own
 * thread; and plain sockets for the other side. For the tests of runtime/io_uring.h only. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/io_uring.h"

enum { PATIENCE_MS = 10000 }; /* Until a test gives up; a loaded machine is slow. */

/* All that the actor was told. */
struct seen {
    unsigned datagram_events, datagrams, batch_max, errors;
    rt_status error;
    struct rt_datagram last; /* without its bytes */
    uint8_t last_bytes[64];
    unsigned accepted, connected, reads, written, closed, ended, files;
    rt_handle stream; /* of the last accepted */
    struct rt_addr accepted_peer, accepted_local;
    rt_handle closed_handle;
    rt_status closed_why, file_status;
    uint64_t file_cookie;
    uint8_t *bytes; /* what streams read, appended */
    size_t bytes_size, bytes_capacity;
    uint8_t file[RT_BUF_HUGE_BYTES];
    uint32_t file_size;
};

struct world {
    struct rt_machine *machine;
    struct rt_core *core;
    struct rt_io *io;
    rt_ref actor;
    struct seen seen;
    bool is_echo;        /* datagrams go back, also bytes of streams */
    bool is_pausing;     /* each accept and each read pauses its handle */
    bool closes_at_read; /* a stream, when its first bytes come */
};

static void on_datagrams(struct world *world, const struct rt_io_datagrams *event)
{
    struct seen *seen = &world->seen;
    seen->datagram_events++;
    if (event->count == 0) {
        seen->errors++;
        seen->error = event->why;
        return;
    }
    assert_true(event->count <= RT_DATAGRAM_BATCH);
    seen->datagrams += event->count;
    seen->batch_max = event->count > seen->batch_max ? event->count : seen->batch_max;
    seen->last = event->items[event->count - 1];
    memcpy(seen->last_bytes, seen->last.data,
           seen->last.size < sizeof(seen->last_bytes) ? seen->last.size : sizeof(seen->last_bytes));
    if (world->is_echo) {
        world->io->ops->udp_send(world->io, event->handle, event->items, event->count);
    }
}

static void on_accepted(struct world *world, const struct rt_io_accepted *event)
{
    world->seen.accepted++;
    world->seen.stream = event->stream;
    world->seen.accepted_peer = event->peer;
    world->seen.accepted_local = event->local;
    if (world->is_pausing) {
        world->io->ops->stream_pause(world->io, event->listener, true);
    }
}

static void on_read(struct world *world, const struct rt_io_read *event)
{
    struct seen *seen = &world->seen;
    seen->reads++;
    assert_true(event->size > 0 && event->size <= RT_STREAM_READ_BYTES);
    assert_true(seen->bytes_size + event->size <= seen->bytes_capacity);
    memcpy(seen->bytes + seen->bytes_size, event->data, event->size);
    seen->bytes_size += event->size;
    if (world->is_pausing) {
        world->io->ops->stream_pause(world->io, event->handle, true);
    }
    if (world->is_echo) {
        struct rt_buf *buf = rt_buf_new(rt_core_bufs(world->core), event->size);
        assert_non_null(buf);
        memcpy(buf->data, event->data, event->size);
        buf->size = event->size;
        assert_int_equal(world->io->ops->stream_write(world->io, event->handle, buf), RT_OK);
    }
    if (world->closes_at_read) {
        world->io->ops->close(world->io, event->handle);
    }
}

static void on_file(struct world *world, const struct rt_io_file *event)
{
    struct seen *seen = &world->seen;
    seen->files++;
    seen->file_status = event->status;
    seen->file_cookie = event->head.cookie;
    seen->file_size = 0;
    if (event->head.buf != NULL) {
        seen->file_size = event->head.buf->size;
        memcpy(seen->file, event->head.buf->data, seen->file_size);
    }
}

static rt_status actor_start(struct rt_ctx *ctx, void *state, const void *args)
{
    (void)ctx;
    *(struct world **)state = *(struct world *const *)args;
    return RT_OK;
}

static void actor_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    (void)ctx;
    struct world *world = *(struct world **)state;
    struct seen *seen = &world->seen;
    switch (msg->type) {
    case RT_IO_DATAGRAMS:
        on_datagrams(world, (const struct rt_io_datagrams *)msg);
        return;
    case RT_IO_ACCEPTED:
        on_accepted(world, (const struct rt_io_accepted *)msg);
        return;
    case RT_IO_CONNECTED:
        seen->connected++;
        return;
    case RT_IO_READ:
        on_read(world, (const struct rt_io_read *)msg);
        return;
    case RT_IO_WRITTEN:
        seen->written++;
        return;
    case RT_IO_ENDED:
        seen->ended++;
        return;
    case RT_IO_CLOSED:
        seen->closed++;
        seen->closed_handle = ((const struct rt_io_stream *)msg)->handle;
        seen->closed_why = ((const struct rt_io_stream *)msg)->why;
        return;
    case RT_IO_FILE:
        on_file(world, (const struct rt_io_file *)msg);
        return;
    default:
        fail_msg("message of type %x", msg->type);
    }
}

static const char *actor_msg_name(uint16_t type)
{
    (void)type;
    return "io";
}

static const struct rt_actor_type actor_type = {
    .name = "witness",
    .state_size = sizeof(struct world *),
    .actors_max = 1,
    .mailbox_cap = 8,
    .restart = RT_RESTART_NEVER,
    .msg_name = actor_msg_name,
    .start = actor_start,
    .receive = actor_receive,
};

static inline void step(struct world *world, unsigned wait_ms)
{
    uint64_t now_ns = world->io->ops->now_ns(world->io);
    (void)rt_core_turn(world->core, wait_ms == 0 ? 0 : now_ns + wait_ms * RT_NS_PER_MS);
}

/* Runs the core until `condition` holds, or the test fails. */
#define UNTIL(world, condition)                                                                    \
    do {                                                                                           \
        uint64_t until_ns_ = (world)->io->ops->now_ns((world)->io) + PATIENCE_MS * RT_NS_PER_MS;   \
        while (!(condition)) {                                                                     \
            assert_true((world)->io->ops->now_ns((world)->io) < until_ns_);                        \
            step((world), 5);                                                                      \
        }                                                                                          \
    } while (0)

/* Runs the core for a while: what should not happen has its chance. */
static inline void settle(struct world *world, unsigned ms)
{
    uint64_t until_ns = world->io->ops->now_ns(world->io) + ms * RT_NS_PER_MS;
    while (world->io->ops->now_ns(world->io) < until_ns) {
        step(world, 2);
    }
}

static inline void world_open(struct world *world, const struct rt_io_uring_options *options)
{
    memset(world, 0, sizeof(*world));
    world->seen.bytes_capacity = 4 * 1024 * 1024;
    world->seen.bytes = malloc(world->seen.bytes_capacity);
    const struct rt_machine_options machine = {
        .cores_count = 1,
        .bufs = {.small_count = 256, .large_count = 64, .huge_count = 64},
        .arena_small_count = 8,
        .arena_large_count = 2,
        .msgs_per_core = 256,
        .timers_per_core = 256,
    };
    assert_int_equal(rt_machine_open(&world->machine, &machine), RT_OK);
    world->core = rt_machine_core(world->machine, 0);
    assert_int_equal(rt_io_uring_open(&world->io, world->core, 0, options), RT_OK);
    rt_core_attach(world->core, world->io, NULL);
    static struct world *args;
    args = world;
    assert_int_equal(rt_core_cast(world->core, &actor_type, &args, RT_REF_NONE, &world->actor),
                     RT_OK);
    step(world, 0);
}

static inline void world_close(struct world *world)
{
    rt_machine_close(world->machine);
    free(world->seen.bytes);
}

/* ---- the other side ---- */

static inline struct rt_addr loopback(unsigned last, uint16_t port)
{
    return (struct rt_addr){.family = 4, .port = port, .ip = {127, 0, 0, (uint8_t)last}};
}

static inline struct sockaddr_in sockaddr_of(unsigned last, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(0x7F000000u | last),
    };
}

static inline uint16_t port_of(int fd)
{
    struct sockaddr_in6 addr;
    socklen_t size = sizeof(addr);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &size), 0);
    return ntohs(addr.sin6_port); /* At the same place in both families. */
}

/* A socket bound to an ephemeral port of 127.0.0.1; listening when it is a stream. */
static inline int peer_socket(int type)
{
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = sockaddr_of(1, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    if (type == SOCK_STREAM) {
        assert_int_equal(listen(fd, 64), 0);
    }
    return fd;
}

/* A port of 127.0.0.1 on which nobody is. */
static inline uint16_t dead_port(int type)
{
    int fd = peer_socket(type);
    uint16_t port = port_of(fd);
    close(fd);
    return port;
}

static inline bool is_readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

static inline unsigned open_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 4096; fd++) {
        struct pollfd poll_fd = {.fd = fd};
        count += poll(&poll_fd, 1, 0) >= 0 && (poll_fd.revents & POLLNVAL) == 0;
    }
    return count;
}
