/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "resolver/config.h"

static struct rs_config config;

static bool is_forbidden(const char *text)
{
    struct rt_addr addr;
    assert_int_equal(rt_addr_parse(text, 53, &addr), RT_OK);
    return rs_config_is_forbidden_server(&config, &addr);
}

/* RFC6890-2.2: glue must not point us at ourselves or our neighbours (security.md B6). */
static void special_addresses_are_nobodys_servers(void **state)
{
    static const char *const addrs[] = {
        "0.0.0.0",
        "0.255.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.0.1",
        "192.0.0.0",
        "192.0.0.255",
        "224.0.0.0",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:192.0.2.1",
        "100::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ffff::1",
        "64:ff9b::7f00:1",
        "64:ff9b::e000:1",
        "2002:7f00:1::1",
        "2002:0:1::",
    };
    (void)state;
    rs_config_init(&config);
    for (unsigned i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
        assert_true(is_forbidden(addrs[i]));
    }
}

/* The neighbours of those ranges, private networks, and what carries a good IPv4 address. */
static void other_addresses_may_be_servers(void **state)
{
    static const char *const addrs[] = {
        "1.0.0.0",     "126.255.255.255", "128.0.0.1",         "169.253.0.1",      "169.255.0.1",
        "191.255.0.1", "192.0.1.0",       "192.0.2.1",         "223.255.255.255",  "10.0.0.1",
        "172.16.0.1",  "192.168.1.1",     "100.64.0.1",        "2001:db8::1",      "101::1",
        "fd00::1",     "fe00::1",         "64:ff9b::c000:201", "2002:c000:201::1", "::1:0:0:1",
    };
    (void)state;
    rs_config_init(&config);
    for (unsigned i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
        assert_false(is_forbidden(addrs[i]));
    }
}

/* option('ALLOW_LOCAL') is for laboratories on one host. */
static void allow_local_opens_loopback_and_nothing_else(void **state)
{
    (void)state;
    rs_config_init(&config);
    config.allow_local = true;
    assert_false(is_forbidden("127.0.0.1") || is_forbidden("::1") || is_forbidden("169.254.1.1"));
    assert_true(is_forbidden("0.0.0.0") && is_forbidden("::") && is_forbidden("ff02::1"));
    assert_true(is_forbidden("::ffff:127.0.0.1") && is_forbidden("64:ff9b::7f00:1"));
}

/* A family that is off has no servers at all. */
static void families_that_are_off_are_forbidden(void **state)
{
    (void)state;
    rs_config_init(&config);
    config.use_ipv6 = false;
    assert_true(is_forbidden("2001:db8::1"));
    config.use_ipv4 = false;
    assert_true(is_forbidden("192.0.2.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_addresses_are_nobodys_servers),
        cmocka_unit_test(other_addresses_may_be_servers),
        cmocka_unit_test(allow_local_opens_loopback_and_nothing_else),
        cmocka_unit_test(families_that_are_off_are_forbidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
