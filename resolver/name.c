/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/name.h"

#include <string.h>

#include <libknot/dname.h>

enum { LABELS_MAX = 127, LABEL_BYTES_MAX = 63 };

_Static_assert(RS_NAME_BYTES_MAX == KNOT_DNAME_MAXLEN, "libknot and we agree on RFC1035-2.3.4");
_Static_assert(RS_NAME_TEXT_BYTES >= KNOT_DNAME_TXT_MAXLEN + 1, "any name's text fits");

/* Only ASCII letters have a case (RFC4343-3): never the locale's. */
static inline uint8_t lower(uint8_t byte)
{
    return (uint8_t)(byte - 'A') < 26 ? byte | 0x20 : byte;
}

static inline bool is_letter(uint8_t byte)
{
    return (uint8_t)((byte | 0x20) - 'a') < 26;
}

size_t rs_name_check(const uint8_t *wire, size_t room)
{
    size_t bound = room < RS_NAME_BYTES_MAX ? room : RS_NAME_BYTES_MAX;
    size_t at = 0;

    while (at < bound) {
        uint8_t label = wire[at];
        if (label == 0) {
            return at + 1;
        }
        /* RFC1035-2.3.4: labels are 63 octets or less. Pointers are no part of a plain name. */
        if (label > LABEL_BYTES_MAX) {
            return 0;
        }
        at += 1u + label;
    }
    return 0;
}

size_t rs_name_size(const uint8_t *name)
{
    size_t at = 0;
    while (name[at] != 0) {
        at += 1u + name[at];
    }
    return at + 1;
}

unsigned rs_name_labels(const uint8_t *name)
{
    unsigned count = 0;
    for (; *name != 0; name += 1 + *name) {
        count++;
    }
    return count;
}

bool rs_name_is_root(const uint8_t *name)
{
    return name[0] == 0;
}

/* Bytes of two names of the same size; length bytes are below 'A', so lowering leaves them. */
static bool equal_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

bool rs_name_equal(const uint8_t *a, const uint8_t *b)
{
    size_t size = rs_name_size(a);
    return size == rs_name_size(b) && equal_bytes(a, b, size);
}

/* Where each label starts, first to last. Returns their count. */
static unsigned label_starts(const uint8_t *name, uint8_t starts[LABELS_MAX])
{
    unsigned count = 0;
    for (size_t at = 0; name[at] != 0; at += 1u + name[at]) {
        RT_CHECK(count < LABELS_MAX);
        starts[count++] = (uint8_t)at;
    }
    return count;
}

/* RFC4034-6.1: labels compare as octet strings, letters in lower case; absent sorts first. */
static int compare_labels(const uint8_t *a, const uint8_t *b)
{
    unsigned common = a[0] < b[0] ? a[0] : b[0];
    for (unsigned i = 1; i <= common; i++) {
        int difference = (int)lower(a[i]) - (int)lower(b[i]);
        if (difference != 0) {
            return difference;
        }
    }
    return (int)a[0] - (int)b[0];
}

int rs_name_compare(const uint8_t *a, const uint8_t *b)
{
    uint8_t a_starts[LABELS_MAX], b_starts[LABELS_MAX];
    unsigned a_left = label_starts(a, a_starts), b_left = label_starts(b, b_starts);

    while (a_left > 0 && b_left > 0) {
        int difference = compare_labels(a + a_starts[--a_left], b + b_starts[--b_left]);
        if (difference != 0) {
            return difference;
        }
    }
    return (int)a_left - (int)b_left;
}

bool rs_name_is_under(const uint8_t *name, const uint8_t *zone)
{
    size_t name_size = rs_name_size(name), zone_size = rs_name_size(zone);
    if (name_size < zone_size) {
        return false;
    }

    /* The suffix must begin where a label does. */
    const uint8_t *suffix = name;
    while ((size_t)(suffix - name) < name_size - zone_size) {
        suffix += 1 + *suffix;
    }
    return (size_t)(suffix - name) == name_size - zone_size && equal_bytes(suffix, zone, zone_size);
}

