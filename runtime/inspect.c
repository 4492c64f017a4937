/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/core_parts.h"

/* What people and other parts may look at. */

void rt_core_actors(struct rt_core *core, void (*each)(const struct rt_actor_info *, void *),
                    void *arg)
{
    for (uint32_t slot = 0; slot < core->touched; slot++) {
        const struct rt_actor *actor = &core->actors[slot];
        if (actor->phase == RT_ACTOR_FREE) {
            continue;
        }
        each(
            &(struct rt_actor_info){
                .ref = actor->ref,
                .name = actor->type->name,
                .messages = actor->messages,
                .turns = actor->turns,
                .turn_ns_total = actor->turn_ns_total,
                .turn_ns_max = actor->turn_ns_max,
                .restarts = actor->restarts,
                .mailbox_count = actor->box.count,
                .mailbox_high = actor->box.high,
            },
            arg);
    }
}

const struct rt_core_counters *rt_core_counters(const struct rt_core *core)
{
    return &core->counters;
}

unsigned rt_core_number(const struct rt_core *core)
{
    return core->index;
}

struct rt_io *rt_core_io(struct rt_core *core)
{
    return core->io;
}

struct rt_buf_pool *rt_core_bufs(struct rt_core *core)
{
    return core->bufs;
}

struct rt_arena_pool *rt_core_arenas(struct rt_core *core)
{
    return core->arenas;
}

const struct rt_trace_ring *rt_core_trace(const struct rt_core *core)
{
    return &core->trace;
}

void rt_core_trace_tap(struct rt_core *core, rt_trace_tap *tap, void *arg)
{
    core->trace.tap = tap;
    core->trace.tap_arg = arg;
}
