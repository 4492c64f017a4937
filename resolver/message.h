/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* message: an upstream reply read into RRsets, and an upstream question written.
 *
 * Reading never fails halfway: a message is whole and well-formed or RT_MALFORMED. Bytes after the
 * last counted record make it malformed (EDNS smuggling).
 *
 * Cost     Linear in the message's length, whatever is in it: under 1 ms for 64 KiB.
 * Why not  knot_pkt_t: it allocates, keeps each record apart and leaves pointers unbounded. Here
 *          records are gathered into sets on the way (collect.h) from a bounded cursor (wire.h). */

#include "resolver/rrset.h"
#include "runtime/base/arena.h"

struct rs_question {
    struct rs_name name; /* lower case */
    uint16_t type, class;
};

struct rs_edns {
    bool is_present;
    uint8_t version;
    bool is_dnssec_ok;
    uint16_t payload;       /* as sent; below 512 counts as 512 (RFC6891-6.2.3) */
    uint16_t rcode_high;    /* upper bits, already merged into the message's rcode */
    uint8_t cookie_size;    /* of the COOKIE option; 0 none; client 8, server 8..32 bytes */
    uint8_t cookie[8 + RS_COOKIE_SERVER_BYTES_MAX];
    bool is_cookie_malformed;
    int ede;                /* info code of an EDE option, RS_EDE_NONE */
};

struct rs_message {
    uint16_t id;
    uint8_t opcode;
    bool is_response, is_authoritative, is_truncated, wants_recursion, can_recurse, is_ad, is_cd;
    uint16_t rcode; /* with the upper bits of EDNS */
    uint16_t question_count;
    struct rs_question question; /* valid when question_count == 1 */
    struct rs_rrsets answer, authority, additional; /* OPT and TSIG are not among them */
    struct rs_edns edns;
};

/* Reads a whole message into `arena`. RRsets keep the order in which their first record came.
 *
 * RT_MALFORMED  not a DNS message; more than one question; more than RS_RRSETS_PER_MESSAGE_MAX
 *               sets; a set over RS_RRS_PER_RRSET_MAX or RS_RRSET_BYTES_MAX; names that swell
 *               beyond RS_NAME_WORK_BYTES_MAX; two OPT; classes other than the question's in the
 *               sections; RDATA of a known layout (rdata.h) that has another
 * RT_NO_MEMORY  the arena is exhausted */
RT_MUST_USE rt_status rs_message_read(const uint8_t *wire, size_t size, struct rt_arena *arena,
                                      struct rs_message *out);

struct rs_query_wire {
    uint16_t id;
    const uint8_t *name; /* written as it is, letter case included */
    uint16_t type, class;
    bool wants_recursion, is_cd;
    bool has_edns, is_dnssec_ok;
    uint16_t payload;
    const uint8_t *cookie; /* COOKIE option content, NULL none */
    uint8_t cookie_size;
};

enum { RS_QUERY_WIRE_BYTES_MAX = 12 + 255 + 4 + 11 + 4 + 40 };

/* Writes a question; returns its size, always possible within RS_QUERY_WIRE_BYTES_MAX. */
size_t rs_query_write(const struct rs_query_wire *query, uint8_t out[RS_QUERY_WIRE_BYTES_MAX]);
