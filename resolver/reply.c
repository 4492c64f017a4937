/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What a server said, and what follows from it. */

#include "resolver/alias.h"
#include "resolver/ask.h"
#include "resolver/nsaddr.h"
#include "resolver/roster.h"
#include "resolver/scrub.h"
#include "resolver/select.h"
#include "resolver/states.h"
#include "resolver/store_effects.h"
#include "resolver/zonecut.h"

/* ---- trouble with one server ---- */

static void tell_about(struct rs_query *q, enum rs_effect_kind kind, const struct rt_addr *server,
                       uint8_t flag)
{
    struct rs_fx *fx = rs_effect(q, kind);
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

/* It does not speak DNS as it should, whatever it is asked. */
static enum rs_next broken_server(struct rs_query *q, unsigned i)
{
    struct rs_server_try *server = &rs_top(q)->roster.servers[i];
    q->ede = RS_EDE_NETWORK_ERROR;
    tell_about(q, RS_FX_REST, &server->addr, 0);
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
static enum rs_next on_no_edns(struct rs_query *q, unsigned i)
{
    return again(q, i, RS_TRY_NO_EDNS);
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

/* What the server turned out to need is told when a good reply has proved it, so that one forged
 * reply cannot teach us anything (security.md A8). */
static void learn(struct rs_query *q, unsigned i, const struct rs_event *event)
{
    struct rs_server_try *server = &rs_top(q)->roster.servers[i];
    if ((server->flags & RS_TRY_NO_EDNS) != 0 && !event->had_edns) {
        tell_about(q, RS_FX_LEARN, &server->addr, RS_SERVER_NO_EDNS);
    }
    if ((server->flags & RS_TRY_CASE) != 0 && event->is_tcp) {
        tell_about(q, RS_FX_LEARN, &server->addr, RS_SERVER_NO_0X20);
    }
    if (server->losses > 0 && event->is_tcp && !q->config->always_tcp) {
        tell_about(q, RS_FX_LEARN, &server->addr, RS_SERVER_TCP_ONLY);
    }
    if (!event->is_tcp) {
        server->losses = 0;
    }
}

/* ---- the reply as a whole ---- */

/* Whatever is odd about the answer to a shortened name: ask for the whole one (RFC9156-2.3, 3). */
static enum rs_next ask_whole(struct rs_query *q)
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
        return ask_whole(q);
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
        return frame->is_shortened ? ask_whole(q) : rs_go(q, &rs_state_denial);
    case RS_SAID_REFERRAL:
        return rs_go(q, &rs_state_referral);
    case RS_SAID_EMPTY:
        return on_empty(q, i);
    case RS_SAID_LAME:
        return frame->is_shortened ? ask_whole(q) : next_server(q, i, RS_TRY_LAME);
    case RS_SAID_ERROR:
        return frame->is_shortened ? ask_whole(q) : next_server(q, i, RS_TRY_DONE);
    case RS_SAID_TRUNCATED:
        return on_truncated(q, i, was_tcp);
    case RS_SAID_NO_EDNS:
        return on_no_edns(q, i);
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
    if (!rs_budget_bytes(&q->budget, event->wire_size)) {
        rs_query_give_up(q, RS_EDE_OTHER, "too many bytes for one question");
        return rs_go(q, &rs_state_fail);
    }
    rt_status status = rs_message_read(event->wire, event->wire_size, q->arena, &q->reply);
    if (status == RT_NO_MEMORY) {
        rs_query_give_up(q, RS_EDE_OTHER, "out of memory");
        return rs_go(q, &rs_state_fail);
    }
    rs_ask_abandon_all(q); /* Whatever it says, one voice is enough. */
    if (status != RT_OK) {
        return on_malformed(q, i, event->is_tcp);
    }
    if (!event->is_case_kept && !event->is_tcp) {
        return again(q, i, RS_TRY_CASE | RS_TRY_TCP); /* Ours perhaps: TCP will tell. */
    }

    struct rs_asked asked = {
        .name = frame->asked.wire,
        .type = frame->asked_type,
        .zone = frame->cut->zone,
        .had_edns = event->had_edns,
        .is_recursive = frame->cut->kind == RS_CUT_FORWARD &&
                        frame->cut->forward->mode == RS_FORWARD_RECURSE,
    };
    rs_classify(&q->reply, &asked, &q->judgement);
    if (is_good(q->judgement.said)) {
        learn(q, i, event);
    }
    return on_said(q, i, event->is_tcp);
}

/* ---- a zone further down ---- */

static uint32_t least(uint32_t a, uint64_t b)
{
    return a < b ? a : (uint32_t)b;
}

enum rs_next rs_run_referral(struct rs_query *q, const struct rs_event *event)
{
    struct rs_frame *frame = rs_top(q);
    const struct rs_rrset *ns = q->judgement.ns;
    struct rs_delegation delegation;
    struct rs_rrsets ds = {0};
    (void)event;

    rt_status status =
        rs_scrub_referral(&q->reply, ns, frame->cut->zone, q->config, q->arena, &delegation);
    if (status == RT_OK) {
        status = rs_scrub_ds(&q->reply, delegation.zone, frame->cut->zone, q->arena, &ds);
    }
    if (status == RT_NO_MEMORY) {
        rs_query_give_up(q, RS_EDE_OTHER, "out of memory");
        return rs_go(q, &rs_state_fail);
    }
    if (status != RT_OK || !rs_budget_referral(&q->budget)) {
        return rs_go(q, &rs_state_fail); /* CVE-2014-8500: a chain of delegations ends. */
    }

    /* Never longer than the delegation that led here: a zone that its parent has taken back must
     * not live on in what it delegated itself (ghost domains, security.md B4). */
    uint32_t ttl_s = ns->ttl_s > q->config->ttl_s_min ? ns->ttl_s : q->config->ttl_s_min;
    ttl_s = least(ttl_s, q->config->ttl_s_max);
    ttl_s = least(ttl_s, frame->cut->expires_s > q->now_s ? frame->cut->expires_s - q->now_s : 0);
    rs_store_delegation(q, &delegation, &ds, ttl_s, frame->cut->zone);
    struct rs_cut *cut = rs_zonecut_learn(q, &delegation, q->now_s + ttl_s);
    if (cut == NULL) {
        rs_query_give_up(q, RS_EDE_OTHER, "out of memory");
        return rs_go(q, &rs_state_fail);
    }
    if (rs_nsaddr_pop_glue(q, &delegation)) {
        return rs_go(q, &rs_state_servers);
    }
    frame->cut = cut;
    frame->has_seen_empty = false;
    frame->qmin.is_off = !frame->is_stepping;
    return rs_go(q, &rs_state_enter);
}

/* ---- records ---- */

/* RFC2181-5.4.1: only the first owner's records are surely from their own zone. */
static void rank_answer(struct rs_query *q, struct rs_frame *frame)
{
    for (struct rs_rrset *set = q->reply.answer.first; set != NULL; set = set->next) {
        bool is_first = rs_name_equal(set->owner, frame->asked.wire) || set->type == RS_DNAME;
        set->rank =
            q->reply.is_authoritative && is_first ? RS_RANK_AUTH_ANSWER : RS_RANK_ANSWER;
        set->ttl_s = rs_ttl_accept(q->config, set->ttl_s);
        set->security = RS_UNCHECKED;
    }
}

/* Stores what the chain got from this reply: everything after the first `known` sets. */
static void store_chain(struct rs_query *q, struct rs_frame *frame, unsigned known)
{
    const struct rs_rrset *set = frame->response.answer.first;
    for (unsigned i = 0; set != NULL; set = set->next, i++) {
        if (i >= known) {
            rs_store_rrset(q, set, frame->cut->zone);
        }
    }
}

/* RFC9609-3.3: a priming answer brings the root servers' addresses along. For the one who asked,
 * not for the cache. */
static void add_priming_addresses(struct rs_query *q, struct rs_frame *frame)
{
    const struct rs_rrset *ns = rs_rrsets_find(&q->reply.answer, frame->asked.wire, RS_NS);
    struct rs_rdata rdata;
    if (!q->is_refresh || frame->is_address || !rs_name_is_root(frame->name.wire) || ns == NULL) {
        return;
    }
    for (bool more = rs_rdata_first(ns->rdatas, ns->rdatas_bytes, &rdata); more;
         more = rs_rdata_next(ns->rdatas, ns->rdatas_bytes, &rdata)) {
        static const uint16_t types[] = {RS_A, RS_AAAA};
        for (unsigned i = 0; i < 2 && rs_name_check(rdata.data, rdata.size) == rdata.size; i++) {
            struct rs_rrset *set = rs_rrsets_find(&q->reply.additional, rdata.data, types[i]);
            struct rs_rrset *copy = set != NULL ? rs_rrset_share(q->arena, set) : NULL;
            if (copy != NULL) {
                copy->section = RS_SECTION_ADDITIONAL;
                rs_rrsets_append(&frame->response.additional, copy);
            }
        }
    }
}

/* The chain is open: the same reply may say that its last name has nothing (RFC6604-3: then the
 * rcode is about that name). Only a name of the zone, and only with a proof to show. */
static bool denies_last(struct rs_query *q, const struct rs_frame *frame,
                        const struct rs_name *last)
{
    struct rs_asked asked = {
        .name = last->wire,
        .type = frame->type,
        .zone = frame->cut->zone,
        .is_recursive = frame->cut->kind == RS_CUT_FORWARD &&
                        frame->cut->forward->mode == RS_FORWARD_RECURSE,
    };
    if (!rs_name_is_under(last->wire, asked.zone)) {
        return false;
    }
    rs_classify(&q->reply, &asked, &q->judgement);
    return q->judgement.said == RS_SAID_NXDOMAIN ||
           (q->judgement.said == RS_SAID_NODATA &&
            (q->judgement.soa != NULL || asked.is_recursive));
}

static enum rs_next on_chain(struct rs_query *q, struct rs_frame *frame, enum rs_alias_end end,
                             const struct rs_name *last)
{
    switch (end) {
    case RS_ALIAS_ANSWERED:
        frame->response.rcode = RS_NOERROR;
        add_priming_addresses(q, frame);
        return rs_go(q, &rs_state_finish);
    case RS_ALIAS_TOO_LONG:
        frame->response.rcode = RS_YXDOMAIN;
        return rs_go(q, &rs_state_finish);
    case RS_ALIAS_OPEN:
        if (frame->is_address) {
            return rs_go(q, &rs_state_fail); /* RFC2181-10.3: NS names are not aliases. */
        }
        frame->name = *last;
        return rs_go(q, denies_last(q, frame, last) ? &rs_state_denial : &rs_state_lookup);
    case RS_ALIAS_LOOP:
    case RS_ALIAS_LIMIT:
        if (frame->is_address) {
            return rs_go(q, &rs_state_fail);
        }
        return rs_fail_chain(q, end == RS_ALIAS_LOOP ? "alias loop" : "alias chain too long");
    case RS_ALIAS_NO_MEMORY:
        rs_query_give_up(q, RS_EDE_OTHER, "out of memory");
        return rs_go(q, &rs_state_fail);
    }
    RT_UNREACHABLE("end outside enum rs_alias_end");
}

/* The shortened name is there. An alias there rules everything below it: see it with the whole
 * name; records only mean that the walk goes on. */
static enum rs_next on_shortened_answer(struct rs_query *q, struct rs_frame *frame)
{
    struct rs_rrset *set = rs_rrsets_find(&q->reply.answer, frame->asked.wire, frame->asked_type);
    if (set == NULL) {
        return ask_whole(q);
    }
    rs_store_rrset(q, set, frame->cut->zone);
    frame->qmin.labels = (uint8_t)rs_name_labels(frame->asked.wire);
    return rs_go(q, &rs_state_question);
}

enum rs_next rs_run_answer(struct rs_query *q, const struct rs_event *event)
{
    struct rs_frame *frame = rs_top(q);
    unsigned known = frame->response.answer.count;
    (void)event;

    rank_answer(q, frame);
    if (frame->is_shortened) {
        return on_shortened_answer(q, frame);
    }
    struct rs_alias_walk walk = {
        .zone = frame->cut->zone,
        .type = frame->type,
        .links_max = q->budget.aliases,
        .arena = q->arena,
        .chain = &frame->response.answer,
        .last = frame->name,
    };
    enum rs_alias_end end = rs_alias_follow(&q->reply.answer, &walk);
    for (unsigned i = 0; i < walk.links; i++) {
        (void)rs_budget_alias(&q->budget); /* links_max has seen to it. */
    }
    store_chain(q, frame, known);
    return on_chain(q, frame, end, &walk.last);
}

/* ---- nothing ---- */

static enum rs_next on_shortened_denial(struct rs_query *q, struct rs_frame *frame,
                                        uint32_t ttl_s, const struct rs_rrsets *sets)
{
    if (q->judgement.soa != NULL) {
        rs_store_denial(q, frame->asked.wire, frame->asked_type, RS_NOERROR, ttl_s,
                        q->reply.is_authoritative, sets, frame->cut->zone);
    }
    frame->qmin.labels = (uint8_t)rs_name_labels(frame->asked.wire);
    return rs_go(q, &rs_state_question); /* An empty non-terminal, or no cut: one label more. */
}

/* RFC2308-5: no SOA, no caching. Entered for the frame's name or a shortened one. */
enum rs_next rs_run_denial(struct rs_query *q, const struct rs_event *event)
{
    struct rs_frame *frame = rs_top(q);
    struct rs_response *response = &frame->response;
    uint32_t ttl_s = rs_ttl_negative(q->config, q->judgement.soa);
    uint16_t rcode = q->judgement.said == RS_SAID_NXDOMAIN ? RS_NXDOMAIN : RS_NOERROR;
    const struct rs_delegation *delegation =
        frame->cut->kind == RS_CUT_DELEGATION ? &frame->cut->delegation : NULL;
    struct rs_rrsets sets = {0};
    (void)event;

    if (rs_scrub_denial(&q->reply, q->judgement.soa, ttl_s, delegation, q->arena, &sets) !=
        RT_OK) {
        rs_query_give_up(q, RS_EDE_OTHER, "out of memory");
        return rs_go(q, &rs_state_fail);
    }
    if (frame->is_shortened) {
        return on_shortened_denial(q, frame, ttl_s, &sets);
    }
    if (q->judgement.soa != NULL) {
        rs_store_denial(q, frame->name.wire, frame->type, rcode, ttl_s, q->reply.is_authoritative,
                        &sets, frame->cut->zone);
        response->ttl_s_max = least(response->ttl_s_max, ttl_s);
    } else {
        response->flags |= RS_ANSWER_UNCACHED;
    }
    response->rcode = rcode;
    response->authority = sets;
    return rs_go(q, &rs_state_finish);
}
