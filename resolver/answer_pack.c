/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/answer.h"

#include <string.h>

#include "resolver/compress.h"
#include "resolver/edns.h"
#include "resolver/rdata.h"
#include "resolver/wire.h"

enum {
    /* Kept free for the OPT of the reply, so that an answer that packs can be sent over TCP. */
    OPT_ROOM = RS_OPT_BYTES_MIN + RS_OPTION_HEAD_BYTES + 40,
    BODY_BYTES_MAX = RS_MESSAGE_BYTES_MAX - RS_HEADER_BYTES - OPT_ROOM,
    TTLS_MAX = BODY_BYTES_MAX / (1 + RS_RECORD_FIXED_BYTES),
};

/* A message body under construction. Offsets count from the start of the message. */
struct packer {
    uint8_t *message; /* where the header would be: never written below RS_HEADER_BYTES */
    uint32_t at, end;
    bool is_full; /* sticky within one set */
    uint16_t *ttl_offsets;
    uint32_t ttls_count;
    struct rs_compress names;
};

static void put_bytes(struct packer *packer, const void *bytes, uint32_t size)
{
    if (packer->is_full || size > packer->end - packer->at) {
        packer->is_full = true;
        return;
    }
    memcpy(packer->message + packer->at, bytes, size);
    packer->at += size;
}

static void put_name(struct packer *packer, const uint8_t *name)
{
    uint8_t *at = packer->message + packer->at;
    if (!packer->is_full && packer->end - packer->at >= RS_NAME_BYTES_MAX) {
        packer->at += rs_compress_write(&packer->names, name, packer->at, at);
        return;
    }
    uint8_t packed[RS_NAME_BYTES_MAX]; /* The end is near: see first how long it gets. */
    put_bytes(packer, packed, rs_compress_write(&packer->names, name, packer->at, packed));
}

/* RFC3597-4: only names of the RFC1035 types are compressed; all else goes as it is. */
static void put_rdata(struct packer *packer, uint16_t type, const struct rs_rdata *rdata)
{
    const int8_t *layout = rs_rdata_layout(type);
    if (layout == NULL || !rs_rdata_is_packed(layout) ||
        !rs_rdata_is_valid(layout, rdata->data, rdata->size)) {
        put_bytes(packer, rdata->data, rdata->size);
        return;
    }
    for (uint32_t at = 0; *layout != RS_PART_END; layout++) {
        int32_t size = rs_rdata_part(*layout, rdata->data + at, rdata->size - at);
        if (*layout == RS_PART_NAME) {
            put_name(packer, rdata->data + at);
        } else {
            put_bytes(packer, rdata->data + at, (uint32_t)size);
        }
        at += (uint32_t)size;
    }
}

static void put_record(struct packer *packer, const struct rs_rrset *set, uint16_t type,
                       const uint8_t *owner, uint8_t owner_size, const struct rs_rdata *rdata)
{
    uint8_t fixed[RS_RECORD_FIXED_BYTES] = {0};
    rs_put_u16(fixed, type);
    rs_put_u16(fixed + 2, set->class);
    rs_put_u32(fixed + 4, set->ttl_s);

    put_bytes(packer, owner, owner_size);
    uint32_t fixed_at = packer->at;
    put_bytes(packer, fixed, sizeof(fixed));
    put_rdata(packer, type, rdata);
    if (packer->is_full) {
        return;
    }
    rs_put_u16(packer->message + fixed_at + 8,
               (uint16_t)(packer->at - fixed_at - RS_RECORD_FIXED_BYTES));
    RT_CHECK(packer->ttls_count < TTLS_MAX);
    packer->ttl_offsets[packer->ttls_count++] = (uint16_t)(fixed_at + 4);
}

/* Nothing can be shorter: the next record of the set repeats it. */
static bool is_shortest(const uint8_t *owner, uint8_t size)
{
    return size == 1 || (size == 2 && owner[0] >= 0xC0);
}

/* Records of one kind: the first owner may be written whole, the others point to it. */
static void put_records(struct packer *packer, const struct rs_rrset *set, uint16_t type,
                        const uint8_t *rdatas, uint32_t bytes)
{
    uint8_t owner[RS_NAME_BYTES_MAX], size = 0;
    struct rs_rdata rdata;

    for (bool is_more = rs_rdata_first(rdatas, bytes, &rdata); is_more && !packer->is_full;
         is_more = rs_rdata_next(rdatas, bytes, &rdata)) {
        if (!is_shortest(owner, size)) {
            size = rs_compress_write(&packer->names, set->owner, packer->at, owner);
        }
        put_record(packer, set, type, owner, size, &rdata);
    }
}

/* What the asker may see. */
struct selection {
    const struct rs_question *question;
    bool is_dnssec_ok;
};

/* RFC3225-3, RFC4035-3.2.1: no security records for those who did not ask, except by type. */
static bool is_wanted(const struct selection *selection, const struct rs_rrset *set)
{
    bool is_security = set->type == RS_RRSIG || set->type == RS_NSEC || set->type == RS_NSEC3 ||
                       set->type == RS_DS || set->type == RS_DNSKEY;
    bool is_asked = set->type == selection->question->type || selection->question->type == RS_ANY;
    return !is_security || selection->is_dnssec_ok || is_asked;
}

static bool has_sigs(const struct selection *selection, const struct rs_rrset *set)
{
    return set->sigs_count > 0 &&
           (selection->is_dnssec_ok || selection->question->type == RS_RRSIG);
}

