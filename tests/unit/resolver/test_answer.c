/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/packet.h"

#include <stdio.h>

#include "resolver/answer.h"
#include "runtime/base/clock.h"

static struct packet_arena room;
static struct packet packet;
static _Alignas(16) uint8_t block[70000];
static uint8_t out[65535];
static struct rs_request request;
static struct rs_message message;
static struct rs_response response;
static struct rs_question question;

static const struct rs_answer *const answer = (const struct rs_answer *)block;

/* The client's question; read from `packet`, which stays. */
static void ask(const char *name, uint16_t type, uint16_t flags, bool has_opt, uint32_t opt_ttl)
{
    uint16_t rcode;
    int ede;
    packet_begin(&packet, 0x1234, flags);
    packet_question(&packet, name, type, RS_IN);
    if (has_opt) {
        packet_opt(&packet, 1232, opt_ttl, "", 0);
    }
    assert_int_equal(rs_request_read(packet.data, packet.size, &request, &rcode, &ede),
                     RS_REQUEST_OK);
    rs_name_copy(&question.name, request.name);
    question.type = type;
    question.class = RS_IN;
}

static void begin_response(void)
{
    rt_arena_reset(&room.arena);
    response = (struct rs_response){.ttl_s_max = UINT32_MAX, .ede = RS_EDE_NONE};
}

static struct rs_rrset *add(struct rs_rrsets *list, const char *owner, uint16_t type,
                            uint32_t ttl_s, const void *rdata, uint16_t size)
{
    struct rs_name name = packet_wire_name(owner);
    struct rs_rrset *set = rs_rrset_new(&room.arena, name.wire, type, ttl_s, rdata, size);
    assert_non_null(set);
    rs_rrsets_append(list, set);
    return set;
}

static void pack(bool is_dnssec_ok, uint64_t made_ns)
{
    size_t size;
    assert_int_equal(
        rs_answer_pack(&response, &question, is_dnssec_ok, made_ns, block, sizeof(block), &size),
        RT_OK);
    assert_int_equal(size, answer->size);
}

static size_t reply(uint32_t size_max, uint64_t now_ns)
{
    const struct rs_reply_options options = {.size_max = size_max, .payload = 1232};
    size_t size = rs_answer_reply(answer, &request, &options, now_ns, out);
    assert_true(size <= (size_max < 512 ? 512 : size_max));
    return size;
}

static void read_back(size_t size)
{
    rt_arena_reset(&room.arena);
    assert_int_equal(rs_message_read(out, size, &room.arena, &message), RT_OK);
}

static void one_address(void)
{
    begin_response();
    add(&response.answer, "www.example.", RS_A, 300, "\1\2\3\4", 4);
}

/* RFC4343-4.1: the letters are the client's, whoever asked first. modules.md 0.3: ID, RD, CD
 * copied; QR, RA set. */
static void a_reply_has_the_clients_id_letters_and_bits(void **state)
{
    (void)state;
    ask("www.example.", RS_A, 0, false, 0);
    one_address();
    pack(false, 0);

    ask("wWW.eXample.", RS_A, RS_FLAG_RD | RS_FLAG_CD | 0x0040, false, 0);
    size_t size = reply(512, 0);
    assert_memory_equal(out + 12, "\3wWW\7eXample", 13);
    read_back(size);
    assert_int_equal(message.id, 0x1234);
    assert_true(message.is_response && message.can_recurse && message.wants_recursion);
    assert_true(message.is_cd);
    assert_false(message.is_authoritative || message.is_truncated || message.is_ad);
    assert_int_equal(message.question.type, RS_A);
    assert_int_equal(message.answer.count, 1);
    assert_memory_equal(message.answer.first->owner, "\3www\7example", 13);
    assert_int_equal(size, 12 + 17 + 2 + 10 + 4); /* the owner is a pointer to the question */

    ask("www.example.", RS_A, 0, false, 0);
    read_back(reply(512, 0));
    assert_false(message.wants_recursion || message.is_cd);
}

