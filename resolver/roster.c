/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/roster.h"

_Static_assert(RS_CANDIDATES_MAX <= 64, "a bit for each candidate");

enum {
    ATTEMPTS_FOR_ADDRESS = RS_LOSSES_BEFORE_TCP + 1, /* Then the next name server. */
};

/* ---- who is on it ---- */

static bool append(struct rs_roster *roster, const struct rt_addr *addr)
{
    for (unsigned i = 0; i < roster->count; i++) {
        if (rt_addr_equal(&roster->servers[i].addr, addr)) {
            return true;
        }
    }
    if (roster->count == RS_CANDIDATES_MAX) {
        return false;
    }
    roster->servers[roster->count++] = (struct rs_server_try){.addr = *addr};
    return true;
}

static bool is_family_on(const struct rs_config *config, const struct rt_addr *addr)
{
    return addr->family == 4 ? config->use_ipv4 : addr->family == 6 && config->use_ipv6;
}

/* Hints and forwarders are the operator's word: any address goes. */
static void add_configured(struct rs_query *q, struct rs_roster *roster,
                           const struct rt_addr *addrs, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (is_family_on(q->config, &addrs[i])) {
            append(roster, &addrs[i]);
        }
    }
}

static void add_hints(struct rs_query *q, struct rs_roster *roster)
{
    unsigned count = q->hints->count;
    for (unsigned i = 0; i < count; i++) {
        /* From a different one each time, for those that do not fit. */
        const struct rs_hint *hint = &q->hints->items[(i + q->random) % count];
        add_configured(q, roster, hint->addrs, hint->addrs_count);
    }
}

static void add_delegated(struct rs_query *q, struct rs_frame *frame)
{
    const struct rs_delegation *delegation = &frame->cut->delegation;
    for (unsigned i = 0; i < delegation->ns_count; i++) {
        const struct rs_ns *ns = &delegation->ns[i];
        frame->roster.ns[i].has_glue = ns->addrs_count > 0;
        for (unsigned j = 0; j < ns->addrs_count; j++) {
            rs_roster_add(q, frame, i, &ns->addrs[j]);
        }
    }
    if (delegation->ns_count > 0) {
        frame->roster.first = (uint8_t)((q->random >> 32) % delegation->ns_count);
    }
}

void rs_roster_init(struct rs_query *q, struct rs_frame *frame)
{
    frame->roster = (struct rs_roster){.retry = -1};
    switch (frame->cut->kind) {
    case RS_CUT_HINTS:
        add_hints(q, &frame->roster);
        return;
    case RS_CUT_FORWARD:
        add_configured(q, &frame->roster, frame->cut->forward->addrs,
                       frame->cut->forward->addrs_count);
        return;
    case RS_CUT_DELEGATION:
        add_delegated(q, frame);
        return;
    }
    RT_UNREACHABLE("kind outside enum rs_cut_kind");
}

bool rs_roster_add(struct rs_query *q, struct rs_frame *frame, unsigned ns,
                   const struct rt_addr *addr)
{
    if (rs_config_is_forbidden_server(q->config, addr) || !append(&frame->roster, addr)) {
        return false;
    }
    frame->roster.ns[ns].has_addr = true;
    return true;
}

void rs_roster_new_question(struct rs_roster *roster)
{
    for (unsigned i = 0; i < roster->count; i++) {
        struct rs_server_try *server = &roster->servers[i];
        server->flags &= (uint8_t) ~(RS_TRY_DONE | RS_TRY_TCP | RS_TRY_COOKIE);
        server->attempts = server->tcp_attempts = 0;
    }
    roster->retry = -1;
}

/* ---- who is next ---- */

static unsigned attempts_max(const struct rs_frame *frame)
{
    return frame->is_address ? ATTEMPTS_FOR_ADDRESS : RS_ATTEMPTS_PER_SERVER_MAX;
}

bool rs_roster_may_tcp(const struct rs_query *q, const struct rs_server_try *server)
{
    if (server->tcp_attempts >= RS_TCP_PER_SERVER_MAX) {
        return false;
    }
    for (unsigned i = 0; i < RS_TCP_TROUBLES_MAX; i++) {
        const struct rs_tcp_trouble *trouble = &q->tcp_troubles[i];
        if (trouble->failures > 0 && rt_addr_equal(&trouble->addr, &server->addr)) {
            return trouble->failures < RS_TCP_PER_SERVER_MAX;
        }
    }
    return q->tcp_troubles[RS_TCP_TROUBLES_MAX - 1].failures == 0; /* Nobody left to count. */
}

static bool needs_tcp(const struct rs_query *q, const struct rs_server_try *server)
{
    return q->config->always_tcp || (server->flags & RS_TRY_TCP) != 0 ||
           server->losses >= RS_LOSSES_BEFORE_TCP;
}

static bool is_usable(const struct rs_query *q, const struct rs_frame *frame, unsigned i)
{
    const struct rs_server_try *server = &frame->roster.servers[i];
    return (server->flags & (RS_TRY_LAME | RS_TRY_DONE)) == 0 &&
           (!needs_tcp(q, server) || rs_roster_may_tcp(q, server));
}

