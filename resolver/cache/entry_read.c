/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/entry.h"

#include "resolver/cache/entry_format.h"
#include "resolver/limits.h"

/* A cursor whose error sticks. What it reads after an error is zero. */
struct reader {
    const uint8_t *at, *end;
    struct rt_arena *arena;
    rt_status status;
};

static bool is_fine(const struct reader *from)
{
    return from->status == RT_OK;
}

static void spoil(struct reader *from, rt_status why)
{
    if (from->status == RT_OK) {
        from->status = why;
    }
}

static const uint8_t *take(struct reader *from, size_t size)
{
    if (!is_fine(from) || (size_t)(from->end - from->at) < size) {
        spoil(from, RT_CORRUPT);
        return NULL;
    }
    const uint8_t *bytes = from->at;
    from->at += size;
    return bytes;
}

static uint8_t get8(struct reader *from)
{
    const uint8_t *at = take(from, 1);
    return at == NULL ? 0 : *at;
}

static uint16_t get16(struct reader *from)
{
    const uint8_t *at = take(from, 2);
    return at == NULL ? 0 : entry_get16(at);
}

static uint32_t get32(struct reader *from)
{
    const uint8_t *at = take(from, 4);
    return at == NULL ? 0 : entry_get32(at);
}

static void *room(struct reader *from, size_t size)
{
    void *bytes = is_fine(from) ? rt_arena_alloc(from->arena, size) : NULL;
    if (bytes == NULL) {
        spoil(from, RT_NO_MEMORY);
    }
    return bytes;
}

static const uint8_t *copy(struct reader *from, const uint8_t *bytes, size_t size)
{
    void *own = room(from, size);
    return own == NULL ? NULL : memcpy(own, bytes, size);
}

/* In lower case, as names are inside, whatever the file says. */
static const uint8_t *get_name(struct reader *from)
{
    size_t left = (size_t)(from->end - from->at);
    size_t size = is_fine(from) && left > 0 ? rs_name_check(from->at, left) : 0;
    if (size == 0) {
        spoil(from, RT_CORRUPT);
        return NULL;
    }
    uint8_t *name = room(from, size);
    if (name != NULL) {
        memcpy(name, take(from, size), size);
        rs_name_lower(name);
    }
    return name;
}

/* A name of `room` bytes or less, and then at least `rest` and at most `rest_max` bytes. */
static bool is_name_then(const uint8_t *at, size_t size, size_t rest, size_t rest_max)
{
    size_t name = size == 0 ? 0 : rs_name_check(at, size);
    return name != 0 && size - name >= rest && size - name <= rest_max;
}

/* Types whose names we or the packer follow; all others are opaque (RFC3597). */
static bool is_sound(uint16_t type, const uint8_t *data, size_t size)
{
    enum { SOA_NUMBERS = 20, RRSIG_FIXED = 18, SRV_FIXED = 6, MX_FIXED = 2 };
    size_t first;
    switch (type) {
    case RS_NS:
    case RS_CNAME:
    case RS_DNAME:
    case RS_PTR:
        return is_name_then(data, size, 0, 0);
    case RS_SOA:
        first = size == 0 ? 0 : rs_name_check(data, size);
        return first != 0 && is_name_then(data + first, size - first, SOA_NUMBERS, SOA_NUMBERS);
    case RS_MX:
        return size > MX_FIXED && is_name_then(data + MX_FIXED, size - MX_FIXED, 0, 0);
    case RS_SRV:
        return size > SRV_FIXED && is_name_then(data + SRV_FIXED, size - SRV_FIXED, 0, 0);
    case RS_NSEC:
        return is_name_then(data, size, 0, UINT16_MAX);
    case RS_RRSIG:
        return size > RRSIG_FIXED &&
               is_name_then(data + RRSIG_FIXED, size - RRSIG_FIXED, 1, UINT16_MAX);
    case RS_A:
        return size == 4;
    case RS_AAAA:
        return size == 16;
    default:
        return true;
    }
}

