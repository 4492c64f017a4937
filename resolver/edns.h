/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* edns: the OPT pseudo-record, read from either side and written (RFC6891). */

#include "resolver/message.h"
#include "resolver/wire.h"

enum rs_option { RS_OPTION_COOKIE = 10, RS_OPTION_EDE = 15 };

enum { RS_OPT_BYTES_MIN = 11, RS_OPTION_HEAD_BYTES = 4 };

/* Absent: plain DNS. */
void rs_edns_init(struct rs_edns *edns);

/* Takes over an OPT record. False when its options do not follow their format: `edns` then says
 * present, with what the fixed part told. Options of a version above 0 are not looked at. */
bool rs_edns_read(struct rs_edns *edns, const struct rs_wire_record *record, const uint8_t *rdata);

/* An OPT record to be written. */
struct rs_opt {
    uint16_t payload, rcode; /* all twelve bits of it */
    bool is_dnssec_ok;
    uint8_t cookie_size; /* 0 none */
    const uint8_t *cookie;
    int ede; /* RS_EDE_NONE */
    const char *ede_text;
    uint16_t ede_text_size;
};

/* Bytes that rs_opt_write writes. */
static inline uint32_t rs_opt_size(const struct rs_opt *opt)
{
    uint32_t size = RS_OPT_BYTES_MIN;
    size += opt->cookie_size > 0 ? RS_OPTION_HEAD_BYTES + (uint32_t)opt->cookie_size : 0;
    size += opt->ede != RS_EDE_NONE ? RS_OPTION_HEAD_BYTES + 2 + (uint32_t)opt->ede_text_size : 0;
    return size;
}

/* Returns the byte after it. */
uint8_t *rs_opt_write(const struct rs_opt *opt, uint8_t *out);
