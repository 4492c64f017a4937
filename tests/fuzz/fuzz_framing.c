/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "actors/framing.h"

/* A TCP stream of any bytes, cut in any places, against the plain reading of the whole of it: the
 * same messages in the same order, cut at the same limit, and every buf given back. The first byte
 * of the input chooses the limit, the second how the stream is cut. */

enum { LIMITS = 4 };
static const uint32_t limits[LIMITS] = {1, 17, 4096, 65535};

static struct rt_buf_pool *pool;

/* The next message by the book; false when the stream does not hold all of it. */
static bool next_by_the_book(struct framing_bytes *stream, struct framing_bytes *message)
{
    if (stream->size < 2) {
        return false;
    }
    uint32_t size = (uint32_t)stream->data[0] << 8 | stream->data[1];
    if (stream->size - 2 < size) {
        return false;
    }
    *message = (struct framing_bytes){stream->data + 2, size};
    stream->data += 2 + size;
    stream->size -= 2 + size;
    return true;
}

static void check_chunk(struct framing *framing, struct framing_bytes chunk,
                        struct framing_bytes *rest)
{
    struct framing_bytes message, expected;
    enum framing_next next;

    while ((next = framing_next(framing, pool, &chunk, &message)) != FRAMING_MORE) {
        RT_CHECK(next != FRAMING_NO_MEMORY);
        RT_CHECK(next_by_the_book(rest, &expected));
        bool is_cut = expected.size > framing->size_max;
        RT_CHECK((next == FRAMING_CUT) == is_cut);
        RT_CHECK(message.size == (is_cut ? framing->size_max : expected.size));
        RT_CHECK(message.size == 0 || memcmp(message.data, expected.data, message.size) == 0);
    }
    RT_CHECK(chunk.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct rt_buf_pool_options bufs = {.small_count = 2, .large_count = 2, .huge_count = 2};
    struct framing framing;

    if (size < 2) {
        return 0;
    }
    if (pool == NULL) {
        RT_CHECK(rt_buf_pool_open(&pool, &bufs) == RT_OK);
    }
    struct framing_bytes rest = {data + 2, (uint32_t)size - 2}, unused;
    const uint8_t *at = rest.data, *end = data + size;
    uint32_t step = data[1];

    framing_init(&framing, limits[data[0] % LIMITS]);
    while (at < end) {
        step = step * 1103515245 + 12345;
        uint32_t chunk = 1 + (step >> 16) % (data[1] < 128 ? 7 : 16384);
        chunk = chunk < (size_t)(end - at) ? chunk : (uint32_t)(end - at);
        check_chunk(&framing, (struct framing_bytes){at, chunk}, &rest);
        at += chunk;
    }
    RT_CHECK(!next_by_the_book(&rest, &unused));
    RT_CHECK(framing_is_partial(&framing) == (rest.size > 0));
    framing_reset(&framing, pool);
    RT_CHECK(rt_buf_pool_in_use(pool) == 0);
    return 0;
}