/* `count` records in exactly `bytes` bytes, as a run with sizes in host order. */
static const uint8_t *get_records(struct reader *from, uint16_t type, unsigned count,
                                  uint32_t bytes)
{
    if (count > RS_RRS_PER_RRSET_MAX || bytes > RS_RRSET_BYTES_MAX ||
        (count == 0) != (bytes == 0)) {
        spoil(from, RT_CORRUPT);
        return NULL;
    }
    const uint8_t *in = take(from, bytes);
    if (in == NULL || count == 0) {
        return NULL;
    }
    uint8_t *run = room(from, bytes), *out = run;
    size_t left = bytes;
    for (unsigned i = 0; i < count && run != NULL; i++) {
        uint16_t size = left < 2 ? 0 : entry_get16(in);
        if (left < 2u + size || !is_sound(type, in + 2, size)) {
            spoil(from, RT_CORRUPT);
            return NULL;
        }
        memcpy(out, &size, 2);
        memcpy(out + 2, in + 2, size);
        in += 2 + size;
        out += 2 + size;
        left -= 2u + size;
    }
    if (left != 0) {
        spoil(from, RT_CORRUPT);
    }
    return run;
}

static void get_servers(struct reader *from, struct rs_delegation *out, unsigned count)
{
    if (count > RS_NS_PER_DELEGATION_MAX) {
        spoil(from, RT_CORRUPT);
        return;
    }
    out->ns_count = (uint8_t)count;
    for (unsigned i = 0; i < count && is_fine(from); i++) {
        struct rs_ns *ns = &out->ns[i];
        ns->name = get_name(from);
        ns->addrs_count = get8(from);
        if (ns->addrs_count > RS_GLUE_PER_NS_MAX) {
            spoil(from, RT_CORRUPT);
        }
        for (unsigned j = 0; j < ns->addrs_count && is_fine(from); j++) {
            struct rt_addr *addr = &ns->addrs[j];
            *addr = (struct rt_addr){.family = get8(from)};
            addr->port = get16(from);
            if (addr->family != 4 && addr->family != 6) {
                spoil(from, RT_CORRUPT);
            }
            size_t size = addr->family == 4 ? 4 : 16;
            const uint8_t *ip = take(from, size);
            if (ip != NULL) {
                memcpy(addr->ip, ip, size);
            }
        }
    }
}

static const uint8_t *get_owner(struct reader *from, uint8_t place, const struct rs_entry *entry,
                                const uint8_t *owner)
{
    switch (place) {
    case ENTRY_OWNER_KEY:
        return owner;
    case ENTRY_OWNER_ORIGIN:
        return entry->origin;
    case ENTRY_OWNER_INLINE:
        return get_name(from);
    default:
        spoil(from, RT_CORRUPT);
        return NULL;
    }
}

/* One set; `left_s` and `age_s` are the entry's. */
static void get_set(struct reader *from, struct rs_entry *entry, const uint8_t *owner,
                    uint32_t left_s, uint64_t age_s)
{
    struct rs_rrset *set = room(from, sizeof(*set));
    if (set == NULL) {
        return;
    }
    uint8_t place = get8(from);
    set->section = get8(from);
    set->rank = get8(from);
    set->security = get8(from);
    set->type = get16(from);
    set->count = get16(from);
    set->sigs_count = get16(from);
    set->ttl_s = get32(from);
    set->rdatas_bytes = get32(from);
    set->sigs_bytes = get32(from);
    set->class = RS_IN;
    set->owner = get_owner(from, place, entry, owner);
    if (set->count == 0 || set->section > RS_SECTION_ADDITIONAL ||
        set->rank > RS_RANK_AUTH_ANSWER || set->security > RS_SECURE ||
        rs_type_is_meta(set->type)) {
        spoil(from, RT_CORRUPT);
    }
    set->rdatas = get_records(from, set->type, set->count, set->rdatas_bytes);
    set->sigs = get_records(from, RS_RRSIG, set->sigs_count, set->sigs_bytes);

    /* RFC2308-5: the SOA of a denial lives no longer than the denial; nor does any other set. */
    uint32_t ttl_s = set->ttl_s > age_s ? (uint32_t)(set->ttl_s - age_s) : 0;
    set->ttl_s = ttl_s < left_s ? ttl_s : left_s;
    if (is_fine(from)) {
        rs_rrsets_append(&entry->sets, set);
    }
}

