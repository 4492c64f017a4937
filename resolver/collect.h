/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* collect: the records of a message gathered into RRsets, in linear time.
 *
 * Records come one by one, in any order. Two hash tables tell the set of a record and whether it
 * is a duplicate; the end packs each set into one run of bytes and hangs the signatures onto what
 * they cover.
 *
 * Memory   Tables and records under way are the arena's too: they are small beside the message and
 *          die with it. Their hashes are keyed by where the arena lies, which no sender knows, so
 *          that nobody can steer them; the result does not depend on it. */

#include "resolver/rrset.h"
#include "resolver/wire.h"
#include "runtime/base/arena.h"
#include "runtime/base/siphash.h"

enum { RS_COLLECT_BLOCK = 64, RS_COLLECT_RECORDS_MAX = RS_MESSAGE_BYTES_MAX / 11 };

struct rs_collect {
    /* private */
    struct rs_wire *wire;
    struct rt_arena *arena;
    struct rt_siphash_key key;
    struct rs_group *groups;
    uint16_t *group_slots, *record_slots; /* index + 1; 0 is free */
    struct rs_collect_record *blocks[RS_COLLECT_RECORDS_MAX / RS_COLLECT_BLOCK + 1];
    uint32_t groups_count, groups_max, group_mask;
    uint32_t records_count, records_max, record_mask;

    /* The owner of the record under way. Where its bytes lie tells most repetitions at a glance;
     * 0 before the first. */
    uint32_t owner_place;
    uint8_t owner_size;
    uint8_t owner[RS_NAME_BYTES_MAX];
    const uint8_t *owner_kept; /* the arena's copy, once a set has needed it */
    uint64_t owner_hash;
};

struct rs_message;

/* `records_max`: at least as many as will be added. */
RT_MUST_USE rt_status rs_collect_init(struct rs_collect *collect, struct rs_wire *wire,
                                      uint32_t records_max, struct rt_arena *arena);

/* Reads the owner at the cursor; it belongs to the next add. */
RT_MUST_USE rt_status rs_collect_owner(struct rs_collect *collect);

RT_MUST_USE rt_status rs_collect_add(struct rs_collect *collect, enum rs_section section,
                                     const struct rs_wire_record *record);

/* Appends the sets to the message's lists, in the order in which their first record came. */
RT_MUST_USE rt_status rs_collect_finish(struct rs_collect *collect, uint16_t class,
                                        struct rs_message *out);
