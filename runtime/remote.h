/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* remote: the bounded ring through which other threads hand messages to one core.
 *
 * Many writers, one reader, no lock: Vyukov's bounded queue, in which every slot carries a
 * sequence number that says whose turn it is. Messages are copied in and out of the slots.
 *
 * Memory   slots_count x 576 bytes, allocated when the ring opens.
 * Threads  push: any. front, pop, close: the reading core.
 * Order    FIFO from one writer. Between writers: order of their claims, which nobody may rely on.
 * Why not  a ring for each pair of cores: 65 x 65 rings with room for a burst are gigabytes. */

#include <stdatomic.h>

#include "runtime/actor.h"

struct rt_remote_slot {
    _Alignas(64) _Atomic uint64_t sequence; /* private */
    rt_ref to;
    union {
        struct rt_msg msg;
        _Alignas(16) uint8_t bytes[RT_MSG_BYTES_MAX];
    };
};

struct rt_remote {
    /* private: complete so that a core can embed it. Read by all, written by none */
    struct rt_remote_slot *slots;
    uint64_t mask;

    /* the writers */
    _Alignas(64) _Atomic uint64_t tail;

    /* the reading core */
    _Alignas(64) uint64_t head;
};

/* `slots_count` is a power of two. */
RT_MUST_USE rt_status rt_remote_open(struct rt_remote *ring, uint32_t slots_count);

/* The ring must be empty: bufs in it would be lost (checked). */
void rt_remote_close(struct rt_remote *ring);

/* Copies `msg`, with `from` as its sender. RT_FULL: every slot is taken; nothing happened. The copy
 * is visible to the reader before any later sequentially consistent load of the caller happens:
 * what the sleep protocol in runtime/core.c builds on. */
RT_MUST_USE rt_status rt_remote_push(struct rt_remote *ring, rt_ref to, rt_ref from,
                                     const struct rt_msg *msg);

/* The oldest message, or NULL. It stays in the ring, and may be changed there, until pop. */
struct rt_remote_slot *rt_remote_front(struct rt_remote *ring);

/* Frees the slot that rt_remote_front gave. */
void rt_remote_pop(struct rt_remote *ring);

bool rt_remote_is_empty(const struct rt_remote *ring);
