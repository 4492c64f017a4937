/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* listener_udp: answers the datagrams of one address on one core.
 *
 * A batch is decoded whole, the answer cache's lines are fetched while decoding, and the replies of
 * the batch leave together. What no cache knows goes to the question's home desk; the answer comes
 * back with all that is needed to reply (actors/asker.h), so no table of open questions is kept.
 *
 * Memory   One block for each listener: a batch of requests, a batch of replies, and the askers
 * that are on their way to another core. Full     A desk that cannot be reached (RT_FULL, RT_GONE,
 * RT_MSG_UNDELIVERED) means SERVFAIL to the client at once, counted as `shed`. */

#include "lua/hook.h"
#include "runtime/actor.h"

struct listener_udp_args {
    unsigned listen_index; /* in settings->listens, for people */
    const struct lu_listen *listen;
    int adopt_fd;    /* a bound socket, or -1. Writable: the first start takes it, a restarted
                        listener opens its own */
    bool was_opened; /* private, false: SUPERVISOR_READY is sent once, not after a restart */
};

extern const struct rt_actor_type listener_udp_type;
