/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* liar: an authority beside which somebody says something else. `say` sees each question before the
 * authority answers, and may send any number of replies of its own, byte by byte: forgeries that
 * come before the truth, or (behaviour SIM_DEAD) instead of it.
 *
 * Memory   The liar is the caller's to close, before its sim is freed. */

#include "tests/sim/sim.h"

struct liar;

/* `number` counts the liar's questions from 0. */
typedef void liar_say(void *arg, const struct sim_authority_question *question, uint64_t number);

struct liar *liar_open(struct sim *sim, const char *addrs, unsigned behaviour, liar_say *say,
                       void *arg);
void liar_close(struct liar *liar);
struct sim_authority *liar_authority(struct liar *liar);
uint64_t liar_questions(const struct liar *liar);
uint64_t liar_questions_tcp(const struct liar *liar);

/* ---- a reply by hand ---- */

struct liar_reply {
    const struct sim_authority_question *to;
    struct sim_writer writer;
    uint8_t wire[65535];
};

/* The question as it was asked follows the header; `flags` get QR by themselves. */
struct liar_reply *liar_begin(const struct sim_authority_question *to, uint16_t id, unsigned flags);
/* One record, "owner ttl TYPE rdata"; sections in order. */
void liar_add(struct liar_reply *reply, unsigned section, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void liar_opt(struct liar_reply *reply);
/* The reply stays valid until the next liar_begin: it may be sent again with other bytes. */
void liar_send(struct liar_reply *reply, uint64_t delay_ns);
