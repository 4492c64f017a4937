/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/kit.h"

#include "resolver/cache/evict.h"
#include "resolver/limits.h"

enum { SIZE_BYTES = 4 << 20, PER_BATCH = 64 };

static void put_numbered(struct kit *kit, struct rs_store *store, unsigned number, uint32_t ttl_s,
                         uint64_t now_s)
{
    static uint8_t value[KIT_VALUE_BYTES];
    static uint8_t text[180];
    char name[40];
    struct rs_key key;
    size_t size;
    snprintf(name, sizeof(name), "n%u.x%u.example.", number * 2654435761u % 1000003, number);
    struct rs_name owner = kit_name(name);
    struct rs_entry entry =
        kit_positive(kit, rs_rrset_new(&kit->arena, owner.wire, RS_TXT, ttl_s, text, sizeof(text)),
                     RS_RANK_AUTH_ANSWER, now_s);
    rs_key_make(&key, owner.wire, RS_SLOT_RECORDS, RS_TXT);
    assert_int_equal(rs_entry_write(&entry, value, sizeof(value), &size), RT_OK);
    assert_int_equal(store->ops->put(store, (struct rs_bytes){key.bytes, key.size},
                                     (struct rs_bytes){value, size}),
                     RT_OK);
    rt_arena_reset(&kit->arena);
}

/* Ten times its capacity goes through: no put is refused, the store stays below its size and keeps
 * working near it. */
static void push_ten_times_capacity_through(struct kit *kit, struct rs_store *store)
{
    struct rs_evictor evictor;
    assert_int_equal(rs_evictor_open(&evictor, store), RT_OK);
    uint64_t pushed = 0, used_max = 0;
    for (unsigned number = 0; pushed < 10 * (uint64_t)SIZE_BYTES;) {
        assert_int_equal(rs_evict(&evictor, PER_BATCH, 1000, false), RT_OK);
        for (unsigned i = 0; i < PER_BATCH; i++, number++) {
            put_numbered(kit, store, number, 3600, 1000);
            pushed += 300;
        }
        assert_int_equal(store->ops->commit(store), RT_OK);
        uint64_t used = store->ops->used_bytes(store);
        used_max = used > used_max ? used : used_max;
    }
    assert_true(used_max < store->size_bytes);
    assert_true(used_max > store->size_bytes * 8 / 10);
    assert_true(evictor.evicted > 0);
    assert_true(store->ops->count(store) > 1000);
    rs_evictor_close(&evictor);
}

/* F6, D13 of the attack list: a flood of new entries never stalls nor fills the store. */
static void full_lmdb_store_keeps_working(void **state)
{
    struct kit_folder folder = kit_folder_make();
    struct rs_store *store;
    char path[96];
    snprintf(path, sizeof(path), "%s/shard-00", folder.path);
    assert_int_equal(rs_store_lmdb_open(path, SIZE_BYTES, &store), RT_OK);
    push_ten_times_capacity_through(*state, store);
    store->ops->close(store);
    kit_folder_remove(&folder);
}

static void full_memory_store_keeps_working(void **state)
{
    struct rs_store *store;
    assert_int_equal(rs_store_mem_open(SIZE_BYTES, NULL, &store), RT_OK);
    push_ten_times_capacity_through(*state, store);
    store->ops->close(store);
}

static void fill(struct kit *kit, struct rs_store *store, unsigned percent, uint32_t ttl_s)
{
    for (unsigned i = 0; store->ops->used_bytes(store) * 100 < percent * store->size_bytes; i++) {
        put_numbered(kit, store, i, i % 2 == 0 ? ttl_s : 86400, 1000);
        assert_int_equal(store->ops->commit(store), RT_OK);
    }
}

/* What is dead goes first; the living stay while that is enough. */
static void dead_entries_go_first(void **state)
{
    struct kit *kit = *state;
    struct rs_store *store;
    struct rs_evictor evictor;
    assert_int_equal(rs_store_mem_open(1 << 20, NULL, &store), RT_OK);
    assert_int_equal(rs_evictor_open(&evictor, store), RT_OK);
    fill(kit, store, 86, 10);
    uint64_t count = store->ops->count(store);
    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(rs_evict(&evictor, 8, 2000, false), RT_OK);
        assert_int_equal(store->ops->commit(store), RT_OK);
    }
    assert_true(evictor.evicted > 0);
    assert_int_equal(store->ops->count(store), count - evictor.evicted);
    assert_true(store->ops->count(store) >= count / 2); /* every other one lives */
    rs_evictor_close(&evictor);
    store->ops->close(store);
}

/* The work of one insert is bounded, whatever there is to find. */
static void one_step_looks_at_a_bounded_number(void **state)
{
    struct kit *kit = *state;
    struct rs_store *store;
    struct rs_evictor evictor;
    assert_int_equal(rs_store_mem_open(1 << 20, NULL, &store), RT_OK);
    assert_int_equal(rs_evictor_open(&evictor, store), RT_OK);
    fill(kit, store, 95, 86400);
    assert_int_equal(rs_evict(&evictor, 1, 1000, false), RT_OK);
    assert_int_equal(evictor.evicted, RS_EVICT_PER_INSERT);
    assert_int_equal(rs_evict(&evictor, 1000000, 1000, true), RT_OK);
    assert_true(evictor.evicted <= RS_EVICT_PER_INSERT + RS_EVICT_STEP_MAX);
    assert_int_equal(store->ops->commit(store), RT_OK);
    rs_evictor_close(&evictor);
    store->ops->close(store);
}

/* While there is room nothing is thrown away, dead or not: stale answers come from there later. */
static void nothing_goes_while_there_is_room(void **state)
{
    struct kit *kit = *state;
    struct rs_store *store;
    struct rs_evictor evictor;
    assert_int_equal(rs_store_mem_open(1 << 20, NULL, &store), RT_OK);
    assert_int_equal(rs_evictor_open(&evictor, store), RT_OK);
    fill(kit, store, 50, 10);
    assert_int_equal(rs_evict(&evictor, 64, 99999, false), RT_OK);
    assert_int_equal(evictor.evicted, 0);
    rs_evictor_close(&evictor);
    store->ops->close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(full_lmdb_store_keeps_working),
        KIT_TEST(full_memory_store_keeps_working),
        KIT_TEST(dead_entries_go_first),
        KIT_TEST(one_step_looks_at_a_bounded_number),
        KIT_TEST(nothing_goes_while_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
