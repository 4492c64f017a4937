/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/runtime/io_uring_world.h"

#include <pthread.h>

/* A listener on an ephemeral port: bound outside and adopted, so that the test knows the port. */
static rt_handle open_listener(struct world *world, bool wants_local, uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET};
    addr.sin_addr.s_addr = htonl(wants_local ? INADDR_ANY : INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    *port = port_of(fd);
    const struct rt_udp_options options = {
        .local = {.family = 4, .port = *port},
        .adopt_fd = fd,
        .wants_local = wants_local,
    };
    rt_handle handle;
    assert_int_equal(world->io->ops->udp_open(world->io, world->actor, &options, &handle), RT_OK);
    return handle;
}

static rt_handle open_connected(struct world *world, uint16_t peer_port)
{
    const struct rt_udp_options options = {
        .local = loopback(1, 0),
        .peer = loopback(1, peer_port),
        .adopt_fd = -1,
    };
    rt_handle handle;
    assert_int_equal(world->io->ops->udp_open(world->io, world->actor, &options, &handle), RT_OK);
    return handle;
}

static void send_text(struct world *world, rt_handle handle, const char *text)
{
    struct rt_datagram item = {.data = (uint8_t *)(uintptr_t)text, .size = (uint32_t)strlen(text)};
    world->io->ops->udp_send(world->io, handle, &item, 1);
}

static void send_numbers(int fd, uint16_t port, unsigned first, unsigned count)
{
    struct sockaddr_in to = sockaddr_of(1, port);
    for (uint32_t i = first; i < first + count; i++) {
        assert_int_equal(sendto(fd, &i, sizeof(i), 0, (struct sockaddr *)&to, sizeof(to)),
                         sizeof(i));
    }
}

/* Every number below `count` comes back once. */
static void expect_echo(struct world *world, int fd, unsigned count)
{
    bool *has_come = calloc(count, sizeof(*has_come));
    unsigned come = 0;
    while (come < count) {
        UNTIL(world, is_readable(fd));
        uint32_t number = UINT32_MAX;
        while (recv(fd, &number, sizeof(number), MSG_DONTWAIT) == sizeof(number)) {
            assert_true(number < count && !has_come[number]);
            has_come[number] = true;
            come++;
        }
    }
    free(has_come);
}

static void echo_with(const struct rt_io_uring_options *options, unsigned burst, unsigned bursts)
{
    struct world world;
    uint16_t port;
    world_open(&world, options);
    world.is_echo = true;
    open_listener(&world, false, &port);
    step(&world, 0);
    int client = peer_socket(SOCK_DGRAM);
    for (unsigned i = 0; i < bursts; i++) {
        send_numbers(client, port, i * burst, burst);
        step(&world, 0);
    }
    expect_echo(&world, client, burst * bursts);
    assert_int_equal(world.seen.datagrams, burst * bursts);
    if (burst >= 64) {
        assert_true(world.seen.batch_max > 1);
    }
    assert_int_equal(world.io->counters.datagrams_in, burst * bursts);
    assert_int_equal(world.io->counters.datagrams_out, burst * bursts);
    close(client);
    world_close(&world);
}

/* A listener is told of many questions at once: what a turn costs is shared. */
static void bursts_arrive_in_batches_and_are_echoed(void **state)
{
    (void)state;
    echo_with(NULL, 64, 4);
}

/* One at a time goes through the ring, with a copy. */
static void single_datagrams_are_echoed(void **state)
{
    (void)state;
    echo_with(NULL, 1, 50);
}

/* More datagrams than buffers end the kernel's multishot receive: it must be armed again. */
static void burst_beyond_the_buffers_is_received_whole(void **state)
{
    (void)state;
    echo_with(&(struct rt_io_uring_options){.datagram_buffers = 8}, 100, 3);
}

/* RLIMIT_MEMLOCK may forbid registered buffers: slower, never an abort. */
static void unregistered_buffers_serve_as_well(void **state)
{
    (void)state;
    echo_with(&(struct rt_io_uring_options){.has_unregistered_buffers = true}, 64, 4);
    echo_with(
        &(struct rt_io_uring_options){.has_unregistered_buffers = true, .datagram_buffers = 8}, 100,
        3);
}

