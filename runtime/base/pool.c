/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/base/pool.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/fault.h"
#include "runtime/base/poison.h"

struct free_block {
    struct free_block *next;
};

rt_status rt_pool_open(struct rt_pool *pool, size_t block_size, uint32_t count)
{
    size_t rounded = (block_size + 15) & ~(size_t)15;
    if (rounded == 0) {
        rounded = 16;
    }
    RT_CHECK(rounded >= block_size);
    *pool = (struct rt_pool){.block_size = rounded, .count = count};
    if (count == 0) {
        return RT_OK;
    }
    size_t size;
    if (__builtin_mul_overflow(rounded, (size_t)count, &size)) {
        return RT_NO_MEMORY;
    }
    pool->blocks = aligned_alloc(16, size);
    if (pool->blocks == NULL) {
        return RT_NO_MEMORY;
    }
    rt_poison(pool->blocks, size);
    return RT_OK;
}

void rt_pool_close(struct rt_pool *pool)
{
    if (pool->blocks != NULL) {
        rt_unpoison(pool->blocks, pool->block_size * pool->count);
    }
    free(pool->blocks);
    *pool = (struct rt_pool){0};
}

void *rt_pool_take(struct rt_pool *pool)
{
    void *block = pool->free;
    if (rt_fault_strikes(RT_FAULT_POOL)) {
        return NULL;
    }
    if (block != NULL) {
        rt_unpoison(block, pool->block_size);
        pool->free = ((struct free_block *)block)->next;
    } else if (pool->touched < pool->count) {
        block = pool->blocks + pool->block_size * pool->touched++;
        rt_unpoison(block, pool->block_size);
    } else {
        return NULL;
    }
    pool->in_use++;
    if (pool->in_use > pool->in_use_max) {
        pool->in_use_max = pool->in_use;
    }
    return memset(block, 0, pool->block_size);
}

void rt_pool_give(struct rt_pool *pool, void *block)
{
    size_t offset = (size_t)((uint8_t *)block - pool->blocks);
    RT_CHECK(pool->in_use > 0);
    RT_CHECK(offset < pool->block_size * pool->touched);
    RT_CHECK(offset % pool->block_size == 0);

    ((struct free_block *)block)->next = pool->free;
    pool->free = block;
    pool->in_use--;
    rt_poison(block, pool->block_size);
}
