/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/base/map.h"

#include <stdlib.h>

/* Spreads keys that count upwards (handles) over the cells: Fibonacci hashing. */
static uint32_t home_of(const struct rt_map *map, uint64_t key)
{
    return (uint32_t)((key * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & map->mask;
}

/* The cell of `key`, or the empty cell where it belongs. One cell in two stays empty, so the loop
 * ends. */
static uint32_t find(const struct rt_map *map, uint64_t key)
{
    uint32_t cell = home_of(map, key);
    while (map->keys[cell] != 0 && map->keys[cell] != key) {
        cell = (cell + 1) & map->mask;
    }
    return cell;
}

rt_status rt_map_open(struct rt_map *map, uint32_t capacity)
{
    RT_CHECK(capacity > 0 && capacity <= UINT32_C(1) << 28);
    uint32_t cells = 8;
    while (cells < 2 * capacity) {
        cells *= 2;
    }
    *map = (struct rt_map){
        .keys = calloc(cells, sizeof(uint64_t)),
        .values = calloc(cells, sizeof(uint32_t)),
        .mask = cells - 1,
        .capacity = capacity,
    };
    if (map->keys == NULL || map->values == NULL) {
        rt_map_close(map);
        return RT_NO_MEMORY;
    }
    return RT_OK;
}

void rt_map_close(struct rt_map *map)
{
    free(map->keys);
    free(map->values);
    *map = (struct rt_map){0};
}

rt_status rt_map_put(struct rt_map *map, uint64_t key, uint32_t value)
{
    RT_CHECK(key != 0);
    uint32_t cell = find(map, key);
    if (map->keys[cell] == 0) {
        if (map->count == map->capacity) {
            return RT_FULL;
        }
        map->keys[cell] = key;
        map->count++;
    }
    map->values[cell] = value;
    return RT_OK;
}

bool rt_map_get(const struct rt_map *map, uint64_t key, uint32_t *value)
{
    RT_CHECK(key != 0);
    uint32_t cell = find(map, key);
    if (map->keys[cell] == 0) {
        return false;
    }
    *value = map->values[cell];
    return true;
}

bool rt_map_remove(struct rt_map *map, uint64_t key)
{
    RT_CHECK(key != 0);
    uint32_t hole = find(map, key);
    if (map->keys[hole] == 0) {
        return false;
    }
    /* Closes the gap: whoever follows and would no longer be found from its home moves into it. */
    for (uint32_t cell = (hole + 1) & map->mask; map->keys[cell] != 0;
         cell = (cell + 1) & map->mask) {
        uint32_t home = home_of(map, map->keys[cell]);
        if (((cell - home) & map->mask) >= ((cell - hole) & map->mask)) {
            map->keys[hole] = map->keys[cell];
            map->values[hole] = map->values[cell];
            hole = cell;
        }
    }
    map->keys[hole] = 0;
    map->count--;
    return true;
}
