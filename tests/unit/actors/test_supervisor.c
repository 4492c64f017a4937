/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/desk_msg.h"
#include "actors/listener_tcp_msg.h"
#include "actors/supervisor.h"
#include "actors/supervisor_msg.h"
#include "tests/unit/runtime/fake_io.h"

/* Cores 0 and 1 have a desk and a TCP listener each, stood in for by one actor type that notes what
 * it hears; core 2 is the control core. */
enum { WORKERS = 2 };

static struct play {
    struct fake_world world;
    struct cast cast;
    struct supervisor_args args;
    struct supervisor_memory memory;
    rt_ref tcp[WORKERS];
    unsigned opens, drains, last_drains, readies, draineds;
    rt_status ready_status;
} play;

static void note(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    (void)ctx, (void)state;
    play.opens += msg->type == LISTENER_TCP_OPEN;
    play.drains += msg->type == RT_MSG_DRAIN;
    play.last_drains += msg->type == RT_MSG_DRAIN && msg->cookie == DESK_DRAIN_NOW;
}

static rt_status start(struct rt_ctx *ctx, void *state, const void *args)
{
    (void)ctx, (void)state, (void)args;
    return RT_OK;
}

static const char *msg_name(uint16_t type)
{
    (void)type;
    return "message";
}

static const struct rt_actor_type noter_type = {
    .name = "noter",
    .state_size = 16,
    .actors_max = 4,
    .mailbox_cap = 64,
    .restart = RT_RESTART_NEVER,
    .msg_name = msg_name,
    .start = start,
    .receive = note,
};

static void on_ready(void *arg, rt_status status)
{
    (void)arg;
    play.readies++;
    play.ready_status = status;
}

static void on_drained(void *arg)
{
    (void)arg;
    play.draineds++;
}

static void say(uint16_t type, rt_status status)
{
    struct supervisor_ready msg = {.head = {.type = type, .size = sizeof(msg)}, .status = status};
    assert_int_equal(
        rt_core_inject(fake_core(&play.world, WORKERS), play.cast.supervisor, &msg.head), RT_OK);
    fake_run(&play.world);
}

static int setup_with(unsigned udp_count, unsigned tcp_count)
{
    memset(&play, 0, sizeof(play));
    fake_world_open(&play.world, WORKERS + 1, false, NULL);
    play.cast.workers_count = WORKERS;
    play.args = (struct supervisor_args){
        .cast = &play.cast,
        .udp_count = udp_count,
        .tcp_count = tcp_count,
        .tcp = play.tcp,
        .memory = &play.memory,
        .on_ready = on_ready,
        .on_drained = on_drained,
    };
    assert_int_equal(rt_core_cast(fake_core(&play.world, WORKERS), &supervisor_type, &play.args,
                                  RT_REF_NONE, &play.cast.supervisor),
                     RT_OK);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct rt_core *core = fake_core(&play.world, i);
        rt_ref parent = play.cast.supervisor;
        assert_int_equal(rt_core_cast(core, &noter_type, NULL, parent, &play.cast.desk[i]), RT_OK);
        assert_int_equal(rt_core_cast(core, &noter_type, NULL, parent, &play.tcp[i]), RT_OK);
    }
    fake_run(&play.world);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return setup_with(2, 2);
}

static int teardown(void **state)
{
    (void)state;
    rt_machine_close(play.world.machine);
    return 0;
}

/* A client that can connect must find everything else standing: TCP listens last. */
static void tcp_opens_after_all_of_udp_and_then_it_is_ready(void **state)
{
    (void)state;
    say(SUPERVISOR_READY, RT_OK);
    assert_int_equal(play.opens, 0);
    say(SUPERVISOR_READY, RT_OK);
    assert_int_equal(play.opens, 2);
    say(SUPERVISOR_READY, RT_OK);
    assert_int_equal(play.readies, 0);
    say(SUPERVISOR_READY, RT_OK);
    assert_int_equal(play.readies, 1);
    assert_int_equal(play.ready_status, RT_OK);
}

static void first_failure_is_told_once(void **state)
{
    (void)state;
    say(SUPERVISOR_READY, RT_IN_USE);
    say(SUPERVISOR_READY, RT_IN_USE);
    assert_int_equal(play.readies, 1);
    assert_int_equal(play.ready_status, RT_IN_USE);
    assert_int_equal(play.opens, 0);
}

static void drained_when_the_last_desk_says_so(void **state)
{
    (void)state;
    say(SUPERVISOR_STOP, RT_OK);
    say(SUPERVISOR_STOP, RT_OK); /* An impatient operator. */
    assert_int_equal(play.drains, 2 * WORKERS); /* Desks and TCP listeners, once each. */
    say(SUPERVISOR_DRAINED, RT_OK);
    assert_int_equal(play.draineds, 0);
    say(SUPERVISOR_DRAINED, RT_OK);
    assert_int_equal(play.draineds, 1);
    fake_run_until(&play.world, play.world.ios[WORKERS]->now_ns + 5 * RT_NS_PER_S);
    assert_int_equal(play.draineds, 1);
}

/* TERM ends the process within a second, whatever queries do; those who wait are told before. */
static void drain_has_a_deadline(void **state)
{
    (void)state;
    uint64_t begin_ns = play.world.ios[WORKERS]->now_ns;
    say(SUPERVISOR_STOP, RT_OK);
    fake_run_until(&play.world, begin_ns + 790 * RT_NS_PER_MS);
    assert_int_equal(play.draineds, 0);
    assert_int_equal(play.last_drains, 0);
    fake_run_until(&play.world, begin_ns + 820 * RT_NS_PER_MS);
    assert_int_equal(play.last_drains, WORKERS);
    fake_run_until(&play.world, begin_ns + 870 * RT_NS_PER_MS);
    assert_int_equal(play.draineds, 1);
}

/* Restarted, it neither waits for those that were ready nor forgets them. */
static void restarted_it_goes_on_where_it_was(void **state)
{
    (void)state;
    say(SUPERVISOR_READY, RT_OK);
    say(SUPERVISOR_READY, RT_OK);
    say(SUPERVISOR_READY, RT_OK);
    rt_core_kill(fake_core(&play.world, WORKERS), play.cast.supervisor);
    fake_run_until(&play.world, play.world.ios[WORKERS]->now_ns + RT_NS_PER_S);
    assert_int_equal(play.readies, 0);
    say(SUPERVISOR_READY, RT_OK);
    assert_int_equal(play.readies, 1);
}

/* A configuration that listens nowhere (-c -) still runs. */
static void without_listeners_it_is_ready_at_once(void **state)
{
    (void)state;
    setup_with(0, 0);
    assert_int_equal(play.readies, 1);
    assert_int_equal(play.ready_status, RT_OK);
    teardown(NULL);
}

/* A listener that is gone for good before all was ready is no start. */
static void dead_child_before_ready_is_a_failure(void **state)
{
    (void)state;
    rt_core_kill(fake_core(&play.world, 0), play.tcp[0]);
    fake_run(&play.world);
    assert_int_equal(play.readies, 1);
    assert_int_equal(play.ready_status, RT_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tcp_opens_after_all_of_udp_and_then_it_is_ready, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(first_failure_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(drained_when_the_last_desk_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(drain_has_a_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(restarted_it_goes_on_where_it_was, setup, teardown),
        cmocka_unit_test(without_listeners_it_is_ready_at_once),
        cmocka_unit_test_setup_teardown(dead_child_before_ready_is_a_failure, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
