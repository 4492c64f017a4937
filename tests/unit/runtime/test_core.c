/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <malloc.h>

#include "tests/unit/runtime/robot.h"

/* The members of the cast are told of each other before any of them runs. */
static void cast_actors_have_refs_at_once_and_start_in_the_first_turn(void **state)
{
    (void)state;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    rt_ref b = cast_one(&robot_type, RT_REF_NONE);
    assert_true(a != b && a != RT_REF_NONE);
    assert_int_equal(order(b, NOTE, 7, 0), RT_OK);
    assert_int_equal(notes.starts, 0);
    assert_true(rt_core_has_work(core));

    fake_run(&world);
    assert_int_equal(notes.starts, 2);
    assert_int_equal(notes.count, 1);
    assert_int_equal(notes.items[0].number, 7);
    assert_false(rt_core_has_work(core));
}

/* Protocols between two actors rest on this order and on nothing else. */
static void messages_arrive_in_the_order_they_were_sent(void **state)
{
    (void)state;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    fake_run(&world);
    struct order_msg msg = {0};
    for (uint64_t i = 0; i < 90; i++) {
        msg.number = i;
        assert_int_equal(order_now(a, &msg, SELF_SEND), RT_OK);
        assert_int_equal(msg.status, RT_OK);
    }
    notes.count = 0;
    fake_run(&world);
    assert_int_equal(notes.count, 90);
    for (uint64_t i = 0; i < 90; i++) {
        assert_int_equal(notes.items[i].number, i);
    }
}

/* A full mailbox is the sender's problem, at once: memory stays bounded. */
static void full_mailbox_refuses_and_takes_again_after_a_turn(void **state)
{
    (void)state;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    fake_run(&world);
    struct order_msg msg = {0};
    for (unsigned i = 0; i < robot_type.mailbox_cap; i++) {
        assert_int_equal(order_now(a, &msg, SELF_SEND), RT_OK);
        assert_int_equal(msg.status, RT_OK);
    }
    order_now(a, &msg, SELF_SEND);
    assert_int_equal(msg.status, RT_FULL);
    assert_int_equal(atomic_load(&rt_core_counters(core)->mailbox_full), 1);
    fake_run(&world);
    order_now(a, &msg, SELF_SEND);
    assert_int_equal(msg.status, RT_OK);
}

/* A buf that the receiver does not take is released behind it; one that it takes is its own. */
static void buf_of_a_message_is_released_unless_kept(void **state)
{
    (void)state;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    struct rt_buf_pool *bufs = rt_core_bufs(core);
    struct order_msg msg = {.head = RT_MSG_INIT(NOTE, struct order_msg)};
    msg.head.buf = rt_buf_new(bufs, 10);
    assert_int_equal(rt_core_inject(core, a, &msg.head), RT_OK);
    fake_run(&world);
    assert_int_equal(rt_buf_pool_in_use(bufs), 0);

    struct rt_buf *buf = rt_buf_new(bufs, 10);
    msg.head.type = KEEP_BUF;
    msg.head.buf = buf;
    assert_int_equal(rt_core_inject(core, a, &msg.head), RT_OK);
    fake_run(&world);
    assert_ptr_equal(notes.kept, buf);
    assert_int_equal(rt_buf_pool_in_use(bufs), 1);
    rt_buf_unref(bufs, buf);
}

/* Message memory is shared by all actors of a core; its end is felt as a full mailbox. */
static void exhausted_message_pool_refuses_and_loses_no_child(void **state)
{
    (void)state;
    struct rt_machine_options options = {.cores_count = 1, .msgs_per_core = 4};
    close_world();
    world = (struct fake_world){.cores_count = 1};
    assert_int_equal(rt_machine_open(&world.machine, &options), RT_OK);
    core = fake_core(&world, 0);
    rt_core_attach(core, &fake_io_new(&world, 0)->base, NULL);
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    rt_ref child = cast_one(&mortal_type, a);
    fake_run(&world);
    notes = (struct notes){0};
    struct order_msg msg = {0};
    for (unsigned i = 0; i < 4; i++) {
        order_now(a, &msg, SELF_SEND);
        assert_int_equal(msg.status, RT_OK);
    }
    order_now(a, &msg, SELF_SEND);
    assert_int_equal(msg.status, RT_FULL);
    rt_core_kill(core, child);
    fake_run(&world);
    assert_int_equal(notes.items[notes.count - 1].type, RT_MSG_CHILD_ENDED);
}

/* One busy actor must not keep the others waiting for its whole mailbox. */
static void actors_take_turns_of_bounded_length(void **state)
{
    (void)state;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    rt_ref b = cast_one(&mortal_type, RT_REF_NONE);
    fake_run(&world);
    struct order_msg msg = {.number = 1};
    for (unsigned i = 0; i < RT_MSGS_PER_TURN + 10; i++) {
        order_now(a, &msg, SELF_SEND);
    }
    msg.number = 2;
    order_now(b, &msg, SELF_SEND);
    notes.count = 0;
    fake_run(&world);
    assert_int_equal(notes.items[RT_MSGS_PER_TURN - 1].number, 1);
    assert_int_equal(notes.items[RT_MSGS_PER_TURN].number, 2);
    assert_int_equal(notes.items[RT_MSGS_PER_TURN + 1].number, 1);
}

