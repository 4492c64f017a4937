/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/runtime/robot.h"

/* A parent that counts its children's answers must not hear of the end before the answer. */
static void end_of_a_child_comes_after_all_that_it_has_sent(void **state)
{
    (void)state;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    rt_ref child = cast_one(&mortal_type, a);
    fake_run(&world);
    struct order_msg msg = {.number = 42, .ref = a};
    assert_int_equal(order_now(child, &msg, SEND_BACK), RT_OK);
    assert_int_equal(order_now(child, &msg, NOTE), RT_GONE);
    notes.count = 0;
    fake_run(&world);
    assert_int_equal(notes.count, 2);
    assert_int_equal(notes.items[0].type, NOTE);
    assert_int_equal(notes.items[0].number, 42);
    assert_int_equal(notes.items[1].type, RT_MSG_CHILD_ENDED);
    assert_int_equal(notes.items[1].ref, child);
    assert_int_equal(notes.items[1].why, RT_END_EXIT);
}

/* The next actor in the slot is another one: an old address must not reach it. */
static void address_of_the_dead_never_leads_to_a_successor(void **state)
{
    (void)state;
    rt_ref a = cast_one(&mortal_type, RT_REF_NONE);
    fake_run(&world);
    struct order_msg msg = {0};
    order_now(a, &msg, EXIT);
    rt_ref b = cast_one(&mortal_type, RT_REF_NONE);
    fake_run(&world);
    assert_int_equal((a >> 32) & 0xFFFFFF, (b >> 32) & 0xFFFFFF);
    assert_true(a != b);
    assert_int_equal(order_now(a, &msg, NOTE), RT_GONE);
    assert_int_equal(order_now(b, &msg, NOTE), RT_OK);
}

/* Whoever has the address of a listener goes on using it after the listener failed. */
static void restart_keeps_address_and_mailbox_and_clears_the_state(void **state)
{
    (void)state;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    fake_run(&world);
    struct order_msg msg = {.number = 5};
    order_now(a, &msg, SELF_SEND);
    order_now(a, &msg, FAIL);
    assert_int_equal(notes.stops, 1);
    assert_int_equal(notes.last_stop, RT_END_FAILED);
    assert_int_equal(order_now(a, &msg, NOTE), RT_GONE); /* Its handles died with it. */
    notes.count = 0;
    fake_run(&world);
    assert_int_equal(notes.starts, 2);
    assert_false(notes.was_dirty);
    assert_int_equal(notes.count, 1);
    assert_int_equal(notes.items[0].number, 5);
    assert_int_equal(order_now(a, &msg, NOTE), RT_OK);
    assert_int_equal(atomic_load(&rt_core_counters(core)->restarts), 1);
}

/* An actor that fails for ever must not cost the core its time. */
static void too_many_failures_in_a_minute_make_an_actor_rest(void **state)
{
    (void)state;
    notes.failing_starts = 1000000;
    notes.next_start = RT_IN_USE;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    uint64_t began_ns = world.ios[0]->now_ns;
    fake_run(&world);
    assert_int_equal(notes.starts, 1 + RT_RESTARTS_PER_MINUTE_MAX);
    assert_int_equal(notes.stops, 0); /* It never was. */
    assert_int_equal(rt_core_next_deadline(core), began_ns + 60 * RT_NS_PER_S);

    notes.failing_starts = 0;
    assert_int_equal(order(a, NOTE, 3, 0), RT_OK); /* Its mailbox is kept all the while. */
    fake_run_until(&world, began_ns + 59 * RT_NS_PER_S);
    assert_int_equal(notes.count, 0);
    fake_run_until(&world, began_ns + 60 * RT_NS_PER_S);
    assert_int_equal(notes.count, 1);
}

/* The parent is told that nothing was born by the status, not by a message as well. */
static void spawn_whose_start_fails_leaves_nothing(void **state)
{
    (void)state;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    fake_run(&world);
    notes.failing_starts = 1;
    notes.next_start = RT_NO_MEMORY;
    struct order_msg msg = {0};
    order_now(a, &msg, SPAWN);
    assert_int_equal(msg.status, RT_NO_MEMORY);
    notes.count = 0;
    fake_run(&world);
    assert_int_equal(notes.count, 0);
    assert_int_equal(atomic_load(&rt_core_counters(core)->actors), 1);
}

