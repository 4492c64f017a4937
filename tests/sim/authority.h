/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* authority: an authoritative server on the virtual network: zones, and the ways in which real
 * servers misbehave. It tells its observer of each question, for budgets and sharing. */

#include "tests/sim/server.h"
#include "tests/sim/zone.h"

enum sim_behaviour {
    SIM_LAME = 1 << 0,        /* answers, but not for its zones: no AA, no records */
    SIM_LAME_UPWARD = 1 << 1, /* refers to the root instead */
    SIM_DEAD = 1 << 2,        /* takes and says nothing */
    SIM_REFUSES = 1 << 3,
    SIM_SERVFAILS = 1 << 4,
    SIM_FORMERR_EDNS = 1 << 5,   /* FORMERR without OPT to whoever shows one (RFC6891-7) */
    SIM_NO_EDNS = 1 << 6,        /* overlooks OPT: answers as in 1987 */
    SIM_TC_ALWAYS = 1 << 7,      /* every datagram is truncated; TCP is fine */
    SIM_WRONG_CASE = 1 << 8,     /* gives the question back in lower case */
    SIM_WRONG_ID_FIRST = 1 << 9, /* a forger is faster, with a wrong ID and a false record */
    SIM_TCP_ONLY = 1 << 10,      /* datagrams never arrive */
    SIM_UDP_ONLY = 1 << 11,      /* nobody listens for TCP */
    SIM_COOKIES = 1 << 12,       /* gives server cookies (RFC7873) */
    SIM_COOKIES_ONLY = 1 << 13,  /* and answers BADCOOKIE to datagrams without a right one */
    SIM_GARBAGE = 1 << 14,       /* answers with bytes that are no DNS message */
    SIM_TCP_CLOSES = 1 << 15,    /* ends a connection after each reply */
    SIM_NOT_QUERY = 1 << 16,     /* NOTIMP to everything */
    SIM_RECURSES = 1 << 17,      /* is a resolver: RA, never AA */
};

struct sim_authority_question { /* what the observer sees */
    const struct sim_message *message;
    const struct sim_server_query *query;
};

struct sim_authority;

/* Makes up an answer instead of the zones: hostile trees. False: let the zones answer. */
typedef bool sim_improvise(void *arg, const struct sim_message *query, const struct rt_addr *local,
                           struct sim_found *out);

struct sim_authority_options {
    struct sim_net *net;
    unsigned behaviour; /* enum sim_behaviour bits */
    uint32_t slow_ms;   /* before each reply */
    uint16_t payload;   /* its EDNS size; 0: 1232 */
    sim_improvise *improvise;
    void *improvise_arg;
    void (*observe)(void *arg, const struct sim_authority_question *question);
    void *observe_arg;
};

struct sim_authority *sim_authority_open(const struct sim_authority_options *options);
void sim_authority_close(struct sim_authority *authority);
void sim_authority_listen(struct sim_authority *authority, const struct rt_addr *addr);
/* The zone stays the caller's and may still change. */
void sim_authority_serve(struct sim_authority *authority, struct sim_zone *zone);
void sim_authority_drop(struct sim_authority *authority, const struct sim_zone *zone);
void sim_authority_behave(struct sim_authority *authority, unsigned behaviour, uint32_t slow_ms);
unsigned sim_authority_behaviour(const struct sim_authority *authority);
uint64_t sim_authority_questions(const struct sim_authority *authority);
