/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* store_body: the tests that every store must pass. The including file defines
 *
 *   static struct rs_store *store_begin(uint64_t size_bytes);
 *   static struct rs_store *store_reopen(struct rs_store *store, uint64_t size_bytes);
 *   static void store_end(struct rs_store *store);
 */

#include "tests/unit/resolver/cache/kit.h"

#include "runtime/base/prng.h"

static struct rs_store *store_begin(uint64_t size_bytes);
static struct rs_store *store_reopen(struct rs_store *store, uint64_t size_bytes);
static void store_end(struct rs_store *store);

enum { STORE_BYTES = 16 << 20 };

static struct rs_bytes text(const char *bytes)
{
    return (struct rs_bytes){(const uint8_t *)bytes, strlen(bytes)};
}

static void put(struct rs_store *store, const char *key, const char *value)
{
    assert_int_equal(store->ops->put(store, text(key), text(value)), RT_OK);
}

static void commit(struct rs_store *store)
{
    assert_int_equal(store->ops->commit(store), RT_OK);
}

static struct rs_reader *reader_of(struct rs_store *store)
{
    struct rs_reader *reader;
    assert_int_equal(store->ops->reader_open(store, &reader), RT_OK);
    return reader;
}

static void expect(struct rs_store *store, struct rs_reader *reader, const char *key,
                   const char *wanted)
{
    struct rs_bytes value;
    rt_status status = store->ops->get(reader, text(key), &value);
    if (wanted == NULL) {
        assert_int_equal(status, RT_NOT_FOUND);
        return;
    }
    assert_int_equal(status, RT_OK);
    assert_int_equal(value.size, strlen(wanted));
    assert_memory_equal(value.data, wanted, value.size);
}

/* A turn's reads agree with each other, whatever the writer does meanwhile; and the value that was
 * read first lives to the end of the turn. */
static void reader_keeps_its_snapshot_until_release(void **state)
{
    (void)state;
    struct rs_store *store = store_begin(STORE_BYTES);
    struct rs_reader *reader = reader_of(store), *other = reader_of(store);
    struct rs_bytes early;
    put(store, "a", "1");
    put(store, "gone", "x");
    commit(store);
    assert_int_equal(store->ops->get(reader, text("a"), &early), RT_OK);

    put(store, "a", "2");
    put(store, "b", "new");
    assert_int_equal(store->ops->del(store, text("gone")), RT_OK);
    commit(store);
    put(store, "a", "3");
    commit(store);

    expect(store, reader, "a", "1");
    expect(store, reader, "b", NULL);
    expect(store, reader, "gone", "x");
    assert_memory_equal(early.data, "1", 1);
    expect(store, other, "a", "3");
    expect(store, other, "gone", NULL);

    store->ops->release(reader);
    expect(store, reader, "a", "3");
    expect(store, reader, "b", "new");
    expect(store, reader, "gone", NULL);
    store->ops->reader_close(reader);
    store->ops->reader_close(other);
    store_end(store);
}

/* Group commit: a batch is seen as a whole or not at all, but its writer sees its own writes. */
static void batch_is_invisible_before_commit_but_to_peek(void **state)
{
    (void)state;
    struct rs_store *store = store_begin(STORE_BYTES);
    struct rs_reader *reader = reader_of(store);
    struct rs_bytes value;
    assert_int_equal(store->ops->peek(store, text("a"), &value), RT_NOT_FOUND);
    put(store, "a", "1");
    put(store, "a", "22");
    put(store, "b", "1");
    assert_int_equal(store->ops->peek(store, text("a"), &value), RT_OK);
    assert_int_equal(value.size, 2);
    expect(store, reader, "a", NULL);
    expect(store, reader, "b", NULL);
    store->ops->release(reader);
    commit(store);
    commit(store); /* without a batch: nothing to do */
    expect(store, reader, "a", "22");
    expect(store, reader, "b", "1");
    assert_int_equal(store->ops->count(store), 2);
    store->ops->reader_close(reader);
    store_end(store);
}

