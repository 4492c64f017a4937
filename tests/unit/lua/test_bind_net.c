/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "tests/unit/lua/config.h"

/* CORE-1 (plain DNS part): the sugar is how every configuration begins. */
static void table_sugar_listens_on_each_address(void **state)
{
    struct config *config = *state;
    config_ok(config, "net = { '127.0.0.1', '::1' }");
    assert_int_equal(config->settings.listens_count, 2);
    assert_int_equal(config->settings.listens[0].addr.port, 53);
    assert_int_equal(config->settings.listens[0].addr.family, 4);
    assert_int_equal(config->settings.listens[1].addr.family, 6);
    assert_true(config->settings.listens[1].udp && config->settings.listens[1].tcp);
    assert_int_equal(config->probes, 2);
}

/* Lists in lists, interface tables and ports are one call in the examples of the peer's manual. */
static void listen_takes_nested_lists_and_interfaces(void **state)
{
    struct config *config = *state;
    config_true(config, "net.listen({ { '127.0.0.1' }, { { '127.0.0.2' } } }, 5353) == true");
    assert_int_equal(config->settings.listens_count, 2);
    assert_int_equal(config->settings.listens[1].addr.port, 5353);
    config_ok(config, "net.listen(net.lo, 5354)");
    assert_true(config->settings.listens_count > 2);
    config_ok(config, "net = { net.lo, ipv6 = false }");
    assert_false(config->settings.resolver.use_ipv6);
    config_ok(config, "net.listen('127.0.0.9@99')");
    config_true(config, "net.list()['127.0.0.9'].port == 99");
}

/* Scripts that run twice must not open a second socket. */
static void pair_that_listens_already_is_left_alone(void **state)
{
    struct config *config = *state;
    config_ok(config, "net.listen('127.0.0.1', 5353) net.listen('127.0.0.1', 5353)");
    assert_int_equal(config->settings.listens_count, 1);
    assert_int_equal(config->probes, 1);
}

/* CORE-2: a bad address is an error, and other listeners live. */
static void bad_address_is_an_error_and_others_live(void **state)
{
    struct config *config = *state;
    config_fails(config, "net = { '127.0.0.1' }\nnet.listen('300.1.1.1')", 2,
                 "net.listen: '300.1.1.1' is not an IP address");
    assert_int_equal(config->settings.listens_count, 1);
    config_fails(config, "net.listen()", 1, "wrong number of arguments");
    config_fails(config, "net.listen('::1', 53, {}, 4)", 1, "wrong number of arguments");
    config_fails(config, "net.listen(42)", 1, "bad type for address: number");
    config_fails(config, "net.listen(nil)", 1, "bad type for address: nil");
    config_fails(config, "\n\nnet.listen('::1', 0)", 3, "net.listen port");
    config_fails(config, "net.listen('::1', 70000)", 1, "net.listen port");
    config_fails(config, "net.listen('::1', 53, 'tls')", 1, "flags must be a table");
    config_fails(config, "net.listen('::1', 53, { udp = true })", 1, "unknown flag 'udp'");
    config_fails(config, "net.listen('::1', 53, { kind = 'webmgmt' })", 1, "kind 'webmgmt'");
    config_fails(config, "net.listen('::1', 853)", 1, "DNS over TLS is not available");
    config_fails(config, "local t = {} t[1] = t net.listen(t)", 1, "nested too deeply");
}

/* The operator must learn at once which line cannot be bound, and what to do. */
static void failure_to_bind_names_the_line_and_the_remedy(void **state)
{
    struct config *config = *state;
    config->probe_status = RT_IN_USE;
    config_fails(config, "\nnet.listen('127.0.0.1', 5353)", 2,
                 "failed to bind 127.0.0.1@5353: another program has it");
    config->probe_status = RT_DENIED;
    config_fails(config, "net.listen('127.0.0.1')", 1, "CAP_NET_BIND_SERVICE");
    config->probe_status = RT_NO_ROUTE;
    config_fails(config, "net.listen('192.0.2.1')", 1, "no such address");
    config->probe_status = RT_NO_MEMORY;
    config_fails(config, "net.listen('127.0.0.1')", 1, "failed to bind");
    assert_int_equal(config->settings.listens_count, 0);
}

/* DECIDE-22: a list, with access by address. */
static void list_shows_both_transports_and_close_takes_them_away(void **state)
{
    struct config *config = *state;
    config_ok(config, "net.listen({'127.0.0.1', '::1'}, 5353) net.listen('::1', 5354)");
    config_true(config, "#net.list() == 6 and net.list()[1].kind == 'dns'");
    config_true(config, "net.list()[1].transport.family == 'inet4' and "
                        "net.list()[1].transport.ip == '127.0.0.1' and "
                        "net.list()[1].transport.port == 5353 and "
                        "net.list()[1].transport.protocol == 'udp' and "
                        "net.list()[2].transport.protocol == 'tcp'");
    config_true(config, "net.list()['::1'].tcp == true and net.list()['::1'].tls == false and "
                        "net.list()['::1'].port == 5353 and net.list()['192.0.2.1'] == nil");
    config_true(config, "net.close('127.0.0.1', 99) == false and net.close('127.0.0.1', 5353)");
    config_true(config, "net.close('::1') and #net.list() == 0 and not net.close('::1')");
    assert_int_equal(config->forgets, 3);
    config_fails(config, "net.close()", 1, "wrong number of arguments");
    config_fails(config, "net.close('x')", 1, "is not an IP address");
}

