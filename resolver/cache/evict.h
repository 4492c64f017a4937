/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* evict: keeps a shard from becoming full, a little with each insert.
 *
 * A hand walks round the keys. Below EVICT_FROM percent of the store nothing happens; above it,
 * entries that are dead go; higher up those that die soon; near the top whatever the hand meets, so
 * that it always frees more than came in. Neighbours go together, which frees whole pages.
 *
 * Threads  The shard's writer. */

#include "resolver/cache/entry.h"
#include "resolver/cache/store.h"

struct rs_evictor {
    struct rs_store *store;
    struct rs_reader *reader; /* its own view of what is committed */
    uint64_t evicted;         /* in all */
    /* private */
    uint16_t hand_size;
    uint8_t hand[RS_KEY_BYTES_MAX + 1]; /* where to go on: the last key and a zero byte */
};

RT_MUST_USE rt_status rs_evictor_open(struct rs_evictor *evictor, struct rs_store *store);
void rs_evictor_close(struct rs_evictor *evictor);

/* Looks at RS_EVICT_PER_INSERT entries for each of `inserts`, at most RS_EVICT_STEP_MAX, and
 * deletes what must go from the open batch. To be called before the first put of a batch: it looks
 * at what is committed. `must` is for a store that has refused a put: everything it meets goes.
 * Status of the store. */
RT_MUST_USE rt_status rs_evict(struct rs_evictor *evictor, unsigned inserts, uint64_t now_s,
                               bool must);
