/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* room: an arena for a fuzz target, as large as a query's, emptied before each input; and what must
 * hold for every set that a parser hands out. */

#include "resolver/message.h"

static struct rt_arena_pool *room_pool;

static inline void room_empty(struct rt_arena *arena)
{
    if (room_pool == NULL) {
        RT_CHECK(rt_arena_pool_open(&room_pool, 64, 8) == RT_OK);
        rt_arena_init(arena, room_pool, RS_QUERY_ARENA_BYTES);
    }
    rt_arena_reset(arena);
}

static inline void room_check_lower(const uint8_t *name)
{
    size_t size = rs_name_check(name, RS_NAME_BYTES_MAX);
    RT_CHECK(size > 0);
    for (size_t i = 0; i < size; i++) {
        RT_CHECK(name[i] < 'A' || name[i] > 'Z');
    }
}

/* Walks a packed run; it must hold exactly `count` records. */
static inline void room_check_run(const uint8_t *rdatas, uint32_t bytes, uint16_t count)
{
    struct rs_rdata rdata;
    unsigned seen = 0;
    uint32_t used = 0;
    for (bool is_more = rs_rdata_first(rdatas, bytes, &rdata); is_more;
         is_more = rs_rdata_next(rdatas, bytes, &rdata)) {
        seen++;
        used += 2u + rdata.size;
    }
    RT_CHECK(seen == count && used == bytes);
    RT_CHECK(count <= RS_RRS_PER_RRSET_MAX && bytes <= RS_RRSET_BYTES_MAX);
}

static inline void room_check_sets(const struct rs_rrsets *sets)
{
    unsigned count = 0;
    for (const struct rs_rrset *set = sets->first; set != NULL; set = set->next) {
        room_check_lower(set->owner);
        RT_CHECK(set->count > 0);
        room_check_run(set->rdatas, set->rdatas_bytes, set->count);
        room_check_run(set->sigs, set->sigs_bytes, set->sigs_count);
        RT_CHECK(set->ttl_s <= RS_TTL_S_WIRE_MAX);
        bool has_target = set->type == RS_NS || set->type == RS_CNAME || set->type == RS_PTR ||
                          set->type == RS_DNAME;
        RT_CHECK(has_target == (rs_rrset_target(set) != NULL));
        (void)rs_rrset_soa_minimum(set);
        count++;
    }
    RT_CHECK(count == sets->count && count <= RS_RRSETS_PER_MESSAGE_MAX);
}
