/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/collect.h"

#include <string.h>

#include "resolver/message.h"
#include "resolver/rdata.h"

/* Records of one kind in one set, chained by index + 1; 0 ends. */
struct chain {
    uint16_t first, last, count;
    uint32_t bytes;
};

struct rs_group {
    const uint8_t *owner;
    uint64_t owner_hash;
    uint32_t ttl_s;
    uint16_t type;
    uint8_t section;
    uint8_t owner_size;
    struct chain records, sigs;
};

struct rs_collect_record {
    const uint8_t *data; /* in the message, or in the arena when names had to be unpacked */
    uint16_t size, next;
    uint16_t chain; /* group index * 2 + 1 for signatures */
    uint16_t tag;   /* some bits of its hash */
};

_Static_assert(RS_RRSETS_PER_MESSAGE_MAX * 2 <= UINT16_MAX, "a chain's number fits");
_Static_assert(RS_COLLECT_RECORDS_MAX < UINT16_MAX, "an index and its successor fit");

/* A power of two that leaves a fifth of the slots free for `count` entries. */
static uint32_t slots_for(uint32_t count)
{
    uint32_t slots = 16;
    while (slots < count + count / 4 + 1) {
        slots *= 2;
    }
    return slots;
}

rt_status rs_collect_init(struct rs_collect *collect, struct rs_wire *wire, uint32_t records_max,
                          struct rt_arena *arena)
{
    RT_CHECK(records_max <= RS_COLLECT_RECORDS_MAX);
    uint32_t groups_max =
        records_max < RS_RRSETS_PER_MESSAGE_MAX ? records_max : RS_RRSETS_PER_MESSAGE_MAX;
    /* Twice: an orphaned signature's group may be entered under a second key. */
    uint32_t group_slots = slots_for(2 * groups_max), record_slots = slots_for(records_max);

    *collect = (struct rs_collect){
        .wire = wire,
        .arena = arena,
        .groups = rt_arena_alloc(arena, groups_max * sizeof(struct rs_group)),
        .group_slots = rt_arena_alloc(arena, group_slots * sizeof(uint16_t)),
        .record_slots = rt_arena_alloc(arena, record_slots * sizeof(uint16_t)),
        .groups_max = groups_max,
        .group_mask = group_slots - 1,
        .records_max = records_max,
        .record_mask = record_slots - 1,
    };
    if (collect->groups == NULL || collect->group_slots == NULL || collect->record_slots == NULL) {
        return RT_NO_MEMORY;
    }
    memcpy(collect->key.bytes, &collect->groups, sizeof(collect->groups));
    memcpy(collect->key.bytes + 8, &wire->data, sizeof(wire->data));
    return RT_OK;
}

rt_status rs_collect_owner(struct rs_collect *collect)
{
    struct rs_wire *wire = collect->wire;
    uint32_t place = rs_wire_name_place(wire);

    /* A pointer to the name that was read last: no need to read it again. */
    if (place == collect->owner_place && place != 0) {
        rs_wire_skip_name(wire);
        return RT_OK;
    }
    collect->owner_size = rs_wire_name(wire, wire->size, collect->owner);
    if (collect->owner_size == 0) {
        return RT_MALFORMED;
    }
    rs_name_lower(collect->owner);
    collect->owner_place = place;
    collect->owner_kept = NULL;
    collect->owner_hash = rt_siphash(&collect->key, collect->owner, collect->owner_size);
    return RT_OK;
}

/* The key of a set: its parts spread over all bits. */
static uint64_t group_hash(uint64_t owner_hash, uint8_t section, uint16_t type)
{
    uint64_t mixed = owner_hash ^ (((uint64_t)section << 16 | type) * UINT64_C(0x9e3779b97f4a7c15));
    return mixed ^ mixed >> 32;
}

static bool is_group(const struct rs_group *group, const struct rs_group *wanted)
{
    return group->owner_hash == wanted->owner_hash && group->type == wanted->type &&
           group->section == wanted->section && group->owner_size == wanted->owner_size &&
           memcmp(group->owner, wanted->owner, wanted->owner_size) == 0;
}

/* The slot of the group like `wanted`, or the free slot where it belongs. */
static uint16_t *group_slot(const struct rs_collect *collect, const struct rs_group *wanted)
{
    uint32_t at = (uint32_t)group_hash(wanted->owner_hash, wanted->section, wanted->type);
    for (;; at++) {
        uint16_t *slot = &collect->group_slots[at & collect->group_mask];
        if (*slot == 0 || is_group(&collect->groups[*slot - 1], wanted)) {
            return slot; /* There are free slots: the table is larger than its content. */
        }
    }
}

