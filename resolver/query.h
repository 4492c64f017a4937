/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* query: the resolution of one question as a state machine. Events in, effects out.
 *
 * It starts from the cache or the root hints and walks down: minimised names, referrals, aliases,
 * addresses of name servers (as frames on a stack of its own, RS_DEPTH_MAX deep), forwarders as the
 * same walk with a fixed server set. It knows nothing of sockets, clocks, randomness, threads.
 *
 * Memory   The caller's arena, for the machine's whole life.
 * Threads  One core. Many machines share one rs_cache_view. */

#include "resolver/budget.h"
#include "resolver/cache/cache.h"
#include "resolver/config.h"
#include "resolver/effect.h"
#include "resolver/event.h"
#include "resolver/message.h"

enum rs_next { RS_MORE, RS_WAIT, RS_DONE };

struct rs_query;

struct rs_query_options {
    const struct rs_config *config; /* outlives the query */
    const struct rs_hints *hints;   /* the root servers in force; outlives the query */
    struct rs_cache_view *cache;    /* reads between steps end with the loop turn: copied at once */
    struct rt_arena *arena;
    const struct rs_question *question; /* copied */
    bool is_cd;
    bool is_refresh; /* do not answer from the cache, only write to it (prefetch) */
};

/* NULL: the arena is exhausted. */
struct rs_query *rs_query_new(const struct rs_query_options *options);

/* One event. Effects are appended to `effects`, which the caller has emptied. Returns RS_WAIT (an
 * outcome of an attempt is awaited) or RS_DONE (the last effect is RS_FX_ANSWER; no further call).
 * Events for attempts that are no longer awaited are ignored. */
enum rs_next rs_query_step(struct rs_query *query, const struct rs_event *event,
                           struct rs_effects *effects);

const struct rs_budget *rs_query_budget(const struct rs_query *query);

/* For people: the name of the state it is in, the zone it asks, and what it asks there. */
struct rs_query_status {
    const char *state;
    const uint8_t *zone, *name;
    uint16_t type;
    unsigned depth;
};
void rs_query_status(const struct rs_query *query, struct rs_query_status *out);
