/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* asker: who asked what, and all that is needed to reply. It travels with the question to the home
 * core and comes back with the answer, so a listener keeps no table of the open questions of its
 * clients, and a listener that was restarted can still reply to them. */

#include "resolver/request.h"
#include "runtime/io.h"

enum asker_flag {
    ASKER_RD = 1,
    ASKER_CD = 2,
    ASKER_AD = 4,
    ASKER_DO = 8,
    ASKER_EDNS = 16,
    ASKER_TCP = 32,
    ASKER_VERIFIED = 64, /* the address is no forgery: TCP, or a valid cookie */
    ASKER_INTERNAL = 128, /* an actor of ours that wants it fresh: later prefetch */
};

struct asker {
    rt_ref listener;      /* gets the DESK_ANSWER */
    rt_handle handle;     /* its socket or stream */
    struct rt_addr peer, local;
    uint64_t since_ns;    /* when the question arrived */
    uint16_t id, type, class;
    uint16_t payload;     /* the client's EDNS size, 512 without */
    uint8_t flags;
    uint8_t cookie_size;  /* client cookie to be answered: 0 or 8 */
    uint8_t cookie[8];
    uint8_t name_size;
    uint8_t name[RS_NAME_BYTES_MAX]; /* in the client's letters */
};

void asker_from_request(struct asker *asker, const struct rs_request *request);

/* The request as rs_answer_reply wants it; name_as_sent points into `asker`. */
void asker_to_request(const struct asker *asker, struct rs_request *request);
