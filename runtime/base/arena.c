/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/base/arena.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/fault.h"
#include "runtime/base/poison.h"

struct rt_arena_chunk {
    struct rt_arena_chunk *next; /* in its arena, or among the free ones */
    bool is_large;
    _Alignas(16) uint8_t bytes[];
};

/* One size of chunks. Those from `touched` on were never used and cost no page yet. */
struct chunk_store {
    uint8_t *memory;
    struct rt_arena_chunk *free;
    size_t stride, bytes;
    uint32_t count, touched, in_use;
};

struct rt_arena_pool {
    struct chunk_store small, large;
};

static rt_status store_open(struct chunk_store *store, size_t bytes, uint32_t count)
{
    store->bytes = bytes;
    store->stride = sizeof(struct rt_arena_chunk) + bytes;
    store->count = count;
    if (count == 0) {
        return RT_OK;
    }
    store->memory = aligned_alloc(16, store->stride * count);
    return store->memory != NULL ? RT_OK : RT_NO_MEMORY;
}

static struct rt_arena_chunk *store_take(struct chunk_store *store)
{
    struct rt_arena_chunk *chunk = store->free;
    if (chunk != NULL) {
        store->free = chunk->next;
    } else if (store->touched < store->count) {
        chunk = (struct rt_arena_chunk *)(void *)(store->memory + store->stride * store->touched++);
    } else {
        return NULL;
    }
    store->in_use++;
    rt_poison(chunk->bytes, store->bytes);
    return chunk;
}

static void store_give(struct chunk_store *store, struct rt_arena_chunk *chunk)
{
    RT_CHECK(store->in_use > 0);
    rt_poison(chunk->bytes, store->bytes);
    chunk->next = store->free;
    store->free = chunk;
    store->in_use--;
}

static void store_close(struct chunk_store *store)
{
    if (store->memory != NULL) {
        rt_unpoison(store->memory, store->stride * store->count);
    }
    free(store->memory);
}

rt_status rt_arena_pool_open(struct rt_arena_pool **out, uint32_t small_count, uint32_t large_count)
{
    struct rt_arena_pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        return RT_NO_MEMORY;
    }
    if (store_open(&pool->small, RT_ARENA_CHUNK_BYTES, small_count) != RT_OK ||
        store_open(&pool->large, RT_ARENA_LARGE_BYTES, large_count) != RT_OK) {
        rt_arena_pool_close(pool);
        return RT_NO_MEMORY;
    }
    *out = pool;
    return RT_OK;
}

void rt_arena_pool_close(struct rt_arena_pool *pool)
{
    store_close(&pool->small);
    store_close(&pool->large);
    free(pool);
}

uint32_t rt_arena_pool_in_use(const struct rt_arena_pool *pool)
{
    return pool->small.in_use + pool->large.in_use;
}

void rt_arena_init(struct rt_arena *arena, struct rt_arena_pool *pool, size_t bytes_max)
{
    RT_CHECK(pool != NULL);
    *arena = (struct rt_arena){.pool = pool, .bytes_max = bytes_max};
}

/* A chunk with room for `size` bytes joins the arena; the bump goes on wherever more is left. */
static uint8_t *bump_in_new_chunk(struct rt_arena *arena, size_t size, size_t step)
{
    struct chunk_store *store =
        size <= RT_ARENA_CHUNK_BYTES ? &arena->pool->small : &arena->pool->large;
    struct rt_arena_chunk *chunk = store_take(store);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->is_large = store == &arena->pool->large;
    chunk->next = arena->chunks;
    arena->chunks = chunk;

    size_t left = store->bytes > step ? store->bytes - step : 0;
    if (left > (size_t)(arena->end - arena->at)) {
        arena->end = chunk->bytes + store->bytes;
        arena->at = arena->end - left;
    }
    return chunk->bytes;
}

void *rt_arena_alloc(struct rt_arena *arena, size_t size)
{
    if (size > RT_ARENA_LARGE_BYTES || rt_fault_strikes(RT_FAULT_ARENA)) {
        return NULL;
    }
    size_t rounded = size == 0 ? 16 : (size + 15) & ~(size_t)15;
    if (rounded > arena->bytes_max - arena->bytes) {
        arena->is_spent = true;
        return NULL;
    }
    size_t step = rounded + RT_RED_ZONE_BYTES;
    uint8_t *bytes = arena->at;
    if (rounded <= (size_t)(arena->end - arena->at)) {
        arena->at = step <= (size_t)(arena->end - arena->at) ? arena->at + step : arena->end;
    } else {
        bytes = bump_in_new_chunk(arena, rounded, step);
        if (bytes == NULL) {
            return NULL;
        }
    }
    arena->bytes += rounded;
    rt_unpoison(bytes, size);
    return memset(bytes, 0, size);
}

void *rt_arena_copy(struct rt_arena *arena, const void *bytes, size_t size)
{
    void *copy = rt_arena_alloc(arena, size);
    if (copy != NULL && size > 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

void rt_arena_reset(struct rt_arena *arena)
{
    struct rt_arena_chunk *chunk = arena->chunks;
    while (chunk != NULL) {
        struct rt_arena_chunk *next = chunk->next;
        store_give(chunk->is_large ? &arena->pool->large : &arena->pool->small, chunk);
        chunk = next;
    }
    arena->chunks = NULL;
    arena->at = arena->end = NULL;
    arena->bytes = 0;
    arena->is_spent = false;
}
