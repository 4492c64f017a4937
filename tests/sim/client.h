/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* client: stub resolvers on the virtual network. Each question comes from a socket of its own and
 * keeps what happened to it, to be judged against the truth. */

#include "tests/sim/net.h"
#include "tests/sim/zone.h"

struct sim_clients;

struct sim_ask {
    const char *name; /* letters are sent as they stand */
    uint16_t type;
    uint16_t class;        /* 0: IN */
    struct rt_addr server; /* the resolver's address and port */
    bool is_tcp;
    unsigned connection; /* TCP: number of a connection that questions share; 0: one of its own */
    bool is_deaf;        /* TCP: the connection is never read */
    bool no_edns, is_dnssec_ok, is_cd, no_rd;
    uint16_t payload;              /* 0: 1232 */
    unsigned tries;                /* datagrams, or connections that may break, in all; 0: 1 */
    uint32_t retry_ms;             /* between tries; 0: 1500 */
    bool keeps_truncated;          /* a truncated answer is the answer; else TCP follows it */
    uint32_t patience_ms;          /* later answers do not count; 0: 10 s */
    uint64_t delay_ns;             /* before it is asked */
    const struct sim_found *truth; /* NULL: nothing to compare with; outlives the clients */
    const uint8_t *wire; /* a message to send instead, ID included; NULL: made from the above */
    uint32_t wire_size;
};

enum sim_verdict {
    SIM_WAITING,  /* no answer yet, and patience left */
    SIM_LOST,     /* patience over, or the connection broke */
    SIM_RIGHT,    /* rcode and answer section are the truth's */
    SIM_FAILED,   /* SERVFAIL or REFUSED */
    SIM_WRONG,    /* something that is not true, or not even a reply to this question */
    SIM_UNJUDGED, /* an answer, and no truth to compare with */
};

struct sim_question {
    struct sim_ask ask; /* as asked; name and wire are copies */
    struct sim_name name, name_as_sent;
    uint16_t id;
    uint64_t asked_ns, answered_ns;
    unsigned answers; /* that came, late ones included; truncated ones that led to TCP are not */
    enum sim_verdict verdict;
    uint16_t rcode;
    int ede;
    bool was_truncated;
    const char *why; /* of a wrong answer */
    uint8_t *wire;   /* the first answer; NULL: none */
    uint32_t wire_size;
};

struct sim_tally {
    unsigned asked, answers,
        duplicates; /* answers: questions that got one; duplicates: beyond it */
    unsigned right, wrong, failed, lost, unjudged, waiting;
    unsigned answer_ms_max, answer_ms_99, answer_ms_50;
};

struct sim_clients *sim_clients_open(struct sim_net *net, uint64_t seed);
void sim_clients_close(struct sim_clients *clients);

/* The number of the question. */
unsigned sim_clients_ask(struct sim_clients *clients, const struct sim_ask *ask);
const struct sim_question *sim_clients_question(const struct sim_clients *clients, unsigned number);
unsigned sim_clients_count(const struct sim_clients *clients);
unsigned sim_clients_waiting(const struct sim_clients *clients);
/* Of the questions from number `first` on. */
struct sim_tally sim_clients_tally(const struct sim_clients *clients, unsigned first);
/* Called at each first answer or end of patience; NULL: nobody. */
void sim_clients_on_end(struct sim_clients *clients,
                        void (*call)(void *arg, const struct sim_question *question), void *arg);