bool rs_roster_pick(const struct rs_query *q, const struct rs_frame *frame, struct rs_pick *out)
{
    const struct rs_roster *roster = &frame->roster;
    unsigned least = attempts_max(frame);
    *out = (struct rs_pick){.excluded = UINT64_MAX, .is_tcp = true, .only = -1};

    if (roster->retry >= 0 && is_usable(q, frame, (unsigned)roster->retry) &&
        roster->servers[roster->retry].attempts < RS_ATTEMPTS_PER_SERVER_MAX) {
        out->only = roster->retry;
        out->excluded = ~(UINT64_C(1) << roster->retry);
        out->is_tcp = needs_tcp(q, &roster->servers[roster->retry]);
        return true;
    }
    for (unsigned i = 0; i < roster->count; i++) {
        if (is_usable(q, frame, i) && roster->servers[i].attempts < least) {
            least = roster->servers[i].attempts;
        }
    }
    /* One question goes out one way: those with datagrams first, then those that need TCP. */
    for (unsigned i = 0; i < roster->count; i++) {
        bool is_tcp = needs_tcp(q, &roster->servers[i]);
        if (!is_usable(q, frame, i) || roster->servers[i].attempts != least ||
            least >= attempts_max(frame) || (is_tcp && !out->is_tcp)) {
            continue;
        }
        if (!is_tcp && out->is_tcp) {
            out->is_tcp = false;
            out->excluded = UINT64_MAX;
        }
        out->excluded &= ~(UINT64_C(1) << i);
    }
    return out->excluded != UINT64_MAX;
}

static void note_tcp_trouble(struct rs_query *q, const struct rt_addr *addr)
{
    for (unsigned i = 0; i < RS_TCP_TROUBLES_MAX; i++) {
        struct rs_tcp_trouble *trouble = &q->tcp_troubles[i];
        if (trouble->failures == 0) {
            trouble->addr = *addr;
        }
        if (trouble->failures == 0 || rt_addr_equal(&trouble->addr, addr)) {
            trouble->failures += trouble->failures < UINT8_MAX;
            return;
        }
    }
}

void rs_roster_on_loss(struct rs_query *q, struct rs_frame *frame, unsigned i, bool was_tcp,
                       bool was_refused)
{
    struct rs_server_try *server = &frame->roster.servers[i];
    if (was_tcp) {
        note_tcp_trouble(q, &server->addr);
    } else if (was_refused) {
        server->flags |= RS_TRY_DONE;
    } else if (server->losses < UINT8_MAX) {
        server->losses++;
    }
}

/* ---- addresses to look for ---- */

/* A name server below the zone it serves: only the parent can tell where it is, and it did. */
static bool is_settled(const struct rs_frame *frame, unsigned i)
{
    const struct rs_ns_try *ns = &frame->roster.ns[i];
    return ns->is_done ||
           (ns->has_glue && rs_name_is_under(frame->cut->delegation.ns[i].name, frame->cut->zone));
}

/* The lookups in order of promise. */
enum promise {
    OTHER_FAMILY_OF_NONE, /* no address of the one family: the other will have it */
    NEVER_ASKED,          /* nothing is known */
    OTHER_FAMILY,         /* the known addresses of the one family did not help */
    OWN_WORD,             /* neither did the glue: what does its own zone say? */
    PROMISES
};

static bool fits(const struct rs_ns_try *ns, enum promise promise)
{
    bool was_asked = ns->asked_v4 || ns->asked_v6;
    switch (promise) {
    case OTHER_FAMILY_OF_NONE:
        return was_asked && !ns->has_addr;
    case NEVER_ASKED:
        return !was_asked && !ns->has_addr;
    case OTHER_FAMILY:
        return was_asked && ns->has_addr;
    case OWN_WORD:
        return !was_asked && ns->has_addr;
    case PROMISES:
        break;
    }
    RT_UNREACHABLE("promise outside the list");
}

bool rs_roster_next_ns(const struct rs_query *q, const struct rs_frame *frame, unsigned *ns,
                       uint16_t *type)
{
    const struct rs_roster *roster = &frame->roster;
    unsigned count = frame->cut->kind == RS_CUT_DELEGATION ? frame->cut->delegation.ns_count : 0;

    for (enum promise promise = 0; promise < PROMISES; promise++) {
        for (unsigned n = 0; n < count; n++) {
            unsigned i = (roster->first + n) % count;
            bool can_v4 = q->config->use_ipv4 && !roster->ns[i].asked_v4;
            bool can_v6 = q->config->use_ipv6 && !roster->ns[i].asked_v6;
            if (is_settled(frame, i) || !fits(&roster->ns[i], promise) || (!can_v4 && !can_v6)) {
                continue;
            }
            *ns = i;
            *type = can_v4 ? RS_A : RS_AAAA;
            return true;
        }
    }
    return false;
}

bool rs_roster_is_silent(const struct rs_query *q, const struct rs_frame *frame)
{
    const struct rs_roster *roster = &frame->roster;
    unsigned count = frame->cut->kind == RS_CUT_DELEGATION ? frame->cut->delegation.ns_count : 0;
    unsigned losses = 0;

    if (roster->retry >= 0) {
        return false;
    }
    for (unsigned i = 0; i < roster->count; i++) {
        if (is_usable(q, frame, i) && roster->servers[i].losses == 0) {
            return false;
        }
        losses += roster->servers[i].losses;
    }
    if (losses < RS_LOSSES_BEFORE_TCP) {
        return false;
    }
    for (unsigned i = 0; i < count; i++) {
        if (!is_settled(frame, i) && fits(&roster->ns[i], NEVER_ASKED)) {
            return true;
        }
    }
    return false;
}
