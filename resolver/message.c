/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/message.h"

#include <string.h>

#include "resolver/collect.h"
#include "resolver/cookie.h"
#include "resolver/edns.h"
#include "resolver/wire.h"

enum { RECORD_BYTES_MIN = 1 + RS_RECORD_FIXED_BYTES, SECTIONS_COUNT = 3 };

struct counts {
    uint16_t questions, records[SECTIONS_COUNT];
};

static void read_header(struct rs_wire *wire, struct rs_message *out, struct counts *counts)
{
    out->id = rs_wire_u16(wire);
    uint16_t flags = rs_wire_u16(wire);
    out->opcode = (uint8_t)((flags & RS_FLAGS_OPCODE) >> 11);
    out->is_response = (flags & RS_FLAG_QR) != 0;
    out->is_authoritative = (flags & RS_FLAG_AA) != 0;
    out->is_truncated = (flags & RS_FLAG_TC) != 0;
    out->wants_recursion = (flags & RS_FLAG_RD) != 0;
    out->can_recurse = (flags & RS_FLAG_RA) != 0;
    out->is_ad = (flags & RS_FLAG_AD) != 0;
    out->is_cd = (flags & RS_FLAG_CD) != 0;
    out->rcode = flags & RS_FLAGS_RCODE;
    counts->questions = rs_wire_u16(wire);
    for (unsigned i = 0; i < SECTIONS_COUNT; i++) {
        counts->records[i] = rs_wire_u16(wire);
    }
}

static rt_status read_question(struct rs_wire *wire, struct rs_message *out)
{
    if (out->question_count == 0) {
        return RT_OK;
    }
    struct rs_question *question = &out->question;
    question->name.size = rs_wire_name(wire, wire->size, question->name.wire);
    question->type = rs_wire_u16(wire);
    question->class = rs_wire_u16(wire);
    if (wire->is_bad) {
        return RT_MALFORMED;
    }
    rs_name_lower(question->name.wire);
    return RT_OK;
}

static rt_status read_opt(const struct rs_wire *wire, const struct rs_collect *collect,
                          enum rs_section section, const struct rs_wire_record *record,
                          struct rs_message *out)
{
    /* RFC6891-6.1.1: at most one, in the additional section, owned by the root. */
    if (section != RS_SECTION_ADDITIONAL || out->edns.is_present ||
        !rs_name_is_root(collect->owner) ||
        !rs_edns_read(&out->edns, record, wire->data + record->rdata_at)) {
        return RT_MALFORMED;
    }
    out->rcode |= (uint16_t)(out->edns.rcode_high << 4); /* RFC6891-6.1.3 */
    return RT_OK;
}

static rt_status read_record(struct rs_wire *wire, struct rs_collect *collect,
                             enum rs_section section, uint16_t class, struct rs_message *out)
{
    rt_status status = rs_collect_owner(collect);
    if (status != RT_OK) {
        return status;
    }
    struct rs_wire_record record;
    rs_wire_record(wire, &record);
    if (wire->is_bad) {
        return RT_MALFORMED;
    }
    if (record.type == RS_OPT) {
        return read_opt(wire, collect, section, &record, out);
    }
    if (record.type == RS_TSIG && section == RS_SECTION_ADDITIONAL) {
        return RT_OK; /* RFC8945-5.1: about the message, not data; we share no key with anyone. */
    }
    /* RFC5452-4: the class is that of the question, here and in every record. */
    if (record.class != class) {
        return RT_MALFORMED;
    }
    return rs_collect_add(collect, section, &record);
}

static rt_status read_sections(struct rs_wire *wire, const struct counts *counts,
                               struct rt_arena *arena, struct rs_message *out)
{
    uint16_t class = out->question_count == 1 ? out->question.class : (uint16_t)RS_IN;
    uint32_t records = (uint32_t)counts->records[0] + counts->records[1] + counts->records[2];
    /* RFC9267-6: counts are a claim; each record takes its bytes, and nothing may be left over. */
    if (records > (wire->size - wire->at) / RECORD_BYTES_MIN) {
        return RT_MALFORMED;
    }

    struct rs_collect collect;
    rt_status status = rs_collect_init(&collect, wire, records, arena);
    for (unsigned section = 0; section < SECTIONS_COUNT; section++) {
        for (unsigned i = 0; status == RT_OK && i < counts->records[section]; i++) {
            status = read_record(wire, &collect, (enum rs_section)section, class, out);
        }
    }
    if (status != RT_OK) {
        return status;
    }
    return wire->at == wire->size ? rs_collect_finish(&collect, class, out) : RT_MALFORMED;
}

rt_status rs_message_read(const uint8_t *wire_bytes, size_t size, struct rt_arena *arena,
                          struct rs_message *out)
{
    if (size < RS_HEADER_BYTES || size > RS_MESSAGE_BYTES_MAX) {
        return RT_MALFORMED;
    }
    struct rs_wire wire = rs_wire_open(wire_bytes, (uint32_t)size);
    struct counts counts;

    *out = (struct rs_message){.id = 0};
    rs_edns_init(&out->edns);
    read_header(&wire, out, &counts);
    out->question_count = counts.questions;
    /* RFC9619-4: more than one question is no DNS message. */
    if (counts.questions > 1) {
        return RT_MALFORMED;
    }
    rt_status status = read_question(&wire, out);
    return status == RT_OK ? read_sections(&wire, &counts, arena, out) : status;
}

size_t rs_query_write(const struct rs_query_wire *query, uint8_t out[RS_QUERY_WIRE_BYTES_MAX])
{
    RT_CHECK(query->cookie_size <= RS_COOKIE_CLIENT_BYTES + RS_COOKIE_SERVER_BYTES_MAX);
    size_t name_size = rs_name_size(query->name);
    uint16_t flags = 0;
    flags |= query->wants_recursion ? RS_FLAG_RD : 0;
    flags |= query->is_cd ? RS_FLAG_CD : 0;

    memset(out, 0, RS_HEADER_BYTES);
    rs_put_u16(out, query->id);
    rs_put_u16(out + 2, flags);
    rs_put_u16(out + 4, 1);
    rs_put_u16(out + 10, query->has_edns ? 1 : 0);

    uint8_t *at = out + RS_HEADER_BYTES;
    memcpy(at, query->name, name_size);
    rs_put_u16(at + name_size, query->type);
    rs_put_u16(at + name_size + 2, query->class);
    at += name_size + 4;
    if (query->has_edns) {
        const struct rs_opt opt = {
            .payload = query->payload,
            .is_dnssec_ok = query->is_dnssec_ok,
            .cookie = query->cookie,
            .cookie_size = query->cookie != NULL ? query->cookie_size : 0,
            .ede = RS_EDE_NONE,
        };
        at = rs_opt_write(&opt, at);
    }
    return (size_t)(at - out);
}
