/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/request.h"

#include <string.h>

#include "resolver/edns.h"
#include "resolver/wire.h"

enum { LABEL_BYTES_MAX = 63, WORD = sizeof(uint64_t) };

#define EVERY_BYTE UINT64_C(0x0101010101010101)

_Static_assert((RS_NAME_BYTES_MAX + 1) % WORD == 0, "a name is lowered in whole words");

/* Lowers the ASCII letters among eight bytes. Bit 7 of a sum tells whether its byte is at least
 * the bound; bytes above 127 have no case. */
static inline uint64_t lower_word(uint64_t word)
{
    uint64_t low = word & 0x7f * EVERY_BYTE;
    uint64_t from_a = low + (0x80 - 'A') * EVERY_BYTE;
    uint64_t past_z = low + (0x7f - 'Z') * EVERY_BYTE;
    uint64_t is_upper = (from_a ^ past_z) & ~word & 0x80 * EVERY_BYTE;
    return word | is_upper >> 2;
}

/* Length bytes are below 'A': they stay. */
static void lower_copy(uint8_t out[RS_NAME_BYTES_MAX + 1], const uint8_t *name, size_t size)
{
    memcpy(out, name, size);
    for (size_t at = 0; at < size; at += WORD) {
        uint64_t word;
        memcpy(&word, out + at, WORD);
        word = lower_word(word);
        memcpy(out + at, &word, WORD);
    }
}

/* Size of the name and its labels; 0 when malformed. A pointer has nothing to point to here. */
static uint8_t scan_name(const uint8_t *name, size_t room, uint8_t *labels)
{
    size_t bound = room < RS_NAME_BYTES_MAX ? room : RS_NAME_BYTES_MAX;
    size_t at = 0;
    for (uint8_t count = 0; at < bound && name[at] <= LABEL_BYTES_MAX; count++) {
        if (name[at] == 0) {
            *labels = count;
            return (uint8_t)(at + 1);
        }
        at += 1u + name[at];
    }
    return 0;
}

static bool read_question(struct rs_wire *wire, struct rs_request *out)
{
    const uint8_t *name = wire->data + wire->at;
    uint8_t size = scan_name(name, wire->size - wire->at, &out->labels);
    if (size == 0 || wire->size - wire->at - size < 4) {
        return false;
    }
    out->has_question = true;
    out->name_as_sent = name;
    out->name_size = size;
    lower_copy(out->name, name, size);
    out->type = rs_get_u16(name + size);
    out->class = rs_get_u16(name + size + 2);
    wire->at += size + 4u;
    return true;
}

/* Every record behind the question: only OPT in the additional section matters. TSIG and SIG(0) are
 * passed over: we share no key with anyone (RFC8945-5.1). False: FORMERR. */
static bool read_records(struct rs_wire *wire, uint32_t before, uint32_t additional,
                         struct rs_request *out)
{
    for (uint32_t i = 0; i < before + additional; i++) {
        bool is_root = wire->at < wire->size && wire->data[wire->at] == 0;
        struct rs_wire_record record;
        rs_wire_skip_name(wire);
        rs_wire_record(wire, &record);
        if (wire->is_bad) {
            return false;
        }
        if (record.type != RS_OPT) {
            continue;
        }
        /* RFC6891-6.1.1: more than one OPT, or one elsewhere, is FORMERR. */
        if (i < before || !is_root || out->edns.is_present ||
            !rs_edns_read(&out->edns, &record, wire->data + record.rdata_at)) {
            return false;
        }
    }
    /* EDNS smuggling (CVE-2018-14663): nothing may follow the last counted record. */
    return wire->at == wire->size;
}

/* What only some questions may have. */
static uint16_t check_type(const struct rs_request *request, int *ede)
{
    switch (request->type) {
    case RS_NXNAME: /* RFC9824-3.4 */
        *ede = RS_EDE_INVALID_QUERY;
        return RS_FORMERR;
    case RS_AXFR: /* RFC5936-2.2.1: we hold no zone to transfer. */
    case RS_IXFR:
        *ede = RS_EDE_NOT_SUPPORTED;
        return RS_REFUSED;
    case RS_TKEY:
    case RS_MAILA:
    case RS_MAILB:
        *ede = RS_EDE_NOT_SUPPORTED;
        return RS_NOTIMP;
    case RS_ANY: /* RFC8482: answered with little, but answered. */
        break;
    default:
        if (rs_type_is_meta(request->type)) { /* RFC6895-3.1: never data. */
            return RS_FORMERR;
        }
        break;
    }
    if (request->class != RS_IN) {
        *ede = RS_EDE_NOT_SUPPORTED;
        return RS_REFUSED;
    }
    return RS_NOERROR;
}

/* The header has been read and is a query's. */
static uint16_t read_body(struct rs_wire *wire, struct rs_request *out, int *ede)
{
    const uint8_t *header = wire->data;
    uint16_t questions = rs_get_u16(header + 4);
    uint32_t before = (uint32_t)rs_get_u16(header + 6) + rs_get_u16(header + 8);

    /* RFC9619-4: QDCOUNT above 1 MUST be FORMERR. */
    if (questions > 1 || (questions == 1 && !read_question(wire, out)) ||
        !read_records(wire, before, rs_get_u16(header + 10), out)) {
        return RS_FORMERR;
    }
    /* RFC6891-6.1.3: the version comes first; what else it says is not known. */
    if (out->edns.version != 0) {
        return RS_BADVERS;
    }
    if (out->edns.is_cookie_malformed) { /* RFC7873-5.2.2 */
        return RS_FORMERR;
    }
    if (questions == 0) { /* RFC7873-5.4: somebody asks for a cookie only. */
        return out->edns.cookie_size > 0 && before == 0 ? RS_NOERROR : RS_FORMERR;
    }
    /* An IXFR has its SOA in the authority section (RFC1995-3). */
    if (before > 0 && out->type != RS_IXFR) {
        return RS_FORMERR;
    }
    return check_type(out, ede);
}

enum rs_verdict rs_request_read(const uint8_t *wire_bytes, size_t size, struct rs_request *out,
                                uint16_t *rcode, int *ede)
{
    if (size < RS_HEADER_BYTES || size > RS_MESSAGE_BYTES_MAX) {
        return RS_REQUEST_DROP;
    }
    uint16_t flags = rs_get_u16(wire_bytes + 2);
    if ((flags & RS_FLAG_QR) != 0) {
        return RS_REQUEST_DROP;
    }

    out->id = rs_get_u16(wire_bytes);
    out->opcode = (uint8_t)((flags & RS_FLAGS_OPCODE) >> 11);
    out->wants_recursion = (flags & RS_FLAG_RD) != 0;
    out->wants_ad = (flags & RS_FLAG_AD) != 0;
    out->is_cd = (flags & RS_FLAG_CD) != 0;
    out->has_question = false;
    out->name_as_sent = NULL;
    out->name_size = out->labels = out->name[0] = 0;
    out->type = out->class = 0;
    rs_edns_init(&out->edns);
    *ede = RS_EDE_NONE;

    struct rs_wire wire = rs_wire_open(wire_bytes, (uint32_t)size);
    wire.at = RS_HEADER_BYTES;
    /* RFC8906-3.1.3: what follows the header of an unknown opcode is unknown too. */
    *rcode = out->opcode == RS_OPCODE_QUERY ? read_body(&wire, out, ede) : (uint16_t)RS_NOTIMP;
    return *rcode == RS_NOERROR ? RS_REQUEST_OK : RS_REQUEST_ERROR;
}