/* The group of the current owner, made when it is new. */
static rt_status find_group(struct rs_collect *collect, enum rs_section section, uint16_t type,
                            struct rs_group **out)
{
    struct rs_group wanted = {
        .owner = collect->owner_kept != NULL ? collect->owner_kept : collect->owner,
        .owner_hash = collect->owner_hash,
        .owner_size = collect->owner_size,
        .section = (uint8_t)section,
        .type = type,
        .ttl_s = UINT32_MAX,
    };
    uint16_t *slot = group_slot(collect, &wanted);
    if (*slot == 0) {
        if (collect->groups_count == collect->groups_max) {
            return RT_MALFORMED;
        }
        if (collect->owner_kept == NULL) {
            wanted.owner = rt_arena_copy(collect->arena, collect->owner, collect->owner_size);
            if (wanted.owner == NULL) {
                return RT_NO_MEMORY;
            }
        }
        collect->groups[collect->groups_count++] = wanted;
        *slot = (uint16_t)collect->groups_count;
    }
    *out = &collect->groups[*slot - 1];
    collect->owner_kept = (*out)->owner;
    return RT_OK;
}

static struct rs_collect_record *record_of(const struct rs_collect *collect, uint32_t number)
{
    uint32_t index = number - 1;
    return &collect->blocks[index / RS_COLLECT_BLOCK][index % RS_COLLECT_BLOCK];
}

/* Bytes of the record under way and the chain it belongs to. */
struct incoming {
    const uint8_t *data;
    uint16_t size, chain, tag;
    bool is_scratch; /* `data` must be copied to be kept */
};

/* The slot of an equal record in the same chain, or the free slot for this one. */
static uint16_t *record_slot(const struct rs_collect *collect, struct incoming *in)
{
    uint64_t hash =
        rt_siphash(&collect->key, in->data, in->size) + in->chain * UINT64_C(0x9e3779b1);
    in->tag = (uint16_t)(hash >> 48);
    for (uint32_t at = (uint32_t)hash;; at++) {
        uint16_t *slot = &collect->record_slots[at & collect->record_mask];
        if (*slot == 0) {
            return slot;
        }
        const struct rs_collect_record *record = record_of(collect, *slot);
        if (record->tag == in->tag && record->chain == in->chain && record->size == in->size &&
            memcmp(record->data, in->data, in->size) == 0) {
            return slot;
        }
    }
}

/* A new record; its number, 0 when the arena is exhausted. */
static uint16_t keep_record(struct rs_collect *collect, const struct incoming *in)
{
    RT_CHECK(collect->records_count < collect->records_max);
    uint32_t index = collect->records_count;
    struct rs_collect_record **block = &collect->blocks[index / RS_COLLECT_BLOCK];
    if (*block == NULL) {
        uint32_t left = collect->records_max - index;
        uint32_t count = left < RS_COLLECT_BLOCK ? left : RS_COLLECT_BLOCK;
        *block = rt_arena_alloc(collect->arena, count * sizeof(**block));
    }
    const uint8_t *data =
        in->is_scratch ? rt_arena_copy(collect->arena, in->data, in->size) : in->data;
    if (*block == NULL || data == NULL) {
        return 0;
    }
    (*block)[index % RS_COLLECT_BLOCK] = (struct rs_collect_record){
        .data = data, .size = in->size, .chain = in->chain, .tag = in->tag};
    collect->records_count++;
    return (uint16_t)(index + 1);
}

/* Appends records `first` to `last`; RT_MALFORMED when the set would be over its bounds. */
static rt_status chain_append(struct rs_collect *collect, struct chain *chain,
                              const struct chain *more)
{
    if (chain->count + more->count > RS_RRS_PER_RRSET_MAX ||
        chain->bytes + more->bytes > RS_RRSET_BYTES_MAX) {
        return RT_MALFORMED;
    }
    if (chain->first == 0) {
        chain->first = more->first;
    } else {
        record_of(collect, chain->last)->next = more->first;
    }
    chain->last = more->last;
    chain->count = (uint16_t)(chain->count + more->count);
    chain->bytes += more->bytes;
    return RT_OK;
}

/* Checks the RDATA and unpacks its names. */
static rt_status take_rdata(struct rs_collect *collect, const struct rs_wire_record *record,
                            uint8_t scratch[RS_RDATA_UNPACKED_BYTES_MAX], struct incoming *out)
{
    const uint8_t *data = collect->wire->data + record->rdata_at;
    const int8_t *layout = rs_rdata_layout(record->type);

    *out = (struct incoming){.data = data, .size = record->rdata_size};
    if (layout == NULL) {
        return RT_OK; /* RFC3597-3: unknown types are opaque. */
    }
    if (!rs_rdata_is_packed(layout)) {
        return rs_rdata_is_valid(layout, data, record->rdata_size) ? RT_OK : RT_MALFORMED;
    }
    int32_t size = rs_rdata_unpack(collect->wire, record, layout, scratch);
    if (size < 0) {
        return RT_MALFORMED;
    }
    *out = (struct incoming){.data = scratch, .size = (uint16_t)size, .is_scratch = true};
    return RT_OK;
}

/* RFC8767-4 (amends RFC2181-8): a TTL with the top bit set is huge, not zero; all are capped. */
static uint32_t accept_ttl(uint32_t ttl)
{
    return ttl < RS_TTL_S_WIRE_MAX ? ttl : RS_TTL_S_WIRE_MAX;
}

