/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/wire.h"

#include <string.h>

enum { LABEL_KIND = 0xC0, POINTER = 0xC0, POINTER_BYTES = 2 };

void rs_wire_record(struct rs_wire *wire, struct rs_wire_record *out)
{
    const uint8_t *fixed = rs_wire_bytes(wire, RS_RECORD_FIXED_BYTES);
    if (fixed == NULL) {
        *out = (struct rs_wire_record){.type = 0};
        return;
    }
    *out = (struct rs_wire_record){
        .type = rs_get_u16(fixed),
        .class = rs_get_u16(fixed + 2),
        .ttl = rs_get_u32(fixed + 4),
        .rdata_size = rs_get_u16(fixed + 8),
        .rdata_at = wire->at,
    };
    /* RFC9267-5: RDLENGTH is checked against what is really there. */
    (void)rs_wire_bytes(wire, out->rdata_size);
}

void rs_wire_skip_name(struct rs_wire *wire)
{
    uint32_t at = wire->at, used = 0;

    while (!wire->is_bad && at < wire->size) {
        uint8_t label = wire->data[at];
        if (label == 0) {
            wire->at = at + 1;
            return;
        }
        if ((label & LABEL_KIND) == POINTER && wire->size - at >= POINTER_BYTES) {
            wire->at = at + POINTER_BYTES;
            return;
        }
        used += 1u + label;
        if ((label & LABEL_KIND) != 0 || used >= RS_NAME_BYTES_MAX) {
            break;
        }
        at += 1u + label;
    }
    wire->is_bad = true;
}

static uint32_t pointer_target(const uint8_t *at)
{
    return rs_get_u16(at) & 0x3FFF;
}

uint32_t rs_wire_name_place(const struct rs_wire *wire)
{
    if (wire->size - wire->at < POINTER_BYTES || (wire->data[wire->at] & LABEL_KIND) != POINTER) {
        return wire->at;
    }
    return pointer_target(wire->data + wire->at);
}

/* False when the message has used up its allowance. */
static bool charge(struct rs_wire *wire, uint32_t octets)
{
    if (octets > wire->name_work) {
        return false;
    }
    wire->name_work -= octets;
    return true;
}

/* A walk along one name. */
struct walk {
    uint32_t at, end; /* of the part it is in */
    uint32_t lowest;  /* start of that part: targets lie before it */
    uint32_t after;   /* where the name's own bytes end; 0 until known */
};

/* RFC1035-4.1.4: a pointer leads to a prior occurrence. RFC9267-2: never into the header, never
 * forward, never to itself; strictly falling targets cannot loop. */
static bool follow(struct rs_wire *wire, struct walk *walk)
{
    if (walk->end - walk->at < POINTER_BYTES) {
        return false;
    }
    uint32_t target = pointer_target(wire->data + walk->at);
    if (target < RS_HEADER_BYTES || target >= walk->lowest || !charge(wire, POINTER_BYTES)) {
        return false;
    }
    if (walk->after == 0) {
        walk->after = walk->at + POINTER_BYTES;
        walk->end = wire->size;
    }
    walk->lowest = walk->at = target;
    return true;
}

static uint8_t read_name(struct rs_wire *wire, uint32_t end, uint8_t *out)
{
    struct walk walk = {.at = wire->at, .end = end, .lowest = wire->at};
    uint32_t used = 0;

    while (walk.at < walk.end) {
        uint8_t label = wire->data[walk.at];
        if ((label & LABEL_KIND) == POINTER) {
            if (!follow(wire, &walk)) {
                return 0;
            }
            continue;
        }
        /* RFC9267-3: the two reserved kinds of label, and labels beyond the end. RFC1035-2.3.4:
         * 255 octets in all, those behind pointers included. */
        uint32_t octets = 1u + label;
        if ((label & LABEL_KIND) != 0 || octets > walk.end - walk.at ||
            used + octets > RS_NAME_BYTES_MAX || !charge(wire, octets)) {
            return 0;
        }
        memcpy(out + used, wire->data + walk.at, octets);
        used += octets;
        walk.at += octets;
        if (label == 0) {
            wire->at = walk.after != 0 ? walk.after : walk.at;
            return (uint8_t)used;
        }
    }
    return 0; /* RFC9267-4: the end came before the root label. */
}

uint8_t rs_wire_name(struct rs_wire *wire, uint32_t end, uint8_t out[RS_NAME_BYTES_MAX])
{
    uint8_t size = wire->is_bad || end > wire->size ? 0 : read_name(wire, end, out);
    wire->is_bad = size == 0;
    return size;
}