/* A tiny ring submits early instead of losing anything. */
static void tiny_submission_queue_loses_nothing(void **state)
{
    (void)state;
    echo_with(&(struct rt_io_uring_options){.entries = 8}, 3, 60);
    echo_with(&(struct rt_io_uring_options){.entries = 8, .has_unregistered_buffers = true}, 64, 4);
}

/* RFC5452-9.1 by way of the client: a reply from another address than the one asked is thrown
 * away, so wildcard listeners answer from where the question arrived. */
static void wildcard_listener_answers_from_the_address_asked(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    world.is_echo = true;
    open_listener(&world, true, &port);
    int client = peer_socket(SOCK_DGRAM);
    struct sockaddr_in asked = sockaddr_of(7, port);
    assert_int_equal(connect(client, (struct sockaddr *)&asked, sizeof(asked)), 0);
    assert_int_equal(send(client, "ask", 3, 0), 3);
    UNTIL(&world, is_readable(client)); /* A connected client hears only 127.0.0.7. */
    struct rt_addr expected = loopback(7, port);
    assert_true(rt_addr_equal(&world.seen.last.local, &expected));
    expected = loopback(1, port_of(client));
    assert_true(rt_addr_equal(&world.seen.last.peer, &expected));
    close(client);
    world_close(&world);
}

/* The same for IPv6, whose control messages differ; and both families may share a port. */
static void ipv6_listener_shares_the_port_with_ipv4(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    world.is_echo = true;
    open_listener(&world, true, &port);
    const struct rt_udp_options options = {
        .local = {.family = 6, .port = port}, .adopt_fd = -1, .wants_local = true};
    rt_handle handle;
    rt_status status = world.io->ops->udp_open(world.io, world.actor, &options, &handle);
    int client = socket(AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 asked = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    if (status == RT_NO_ROUTE || connect(client, (struct sockaddr *)&asked, sizeof(asked)) != 0) {
        close(client);
        world_close(&world);
        skip(); /* No IPv6 here. */
    }
    assert_int_equal(status, RT_OK);
    assert_int_equal(send(client, "ask", 3, 0), 3);
    UNTIL(&world, is_readable(client));
    assert_int_equal(world.seen.last.local.family, 6);
    assert_int_equal(world.seen.last.local.ip[15], 1);
    assert_int_equal(world.seen.last.peer.port, port_of(client));
    close(client);
    world_close(&world);
}

/* RFC5452-9.1: a datagram from any source but the server asked never reaches the program. */
static void connected_socket_refuses_a_foreign_source(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int server = peer_socket(SOCK_DGRAM), stranger = peer_socket(SOCK_DGRAM);
    rt_handle handle = open_connected(&world, port_of(server));
    send_text(&world, handle, "question");
    UNTIL(&world, is_readable(server));
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    char text[16];
    assert_int_equal(recvfrom(server, text, sizeof(text), 0, (struct sockaddr *)&from, &size), 8);
    for (unsigned i = 0; i < 10; i++) {
        (void)!sendto(stranger, "forged", 6, 0, (struct sockaddr *)&from, size);
    }
    settle(&world, 30);
    assert_int_equal(world.seen.datagram_events, 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(sendto(server, "answer", 6, 0, (struct sockaddr *)&from, size), 6);
    }
    UNTIL(&world, world.seen.datagrams == 3);
    assert_memory_equal(world.seen.last_bytes, "answer", 6);
    close(server);
    close(stranger);
    world_close(&world);
}

/* A dead service is known at once instead of after a timeout. */
static void connected_socket_reports_a_refusal(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    rt_handle handle = open_connected(&world, dead_port(SOCK_DGRAM));
    send_text(&world, handle, "question");
    UNTIL(&world, world.seen.errors > 0);
    assert_int_equal(world.seen.error, RT_REFUSED);
    assert_int_equal(world.seen.datagrams, 0);
    unsigned before = world.seen.errors;
    send_text(&world, handle, "again"); /* The socket goes on: it is for the owner to close. */
    UNTIL(&world, world.seen.errors > before);
    world.io->ops->close(world.io, handle);
    world_close(&world);
}

/* RT_DATAGRAM_BYTES_MAX is what fits; the reader must know that the rest is lost. */
static void too_long_datagrams_are_cut_and_marked(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    open_listener(&world, false, &port);
    int client = peer_socket(SOCK_DGRAM);
    rt_handle handle = open_connected(&world, port_of(client));
    send_text(&world, handle, "hello");
    UNTIL(&world, is_readable(client));
    struct sockaddr_in connected;
    socklen_t size = sizeof(connected);
    static uint8_t bytes[9000];
    assert_int_equal(
        recvfrom(client, bytes, sizeof(bytes), 0, (struct sockaddr *)&connected, &size), 5);
    struct sockaddr_in to[2] = {sockaddr_of(1, port), connected};
    const uint32_t sizes[] = {RT_DATAGRAM_BYTES_MAX, RT_DATAGRAM_BYTES_MAX + 1, 4224, 9000};
    for (unsigned i = 0; i < 2 * RT_ARRAY_COUNT(sizes); i++) {
        uint32_t bytes_sent = sizes[i / 2];
        assert_int_equal(
            sendto(client, bytes, bytes_sent, 0, (struct sockaddr *)&to[i % 2], sizeof(to[0])),
            bytes_sent);
        UNTIL(&world, world.seen.datagrams == i + 1);
        assert_int_equal(world.seen.last.size, RT_DATAGRAM_BYTES_MAX);
        assert_int_equal(world.seen.last.is_cut, bytes_sent > RT_DATAGRAM_BYTES_MAX);
    }
    close(client);
    world_close(&world);
}

/* Nobody may stop a listener by sending nothing. */
static void empty_datagrams_do_not_stop_a_listener(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    world.is_echo = true;
    open_listener(&world, false, &port);
    int client = peer_socket(SOCK_DGRAM);
    struct sockaddr_in to = sockaddr_of(1, port);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(sendto(client, "", 0, 0, (struct sockaddr *)&to, sizeof(to)), 0);
        step(&world, 0);
    }
    settle(&world, 20);
    while (recv(client, &to, sizeof(to), MSG_DONTWAIT) == 0) {
    }
    send_numbers(client, port, 0, 10);
    expect_echo(&world, client, 10);
    close(client);
    world_close(&world);
}

