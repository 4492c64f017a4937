/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/zonecut.h"

static struct rs_cut *new_cut(struct rs_query *q, enum rs_cut_kind kind, const uint8_t *zone,
                              uint64_t expires_s)
{
    struct rs_cut *cut = rt_arena_alloc(q->arena, sizeof(*cut));
    if (cut == NULL) {
        return NULL;
    }
    cut->kind = kind;
    cut->zone = zone;
    cut->zone_labels = rs_name_labels(zone);
    cut->expires_s = expires_s;
    cut->next = q->cuts;
    q->cuts = cut;
    return cut;
}

/* The newest first: what the query learnt last is what it knows best. */
static struct rs_cut *own_cut(const struct rs_query *q, const uint8_t *zone)
{
    for (struct rs_cut *cut = q->cuts; cut != NULL; cut = cut->next) {
        if (cut->kind != RS_CUT_FORWARD && rs_name_equal(cut->zone, zone)) {
            return cut;
        }
    }
    return NULL;
}

/* What was spent on the zone stays spent, however often it is delegated. */
struct rs_cut *rs_zonecut_learn(struct rs_query *q, const struct rs_delegation *delegation,
                                uint64_t expires_s)
{
    const struct rs_cut *known = own_cut(q, delegation->zone);
    struct rs_cut *cut = new_cut(q, RS_CUT_DELEGATION, delegation->zone, expires_s);
    if (cut != NULL) {
        cut->delegation = *delegation;
        cut->address_asks = known != NULL ? known->address_asks : 0;
    }
    return cut;
}

struct rs_cut *rs_zonecut_forward(struct rs_query *q, const struct rs_forward *forward)
{
    for (struct rs_cut *cut = q->cuts; cut != NULL; cut = cut->next) {
        if (cut->kind == RS_CUT_FORWARD && cut->forward == forward) {
            return cut;
        }
    }
    struct rs_cut *cut = new_cut(q, RS_CUT_FORWARD, forward->name.wire, UINT64_MAX);
    if (cut != NULL) {
        cut->forward = forward;
    }
    return cut;
}

/* A delegation must come from somewhere above; the cache reader guarantees the rest. */
static struct rs_cut *cached_cut(struct rs_query *q, const uint8_t *zone)
{
    struct rs_entry entry;
    if (q->cache == NULL || rs_name_is_root(zone) ||
        rs_cache_get(q->cache, zone, RS_SLOT_DELEGATION, 0, q->now_s, q->arena, &entry) != RT_OK ||
        entry.kind != RS_KIND_DELEGATION || entry.delegation.ns_count == 0) {
        return NULL;
    }
    const uint8_t *copy = rt_arena_copy(q->arena, zone, rs_name_size(zone));
    if (copy == NULL) {
        return NULL;
    }
    entry.delegation.zone = copy;
    return rs_zonecut_learn(q, &entry.delegation, q->now_s + entry.ttl_s);
}

struct rs_cut *rs_zonecut_find(struct rs_query *q, const uint8_t *name, unsigned labels_max)
{
    static const uint8_t root[1];
    unsigned labels = rs_name_labels(name);
    const uint8_t *zone = labels > labels_max ? rs_name_parent(name, labels - labels_max) : name;

    for (;; zone = rs_name_parent(zone, 1)) {
        struct rs_cut *cut = own_cut(q, zone);
        if (cut == NULL) {
            cut = cached_cut(q, zone);
        }
        if (cut != NULL) {
            return cut;
        }
        if (rs_name_is_root(zone)) {
            return new_cut(q, RS_CUT_HINTS, root, UINT64_MAX);
        }
    }
}

static const struct rs_ns *glue_in(const struct rs_delegation *delegation, const uint8_t *name)
{
    for (unsigned i = 0; i < delegation->ns_count; i++) {
        const struct rs_ns *ns = &delegation->ns[i];
        if (ns->addrs_count > 0 && rs_name_equal(ns->name, name)) {
            return ns;
        }
    }
    return NULL;
}

const struct rs_ns *rs_zonecut_glue(struct rs_query *q, const uint8_t *name)
{
    for (const uint8_t *zone = name; !rs_name_is_root(zone); zone = rs_name_parent(zone, 1)) {
        struct rs_cut *cut = own_cut(q, zone);
        if (cut == NULL) {
            cut = cached_cut(q, zone);
        }
        if (cut != NULL && cut->kind == RS_CUT_DELEGATION) {
            const struct rs_ns *ns = glue_in(&cut->delegation, name);
            if (ns != NULL) {
                return ns;
            }
        }
    }
    return NULL;
}
