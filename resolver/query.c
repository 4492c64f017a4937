/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/query.h"

#include "resolver/alias.h"
#include "resolver/ask.h"
#include "resolver/cache/lookup.h"
#include "resolver/nsaddr.h"
#include "resolver/states.h"
#include "resolver/store_effects.h"

#define X(name) const struct rs_state rs_state_##name = {#name, rs_run_##name};
QUERY_STATES(X)
#undef X

/* ---- life ---- */

struct rs_query *rs_query_new(const struct rs_query_options *options)
{
    struct rs_query *q = rt_arena_alloc(options->arena, sizeof(*q));
    if (q == NULL) {
        return NULL;
    }
    q->magic = rs_query_MAGIC;
    q->config = options->config;
    q->hints = options->hints;
    q->cache = options->config->use_cache && options->cache->cache != NULL ? options->cache : NULL;
    q->arena = options->arena;
    q->question = *options->question;
    q->is_cd = options->is_cd;
    q->is_refresh = options->is_refresh;
    q->ede = RS_EDE_NONE;
    q->state = &rs_state_lookup;
    return rs_frame_push(q, q->question.name.wire, q->question.type) != NULL ? q : NULL;
}

const struct rs_budget *rs_query_budget(const struct rs_query *q)
{
    return &q->budget;
}

void rs_query_status(const struct rs_query *q, struct rs_query_status *out)
{
    const struct rs_frame *frame = q->frames[q->depth];
    *out = (struct rs_query_status){
        .state = q->state->name,
        .zone = frame->cut != NULL ? frame->cut->zone : NULL,
        .name = frame->asked.size > 0 ? frame->asked.wire : frame->name.wire,
        .type = frame->asked.size > 0 ? frame->asked_type : frame->type,
        .depth = q->depth,
    };
}

/* ---- the runner ---- */

/* Is the event for us, and what does it mean for all states alike? False: nothing to do. */
static bool admit(struct rs_query *q, const struct rs_event *event)
{
    q->now_ns = event->now_ns;
    q->now_s = q->cache != NULL ? rs_cache_now_s(q->cache->cache, event->now_ns)
                                : event->now_ns / UINT64_C(1000000000);
    q->random = event->random;

    switch (event->kind) {
    case RS_EV_START:
        RT_CHECK(q->attempts == 0 && q->budget.deadline_ns == 0);
        rs_budget_init(&q->budget, event->now_ns);
        return true;
    case RS_EV_DEADLINE:
        rs_query_give_up(q, RS_EDE_NO_REACHABLE_AUTHORITY, "no answer in time");
        q->state = &rs_state_fail;
        return true;
    case RS_EV_REPLY:
    case RS_EV_NEAR_MISS:
    case RS_EV_TIMEOUT:
    case RS_EV_FAILED:
        return rs_ask_flight(q, event->attempt) != NULL;
    }
    RT_UNREACHABLE("event kind outside enum rs_event_kind");
}

enum rs_next rs_query_step(struct rs_query *query, const struct rs_event *event,
                           struct rs_effects *effects)
{
    struct rs_query *q = rt_cast(rs_query, query);
    enum rs_next next = RS_MORE;

    RT_CHECK(effects->count == 0);
    q->effects = effects;
    if (!admit(q, event)) {
        return RS_WAIT;
    }
    for (unsigned steps = 0; next == RS_MORE; steps++) {
        RT_CHECK(steps < RS_STEPS_PER_EVENT_MAX);
        if (q->is_over) {
            q->state = &rs_state_fail;
        }
        next = q->state->run(q, event);
        event = NULL; /* The first state to see an event consumes it. */
    }
    RT_CHECK(next == RS_DONE || rs_ask_is_waiting(q)); /* Somebody will wake us. */
    return next;
}

/* ---- the beginning of a frame ---- */

/* Aliases that the cache knew are links of the chain like any other. */
static bool pay_for_aliases(struct rs_query *q, const struct rs_rrsets *chain, unsigned known)
{
    const struct rs_rrset *set = chain->first;
    for (unsigned i = 0; set != NULL; set = set->next, i++) {
        if (i >= known && set->type == RS_CNAME && !rs_budget_alias(&q->budget)) {
            return false;
        }
    }
    return true;
}

/* The cache follows chains by itself and does not know where this one came from. */
static bool is_circle(const struct rs_rrsets *chain)
{
    for (const struct rs_rrset *set = chain->first; set != NULL; set = set->next) {
        if (set->type == RS_CNAME && rs_rrsets_find(chain, set->owner, RS_CNAME) != set) {
            return true;
        }
    }
    return false;
}

