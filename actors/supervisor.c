/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/supervisor.h"

#include "actors/desk_msg.h"
#include "actors/listener_tcp_msg.h"
#include "actors/supervisor_msg.h"
#include "runtime/base/log.h"

#define supervisor_MAGIC UINT32_C(0x53555056)

enum {
    MAILBOX_CAP = 16384, /* READY of every listener of every core at once */
    OPEN_AGAIN_MS = 1,   /* a ring to a core was full: a turn later it is not */
};

enum timer_cookie { TIMER_OPEN = 1, TIMER_DRAIN = 2, TIMER_LAST = 3 };

struct supervisor {
    uint32_t magic;
    const struct supervisor_args *args;
    struct supervisor_memory *memory;
    rt_timer drain_timer;
};

static void tell_ready(struct supervisor *self, rt_status status)
{
    self->memory->phase = status == RT_OK ? SUPERVISOR_SERVES : SUPERVISOR_FAILED;
    if (self->args->on_ready != NULL) {
        self->args->on_ready(self->args->arg, status);
    }
}

/* ---- start order ---- */

static void open_tcp(struct rt_ctx *ctx, struct supervisor *self)
{
    const struct supervisor_args *args = self->args;
    unsigned *opened = &self->memory->opened_count;

    for (; *opened < args->tcp_count; (*opened)++) {
        struct rt_msg open = RT_MSG_INIT(LISTENER_TCP_OPEN, struct rt_msg);
        rt_status status = rt_send(ctx, args->tcp[*opened], &open);
        if (status == RT_FULL) {
            if (rt_timer_start(ctx, OPEN_AGAIN_MS * RT_NS_PER_MS, TIMER_OPEN) == 0) {
                rt_fail(ctx, "no timer to go on with opening");
            }
            return;
        }
        if (status != RT_OK) {
            tell_ready(self, status);
            return;
        }
    }
}

static void begin_tcp(struct rt_ctx *ctx, struct supervisor *self)
{
    self->memory->phase = SUPERVISOR_WAITS_TCP;
    self->memory->ready_count = 0;
    if (self->args->tcp_count == 0) {
        tell_ready(self, RT_OK);
    } else {
        open_tcp(ctx, self);
    }
}

static void on_listener_ready(struct rt_ctx *ctx, struct supervisor *self, rt_status status)
{
    struct supervisor_memory *memory = self->memory;

    if (memory->phase != SUPERVISOR_WAITS_UDP && memory->phase != SUPERVISOR_WAITS_TCP) {
        return; /* After a failure, or while stopping: nobody waits for it. */
    }
    if (status != RT_OK) {
        tell_ready(self, status);
        return;
    }
    memory->ready_count++;
    if (memory->phase == SUPERVISOR_WAITS_UDP && memory->ready_count == self->args->udp_count) {
        begin_tcp(ctx, self);
    } else if (memory->phase == SUPERVISOR_WAITS_TCP &&
               memory->ready_count == self->args->tcp_count) {
        tell_ready(self, RT_OK);
    }
}

/* ---- drain ---- */

static void finish(struct rt_ctx *ctx, struct supervisor *self)
{
    rt_timer_cancel(ctx, &self->drain_timer);
    self->memory->phase = SUPERVISOR_DONE;
    if (self->args->on_drained != NULL) {
        self->args->on_drained(self->args->arg);
    }
}

static void on_drained(struct rt_ctx *ctx, struct supervisor *self)
{
    if (self->memory->phase == SUPERVISOR_DRAINS &&
        ++self->memory->drained_count == self->args->cast->workers_count) {
        finish(ctx, self);
    }
}

/* One that cannot be told takes questions until the end, which is no harm. */
static void drain_tcp(struct rt_ctx *ctx, const struct supervisor_args *args)
{
    for (unsigned i = 0; i < args->tcp_count; i++) {
        struct rt_msg drain = RT_MSG_INIT(RT_MSG_DRAIN, struct rt_msg);
        (void)!rt_send(ctx, args->tcp[i], &drain);
    }
}

static void on_stop(struct rt_ctx *ctx, struct supervisor *self)
{
    const struct cast *cast = self->args->cast;

    if (self->memory->phase == SUPERVISOR_DRAINS || self->memory->phase == SUPERVISOR_DONE) {
        return;
    }
    self->memory->phase = SUPERVISOR_DRAINS;
    drain_tcp(ctx, self->args);
    self->drain_timer = rt_timer_start(ctx, SUPERVISOR_DRAIN_MS * RT_NS_PER_MS, TIMER_DRAIN);
    for (unsigned i = 0; i < cast->workers_count; i++) {
        struct rt_msg drain = RT_MSG_INIT(RT_MSG_DRAIN, struct rt_msg);
        if (rt_send(ctx, cast->desk[i], &drain) != RT_OK) {
            rt_log(RT_LOG_WARNING, "system", "core %u is too busy to be drained", i);
            on_drained(ctx, self);
        }
    }
    if (self->drain_timer == 0 && self->memory->phase == SUPERVISOR_DRAINS) {
        finish(ctx, self); /* Without a deadline there is no waiting. */
    }
}

