/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What a server said: trouble with it, or something to take (records.c). */

#include "resolver/ask.h"
#include "resolver/roster.h"
#include "resolver/select.h"
#include "resolver/states.h"

/* ---- trouble with one server ---- */

static void tell(struct rs_query *q, const struct rt_addr *server, uint8_t flag)
{
    struct rs_fx *fx = rs_effect(q, RS_FX_LEARN);
    if (fx != NULL) {
        fx->server = *server;
        fx->flag = flag;
    }
}

/* The same server once more, in another way; the attempts it has are counted all along. */
static enum rs_next again(struct rs_query *q, unsigned i, uint8_t flags)
{
    struct rs_roster *roster = &rs_top(q)->roster;
    roster->servers[i].flags |= flags;
    roster->retry = (int8_t)i;
    return rs_go(q, &rs_state_servers);
}

/* Another server, for this question or for all of the zone's. The server does not rest for it: it
 * may serve other zones well, and a stranger's zone must not take it from them. */
static enum rs_next next_server(struct rs_query *q, unsigned i, uint8_t flag)
{
    rs_top(q)->roster.servers[i].flags |= flag;
    return rs_go(q, &rs_state_servers);
}

/* It does not speak DNS as it should about this question, not even over TCP. Records without end
 * are malformed to us as well: anybody may keep such a zone on servers that others share. */
static enum rs_next broken_server(struct rs_query *q, unsigned i)
{
    q->ede = RS_EDE_NETWORK_ERROR;
    return next_server(q, i, RS_TRY_DONE);
}

static enum rs_next on_truncated(struct rs_query *q, unsigned i, bool was_tcp)
{
    /* A whole message that says it is not: nothing better will come from there. */
    return was_tcp ? broken_server(q, i) : again(q, i, RS_TRY_TCP);
}

/* Forged or truly broken: TCP will tell (a forger cannot be there). */
static enum rs_next on_malformed(struct rs_query *q, unsigned i, bool was_tcp)
{
    return was_tcp ? broken_server(q, i) : again(q, i, RS_TRY_TCP);
}

/* RFC6891-7: FORMERR or NOTIMP without OPT comes from a server that does not know EDNS. A timeout
 * never means that (DNS Flag Day 2019). */
static enum rs_next on_no_edns(struct rs_query *q, unsigned i, bool was_tcp)
{
    return again(q, i, RS_TRY_NO_EDNS | (was_tcp ? RS_TRY_NO_EDNS_SURE : 0));
}

/* RFC7873-5.3: once more with the cookie that came with the error, then over TCP, then no more. */
static enum rs_next on_bad_cookie(struct rs_query *q, unsigned i, bool was_tcp)
{
    if (was_tcp) {
        return broken_server(q, i);
    }
    bool is_second = (rs_top(q)->roster.servers[i].flags & RS_TRY_COOKIE) != 0;
    return again(q, i, is_second ? RS_TRY_TCP : RS_TRY_COOKIE);
}

/* What the server turned out to need is told when a good reply has proved it. The need itself must
 * have been shown over TCP: where no forger is, who would take EDNS, and so DNSSEC, or our letters
 * from a server for an hour (security.md A8). A server that only says over UDP that it knows no
 * EDNS costs two packets each time; there are few left. */
static void learn(struct rs_query *q, unsigned i, const struct rs_event *event)
{
    struct rs_server_try *server = &rs_top(q)->roster.servers[i];
    if ((server->flags & RS_TRY_NO_EDNS_SURE) != 0 && !event->had_edns) {
        tell(q, &server->addr, RS_SERVER_NO_EDNS);
    }
    if (event->is_tcp && !event->is_case_kept) {
        tell(q, &server->addr, RS_SERVER_NO_0X20);
    }
    if (event->is_tcp && server->losses >= RS_LOSSES_BEFORE_TCP && !q->config->always_tcp) {
        tell(q, &server->addr, RS_SERVER_TCP_ONLY);
    }
}

/* ---- the reply as a whole ---- */

enum rs_next rs_ask_whole(struct rs_query *q)
{
    rs_top(q)->qmin.is_off = true;
    return rs_go(q, &rs_state_question);
}

/* A parent's side that is further down than the zone asked: look for it label by label. */
static bool can_step_down(const struct rs_frame *frame)
{
    return frame->type == RS_DS && !frame->is_shortened && !frame->is_stepping &&
           frame->cut->kind != RS_CUT_FORWARD &&
           rs_name_labels(frame->name.wire) > frame->cut->zone_labels + 1;
}

