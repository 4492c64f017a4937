/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/kit.h"

#include "resolver/cache/cache.h"
#include "resolver/limits.h"

struct pen { /* a batch being written */
    uint8_t bytes[16 * 1024];
    uint32_t size;
};

static void append(struct pen *pen, const char *name, enum rs_slot slot, uint16_t type,
                   const struct rs_entry *entry)
{
    struct rs_key key;
    rs_key_make(&key, kit_name(name).wire, slot, type);
    assert_int_equal(rs_batch_append(pen->bytes, sizeof(pen->bytes), &pen->size, &key, entry),
                     RT_OK);
}

static unsigned apply(struct rs_store *store, struct pen *pen, uint64_t now_s)
{
    rt_status status;
    unsigned written = rs_batch_apply(store, pen->bytes, pen->size, now_s, &status);
    assert_int_equal(status, RT_OK);
    assert_int_equal(store->ops->commit(store), RT_OK);
    pen->size = 0;
    return written;
}

static struct rs_store *open_store(uint64_t size_bytes)
{
    struct rs_store *store;
    assert_int_equal(rs_store_mem_open(size_bytes, NULL, &store), RT_OK);
    return store;
}

static int64_t ttl_of(struct rs_store *store, const char *name, enum rs_slot slot, uint64_t now_s)
{
    struct rs_key key;
    struct rs_bytes value;
    rs_key_make(&key, kit_name(name).wire, slot, RS_A);
    rt_status status = store->ops->peek(store, (struct rs_bytes){key.bytes, key.size}, &value);
    assert_int_equal(store->ops->commit(store), RT_OK);
    return status == RT_OK ? rs_entry_ttl_left(value, now_s) : -2;
}

/* RFC2181-5.4.1 (row 6): glue must not displace an answer, an answer displaces glue; also within
 * one batch, where the answer and the glue of one reply meet. */
static void ranks_decide_within_and_between_batches(void **state)
{
    struct kit *kit = *state;
    static struct pen pen;
    struct rs_store *store = open_store(1 << 20);
    struct rs_entry answer =
        kit_positive(kit, kit_a(kit, "ns.example.", 300, "1"), RS_RANK_AUTH_ANSWER, 1000);
    struct rs_entry glue =
        kit_positive(kit, kit_a(kit, "ns.example.", 900, "2"), RS_RANK_ADDITIONAL, 1000);

    append(&pen, "ns.example.", RS_SLOT_RECORDS, RS_A, &glue);
    append(&pen, "ns.example.", RS_SLOT_RECORDS, RS_A, &answer);
    append(&pen, "ns.example.", RS_SLOT_RECORDS, RS_A, &glue);
    assert_int_equal(apply(store, &pen, 1000), 2);
    assert_int_equal(ttl_of(store, "ns.example.", RS_SLOT_RECORDS, 1000), 300);

    append(&pen, "ns.example.", RS_SLOT_RECORDS, RS_A, &glue);
    assert_int_equal(apply(store, &pen, 1000), 0);
    glue.made_s = 1300; /* the answer is dead by now */
    append(&pen, "ns.example.", RS_SLOT_RECORDS, RS_A, &glue);
    assert_int_equal(apply(store, &pen, 1300), 1);
    assert_int_equal(ttl_of(store, "ns.example.", RS_SLOT_RECORDS, 1300), 900);
    store->ops->close(store);
}

/* RFC9520-3.2 (row 8): the writer knows what failed before, so it makes the time longer. */
static void failure_after_failure_lasts_longer(void **state)
{
    struct kit *kit = *state;
    static struct pen pen;
    struct rs_store *store = open_store(1 << 20);
    uint64_t now_s = 1000;
    static const int64_t expected[] = {5, 10, 20, 40, 80, 160, 300, 300};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(expected); i++) {
        struct rs_entry failure = kit_failure(kit, RS_FAILURE_TTL_S_MIN, now_s);
        append(&pen, "www.example.", RS_SLOT_FAILURE, RS_A, &failure);
        assert_int_equal(apply(store, &pen, now_s), 1);
        assert_int_equal(ttl_of(store, "www.example.", RS_SLOT_FAILURE, now_s), expected[i]);
        now_s += (uint64_t)expected[i];
    }
    store->ops->close(store);
}

/* The sender splits what does not fit over two messages: the batch so far must stay whole. */
static void entry_that_does_not_fit_leaves_the_batch_alone(void **state)
{
    struct kit *kit = *state;
    static uint8_t small[200];
    uint32_t size = 0, size_before;
    struct rs_key key;
    rs_key_make(&key, kit_name("www.example.").wire, RS_SLOT_RECORDS, RS_A);
    struct rs_entry entry =
        kit_positive(kit, kit_a(kit, "www.example.", 300, "1"), RS_RANK_AUTH_ANSWER, 1000);
    rt_status status;
    unsigned count = 0;
    do {
        size_before = size;
        status = rs_batch_append(small, sizeof(small), &size, &key, &entry);
        count += status == RT_OK;
    } while (status == RT_OK);
    assert_int_equal(status, RT_FULL);
    assert_int_equal(size, size_before);
    assert_int_equal(count, 2);

    struct rs_store *store = open_store(1 << 20);
    assert_int_equal(rs_batch_apply(store, small, size, 1000, &status), 2);
    assert_int_equal(status, RT_OK);
    store->ops->close(store);
}

/* A refused batch writes nothing, and the caller is told so. */
static void refused_batch_counts_no_entries(void **state)
{
    struct kit *kit = *state;
    static struct pen pen;
    struct rs_store *store = open_store(200);
    rt_status status;
    for (unsigned i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof(name), "n%u.example.", i);
        struct rs_entry entry =
            kit_positive(kit, kit_a(kit, name, 300, "1"), RS_RANK_AUTH_ANSWER, 1000);
        append(&pen, name, RS_SLOT_RECORDS, RS_A, &entry);
    }
    assert_int_equal(rs_batch_apply(store, pen.bytes, pen.size, 1000, &status), 0);
    assert_int_equal(status, RT_NO_SPACE);
    assert_int_equal(store->ops->commit(store), RT_OK);
    assert_int_equal(store->ops->count(store), 0);
    store->ops->close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(ranks_decide_within_and_between_batches),
        KIT_TEST(failure_after_failure_lasts_longer),
        KIT_TEST(entry_that_does_not_fit_leaves_the_batch_alone),
        KIT_TEST(refused_batch_counts_no_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
