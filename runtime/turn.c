/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/base/fault.h"
#include "runtime/core_parts.h"

/* The brackets around each turn, and what an actor may ask for in it. */

struct rt_actor *rt_actor_find(struct rt_core *core, rt_ref ref)
{
    uint32_t slot = (uint32_t)(ref >> 32) & 0xFFFFFF;
    if (slot >= core->touched) {
        return NULL;
    }
    struct rt_actor *actor = &core->actors[slot];
    return actor->ref == ref && actor->phase != RT_ACTOR_FREE ? actor : NULL;
}

void rt_turn_begin(struct rt_core *core, struct rt_actor *actor, struct rt_turn *turn)
{
    RT_CHECK(!actor->is_running);
    *turn = (struct rt_turn){
        .outer = core->current,
        .outer_msg_type = core->current_msg_type,
        .start_ns = core->mark_ns,
    };
    actor->is_running = true;
    core->current = actor;
    core->current_msg_type = 0;
}

void rt_turn_receive(struct rt_core *core, struct rt_actor *actor, struct rt_msg *msg,
                     struct rt_turn *turn)
{
    struct rt_ctx ctx = {.core = core, .actor = actor};
    RT_CHECK(actor->phase == RT_ACTOR_LIVE);
    rt_trace_add(&core->trace, &(struct rt_trace_event){
                                   .at_ns = core->mark_ns,
                                   .trace_id = msg->trace_id,
                                   .actor = actor->ref,
                                   .type = actor->type,
                                   .a = msg->from,
                                   .b = msg->cookie,
                                   .msg_type = msg->type,
                                   .kind = RT_TRACE_RECEIVE,
                               });
    core->current_msg_type = msg->type;
    turn->messages++;
    actor->type->receive(&ctx, actor->state, msg);
}

static void account(struct rt_core *core, struct rt_actor *actor, const struct rt_turn *turn)
{
    uint64_t now_ns = core->io->ops->now_ns(core->io);
    uint64_t spent_ns = now_ns > turn->start_ns ? now_ns - turn->start_ns : 0;
    core->mark_ns = turn->start_ns + spent_ns;

    actor->turns++;
    actor->messages += turn->messages;
    actor->turn_ns_total += spent_ns;
    if (spent_ns > actor->turn_ns_max) {
        actor->turn_ns_max = spent_ns;
    }
    RT_COUNT(core, turns, 1);
    RT_COUNT(core, messages, turn->messages);
    if (turn->outer == NULL) {
        RT_COUNT(core, busy_ns, spent_ns); /* A nested turn is in its outer one's time. */
    }
    rt_trace_add(&core->trace,
                 &(struct rt_trace_event){
                     .at_ns = turn->start_ns,
                     .actor = actor->ref,
                     .type = actor->type,
                     .a = turn->messages,
                     .duration_ns = spent_ns < UINT32_MAX ? (uint32_t)spent_ns : UINT32_MAX,
                     .kind = RT_TRACE_TURN,
                 });
}

void rt_turn_end(struct rt_core *core, struct rt_actor *actor, struct rt_turn *turn)
{
    RT_CHECK(actor->is_running && core->current == actor);
    account(core, actor, turn);
    actor->is_running = false;
    core->current = turn->outer;
    core->current_msg_type = turn->outer_msg_type;
    if (actor->is_ending) {
        rt_actor_finish(core, actor);
    }
}

rt_status rt_core_deliver(struct rt_core *core, rt_ref owner, struct rt_msg *msg)
{
    struct rt_actor *actor = rt_actor_find(core, owner);
    if (actor == NULL || actor->phase != RT_ACTOR_LIVE) {
        return RT_GONE;
    }
    struct rt_turn turn;
    rt_core_refresh_now(core);
    rt_turn_begin(core, actor, &turn);
    rt_turn_receive(core, actor, msg, &turn);
    rt_turn_end(core, actor, &turn);
    return RT_OK;
}

void rt_trace_life(struct rt_core *core, const struct rt_actor *actor, const char *what,
                   uint64_t why)
{
    rt_trace_add(&core->trace, &(struct rt_trace_event){
                                   .at_ns = core->mark_ns,
                                   .actor = actor->ref,
                                   .type = actor->type,
                                   .what = what,
                                   .a = why,
                                   .kind = RT_TRACE_LIFE,
                               });
}

/* ---- actor.h ---- */

static void end_after_turn(struct rt_ctx *ctx, enum rt_end why, const char *failure)
{
    struct rt_actor *actor = ctx->actor;
    RT_CHECK(actor->is_running);
    if (!actor->is_ending) { /* The first reason counts; also while stop() runs. */
        actor->is_ending = true;
        actor->ending = why;
        actor->failure = failure;
    }
}

void rt_exit(struct rt_ctx *ctx)
{
    end_after_turn(ctx, RT_END_EXIT, NULL);
}

void rt_fail(struct rt_ctx *ctx, const char *why)
{
    end_after_turn(ctx, RT_END_FAILED, why);
}

rt_ref rt_self(const struct rt_ctx *ctx)
{
    return ctx->actor->ref;
}

rt_ref rt_parent(const struct rt_ctx *ctx)
{
    return ctx->actor->parent;
}

unsigned rt_core_index(const struct rt_ctx *ctx)
{
    return ctx->core->index;
}

uint64_t rt_now_ns(const struct rt_ctx *ctx)
{
    return ctx->core->now_ns;
}

uint64_t rt_wall_ms(const struct rt_ctx *ctx)
{
    struct rt_core *core = ctx->core;
    if (core->is_wall_stale) {
        core->wall_ms = core->io->ops->wall_ms(core->io);
        core->is_wall_stale = false;
    }
    return core->wall_ms;
}

void rt_random(struct rt_ctx *ctx, void *out, size_t size)
{
    ctx->core->io->ops->random(ctx->core->io, out, size);
}

uint64_t rt_random_u64(struct rt_ctx *ctx)
{
    uint64_t value;
    rt_random(ctx, &value, sizeof(value));
    return value;
}

struct rt_io *rt_io_of(struct rt_ctx *ctx)
{
    return ctx->core->io;
}

struct rt_buf_pool *rt_bufs(struct rt_ctx *ctx)
{
    return ctx->core->bufs;
}

struct rt_arena_pool *rt_arenas(struct rt_ctx *ctx)
{
    return ctx->core->arenas;
}

void *rt_services(struct rt_ctx *ctx)
{
    return ctx->core->services;
}

void rt_trace(struct rt_ctx *ctx, uint64_t trace_id, const char *what, uint64_t a, uint64_t b)
{
    rt_trace_add(&ctx->core->trace, &(struct rt_trace_event){
                                        .at_ns = ctx->core->mark_ns,
                                        .trace_id = trace_id,
                                        .actor = ctx->actor->ref,
                                        .type = ctx->actor->type,
                                        .what = what,
                                        .a = a,
                                        .b = b,
                                        .kind = RT_TRACE_MOMENT,
                                    });
}

rt_timer rt_timer_start(struct rt_ctx *ctx, uint64_t delay_ns, uint64_t cookie)
{
    if (rt_fault_strikes(RT_FAULT_TIMER)) {
        return 0;
    }
    return rt_timers_start(&ctx->core->timers, &ctx->actor->timers, ctx->core->now_ns, delay_ns,
                           cookie);
}

void rt_timer_cancel(struct rt_ctx *ctx, rt_timer *timer)
{
    (void)rt_timers_cancel(&ctx->core->timers, &ctx->actor->timers, *timer);
    *timer = 0;
}