/* What the kernel refuses is lost like any datagram: counted, the others still leave. */
static void refused_sends_are_counted_and_others_still_leave(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    rt_handle handle = open_listener(&world, false, &port);
    int client = peer_socket(SOCK_DGRAM);
    struct rt_datagram items[6];
    uint8_t byte = 'x';
    for (unsigned i = 0; i < 6; i++) {
        items[i] =
            (struct rt_datagram){.peer = loopback(1, port_of(client)), .data = &byte, .size = 1};
    }
    items[0].peer.port = items[4].peer.port = 0; /* EINVAL */
    world.io->ops->udp_send(world.io, handle, items, 6);
    world.io->ops->udp_send(world.io, handle, items, 2);
    UNTIL(&world, world.io->counters.datagrams_out == 5);
    assert_int_equal(world.io->counters.datagrams_lost, 3);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(recv(client, &byte, 1, MSG_DONTWAIT), 1);
    }
    close(client);
    world_close(&world);
}

/* Each question has a socket of its own: thousands live for milliseconds each, and nothing of
 * them may stay: not a handle, not a descriptor, not a late event. */
static void thousands_of_short_lived_sockets_leave_no_trace(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int server = peer_socket(SOCK_DGRAM);
    settle(&world, 5);
    unsigned descriptors = open_descriptors();
    enum { AT_ONCE = 150, ROUNDS = 25 };
    static rt_handle handles[AT_ONCE];
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < AT_ONCE; i++) {
            handles[i] = open_connected(&world, port_of(server));
            send_text(&world, handles[i], "question");
        }
        unsigned asked = 0, before = world.seen.datagrams;
        while (asked < AT_ONCE) {
            UNTIL(&world, is_readable(server));
            struct sockaddr_in from;
            socklen_t size = sizeof(from);
            char text[16];
            while (recvfrom(server, text, sizeof(text), MSG_DONTWAIT, (struct sockaddr *)&from,
                            &size) > 0) {
                asked++;
                if (asked % 2 == 0) { /* The others are closed while they wait. */
                    (void)!sendto(server, "answer", 6, 0, (struct sockaddr *)&from, size);
                }
            }
        }
        UNTIL(&world, world.seen.datagrams == before + AT_ONCE / 2);
        for (unsigned i = 0; i < AT_ONCE; i++) {
            world.io->ops->close(world.io, handles[i]);
        }
    }
    UNTIL(&world, world.io->counters.handles_open == 0);
    settle(&world, 5);
    assert_int_equal(open_descriptors(), descriptors);
    close(server);
    world_close(&world);
}

