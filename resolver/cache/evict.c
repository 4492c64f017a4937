/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/evict.h"

#include <string.h>

#include "resolver/limits.h"

/* The tenth that stays free is what a commit needs to copy the pages that it changes, twice: LMDB
 * reuses a page only when no reader can see its old content. */
enum {
    EVICT_FROM = 85,      /* percent: dead entries */
    EVICT_SOON_FROM = 88, /* ... and those that die within EVICT_SOON_S */
    EVICT_ALL_FROM = 91,  /* ... and all the others */
    EVICT_SOON_S = 300,
};

rt_status rs_evictor_open(struct rs_evictor *evictor, struct rs_store *store)
{
    *evictor = (struct rs_evictor){.store = store};
    return store->ops->reader_open(store, &evictor->reader);
}

void rs_evictor_close(struct rs_evictor *evictor)
{
    if (evictor->reader != NULL) {
        evictor->store->ops->reader_close(evictor->reader);
        evictor->reader = NULL;
    }
}

static unsigned percent_used(struct rs_store *store)
{
    RT_CHECK(store->size_bytes > 0);
    return (unsigned)(store->ops->used_bytes(store) * 100 / store->size_bytes);
}

/* Entries with at most so many seconds left go; damaged ones, which have less than none, always. */
static int64_t price(unsigned percent)
{
    return percent >= EVICT_ALL_FROM ? INT64_MAX : percent >= EVICT_SOON_FROM ? EVICT_SOON_S : 0;
}

static rt_status scan(struct rs_evictor *evictor, unsigned entries, uint64_t now_s,
                      int64_t left_s_max)
{
    const struct rs_store_ops *ops = evictor->store->ops;
    for (unsigned i = 0; i < entries; i++) {
        struct rs_bytes key, value, from = {evictor->hand, evictor->hand_size};
        rt_status status = ops->seek(evictor->reader, from, &key, &value);
        if (status == RT_NOT_FOUND && evictor->hand_size > 0) {
            evictor->hand_size = 0; /* round again from the first key */
            continue;
        }
        if (status != RT_OK) {
            return status == RT_NOT_FOUND ? RT_OK : status;
        }
        if (key.size >= sizeof(evictor->hand)) {
            return RT_CORRUPT; /* nobody of ours wrote it */
        }
        memcpy(evictor->hand, key.data, key.size);
        evictor->hand[key.size] = 0;
        evictor->hand_size = (uint16_t)(key.size + 1);
        if (rs_entry_ttl_left(value, now_s) > left_s_max) {
            continue;
        }
        status = ops->del(evictor->store, key);
        if (status != RT_OK && status != RT_NOT_FOUND) {
            return status;
        }
        evictor->evicted += status == RT_OK;
    }
    return RT_OK;
}

rt_status rs_evict(struct rs_evictor *evictor, unsigned inserts, uint64_t now_s, bool must)
{
    unsigned percent = percent_used(evictor->store);
    if (!must && percent < EVICT_FROM) {
        return RT_OK;
    }
    unsigned entries = inserts * RS_EVICT_PER_INSERT;
    entries = entries < RS_EVICT_STEP_MAX ? entries : RS_EVICT_STEP_MAX;
    rt_status status = scan(evictor, entries, now_s, must ? INT64_MAX : price(percent));
    evictor->store->ops->release(evictor->reader);
    return status;
}