/* modules.md 0.3: OPT if and only if the request had one, version 0, our payload, DO copied. */
static void opt_is_echoed_exactly_when_asked_for(void **state)
{
    (void)state;
    ask("www.example.", RS_A, 0, false, 0);
    one_address();
    pack(false, 0);
    read_back(reply(1232, 0));
    assert_false(message.edns.is_present);

    for (unsigned is_dnssec_ok = 0; is_dnssec_ok < 2; is_dnssec_ok++) {
        ask("www.example.", RS_A, 0, true, is_dnssec_ok != 0 ? 0x8040 : 0x0040);
        size_t size = reply(1232, 0);
        read_back(size);
        assert_true(message.edns.is_present);
        assert_int_equal(message.edns.version, 0);
        assert_int_equal(message.edns.payload, 1232);
        assert_int_equal(message.edns.is_dnssec_ok, is_dnssec_ok);
        assert_memory_equal(out + size - 4, is_dnssec_ok != 0 ? "\200\0\0\0" : "\0\0\0\0", 4);
    }
}

/* RFC6840-5.8: AD only for secure data, only for those who showed interest, never with CD. */
static void ad_is_told_to_those_who_care(void **state)
{
    (void)state;
    ask("www.example.", RS_A, 0, false, 0);
    for (unsigned bits = 0; bits < 16; bits++) {
        bool is_secure = bits & 1, wants_ad = bits & 2, is_dnssec_ok = bits & 4, is_cd = bits & 8;
        one_address();
        response.flags = is_secure ? RS_ANSWER_AD : 0;
        pack(is_dnssec_ok, 0);
        ask("www.example.", RS_A,
            (uint16_t)((wants_ad ? RS_FLAG_AD : 0) | (is_cd ? RS_FLAG_CD : 0)), true,
            is_dnssec_ok ? 0x8000 : 0);
        read_back(reply(1232, 0));
        assert_int_equal(message.is_ad, is_secure && (wants_ad || is_dnssec_ok) && !is_cd);
    }
}

static void aa_is_for_answers_that_claim_it(void **state)
{
    (void)state;
    ask("www.example.", RS_A, 0, false, 0);
    one_address();
    response.flags = RS_ANSWER_AA;
    response.rcode = RS_NXDOMAIN;
    pack(false, 0);
    read_back(reply(512, 0));
    assert_true(message.is_authoritative);
    assert_int_equal(message.rcode, RS_NXDOMAIN);
}

/* RFC1035-3.2.1: TTLs count down with age, stop at zero, and the shortest ends the answer. */
static void ttls_count_down_by_age_and_stop_at_zero(void **state)
{
    (void)state;
    const uint64_t made = 5 * RT_NS_PER_S;
    ask("www.example.", RS_A, 0, false, 0);
    begin_response();
    struct rs_name b = packet_wire_name("b.example.");
    add(&response.answer, "www.example.", RS_CNAME, 300, b.wire, b.size);
    add(&response.answer, "b.example.", RS_A, 60, "\1\2\3\4", 4);
    pack(false, made);
    assert_int_equal(answer->ttl_s, 60);

    static const uint32_t ages_s[][3] = {{0, 300, 60}, {1, 299, 59}, {59, 241, 1},  {60, 240, 0},
                                         {61, 239, 0}, {300, 0, 0},  {100000, 0, 0}};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(ages_s); i++) {
        uint64_t now = made + ages_s[i][0] * RT_NS_PER_S + RT_NS_PER_S / 2;
        assert_int_equal(rs_answer_is_fresh(answer, now), ages_s[i][0] < 60);
        read_back(reply(512, now));
        assert_int_equal(message.answer.first->ttl_s, ages_s[i][1]);
        assert_int_equal(message.answer.last->ttl_s, ages_s[i][2]);
    }
    /* Another core's clock may be behind. */
    assert_true(rs_answer_is_fresh(answer, made - 10));
    read_back(reply(512, made - 10));
    assert_int_equal(message.answer.last->ttl_s, 60);
}

