/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "runtime/base/fault.h"
#include "runtime/core_parts.h"

/* Sending. On the same core a message is copied into the receiver's mailbox; to another core, into
 * that core's ring, which copies it into the mailbox when it reads it.
 *
 * A sender may be told that a bound is reached, or later that its message came back. What must not
 * be lost are the runtime's own notices, RT_MSG_UNDELIVERED and RT_MSG_CHILD_ENDED: they pass the
 * bound of a mailbox, and wait in the outbox while the ring to their core is full. */

static bool is_notice(const struct rt_msg *msg)
{
    return msg->type == RT_MSG_UNDELIVERED || msg->type == RT_MSG_CHILD_ENDED;
}

static void put_in_box(struct rt_core *core, struct rt_actor *actor, struct rt_mail *mail)
{
    rt_mailbox_push(&actor->box, mail);
    rt_core_make_ready(core, actor);
}

static rt_status send_here(struct rt_core *core, rt_ref from, rt_ref to, struct rt_msg *msg)
{
    struct rt_actor *actor = rt_actor_find(core, to);
    if (actor == NULL) {
        return RT_GONE;
    }
    struct rt_mail *mail = rt_mailbox_is_full(&actor->box) ? NULL : rt_mail_take(&core->mails);
    if (mail == NULL) {
        RT_COUNT(core, mailbox_full, 1);
        return RT_FULL;
    }
    rt_mail_fill(mail, msg);
    mail->msg.from = from;
    msg->buf = NULL;
    put_in_box(core, actor, mail);
    return RT_OK;
}

static rt_status send_there(struct rt_core *core, rt_ref from, rt_ref to, const struct rt_msg *msg)
{
    unsigned index = rt_ref_core(to);
    if (index >= core->machine->cores_count || to == RT_REF_NONE) {
        return RT_GONE;
    }
    struct rt_core *target = core->machine->cores[index];
    if (rt_remote_push(&target->remote, to, from, msg) != RT_OK) {
        RT_COUNT(core, remote_full, 1);
        return RT_FULL;
    }
    RT_COUNT(core, remote_sent, 1);
    rt_core_wake(core, target);
    return RT_OK;
}

rt_status rt_send(struct rt_ctx *ctx, rt_ref to, struct rt_msg *msg)
{
    struct rt_core *core = ctx->core;
    RT_CHECK(msg->size >= sizeof(struct rt_msg) && msg->size <= RT_MSG_BYTES_MAX);
    if (rt_fault_strikes(RT_FAULT_MSG)) {
        return RT_FULL;
    }
    if (rt_ref_core(to) == core->index) {
        return send_here(core, ctx->actor->ref, to, msg);
    }
    rt_status status = send_there(core, ctx->actor->ref, to, msg);
    if (status == RT_OK) {
        msg->buf = NULL; /* The ring has it. */
    }
    return status;
}

rt_status rt_core_inject(struct rt_core *core, rt_ref to, struct rt_msg *msg)
{
    RT_CHECK(rt_ref_core(to) == core->index);
    rt_status status = rt_remote_push(&core->inject, to, msg->from, msg);
    if (status == RT_OK) {
        msg->buf = NULL;
        rt_core_wake(NULL, core);
    }
    return status;
}

/* ---- notices ---- */

static void outbox_append(struct rt_core *core, rt_ref to, struct rt_mail *mail)
{
    mail->to = to;
    mail->next = NULL;
    if (core->outbox_last != NULL) {
        core->outbox_last->next = mail;
    } else {
        core->outbox_first = mail;
    }
    core->outbox_last = mail;
}

void rt_post_outbox(struct rt_core *core)
{
    if (core->outbox_first == NULL) {
        return;
    }
    bool is_full[RT_CORES_MAX] = {false}; /* Behind a full ring everything waits, in its order. */
    struct rt_mail *mail = core->outbox_first;
    core->outbox_first = core->outbox_last = NULL;
    while (mail != NULL) {
        struct rt_mail *next = mail->next;
        unsigned index = rt_ref_core(mail->to);
        if (!is_full[index] && send_there(core, mail->msg.from, mail->to, &mail->msg) != RT_FULL) {
            rt_mail_give(mail);
        } else {
            is_full[index] = true;
            outbox_append(core, mail->to, mail);
        }
        mail = next;
    }
}

