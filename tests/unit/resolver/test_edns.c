/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/packet.h"

#include "resolver/edns.h"

static bool read_opt(struct rs_edns *edns, uint16_t payload, uint32_t ttl, const void *options,
                     uint16_t size)
{
    const struct rs_wire_record record = {
        .type = RS_OPT, .class = payload, .ttl = ttl, .rdata_size = size};
    rs_edns_init(edns);
    return rs_edns_read(edns, &record, options);
}

/* RFC6891-6.2.3: a payload below 512 counts as 512. */
static void payloads_below_512_count_as_512(void **state)
{
    (void)state;
    struct rs_edns edns;
    for (uint32_t payload = 0; payload <= UINT16_MAX; payload++) {
        assert_true(read_opt(&edns, (uint16_t)payload, 0, "", 0));
        assert_int_equal(edns.payload, payload < 512 ? 512 : payload);
    }
}

/* RFC6891-6.1.3, 6.1.4: extended rcode, version, DO; the Z bits are ignored. */
static void the_ttl_field_is_taken_apart(void **state)
{
    (void)state;
    struct rs_edns edns;
    assert_true(read_opt(&edns, 1232, 0xAB00FFFF, "", 0));
    assert_true(edns.is_present && edns.is_dnssec_ok);
    assert_int_equal(edns.rcode_high, 0xAB);
    assert_int_equal(edns.version, 0);
    assert_true(read_opt(&edns, 1232, 0x00017FFF, "", 0));
    assert_false(edns.is_dnssec_ok);
    assert_int_equal(edns.version, 1);
}

/* RFC6891-6.1.2: any option that is not known is ignored, all 65,536 codes of them. */
static void unknown_options_change_nothing(void **state)
{
    (void)state;
    struct rs_edns plain, edns;
    assert_true(read_opt(&plain, 1232, 0, "", 0));
    for (uint32_t code = 0; code <= UINT16_MAX; code++) {
        uint8_t option[] = {(uint8_t)(code >> 8), (uint8_t)code, 0, 3, 1, 2, 3};
        if (code == RS_OPTION_COOKIE || code == RS_OPTION_EDE) {
            continue;
        }
        assert_true(read_opt(&edns, 1232, 0, option, sizeof(option)));
        assert_int_equal(edns.cookie_size, 0);
        assert_int_equal(edns.ede, RS_EDE_NONE);
        assert_false(edns.is_cookie_malformed);
    }
}

static void cut_options_are_malformed_at_every_length(void **state)
{
    (void)state;
    struct rs_edns edns;
    static const uint8_t options[] = "\0\144\0\2ab\0\12\0\10abcdefgh";
    for (uint16_t size = 0; size < 18; size++) {
        uint8_t *exact = test_malloc(size);
        memcpy(exact, options, size);
        assert_int_equal(read_opt(&edns, 1232, 0, exact, size), size == 0 || size == 6);
        test_free(exact);
    }
    assert_true(read_opt(&edns, 1232, 0, options, 18));
    assert_int_equal(edns.cookie_size, 8);
}

/* D7 (CVE-2026-41292): options behind the sixteenth cost nothing, so they are not looked at. */
static void options_behind_the_bound_are_ignored(void **state)
{
    (void)state;
    struct rs_edns edns;
    uint8_t options[RS_EDNS_OPTIONS_MAX * 4 + 12] = {0};
    memcpy(options + sizeof(options) - 12, "\0\12\0\10abcdefgh", 12);
    assert_true(read_opt(&edns, 1232, 0, options, sizeof(options)));
    assert_int_equal(edns.cookie_size, 0);
    assert_true(read_opt(&edns, 1232, 0, options + 4, sizeof(options) - 4));
    assert_int_equal(edns.cookie_size, 8);
}

/* RFC8914-2: the code is the first two bytes; shorter ones say nothing. */
static void the_first_ede_counts(void **state)
{
    (void)state;
    struct rs_edns edns;
    assert_true(read_opt(&edns, 1232, 0, "\0\17\0\1x\0\17\0\2\0\6\0\17\0\3\0\7z", 18));
    assert_int_equal(edns.ede, RS_EDE_BOGUS);
}

/* What we write, we read; and its size is what was said before. */
static void a_written_opt_reads_back(void **state)
{
    (void)state;
    uint8_t out[200];
    const struct rs_opt opt = {.payload = 1232,
                               .rcode = RS_BADCOOKIE,
                               .is_dnssec_ok = true,
                               .cookie = (const uint8_t *)"abcdefghABCDEFGH",
                               .cookie_size = 16,
                               .ede = RS_EDE_STALE,
                               .ede_text = "old",
                               .ede_text_size = 3};
    assert_ptr_equal(rs_opt_write(&opt, out), out + rs_opt_size(&opt));
    assert_memory_equal(out, "\0\0\51\4\320\1\0\200\0\0\35", 11);

    struct rs_edns edns;
    assert_true(
        read_opt(&edns, rs_get_u16(out + 3), rs_get_u32(out + 5), out + 11, rs_get_u16(out + 9)));
    assert_int_equal(edns.rcode_high, RS_BADCOOKIE >> 4);
    assert_int_equal(edns.cookie_size, 16);
    assert_int_equal(edns.ede, RS_EDE_STALE);
    assert_true(edns.is_dnssec_ok);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_below_512_count_as_512),
        cmocka_unit_test(the_ttl_field_is_taken_apart),
        cmocka_unit_test(unknown_options_change_nothing),
        cmocka_unit_test(cut_options_are_malformed_at_every_length),
        cmocka_unit_test(options_behind_the_bound_are_ignored),
        cmocka_unit_test(the_first_ede_counts),
        cmocka_unit_test(a_written_opt_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
