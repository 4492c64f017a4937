/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "actors/asker.h"
#include "resolver/config.h"
#include "runtime/actor.h"

/* The desk of a question's home core: finds the query that is at work on it, or gives birth to one,
 * and tells all who wait. Home core: hash(qname) mod cores (services.h). */
#define DESK_MESSAGES(X)                                                                     \
    X(DESK_ASK, struct desk_ask)     /* listener or internal -> desk; nothing moves */       \
    X(DESK_DONE, struct desk_done)   /* query -> its desk; buf: an rs_answer */              \
    X(DESK_ROOTS, struct desk_roots) /* priming -> every desk; buf: struct rs_hints */

enum desk_msg_type {
    DESK_INVALID = 0,
#define X(name, type) name,
    DESK_MESSAGES(X)
#undef X
};

/* RT_MSG_DRAIN with this cookie: answer all who wait SERVFAIL now; with 0: finish what is at work. */
enum { DESK_DRAIN_NOW = 1 };

/* Answered exactly once by DESK_ANSWER to asker.listener, also under overload and failure; but never
 * when too many unproven questions of its address wait (desk.h). On RT_MSG_UNDELIVERED the sender
 * answers its client SERVFAIL itself. */
struct desk_ask {
    struct rt_msg head; /* head.trace_id names the question in traces */
    struct asker asker;
};

/* The end of a query, once or twice: which clients its buf serves. */
enum { DESK_FOR_PLAIN = 1, DESK_FOR_DNSSEC_OK = 2 };
struct desk_done {
    struct rt_msg head;
    uint8_t serves;  /* DESK_FOR_* bits; the last message completes both */
    uint16_t packets; /* upstream packets it cost, for statistics */
};

struct desk_roots {
    struct rt_msg head;
};

/* Desk -> asker.listener. A number of its own, so that any actor can be an asker. */
enum { DESK_ANSWER = 0x0100 };
struct desk_answer {
    struct rt_msg head; /* buf: the rs_answer, shared with all who asked; NULL: answer SERVFAIL
                           (overload; `ede`) */
    int16_t ede;
    struct asker asker;
};

_Static_assert(sizeof(struct desk_ask) <= RT_MSG_BYTES_MAX, "fits a message");
_Static_assert(sizeof(struct desk_answer) <= RT_MSG_BYTES_MAX, "fits a message");
