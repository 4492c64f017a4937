/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/remote.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct rt_remote_slot) == 576, "what remote.h says a slot costs");

/* For the slot of position p (p counts for ever, the slot is p & mask), the sequence is
 *
 *   p                 free: the writer that claims p may fill it
 *   p + 1             full: the reader may take it
 *   p + slots_count   free again, for the writer of the next lap */

rt_status rt_remote_open(struct rt_remote *ring, uint32_t slots_count)
{
    RT_CHECK(slots_count > 0 && (slots_count & (slots_count - 1)) == 0);
    ring->slots =
        aligned_alloc(_Alignof(struct rt_remote_slot), sizeof(struct rt_remote_slot) * slots_count);
    if (ring->slots == NULL) {
        return RT_NO_MEMORY;
    }
    for (uint32_t i = 0; i < slots_count; i++) {
        atomic_init(&ring->slots[i].sequence, i);
    }
    ring->mask = slots_count - 1;
    ring->head = 0;
    atomic_init(&ring->tail, 0);
    return RT_OK;
}

void rt_remote_close(struct rt_remote *ring)
{
    if (ring->slots != NULL) {
        RT_CHECK(rt_remote_is_empty(ring));
    }
    free(ring->slots);
    ring->slots = NULL;
}

/* The position that is now the caller's alone to fill; false when the ring is full. */
static bool claim(struct rt_remote *ring, uint64_t *position)
{
    /* Relaxed: the tail only deals out numbers; the data is ordered by the slot's sequence. */
    uint64_t at = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    for (;;) {
        struct rt_remote_slot *slot = &ring->slots[at & ring->mask];
        /* Acquire pairs with the release in rt_remote_pop: the reader is done with the bytes. */
        uint64_t sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);
        if (sequence == at) {
            if (atomic_compare_exchange_weak_explicit(&ring->tail, &at, at + 1,
                                                      memory_order_relaxed, memory_order_relaxed)) {
                *position = at;
                return true;
            }
        } else if ((int64_t)(sequence - at) < 0) {
            return false; /* Still full from the lap before. */
        } else {
            at = atomic_load_explicit(&ring->tail, memory_order_relaxed); /* Others were faster. */
        }
    }
}

rt_status rt_remote_push(struct rt_remote *ring, rt_ref to, rt_ref from, const struct rt_msg *msg)
{
    uint64_t position;
    RT_CHECK(msg->size >= sizeof(struct rt_msg) && msg->size <= RT_MSG_BYTES_MAX);
    if (!claim(ring, &position)) {
        return RT_FULL;
    }
    struct rt_remote_slot *slot = &ring->slots[position & ring->mask];
    memcpy(slot->bytes, msg, msg->size);
    slot->msg.from = from;
    slot->to = to;
    /* Its release half pairs with the acquire in rt_remote_front: the reader sees the bytes. It is
     * sequentially consistent for the sleep protocol: see core_may_sleep in runtime/core.c. */
    atomic_store_explicit(&slot->sequence, position + 1, memory_order_seq_cst);
    return RT_OK;
}

struct rt_remote_slot *rt_remote_front(struct rt_remote *ring)
{
    struct rt_remote_slot *slot = &ring->slots[ring->head & ring->mask];
    /* Acquire pairs with the store in rt_remote_push. */
    uint64_t sequence = atomic_load_explicit(&slot->sequence, memory_order_acquire);
    return sequence == ring->head + 1 ? slot : NULL;
}

void rt_remote_pop(struct rt_remote *ring)
{
    struct rt_remote_slot *slot = &ring->slots[ring->head & ring->mask];
    RT_CHECK(atomic_load_explicit(&slot->sequence, memory_order_relaxed) == ring->head + 1);
    /* Release pairs with the acquire in claim: our reads end before the slot is filled again. */
    atomic_store_explicit(&slot->sequence, ring->head + ring->mask + 1, memory_order_release);
    ring->head++;
}

bool rt_remote_is_empty(const struct rt_remote *ring)
{
    const struct rt_remote_slot *slot = &ring->slots[ring->head & ring->mask];
    /* Sequentially consistent: the reader's look before it sleeps. See core_may_sleep. */
    return atomic_load_explicit(&slot->sequence, memory_order_seq_cst) != ring->head + 1;
}
