/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What is taken from a good reply: a zone further down, records, or the proof that there are none.
 */

#include "resolver/alias.h"
#include "resolver/nsaddr.h"
#include "resolver/scrub.h"
#include "resolver/states.h"
#include "resolver/store_effects.h"
#include "resolver/zonecut.h"

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
        rs_query_no_memory(q);
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
        rs_query_no_memory(q);
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
        set->rank = q->reply.is_authoritative && is_first ? RS_RANK_AUTH_ANSWER : RS_RANK_ANSWER;
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

/* The chain is open: the same reply may say that its last name has nothing (RFC6604-3: then the
 * rcode is about that name). Only a name of the zone, and only with a proof to show. */
static bool denies_last(struct rs_query *q, const struct rs_frame *frame,
                        const struct rs_name *last)
{
    struct rs_asked asked = {
        .name = last->wire,
        .type = frame->type,
        .zone = frame->cut->zone,
        .is_recursive = rs_cut_recurses(frame->cut),
    };
    if (!rs_alias_is_within(q->config, asked.zone, frame->asked.wire, last->wire)) {
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
        rs_query_no_memory(q);
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
        return rs_ask_whole(q);
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
        .config = q->config,
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

static enum rs_next on_shortened_denial(struct rs_query *q, struct rs_frame *frame, uint32_t ttl_s,
                                        const struct rs_rrsets *sets)
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

    if (rs_scrub_denial(&q->reply, q->judgement.soa, ttl_s, delegation, q->arena, &sets) != RT_OK) {
        rs_query_no_memory(q);
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
