/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "tests/unit/lua/config.h"

/* HINTS-8 */
static void root_replaces_the_set_and_returns_it(void **state)
{
    struct config *config = *state;
    config_ok(config, "local now = hints.root({ ['l.root-servers.net.'] = '192.0.2.42' })\n"
                      "assert(#now['l.root-servers.net.'] == 1)");
    assert_int_equal(config->settings.resolver.hints.count, 1);
    assert_int_equal(config->settings.resolver.hints.items[0].addrs[0].port, 53);
    config_true(config, "hints.root()['l.root-servers.net.'][1] == '192.0.2.42'");
    config_ok(config, "hints.root({ J = { '2001:db8:c27::2:30', '192.0.2.30@5353', 'junk' },"
                      "             ['a..b'] = '192.0.2.1', [7] = '192.0.2.1' })");
    config_true(config,
                "hints.root()['j.'][2] == '192.0.2.30@5353' and #hints.root()['j.'] == 2");
    assert_int_equal(config->settings.resolver.hints.count, 1);
    config_ok(config, "hints.root({})");
    assert_int_equal(config->settings.resolver.hints.count, 0);
}

static void root_refuses_what_has_no_room(void **state)
{
    struct config *config = *state;
    config_fails(config,
                 "local t = {} for i = 1, 33 do t['n' .. i] = '192.0.2.1' end hints.root(t)", 1,
                 "more than 32 names");
    config_fails(config, "hints.root('192.0.2.1')", 1, "hints.root: expected a table");
    config_fails(config, "hints.set('a 192.0.2.1')", 1,
                 "hints.set: static hints are not available");
    config_fails(config, "hints['foo.bar'] = '127.0.0.1'", 1, "hints.foo.bar: no such option");
}

/* HINTS-9: the old set survives. */
static void root_file_reads_addresses_or_keeps_the_old_set(void **state)
{
    struct config *config = *state;
    char path[] = "/tmp/troupe-hints-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    fputs("; root hints\n. 3600000 NS A.ROOT-SERVERS.NET.\n"
          "A.ROOT-SERVERS.NET. 3600000 A 192.0.2.4\n"
          "A.ROOT-SERVERS.NET. 3600000 AAAA 2001:db8:ba3e::2:30\n",
          file);
    fclose(file);

    char text[256];
    snprintf(text, sizeof(text), "assert(hints.root_file('%s') == '')", path);
    config_ok(config, text);
    remove(path);
    config_true(config, "hints.root()['a.root-servers.net.'][2] == '2001:db8:ba3e::2:30'");
    config_fails(config, "hints.root_file('/nonexistent')", 1,
                 "error when opening '/nonexistent': No such file or directory");
    config_fails(config, "hints.root_file('/dev/zero')", 1, "not a regular file");
    config_fails(config, "hints.root_file({})", 1, "expected a path");
    assert_int_equal(config->settings.resolver.hints.count, 1);
}

/* Without a path: the compiled-in hints, thirteen names with both families. */
static void root_file_without_path_gives_the_shipped_hints(void **state)
{
    struct config *config = *state;
    config_true(config, "hints.root_file() == ''");
    assert_int_equal(config->settings.resolver.hints.count, 13);
    for (unsigned i = 0; i < 13; i++) {
        assert_int_equal(config->settings.resolver.hints.items[i].addrs_count, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(root_replaces_the_set_and_returns_it),
        CONFIG_TEST(root_refuses_what_has_no_room),
        CONFIG_TEST(root_file_reads_addresses_or_keeps_the_old_set),
        CONFIG_TEST(root_file_without_path_gives_the_shipped_hints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
