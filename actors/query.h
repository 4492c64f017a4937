/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* query: carries one rs_query machine: feeds it events, performs its effects, dies with the answer.
 *
 * Memory   The machine's arena, at most RS_QUERY_ARENA_BYTES, from the core's chunks. */

#include "resolver/message.h"
#include "runtime/actor.h"

struct query_args {
    struct rs_question question;
    bool is_cd;
    bool is_refresh; /* not from the cache: prefetch */
    uint64_t trace_id;
};

extern const struct rt_actor_type query_type; /* args: struct query_args, for start() only */
