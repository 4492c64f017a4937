/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* states: the states of the query machine, their successors and why. Private to the machine: one
 * function each, in query.c (beginning and end), walk.c (from zone to zone), reply.c (what the
 * server said) and records.c (what is taken from it). resolver/README.md has them as a table. */

#include "resolver/frame.h"

#define QUERY_STATES(X)                                                                            \
    X(lookup)   /* -> choose, finish, fail       the cache comes first */                          \
    X(choose)   /* -> enter, fail                the deepest zone whose servers are known */       \
    X(enter)    /* -> question, fail             the frame has come to a zone */                   \
    X(question) /* -> servers                    how much of the name to show there */             \
    X(servers)  /* -> ask, lookup, finish, fail  who is next; or whose address to look for */      \
    X(ask)      /* -> reply, servers, fail       waits for the outcome of the attempts */          \
    X(reply)    /* -> referral, answer, denial, question, servers, fail  what was said? */         \
    X(referral) /* -> enter, servers, fail       a zone further down */                            \
    X(answer)   /* -> finish, lookup, denial, fail  records, or an alias to follow */              \
    X(denial)   /* -> finish, question           no such name, no such type */                     \
    X(finish)   /* -> servers, (done)            the frame has its answer */                       \
    X(fail)     /* -> servers, (done)            the frame will get none: SERVFAIL */

#define X(name)                                                                                    \
    enum rs_next rs_run_##name(struct rs_query *q, const struct rs_event *event);                  \
    extern const struct rs_state rs_state_##name;
QUERY_STATES(X)
#undef X

static inline enum rs_next rs_go(struct rs_query *q, const struct rs_state *state)
{
    q->state = state;
    return RS_MORE;
}

/* SERVFAIL that tells the alias chain which led to it. */
enum rs_next rs_fail_chain(struct rs_query *q, const char *text);

/* Something is odd about the answer to a shortened name: ask for the whole one (RFC9156-2.3, 3). */
enum rs_next rs_ask_whole(struct rs_query *q);
