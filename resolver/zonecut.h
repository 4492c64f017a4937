/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* zonecut: which zone's servers to ask about a name: the deepest delegation that the query has
 * learnt itself or finds in the cache, else the root hints. */

#include "resolver/frame.h"

/* The deepest zone at or above `name` with at most `labels_max` labels. NULL: no memory. */
struct rs_cut *rs_zonecut_find(struct rs_query *q, const uint8_t *name, unsigned labels_max);

/* Fixed servers for everything at or below a name. NULL: no memory. */
struct rs_cut *rs_zonecut_forward(struct rs_query *q, const struct rs_forward *forward);

/* Remembers a delegation for this query. `expires_s` in cache seconds. NULL: no memory. */
struct rs_cut *rs_zonecut_learn(struct rs_query *q, const struct rs_delegation *delegation,
                                uint64_t expires_s);

/* The name server `name` in any delegation known for a zone at or above it, if that came with its
 * address (a name server below the zone it serves, as a rule); NULL when there is none. */
const struct rs_ns *rs_zonecut_glue(struct rs_query *q, const uint8_t *name);