enum rs_next rs_fail_chain(struct rs_query *q, const char *text)
{
    q->keeps_chain = true;
    rs_query_give_up(q, RS_EDE_OTHER, text);
    return rs_go(q, &rs_state_fail);
}

enum rs_next rs_run_lookup(struct rs_query *q, const struct rs_event *event)
{
    struct rs_frame *frame = rs_top(q);
    struct rs_question question = {.name = frame->name, .type = frame->type, .class = RS_IN};
    struct rs_name last;
    unsigned known = frame->response.answer.count;
    (void)event;

    if (q->cache == NULL || (q->is_refresh && !frame->is_address)) {
        return rs_go(q, &rs_state_choose);
    }
    enum rs_found found =
        rs_lookup(q->cache, &question, q->now_s, q->arena, &frame->response, &last);
    if (is_circle(&frame->response.answer)) {
        return rs_fail_chain(q, "alias loop");
    }
    if (found != RS_FOUND_ANSWER && !pay_for_aliases(q, &frame->response.answer, known)) {
        return rs_fail_chain(q, "alias chain too long");
    }
    switch (found) {
    case RS_FOUND_NOTHING:
        return rs_go(q, &rs_state_choose);
    case RS_FOUND_ANSWER:
        return rs_go(q, &rs_state_finish);
    case RS_FOUND_FAILURE:
        frame->is_known_failure = true;
        frame->response.answer = (struct rs_rrsets){0};
        return rs_go(q, frame->is_address ? &rs_state_fail : &rs_state_finish);
    case RS_FOUND_ALIAS:
        if (frame->is_address) {
            return rs_go(q, &rs_state_fail); /* RFC2181-10.3: NS names are not aliases. */
        }
        frame->name = last;
        return rs_go(q, &rs_state_choose);
    }
    RT_UNREACHABLE("found outside enum rs_found");
}

/* ---- the end of a frame ---- */

static enum rs_next answer(struct rs_query *q, const struct rs_response *response)
{
    rs_ask_abandon_all(q);
    rs_effect(q, RS_FX_ANSWER);
    q->effects->response = response;
    return RS_DONE;
}

enum rs_next rs_run_finish(struct rs_query *q, const struct rs_event *event)
{
    (void)event;
    if (q->depth == 0) {
        return answer(q, &rs_top(q)->response);
    }
    rs_nsaddr_pop_found(q);
    return rs_go(q, &rs_state_servers);
}

/* Nothing but the rcode, a reason, and an alias chain that was the reason. */
static enum rs_next answer_failure(struct rs_query *q, uint32_t ttl_s)
{
    struct rs_response *response = &rs_top(q)->response;
    struct rs_rrsets chain = response->answer;

    *response = (struct rs_response){
        .rcode = RS_SERVFAIL,
        .flags = q->is_overloaded ? RS_ANSWER_UNCACHED : 0,
        .ttl_s_max = ttl_s,
        .ede = q->ede == RS_EDE_NONE ? RS_EDE_NO_REACHABLE_AUTHORITY : q->ede,
        .ede_text = q->ede_text,
    };
    if (q->keeps_chain) {
        response->answer = chain;
    }
    return answer(q, response);
}

/* The name that has failed. A bound of this query says nothing about the name that its chain has
 * come to: a stranger's alias may point at it after having spent the budget. It does about the name
 * that was asked. */
static const uint8_t *failed_name(const struct rs_query *q, const struct rs_frame *frame)
{
    bool is_bound = q->is_over || frame->is_unproven;
    return is_bound && !frame->is_address ? q->question.name.wire : frame->name.wire;
}

enum rs_next rs_run_fail(struct rs_query *q, const struct rs_event *event)
{
    (void)event;
    while (q->is_over && q->depth > 0) {
        rs_frame_pop(q); /* Only the client's question has failed for certain. */
    }
    struct rs_frame *frame = rs_top(q);
    uint32_t ttl_s = RS_FAILURE_TTL_S_MIN;
    bool is_proven = !frame->is_known_failure && !(frame->is_unproven && frame->is_address);
    if (is_proven && !q->is_overloaded) {
        ttl_s = rs_store_failure(q, failed_name(q, frame), frame->type,
                                 q->ede == RS_EDE_NONE ? RS_EDE_NO_REACHABLE_AUTHORITY : q->ede);
    }
    if (q->depth == 0) {
        return answer_failure(q, ttl_s);
    }
    rs_nsaddr_pop_failed(q);
    return rs_go(q, &rs_state_servers);
}
