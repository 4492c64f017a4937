/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/packet.h"

#include "resolver/match.h"
#include "resolver/message.h"

enum { ID = 0xBEEF };

static struct packet packet;
static struct packet_arena room;
static const uint8_t *const sent = (const uint8_t *)"\3wWw\7eXample";

static enum rs_match match(void)
{
    return rs_match(packet.data, packet.size, ID, sent, RS_A, RS_IN);
}

static void begin_good(uint16_t flags)
{
    packet_begin(&packet, ID, flags);
    packet_question(&packet, "wWw.eXample.", RS_A, RS_IN);
}

static void good_reply(uint16_t flags)
{
    begin_good(flags);
    packet_record(&packet, 1, "wWw.eXample.", RS_A, 60, "\1\2\3\4", 4);
}

/* RFC5452-9.1: everything fits. */
static void the_true_reply_is_ours(void **state)
{
    (void)state;
    good_reply(RS_FLAG_QR | RS_FLAG_AA);
    assert_int_equal(match(), RS_MATCH_OURS);
}

/* RFC5452-4: each field of the question counts. */
static void any_difference_in_id_or_question_is_a_near_miss(void **state)
{
    (void)state;
    good_reply(RS_FLAG_QR);
    for (unsigned bit = 0; bit < 16; bit++) {
        packet.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(match(), RS_MATCH_NEAR_MISS);
        packet.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (unsigned at = 12 + 13; at < 12 + 17; at++) { /* type and class */
        packet.data[at] ^= 1;
        assert_int_equal(match(), RS_MATCH_NEAR_MISS);
        packet.data[at] ^= 1;
    }
    static const char *const others[] = {"vWw.eXample.", "wWw.eXample.x.", "eXample.", ".",
                                         "wWw.eXamplf.", "wW.weXample."};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(others); i++) {
        packet_begin(&packet, ID, RS_FLAG_QR);
        packet_question(&packet, others[i], RS_A, RS_IN);
        assert_int_equal(match(), RS_MATCH_NEAR_MISS);
    }
}

/* 0x20: other letters are told apart from another name. */
static void other_letter_case_is_told(void **state)
{
    (void)state;
    packet_begin(&packet, ID, RS_FLAG_QR);
    packet_question(&packet, "www.example.", RS_A, RS_IN);
    assert_int_equal(match(), RS_MATCH_CASE);
}

/* A12 (CVE-2026-42389): the accepted header words are exactly those of the allow-list. */
static void all_65536_header_words_follow_the_allow_list(void **state)
{
    (void)state;
    good_reply(0);
    for (uint32_t flags = 0; flags <= UINT16_MAX; flags++) {
        rs_put_u16(packet.data + 2, (uint16_t)flags);
        bool is_reply = (flags & 0x8000) != 0;
        bool is_query_opcode = (flags & 0x7800) == 0;
        enum rs_match expected = !is_reply          ? RS_MATCH_NOISE
                                 : !is_query_opcode ? RS_MATCH_NEAR_MISS
                                                    : RS_MATCH_OURS;
        assert_int_equal(match(), expected);
    }
}