/* Patience is over: whoever still waits hears SERVFAIL while the listeners can say it. */
static void give_up(struct rt_ctx *ctx, struct supervisor *self)
{
    const struct cast *cast = self->args->cast;

    rt_log(RT_LOG_WARNING, "system", "stopping with questions open: their clients get SERVFAIL");
    for (unsigned i = 0; i < cast->workers_count; i++) {
        struct rt_msg drain = RT_MSG_INIT(RT_MSG_DRAIN, struct rt_msg);
        drain.cookie = DESK_DRAIN_NOW;
        if (rt_send(ctx, cast->desk[i], &drain) != RT_OK) {
            rt_log(RT_LOG_WARNING, "system", "core %u is too busy to be drained", i);
        }
    }
    self->drain_timer = rt_timer_start(ctx, SUPERVISOR_LAST_MS * RT_NS_PER_MS, TIMER_LAST);
    if (self->drain_timer == 0) {
        finish(ctx, self);
    }
}

/* ---- the actor ---- */

static void on_timer(struct rt_ctx *ctx, struct supervisor *self, uint64_t cookie)
{
    if (cookie == TIMER_OPEN && self->memory->phase == SUPERVISOR_WAITS_TCP) {
        open_tcp(ctx, self);
    } else if (cookie == TIMER_DRAIN && self->memory->phase == SUPERVISOR_DRAINS) {
        give_up(ctx, self);
    } else if (cookie == TIMER_LAST && self->memory->phase == SUPERVISOR_DRAINS) {
        self->drain_timer = 0;
        finish(ctx, self);
    }
}

static bool is_desk(const struct cast *cast, rt_ref ref)
{
    for (unsigned i = 0; i < cast->workers_count; i++) {
        if (cast->desk[i] == ref) {
            return true;
        }
    }
    return false;
}

static void on_undelivered(struct rt_ctx *ctx, struct supervisor *self,
                           const struct rt_msg_undelivered *msg)
{
    if (msg->lost_type == RT_MSG_DRAIN) {
        if (is_desk(self->args->cast, msg->to)) {
            on_drained(ctx, self);
        }
    } else if (self->memory->phase == SUPERVISOR_WAITS_TCP) {
        tell_ready(self, msg->why);
    }
}

static void on_child_ended(struct supervisor *self, const struct rt_msg_child_ended *msg)
{
    rt_log(RT_LOG_CRIT, "system",
           "an actor on core %u ended for good after too many failures; restart troupe",
           rt_ref_core(msg->child));
    if (self->memory->phase == SUPERVISOR_WAITS_UDP ||
        self->memory->phase == SUPERVISOR_WAITS_TCP) {
        tell_ready(self, RT_GONE);
    }
}

static rt_status supervisor_start(struct rt_ctx *ctx, void *state, const void *args)
{
    struct supervisor *self = state;

    self->magic = supervisor_MAGIC;
    self->args = args;
    self->memory = self->args->memory;
    if (self->memory->phase == SUPERVISOR_WAITS_UDP && self->args->udp_count == 0) {
        begin_tcp(ctx, self);
    } else if (self->memory->phase == SUPERVISOR_WAITS_TCP) {
        open_tcp(ctx, self);
    } else if (self->memory->phase == SUPERVISOR_DRAINS) {
        self->drain_timer = rt_timer_start(ctx, SUPERVISOR_DRAIN_MS * RT_NS_PER_MS, TIMER_DRAIN);
    }
    return RT_OK;
}

static void supervisor_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct supervisor *self = rt_cast(supervisor, state);

    switch (msg->type) {
    case SUPERVISOR_READY:
        on_listener_ready(ctx, self, ((const struct supervisor_ready *)(const void *)msg)->status);
        return;
    case SUPERVISOR_STOP:
        on_stop(ctx, self);
        return;
    case SUPERVISOR_DRAINED:
        on_drained(ctx, self);
        return;
    case RT_MSG_TIMER:
        on_timer(ctx, self, msg->cookie);
        return;
    case RT_MSG_UNDELIVERED:
        on_undelivered(ctx, self, (const struct rt_msg_undelivered *)(const void *)msg);
        return;
    case RT_MSG_CHILD_ENDED:
        on_child_ended(self, (const struct rt_msg_child_ended *)(const void *)msg);
        return;
    }
    RT_UNREACHABLE("message type outside SUPERVISOR_MESSAGES");
}

static const char *supervisor_msg_name(uint16_t type)
{
    switch ((enum supervisor_msg_type)type) {
    case SUPERVISOR_INVALID:
        break;
#define X(name, struct_type)                                                                       \
    case name:                                                                                     \
        return #name;
        SUPERVISOR_MESSAGES(X)
#undef X
    }
    return "?";
}

const struct rt_actor_type supervisor_type = {
    .name = "supervisor",
    .state_size = sizeof(struct supervisor),
    .actors_max = 1,
    .mailbox_cap = MAILBOX_CAP,
    .restart = RT_RESTART_ALWAYS,
    .msg_name = supervisor_msg_name,
    .start = supervisor_start,
    .receive = supervisor_receive,
};
