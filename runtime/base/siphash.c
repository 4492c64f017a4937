/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/base/siphash.h"

#include <endian.h>
#include <string.h>

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static inline uint64_t load_le(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return le64toh(word);
}

static inline void round_once(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v2 = rotate_left(s->v2, 32);
}

static inline void mix(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    round_once(s);
    round_once(s);
    s->v0 ^= word;
}

uint64_t rt_siphash(const struct rt_siphash_key *key, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t k0 = load_le(key->bytes), k1 = load_le(key->bytes + 8);
    struct sip s = {
        .v0 = k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = k1 ^ UINT64_C(0x7465646279746573),
    };
    size_t whole = size & ~(size_t)7;

    for (size_t i = 0; i < whole; i += 8) {
        mix(&s, load_le(bytes + i));
    }
    uint64_t tail = (uint64_t)(size & 0xFF) << 56; /* The length ends the last word. */
    for (size_t i = whole; i < size; i++) {
        tail |= (uint64_t)bytes[i] << (8 * (i - whole));
    }
    mix(&s, tail);

    s.v2 ^= 0xFF;
    for (unsigned i = 0; i < 4; i++) {
        round_once(&s);
    }
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
