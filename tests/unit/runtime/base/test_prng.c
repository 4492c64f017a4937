/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/prng.h"

/* Replaying a failure rests on this. */
static void same_seed_gives_the_same_numbers(void **state)
{
    (void)state;
    struct rt_prng a, b, c;
    unsigned equal = 0;
    rt_prng_init(&a, 1);
    rt_prng_init(&b, 1);
    rt_prng_init(&c, 2);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t value = rt_prng_next(&a);
        assert_true(value == rt_prng_next(&b));
        equal += value == rt_prng_next(&c);
    }
    assert_int_equal(equal, 0);
}

/* The published numbers of the two generators: another machine gets the same run. */
static void numbers_are_those_of_xoshiro_and_splitmix(void **state)
{
    (void)state;
    struct rt_prng prng;
    rt_prng_init(&prng, 0);
    assert_true(prng.state[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(prng.state[1] == UINT64_C(0x6e789e6aa1b965f4));
    prng = (struct rt_prng){{1, 2, 3, 4}};
    assert_true(rt_prng_next(&prng) == 11520);
    assert_true(rt_prng_next(&prng) == 0);
    assert_true(rt_prng_next(&prng) == 1509978240);
}

/* The choice among servers must not prefer some of them. */
static void below_is_uniform_and_within_its_bound(void **state)
{
    (void)state;
    enum { BOUND = 7, DRAWS = 70000 };
    struct rt_prng prng;
    unsigned counts[BOUND] = {0};
    rt_prng_init(&prng, 3);
    for (unsigned i = 0; i < DRAWS; i++) {
        uint64_t value = rt_prng_below(&prng, BOUND);
        assert_true(value < BOUND);
        counts[value]++;
    }
    for (unsigned i = 0; i < BOUND; i++) {
        assert_in_range(counts[i], DRAWS / BOUND - 500, DRAWS / BOUND + 500);
    }
    assert_int_equal(rt_prng_below(&prng, 0), 0);
    assert_int_equal(rt_prng_below(&prng, 1), 0);
    assert_true(rt_prng_below(&prng, UINT64_MAX) < UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_gives_the_same_numbers),
        cmocka_unit_test(numbers_are_those_of_xoshiro_and_splitmix),
        cmocka_unit_test(below_is_uniform_and_within_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
