/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/packet.h"

#include "resolver/answer.h"
#include "resolver/request.h"

enum { ID = 0x4711 };

static struct packet packet;
static struct rs_request request;
static uint16_t rcode;
static int ede;

static enum rs_verdict read_packet(void)
{
    /* From a block of just that size, so that ASan sees a read behind the end. */
    uint8_t *exact = test_malloc(packet.size);
    memcpy(exact, packet.data, packet.size);
    enum rs_verdict verdict = rs_request_read(exact, packet.size, &request, &rcode, &ede);
    static uint8_t kept[sizeof(packet.data)];
    memcpy(kept, exact, packet.size);
    if (request.name_as_sent != NULL && verdict != RS_REQUEST_DROP) {
        request.name_as_sent = kept + (request.name_as_sent - exact);
    }
    test_free(exact);
    return verdict;
}

static void ask(const char *name, uint16_t type, uint16_t class)
{
    packet_begin(&packet, ID, RS_FLAG_RD);
    packet_question(&packet, name, type, class);
}

static void assert_error(uint16_t wanted)
{
    assert_int_equal(read_packet(), RS_REQUEST_ERROR);
    assert_int_equal(rcode, wanted);
}

/* RFC4343: the question is looked up in lower case, and the letters are kept for the reply. */
static void a_question_is_read_with_its_letters_beside(void **state)
{
    (void)state;
    packet_begin(&packet, ID, RS_FLAG_RD | RS_FLAG_AD | RS_FLAG_CD);
    packet_question(&packet, "Www.EXAMPLE-[@`{z.", RS_AAAA, RS_IN);
    assert_int_equal(read_packet(), RS_REQUEST_OK);
    assert_int_equal(rcode, RS_NOERROR);
    assert_int_equal(request.id, ID);
    assert_true(request.wants_recursion && request.is_cd && request.wants_ad);
    assert_true(request.has_question);
    assert_int_equal(request.name_size, 4 + 14 + 1);
    assert_int_equal(request.labels, 2);
    assert_memory_equal(request.name, "\3www\15example-[@`{z", 19);
    assert_memory_equal(request.name_as_sent, "\3Www\15EXAMPLE-[@`{z", 19);
    assert_int_equal(request.type, RS_AAAA);
    assert_int_equal(request.class, RS_IN);
    assert_false(request.edns.is_present);
    assert_int_equal(request.edns.payload, 512);
}

/* Eight bytes are lowered at once: each of the 256 must come out as one alone would. */
static void every_byte_is_lowered_like_rs_name_lower(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        struct rs_name expected = {.size = 11, .wire = "\11"};
        packet_begin(&packet, ID, 0);
        packet_count(&packet, 0, 1);
        packet_u8(&packet, 9);
        for (unsigned i = 0; i < 9; i++) {
            packet_u8(&packet, (uint8_t)byte);
            expected.wire[1 + i] = (uint8_t)byte;
        }
        packet_u8(&packet, 0);
        packet_u32(&packet, RS_A << 16 | RS_IN);
        rs_name_lower(expected.wire);
        assert_int_equal(read_packet(), RS_REQUEST_OK);
        assert_memory_equal(request.name, expected.wire, 11);
    }
}

/* Two resolvers that answer each other's answers would never stop. */
static void responses_and_fragments_are_dropped(void **state)
{
    (void)state;
    ask("example.", RS_A, RS_IN);
    packet.data[2] |= 0x80;
    assert_int_equal(read_packet(), RS_REQUEST_DROP);
    packet.data[2] &= 0x7f;
    for (packet.size = 0; packet.size < 12; packet.size++) {
        assert_int_equal(read_packet(), RS_REQUEST_DROP);
    }
}

/* RFC8906: odd but honest queries get the right rcode. The list is that of ISC's compliance test,
 * each line with what a resolver should say. */
