/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/kit.h"

#include <fcntl.h>

#include "resolver/cache/cache.h"
#include "runtime/base/clock.h"
#include "runtime/base/prng.h"

enum { SIZE_BYTES = 8 << 20, WALL_MS = 1700000000 };
static const struct rt_siphash_key random_key = {.bytes = "a random key 123"};
static const uint64_t wall_ms = UINT64_C(1000) * WALL_MS;

static struct rs_cache open_cache(const char *path, unsigned shards, uint64_t at_wall_ms)
{
    struct rs_cache cache;
    assert_int_equal(rs_cache_open(&cache, path, SIZE_BYTES, shards, &random_key, at_wall_ms, 0),
                     RT_OK);
    return cache;
}

/* What the cache actor does, without the actor. */
static void store_entry(const struct rs_cache *cache, const char *text, enum rs_slot slot,
                        uint16_t type, const struct rs_entry *entry)
{
    struct rs_name name = kit_name(text);
    struct rs_key key;
    uint8_t batch[KIT_VALUE_BYTES];
    uint32_t size = 0;
    rt_status status;
    rs_key_make(&key, name.wire, slot, type);
    assert_int_equal(rs_batch_append(batch, sizeof(batch), &size, &key, entry), RT_OK);
    struct rs_store *store = cache->shards[rs_cache_shard(cache, name.wire)];
    rs_batch_apply(store, batch, size, entry->made_s, &status);
    assert_int_equal(status, RT_OK);
    assert_int_equal(store->ops->commit(store), RT_OK);
}

static rt_status get_a(struct kit *kit, struct rs_cache_view *view, const char *text,
                       uint64_t now_s, struct rs_entry *out)
{
    return rs_cache_get(view, kit_name(text).wire, RS_SLOT_RECORDS, RS_A, now_s, &kit->arena, out);
}

static void store_numbered(struct kit *kit, const struct rs_cache *cache, unsigned count,
                           uint64_t now_s)
{
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof(name), "n%u.example.", i);
        struct rs_entry entry =
            kit_positive(kit, kit_a(kit, name, 300, "1"), RS_RANK_AUTH_ANSWER, now_s);
        store_entry(cache, name, RS_SLOT_RECORDS, RS_A, &entry);
    }
}

static unsigned count_numbered(struct kit *kit, const struct rs_cache *cache, unsigned count,
                               uint64_t now_s)
{
    struct rs_cache_view view;
    unsigned found = 0;
    assert_int_equal(rs_cache_view_open(&view, cache), RT_OK);
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        struct rs_entry entry;
        snprintf(name, sizeof(name), "n%u.example.", i);
        found += get_a(kit, &view, name, now_s, &entry) == RT_OK;
    }
    rs_cache_view_close(&view);
    return found;
}

/* A restart, with another number of cores and another random key at hand, finds every name. */
static void restart_keeps_shards_key_and_content(void **state)
{
    struct kit_folder folder = kit_folder_make();
    struct rs_cache cache = open_cache(folder.path, 4, wall_ms);
    store_numbered(*state, &cache, 200, WALL_MS);
    for (unsigned i = 0; i < 4; i++) {
        assert_in_range(cache.shards[i]->ops->count(cache.shards[i]), 20, 80); /* dealt evenly */
    }
    rs_cache_close(&cache);

    const struct rt_siphash_key other = {.bytes = "another key 4567"};
    assert_int_equal(
        rs_cache_open(&cache, folder.path, SIZE_BYTES, 16, &other, wall_ms + 100 * 1000, 12345),
        RT_OK);
    assert_int_equal(cache.shards_count, 4);
    assert_memory_equal(&cache.key, &random_key, sizeof(cache.key));
    assert_int_equal(count_numbered(*state, &cache, 200, rs_cache_now_s(&cache, 12345)), 200);
    rs_cache_close(&cache);
    kit_folder_remove(&folder);
}

/* Two processes on one folder: the second is refused, the first goes on. */
static void second_cache_on_a_folder_is_refused(void **state)
{
    (void)state;
    struct kit_folder folder = kit_folder_make();
    struct rs_cache cache = open_cache(folder.path, 2, wall_ms), second;
    assert_int_equal(rs_cache_open(&second, folder.path, SIZE_BYTES, 2, &random_key, wall_ms, 0),
                     RT_IN_USE);
    rs_cache_close(&cache);
    cache = open_cache(folder.path, 2, wall_ms);
    rs_cache_close(&cache);
    kit_folder_remove(&folder);
}

/* Without its shape nobody knows where names live: the cache starts anew instead of half blind. */
static void damaged_shape_starts_an_empty_cache(void **state)
{
    struct kit_folder folder = kit_folder_make();
    struct rs_cache cache = open_cache(folder.path, 4, wall_ms);
    store_numbered(*state, &cache, 20, WALL_MS);
    rs_cache_close(&cache);
    char path[128];
    snprintf(path, sizeof(path), "%s/shape", folder.path);
    int file = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(file, "troupe cache 9\n", 15), 15);
    close(file);

    cache = open_cache(folder.path, 2, wall_ms);
    assert_int_equal(cache.shards_count, 2);
    assert_int_equal(count_numbered(*state, &cache, 20, WALL_MS), 0);
    rs_cache_close(&cache);
    snprintf(path, sizeof(path), "%s/shard-03.damaged", folder.path);
    assert_int_equal(access(path, F_OK), 0);
    kit_folder_remove(&folder);
}

