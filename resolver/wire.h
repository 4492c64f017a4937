/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* wire: a cursor over the bytes of one DNS message from a stranger.
 *
 * Errors are sticky: after the first read beyond the end every read returns zeroes and `is_bad`
 * stays set, so that callers look once, after a group of reads. No bytes are changed. */

#include <stdbool.h>
#include <stdint.h>

#include "resolver/limits.h"

enum { RS_HEADER_BYTES = 12, RS_RECORD_FIXED_BYTES = 10 };

/* Bits of the second header word (RFC1035-4.1.1, RFC4035-3). */
enum rs_header_flag {
    RS_FLAG_QR = 0x8000,
    RS_FLAG_AA = 0x0400,
    RS_FLAG_TC = 0x0200,
    RS_FLAG_RD = 0x0100,
    RS_FLAG_RA = 0x0080,
    RS_FLAG_AD = 0x0020,
    RS_FLAG_CD = 0x0010,
    RS_FLAGS_OPCODE = 0x7800,
    RS_FLAGS_RCODE = 0x000F,
};

static inline uint16_t rs_get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t rs_get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline void rs_put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void rs_put_u32(uint8_t *at, uint32_t value)
{
    rs_put_u16(at, (uint16_t)(value >> 16));
    rs_put_u16(at + 2, (uint16_t)value);
}

struct rs_wire {
    const uint8_t *data;
    uint32_t size, at;
    uint32_t name_work; /* octets that may still be passed while reading names */
    bool is_bad;
};

static inline struct rs_wire rs_wire_open(const uint8_t *data, uint32_t size)
{
    return (struct rs_wire){.data = data, .size = size, .name_work = RS_NAME_WORK_BYTES_MAX};
}

/* The next `size` bytes, or NULL. */
static inline const uint8_t *rs_wire_bytes(struct rs_wire *wire, uint32_t size)
{
    if (wire->is_bad || size > wire->size - wire->at) {
        wire->is_bad = true;
        return 0;
    }
    wire->at += size;
    return wire->data + wire->at - size;
}

static inline uint16_t rs_wire_u16(struct rs_wire *wire)
{
    const uint8_t *bytes = rs_wire_bytes(wire, 2);
    return bytes != 0 ? rs_get_u16(bytes) : 0;
}

/* The part of a record after its owner, whose RDATA has been checked to lie inside the message. */
struct rs_wire_record {
    uint16_t type, class;
    uint32_t ttl; /* raw */
    uint16_t rdata_size;
    uint32_t rdata_at;
};

/* Reads it and moves behind the RDATA. */
void rs_wire_record(struct rs_wire *wire, struct rs_wire_record *out);

/* Moves behind the name without following pointers. */
void rs_wire_skip_name(struct rs_wire *wire);

/* Reads the name at the cursor, whose own bytes must lie before `end`, and writes it uncompressed,
 * letter case kept. Returns its size, 0 when it is bad (and `is_bad` is set).
 *
 * A pointer must point before the name it belongs to and before every earlier pointer's target:
 * so each ends. The octets passed are charged to `name_work`, so that all names of a message
 * together take linear time. */
uint8_t rs_wire_name(struct rs_wire *wire, uint32_t end, uint8_t out[RS_NAME_BYTES_MAX]);

/* Where the bytes of the name at the cursor begin: its own place, or the target if it is nothing
 * but a pointer. Two names with the same place are the same name. */
uint32_t rs_wire_name_place(const struct rs_wire *wire);
