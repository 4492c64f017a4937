/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/runtime/io_uring_world.h"

/* Streams of a listener that wants to know when a peer has ended its own direction only. */

static int connect_to_listener(struct world *world)
{
    int listening = peer_socket(SOCK_STREAM);
    const struct rt_tcp_options options = {
        .local = loopback(1, port_of(listening)), .adopt_fd = listening, .tells_end = true};
    struct sockaddr_in addr = sockaddr_of(1, options.local.port);
    rt_handle handle;
    assert_int_equal(world->io->ops->tcp_listen(world->io, world->actor, &options, &handle), RT_OK);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&addr, sizeof(addr)), 0);
    UNTIL(world, world->seen.accepted == 1);
    return client;
}

static void write_text(struct world *world, const char *text)
{
    struct rt_buf *buf = rt_buf_new(rt_core_bufs(world->core), 64);
    buf->size = (uint32_t)strlen(text);
    memcpy(buf->data, text, buf->size);
    assert_int_equal(world->io->ops->stream_write(world->io, world->seen.stream, buf), RT_OK);
}

/* What the client has asked for must reach it, though it says no more. */
static void a_stream_whose_peer_has_ended_is_still_written_to(void **state)
{
    (void)state;
    struct world world;
    char text[16];
    world_open(&world, &(struct rt_io_uring_options){0});
    int client = connect_to_listener(&world);
    assert_int_equal(write(client, "ask", 3), 3);
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    UNTIL(&world, world.seen.ended == 1);
    assert_int_equal(world.seen.bytes_size, 3); /* All that was said came before. */
    settle(&world, 30);
    assert_int_equal(world.seen.ended, 1); /* Told once, and no loop spins on it. */
    assert_int_equal(world.seen.closed, 0);

    write_text(&world, "answer");
    UNTIL(&world, world.seen.written == 1);
    assert_int_equal(read(client, text, sizeof(text)), 6);
    world.io->ops->close(world.io, world.seen.stream);
    UNTIL(&world, is_readable(client));
    assert_int_equal(read(client, text, sizeof(text)), 0); /* In order, no reset. */
    close(client);
    world_close(&world);
}

/* The end is told behind the bytes before it, also when a pause held them up. */
static void the_end_waits_behind_a_pause(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, &(struct rt_io_uring_options){0});
    int client = connect_to_listener(&world);
    world.io->ops->stream_pause(world.io, world.seen.stream, true);
    settle(&world, 10);
    assert_int_equal(write(client, "ask", 3), 3);
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    settle(&world, 30);
    assert_int_equal(world.seen.ended, 0);
    world.io->ops->stream_pause(world.io, world.seen.stream, false);
    UNTIL(&world, world.seen.ended == 1);
    assert_int_equal(world.seen.bytes_size, 3);
    world.io->ops->close(world.io, world.seen.stream);
    close(client);
    world_close(&world);
}

/* A peer that breaks the stream after its end is no different from any other. */
static void a_reset_after_the_end_is_told_by_the_next_write(void **state)
{
    (void)state;
    struct world world;
    const struct linger at_once = {.l_onoff = 1};
    world_open(&world, &(struct rt_io_uring_options){0});
    int client = connect_to_listener(&world);
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    UNTIL(&world, world.seen.ended == 1);
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close(client);
    settle(&world, 10);
    write_text(&world, "answer");
    UNTIL(&world, world.seen.closed == 1);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_whose_peer_has_ended_is_still_written_to),
        cmocka_unit_test(the_end_waits_behind_a_pause),
        cmocka_unit_test(a_reset_after_the_end_is_told_by_the_next_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
