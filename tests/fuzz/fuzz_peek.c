/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "resolver/peek.h"
#include "tests/fuzz/room.h"

/* An upstream reply of any bytes: what the quick look at its OPT says is what the whole parse says,
 * whenever that accepts the message. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rt_arena arena;
    static struct rs_message message;
    struct rs_edns edns;

    room_empty(&arena);
    bool is_good = rs_peek_edns(data, size, &edns);
    if (!is_good) {
        RT_CHECK(!edns.is_present && edns.cookie_size == 0);
    }
    if (size > RS_MESSAGE_BYTES_MAX || rs_message_read(data, size, &arena, &message) != RT_OK) {
        return 0;
    }
    RT_CHECK(is_good);
    RT_CHECK(edns.is_present == message.edns.is_present);
    RT_CHECK(edns.cookie_size == message.edns.cookie_size);
    RT_CHECK(memcmp(edns.cookie, message.edns.cookie, edns.cookie_size) == 0);
    return 0;
}
