/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "tests/unit/lua/config.h"

static void constants_are_bytes_and_milliseconds(void **state)
{
    struct config *config = *state;
    config_true(config, "kB == 1024 and KB == kB and MB == 1048576 and GB == 1073741824");
    config_true(config, "sec == 1000 and second == sec and min == 60000 and minute == min");
    config_true(config, "hour == 3600000 and day == 86400000");
    config_true(config, "LOG_CRIT == 2 and LOG_ERR == 3 and LOG_WARNING == 4 and LOG_NOTICE == 5");
    config_true(config, "LOG_INFO == 6 and LOG_DEBUG == 7");
}

/* Any letter case; the fields of the resolver follow. */
static void options_set_the_resolver(void **state)
{
    struct config *config = *state;
    struct rs_config *resolver = &config->settings.resolver;
    config_true(config, "option('no_minimize', true) == true and option('NO_0x20') == false");
    assert_false(resolver->minimize);
    config_ok(config, "option('NO_MINIMIZE', false) option('NO_0X20', true) option('TCP', true)");
    assert_true(resolver->minimize && !resolver->mix_case && resolver->always_tcp);
    config_ok(config,
              "option('SAFEMODE', true) option('NO_CACHE', true) option('ALLOW_LOCAL', true)");
    assert_true(!resolver->use_edns && !resolver->use_cache && resolver->allow_local);
    config_ok(config, "option('NO_IPV4', true)");
    assert_false(resolver->use_ipv4);
    config_true(config,
                "option('STRICT', true) and mode() == 'strict' and not option('PERMISSIVE')");
    config_true(config, "option('STRICT', false) == false and mode() == 'normal'");
    config_true(config, "option('RESOLVED') == false");
    config_fails(config, "option('NO_SUCH')", 1, "option: invalid option name: NO_SUCH");
    config_fails(config, "option('TCP', 1)", 1, "option: invalid option value: 1");
    config_fails(config, "option('CNAME', true)", 1, "cannot be set for all questions");
    config_fails(config, "option()", 1, "invalid option name");
}

static void mode_chooses_glue(void **state)
{
    struct config *config = *state;
    config_true(config, "mode() == 'normal' and mode('permissive') == 'permissive'");
    assert_int_equal(config->settings.resolver.glue_mode, RS_GLUE_PERMISSIVE);
    config_fails(config, "mode('loose')", 1, "unsupported mode: loose; choose");
    config_fails(config, "mode({})", 1, "unsupported mode: table");
}

static void names_and_hostname(void **state)
{
    struct config *config = *state;
    config_true(config,
                "todname('Example.COM') == '\\7example\\3com\\0' and todname('.') == '\\0'");
    config_true(config, "todname('a..b') == nil and todname(7) == nil and todname('a\\0b') == nil");
    config_true(config, "kres.str2dname('x') == todname('x.')");
    config_true(config, "#hostname() > 0 and hostname('dns.example.com') == 'dns.example.com'");
    assert_string_equal(config->settings.hostname, "dns.example.com");
    config_fails(config, "hostname('a..b')", 1, "'a..b' is not a domain name");
    config_fails(config, "hostname('a', 'b')", 1, "hostname: too many arguments");
}

static void worker_and_environment_are_readable(void **state)
{
    struct config *config = *state;
    setenv("TROUPE_TEST", "yes", 1);
    config_true(config, "env.TROUPE_TEST == 'yes' and env.TROUPE_TEST_NOT == nil");
    config_true(config, "worker.id == 0 and worker.count == 2 and worker.pid > 1");
    config_true(config, "worker.cwd:sub(1, 1) == '/' and worker.stats().rss > 0");
    config_fails(config, "env.X = 1", 1, "the environment is read only");
    config_fails(config, "worker.idd = 1", 1, "worker.idd: no such option");
    config_fails(config, "local x = worker.threads", 1, "worker.threads: no such option");
}

static void verbose_and_messages(void **state)
{
    struct config *config = *state;
    config_true(config, "verbose() == false and verbose(true) == true");
    assert_true(config->settings.verbose);
    config_ok(config, "verbose(false) log('%s %d', 'one', 1) warn('two')");
    config_fails(config, "verbose(1)", 1, "verbose: expected a boolean");
    config_fails(config, "\npanic('no %s', 'disk')", 2, "error: no disk");
    config_fails(config, "log()", 1, "log: nothing to say");
    config_true(config, "package_version() == '" TROUPE_VERSION "' and #moduledir() > 0");
    config_true(config, "moduledir('/x') == '/x' and moduledir() == '/x'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(constants_are_bytes_and_milliseconds),
        CONFIG_TEST(options_set_the_resolver),
        CONFIG_TEST(mode_chooses_glue),
        CONFIG_TEST(names_and_hostname),
        CONFIG_TEST(worker_and_environment_are_readable),
        CONFIG_TEST(verbose_and_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
