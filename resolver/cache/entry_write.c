/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/entry.h"

#include "resolver/cache/entry_format.h"
#include "resolver/limits.h"

/* A cursor whose error sticks: what does not fit makes the whole entry RT_FULL at the end. */
struct writer {
    uint8_t *at, *end;
    bool is_full;
};

static uint8_t *take(struct writer *to, size_t size)
{
    if (to->is_full || (size_t)(to->end - to->at) < size) {
        to->is_full = true;
        return NULL;
    }
    uint8_t *room = to->at;
    to->at += size;
    return room;
}

static void put_bytes(struct writer *to, const void *bytes, size_t size)
{
    uint8_t *room = take(to, size);
    if (room != NULL && size > 0) {
        memcpy(room, bytes, size);
    }
}

static void put8(struct writer *to, uint8_t value)
{
    put_bytes(to, &value, 1);
}

static void put16(struct writer *to, uint16_t value)
{
    uint8_t *room = take(to, 2);
    if (room != NULL) {
        entry_put16(room, value);
    }
}

static void put32(struct writer *to, uint32_t value)
{
    uint8_t *room = take(to, 4);
    if (room != NULL) {
        entry_put32(room, value);
    }
}

static void put_name(struct writer *to, const uint8_t *name)
{
    put_bytes(to, name, rs_name_size(name));
}

/* Records with their sizes in file order, whatever the host's order is. */
static void put_records(struct writer *to, const uint8_t *records, uint32_t bytes)
{
    struct rs_rdata record;
    for (bool more = rs_rdata_first(records, bytes, &record); more;
         more = rs_rdata_next(records, bytes, &record)) {
        put16(to, record.size);
        put_bytes(to, record.data, record.size);
    }
}

static void put_server(struct writer *to, const struct rs_ns *ns)
{
    RT_CHECK(ns->addrs_count <= RS_GLUE_PER_NS_MAX);
    put_name(to, ns->name);
    put8(to, ns->addrs_count);
    for (unsigned i = 0; i < ns->addrs_count; i++) {
        const struct rt_addr *addr = &ns->addrs[i];
        put8(to, addr->family);
        put16(to, addr->port);
        put_bytes(to, addr->ip, addr->family == 4 ? 4 : 16);
    }
}

static enum entry_owner owner_place(const struct rs_entry *entry, const struct rs_rrset *set)
{
    if (entry->kind == RS_KIND_RRSET) {
        return ENTRY_OWNER_KEY;
    }
    if (entry->kind == RS_KIND_DELEGATION && rs_name_equal(set->owner, entry->delegation.zone)) {
        return ENTRY_OWNER_KEY;
    }
    return rs_name_equal(set->owner, entry->origin) ? ENTRY_OWNER_ORIGIN : ENTRY_OWNER_INLINE;
}

static void put_set(struct writer *to, const struct rs_entry *entry, const struct rs_rrset *set)
{
    enum entry_owner place = owner_place(entry, set);
    if (set->count > RS_RRS_PER_RRSET_MAX || set->sigs_count > RS_RRS_PER_RRSET_MAX ||
        set->rdatas_bytes > RS_RRSET_BYTES_MAX || set->sigs_bytes > RS_RRSET_BYTES_MAX) {
        to->is_full = true; /* CVE-2024-1737: not worth caching */
        return;
    }
    put8(to, (uint8_t)place);
    put8(to, set->section);
    put8(to, set->rank);
    put8(to, set->security);
    put16(to, set->type);
    put16(to, set->count);
    put16(to, set->sigs_count);
    put32(to, set->ttl_s > ENTRY_TTL_S_MAX ? ENTRY_TTL_S_MAX : set->ttl_s);
    put32(to, set->rdatas_bytes);
    put32(to, set->sigs_bytes);
    if (place == ENTRY_OWNER_INLINE) {
        put_name(to, set->owner);
    }
    put_records(to, set->rdatas, set->rdatas_bytes);
    put_records(to, set->sigs, set->sigs_bytes);
}

static void put_header(const struct rs_entry *entry, uint8_t *header, size_t size)
{
    uint32_t ttl_s = entry->ttl_s > ENTRY_TTL_S_MAX ? ENTRY_TTL_S_MAX : entry->ttl_s;
    memset(header, 0, ENTRY_HEADER_BYTES);
    header[ENTRY_AT_MAGIC] = ENTRY_MAGIC;
    header[ENTRY_AT_VERSION] = ENTRY_VERSION;
    header[ENTRY_AT_KIND] = entry->kind;
    header[ENTRY_AT_RANK] = entry->rank;
    header[ENTRY_AT_SECURITY] = entry->security;
    header[ENTRY_AT_ORIGIN_SIZE] = (uint8_t)rs_name_size(entry->origin);
    entry_put16(header + ENTRY_AT_SETS_COUNT, (uint16_t)entry->sets.count);
    entry_put32(header + ENTRY_AT_TTL, ttl_s);
    entry_put64(header + ENTRY_AT_MADE, entry->made_s);
    entry_put32(header + ENTRY_AT_SIZE, (uint32_t)size);
    if (entry->kind == RS_KIND_DELEGATION) {
        header[ENTRY_AT_TIMES] = entry->delegation.ns_count;
    }
    if (entry->kind == RS_KIND_FAILURE) {
        entry_put16(header + ENTRY_AT_EDE, entry->failure.ede);
        header[ENTRY_AT_TIMES] = entry->failure.times;
    }
    entry_put32(header + ENTRY_AT_CHECK, entry_check(header, size));
}

rt_status rs_entry_write(const struct rs_entry *entry, uint8_t *out, size_t capacity, size_t *size)
{
    RT_CHECK(entry->kind >= RS_KIND_RRSET && entry->kind <= RS_KIND_FAILURE);
    RT_CHECK(entry->origin != NULL);
    if (entry->sets.count > RS_ENTRY_SETS_MAX) {
        return RT_FULL;
    }
    struct writer to = {
        .at = out,
        .end = out + (capacity < RS_ENTRY_BYTES_MAX ? capacity : RS_ENTRY_BYTES_MAX),
    };
    (void)take(&to, ENTRY_HEADER_BYTES);
    put_name(&to, entry->origin);
    if (entry->kind == RS_KIND_DELEGATION) {
        RT_CHECK(entry->delegation.ns_count <= RS_NS_PER_DELEGATION_MAX);
        for (unsigned i = 0; i < entry->delegation.ns_count; i++) {
            put_server(&to, &entry->delegation.ns[i]);
        }
    }
    for (const struct rs_rrset *set = entry->sets.first; set != NULL; set = set->next) {
        put_set(&to, entry, set);
    }
    if (to.is_full) {
        return RT_FULL;
    }
    *size = (size_t)(to.at - out);
    put_header(entry, out, *size);
    return RT_OK;
}
