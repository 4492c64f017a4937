/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/answer.h"

#include <string.h>

#include "resolver/edns.h"
#include "resolver/wire.h"
#include "runtime/base/clock.h"

/* The parts of a block; see the layout in the header. */
static const uint16_t *ttl_offsets(const struct rs_answer *answer)
{
    return (const uint16_t *)(answer + 1);
}

static const uint8_t *body_of(const struct rs_answer *answer)
{
    return (const uint8_t *)(ttl_offsets(answer) + answer->ttls_count);
}

/* A core's clock may be a little behind that of the core which made the answer. */
static uint64_t age_ns(const struct rs_answer *answer, uint64_t now_ns)
{
    return now_ns > answer->made_ns ? now_ns - answer->made_ns : 0;
}

bool rs_answer_is_fresh(const struct rs_answer *answer, uint64_t now_ns)
{
    return age_ns(answer, now_ns) < answer->ttl_s * RT_NS_PER_S;
}

static struct rs_opt opt_for(const struct rs_request *request,
                             const struct rs_reply_options *options, uint16_t rcode, int ede)
{
    RT_CHECK(options->cookie_size <= sizeof(options->cookie));
    return (struct rs_opt){
        .payload = options->payload,
        .rcode = rcode,
        .is_dnssec_ok = request->edns.is_dnssec_ok, /* RFC3225-3: copied */
        .cookie = options->cookie,
        .cookie_size = options->cookie_size,
        .ede = ede,
    };
}

/* RFC6891-6.1.3: the upper bits need an OPT; without one the meaning is "it failed". */
static uint16_t plain_rcode(const struct rs_request *request, uint16_t rcode)
{
    return rcode <= RS_FLAGS_RCODE || request->edns.is_present ? rcode : (uint16_t)RS_SERVFAIL;
}

/* Everything that is the same for each reply. QDCOUNT follows has_question. */
static void put_header(uint8_t *out, const struct rs_request *request, uint16_t flags,
                       uint16_t rcode)
{
    flags |= RS_FLAG_QR | RS_FLAG_RA;
    flags |= (uint16_t)(request->opcode << 11);
    flags |= request->wants_recursion ? RS_FLAG_RD : 0;
    flags |= request->is_cd ? RS_FLAG_CD : 0; /* RFC4035-3.2.2: copied */
    flags |= rcode & RS_FLAGS_RCODE;
    rs_put_u16(out, request->id);
    rs_put_u16(out + 2, flags);
    rs_put_u16(out + 4, request->has_question ? 1 : 0);
    memset(out + 6, 0, 6);
}

/* RFC4343-4.1: the question comes back in the client's letters. */
static uint8_t *put_question(uint8_t *at, const struct rs_request *request)
{
    memcpy(at, request->name_as_sent, request->name_size);
    at += request->name_size;
    rs_put_u16(at, request->type);
    rs_put_u16(at + 2, request->class);
    return at + 4;
}

/* RFC6891-6.1.1: an OPT exactly when the request had one. */
static uint32_t size_of(const struct rs_opt *opt, const struct rs_request *request)
{
    return request->edns.is_present ? rs_opt_size(opt) : 0;
}

static size_t finish(uint8_t *out, uint8_t *at, const struct rs_request *request,
                     const struct rs_opt *opt, uint16_t additional)
{
    if (request->edns.is_present) {
        at = rs_opt_write(opt, at);
        additional++;
    }
    rs_put_u16(out + 10, additional);
    return (size_t)(at - out);
}

static uint16_t flags_for(const struct rs_answer *answer, const struct rs_request *request)
{
    /* RFC6840-5.8: AD is for those who showed interest; CD asked not to be told. */
    bool may_ad = (request->wants_ad || request->edns.is_dnssec_ok) && !request->is_cd;
    uint16_t flags = (answer->flags & RS_ANSWER_AA) != 0 ? RS_FLAG_AA : 0;
    return flags | ((answer->flags & RS_ANSWER_AD) != 0 && may_ad ? RS_FLAG_AD : 0);
}

