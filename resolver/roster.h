/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* roster: the servers of the zone at hand: who may be asked next, and how; what each attempt came
 * to. Which of several equals is asked is the upstream actor's choice (resolver/select.h).
 *
 * Servers take turns: nobody is asked a second time while another has not been asked once, but for
 * the retry that a server itself has called for (TC, no EDNS, BADCOOKIE, wrong letters). */

#include "resolver/frame.h"

/* Starts anew with the addresses that come with the frame's cut. */
void rs_roster_init(struct rs_query *q, struct rs_frame *frame);

/* Adds an address of name server `ns`; duplicates, forbidden ones and those beyond
 * RS_CANDIDATES_MAX are left out. True when it is there now. */
bool rs_roster_add(struct rs_query *q, struct rs_frame *frame, unsigned ns,
                   const struct rt_addr *addr);

/* The zone is asked something else: attempts start from zero, lame servers stay lame. */
void rs_roster_new_question(struct rs_roster *roster);

struct rs_pick {
    uint64_t excluded; /* bit i: not server i */
    bool is_tcp;
    int only; /* the one server to be retried; -1 several */
};

/* Who may be asked now; false: nobody is left. */
bool rs_roster_pick(const struct rs_query *q, const struct rs_frame *frame, struct rs_pick *out);

/* An attempt at server i was lost; `was_refused`: it, or the network on the way, said no. */
void rs_roster_on_loss(struct rs_query *q, struct rs_frame *frame, unsigned i, bool was_tcp,
                       bool was_refused);

/* Every known server has lost a datagram, two in all, and there is a name server whose address
 * nobody has looked up: it is worth more than another try at machines that may be dead. */
bool rs_roster_is_silent(const struct rs_query *q, const struct rs_frame *frame);

/* TCP attempts at the server that this query may still make. */
bool rs_roster_may_tcp(const struct rs_query *q, const struct rs_server_try *server);

/* The next address lookup worth its packets: which name server, and A or AAAA. */
bool rs_roster_next_ns(const struct rs_query *q, const struct rs_frame *frame, unsigned *ns,
                       uint16_t *type);