static void isc_list_of_odd_queries_gets_the_right_rcodes(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint16_t flags, type;
        bool has_opt;
        uint32_t opt_ttl;
        uint16_t payload;
        const char *options;
        uint16_t options_size, rcode;
    } cases[] = {
        {"plain", RS_FLAG_RD, RS_A, false, 0, 0, "", 0, RS_NOERROR},
        {"unknown type", RS_FLAG_RD, 1000, false, 0, 0, "", 0, RS_NOERROR},
        {"AD", RS_FLAG_AD, RS_A, false, 0, 0, "", 0, RS_NOERROR},
        {"CD", RS_FLAG_CD, RS_A, false, 0, 0, "", 0, RS_NOERROR},
        {"Z bit", 0x0040, RS_A, false, 0, 0, "", 0, RS_NOERROR},
        {"RA set", RS_FLAG_RA, RS_A, false, 0, 0, "", 0, RS_NOERROR},
        {"AA and TC set", RS_FLAG_AA | RS_FLAG_TC, RS_A, false, 0, 0, "", 0, RS_NOERROR},
        {"rcode set", 5, RS_A, false, 0, 0, "", 0, RS_NOERROR},
        {"opcode 1", 1 << 11, RS_A, false, 0, 0, "", 0, RS_NOTIMP},
        {"opcode 15", 15 << 11, RS_A, false, 0, 0, "", 0, RS_NOTIMP},
        {"EDNS", 0, RS_SOA, true, 0, 4096, "", 0, RS_NOERROR},
        {"EDNS, size 512", 0, RS_SOA, true, 0, 512, "", 0, RS_NOERROR},
        {"EDNS, size 0", 0, RS_SOA, true, 0, 0, "", 0, RS_NOERROR},
        {"EDNS, DO", 0, RS_SOA, true, 0x8000, 4096, "", 0, RS_NOERROR},
        {"EDNS, unknown flag", 0, RS_SOA, true, 0x0040, 4096, "", 0, RS_NOERROR},
        {"EDNS, unknown option", 0, RS_SOA, true, 0, 4096, "\0\144\0\0", 4, RS_NOERROR},
        {"EDNS, NSID", 0, RS_SOA, true, 0, 4096, "\0\3\0\0", 4, RS_NOERROR},
        {"EDNS, expire", 0, RS_SOA, true, 0, 4096, "\0\11\0\0", 4, RS_NOERROR},
        {"EDNS, subnet", 0, RS_SOA, true, 0, 4096, "\0\10\0\4\0\1\0\0", 8, RS_NOERROR},
        {"EDNS, cookie", 0, RS_SOA, true, 0, 4096, "\0\12\0\10abcdefgh", 12, RS_NOERROR},
        {"EDNS, four at once", 0, RS_SOA, true, 0x8000, 4096,
         "\0\3\0\0\0\10\0\4\0\1\0\0\0\12\0\10abcdefgh\0\11\0\0", 28, RS_NOERROR},
        {"EDNS 1", 0, RS_SOA, true, 0x00010000, 4096, "", 0, RS_BADVERS},
        {"EDNS 1, unknown option", 0, RS_SOA, true, 0x00010000, 4096, "\0\144\0\0", 4, RS_BADVERS},
        {"EDNS 1, unknown flag", 0, RS_SOA, true, 0x00010040, 4096, "", 0, RS_BADVERS},
        {"EDNS 255, odd bytes", 0, RS_SOA, true, 0x00FF0000, 4096, "\1\2\3", 3, RS_BADVERS},
        {"UPDATE", RS_OPCODE_UPDATE << 11, RS_SOA, false, 0, 0, "", 0, RS_NOTIMP},
        {"NOTIFY", RS_OPCODE_NOTIFY << 11, RS_SOA, false, 0, 0, "", 0, RS_NOTIMP},
        {"DSO", 6 << 11, RS_SOA, false, 0, 0, "", 0, RS_NOTIMP},
    };

    for (unsigned i = 0; i < RT_ARRAY_COUNT(cases); i++) {
        packet_begin(&packet, ID, cases[i].flags);
        packet_question(&packet, "example.", cases[i].type, RS_IN);
        if (cases[i].has_opt) {
            packet_opt(&packet, cases[i].payload, cases[i].opt_ttl, cases[i].options,
                       cases[i].options_size);
        }
        enum rs_verdict verdict = read_packet();
        if (rcode != cases[i].rcode) {
            fail_msg("%s: rcode %u", cases[i].name, rcode);
        }
        assert_int_equal(verdict, rcode == RS_NOERROR ? RS_REQUEST_OK : RS_REQUEST_ERROR);
        if (cases[i].has_opt) {
            assert_true(request.edns.is_present);
            assert_int_equal(request.edns.is_dnssec_ok, (cases[i].opt_ttl & 0x8000) != 0);
            assert_int_equal(request.edns.payload,
                             cases[i].payload < 512 ? 512 : cases[i].payload); /* RFC6891-6.2.3 */
        }
    }
}

