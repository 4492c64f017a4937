/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/scenario/rpl.h"

enum { EDNS_PAYLOAD = 4096 };

static bool differs(char why[512], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, 512, format, args);
    va_end(args);
    return false;
}

/* ---- writing ---- */

struct writer {
    uint8_t *out;
    size_t at, room;
};

static void put(struct writer *writer, const void *bytes, size_t size)
{
    if (writer->at + size <= writer->room) {
        memcpy(writer->out + writer->at, bytes, size);
    }
    writer->at += size;
}

static void put_u16(struct writer *writer, unsigned value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    put(writer, bytes, sizeof(bytes));
}

static void put_u32(struct writer *writer, uint32_t value)
{
    put_u16(writer, value >> 16);
    put_u16(writer, value & 0xffff);
}

static unsigned flag_bits(const struct rpl_entry *entry)
{
    unsigned flags = entry->flags;
    return ((flags & RPL_QR) ? 0x8000u : 0) | ((flags & RPL_AA) ? 0x0400u : 0) |
           ((flags & RPL_TC) ? 0x0200u : 0) | ((flags & RPL_RD) ? 0x0100u : 0) |
           ((flags & RPL_RA) ? 0x0080u : 0) | ((flags & RPL_AD) ? 0x0020u : 0) |
           ((flags & RPL_CD) ? 0x0010u : 0) | ((unsigned)entry->opcode << 11) |
           (entry->rcode & 15u);
}

static void put_rrs(struct writer *writer, const struct rpl_entry *entry, enum rpl_section section)
{
    for (unsigned i = 0; i < entry->counts[section]; i++) {
        const struct rpl_rr *rr = &entry->rrs[section][i];
        put(writer, rr->owner, knot_dname_size(rr->owner));
        put_u16(writer, rr->type);
        put_u16(writer, rr->class);
        put_u32(writer, rr->ttl);
        put_u16(writer, rr->size);
        put(writer, rr->rdata, rr->size);
    }
}

static void put_opt(struct writer *writer, bool is_dnssec_ok, unsigned rcode)
{
    put(writer, "", 1);
    put_u16(writer, KNOT_RRTYPE_OPT);
    put_u16(writer, EDNS_PAYLOAD);
    put_u32(writer, (rcode >> 4) << 24 | (is_dnssec_ok ? 0x8000 : 0));
    put_u16(writer, 0);
}

/* The question as it stands in the query: name in its letters, type, class. */
static size_t question_size(const uint8_t *query, size_t size)
{
    size_t at = 12;
    while (at < size && query[at] != 0) {
        at += query[at] + 1u;
    }
    return at + 5 <= size ? at + 5 - 12 : 0;
}

static bool has_opt(const uint8_t *query, size_t size)
{
    return size >= 12 && knot_wire_get_arcount(query) > 0;
}

size_t rpl_entry_reply(const struct rpl_entry *entry, const uint8_t *query, size_t query_size,
                       uint8_t *out, size_t room)
{
    struct writer writer = {.out = out, .room = room};

    if (entry->raw != NULL) {
        put(&writer, entry->raw, entry->raw_size);
        if (entry->copy_id && writer.at >= 2) {
            memcpy(out, query, 2);
        }
        return writer.at <= room ? writer.at : 0;
    }
    bool wants_opt = has_opt(query, query_size);
    bool has_question = entry->copy_query || entry->counts[RPL_QUESTION] > 0;
    put_u16(&writer, entry->copy_id ? knot_wire_get_id(query) : 0);
    put_u16(&writer, flag_bits(entry) | (knot_wire_get_rd(query) ? 0x0100u : 0));
    put_u16(&writer, has_question);
    put_u16(&writer, entry->counts[RPL_ANSWER]);
    put_u16(&writer, entry->counts[RPL_AUTHORITY]);
    put_u16(&writer, entry->counts[RPL_ADDITIONAL] + wants_opt);

    size_t asked = question_size(query, query_size);
    const struct rpl_rr *own = entry->counts[RPL_QUESTION] > 0 ? entry->rrs[RPL_QUESTION] : NULL;
    if (own != NULL && !entry->copy_query) {
        /* copy_id also copies the letters of the name, when it is the same name. */
        uint8_t lower[KNOT_DNAME_MAXLEN];
        size_t name_size = knot_dname_size(own->owner);
        bool is_same = asked == name_size + 4;
        if (is_same) {
            memcpy(lower, query + 12, name_size);
            is_same = knot_dname_is_case_equal(own->owner, lower) ||
                      strncasecmp((const char *)own->owner, (const char *)lower, name_size) == 0;
        }
        put(&writer, is_same ? query + 12 : own->owner, name_size);
        put_u16(&writer, own->type);
        put_u16(&writer, own->class);
    } else if (has_question) {
        put(&writer, query + 12, asked);
    }
    put_rrs(&writer, entry, RPL_ANSWER);
    put_rrs(&writer, entry, RPL_AUTHORITY);
    put_rrs(&writer, entry, RPL_ADDITIONAL);
    if (wants_opt) {
        put_opt(&writer, true, entry->rcode);
    }
    return writer.at <= room ? writer.at : 0;
}

