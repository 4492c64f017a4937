/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/rdata.h"

#include <string.h>

#include "resolver/name.h"

#define NAME       RS_PART_NAME
#define NAME_IN    RS_PART_NAME_IN
#define NAME_PLAIN RS_PART_NAME_PLAIN
#define STRING     RS_PART_STRING
#define REST       RS_PART_REST

enum { LAYOUTS_COUNT = RS_NSEC + 1 };

/* RFC3597-4: compression is for the types of RFC1035 only; the later types in this table are
 * decompressed for the sake of old senders. The addresses are here because everyone relies on their
 * size. A row of zeroes is an opaque type. */
static const int8_t layouts[LAYOUTS_COUNT][RS_RDATA_PARTS_MAX] = {
    [RS_A] = {4},
    [RS_NS] = {NAME},
    [3] = {NAME}, /* MD */
    [4] = {NAME}, /* MF */
    [RS_CNAME] = {NAME},
    [RS_SOA] = {NAME, NAME, 20},
    [7] = {NAME}, /* MB */
    [8] = {NAME}, /* MG */
    [9] = {NAME}, /* MR */
    [RS_PTR] = {NAME},
    [14] = {NAME, NAME}, /* MINFO */
    [RS_MX] = {2, NAME},
    [17] = {NAME_IN, NAME_IN}, /* RP */
    [18] = {2, NAME_IN},       /* AFSDB */
    [21] = {2, NAME_IN},       /* RT */
    [RS_SIG] = {18, NAME_IN, REST},
    [26] = {2, NAME_IN, NAME_IN}, /* PX */
    [RS_AAAA] = {16},
    [30] = {NAME_IN, REST}, /* NXT */
    [RS_SRV] = {6, NAME_IN},
    [35] = {4, STRING, STRING, STRING, NAME_IN}, /* NAPTR */
    [RS_DNAME] = {NAME_PLAIN},                   /* RFC6672-2.5 */
    [RS_RRSIG] = {18, NAME_PLAIN, REST},         /* RFC4034-3.1.7 */
    [RS_NSEC] = {NAME_PLAIN, REST},              /* RFC4034-4.1.1 */
};

const int8_t *rs_rdata_layout(uint16_t type)
{
    return type < LAYOUTS_COUNT && layouts[type][0] != RS_PART_END ? layouts[type] : NULL;
}

int32_t rs_rdata_part(int8_t part, const uint8_t *data, uint32_t room)
{
    int32_t size = -1;

    switch (part) {
    case RS_PART_NAME:
    case RS_PART_NAME_IN:
    case RS_PART_NAME_PLAIN:
        size = (int32_t)rs_name_check(data, room);
        return size > 0 ? size : -1;
    case RS_PART_STRING:
        size = room > 0 ? 1 + data[0] : -1;
        break;
    case RS_PART_REST:
        return (int32_t)room;
    default:
        size = part;
        break;
    }
    return size >= 0 && (uint32_t)size <= room ? size : -1;
}

bool rs_rdata_is_valid(const int8_t *layout, const uint8_t *data, uint32_t size)
{
    uint32_t at = 0;
    for (; *layout != RS_PART_END; layout++) {
        int32_t part = rs_rdata_part(*layout, data + at, size - at);
        if (part < 0) {
            return false;
        }
        at += (uint32_t)part;
    }
    return at == size;
}

bool rs_rdata_is_packed(const int8_t *layout)
{
    for (; *layout != RS_PART_END; layout++) {
        if (*layout == RS_PART_NAME || *layout == RS_PART_NAME_IN) {
            return true;
        }
    }
    return false;
}

/* One part from `wire` to `out`; the bytes written, -1 when it does not fit. */
static int32_t unpack_part(struct rs_wire *wire, int8_t part, uint32_t end, uint8_t *out,
                           uint32_t room)
{
    if (part == RS_PART_NAME || part == RS_PART_NAME_IN) {
        uint8_t name[RS_NAME_BYTES_MAX];
        uint8_t size = rs_wire_name(wire, end, name); /* Not past RDLENGTH (CVE-2026-10822). */
        if (size == 0 || size > room) {
            return -1;
        }
        memcpy(out, name, size);
        return size;
    }
    int32_t size = rs_rdata_part(part, wire->data + wire->at, end - wire->at);
    if (size < 0 || (uint32_t)size > room) {
        return -1;
    }
    memcpy(out, wire->data + wire->at, (size_t)size);
    wire->at += (uint32_t)size;
    return size;
}

int32_t rs_rdata_unpack(struct rs_wire *wire, const struct rs_wire_record *record,
                        const int8_t *layout, uint8_t out[RS_RDATA_UNPACKED_BYTES_MAX])
{
    uint32_t end = record->rdata_at + record->rdata_size;
    uint32_t used = 0;

    wire->at = record->rdata_at;
    for (; *layout != RS_PART_END; layout++) {
        int32_t size =
            unpack_part(wire, *layout, end, out + used, RS_RDATA_UNPACKED_BYTES_MAX - used);
        if (size < 0) {
            return -1;
        }
        used += (uint32_t)size;
    }
    return wire->at == end ? (int32_t)used : -1;
}
