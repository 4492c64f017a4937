/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Every bound of the resolver, in one place, with the reason for its value. The work of one client
 * question is bounded by struct rs_budget (resolver/budget.h), whose starting values are here. */

#include <stdint.h>

enum {
    RS_NAME_BYTES_MAX = 255,       /* RFC1035-2.3.4 */
    RS_MESSAGE_BYTES_MAX = 65535,  /* RFC1035-4.2.2: the length prefix has 16 bits. */
    RS_UDP_PAYLOAD_BYTES = 1232,   /* DNS Flag Day 2020: no fragmentation, both ways. */
    RS_UDP_PLAIN_BYTES = 512,      /* RFC1035-4.2.1: without EDNS. */

    /* One work budget for each client question, inherited by everything done for it. */
    RS_BUDGET_PACKETS = 64,        /* Upstream packets in all: UDP datagrams and TCP questions. */
    RS_BUDGET_BYTES = 128 * 1024,  /* Bytes received from upstream (PowerDNS CVE-2026-24027). */
    RS_BUDGET_TIMEOUTS = 10,       /* Lost packets before we give up. */
    RS_BUDGET_SUBQUERIES = 16,     /* Name server address lookups. */
    RS_BUDGET_NS_FAILURES = 4,     /* Failed name server address lookups (NXNSAttack: <= 8). */
    RS_BUDGET_REFERRALS = 32,      /* An endless delegation chain ends here (CVE-2014-8500). */
    RS_BUDGET_MS = 6000,           /* Wall time of the whole resolution. */
    RS_NS_PACKETS_PER_ZONE_MAX = 8, /* Packets to one zone's servers in search of name server
                                       addresses (NXNSAttack: the victim's share). */
    RS_DEPTH_MAX = 6,              /* Sub-query of a sub-query of ... */
    RS_CNAME_CHAIN_MAX = 11,       /* CNAME and DNAME links in one answer. */

    RS_NS_PER_DELEGATION_MAX = 13, /* Names; more are ignored (NRDelegation, CVE-2022-3204). */
    RS_GLUE_PER_NS_MAX = 4,        /* Two addresses for each family, duplicates removed. */
    RS_CANDIDATES_MAX = 26,        /* Addresses given to one attempt: 13 names, v4 and v6. */
    RS_TCP_PER_SERVER_MAX = 3,     /* TCP attempts for each server and question (CVE-2023-46317). */
    RS_ATTEMPTS_PER_SERVER_MAX = 4, /* Any attempts for each server and question. */

    RS_QMIN_STEPS_MAX = 10,        /* RFC9156-2.3: MAX_MINIMISE_COUNT. */
    RS_QMIN_ONE_LABEL = 4,         /* RFC9156-2.3: MINIMISE_ONE_LAB. */

    RS_RRS_PER_RRSET_MAX = 128,    /* CVE-2024-1737: large RRsets make every operation dear. */
    RS_RRSET_BYTES_MAX = 16 * 1024,
    RS_RRSETS_PER_MESSAGE_MAX = 256, /* Distinct (owner, type) in one reply; more is malformed. */

    RS_NAME_WORK_BYTES_MAX = 128 * 1024, /* Octets passed while names of one message are read: two
                                      of the largest messages. Honest ones need far less;
                                      pointers could make it a megabyte (CVE-2023-4408). */
    RS_COMPRESS_NAMES_MAX = 128,   /* Suffixes remembered while a reply is compressed: later ones
                                      are written out (CVE-2024-8508). */
    RS_EDE_TEXT_BYTES_MAX = 128,   /* RFC8914-2: EXTRA-TEXT is for people; it must not cost a TC. */
    RS_TTL_S_WIRE_MAX = 604800,    /* RFC8767-4: recommended cap of any TTL received, seven days. */

    RS_TTL_S_MAX = 86400,          /* Default of cache.max_ttl. */
    RS_TTL_S_MIN = 5,              /* Default of cache.min_ttl. */
    RS_NEGATIVE_TTL_S_MAX = 3600,  /* Negative answers are not believed for longer. */
    RS_FAILURE_TTL_S_MIN = 5,      /* RFC9520-3.2: MUST cache a failure, at least 1 s ... */
    RS_FAILURE_TTL_S_MAX = 300,    /* ... and MUST NOT longer than 5 minutes; backs off to it. */

    RS_ENTRY_BYTES_MAX = 2 * RS_RRSET_BYTES_MAX, /* A stored entry: a set, or a denial's proofs. */
    RS_ENTRY_SETS_MAX = 16,        /* SOA, and what NSEC3 takes to deny: three and their kin. */
    RS_ENTRY_FUTURE_S_MAX = 10,    /* Cores read the clock apart; more is a clock set back: dead. */
    RS_SHARD_BYTES_MIN = 1 << 20,  /* Below, LMDB lacks room to copy the pages it changes. */
    RS_EVICT_PER_INSERT = 8,       /* Entries looked at for each one written when nearly full. */
    RS_EVICT_STEP_MAX = 512,       /* ... and at most so many at once: well under a millisecond. */

    RS_TIMEOUT_MS_FIRST = 400,     /* For a server nobody knows. */
    RS_TIMEOUT_MS_MIN = 50,
    RS_TIMEOUT_MS_MAX = 1500,      /* One attempt; several fit into the client's patience. */
    RS_TCP_TIMEOUT_MS = 2000,
    RS_SERVERS_PER_CORE = 16384,   /* Remembered (address, port); the least used goes first. */
    RS_SERVER_REST_S_MIN = 1,      /* A dead server rests: 1 s, doubling ... */
    RS_SERVER_REST_S_MAX = 60,     /* ... to a minute, then it is probed again. */
    RS_SERVER_LOSSES_MAX = 4,      /* Lost in a row before a rest: 5 % loss reaches it 6 in 10^6. */
    RS_SERVER_PROBE_MS = 1000,     /* One trial at a time of a server that is not trusted again. */
    RS_SERVER_FLAG_S = 3600,       /* Flags are remembered for an hour: servers get repaired. */
    RS_SERVER_TCP_ONLY_S = 600,    /* Sooner: a burst of loss looks the same, and TCP costs more. */
    RS_SERVER_WINDOW_FIRST = 64,   /* Questions under way to a server that is new to us ... */
    RS_SERVER_WINDOW_MIN = 16,     /* ... halved by each loss, down to this ... */
    RS_SERVER_WINDOW_MAX = 1024,   /* ... one more for each reply, up to this; for each core. */
    RS_SERVER_EXPLORE_ONE_IN = 20, /* Choices that look whether another server became better. */
    RS_SERVER_BAND_US = 10000,     /* RTTs this close (and a quarter) are equal: share the load. */
    RS_FAMILY_LOSSES_MAX = 4,      /* Silent servers in a row: IPv6 (or IPv4) does not work here. */
    RS_FAMILY_PROBE_S = 20,        /* Then one look at it now and then: healed within a minute. */

    RS_QUERY_ARENA_BYTES = 320 * 1024, /* One query: a 64 KiB message parsed, and its answer. */
    RS_STEPS_PER_EVENT_MAX = 256,  /* States passed for one event; more is a loop of ours. */
    RS_EFFECTS_PER_STEP_MAX = 32,

    RS_EDNS_OPTIONS_MAX = 16,      /* Options looked at in one OPT; later ones are ignored. */
    RS_COOKIE_SERVER_BYTES_MAX = 32, /* RFC7873-4.2 */
};
