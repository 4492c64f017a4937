/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* actor: everything the author of an actor needs: type, address, messages, timers, life and death.
 *
 * An actor is state that only its own core touches, and a `receive` that runs to completion for
 * one message at a time. It speaks to others by messages, to the world through runtime/io.h.
 *
 * Memory   State comes from a per-type pool, messages from the core's message pool; send copies
 *          the message, so it may live on the sender's stack. The buf a message owns moves with
 *          it on RT_OK and stays the sender's on any other status.
 * Threads  All functions: only from a turn of an actor on that core (or before the core runs).
 * Order    FIFO from one sender to one receiver. Nothing else. */

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "runtime/base/check.h"
#include "runtime/base/clock.h"
#include "runtime/base/status.h"
#include "runtime/limits.h"

struct rt_ctx; /* The turn: given to every callback, dead when it returns. */
struct rt_io;

/* Address of an actor: core (8 bits), slot (24), generation (32). It survives restarts of the
 * actor by the supervisor; after its end it leads to RT_GONE, never to a successor. */
typedef uint64_t rt_ref;
#define RT_REF_NONE ((rt_ref)0)
static inline unsigned rt_ref_core(rt_ref ref)
{
    return (unsigned)(ref >> 56);
}

/* The head of every message. `type` belongs to the receiver's X-list; types from
 * RT_MSG_RUNTIME_FIRST are the runtime's own, below. */
struct rt_msg {
    uint16_t type;
    uint16_t size;     /* bytes of the whole struct, at most RT_MSG_BYTES_MAX; rt_send sets none */
    uint32_t reserved; /* zero */
    rt_ref from;       /* set by rt_send */
    uint64_t cookie;   /* the sender's own; answers and RT_MSG_UNDELIVERED carry it back */
    uint64_t trace_id; /* the client question this serves; 0 none */
    struct rt_buf *buf; /* the one thing a message can own: one reference, or NULL. It moves with
                           the message; the runtime releases it when the message dies unread. A
                           receiver that keeps it sets the field to NULL, else it is released after
                           receive. */
};

#define RT_MSG_INIT(msg_type, struct_type)                            \
    {                                                                 \
        .type = (msg_type), .size = (uint16_t)sizeof(struct_type)     \
    }

enum rt_msg_type {
    RT_MSG_RUNTIME_FIRST = 0xF000,
    RT_MSG_TIMER = RT_MSG_RUNTIME_FIRST, /* struct rt_msg_timer */
    RT_MSG_UNDELIVERED,                  /* struct rt_msg_undelivered */
    RT_MSG_CHILD_ENDED,                  /* struct rt_msg_child_ended, to the spawner */
    RT_MSG_DRAIN,                        /* struct rt_msg: finish what runs, take nothing new */
    RT_MSG_IO_FIRST = 0xF100,            /* runtime/io.h */
};

struct rt_msg_timer {
    struct rt_msg head; /* head.cookie is the cookie given to rt_timer_start */
};

/* A cross-core message that did not reach its mailbox; the buf it owned has been released. */
struct rt_msg_undelivered {
    struct rt_msg head; /* head.cookie and trace_id are those of the lost message */
    rt_ref to;
    rt_status why; /* RT_FULL or RT_GONE */
    uint16_t lost_type;
};

enum rt_end {
    RT_END_EXIT,    /* rt_exit: its work is done */
    RT_END_FAILED,  /* rt_fail, and restarts are exhausted or not wanted */
    RT_END_KILLED,  /* by rt_core_kill: fault injection, operator */
    RT_END_STOPPED, /* the core stops */
};

struct rt_msg_child_ended {
    struct rt_msg head;
    rt_ref child;
    enum rt_end why;
};

enum rt_restart {
    RT_RESTART_NEVER,  /* queries: their clients are told and may ask again */
    RT_RESTART_ALWAYS, /* everything that has one instance: listener, upstream, cache ... */
};

