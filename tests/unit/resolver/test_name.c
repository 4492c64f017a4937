/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/packet.h"

#include "resolver/name.h"

static const uint8_t *wire(struct rs_name *room, const char *text)
{
    *room = packet_wire_name(text);
    return room->wire;
}

/* RFC1035-2.3.4: labels of 63 and names of 255 octets are the longest. */
static void check_accepts_the_longest_label_and_name_and_not_more(void **state)
{
    (void)state;
    uint8_t name[300] = {0};
    memset(name, 'a', sizeof(name));
    for (unsigned i = 0; i < 3; i++) {
        name[i * 64] = 63;
    }
    name[192] = 61; /* 3 * 64 + 62 + 1 = 255 */
    name[254] = 0;
    assert_int_equal(rs_name_check(name, sizeof(name)), 255);
    assert_int_equal(rs_name_check(name, 254), 0);

    name[192] = 62;
    name[255] = 0;
    assert_int_equal(rs_name_check(name, sizeof(name)), 0);

    uint8_t long_label[70] = {64};
    assert_int_equal(rs_name_check(long_label, sizeof(long_label)), 0);
}

/* A plain name has no pointers; a reader of stored bytes relies on it. */
static void check_refuses_pointers_reserved_labels_and_missing_ends(void **state)
{
    (void)state;
    assert_int_equal(rs_name_check((const uint8_t *)"\xC0\x00", 2), 0);
    assert_int_equal(rs_name_check((const uint8_t *)"\x40\x00", 2), 0);
    assert_int_equal(rs_name_check((const uint8_t *)"\x80\x00", 2), 0);
    assert_int_equal(rs_name_check((const uint8_t *)"\x01"
                                                    "a",
                                   2),
                     0);
    assert_int_equal(rs_name_check((const uint8_t *)"", 0), 0);
    assert_int_equal(rs_name_check((const uint8_t *)"\0", 1), 1);
}

static void size_and_labels_count_the_root_right(void **state)
{
    (void)state;
    struct rs_name name;
    assert_int_equal(rs_name_size(wire(&name, ".")), 1);
    assert_int_equal(rs_name_labels(name.wire), 0);
    assert_true(rs_name_is_root(name.wire));
    assert_int_equal(rs_name_size(wire(&name, "www.example.com.")), 17);
    assert_int_equal(name.size, 17);
    assert_int_equal(rs_name_labels(name.wire), 3);
    assert_false(rs_name_is_root(name.wire));
}

/* RFC4343-3: ASCII letters only; byte 0xC1 and 0xE1 differ though Latin-1 calls them a pair. */
static void equality_ignores_the_case_of_ascii_letters_only(void **state)
{
    (void)state;
    assert_true(rs_name_equal((const uint8_t *)"\3wWw\0", (const uint8_t *)"\3WwW\0"));
    assert_false(rs_name_equal((const uint8_t *)"\1\xC1\0", (const uint8_t *)"\1\xE1\0"));
    assert_false(rs_name_equal((const uint8_t *)"\1[\0", (const uint8_t *)"\1{\0"));
    assert_false(rs_name_equal((const uint8_t *)"\1a\0", (const uint8_t *)"\1a\1b\0"));
}

