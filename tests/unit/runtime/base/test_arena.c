/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "runtime/base/arena.h"
#include "runtime/base/fault.h"

static struct rt_arena_pool *pool;

static int setup(void **state)
{
    (void)state;
    return rt_arena_pool_open(&pool, 3, 1);
}

static int teardown(void **state)
{
    (void)state;
    rt_fault_set(NULL, NULL);
    assert_int_equal(rt_arena_pool_in_use(pool), 0);
    rt_arena_pool_close(pool);
    return 0;
}

/* Parsers put structs next to odd-sized names and rely on both properties. */
static void allocations_are_aligned_and_zeroed_also_after_reuse(void **state)
{
    (void)state;
    struct rt_arena arena;
    rt_arena_init(&arena, pool, 64 * 1024);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t size = 1; size < 200; size += 7) {
            uint8_t *bytes = rt_arena_alloc(&arena, size);
            assert_non_null(bytes);
            assert_int_equal((uintptr_t)bytes % 16, 0);
            for (size_t i = 0; i < size; i++) {
                assert_int_equal(bytes[i], 0);
            }
            memset(bytes, 0xAA, size);
        }
        rt_arena_reset(&arena);
    }
}

/* One query cannot take the memory of all: its bound holds while the pool has more. */
static void bound_of_the_arena_holds(void **state)
{
    (void)state;
    struct rt_arena arena;
    rt_arena_init(&arena, pool, 1024);
    assert_non_null(rt_arena_alloc(&arena, 1000));
    assert_non_null(rt_arena_alloc(&arena, 16));
    assert_null(rt_arena_alloc(&arena, 1));
    rt_arena_reset(&arena);
    assert_non_null(rt_arena_alloc(&arena, 1024));
    rt_arena_reset(&arena);
}

/* The pool's end is an answer, not a crash, and other arenas' memory comes back to it. */
static void exhausted_pool_gives_null_and_recovers(void **state)
{
    (void)state;
    struct rt_arena a, b;
    rt_arena_init(&a, pool, 1 << 20);
    rt_arena_init(&b, pool, 1 << 20);
    for (unsigned i = 0; i < 3; i++) {
        assert_non_null(rt_arena_alloc(&a, RT_ARENA_CHUNK_BYTES));
    }
    assert_null(rt_arena_alloc(&b, 1));
    rt_arena_reset(&a);
    assert_non_null(rt_arena_alloc(&b, 1));
    rt_arena_reset(&b);
}

/* A parsed message of the largest size is one piece. */
static void large_allocation_comes_from_a_large_chunk(void **state)
{
    (void)state;
    struct rt_arena arena;
    rt_arena_init(&arena, pool, 200 * 1024);
    uint8_t *large = rt_arena_alloc(&arena, RT_ARENA_CHUNK_BYTES + 1);
    assert_non_null(large);
    large[RT_ARENA_CHUNK_BYTES] = 1;
    assert_non_null(rt_arena_alloc(&arena, 100)); /* From what is left of that chunk. */
    assert_int_equal(rt_arena_pool_in_use(pool), 1);
    assert_null(rt_arena_alloc(&arena, RT_ARENA_LARGE_BYTES));
    assert_null(rt_arena_alloc(&arena, RT_ARENA_LARGE_BYTES + 1));
    assert_null(rt_arena_alloc(&arena, SIZE_MAX));
    rt_arena_reset(&arena);
    assert_non_null(rt_arena_alloc(&arena, RT_ARENA_LARGE_BYTES));
    rt_arena_reset(&arena);
}

/* Neighbours do not overlap, across chunks neither. */
static void allocations_keep_their_content(void **state)
{
    (void)state;
    enum { COUNT = 60 };
    struct rt_arena arena;
    uint8_t pattern[700], *copies[COUNT];
    rt_arena_init(&arena, pool, 1 << 20);
    for (unsigned i = 0; i < COUNT; i++) {
        memset(pattern, (int)i, sizeof(pattern));
        copies[i] = rt_arena_copy(&arena, pattern, sizeof(pattern));
        assert_non_null(copies[i]);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        memset(pattern, (int)i, sizeof(pattern));
        assert_memory_equal(copies[i], pattern, sizeof(pattern));
    }
    rt_arena_reset(&arena);
}

static bool always(void *arg, enum rt_fault_site site)
{
    (void)arg;
    return site == RT_FAULT_ARENA;
}

/* The simulator makes allocations fail; nothing may have happened then. */
static void injected_fault_takes_nothing(void **state)
{
    (void)state;
    struct rt_arena arena;
    rt_arena_init(&arena, pool, 1024);
    rt_fault_set(always, NULL);
    assert_null(rt_arena_alloc(&arena, 1));
    assert_null(rt_arena_copy(&arena, "x", 1));
    assert_int_equal(rt_arena_pool_in_use(pool), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(allocations_are_aligned_and_zeroed_also_after_reuse),
        TEST(bound_of_the_arena_holds),
        TEST(exhausted_pool_gives_null_and_recovers),
        TEST(large_allocation_comes_from_a_large_chunk),
        TEST(allocations_keep_their_content),
        TEST(injected_fault_takes_nothing),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