rt_status rs_collect_add(struct rs_collect *collect, enum rs_section section,
                         const struct rs_wire_record *record)
{
    uint8_t scratch[RS_RDATA_UNPACKED_BYTES_MAX];
    struct incoming in;
    rt_status status = take_rdata(collect, record, scratch, &in);
    if (status != RT_OK) {
        return status;
    }

    /* RFC4034-3: a signature belongs to the set that its first field names. */
    bool is_sig = record->type == RS_RRSIG;
    struct rs_group *group;
    status = find_group(collect, section, is_sig ? rs_get_u16(in.data) : record->type, &group);
    if (status != RT_OK) {
        return status;
    }
    /* RFC2181-5.2: unequal TTLs in one set are an error; the least is taken. */
    uint32_t ttl_s = accept_ttl(record->ttl);
    group->ttl_s = ttl_s < group->ttl_s ? ttl_s : group->ttl_s;

    in.chain = (uint16_t)((group - collect->groups) * 2 + (is_sig ? 1 : 0));
    uint16_t *slot = record_slot(collect, &in);
    if (*slot != 0) {
        return RT_OK; /* RFC2181-5: a set holds no duplicates. */
    }
    uint16_t number = keep_record(collect, &in);
    if (number == 0) {
        return RT_NO_MEMORY;
    }
    *slot = number;
    struct chain one = {.first = number, .last = number, .count = 1, .bytes = 2u + in.size};
    return chain_append(collect, is_sig ? &group->sigs : &group->records, &one);
}

/* Signatures whose set did not come become a set of type RRSIG, one for each owner. */
static rt_status adopt_orphans(struct rs_collect *collect, struct rs_group *group)
{
    struct rs_group *home = group;
    if (group->type != RS_RRSIG) {
        struct rs_group wanted = *group;
        wanted.type = RS_RRSIG;
        uint16_t *slot = group_slot(collect, &wanted);
        if (*slot == 0) {
            group->type = RS_RRSIG;
            *slot = (uint16_t)(group - collect->groups + 1);
        }
        home = &collect->groups[*slot - 1];
    }
    struct chain sigs = group->sigs;
    group->sigs = (struct chain){.first = 0};
    home->ttl_s = group->ttl_s < home->ttl_s ? group->ttl_s : home->ttl_s;
    return chain_append(collect, &home->records, &sigs);
}

/* One run of (size, bytes); NULL when the arena is exhausted. */
static const uint8_t *pack_chain(struct rs_collect *collect, const struct chain *chain)
{
    uint8_t *run = rt_arena_alloc(collect->arena, chain->bytes);
    uint8_t *at = run;
    for (uint16_t number = chain->first; run != NULL && number != 0;) {
        const struct rs_collect_record *record = record_of(collect, number);
        memcpy(at, &record->size, sizeof(record->size));
        memcpy(at + sizeof(record->size), record->data, record->size);
        at += sizeof(record->size) + record->size;
        number = record->next;
    }
    return run;
}

static struct rs_rrset *make_set(struct rs_collect *collect, const struct rs_group *group,
                                 uint16_t class)
{
    struct rs_rrset *set = rt_arena_alloc(collect->arena, sizeof(*set));
    if (set == NULL) {
        return NULL;
    }
    *set = (struct rs_rrset){
        .owner = group->owner,
        .type = group->type,
        .class = class,
        .ttl_s = group->ttl_s,
        .count = group->records.count,
        .section = group->section,
        .rdatas_bytes = group->records.bytes,
        .rdatas = pack_chain(collect, &group->records),
        .sigs_count = group->sigs.count,
        .sigs_bytes = group->sigs.bytes,
        .sigs = group->sigs.count > 0 ? pack_chain(collect, &group->sigs) : NULL,
    };
    bool is_whole = set->rdatas != NULL && (set->sigs_count == 0 || set->sigs != NULL);
    return is_whole ? set : NULL;
}

rt_status rs_collect_finish(struct rs_collect *collect, uint16_t class, struct rs_message *out)
{
    struct rs_rrsets *const lists[] = {
        [RS_SECTION_ANSWER] = &out->answer,
        [RS_SECTION_AUTHORITY] = &out->authority,
        [RS_SECTION_ADDITIONAL] = &out->additional,
    };

    for (uint32_t i = 0; i < collect->groups_count; i++) {
        struct rs_group *group = &collect->groups[i];
        bool is_orphaned = group->records.count == 0 || group->type == RS_RRSIG;
        if (is_orphaned && group->sigs.count > 0) {
            rt_status status = adopt_orphans(collect, group);
            if (status != RT_OK) {
                return status;
            }
        }
    }
    for (uint32_t i = 0; i < collect->groups_count; i++) {
        const struct rs_group *group = &collect->groups[i];
        if (group->records.count == 0) {
            continue; /* Its signatures have moved. */
        }
        struct rs_rrset *set = make_set(collect, group, class);
        if (set == NULL) {
            return RT_NO_MEMORY;
        }
        rs_rrsets_append(lists[group->section], set);
    }
    return RT_OK;
}
