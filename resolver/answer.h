/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* answer: a finished answer in one block without pointers, ready to become the reply to any client
 * that asks the same question with the same DO and CD. It lives in an rt_buf on its way between
 * cores and in a slot of the answer cache; both are replied from by the same function.
 *
 * Layout   this struct | uint16_t ttl_offsets[ttls_count] | body | ede text
 *          body is the message after its header: question (lower case), answer, authority,
 *          additional without OPT; compression pointers and offsets count from the message start. */

#include "resolver/limits.h"
#include "resolver/message.h"
#include "resolver/request.h"
#include "resolver/rrset.h"

#define rs_answer_MAGIC UINT32_C(0x414e5357)

enum rs_answer_flag {
    RS_ANSWER_AA = 1,
    RS_ANSWER_AD = 2,
    RS_ANSWER_UNCACHED = 4, /* only for those who wait: failures of this moment, policy answers */
};

struct rs_answer {
    uint32_t magic;
    uint32_t size;      /* bytes of the whole block */
    uint64_t made_ns;   /* monotonic; TTLs count from here */
    uint32_t ttl_s;     /* usable so long: the least TTL inside, or the negative or failure TTL */
    uint16_t rcode;
    uint8_t flags;
    uint8_t security;   /* enum rs_security */
    uint16_t ancount, nscount, arcount;
    uint16_t ttls_count;
    uint16_t question_size; /* name + 4 */
    uint16_t body_size;
    int16_t ede;        /* RS_EDE_NONE */
    uint16_t ede_text_size;
};

/* What the resolver found, before it is packed. Lists share RRsets of the query's arena. */
struct rs_response {
    uint16_t rcode;
    uint8_t flags;      /* RS_ANSWER_* */
    uint8_t security;
    uint32_t ttl_s_max; /* cap for ttl_s; UINT32_MAX none */
    struct rs_rrsets answer, authority, additional;
    int ede;
    const char *ede_text; /* may be NULL */
};

/* Packs `response` into `out` (capacity bytes). Signatures, and authority sets of types RRSIG, NSEC, NSEC3,
 * go in only when `is_dnssec_ok` or asked for by type. A message over 65535 bytes loses whole
 * additional, then authority sets; then RT_FULL. `made_ns` becomes the start of its TTLs. */
RT_MUST_USE rt_status rs_answer_pack(const struct rs_response *response,
                                     const struct rs_question *question, bool is_dnssec_ok,
                                     uint64_t made_ns, uint8_t *out, size_t capacity,
                                     size_t *size);

/* True while its TTL lasts. */
bool rs_answer_is_fresh(const struct rs_answer *answer, uint64_t now_ns);

struct rs_reply_options {
    uint32_t size_max;     /* of the reply: client's payload, ours, or 65535 for TCP */
    uint16_t payload;      /* ours, told in OPT */
    uint8_t cookie_size;   /* COOKIE option to add: client part + fresh server part; 0 none */
    uint8_t cookie[40];
};

/* Writes the reply of `answer` to `request`: its ID, its letters, RD and CD copied, RA, TTLs counted
 * down by age, OPT exactly when it had one, EDE, AD only for AD=1 or DO=1 and CD=0; TC and empty
 * sections when it does not fit (RFC9715). Returns its size, at least 12 + question. No allocation.
 * `out` has room for size_max bytes, at least 512. */
size_t rs_answer_reply(const struct rs_answer *answer, const struct rs_request *request,
                       const struct rs_reply_options *options, uint64_t now_ns, uint8_t *out);

/* A reply without records: errors that need no answer. The question is repeated when the request
 * had a readable one. */
size_t rs_error_reply(const struct rs_request *request, uint16_t rcode, int ede,
                      const struct rs_reply_options *options, uint8_t *out);
