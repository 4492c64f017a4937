/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* prng: a small seeded generator (xoshiro256**) for simulation and for choices that no attacker
 * gains from. Never for IDs, ports, cookies or keys: those come from rt_io's random(). */

#include <stdint.h>

struct rt_prng {
    uint64_t state[4]; /* private */
};

void rt_prng_init(struct rt_prng *prng, uint64_t seed);
uint64_t rt_prng_next(struct rt_prng *prng);

/* Uniform in [0, bound), without modulo bias; 0 for bound 0. */
uint64_t rt_prng_below(struct rt_prng *prng, uint64_t bound);
