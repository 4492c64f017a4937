/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/runtime/io_uring_world.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* On an ephemeral port: bound outside and adopted, so that the test knows the port. */
static rt_handle open_listener(struct world *world, uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = sockaddr_of(1, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    *port = port_of(fd);
    const struct rt_tcp_options options = {.local = loopback(1, *port), .adopt_fd = fd};
    rt_handle handle;
    assert_int_equal(world->io->ops->tcp_listen(world->io, world->actor, &options, &handle), RT_OK);
    step(world, 0);
    return handle;
}

static int connect_to(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = sockaddr_of(1, port);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

/* A client with an accepted stream of the world. */
static int accept_one(struct world *world, uint16_t port)
{
    unsigned before = world->seen.accepted;
    int client = connect_to(port);
    UNTIL(world, world->seen.accepted == before + 1);
    return client;
}

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 31 + at / 251);
}

static rt_status write_pattern(struct world *world, rt_handle stream, uint32_t size, size_t *at)
{
    struct rt_buf *buf = rt_buf_new(rt_core_bufs(world->core), size);
    assert_non_null(buf);
    for (uint32_t i = 0; i < size; i++) {
        buf->data[i] = pattern(*at + i);
    }
    buf->size = size;
    rt_status status = world->io->ops->stream_write(world->io, stream, buf);
    if (status == RT_OK) {
        *at += size;
    } else {
        rt_buf_unref(rt_core_bufs(world->core), buf);
    }
    return status;
}

/* Reads what is there; returns false at the end of the stream. */
static bool read_pattern(int fd, size_t most, size_t *at)
{
    static uint8_t bytes[65536];
    ssize_t got = recv(fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes), MSG_DONTWAIT);
    if (got < 0) {
        assert_int_equal(errno, EAGAIN); /* Above all no ECONNRESET. */
        return true;
    }
    for (size_t i = 0; i < (size_t)got; i++) {
        assert_int_equal(bytes[i], pattern(*at + i));
    }
    *at += (size_t)got;
    return got > 0;
}

static void set_int(int fd, int level, int name, int value)
{
    assert_int_equal(setsockopt(fd, level, name, &value, sizeof(value)), 0);
}

/* The plain life of a connection, with what each side knows of the other. */
static void stream_is_accepted_echoed_and_closed_in_order(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    world.is_echo = true;
    open_listener(&world, &port);
    int client = accept_one(&world, port);
    struct rt_addr expected = loopback(1, port_of(client));
    assert_true(rt_addr_equal(&world.seen.accepted_peer, &expected));
    expected = loopback(1, port);
    assert_true(rt_addr_equal(&world.seen.accepted_local, &expected));
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(send(client, "question", 8, 0), 8);
        UNTIL(&world, is_readable(client));
        char text[16];
        assert_int_equal(recv(client, text, sizeof(text), 0), 8);
        assert_memory_equal(text, "question", 8);
    }
    UNTIL(&world, world.seen.written == 5);
    close(client);
    UNTIL(&world, world.seen.closed == 1);
    assert_int_equal(world.seen.closed_why, RT_CLOSED);
    assert_int_equal(world.seen.closed_handle, world.seen.stream);
    UNTIL(&world, world.io->counters.handles_open == 1);
    world_close(&world);
}

/* Each core listens for itself on the common port; nobody else may. */
static void listeners_share_a_port_only_when_told_to(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    uint16_t port = dead_port(SOCK_STREAM);
    struct rt_tcp_options options = {
        .local = loopback(1, port), .adopt_fd = -1, .reuse_port = true, .backlog = 16};
    rt_handle handles[3];
    assert_int_equal(world.io->ops->tcp_listen(world.io, world.actor, &options, &handles[0]),
                     RT_OK);
    assert_int_equal(world.io->ops->tcp_listen(world.io, world.actor, &options, &handles[1]),
                     RT_OK);
    options.reuse_port = false;
    unsigned descriptors = open_descriptors();
    assert_int_equal(world.io->ops->tcp_listen(world.io, world.actor, &options, &handles[2]),
                     RT_IN_USE);
    assert_int_equal(open_descriptors(), descriptors);
    close(accept_one(&world, port));
    world_close(&world);
}

