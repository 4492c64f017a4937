/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* answers: the answer cache of one core: finished answers by question, fixed memory, no pointers
 * from outside. Keyed hash; sets of 8 ways in one cache line of tags; the least used of a set goes.
 *
 * Cost     A probe touches the tag line and the answer's own lines; rs_answers_prefetch lets a
 * batch of probes overlap. */

#include "resolver/answer.h"
#include "runtime/base/siphash.h"

struct rs_answers;

enum {
    RS_ANSWER_SLOT_BYTES = 768, /* Longer answers come from the shard each time. */
};

RT_MUST_USE rt_status rs_answers_open(struct rs_answers **out, uint64_t memory_bytes,
                                      const struct rt_siphash_key *key);
void rs_answers_close(struct rs_answers *answers);

/* Takes its pages before they are needed, those of the next 2 MiB from *at, which moves on; false
 * when it has them all. Any thread, also while the owner works. The first answers go to random huge
 * pages, and a kernel that has to make one first stops its core for tens of milliseconds. */
bool rs_answers_populate(const struct rs_answers *answers, size_t *at);

struct rs_answer_key { /* computed once per request */
    uint64_t hash;
    uint16_t class;
};

/* name is lower case. */
struct rs_answer_key rs_answers_key(const struct rs_answers *answers, const uint8_t *name,
                                    size_t name_size, uint16_t type, uint16_t class,
                                    bool is_dnssec_ok, bool is_cd);
void rs_answers_prefetch(const struct rs_answers *answers, struct rs_answer_key key);

/* A fresh answer to exactly this question, or NULL. Valid until the next put. */
const struct rs_answer *rs_answers_get(struct rs_answers *answers, struct rs_answer_key key,
                                       const uint8_t *name, size_t name_size, uint16_t type,
                                       bool is_dnssec_ok, bool is_cd, uint64_t now_ns);

/* Keeps a copy if it may be cached and fits a slot. */
void rs_answers_put(struct rs_answers *answers, struct rs_answer_key key,
                    const struct rs_answer *answer, bool is_dnssec_ok, bool is_cd, uint64_t now_ns);
void rs_answers_clear(struct rs_answers *answers);
