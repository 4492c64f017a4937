/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/kit.h"

#include "actors/cache.h"
#include "actors/cache_msg.h"
#include "actors/services.h"
#include "runtime/base/log.h"
#include "tests/unit/runtime/fake_io.h"

/* One core, one shard in memory, whose commits are counted. */
static struct play {
    struct fake_world world;
    struct services services;
    struct cast cast;
    struct rs_cache cache;
    struct cache_args args;
    rt_ref actor;
    const struct rs_store_ops *ops;
    struct rs_store_ops counting;
    unsigned commits;
} play;

static rt_status counting_commit(struct rs_store *store)
{
    play.commits++;
    return play.ops->commit(store);
}

static void silent(enum rt_log_level level, const char *group, const char *line)
{
    (void)level;
    (void)group;
    (void)line;
}

static void begin(uint64_t size_bytes)
{
    static const struct rt_siphash_key key = {.bytes = "a random key 123"};
    memset(&play, 0, sizeof(play));
    rt_log_sink_set(silent);
    play.services.cast = &play.cast;
    fake_world_open(&play.world, 1, false, &play.services);
    assert_int_equal(
        rs_cache_open_memory(&play.cache, 1, size_bytes, NULL, &key, 1700000000000, RT_NS_PER_S),
        RT_OK);
    play.ops = play.cache.shards[0]->ops;
    play.counting = *play.ops;
    play.counting.commit = counting_commit;
    play.cache.shards[0]->ops = &play.counting;
    play.args = (struct cache_args){.cache = &play.cache, .shard = 0};
    assert_int_equal(
        rt_core_cast(fake_core(&play.world, 0), &cache_type, &play.args, RT_REF_NONE, &play.actor),
        RT_OK);
    fake_run(&play.world);
}

static void end(void)
{
    rt_machine_close(play.world.machine);
    rs_cache_close(&play.cache);
    rt_log_sink_set(NULL);
}

/* A message with one record for `text`, as a query sends it. */
static void send_record(struct kit *kit, const char *text)
{
    struct rt_core *core = fake_core(&play.world, 0);
    struct cache_write msg = {.head = RT_MSG_INIT(CACHE_WRITE, struct cache_write)};
    struct rs_key key;
    struct rs_entry entry = kit_positive(kit, kit_a(kit, text, 300, "1"), RS_RANK_AUTH_ANSWER,
                                         rs_cache_now_s(&play.cache, RT_NS_PER_S));
    msg.head.buf = rt_buf_new(rt_core_bufs(core), RT_BUF_SMALL_BYTES);
    assert_non_null(msg.head.buf);
    rs_key_make(&key, kit_name(text).wire, RS_SLOT_RECORDS, RS_A);
    assert_int_equal(rs_batch_append(msg.head.buf->data, msg.head.buf->capacity,
                                     &msg.head.buf->size, &key, &entry),
                     RT_OK);
    assert_int_equal(rt_core_inject(core, play.actor, &msg.head), RT_OK);
}

static bool is_there(struct kit *kit, const char *text)
{
    struct rs_cache_view view;
    struct rs_entry entry;
    assert_int_equal(rs_cache_view_open(&view, &play.cache), RT_OK);
    rt_status status = rs_cache_get(&view, kit_name(text).wire, RS_SLOT_RECORDS, RS_A,
                                    rs_cache_now_s(&play.cache, RT_NS_PER_S), &kit->arena, &entry);
    rs_cache_view_close(&view);
    return status == RT_OK;
}

static uint64_t counter(const _Atomic uint64_t *value)
{
    return atomic_load(value);
}

/* Group commit: what came in one loop turn costs one commit, not one each. */
static void batches_of_a_turn_share_one_commit(void **state)
{
    begin(1 << 20);
    for (unsigned i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof(name), "n%u.example.", i);
        send_record(*state, name);
    }
    fake_run(&play.world);
    assert_true(is_there(*state, "n0.example."));
    assert_true(is_there(*state, "n9.example."));
    assert_int_equal(play.commits, 1);
    assert_int_equal(counter(&play.services.counters.cache_writes), 10);

    send_record(*state, "later.example.");
    fake_run(&play.world);
    assert_true(is_there(*state, "later.example."));
    assert_int_equal(play.commits, 2);
    end();
}