/* RFC7766-8: small answers must not wait for an acknowledgement (Nagle). */
static void accepted_streams_have_no_delay(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    open_listener(&world, &port);
    int client = accept_one(&world, port);
    unsigned found = 0;
    for (int fd = 3; fd < 64; fd++) {
        int no_delay = 0, user_timeout = 0;
        socklen_t size = sizeof(int);
        struct sockaddr_in peer;
        socklen_t peer_size = sizeof(peer);
        if (fd != client && getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0 &&
            ntohs(peer.sin_port) == port_of(client)) {
            getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size);
            getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, &size);
            assert_int_equal(no_delay, 1);
            assert_int_equal(user_timeout, RT_STREAM_USER_TIMEOUT_MS);
            found++;
        }
    }
    assert_int_equal(found, 1);
    close(client);
    world_close(&world);
}

/* A client that reads slowly makes writes partial; order and content must survive, the bound must
 * hold, and the owner must learn when it may go on. */
static void slow_reader_gets_every_byte_and_the_queue_is_bounded(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    open_listener(&world, &port);
    int client = accept_one(&world, port);
    set_int(client, SOL_SOCKET, SO_RCVBUF, 256 * 1024);
    size_t written = 0, got = 0;
    rt_status status = RT_OK;
    for (unsigned i = 0; status == RT_OK; i++) {
        assert_true(i < 60); /* The kernel's queues are finite, and so is ours. */
        status = write_pattern(&world, world.seen.stream, 60 * 1024 + i, &written);
        if (i % 8 == 0) {
            settle(&world, 10);
        }
    }
    assert_int_equal(status, RT_FULL);
    uint32_t pending = world.io->ops->stream_pending(world.io, world.seen.stream);
    assert_true(pending > 0 && pending <= written);
    unsigned before = world.seen.written;
    while (got < written) {
        assert_true(read_pattern(client, 7777, &got));
        step(&world, 0);
        uint32_t left = world.io->ops->stream_pending(world.io, world.seen.stream);
        assert_true(left <= pending);
        pending = left;
    }
    UNTIL(&world, world.seen.written == before + 1);
    assert_int_equal(world.io->ops->stream_pending(world.io, world.seen.stream), 0);
    assert_int_equal(rt_buf_pool_in_use(rt_core_bufs(world.core)), 0);
    close(client);
    world_close(&world);
}

/* Back-pressure: a paused stream delivers nothing, the kernel's window closes, and after the pause
 * every byte comes in order. */
static void paused_stream_delivers_nothing_until_resumed(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    world.is_pausing = true;
    rt_handle listener = open_listener(&world, &port);
    int client = accept_one(&world, port);
    assert_int_equal(fcntl(client, F_SETFL, O_NONBLOCK), 0);
    world.io->ops->stream_pause(world.io, listener, false);
    size_t sent = 0;
    static uint8_t bytes[100000];
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)i;
    }
    for (unsigned round = 0; round < 200; round++) {
        unsigned before = world.seen.reads;
        if (sent < sizeof(bytes)) {
            ssize_t size = send(client, bytes + sent, sizeof(bytes) - sent, 0);
            sent += size > 0 ? (size_t)size : 0;
        }
        settle(&world, 2);
        assert_true(world.seen.reads <= before + 1); /* Each read pauses. */
        before = world.seen.reads;
        settle(&world, 2);
        assert_int_equal(world.seen.reads, before);
        world.io->ops->stream_pause(world.io, world.seen.stream, false);
        if (world.seen.bytes_size == sizeof(bytes)) {
            break;
        }
    }
    assert_int_equal(world.seen.bytes_size, sizeof(bytes));
    assert_memory_equal(world.seen.bytes, bytes, sizeof(bytes));
    close(client);
    world_close(&world);
}

