/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "runtime/core_parts.h"

/* Birth, start, stop, restart and end of actors. What to start, and when to drain, is the business
 * of the supervisor actor; this is the mechanism. */

enum { MINUTE_S = 60 };

/* ---- birth ---- */

static struct rt_actor_kind *kind_of(struct rt_core *core, const struct rt_actor_type *type)
{
    for (uint32_t i = 0; i < core->kinds_count; i++) {
        if (core->kinds[i].type == type) {
            return &core->kinds[i];
        }
    }
    if (core->kinds_count == RT_TYPES_PER_CORE_MAX) {
        return NULL;
    }
    struct rt_actor_kind *kind = &core->kinds[core->kinds_count];
    if (rt_pool_open(&kind->states, type->state_size, type->actors_max) != RT_OK) {
        return NULL;
    }
    kind->type = type;
    core->kinds_count++;
    return kind;
}

rt_status rt_core_prepare(struct rt_core *core, const struct rt_actor_type *type)
{
    return kind_of(core, type) != NULL ? RT_OK : RT_NO_MEMORY;
}

static struct rt_actor *slot_take(struct rt_core *core)
{
    struct rt_actor *actor = core->free;
    uint32_t slot, generation;
    if (actor != NULL) {
        core->free = actor->next_free;
        slot = actor->slot;
        generation = actor->generation;
    } else if (core->touched < RT_ACTORS_PER_CORE_MAX) {
        slot = core->touched++;
        generation = 0;
        actor = &core->actors[slot];
    } else {
        return NULL;
    }
    generation++;
    if (generation == 0) { /* So that no ref is RT_REF_NONE, also after 2^32 lives. */
        generation = 1;
    }
    *actor = (struct rt_actor){.slot = slot, .generation = generation};
    actor->ref = (uint64_t)core->index << 56 | (uint64_t)slot << 32 | generation;
    core->actors_count++;
    return actor;
}

static void slot_give(struct rt_core *core, struct rt_actor *actor)
{
    RT_CHECK(!actor->is_queued && !actor->is_running);
    actor->phase = RT_ACTOR_FREE;
    actor->next_free = core->free;
    core->free = actor;
    core->actors_count--;
}

rt_status rt_actor_new(struct rt_core *core, const struct rt_actor_type *type, const void *args,
                       rt_ref parent, struct rt_actor **out)
{
    RT_CHECK(type->start != NULL && type->receive != NULL && type->msg_name != NULL);
    struct rt_actor_kind *kind = kind_of(core, type);
    void *state = kind != NULL ? rt_pool_take(&kind->states) : NULL;
    if (state == NULL) {
        return RT_FULL;
    }
    struct rt_mail *obituary = NULL;
    if (parent != RT_REF_NONE) {
        obituary = rt_mail_take(&core->obituaries);
        if (obituary == NULL) {
            goto undo_state;
        }
    }
    struct rt_actor *actor = slot_take(core);
    if (actor == NULL) {
        goto undo_obituary;
    }
    actor->type = type;
    actor->kind = kind;
    actor->state = state;
    actor->args = args;
    actor->parent = parent;
    actor->obituary = obituary;
    actor->box.cap = type->mailbox_cap;
    actor->phase = RT_ACTOR_STARTING;
    *out = actor;
    return RT_OK;

undo_obituary:
    if (obituary != NULL) {
        rt_mail_give(obituary);
    }
undo_state:
    rt_pool_give(&kind->states, state);
    return RT_FULL;
}

static void leave_queue(struct rt_core *core, struct rt_actor *actor)
{
    if (actor->is_queued) {
        rt_list_remove(actor->phase == RT_ACTOR_RESTING ? &core->resting : &core->ready,
                       &actor->node);
        actor->is_queued = false;
    }
}

/* Everything but the slot's name goes back. */
void rt_actor_discard(struct rt_core *core, struct rt_actor *actor)
{
    leave_queue(core, actor);
    rt_timers_drop(&core->timers, &actor->timers);
    rt_post_drop_box(core, &actor->box);
    if (actor->obituary != NULL) {
        rt_mail_give(actor->obituary);
        actor->obituary = NULL;
    }
    rt_pool_give(&actor->kind->states, actor->state);
    slot_give(core, actor);
}

