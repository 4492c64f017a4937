/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/framing.h"

#include <string.h>

void framing_init(struct framing *framing, uint32_t size_max)
{
    RT_CHECK(size_max > 0 && size_max <= RT_BUF_HUGE_BYTES);
    *framing = (struct framing){.size_max = size_max};
}

bool framing_is_partial(const struct framing *framing)
{
    return framing->prefix_size > 0;
}

void framing_reset(struct framing *framing, struct rt_buf_pool *pool)
{
    rt_buf_unref(pool, framing->partial);
    framing_init(framing, framing->size_max);
}

static void use(struct framing_bytes *chunk, uint32_t size)
{
    RT_CHECK(size <= chunk->size);
    chunk->data += size;
    chunk->size -= size;
}

/* Room for `more` bytes in the partial message, in a larger buf when that is what it takes. */
static bool make_room(struct framing *framing, struct rt_buf_pool *pool, uint32_t more)
{
    struct rt_buf *old = framing->partial;
    uint32_t kept = old != NULL ? old->size : 0;

    if (old != NULL && old->capacity - old->size >= more) {
        return true;
    }
    struct rt_buf *bigger = rt_buf_new(pool, kept + more);
    if (bigger == NULL) {
        return false;
    }
    if (old != NULL) {
        memcpy(bigger->data, old->data, kept);
        bigger->size = kept;
        rt_buf_unref(pool, old);
    }
    framing->partial = bigger;
    return true;
}

static void read_prefix(struct framing *framing, struct framing_bytes *chunk)
{
    while (framing->prefix_size < 2 && chunk->size > 0) {
        framing->prefix[framing->prefix_size++] = chunk->data[0];
        use(chunk, 1);
    }
    if (framing->prefix_size == 2) {
        framing->wanted = (uint32_t)framing->prefix[0] << 8 | framing->prefix[1];
    }
}

/* The message is complete. Its bytes stay in `partial` until the next call frees them. */
static enum framing_next complete(struct framing *framing)
{
    enum framing_next next = framing->skipped > 0 ? FRAMING_CUT : FRAMING_MESSAGE;
    framing->prefix_size = 0;
    framing->wanted = 0;
    framing->skipped = 0;
    return next;
}

/* Moves what the chunk has of the message under way into `partial`. */
static enum framing_next gather(struct framing *framing, struct rt_buf_pool *pool,
                                struct framing_bytes *chunk, struct framing_bytes *message)
{
    uint32_t kept = framing->partial != NULL ? framing->partial->size : 0;
    uint32_t keep_max = framing->wanted < framing->size_max ? framing->wanted : framing->size_max;
    uint32_t take = keep_max - kept < chunk->size ? keep_max - kept : chunk->size;

    if (take > 0) {
        if (!make_room(framing, pool, take)) {
            return FRAMING_NO_MEMORY;
        }
        memcpy(framing->partial->data + kept, chunk->data, take);
        framing->partial->size = kept + take;
        use(chunk, take);
    }
    uint32_t left = framing->wanted - (kept + take) - framing->skipped;
    uint32_t skip = left < chunk->size ? left : chunk->size;
    if (kept + take == keep_max) {
        framing->skipped += skip;
        use(chunk, skip);
    }
    if (kept + take + framing->skipped < framing->wanted) {
        return FRAMING_MORE;
    }
    *message = (struct framing_bytes){framing->partial->data, framing->partial->size};
    return complete(framing);
}

enum framing_next framing_next(struct framing *framing, struct rt_buf_pool *pool,
                               struct framing_bytes *chunk, struct framing_bytes *message)
{
    if (framing->prefix_size == 0 && framing->partial != NULL) {
        rt_buf_unref(pool, framing->partial); /* The message given out last time. */
        framing->partial = NULL;
    }
    if (framing->prefix_size < 2) {
        read_prefix(framing, chunk);
    }
    if (framing->prefix_size < 2) {
        return FRAMING_MORE;
    }
    if (framing->partial == NULL && framing->wanted <= chunk->size &&
        framing->wanted <= framing->size_max) {
        *message = (struct framing_bytes){chunk->data, framing->wanted};
        use(chunk, framing->wanted);
        return complete(framing); /* The common case: no copy. Also an empty message. */
    }
    return chunk->size > 0 ? gather(framing, pool, chunk, message) : FRAMING_MORE;
}
