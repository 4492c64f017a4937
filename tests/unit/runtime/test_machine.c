/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "tests/unit/runtime/fake_io.h"

/* Several cores: messages between them, on one thread and on several. */

enum { NOTE = 1, EXIT, FORWARD };

struct number_msg {
    struct rt_msg head;
    uint64_t number;
    rt_ref target;
    rt_status status;
};

enum { SEEN_MAX = 8192 };
static struct seen {
    uint32_t count;
    struct {
        uint16_t type, lost_type;
        uint64_t number, cookie;
        rt_ref from, ref;
        rt_status why;
    } items[SEEN_MAX];
} seen;

static const char *msg_name(uint16_t type)
{
    (void)type;
    return "message";
}

static rt_status start(struct rt_ctx *ctx, void *state, const void *args)
{
    (void)ctx, (void)state, (void)args;
    return RT_OK;
}

/* Notes everything; FORWARD sends what is given on to `target`. */
static void receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct number_msg *number = (struct number_msg *)msg;
    (void)state;
    if (msg->type == FORWARD) {
        struct number_msg copy = {.head = RT_MSG_INIT(NOTE, struct number_msg),
                                  .number = number->number};
        copy.head.buf = msg->buf;
        copy.head.cookie = msg->cookie;
        number->status = rt_send(ctx, number->target, &copy.head);
        assert_true((copy.head.buf == NULL) == (number->status == RT_OK || msg->buf == NULL));
        msg->buf = copy.head.buf;
        return;
    }
    if (msg->type == EXIT) {
        rt_exit(ctx);
        return;
    }
    RT_CHECK(seen.count < SEEN_MAX);
    seen.items[seen.count].type = msg->type;
    seen.items[seen.count].from = msg->from;
    seen.items[seen.count].cookie = msg->cookie;
    if (msg->type == RT_MSG_UNDELIVERED) {
        struct rt_msg_undelivered *back = (struct rt_msg_undelivered *)msg;
        seen.items[seen.count].ref = back->to;
        seen.items[seen.count].why = back->why;
        seen.items[seen.count].lost_type = back->lost_type;
    } else if (msg->type == RT_MSG_CHILD_ENDED) {
        seen.items[seen.count].ref = ((struct rt_msg_child_ended *)msg)->child;
    } else {
        seen.items[seen.count].number = number->number;
    }
    seen.count++;
}

static const struct rt_actor_type plain_type = {
    .name = "plain",
    .state_size = 8,
    .actors_max = 8,
    .mailbox_cap = 16,
    .restart = RT_RESTART_NEVER,
    .msg_name = msg_name,
    .start = start,
    .receive = receive,
};

static struct fake_world world;

static void open_world(unsigned cores_count)
{
    seen = (struct seen){0};
    fake_world_open(&world, cores_count, false, NULL);
}

static rt_ref cast_on(unsigned core, rt_ref parent)
{
    rt_ref ref;
    assert_int_equal(rt_core_cast(fake_core(&world, core), &plain_type, NULL, parent, &ref), RT_OK);
    return ref;
}

/* Makes `from` send one number to `to`, in a turn of its own. */
static rt_status forward(rt_ref from, rt_ref to, uint64_t number, struct rt_buf **buf)
{
    struct number_msg msg = {
        .head = RT_MSG_INIT(FORWARD, struct number_msg), .number = number, .target = to};
    msg.head.cookie = number;
    msg.head.buf = buf != NULL ? *buf : NULL;
    assert_int_equal(rt_core_deliver(fake_core(&world, rt_ref_core(from)), from, &msg.head), RT_OK);
    if (buf != NULL) {
        *buf = msg.head.buf;
    }
    return msg.status;
}

/* The desk of another core gets questions in the order in which a listener has sent them. */
static void messages_cross_cores_in_order(void **state)
{
    (void)state;
    open_world(2);
    rt_ref a = cast_on(0, RT_REF_NONE), b = cast_on(1, RT_REF_NONE);
    fake_run(&world);
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(forward(a, b, i, NULL), RT_OK);
    }
    assert_true(rt_core_has_work(fake_core(&world, 1)));
    fake_run(&world);
    assert_int_equal(seen.count, 10);
    for (uint64_t i = 0; i < 10; i++) {
        assert_int_equal(seen.items[i].number, i);
        assert_int_equal(seen.items[i].from, a);
    }
    rt_machine_close(world.machine);
}

