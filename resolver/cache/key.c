/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/entry.h"

#include <string.h>

/* Labels may hold any byte (RFC2181-11), the zero that ends a label here included. Bytes 0 and 1
 * become two bytes, which sort after the end of a label and before byte 2: the order of keys stays
 * the canonical order of names (RFC4034-6.1). */
enum {
    KEY_END = 0,
    KEY_ESCAPE = 1,
    KEY_ESCAPED_ZERO = 1,
    KEY_ESCAPED_ONE = 2,
    KEY_LABELS_MAX = 127, /* of two bytes each, and the root */
    KEY_TAIL_BYTES = 4,   /* the zero after the name, slot, type */
};

/* A 255-byte name holds at most 250 bytes in labels (63 + 63 + 63 + 61), each escaped. */
_Static_assert(2 * 250 + 4 + KEY_TAIL_BYTES <= RS_KEY_BYTES_MAX, "every name has a key");

static uint8_t *put_label(uint8_t *at, const uint8_t *label)
{
    for (unsigned i = 1; i <= label[0]; i++) {
        uint8_t byte = label[i];
        RT_CHECK_SLOW(byte < 'A' || byte > 'Z');
        if (byte <= 1) {
            *at++ = KEY_ESCAPE;
            byte = byte == 0 ? KEY_ESCAPED_ZERO : KEY_ESCAPED_ONE;
        }
        *at++ = byte;
    }
    *at++ = KEY_END;
    return at;
}

void rs_key_make(struct rs_key *key, const uint8_t *name, enum rs_slot slot, uint16_t type)
{
    const uint8_t *labels[KEY_LABELS_MAX];
    unsigned count = 0;
    for (const uint8_t *at = name; *at != 0; at += *at + 1) {
        RT_CHECK(count < KEY_LABELS_MAX);
        labels[count++] = at;
    }
    uint8_t *at = key->bytes;
    while (count > 0) {
        at = put_label(at, labels[--count]);
    }
    *at++ = KEY_END;
    *at++ = (uint8_t)slot;
    *at++ = (uint8_t)(type >> 8);
    *at++ = (uint8_t)type;
    key->size = (uint16_t)(at - key->bytes);
    RT_CHECK(key->size <= RS_KEY_BYTES_MAX);
}

/* Reads one label of a key in front of the name that grows downwards from the end of `room`.
 * Returns false for what rs_key_make never writes. */
static bool take_label(const uint8_t **at, const uint8_t *end, uint8_t *room, unsigned *start)
{
    uint8_t label[63];
    unsigned size = 0;
    const uint8_t *in = *at;
    for (; in < end && *in != KEY_END; in++) {
        uint8_t byte = *in;
        if (byte == KEY_ESCAPE) {
            if (++in == end || (*in != KEY_ESCAPED_ZERO && *in != KEY_ESCAPED_ONE)) {
                return false;
            }
            byte = *in == KEY_ESCAPED_ZERO ? 0 : 1;
        }
        if (size == sizeof(label) || (byte >= 'A' && byte <= 'Z')) {
            return false;
        }
        label[size++] = byte;
    }
    if (in == end || size + 1 > *start) {
        return false;
    }
    *start -= size + 1;
    room[*start] = (uint8_t)size;
    memcpy(room + *start + 1, label, size);
    *at = in + 1;
    return true;
}

rt_status rs_key_name(struct rs_bytes key, struct rs_name *out)
{
    if (key.data == NULL || key.size < KEY_TAIL_BYTES || key.size > RS_KEY_BYTES_MAX) {
        return RT_CORRUPT;
    }
    const uint8_t *at = key.data, *end = key.data + key.size;
    uint8_t room[RS_NAME_BYTES_MAX] = {0};
    unsigned start = RS_NAME_BYTES_MAX - 1; /* the root label is there already */
    while (at < end && *at != KEY_END) {
        if (!take_label(&at, end, room, &start)) {
            return RT_CORRUPT;
        }
    }
    if (end - at != KEY_TAIL_BYTES || at[1] < RS_SLOT_RECORDS || at[1] > RS_SLOT_FAILURE) {
        return RT_CORRUPT;
    }
    out->size = (uint8_t)(RS_NAME_BYTES_MAX - start);
    memcpy(out->wire, room + start, out->size);
    return RT_OK;
}
