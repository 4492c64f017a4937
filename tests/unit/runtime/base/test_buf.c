/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "runtime/base/buf.h"

static const struct rt_buf_pool_options few = {.small_count = 2, .large_count = 1, .huge_count = 1};

/* The smallest class that fits, a larger one when that is empty, then nothing. */
static void classes_serve_for_each_other_upwards_only(void **state)
{
    (void)state;
    struct rt_buf_pool *pool;
    struct rt_buf *bufs[4];
    assert_int_equal(rt_buf_pool_open(&pool, &few), RT_OK);
    for (unsigned i = 0; i < 4; i++) {
        bufs[i] = rt_buf_new(pool, 100);
        assert_non_null(bufs[i]);
        assert_int_equal(bufs[i]->size, 0);
    }
    assert_int_equal(bufs[0]->capacity, RT_BUF_SMALL_BYTES);
    assert_int_equal(bufs[2]->capacity, RT_BUF_LARGE_BYTES);
    assert_int_equal(bufs[3]->capacity, RT_BUF_HUGE_BYTES);
    assert_null(rt_buf_new(pool, 0));
    assert_int_equal(rt_buf_pool_in_use(pool), 4);
    rt_buf_unref(pool, bufs[0]);
    assert_null(rt_buf_new(pool, RT_BUF_SMALL_BYTES + 1));
    for (unsigned i = 1; i < 4; i++) {
        rt_buf_unref(pool, bufs[i]);
    }
    assert_null(rt_buf_new(pool, RT_BUF_HUGE_BYTES + 1));
    assert_int_equal(rt_buf_pool_in_use(pool), 0);
    rt_buf_pool_close(pool);
}

/* Every byte of the capacity is the creator's. */
static void whole_capacity_can_be_written(void **state)
{
    (void)state;
    struct rt_buf_pool *pool;
    assert_int_equal(rt_buf_pool_open(&pool, &few), RT_OK);
    struct rt_buf *a = rt_buf_new(pool, RT_BUF_SMALL_BYTES), *b = rt_buf_new(pool, 1);
    memset(a->data, 1, a->capacity);
    memset(b->data, 2, b->capacity);
    assert_int_equal(a->data[a->capacity - 1], 1);
    assert_int_equal((uintptr_t)a->data % 16, 0);
    rt_buf_unref(pool, a);
    rt_buf_unref(pool, b);
    rt_buf_unref(pool, NULL);
    rt_buf_pool_close(pool);
}

/* An answer that several clients wait for lives until the last has been served. */
static void last_reference_frees(void **state)
{
    (void)state;
    struct rt_buf_pool *pool;
    assert_int_equal(rt_buf_pool_open(&pool, &few), RT_OK);
    struct rt_buf *buf = rt_buf_new(pool, 1);
    assert_ptr_equal(rt_buf_ref(buf), buf);
    rt_buf_unref(pool, buf);
    assert_int_equal(rt_buf_pool_in_use(pool), 1);
    rt_buf_unref(pool, buf);
    assert_int_equal(rt_buf_pool_in_use(pool), 0);
    rt_buf_pool_close(pool);
}

/* A foreign release is not lost: the owner finds the block when its own list runs dry. */
static void block_released_elsewhere_comes_back(void **state)
{
    (void)state;
    struct rt_buf_pool *pool, *other;
    const struct rt_buf_pool_options one = {.small_count = 1};
    assert_int_equal(rt_buf_pool_open(&pool, &one), RT_OK);
    assert_int_equal(rt_buf_pool_open(&other, &one), RT_OK);
    for (unsigned i = 0; i < 10; i++) {
        struct rt_buf *buf = rt_buf_new(pool, 1);
        assert_non_null(buf);
        assert_null(rt_buf_new(pool, 1));
        rt_buf_unref(i % 2 == 0 ? other : NULL, buf);
        assert_int_equal(rt_buf_pool_in_use(pool), 0);
    }
    assert_int_equal(rt_buf_pool_in_use(other), 0);
    rt_buf_pool_close(pool);
    rt_buf_pool_close(other);
}

/* ---- threads ---- */

enum { READERS = 3, ROUNDS = 20000 };

struct hand_over {
    _Atomic(struct rt_buf *) slot[READERS];
};

static void *read_and_release(void *arg)
{
    _Atomic(struct rt_buf *) *slot = arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct rt_buf *buf;
        while ((buf = atomic_exchange_explicit(slot, NULL, memory_order_acquire)) == NULL) {
            sched_yield();
        }
        RT_CHECK(buf->size == 100 && buf->data[0] == buf->data[99]);
        rt_buf_unref(NULL, buf);
    }
    return NULL;
}

/* One answer goes to clients on all cores; the block is used again only when all have let go.
 * ThreadSanitizer sees here whether the orders on the count and on the stack suffice. */
static void shared_buf_is_reused_only_after_the_last_reader(void **state)
{
    (void)state;
    struct rt_buf_pool *pool;
    const struct rt_buf_pool_options options = {.small_count = 4};
    struct hand_over hand_over;
    pthread_t threads[READERS];
    assert_int_equal(rt_buf_pool_open(&pool, &options), RT_OK);
    for (unsigned i = 0; i < READERS; i++) {
        atomic_init(&hand_over.slot[i], NULL);
        pthread_create(&threads[i], NULL, read_and_release, (void *)&hand_over.slot[i]);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct rt_buf *buf;
        while ((buf = rt_buf_new(pool, 100)) == NULL) {
            sched_yield();
        }
        memset(buf->data, (int)round, 100);
        buf->size = 100;
        for (unsigned i = 0; i < READERS; i++) {
            struct rt_buf *expected = NULL;
            rt_buf_ref(buf);
            while (!atomic_compare_exchange_weak_explicit(
                &hand_over.slot[i], &expected, buf, memory_order_release, memory_order_relaxed)) {
                expected = NULL;
                sched_yield();
            }
        }
        rt_buf_unref(pool, buf);
    }
    for (unsigned i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(rt_buf_pool_in_use(pool), 0);
    rt_buf_pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_serve_for_each_other_upwards_only),
        cmocka_unit_test(whole_capacity_can_be_written),
        cmocka_unit_test(last_reference_frees),
        cmocka_unit_test(block_released_elsewhere_comes_back),
        cmocka_unit_test(shared_buf_is_reused_only_after_the_last_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