/* Put and delete in one batch, in every order, against what is there. */
static void deletes_and_puts_in_one_batch_end_as_the_last_says(void **state)
{
    (void)state;
    struct rs_store *store = store_begin(STORE_BYTES);
    struct rs_reader *reader = reader_of(store);
    assert_int_equal(store->ops->del(store, text("a")), RT_NOT_FOUND);
    put(store, "a", "1");
    assert_int_equal(store->ops->del(store, text("a")), RT_OK);
    assert_int_equal(store->ops->del(store, text("a")), RT_NOT_FOUND);
    put(store, "b", "1");
    commit(store);
    assert_int_equal(store->ops->count(store), 1);

    assert_int_equal(store->ops->del(store, text("b")), RT_OK);
    put(store, "b", "2");
    commit(store);
    expect(store, reader, "a", NULL);
    expect(store, reader, "b", "2");
    store->ops->release(reader);
    assert_int_equal(store->ops->count(store), 1);

    assert_int_equal(store->ops->del(store, text("b")), RT_OK);
    commit(store);
    expect(store, reader, "b", NULL);
    assert_int_equal(store->ops->count(store), 0);
    store->ops->reader_close(reader);
    store_end(store);
}

/* Eviction and clearing walk by seek. */
static void seek_finds_the_first_key_not_below(void **state)
{
    (void)state;
    struct rs_store *store = store_begin(STORE_BYTES);
    struct rs_reader *reader = reader_of(store);
    struct rs_bytes key, value;
    assert_int_equal(store->ops->seek(reader, text(""), &key, &value), RT_NOT_FOUND);
    store->ops->release(reader);
    put(store, "b", "1");
    put(store, "ba", "2");
    put(store, "c", "3");
    commit(store);
    static const char *const cases[][2] = {{"", "b"},       {"a", "b"},  {"b", "b"},
                                           {"b\x01", "ba"}, {"bb", "c"}, {"c", "c"}};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(cases); i++) {
        assert_int_equal(store->ops->seek(reader, text(cases[i][0]), &key, &value), RT_OK);
        assert_int_equal(key.size, strlen(cases[i][1]));
        assert_memory_equal(key.data, cases[i][1], key.size);
    }
    assert_int_equal(store->ops->seek(reader, text("d"), &key, &value), RT_NOT_FOUND);
    store->ops->reader_close(reader);
    store_end(store);
}

static void put_number(struct rs_store *store, uint32_t number, uint32_t value)
{
    uint8_t key[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                      (uint8_t)number};
    assert_int_equal(store->ops->put(store, (struct rs_bytes){key, 4},
                                     (struct rs_bytes){(const uint8_t *)&value, 4}),
                     RT_OK);
}

/* The size of a real cache, in random order, read back in order. */
static void hundred_thousand_entries_come_back_in_order(void **state)
{
    (void)state;
    enum { COUNT = 100000, STEP = 7919 };
    struct rs_store *store = store_begin(64 << 20);
    for (uint32_t i = 0; i < COUNT; i++) {
        put_number(store, (uint32_t)((uint64_t)i * STEP % COUNT), i);
        if (i % 512 == 0) {
            commit(store);
        }
    }
    commit(store);
    assert_int_equal(store->ops->count(store), COUNT);
    assert_true(store->ops->used_bytes(store) > COUNT * 8u);
    assert_true(store->ops->used_bytes(store) <= store->size_bytes);

    struct rs_reader *reader = reader_of(store);
    uint8_t from[5] = {0};
    struct rs_bytes key = {from, 0}, value;
    for (uint32_t i = 0; i < COUNT; i++) {
        assert_int_equal(store->ops->seek(reader, key, &key, &value), RT_OK);
        assert_int_equal(key.size, 4);
        uint32_t number = (uint32_t)key.data[0] << 24 | (uint32_t)key.data[1] << 16 |
                          (uint32_t)key.data[2] << 8 | key.data[3];
        assert_int_equal(number, i);
        memcpy(from, key.data, 4);
        key = (struct rs_bytes){from, 5};
    }
    store->ops->reader_close(reader);
    store_end(store);
}