/* RFC9619-4: more than one question is FORMERR; none is a cookie probe or FORMERR. */
static void the_question_count_is_one_or_zero_with_a_cookie(void **state)
{
    (void)state;
    ask("example.", RS_A, RS_IN);
    packet_question(&packet, "example.", RS_A, RS_IN);
    assert_error(RS_FORMERR);
    ask("example.", RS_A, RS_IN);
    rs_put_u16(packet.data + 4, 65535);
    assert_error(RS_FORMERR);

    packet_begin(&packet, ID, 0);
    assert_error(RS_FORMERR);
    packet_opt(&packet, 1232, 0, "", 0);
    assert_error(RS_FORMERR);
    packet_begin(&packet, ID, 0);
    packet_opt(&packet, 1232, 0, "\0\12\0\10abcdefgh", 12); /* RFC7873-5.4 */
    assert_int_equal(read_packet(), RS_REQUEST_OK);
    assert_false(request.has_question);
    assert_int_equal(request.edns.cookie_size, 8);
}

/* RFC6891-6.1.1: two OPT are FORMERR; the reply still has one. */
static void opt_twice_or_out_of_place_is_a_format_error(void **state)
{
    (void)state;
    ask("example.", RS_A, RS_IN);
    packet_opt(&packet, 1232, 0, "", 0);
    packet_opt(&packet, 1232, 0, "", 0);
    assert_error(RS_FORMERR);
    assert_true(request.edns.is_present && request.has_question);

    ask("example.", RS_A, RS_IN);
    packet_record(&packet, 3, "x.", RS_OPT, 0, "", 0);
    assert_error(RS_FORMERR);
    ask("example.", RS_A, RS_IN);
    packet_record(&packet, 1, ".", RS_OPT, 0, "", 0);
    assert_error(RS_FORMERR);
    ask("example.", RS_A, RS_IN);
    packet_opt(&packet, 1232, 0, "\0\144\0\5abc", 7); /* option longer than OPT */
    assert_error(RS_FORMERR);
    ask("example.", RS_A, RS_IN);
    packet_opt(&packet, 1232, 0, "\0\144\0", 3); /* cut option */
    assert_error(RS_FORMERR);
}

/* RFC7873-5.2.2: a cookie of 8 bytes, or of 16 to 40. */
static void only_cookies_of_lawful_sizes_are_taken(void **state)
{
    (void)state;
    for (uint16_t size = 0; size <= 50; size++) {
        uint8_t option[60] = {0, 10, 0, (uint8_t)size};
        ask("example.", RS_A, RS_IN);
        packet_opt(&packet, 1232, 0, option, (uint16_t)(4 + size));
        if (size == 8 || (size >= 16 && size <= 40)) {
            assert_int_equal(read_packet(), RS_REQUEST_OK);
            assert_int_equal(request.edns.cookie_size, size);
        } else {
            assert_error(RS_FORMERR);
        }
    }
}

/* H2 (CVE-2026-42944), D7 (CVE-2026-41292): repetitions cost nothing and change nothing. */
static void options_are_looked_at_up_to_a_bound_and_the_first_one_counts(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= 200; count++) {
        static uint8_t options[200 * 12];
        for (unsigned i = 0; i < count; i++) {
            memcpy(options + i * 12, "\0\12\0\10abcdefgh", 12);
            options[i * 12 + 4] = (uint8_t)('a' + i);
        }
        ask("example.", RS_A, RS_IN);
        packet_opt(&packet, 1232, 0, options, (uint16_t)(count * 12));
        assert_int_equal(read_packet(), RS_REQUEST_OK);
        assert_memory_equal(request.edns.cookie, "abcdefgh", 8);
        assert_int_equal(request.edns.cookie_size, 8);
    }
}

/* I7: what follows the last counted record is no part of a query. Data in a question's answer
 * section is none either; in the additional section it does no harm (TSIG, SIG(0)). */
static void trailing_bytes_and_records_out_of_place_are_format_errors(void **state)
{
    (void)state;
    ask("example.", RS_A, RS_IN);
    packet_u8(&packet, 0);
    assert_error(RS_FORMERR);
    assert_true(request.has_question);
    for (unsigned section = 1; section <= 3; section++) {
        ask("example.", RS_A, RS_IN);
        packet_record(&packet, section, "example.", RS_A, 0, "\1\2\3\4", 4);
        assert_int_equal(read_packet(), section == 3 ? RS_REQUEST_OK : RS_REQUEST_ERROR);
    }
    ask("example.", RS_A, RS_IN);
    packet_record(&packet, 3, "key.", RS_TSIG, 0, "abc", 3);
    assert_int_equal(read_packet(), RS_REQUEST_OK);
    ask("example.", RS_A, RS_IN);
    packet_count(&packet, 3, 1);
    assert_error(RS_FORMERR);
}

