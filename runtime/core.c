/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/core.h"

#include <signal.h>

#include "runtime/core_parts.h"

void rt_core_refresh_now(struct rt_core *core)
{
    if (!core->is_now_stale) {
        return;
    }
    uint64_t now_ns = core->io->ops->now_ns(core->io);
    if (now_ns > core->now_ns) {
        core->now_ns = now_ns;
    }
    core->mark_ns = core->now_ns;
    core->is_now_stale = false;
}

void rt_core_make_ready(struct rt_core *core, struct rt_actor *actor)
{
    if (!actor->is_queued) {
        actor->is_queued = true;
        rt_list_append(&core->ready, &actor->node);
    }
}

/* ---- sleep and wake ----
 *
 * A reader that finds nothing to do announces that it sleeps, then looks once more; a writer
 * publishes, then looks whether the reader sleeps:
 *
 *     reader                                writer
 *     R1  is_sleeping = true                W1  publish (slot sequence, must_stop)
 *     R2  look at rings and must_stop       W2  look at is_sleeping, wake if set
 *
 * All four are sequentially consistent. In their one order either W1 comes before R2, and the
 * reader sees the message, or R2 before W1, hence R1 before W2, and the writer sees the sleeper. A
 * wake that is too much costs a loop turn; one too few would cost a client its answer. */

/* W2. The exchange lets one of many writers pay for the wake. */
void rt_core_wake(const struct rt_core *caller, struct rt_core *target)
{
    if (atomic_load_explicit(&target->is_sleeping, memory_order_seq_cst) &&
        atomic_exchange_explicit(&target->is_sleeping, false, memory_order_seq_cst)) {
        struct rt_io *io = caller != NULL ? caller->io : target->io;
        io->ops->wake(io, target->index);
    }
}

/* R1 and R2; false: something has arrived. */
static bool core_may_sleep(struct rt_core *core)
{
    atomic_store_explicit(&core->is_sleeping, true, memory_order_seq_cst);
    if (rt_remote_is_empty(&core->remote) && rt_remote_is_empty(&core->inject) &&
        !atomic_load_explicit(&core->must_stop, memory_order_seq_cst)) {
        return true;
    }
    atomic_store_explicit(&core->is_sleeping, false, memory_order_relaxed);
    return false;
}

void rt_core_stop(struct rt_core *core)
{
    atomic_store_explicit(&core->must_stop, true, memory_order_seq_cst); /* W1 */
    rt_core_wake(NULL, core);
}

/* ---- the loop ---- */

