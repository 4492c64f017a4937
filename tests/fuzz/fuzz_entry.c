/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "resolver/cache/entry_format.h"
#include "resolver/limits.h"

/* A value and a key from the store, of any bytes. Input: 1 byte, whose lowest bit asks for a right
 * header (or no mutation would come past the check); 2 bytes of type; the value, which serves as a
 * key too. What reads well must be sound in all its parts, and read well again once written. */

enum { NOW_S = 1000000, ARENA_CHUNKS = 16, INPUT_BYTES_MAX = 40 * 1024 };

static const uint8_t owner[] = "\3www\7example";
static struct rt_arena_pool *pool;

static void check_run(const uint8_t *run, uint32_t bytes, unsigned count)
{
    struct rs_rdata record;
    unsigned records = 0;
    uint32_t seen = 0;
    for (bool more = rs_rdata_first(run, bytes, &record); more;
         more = rs_rdata_next(run, bytes, &record)) {
        records++;
        seen += 2u + record.size;
    }
    RT_CHECK(records == count && seen == bytes);
}

static void check_entry(const struct rs_entry *entry)
{
    unsigned sets = 0;
    RT_CHECK(rs_name_check(entry->origin, RS_NAME_BYTES_MAX) > 0);
    for (const struct rs_rrset *set = entry->sets.first; set != NULL; set = set->next) {
        sets++;
        RT_CHECK(rs_name_check(set->owner, RS_NAME_BYTES_MAX) > 0);
        RT_CHECK(set->ttl_s <= entry->ttl_s && set->count <= RS_RRS_PER_RRSET_MAX);
        check_run(set->rdatas, set->rdatas_bytes, set->count);
        check_run(set->sigs, set->sigs_bytes, set->sigs_count);
        if (set->type == RS_CNAME || set->type == RS_DNAME || set->type == RS_NS) {
            RT_CHECK(rs_rrset_target(set) != NULL);
        }
    }
    RT_CHECK(sets == entry->sets.count && sets <= RS_ENTRY_SETS_MAX);
    RT_CHECK(entry->delegation.ns_count <= RS_NS_PER_DELEGATION_MAX);
    for (unsigned i = 0; i < entry->delegation.ns_count; i++) {
        RT_CHECK(rs_name_check(entry->delegation.ns[i].name, RS_NAME_BYTES_MAX) > 0);
        RT_CHECK(entry->delegation.ns[i].addrs_count <= RS_GLUE_PER_NS_MAX);
    }
}

static void write_and_read_again(const struct rs_entry *entry, uint16_t type,
                                 struct rt_arena *arena)
{
    static uint8_t bytes[RS_ENTRY_BYTES_MAX];
    size_t size;
    struct rs_entry again;
    if (rs_entry_write(entry, bytes, sizeof(bytes), &size) != RT_OK) {
        return; /* owners may be written out that were not before */
    }
    struct rs_bytes value = {bytes, size};
    rt_status status = rs_entry_read(value, owner, type, NOW_S, arena, &again);
    RT_CHECK(status == RT_OK || status == RT_NO_MEMORY);
    if (status == RT_OK) {
        check_entry(&again);
        RT_CHECK(again.kind == entry->kind && again.sets.count == entry->sets.count);
    }
    RT_CHECK(rs_entry_replaces(value, value, NOW_S));
}

static void read_value(uint8_t *value, size_t size, uint16_t type)
{
    struct rs_bytes bytes = {value, size};
    struct rs_entry entry;
    struct rt_arena arena;
    int64_t left_s = rs_entry_ttl_left(bytes, NOW_S);
    RT_CHECK(left_s >= -1 && left_s <= ENTRY_TTL_S_MAX);

    rt_arena_init(&arena, pool, ARENA_CHUNKS * RT_ARENA_CHUNK_BYTES);
    if (rs_entry_read(bytes, owner, type, NOW_S, &arena, &entry) == RT_OK) {
        RT_CHECK(entry.ttl_s == left_s);
        check_entry(&entry);
        write_and_read_again(&entry, type, &arena);
        rs_entry_failure_follows(value, size, bytes, NOW_S);
    }
    rt_arena_reset(&arena);
}

static void read_key(const uint8_t *bytes, size_t size)
{
    struct rs_name name;
    struct rs_key key;
    if (rs_key_name((struct rs_bytes){bytes, size}, &name) != RT_OK) {
        return;
    }
    RT_CHECK(rs_name_check(name.wire, name.size) == name.size);
    rs_key_make(&key, name.wire, (enum rs_slot)bytes[size - 3],
                (uint16_t)(bytes[size - 2] << 8 | bytes[size - 1]));
    RT_CHECK(key.size == size && memcmp(key.bytes, bytes, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { PREFIX = 3 };
    if (pool == NULL) {
        RT_CHECK(rt_arena_pool_open(&pool, 2 * ARENA_CHUNKS, 2) == RT_OK);
    }
    if (size < PREFIX || size > INPUT_BYTES_MAX) {
        return 0;
    }
    size -= PREFIX;
    uint8_t *value = malloc(size + 1);
    memcpy(value, data + PREFIX, size);
    if ((data[0] & 1) != 0 && size >= ENTRY_HEADER_BYTES) {
        value[ENTRY_AT_MAGIC] = ENTRY_MAGIC;
        value[ENTRY_AT_VERSION] = ENTRY_VERSION;
        entry_put32(value + ENTRY_AT_SIZE, (uint32_t)size);
        entry_put32(value + ENTRY_AT_CHECK, entry_check(value, size));
    }
    read_value(value, size, entry_get16(data + 1));
    read_key(value, size);
    free(value);
    return 0;
}
