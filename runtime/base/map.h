/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* map: a fixed-capacity hash map from a 64-bit key to a 32-bit value, usually an index into a pool.
 *
 * Keys that a stranger can choose must be keyed hashes (runtime/base/siphash.h) already; handles
 * and refs may be used as they are. Open addressing, linear probing, no tombstones.
 *
 * Memory   12 bytes for each of at least twice `capacity` cells, allocated when it opens.
 * Threads  One core. */

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/status.h"

struct rt_map {
    /* private: complete so that its owner can embed it */
    uint64_t *keys; /* 0: empty */
    uint32_t *values;
    uint32_t mask, count, capacity;
};

RT_MUST_USE rt_status rt_map_open(struct rt_map *map, uint32_t capacity);
void rt_map_close(struct rt_map *map);

/* Sets the value of `key` (not 0). RT_FULL when it is new and `capacity` keys are in. */
RT_MUST_USE rt_status rt_map_put(struct rt_map *map, uint64_t key, uint32_t value);

/* False and *value untouched when the key is not there. */
bool rt_map_get(const struct rt_map *map, uint64_t key, uint32_t *value);

/* False when it was not there. */
bool rt_map_remove(struct rt_map *map, uint64_t key);