bool rt_core_has_work(const struct rt_core *core)
{
    return !rt_list_is_empty(&core->ready) || !rt_remote_is_empty(&core->remote) ||
           !rt_remote_is_empty(&core->inject);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t rt_core_next_deadline(const struct rt_core *core)
{
    uint64_t next_ns = sooner(rt_timers_next_ns(&core->timers), rt_core_next_rest_ns(core));
    if (core->outbox_first != NULL) {
        next_ns = sooner(next_ns, core->now_ns + RT_NS_PER_MS); /* Try that ring again soon. */
    }
    return next_ns;
}

static void poll_io(struct rt_core *core, uint64_t deadline_ns)
{
    if (rt_core_has_work(core)) {
        deadline_ns = 0;
    } else {
        deadline_ns = sooner(deadline_ns, rt_core_next_deadline(core));
    }
    if (deadline_ns > 0 && !core_may_sleep(core)) {
        deadline_ns = 0;
    }
    core->is_now_stale = core->is_wall_stale = true;
    core->io->ops->poll(core->io, core, deadline_ns);
    if (deadline_ns > 0) {
        /* Relaxed: a writer that still sees true only wakes in vain. */
        atomic_store_explicit(&core->is_sleeping, false, memory_order_relaxed);
    }
    rt_core_refresh_now(core);
}

/* A timer's message needs no mailbox: it cannot be refused, and cancelling it leaves nothing. */
static void fire_timers(struct rt_core *core)
{
    struct rt_timer_owner *owner;
    struct rt_msg_timer msg;
    for (unsigned n = 0; n < RT_TURNS_PER_LOOP; n++) {
        msg = (struct rt_msg_timer){.head = RT_MSG_INIT(RT_MSG_TIMER, struct rt_msg_timer)};
        if (!rt_timers_take_due(&core->timers, core->now_ns, &owner, &msg.head.cookie)) {
            return;
        }
        struct rt_actor *actor = rt_container(owner, struct rt_actor, timers);
        struct rt_turn turn;
        RT_COUNT(core, timers_fired, 1);
        rt_turn_begin(core, actor, &turn);
        rt_turn_receive(core, actor, &msg.head, &turn);
        rt_turn_end(core, actor, &turn);
    }
}

static void receive_mail(struct rt_core *core, struct rt_actor *actor)
{
    struct rt_turn turn;
    rt_turn_begin(core, actor, &turn);
    while (turn.messages < RT_MSGS_PER_TURN && !actor->is_ending) {
        struct rt_mail *mail = rt_mailbox_pop(&actor->box);
        if (mail == NULL) {
            break;
        }
        rt_turn_receive(core, actor, &mail->msg, &turn);
        rt_buf_unref(core->bufs, mail->msg.buf);
        rt_mail_give(mail);
    }
    rt_turn_end(core, actor, &turn);
}

static void visit(struct rt_core *core, struct rt_actor *actor)
{
    rt_ref ref = actor->ref;
    if (actor->phase == RT_ACTOR_STARTING) {
        rt_status status = rt_actor_start(core, actor);
        if (status != RT_OK) {
            rt_actor_start_again(core, actor, status);
        }
    } else {
        RT_CHECK(actor->phase == RT_ACTOR_LIVE);
        receive_mail(core, actor);
    }
    /* It may have ended, or wait for its restart. */
    if (actor->ref == ref && actor->phase == RT_ACTOR_LIVE && actor->box.count > 0) {
        rt_core_make_ready(core, actor);
    }
}

static void visit_ready(struct rt_core *core)
{
    for (unsigned n = 0; n < RT_TURNS_PER_LOOP; n++) {
        struct rt_node *node = rt_list_take(&core->ready);
        if (node == NULL) {
            return;
        }
        struct rt_actor *actor = rt_container(node, struct rt_actor, node);
        actor->is_queued = false;
        visit(core, actor);
    }
}

static void publish_gauges(struct rt_core *core)
{
    struct rt_core_counters *c = &core->counters;
    atomic_store_explicit(&c->actors, core->actors_count, memory_order_relaxed);
    atomic_store_explicit(&c->msgs_in_use, core->mails.in_use, memory_order_relaxed);
    atomic_store_explicit(&c->msgs_in_use_max, core->mails.in_use_max, memory_order_relaxed);
    atomic_store_explicit(&c->timers_in_use, core->timers.in_use, memory_order_relaxed);
}

bool rt_core_turn(struct rt_core *core, uint64_t deadline_ns)
{
    RT_CHECK(core->magic == rt_core_MAGIC && core->io != NULL);
    RT_CHECK(!core->is_stopped);
    rt_panic_enter(core);

    poll_io(core, deadline_ns);
    rt_post_ring(core, &core->inject);
    rt_post_ring(core, &core->remote);
    fire_timers(core);
    rt_core_wake_resting(core);
    visit_ready(core);
    rt_post_outbox(core);
    for (uint32_t i = 0; i < core->turn_end_count; i++) {
        core->turn_end[i].hook(core->turn_end[i].arg);
    }
    RT_COUNT(core, loops, 1);
    publish_gauges(core);

    rt_panic_enter(NULL);
    return rt_core_has_work(core) || rt_timers_next_ns(&core->timers) <= core->now_ns;
}

void rt_core_run(struct rt_core *core)
{
    stack_t ours = {.ss_sp = core->signal_stack, .ss_size = sizeof(core->signal_stack)};
    stack_t theirs;
    RT_CHECK(sigaltstack(&ours, &theirs) == 0);

    while (!atomic_load_explicit(&core->must_stop, memory_order_relaxed)) {
        rt_core_turn(core, UINT64_MAX);
    }
    rt_core_stop_actors(core);
    /* What stop() has sent, and the wakes of other cores, still have to leave. */
    core->io->ops->poll(core->io, core, 0);
    RT_CHECK(sigaltstack(&theirs, NULL) == 0);
}

void rt_core_at_turn_end(struct rt_core *core, void (*hook)(void *arg), void *arg)
{
    RT_CHECK(core->turn_end_count < RT_TURN_END_HOOKS_MAX);
    core->turn_end[core->turn_end_count].hook = hook;
    core->turn_end[core->turn_end_count].arg = arg;
    core->turn_end_count++;
}
