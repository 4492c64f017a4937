/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* troupe: the whole cast on its cores, for whoever runs it: the daemon on io_uring, the simulator
 * and the scenario player on a virtual network. The same composition in all three.
 *
 * Cores 0 .. workers_count - 1 resolve; core workers_count is the control core with the supervisor
 * and the priming actor.
 *
 * Threads  open, close: one thread, before the cores run and after they ended. */

#include "actors/services.h"
#include "runtime/core.h"

struct troupe;

struct troupe_options {
    const struct lu_settings *settings; /* outlives the troupe */
    struct rs_cache *cache;             /* open, outlives the troupe; NULL: no cache */

    /* The io of core `core`; owned by the machine from then on. NULL: *why tells. Called once for
     * each core, in order, after the machine is open. */
    struct rt_io *(*io_open)(void *arg, struct rt_core *core, unsigned core_index, rt_status *why);

    /* A socket that is bound already (listen_index in settings->listens), or -1. NULL: none. */
    int (*listen_fd)(void *arg, unsigned core_index, unsigned listen_index, bool is_tcp);

    /* Called on the control core: once when every listener is open (RT_OK) or cannot be, and once
     * when the drain has ended and cores may be stopped. NULL: nobody cares. */
    void (*on_ready)(void *arg, rt_status status);
    void (*on_drained)(void *arg);
    void *arg;

    bool is_small; /* pools for a simulation rather than for an ISP */
};

RT_MUST_USE rt_status troupe_open(struct troupe **out, const struct troupe_options *options);
void troupe_close(struct troupe *troupe);

struct rt_machine *troupe_machine(struct troupe *troupe);
const struct cast *troupe_cast(const struct troupe *troupe);
struct services *troupe_services(struct troupe *troupe, unsigned core_index);
rt_ref troupe_reporter(const struct troupe *troupe, unsigned core_index); /* actors/report.h */

/* Sends SUPERVISOR_STOP. Any thread; for signal handlers' threads and the simulator. */
void troupe_stop(struct troupe *troupe);
