/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* effect: what a query machine may ask of the world. Recorded in order during a step; the query
 * actor performs them when the step returns. */

#include "resolver/answer.h"
#include "resolver/cache/cache.h"
#include "resolver/limits.h"
#include "runtime/base/addr.h"

/* One question to one of some servers. Plain bytes: it travels to the upstream actor in an rt_buf.
 * Answered by exactly one of REPLY, TIMEOUT, FAILED, unless abandoned; NEAR_MISS may come before. */
struct rs_ask {
    uint32_t attempt;          /* the machine's number for it */
    uint16_t type, class;
    struct rs_name name;       /* lower case; the upstream actor mixes it */
    bool is_tcp;
    bool wants_recursion;      /* RD: towards forwarders */
    bool is_cd, is_dnssec_ok;
    bool has_edns;             /* false: this attempt goes without (after a FORMERR) */
    bool may_mix_case;
    bool wants_fresh_cookie;   /* after BADCOOKIE: the reply's cookie has been learnt */
    uint8_t candidates_count;
    uint32_t timeout_ms_max;   /* what the budget leaves */
    uint64_t excluded;         /* bit i: candidate i must not be chosen again */
    struct rt_addr candidates[RS_CANDIDATES_MAX];
};

enum rs_effect_kind {
    RS_FX_ASK,      /* ask: valid until the next step */
    RS_FX_ABANDON,  /* attempt: its outcome interests nobody any more */
    RS_FX_STORE,    /* key, entry: valid until the next step */
    RS_FX_LEARN,    /* server, flag: the machine found out something about a server */
    RS_FX_ANSWER,   /* response: the end. Exactly once, last. */
};

/* Fixed room; the machine checks `count` against the bound (its own program error). */
struct rs_effects {
    unsigned count;
    struct rs_fx {
        enum rs_effect_kind kind;
        uint32_t attempt;              /* ABANDON */
        const struct rs_ask *ask;      /* ASK: in the query's arena */
        struct rs_key key;             /* STORE */
        const struct rs_entry *entry;  /* STORE: in the query's arena */
        struct rt_addr server;         /* LEARN */
        uint8_t flag;                  /* LEARN: enum rs_server_flag */
    } items[RS_EFFECTS_PER_STEP_MAX];
    const struct rs_response *response; /* ANSWER */
};
