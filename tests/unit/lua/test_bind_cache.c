/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "tests/unit/lua/config.h"

/* CORE-5, and the same for every call that needs a cache. */
static void calls_before_opening_say_how_to_open(void **state)
{
    static const char *const calls[] = {"cache.clear('x.')", "cache.count()",     "cache.stats()",
                                        "cache.max_ttl()",   "cache.min_ttl(60)", "cache.get()",
                                        "cache.ns_tout()"};
    struct config *config = *state;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(calls); i++) {
        config_fails(config, calls[i], 1,
                     "no cache is open yet, use cache.open() or cache.size, etc.");
    }
    config_true(config, "cache.current_size == nil and cache.current_storage == nil");
    config_true(config, "cache.close() == false and cache.backends().lmdb == true");
}

static void open_takes_size_and_uri(void **state)
{
    struct config *config = *state;
    config_true(config, "cache.open(100*MB, 'lmdb:///tmp') == true");
    assert_true(config->settings.has_cache);
    assert_int_equal(config->settings.cache_bytes, 100 << 20);
    assert_string_equal(config->settings.cache_path, "/tmp");
    config_true(config, "cache.current_size == 100*MB and cache.current_storage == 'lmdb:///tmp'");
    config_true(config,
                "cache.count() == 0 and cache.stats().hit == 0 and cache.stats().read == 0");
    config_true(config, "cache.close() and not cache.close()");
    assert_false(config->settings.has_cache);
}

/* Sugar keeps the other value; 10 MB and the working folder are the defaults. */
static void size_and_storage_are_set_alone(void **state)
{
    struct config *config = *state;
    config_ok(config, "cache.storage = 'lmdb:///tmp'");
    assert_int_equal(config->settings.cache_bytes, 10 << 20);
    config_ok(config, "cache = { size = 20*MB }");
    assert_int_equal(config->settings.cache_bytes, 20 << 20);
    assert_string_equal(config->settings.cache_path, "/tmp");
    config_ok(config, "cache.close() cache.size = 1*GB");
    assert_string_equal(config->settings.cache_path, ".");
}

static void wrong_sizes_and_paths_are_errors(void **state)
{
    struct config *config = *state;
    config_fails(config, "\ncache.size = 100", 2, "cache.size: the size must be");
    config_fails(config, "cache.size = 0/0", 1, "cache.size: the size must be");
    config_fails(config, "cache.size = '10MB'", 1, "cache.size: expected a size in bytes");
    config_fails(config, "cache.open(1*MB, 'redis://x')", 1,
                 "unsupported cache backend 'redis://x'");
    config_fails(config, "cache.storage = 'lmdb:///nowhere/at/all'", 1,
                 "can't open cache path '/nowhere/at/all'; working directory '");
    config_fails(config, "cache.storage = true", 1, "cache.storage: expected a text");
    config_fails(config, "cache.open(1*MB, ('x'):rep(2000))", 1, "choose a shorter one");
    config_fails(config, "cache.sise = 1", 1, "cache.sise: no such option; cache has ");
    config_fails(config, "cache = 5", 1, "cache: cannot become a number");
    assert_false(config->settings.has_cache);
}

static void ttl_bounds_stay_in_order(void **state)
{
    struct config *config = *state;
    config_ok(config, "cache.size = 10*MB");
    config_true(config, "cache.max_ttl() == 86400 and cache.min_ttl() == 5");
    config_true(config, "cache.min_ttl(60) == 60 and cache.max_ttl(3600) == 3600");
    assert_int_equal(config->settings.resolver.ttl_s_min, 60);
    assert_int_equal(config->settings.resolver.ttl_s_max, 3600);
    config_fails(config, "cache.max_ttl(59)", 1, "below cache.min_ttl");
    config_fails(config, "cache.min_ttl(3601)", 1, "above cache.max_ttl");
    config_fails(config, "cache.min_ttl(-1)", 1, "cache.min_ttl: expected a whole number");
    config_true(config, "cache.ns_tout() == 1000 and cache.ns_tout(500) == 500");
    assert_int_equal(config->settings.resolver.ns_rest_ms, 500);
    config_fails(config, "cache.ns_tout(0)", 1, "cache.ns_tout: expected a whole number");
    config_fails(config, "cache.get('x.')", 1, "Function not implemented");
    config_fails(config, "cache.clear()", 1, "cache.clear: not available in this version");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(calls_before_opening_say_how_to_open),
        CONFIG_TEST(open_takes_size_and_uri),
        CONFIG_TEST(size_and_storage_are_set_alone),
        CONFIG_TEST(wrong_sizes_and_paths_are_errors),
        CONFIG_TEST(ttl_bounds_stay_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
