/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* rdata: where domain names lie inside RDATA, for the few types in which they may be compressed or
 * which the resolver looks into. Every other type is opaque bytes (RFC3597), so that a new type can
 * neither break the parser nor be broken by it. */

#include "resolver/types.h"
#include "resolver/wire.h"

/* A layout is a list of parts ended by RS_PART_END, where the RDATA must end too. Positive parts
 * are that many bytes. */
enum rs_part {
    RS_PART_END = 0,
    RS_PART_NAME = -1,       /* may come compressed, is written compressed (RFC1035 types) */
    RS_PART_NAME_IN = -2,    /* may come compressed, is never written so (RFC3597-4) */
    RS_PART_NAME_PLAIN = -3, /* never compressed */
    RS_PART_STRING = -4,     /* a length byte and as many bytes */
    RS_PART_REST = -5,       /* whatever is left */
};

enum { RS_RDATA_PARTS_MAX = 6, RS_RDATA_UNPACKED_BYTES_MAX = 1152 };

/* The layout of a type; NULL: opaque. */
const int8_t *rs_rdata_layout(uint16_t type);

/* Bytes of the part at `data` within `room`, names uncompressed; -1 when it does not fit. */
int32_t rs_rdata_part(int8_t part, const uint8_t *data, uint32_t room);

/* True when uncompressed RDATA follows its layout. */
bool rs_rdata_is_valid(const int8_t *layout, const uint8_t *data, uint32_t size);

/* True when names of this layout may come compressed, so that RDATA must be unpacked. */
bool rs_rdata_is_packed(const int8_t *layout);

/* Writes the RDATA of `record` with its names uncompressed; returns its size, -1 when it does not
 * follow `layout`. The cursor stays behind the record. */
int32_t rs_rdata_unpack(struct rs_wire *wire, const struct rs_wire_record *record,
                        const int8_t *layout, uint8_t out[RS_RDATA_UNPACKED_BYTES_MAX]);
