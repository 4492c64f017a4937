/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* upstream: the authority side of one core (actors/upstream_msg.h): which server to ask, over which
 * transport, from which port; what each server's past behaviour was.
 *
 * Files    upstream.c the actor: messages, which server, what it is told; upstream_flight.[ch] the
 *          question in flight and its outcome; upstream_udp.c one connected socket for each
 *          question (RFC5452-9.2); upstream_tcp.c connections, reused and pipelined.
 * Full     Flights, sockets or connections exhausted: QUERY_FAILED with RT_FULL. A server's window
 *          of questions under way is full (RFC8085-3.1): the ask is held for UPSTREAM_HOLD_MS at
 *          the most, then the same. */

#include "runtime/actor.h"

extern const struct rt_actor_type upstream_type; /* args: none (NULL) */
