/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "runtime/base/prng.h"
#include "runtime/timer.h"

#define MS RT_NS_PER_MS

static struct rt_timers timers;
static struct rt_timer_owner owner;

static int setup(void **state)
{
    (void)state;
    owner = (struct rt_timer_owner){0};
    return rt_timers_open(&timers, 1024);
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(timers.in_use, 0);
    rt_timers_close(&timers);
    return 0;
}

/* Walks from deadline to deadline as the simulator does; the time at which one timer fired. */
static uint64_t next_fired(uint64_t *now_ns, uint64_t *cookie)
{
    struct rt_timer_owner *whose;
    for (unsigned steps = 0; steps < 100; steps++) {
        if (rt_timers_take_due(&timers, *now_ns, &whose, cookie)) {
            assert_ptr_equal(whose, &owner);
            return *now_ns;
        }
        uint64_t next_ns = rt_timers_next_ns(&timers);
        if (next_ns == UINT64_MAX) {
            return UINT64_MAX;
        }
        assert_true(next_ns > *now_ns);
        *now_ns = next_ns;
    }
    fail_msg("the wheel does not come to an end");
    return 0;
}

/* From one millisecond to a year: never early, and not a millisecond late. */
static void every_delay_is_met_to_the_millisecond(void **state)
{
    (void)state;
    static const uint64_t delays_ms[] = {
        1,    2,    63,    64,     65,     127,    128,      4095,
        4096, 4097, 60000, 262143, 262144, 262145, 86400000, UINT64_C(31536000000)};
    for (size_t i = 0; i < RT_ARRAY_COUNT(delays_ms); i++) {
        uint64_t now_ns = 1000 * MS + 12345 * i + i * i * MS, start_ns = now_ns, cookie = 0;
        if (now_ns / MS < timers.tick) {
            now_ns = start_ns = timers.tick * MS + 777;
        }
        assert_true(rt_timers_start(&timers, &owner, now_ns, delays_ms[i] * MS, i) != 0);
        uint64_t fired_ns = next_fired(&now_ns, &cookie);
        assert_int_equal(cookie, i);
        assert_true(fired_ns >= start_ns + delays_ms[i] * MS);
        assert_true(fired_ns < start_ns + (delays_ms[i] + 1) * MS);
    }
}

/* A timer of zero delay that starts itself again must let the loop go on. */
static void zero_delay_is_due_in_the_next_millisecond(void **state)
{
    (void)state;
    struct rt_timer_owner *whose;
    uint64_t cookie, now_ns = 1000 * MS;
    rt_timers_start(&timers, &owner, now_ns, 0, 1);
    assert_false(rt_timers_take_due(&timers, now_ns, &whose, &cookie));
    assert_true(rt_timers_take_due(&timers, now_ns + MS, &whose, &cookie));
}

/* "For ever" is a delay that callers compute. */
static void absurd_delay_neither_overflows_nor_fires(void **state)
{
    (void)state;
    struct rt_timer_owner *whose;
    uint64_t cookie;
    rt_timer timer = rt_timers_start(&timers, &owner, 5 * MS, UINT64_MAX, 1);
    assert_true(timer != 0);
    assert_false(rt_timers_take_due(&timers, 1000000 * RT_NS_PER_S, &whose, &cookie));
    assert_true(rt_timers_cancel(&timers, &owner, timer));
    assert_int_equal(rt_timers_next_ns(&timers), UINT64_MAX);
}

/* Handles outlive their timers in the actors' state: an old one must not hit a new timer. */
static void old_handles_and_those_of_others_cancel_nothing(void **state)
{
    (void)state;
    struct rt_timer_owner other = {0}, *whose;
    uint64_t cookie;
    rt_timer first = rt_timers_start(&timers, &owner, 0, 5 * MS, 1);
    assert_false(rt_timers_cancel(&timers, &other, first));
    assert_true(rt_timers_cancel(&timers, &owner, first));
    assert_false(rt_timers_cancel(&timers, &owner, first));
    rt_timer second = rt_timers_start(&timers, &owner, 0, 5 * MS, 2);
    assert_true(second != first);
    assert_false(rt_timers_cancel(&timers, &owner, first));
    assert_false(rt_timers_cancel(&timers, &owner, 0));
    assert_false(rt_timers_cancel(&timers, &owner, UINT64_MAX));
    assert_true(rt_timers_take_due(&timers, 5 * MS, &whose, &cookie));
    assert_int_equal(cookie, 2);
    assert_false(rt_timers_cancel(&timers, &owner, second));
}

