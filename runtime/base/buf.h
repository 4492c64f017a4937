/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* buf: counted blocks of bytes that travel between actors and cores.
 *
 * Memory   Blocks come from the pool of one core, in three size classes, all allocated when the
 *          pool opens. A bound that is reached gives NULL, never a later malloc.
 * Threads  A pool belongs to one core. A buf may be released on any core: a foreign release goes
 *          back through a lock-free stack that the owner empties when its own list runs dry.
 * Order    Bytes are written by whoever created the buf, before it is sent; from then on they are
 *          immutable for all. */

#include <stdatomic.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/status.h"

enum {
    RT_BUF_SMALL_BYTES = 2048,      /* A datagram, an ask, a typical answer. */
    RT_BUF_LARGE_BYTES = 16 * 1024, /* A large answer over TCP, a batch of cache entries. */
    RT_BUF_HUGE_BYTES = 72 * 1024,  /* The largest DNS message and an rs_answer around it. */
};

struct rt_buf_pool;

struct rt_buf {
    struct rt_buf_pool *pool;
    struct rt_buf *next_free; /* private */
    _Atomic uint32_t refs;    /* private */
    uint32_t capacity;        /* bytes at `data`, at least what was asked for */
    uint32_t size;            /* bytes in use; the creator sets it */
    uint32_t reserved;
    _Alignas(16) uint8_t data[];
};

struct rt_buf_pool_options {
    uint32_t small_count, large_count, huge_count;
};

/* Allocates all blocks. RT_NO_MEMORY leaves *out alone. */
RT_MUST_USE rt_status rt_buf_pool_open(struct rt_buf_pool **out,
                                       const struct rt_buf_pool_options *options);

/* All bufs must be back (checked). */
void rt_buf_pool_close(struct rt_buf_pool *pool);

/* A buf with one reference and size 0, of the smallest class with room for `capacity` bytes; a
 * larger class serves when the fitting one is empty. NULL when none is left or capacity is over
 * RT_BUF_HUGE_BYTES. Owning core only. */
struct rt_buf *rt_buf_new(struct rt_buf_pool *pool, uint32_t capacity);

/* One more reference, for one more owner. Any core that holds a reference. Returns `buf`. */
struct rt_buf *rt_buf_ref(struct rt_buf *buf);

/* Gives one reference back. `mine` is the pool of the calling core, or NULL on a thread without
 * one. NULL bufs are ignored. */
void rt_buf_unref(struct rt_buf_pool *mine, struct rt_buf *buf);

/* Blocks in use, all classes: for leak checks and statistics. Owning core only. */
uint32_t rt_buf_pool_in_use(const struct rt_buf_pool *pool);
