/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* nsaddr: where the name servers of a zone are: first what costs nothing (glue, the cache, glue of
 * other delegations), then lookups of their addresses as frames of their own.
 *
 * Bounds: names per delegation, depth, lookups and failed lookups per query (NXNSAttack), circles
 * (TsuNAME), and packets to any one zone in search of addresses. */

#include "resolver/frame.h"

/* Collects the addresses that cost no packet, once for each zone. True when there are new ones. */
bool rs_nsaddr_gather(struct rs_query *q);

/* Puts the next address lookup on the stack. False: there is none, or none is affordable. */
bool rs_nsaddr_push(struct rs_query *q);

/* The topmost frame has found its answer, or that there is none: the frame below gets it. */
void rs_nsaddr_pop_found(struct rs_query *q);
void rs_nsaddr_pop_failed(struct rs_query *q);

/* The topmost frame has met the glue of the very name server it looks for: that will do for now. */
bool rs_nsaddr_pop_glue(struct rs_query *q, const struct rs_delegation *delegation);
