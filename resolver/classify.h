/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* classify: what did the server say? One verdict on a whole reply; nothing is taken from it here.
 *
 * Believed is only what the zone's server may say: records at or under the zone it was asked as
 * the server of. */

#include "resolver/message.h"

enum rs_said {
    RS_SAID_ANSWER,    /* the set asked for, or an alias that starts at the name asked */
    RS_SAID_NODATA,    /* the name has no such type: SOA, or authoritative with the zone's NS */
    RS_SAID_NXDOMAIN,  /* the name does not exist, with or without SOA */
    RS_SAID_REFERRAL,  /* a zone strictly below has servers of its own */
    RS_SAID_EMPTY,     /* NOERROR and nothing at all: perhaps no data, perhaps broken */
    RS_SAID_LAME,      /* it does not serve the zone: referral upward, sideways, to itself, SOA of a
                          zone above */
    RS_SAID_TRUNCATED, /* TC */
    RS_SAID_NO_EDNS, /* FORMERR or NOTIMP to a question with OPT, without one itself (RFC6891-7) */
    RS_SAID_COOKIE,  /* BADCOOKIE (RFC7873-5.3) */
    RS_SAID_ERROR,   /* SERVFAIL, REFUSED, and every other rcode */
};

struct rs_asked {
    const uint8_t *name;
    uint16_t type;
    const uint8_t *zone; /* the zone asked; the forwarded name for forwarders */
    bool had_edns;
    bool is_recursive; /* a forwarder that recurses: nothing is lame that answers */
};

struct rs_judgement {
    enum rs_said said;
    struct rs_rrset *soa; /* NODATA, NXDOMAIN: the SOA to cache by; NULL: do not cache */
    struct rs_rrset *ns;  /* REFERRAL: the NS set */
};

void rs_classify(const struct rs_message *reply, const struct rs_asked *asked,
                 struct rs_judgement *out);
