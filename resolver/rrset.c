/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/rrset.h"

#include <string.h>

enum { SIZE_BYTES = 2, SOA_NUMBERS_BYTES = 20 };

void rs_rrsets_append(struct rs_rrsets *list, struct rs_rrset *set)
{
    RT_CHECK(set->next == NULL && list->last != set);
    if (list->last != NULL) {
        list->last->next = set;
    } else {
        list->first = set;
    }
    list->last = set;
    list->count++;
}

struct rs_rrset *rs_rrsets_find(const struct rs_rrsets *list, const uint8_t *owner, uint16_t type)
{
    for (struct rs_rrset *set = list->first; set != NULL; set = set->next) {
        if (set->type == type && rs_name_equal(set->owner, owner)) {
            return set;
        }
    }
    return NULL;
}

/* The record that starts at `at`, if it is whole. */
static bool rdata_at(const uint8_t *rdatas, uint32_t bytes, uint32_t at, uint16_t index,
                     struct rs_rdata *out)
{
    uint16_t size;
    if (bytes < SIZE_BYTES || at > bytes - SIZE_BYTES) {
        return false;
    }
    memcpy(&size, rdatas + at, SIZE_BYTES);
    if (size > bytes - SIZE_BYTES - at) {
        return false;
    }
    *out = (struct rs_rdata){.data = rdatas + at + SIZE_BYTES, .size = size, .index = index};
    return true;
}

bool rs_rdata_first(const uint8_t *rdatas, uint32_t bytes, struct rs_rdata *out)
{
    return rdata_at(rdatas, bytes, 0, 0, out);
}

bool rs_rdata_next(const uint8_t *rdatas, uint32_t bytes, struct rs_rdata *at)
{
    uint32_t next = (uint32_t)(at->data - rdatas) + at->size;
    return rdata_at(rdatas, bytes, next, (uint16_t)(at->index + 1), at);
}

struct rs_rrset *rs_rrset_new(struct rt_arena *arena, const uint8_t *owner, uint16_t type,
                              uint32_t ttl_s, const void *rdata, uint16_t rdata_size)
{
    struct rs_rrset *set = rt_arena_alloc(arena, sizeof(*set));
    uint8_t *name = rt_arena_copy(arena, owner, rs_name_size(owner));
    uint8_t *packed = rt_arena_alloc(arena, SIZE_BYTES + (size_t)rdata_size);
    if (set == NULL || name == NULL || packed == NULL) {
        return NULL; /* What was taken goes with the arena. */
    }

    rs_name_lower(name);
    memcpy(packed, &rdata_size, SIZE_BYTES);
    if (rdata_size > 0) {
        memcpy(packed + SIZE_BYTES, rdata, rdata_size);
    }
    *set = (struct rs_rrset){
        .owner = name,
        .type = type,
        .class = RS_IN,
        .ttl_s = ttl_s,
        .count = 1,
        .rdatas = packed,
        .rdatas_bytes = SIZE_BYTES + (uint32_t)rdata_size,
    };
    return set;
}

struct rs_rrset *rs_rrset_share(struct rt_arena *arena, const struct rs_rrset *set)
{
    struct rs_rrset *copy = rt_arena_copy(arena, set, sizeof(*set));
    if (copy != NULL) {
        copy->next = NULL;
    }
    return copy;
}

const uint8_t *rs_rrset_target(const struct rs_rrset *set)
{
    struct rs_rdata first;
    bool has_target =
        set->type == RS_CNAME || set->type == RS_DNAME || set->type == RS_NS || set->type == RS_PTR;

    if (!has_target || !rs_rdata_first(set->rdatas, set->rdatas_bytes, &first) ||
        rs_name_check(first.data, first.size) != first.size || first.size == 0) {
        return NULL;
    }
    return first.data;
}

uint32_t rs_rrset_soa_minimum(const struct rs_rrset *set)
{
    struct rs_rdata soa;
    if (set->type != RS_SOA || !rs_rdata_first(set->rdatas, set->rdatas_bytes, &soa)) {
        return 0;
    }
    size_t mname = rs_name_check(soa.data, soa.size);
    size_t rname = mname > 0 ? rs_name_check(soa.data + mname, soa.size - mname) : 0;
    if (rname == 0 || mname + rname + SOA_NUMBERS_BYTES != soa.size) {
        return 0;
    }
    const uint8_t *minimum = soa.data + soa.size - 4;
    return (uint32_t)minimum[0] << 24 | (uint32_t)minimum[1] << 16 | (uint32_t)minimum[2] << 8 |
           minimum[3];
}
