/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* match: does this datagram answer this question (RFC5452-4, -9.1)?
 *
 * Looks at the header and the question only, before anything else is parsed or believed. Source
 * address and port are the socket's business: it is connected. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rs_match {
    RS_MATCH_OURS,      /* ID, QR, opcode, question count, name, type, class all fit */
    RS_MATCH_NEAR_MISS, /* a DNS reply with another ID or another question: perhaps a forgery; go on
                           listening, and go to TCP */
    RS_MATCH_NOISE,     /* not a reply at all: go on listening */
    RS_MATCH_CASE,      /* ours but for the letter case of the name: 0x20 failed */
};

/* A reply without question section (some servers on FORMERR, NOTIMP, REFUSED, SERVFAIL) counts as
 * ours when the ID fits and it carries no records. */
enum rs_match rs_match(const uint8_t *wire, size_t size, uint16_t id, const uint8_t *sent_name,
                       uint16_t type, uint16_t class);