/* A client must be told: what did not reach its mailbox comes back, without its buf. */
static void message_to_the_dead_on_another_core_comes_back(void **state)
{
    (void)state;
    open_world(2);
    rt_ref a = cast_on(0, RT_REF_NONE), b = cast_on(1, RT_REF_NONE);
    fake_run(&world);
    rt_core_kill(fake_core(&world, 1), b);
    struct rt_buf_pool *bufs = rt_core_bufs(fake_core(&world, 0));
    struct rt_buf *buf = rt_buf_new(bufs, 100);
    assert_int_equal(forward(a, b, 77, &buf), RT_OK);
    assert_null(buf);
    fake_run(&world);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.items[0].type, RT_MSG_UNDELIVERED);
    assert_int_equal(seen.items[0].why, RT_GONE);
    assert_int_equal(seen.items[0].ref, b);
    assert_int_equal(seen.items[0].cookie, 77);
    assert_int_equal(seen.items[0].lost_type, NOTE);
    assert_int_equal(rt_buf_pool_in_use(bufs), 0);
    rt_machine_close(world.machine);
}

/* The same for a full mailbox: every message is either delivered or comes back, none is lost. */
static void overflow_of_a_mailbox_on_another_core_comes_back(void **state)
{
    (void)state;
    enum { SENT = 50 };
    open_world(2);
    rt_ref a = cast_on(0, RT_REF_NONE), b = cast_on(1, RT_REF_NONE);
    fake_run(&world);
    for (uint64_t i = 0; i < SENT; i++) {
        assert_int_equal(forward(a, b, i, NULL), RT_OK);
    }
    fake_run(&world);
    assert_int_equal(seen.count, SENT);
    unsigned delivered = 0, returned = 0;
    for (uint32_t i = 0; i < seen.count; i++) {
        delivered += seen.items[i].type == NOTE;
        if (seen.items[i].type == RT_MSG_UNDELIVERED) {
            returned++;
            assert_int_equal(seen.items[i].why, RT_FULL);
        }
    }
    assert_int_equal(delivered, plain_type.mailbox_cap);
    assert_int_equal(returned, SENT - plain_type.mailbox_cap);
    rt_machine_close(world.machine);
}

/* A core that is stalled fills its ring; who sends to it learns so at once and keeps the buf. */
static void full_ring_refuses_at_once(void **state)
{
    (void)state;
    open_world(2);
    rt_ref a = cast_on(0, RT_REF_NONE), b = cast_on(1, RT_REF_NONE);
    fake_run(&world);
    for (uint64_t i = 0; i < RT_REMOTE_SLOTS; i++) {
        assert_int_equal(forward(a, b, i, NULL), RT_OK);
    }
    struct rt_buf_pool *bufs = rt_core_bufs(fake_core(&world, 0));
    struct rt_buf *buf = rt_buf_new(bufs, 100);
    assert_int_equal(forward(a, b, 0, &buf), RT_FULL);
    assert_non_null(buf);
    rt_buf_unref(bufs, buf);
    fake_run(&world);
    assert_int_equal(seen.count, RT_REMOTE_SLOTS); /* Each one delivered or sent back. */
    rt_machine_close(world.machine);
}

