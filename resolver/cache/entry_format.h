/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* entry_format: the bytes of an entry; shared by the files that write and read them.
 *
 * header   check 4 | magic 1 | version 1 | kind 1 | rank 1 | security 1 | origin size 1 |
 *          sets count 2 | ttl_s 4 | made_s 8 | size 4 | ede 2 | times or ns count 1 | zero 1
 * origin   the name
 * servers  ns count times: name | addrs count 1 | (family 1 | port 2 | 4 or 16 bytes) ...
 * sets     sets count times: owner 1 (enum entry_owner) | section 1 | rank 1 | security 1 | type 2
 * | count 2 | sigs count 2 | ttl_s 4 | rdatas bytes 4 | sigs bytes 4 | owner name when inline |
 * rdatas | sigs; a record is its size 2 and its bytes
 *
 * All integers little endian. The check is SipHash with a fixed key, cut to 32 bits, over
 * everything after it: it finds damage, not malice, for whoever can write the file owns the cache.
 * At the size of a usual entry it costs as much as a table-driven CRC32C, and the tree has it
 * already.
 *
 * A change of the layout changes ENTRY_VERSION: entries of another version count as damaged. */

#include <string.h>

#include "resolver/cache/entry.h"

enum {
    ENTRY_MAGIC = 0xE7,
    ENTRY_VERSION = 1,

    ENTRY_AT_CHECK = 0,
    ENTRY_AT_MAGIC = 4,
    ENTRY_AT_VERSION = 5,
    ENTRY_AT_KIND = 6,
    ENTRY_AT_RANK = 7,
    ENTRY_AT_SECURITY = 8,
    ENTRY_AT_ORIGIN_SIZE = 9,
    ENTRY_AT_SETS_COUNT = 10,
    ENTRY_AT_TTL = 12,
    ENTRY_AT_MADE = 16,
    ENTRY_AT_SIZE = 24,
    ENTRY_AT_EDE = 28,
    ENTRY_AT_TIMES = 30,
    ENTRY_AT_ZERO = 31,
    ENTRY_HEADER_BYTES = 32,
};

enum entry_owner {
    ENTRY_OWNER_KEY = 0,    /* the name of the key */
    ENTRY_OWNER_ORIGIN = 1, /* the entry's origin: nearly every SOA */
    ENTRY_OWNER_INLINE = 2,
};

/* RFC2181-8: the largest TTL there is. */
#define ENTRY_TTL_S_MAX ((uint32_t)INT32_MAX)

static inline uint16_t entry_get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t entry_get32(const uint8_t *at)
{
    return entry_get16(at) | (uint32_t)entry_get16(at + 2) << 16;
}

static inline uint64_t entry_get64(const uint8_t *at)
{
    return entry_get32(at) | (uint64_t)entry_get32(at + 4) << 32;
}

static inline void entry_put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void entry_put32(uint8_t *at, uint32_t value)
{
    entry_put16(at, (uint16_t)value);
    entry_put16(at + 2, (uint16_t)(value >> 16));
}

static inline void entry_put64(uint8_t *at, uint64_t value)
{
    entry_put32(at, (uint32_t)value);
    entry_put32(at + 4, (uint32_t)(value >> 32));
}

/* The check of a whole value, header included. */
uint32_t entry_check(const uint8_t *value, size_t size);

/* The fixed header has magic, version and the right size. */
bool entry_has_header(struct rs_bytes value);

/* The header, and the check over everything. */
bool entry_is_whole(struct rs_bytes value);
