/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/match.h"

#include <string.h>

#include "resolver/name.h"
#include "resolver/types.h"
#include "resolver/wire.h"

enum { QUESTION_FIXED_BYTES = 4 };

/* Some servers drop the question of what they will not answer. Such a reply can only say "no". */
static bool is_bare_refusal(const uint8_t *wire, size_t size)
{
    uint8_t rcode = wire[3] & RS_FLAGS_RCODE;
    bool is_refusal =
        rcode == RS_FORMERR || rcode == RS_SERVFAIL || rcode == RS_NOTIMP || rcode == RS_REFUSED;
    bool has_records = rs_get_u16(wire + 6) != 0 || rs_get_u16(wire + 8) != 0;
    if (!is_refusal || has_records) {
        return false;
    }
    uint16_t additional = rs_get_u16(wire + 10);
    if (additional == 0) {
        return size == RS_HEADER_BYTES;
    }
    return additional == 1 && size >= RS_HEADER_BYTES + 1 + RS_RECORD_FIXED_BYTES &&
           wire[RS_HEADER_BYTES] == 0 && rs_get_u16(wire + RS_HEADER_BYTES + 1) == RS_OPT;
}

static enum rs_match match_question(const uint8_t *question, size_t room, const uint8_t *sent_name,
                                    uint16_t type, uint16_t class)
{
    /* Nothing comes before it, so the name cannot be compressed. */
    size_t size = rs_name_check(question, room);
    if (size == 0 || room - size < QUESTION_FIXED_BYTES || size != rs_name_size(sent_name) ||
        rs_get_u16(question + size) != type || rs_get_u16(question + size + 2) != class) {
        return RS_MATCH_NEAR_MISS;
    }
    if (memcmp(question, sent_name, size) == 0) {
        return RS_MATCH_OURS;
    }
    return rs_name_equal(question, sent_name) ? RS_MATCH_CASE : RS_MATCH_NEAR_MISS;
}

/* Allow-list of header words: QR=1, opcode QUERY; AA, TC, RD, RA, Z, AD, CD and the rcode are the
 * server's to choose. */
enum rs_match rs_match(const uint8_t *wire, size_t size, uint16_t id, const uint8_t *sent_name,
                       uint16_t type, uint16_t class)
{
    if (size < RS_HEADER_BYTES) {
        return RS_MATCH_NOISE;
    }
    uint16_t flags = rs_get_u16(wire + 2);
    if ((flags & RS_FLAG_QR) == 0) {
        return RS_MATCH_NOISE;
    }
    /* RFC5452-9.1: the ID and the question section must be those of the query. */
    if ((flags & RS_FLAGS_OPCODE) != 0 || rs_get_u16(wire) != id) {
        return RS_MATCH_NEAR_MISS;
    }
    uint16_t questions = rs_get_u16(wire + 4);
    if (questions == 0) {
        return is_bare_refusal(wire, size) ? RS_MATCH_OURS : RS_MATCH_NEAR_MISS;
    }
    if (questions != 1) {
        return RS_MATCH_NEAR_MISS;
    }
    return match_question(wire + RS_HEADER_BYTES, size - RS_HEADER_BYTES, sent_name, type, class);
}