/* RFC9715-3.1: path MTU discovery is not believed, by listeners and upstream sockets of both
 * families: a forged "packet too big" could otherwise make us send fragments. */
static void path_mtu_discovery_is_off_everywhere(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    int server = peer_socket(SOCK_DGRAM);
    open_listener(&world, true, &port);
    open_connected(&world, port_of(server));
    const struct rt_udp_options options = {.local = {.family = 6, .port = port}, .adopt_fd = -1};
    rt_handle handle;
    rt_status status = world.io->ops->udp_open(world.io, world.actor, &options, &handle);
    unsigned off = 0;
    for (int fd = 3; fd < 64; fd++) {
        int value = -1;
        socklen_t size = sizeof(value);
        if (getsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &value, &size) == 0) {
            off += value == IP_PMTUDISC_OMIT;
        }
        size = sizeof(value);
        if (getsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &value, &size) == 0) {
            off += value == IPV6_PMTUDISC_OMIT;
        }
    }
    assert_int_equal(off, status == RT_OK ? 3 : 2);
    close(server);
    world_close(&world);
}

/* Datagrams that wait in the kernel when their socket is closed interest nobody. */
static void nothing_is_delivered_after_close(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    rt_handle handle = open_listener(&world, false, &port);
    step(&world, 0);
    int client = peer_socket(SOCK_DGRAM);
    send_numbers(client, port, 0, 50);
    world.io->ops->close(world.io, handle);
    settle(&world, 30);
    assert_int_equal(world.seen.datagram_events, 0);
    assert_int_equal(world.io->counters.handles_open, 0);
    close(client);
    world_close(&world);
}

/* An actor keeps a handle too long: its successor in the slot must not notice. */
static void stale_handles_are_harmless(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    int server = peer_socket(SOCK_DGRAM);
    rt_handle stale = open_connected(&world, port_of(server));
    world.io->ops->close(world.io, stale);
    UNTIL(&world, world.io->counters.handles_open == 0);
    rt_handle next = open_connected(&world, port_of(server));
    assert_int_equal((uint32_t)next, (uint32_t)stale); /* The same slot ... */
    assert_int_not_equal(next, stale);                 /* ... in another life. */
    send_text(&world, stale, "ghost");
    world.io->ops->close(world.io, stale);
    world.io->ops->close(world.io, RT_HANDLE_NONE);
    world.io->ops->close(world.io, UINT64_MAX);
    world.io->ops->stream_pause(world.io, stale, true);
    assert_int_equal(world.io->ops->stream_pending(world.io, next), 0);
    struct rt_buf *buf = rt_buf_new(rt_core_bufs(world.core), 10);
    assert_int_equal(world.io->ops->stream_write(world.io, next, buf), RT_GONE);
    rt_buf_unref(rt_core_bufs(world.core), buf);
    settle(&world, 10);
    assert_false(is_readable(server));
    send_text(&world, next, "alive");
    UNTIL(&world, is_readable(server));
    assert_int_equal(world.io->counters.handles_open, 1);
    close(server);
    world_close(&world);
}

/* The listener's owner died: its socket must not go on eating questions. */
static void handle_of_a_dead_actor_closes_itself(void **state)
{
    (void)state;
    struct world world;
    uint16_t port;
    world_open(&world, NULL);
    open_listener(&world, false, &port);
    step(&world, 0);
    rt_core_kill(world.core, world.actor);
    int client = peer_socket(SOCK_DGRAM);
    send_numbers(client, port, 0, 10);
    UNTIL(&world, world.io->counters.handles_open == 0);
    assert_int_equal(world.seen.datagram_events, 0);
    close(client);
    world_close(&world);
}

struct closing {
    struct world *world;
};

static void *close_elsewhere(void *arg)
{
    world_close(((struct closing *)arg)->world);
    return NULL;
}

/* The last answers of a drain: sent, not yet submitted, and then the core stops; its memory is
 * taken down by its own thread or, as in the daemon, by another one. */