/* A full store is a normal state: the batch is refused as a whole, the rest goes on. */
static void full_store_refuses_the_batch_and_keeps_the_rest(void **state)
{
    (void)state;
    static uint8_t big[16 * 1024];
    struct rs_store *store = store_begin(1 << 20);
    struct rs_reader *reader = reader_of(store);
    put(store, "kept", "1");
    commit(store);

    put(store, "lost", "1");
    rt_status status = RT_OK;
    for (unsigned i = 0; i < 100 && status == RT_OK; i++) {
        char key[16];
        snprintf(key, sizeof(key), "big%u", i);
        status = store->ops->put(store, text(key), (struct rs_bytes){big, sizeof(big)});
    }
    assert_int_equal(status, RT_NO_SPACE);
    commit(store);
    expect(store, reader, "kept", "1");
    expect(store, reader, "lost", NULL);
    expect(store, reader, "big0", NULL);
    store->ops->release(reader);

    put(store, "later", "1");
    commit(store);
    expect(store, reader, "later", "1");
    store->ops->reader_close(reader);
    store_end(store);
}

/* What is committed survives the end of the process, what is not does not. */
static void committed_entries_survive_reopening(void **state)
{
    (void)state;
    struct rs_store *store = store_begin(STORE_BYTES);
    put(store, "a", "1");
    commit(store);
    put(store, "b", "1");
    store = store_reopen(store, STORE_BYTES);
    struct rs_reader *reader = reader_of(store);
    expect(store, reader, "a", "1");
    expect(store, reader, "b", NULL);
    assert_int_equal(store->ops->count(store), 1);
    store->ops->reader_close(reader);
    store_end(store);
}

/* Against a plain table: thousands of random calls with readers that come and go. */
static void random_calls_agree_with_a_table(void **state)
{
    (void)state;
    enum { KEYS = 64, CALLS = 30000 };
    static uint32_t committed[KEYS], batch[KEYS], seen[2][KEYS];
    bool is_reading[2] = {false, false};
    memset(committed, 0, sizeof(committed));
    memset(batch, 0, sizeof(batch));
    struct rs_store *store = store_begin(STORE_BYTES);
    struct rs_reader *readers[2] = {reader_of(store), reader_of(store)};
    struct rt_prng prng;
    rt_prng_init(&prng, 42);
    for (uint32_t call = 1; call <= CALLS; call++) {
        uint8_t name[2] = {'k', (uint8_t)rt_prng_below(&prng, KEYS)};
        struct rs_bytes key = {name, 2}, value;
        unsigned who = (unsigned)rt_prng_below(&prng, 2);
        rt_status status;
        switch (rt_prng_below(&prng, 6)) {
        case 0:
        case 1:
            status = store->ops->put(store, key, (struct rs_bytes){(uint8_t *)&call, 4});
            assert_int_equal(status, RT_OK);
            batch[name[1]] = call;
            break;
        case 2:
            status = store->ops->del(store, key);
            assert_int_equal(status, batch[name[1]] == 0 ? RT_NOT_FOUND : RT_OK);
            batch[name[1]] = 0;
            break;
        case 3:
            commit(store);
            memcpy(committed, batch, sizeof(batch));
            break;
        case 4:
            store->ops->release(readers[who]);
            is_reading[who] = false;
            break;
        default:
            if (!is_reading[who]) {
                memcpy(seen[who], committed, sizeof(committed));
                is_reading[who] = true;
            }
            status = store->ops->get(readers[who], key, &value);
            assert_int_equal(status, seen[who][name[1]] == 0 ? RT_NOT_FOUND : RT_OK);
            if (status == RT_OK) {
                assert_memory_equal(value.data, &seen[who][name[1]], 4);
            }
            break;
        }
    }
    store->ops->reader_close(readers[0]);
    store->ops->reader_close(readers[1]);
    store_end(store);
}

#define STORE_TESTS                                                                                \
    cmocka_unit_test(reader_keeps_its_snapshot_until_release),                                     \
        cmocka_unit_test(batch_is_invisible_before_commit_but_to_peek),                            \
        cmocka_unit_test(deletes_and_puts_in_one_batch_end_as_the_last_says),                      \
        cmocka_unit_test(seek_finds_the_first_key_not_below),                                      \
        cmocka_unit_test(hundred_thousand_entries_come_back_in_order),                             \
        cmocka_unit_test(full_store_refuses_the_batch_and_keeps_the_rest),                         \
        cmocka_unit_test(committed_entries_survive_reopening),                                     \
        cmocka_unit_test(random_calls_agree_with_a_table)
