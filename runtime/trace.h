/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* trace: the last events of a core in a ring, always on: what a crash report quotes and what
 * Chrome's viewer (chrome://tracing, Perfetto) draws.
 *
 * Memory   RT_TRACE_EVENTS x 64 bytes for each core. The oldest event is overwritten.
 * Threads  Written by the core alone. Read from a turn on that core, or when it does not run.
 * Cost     One cache line written for each event; times are those the core has read anyway. */

#include <stdio.h>

#include "runtime/actor.h"

struct rt_core;

enum rt_trace_kind {
    RT_TRACE_TURN,    /* an actor had its turn: `duration_ns`, a: messages */
    RT_TRACE_RECEIVE, /* a message: `msg_type`, a: from, b: cookie */
    RT_TRACE_MOMENT,  /* rt_trace */
    RT_TRACE_LIFE,    /* `what`: start, stop, restart, end, ... a: enum rt_end or rt_status */
};

struct rt_trace_event {
    uint64_t at_ns;
    uint64_t trace_id;
    rt_ref actor;
    const struct rt_actor_type *type;
    const char *what; /* constant text */
    uint64_t a, b;
    uint32_t duration_ns;
    uint16_t msg_type;
    uint8_t kind;
    uint8_t reserved;
};
_Static_assert(sizeof(struct rt_trace_event) == 64, "one cache line");

/* Sees every event as it is recorded: the simulator's hash of a run. */
typedef void rt_trace_tap(void *arg, unsigned core_index, const struct rt_trace_event *event);

struct rt_trace_ring {
    /* private: complete so that a core can embed it */
    struct rt_trace_event *events;
    uint64_t count; /* ever recorded */
    rt_trace_tap *tap;
    void *tap_arg;
    unsigned core_index;
};

RT_MUST_USE rt_status rt_trace_open(struct rt_trace_ring *ring, unsigned core_index);
void rt_trace_close(struct rt_trace_ring *ring);
void rt_trace_add(struct rt_trace_ring *ring, const struct rt_trace_event *event);

/* How many events can be read back, and the one that is `age` events old (0: the newest). */
uint32_t rt_trace_count(const struct rt_trace_ring *ring);
const struct rt_trace_event *rt_trace_back(const struct rt_trace_ring *ring, uint32_t age);

/* What the message is called: the runtime's own types here, the others by their receiver. */
const char *rt_trace_msg_name(const struct rt_actor_type *type, uint16_t msg_type);

/* Writes the ring as Chrome trace events, each followed by ",\n". */
void rt_trace_write_events(const struct rt_trace_ring *ring, FILE *out);

/* ---- of a running core or machine ---- */

const struct rt_trace_ring *rt_core_trace(const struct rt_core *core);

/* NULL removes it. Before the core runs. */
void rt_core_trace_tap(struct rt_core *core, rt_trace_tap *tap, void *arg);
