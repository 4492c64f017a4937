/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "runtime/actor.h"
#include "runtime/base/addr.h"

/* What a query hears: from upstream, with the attempt number of the rs_ask it belongs to. */
#define QUERY_MESSAGES(X)                                                                       \
    X(QUERY_START, struct rt_msg)            /* query -> itself: the first step */              \
    X(QUERY_REPLY, struct query_reply)       /* upstream -> query; buf: the DNS message */      \
    X(QUERY_NEAR_MISS, struct query_outcome) /* upstream -> query; the attempt goes on */       \
    X(QUERY_TIMEOUT, struct query_outcome)   /* upstream -> query */                            \
    X(QUERY_FAILED, struct query_outcome)    /* upstream -> query; `why` */

enum query_msg_type {
    QUERY_INVALID = 0,
#define X(name, type) name,
    QUERY_MESSAGES(X)
#undef X
};

struct query_reply {
    struct rt_msg head;
    uint32_t attempt;
    uint8_t server_index;
    bool is_tcp, is_case_kept, had_edns, had_cookie;
};

struct query_outcome {
    struct rt_msg head;
    uint32_t attempt;
    uint8_t server_index; /* 0xFF: none was asked */
    bool is_tcp;
    rt_status why;
};
