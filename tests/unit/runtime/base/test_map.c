/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/map.h"
#include "runtime/base/prng.h"

/* Tables refuse instead of growing: the caller sheds. */
static void put_refuses_a_new_key_when_full_but_still_changes_an_old_one(void **state)
{
    (void)state;
    struct rt_map map;
    uint32_t value = 0;
    assert_int_equal(rt_map_open(&map, 2), RT_OK);
    assert_int_equal(rt_map_put(&map, 10, 1), RT_OK);
    assert_int_equal(rt_map_put(&map, 20, 2), RT_OK);
    assert_int_equal(rt_map_put(&map, 30, 3), RT_FULL);
    assert_int_equal(rt_map_put(&map, 20, 4), RT_OK);
    assert_true(rt_map_get(&map, 20, &value));
    assert_int_equal(value, 4);
    assert_false(rt_map_get(&map, 30, &value));
    rt_map_close(&map);
}

/* Removal without tombstones moves neighbours: none may get lost, whatever the order. */
static void random_puts_and_removes_agree_with_a_plain_array(void **state)
{
    (void)state;
    enum { KEYS = 300, STEPS = 200000 };
    struct rt_map map;
    struct rt_prng prng;
    uint32_t model[KEYS + 1] = {0};

    rt_prng_init(&prng, 1);
    assert_int_equal(rt_map_open(&map, 200), RT_OK);
    for (unsigned step = 1; step <= STEPS; step++) {
        uint64_t key = 1 + rt_prng_below(&prng, KEYS);
        uint32_t value = 0;
        if (rt_prng_below(&prng, 2) == 0) {
            if (rt_map_put(&map, key, step) == RT_OK) {
                model[key] = step;
            }
        } else {
            assert_int_equal(rt_map_remove(&map, key), model[key] != 0);
            model[key] = 0;
        }
        key = 1 + rt_prng_below(&prng, KEYS);
        assert_int_equal(rt_map_get(&map, key, &value), model[key] != 0);
        assert_int_equal(value, model[key]);
    }
    rt_map_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_refuses_a_new_key_when_full_but_still_changes_an_old_one),
        cmocka_unit_test(random_puts_and_removes_agree_with_a_plain_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
