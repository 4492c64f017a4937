/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* fault: lets the simulator and the tests make an allocation fail. Without a hook it costs one
 * branch that is always predicted.
 *
 * Threads  Set before other threads run, and only by tests: the hook is not synchronised. */

#include <stdbool.h>
#include <stddef.h>

enum rt_fault_site {
    RT_FAULT_BUF,   /* rt_buf_new gives NULL */
    RT_FAULT_ARENA, /* rt_arena_alloc gives NULL */
    RT_FAULT_POOL,  /* rt_pool_take gives NULL */
    RT_FAULT_TIMER, /* rt_timer_start gives 0 */
    RT_FAULT_MSG,   /* rt_send gives RT_FULL */
};

/* True: the call at `site` fails as if its pool were exhausted. */
typedef bool rt_fault_hook(void *arg, enum rt_fault_site site);

/* NULL removes it. */
void rt_fault_set(rt_fault_hook *hook, void *arg);

struct rt_fault {
    rt_fault_hook *hook; /* private */
    void *arg;
};
extern struct rt_fault rt_fault_active; /* private */

static inline bool rt_fault_strikes(enum rt_fault_site site)
{
    return __builtin_expect(rt_fault_active.hook != NULL, 0) &&
           rt_fault_active.hook(rt_fault_active.arg, site);
}
