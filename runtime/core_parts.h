/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* core_parts: the inside of a core, for the files that together are the core and for nobody else.
 *
 *   machine.c    all cores: memory, open and close
 *   core.c       the loop: wait, remote, timers, ready actors
 *   post.c       sending: mailboxes here, rings there, notices that must not be lost
 *   supervise.c  birth, start, stop, restart, end
 *   turn.c       what an actor may call; the brackets around each turn
 *   inspect.c    counters and lists for people
 *
 *   an actor's life:
 *
 *     FREE -> STARTING -> LIVE -> (stop) -> STARTING ...   RT_RESTART_ALWAYS after a failure
 *                 |         |  `---------> RESTING -> STARTING    too many failures in a minute
 *                 `---------`-----------> FREE                    exit, or no restart wanted */

#include <stdatomic.h>

#include "runtime/base/log.h"
#include "runtime/base/pool.h"
#include "runtime/core.h"
#include "runtime/mailbox.h"
#include "runtime/remote.h"
#include "runtime/timer.h"
#include "runtime/trace.h"

enum rt_actor_phase {
    RT_ACTOR_FREE,
    RT_ACTOR_STARTING, /* in the ready queue, or in its start() */
    RT_ACTOR_LIVE,
    RT_ACTOR_RESTING, /* in core->resting until rest_until_ns */
};

/* All actors of one type on one core. */
struct rt_actor_kind {
    const struct rt_actor_type *type;
    struct rt_pool states;
};

/* A slot: an actor, or the place for one. Core lifetime. */
struct rt_actor {
    const struct rt_actor_type *type;
    struct rt_actor_kind *kind;
    void *state;
    const void *args;
    rt_ref ref, parent;
    uint32_t slot, generation;
    enum rt_actor_phase phase;
    enum rt_end ending; /* why, while is_ending */
    const char *failure;
    bool is_running; /* one of its callbacks is on the stack */
    bool is_ending;  /* ends when that turn returns */
    bool is_queued;  /* its node is in core->ready or core->resting */
    struct rt_node node;
    struct rt_mailbox box;
    struct rt_timer_owner timers;
    struct rt_mail *obituary;   /* paid for at birth, so that the parent always hears */
    struct rt_actor *next_free; /* while FREE */

    uint64_t messages, turns, turn_ns_total, turn_ns_max, restarts;
    uint64_t minute_start_ns, rest_until_ns; /* of the restart policy */
    uint32_t minute_restarts;
};

enum { RT_TURN_END_HOOKS_MAX = 4 };

struct rt_core {
    uint32_t magic;
    unsigned index;
    struct rt_machine *machine;
    struct rt_io *io;
    void *services;

    /* memory */
    struct rt_buf_pool *bufs;
    struct rt_arena_pool *arenas;
    struct rt_mail_pool mails;      /* messages between actors */
    struct rt_mail_pool obituaries; /* small blocks, one for each living child */
    struct rt_timers timers;
    struct rt_actor_kind kinds[RT_TYPES_PER_CORE_MAX];
    uint32_t kinds_count;
    struct rt_actor *actors; /* RT_ACTORS_PER_CORE_MAX slots; those from `touched` on are raw */
    struct rt_actor *free;
    uint32_t touched, actors_count;

    /* the loop */
    struct rt_list ready, resting;
    struct rt_mail *outbox_first, *outbox_last; /* notices that found a ring full */
    uint64_t now_ns, wall_ms;
    uint64_t mark_ns; /* when the last turn ended: the next one began there */
    bool is_now_stale, is_wall_stale, is_stopped;
    struct {
        void (*hook)(void *arg);
        void *arg;
    } turn_end[RT_TURN_END_HOOKS_MAX];
    uint32_t turn_end_count;

    /* for people */
    struct rt_actor *current; /* whose callback is on the stack, for the crash report */
    uint16_t current_msg_type;
    struct rt_trace_ring trace;
    struct rt_log_limit failures_log;
    struct rt_core_counters counters;

    uint8_t signal_stack[32 * 1024]; /* a crash report can be written when the stack is used up */

    /* others write here */
    struct rt_remote remote; /* from other cores */
    struct rt_remote inject; /* from threads that are no core */
    _Alignas(64) _Atomic bool is_sleeping;
    _Atomic bool must_stop;
};
enum { rt_core_MAGIC = 0x636F7265 };

struct rt_machine {
    unsigned cores_count;
    struct rt_core *cores[RT_CORES_MAX];
};

struct rt_ctx {
    struct rt_core *core;
    struct rt_actor *actor;
};

/* A counter has one writer, its core: relaxed, and no locked instruction. */
#define RT_COUNT(core, name, n)                                                                    \
    atomic_store_explicit(&(core)->counters.name,                                                  \
                          atomic_load_explicit(&(core)->counters.name, memory_order_relaxed) +     \
                              (n),                                                                 \
                          memory_order_relaxed)

/* core.c */
void rt_core_refresh_now(struct rt_core *core);
void rt_core_make_ready(struct rt_core *core, struct rt_actor *actor);
/* `caller` is NULL on a thread that is no core. */
void rt_core_wake(const struct rt_core *caller, struct rt_core *target);

/* post.c */
void rt_post_ring(struct rt_core *core, struct rt_remote *ring); /* delivers what waits there */
void rt_post_obituary(struct rt_core *core, struct rt_actor *child, enum rt_end why);
void rt_post_outbox(struct rt_core *core);
void rt_post_drop_all(struct rt_core *core); /* rings and outbox, when nothing runs any more */
void rt_post_drop_box(struct rt_core *core, struct rt_mailbox *box);

/* panic.c */
void rt_panic_enter(const struct rt_core *core); /* this thread runs `core`; NULL: none any more */

/* supervise.c */
rt_status rt_actor_new(struct rt_core *core, const struct rt_actor_type *type, const void *args,
                       rt_ref parent, struct rt_actor **out);
void rt_actor_discard(struct rt_core *core, struct rt_actor *actor);
rt_status rt_actor_start(struct rt_core *core, struct rt_actor *actor);
void rt_actor_start_again(struct rt_core *core, struct rt_actor *actor, rt_status why);
void rt_actor_finish(struct rt_core *core, struct rt_actor *actor);
void rt_core_wake_resting(struct rt_core *core);
uint64_t rt_core_next_rest_ns(const struct rt_core *core);
void rt_core_stop_actors(struct rt_core *core);

/* turn.c */
struct rt_actor *rt_actor_find(struct rt_core *core, rt_ref ref); /* NULL: gone */
struct rt_turn {
    struct rt_actor *outer; /* whose turn goes on afterwards: a parent that spawns, or NULL */
    uint64_t start_ns;
    uint32_t messages;
    uint16_t outer_msg_type;
};
void rt_turn_begin(struct rt_core *core, struct rt_actor *actor, struct rt_turn *turn);
void rt_turn_receive(struct rt_core *core, struct rt_actor *actor, struct rt_msg *msg,
                     struct rt_turn *turn);
void rt_turn_end(struct rt_core *core, struct rt_actor *actor, struct rt_turn *turn);
void rt_trace_life(struct rt_core *core, const struct rt_actor *actor, const char *what,
                   uint64_t why);