/* Notices that find the ring of their core full wait, and arrive when it has room. */
static void notices_wait_for_a_full_ring(void **state)
{
    (void)state;
    open_world(2);
    rt_ref a = cast_on(0, RT_REF_NONE), b = cast_on(1, RT_REF_NONE);
    rt_ref child = cast_on(1, a);
    fake_run(&world);
    for (uint64_t i = 0; i < RT_REMOTE_SLOTS; i++) {
        assert_int_equal(forward(b, a, i, NULL), RT_OK); /* Core 0 stands still meanwhile. */
    }
    rt_core_kill(fake_core(&world, 1), child);
    rt_core_turn(fake_core(&world, 1), 0);
    rt_core_turn(fake_core(&world, 1), 0);
    assert_false(rt_core_has_work(fake_core(&world, 1)));
    assert_true(rt_core_next_deadline(fake_core(&world, 1)) != UINT64_MAX);
    fake_run(&world);
    fake_run_until(&world, world.ios[1]->now_ns + 2 * RT_NS_PER_MS);
    unsigned ends = 0;
    for (uint32_t i = 0; i < seen.count; i++) {
        ends += seen.items[i].type == RT_MSG_CHILD_ENDED && seen.items[i].ref == child;
    }
    assert_int_equal(ends, 1);
    rt_machine_close(world.machine);
}

/* The supervisor lives on one core, what it supervises on all. */
static void parent_on_another_core_hears_of_the_end(void **state)
{
    (void)state;
    open_world(2);
    rt_ref a = cast_on(0, RT_REF_NONE);
    rt_ref child = cast_on(1, a);
    fake_run(&world);
    struct number_msg msg = {.head = RT_MSG_INIT(EXIT, struct number_msg)};
    assert_int_equal(rt_core_inject(fake_core(&world, 1), child, &msg.head), RT_OK);
    fake_run(&world);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.items[0].type, RT_MSG_CHILD_ENDED);
    assert_int_equal(seen.items[0].ref, child);
    rt_machine_close(world.machine);
}

/* A signal gets through while the ring between the cores is full. */
static void injection_has_slots_of_its_own_and_a_bound(void **state)
{
    (void)state;
    open_world(2);
    rt_ref a = cast_on(0, RT_REF_NONE), b = cast_on(1, RT_REF_NONE);
    fake_run(&world);
    for (uint64_t i = 0; i < RT_REMOTE_SLOTS; i++) {
        assert_int_equal(forward(a, b, i, NULL), RT_OK);
    }
    struct number_msg msg = {.head = RT_MSG_INIT(NOTE, struct number_msg)};
    for (unsigned i = 0; i < RT_INJECT_SLOTS; i++) {
        assert_int_equal(rt_core_inject(fake_core(&world, 1), b, &msg.head), RT_OK);
    }
    assert_int_equal(rt_core_inject(fake_core(&world, 1), b, &msg.head), RT_FULL);
    fake_run(&world);
    rt_machine_close(world.machine);
}

/* Addresses come over the wire of messages: a wrong one is RT_GONE, never a crash. */
static void address_outside_the_machine_is_gone(void **state)
{
    (void)state;
    open_world(1);
    rt_ref a = cast_on(0, RT_REF_NONE);
    fake_run(&world);
    assert_int_equal(forward(a, RT_REF_NONE, 1, NULL), RT_GONE);
    assert_int_equal(forward(a, UINT64_MAX, 1, NULL), RT_GONE);
    assert_int_equal(forward(a, UINT64_C(3) << 56 | 1, 1, NULL), RT_GONE);
    rt_machine_close(world.machine);
}

/* Bufs lie in rings and mailboxes of any core when the machine ends. */
static void close_finds_every_buf(void **state)
{
    (void)state;
    open_world(3);
    rt_ref a = cast_on(0, RT_REF_NONE), b = cast_on(1, RT_REF_NONE), c = cast_on(2, RT_REF_NONE);
    fake_run(&world);
    struct rt_buf *buf = rt_buf_new(rt_core_bufs(fake_core(&world, 0)), 100);
    assert_int_equal(forward(a, b, 1, &buf), RT_OK); /* Into the ring, and there it stays. */
    buf = rt_buf_new(rt_core_bufs(fake_core(&world, 2)), 100);
    assert_int_equal(forward(c, a, 1, &buf), RT_OK);
    buf = rt_buf_new(rt_core_bufs(fake_core(&world, 1)), 100);
    assert_int_equal(forward(b, b, 1, &buf), RT_OK); /* In a mailbox. */
    rt_machine_close(world.machine);                 /* Checks that every pool is whole. */
    assert_int_equal(seen.count, 0);
}

