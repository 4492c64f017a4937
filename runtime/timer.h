/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* timer: the deadlines of one core in a hierarchical wheel.
 *
 *   level 0   64 slots of     1 ms   <- a timer fires from here
 *   level 1   64 slots of    64 ms   <- when its slot comes up, its timers move down
 *   level 2   64 slots of   4.1 s
 *   ...       8 levels: 2^48 ms, more than a uint64_t of nanoseconds can hold
 *
 * A timer is filed at the highest base-64 digit in which its tick differs from the wheel's, so a
 * lower level is always due before a higher one and a bitmap finds the next slot at once.
 *
 * Memory   A fixed number of entries, allocated when it opens.
 * Threads  One core.
 * Cost     start and cancel O(1); firing O(1) and at most 7 moves before.
 * Order    By tick; within a tick deterministic, but nothing to rely on. */

#include "runtime/actor.h"
#include "runtime/base/list.h"

enum { RT_TIMER_LEVELS = 8, RT_TIMER_SLOTS = 64 };

/* Who has timers; embedded in the actor's slot. Zeroed memory has none. */
struct rt_timer_owner {
    struct rt_list timers; /* private */
};

struct rt_timers {
    /* private: complete so that a core can embed it */
    struct rt_timer_entry *entries, *free;
    uint32_t count, touched, in_use;
    uint64_t tick; /* ms; everything due before it has been taken */
    uint32_t occupied_levels;
    struct rt_timer_level {
        uint64_t occupied;
        struct rt_list slots[RT_TIMER_SLOTS];
    } levels[RT_TIMER_LEVELS];
};

RT_MUST_USE rt_status rt_timers_open(struct rt_timers *timers, uint32_t count);
void rt_timers_close(struct rt_timers *timers);

/* A timer that is due `delay_ns` after `now_ns`, rounded up to the next whole millisecond and at
 * least to one later than now: who restarts a timer of zero delay in its own turn cannot hold the
 * core. 0 when all are in use. */
rt_timer rt_timers_start(struct rt_timers *timers, struct rt_timer_owner *owner, uint64_t now_ns,
                         uint64_t delay_ns, uint64_t cookie);

/* True when the timer was waiting and belonged to `owner`; it is free then. */
bool rt_timers_cancel(struct rt_timers *timers, const struct rt_timer_owner *owner, rt_timer timer);

/* Cancels all timers of `owner`. */
void rt_timers_drop(struct rt_timers *timers, struct rt_timer_owner *owner);

/* Takes one timer that is due; it is free then. False: none is due at `now_ns`. */
bool rt_timers_take_due(struct rt_timers *timers, uint64_t now_ns, struct rt_timer_owner **owner,
                        uint64_t *cookie);

/* When rt_timers_take_due should be called: never after the earliest due time; before it while the
 * timer still has to move down, at most seven times. UINT64_MAX without a timer. */
uint64_t rt_timers_next_ns(const struct rt_timers *timers);