/* What must be there for this kind. */
static bool has_its_sets(const struct rs_entry *entry, const uint8_t *owner, uint16_t type)
{
    const struct rs_rrset *first = entry->sets.first;
    switch ((enum rs_kind)entry->kind) {
    case RS_KIND_RRSET:
        return entry->sets.count == 1 && first->type == type && first->owner == owner;
    case RS_KIND_NODATA:
    case RS_KIND_NXDOMAIN:
        /* RFC2308-5: a denial without SOA is not cached. */
        return entry->sets.count >= 1 && first->type == RS_SOA;
    case RS_KIND_DELEGATION:
        return entry->delegation.ns_count > 0;
    case RS_KIND_FAILURE:
        return entry->sets.count == 0;
    }
    return false;
}

static rt_status read_body(struct reader *from, const uint8_t *header, const uint8_t *owner,
                           uint16_t type, uint64_t now_s, struct rs_entry *out)
{
    uint32_t left_s = out->ttl_s;
    uint64_t age_s = now_s > out->made_s ? now_s - out->made_s : 0;
    unsigned sets_count = entry_get16(header + ENTRY_AT_SETS_COUNT);
    const uint8_t *own = copy(from, owner, rs_name_size(owner));
    out->origin = get_name(from);
    if (is_fine(from) && rs_name_size(out->origin) != header[ENTRY_AT_ORIGIN_SIZE]) {
        spoil(from, RT_CORRUPT);
    }
    if (sets_count > RS_ENTRY_SETS_MAX) {
        spoil(from, RT_CORRUPT);
    }
    if (out->kind == RS_KIND_DELEGATION) {
        out->delegation.zone = own;
        get_servers(from, &out->delegation, header[ENTRY_AT_TIMES]);
    }
    for (unsigned i = 0; i < sets_count && is_fine(from); i++) {
        get_set(from, out, own, left_s, age_s);
    }
    if (is_fine(from) && (from->at != from->end || !has_its_sets(out, own, type))) {
        spoil(from, RT_CORRUPT);
    }
    return from->status;
}

rt_status rs_entry_read(struct rs_bytes value, const uint8_t *owner, uint16_t type, uint64_t now_s,
                        struct rt_arena *arena, struct rs_entry *out)
{
    int64_t left_s = rs_entry_ttl_left(value, now_s);
    if (left_s < 0 || !entry_is_whole(value)) {
        return RT_CORRUPT;
    }
    const uint8_t *header = value.data;
    memset(out, 0, sizeof(*out));
    out->kind = header[ENTRY_AT_KIND];
    out->rank = header[ENTRY_AT_RANK];
    out->security = header[ENTRY_AT_SECURITY];
    out->ttl_s = (uint32_t)left_s;
    out->made_s = entry_get64(header + ENTRY_AT_MADE);
    if (out->kind < RS_KIND_RRSET || out->kind > RS_KIND_FAILURE ||
        out->rank > RS_RANK_AUTH_ANSWER || out->security > RS_SECURE ||
        header[ENTRY_AT_ZERO] != 0) {
        return RT_CORRUPT;
    }
    if (out->kind == RS_KIND_FAILURE) {
        out->failure.ede = entry_get16(header + ENTRY_AT_EDE);
        out->failure.times = header[ENTRY_AT_TIMES];
    }
    struct reader from = {
        .at = value.data + ENTRY_HEADER_BYTES,
        .end = value.data + value.size,
        .arena = arena,
        .status = RT_OK,
    };
    return read_body(&from, header, owner, type, now_s, out);
}