struct rt_actor_type {
    const char *name;
    size_t state_size;      /* zeroed before start */
    uint32_t actors_max;    /* per core */
    uint16_t mailbox_cap;   /* messages waiting; above it senders see RT_FULL */
    enum rt_restart restart;
    const char *(*msg_name)(uint16_t type); /* for traces and crash reports; never NULL result */

    /* Prepares the zeroed state. `args` is what rt_spawn got; it lives as long as the actor when
     * restart is RT_RESTART_ALWAYS (the caller's duty), else for this call only. Any status but
     * RT_OK ends or retries the actor; stop is not called then. */
    rt_status (*start)(struct rt_ctx *ctx, void *state, const void *args);

    /* One message. It is the receiver's for this call only. */
    void (*receive)(struct rt_ctx *ctx, void *state, struct rt_msg *msg);

    /* Releases everything and answers whoever waits. Also before a restart. May be NULL. */
    void (*stop)(struct rt_ctx *ctx, void *state, enum rt_end why);
};

/* ---- sending ---- */

/* Sends a copy of `msg` (msg->size bytes) to `to`.
 *
 * Returns  RT_OK    queued; across cores it may still come back as RT_MSG_UNDELIVERED
 *          RT_FULL  the mailbox, the message pool or the ring to that core is full
 *          RT_GONE  same core only: the receiver has ended
 * On RT_OK msg->buf becomes NULL (moved); on any other status it stays the caller's. */
RT_MUST_USE rt_status rt_send(struct rt_ctx *ctx, rt_ref to, struct rt_msg *msg);

/* ---- life ---- */

/* Starts an actor on this core, as the caller's child: the caller gets RT_MSG_CHILD_ENDED when it
 * ends for good for any reason but RT_END_STOPPED. start() has run when this returns.
 * RT_FULL: actors_max or the slots of the core are in use; else the status of start(). */
RT_MUST_USE rt_status rt_spawn(struct rt_ctx *ctx, const struct rt_actor_type *type,
                               const void *args, rt_ref *out);

/* Ends the calling actor when this turn returns. */
void rt_exit(struct rt_ctx *ctx);

/* The calling actor cannot go on (a broken invariant of its own, no memory): stop() runs when this
 * turn returns, then the restart policy. `why` is for the log and must be constant text. */
void rt_fail(struct rt_ctx *ctx, const char *why);

/* ---- the turn ---- */

rt_ref rt_self(const struct rt_ctx *ctx);
rt_ref rt_parent(const struct rt_ctx *ctx); /* who spawned this actor; RT_REF_NONE for the cast */
unsigned rt_core_index(const struct rt_ctx *ctx);
uint64_t rt_now_ns(const struct rt_ctx *ctx);  /* monotonic, read once per loop turn */
uint64_t rt_wall_ms(const struct rt_ctx *ctx); /* wall clock, read once per loop turn */
void rt_random(struct rt_ctx *ctx, void *out, size_t size); /* CSPRNG (seeded in simulation) */
uint64_t rt_random_u64(struct rt_ctx *ctx);
struct rt_io *rt_io_of(struct rt_ctx *ctx);
struct rt_buf_pool *rt_bufs(struct rt_ctx *ctx);
struct rt_arena_pool *rt_arenas(struct rt_ctx *ctx);
void *rt_services(struct rt_ctx *ctx); /* what the composition root gave this core */

/* A named moment in this core's trace ring: `what` is constant text, `a` and `b` are free. */
void rt_trace(struct rt_ctx *ctx, uint64_t trace_id, const char *what, uint64_t a, uint64_t b);

/* ---- timers: deadlines are messages ---- */

typedef uint64_t rt_timer; /* 0 none */

/* RT_MSG_TIMER with `cookie` to the calling actor, not before `delay_ns` from now; resolution
 * 1 ms. Returns 0 when the core's timers are exhausted. Dies with its actor. */
rt_timer rt_timer_start(struct rt_ctx *ctx, uint64_t delay_ns, uint64_t cookie);

/* After this the message will not come. Unknown, fired and 0 are ignored; *timer becomes 0. */
void rt_timer_cancel(struct rt_ctx *ctx, rt_timer *timer);