/* The wall clock is looked at once, at start: a jump while running neither kills nor revives. */
static void wall_clock_jump_does_not_change_ages(void **state)
{
    struct kit *kit = *state;
    struct rs_cache cache;
    struct rs_cache_view view;
    struct rs_entry entry, out;
    uint64_t start_ns = 5 * RT_NS_PER_S;
    assert_int_equal(
        rs_cache_open_memory(&cache, 1, SIZE_BYTES, NULL, &random_key, wall_ms, start_ns), RT_OK);
    assert_int_equal(rs_cache_view_open(&view, &cache), RT_OK);
    assert_int_equal(rs_cache_now_s(&cache, start_ns), WALL_MS);
    assert_int_equal(rs_cache_now_s(&cache, 0),
                     WALL_MS); /* another core's clock, a moment behind */

    entry = kit_positive(kit, kit_a(kit, "www.example.", 300, "1"), RS_RANK_AUTH_ANSWER,
                         rs_cache_now_s(&cache, start_ns));
    store_entry(&cache, "www.example.", RS_SLOT_RECORDS, RS_A, &entry);
    for (uint64_t age_s = 0; age_s < 310; age_s++) {
        uint64_t now_s = rs_cache_now_s(&cache, start_ns + age_s * RT_NS_PER_S);
        rt_status status = get_a(kit, &view, "www.example.", now_s, &out);
        assert_int_equal(status, age_s < 300 ? RT_OK : RT_NOT_FOUND);
        if (status == RT_OK) {
            assert_int_equal(out.ttl_s, 300 - age_s);
        }
    }
    rs_cache_view_close(&view);
    rs_cache_close(&cache);
}

/* RFC4343-3 (row 14): a question in any letters finds the entry: names are lowered on their way. */
static void hit_does_not_depend_on_letter_case(void **state)
{
    struct kit *kit = *state;
    struct rs_cache cache;
    struct rs_cache_view view;
    struct rs_entry entry, out;
    assert_int_equal(rs_cache_open_memory(&cache, 4, SIZE_BYTES, NULL, &random_key, wall_ms, 0),
                     RT_OK);
    assert_int_equal(rs_cache_view_open(&view, &cache), RT_OK);
    entry = kit_positive(kit, kit_a(kit, "WWW.Example.", 300, "1"), RS_RANK_AUTH_ANSWER, WALL_MS);
    store_entry(&cache, "wWw.eXample.", RS_SLOT_RECORDS, RS_A, &entry);
    assert_int_equal(get_a(kit, &view, "www.EXAMPLE.", WALL_MS, &out), RT_OK);
    rs_cache_view_close(&view);
    rs_cache_close(&cache);
}

/* Without a cache everything is a miss, not a crash. */
static void view_without_cache_finds_nothing(void **state)
{
    struct rs_cache_view view;
    struct rs_entry out;
    assert_int_equal(rs_cache_view_open(&view, NULL), RT_OK);
    assert_int_equal(get_a(*state, &view, "www.example.", 0, &out), RT_NOT_FOUND);
    rs_cache_view_release(&view);
    rs_cache_view_close(&view);
}

/* Damage on disk costs the entry, is counted, and the next write heals it. */
static void damaged_entry_is_a_counted_miss(void **state)
{
    struct kit *kit = *state;
    struct rs_cache cache;
    struct rs_cache_view view;
    struct rs_entry out, entry;
    struct rs_key key;
    assert_int_equal(rs_cache_open_memory(&cache, 1, SIZE_BYTES, NULL, &random_key, wall_ms, 0),
                     RT_OK);
    assert_int_equal(rs_cache_view_open(&view, &cache), RT_OK);
    struct rs_store *store = cache.shards[0];
    rs_key_make(&key, kit_name("www.example.").wire, RS_SLOT_RECORDS, RS_A);
    assert_int_equal(store->ops->put(store, (struct rs_bytes){key.bytes, key.size},
                                     (struct rs_bytes){(const uint8_t *)"garbage", 7}),
                     RT_OK);
    assert_int_equal(store->ops->commit(store), RT_OK);
    assert_int_equal(get_a(kit, &view, "www.example.", WALL_MS, &out), RT_NOT_FOUND);
    assert_int_equal(view.damaged, 1);
    rs_cache_view_release(&view);

    entry = kit_positive(kit, kit_a(kit, "www.example.", 300, "1"), RS_RANK_ADDITIONAL, WALL_MS);
    store_entry(&cache, "www.example.", RS_SLOT_RECORDS, RS_A, &entry);
    assert_int_equal(get_a(kit, &view, "www.example.", WALL_MS, &out), RT_OK);
    assert_int_equal(view.hits, 1);
    assert_int_equal(view.misses, 1);
    rs_cache_view_close(&view);
    rs_cache_close(&cache);
}

/* The simulator kills the process and starts it again on what was committed. */
static void memory_cache_survives_in_its_images(void **state)
{
    struct kit *kit = *state;
    struct rs_store_image *images[2] = {rs_store_image_new(), rs_store_image_new()};
    struct rs_cache cache;
    for (unsigned run = 0; run < 2; run++) {
        assert_int_equal(
            rs_cache_open_memory(&cache, 2, SIZE_BYTES, images, &random_key, wall_ms, 0), RT_OK);
        assert_int_equal(count_numbered(kit, &cache, 50, WALL_MS), run * 50);
        store_numbered(kit, &cache, 50, WALL_MS);
        rs_cache_close(&cache);
    }
    rs_store_image_free(images[0]);
    rs_store_image_free(images[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(restart_keeps_shards_key_and_content),
        KIT_TEST(second_cache_on_a_folder_is_refused),
        KIT_TEST(damaged_shape_starts_an_empty_cache),
        KIT_TEST(wall_clock_jump_does_not_change_ages),
        KIT_TEST(hit_does_not_depend_on_letter_case),
        KIT_TEST(view_without_cache_finds_nothing),
        KIT_TEST(damaged_entry_is_a_counted_miss),
        KIT_TEST(memory_cache_survives_in_its_images),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
