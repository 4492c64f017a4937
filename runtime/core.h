/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* core: one loop with its actors. In production one pinned thread runs each core; in simulation
 * one thread runs all of them, a loop turn at a time, in an order that the seed decides.
 *
 * Threads  open/spawn/close: before the core's thread runs and after it ended, by whoever composes
 *          the program. Everything else: the core's own thread, except rt_core_stop and the
 *          counters, which any thread may use. */

#include "runtime/actor.h"
#include "runtime/io.h"

struct rt_core;
struct rt_machine; /* All cores of the process and the rings between them. */

struct rt_machine_options {
    unsigned cores_count; /* 1..RT_CORES_MAX, the control core included */
    struct rt_buf_pool_options bufs;    /* each core's */
    uint32_t arena_small_count, arena_large_count;
    uint32_t msgs_per_core, timers_per_core; /* 0: the limits' values (the simulator takes less) */
};

/* Allocates cores and rings. The io of each core is attached before it runs. */
RT_MUST_USE rt_status rt_machine_open(struct rt_machine **out,
                                      const struct rt_machine_options *options);
void rt_machine_close(struct rt_machine *machine);
struct rt_core *rt_machine_core(struct rt_machine *machine, unsigned index);
unsigned rt_machine_cores_count(const struct rt_machine *machine);

/* Allocates the states of this type's actors now rather than at the first spawn or cast of one: for
 * types that are first spawned when the core runs already. RT_NO_MEMORY. */
RT_MUST_USE rt_status rt_core_prepare(struct rt_core *core, const struct rt_actor_type *type);

/* `services` is handed to actors by rt_services; `io` is destroyed with the core. */
void rt_core_attach(struct rt_core *core, struct rt_io *io, void *services);

/* As rt_spawn, for the actors that stand there from the start. Their parent is `parent` (may be on
 * another core, RT_REF_NONE: nobody hears of their end). The actor starts when the core runs its first loop
 * turn; the ref is valid at once, so that the cast can be told of each other. */
RT_MUST_USE rt_status rt_core_cast(struct rt_core *core, const struct rt_actor_type *type,
                                   const void *args, rt_ref parent, rt_ref *out);

/* One loop turn: poll until `deadline_ns` at the latest (or not at all when actors are ready),
 * remote rings, timers, ready actors. Returns true while the core has work that needs no waiting.
 * `turn_end` hooks run last. */
bool rt_core_turn(struct rt_core *core, uint64_t deadline_ns);

/* When the next timer fires; UINT64_MAX without one. For the simulator's clock. */
uint64_t rt_core_next_deadline(const struct rt_core *core);

/* True when a message waits in a mailbox or in a ring to this core. For the simulator. */
bool rt_core_has_work(const struct rt_core *core);

/* Loops until rt_core_stop. The calling thread becomes the core's. */
void rt_core_run(struct rt_core *core);

/* Any thread. Drain first if clients should get their answers. All actors get stop(). */
void rt_core_stop(struct rt_core *core);

/* Runs once at the end of each loop turn, on the core (the cache's read transaction ends here). At
 * most 4 per core. */
void rt_core_at_turn_end(struct rt_core *core, void (*hook)(void *arg), void *arg);

/* For io implementations: runs one turn of `owner` with `msg`, which stays the caller's: a buf that
 * receive leaves in it is the io's to release. RT_GONE when the owner has ended or waits for a
 * restart; the io then closes the handle. */
rt_status rt_core_deliver(struct rt_core *core, rt_ref owner, struct rt_msg *msg);

/* Ends an actor as if it had failed: RT_END_KILLED, then its restart policy. Fault injection. */
void rt_core_kill(struct rt_core *core, rt_ref ref);

unsigned rt_core_number(const struct rt_core *core);
struct rt_io *rt_core_io(struct rt_core *core);
struct rt_buf_pool *rt_core_bufs(struct rt_core *core);
struct rt_arena_pool *rt_core_arenas(struct rt_core *core);

/* ---- introspection ---- */

struct rt_actor_info {
    rt_ref ref;
    const char *name;
    uint64_t messages, turns, turn_ns_total, turn_ns_max, restarts;
    uint32_t mailbox_count, mailbox_high;
};

/* Calls `each` for every living actor. Only where the core does not run concurrently, or from a
 * turn on this core. */
void rt_core_actors(struct rt_core *core, void (*each)(const struct rt_actor_info *, void *),
                    void *arg);

struct rt_core_counters {
    _Atomic uint64_t loops, turns, messages, remote_sent, remote_received, remote_full,
        mailbox_full, timers_fired, restarts, busy_ns, undelivered;
    _Atomic uint32_t actors, msgs_in_use, msgs_in_use_max, timers_in_use;
};
const struct rt_core_counters *rt_core_counters(const struct rt_core *core);

/* Puts a message into an actor's mailbox from outside the machine: a signal, the simulator. Any
 * thread. RT_FULL: the injection slots (16 a core) are in use. Moves msg->buf on RT_OK. */
RT_MUST_USE rt_status rt_core_inject(struct rt_core *core, rt_ref to, struct rt_msg *msg);
