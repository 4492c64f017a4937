/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* cache: N shards as one cache: which shard a name belongs to, reading from any of them, packing
 * writes for their writers.
 *
 * Threads  struct rs_cache is shared and constant after open. Each core has its own
 *          rs_cache_view for reading. */

#include "resolver/cache/entry.h"
#include "resolver/cache/store.h"
#include "runtime/base/siphash.h"

enum { RS_SHARDS_MAX = 64 };

struct rs_cache {
    unsigned shards_count; /* a power of two */
    struct rs_store *shards[RS_SHARDS_MAX];
    struct rt_siphash_key
        key; /* kept with the files: names must find their shard after a restart */
    uint64_t start_wall_s, start_ns;
    int lock; /* private: keeps other processes out: the descriptor + 1, or 0 */
};

/* LMDB shards in `path`/shard-NN, size_bytes in all, key and shape in `path`/shape (a cache made
 * with another number of shards keeps its own number). `random` seeds a new key. */
RT_MUST_USE rt_status rs_cache_open(struct rs_cache *cache, const char *path, uint64_t size_bytes,
                                    unsigned shards_wanted, const struct rt_siphash_key *random,
                                    uint64_t wall_ms, uint64_t now_ns);

/* The same in memory, for the simulator and tests. `keep` has shards_count images that survive
 * close, or is NULL. shards_count is a power of two. */
RT_MUST_USE rt_status rs_cache_open_memory(struct rs_cache *cache, unsigned shards_count,
                                           uint64_t size_bytes, struct rs_store_image *const *keep,
                                           const struct rt_siphash_key *key, uint64_t wall_ms,
                                           uint64_t now_ns);

/* Views of it are closed, batches committed. */
void rs_cache_close(struct rs_cache *cache);

/* `name` is lower case here and below. */
unsigned rs_cache_shard(const struct rs_cache *cache, const uint8_t *name);
uint64_t rs_cache_now_s(const struct rs_cache *cache, uint64_t now_ns);

struct rs_config;

struct rs_cache_view {            /* one core's eyes */
    const struct rs_cache *cache; /* NULL: no cache; every read is RT_NOT_FOUND */
    /* Set after open, outlives the view: what lies above a forwarded name neither denies nor
     * renames it (UB CVE-2026-44687). NULL: nothing is forwarded. */
    const struct rs_config *config;
    struct rs_reader *readers[RS_SHARDS_MAX];
    uint64_t touched; /* private: shards with an open snapshot, one bit each */
    uint64_t hits, misses, damaged;
};
RT_MUST_USE rt_status rs_cache_view_open(struct rs_cache_view *view, const struct rs_cache *cache);
void rs_cache_view_close(struct rs_cache_view *view);
void rs_cache_view_release(struct rs_cache_view *view); /* end of the loop turn */

/* One living entry; RT_NOT_FOUND for missing, dead and damaged ones. RT_NO_MEMORY: the arena. */
RT_MUST_USE rt_status rs_cache_get(struct rs_cache_view *view, const uint8_t *name,
                                   enum rs_slot slot, uint16_t type, uint64_t now_s,
                                   struct rt_arena *arena, struct rs_entry *out);

/* ---- writes: a batch is the content of one message to one shard's writer ---- */

/* Appends (key, value) to `batch` (an rt_buf's bytes); RT_FULL when it does not fit. */
RT_MUST_USE rt_status rs_batch_append(uint8_t *batch, uint32_t capacity, uint32_t *size,
                                      const struct rs_key *key, const struct rs_entry *entry);

/* Puts a batch into the shard's store, honouring ranks; does not commit. A failure that follows
 * another is made to last twice as long (RFC9520-3.2). Returns entries written; a malformed batch
 * is a wrong program. RT status of the store through *status; when it is not RT_OK, nothing since
 * the last commit is kept. */
unsigned rs_batch_apply(struct rs_store *store, const uint8_t *batch, uint32_t size, uint64_t now_s,
                        rt_status *status);