/* RFC2181-9, RFC9715: too large for the way back. No part of the answer, so that nobody uses one.
 */
static size_t put_truncated(const struct rs_answer *answer, const struct rs_request *request,
                            const struct rs_opt *opt, uint8_t *out)
{
    uint16_t flags = (answer->flags & RS_ANSWER_AA) != 0 ? RS_FLAG_AA : 0;
    put_header(out, request, flags | RS_FLAG_TC, opt->rcode);
    return finish(out, put_question(out + RS_HEADER_BYTES, request), request, opt, 0);
}

/* Counts the TTLs of a copied body down. */
static void age_ttls(const struct rs_answer *answer, uint64_t now_ns, uint8_t *out)
{
    uint64_t age_s = age_ns(answer, now_ns) / RT_NS_PER_S;
    if (age_s == 0) {
        return;
    }
    const uint16_t *offsets = ttl_offsets(answer);
    for (unsigned i = 0; i < answer->ttls_count; i++) {
        uint8_t *at = out + offsets[i];
        uint32_t ttl_s = rs_get_u32(at);
        rs_put_u32(at, ttl_s > age_s ? ttl_s - (uint32_t)age_s : 0);
    }
}

size_t rs_answer_reply(const struct rs_answer *answer, const struct rs_request *request,
                       const struct rs_reply_options *options, uint64_t now_ns, uint8_t *out)
{
    RT_CHECK(answer->magic == rs_answer_MAGIC);
    RT_CHECK(request->has_question && answer->question_size == request->name_size + 4);
    uint32_t size_max =
        options->size_max > RS_UDP_PLAIN_BYTES ? options->size_max : RS_UDP_PLAIN_BYTES;
    uint16_t rcode = plain_rcode(request, answer->rcode);
    const uint8_t *body = body_of(answer);

    struct rs_opt opt = opt_for(request, options, rcode, answer->ede);
    opt.ede_text = (const char *)body + answer->body_size;
    opt.ede_text_size = answer->ede_text_size;
    uint32_t size = RS_HEADER_BYTES + (uint32_t)answer->body_size;
    if (size + size_of(&opt, request) > size_max) {
        struct rs_opt whole = opt;
        opt.ede = RS_EDE_NONE; /* RFC8914-3: data goes before explanations. */
        if (size + size_of(&opt, request) > size_max) {
            return put_truncated(answer, request, &whole, out);
        }
    }

    put_header(out, request, flags_for(answer, request), rcode);
    rs_put_u16(out + 6, answer->ancount);
    rs_put_u16(out + 8, answer->nscount);
    memcpy(out + RS_HEADER_BYTES, body, answer->body_size);
    memcpy(out + RS_HEADER_BYTES, request->name_as_sent, request->name_size);
    age_ttls(answer, now_ns, out);
    return finish(out, out + size, request, &opt, answer->arcount);
}

size_t rs_error_reply(const struct rs_request *request, uint16_t rcode, int ede,
                      const struct rs_reply_options *options, uint8_t *out)
{
    rcode = plain_rcode(request, rcode);
    struct rs_opt opt = opt_for(request, options, rcode, ede);
    put_header(out, request, 0, rcode);
    uint8_t *at = out + RS_HEADER_BYTES;
    if (request->has_question) {
        at = put_question(at, request);
    }
    return finish(out, at, request, &opt, 0);
}

_Static_assert(RS_HEADER_BYTES + RS_NAME_BYTES_MAX + 4 + RS_OPT_BYTES_MIN + RS_OPTION_HEAD_BYTES +
                       40 + RS_OPTION_HEAD_BYTES + 2 + RS_EDE_TEXT_BYTES_MAX <=
                   RS_UDP_PLAIN_BYTES,
               "a reply without records always fits the smallest room");
