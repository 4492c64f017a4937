/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* mailbox: the messages that wait for one actor, and the pool of a core from which they all come.
 *
 * Memory   One block (struct rt_mail) for each waiting message, from a fixed pool of the core. The
 *          bound of a mailbox is a number, so a thousand idle actors cost nothing.
 * Threads  The owning core only. Messages from other cores arrive through runtime/remote.h.
 * Order    FIFO.
 * Why not  rt_pool: it zeroes each block, and 512 bytes cost more than the rest of a send. */

#include "runtime/actor.h"

/* A message on its way or at rest. */
struct rt_mail {
    struct rt_mail *next;
    struct rt_mail_pool *home; /* where the block goes back to */
    rt_ref to;                 /* used by the outbox only: a mailbox knows whose it is */
    uint64_t reserved;
    union {
        struct rt_msg msg;
        _Alignas(16) uint8_t bytes[0]; /* as many as the pool's blocks have room for */
    };
};

struct rt_mail_pool {
    /* private: complete so that a core can embed it */
    uint8_t *blocks;
    struct rt_mail *free;
    size_t stride, msg_bytes_max;
    uint32_t count, touched, in_use, in_use_max;
};

struct rt_mailbox {
    /* private: complete so that an actor's slot can embed it; zeroed memory with `cap` set */
    struct rt_mail *first, *last;
    uint32_t count, cap, high;
};

/* `count` blocks for messages of up to `msg_bytes_max` bytes. */
RT_MUST_USE rt_status rt_mail_pool_open(struct rt_mail_pool *pool, size_t msg_bytes_max,
                                        uint32_t count);
void rt_mail_pool_close(struct rt_mail_pool *pool);

/* A block with undefined content; NULL when all are in use. */
struct rt_mail *rt_mail_take(struct rt_mail_pool *pool);

/* Gives the block back to its pool. The buf of its message is the caller's business. */
void rt_mail_give(struct rt_mail *mail);

/* Copies `msg` into the block. */
void rt_mail_fill(struct rt_mail *mail, const struct rt_msg *msg);

static inline bool rt_mailbox_is_full(const struct rt_mailbox *box)
{
    return box->count >= box->cap;
}

/* Appends, also beyond the bound: the caller has looked at rt_mailbox_is_full, or the message is
 * one of the runtime's own, whose number is bounded elsewhere. */
void rt_mailbox_push(struct rt_mailbox *box, struct rt_mail *mail);

/* The oldest message, taken out; NULL when empty. The caller owns it. */
struct rt_mail *rt_mailbox_pop(struct rt_mailbox *box);
