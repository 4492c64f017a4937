/* SPDX-License-Identifier: GPL-3.0-or-later */

/* From zone to zone: which one to ask, what to ask there, whom, and what became of the attempt. */

#include "resolver/ask.h"
#include "resolver/nsaddr.h"
#include "resolver/roster.h"
#include "resolver/states.h"
#include "resolver/zonecut.h"

/* The name whose zone answers the frame's question: for DS the parent's side (RFC4035-3.1.4.1). */
static const uint8_t *served_name(const struct rs_frame *frame)
{
    return frame->type == RS_DS ? rs_name_parent(frame->name.wire, 1) : frame->name.wire;
}

enum rs_next rs_run_choose(struct rs_query *q, const struct rs_event *event)
{
    struct rs_frame *frame = rs_top(q);
    const uint8_t *name = served_name(frame);
    const struct rs_forward *forward = rs_config_forward(q->config, name);
    (void)event;

    frame->cut = forward != NULL ? rs_zonecut_forward(q, forward)
                                 : rs_zonecut_find(q, name, frame->labels_max);
    if (frame->cut == NULL) {
        rs_query_no_memory(q);
        return rs_go(q, &rs_state_fail);
    }
    frame->is_stepping = q->config->minimize && forward == NULL;
    frame->qmin = (struct rs_qmin){.is_off = !frame->is_stepping};
    frame->has_seen_empty = false;
    return rs_go(q, &rs_state_enter);
}

enum rs_next rs_run_enter(struct rs_query *q, const struct rs_event *event)
{
    struct rs_frame *frame = rs_top(q);
    (void)event;

    /* A circle (TsuNAME): the address of a server of this zone waits for this zone. */
    if (rs_frame_waits_for(q, frame->cut->zone)) {
        frame->is_unproven = true;
        return rs_go(q, &rs_state_fail);
    }
    if (frame->cut->is_dead) {
        return rs_go(q, &rs_state_fail);
    }
    rs_roster_init(q, frame);
    frame->qmin.labels = 0;
    return rs_go(q, &rs_state_question);
}

/* Does the cache know from this very zone that the shortened name is there? What a zone below said
 * about its apex is no reason to show this one more. */
static bool is_known_to_exist(struct rs_query *q, const uint8_t *zone, const uint8_t *name,
                              uint16_t type)
{
    struct rs_entry entry;
    return q->cache != NULL &&
           rs_cache_get(q->cache, name, RS_SLOT_RECORDS, type, q->now_s, q->arena, &entry) ==
               RT_OK &&
           entry.origin != NULL && rs_name_equal(entry.origin, zone);
}

enum rs_next rs_run_question(struct rs_query *q, const struct rs_event *event)
{
    struct rs_frame *frame = rs_top(q);
    unsigned all = rs_name_labels(frame->name.wire), labels;
    (void)event;

    for (;;) {
        labels = rs_qmin_labels(&frame->qmin, frame->name.wire, frame->cut->zone);
        frame->is_shortened = labels < all;
        rs_name_copy(&frame->asked, rs_name_parent(frame->name.wire, all - labels));
        frame->asked_type = frame->is_shortened ? rs_qmin_type(frame->type) : frame->type;
        if (!frame->is_shortened ||
            !is_known_to_exist(q, frame->cut->zone, frame->asked.wire, frame->asked_type)) {
            break;
        }
        frame->qmin.labels = (uint8_t)labels; /* Not worth a packet. */
    }
    frame->qmin.steps += frame->is_shortened;
    rs_roster_new_question(&frame->roster);
    return rs_go(q, &rs_state_servers);
}

/* RFC2308-2.2: a server that says NOERROR and nothing may be broken, so others are asked first;
 * when all say so, it is the answer. It is nothing to remember. */
static enum rs_next finish_empty(struct rs_query *q)
{
    struct rs_response *response = &rs_top(q)->response;
    response->rcode = RS_NOERROR;
    response->flags |= RS_ANSWER_UNCACHED;
    return rs_go(q, &rs_state_finish);
}

enum rs_next rs_run_servers(struct rs_query *q, const struct rs_event *event)
{
    struct rs_frame *frame = rs_top(q);
    struct rs_pick pick;
    (void)event;

