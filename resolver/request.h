/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* request: a client's message, read as far as a resolver needs, without libknot and without
 * allocation: this is on the way of every packet.
 *
 * Every datagram ends in one of three ways: drop (shorter than a header, or itself a response),
 * an error reply with the right rcode, or a question to answer. Never silence for odd but honest
 * queries (RFC8906). */

#include "resolver/message.h"

struct rs_request {
    uint16_t id;
    uint8_t opcode;
    bool wants_recursion, is_cd, wants_ad;
    bool has_question;
    const uint8_t *name_as_sent; /* into the wire: the client's letters */
    uint8_t name_size;
    uint8_t labels;
    uint8_t name[RS_NAME_BYTES_MAX + 1]; /* lower case */
    uint16_t type, class;
    struct rs_edns edns;
};

enum rs_verdict {
    RS_REQUEST_DROP,  /* not even a header, or QR=1: a reply would be an echo war */
    RS_REQUEST_ERROR, /* *rcode tells which */
    RS_REQUEST_OK,
};

/* Reads `wire`. On ERROR the fields known so far are set, so that rs_error_reply can answer.
 *
 * FORMERR   QDCOUNT > 1 or 0 (RFC9619; 0 with a cookie is OK with has_question=false, RFC7873-5.4),
 *           a malformed name, two OPT, an OPT or cookie of bad form, records in answer or authority,
 *           trailing bytes, QTYPE NXNAME (EDE 30), OPT, TSIG and the other meta-types
 * NOTIMP    opcode other than QUERY; TKEY; MAILA/MAILB; class HS and other odd ones: REFUSED
 * BADVERS   EDNS version above 0
 * REFUSED   AXFR, IXFR; class other than IN (CH too, until the module that answers it)
 * ANY       is OK: the caller answers it minimally (RFC8482) */
enum rs_verdict rs_request_read(const uint8_t *wire, size_t size, struct rs_request *out,
                                uint16_t *rcode, int *ede);
