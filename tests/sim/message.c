/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/check.h"
#include "tests/sim/dns.h"

/* ---- reading ---- */

struct cursor {
    const uint8_t *wire;
    size_t size, at;
    bool is_bad;
};

static unsigned read_u8(struct cursor *c)
{
    if (c->at + 1 > c->size) {
        c->is_bad = true;
        return 0;
    }
    return c->wire[c->at++];
}

static unsigned read_u16(struct cursor *c)
{
    unsigned high = read_u8(c);

    return high << 8 | read_u8(c);
}

static uint32_t read_u32(struct cursor *c)
{
    uint32_t high = read_u16(c);

    return high << 16 | read_u16(c);
}

/* Follows pointers, backwards only, so that it ends. */
static void read_name(struct cursor *c, struct sim_name *out)
{
    size_t at = c->at, end = 0, limit = c->at;

    out->size = 0;
    for (;;) {
        if (at >= c->size) {
            c->is_bad = true;
            return;
        }
        unsigned length = c->wire[at];
        if ((length & 0xC0) == 0xC0) {
            size_t target = at + 1 < c->size ? ((length & 0x3F) << 8 | c->wire[at + 1]) : limit;
            end = end == 0 ? at + 2 : end;
            if (target >= limit) {
                c->is_bad = true;
                return;
            }
            limit = at = target;
            continue;
        }
        if (length > 63 || at + 1 + length > c->size || out->size + 1 + length > 255) {
            c->is_bad = true;
            return;
        }
        memcpy(out->wire + out->size, c->wire + at, length + 1);
        out->size = (uint8_t)(out->size + length + 1);
        at += length + 1;
        if (length == 0) {
            break;
        }
    }
    c->at = end == 0 ? at : end;
}

/* How rdata of a type is laid out: bytes before the names, names, bytes after; the rest as is. */
static void layout_of(uint16_t type, unsigned *before, unsigned *names)
{
    *before = 0;
    *names = 0;
    switch (type) {
    case RS_NS:
    case RS_CNAME:
    case RS_DNAME:
    case RS_PTR:
        *names = 1;
        return;
    case RS_MX:
        *before = 2;
        *names = 1;
        return;
    case RS_SRV:
        *before = 6;
        *names = 1;
        return;
    case RS_SOA:
        *names = 2;
        return;
    default:
        return;
    }
}

/* Into `out` with names uncompressed and lowered; returns the size. */
static size_t read_rdata(struct cursor *c, uint16_t type, size_t end, uint8_t *out, size_t room)
{
    unsigned before, names;
    size_t size = 0;

    layout_of(type, &before, &names);
    for (; before > 0; before--) {
        out[size++] = (uint8_t)read_u8(c);
    }
    for (; names > 0 && !c->is_bad; names--) {
        struct sim_name name;
        read_name(c, &name);
        sim_name_lower(&name);
        memcpy(out + size, name.wire, name.size);
        size += name.size;
    }
    if (c->is_bad || c->at > end || end > c->size || size + (end - c->at) > room) {
        c->is_bad = true;
        return 0;
    }
    memcpy(out + size, c->wire + c->at, end - c->at);
    size += end - c->at;
    c->at = end;
    return size;
}

static void read_options(struct cursor *c, size_t end, struct sim_message *out)
{
    while (c->at + 4 <= end && !c->is_bad) {
        unsigned code = read_u16(c), length = read_u16(c);
        if (c->at + length > end) {
            c->is_bad = true;
            return;
        }
        if (code == 10 && length <= sizeof(out->cookie)) {
            memcpy(out->cookie, c->wire + c->at, length);
            out->cookie_size = (uint8_t)length;
        } else if (code == 15 && length >= 2) {
            out->ede = c->wire[c->at] << 8 | c->wire[c->at + 1];
        }
        c->at += length;
    }
    c->is_bad |= c->at != end;
}