    if (rs_roster_is_silent(q, frame) && !rs_nsaddr_gather(q) && !frame->cut->is_dead &&
        rs_nsaddr_push(q)) {
        return rs_go(q, &rs_state_lookup);
    }
    if (rs_roster_pick(q, frame, &pick) ||
        (rs_nsaddr_gather(q) && rs_roster_pick(q, frame, &pick))) {
        return rs_ask_send(q, &pick) ? rs_go(q, &rs_state_ask) : rs_go(q, &rs_state_fail);
    }
    if (!frame->cut->is_dead && rs_nsaddr_push(q)) {
        return rs_go(q, &rs_state_lookup);
    }
    if (frame->has_seen_empty) {
        return finish_empty(q);
    }
    /* RFC1536-2, RFC4697-2.1: neither the parent nor anybody else is asked about dead servers. */
    frame->cut->is_dead = !frame->roster.has_spoken && !frame->is_unproven;
    return rs_go(q, &rs_state_fail);
}

/* ---- attempts ---- */

/* The TCP attempt that a forgery or an accident has called for, beside the one that listens on. */
static void ask_beside(struct rs_query *q, unsigned i)
{
    struct rs_frame *frame = rs_top(q);
    struct rs_pick pick = {.excluded = ~(UINT64_C(1) << i), .is_tcp = true, .only = (int)i};

    if (!q->flights[0].is_active || q->flights[1].is_active || i >= frame->roster.count ||
        !rs_roster_may_tcp(q, &frame->roster.servers[i])) {
        return;
    }
    (void)rs_ask_send(q, &pick);
}

static void note_attempt(struct rs_frame *frame, const struct rs_event *event)
{
    if (event->server_index < frame->roster.count) {
        struct rs_server_try *server = &frame->roster.servers[event->server_index];
        server->attempts++;
        server->tcp_attempts += event->is_tcp;
    }
}

static enum rs_next after_loss(struct rs_query *q)
{
    return rs_ask_is_waiting(q) ? RS_WAIT : rs_go(q, &rs_state_servers);
}

static enum rs_next on_timeout(struct rs_query *q, const struct rs_event *event)
{
    struct rs_frame *frame = rs_top(q);
    if (event->server_index < frame->roster.count) {
        rs_roster_on_loss(q, frame, event->server_index, event->is_tcp, false);
    }
    if (!rs_budget_timeout(&q->budget)) {
        rs_query_give_up(q, RS_EDE_NO_REACHABLE_AUTHORITY, "too many lost packets");
        return rs_go(q, &rs_state_fail);
    }
    return after_loss(q);
}

/* Of those it was offered the upstream actor would ask nobody: they rest. Those that had their turn
 * before, and new addresses, may still help. */
static void exclude_offered(struct rs_roster *roster, uint64_t excluded)
{
    for (unsigned i = 0; i < roster->count; i++) {
        if ((excluded >> i & 1) == 0) {
            roster->servers[i].flags |= RS_TRY_DONE;
        }
    }
}

static enum rs_next on_failed(struct rs_query *q, const struct rs_event *event, uint64_t excluded)
{
    struct rs_frame *frame = rs_top(q);

    if (event->why == RT_FULL || event->why == RT_NO_MEMORY) {
        q->is_overloaded = true;
        rs_query_give_up(q, RS_EDE_NOT_READY, "overloaded");
        return rs_go(q, &rs_state_fail);
    }
    if (event->server_index < frame->roster.count) {
        rs_roster_on_loss(q, frame, event->server_index, event->is_tcp, true);
    } else if (!rs_ask_is_waiting(q)) {
        exclude_offered(&frame->roster, excluded);
    }
    return after_loss(q);
}

/* Entered without an event: the attempt is on its way. */
enum rs_next rs_run_ask(struct rs_query *q, const struct rs_event *event)
{
    struct rs_frame *frame = rs_top(q);
    if (event == NULL) {
        frame->roster.retry = -1;
        return RS_WAIT;
    }
    if (event->kind == RS_EV_NEAR_MISS) {
        ask_beside(q, event->server_index); /* RFC5452-9.1; security.md A7. */
        return q->is_over ? rs_go(q, &rs_state_fail) : RS_WAIT;
    }

    struct rs_flight *flight = rs_ask_flight(q, event->attempt);
    flight->is_active = false;
    note_attempt(frame, event);
    switch (event->kind) {
    case RS_EV_REPLY:
        q->state = &rs_state_reply;
        return rs_run_reply(q, event);
    case RS_EV_TIMEOUT:
        return on_timeout(q, event);
    case RS_EV_FAILED:
        return on_failed(q, event, q->asks[flight - q->flights].excluded);
    case RS_EV_START:
    case RS_EV_NEAR_MISS:
    case RS_EV_DEADLINE:
        break;
    }
    RT_UNREACHABLE("event that is no outcome of an attempt");
}