/* False: there is neither room in the ring nor a block for the outbox; nothing happened. */
static bool send_notice(struct rt_core *core, rt_ref to, const struct rt_msg *notice)
{
    if (core->outbox_first == NULL && send_there(core, notice->from, to, notice) != RT_FULL) {
        return true;
    }
    struct rt_mail *mail = rt_mail_take(&core->mails);
    if (mail == NULL) {
        return false;
    }
    rt_mail_fill(mail, notice);
    outbox_append(core, to, mail);
    return true;
}

void rt_post_obituary(struct rt_core *core, struct rt_actor *child, enum rt_end why)
{
    struct rt_msg_child_ended notice = {
        .head = RT_MSG_INIT(RT_MSG_CHILD_ENDED, struct rt_msg_child_ended),
        .child = child->ref,
        .why = why,
    };
    struct rt_mail *mail = child->obituary;
    child->obituary = NULL;
    notice.head.from = child->ref;
    rt_mail_fill(mail, &notice.head);
    if (rt_ref_core(child->parent) != core->index) {
        outbox_append(core, child->parent, mail);
        return;
    }
    struct rt_actor *parent = rt_actor_find(core, child->parent);
    if (parent != NULL) {
        put_in_box(core, parent, mail); /* Behind everything the child has sent. */
    } else {
        rt_mail_give(mail);
    }
}

/* ---- arrival from other threads ---- */

/* The message in `slot` cannot be delivered. False: its sender cannot be told yet. */
static bool send_back(struct rt_core *core, struct rt_remote_slot *slot, rt_status why)
{
    struct rt_msg *lost = &slot->msg;
    struct rt_msg_undelivered notice = {
        .head = RT_MSG_INIT(RT_MSG_UNDELIVERED, struct rt_msg_undelivered),
        .to = slot->to,
        .why = why,
        .lost_type = lost->type,
    };
    notice.head.from = slot->to;
    notice.head.cookie = lost->cookie;
    notice.head.trace_id = lost->trace_id;
    bool is_told =
        lost->from == RT_REF_NONE || is_notice(lost) || rt_ref_core(lost->from) == core->index;
    if (!is_told && !send_notice(core, lost->from, &notice.head)) {
        return false;
    }
    rt_buf_unref(core->bufs, lost->buf);
    lost->buf = NULL;
    RT_COUNT(core, undelivered, 1);
    return true;
}

/* False: neither delivered nor sent back for want of memory; it stays in the ring, whose writers
 * feel the pressure, until the actors of this core have worked off some of theirs. */
static bool deliver(struct rt_core *core, struct rt_remote_slot *slot)
{
    struct rt_actor *actor = rt_actor_find(core, slot->to);
    if (actor == NULL) {
        return send_back(core, slot, RT_GONE);
    }
    if (rt_mailbox_is_full(&actor->box) && !is_notice(&slot->msg)) {
        RT_COUNT(core, mailbox_full, 1);
        return send_back(core, slot, RT_FULL);
    }
    struct rt_mail *mail = rt_mail_take(&core->mails);
    if (mail == NULL) {
        return !is_notice(&slot->msg) && send_back(core, slot, RT_FULL);
    }
    rt_mail_fill(mail, &slot->msg);
    put_in_box(core, actor, mail);
    return true;
}

void rt_post_ring(struct rt_core *core, struct rt_remote *ring)
{
    for (unsigned n = 0; n < RT_REMOTE_SLOTS; n++) {
        struct rt_remote_slot *slot = rt_remote_front(ring);
        if (slot == NULL || !deliver(core, slot)) {
            return;
        }
        rt_remote_pop(ring);
        RT_COUNT(core, remote_received, 1);
    }
}

/* ---- the end ---- */

void rt_post_drop_box(struct rt_core *core, struct rt_mailbox *box)
{
    struct rt_mail *mail;
    while ((mail = rt_mailbox_pop(box)) != NULL) {
        rt_buf_unref(core->bufs, mail->msg.buf);
        rt_mail_give(mail);
    }
}

static void drop_ring(struct rt_core *core, struct rt_remote *ring)
{
    struct rt_remote_slot *slot;
    while (ring->slots != NULL && (slot = rt_remote_front(ring)) != NULL) {
        rt_buf_unref(core->bufs, slot->msg.buf);
        rt_remote_pop(ring);
    }
}

void rt_post_drop_all(struct rt_core *core)
{
    drop_ring(core, &core->inject);
    drop_ring(core, &core->remote);
    for (struct rt_mail *mail = core->outbox_first, *next; mail != NULL; mail = next) {
        next = mail->next;
        rt_mail_give(mail); /* Notices own no buf. */
    }
    core->outbox_first = core->outbox_last = NULL;
}
