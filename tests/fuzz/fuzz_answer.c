/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "resolver/answer.h"
#include "resolver/wire.h"
#include "tests/fuzz/room.h"

/* A message of any bytes becomes an answer, the answer a reply, and the reply is read back: what
 * went in must come out, byte for byte, or the reply is truncated to nothing.
 *
 * The first four bytes choose: DO, CD, EDNS, cookie; the largest size; the age. */

enum { CHOICE_BYTES = 4 };

static _Alignas(16) uint8_t block[96 * 1024];
static uint8_t out[RS_MESSAGE_BYTES_MAX];

struct choice {
    bool is_dnssec_ok, has_edns;
    uint32_t size_max;
    uint64_t age_s;
    uint8_t cookie_size;
};

static struct choice choose(const uint8_t *data)
{
    struct choice choice = {
        .is_dnssec_ok = data[0] & 1,
        .has_edns = data[0] & 2,
        .cookie_size = data[0] & 4 ? 24 : 0,
        .size_max = data[0] & 8 ? RS_MESSAGE_BYTES_MAX : RS_UDP_PLAIN_BYTES + data[1] * 8u,
        .age_s = (uint64_t)data[2] << 8 | data[3],
    };
    return choice;
}

/* The request that a client would have sent for this answer, letters in upper case. */
static void make_request(const struct rs_message *message, const struct choice *choice,
                         struct rs_request *request, uint8_t letters[RS_NAME_BYTES_MAX])
{
    const struct rs_question *question = &message->question;
    memset(request, 0, sizeof(*request));
    memcpy(letters, question->name.wire, question->name.size);
    const uint8_t bits[32] = {0xA5, 0xFF, 0x3C};
    rs_name_mix_case(letters, bits);
    memcpy(request->name, question->name.wire, question->name.size);
    request->has_question = true;
    request->name_as_sent = letters;
    request->name_size = question->name.size;
    request->type = question->type;
    request->class = question->class;
    request->edns.is_present = choice->has_edns;
    request->edns.is_dnssec_ok = choice->is_dnssec_ok;
}

static void check_same_set(const struct rs_rrset *a, const struct rs_rrset *b, uint64_t age_s)
{
    RT_CHECK(a->type == b->type && a->count == b->count && a->sigs_count == b->sigs_count);
    RT_CHECK(rs_name_equal(a->owner, b->owner) && a->rdatas_bytes == b->rdatas_bytes);
    RT_CHECK(b->ttl_s == (a->ttl_s > age_s ? a->ttl_s - age_s : 0));
    struct rs_rdata one, other;
    bool is_more = rs_rdata_first(a->rdatas, a->rdatas_bytes, &one) &&
                   rs_rdata_first(b->rdatas, b->rdatas_bytes, &other);
    while (is_more) {
        /* A name in RDATA may point to the question, which has the client's letters. */
        RT_CHECK(one.size == other.size);
        for (unsigned i = 0; i < one.size; i++) {
            uint8_t difference = one.data[i] ^ other.data[i];
            RT_CHECK(difference == 0 || difference == 0x20);
        }
        is_more = rs_rdata_next(a->rdatas, a->rdatas_bytes, &one) &&
                  rs_rdata_next(b->rdatas, b->rdatas_bytes, &other);
    }
}

static void check_same_answer(const struct rs_message *sent, const struct rs_message *got,
                              const struct choice *choice)
{
    const struct rs_rrset *b = got->answer.first;
    for (const struct rs_rrset *a = sent->answer.first; a != NULL; a = a->next) {
        bool is_hidden = !choice->is_dnssec_ok &&
                         (a->type == RS_RRSIG || a->sigs_count > 0 || a->type == RS_NSEC ||
                          a->type == RS_NSEC3 || a->type == RS_DS || a->type == RS_DNSKEY);
        if (is_hidden) {
            return; /* Which of them go is the unit tests' business. */
        }
        RT_CHECK(b != NULL);
        check_same_set(a, b, choice->age_s);
        b = b->next;
    }
    RT_CHECK(b == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rt_arena arena;
    static struct rs_message sent, got;
    if (size < CHOICE_BYTES) {
        return 0;
    }
    struct choice choice = choose(data);
    room_empty(&arena);
    if (rs_message_read(data + CHOICE_BYTES, size - CHOICE_BYTES, &arena, &sent) != RT_OK ||
        sent.question_count != 1) {
        return 0;
    }

    const struct rs_response response = {
        .rcode = sent.rcode & 15,
        .answer = sent.answer,
        .authority = sent.authority,
        .additional = sent.additional,
        .ttl_s_max = UINT32_MAX,
        .ede = sent.edns.ede,
        .ede_text = sent.edns.ede == RS_EDE_NONE ? NULL : "because",
    };
    size_t block_size;
    rt_status status = rs_answer_pack(&response, &sent.question, choice.is_dnssec_ok, 1, block,
                                      sizeof(block), &block_size);
    RT_CHECK(status == RT_OK || status == RT_FULL);
    if (status != RT_OK) {
        return 0;
    }
    RT_CHECK(block_size <= sizeof(block));

    struct rs_request request;
    uint8_t letters[RS_NAME_BYTES_MAX];
    make_request(&sent, &choice, &request, letters);
    const struct rs_reply_options options = {.size_max = choice.size_max,
                                             .payload = RS_UDP_PAYLOAD_BYTES,
                                             .cookie_size = choice.cookie_size};
    const struct rs_answer *answer = (const struct rs_answer *)block;
    size_t reply_size =
        rs_answer_reply(answer, &request, &options, 1 + choice.age_s * UINT64_C(1000000000), out);
    RT_CHECK(reply_size <= choice.size_max);
    RT_CHECK(memcmp(out + RS_HEADER_BYTES, letters, request.name_size) == 0);

    status = rs_message_read(out, reply_size, &arena, &got);
    RT_CHECK(status == RT_OK || status == RT_NO_MEMORY);
    if (status == RT_OK && !got.is_truncated) {
        check_same_answer(&sent, &got, &choice);
    }
    return 0;
}