/* A message without content is odd, not deadly. */
static void empty_write_does_nothing(void **state)
{
    (void)state;
    struct cache_write msg = {.head = RT_MSG_INIT(CACHE_WRITE, struct cache_write)};
    begin(1 << 20);
    assert_int_equal(rt_core_inject(fake_core(&play.world, 0), play.actor, &msg.head), RT_OK);
    fake_run(&play.world);
    assert_int_equal(play.commits, 0);
    end();
}

/* The actor is restart-safe: nothing of its state is needed to go on, the store outlives it. */
static void killed_actor_goes_on_after_its_restart(void **state)
{
    begin(1 << 20);
    send_record(*state, "before.example.");
    fake_run(&play.world);
    rt_core_kill(fake_core(&play.world, 0), play.actor);
    fake_run_until(&play.world, 5 * RT_NS_PER_S);
    send_record(*state, "after.example.");
    fake_run_until(&play.world, 6 * RT_NS_PER_S);
    assert_true(is_there(*state, "before.example."));
    assert_true(is_there(*state, "after.example."));
    end();
}

/* What was taken before the stop is written, for the next start. */
static void stop_commits_what_is_pending(void **state)
{
    begin(1 << 20);
    send_record(*state, "www.example.");
    rt_core_turn(fake_core(&play.world, 0), 0);
    rt_core_stop(fake_core(&play.world, 0));
    rt_core_run(fake_core(&play.world, 0));
    assert_true(is_there(*state, "www.example."));
    end();
}

/* A full store is a normal state: old entries go, new ones come in, clients notice nothing. */
static void flood_beyond_capacity_evicts_and_goes_on(void **state)
{
    struct kit *kit = *state;
    begin(64 * 1024);
    struct rs_store *store = play.cache.shards[0];
    for (unsigned i = 0; i < 5000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "n%u.example.", i);
        send_record(kit, name);
        rt_arena_reset(&kit->arena);
        fake_run(&play.world);
        assert_true(store->ops->used_bytes(store) <= store->size_bytes);
    }
    assert_true(is_there(kit, "n4999.example."));
    assert_true(counter(&play.services.counters.cache_evictions) > 4000);
    assert_int_equal(counter(&play.services.counters.cache_write_errors), 0);
    assert_int_equal(counter(&play.services.counters.cache_writes), 5000);
    end();
}

/* A store that refuses costs the write, is counted, and does not stop the actor. */
static void refused_batch_is_counted_and_the_next_one_fits(void **state)
{
    struct kit *kit = *state;
    begin(2200);
    struct rs_store *store = play.cache.shards[0];
    for (unsigned i = 0; i < 10; i++) {
        char name[32];
        snprintf(name, sizeof(name), "n%u.example.", i); /* all of them at once: too much */
        send_record(kit, name);
    }
    fake_run(&play.world);
    uint64_t errors = counter(&play.services.counters.cache_write_errors);
    for (unsigned i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof(name), "m%u.example.", i);
        send_record(kit, name);
        fake_run(&play.world);
        assert_true(store->ops->used_bytes(store) <= store->size_bytes);
    }
    assert_true(errors <= 2);
    assert_true(counter(&play.services.counters.cache_write_errors) < 10);
    assert_true(store->ops->count(store) > 0);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(batches_of_a_turn_share_one_commit),
        KIT_TEST(empty_write_does_nothing),
        KIT_TEST(killed_actor_goes_on_after_its_restart),
        KIT_TEST(stop_commits_what_is_pending),
        KIT_TEST(flood_beyond_capacity_evicts_and_goes_on),
        KIT_TEST(refused_batch_is_counted_and_the_next_one_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