/* Deadlines die with their actor. */
static void drop_cancels_all_of_one_owner_and_nothing_else(void **state)
{
    (void)state;
    struct rt_timer_owner other = {0}, *whose;
    uint64_t cookie;
    for (uint64_t i = 0; i < 20; i++) {
        rt_timers_start(&timers, &owner, 0, i * i * 50 * MS, i);
    }
    rt_timers_start(&timers, &other, 0, 100 * MS, 99);
    rt_timers_drop(&timers, &owner);
    assert_int_equal(timers.in_use, 1);
    assert_true(rt_timers_take_due(&timers, 100 * MS, &whose, &cookie));
    assert_ptr_equal(whose, &other);
}

/* The bound is felt as 0, and a free entry is used again. */
static void exhausted_timers_give_zero(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1024; i++) {
        assert_true(rt_timers_start(&timers, &owner, 0, MS, i) != 0);
    }
    assert_int_equal(rt_timers_start(&timers, &owner, 0, MS, 0), 0);
    rt_timers_drop(&timers, &owner);
    rt_timer timer = rt_timers_start(&timers, &owner, 0, MS, 0);
    assert_true(timer != 0);
    assert_true(rt_timers_cancel(&timers, &owner, timer));
}

/* ---- against a model ---- */

enum { MODEL = 300, STEPS = 20000 };

struct model {
    rt_timer timer;
    uint64_t due_ns;
};

static uint64_t random_delay(struct rt_prng *prng)
{
    return rt_prng_below(prng, UINT64_C(1) << rt_prng_below(prng, 44));
}

/* Random starts, cancels and jumps of the clock against a plain list: what is due fires, once,
 * and next_ns never tells a time after the earliest deadline. */
static void wheel_agrees_with_a_plain_list(void **state)
{
    (void)state;
    struct rt_prng prng;
    struct model model[MODEL] = {{0}};
    uint64_t now_ns = 123456789;
    rt_prng_init(&prng, 42);
    for (unsigned step = 0; step < STEPS; step++) {
        struct model *m = &model[rt_prng_below(&prng, MODEL)];
        if (m->timer != 0 && rt_prng_below(&prng, 3) == 0) {
            assert_true(rt_timers_cancel(&timers, &owner, m->timer));
            m->timer = 0;
        } else if (m->timer == 0) {
            uint64_t delay_ns = random_delay(&prng);
            m->timer = rt_timers_start(&timers, &owner, now_ns, delay_ns, (uint64_t)(m - model));
            m->due_ns = now_ns + delay_ns;
        }
        uint64_t earliest_ns = UINT64_MAX, cookie;
        for (unsigned i = 0; i < MODEL; i++) {
            if (model[i].timer != 0 && model[i].due_ns < earliest_ns) {
                earliest_ns = model[i].due_ns;
            }
        }
        if (earliest_ns != UINT64_MAX) {
            assert_true(rt_timers_next_ns(&timers) < earliest_ns + 2 * MS);
        }
        now_ns += random_delay(&prng) / 16;
        struct rt_timer_owner *whose;
        while (rt_timers_take_due(&timers, now_ns, &whose, &cookie)) {
            assert_true(cookie < MODEL && model[cookie].timer != 0);
            assert_true(model[cookie].due_ns <= now_ns);
            model[cookie].timer = 0;
        }
        for (unsigned i = 0; i < MODEL; i++) {
            assert_true(model[i].timer == 0 || model[i].due_ns + 2 * MS > now_ns);
        }
    }
    rt_timers_drop(&timers, &owner);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_delay_is_met_to_the_millisecond),
        TEST(zero_delay_is_due_in_the_next_millisecond),
        TEST(absurd_delay_neither_overflows_nor_fires),
        TEST(old_handles_and_those_of_others_cancel_nothing),
        TEST(drop_cancels_all_of_one_owner_and_nothing_else),
        TEST(exhausted_timers_give_zero),
        TEST(wheel_agrees_with_a_plain_list),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