/* RFC4034-6.1 gives this very order as its example. */
static void compare_follows_the_canonical_order_of_the_rfc(void **state)
{
    (void)state;
    static const char *const sorted[] = {
        "\7example\0",        "\1a\7example\0",       "\10yljkjljk\1a\7example\0",
        "\1Z\1a\7example\0",  "\4zABC\1a\7EXAMPLE\0", "\1z\7example\0",
        "\1\1\1z\7example\0", "\1*\1z\7example\0",    "\1\200\1z\7example\0"};

    for (unsigned i = 0; i < RT_ARRAY_COUNT(sorted); i++) {
        for (unsigned j = 0; j < RT_ARRAY_COUNT(sorted); j++) {
            int order = rs_name_compare((const uint8_t *)sorted[i], (const uint8_t *)sorted[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
}

/* "badexample.com" must never count as below "example.com". */
static void under_means_at_a_label_boundary(void **state)
{
    (void)state;
    struct rs_name name, zone;
    assert_true(rs_name_is_under(wire(&name, "a.example.com."), wire(&zone, "example.com.")));
    assert_true(rs_name_is_under(wire(&name, "EXAMPLE.com."), wire(&zone, "example.com.")));
    assert_true(rs_name_is_under(wire(&name, "com."), wire(&zone, ".")));
    assert_false(rs_name_is_under(wire(&name, "badexample.com."), wire(&zone, "example.com.")));
    assert_false(rs_name_is_under(wire(&name, "com."), wire(&zone, "example.com.")));

    /* Bytes that look like the zone, inside of a label. */
    const uint8_t trap[] = "\013a\7example\1z\3com\0";
    assert_true(rs_name_check(trap, sizeof(trap)) > 0);
    assert_false(rs_name_is_under(trap, (const uint8_t *)"\7example\3com\0"));
}

static void parent_stops_at_the_root(void **state)
{
    (void)state;
    struct rs_name name;
    wire(&name, "a.b.c.");
    assert_ptr_equal(rs_name_parent(name.wire, 0), name.wire);
    assert_memory_equal(rs_name_parent(name.wire, 2), "\1c\0", 3);
    assert_true(rs_name_is_root(rs_name_parent(name.wire, 3)));
    assert_true(rs_name_is_root(rs_name_parent(name.wire, 100)));
}

static void common_counts_labels_from_the_root(void **state)
{
    (void)state;
    struct rs_name a, b;
    assert_int_equal(rs_name_common(wire(&a, "x.example.com."), wire(&b, "y.Example.COM.")), 2);
    assert_int_equal(rs_name_common(wire(&a, "example.com."), wire(&b, "example.net.")), 0);
    assert_int_equal(rs_name_common(wire(&a, "com."), wire(&b, "a.com.")), 1);
    assert_int_equal(rs_name_common(wire(&a, "."), wire(&b, "a.com.")), 0);
}

/* RFC6672-2.2, with the examples of its table 1. */
static void substitute_replaces_the_suffix_of_names_below_only(void **state)
{
    (void)state;
    struct rs_name name, from, to, out;
    char text[RS_NAME_TEXT_BYTES];

    wire(&from, "example.com.");
    wire(&to, "example.net.");
    assert_int_equal(rs_name_substitute(wire(&name, "com."), from.wire, to.wire, &out),
                     RT_NOT_FOUND);
    assert_int_equal(rs_name_substitute(wire(&name, "example.com."), from.wire, to.wire, &out),
                     RT_NOT_FOUND);
    assert_int_equal(rs_name_substitute(wire(&name, "a.b.example.com."), from.wire, to.wire, &out),
                     RT_OK);
    assert_string_equal(rs_name_text(out.wire, text), "a.b.example.net.");
    assert_int_equal(
        rs_name_substitute(wire(&name, "ab.example.com."), from.wire, wire(&to, "."), &out), RT_OK);
    assert_string_equal(rs_name_text(out.wire, text), "ab.");
    assert_int_equal(out.size, 4);
}

/* RFC6672-2.2: a result over 255 octets is YXDOMAIN, never a cut name. */
static void substitute_refuses_results_that_are_too_long(void **state)
{
    (void)state;
    struct rs_name name, from, to, out;
    uint8_t target[255];
    memset(target, 'a', sizeof(target));
    target[0] = target[64] = target[128] = 63;
    target[192] = 59; /* 253 octets */
    target[252] = 0;
    rs_name_copy(&to, target);
    wire(&from, "com.");
    assert_int_equal(rs_name_substitute(wire(&name, "a.com."), from.wire, to.wire, &out), RT_OK);
    assert_int_equal(out.size, 255);
    assert_int_equal(rs_name_substitute(wire(&name, "ab.com."), from.wire, to.wire, &out), RT_FULL);
}

static void wildcard_stands_in_front_if_there_is_room(void **state)
{
    (void)state;
    struct rs_name name, out;
    assert_int_equal(rs_name_wildcard(wire(&name, "example."), &out), RT_OK);
    assert_memory_equal(out.wire, "\1*\7example\0", 11);
    assert_int_equal(out.size, 11);

    memset(name.wire, 'a', sizeof(name.wire));
    name.wire[0] = name.wire[64] = name.wire[128] = 63;
    name.wire[192] = 60;
    name.wire[253] = 0;
    assert_int_equal(rs_name_wildcard(name.wire, &out), RT_FULL);
}

/* Names go into logs and JSON: no control byte may come through (security.md J3). */
static void text_escapes_odd_bytes_and_parses_back(void **state)
{
    (void)state;
    char text[RS_NAME_TEXT_BYTES];
    const uint8_t odd[] = "\5a.b\n\0\3com\0";
    struct rs_name back;

    rs_name_text(odd, text);
    for (const char *at = text; *at != '\0'; at++) {
        assert_in_range((unsigned char)*at, 0x21, 0x7e);
    }
    assert_int_equal(rs_name_parse(text, &back), RT_OK);
    assert_memory_equal(back.wire, odd, sizeof(odd) - 1);
    assert_string_equal(rs_name_text((const uint8_t *)"", text), ".");
}

/* 255 octets of the most expensive bytes still fit the promised room. */
static void text_of_the_longest_name_fits(void **state)
{
    (void)state;
    char text[RS_NAME_TEXT_BYTES];
    struct rs_name name, back;
    memset(name.wire, 1, sizeof(name.wire));
    name.wire[0] = name.wire[64] = name.wire[128] = 63;
    name.wire[192] = 61;
    name.wire[254] = 0;
    rs_name_text(name.wire, text);
    assert_int_equal(rs_name_parse(text, &back), RT_OK);
    assert_memory_equal(back.wire, name.wire, 255);
}

static void parse_lowers_and_refuses_what_is_no_name(void **state)
{
    (void)state;
    struct rs_name name;
    assert_int_equal(rs_name_parse("WWW.Example", &name), RT_OK);
    assert_memory_equal(name.wire, "\3www\7example\0", 13);
    static const char *const wrong[] = {
        "",
        "..",
        "a..b",
        ".a",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.",
        "a\\",
        "a\\999"};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(wrong); i++) {
        assert_int_equal(rs_name_parse(wrong[i], &name), RT_MALFORMED);
    }
}

/* 0x20: each letter takes one bit, other bytes take none. */
static void mix_case_flips_letters_by_the_bits(void **state)
{
    (void)state;
    uint8_t name[] = "\5a-b1C\0";
    const uint8_t bits[32] = {0x05};
    rs_name_mix_case(name, bits);
    assert_memory_equal(name, "\5A-b1c\0", 7);
    rs_name_lower(name);
    assert_memory_equal(name, "\5a-b1c\0", 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_accepts_the_longest_label_and_name_and_not_more),
        cmocka_unit_test(check_refuses_pointers_reserved_labels_and_missing_ends),
        cmocka_unit_test(size_and_labels_count_the_root_right),
        cmocka_unit_test(equality_ignores_the_case_of_ascii_letters_only),
        cmocka_unit_test(compare_follows_the_canonical_order_of_the_rfc),
        cmocka_unit_test(under_means_at_a_label_boundary),
        cmocka_unit_test(parent_stops_at_the_root),
        cmocka_unit_test(common_counts_labels_from_the_root),
        cmocka_unit_test(substitute_replaces_the_suffix_of_names_below_only),
        cmocka_unit_test(substitute_refuses_results_that_are_too_long),
        cmocka_unit_test(wildcard_stands_in_front_if_there_is_room),
        cmocka_unit_test(text_escapes_odd_bytes_and_parses_back),
        cmocka_unit_test(text_of_the_longest_name_fits),
        cmocka_unit_test(parse_lowers_and_refuses_what_is_no_name),
        cmocka_unit_test(mix_case_flips_letters_by_the_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
