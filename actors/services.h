/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* services: what the composition root gives each core besides actors: settings, addresses of the
 * cast, the core's view of the cache, its answer cache, its counters. rt_services() returns it.
 *
 * Memory   Core lifetime. Constant while actors run, except what is named as this core's own. */

#include "lua/hook.h"
#include "resolver/cache/answers.h"
#include "resolver/cache/cache.h"
#include "runtime/actor.h"

enum { WORKERS_MAX = RT_CORES_MAX - 1 };

/* Who is who, the same for all cores. */
struct cast {
    unsigned workers_count;          /* cores 0 .. workers_count - 1 resolve; the next is control */
    rt_ref desk[WORKERS_MAX];
    rt_ref upstream[WORKERS_MAX];
    unsigned shards_count;
    rt_ref cache[RS_SHARDS_MAX];     /* 0 without a cache */
    rt_ref supervisor;
    struct rt_siphash_key home_key;  /* chooses home cores; random for each process */
};

/* Each written by its core alone, read by anybody (relaxed: a sum may be a moment old). */
#define SERVICE_COUNTERS(X)                                                              \
    X(questions_udp) X(questions_tcp) X(dropped) X(refused) X(errors)                    \
    X(answers_noerror) X(answers_nodata) X(answers_nxdomain) X(answers_servfail)         \
    X(hits_answer_cache) X(hits_shard) X(misses) X(joined) X(shed) X(queries_started)    \
    X(queries_active) X(upstream_udp) X(upstream_tcp) X(upstream_timeouts)               \
    X(upstream_near_misses) X(upstream_bytes) X(tcp_clients) X(cookies_valid)            \
    X(cache_writes) X(cache_write_errors) X(cache_evictions)

struct service_counters {
#define X(name) _Atomic uint64_t name;
    SERVICE_COUNTERS(X)
#undef X
};

struct services {
    const struct lu_settings *settings;
    const struct cast *cast;
    unsigned worker;                 /* index of this core */

    /* this core's own */
    struct rs_cache_view view;       /* released at the end of each loop turn */
    struct rs_answers *answers;
    struct rt_arena turn;            /* scratch, reset at the end of each loop turn */
    struct rs_hints roots;           /* the desk keeps it up to date */
    struct service_counters counters;
};

static inline struct services *services_of(struct rt_ctx *ctx)
{
    return (struct services *)rt_services(ctx);
}

#define SERVICE_COUNT(services, name) \
    ((void)atomic_fetch_add_explicit(&(services)->counters.name, 1, memory_order_relaxed))

/* Adds `delta`, which may be negative: for queries_active, tcp_clients, and sums of bytes. */
#define SERVICE_GAUGE(services, name, delta)                                             \
    ((void)atomic_fetch_add_explicit(&(services)->counters.name, (uint64_t)(int64_t)(delta), \
                                     memory_order_relaxed))

/* The core where all questions for this name meet. `name` is lower case. */
unsigned services_home(const struct cast *cast, const uint8_t *name, size_t name_size);
