/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/cache.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "resolver/cache/files.h"
#include "resolver/cache/shape.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"

_Static_assert(RS_SHARDS_MAX <= 64, "a bit for each shard in rs_cache_view.touched");

/* ---- opening ---- */

static unsigned power_of_two(unsigned wanted)
{
    unsigned count = 1;
    while (count < wanted && count < RS_SHARDS_MAX) {
        count *= 2;
    }
    return count;
}

static rt_status shard_path(char out[RS_PATH_BYTES_MAX], const char *folder, unsigned shard)
{
    char name[24];
    snprintf(name, sizeof(name), "shard-%02u", shard);
    return rs_file_path(out, folder, name);
}

/* Without its shape nobody knows which names live where: all shards begin anew. */
static rt_status move_shards_aside(const char *folder)
{
    for (unsigned i = 0; i < RS_SHARDS_MAX; i++) {
        char path[RS_PATH_BYTES_MAX];
        rt_status status = shard_path(path, folder, i);
        if (status == RT_OK) {
            status = rs_file_move_aside(path);
        }
        if (status != RT_OK && status != RT_NOT_FOUND) {
            return status;
        }
    }
    return RT_OK;
}

static rt_status find_shape(const char *folder, unsigned shards_wanted,
                            const struct rt_siphash_key *random, struct rs_shape *out)
{
    rt_status status = rs_shape_load(folder, out);
    if (status != RT_NOT_FOUND && status != RT_CORRUPT) {
        return status;
    }
    if (status == RT_CORRUPT) {
        rt_log(RT_LOG_ERR, "cache",
               "%s/shape is damaged: shards moved to shard-*.damaged, starting empty", folder);
    }
    *out = (struct rs_shape){.shards_count = power_of_two(shards_wanted), .key = *random};
    status = move_shards_aside(folder);
    return status == RT_OK ? rs_shape_save(folder, out) : status;
}

static void close_shards(struct rs_cache *cache)
{
    for (unsigned i = 0; i < cache->shards_count; i++) {
        if (cache->shards[i] != NULL) {
            cache->shards[i]->ops->close(cache->shards[i]);
            cache->shards[i] = NULL;
        }
    }
}

static rt_status open_shards(struct rs_cache *cache, const char *folder, uint64_t size_bytes)
{
    for (unsigned i = 0; i < cache->shards_count; i++) {
        char path[RS_PATH_BYTES_MAX];
        rt_status status = shard_path(path, folder, i);
        if (status == RT_OK) {
            status = rs_store_lmdb_open(path, size_bytes / cache->shards_count, &cache->shards[i]);
        }
        if (status != RT_OK) {
            close_shards(cache);
            return status;
        }
    }
    return RT_OK;
}

static void set_shape(struct rs_cache *cache, const struct rs_shape *shape, uint64_t wall_ms,
                      uint64_t now_ns)
{
    *cache = (struct rs_cache){
        .shards_count = shape->shards_count,
        .key = shape->key,
        .start_wall_s = wall_ms / RT_MS_PER_S,
        .start_ns = now_ns,
    };
}

rt_status rs_cache_open(struct rs_cache *cache, const char *path, uint64_t size_bytes,
                        unsigned shards_wanted, const struct rt_siphash_key *random,
                        uint64_t wall_ms, uint64_t now_ns)
{
    struct rs_shape shape;
    int lock_fd;
    rt_status status = rs_file_make_folder(path);
    if (status == RT_OK) {
        status = rs_file_lock(path, &lock_fd);
    }
    if (status != RT_OK) {
        rt_log(RT_LOG_ERR, "cache", "cannot open the cache in %s: %s%s", path,
               rt_status_text(status),
               status == RT_IN_USE ? "; is another troupe running on it?" : "");
        return status;
    }
    status = find_shape(path, shards_wanted, random, &shape);
    if (status == RT_OK) {
        set_shape(cache, &shape, wall_ms, now_ns);
        status = open_shards(cache, path, size_bytes);
    } else {
        rt_log(RT_LOG_ERR, "cache", "cannot read or write %s/shape: %s", path,
               rt_status_text(status));
    }
    if (status != RT_OK) {
        close(lock_fd);
        return status;
    }
    cache->lock = lock_fd + 1;
    return RT_OK;
}

