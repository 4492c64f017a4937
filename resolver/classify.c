/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/classify.h"

#include "resolver/alias.h"

/* The authority section's set of `type` that says most: the deepest owner at or above the name. */
static struct rs_rrset *closest(const struct rs_message *reply, const uint8_t *name, uint16_t type)
{
    struct rs_rrset *best = NULL;
    for (struct rs_rrset *set = reply->authority.first; set != NULL; set = set->next) {
        if (set->type == type && rs_name_is_under(name, set->owner) &&
            (best == NULL || rs_name_is_under(set->owner, best->owner))) {
            best = set;
        }
    }
    return best;
}

static bool has_type(const struct rs_message *reply, uint16_t type)
{
    for (struct rs_rrset *set = reply->authority.first; set != NULL; set = set->next) {
        if (set->type == type) {
            return true;
        }
    }
    return false;
}

static bool is_strictly_under(const uint8_t *name, const uint8_t *zone)
{
    return rs_name_is_under(name, zone) && !rs_name_equal(name, zone);
}

/* RFC2308-2.2: no data and referrals look alike; SOA and NS tell them apart. */
static enum rs_said classify_no_answer(const struct rs_message *reply, const struct rs_asked *asked,
                                       struct rs_judgement *out)
{
    struct rs_rrset *soa = closest(reply, asked->name, RS_SOA);
    if (soa != NULL) {
        if (rs_name_is_under(soa->owner, asked->zone)) {
            out->soa = soa;
            return RS_SAID_NODATA;
        }
        /* It serves a zone above, not the one it was delegated. */
        return asked->is_recursive ? RS_SAID_NODATA : RS_SAID_LAME;
    }

    struct rs_rrset *ns = closest(reply, asked->name, RS_NS);
    if (ns != NULL && is_strictly_under(ns->owner, asked->zone)) {
        /* RFC4035-3.1.4.1: only the parent has the DS. One that knows no DS refers to the child,
         * and so says that there is none. */
        if (asked->type == RS_DS && rs_name_equal(ns->owner, asked->name)) {
            return RS_SAID_NODATA;
        }
        if (asked->is_recursive) {
            return RS_SAID_LAME; /* It does not recurse for us. */
        }
        out->ns = ns; /* With or without AA: some servers set it on referrals. */
        return RS_SAID_REFERRAL;
    }
    if (ns != NULL && rs_name_equal(ns->owner, asked->zone) && reply->is_authoritative) {
        return RS_SAID_NODATA;
    }
    if (asked->is_recursive) {
        return RS_SAID_NODATA;
    }
    return has_type(reply, RS_NS) || has_type(reply, RS_SOA) ? RS_SAID_LAME : RS_SAID_EMPTY;
}

static enum rs_said classify_nxdomain(const struct rs_message *reply, const struct rs_asked *asked,
                                      struct rs_judgement *out)
{
    struct rs_rrset *soa = closest(reply, asked->name, RS_SOA);
    if (soa != NULL && rs_name_is_under(soa->owner, asked->zone)) {
        out->soa = soa;
        return RS_SAID_NXDOMAIN;
    }
    if (soa != NULL && !asked->is_recursive) {
        return RS_SAID_LAME;
    }
    return RS_SAID_NXDOMAIN; /* RFC2308-5: without SOA it counts, but is not cached. */
}

static enum rs_said classify(const struct rs_message *reply, const struct rs_asked *asked,
                             struct rs_judgement *out)
{
    if (reply->is_truncated) {
        return RS_SAID_TRUNCATED;
    }
    switch (reply->rcode) {
    case RS_NOERROR:
    case RS_NXDOMAIN:
    case RS_YXDOMAIN:
        break;
    case RS_FORMERR:
    case RS_NOTIMP:
        return asked->had_edns && !reply->edns.is_present ? RS_SAID_NO_EDNS : RS_SAID_ERROR;
    case RS_BADCOOKIE:
        return RS_SAID_COOKIE;
    default:
        return RS_SAID_ERROR;
    }

    if (rs_alias_begins(&reply->answer, asked->name, asked->type, asked->zone)) {
        return RS_SAID_ANSWER;
    }
    if (reply->rcode == RS_YXDOMAIN) {
        return RS_SAID_ERROR; /* Only a DNAME can make a name too long, and there is none. */
    }
    return reply->rcode == RS_NXDOMAIN ? classify_nxdomain(reply, asked, out)
                                       : classify_no_answer(reply, asked, out);
}

void rs_classify(const struct rs_message *reply, const struct rs_asked *asked,
                 struct rs_judgement *out)
{
    *out = (struct rs_judgement){.said = RS_SAID_ERROR};
    out->said = classify(reply, asked, out);
}
