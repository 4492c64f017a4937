/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/packet.h"

static void known_types_have_their_names(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *text;
    } cases[] = {
        {RS_A, "A"},           {RS_NSEC3PARAM, "NSEC3PARAM"}, {RS_HTTPS, "HTTPS"}, {RS_ANY, "ANY"},
        {RS_NXNAME, "NXNAME"}, {RS_MAILA, "MAILA"},           {RS_MAILB, "MAILB"}, {RS_SIG, "SIG"}};
    char text[16];
    uint16_t type;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(cases); i++) {
        assert_string_equal(rs_type_text(cases[i].type, text), cases[i].text);
        assert_true(rs_type_parse(cases[i].text, &type));
        assert_int_equal(type, cases[i].type);
    }
    assert_true(rs_type_parse("aaaa", &type));
    assert_int_equal(type, RS_AAAA);
}

/* RFC3597-5: a type without a name is TYPE and its number, both ways. */
static void all_65536_types_parse_back_from_their_text(void **state)
{
    (void)state;
    for (uint32_t type = 0; type <= UINT16_MAX; type++) {
        char text[16];
        uint16_t back;
        assert_true(strlen(rs_type_text((uint16_t)type, text)) < sizeof(text));
        assert_true(rs_type_parse(text, &back));
        assert_int_equal(back, type);
    }
}

static void what_is_no_type_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "NONSENSE", "TYPE", "TYPE65536", "TYPE-1", "1", "A "};
    uint16_t type;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(wrong); i++) {
        assert_false(rs_type_parse(wrong[i], &type));
    }
}

static void rcodes_have_names_or_numbers(void **state)
{
    (void)state;
    char text[16];
    assert_string_equal(rs_rcode_text(RS_NOERROR, text), "NOERROR");
    assert_string_equal(rs_rcode_text(RS_NXDOMAIN, text), "NXDOMAIN");
    assert_string_equal(rs_rcode_text(RS_BADCOOKIE, text), "BADCOOKIE");
    assert_string_equal(rs_rcode_text(4095, text), "RCODE4095");
}

/* RFC6895-3.1: what may never be cached. */
static void meta_types_are_those_of_the_iana_range(void **state)
{
    (void)state;
    for (uint32_t type = 0; type <= UINT16_MAX; type++) {
        assert_int_equal(rs_type_is_meta((uint16_t)type),
                         type == 41 || (type >= 128 && type <= 255));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_types_have_their_names),
        cmocka_unit_test(all_65536_types_parse_back_from_their_text),
        cmocka_unit_test(what_is_no_type_is_refused),
        cmocka_unit_test(rcodes_have_names_or_numbers),
        cmocka_unit_test(meta_types_are_those_of_the_iana_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
