/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* pool: a fixed number of equal blocks, allocated when it opens. One core. */

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/status.h"

struct rt_pool {
    /* private: complete so that its owner can embed it */
    uint8_t *blocks;
    void *free;
    size_t block_size;
    uint32_t count, in_use, in_use_max;
    uint32_t touched; /* blocks that were ever taken: the others cost no page yet */
};

RT_MUST_USE rt_status rt_pool_open(struct rt_pool *pool, size_t block_size, uint32_t count);
void rt_pool_close(struct rt_pool *pool);

/* A zeroed block, 16-byte aligned; NULL when all are in use. */
void *rt_pool_take(struct rt_pool *pool);
void rt_pool_give(struct rt_pool *pool, void *block);

/* The number of a block, 0 .. count - 1, for timers, maps and messages that must not carry pointers;
 * and back. The block must be in use: that is the caller's to know. */
static inline uint32_t rt_pool_index(const struct rt_pool *pool, const void *block)
{
    size_t offset = (size_t)((const uint8_t *)block - pool->blocks);
    RT_CHECK(offset < pool->block_size * pool->count);
    return (uint32_t)(offset / pool->block_size);
}
static inline void *rt_pool_at(const struct rt_pool *pool, uint32_t index)
{
    RT_CHECK(index < pool->count);
    return pool->blocks + pool->block_size * index;
}