static void last_datagram_before_the_core_stops_still_leaves(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct world world;
        world_open(&world, NULL);
        int server = peer_socket(SOCK_DGRAM);
        rt_handle handle = open_connected(&world, port_of(server));
        step(&world, 0);
        send_text(&world, handle, "last");
        struct closing closing = {&world};
        pthread_t thread;
        if (i == 0) {
            world_close(&world);
        } else {
            assert_int_equal(pthread_create(&thread, NULL, close_elsewhere, &closing), 0);
            pthread_join(thread, NULL);
        }
        char text[16];
        assert_int_equal(recv(server, text, sizeof(text), MSG_DONTWAIT), 4);
        assert_true(recv(server, text, sizeof(text), MSG_DONTWAIT) < 0); /* and once */
        close(server);
    }
}

/* Errors of opening tell the operator's mistakes apart, and leak nothing. */
static void opening_reports_what_is_wrong(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, &(struct rt_io_uring_options){.handles_max = 2});
    int other = peer_socket(SOCK_DGRAM);
    unsigned descriptors = open_descriptors();
    rt_handle handle;
    struct rt_udp_options options = {.local = loopback(1, port_of(other)), .adopt_fd = -1};
    assert_int_equal(world.io->ops->udp_open(world.io, world.actor, &options, &handle), RT_IN_USE);
    options.local = (struct rt_addr){.family = 4, .port = 5353, .ip = {192, 0, 2, 1}};
    assert_int_equal(world.io->ops->udp_open(world.io, world.actor, &options, &handle),
                     RT_NO_ROUTE);
    assert_int_equal(open_descriptors(), descriptors);
    open_connected(&world, port_of(other));
    open_connected(&world, port_of(other));
    options = (struct rt_udp_options){
        .local = loopback(1, 0), .peer = loopback(1, port_of(other)), .adopt_fd = -1};
    assert_int_equal(world.io->ops->udp_open(world.io, world.actor, &options, &handle), RT_FULL);
    assert_int_equal(open_descriptors(), descriptors + 2);
    close(other);
    world_close(&world);
}

/* One socket for each core on one port: the kernel spreads the clients. */
static void reuse_port_lets_cores_share_a_port(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    uint16_t port = dead_port(SOCK_DGRAM);
    struct rt_udp_options options = {
        .local = loopback(1, port), .adopt_fd = -1, .reuse_port = true};
    rt_handle handles[2];
    assert_int_equal(world.io->ops->udp_open(world.io, world.actor, &options, &handles[0]), RT_OK);
    assert_int_equal(world.io->ops->udp_open(world.io, world.actor, &options, &handles[1]), RT_OK);
    options.reuse_port = false;
    assert_int_equal(world.io->ops->udp_open(world.io, world.actor, &options, &handles[1]),
                     RT_IN_USE);
    world.is_echo = true;
    int client = peer_socket(SOCK_DGRAM);
    send_numbers(client, port, 0, 20);
    expect_echo(&world, client, 20);
    struct rt_addr expected = loopback(1, port); /* Known without asking for it. */
    assert_true(rt_addr_equal(&world.seen.last.local, &expected));
    close(client);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bursts_arrive_in_batches_and_are_echoed),
        cmocka_unit_test(single_datagrams_are_echoed),
        cmocka_unit_test(burst_beyond_the_buffers_is_received_whole),
        cmocka_unit_test(unregistered_buffers_serve_as_well),
        cmocka_unit_test(tiny_submission_queue_loses_nothing),
        cmocka_unit_test(wildcard_listener_answers_from_the_address_asked),
        cmocka_unit_test(ipv6_listener_shares_the_port_with_ipv4),
        cmocka_unit_test(connected_socket_refuses_a_foreign_source),
        cmocka_unit_test(connected_socket_reports_a_refusal),
        cmocka_unit_test(too_long_datagrams_are_cut_and_marked),
        cmocka_unit_test(empty_datagrams_do_not_stop_a_listener),
        cmocka_unit_test(refused_sends_are_counted_and_others_still_leave),
        cmocka_unit_test(thousands_of_short_lived_sockets_leave_no_trace),
        cmocka_unit_test(path_mtu_discovery_is_off_everywhere),
        cmocka_unit_test(nothing_is_delivered_after_close),
        cmocka_unit_test(stale_handles_are_harmless),
        cmocka_unit_test(handle_of_a_dead_actor_closes_itself),
        cmocka_unit_test(last_datagram_before_the_core_stops_still_leaves),
        cmocka_unit_test(opening_reports_what_is_wrong),
        cmocka_unit_test(reuse_port_lets_cores_share_a_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