static enum rs_next step_down(struct rs_query *q)
{
    struct rs_frame *frame = rs_top(q);
    frame->is_stepping = true;
    frame->qmin = (struct rs_qmin){0};
    return rs_go(q, &rs_state_question);
}

static enum rs_next on_empty(struct rs_query *q, unsigned i)
{
    struct rs_frame *frame = rs_top(q);
    if (frame->is_shortened) {
        return rs_ask_whole(q);
    }
    if (can_step_down(frame)) {
        return step_down(q);
    }
    frame->has_seen_empty = true;
    return next_server(q, i, RS_TRY_DONE);
}

/* A child's word about its own DS is not the parent's; neither is an alias. */
static bool is_wrong_side(const struct rs_query *q, const struct rs_frame *frame)
{
    const struct rs_rrset *soa = q->judgement.soa;
    if (q->judgement.said == RS_SAID_ANSWER) {
        return rs_rrsets_find(&q->reply.answer, frame->asked.wire, RS_DS) == NULL;
    }
    return soa == NULL || rs_name_equal(soa->owner, frame->name.wire);
}

static enum rs_next on_said(struct rs_query *q, unsigned i, bool was_tcp)
{
    struct rs_frame *frame = rs_top(q);

    switch (q->judgement.said) {
    case RS_SAID_ANSWER:
        return can_step_down(frame) && is_wrong_side(q, frame) ? step_down(q)
                                                               : rs_go(q, &rs_state_answer);
    case RS_SAID_NODATA:
        return can_step_down(frame) && is_wrong_side(q, frame) ? step_down(q)
                                                               : rs_go(q, &rs_state_denial);
    case RS_SAID_NXDOMAIN:
        return frame->is_shortened ? rs_ask_whole(q) : rs_go(q, &rs_state_denial);
    case RS_SAID_REFERRAL:
        return rs_go(q, &rs_state_referral);
    case RS_SAID_EMPTY:
        return on_empty(q, i);
    case RS_SAID_LAME:
        return frame->is_shortened ? rs_ask_whole(q) : next_server(q, i, RS_TRY_LAME);
    case RS_SAID_ERROR:
        return frame->is_shortened ? rs_ask_whole(q) : next_server(q, i, RS_TRY_DONE);
    case RS_SAID_TRUNCATED:
        return on_truncated(q, i, was_tcp);
    case RS_SAID_NO_EDNS:
        return on_no_edns(q, i, was_tcp);
    case RS_SAID_COOKIE:
        return on_bad_cookie(q, i, was_tcp);
    }
    RT_UNREACHABLE("said outside enum rs_said");
}

static bool is_good(enum rs_said said)
{
    return said == RS_SAID_ANSWER || said == RS_SAID_NODATA || said == RS_SAID_NXDOMAIN ||
           said == RS_SAID_REFERRAL;
}

enum rs_next rs_run_reply(struct rs_query *q, const struct rs_event *event)
{
    struct rs_frame *frame = rs_top(q);
    unsigned i = event->server_index;

    RT_CHECK(i < frame->roster.count);
    frame->roster.has_spoken = true;
    if (!event->is_tcp) {
        frame->roster.servers[i].losses = 0; /* In a row; and TC over UDP is a reply, too. */
    }
    if (!rs_budget_bytes(&q->budget, event->wire_size)) {
        rs_query_give_up(q, RS_EDE_OTHER, "too many bytes for one question");
        return rs_go(q, &rs_state_fail);
    }
    rt_status status = rs_message_read(event->wire, event->wire_size, q->arena, &q->reply);
    if (status == RT_NO_MEMORY) {
        rs_query_no_memory(q);
        return rs_go(q, &rs_state_fail);
    }
    rs_ask_abandon_all(q); /* Whatever it says, one voice is enough. */
    if (status != RT_OK) {
        return on_malformed(q, i, event->is_tcp);
    }
    if (!event->is_case_kept && !event->is_tcp) {
        return again(q, i, RS_TRY_TCP); /* Ours perhaps: TCP, with other letters, will tell. */
    }

    struct rs_asked asked = {
        .name = frame->asked.wire,
        .type = frame->asked_type,
        .zone = frame->cut->zone,
        .had_edns = event->had_edns,
        .is_recursive = rs_cut_recurses(frame->cut),
    };
    rs_classify(&q->reply, &asked, &q->judgement);
    if (is_good(q->judgement.said)) {
        learn(q, i, event);
    }
    return on_said(q, i, event->is_tcp);
}
