/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* robot: an actor that notes what happens to it and does what a message tells it to, and a machine
 * of one core to put it on. For the tests of the core's parts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/fault.h"
#include "tests/unit/runtime/fake_io.h"

enum order { ORDER_NONE, NOTE, EXIT, FAIL, SPAWN, SEND_BACK, KEEP_BUF, SELF_SEND, KILL_SELF };

struct order_msg {
    struct rt_msg head;
    rt_ref ref;
    uint64_t number;
    rt_status status;
};

enum { NOTES_MAX = 4096 };
static struct notes {
    uint32_t count;
    struct note {
        uint16_t type;
        rt_ref from, ref;
        uint64_t number;
        enum rt_end why;
    } items[NOTES_MAX];
    unsigned starts, stops;
    enum rt_end last_stop;
    bool was_dirty;       /* a state that was not zeroed before start */
    rt_status next_start; /* what start() is to return */
    unsigned failing_starts;
    struct rt_buf *kept;
} notes;

struct robot {
    uint64_t dirt;
    rt_timer timer;
};

static inline const char *robot_msg_name(uint16_t type)
{
    return type == NOTE ? "NOTE" : "other";
}

static inline rt_status robot_start(struct rt_ctx *ctx, void *state, const void *args)
{
    struct robot *robot = state;
    (void)args, (void)ctx;
    notes.starts++;
    notes.was_dirty = notes.was_dirty || robot->dirt != 0;
    robot->dirt = 1;
    if (notes.failing_starts > 0) {
        notes.failing_starts--;
        return notes.next_start;
    }
    return RT_OK;
}

static inline void note(const struct rt_msg *msg)
{
    struct note *item = &notes.items[notes.count++];
    RT_CHECK(notes.count < NOTES_MAX);
    *item = (struct note){.type = msg->type, .from = msg->from};
    if (msg->type == RT_MSG_CHILD_ENDED) {
        item->ref = ((const struct rt_msg_child_ended *)msg)->child;
        item->why = ((const struct rt_msg_child_ended *)msg)->why;
    } else if (msg->type == RT_MSG_TIMER) {
        item->number = msg->cookie;
    } else {
        item->number = ((const struct order_msg *)msg)->number;
    }
}

static const struct rt_actor_type mortal_type;

static inline void robot_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct order_msg *order = (struct order_msg *)msg;
    struct order_msg back = {.head = RT_MSG_INIT(NOTE, struct order_msg)};
    rt_ref child;
    (void)state;

    note(msg);
    switch (msg->type) {
    case EXIT:
        rt_exit(ctx);
        return;
    case FAIL:
        rt_fail(ctx, "told to");
        return;
    case SPAWN:
        order->status = rt_spawn(ctx, &mortal_type, NULL, &child);
        if (order->status == RT_OK && order->number > 0) {
            back.number = order->number;
            assert_int_equal(rt_send(ctx, child, &back.head), RT_OK);
        }
        return;
    case SEND_BACK:
        back.number = order->number;
        assert_int_equal(rt_send(ctx, order->ref, &back.head), RT_OK);
        rt_exit(ctx);
        return;
    case KEEP_BUF:
        notes.kept = msg->buf;
        msg->buf = NULL;
        return;
    case SELF_SEND:
        back.number = order->number;
        order->status = rt_send(ctx, rt_self(ctx), &back.head);
        return;
    case KILL_SELF:
        rt_core_kill(rt_services(ctx), rt_self(ctx));
        return;
    default:
        return;
    }
}

static inline void robot_stop(struct rt_ctx *ctx, void *state, enum rt_end why)
{
    (void)ctx, (void)state;
    notes.stops++;
    notes.last_stop = why;
}

static const struct rt_actor_type robot_type __attribute__((unused)) = {
    .name = "robot",
    .state_size = sizeof(struct robot),
    .actors_max = 4,
    .mailbox_cap = 100,
    .restart = RT_RESTART_ALWAYS,
    .msg_name = robot_msg_name,
    .start = robot_start,
    .receive = robot_receive,
    .stop = robot_stop,
};

static const struct rt_actor_type mortal_type __attribute__((unused)) = {
    .name = "mortal",
    .state_size = sizeof(struct robot),
    .actors_max = 2,
    .mailbox_cap = 3,
    .restart = RT_RESTART_NEVER,
    .msg_name = robot_msg_name,
    .start = robot_start,
    .receive = robot_receive,
    .stop = robot_stop,
};

static struct fake_world world;
static struct rt_core *core;

static inline int setup(void **state)
{
    (void)state;
    notes = (struct notes){0};
    fake_world_open(&world, 1, false, NULL);
    core = fake_core(&world, 0);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    rt_fault_set(NULL, NULL);
    if (world.machine != NULL) {
        rt_machine_close(world.machine);
    }
    return 0;
}

static inline void close_world(void)
{
    rt_machine_close(world.machine);
    world.machine = NULL;
}

static inline rt_ref cast_one(const struct rt_actor_type *type, rt_ref parent)
{
    rt_ref ref;
    assert_int_equal(rt_core_cast(core, type, NULL, parent, &ref), RT_OK);
    return ref;
}

static inline rt_status order(rt_ref to, enum order what, uint64_t number, rt_ref ref)
{
    struct order_msg msg = {
        .head = RT_MSG_INIT((uint16_t)what, struct order_msg), .number = number, .ref = ref};
    return rt_core_inject(core, to, &msg.head);
}

/* An order that is delivered like an event of the io, in a turn of its own. */
static inline rt_status order_now(rt_ref to, struct order_msg *msg, enum order what)
{
    msg->head.type = (uint16_t)what;
    msg->head.size = sizeof(*msg);
    return rt_core_deliver(core, to, &msg->head);
}