/* Bytes may be on their way when the pause begins, with the receive armed: they must wait. */
static void bytes_that_cross_a_pause_are_kept(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    open_listener(&world, &port);
    int client = accept_one(&world, port);
    for (unsigned round = 0; round < 50; round++) {
        step(&world, 0);
        step(&world, 0); /* The receive is armed. */
        assert_int_equal(send(client, &round, sizeof(round), 0), sizeof(round));
        world.io->ops->stream_pause(world.io, world.seen.stream, true);
        unsigned before = world.seen.reads;
        settle(&world, 3);
        assert_int_equal(world.seen.reads, before);
        if (round % 2 == 0) { /* Pause, resume, pause within one turn is a pause. */
            world.io->ops->stream_pause(world.io, world.seen.stream, false);
            world.io->ops->stream_pause(world.io, world.seen.stream, true);
            settle(&world, 3);
            assert_int_equal(world.seen.reads, before);
        }
        world.io->ops->stream_pause(world.io, world.seen.stream, false);
        UNTIL(&world, world.seen.bytes_size == (round + 1) * sizeof(round));
        assert_memory_equal(world.seen.bytes + round * sizeof(round), &round, sizeof(round));
    }
    close(client);
    world_close(&world);
}

/* The last answer before we close must arrive whole, even to a client that has sent more than we
 * read: a reset would throw it away. */
static void close_lets_queued_writes_leave(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    open_listener(&world, &port);
    int client = accept_one(&world, port);
    size_t written = 0, got = 0;
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(write_pattern(&world, world.seen.stream, 60000, &written), RT_OK);
    }
    world.io->ops->close(world.io, world.seen.stream);
    assert_int_equal(send(client, "unread", 6, 0), 6);
    struct rt_buf *late = rt_buf_new(rt_core_bufs(world.core), 10);
    assert_int_equal(world.io->ops->stream_write(world.io, world.seen.stream, late), RT_GONE);
    rt_buf_unref(rt_core_bufs(world.core), late);
    while (read_pattern(client, 100000, &got)) {
        step(&world, 0);
    }
    assert_int_equal(got, written);
    close(client);
    UNTIL(&world, world.io->counters.handles_open == 1);
    assert_int_equal(world.seen.closed, 0); /* After close() nothing more comes. */
    assert_int_equal(world.seen.reads, 0);
    world_close(&world);
}

/* The same when a query and its close come within one turn of the owner. */
static void answer_written_in_the_closing_turn_arrives(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    world.is_echo = world.closes_at_read = true;
    open_listener(&world, &port);
    int client = accept_one(&world, port);
    assert_int_equal(send(client, "question", 8, 0), 8);
    char text[16];
    UNTIL(&world, is_readable(client));
    assert_int_equal(recv(client, text, sizeof(text), 0), 8);
    UNTIL(&world, is_readable(client));
    assert_int_equal(recv(client, text, sizeof(text), 0), 0);
    close(client);
    UNTIL(&world, world.io->counters.handles_open == 1);
    world_close(&world);
}

/* Who never reads must not keep a closed stream, its descriptor and its buffers for ever. */
static void lingering_ends_after_its_bound(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    open_listener(&world, &port);
    int client = accept_one(&world, port);
    set_int(client, SOL_SOCKET, SO_RCVBUF, 256 * 1024);
    size_t written = 0;
    for (unsigned i = 0;
         i < 60 && world.io->ops->stream_pending(world.io, world.seen.stream) < RT_BUF_HUGE_BYTES;
         i++) {
        (void)write_pattern(&world, world.seen.stream, 70000, &written);
        if (i >= 30) {
            settle(&world, 5);
        }
    }
    uint64_t start_ns = world.io->ops->now_ns(world.io);
    world.io->ops->close(world.io, world.seen.stream);
    UNTIL(&world, world.io->counters.handles_open == 1);
    uint64_t took_ms = (world.io->ops->now_ns(world.io) - start_ns) / RT_NS_PER_MS;
    /* Counted from the time of the turn, which may be some milliseconds old. */
    assert_in_range(took_ms, RT_STREAM_LINGER_MS - 100, RT_STREAM_LINGER_MS + 3000);
    assert_int_equal(rt_buf_pool_in_use(rt_core_bufs(world.core)), 0);
    close(client);
    world_close(&world);
}

/* A peer that breaks the connection is told apart from one that ends it. */
static void reset_by_the_peer_is_reported(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    open_listener(&world, &port);
    int client = accept_one(&world, port);
    settle(&world, 5);
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close(client);
    UNTIL(&world, world.seen.closed == 1);
    assert_int_equal(world.seen.closed_why, RT_RESET);
    UNTIL(&world, world.io->counters.handles_open == 1);
    world_close(&world);
}