rt_status rt_core_cast(struct rt_core *core, const struct rt_actor_type *type, const void *args,
                       rt_ref parent, rt_ref *out)
{
    struct rt_actor *actor;
    rt_status status = rt_actor_new(core, type, args, parent, &actor);
    if (status != RT_OK) {
        return status;
    }
    rt_core_make_ready(core, actor);
    *out = actor->ref;
    return RT_OK;
}

rt_status rt_spawn(struct rt_ctx *ctx, const struct rt_actor_type *type, const void *args,
                   rt_ref *out)
{
    struct rt_core *core = ctx->core;
    struct rt_actor *actor;
    if (core->is_stopped) {
        return RT_FULL; /* Nobody would run it. */
    }
    rt_status status = rt_actor_new(core, type, args, ctx->actor->ref, &actor);
    if (status != RT_OK) {
        return status;
    }
    rt_ref ref = actor->ref;
    status = rt_actor_start(core, actor);
    if (status != RT_OK) {
        rt_actor_discard(core, actor);
        return status;
    }
    *out = ref;
    return RT_OK;
}

/* ---- start ---- */

rt_status rt_actor_start(struct rt_core *core, struct rt_actor *actor)
{
    struct rt_ctx ctx = {.core = core, .actor = actor};
    struct rt_turn turn;
    RT_CHECK(actor->phase == RT_ACTOR_STARTING);

    rt_turn_begin(core, actor, &turn);
    rt_status status = actor->type->start(&ctx, actor->state, actor->args);
    rt_trace_life(core, actor, "start", status);
    if (status == RT_OK) {
        actor->phase = RT_ACTOR_LIVE;
        if (actor->box.count > 0) {
            rt_core_make_ready(core, actor);
        }
    } else {
        actor->is_ending = false; /* start() has undone its work: there is nothing to stop. */
    }
    rt_turn_end(core, actor, &turn);
    return status;
}

/* ---- restart and end ---- */

static void end_for_good(struct rt_core *core, struct rt_actor *actor, enum rt_end why)
{
    rt_trace_life(core, actor, "end", why);
    if (actor->obituary != NULL && why != RT_END_STOPPED) {
        rt_post_obituary(core, actor, why);
    }
    rt_actor_discard(core, actor);
}

static void rest(struct rt_core *core, struct rt_actor *actor)
{
    leave_queue(core, actor);
    actor->phase = RT_ACTOR_RESTING;
    actor->rest_until_ns = actor->minute_start_ns + MINUTE_S * RT_NS_PER_S;
    actor->is_queued = true;
    rt_list_append(&core->resting, &actor->node);
    rt_trace_life(core, actor, "rest", actor->minute_restarts);
    rt_log(
        RT_LOG_ERR, "supervise",
        "core %u: %s failed more than %u times within a minute; it rests for the remaining %" PRIu64
        " ms",
        core->index, actor->type->name, (unsigned)RT_RESTARTS_PER_MINUTE_MAX,
        (actor->rest_until_ns - core->now_ns) / RT_NS_PER_MS);
}

/* The same address and mailbox, a new state. */
static void restart(struct rt_core *core, struct rt_actor *actor)
{
    rt_timers_drop(&core->timers, &actor->timers);
    memset(actor->state, 0, actor->type->state_size);
    actor->is_ending = false;
    actor->restarts++;
    RT_COUNT(core, restarts, 1);

    if (actor->minute_restarts == 0 ||
        core->now_ns - actor->minute_start_ns >= MINUTE_S * RT_NS_PER_S) {
        actor->minute_start_ns = core->now_ns;
        actor->minute_restarts = 0;
    }
    actor->minute_restarts++;
    if (actor->minute_restarts > RT_RESTARTS_PER_MINUTE_MAX) {
        rest(core, actor);
        return;
    }
    actor->phase = RT_ACTOR_STARTING;
    rt_trace_life(core, actor, "restart", actor->minute_restarts);
    rt_core_make_ready(core, actor);
}