size_t rpl_entry_query(const struct rpl_entry *entry, uint16_t id, uint8_t *out, size_t room)
{
    struct writer writer = {.out = out, .room = room};

    if (entry->raw != NULL) {
        put(&writer, entry->raw, entry->raw_size);
        return writer.at <= room ? writer.at : 0;
    }
    put_u16(&writer, id);
    put_u16(&writer, flag_bits(entry) & ~0x8000u);
    put_u16(&writer, entry->counts[RPL_QUESTION]);
    put_u16(&writer, 0);
    put_u16(&writer, 0);
    put_u16(&writer, 1);
    for (unsigned i = 0; i < entry->counts[RPL_QUESTION]; i++) {
        const struct rpl_rr *rr = &entry->rrs[RPL_QUESTION][i];
        put(&writer, rr->owner, knot_dname_size(rr->owner));
        put_u16(&writer, rr->type);
        put_u16(&writer, rr->class);
    }
    put_opt(&writer, (entry->flags & RPL_DO) != 0, 0);
    return writer.at <= room ? writer.at : 0;
}

/* ---- matching ---- */

static bool lower_equal(const uint8_t *a, const uint8_t *b)
{
    uint8_t x[KNOT_DNAME_MAXLEN], y[KNOT_DNAME_MAXLEN];
    size_t size = knot_dname_size(a);

    if (size != knot_dname_size(b)) {
        return false;
    }
    memcpy(x, a, size);
    memcpy(y, b, size);
    knot_dname_to_lower(x);
    knot_dname_to_lower(y);
    return memcmp(x, y, size) == 0;
}

static bool lower_under(const uint8_t *name, const uint8_t *zone)
{
    uint8_t x[KNOT_DNAME_MAXLEN], y[KNOT_DNAME_MAXLEN];

    memcpy(x, name, knot_dname_size(name));
    memcpy(y, zone, knot_dname_size(zone));
    knot_dname_to_lower(x);
    knot_dname_to_lower(y);
    return knot_dname_in_bailiwick(x, y) >= 0;
}

/* One record as canonical bytes: names in lower case, so that a comparison is a memcmp. */
static size_t canonical(const uint8_t *owner, uint16_t type, uint16_t class, const uint8_t *rdata,
                        uint16_t size, uint8_t *out)
{
    knot_rrset_t rr;
    uint8_t name[KNOT_DNAME_MAXLEN];

    memcpy(name, owner, knot_dname_size(owner));
    knot_rrset_init(&rr, name, type, class, 0);
    if (knot_rrset_add_rdata(&rr, rdata, size, NULL) != KNOT_EOK) {
        return 0;
    }
    (void)knot_rrset_rr_to_canonical(&rr);
    knot_dname_to_lower(name);
    size_t at = knot_dname_size(name);
    memcpy(out, name, at);
    out[at++] = (uint8_t)(type >> 8);
    out[at++] = (uint8_t)type;
    out[at++] = (uint8_t)(class >> 8);
    out[at++] = (uint8_t) class;
    memcpy(out + at, rr.rrs.rdata->data, rr.rrs.rdata->len);
    at += rr.rrs.rdata->len;
    knot_rdataset_clear(&rr.rrs, NULL);
    return at;
}

static bool section_has(const knot_pktsection_t *section, const uint8_t *wanted, size_t wanted_size)
{
    static uint8_t bytes[KNOT_DNAME_MAXLEN + 4 + UINT16_MAX];
    for (unsigned i = 0; i < section->count; i++) {
        const knot_rrset_t *rr = knot_pkt_rr(section, (uint16_t)i);
        const knot_rdata_t *rdata = rr->rrs.rdata;
        for (unsigned n = 0; n < rr->rrs.count;
             n++, rdata = knot_rdataset_next((knot_rdata_t *)rdata)) {
            size_t size =
                canonical(rr->owner, rr->type, rr->rclass, rdata->data, rdata->len, bytes);
            if (size == wanted_size && memcmp(bytes, wanted, size) == 0) {
                return true;
            }
        }
    }
    return false;
}

static unsigned section_records(const knot_pktsection_t *section)
{
    unsigned count = 0;
    for (unsigned i = 0; i < section->count; i++) {
        const knot_rrset_t *rr = knot_pkt_rr(section, (uint16_t)i);
        count += rr->type == KNOT_RRTYPE_OPT ? 0 : rr->rrs.count;
    }
    return count;
}

static bool section_matches(const struct rpl_entry *entry, enum rpl_section which,
                            const knot_pktsection_t *section, const char *name, char why[512])
{
    static uint8_t bytes[KNOT_DNAME_MAXLEN + 4 + UINT16_MAX];
    unsigned distinct = 0;

    for (unsigned i = 0; i < entry->counts[which]; i++) {
        const struct rpl_rr *rr = &entry->rrs[which][i];
        size_t size = canonical(rr->owner, rr->type, rr->class, rr->rdata, rr->size, bytes);
        if (!section_has(section, bytes, size)) {
            char owner[KNOT_DNAME_TXT_MAXLEN], type[16];
            knot_dname_to_str(owner, rr->owner, sizeof(owner));
            knot_rrtype_to_string(rr->type, type, sizeof(type));
            return differs(why, "%s lacks %s %s", name, owner, type);
        }
        distinct++;
    }
    unsigned got = section_records(section);
    return got <= distinct || differs(why, "%s has %u records, %u expected", name, got, distinct);
}