const uint8_t *rs_name_parent(const uint8_t *name, unsigned labels)
{
    for (; labels > 0 && *name != 0; labels--) {
        name += 1 + *name;
    }
    return name;
}

unsigned rs_name_common(const uint8_t *a, const uint8_t *b)
{
    uint8_t a_starts[LABELS_MAX], b_starts[LABELS_MAX];
    unsigned a_left = label_starts(a, a_starts), b_left = label_starts(b, b_starts);
    unsigned common = 0;

    while (a_left > 0 && b_left > 0 &&
           compare_labels(a + a_starts[--a_left], b + b_starts[--b_left]) == 0) {
        common++;
    }
    return common;
}

void rs_name_copy(struct rs_name *out, const uint8_t *name)
{
    size_t size = rs_name_size(name);
    RT_CHECK(size <= RS_NAME_BYTES_MAX);

    for (size_t i = 0; i < size; i++) {
        out->wire[i] = lower(name[i]);
    }
    out->size = (uint8_t)size;
}

void rs_name_lower(uint8_t *name)
{
    size_t size = rs_name_size(name);
    for (size_t i = 0; i < size; i++) {
        name[i] = lower(name[i]);
    }
}

rt_status rs_name_substitute(const uint8_t *name, const uint8_t *from, const uint8_t *to,
                             struct rs_name *out)
{
    size_t name_size = rs_name_size(name), from_size = rs_name_size(from);
    if (name_size <= from_size || !rs_name_is_under(name, from)) {
        return RT_NOT_FOUND;
    }

    size_t prefix_size = name_size - from_size, to_size = rs_name_size(to);
    if (prefix_size + to_size > RS_NAME_BYTES_MAX) {
        return RT_FULL; /* RFC6672-2.2: the answer is YXDOMAIN. */
    }
    struct rs_name result = {.size = (uint8_t)(prefix_size + to_size)};
    memcpy(result.wire, name, prefix_size);
    memcpy(result.wire + prefix_size, to, to_size);
    rs_name_lower(result.wire);
    *out = result; /* Last: `name` or `to` may be `out`'s own bytes. */
    return RT_OK;
}

rt_status rs_name_wildcard(const uint8_t *name, struct rs_name *out)
{
    size_t size = rs_name_size(name);
    if (size + 2 > RS_NAME_BYTES_MAX) {
        return RT_FULL;
    }
    memmove(out->wire + 2, name, size);
    out->wire[0] = 1;
    out->wire[1] = '*';
    out->size = (uint8_t)(size + 2);
    rs_name_lower(out->wire);
    return RT_OK;
}

const char *rs_name_text(const uint8_t *name, char text[RS_NAME_TEXT_BYTES])
{
    if (knot_dname_to_str(text, name, RS_NAME_TEXT_BYTES) == NULL) {
        memcpy(text, "?", 2);
    }
    return text;
}

rt_status rs_name_parse(const char *text, struct rs_name *out)
{
    struct rs_name name = {.size = 0};
    if (knot_dname_from_str(name.wire, text, sizeof(name.wire)) == NULL) {
        return RT_MALFORMED;
    }
    size_t size = rs_name_check(name.wire, sizeof(name.wire));
    if (size == 0) {
        return RT_MALFORMED;
    }
    name.size = (uint8_t)size;
    rs_name_lower(name.wire);
    *out = name;
    return RT_OK;
}

void rs_name_mix_case(uint8_t *name, const uint8_t bits[32])
{
    size_t size = rs_name_size(name);
    uint8_t letter = 0; /* 256 bits: the index wraps around by itself. */

    for (size_t i = 0; i < size; i++) {
        if (is_letter(name[i])) {
            name[i] ^= (bits[letter >> 3] >> (letter & 7) & 1) ? 0x20 : 0;
            letter++;
        }
    }
}