static rt_handle start_connecting(struct world *world, uint16_t port)
{
    const struct rt_tcp_options options = {.peer = loopback(1, port), .adopt_fd = -1};
    rt_handle handle;
    assert_int_equal(world->io->ops->tcp_connect(world->io, world->actor, &options, &handle),
                     RT_OK);
    return handle;
}

/* Upstream over TCP: what is written before the connection stands leaves when it does. */
static void connect_succeeds_and_sends_what_was_queued(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int server = peer_socket(SOCK_STREAM);
    rt_handle stream = start_connecting(&world, port_of(server));
    size_t written = 0, got = 0;
    assert_int_equal(write_pattern(&world, stream, 100, &written), RT_OK);
    UNTIL(&world, world.seen.connected == 1);
    int accepted = accept(server, NULL, NULL);
    UNTIL(&world, is_readable(accepted));
    assert_true(read_pattern(accepted, 1000, &got));
    assert_int_equal(got, 100);
    assert_int_equal(send(accepted, "answer", 6, 0), 6);
    UNTIL(&world, world.seen.bytes_size == 6);
    shutdown(accepted, SHUT_WR);
    UNTIL(&world, world.seen.closed == 1);
    assert_int_equal(world.seen.closed_why, RT_CLOSED);
    UNTIL(&world, world.io->counters.handles_open == 0);
    close(accepted);
    close(server);
    world_close(&world);
}

/* Nobody there: the owner hears of it once, and the handle is dead. */
static void refused_connect_ends_with_refused(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    rt_handle stream = start_connecting(&world, dead_port(SOCK_STREAM));
    UNTIL(&world, world.seen.closed == 1);
    assert_int_equal(world.seen.closed_why, RT_REFUSED);
    assert_int_equal(world.seen.closed_handle, stream);
    assert_int_equal(world.seen.connected, 0);
    UNTIL(&world, world.io->counters.handles_open == 0);
    world_close(&world);
}

/* A connect may hang for minutes in the kernel; its owner may not have to. The full backlog of a
 * listener that never accepts makes one that hangs. */
static void hanging_connect_can_be_closed(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in addr = sockaddr_of(1, 0);
    assert_int_equal(bind(server, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(server, 0), 0);
    rt_handle streams[8];
    for (unsigned i = 0; i < 8; i++) {
        streams[i] = start_connecting(&world, port_of(server));
    }
    settle(&world, 50);
    assert_true(world.seen.connected < 8);
    for (unsigned i = 0; i < 8; i++) {
        world.io->ops->close(world.io, streams[i]);
    }
    UNTIL(&world, world.io->counters.handles_open == 0);
    assert_int_equal(world.seen.closed, 0);
    close(server);
    world_close(&world);
}

/* A paused listener leaves clients to the kernel's queue. */
static void paused_listener_accepts_nothing_until_resumed(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    world.is_pausing = true;
    rt_handle listener = open_listener(&world, &port);
    int clients[20];
    for (unsigned i = 0; i < 20; i++) {
        clients[i] = connect_to(port);
    }
    for (unsigned i = 0; i < 20; i++) {
        UNTIL(&world, world.seen.accepted == i + 1); /* Each accept pauses the listener. */
        settle(&world, 3);
        assert_int_equal(world.seen.accepted, i + 1);
        world.io->ops->stream_pause(world.io, listener, false);
    }
    for (unsigned i = 0; i < 20; i++) {
        close(clients[i]);
    }
    world_close(&world);
}

/* Connections accepted by the kernel, but not told of, end with their listener. */
static void closing_a_paused_listener_closes_what_it_holds(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    world.is_pausing = true;
    rt_handle listener = open_listener(&world, &port);
    int clients[5];
    for (unsigned i = 0; i < 5; i++) {
        clients[i] = connect_to(port);
    }
    UNTIL(&world, world.seen.accepted == 1);
    world.io->ops->close(world.io, listener);
    world.io->ops->close(world.io, world.seen.stream);
    UNTIL(&world, world.io->counters.handles_open == 0);
    assert_int_equal(world.seen.accepted, 1);
    for (unsigned i = 0; i < 5; i++) {
        close(clients[i]);
    }
    world_close(&world);
}

/* Security row F7: when streams run out, accept rests: no busy loop, and recovery within a second
 * of the first free place. */
static void accept_rests_when_streams_run_out_and_recovers(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, &(struct rt_io_uring_options){.streams_max = 2});
    open_listener(&world, &port);
    int first = accept_one(&world, port), second = accept_one(&world, port);
    int waiting[8];
    for (unsigned i = 0; i < 8; i++) {
        waiting[i] = connect_to(port);
    }
    uint64_t before = world.io->counters.syscalls;
    uint64_t until_ns = world.io->ops->now_ns(world.io) + 500 * RT_NS_PER_MS;
    while (world.io->ops->now_ns(world.io) < until_ns) {
        (void)rt_core_turn(world.core, until_ns);
    }
    assert_true(world.io->counters.syscalls - before < 60);
    assert_int_equal(world.seen.accepted, 2);
    close(first);
    close(second);
    UNTIL(&world, world.seen.accepted >= 3);
    assert_true(world.io->ops->now_ns(world.io) < until_ns + RT_NS_PER_S);
    for (unsigned i = 0; i < 8; i++) {
        close(waiting[i]);
    }
    world_close(&world);
}