static bool wants_restart(const struct rt_core *core, const struct rt_actor *actor, enum rt_end why)
{
    return actor->type->restart == RT_RESTART_ALWAYS && !core->is_stopped &&
           (why == RT_END_FAILED || why == RT_END_KILLED);
}

void rt_actor_start_again(struct rt_core *core, struct rt_actor *actor, rt_status why)
{
    rt_log_limited(&core->failures_log, core->now_ns, RT_LOG_ERR, "supervise",
                   "core %u: %s cannot start: %s", core->index, actor->type->name,
                   rt_status_text(why));
    if (wants_restart(core, actor, RT_END_FAILED)) {
        restart(core, actor);
    } else {
        end_for_good(core, actor, RT_END_FAILED);
    }
}

static void call_stop(struct rt_core *core, struct rt_actor *actor, enum rt_end why)
{
    struct rt_ctx ctx = {.core = core, .actor = actor};
    struct rt_actor *outer = core->current;
    rt_trace_life(core, actor, "stop", why);
    if (actor->type->stop == NULL) {
        return;
    }
    core->current = actor;
    actor->is_running = true;
    actor->type->stop(&ctx, actor->state, why);
    actor->is_running = false;
    core->current = outer;
}

void rt_actor_finish(struct rt_core *core, struct rt_actor *actor)
{
    enum rt_end why = actor->ending;
    RT_CHECK(actor->is_ending && !actor->is_running);

    if (why == RT_END_FAILED) {
        rt_log_limited(&core->failures_log, core->now_ns, RT_LOG_ERR, "supervise",
                       "core %u: %s failed: %s", core->index, actor->type->name,
                       actor->failure != NULL ? actor->failure : "no reason given");
    }
    bool was_live = actor->phase == RT_ACTOR_LIVE;
    if (was_live) {
        call_stop(core, actor, why);
    }
    if (!wants_restart(core, actor, why)) {
        end_for_good(core, actor, why);
    } else if (was_live) {
        restart(core, actor);
    } else {
        actor->is_ending = false; /* It waits for its start already. */
    }
}

void rt_core_kill(struct rt_core *core, rt_ref ref)
{
    struct rt_actor *actor = rt_actor_find(core, ref);
    if (actor == NULL || actor->is_ending) {
        return;
    }
    actor->is_ending = true;
    actor->ending = RT_END_KILLED;
    if (!actor->is_running) {
        rt_actor_finish(core, actor);
    } /* Else at the end of its turn. */
}

/* ---- rest ---- */

uint64_t rt_core_next_rest_ns(const struct rt_core *core)
{
    uint64_t next_ns = UINT64_MAX;
    for (struct rt_node *node = core->resting.first; node != NULL; node = node->next) {
        const struct rt_actor *actor = rt_container(node, struct rt_actor, node);
        next_ns = actor->rest_until_ns < next_ns ? actor->rest_until_ns : next_ns;
    }
    return next_ns;
}

void rt_core_wake_resting(struct rt_core *core)
{
    struct rt_node *next;
    for (struct rt_node *node = core->resting.first; node != NULL; node = next) {
        struct rt_actor *actor = rt_container(node, struct rt_actor, node);
        next = node->next;
        if (actor->rest_until_ns > core->now_ns) {
            continue;
        }
        leave_queue(core, actor);
        actor->minute_restarts = 0;
        actor->phase = RT_ACTOR_STARTING;
        rt_trace_life(core, actor, "restart", 0);
        rt_core_make_ready(core, actor);
    }
}

/* ---- the end of all ---- */

/* Children have mostly higher slots than the cast, so the last slot is first: a query that stops
 * finds its desk still there. */
void rt_core_stop_actors(struct rt_core *core)
{
    if (core->is_stopped) {
        return;
    }
    core->is_stopped = true;
    rt_panic_enter(core);
    for (uint32_t slot = core->touched; slot-- > 0;) {
        struct rt_actor *actor = &core->actors[slot];
        if (actor->phase != RT_ACTOR_FREE) {
            actor->is_ending = true;
            actor->ending = RT_END_STOPPED;
            rt_actor_finish(core, actor);
        }
    }
    RT_CHECK(core->actors_count == 0);
    rt_panic_enter(NULL);
}
