/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/edns.h"

#include <string.h>

#include "resolver/cookie.h"

enum { DO_BIT = 0x8000, COOKIE_SERVER_BYTES_MIN = 8 };

void rs_edns_init(struct rs_edns *edns)
{
    *edns = (struct rs_edns){.payload = RS_UDP_PLAIN_BYTES, .ede = RS_EDE_NONE};
}

/* RFC7873-4: a client cookie of 8 bytes alone, or followed by 8 to 32 bytes of the server's. */
static void read_cookie(struct rs_edns *edns, const uint8_t *data, uint16_t size)
{
    bool is_good = size == RS_COOKIE_CLIENT_BYTES ||
                   (size >= RS_COOKIE_CLIENT_BYTES + COOKIE_SERVER_BYTES_MIN &&
                    size <= RS_COOKIE_CLIENT_BYTES + RS_COOKIE_SERVER_BYTES_MAX);
    if (edns->cookie_size > 0 || edns->is_cookie_malformed) {
        return; /* RFC7873-5.2: only the first one counts. */
    }
    if (!is_good) {
        edns->is_cookie_malformed = true;
        return;
    }
    memcpy(edns->cookie, data, size);
    edns->cookie_size = (uint8_t)size;
}

static void read_option(struct rs_edns *edns, uint16_t code, const uint8_t *data, uint16_t size)
{
    if (code == RS_OPTION_COOKIE) {
        read_cookie(edns, data, size);
    } else if (code == RS_OPTION_EDE && size >= 2 && edns->ede == RS_EDE_NONE) {
        edns->ede = rs_get_u16(data); /* RFC8914-2 */
    }                                 /* RFC6891-6.1.2: unknown options are ignored. */
}

bool rs_edns_read(struct rs_edns *edns, const struct rs_wire_record *record, const uint8_t *rdata)
{
    edns->is_present = true;
    /* RFC6891-6.2.3: values below 512 are treated as 512. */
    edns->payload = record->class < RS_UDP_PLAIN_BYTES ? RS_UDP_PLAIN_BYTES : record->class;
    edns->rcode_high = (uint16_t)(record->ttl >> 24);
    edns->version = (uint8_t)(record->ttl >> 16);
    edns->is_dnssec_ok = (record->ttl & DO_BIT) != 0; /* RFC6891-6.1.4: Z is ignored. */
    if (edns->version != 0) {
        return true; /* What its options look like is not known. */
    }

    uint32_t at = 0, size = record->rdata_size;
    for (unsigned count = 0; at < size && count < RS_EDNS_OPTIONS_MAX; count++) {
        if (size - at < RS_OPTION_HEAD_BYTES) {
            return false;
        }
        uint16_t option_size = rs_get_u16(rdata + at + 2);
        if (option_size > size - at - RS_OPTION_HEAD_BYTES) {
            return false;
        }
        read_option(edns, rs_get_u16(rdata + at), rdata + at + RS_OPTION_HEAD_BYTES, option_size);
        at += RS_OPTION_HEAD_BYTES + (uint32_t)option_size;
    }
    return true;
}

static uint8_t *put_option(uint8_t *out, uint16_t code, uint16_t size)
{
    rs_put_u16(out, code);
    rs_put_u16(out + 2, size);
    return out + RS_OPTION_HEAD_BYTES;
}

uint8_t *rs_opt_write(const struct rs_opt *opt, uint8_t *out)
{
    uint8_t *at = out;
    *at++ = 0; /* RFC6891-6.1.2: the owner is the root. */
    rs_put_u16(at, RS_OPT);
    rs_put_u16(at + 2, opt->payload);
    at[4] = (uint8_t)(opt->rcode >> 4);
    at[5] = 0; /* version */
    rs_put_u16(at + 6, opt->is_dnssec_ok ? DO_BIT : 0);
    rs_put_u16(at + 8, (uint16_t)(rs_opt_size(opt) - RS_OPT_BYTES_MIN));
    at += RS_RECORD_FIXED_BYTES;

    if (opt->cookie_size > 0) {
        at = put_option(at, RS_OPTION_COOKIE, opt->cookie_size);
        memcpy(at, opt->cookie, opt->cookie_size);
        at += opt->cookie_size;
    }
    if (opt->ede != RS_EDE_NONE) {
        at = put_option(at, RS_OPTION_EDE, (uint16_t)(2 + opt->ede_text_size));
        rs_put_u16(at, (uint16_t)opt->ede);
        at += 2;
        if (opt->ede_text_size > 0) { /* RFC8914-2: not terminated by a NUL. */
            memcpy(at, opt->ede_text, opt->ede_text_size);
            at += opt->ede_text_size;
        }
    }
    RT_CHECK(at == out + rs_opt_size(opt));
    return at;
}
