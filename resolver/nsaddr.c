/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/nsaddr.h"

#include "resolver/roster.h"
#include "resolver/scrub.h"
#include "resolver/zonecut.h"

static bool add_set(struct rs_query *q, struct rs_frame *frame, unsigned ns,
                    const struct rs_rrset *set)
{
    struct rs_rdata rdata;
    struct rt_addr addr;
    bool is_any = false;

    for (bool more = rs_rdata_first(set->rdatas, set->rdatas_bytes, &rdata); more;
         more = rs_rdata_next(set->rdatas, set->rdatas_bytes, &rdata)) {
        if (rs_scrub_addr(set->type, &rdata, &addr) && rs_roster_add(q, frame, ns, &addr)) {
            is_any = true;
        }
    }
    return is_any;
}

static bool add_cached(struct rs_query *q, struct rs_frame *frame, unsigned ns, uint16_t type)
{
    struct rs_entry entry;
    const uint8_t *name = frame->cut->delegation.ns[ns].name;

    return q->cache != NULL &&
           rs_cache_get(q->cache, name, RS_SLOT_RECORDS, type, q->now_s, q->arena, &entry) ==
               RT_OK &&
           entry.kind == RS_KIND_RRSET && entry.sets.first != NULL &&
           add_set(q, frame, ns, entry.sets.first);
}

static bool add_glue(struct rs_query *q, struct rs_frame *frame, unsigned index,
                     const struct rs_ns *ns)
{
    bool is_any = false;
    for (unsigned i = 0; i < ns->addrs_count; i++) {
        is_any |= rs_roster_add(q, frame, index, &ns->addrs[i]);
    }
    return is_any;
}

bool rs_nsaddr_gather(struct rs_query *q)
{
    struct rs_frame *frame = rs_top(q);
    bool is_any = false;

    if (frame->roster.is_gathered || frame->cut->kind != RS_CUT_DELEGATION) {
        return false;
    }
    frame->roster.is_gathered = true;
    for (unsigned i = 0; i < frame->cut->delegation.ns_count; i++) {
        if (frame->roster.ns[i].has_glue) {
            continue;
        }
        bool has_v4 = q->config->use_ipv4 && add_cached(q, frame, i, RS_A);
        bool has_v6 = q->config->use_ipv6 && add_cached(q, frame, i, RS_AAAA);
        frame->roster.ns[i].asked_v4 |= has_v4;
        frame->roster.ns[i].asked_v6 |= has_v6;
        is_any |= has_v4 || has_v6;

        const struct rs_ns *ns = rs_zonecut_glue(q, frame->cut->delegation.ns[i].name);
        if (ns != NULL) {
            is_any |= add_glue(q, frame, i, ns);
        }
    }
    return is_any;
}

static void mark_asked(struct rs_ns_try *ns, uint16_t type)
{
    *(type == RS_A ? &ns->asked_v4 : &ns->asked_v6) = true;
}

/* A name server without any address is a failure; too many of them are an attack. */
static void count_failure(struct rs_query *q, struct rs_ns_try *ns)
{
    bool is_exhausted =
        (ns->asked_v4 || !q->config->use_ipv4) && (ns->asked_v6 || !q->config->use_ipv6);
    ns->is_done |= is_exhausted;
    if (ns->is_done && !ns->has_addr) {
        (void)rs_budget_ns_failure(&q->budget); /* Looked at before the next lookup. */
    }
}

bool rs_nsaddr_push(struct rs_query *q)
{
    struct rs_frame *frame = rs_top(q), *above;
    unsigned ns;
    uint16_t type;

    while (!q->is_over && rs_roster_next_ns(q, frame, &ns, &type)) {
        if (q->budget.ns_failures == 0 || q->depth == RS_DEPTH_MAX) {
            frame->is_unproven = true;
            return false;
        }
        const uint8_t *name = frame->cut->delegation.ns[ns].name;
        mark_asked(&frame->roster.ns[ns], type);
        if (!rs_budget_subquery(&q->budget)) {
            frame->is_unproven = true;
            return false;
        }
        above = rs_frame_push(q, name, type);
        if (above == NULL) {
            frame->roster.ns[ns].is_done = true; /* A circle: it waits for itself. */
            frame->is_unproven = true;
            continue;
        }
        above->ns = (uint8_t)ns;
        if (rs_name_is_under(name, frame->cut->zone)) {
            above->labels_max = frame->cut->zone_labels - 1; /* Missing glue: ask the parent. */
        }
        return true;
    }
    return false;
}

void rs_nsaddr_pop_found(struct rs_query *q)
{
    struct rs_frame *above = rs_top(q), *frame = q->frames[q->depth - 1];
    struct rs_ns_try *ns = &frame->roster.ns[above->ns];
    const struct rs_rrset *set =
        rs_rrsets_find(&above->response.answer, above->name.wire, above->type);

    if (set == NULL || !add_set(q, frame, above->ns, set)) {
        ns->is_done |= above->response.rcode == RS_NXDOMAIN;
        count_failure(q, ns);
    }
    rs_frame_pop(q);
}

void rs_nsaddr_pop_failed(struct rs_query *q)
{
    struct rs_frame *above = rs_top(q), *frame = q->frames[q->depth - 1];
    struct rs_ns_try *ns = &frame->roster.ns[above->ns];

    ns->is_done = true; /* What could not say A will not say AAAA. */
    frame->is_unproven |= above->is_unproven;
    count_failure(q, ns);
    rs_frame_pop(q);
}

bool rs_nsaddr_pop_glue(struct rs_query *q, const struct rs_delegation *delegation)
{
    struct rs_frame *above = rs_top(q), *frame;
    if (!above->is_address) {
        return false;
    }
    frame = q->frames[q->depth - 1];
    struct rs_ns_try *ns = &frame->roster.ns[above->ns];
    for (unsigned i = 0; i < delegation->ns_count && !ns->has_addr; i++) {
        if (rs_name_equal(delegation->ns[i].name, above->name.wire) &&
            add_glue(q, frame, above->ns, &delegation->ns[i])) {
            /* Should it not help, the lookup is taken up again from here. */
            ns->asked_v4 &= above->type != RS_A;
            ns->asked_v6 &= above->type != RS_AAAA;
            rs_frame_pop(q);
            return true;
        }
    }
    return false;
}
