/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* supervisor: start order, readiness, drain and stop of the cast (actors/supervisor_msg.h).
 *
 * Order    UDP listeners open when their core starts. When all are open, TCP listeners are told to
 *          listen; when the last does, troupe is ready. So a client that can connect finds
 *          everything else standing.
 * Drain    On SUPERVISOR_STOP TCP listeners take no new connections and end those that wait for
 *          nothing, and desks take no new questions; when all are empty, or after
 *          SUPERVISOR_DRAIN_MS, the cores may be stopped.
 * Failure  What an actor of the cast cannot recover from is logged; the others go on. The
 *          supervisor itself, restarted, goes on where it was. */

#include "actors/services.h"
#include "runtime/actor.h"

enum {
    SUPERVISOR_DRAIN_MS = 800, /* TERM ends the process within a second. */
    SUPERVISOR_LAST_MS = 50,   /* For the SERVFAILs to those whose answer takes longer to leave. */
};

enum supervisor_phase {
    SUPERVISOR_WAITS_UDP,
    SUPERVISOR_WAITS_TCP,
    SUPERVISOR_SERVES,
    SUPERVISOR_FAILED,
    SUPERVISOR_DRAINS,
    SUPERVISOR_DONE,
};

struct supervisor_memory { /* survives a restart; zeroed by its owner */
    enum supervisor_phase phase;
    unsigned ready_count;   /* listeners of the kind that is waited for */
    unsigned opened_count;  /* TCP listeners that were told to listen */
    unsigned drained_count; /* desks */
};

struct supervisor_args { /* lives as long as the actor */
    const struct cast *cast;
    unsigned udp_count, tcp_count;
    const rt_ref *tcp; /* all TCP listeners of all cores */
    struct supervisor_memory *memory;
    void (*on_ready)(void *arg, rt_status status);
    void (*on_drained)(void *arg);
    void *arg;
};

extern const struct rt_actor_type supervisor_type;