/* RFC1123-6.1.2.1: TTL 0 is for this answer only. */
static void an_answer_with_ttl_zero_is_never_fresh(void **state)
{
    (void)state;
    ask("www.example.", RS_A, 0, false, 0);
    begin_response();
    add(&response.answer, "www.example.", RS_A, 0, "\1\2\3\4", 4);
    pack(false, 7);
    assert_false(rs_answer_is_fresh(answer, 7));
    read_back(reply(512, 7));
    assert_int_equal(message.answer.first->ttl_s, 0);
}

static void many_addresses(unsigned count)
{
    begin_response();
    for (unsigned i = 0; i < count; i++) {
        uint8_t ip[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
        char owner[32];
        snprintf(owner, sizeof(owner), "h%u.example.", i);
        add(&response.answer, i == 0 ? "www.example." : owner, RS_A, 60, ip, 4);
    }
}

/* RFC1035-4.2.1, RFC6891-6.2.5, RFC9715: 512 bytes without EDNS, else what both sides agreed upon;
 * larger is TC with nothing in it. */
static void an_answer_that_does_not_fit_is_truncated_to_nothing(void **state)
{
    (void)state;
    ask("www.example.", RS_A, RS_FLAG_RD, false, 0);
    for (unsigned count = 1; count < 80; count++) {
        for (unsigned has_opt = 0; has_opt < 2; has_opt++) {
            many_addresses(count);
            ask("www.example.", RS_A, RS_FLAG_RD, has_opt != 0, 0);
            pack(false, 0);
            uint32_t size_max = has_opt != 0 ? 1232 : 512;
            size_t whole = 12u + answer->body_size + (has_opt != 0 ? 11 : 0);
            size_t size = reply(size_max, 0);
            read_back(size);
            assert_int_equal(message.is_truncated, whole > size_max);
            assert_int_equal(message.edns.is_present, has_opt);
            assert_int_equal(message.question_count, 1);
            if (message.is_truncated) {
                assert_int_equal(message.answer.count, 0);
                assert_int_equal(size, 12 + 17 + (has_opt != 0 ? 11 : 0));
            } else {
                assert_int_equal(size, whole);
                assert_int_equal(message.answer.count, count);
            }
            assert_int_equal(reply(65535, 0), whole); /* TCP */
        }
    }
}

/* RFC8914-2: an explanation goes with the answer, bounded, and before data it goes overboard. */
static void ede_is_added_and_dropped_first(void **state)
{
    (void)state;
    ask("www.example.", RS_A, 0, true, 0);
    begin_response();
    response.rcode = RS_SERVFAIL;
    response.ede = RS_EDE_NO_REACHABLE_AUTHORITY;
    response.ede_text = "no server of example. answers";
    response.ttl_s_max = 5;
    pack(false, 0);
    assert_int_equal(answer->ttl_s, 5);
    size_t size = reply(512, 0);
    read_back(size);
    assert_int_equal(message.rcode, RS_SERVFAIL);
    assert_int_equal(message.edns.ede, RS_EDE_NO_REACHABLE_AUTHORITY);
    assert_memory_equal(out + size - 29, response.ede_text, 29);

    ask("www.example.", RS_A, 0, false, 0);
    read_back(reply(512, 0));
    assert_false(message.edns.is_present);

    for (unsigned count = 1; count < 40; count++) {
        many_addresses(count);
        response.ede = RS_EDE_STALE;
        response.ede_text = "stale";
        ask("www.example.", RS_A, 0, true, 0);
        pack(false, 0);
        size_t plain = 12u + answer->body_size + 11;
        read_back(reply(512, 0));
        assert_int_equal(message.is_truncated, plain > 512);
        bool has_ede = plain + 4 + 2 + 5 <= 512 || plain > 512;
        assert_int_equal(message.edns.ede, has_ede ? RS_EDE_STALE : RS_EDE_NONE);
    }
}

/* Cut at 128 bytes, not inside of a character. */
static void ede_text_is_bounded_and_stays_utf8(void **state)
{
    (void)state;
    static char text[400];
    ask("www.example.", RS_A, 0, true, 0);
    for (unsigned before = 0; before < 4; before++) {
        memset(text, 'x', before);
        for (unsigned i = before; i + 3 < sizeof(text); i += 3) {
            memcpy(text + i, "\342\202\254", 3); /* the euro sign */
        }
        begin_response();
        response.ede = RS_EDE_OTHER;
        response.ede_text = text;
        response.ttl_s_max = 1;
        pack(false, 0);
        assert_in_range(answer->ede_text_size, 126, 128);
        assert_int_equal((answer->ede_text_size - before) % 3, 0);
        read_back(reply(512, 0));
        assert_int_equal(message.edns.ede, RS_EDE_OTHER);
    }
}

/* RFC7873-5.2.3: the cookie goes with every reply, the truncated one too. */
static void a_cookie_is_added_for_clients_with_edns(void **state)
{
    (void)state;
    struct rs_reply_options options = {.size_max = 512, .payload = 1232, .cookie_size = 24};
    memcpy(options.cookie, "abcdefgh0123456789ABCDEF", 24);
    for (unsigned count = 1; count < 80; count += 39) {
        ask("www.example.", RS_A, 0, true, 0);
        many_addresses(count);
        pack(false, 0);
        read_back(rs_answer_reply(answer, &request, &options, 0, out));
        assert_int_equal(message.edns.cookie_size, 24);
        assert_memory_equal(message.edns.cookie, options.cookie, 24);
        assert_int_equal(message.is_truncated, count > 1);
    }
}

/* Without EDNS there is no place for the upper bits of an rcode: it failed, that is all. */
static void extended_rcodes_need_edns(void **state)
{
    (void)state;
    ask("www.example.", RS_A, 0, true, 0);
    begin_response();
    response.rcode = RS_BADCOOKIE;
    pack(false, 0);
    read_back(reply(512, 0));
    assert_int_equal(message.rcode, RS_BADCOOKIE);
    ask("www.example.", RS_A, 0, false, 0);
    read_back(reply(512, 0));
    assert_int_equal(message.rcode, RS_SERVFAIL);
}

/* H2: the longest of everything stays inside of 512 bytes. */
static void the_longest_reply_without_records_fits(void **state)
{
    (void)state;
    uint8_t name[256];
    uint16_t rcode;
    int ede;
    memset(name, 'a', sizeof(name));
    name[0] = name[64] = name[128] = 63;
    name[192] = 61;
    name[254] = 0;
    packet_begin(&packet, 1, 0);
    packet_count(&packet, 0, 1);
    packet_bytes(&packet, name, 255);
    packet_u32(&packet, RS_A << 16 | RS_IN);
    packet_opt(&packet, 512, 0, "", 0);
    assert_int_equal(rs_request_read(packet.data, packet.size, &request, &rcode, &ede),
                     RS_REQUEST_OK);
    rs_name_copy(&question.name, request.name);
    question.type = RS_A;
    begin_response();
    static char text[200];
    memset(text, 'x', sizeof(text) - 1);
    response.ede = RS_EDE_OTHER;
    response.ede_text = text;
    pack(false, 0);
    struct rs_reply_options options = {.size_max = 512, .payload = 1232, .cookie_size = 40};
    uint8_t *exact = test_malloc(512);
    size_t size = rs_answer_reply(answer, &request, &options, 0, exact);
    assert_int_equal(size, 12 + 259 + 11 + 44 + 6 + 128);
    test_free(exact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_has_the_clients_id_letters_and_bits),
        cmocka_unit_test(opt_is_echoed_exactly_when_asked_for),
        cmocka_unit_test(ad_is_told_to_those_who_care),
        cmocka_unit_test(aa_is_for_answers_that_claim_it),
        cmocka_unit_test(ttls_count_down_by_age_and_stop_at_zero),
        cmocka_unit_test(an_answer_with_ttl_zero_is_never_fresh),
        cmocka_unit_test(an_answer_that_does_not_fit_is_truncated_to_nothing),
        cmocka_unit_test(ede_is_added_and_dropped_first),
        cmocka_unit_test(ede_text_is_bounded_and_stays_utf8),
        cmocka_unit_test(a_cookie_is_added_for_clients_with_edns),
        cmocka_unit_test(extended_rcodes_need_edns),
        cmocka_unit_test(the_longest_reply_without_records_fits),
    };
    packet_arena_open(&room);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    packet_arena_close(&room);
    return failed;
}
