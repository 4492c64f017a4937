/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* servers: the table behind resolver/select.h: what is known about each (address, port). Private
 * to servers.c, select.c and their tests.
 *
 * Memory   One block of records and one of hash heads, allocated when it opens. When all records
 *          are in use the one that was touched longest ago is forgotten.
 * Why not  rt_map: the order of use and the hash chain live in the record, so that forgetting the
 *          oldest costs no search. */

#include <stdbool.h>

#include "resolver/select.h"

enum { RS_SERVER_FLAGS_COUNT = 3 };

struct rs_server {
    struct rt_addr addr;

    /* speed */
    uint32_t srtt_us, rttvar_us; /* RFC6298-2; 0: never measured */
    bool was_picked;             /* its one choice as an unknown server is spent */

    /* RFC8085-3.1: questions under way, and how many may be */
    uint16_t under_way, window; /* window 0: RS_SERVER_WINDOW_FIRST */

    /* health */
    uint8_t losses;          /* in a row, since the last reply */
    uint8_t rests;           /* in a row: the next one is 2^rests times the first */
    uint64_t rest_until_ns;  /* not chosen before, unless all others rest too */
    uint64_t trial_after_ns; /* while rests > 0: one trial at a time */

    /* habits */
    uint8_t flags; /* enum rs_server_flag; each counts until its time below */
    uint8_t cookie_size;
    uint8_t cookie[RS_COOKIE_SERVER_BYTES_MAX];
    uint64_t flag_until_ns[RS_SERVER_FLAGS_COUNT];

    /* the table's: indices of records, RS_SERVER_NONE ends a chain */
    uint32_t hash_next, newer, older;
};

enum { RS_SERVER_V4, RS_SERVER_V6, RS_SERVER_FAMILIES };

/* Does this host reach the family at all? */
struct rs_family {
    uint32_t losses;        /* servers that fell silent or were never heard, since the last reply */
    uint64_t next_probe_ns; /* while in doubt */
};

struct rs_servers {
    struct rt_siphash_key key;
    uint32_t capacity, count, heads_mask;
    uint32_t newest, oldest;
    uint32_t *heads;
    struct rs_server *records;
    struct rs_family families[RS_SERVER_FAMILIES];
};

/* What is known about `addr`, NULL when nothing is. Does not count as use. */
struct rs_server *rs_servers_find(const struct rs_servers *servers, const struct rt_addr *addr);

/* The record of `addr`, new and zeroed if need be, and now the most recently used. */
struct rs_server *rs_servers_touch(struct rs_servers *servers, const struct rt_addr *addr);

static inline struct rs_family *rs_servers_family(struct rs_servers *servers,
                                                  const struct rt_addr *addr)
{
    return &servers->families[addr->family == 6 ? RS_SERVER_V6 : RS_SERVER_V4];
}