static void interfaces_are_shown_and_unknown_ones_are_errors(void **state)
{
    struct config *config = *state;
    config_true(config, "net.interfaces().lo.addr[1] ~= nil and net.lo.addr[1] ~= nil");
    config_fails(config, "net.listen(net.eth99)", 1, "net.eth99: no such option");
    config_fails(config, "net.lissen = 1", 1, "net.lissen: no such option; net has allow, bufsize");
}

/* CORE-3. Both directions follow one number, as the older manual has it. */
static void bufsize_keeps_its_range(void **state)
{
    struct config *config = *state;
    config_fails(config, "net.bufsize(100)", 1, "net.bufsize: expected a whole number; give one");
    config_fails(config, "net.bufsize(65536)", 1, "from 512 to 65535");
    config_fails(config, "net.bufsize('x')", 1, "from 512 to 65535");
    config_fails(config, "net.bufsize(1000.5)", 1, "from 512 to 65535");
    config_fails(config, "net.bufsize(512, 600, 700)", 1, "too many arguments");
    config_true(config, "select('#', net.bufsize()) == 2 and net.bufsize() == 1232");
    config_ok(config, "net.bufsize(4096)");
    assert_int_equal(config->settings.resolver.payload_up, 4096);
    config_ok(config, "net.bufsize(1400, 512)");
    assert_int_equal(config->settings.resolver.payload_down, 1400);
    assert_int_equal(config->settings.resolver.payload_up, 512);
    config_ok(config, "net.bufsize = 1232");
    assert_int_equal(config->settings.resolver.payload_up, 1232);
}

/* CORE-4, the configuration's part: no server of the family is asked. */
static void families_are_switched_by_assignment(void **state)
{
    struct config *config = *state;
    config_true(config, "net.ipv4 and net.ipv6");
    config_ok(config, "net.ipv6 = false");
    assert_false(config->settings.resolver.use_ipv6);
    config_true(config, "option('NO_IPV6') and not net.ipv6");
    config_fails(config, "net.ipv4 = 'no'", 1, "net.ipv4: expected a boolean");
}

static void outgoing_addresses_are_set_read_and_reset(void **state)
{
    struct config *config = *state;
    config_true(config, "net.outgoing_v4() == nil and net.outgoing_v4('192.0.2.1') == '192.0.2.1'");
    config_true(config, "net.outgoing_v6('2001:db8::1') == '2001:db8::1'");
    assert_int_equal(config->settings.outgoing_v4.family, 4);
    config_ok(config, "net.outgoing_v4(nil)");
    assert_int_equal(config->settings.outgoing_v4.family, 0);
    config_fails(config, "net.outgoing_v4('::1')", 1, "give an IPv4 address without port");
    config_fails(config, "net.outgoing_v6('::1@53')", 1, "give an IPv6 address without port");
    config_fails(config, "net.outgoing_v6(7)", 1, "bad type for address");
}

static void tcp_limits_are_properties(void **state)
{
    struct config *config = *state;
    config_true(config, "net.tcp_pipeline() == 100 and net.tcp_pipeline(50) == 50");
    config_true(config, "net.tcp_in_idle() == 10000 and net.tcp_in_idle(5*sec) == 5000");
    assert_int_equal(config->settings.tcp_pipeline, 50);
    assert_int_equal(config->settings.tcp_idle_ms, 5000);
    config_fails(config, "net.tcp_pipeline(-1)", 1, "net.tcp_pipeline");
    config_fails(config, "net.tcp_pipeline(65536)", 1, "from 0 to 65535");
    config_fails(config, "net.tcp_in_idle(0)", 1, "net.tcp_in_idle");
}

/* RFC5358-4: an open resolver amplifies attacks; who is served is a list with a safe default. */
static void allow_replaces_the_list_of_clients(void **state)
{
    struct config *config = *state;
    config_true(config, "#net.allow() == 9");
    config_ok(config, "net.allow{'203.0.113.0/24', '2001:db8::/32', '198.51.100.7'}");
    assert_int_equal(config->settings.acl_count, 3);
    config_true(config,
                "net.allow()[1] == '203.0.113.0/24' and net.allow()[3] == '198.51.100.7/32'");
    config_fails(config, "net.allow{'10.0.0.0/33'}", 1, "'10.0.0.0/33' is not a prefix");
    config_fails(config, "net.allow('10.0.0.0/8')", 1, "expected a list");
    config_fails(config, "local t = {} for i = 1, 65 do t[i] = '::1' end net.allow(t)", 1,
                 "65 prefixes");
    assert_int_equal(config->settings.acl_count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(table_sugar_listens_on_each_address),
        CONFIG_TEST(listen_takes_nested_lists_and_interfaces),
        CONFIG_TEST(pair_that_listens_already_is_left_alone),
        CONFIG_TEST(bad_address_is_an_error_and_others_live),
        CONFIG_TEST(failure_to_bind_names_the_line_and_the_remedy),
        CONFIG_TEST(list_shows_both_transports_and_close_takes_them_away),
        CONFIG_TEST(interfaces_are_shown_and_unknown_ones_are_errors),
        CONFIG_TEST(bufsize_keeps_its_range),
        CONFIG_TEST(families_are_switched_by_assignment),
        CONFIG_TEST(outgoing_addresses_are_set_read_and_reset),
        CONFIG_TEST(tcp_limits_are_properties),
        CONFIG_TEST(allow_replaces_the_list_of_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