/* A flood of questions cannot take more memory than planned. */
static void spawn_refuses_above_the_bound_of_the_type(void **state)
{
    (void)state;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    fake_run(&world);
    struct order_msg msg = {.number = 1};
    order_now(a, &msg, SPAWN);
    assert_int_equal(msg.status, RT_OK);
    order_now(a, &msg, SPAWN);
    assert_int_equal(msg.status, RT_OK);
    order_now(a, &msg, SPAWN);
    assert_int_equal(msg.status, RT_FULL);
    assert_int_equal(notes.starts, 3); /* start() has run when rt_spawn returns. */
}

/* Fault injection: an actor without restart ends, its parent hears why. */
static void killed_child_is_reported_as_killed(void **state)
{
    (void)state;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    rt_ref child = cast_one(&mortal_type, a);
    fake_run(&world);
    rt_core_kill(core, child);
    rt_core_kill(core, child); /* A second bullet does nothing. */
    assert_int_equal(notes.last_stop, RT_END_KILLED);
    fake_run(&world);
    assert_int_equal(notes.count, 1);
    assert_int_equal(notes.items[0].why, RT_END_KILLED);
}

/* The same for an actor that restarts: nobody is told, it stands again. */
static void killed_actor_of_the_cast_stands_again(void **state)
{
    (void)state;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    rt_core_kill(core, a); /* Before its start: it has nothing to stop. */
    assert_int_equal(notes.stops, 0);
    fake_run(&world);
    rt_core_kill(core, a);
    assert_int_equal(notes.stops, 1);
    fake_run(&world);
    assert_int_equal(notes.starts, 2);
    struct order_msg msg = {0};
    assert_int_equal(order_now(a, &msg, NOTE), RT_OK);
}

/* Every client that waits is told by stop(), and no buf outlives the machine. */
static void stop_reaches_every_actor_and_frees_what_waits(void **state)
{
    (void)state;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    cast_one(&mortal_type, a);
    fake_run(&world);
    struct order_msg msg = {.head = RT_MSG_INIT(NOTE, struct order_msg)};
    msg.head.buf = rt_buf_new(rt_core_bufs(core), 10);
    assert_int_equal(rt_core_inject(core, a, &msg.head), RT_OK);
    assert_null(msg.head.buf);
    notes.count = 0;
    bool is_destroyed = false;
    world.ios[0]->is_destroyed = &is_destroyed;
    close_world(); /* Checks that all pools are whole again. */
    assert_int_equal(notes.stops, 2);
    assert_int_equal(notes.last_stop, RT_END_STOPPED);
    assert_int_equal(notes.count, 0);
    assert_true(is_destroyed);
}

/* Ends in its own turn: stop() runs when receive has returned, not inside it. */
static void actor_may_be_killed_in_its_own_turn(void **state)
{
    (void)state;
    close_world();
    /* rt_services is the core here, so that the actor can reach it. */
    struct rt_machine_options options = {.cores_count = 1};
    world = (struct fake_world){.cores_count = 1};
    assert_int_equal(rt_machine_open(&world.machine, &options), RT_OK);
    core = fake_core(&world, 0);
    rt_core_attach(core, &fake_io_new(&world, 0)->base, core);
    rt_ref a = cast_one(&mortal_type, RT_REF_NONE);
    fake_run(&world);
    struct order_msg msg = {0};
    assert_int_equal(order_now(a, &msg, KILL_SELF), RT_OK);
    assert_int_equal(notes.stops, 1);
    assert_int_equal(notes.last_stop, RT_END_KILLED);
    assert_int_equal(order_now(a, &msg, NOTE), RT_GONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(end_of_a_child_comes_after_all_that_it_has_sent),
        TEST(address_of_the_dead_never_leads_to_a_successor),
        TEST(restart_keeps_address_and_mailbox_and_clears_the_state),
        TEST(too_many_failures_in_a_minute_make_an_actor_rest),
        TEST(spawn_whose_start_fails_leaves_nothing),
        TEST(spawn_refuses_above_the_bound_of_the_type),
        TEST(killed_child_is_reported_as_killed),
        TEST(killed_actor_of_the_cast_stands_again),
        TEST(stop_reaches_every_actor_and_frees_what_waits),
        TEST(actor_may_be_killed_in_its_own_turn),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