static void read_record(struct cursor *c, unsigned section, struct sim_message *out)
{
    static uint8_t rdata[65536 + 600]; /* one thread */
    struct sim_name owner;

    read_name(c, &owner);
    sim_name_lower(&owner);
    unsigned type = read_u16(c), class = read_u16(c);
    uint32_t ttl_s = read_u32(c);
    size_t length = read_u16(c), end = c->at + length;
    if (c->is_bad || end > c->size) {
        c->is_bad = true;
        return;
    }
    if (type == RS_OPT) {
        c->is_bad |= out->has_edns || section != 2;
        out->has_edns = true;
        out->payload = class < 512 ? 512 : (uint16_t) class;
        out->rcode = (uint16_t)(out->rcode | (ttl_s >> 24) << 4);
        out->edns_version = (uint8_t)(ttl_s >> 16);
        out->is_dnssec_ok = (ttl_s & 0x8000) != 0;
        read_options(c, end, out);
        return;
    }
    size_t size = read_rdata(c, (uint16_t)type, end, rdata, sizeof(rdata));
    if (c->is_bad) {
        return;
    }
    struct sim_record *record =
        sim_records_add(&out->records, &owner, (uint16_t)type, ttl_s, rdata, size);
    record->class = (uint16_t) class;
    record->section = (uint8_t)section;
}

bool sim_message_read(const uint8_t *wire, size_t size, struct sim_message *out)
{
    struct cursor c = {.wire = wire, .size = size};
    unsigned counts[3];

    memset(out, 0, sizeof(*out));
    out->payload = 512;
    out->ede = -1;
    out->id = (uint16_t)read_u16(&c);
    out->flags = (uint16_t)read_u16(&c);
    out->opcode = (out->flags >> 11) & 0xF;
    out->rcode = out->flags & 0xF;
    out->question_count = (uint16_t)read_u16(&c);
    for (unsigned i = 0; i < 3; i++) {
        counts[i] = read_u16(&c);
    }
    if (c.is_bad || out->question_count > 1) {
        return false;
    }
    if (out->question_count == 1) {
        read_name(&c, &out->name_as_sent);
        out->name = out->name_as_sent;
        sim_name_lower(&out->name);
        out->type = (uint16_t)read_u16(&c);
        out->class = (uint16_t)read_u16(&c);
    }
    for (unsigned section = 0; section < 3; section++) {
        for (unsigned i = 0; i < counts[section] && !c.is_bad; i++) {
            read_record(&c, section, out);
        }
    }
    return !c.is_bad && c.at == size;
}

void sim_message_free(struct sim_message *message)
{
    sim_records_free(&message->records);
}

/* ---- writing ---- */

static void put(struct sim_writer *w, const void *bytes, uint32_t size)
{
    if (w->is_overfull || w->size + size > w->room) {
        w->is_overfull = true;
        return;
    }
    if (size > 0) {
        memcpy(w->wire + w->size, bytes, size);
    }
    w->size += size;
}

static void put_u16(struct sim_writer *w, unsigned value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

    put(w, bytes, sizeof(bytes));
}

static void put_u32(struct sim_writer *w, uint32_t value)
{
    put_u16(w, value >> 16);
    put_u16(w, value & 0xFFFF);
}

/* The name at `offset` of the message equals `tail` (wire bytes)? Letter case counts. */
static bool is_name_at(const struct sim_writer *w, uint32_t offset, const uint8_t *tail)
{
    for (unsigned jumps = 0; jumps < 128; jumps++) {
        while ((w->wire[offset] & 0xC0) == 0xC0) {
            offset = (uint32_t)(w->wire[offset] & 0x3F) << 8 | w->wire[offset + 1];
        }
        unsigned length = w->wire[offset];
        if (memcmp(w->wire + offset, tail, length + 1) != 0) {
            return false;
        }
        if (length == 0) {
            return true;
        }
        offset += length + 1;
        tail += length + 1;
    }
    return false;
}

static void put_name(struct sim_writer *w, const uint8_t *name, bool is_compressing)
{
    while (*name != 0) {
        for (unsigned i = 0; is_compressing && i < w->seen_count; i++) {
            if (is_name_at(w, w->seen[i], name)) {
                put_u16(w, 0xC000u | w->seen[i]);
                return;
            }
        }
        if (!w->is_overfull && w->size < 0x3FFF && w->seen_count < RT_ARRAY_COUNT(w->seen)) {
            w->seen[w->seen_count++] = (uint16_t)w->size;
        }
        put(w, name, *name + 1u);
        if (w->is_overfull && w->seen_count > 0 && w->seen[w->seen_count - 1] >= w->size) {
            w->seen_count--;
        }
        name += *name + 1u;
    }
    put(w, name, 1);
}

static void add_count(struct sim_writer *w, unsigned index)
{
    unsigned count = (unsigned)(w->wire[index] << 8 | w->wire[index + 1]) + 1;

    w->wire[index] = (uint8_t)(count >> 8);
    w->wire[index + 1] = (uint8_t)count;
}

