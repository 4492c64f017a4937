/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "runtime/actor.h"
#include "runtime/base/addr.h"

/* The authority side of one core. */
#define UPSTREAM_MESSAGES(X)                                                                       \
    X(UPSTREAM_ASK, struct upstream_ask)         /* query -> upstream; buf: struct rs_ask */       \
    X(UPSTREAM_ABANDON, struct upstream_abandon) /* query -> upstream; nothing moves */            \
    X(UPSTREAM_LEARN, struct upstream_learn)     /* query -> upstream; nothing moves */

enum upstream_msg_type {
    UPSTREAM_INVALID = 0,
#define X(name, type) name,
    UPSTREAM_MESSAGES(X)
#undef X
};

/* Answered exactly once by QUERY_REPLY, QUERY_TIMEOUT or QUERY_FAILED to head.from, unless
 * UPSTREAM_ABANDON overtakes it; then at most once. QUERY_NEAR_MISS may come before. */
struct upstream_ask {
    struct rt_msg head;
};

struct upstream_abandon {
    struct rt_msg head;
    uint32_t attempt; /* of head.from */
};

struct upstream_learn {
    struct rt_msg head;
    struct rt_addr server;
    uint8_t flag; /* enum rs_server_flag */
};
