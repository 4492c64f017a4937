/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* serve: the way of a client's question through a listener of any transport: read, admitted or
 * not, answered from this core's caches, or handed to the question's home desk; and the way of an
 * answer back to its client.
 *
 * The order of judgement: not a question at all -> silence; a client outside the ACL -> REFUSED,
 * whatever it asked; a malformed or odd question -> its error; then caches, then the desk. */

#include "actors/asker.h"
#include "actors/desk_msg.h"
#include "actors/services.h"
#include "resolver/cookie.h"

enum serve_kind {
    SERVE_DROP,   /* nothing may be said: not a question */
    SERVE_ERROR,  /* a reply without records: rcode, ede */
    SERVE_ANSWER, /* answer */
    SERVE_ASK,    /* the home desk must be asked */
};

/* One question of one client while it passes through. */
struct serve {
    enum serve_kind kind;
    struct rt_addr peer, local;
    rt_handle handle;
    bool is_tcp;
    bool is_verified; /* asks over TCP or showed a cookie of ours */
    uint8_t cookie_size;
    uint8_t cookie[RS_COOKIE_CLIENT_BYTES + RS_COOKIE_SERVER_BYTES]; /* for the reply */
    uint16_t rcode;
    int ede;
    const struct rs_answer *answer; /* in the answer cache, the turn's arena or a message */
    struct rs_answer_key key;
    struct rs_request request; /* points into the datagram */
};

/* Reads `wire` and begins to fetch what the answer cache may know. The caller has zeroed nothing;
 * peer, local, handle and is_tcp come from `from`. */
struct serve_from {
    struct rt_addr peer, local;
    rt_handle handle;
    bool is_tcp;
    bool is_cut; /* the message was longer than what is given: FORMERR at best */
};
void serve_read(struct services *services, const struct serve_from *from, const uint8_t *wire,
                size_t size, uint64_t wall_ms, struct serve *out);

/* Decides a question of kind SERVE_ASK from the caches of this core; others stay as they are. */
void serve_look(struct services *services, struct serve *serve, uint64_t now_ns);

/* What the caches say about a question: an answer in the answer cache or, packed, in the turn's
 * arena, usable until the turn ends or the answer cache changes; NULL: nothing. */
struct serve_question {
    const uint8_t *name; /* lower case */
    uint16_t name_size, type, class;
    bool is_dnssec_ok, is_cd;
    struct rs_answer_key key;
};
const struct rs_answer *serve_find(struct services *services, const struct serve_question *question,
                                   uint64_t now_ns);

/* Room that the reply needs; at least 512. UDP: what the client takes. */
uint32_t serve_room(const struct services *services, const struct serve *serve);

/* Writes the reply, at most `room` bytes, and counts it. Returns its size, never 0. Not for
 * SERVE_DROP and SERVE_ASK. */
uint32_t serve_write(struct services *services, const struct serve *serve, uint32_t room,
                     uint64_t now_ns, uint8_t *out);

/* ---- to the desk and back ---- */

/* Askers on their way to a desk, kept for the moment in which RT_MSG_UNDELIVERED may come back:
 * that takes two loop turns, in which a listener cannot send more than this without being full
 * itself. What is overwritten earlier and lost is counted as dropped. */
enum { SERVE_UNDERWAY = 256 };
struct serve_underway {
    uint64_t next; /* cookie of the next message, from 1 */
    struct serve_sent {
        uint64_t cookie;
        struct asker asker;
    } sent[SERVE_UNDERWAY];
};

/* Sends the question to its home desk. Anything but RT_OK: the caller replies SERVFAIL (the kind
 * has been set to SERVE_ERROR and `shed` counted). */
RT_MUST_USE rt_status serve_ask_desk(struct rt_ctx *ctx, struct serve_underway *underway,
                                     struct serve *serve);

/* The desk's answer; it also goes into this core's answer cache. Valid while `msg` is. */
void serve_answered(struct services *services, const struct desk_answer *msg, uint64_t now_ns,
                    uint64_t wall_ms, struct serve *out);

/* A message to a desk was lost. True: reply `out` (SERVFAIL). */
bool serve_undelivered(struct services *services, struct serve_underway *underway,
                       const struct rt_msg_undelivered *msg, uint64_t wall_ms, struct serve *out);
