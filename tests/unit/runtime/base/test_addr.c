/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/addr.h"

static void same(const char *text, const char *expected)
{
    struct rt_addr addr;
    char back[RT_ADDR_TEXT_BYTES];
    assert_int_equal(rt_addr_parse(text, 0, &addr), RT_OK);
    assert_string_equal(rt_addr_format(&addr, back), expected);
}

/* Addresses in the log can be pasted into the configuration. */
static void text_survives_the_way_there_and_back(void **state)
{
    (void)state;
    same("192.0.2.1", "192.0.2.1");
    same("192.0.2.1@5353", "192.0.2.1@5353");
    same("2001:DB8::1", "2001:db8::1");
    same("2001:db8:0:0:0:0:0:1@65535", "2001:db8::1@65535");
    same("fe80::1%2@53", "fe80::1%2@53");
    same("fe80::1%4294967295", "fe80::1%4294967295");
}

/* The longest text there is fits RT_ADDR_TEXT_BYTES. */
static void longest_address_fits(void **state)
{
    (void)state;
    same("1111:2222:3333:4444:5555:6666:255.255.255.255%4294967295@65535",
         "1111:2222:3333:4444:5555:6666:ffff:ffff%4294967295@65535");
}

/* The port of an option is the one after @, else the option's standard. */
static void port_in_the_text_wins_over_the_standard(void **state)
{
    (void)state;
    struct rt_addr addr;
    assert_int_equal(rt_addr_parse("192.0.2.1", 53, &addr), RT_OK);
    assert_int_equal(addr.port, 53);
    assert_int_equal(addr.family, 4);
    assert_int_equal(rt_addr_parse("::1@853", 53, &addr), RT_OK);
    assert_int_equal(addr.port, 853);
    assert_int_equal(addr.family, 6);
}

/* A configuration that is wrong must be told so, not be guessed at. */
static void anything_else_is_malformed_and_leaves_the_result_alone(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "@53",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.1@",
        "192.0.2.1@65536",
        "192.0.2.1@-1",
        "192.0.2.1@ 53",
        "192.0.2.1@5 3",
        " 192.0.2.1",
        "192.0.2.1 ",
        "192.0.2.1%1",
        "fe80::1%",
        "fe80::1%eth0",
        "fe80::1%4294967296",
        "::1@53@54",
        "example.com",
        "[::1]@53",
        ":::",
        "192.0.2.1/32",
        "1111:2222:3333:4444:5555:6666:255.255.255.255%4294967295@000000065535",
    };
    struct rt_addr addr = {.port = 99};
    for (size_t i = 0; i < RT_ARRAY_COUNT(wrong); i++) {
        assert_int_equal(rt_addr_parse(wrong[i], 53, &addr), RT_MALFORMED);
        assert_int_equal(addr.port, 99);
    }
}

/* Reply acceptance compares address and port; server tables only the address. */
static void equality_counts_the_port_only_where_it_says_so(void **state)
{
    (void)state;
    struct rt_addr a, b;
    assert_int_equal(rt_addr_parse("192.0.2.1@53", 0, &a), RT_OK);
    assert_int_equal(rt_addr_parse("192.0.2.1@54", 0, &b), RT_OK);
    assert_false(rt_addr_equal(&a, &b));
    assert_true(rt_addr_equal_ip(&a, &b));
    b.port = 53;
    assert_true(rt_addr_equal(&a, &b));
    assert_int_equal(rt_addr_parse("::192.0.2.1@53", 0, &b), RT_OK);
    assert_false(rt_addr_equal_ip(&a, &b));
    assert_int_equal(rt_addr_parse("fe80::1%1@53", 0, &a), RT_OK);
    assert_int_equal(rt_addr_parse("fe80::1%2@53", 0, &b), RT_OK);
    assert_false(rt_addr_equal(&a, &b));
}

static bool within(const char *prefix_text, const char *addr_text)
{
    struct rt_prefix prefix;
    struct rt_addr addr;
    assert_int_equal(rt_prefix_parse(prefix_text, &prefix), RT_OK);
    assert_int_equal(rt_addr_parse(addr_text, 53, &addr), RT_OK);
    return rt_prefix_contains(&prefix, &addr);
}

/* Access lists and answer filters rest on this. */
static void prefix_contains_exactly_its_addresses(void **state)
{
    (void)state;
    assert_true(within("10.0.0.0/8", "10.255.255.255"));
    assert_false(within("10.0.0.0/8", "11.0.0.0"));
    assert_true(within("192.0.2.129/25", "192.0.2.255"));
    assert_false(within("192.0.2.129/25", "192.0.2.127"));
    assert_true(within("0.0.0.0/0", "255.255.255.255"));
    assert_false(within("0.0.0.0/0", "::1"));
    assert_true(within("::/0", "ffff::"));
    assert_true(within("2001:db8::/33", "2001:db8:7fff::"));
    assert_false(within("2001:db8::/33", "2001:db8:8000::"));
    assert_true(within("192.0.2.1", "192.0.2.1"));
    assert_false(within("192.0.2.1", "192.0.2.0"));
    assert_true(within("::1/128", "::1"));
    assert_false(within("::1", "::2"));
}

/* 10.1.2.3/8 is 10.0.0.0/8: two spellings of one prefix compare equal. */
static void host_bits_are_cleared(void **state)
{
    (void)state;
    struct rt_prefix prefix;
    assert_int_equal(rt_prefix_parse("10.1.2.3/9", &prefix), RT_OK);
    assert_int_equal(prefix.bits, 9);
    assert_int_equal(prefix.addr.ip[0], 10);
    assert_int_equal(prefix.addr.ip[1], 0);
    assert_int_equal(prefix.addr.ip[2] | prefix.addr.ip[3], 0);
}

static void prefix_with_wrong_length_is_malformed(void **state)
{
    (void)state;
    static const char *const wrong[] = {"10.0.0.0/33",   "::/129",      "10.0.0.0/",
                                        "10.0.0.0/-1",   "/8",          "10.0.0.0/8/8",
                                        "10.0.0.0@53/8", "fe80::1%1/64"};
    struct rt_prefix prefix;
    for (size_t i = 0; i < RT_ARRAY_COUNT(wrong); i++) {
        assert_int_equal(rt_prefix_parse(wrong[i], &prefix), RT_MALFORMED);
    }
}

/* A listener there has to ask where each datagram was sent to. */
static void the_addresses_of_all_are_known(void **state)
{
    (void)state;
    struct rt_addr addr;
    assert_int_equal(rt_addr_parse("0.0.0.0@53", 0, &addr), RT_OK);
    assert_true(rt_addr_is_any(&addr));
    assert_int_equal(rt_addr_parse("::", 53, &addr), RT_OK);
    assert_true(rt_addr_is_any(&addr));
    assert_int_equal(rt_addr_parse("::1", 53, &addr), RT_OK);
    assert_false(rt_addr_is_any(&addr));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_addresses_of_all_are_known),
        cmocka_unit_test(text_survives_the_way_there_and_back),
        cmocka_unit_test(longest_address_fits),
        cmocka_unit_test(port_in_the_text_wins_over_the_standard),
        cmocka_unit_test(anything_else_is_malformed_and_leaves_the_result_alone),
        cmocka_unit_test(equality_counts_the_port_only_where_it_says_so),
        cmocka_unit_test(prefix_contains_exactly_its_addresses),
        cmocka_unit_test(host_bits_are_cleared),
        cmocka_unit_test(prefix_with_wrong_length_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
