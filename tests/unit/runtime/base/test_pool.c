/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "runtime/base/fault.h"
#include "runtime/base/pool.h"

/* States of actors are zeroed before start, also in a block that somebody else had. */
static void blocks_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    enum { COUNT = 5, SIZE = 33 };
    struct rt_pool pool;
    uint8_t *blocks[COUNT];
    assert_int_equal(rt_pool_open(&pool, SIZE, COUNT), RT_OK);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < COUNT; i++) {
            static const uint8_t zeroes[SIZE];
            blocks[i] = rt_pool_take(&pool);
            assert_non_null(blocks[i]);
            assert_int_equal((uintptr_t)blocks[i] % 16, 0);
            assert_memory_equal(blocks[i], zeroes, SIZE);
        }
        assert_null(rt_pool_take(&pool));
        for (unsigned i = 0; i < COUNT; i++) {
            memset(blocks[i], 0xFF, SIZE);
        }
        for (unsigned i = 0; i < COUNT; i++) {
            assert_int_equal(blocks[i][0], 0xFF);
            rt_pool_give(&pool, blocks[i]);
        }
    }
    assert_int_equal(pool.in_use, 0);
    assert_int_equal(pool.in_use_max, COUNT);
    rt_pool_close(&pool);
}

/* A type without actors and a state without bytes are odd but legal. */
static void nothing_can_be_pooled(void **state)
{
    (void)state;
    struct rt_pool pool;
    assert_int_equal(rt_pool_open(&pool, 100, 0), RT_OK);
    assert_null(rt_pool_take(&pool));
    rt_pool_close(&pool);
    assert_int_equal(rt_pool_open(&pool, 0, 1), RT_OK);
    void *block = rt_pool_take(&pool);
    assert_non_null(block);
    rt_pool_give(&pool, block);
    rt_pool_close(&pool);
}

static bool every_second(void *arg, enum rt_fault_site site)
{
    unsigned *calls = arg;
    return site == RT_FAULT_POOL && ++*calls % 2 == 0;
}

/* A fault looks like exhaustion to the caller and takes nothing. */
static void injected_fault_gives_null_once(void **state)
{
    (void)state;
    struct rt_pool pool;
    unsigned calls = 0;
    assert_int_equal(rt_pool_open(&pool, 8, 4), RT_OK);
    rt_fault_set(every_second, &calls);
    void *block = rt_pool_take(&pool);
    assert_non_null(block);
    assert_null(rt_pool_take(&pool));
    assert_int_equal(pool.in_use, 1);
    rt_fault_set(NULL, NULL);
    rt_pool_give(&pool, block);
    rt_pool_close(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_aligned_and_apart),
        cmocka_unit_test(nothing_can_be_pooled),
        cmocka_unit_test(injected_fault_gives_null_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