static void count_hook(void *arg)
{
    (*(unsigned *)arg)++;
}

/* The read transaction of the cache ends with the loop turn that opened it. */
static void turn_end_hooks_run_once_a_loop_turn(void **state)
{
    (void)state;
    unsigned first = 0, second = 0;
    rt_core_at_turn_end(core, count_hook, &first);
    rt_core_at_turn_end(core, count_hook, &second);
    rt_core_turn(core, 0);
    rt_core_turn(core, 0);
    assert_int_equal(first, 2);
    assert_int_equal(second, 2);
}

/* ---- timers ---- */

enum { START_TIMER = 100, CANCEL_TIMER };

static void clock_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct robot *robot = state;
    struct order_msg *order = (struct order_msg *)msg;
    if (msg->type == START_TIMER) {
        robot->timer = rt_timer_start(ctx, order->number, order->ref);
        order->status = robot->timer != 0 ? RT_OK : RT_FULL;
    } else if (msg->type == CANCEL_TIMER) {
        rt_timer_cancel(ctx, &robot->timer);
        assert_int_equal(robot->timer, 0);
        rt_timer_cancel(ctx, &robot->timer); /* Ignored. */
    } else {
        robot_receive(ctx, state, msg);
    }
}

static const struct rt_actor_type clock_type = {
    .name = "clock",
    .state_size = sizeof(struct robot),
    .actors_max = 2,
    .mailbox_cap = 0, /* A timer needs no place in the mailbox. */
    .restart = RT_RESTART_ALWAYS,
    .msg_name = robot_msg_name,
    .start = robot_start,
    .receive = clock_receive,
};

static void start_timer(rt_ref to, uint64_t delay_ns, uint64_t cookie)
{
    struct order_msg msg = {.number = delay_ns, .ref = cookie};
    assert_int_equal(order_now(to, &msg, (enum order)START_TIMER), RT_OK);
    assert_int_equal(msg.status, RT_OK);
}

/* Deadlines are exact for the simulator: never early, and the core knows when to wake. */
static void timer_comes_as_a_message_at_its_time(void **state)
{
    (void)state;
    rt_ref a = cast_one(&clock_type, RT_REF_NONE);
    fake_run(&world);
    uint64_t now_ns = world.ios[0]->now_ns;
    start_timer(a, 1500 * RT_NS_PER_MS, 15);
    start_timer(a, 5 * RT_NS_PER_MS, 5);
    assert_true(rt_core_next_deadline(core) <= now_ns + 5 * RT_NS_PER_MS);
    fake_run_until(&world, now_ns + 5 * RT_NS_PER_MS - 1);
    assert_int_equal(notes.count, 0);
    fake_run_until(&world, now_ns + 5 * RT_NS_PER_MS);
    assert_int_equal(notes.count, 1);
    assert_int_equal(notes.items[0].number, 5);
    fake_run_until(&world, now_ns + 1500 * RT_NS_PER_MS);
    assert_int_equal(notes.count, 2);
    assert_int_equal(notes.items[1].number, 15);
    assert_int_equal(rt_core_next_deadline(core), UINT64_MAX);
}

/* An answer that arrived cancels the deadline, and the deadline must not haunt it. */
static void cancelled_timer_never_comes(void **state)
{
    (void)state;
    rt_ref a = cast_one(&clock_type, RT_REF_NONE);
    fake_run(&world);
    uint64_t now_ns = world.ios[0]->now_ns;
    start_timer(a, 5 * RT_NS_PER_MS, 5);
    struct order_msg msg = {0};
    order_now(a, &msg, (enum order)CANCEL_TIMER);
    fake_run_until(&world, now_ns + RT_NS_PER_S);
    assert_int_equal(notes.count, 0);
}

/* A restarted actor does not get the deadlines of its former life. */
static void timers_die_with_the_state_that_started_them(void **state)
{
    (void)state;
    rt_ref a = cast_one(&clock_type, RT_REF_NONE);
    fake_run(&world);
    uint64_t now_ns = world.ios[0]->now_ns;
    start_timer(a, 5 * RT_NS_PER_MS, 5);
    rt_core_kill(core, a);
    fake_run_until(&world, now_ns + RT_NS_PER_S);
    assert_int_equal(notes.count, 0);
    assert_int_equal(atomic_load(&rt_core_counters(core)->timers_in_use), 0);
}

/* ---- io events ---- */

struct delivery {
    rt_ref to;
    rt_status status;
};

