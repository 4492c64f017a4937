/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* rpl: a scenario in the dialect of Deckard and Unbound's testbound, read into memory: settings,
 * servers that answer while their range of steps lives, and the steps of the play.
 *
 * Memory   One scenario owns everything in it until rpl_free. Test program: malloc is fine. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/libknot.h>

#include "runtime/base/addr.h"

enum rpl_match {
    RPL_MATCH_OPCODE = 1 << 0,
    RPL_MATCH_QTYPE = 1 << 1,
    RPL_MATCH_QNAME = 1 << 2,
    RPL_MATCH_QCASE = 1 << 3,
    RPL_MATCH_SUBDOMAIN = 1 << 4,
    RPL_MATCH_FLAGS = 1 << 5,
    RPL_MATCH_RCODE = 1 << 6,
    RPL_MATCH_QUESTION = 1 << 7,
    RPL_MATCH_ANSWER = 1 << 8,
    RPL_MATCH_AUTHORITY = 1 << 9,
    RPL_MATCH_ADDITIONAL = 1 << 10,
    RPL_MATCH_EDNS = 1 << 11,
    RPL_MATCH_NSID = 1 << 12,
    RPL_MATCH_TCP = 1 << 13,
    RPL_MATCH_UDP = 1 << 14,
    RPL_MATCH_ALL = RPL_MATCH_OPCODE | RPL_MATCH_QTYPE | RPL_MATCH_QNAME | RPL_MATCH_FLAGS |
                    RPL_MATCH_RCODE | RPL_MATCH_ANSWER | RPL_MATCH_AUTHORITY | RPL_MATCH_ADDITIONAL,
};

enum rpl_flag {
    RPL_QR = 1 << 0,
    RPL_AA = 1 << 1,
    RPL_TC = 1 << 2,
    RPL_RD = 1 << 3,
    RPL_RA = 1 << 4,
    RPL_AD = 1 << 5,
    RPL_CD = 1 << 6,
    RPL_DO = 1 << 7, /* not a header flag: left out of MATCH flags */
    RPL_HEADER_FLAGS = RPL_DO - 1,
};

enum rpl_section { RPL_QUESTION, RPL_ANSWER, RPL_AUTHORITY, RPL_ADDITIONAL, RPL_SECTIONS };

struct rpl_rr {
    uint8_t owner[KNOT_DNAME_MAXLEN];
    uint16_t type, class;
    uint32_t ttl;
    uint16_t size;
    uint8_t *rdata;
};

struct rpl_entry {
    unsigned line;
    unsigned match;
    bool copy_id, copy_query, is_silent, is_mandatory, is_used;
    unsigned flags;
    uint16_t rcode;
    uint8_t opcode;
    unsigned counts[RPL_SECTIONS];
    struct rpl_rr *rrs[RPL_SECTIONS];
    uint8_t *raw; /* the whole message, when given in hex */
    size_t raw_size;
    struct rpl_entry *next;
};

struct rpl_range {
    unsigned from, to;
    unsigned addrs_count;
    struct rt_addr *addrs;
    struct rpl_entry *entries;
    struct rpl_range *next;
};

enum rpl_step_kind { RPL_QUERY, RPL_CHECK_ANSWER, RPL_TIME_PASSES, RPL_REPLY, RPL_CHECK_OUT_QUERY };

struct rpl_step {
    unsigned number, line;
    enum rpl_step_kind kind;
    uint64_t elapse_s;
    struct rpl_entry *entry;
    struct rpl_step *next;
};

struct rpl_setting {
    char *name, *value;
    struct rpl_setting *next;
};

struct rpl_scenario {
    char title[256];
    struct rpl_setting *settings;
    struct rpl_range *ranges;
    struct rpl_step *steps;
};

/* Reads a file. False: `error` tells line and reason. */
bool rpl_read(const char *path, struct rpl_scenario *out, char error[256]);
void rpl_free(struct rpl_scenario *scenario);

/* The first setting of that name at or after `from` (NULL: from the start). */
const struct rpl_setting *rpl_setting(const struct rpl_scenario *scenario,
                                      const struct rpl_setting *from, const char *name);

/* Does the message fit the entry's MATCH? `why` gets the first difference. */
bool rpl_entry_matches(const struct rpl_entry *entry, const uint8_t *wire, size_t size, bool is_tcp,
                       char why[512]);

/* The reply of a server's entry to `query`; returns its size. */
size_t rpl_entry_reply(const struct rpl_entry *entry, const uint8_t *query, size_t query_size,
                       uint8_t *out, size_t room);

/* The question of a QUERY step, EDNS with 4096 bytes and DO as flagged. */
size_t rpl_entry_query(const struct rpl_entry *entry, uint16_t id, uint8_t *out, size_t room);