rt_status rs_cache_open_memory(struct rs_cache *cache, unsigned shards_count, uint64_t size_bytes,
                               struct rs_store_image *const *keep, const struct rt_siphash_key *key,
                               uint64_t wall_ms, uint64_t now_ns)
{
    RT_CHECK(shards_count >= 1 && shards_count == power_of_two(shards_count));
    struct rs_shape shape = {.shards_count = shards_count, .key = *key};
    set_shape(cache, &shape, wall_ms, now_ns);
    for (unsigned i = 0; i < shards_count; i++) {
        rt_status status = rs_store_mem_open(size_bytes / shards_count,
                                             keep == NULL ? NULL : keep[i], &cache->shards[i]);
        if (status != RT_OK) {
            close_shards(cache);
            return status;
        }
    }
    return RT_OK;
}

void rs_cache_close(struct rs_cache *cache)
{
    close_shards(cache);
    cache->shards_count = 0;
    if (cache->lock > 0) {
        close(cache->lock - 1);
        cache->lock = 0;
    }
}

unsigned rs_cache_shard(const struct rs_cache *cache, const uint8_t *name)
{
    RT_CHECK(cache->shards_count > 0);
    return (unsigned)rt_siphash(&cache->key, name, rs_name_size(name)) & (cache->shards_count - 1);
}

uint64_t rs_cache_now_s(const struct rs_cache *cache, uint64_t now_ns)
{
    uint64_t ran_ns = now_ns > cache->start_ns ? now_ns - cache->start_ns : 0;
    return cache->start_wall_s + ran_ns / RT_NS_PER_S;
}

/* ---- reading ---- */

rt_status rs_cache_view_open(struct rs_cache_view *view, const struct rs_cache *cache)
{
    *view = (struct rs_cache_view){.cache = cache};
    for (unsigned i = 0; cache != NULL && i < cache->shards_count; i++) {
        struct rs_store *store = cache->shards[i];
        rt_status status = store->ops->reader_open(store, &view->readers[i]);
        if (status != RT_OK) {
            rs_cache_view_close(view);
            return status;
        }
    }
    return RT_OK;
}

void rs_cache_view_close(struct rs_cache_view *view)
{
    for (unsigned i = 0; view->cache != NULL && i < view->cache->shards_count; i++) {
        if (view->readers[i] != NULL) {
            view->cache->shards[i]->ops->reader_close(view->readers[i]);
        }
    }
    *view = (struct rs_cache_view){0};
}

void rs_cache_view_release(struct rs_cache_view *view)
{
    while (view->touched != 0) {
        unsigned shard = (unsigned)__builtin_ctzll(view->touched);
        view->touched &= view->touched - 1;
        view->cache->shards[shard]->ops->release(view->readers[shard]);
    }
}

static rt_status find(struct rs_cache_view *view, const uint8_t *name, enum rs_slot slot,
                      uint16_t type, struct rs_bytes *value)
{
    struct rs_key key;
    unsigned shard = rs_cache_shard(view->cache, name);
    rs_key_make(&key, name, slot, type);
    view->touched |= UINT64_C(1) << shard;
    return view->cache->shards[shard]->ops->get(view->readers[shard],
                                                (struct rs_bytes){key.bytes, key.size}, value);
}

rt_status rs_cache_get(struct rs_cache_view *view, const uint8_t *name, enum rs_slot slot,
                       uint16_t type, uint64_t now_s, struct rt_arena *arena, struct rs_entry *out)
{
    struct rs_bytes value;
    if (view->cache == NULL) {
        return RT_NOT_FOUND;
    }
    rt_status status = find(view, name, slot, type, &value);
    if (status == RT_OK) {
        /* A dead entry is not worth reading; a damaged one is found out below. */
        status = rs_entry_ttl_left(value, now_s) == 0
                     ? RT_NOT_FOUND
                     : rs_entry_read(value, name, type, now_s, arena, out);
    }
    if (status == RT_OK) {
        view->hits++;
        return RT_OK;
    }
    if (status == RT_NO_MEMORY) {
        return status;
    }
    if (status != RT_NOT_FOUND) {
        view->damaged++;
    }
    view->misses++;
    return RT_NOT_FOUND;
}