/* Some servers refuse without repeating the question; nothing else may come that way. */
static void a_reply_without_question_can_only_refuse(void **state)
{
    (void)state;
    for (uint16_t rcode = 0; rcode < 16; rcode++) {
        bool is_refusal = rcode == RS_FORMERR || rcode == RS_SERVFAIL || rcode == RS_NOTIMP ||
                          rcode == RS_REFUSED;
        packet_begin(&packet, ID, (uint16_t)(RS_FLAG_QR | rcode));
        assert_int_equal(match(), is_refusal ? RS_MATCH_OURS : RS_MATCH_NEAR_MISS);
        packet_opt(&packet, 1232, 0, "", 0);
        assert_int_equal(match(), is_refusal ? RS_MATCH_OURS : RS_MATCH_NEAR_MISS);

        packet_begin(&packet, ID, (uint16_t)(RS_FLAG_QR | rcode));
        packet_record(&packet, 1, "wWw.eXample.", RS_A, 60, "\1\2\3\4", 4);
        assert_int_equal(match(), RS_MATCH_NEAR_MISS);
        packet_begin(&packet, ID, (uint16_t)(RS_FLAG_QR | rcode));
        packet_record(&packet, 3, "wWw.eXample.", RS_A, 60, "\1\2\3\4", 4);
        assert_int_equal(match(), RS_MATCH_NEAR_MISS);
        packet_begin(&packet, (uint16_t)(ID + 1), (uint16_t)(RS_FLAG_QR | rcode));
        assert_int_equal(match(), RS_MATCH_NEAR_MISS);
    }
}

static void every_cut_reply_is_refused_before_its_end(void **state)
{
    (void)state;
    begin_good(RS_FLAG_QR);
    size_t size = packet.size;
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = test_malloc(cut);
        memcpy(exact, packet.data, cut);
        enum rs_match result = rs_match(exact, cut, ID, sent, RS_A, RS_IN);
        assert_int_equal(result, cut < 12 ? RS_MATCH_NOISE : RS_MATCH_NEAR_MISS);
        test_free(exact);
    }
}

/* ---- A9: malformed replies that race the true one (TuDoor) ---- */

static void kind_query_bit(void)
{
    good_reply(RS_FLAG_AA);
}
static void kind_opcode_notify(void)
{
    good_reply(RS_FLAG_QR | 4 << 11);
}
static void kind_opcode_15(void)
{
    good_reply(RS_FLAG_QR | 15 << 11);
}
static void kind_no_question(void)
{
    packet_begin(&packet, ID, RS_FLAG_QR);
    packet_record(&packet, 1, "wWw.eXample.", RS_A, 60, "\1\2\3\4", 4);
}
static void kind_empty_noerror(void)
{
    packet_begin(&packet, ID, RS_FLAG_QR);
}
static void kind_two_questions(void)
{
    begin_good(RS_FLAG_QR);
    packet_question(&packet, "wWw.eXample.", RS_A, RS_IN);
}
static void kind_other_name(void)
{
    packet_begin(&packet, ID, RS_FLAG_QR);
    packet_question(&packet, "evil.eXample.", RS_A, RS_IN);
}
static void kind_other_type(void)
{
    packet_begin(&packet, ID, RS_FLAG_QR);
    packet_question(&packet, "wWw.eXample.", RS_AAAA, RS_IN);
}
static void kind_class_any(void)
{
    packet_begin(&packet, ID, RS_FLAG_QR);
    packet_question(&packet, "wWw.eXample.", RS_A, RS_CLASS_ANY);
}
static void kind_class_chaos(void)
{
    packet_begin(&packet, ID, RS_FLAG_QR);
    packet_question(&packet, "wWw.eXample.", RS_A, RS_CH);
}
static void kind_record_class_any(void)
{
    begin_good(RS_FLAG_QR);
    packet_count(&packet, 1, 1);
    packet_pointer(&packet, 12);
    packet_fixed(&packet, RS_A, RS_CLASS_ANY, 60, 4);
    packet_bytes(&packet, "\1\2\3\4", 4);
}
static void kind_short_header(void)
{
    good_reply(RS_FLAG_QR);
    packet.size = 11;
}
static void kind_header_only(void)
{
    good_reply(RS_FLAG_QR);
    packet.size = 12;
}
static void kind_cut_question(void)
{
    begin_good(RS_FLAG_QR);
    packet.size -= 2;
}
static void kind_trailing_byte(void)
{
    good_reply(RS_FLAG_QR);
    packet_u8(&packet, 0);
}
static void kind_trailing_record(void)
{
    good_reply(RS_FLAG_QR);
    packet_record(&packet, 1, "wWw.eXample.", RS_A, 60, "\6\6\6\6", 4);
    packet_count(&packet, 1, -1);
}
static void kind_truncated_and_cut(void)
{
    good_reply(RS_FLAG_QR | RS_FLAG_TC);
    packet.size -= 3;
}
static void kind_missing_record(void)
{
    good_reply(RS_FLAG_QR);
    packet_count(&packet, 1, 1);
}
static void kind_pointer_question(void)
{
    packet_begin(&packet, ID, RS_FLAG_QR);
    packet_count(&packet, 0, 1);
    packet_pointer(&packet, 12);
    packet_u16(&packet, RS_A);
    packet_u16(&packet, RS_IN);
}
static void kind_pointer_loop(void)
{
    begin_good(RS_FLAG_QR);
    packet_count(&packet, 1, 1);
    packet_pointer(&packet, packet.size);
    packet_fixed(&packet, RS_A, RS_IN, 60, 4);
    packet_bytes(&packet, "\1\2\3\4", 4);
}
static void kind_rdata_beyond(void)
{
    good_reply(RS_FLAG_QR);
    packet.data[packet.size - 5] = 5;
}
static void kind_short_address(void)
{
    begin_good(RS_FLAG_QR);
    packet_record(&packet, 1, "wWw.eXample.", RS_A, 60, "\1\2\3", 3);
}
static void kind_two_opt(void)
{
    good_reply(RS_FLAG_QR);
    packet_opt(&packet, 1232, 0, "", 0);
    packet_opt(&packet, 1232, 0, "", 0);
}
static void kind_bad_opt(void)
{
    good_reply(RS_FLAG_QR);
    packet_opt(&packet, 1232, 0, "\0\12\0\20abc", 7);
}
static void kind_random(void)
{
    packet.size = 0;
    for (unsigned i = 0; i < 100; i++) {
        packet_u8(&packet, (uint8_t)(i * 167 + 41));
    }
}

