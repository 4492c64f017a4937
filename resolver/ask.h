/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* ask: the one place where the machine sends packets, and so where they are paid for; and the
 * attempts under way. */

#include "resolver/frame.h"
#include "resolver/roster.h"

/* Asks what the topmost frame wants to know of whom `pick` allows. False: the budget is spent
 * (the query is over), or the zone's share of address lookups is. */
bool rs_ask_send(struct rs_query *q, const struct rs_pick *pick);

/* The flight of an attempt; NULL when nobody waits for it any more. */
struct rs_flight *rs_ask_flight(struct rs_query *q, uint32_t attempt);
bool rs_ask_is_waiting(const struct rs_query *q);

/* Nobody waits any longer: the attempts under way are called off. */
void rs_ask_abandon_all(struct rs_query *q);

/* Appends an effect; false when it has no room. The last few places are kept for what must not be
 * lost: ASK, ABANDON and ANSWER always find room. */
struct rs_fx *rs_effect(struct rs_query *q, enum rs_effect_kind kind);
