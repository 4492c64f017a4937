/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/base/buf.h"

#include <stdlib.h>

#include "runtime/base/fault.h"
#include "runtime/base/poison.h"

enum { CLASSES_COUNT = 3 };

/* One size of blocks. Those from `touched` on were never used and cost no page yet. */
struct buf_class {
    uint8_t *memory;
    struct rt_buf *free;
    size_t stride;
    uint32_t capacity, count, touched;
};

struct rt_buf_pool {
    /* owning core */
    struct buf_class classes[CLASSES_COUNT];
    uint32_t out; /* blocks that are not in a free list; those in `returned` are among them */

    /* other cores: a stack of blocks they have released; a cache line of its own */
    _Alignas(64) _Atomic(struct rt_buf *) returned;
};

static rt_status class_open(struct buf_class *class, uint32_t capacity, uint32_t count)
{
    class->capacity = capacity;
    class->count = count;
    class->stride = sizeof(struct rt_buf) + capacity;
    if (count == 0) {
        return RT_OK;
    }
    class->memory = aligned_alloc(16, class->stride * count);
    return class->memory != NULL ? RT_OK : RT_NO_MEMORY;
}

static struct rt_buf *class_take(struct buf_class *class)
{
    struct rt_buf *buf = class->free;
    if (buf != NULL) {
        class->free = buf->next_free;
    }
    return buf;
}

/* A block that was never used; only after the used ones, so that few pages serve light load. */
static struct rt_buf *class_touch(struct buf_class *class, struct rt_buf_pool *pool)
{
    if (class->touched == class->count) {
        return NULL;
    }
    struct rt_buf *buf = (struct rt_buf *)(void *)(class->memory + class->stride * class->touched);
    class->touched++;
    buf->pool = pool;
    buf->capacity = class->capacity;
    buf->reserved = 0;
    atomic_init(&buf->refs, 0);
    return buf;
}

static void class_close(struct buf_class *class)
{
    if (class->memory != NULL) {
        rt_unpoison(class->memory, class->stride * class->count);
    }
    free(class->memory);
}

rt_status rt_buf_pool_open(struct rt_buf_pool **out, const struct rt_buf_pool_options *options)
{
    struct rt_buf_pool *pool = aligned_alloc(_Alignof(struct rt_buf_pool), sizeof(*pool));
    if (pool == NULL) {
        return RT_NO_MEMORY;
    }
    *pool = (struct rt_buf_pool){0};
    atomic_init(&pool->returned, NULL);
    if (class_open(&pool->classes[0], RT_BUF_SMALL_BYTES, options->small_count) != RT_OK ||
        class_open(&pool->classes[1], RT_BUF_LARGE_BYTES, options->large_count) != RT_OK ||
        class_open(&pool->classes[2], RT_BUF_HUGE_BYTES, options->huge_count) != RT_OK) {
        rt_buf_pool_close(pool);
        return RT_NO_MEMORY;
    }
    *out = pool;
    return RT_OK;
}

static struct buf_class *class_of(struct rt_buf_pool *pool, const struct rt_buf *buf)
{
    for (unsigned i = 0; i < CLASSES_COUNT; i++) {
        if (pool->classes[i].capacity == buf->capacity) {
            return &pool->classes[i];
        }
    }
    RT_UNREACHABLE("a buf of no class: its head was overwritten");
}

static void put_back(struct rt_buf_pool *pool, struct rt_buf *buf)
{
    struct buf_class *class = class_of(pool, buf);
    RT_CHECK(pool->out > 0);
    rt_poison(buf->data, buf->capacity);
    buf->next_free = class->free;
    class->free = buf;
    pool->out--;
}

/* Takes the whole stack at once: with no single pops there is no ABA. The acquire pairs with the
 * release in push_returned: the block's last use on the other core is over before it is reused. */
