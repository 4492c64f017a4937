/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* event: what may happen to a query machine. Time and randomness come in with every event. */

#include <stdint.h>

#include "runtime/base/addr.h"
#include "runtime/base/status.h"

enum rs_event_kind {
    RS_EV_START,     /* once, first */
    RS_EV_REPLY,     /* an attempt got an acceptable reply (rs_match said ours): attempt, wire */
    RS_EV_NEAR_MISS, /* an attempt saw a wrong ID or question: it goes on listening */
    RS_EV_TIMEOUT,   /* an attempt is over without a reply */
    RS_EV_FAILED,    /* an attempt is over: refused, reset, no route, no candidate left (RT_GONE),
                        upstream overloaded (RT_FULL); `why` */
    RS_EV_DEADLINE,  /* the budget's deadline has passed */
};

struct rs_event {
    enum rs_event_kind kind;
    uint64_t now_ns;
    uint64_t random; /* fresh for each event */

    uint32_t attempt;      /* of the RS_FX_ASK it belongs to */
    uint8_t server_index;  /* which candidate was asked; 0xFF when none was */
    bool is_tcp;
    bool is_case_kept;     /* REPLY: the letters came back as sent, or 0x20 was not in use */
    bool had_edns, had_cookie; /* REPLY: what the question had carried */
    const uint8_t *wire;   /* REPLY: until the step returns */
    uint32_t wire_size;
    rt_status why;
};