static void no_malformed_reply_of_24_kinds_is_both_ours_and_readable(void **state)
{
    (void)state;
    static void (*const kinds[])(void) = {kind_query_bit,
                                          kind_opcode_notify,
                                          kind_opcode_15,
                                          kind_no_question,
                                          kind_empty_noerror,
                                          kind_two_questions,
                                          kind_other_name,
                                          kind_other_type,
                                          kind_class_any,
                                          kind_class_chaos,
                                          kind_record_class_any,
                                          kind_short_header,
                                          kind_header_only,
                                          kind_cut_question,
                                          kind_trailing_byte,
                                          kind_trailing_record,
                                          kind_truncated_and_cut,
                                          kind_missing_record,
                                          kind_pointer_question,
                                          kind_pointer_loop,
                                          kind_rdata_beyond,
                                          kind_short_address,
                                          kind_two_opt,
                                          kind_bad_opt,
                                          kind_random};

    for (unsigned i = 0; i < RT_ARRAY_COUNT(kinds); i++) {
        static struct rs_message message;
        kinds[i]();
        rt_arena_reset(&room.arena);
        assert_true(match() != RS_MATCH_OURS ||
                    rs_message_read(packet.data, packet.size, &room.arena, &message) ==
                        RT_MALFORMED);
        assert_int_not_equal(match(), RS_MATCH_CASE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_true_reply_is_ours),
        cmocka_unit_test(any_difference_in_id_or_question_is_a_near_miss),
        cmocka_unit_test(other_letter_case_is_told),
        cmocka_unit_test(all_65536_header_words_follow_the_allow_list),
        cmocka_unit_test(a_reply_without_question_can_only_refuse),
        cmocka_unit_test(every_cut_reply_is_refused_before_its_end),
        cmocka_unit_test(no_malformed_reply_of_24_kinds_is_both_ours_and_readable),
    };
    packet_arena_open(&room);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    packet_arena_close(&room);
    return failed;
}