/* ---- threads ---- */

enum { PAIRS = 8, ROUNDS = 20000, BALL = 200, THREADS = 3 };

/* A ball goes round the cores; each core waits for it, so each hop needs a wake-up. Every tenth
 * carries a buf, made on one core, released on another. */
struct ball {
    struct rt_msg head;
    uint32_t hops;
};

struct court {
    _Atomic uint32_t balls_done, lost;
    rt_ref players[PAIRS][THREADS];
};

struct player {
    uint32_t number;
};

static rt_status player_start(struct rt_ctx *ctx, void *state, const void *args)
{
    (void)ctx;
    ((struct player *)state)->number = (uint32_t)(uintptr_t)args;
    return RT_OK;
}

static void throw_ball(struct rt_ctx *ctx, struct player *self, uint32_t hops, struct rt_buf *buf)
{
    struct court *court = rt_services(ctx);
    unsigned next = (rt_core_index(ctx) + 1) % THREADS;
    struct ball ball = {.head = RT_MSG_INIT(BALL, struct ball), .hops = hops + 1};
    if (buf != NULL) {
        assert_int_equal(buf->size, 4);
        uint32_t written;
        memcpy(&written, buf->data, 4);
        assert_int_equal(written, self->number);
    } else if (hops % 10 == 0) {
        buf = rt_buf_new(rt_bufs(ctx), 4);
        if (buf != NULL) {
            buf->size = 4;
            memcpy(buf->data, &self->number, 4);
        }
    } else {
        buf = NULL;
    }
    ball.head.buf = hops % 10 == 9 ? NULL : buf;
    if (ball.head.buf == NULL) {
        rt_buf_unref(rt_bufs(ctx), buf);
    }
    if (rt_send(ctx, court->players[self->number][next], &ball.head) != RT_OK) {
        rt_buf_unref(rt_bufs(ctx), ball.head.buf);
        atomic_fetch_add(&court->lost, 1);
    }
}

static void player_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct court *court = rt_services(ctx);
    if (msg->type != BALL) {
        atomic_fetch_add(&court->lost, 1);
        return;
    }
    struct ball *ball = (struct ball *)msg;
    if (ball->hops >= ROUNDS) {
        atomic_fetch_add(&court->balls_done, 1);
        return;
    }
    struct rt_buf *buf = msg->buf;
    msg->buf = NULL;
    throw_ball(ctx, state, ball->hops, buf);
}

static const struct rt_actor_type player_type = {
    .name = "player",
    .state_size = sizeof(struct player),
    .actors_max = PAIRS,
    .mailbox_cap = 16,
    .restart = RT_RESTART_ALWAYS,
    .msg_name = msg_name,
    .start = player_start,
    .receive = player_receive,
};

static void *run_core(void *core)
{
    rt_core_run(core);
    return NULL;
}

/* No wake-up may be lost: a core that sleeps over a message leaves its clients without answers.
 * Under ThreadSanitizer this is also the proof of the memory orders. */
static void balls_between_threads_never_get_stuck(void **state)
{
    (void)state;
    struct court court = {0};
    pthread_t threads[THREADS];
    fake_world_open(&world, THREADS, true, &court);
    for (unsigned i = 0; i < PAIRS; i++) {
        for (unsigned core = 0; core < THREADS; core++) {
            assert_int_equal(rt_core_cast(fake_core(&world, core), &player_type,
                                          (void *)(uintptr_t)i, RT_REF_NONE,
                                          &court.players[i][core]),
                             RT_OK);
        }
    }
    alarm(100); /* A lost wake-up is a hang. */
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, run_core, fake_core(&world, i));
    }
    for (unsigned i = 0; i < PAIRS; i++) {
        struct ball ball = {.head = RT_MSG_INIT(BALL, struct ball)};
        while (rt_core_inject(fake_core(&world, i % THREADS), court.players[i][i % THREADS],
                              &ball.head) != RT_OK) {
            sched_yield();
        }
    }
    while (atomic_load(&court.balls_done) < PAIRS) {
        usleep(1000);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        rt_core_stop(fake_core(&world, i));
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    alarm(0);
    assert_int_equal(atomic_load(&court.lost), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        const struct rt_core_counters *counters = rt_core_counters(fake_core(&world, i));
        assert_int_equal(atomic_load(&counters->remote_full), 0);
        assert_true(atomic_load(&counters->remote_sent) > 0);
    }
    rt_machine_close(world.machine);
}

