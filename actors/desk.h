/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* desk: where all equal questions of the process meet (one for each core, actors/desk_msg.h).
 *
 * A question (name, type, class, CD) is resolved by one query actor at a time; whoever asks it
 * meanwhile waits for the same answer. Every DESK_ASK is answered exactly once, but for those of a
 * flood, which are dropped: 200 unproven UDP questions (and at least 50 at this desk) wait for one
 * IPv4 address or IPv6 /64, loopback excepted (security.md C13).
 *
 * Overload, in this order:
 *  1. The same client repeating the same question over UDP (address, port, ID) is merged: it costs
 *     nothing and keeps its place and age (security.md F4, F9).
 *  2. settings->queries_max queries run: a question that would need another one is shed.
 *  3. The pool of waiters is empty: a client whose address is verified (TCP, cookie) takes the
 * place of the unverified one that has waited longest at this desk, which is shed in its stead; an
 *     unverified client is shed.
 *  4. DESK_WAITERS_PER_QUERY_MAX wait for one query: the next one is shed, whoever it is.
 *  Shed means SERVFAIL with EDE 0 at once, counted as `shed`: a client that hears nothing would
 * only ask again. Running queries are never ended for new ones: their packets are spent already.
 *
 * Time     A query has its own deadline. Should it fail to keep it, the desk answers SERVFAIL
 *          DESK_JOB_MS after the first question.
 * Failure  A query that dies without an answer is started once more; the second time its clients
 *          get SERVFAIL. When the desk itself stops, everybody who waits gets SERVFAIL.
 * Files    desk.c the questions and their queries; desk_wait.c the clients and their answers.
 * Memory   Everything from pools opened at start, sized by settings->queries_max. */

#include "runtime/actor.h"

extern const struct rt_actor_type desk_type; /* args: none (NULL) */
