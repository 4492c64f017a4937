/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/framing.h"
#include "runtime/base/prng.h"

static struct rt_buf_pool *pool;

static int open_pool(void **state)
{
    (void)state;
    const struct rt_buf_pool_options options = {
        .small_count = 4, .large_count = 2, .huge_count = 1};
    return rt_buf_pool_open(&pool, &options) == RT_OK ? 0 : -1;
}

static int close_pool(void **state)
{
    (void)state;
    rt_buf_pool_close(pool); /* Checks that every buf is back. */
    return 0;
}

/* What most clients send costs no copy: it is looked at where the kernel put it. */
static void a_message_that_lies_whole_in_one_read_is_not_copied(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0, 3, 'a', 'b', 'c', 0, 0, 0, 1, 'd'};
    struct framing framing;
    struct framing_bytes chunk = {bytes, sizeof(bytes)}, message;

    framing_init(&framing, 65535);
    assert_int_equal(framing_next(&framing, pool, &chunk, &message), FRAMING_MESSAGE);
    assert_ptr_equal(message.data, bytes + 2);
    assert_int_equal(message.size, 3);
    assert_int_equal(framing_next(&framing, pool, &chunk, &message), FRAMING_MESSAGE);
    assert_int_equal(message.size, 0); /* An empty message is one, too. */
    assert_int_equal(framing_next(&framing, pool, &chunk, &message), FRAMING_MESSAGE);
    assert_memory_equal(message.data, "d", 1);
    assert_int_equal(framing_next(&framing, pool, &chunk, &message), FRAMING_MORE);
    assert_false(framing_is_partial(&framing));
    assert_int_equal(rt_buf_pool_in_use(pool), 0);
}

/* RFC7766-8: a sender may cut its bytes anywhere, even inside the length. */
static void any_cut_of_the_stream_gives_the_same_messages(void **state)
{
    (void)state;
    enum { MESSAGES = 40, BYTES = 120000 };
    static uint8_t stream[BYTES];
    static uint32_t sizes[MESSAGES];
    struct rt_prng prng;
    uint32_t total = 0;

    rt_prng_init(&prng, 7);
    for (unsigned i = 0; i < MESSAGES; i++) {
        sizes[i] = i == 11 ? 65535 : (uint32_t)rt_prng_below(&prng, 1200);
        framing_prefix(stream + total, sizes[i]);
        memset(stream + total + 2, (int)i, sizes[i]);
        total += 2 + sizes[i];
    }
    for (unsigned round = 0; round < 50; round++) {
        struct framing framing;
        uint32_t at = 0, seen = 0;
        framing_init(&framing, 65535);
        while (at < total) {
            uint32_t size = 1 + (uint32_t)rt_prng_below(&prng, round % 2 == 0 ? 3 : 16384);
            size = size < total - at ? size : total - at;
            struct framing_bytes chunk = {stream + at, size}, message;
            while (framing_next(&framing, pool, &chunk, &message) == FRAMING_MESSAGE) {
                assert_int_equal(message.size, sizes[seen]);
                for (uint32_t i = 0; i < message.size; i += 97) {
                    assert_int_equal(message.data[i], seen);
                }
                seen++;
            }
            assert_int_equal(chunk.size, 0);
            at += size;
        }
        assert_int_equal(seen, MESSAGES);
        framing_reset(&framing, pool);
    }
}

/* A slow sender that announces 64 KiB must not make us set them aside (security.md F1). */
static void a_promise_of_many_bytes_takes_only_room_for_those_that_came(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0xFF, 0xFF, 'x'};
    struct framing framing;
    struct framing_bytes chunk = {bytes, sizeof(bytes)}, message;

    framing_init(&framing, 65535);
    assert_int_equal(framing_next(&framing, pool, &chunk, &message), FRAMING_MORE);
    assert_true(framing_is_partial(&framing));
    assert_int_equal(rt_buf_pool_in_use(pool), 1);
    assert_int_equal(framing.partial->capacity, RT_BUF_SMALL_BYTES);
    framing_reset(&framing, pool);
    assert_int_equal(rt_buf_pool_in_use(pool), 0);
}

/* What is too long is answered FORMERR, so its beginning is kept; what follows it is still read. */
static void a_message_over_the_limit_is_cut_and_the_next_one_is_whole(void **state)
{
    (void)state;
    uint8_t bytes[2 + 100 + 2 + 2] = {0, 100};
    struct framing framing;
    struct framing_bytes message;

    memset(bytes + 2, 'l', 100);
    memcpy(bytes + 102, "\0\2ok", 4);
    for (uint32_t step = 1; step <= sizeof(bytes); step++) {
        unsigned seen = 0;
        framing_init(&framing, 16);
        for (uint32_t at = 0; at < sizeof(bytes); at += step) {
            uint32_t size = step < sizeof(bytes) - at ? step : (uint32_t)sizeof(bytes) - at;
            struct framing_bytes chunk = {bytes + at, size};
            enum framing_next next;
            while ((next = framing_next(&framing, pool, &chunk, &message)) != FRAMING_MORE) {
                assert_int_equal(next, seen == 0 ? FRAMING_CUT : FRAMING_MESSAGE);
                assert_int_equal(message.size, seen == 0 ? 16 : 2);
                assert_memory_equal(message.data, seen == 0 ? "llllllllllllllll" : "ok",
                                    message.size);
                seen++;
            }
        }
        assert_int_equal(seen, 2);
        framing_reset(&framing, pool);
    }
}

/* Without a buf the connection has to end; the caller must hear of it, once. */
static void exhausted_bufs_are_told(void **state)
{
    (void)state;
    struct rt_buf *all[7];
    const uint8_t bytes[] = {0, 9, 'x'};
    struct framing framing;
    struct framing_bytes chunk = {bytes, sizeof(bytes)}, message;

    for (unsigned i = 0; i < RT_ARRAY_COUNT(all); i++) {
        all[i] = rt_buf_new(pool, 1);
        assert_non_null(all[i]);
    }
    framing_init(&framing, 65535);
    assert_int_equal(framing_next(&framing, pool, &chunk, &message), FRAMING_NO_MEMORY);
    framing_reset(&framing, pool);
    for (unsigned i = 0; i < RT_ARRAY_COUNT(all); i++) {
        rt_buf_unref(pool, all[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_that_lies_whole_in_one_read_is_not_copied),
        cmocka_unit_test(any_cut_of_the_stream_gives_the_same_messages),
        cmocka_unit_test(a_promise_of_many_bytes_takes_only_room_for_those_that_came),
        cmocka_unit_test(a_message_over_the_limit_is_cut_and_the_next_one_is_whole),
        cmocka_unit_test(exhausted_bufs_are_told),
    };
    return cmocka_run_group_tests(tests, open_pool, close_pool);
}
