/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* types: the numbers of the DNS that decisions depend on (IANA DNS parameters), and their names.
 * Types without a name here are opaque (RFC3597). */

#include <stdbool.h>
#include <stdint.h>

enum rs_type {
    RS_A = 1, RS_NS = 2, RS_CNAME = 5, RS_SOA = 6, RS_PTR = 12, RS_HINFO = 13, RS_MX = 15,
    RS_TXT = 16, RS_SIG = 24, RS_KEY = 25, RS_AAAA = 28, RS_SRV = 33, RS_DNAME = 39, RS_OPT = 41,
    RS_DS = 43, RS_RRSIG = 46, RS_NSEC = 47, RS_DNSKEY = 48, RS_NSEC3 = 50, RS_NSEC3PARAM = 51,
    RS_SVCB = 64, RS_HTTPS = 65, RS_NXNAME = 128, RS_TKEY = 249, RS_TSIG = 250, RS_IXFR = 251,
    RS_AXFR = 252, RS_MAILB = 253, RS_MAILA = 254, RS_ANY = 255,
};

enum rs_class { RS_IN = 1, RS_CH = 3, RS_HS = 4, RS_CLASS_NONE = 254, RS_CLASS_ANY = 255 };

enum rs_opcode { RS_OPCODE_QUERY = 0, RS_OPCODE_NOTIFY = 4, RS_OPCODE_UPDATE = 5 };

enum rs_rcode {
    RS_NOERROR = 0, RS_FORMERR = 1, RS_SERVFAIL = 2, RS_NXDOMAIN = 3, RS_NOTIMP = 4,
    RS_REFUSED = 5, RS_YXDOMAIN = 6, RS_BADVERS = 16, RS_BADCOOKIE = 23,
};

/* Extended DNS errors (RFC8914-4) that troupe gives; RS_EDE_NONE: no option. */
enum rs_ede {
    RS_EDE_NONE = -1, RS_EDE_OTHER = 0, RS_EDE_STALE = 3, RS_EDE_BOGUS = 6,
    RS_EDE_CACHED_ERROR = 13, RS_EDE_NOT_READY = 14, RS_EDE_BLOCKED = 15, RS_EDE_PROHIBITED = 18,
    RS_EDE_NOT_AUTHORITATIVE = 20, RS_EDE_NOT_SUPPORTED = 21, RS_EDE_NO_REACHABLE_AUTHORITY = 22,
    RS_EDE_NETWORK_ERROR = 23, RS_EDE_INVALID_QUERY = 30,
};

/* RFC6895-3.1: 41 (OPT) and 128..255 are meta-types or question types: never cached. */
static inline bool rs_type_is_meta(uint16_t type)
{
    return type == RS_OPT || (type >= 128 && type <= 255);
}

/* "A", "TYPE65400"; `text` has room for 16 characters. Returns `text`. */
const char *rs_type_text(uint16_t type, char text[16]);
const char *rs_rcode_text(uint16_t rcode, char text[16]);
/* False for an unknown name. */
bool rs_type_parse(const char *text, uint16_t *out);