static void malformed_names_are_format_errors_without_a_question(void **state)
{
    (void)state;
    static const char *const names[] = {"\300\14", "\100", "\200", "\5abc", "\77abc"};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(names); i++) {
        packet_begin(&packet, ID, 0);
        packet_count(&packet, 0, 1);
        packet_bytes(&packet, names[i], strlen(names[i]));
        packet_bytes(&packet, "\0\0\1\0\1", 5);
        assert_error(RS_FORMERR);
        assert_false(request.has_question);
    }
    for (unsigned size = 254; size <= 256; size++) { /* RFC1035-2.3.4 */
        uint8_t name[256];
        memset(name, 'a', sizeof(name));
        name[0] = name[64] = name[128] = 63;
        name[192] = (uint8_t)(size - 194);
        name[size - 1] = 0;
        packet_begin(&packet, ID, 0);
        packet_count(&packet, 0, 1);
        packet_bytes(&packet, name, size);
        packet_u32(&packet, RS_A << 16 | RS_IN);
        assert_int_equal(read_packet(), size <= 255 ? RS_REQUEST_OK : RS_REQUEST_ERROR);
        assert_int_equal(request.has_question, size <= 255);
    }
}

/* RFC6895-3.1, RFC5936, RFC9824-3.4 and the table of security.md row 87: every type has its
 * answer. */
static void all_65536_types_get_their_verdict(void **state)
{
    (void)state;
    for (uint32_t type = 0; type <= UINT16_MAX; type++) {
        uint16_t expected = RS_NOERROR;
        if (type == RS_AXFR || type == RS_IXFR) {
            expected = RS_REFUSED;
        } else if (type == RS_TKEY || type == RS_MAILA || type == RS_MAILB) {
            expected = RS_NOTIMP;
        } else if (type == RS_OPT || (type >= 128 && type < 255)) {
            expected = RS_FORMERR;
        }
        ask("example.", (uint16_t)type, RS_IN);
        assert_int_equal(read_packet(), expected == RS_NOERROR ? RS_REQUEST_OK : RS_REQUEST_ERROR);
        assert_int_equal(rcode, expected);
        assert_int_equal(ede == RS_EDE_INVALID_QUERY, type == RS_NXNAME);
        assert_true(request.has_question);
    }
}