static void deliver_one(struct rt_core *on, void *arg)
{
    struct delivery *delivery = arg;
    struct order_msg msg = {.head = RT_MSG_INIT(NOTE, struct order_msg), .number = 9};
    delivery->status = rt_core_deliver(on, delivery->to, &msg.head);
}

/* Events of the io are turns of their own, inside the poll. */
static void event_of_the_io_is_delivered_in_the_poll(void **state)
{
    (void)state;
    struct delivery delivery = {.to = cast_one(&robot_type, RT_REF_NONE)};
    fake_run(&world);
    world.ios[0]->on_poll = deliver_one;
    world.ios[0]->on_poll_arg = &delivery;
    rt_core_turn(core, 0);
    assert_int_equal(delivery.status, RT_OK);
    assert_int_equal(notes.items[0].number, 9);
}

/* ---- faults ---- */

static bool strike_one_site(void *arg, enum rt_fault_site site)
{
    return site == *(enum rt_fault_site *)arg;
}

/* The simulator makes every allocation fail that can: each is refused as in real want. */
static void injected_faults_look_like_exhaustion(void **state)
{
    (void)state;
    enum rt_fault_site site = RT_FAULT_MSG;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    rt_ref b = cast_one(&clock_type, RT_REF_NONE);
    fake_run(&world);
    rt_fault_set(strike_one_site, &site);
    struct order_msg msg = {0};
    order_now(a, &msg, SELF_SEND);
    assert_int_equal(msg.status, RT_FULL);
    site = RT_FAULT_POOL;
    order_now(a, &msg, SPAWN);
    assert_int_equal(msg.status, RT_FULL);
    site = RT_FAULT_TIMER;
    order_now(b, &msg, (enum order)START_TIMER);
    assert_int_equal(msg.status, RT_FULL);
    site = RT_FAULT_BUF;
    assert_null(rt_buf_new(rt_core_bufs(core), 1));
}

/* ---- introspection ---- */

static void find_robot(const struct rt_actor_info *info, void *arg)
{
    *(struct rt_actor_info *)arg = *info;
}

/* What an operator sees of an actor must be what happened. */
static void counters_tell_what_happened(void **state)
{
    (void)state;
    struct rt_actor_info info;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    fake_run(&world);
    struct order_msg msg = {0};
    order_now(a, &msg, SELF_SEND);
    order_now(a, &msg, SELF_SEND);
    fake_run(&world);
    rt_core_actors(core, find_robot, &info);
    assert_int_equal(info.ref, a);
    assert_string_equal(info.name, "robot");
    assert_int_equal(info.messages, 4);
    assert_int_equal(info.mailbox_high, 2);
    assert_int_equal(info.mailbox_count, 0);
    assert_int_equal(atomic_load(&rt_core_counters(core)->messages), 4);
    assert_int_equal(atomic_load(&rt_core_counters(core)->actors), 1);
}

/* Memory is bounded because all of it is there from the start: work allocates nothing. */
static void running_core_allocates_nothing(void **state)
{
    (void)state;
    rt_ref a = cast_one(&robot_type, RT_REF_NONE);
    rt_ref b = cast_one(&clock_type, RT_REF_NONE);
    assert_int_equal(rt_core_prepare(core, &mortal_type), RT_OK);
    fake_run(&world);
    struct mallinfo2 before = mallinfo2();
    struct order_msg msg = {0};
    for (unsigned i = 0; i < 100; i++) {
        order_now(a, &msg, SPAWN);
        order_now(a, &msg, SELF_SEND);
        start_timer(b, i * RT_NS_PER_MS, i);
        rt_core_kill(core, a);
        struct rt_buf *buf = rt_buf_new(rt_core_bufs(core), 100);
        fake_run(&world);
        rt_buf_unref(NULL, buf);
        notes.count = 0;
        fake_run_until(&world, world.ios[0]->now_ns + RT_NS_PER_S);
    }
    struct mallinfo2 after = mallinfo2();
    assert_true(before.uordblks == after.uordblks);
    assert_true(before.hblks == after.hblks);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(cast_actors_have_refs_at_once_and_start_in_the_first_turn),
        TEST(messages_arrive_in_the_order_they_were_sent),
        TEST(full_mailbox_refuses_and_takes_again_after_a_turn),
        TEST(buf_of_a_message_is_released_unless_kept),
        TEST(exhausted_message_pool_refuses_and_loses_no_child),
        TEST(actors_take_turns_of_bounded_length),
        TEST(turn_end_hooks_run_once_a_loop_turn),
        TEST(timer_comes_as_a_message_at_its_time),
        TEST(cancelled_timer_never_comes),
        TEST(timers_die_with_the_state_that_started_them),
        TEST(event_of_the_io_is_delivered_in_the_poll),
        TEST(injected_faults_look_like_exhaustion),
        TEST(counters_tell_what_happened),
        TEST(running_core_allocates_nothing),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
