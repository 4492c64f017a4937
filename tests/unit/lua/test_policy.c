/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "tests/unit/lua/config.h"

static void all_and_suffix_become_forwards(void **state)
{
    struct config *config = *state;
    const struct rs_config *resolver = &config->settings.resolver;
    config_ok(
        config,
        "policy.add(policy.suffix(policy.STUB('192.0.2.1@5353'), {todname('Corp.example')}))\n"
        "policy:add(policy.suffix(policy.FORWARD({'192.0.2.2'}), "
        "policy.todnames({'a.test', 'b.test'})))\n"
        "assert(policy.add(policy.all(policy.FORWARD({'192.0.2.3', '2001:db8::3'}))).id == 3)");
    assert_int_equal(resolver->forwards_count, 4);
    assert_int_equal(resolver->forwards[0].mode, RS_FORWARD_STUB);
    assert_int_equal(resolver->forwards[0].addrs[0].port, 5353);
    assert_memory_equal(resolver->forwards[0].name.wire, "\4corp\7example", 14);
    assert_int_equal(resolver->forwards[3].name.size, 1);
    assert_int_equal(resolver->forwards[3].addrs_count, 2);
    assert_int_equal(resolver->forwards[3].addrs[1].port, 53);
}

/* The first rule that fits decides; one that cannot be reached must not win by its length. */
static void rule_below_an_earlier_one_is_left_out(void **state)
{
    struct config *config = *state;
    config_ok(config, "policy.add(policy.all(policy.FORWARD('192.0.2.1')))\n"
                      "policy.add(policy.suffix(policy.STUB('192.0.2.2'), {todname('x')}))");
    assert_int_equal(config->settings.resolver.forwards_count, 1);
}

static void mistakes_are_named(void **state)
{
    struct config *config = *state;
    config_fails(config, "policy.FORWARD({})", 1, "policy.FORWARD: no target");
    config_fails(config, "policy.FORWARD({'192.0.2.1','192.0.2.2','192.0.2.3','192.0.2.4','192.0.2.5'})", 1,
                 "at most 4 FORWARD targets are supported"); /* POLICY-9 */
    config_fails(config, "policy.STUB('example.com')", 1,
                 "target 'example.com' is not a valid IP address");
    config_fails(config, "policy.STUB(7)", 1, "target 'number' is not a valid IP address");
    config_fails(config, "\npolicy.add(policy.all(policy.DENY))", 2,
                 "policy.DENY is not available in this version");
    config_fails(config, "policy.all(7)", 1, "policy.all: expected an action");
    config_fails(config, "policy.add(function () end)", 1, "policy.add: expected a rule");
    config_fails(config, "policy.suffix(policy.STUB('::1'), {})", 1, "policy.suffix: no names");
    config_fails(config, "policy.add(policy.suffix(policy.STUB('::1'), {'example.com'}))", 1,
                 "a name is not in wire form");
    config_fails(config, "policy.todnames(1)", 1, "policy.todnames: expected a list");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(all_and_suffix_become_forwards),
        CONFIG_TEST(rule_below_an_earlier_one_is_left_out),
        CONFIG_TEST(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
