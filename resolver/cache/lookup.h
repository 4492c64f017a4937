/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* lookup: what the cache alone can say about a question. Pure but for the reads; used by listeners
 * (the shard hit) and by the query machine (before and between its steps). */

#include "resolver/answer.h"
#include "resolver/cache/cache.h"

enum rs_found {
    RS_FOUND_NOTHING,
    RS_FOUND_ANSWER, /* complete: positive, NODATA, NXDOMAIN (its own or an ancestor's, RFC8020) */
    RS_FOUND_ALIAS,  /* a chain of CNAMEs and DNAMEs whose end is not cached: `last` is that name */
    RS_FOUND_FAILURE, /* failed recently (RFC9520): SERVFAIL with its EDE, no packet */
};

/* `out` is zeroed or holds the chain so far. With anything but NOTHING its rcode, security, ede and
 * ttl_s_max are set; sets share the arena. Meta-types are never in the cache.
 *
 * Follows the question through the cache. Sets found are appended to `out` in order; `last` gets
 * the name where the chain ended. CNAME loops and chains over RS_CNAME_CHAIN_MAX end as
 * RS_FOUND_ANSWER with SERVFAIL and the chain. The DNAME rule makes the CNAME that belongs to it
 * (RFC6672-3.1). The RRset of the asked type at a name wins over a CNAME there. */
enum rs_found rs_lookup(struct rs_cache_view *view, const struct rs_question *question,
                        uint64_t now_s, struct rt_arena *arena, struct rs_response *out,
                        struct rs_name *last);
