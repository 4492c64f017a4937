/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* report: what troupe is doing, for people: counters, the actors of each core, the trace rings.
 *
 * A core's actors and trace may only be read on that core, so each core has a reporter actor that
 * copies them on demand; formatting happens on the asking thread, outside the cores.
 *
 * Memory   struct report, about half a megabyte for each core, made at start.
 * Threads  report_collect and the writers: one thread, none of the cores. */

#include <stdatomic.h>
#include <stdio.h>

#include "actors/services.h"
#include "runtime/core.h"
#include "runtime/trace.h"

enum {
    REPORT_KINDS_MAX = 32, /* of actors on one core */
    REPORT_WAIT_MS = 500,  /* a core that takes longer is reported as busy */
};

struct report_kind { /* all living actors of one type together */
    const char *name;
    uint32_t count;
    uint32_t mailbox_count, mailbox_high;
    uint64_t messages, turns, turn_ns_total, turn_ns_max, restarts;
};

struct report_core {
    _Atomic bool is_filled; /* release by the core after the rest, acquire by the reader */
    bool is_asked;
    unsigned kinds_count;
    struct report_kind kinds[REPORT_KINDS_MAX];
    struct rt_trace_ring trace; /* its events are the copy below */
    struct rt_trace_event events[RT_TRACE_EVENTS];
};

struct report {
    unsigned cores_count;
    struct report_core cores[];
};

extern const struct rt_actor_type reporter_type; /* args: struct rt_core, its own */

RT_MUST_USE rt_status report_open(struct report **out, unsigned cores_count);
void report_close(struct report *report);

struct troupe;

/* Asks every core and waits `wait_ms` at most. */
void report_collect(struct report *report, struct troupe *troupe, unsigned wait_ms);

/* What was collected, and the counters, which may be read at any time. */
void report_write_actors(const struct report *report, FILE *out);
void report_write_counters(struct troupe *troupe, FILE *out);

/* One JSON file in Chrome's trace format, replaced atomically. */
RT_MUST_USE rt_status report_write_trace(const struct report *report, const char *path);