static void reclaim(struct rt_buf_pool *pool)
{
    if (atomic_load_explicit(&pool->returned, memory_order_relaxed) == NULL) {
        return; /* A hint only: what arrives now is found the next time. */
    }
    struct rt_buf *buf = atomic_exchange_explicit(&pool->returned, NULL, memory_order_acquire);
    while (buf != NULL) {
        struct rt_buf *next = buf->next_free;
        put_back(pool, buf);
        buf = next;
    }
}

/* The release pairs with the acquire in reclaim. */
static void push_returned(struct rt_buf_pool *pool, struct rt_buf *buf)
{
    struct rt_buf *first = atomic_load_explicit(&pool->returned, memory_order_relaxed);
    do {
        buf->next_free = first;
    } while (!atomic_compare_exchange_weak_explicit(&pool->returned, &first, buf,
                                                    memory_order_release, memory_order_relaxed));
}

void rt_buf_pool_close(struct rt_buf_pool *pool)
{
    reclaim(pool);
    RT_CHECK(pool->out == 0);
    for (unsigned i = 0; i < CLASSES_COUNT; i++) {
        class_close(&pool->classes[i]);
    }
    free(pool);
}

struct rt_buf *rt_buf_new(struct rt_buf_pool *pool, uint32_t capacity)
{
    struct rt_buf *buf = NULL;
    if (rt_fault_strikes(RT_FAULT_BUF)) {
        return NULL;
    }
    for (unsigned i = 0; i < CLASSES_COUNT && buf == NULL; i++) {
        struct buf_class *class = &pool->classes[i];
        if (class->capacity < capacity) {
            continue;
        }
        buf = class_take(class);
        if (buf == NULL) {
            reclaim(pool);
            buf = class_take(class);
        }
        if (buf == NULL) {
            buf = class_touch(class, pool);
        }
    }
    if (buf == NULL) {
        return NULL;
    }
    RT_CHECK(atomic_load_explicit(&buf->refs, memory_order_relaxed) == 0);
    pool->out++;
    buf->next_free = NULL;
    buf->size = 0;
    rt_unpoison(buf->data, buf->capacity);
    atomic_store_explicit(&buf->refs, 1, memory_order_relaxed); /* Nobody else knows it yet. */
    return buf;
}

struct rt_buf *rt_buf_ref(struct rt_buf *buf)
{
    /* Relaxed: who adds a reference holds one, so the block cannot end meanwhile; the new owner
     * learns of the buf through a message, whose ring orders everything else. */
    uint32_t before = atomic_fetch_add_explicit(&buf->refs, 1, memory_order_relaxed);
    RT_CHECK(before > 0 && before < UINT32_MAX);
    return buf;
}

void rt_buf_unref(struct rt_buf_pool *mine, struct rt_buf *buf)
{
    if (buf == NULL) {
        return;
    }
    /* Acquire pairs with the release half of the others' decrements: all their uses are over when
     * we see ourselves alone, and nobody can add a reference then. The common, unshared buf is
     * spared the locked instruction. */
    if (atomic_load_explicit(&buf->refs, memory_order_acquire) == 1) {
        atomic_store_explicit(&buf->refs, 0, memory_order_relaxed);
    } else {
        uint32_t before = atomic_fetch_sub_explicit(&buf->refs, 1, memory_order_acq_rel);
        RT_CHECK(before > 0);
        if (before > 1) {
            return;
        }
    }
    if (buf->pool == mine) {
        put_back(mine, buf);
    } else {
        push_returned(buf->pool, buf);
    }
}

uint32_t rt_buf_pool_in_use(const struct rt_buf_pool *pool)
{
    uint32_t returned = 0;
    /* Others only push onto the stack, so the part below its head stands still. Acquire pairs with
     * push_returned, for the links. */
    const struct rt_buf *buf = atomic_load_explicit(&pool->returned, memory_order_acquire);
    for (; buf != NULL; buf = buf->next_free) {
        returned++;
    }
    RT_CHECK(returned <= pool->out);
    return pool->out - returned;
}