/* A whole set or nothing. False: it did not fit. */
static bool put_set(struct packer *packer, const struct selection *selection,
                    const struct rs_rrset *set)
{
    uint32_t at = packer->at, ttls_count = packer->ttls_count;

    put_records(packer, set, set->type, set->rdatas, set->rdatas_bytes);
    if (has_sigs(selection, set)) {
        put_records(packer, set, RS_RRSIG, set->sigs, set->sigs_bytes);
    }
    if (packer->is_full) {
        packer->at = at;
        packer->ttls_count = ttls_count;
        packer->is_full = false;
        rs_compress_rewind(&packer->names, at);
        return false;
    }
    return true;
}

/* Writes a section; `count` gets its records, `ttl_s` the least TTL so far. False: a set was left
 * out. */
static bool put_section(struct packer *packer, const struct selection *selection,
                        const struct rs_rrsets *sets, uint16_t *count, uint32_t *ttl_s)
{
    uint32_t first = packer->ttls_count;
    bool is_whole = true;

    for (const struct rs_rrset *set = sets->first; set != NULL; set = set->next) {
        if (!is_wanted(selection, set)) {
            continue;
        }
        if (!put_set(packer, selection, set)) {
            is_whole = false;
        } else if (set->ttl_s < *ttl_s) {
            *ttl_s = set->ttl_s;
        }
    }
    *count = (uint16_t)(packer->ttls_count - first);
    return is_whole;
}

/* Upper bound of the records of a section. */
static uint32_t count_records(const struct selection *selection, const struct rs_rrsets *sets)
{
    uint32_t count = 0;
    for (const struct rs_rrset *set = sets->first; set != NULL; set = set->next) {
        if (is_wanted(selection, set)) {
            count += set->count + (has_sigs(selection, set) ? (uint32_t)set->sigs_count : 0);
        }
    }
    return count;
}

/* Bounded, and not cut inside of a UTF-8 character. */
static uint16_t ede_text_size(const struct rs_response *response)
{
    if (response->ede == RS_EDE_NONE || response->ede_text == NULL) {
        return 0;
    }
    size_t size = strnlen(response->ede_text, RS_EDE_TEXT_BYTES_MAX + 1);
    if (size <= RS_EDE_TEXT_BYTES_MAX) {
        return (uint16_t)size;
    }
    size = RS_EDE_TEXT_BYTES_MAX;
    while (size > 0 && ((uint8_t)response->ede_text[size] & 0xC0) == 0x80) {
        size--;
    }
    return (uint16_t)size;
}

static void put_question(struct packer *packer, const struct rs_question *question)
{
    uint8_t fixed[4];
    rs_put_u16(fixed, question->type);
    rs_put_u16(fixed + 2, question->class);
    put_name(packer, question->name.wire);
    put_bytes(packer, fixed, sizeof(fixed));
}

/* Fills the body; RT_FULL when the answer section does not fit. */
static rt_status put_body(struct packer *packer, const struct rs_response *response,
                          const struct selection *selection, struct rs_answer *head)
{
    uint32_t ttl_s = UINT32_MAX;

    put_question(packer, selection->question);
    if (packer->is_full ||
        !put_section(packer, selection, &response->answer, &head->ancount, &ttl_s)) {
        return RT_FULL;
    }
    /* RFC2181-9: what is not required may be left out silently. */
    (void)put_section(packer, selection, &response->authority, &head->nscount, &ttl_s);
    (void)put_section(packer, selection, &response->additional, &head->arcount, &ttl_s);

    ttl_s = ttl_s < response->ttl_s_max ? ttl_s : response->ttl_s_max;
    head->ttl_s = ttl_s != UINT32_MAX ? ttl_s : 0; /* Nothing says how long: not at all. */
    head->ttls_count = (uint16_t)packer->ttls_count;
    head->body_size = (uint16_t)(packer->at - RS_HEADER_BYTES);
    return RT_OK;
}

rt_status rs_answer_pack(const struct rs_response *response, const struct rs_question *question,
                         bool is_dnssec_ok, uint64_t made_ns, uint8_t *out, size_t capacity,
                         size_t *size)
{
    const struct selection selection = {.question = question, .is_dnssec_ok = is_dnssec_ok};
    uint32_t ttls = count_records(&selection, &response->answer) +
                    count_records(&selection, &response->authority) +
                    count_records(&selection, &response->additional);
    ttls = ttls < TTLS_MAX ? ttls : TTLS_MAX;
    uint16_t text_size = ede_text_size(response);
    size_t before = sizeof(struct rs_answer) + ttls * sizeof(uint16_t);
    if (capacity < before + text_size) {
        return RT_FULL;
    }

    size_t room = capacity - before - text_size;
    struct packer packer = {
        .message = out + before - RS_HEADER_BYTES,
        .at = RS_HEADER_BYTES,
        .end = RS_HEADER_BYTES + (uint32_t)(room < BODY_BYTES_MAX ? room : BODY_BYTES_MAX),
        .ttl_offsets = (uint16_t *)(void *)(out + sizeof(struct rs_answer)),
    };
    struct rs_answer head = {
        .magic = rs_answer_MAGIC,
        .made_ns = made_ns,
        .rcode = response->rcode,
        .flags = response->flags,
        .security = response->security,
        .question_size = (uint16_t)(question->name.size + 4),
        .ede = (int16_t)response->ede,
        .ede_text_size = text_size,
    };
    rt_status status = put_body(&packer, response, &selection, &head);
    if (status != RT_OK) {
        return status;
    }

    uint8_t *body = out + sizeof(head) + head.ttls_count * sizeof(uint16_t);
    memmove(body, out + before, head.body_size); /* Sets were left out: close the gap. */
    if (text_size > 0) {
        memcpy(body + head.body_size, response->ede_text, text_size);
    }
    head.size = (uint32_t)(body + head.body_size + text_size - out);
    memcpy(out, &head, sizeof(head));
    *size = head.size;
    return RT_OK;
}
