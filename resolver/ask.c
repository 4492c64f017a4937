/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/ask.h"

#include <string.h>

#include "runtime/base/clock.h"

/* Two flights called off, two asked, one answer: the rest may be missed. */
enum { EFFECTS_RESERVED = 6 };

_Static_assert(EFFECTS_RESERVED >= 2 * RS_FLIGHTS_MAX + 1, "what must not be lost has room");

static bool can_be_missed(enum rs_effect_kind kind)
{
    return kind == RS_FX_STORE || kind == RS_FX_LEARN;
}

struct rs_fx *rs_effect(struct rs_query *q, enum rs_effect_kind kind)
{
    unsigned room = RS_EFFECTS_PER_STEP_MAX - (can_be_missed(kind) ? EFFECTS_RESERVED : 0);
    if (q->effects->count >= room) {
        RT_CHECK(can_be_missed(kind));
        return NULL;
    }
    struct rs_fx *fx = &q->effects->items[q->effects->count++];
    *fx = (struct rs_fx){.kind = kind};
    return fx;
}

struct rs_flight *rs_ask_flight(struct rs_query *q, uint32_t attempt)
{
    for (unsigned i = 0; i < RS_FLIGHTS_MAX; i++) {
        if (q->flights[i].is_active && q->flights[i].attempt == attempt) {
            return &q->flights[i];
        }
    }
    return NULL;
}

bool rs_ask_is_waiting(const struct rs_query *q)
{
    return q->flights[0].is_active || q->flights[1].is_active;
}

void rs_ask_abandon_all(struct rs_query *q)
{
    for (unsigned i = 0; i < RS_FLIGHTS_MAX; i++) {
        if (q->flights[i].is_active) {
            q->flights[i].is_active = false;
            rs_effect(q, RS_FX_ABANDON)->attempt = q->flights[i].attempt;
        }
    }
}

/* The share of a zone in the search for addresses: what an attacker's delegation can make us send
 * to a victim's servers (NXNSAttack). */
static bool pay_for_address(struct rs_frame *frame)
{
    if (!frame->is_address) {
        return true;
    }
    if (frame->cut->address_asks >= RS_NS_PACKETS_PER_ZONE_MAX) {
        return false;
    }
    frame->cut->address_asks++;
    return true;
}

static uint32_t ms_left(const struct rs_query *q)
{
    return q->now_ns >= q->budget.deadline_ns
               ? 0
               : (uint32_t)((q->budget.deadline_ns - q->now_ns) / RT_NS_PER_MS);
}

static void fill(struct rs_query *q, const struct rs_pick *pick, struct rs_ask *ask)
{
    struct rs_frame *frame = rs_top(q);
    const struct rs_roster *roster = &frame->roster;
    bool is_forward = frame->cut->kind == RS_CUT_FORWARD;
    uint8_t flags = pick->only >= 0 ? roster->servers[pick->only].flags : 0;

    *ask = (struct rs_ask){
        .attempt = ++q->attempts,
        .type = frame->asked_type,
        .class = RS_IN,
        .name = frame->asked,
        .is_tcp = pick->is_tcp,
        .wants_recursion = rs_cut_recurses(frame->cut),
        .is_cd = is_forward && q->is_cd,
        .has_edns = q->config->use_edns && (flags & RS_TRY_NO_EDNS) == 0,
        .may_mix_case = q->config->mix_case,
        .wants_fresh_cookie = (flags & RS_TRY_COOKIE) != 0,
        .candidates_count = roster->count,
        .timeout_ms_max = ms_left(q),
        .excluded = pick->excluded,
    };
    ask->is_dnssec_ok = ask->has_edns && q->config->is_dnssec_wanted;
    for (unsigned i = 0; i < roster->count; i++) {
        ask->candidates[i] = roster->servers[i].addr;
    }
}

bool rs_ask_send(struct rs_query *q, const struct rs_pick *pick)
{
    unsigned slot = q->flights[0].is_active ? 1 : 0;
    RT_CHECK(!q->flights[slot].is_active);

    if (ms_left(q) == 0) {
        rs_query_give_up(q, RS_EDE_NO_REACHABLE_AUTHORITY, "no answer in time");
        return false;
    }
    if (!pay_for_address(rs_top(q))) {
        rs_top(q)->is_unproven = true;
        return false;
    }
    if (!rs_budget_packet(&q->budget)) {
        rs_query_give_up(q, RS_EDE_OTHER, "too many packets for one question");
        return false;
    }
    fill(q, pick, &q->asks[slot]);
    q->flights[slot] = (struct rs_flight){.is_active = true, .attempt = q->attempts};
    rs_effect(q, RS_FX_ASK)->ask = &q->asks[slot];
    return true;
}
