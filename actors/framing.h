/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* framing: DNS messages out of a stream of bytes, each behind its length in two bytes
 * (RFC1035-4.2.2, RFC7766-8), for both ends of a connection.
 *
 * Memory   A message that lies whole in one read is not copied. A half-received one takes the
 *          smallest buf that holds what has arrived, never what its length promises: a peer that
 *          sends one byte a second costs one small buf, whatever it announces.
 * Threads  One core. */

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/buf.h"

struct framing {
    /* private: complete so that a connection can embed it; zeroed with size_max set is the start */
    uint32_t size_max; /* longer messages are cut to it, the rest is skipped */
    uint32_t wanted;   /* length of the message under way; 0: its prefix is not complete */
    uint32_t skipped;  /* bytes of it that were not kept */
    uint8_t prefix[2];
    uint8_t prefix_size;
    struct rt_buf *partial;
};

struct framing_bytes {
    const uint8_t *data;
    uint32_t size;
};

enum framing_next {
    FRAMING_MORE,      /* the chunk is used up; feed the next read */
    FRAMING_MESSAGE,   /* *message, until the next call */
    FRAMING_CUT,       /* *message holds the first size_max bytes of a longer one */
    FRAMING_NO_MEMORY, /* no buf is left: close the connection */
};

void framing_init(struct framing *framing, uint32_t size_max);

/* Takes the next message out of `chunk`, which is shortened by what was used. */
enum framing_next framing_next(struct framing *framing, struct rt_buf_pool *pool,
                               struct framing_bytes *chunk, struct framing_bytes *message);

/* True while a message has begun and is not complete: the clock for slow senders runs. */
bool framing_is_partial(const struct framing *framing);

/* Gives the buf back. */
void framing_reset(struct framing *framing, struct rt_buf_pool *pool);

/* The length prefix of a message of `size` bytes. It belongs into the same write as the message
 * (RFC7766-8), so both are put into one buf. */
static inline void framing_prefix(uint8_t out[2], uint32_t size)
{
    RT_CHECK(size <= UINT16_MAX);
    out[0] = (uint8_t)(size >> 8);
    out[1] = (uint8_t)size;
}
