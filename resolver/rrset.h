/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* rrset: one RRset in memory, as parsed from a message or read from the cache, and lists of them.
 *
 * Memory   Arena of the query (or the turn). rdatas is a packed run of (uint16_t size in host
 *          order, bytes); names inside are uncompressed and, for the types of RFC1035 and NSEC,
 *          RRSIG, DNAME, SRV as they came. Signatures travel with what they cover. */

#include <stdbool.h>
#include <stdint.h>

#include "resolver/limits.h"
#include "resolver/name.h"
#include "resolver/types.h"
#include "runtime/base/arena.h"

/* Where a set was seen, and so how much it may be believed (RFC2181-5.4.1). A higher value wins. */
enum rs_rank {
    RS_RANK_NONE = 0,
    RS_RANK_ADDITIONAL = 1,  /* additional section: glue; used for its delegation only */
    RS_RANK_REFERRAL = 2,    /* authority section of a referral */
    RS_RANK_ANSWER = 3,      /* answer section without AA (forwarders) */
    RS_RANK_AUTHORITY = 4,   /* authority section of an authoritative reply */
    RS_RANK_AUTH_ANSWER = 5, /* answer section with AA */
};

/* What validation said. The main job leaves everything at UNCHECKED. */
enum rs_security {
    RS_UNCHECKED = 0,
    RS_BOGUS = 1,
    RS_INSECURE = 2,
    RS_SECURE = 3,
};

enum rs_section { RS_SECTION_ANSWER = 0, RS_SECTION_AUTHORITY = 1, RS_SECTION_ADDITIONAL = 2 };

struct rs_rrset {
    struct rs_rrset *next; /* in its list */
    const uint8_t *owner;  /* lower case */
    uint16_t type, class;
    uint32_t ttl_s;        /* the least of its records (RFC2181-5.2), capped by the reader */
    uint16_t count;        /* records */
    uint8_t rank;          /* enum rs_rank */
    uint8_t section;       /* enum rs_section where it was read or belongs */
    uint8_t security;      /* enum rs_security */
    uint8_t is_synthesized; /* a CNAME made from a DNAME: never cached */
    uint16_t sigs_count;   /* RRSIGs that cover it */
    uint32_t rdatas_bytes, sigs_bytes;
    const uint8_t *rdatas, *sigs;
};

struct rs_rrsets {
    struct rs_rrset *first, *last;
    unsigned count;
};

void rs_rrsets_append(struct rs_rrsets *list, struct rs_rrset *set);

/* The set of that owner and type, or NULL. */
struct rs_rrset *rs_rrsets_find(const struct rs_rrsets *list, const uint8_t *owner, uint16_t type);

/* Cursor over rdatas: rs_rdata_first/next return NULL at the end. */
struct rs_rdata {
    const uint8_t *data;
    uint16_t size;
    uint16_t index;
};
bool rs_rdata_first(const uint8_t *rdatas, uint32_t bytes, struct rs_rdata *out);
bool rs_rdata_next(const uint8_t *rdatas, uint32_t bytes, struct rs_rdata *at);

/* A new set with one record; NULL when the arena is exhausted. `owner` is copied and lowered. */
struct rs_rrset *rs_rrset_new(struct rt_arena *arena, const uint8_t *owner, uint16_t type,
                              uint32_t ttl_s, const void *rdata, uint16_t rdata_size);

/* A shallow copy (owner and rdatas shared) that can stand in another list. */
struct rs_rrset *rs_rrset_share(struct rt_arena *arena, const struct rs_rrset *set);

/* The target name of a CNAME, DNAME, NS or PTR set's first record; NULL when it has none. */
const uint8_t *rs_rrset_target(const struct rs_rrset *set);

/* MINIMUM of a SOA set (RFC2308-4); 0 when malformed. */
uint32_t rs_rrset_soa_minimum(const struct rs_rrset *set);
