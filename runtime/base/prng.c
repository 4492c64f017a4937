/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/base/prng.h"

/* SplitMix64 spreads a small seed over the whole state: xoshiro must not start near zero. */
static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

void rt_prng_init(struct rt_prng *prng, uint64_t seed)
{
    for (unsigned i = 0; i < 4; i++) {
        prng->state[i] = splitmix(&seed);
    }
}

/* xoshiro256** by Blackman and Vigna. */
uint64_t rt_prng_next(struct rt_prng *prng)
{
    uint64_t *s = prng->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Lemire: the high half of a 128-bit product is uniform once the few low values that would make
 * it uneven are drawn again. */
uint64_t rt_prng_below(struct rt_prng *prng, uint64_t bound)
{
    if (bound == 0) {
        return 0;
    }
    uint64_t uneven = -bound % bound; /* 2^64 mod bound */
    for (;;) {
        unsigned __int128 product = (unsigned __int128)rt_prng_next(prng) * bound;
        if ((uint64_t)product >= uneven) {
            return (uint64_t)(product >> 64);
        }
    }
}