static bool header_matches(const struct rpl_entry *entry, const uint8_t *wire, unsigned rcode,
                           char why[512])
{
    enum { MASK = 0x87b0 }; /* QR AA TC RD RA AD CD */
    unsigned got = (unsigned)wire[2] << 8 | wire[3];

    if ((entry->match & RPL_MATCH_OPCODE) && knot_wire_get_opcode(wire) != entry->opcode) {
        return differs(why, "opcode %u", knot_wire_get_opcode(wire));
    }
    if ((entry->match & RPL_MATCH_FLAGS) && ((got ^ flag_bits(entry)) & MASK) != 0) {
        return differs(why, "flags %04x instead of %04x", got & MASK, flag_bits(entry) & MASK);
    }
    if ((entry->match & RPL_MATCH_RCODE) && rcode != entry->rcode) {
        return differs(why, "rcode %u instead of %u", rcode, entry->rcode);
    }
    return true;
}

static bool question_matches(const struct rpl_entry *entry, const knot_pkt_t *packet, char why[512])
{
    const knot_dname_t *name = knot_pkt_qname(packet);
    const struct rpl_rr *own = entry->counts[RPL_QUESTION] > 0 ? entry->rrs[RPL_QUESTION] : NULL;
    unsigned match = entry->match;

    if (own == NULL || name == NULL) {
        return (own == NULL && name == NULL) ||
               (match & (RPL_MATCH_QNAME | RPL_MATCH_QTYPE | RPL_MATCH_SUBDOMAIN |
                         RPL_MATCH_QUESTION)) == 0 ||
               own == NULL || differs(why, "no question");
    }
    if ((match & (RPL_MATCH_QTYPE | RPL_MATCH_QUESTION)) && knot_pkt_qtype(packet) != own->type) {
        return differs(why, "qtype %u instead of %u", knot_pkt_qtype(packet), own->type);
    }
    if ((match & (RPL_MATCH_QNAME | RPL_MATCH_QUESTION)) && !lower_equal(name, own->owner)) {
        return differs(why, "another qname");
    }
    if ((match & RPL_MATCH_QCASE) && !knot_dname_is_equal(name, own->owner)) {
        return differs(why, "other letter case of the qname");
    }
    return !(match & RPL_MATCH_SUBDOMAIN) || lower_under(name, own->owner) ||
           differs(why, "not under the name");
}

bool rpl_entry_matches(const struct rpl_entry *entry, const uint8_t *wire, size_t size, bool is_tcp,
                       char why[512])
{
    uint8_t copy[UINT16_MAX];
    why[0] = '\0';
    if (size < 12) {
        return differs(why, "shorter than a header");
    }
    if (((entry->match & RPL_MATCH_TCP) && !is_tcp) || ((entry->match & RPL_MATCH_UDP) && is_tcp)) {
        return differs(why, "other transport");
    }
    if (entry->raw != NULL && (entry->match & ~(unsigned)RPL_MATCH_OPCODE) != 0) {
        return (size == entry->raw_size && memcmp(wire, entry->raw, size) == 0) ||
               differs(why, "other bytes");
    }
    /* knot_pkt_parse lowers the letters of the question in place; qcase wants them. */
    memcpy(copy, wire, size);
    knot_pkt_t *packet = knot_pkt_new(copy, (uint16_t)size, NULL);
    if (packet == NULL || knot_pkt_parse(packet, KNOT_PF_NOCANON) != KNOT_EOK) {
        knot_pkt_free(packet);
        return differs(why, "not a whole DNS message");
    }
    bool is_match = header_matches(entry, wire, knot_pkt_ext_rcode(packet), why) &&
                    question_matches(entry, packet, why) &&
                    (!(entry->match & RPL_MATCH_ANSWER) ||
                     section_matches(entry, RPL_ANSWER, knot_pkt_section(packet, KNOT_ANSWER),
                                     "answer", why)) &&
                    (!(entry->match & RPL_MATCH_AUTHORITY) ||
                     section_matches(entry, RPL_AUTHORITY, knot_pkt_section(packet, KNOT_AUTHORITY),
                                     "authority", why)) &&
                    (!(entry->match & RPL_MATCH_ADDITIONAL) ||
                     section_matches(entry, RPL_ADDITIONAL,
                                     knot_pkt_section(packet, KNOT_ADDITIONAL), "additional", why));
    if (is_match && (entry->match & RPL_MATCH_EDNS) && !knot_pkt_has_edns(packet)) {
        is_match = differs(why, "no EDNS");
    }
    knot_pkt_free(packet);
    return is_match;
}