struct bell {
    _Atomic uint64_t rung;
};

static void bell_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct bell *bell = rt_services(ctx);
    (void)state, (void)msg;
    atomic_fetch_add(&bell->rung, 1);
}

static const struct rt_actor_type bell_type = {
    .name = "bell",
    .state_size = sizeof(struct player),
    .actors_max = 1,
    .mailbox_cap = 1,
    .msg_name = msg_name,
    .start = player_start,
    .receive = bell_receive,
};

/* One message at a time, at every possible moment of a core that is about to sleep: a single lost
 * wake-up is a hang. The core runs through most of its waits, so that the moment between its last
 * look at the ring and its sleep comes often. */
static void message_is_never_slept_over(void **state)
{
    (void)state;
    enum { RINGS = 200000 };
    struct bell bell = {0};
    struct rt_prng prng;
    pthread_t thread;
    rt_ref ref;
    fake_world_open(&world, 1, true, &bell);
    world.ios[0]->waits_every = 3;
    struct rt_core *core = fake_core(&world, 0);
    assert_int_equal(rt_core_cast(core, &bell_type, NULL, RT_REF_NONE, &ref), RT_OK);
    rt_prng_init(&prng, 1);
    alarm(100);
    pthread_create(&thread, NULL, run_core, core);
    for (uint64_t i = 0; i < RINGS; i++) {
        struct rt_msg msg = RT_MSG_INIT(BALL, struct rt_msg);
        for (uint64_t spins = rt_prng_below(&prng, 300); spins > 0; spins--) {
            atomic_load_explicit(&bell.rung, memory_order_relaxed);
        }
        assert_int_equal(rt_core_inject(core, ref, &msg), RT_OK);
        for (uint64_t began_ns = 0; atomic_load(&bell.rung) != i + 1;) {
            sched_yield();
            uint64_t now_ns = fake_now_ns(&world.ios[0]->base);
            began_ns = began_ns == 0 ? now_ns : began_ns;
            assert_true(now_ns - began_ns < 10 * RT_NS_PER_S);
        }
    }
    rt_core_stop(core);
    pthread_join(thread, NULL);
    alarm(0);
    rt_machine_close(world.machine);
}

/* rt_core_stop comes from any thread at any time, also while the core is about to sleep. */
static void stop_from_another_thread_ends_a_sleeping_core(void **state)
{
    (void)state;
    alarm(100);
    for (unsigned i = 0; i < 200; i++) {
        pthread_t thread;
        struct court court = {0};
        fake_world_open(&world, 1, true, &court);
        pthread_create(&thread, NULL, run_core, fake_core(&world, 0));
        if (i % 2 == 0) {
            usleep(i * 10);
        }
        rt_core_stop(fake_core(&world, 0));
        pthread_join(thread, NULL);
        rt_machine_close(world.machine);
    }
    alarm(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_cross_cores_in_order),
        cmocka_unit_test(message_to_the_dead_on_another_core_comes_back),
        cmocka_unit_test(overflow_of_a_mailbox_on_another_core_comes_back),
        cmocka_unit_test(full_ring_refuses_at_once),
        cmocka_unit_test(notices_wait_for_a_full_ring),
        cmocka_unit_test(parent_on_another_core_hears_of_the_end),
        cmocka_unit_test(injection_has_slots_of_its_own_and_a_bound),
        cmocka_unit_test(address_outside_the_machine_is_gone),
        cmocka_unit_test(close_finds_every_buf),
        cmocka_unit_test(balls_between_threads_never_get_stuck),
        cmocka_unit_test(message_is_never_slept_over),
        cmocka_unit_test(stop_from_another_thread_ends_a_sleeping_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