/* Clients of all listeners together may not take the streams that questions to servers need. */
static void accepted_streams_leave_a_quarter_to_upstream(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    int waiting[12];
    world_open(&world, &(struct rt_io_uring_options){.streams_max = 8});
    open_listener(&world, &port);
    for (unsigned i = 0; i < RT_ARRAY_COUNT(waiting); i++) {
        waiting[i] = connect_to(port);
    }
    settle(&world, 50);
    assert_int_equal(world.seen.accepted, 6);

    const struct rt_tcp_options options = {
        .local = loopback(1, 0), .peer = loopback(1, port), .adopt_fd = -1};
    rt_handle handle;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(world.io->ops->tcp_connect(world.io, world.actor, &options, &handle),
                         RT_OK);
    }
    for (unsigned i = 0; i < RT_ARRAY_COUNT(waiting); i++) {
        close(waiting[i]);
    }
    world_close(&world);
}

/* Runs in a process of its own, as the hard limit of descriptors does not come back. */
static void live_with_few_descriptors(void **state)
{
    (void)state;
    const struct rlimit few = {.rlim_cur = 256, .rlim_max = 256};
    struct world world;
    uint16_t port;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    world_open(&world, NULL);
    world.is_echo = true;
    open_listener(&world, &port);
    struct sockaddr_in addr = sockaddr_of(1, port);
    int clients[120];
    unsigned count = 0;
    for (; count < 120; count++) { /* Both ends are in this process: 240 of 256. */
        clients[count] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (clients[count] < 0) {
            break;
        }
        (void)connect(clients[count], (struct sockaddr *)&addr, sizeof(addr));
        step(&world, 0);
    }
    uint64_t before = world.io->counters.syscalls;
    uint64_t until_ns = world.io->ops->now_ns(world.io) + 400 * RT_NS_PER_MS;
    while (world.io->ops->now_ns(world.io) < until_ns) {
        (void)rt_core_turn(world.core, until_ns);
    }
    assert_true(world.io->counters.syscalls - before < 600);
    assert_true(world.seen.accepted > 50 && world.seen.accepted < 120);
    /* Upstream sockets still open: accepted streams have only their share. */
    const struct rt_udp_options options = {
        .local = loopback(1, 0), .peer = loopback(1, 53), .adopt_fd = -1};
    rt_handle handle;
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(world.io->ops->udp_open(world.io, world.actor, &options, &handle), RT_OK);
    }
    for (unsigned i = 0; i < count; i++) {
        close(clients[i]);
    }
    UNTIL(&world, world.seen.closed == world.seen.accepted);
    unsigned accepted = world.seen.accepted;
    settle(&world, 2 * RT_ACCEPT_REST_MS);
    int late = connect_to(port);
    uint64_t start_ns = world.io->ops->now_ns(world.io);
    UNTIL(&world, world.seen.accepted > accepted);
    assert_true(world.io->ops->now_ns(world.io) - start_ns < RT_NS_PER_S);
    close(late);
    world_close(&world);
}

