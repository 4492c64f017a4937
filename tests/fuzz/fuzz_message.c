/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/match.h"
#include "tests/fuzz/room.h"

/* An upstream's datagram of any bytes: it is malformed, or everything in it keeps its promises. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rt_arena arena;
    static struct rs_message message;

    room_empty(&arena);
    rt_status status = rs_message_read(data, size, &arena, &message);
    RT_CHECK(status == RT_OK || status == RT_MALFORMED || status == RT_NO_MEMORY);
    uint16_t id = size >= 2 ? (uint16_t)(data[0] << 8 | data[1]) : 0;
    static const uint8_t sent[] = "\3www\7example";
    enum rs_match match = rs_match(data, size, id, sent, RS_A, RS_IN);
    if (status != RT_OK) {
        return 0;
    }

    room_check_sets(&message.answer);
    room_check_sets(&message.authority);
    room_check_sets(&message.additional);
    RT_CHECK(message.question_count <= 1);
    if (message.question_count == 1) {
        RT_CHECK(rs_name_size(message.question.name.wire) == message.question.name.size);
        room_check_lower(message.question.name.wire);
    }
    RT_CHECK(message.edns.cookie_size <= sizeof(message.edns.cookie));
    RT_CHECK(message.edns.payload >= RS_UDP_PLAIN_BYTES);
    RT_CHECK(message.is_response || match == RS_MATCH_NOISE);
    return 0;
}
