/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* desk_wait: the clients that wait at a desk, in groups that wait for the same answer. Part of the
 * desk (desk.h has the policy); apart from it because who waits has its own bounds and its own end.
 *
 * A client leaves in exactly one way: its answer has been sent, or (its listener being full) is
 * owed to it and sent later, or is counted as dropped after DESK_OWED_TRIES.
 *
 * Memory   A pool of waiters, opened once. Answers are shared bufs. */

#include "actors/desk_msg.h"
#include "actors/services.h"
#include "runtime/base/list.h"
#include "runtime/base/map.h"
#include "runtime/base/pool.h"

struct desk_group {
    /* private: zeroed memory is an empty group */
    struct rt_list waiters;
    uint32_t count;
};

struct desk_wait {
    /* private: complete so that the desk can embed it */
    struct services *services;
    struct rt_siphash_key key; /* clients choose what is hashed */
    struct rt_pool waiters;
    struct rt_map by_client;
    struct rt_map by_address; /* how many wait, by whose replies would meet */
    unsigned desks_count;     /* that share the bound for one address */
    struct rt_list unverified; /* by age */
    struct rt_list owed;
};

RT_MUST_USE rt_status desk_wait_open(struct desk_wait *wait, struct services *services,
                                     const struct rt_siphash_key *key, uint32_t waiters_max);

/* Tries once more to send what is owed, drops the rest. All groups are empty. */
void desk_wait_close(struct rt_ctx *ctx, struct desk_wait *wait);

/* True: so many of its address wait here that their replies, leaving together, would be a weapon
 * against whoever has that address (DNSBomb, CVE-2024-33655). Not for proven addresses. */
bool desk_wait_is_flood(struct desk_wait *wait, const struct desk_ask *ask);

/* Makes the asker wait in `group`, or merges it with itself. `group_number` tells groups apart.
 * False: no room; nothing changed. */
bool desk_wait_add(struct rt_ctx *ctx, struct desk_wait *wait, struct desk_group *group,
                   uint32_t group_number, const struct desk_ask *ask);

static inline bool desk_group_is_empty(const struct desk_group *group)
{
    return group->count == 0;
}

/* Answers those of the group whom `serves` (DESK_FOR_*) names with `buf` (NULL: SERVFAIL with
 * `ede`). Returns the DESK_FOR_* bits of those who were there. */
unsigned desk_wait_answer(struct rt_ctx *ctx, struct desk_wait *wait, struct desk_group *group,
                          unsigned serves, struct rt_buf *buf, int16_t ede);

/* Answers an asker who never waited. On any status but RT_OK nothing was sent. */
RT_MUST_USE rt_status desk_wait_reply(struct rt_ctx *ctx, const struct desk_ask *ask,
                                      struct rt_buf *buf, int16_t ede);

/* True while answers are owed: call desk_wait_retry every DESK_OWED_MS. */
enum { DESK_OWED_MS = 2 };
static inline bool desk_wait_owes(const struct desk_wait *wait)
{
    return !rt_list_is_empty(&wait->owed);
}
void desk_wait_retry(struct rt_ctx *ctx, struct desk_wait *wait);
