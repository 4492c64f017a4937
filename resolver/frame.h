/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* frame: the insides of the query machine: a stack of questions, each with the zone it has come to
 * and what is known of that zone's servers. Private to query.c and its companions (walk.c, reply.c,
 * records.c, zonecut.c, roster.c, nsaddr.c, ask.c, store_effects.c).
 *
 * The lowest frame is the client's question; each one above looks for an address of a name server
 * that the frame below needs. Only the topmost frame has attempts under way.
 *
 * Memory   All in the query's arena; nothing is freed before the query ends. */

#include "resolver/classify.h"
#include "resolver/qmin.h"
#include "resolver/query.h"

/* ---- a zone and where its servers are ---- */

enum rs_cut_kind {
    RS_CUT_DELEGATION, /* as the parent zone told, now or to the cache */
    RS_CUT_HINTS,      /* the root, from the hints */
    RS_CUT_FORWARD,    /* a forwarded name: fixed addresses */
};

struct rs_cut {
    struct rs_cut *next; /* in rs_query.cuts */
    enum rs_cut_kind kind;
    const uint8_t *zone;
    unsigned zone_labels;
    uint64_t expires_s;              /* cache seconds: nothing delegated from here may outlive it */
    bool is_dead;                    /* none of its servers said anything to this query */
    uint8_t address_asks;            /* packets sent here in search of name server addresses */
    struct rs_delegation delegation; /* DELEGATION */
    const struct rs_forward *forward; /* FORWARD */
};

/* Its servers resolve for us: they are asked with RD, and none of their answers is lame. */
static inline bool rs_cut_recurses(const struct rs_cut *cut)
{
    return cut->kind == RS_CUT_FORWARD && cut->forward->mode == RS_FORWARD_RECURSE;
}

/* ---- the servers of the zone that a frame has come to ---- */

enum rs_server_state {
    RS_TRY_LAME = 1,          /* does not serve this zone */
    RS_TRY_DONE = 2,          /* has said what it will about the question of the moment */
    RS_TRY_TCP = 4,           /* the next attempt goes over TCP */
    RS_TRY_NO_EDNS = 8,       /* the next attempts go without OPT ... */
    RS_TRY_NO_EDNS_SURE = 32, /* ... as it has asked for over TCP */
    RS_TRY_COOKIE = 16,       /* has answered BADCOOKIE once */
};

struct rs_server_try {
    struct rt_addr addr;
    uint8_t flags;
    uint8_t attempts;     /* for the question of the moment */
    uint8_t tcp_attempts; /* of those */
    uint8_t losses;       /* datagrams lost in a row */
};

enum { RS_LOSSES_BEFORE_TCP = 2 }; /* RFC9715-3.2: they may mean a lost fragment each. */

struct rs_ns_try {
    bool has_glue; /* the delegation came with an address */
    bool has_addr; /* some address is known */
    bool asked_v4, asked_v6;
    bool is_done; /* there is nothing more to find out about it */
};

struct rs_roster {
    uint8_t count;
    int8_t retry;     /* to be asked again before all others; -1 none */
    bool is_gathered; /* addresses that cost no packet have been collected */
    bool has_spoken;  /* some server has sent some reply */
    uint8_t first;    /* name server to start from when addresses are looked up */
    struct rs_server_try servers[RS_CANDIDATES_MAX];
    struct rs_ns_try ns[RS_NS_PER_DELEGATION_MAX];
};

/* ---- a question of the stack ---- */

struct rs_frame {
    bool is_address;     /* looks for a name server's address for the frame below */
    uint8_t ns;          /* is_address: of which name server of the frame below */
    struct rs_name name; /* looked for: the question's, or where its alias chain has come to */
    uint16_t type;
    unsigned labels_max; /* the first zone may have at most so many labels */
    struct rs_cut *cut;  /* the zone it has come to; NULL before the first */
    struct rs_roster roster;
    struct rs_qmin qmin;
    bool is_stepping;      /* the name is shown label by label, or has been */
    bool has_seen_empty;   /* some server said NOERROR and nothing: the last resort */
    bool is_known_failure; /* the cache said so: no new failure is stored */
    bool is_unproven; /* a bound or a circle of this query stood in the way: seen from elsewhere the
                         name may well resolve */
    struct rs_name asked; /* what the servers are asked at the moment ... */
    uint16_t asked_type;
    bool is_shortened;           /* ... and whether that is less than the question */
    struct rs_response response; /* grows with the alias chain */
};

/* ---- attempts under way ---- */

enum { RS_FLIGHTS_MAX = 2, RS_TCP_TROUBLES_MAX = 32 };

struct rs_flight {
    bool is_active;
    uint32_t attempt;
};

/* TCP attempts that came to nothing, per server, for the whole query. */
struct rs_tcp_trouble {
    struct rt_addr addr;
    uint8_t failures;
};

#define rs_query_MAGIC UINT32_C(0x51554552)

struct rs_state {
    const char *name;
    enum rs_next (*run)(struct rs_query *q, const struct rs_event *event);
};

struct rs_query {
    uint32_t magic;
    const struct rs_config *config;
    const struct rs_hints *hints;
    struct rs_cache_view *cache; /* NULL: neither read nor written */
    struct rt_arena *arena;
    struct rs_question question;
    bool is_cd, is_refresh;
    struct rs_budget budget;

    /* what the event of this step brought */
    uint64_t now_ns, now_s, random;
    struct rs_effects *effects;

    const struct rs_state *state;
    unsigned depth; /* index of the topmost frame */
    struct rs_frame *frames[RS_DEPTH_MAX + 1];
    struct rs_cut *cuts; /* the query's own knowledge: it never reads back its own writes */

    uint32_t attempts; /* numbers given so far */
    struct rs_flight flights[RS_FLIGHTS_MAX];
    struct rs_ask asks[RS_FLIGHTS_MAX];
    struct rs_tcp_trouble tcp_troubles[RS_TCP_TROUBLES_MAX];

    /* the reply at hand */
    struct rs_message reply;
    struct rs_judgement judgement;

    /* the end */
    bool is_over;       /* a bound of the whole query is reached: no frame goes on */
    bool is_overloaded; /* our own fault: not remembered as a failure */
    bool keeps_chain;   /* the alias chain is told with the SERVFAIL it led to */
    int ede;
    const char *ede_text;
};

static inline struct rs_frame *rs_top(struct rs_query *q)
{
    return q->frames[q->depth];
}

/* Puts a question on the stack. NULL: too deep, asked already by a frame below (a circle), or no
 * memory, which ends the query. */
struct rs_frame *rs_frame_push(struct rs_query *q, const uint8_t *name, uint16_t type);
void rs_frame_pop(struct rs_query *q);

/* True when a frame below the topmost one waits for addresses of the servers of `zone`. */
bool rs_frame_waits_for(const struct rs_query *q, const uint8_t *zone);

/* Ends the query with SERVFAIL and this reason. The first reason stands. */
void rs_query_give_up(struct rs_query *q, int ede, const char *text);

/* The same for want of memory. A question that needs more than a question may has failed; when all
 * of the core's memory is in use the name is not to blame. */
void rs_query_no_memory(struct rs_query *q);
