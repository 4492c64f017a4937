/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* entry: what is stored: RRsets, proofs that nothing is there, delegations, failures; as bytes.
 *
 * Key      owner in lookup order (labels reversed, each ended by a zero byte, so that byte order is
 *          canonical order and a subtree is one range; bytes 0 and 1 are escaped) | zero | slot |
 * type (2 bytes, big endian). Value    a fixed header with version, checksum, kind, rank, security,
 * times; then the sets.
 *
 * Bytes read from a store are bytes from outside: rs_entry_read checks everything and returns
 * RT_CORRUPT; nothing here asserts on them. All integers little endian.
 *
 * Times are cache seconds (rs_cache_now_s): wall time at the start of the process, advanced by the
 * monotonic clock, so that a jump of the wall clock neither kills nor revives entries. */

#include "resolver/cache/store.h"
#include "resolver/rrset.h"
#include "runtime/base/addr.h"
#include "runtime/base/arena.h"

enum rs_slot {
    RS_SLOT_RECORDS = 1,    /* (name, type): the RRset, or the proof that the type is not there */
    RS_SLOT_NXDOMAIN = 2,   /* (name): the proof that the name is not there (RFC8020: nor below) */
    RS_SLOT_DELEGATION = 3, /* (zone): name servers as the parent gave them, with their glue. Never
                               answers a client, never refreshed by the child: no ghost domains */
    RS_SLOT_FAILURE = 4,    /* (name, type): resolution failed (RFC9520) */
};

enum rs_kind {
    RS_KIND_RRSET = 1,
    RS_KIND_NODATA,
    RS_KIND_NXDOMAIN,
    RS_KIND_DELEGATION,
    RS_KIND_FAILURE
};

struct rs_key {
    uint16_t size;
    uint8_t bytes[RS_KEY_BYTES_MAX];
};

/* `name` is lower case. */
void rs_key_make(struct rs_key *key, const uint8_t *name, enum rs_slot slot, uint16_t type);

/* The name of a key; RT_CORRUPT when it is none. */
RT_MUST_USE rt_status rs_key_name(struct rs_bytes key, struct rs_name *out);

struct rs_ns {
    const uint8_t *name;
    uint8_t addrs_count; /* glue from the referral, port 53 */
    struct rt_addr addrs[RS_GLUE_PER_NS_MAX];
};

struct rs_delegation {
    const uint8_t *zone;
    uint8_t ns_count;
    struct rs_ns ns[RS_NS_PER_DELEGATION_MAX];
};

struct rs_failure {
    uint16_t ede;
    uint8_t times; /* failures in a row: the TTL doubles with each, up to RS_FAILURE_TTL_S_MAX */
};

/* An entry to be written, or read back. Which fields count depends on kind. */
struct rs_entry {
    uint8_t kind;          /* enum rs_kind */
    uint8_t rank;          /* enum rs_rank */
    uint8_t security;      /* enum rs_security */
    uint32_t ttl_s;        /* as accepted, after the caps; read back: what is left */
    uint64_t made_s;       /* cache seconds; expires at made_s + ttl_s */
    const uint8_t *origin; /* zone whose server said so */
    struct rs_rrsets sets; /* RRSET: one set. NODATA, NXDOMAIN: SOA first, then proofs (NSEC ...) */
    struct rs_delegation delegation; /* DELEGATION: with the DS set or its denial in `sets` */
    struct rs_failure failure;
};

/* Bytes of the entry; RT_FULL when capacity is too small, or the entry is over
 * RS_RRSET_BYTES_MAX plus its proofs: then it is not worth caching. */
RT_MUST_USE rt_status rs_entry_write(const struct rs_entry *entry, uint8_t *out, size_t capacity,
                                     size_t *size);

/* Reads and checks; sets point into `arena` copies (the value dies with the snapshot). TTLs of sets
 * are what is left at now_s; a dead entry reads fine with ttl 0 (stale use comes later). */
RT_MUST_USE rt_status rs_entry_read(struct rs_bytes value, const uint8_t *owner, uint16_t type,
                                    uint64_t now_s, struct rt_arena *arena, struct rs_entry *out);

/* Seconds left of a stored entry, 0 when dead; -1 when the bytes are damaged. Header only. */
int64_t rs_entry_ttl_left(struct rs_bytes value, uint64_t now_s);

/* The failure `fresh` follows `old`: counts it, and doubles its TTL with each in a row
 * (RFC9520-3.2). `fresh` is rewritten in place. Changes nothing when either is no failure or `old`
 * is long past. */
void rs_entry_failure_follows(uint8_t *fresh, size_t fresh_size, struct rs_bytes old,
                              uint64_t now_s);

/* May `fresh` take the place of `old` (RFC2181-5.4.1)? Yes when old is dead or damaged, ranks lower
 * or equal. For failures always. A denial from the authority section counts as an authoritative
 * answer: it is one (RFC2308-2). */
bool rs_entry_replaces(struct rs_bytes fresh, struct rs_bytes old, uint64_t now_s);