/* Security row F7: `nofile` = 256 and hundreds of connections: no spinning, UDP goes on, recovery
 * within a second. */
static void few_descriptors_neither_spin_nor_starve_upstream(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "test", "few_descriptors", (char *)NULL);
        _exit(127);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Reads of many streams share the buffers: more talkers than buffers must all be heard. */
static void more_talking_streams_than_buffers_are_all_heard(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, &(struct rt_io_uring_options){.stream_buffers = 4});
    world.is_echo = true;
    open_listener(&world, &port);
    int clients[40];
    for (unsigned i = 0; i < 40; i++) {
        clients[i] = accept_one(&world, port);
    }
    for (unsigned round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 40; i++) {
            assert_int_equal(send(clients[i], &i, sizeof(i), 0), sizeof(i));
        }
        for (uint32_t i = 0; i < 40; i++) {
            uint32_t echo = 0;
            UNTIL(&world, is_readable(clients[i]));
            assert_int_equal(recv(clients[i], &echo, sizeof(echo), 0), sizeof(echo));
            assert_int_equal(echo, i);
        }
    }
    for (unsigned i = 0; i < 40; i++) {
        close(clients[i]);
    }
    UNTIL(&world, world.io->counters.handles_open == 1);
    world_close(&world);
}

/* An actor that ended leaves streams behind: they close as soon as something happens on them. */
static void streams_of_a_dead_actor_close(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    open_listener(&world, &port);
    int client = accept_one(&world, port);
    rt_core_kill(world.core, world.actor);
    assert_int_equal(send(client, "hello", 5, 0), 5);
    int late = connect_to(port);
    UNTIL(&world, world.io->counters.handles_open == 0);
    char byte;
    assert_true(recv(client, &byte, 1, 0) <= 0);
    assert_true(recv(late, &byte, 1, 0) <= 0);
    close(client);
    close(late);
    world_close(&world);
}

/* What is queued when the core stops is not thrown away: the last answers of a drain. */
static void last_write_before_the_core_stops_still_leaves(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    open_listener(&world, &port);
    int client = accept_one(&world, port);
    size_t written = 0, got = 0;
    assert_int_equal(write_pattern(&world, world.seen.stream, 1000, &written), RT_OK);
    assert_int_equal(write_pattern(&world, world.seen.stream, 1000, &written), RT_OK);
    world_close(&world);
    while (read_pattern(client, 10000, &got)) {
    }
    assert_int_equal(got, 2000);
    close(client);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "few_descriptors") == 0) {
        const struct CMUnitTest alone[] = {cmocka_unit_test(live_with_few_descriptors)};
        return cmocka_run_group_tests(alone, NULL, NULL);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_is_accepted_echoed_and_closed_in_order),
        cmocka_unit_test(listeners_share_a_port_only_when_told_to),
        cmocka_unit_test(accepted_streams_have_no_delay),
        cmocka_unit_test(slow_reader_gets_every_byte_and_the_queue_is_bounded),
        cmocka_unit_test(paused_stream_delivers_nothing_until_resumed),
        cmocka_unit_test(bytes_that_cross_a_pause_are_kept),
        cmocka_unit_test(close_lets_queued_writes_leave),
        cmocka_unit_test(answer_written_in_the_closing_turn_arrives),
        cmocka_unit_test(lingering_ends_after_its_bound),
        cmocka_unit_test(reset_by_the_peer_is_reported),
        cmocka_unit_test(connect_succeeds_and_sends_what_was_queued),
        cmocka_unit_test(refused_connect_ends_with_refused),
        cmocka_unit_test(hanging_connect_can_be_closed),
        cmocka_unit_test(paused_listener_accepts_nothing_until_resumed),
        cmocka_unit_test(closing_a_paused_listener_closes_what_it_holds),
        cmocka_unit_test(accept_rests_when_streams_run_out_and_recovers),
        cmocka_unit_test(accepted_streams_leave_a_quarter_to_upstream),
        cmocka_unit_test(few_descriptors_neither_spin_nor_starve_upstream),
        cmocka_unit_test(more_talking_streams_than_buffers_are_all_heard),
        cmocka_unit_test(streams_of_a_dead_actor_close),
        cmocka_unit_test(last_write_before_the_core_stops_still_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