/* RFC1995-3: an IXFR carries its SOA; that it is refused is told as for AXFR, not as FORMERR. */
static void ixfr_with_its_soa_is_refused(void **state)
{
    (void)state;
    ask("example.", RS_IXFR, RS_IN);
    packet_record(&packet, 2, "example.", RS_SOA, 0, "\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                  22);
    assert_error(RS_REFUSED);
}

/* RFC8482: ANY is a question; that it gets little is the answer's business. */
static void any_is_a_question(void **state)
{
    (void)state;
    ask("example.", RS_ANY, RS_IN);
    assert_int_equal(read_packet(), RS_REQUEST_OK);
}

/* I9 (CVE-2026-5946): no class but IN goes any further. */
static void all_classes_but_in_are_refused(void **state)
{
    (void)state;
    for (uint32_t class = 0; class <= UINT16_MAX; class ++) {
        ask("example.", RS_A, (uint16_t) class);
        if (class == RS_IN) {
            assert_int_equal(read_packet(), RS_REQUEST_OK);
        } else {
            assert_error(RS_REFUSED);
        }
    }
}

/* C12: an error reply is no larger than its question, has the client's letters, and never its
 * records. RFC6891: OPT exactly when there was one. */
static void error_replies_repeat_the_question_and_nothing_else(void **state)
{
    (void)state;
    uint8_t out[512];
    const struct rs_reply_options options = {.size_max = 512, .payload = 1232};

    packet_begin(&packet, ID, RS_FLAG_RD | RS_FLAG_CD | RS_FLAG_AD | 0x0040);
    packet_question(&packet, "eXaMple.", RS_AXFR, RS_IN);
    packet_record(&packet, 3, "junk.example.", RS_TXT, 1, "\7xxxxxxx", 8);
    assert_error(RS_REFUSED);
    size_t size = rs_error_reply(&request, rcode, RS_EDE_NONE, &options, out);
    assert_int_equal(size, 12 + 9 + 4);
    assert_int_equal(rs_get_u16(out), ID);
    assert_int_equal(rs_get_u16(out + 2),
                     RS_FLAG_QR | RS_FLAG_RD | RS_FLAG_RA | RS_FLAG_CD | RS_REFUSED);
    assert_memory_equal(out + 4, "\0\1\0\0\0\0\0\0", 8);
    assert_memory_equal(out + 12, "\7eXaMple\0\0\374\0\1", 13);

    packet_begin(&packet, ID, 15 << 11);
    packet_question(&packet, "example.", RS_A, RS_IN);
    assert_error(RS_NOTIMP);
    size = rs_error_reply(&request, rcode, RS_EDE_NONE, &options, out);
    assert_int_equal(size, 12);
    assert_int_equal(rs_get_u16(out + 2), RS_FLAG_QR | 15 << 11 | RS_FLAG_RA | RS_NOTIMP);
}

/* RFC6891-6.1.3: BADVERS is 16: its upper bits are in OPT, with the version we speak. */
static void badvers_is_told_in_opt(void **state)
{
    (void)state;
    uint8_t out[512];
    const struct rs_reply_options options = {.size_max = 512, .payload = 1232};
    ask("example.", RS_A, RS_IN);
    packet_opt(&packet, 4096, 0x00018040, "", 0);
    assert_error(RS_BADVERS);
    size_t size = rs_error_reply(&request, rcode, RS_EDE_NONE, &options, out);
    assert_int_equal(size, 12 + 13 + 11);
    assert_int_equal(out[3] & 0xF, 0);
    assert_int_equal(out[11], 1);
    assert_memory_equal(out + 25, "\0\0\51\4\320\1\0\200\0\0\0", 11); /* DO copied, Z cleared */
}

/* RFC8914-2 and RFC7873-5.2: what the listener adds. */
static void error_replies_carry_ede_and_cookie_for_those_with_edns(void **state)
{
    (void)state;
    uint8_t out[512];
    struct rs_reply_options options = {.size_max = 512, .payload = 1232, .cookie_size = 24};
    memcpy(options.cookie, "abcdefgh0123456789ABCDEF", 24);
    ask("example.", RS_NXNAME, RS_IN);
    packet_opt(&packet, 1232, 0, "\0\12\0\10abcdefgh", 12);
    assert_error(RS_FORMERR);
    size_t size = rs_error_reply(&request, rcode, ede, &options, out);
    assert_int_equal(size, 12 + 13 + 11 + 28 + 6);
    assert_memory_equal(out + 25 + 11, "\0\12\0\30abcdefgh0123456789ABCDEF\0\17\0\2\0\36", 34);

    ask("example.", RS_NXNAME, RS_IN);
    assert_error(RS_FORMERR);
    assert_int_equal(rs_error_reply(&request, rcode, ede, &options, out), 12 + 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_read_with_its_letters_beside),
        cmocka_unit_test(every_byte_is_lowered_like_rs_name_lower),
        cmocka_unit_test(responses_and_fragments_are_dropped),
        cmocka_unit_test(isc_list_of_odd_queries_gets_the_right_rcodes),
        cmocka_unit_test(the_question_count_is_one_or_zero_with_a_cookie),
        cmocka_unit_test(opt_twice_or_out_of_place_is_a_format_error),
        cmocka_unit_test(only_cookies_of_lawful_sizes_are_taken),
        cmocka_unit_test(options_are_looked_at_up_to_a_bound_and_the_first_one_counts),
        cmocka_unit_test(trailing_bytes_and_records_out_of_place_are_format_errors),
        cmocka_unit_test(malformed_names_are_format_errors_without_a_question),
        cmocka_unit_test(all_65536_types_get_their_verdict),
        cmocka_unit_test(ixfr_with_its_soa_is_refused),
        cmocka_unit_test(any_is_a_question),
        cmocka_unit_test(all_classes_but_in_are_refused),
        cmocka_unit_test(error_replies_repeat_the_question_and_nothing_else),
        cmocka_unit_test(badvers_is_told_in_opt),
        cmocka_unit_test(error_replies_carry_ede_and_cookie_for_those_with_edns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