void sim_write_begin(struct sim_writer *writer, uint8_t *wire, uint32_t room, uint16_t id,
                     uint16_t flags, const struct sim_name *name, uint16_t type, uint16_t class)
{
    memset(writer, 0, sizeof(*writer));
    writer->wire = wire;
    writer->room = room;
    writer->is_compressing = true;
    RT_CHECK(room >= 12);
    memset(wire, 0, 12);
    put_u16(writer, id);
    put_u16(writer, flags);
    writer->size = 12;
    if (name != NULL) {
        put_name(writer, name->wire, false);
        put_u16(writer, type);
        put_u16(writer, class);
        add_count(writer, 4);
    }
}

static void put_rdata(struct sim_writer *w, const struct sim_record *record)
{
    unsigned before, names, at = 0;
    uint32_t length_at = w->size;

    /* RFC3597-4: only names in the types of RFC1035 may be compressed. */
    bool is_compressing = w->is_compressing && record->type != RS_SRV && record->type != RS_DNAME;
    layout_of(record->type, &before, &names);
    put_u16(w, 0);
    put(w, record->rdata, before);
    at = before;
    for (; names > 0; names--) {
        struct sim_name name = {0};
        struct cursor c = {.wire = record->rdata, .size = record->rdata_size, .at = at};
        read_name(&c, &name);
        RT_CHECK(!c.is_bad);
        put_name(w, name.wire, is_compressing);
        at = (unsigned)c.at;
    }
    put(w, record->rdata + at, record->rdata_size - at);
    if (!w->is_overfull) {
        uint32_t size = w->size - length_at - 2;
        w->wire[length_at] = (uint8_t)(size >> 8);
        w->wire[length_at + 1] = (uint8_t)size;
    }
}

void sim_write_record(struct sim_writer *writer, unsigned section, const struct sim_record *record)
{
    put_name(writer, record->owner.wire, writer->is_compressing);
    put_u16(writer, record->type);
    put_u16(writer, record->class);
    put_u32(writer, record->ttl_s);
    put_rdata(writer, record);
    if (!writer->is_overfull) {
        add_count(writer, 6 + 2 * section);
    }
}

void sim_write_opt(struct sim_writer *writer, uint16_t payload, uint16_t rcode, bool is_dnssec_ok,
                   const void *options, uint16_t options_size)
{
    put(writer, "", 1);
    put_u16(writer, RS_OPT);
    put_u16(writer, payload);
    put_u16(writer, (unsigned)(rcode >> 4) << 8);
    put_u16(writer, is_dnssec_ok ? 0x8000 : 0);
    put_u16(writer, options_size);
    put(writer, options, options_size);
    if (!writer->is_overfull) {
        add_count(writer, 10);
    }
}

void sim_write_truncate(struct sim_writer *writer)
{
    uint32_t at = 12;

    if (writer->wire[5] == 1) {
        while (writer->wire[at] != 0) {
            at += writer->wire[at] + 1u;
        }
        at += 5;
    }
    writer->size = at;
    writer->is_overfull = false;
    writer->wire[2] |= SIM_TC >> 8;
    memset(writer->wire + 6, 0, 6);
}

void sim_dns_describe(const uint8_t *wire, size_t size, char *text, size_t room)
{
    struct sim_message message;
    char name[1010], type[16];
    unsigned counts[3] = {0};

    if (!sim_message_read(wire, size, &message)) {
        snprintf(text, room, "(%zu bytes)", size);
        sim_message_free(&message);
        return;
    }
    for (unsigned i = 0; i < message.records.count; i++) {
        counts[message.records.items[i].section]++;
    }
    snprintf(type, sizeof(type), "TYPE%u", message.type);
    sim_name_text(&message.name_as_sent, name);
    if ((message.flags & SIM_QR) == 0) {
        snprintf(text, room, "#%04x ? %s %s%s%s", message.id, name, type,
                 message.has_edns ? " edns" : "", (message.flags & SIM_RD) != 0 ? " rd" : "");
    } else {
        snprintf(text, room, "#%04x = %s %s rcode %u%s%s %u/%u/%u", message.id, name, type,
                 message.rcode, (message.flags & SIM_AA) != 0 ? " aa" : "",
                 (message.flags & SIM_TC) != 0 ? " tc" : "", counts[0], counts[1], counts[2]);
    }
    sim_message_free(&message);
}
