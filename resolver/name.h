/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* name: domain names in uncompressed wire form, the one form names have inside troupe.
 *
 * A name is a pointer to at most RS_NAME_BYTES_MAX checked bytes that end with the root label.
 * Names in states, keys and messages between actors are lower case; the letters a client typed
 * live only in its request (RFC4343). Bytes from outside become a name through rs_name_check.
 * Wraps knot_dname_t, whose header ends here. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resolver/limits.h"
#include "runtime/base/check.h"
#include "runtime/base/status.h"

enum { RS_NAME_TEXT_BYTES = 1010 }; /* 4 characters for each byte at worst, and the NUL. */

/* A name with its own room. */
struct rs_name {
    uint8_t size; /* bytes used */
    uint8_t wire[RS_NAME_BYTES_MAX];
};

/* Bytes of the uncompressed name at `wire` within `room`; 0 when it is malformed. */
size_t rs_name_check(const uint8_t *wire, size_t room);

size_t rs_name_size(const uint8_t *name);     /* with the root label; 1 for the root */
unsigned rs_name_labels(const uint8_t *name); /* 0 for the root */
bool rs_name_is_root(const uint8_t *name);
bool rs_name_equal(const uint8_t *a, const uint8_t *b); /* regardless of letter case */

/* Canonical order (RFC4034-6.1): <0, 0, >0. */
int rs_name_compare(const uint8_t *a, const uint8_t *b);

/* `name` is `zone` or below it. */
bool rs_name_is_under(const uint8_t *name, const uint8_t *zone);

/* The name without its first `labels` labels: a pointer into `name`. More labels than there are:
 * the root. */
const uint8_t *rs_name_parent(const uint8_t *name, unsigned labels);

/* Labels that both names share, counted from the root. */
unsigned rs_name_common(const uint8_t *a, const uint8_t *b);

void rs_name_copy(struct rs_name *out, const uint8_t *name); /* and lowers the case */
void rs_name_lower(uint8_t *name);                           /* in place */

/* `name` with its suffix `from` replaced by `to` (RFC6672-2.2). RT_NOT_FOUND when `name` is not
 * properly below `from`; RT_FULL when the result is too long (YXDOMAIN). */
RT_MUST_USE rt_status rs_name_substitute(const uint8_t *name, const uint8_t *from,
                                         const uint8_t *to, struct rs_name *out);

/* "*" in front of `name`; RT_FULL when too long. */
RT_MUST_USE rt_status rs_name_wildcard(const uint8_t *name, struct rs_name *out);

/* Presentation form with a final dot, always terminated; odd bytes as \DDD. Returns `text`. */
const char *rs_name_text(const uint8_t *name, char text[RS_NAME_TEXT_BYTES]);

/* From presentation form, lower case; a missing final dot is no error. */
RT_MUST_USE rt_status rs_name_parse(const char *text, struct rs_name *out);

/* Flips letters of `name` by the bits of `bits` (one for each letter, reused from the start when it
 * runs out): 0x20 encoding. */
void rs_name_mix_case(uint8_t *name, const uint8_t bits[32]);
