/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "resolver/answer.h"
#include "tests/fuzz/room.h"

/* A client's datagram of any bytes, EDNS included: it is dropped, or there is a reply to it that
 * fits the smallest room, repeats what it must and is a good message itself. */

static void check_error_reply(const struct rs_request *request, uint16_t rcode, int ede,
                              struct rt_arena *arena)
{
    static struct rs_message message;
    static uint8_t out[RS_UDP_PLAIN_BYTES];
    struct rs_reply_options options = {.size_max = sizeof(out), .payload = RS_UDP_PAYLOAD_BYTES};

    options.cookie_size = request->edns.cookie_size > 0 ? 24 : 0;
    memcpy(options.cookie, request->edns.cookie, sizeof(options.cookie));
    size_t size = rs_error_reply(request, rcode, ede, &options, out);
    RT_CHECK(size <= sizeof(out));
    RT_CHECK(rs_message_read(out, size, arena, &message) == RT_OK);
    RT_CHECK(message.is_response && message.id == request->id);
    RT_CHECK(message.opcode == request->opcode);
    RT_CHECK(message.rcode == rcode || (rcode > 15 && !request->edns.is_present));
    RT_CHECK(message.edns.is_present == request->edns.is_present);
    RT_CHECK(message.question_count == (request->has_question ? 1 : 0));
    RT_CHECK(message.answer.count + message.authority.count + message.additional.count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rt_arena arena;
    struct rs_request request;
    uint16_t rcode = RS_SERVFAIL;
    int ede = RS_EDE_NONE;

    room_empty(&arena);
    enum rs_verdict verdict = rs_request_read(data, size, &request, &rcode, &ede);
    if (verdict == RS_REQUEST_DROP) {
        RT_CHECK(size < 12 || size > RS_MESSAGE_BYTES_MAX || (data[2] & 0x80) != 0);
        return 0;
    }
    RT_CHECK((verdict == RS_REQUEST_OK) == (rcode == RS_NOERROR));
    if (request.has_question) {
        RT_CHECK(request.name_as_sent >= data &&
                 request.name_as_sent + request.name_size <= data + size);
        RT_CHECK(rs_name_check(request.name, RS_NAME_BYTES_MAX) == request.name_size);
        RT_CHECK(rs_name_labels(request.name) == request.labels);
        RT_CHECK(rs_name_equal(request.name, request.name_as_sent));
        room_check_lower(request.name);
    } else {
        RT_CHECK(verdict != RS_REQUEST_OK || request.edns.cookie_size > 0);
    }
    check_error_reply(&request, rcode, ede, &arena);
    return 0;
}
