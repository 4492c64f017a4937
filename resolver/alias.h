/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* alias: chains of CNAMEs and DNAMEs inside one reply.
 *
 * A chain is followed while its names are under the zone whose server sent it and are forwarded
 * nowhere else; any other target is asked anew, whatever the reply adds about it. A DNAME makes its own CNAME: the one in the reply
 * is not looked at (RFC6672-3.1, and it need not be signed). */

#include "resolver/config.h"
#include "resolver/rrset.h"

enum rs_alias_end {
    RS_ALIAS_ANSWERED, /* the last name has the set asked for */
    RS_ALIAS_OPEN,     /* the reply says no more about the last name, or has no right to */
    RS_ALIAS_TOO_LONG, /* a DNAME's product is over 255 bytes: YXDOMAIN (RFC6672-2.2) */
    RS_ALIAS_LOOP,     /* a name came twice */
    RS_ALIAS_LIMIT,    /* more than `links_max` links */
    RS_ALIAS_NO_MEMORY,
};

struct rs_alias_walk {
    const struct rs_config *config;
    const uint8_t *zone;
    uint16_t type;
    unsigned links_max; /* what is left of RS_CNAME_CHAIN_MAX */
    struct rt_arena *arena;
    struct rs_rrsets *chain; /* sets are appended in order, each once; it may hold earlier links */

    /* results */
    struct rs_name last; /* in: the name asked; out: where the chain ended */
    unsigned links;      /* followed */
};

/* May the server of `zone` that was asked about `asked` speak about `name`, too? Not when the two are
 * forwarded to different places (security.md B5). */
bool rs_alias_is_within(const struct rs_config *config, const uint8_t *zone, const uint8_t *asked,
                        const uint8_t *name);

/* True when `sets` has an answer or the beginning of a chain for (name, type). */
bool rs_alias_begins(const struct rs_rrsets *sets, const uint8_t *name, uint16_t type,
                     const uint8_t *zone);

/* Follows `walk->last` through `sets`, the answer section of a reply. */
enum rs_alias_end rs_alias_follow(const struct rs_rrsets *sets, struct rs_alias_walk *walk);

/* True when `target` is an alias that the chain has passed already. */
bool rs_alias_is_loop(const struct rs_rrsets *chain, const uint8_t *target);
