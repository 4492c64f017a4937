/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* arena: bump allocation with one common end.
 *
 * Memory   Chunks of RT_ARENA_CHUNK_BYTES from a chunk pool, up to a bound of bytes for each arena.
 *          Allocations are 16-byte aligned, zeroed, and at most one chunk large unless a single
 *          larger one is asked for, which takes as many consecutive bytes from a large chunk.
 * Threads  One core. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/status.h"

enum {
    RT_ARENA_CHUNK_BYTES = 16 * 1024,
    RT_ARENA_LARGE_BYTES = 80 * 1024, /* One parsed DNS message of the largest size. */
};

struct rt_arena_pool; /* The chunks of one core. */
struct rt_arena_chunk;

struct rt_arena {
    /* private: complete so that its owner can embed it */
    struct rt_arena_pool *pool;
    struct rt_arena_chunk *chunks;
    uint8_t *at, *end;
    size_t bytes, bytes_max;
    bool is_spent;
};

/* Allocates `small_count` chunks of RT_ARENA_CHUNK_BYTES and `large_count` of
 * RT_ARENA_LARGE_BYTES, once. */
RT_MUST_USE rt_status rt_arena_pool_open(struct rt_arena_pool **out, uint32_t small_count,
                                         uint32_t large_count);
void rt_arena_pool_close(struct rt_arena_pool *pool);

/* Chunks that arenas hold: for leak checks and statistics. */
uint32_t rt_arena_pool_in_use(const struct rt_arena_pool *pool);

/* An empty arena that holds no chunk yet. */
void rt_arena_init(struct rt_arena *arena, struct rt_arena_pool *pool, size_t bytes_max);

/* Zeroed bytes until the reset; NULL when the arena's bound or the pool is exhausted. */
void *rt_arena_alloc(struct rt_arena *arena, size_t size);

/* Did a NULL come from the arena's own bound, and not from a pool that others have emptied? */
static inline bool rt_arena_is_spent(const struct rt_arena *arena)
{
    return arena->is_spent;
}

/* A copy of `size` bytes; NULL as above. */
void *rt_arena_copy(struct rt_arena *arena, const void *bytes, size_t size);

/* Gives every chunk back. All pointers into the arena are dead. */
void rt_arena_reset(struct rt_arena *arena);
