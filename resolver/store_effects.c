/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/store_effects.h"

#include "resolver/ask.h"

_Static_assert(RS_FAILURE_TTL_S_MIN >= 1 && RS_FAILURE_TTL_S_MAX <= 300, "RFC9520-3.2");

static uint32_t clamp(uint32_t value, uint32_t least, uint32_t most)
{
    value = value < least ? least : value;
    return value > most ? most : value;
}

static uint32_t accept(const struct rs_config *config, uint32_t ttl_s, uint32_t most)
{
    if (ttl_s == 0 && config->ttl_s_min <= RS_TTL_S_MIN) {
        return 0;
    }
    return clamp(ttl_s, config->ttl_s_min, most);
}

uint32_t rs_ttl_accept(const struct rs_config *config, uint32_t ttl_s)
{
    return accept(config, ttl_s, config->ttl_s_max);
}

uint32_t rs_ttl_negative(const struct rs_config *config, const struct rs_rrset *soa)
{
    if (soa == NULL) {
        return 0;
    }
    uint32_t minimum = rs_rrset_soa_minimum(soa);
    uint32_t most = config->negative_ttl_s_max < config->ttl_s_max ? config->negative_ttl_s_max
                                                                   : config->ttl_s_max;
    return accept(config, soa->ttl_s < minimum ? soa->ttl_s : minimum, most);
}

/* The effect and its zeroed entry; NULL when there is no cache, no room or no memory: storing may
 * always be left out. */
static struct rs_entry *store(struct rs_query *q, const uint8_t *name, enum rs_slot slot,
                              uint16_t type, uint32_t ttl_s)
{
    struct rs_entry *entry;
    if (q->cache == NULL || ttl_s == 0) {
        return NULL;
    }
    entry = rt_arena_alloc(q->arena, sizeof(*entry));
    struct rs_fx *fx = entry != NULL ? rs_effect(q, RS_FX_STORE) : NULL;
    if (fx == NULL) {
        return NULL;
    }
    rs_key_make(&fx->key, name, slot, type);
    fx->entry = entry;
    entry->ttl_s = ttl_s;
    entry->made_s = q->now_s;
    entry->security = RS_UNCHECKED;
    return entry;
}

/* A list of its own for the entry: sets stand in one list at a time. */
static void copy_sets(struct rs_query *q, const struct rs_rrsets *sets, struct rs_rrsets *out)
{
    for (const struct rs_rrset *set = sets->first; set != NULL; set = set->next) {
        struct rs_rrset *copy = rs_rrset_share(q->arena, set);
        if (copy == NULL) {
            return;
        }
        rs_rrsets_append(out, copy);
    }
}

void rs_store_rrset(struct rs_query *q, const struct rs_rrset *set, const uint8_t *origin)
{
    if (set->is_synthesized || rs_type_is_meta(set->type)) {
        return;
    }
    struct rs_entry *entry = store(q, set->owner, RS_SLOT_RECORDS, set->type, set->ttl_s);
    struct rs_rrset *copy = entry != NULL ? rs_rrset_share(q->arena, set) : NULL;
    if (entry == NULL) {
        return;
    }
    if (copy == NULL) {
        q->effects->count--; /* No memory for its content: it is not stored. */
        return;
    }
    entry->kind = RS_KIND_RRSET;
    entry->rank = set->rank;
    entry->origin = origin;
    rs_rrsets_append(&entry->sets, copy);
}

void rs_store_denial(struct rs_query *q, const uint8_t *name, uint16_t type, uint16_t rcode,
                     uint32_t ttl_s, bool is_authoritative, const struct rs_rrsets *sets,
                     const uint8_t *origin)
{
    bool is_nxdomain = rcode == RS_NXDOMAIN;
    if (rs_type_is_meta(type)) {
        return;
    }
    struct rs_entry *entry = store(q, name, is_nxdomain ? RS_SLOT_NXDOMAIN : RS_SLOT_RECORDS,
                                   is_nxdomain ? 0 : type, ttl_s);
    if (entry == NULL) {
        return;
    }
    entry->kind = is_nxdomain ? RS_KIND_NXDOMAIN : RS_KIND_NODATA;
    entry->rank = is_authoritative ? RS_RANK_AUTHORITY : RS_RANK_ANSWER;
    entry->origin = origin;
    copy_sets(q, sets, &entry->sets);
}

void rs_store_delegation(struct rs_query *q, const struct rs_delegation *delegation,
                         const struct rs_rrsets *ds, uint32_t ttl_s, const uint8_t *origin)
{
    struct rs_entry *entry = store(q, delegation->zone, RS_SLOT_DELEGATION, 0, ttl_s);
    if (entry == NULL) {
        return;
    }
    entry->kind = RS_KIND_DELEGATION;
    entry->rank = RS_RANK_REFERRAL;
    entry->origin = origin;
    entry->delegation = *delegation;
    copy_sets(q, ds, &entry->sets);
}

uint32_t rs_store_failure(struct rs_query *q, const uint8_t *name, uint16_t type, int ede)
{
    struct rs_entry *entry = store(q, name, RS_SLOT_FAILURE, type, RS_FAILURE_TTL_S_MIN);
    if (entry != NULL) {
        entry->kind = RS_KIND_FAILURE;
        entry->origin = name; /* Nobody said so: every entry names somebody. */
        entry->failure = (struct rs_failure){
            .ede = (uint16_t)(ede == RS_EDE_NONE ? RS_EDE_OTHER : ede), .times = 1};
    }
    return RS_FAILURE_TTL_S_MIN;
}
