/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* compress: names of a message under construction, written as pointers where a suffix of theirs has
 * been written before (RFC1035-4.1.4).
 *
 * Cost     Bounded for the whole message, whatever the names are (CVE-2024-8508): at most
 *          RS_COMPRESS_NAMES_MAX suffixes are remembered, a search looks at RS_COMPRESS_PROBES
 *          slots, and after RS_COMPRESS_WORK_BYTES of names the rest is written out.
 * Memory   Remembered suffixes are pointers to the caller's names: they outlive the writer. */

#include "resolver/name.h"

enum { RS_COMPRESS_SLOTS = 256, RS_COMPRESS_PROBES = 4, RS_COMPRESS_WORK_BYTES = 32 * 1024 };

_Static_assert(RS_COMPRESS_SLOTS >= 2 * RS_COMPRESS_NAMES_MAX, "half of the slots stay free");

struct rs_compress {
    /* private */
    uint32_t count, work;
    uint32_t hashes[RS_COMPRESS_SLOTS]; /* apart from the rest: most probes end here; 0 is free */
    struct rs_compress_slot {
        const uint8_t *suffix;
        uint16_t offset; /* in the message */
        uint8_t size;
    } slots[RS_COMPRESS_SLOTS];

    /* The name under way, taken apart: here rather than on the stack, which would be cleared for
     * each name. */
    struct rs_suffixes {
        uint8_t count, size;
        uint8_t starts[127];
        uint32_t hashes[127]; /* of the suffix from that label on */
    } parts;
};

/* Writes `name` at message offset `offset` into `out`; returns its bytes, at most its size. */
uint8_t rs_compress_write(struct rs_compress *compress, const uint8_t *name, uint32_t offset,
                          uint8_t out[RS_NAME_BYTES_MAX]);

/* Forgets what was written at `offset` and after: it is not part of the message any more. */
void rs_compress_rewind(struct rs_compress *compress, uint32_t offset);
