/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/lua/config.h"

/* User globals are plain Lua; ours are not lost when somebody names a variable like them. */
static void user_globals_live_in_front_of_ours(void **state)
{
    struct config *config = *state;
    config_ok(config, "a = 1 function f() return a + 1 end log = log assert(f() == 2)");
    config_true(config, "f() == 2 and undefined == nil");
    config_ok(config, "table = nil MB = 3");
    config_true(config, "MB == 3 and cache.backends().lmdb");
}

/* `modules = {...}` and friends assign each pair; the list comes first. */
static void modules_are_loaded_in_order(void **state)
{
    struct config *config = *state;
    config_ok(config, "modules = { 'hints > iterate', policy = true }");
    config_true(config, "modules.list()[2] == 'hints' and modules.list()[1] == 'iterate'");
    config_true(config, "modules.load('hints < cache') and modules.list()[2] == 'hints'");
    config_fails(config, "modules = { policy = 'x' }", 1, "takes no configuration");
    config_fails(config, "modules = { 'dns64' }", 1, "No such file or directory");
    config_fails(config, "modules = { http = {} }", 1, "'http': No such file or directory");
}

/* CORE-12: the list is as it was, also when only the reference is wrong. */
static void unknown_modules_change_nothing(void **state)
{
    struct config *config = *state;
    config_ok(config, "before = table.concat(modules.list(), ' ')");
    config_fails(config, "modules.load('x')", 1,
                 "'x': No such file or directory; this version has");
    config_fails(config, "modules.load('hints < nothing')", 1, "referenced module not found");
    config_fails(config, "modules.load('hints <')", 1, "is not understood");
    config_fails(config, "modules.load(1)", 1, "expected a name");
    config_fails(config, "modules.unload('x')", 1, "'x' is not loaded");
    config_fails(config, "modules.unload('iterate')", 1, "cannot be unloaded");
    config_true(config, "before == table.concat(modules.list(), ' ')");
}

/* PRIM-5 (configuration's part). */
static void priming_can_be_unloaded(void **state)
{
    struct config *config = *state;
    assert_true(config->settings.resolver.prime);
    config_true(config, "modules.unload('priming')");
    assert_false(config->settings.resolver.prime);
    config_ok(config, "modules.load('priming')");
    assert_true(config->settings.resolver.prime);
}

static void later_parts_are_named_as_such(void **state)
{
    struct config *config = *state;
    config_fails(config, "\ntrust_anchors.add_file('k')", 2,
                 "trust_anchors: not available in this");
    config_fails(config, "trust_anchors = { 'k' }", 1,
                 "trust_anchors: not available in this version");
    config_fails(config, "resolve('a', 1)", 1, "resolve: not available");
}

/* CORE-19: Lua's own errors name file and line too, and say what to do. */
static void lua_errors_name_file_and_line(void **state)
{
    struct config *config = *state;
    config_fails(config, "\n\nfoo()", 3, "attempt to call global 'foo' (a nil value)");
    config_fails(config, "x = \n= 3", 2, "correct the Lua syntax");
    config_fails(config,
                 "local function f() net.bufsize(1) end\nlocal function g()\n f()\nend\ng()", 1,
                 "net.bufsize");
    config_fails(config, "\nerror({})", 2, "something that is no text");
    config_fails(config, "\nerror()", 2, "something that is no text");
    config_fails(config, "\nerror('no level', 0)", 2, "no level");
    config_fails(config, "\nlocal function f() return f() + 1 end f()", 0, "stack overflow");
    config_fails(config, "local s = 'x' while true do s = s .. s end", 0, "not enough memory");
    config_fails(config, "\033LJ\002\n", 0, "wrong mode");
    assert_int_equal(lu_run_file(config->vm, "/nonexistent/config", config->error), RT_NOT_FOUND);
    assert_non_null(strstr(config->error, "/nonexistent/config:0: configuration: No such file"));
}

/* LuaJIT trusts bytecode blindly: a configuration is text. */
static void bytecode_is_refused(void **state)
{
    struct config *config = *state;
    assert_int_equal(lu_run_text(config->vm, "\033LJ\002\n", "config", config->error),
                     RT_MALFORMED);
}

static void files_run_and_errors_carry_their_path(void **state)
{
    struct config *config = *state;
    char path[] = "/tmp/troupe-config-XXXXXX";
    int fd = mkstemp(path);
    static const char text[] = "net.tcp_pipeline(7)\nnet.tcp_pipeline(-7)\n";
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);
    assert_int_equal(lu_run_file(config->vm, path, config->error), RT_MALFORMED);
    remove(path);
    assert_int_equal(strncmp(config->error, path, strlen(path)), 0);
    assert_int_equal(strncmp(config->error + strlen(path), ":2: net.tcp_pipeline", 20), 0);
    assert_int_equal(config->settings.tcp_pipeline, 7);
}

/* modules.md 27: ffi must be available to user code. */
static void ffi_is_available(void **state)
{
    struct config *config = *state;
    config_true(config, "ffi.sizeof('int') == 4 and require('ffi') == ffi");
}

/* A file that loops for ever ends, whether or not it catches errors. */
static void endless_files_end(void **state)
{
    (void)state;
    struct config config = {0};
    static const char *const texts[] = {
        "while true do end",
        "while true do pcall(function () while true do end end) end",
        "local co = coroutine.wrap(function () while true do end end) co()",
    };
    lu_settings_init(&config.settings, 1);
    const struct lu_options options = {.settings = &config.settings, .run_ms_max = 50};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(texts); i++) {
        assert_int_equal(lu_open(&config.vm, &options), RT_OK);
        config_fails(&config, texts[i], 1, "it runs without end");
        lu_close(config.vm);
    }
}

/* Memory is bounded; the VM stays usable after an allocation failed. */
static void endless_tables_end(void **state)
{
    (void)state;
    struct config config = {0};
    lu_settings_init(&config.settings, 1);
    const struct lu_options options = {.settings = &config.settings, .is_pure = true};
    assert_int_equal(lu_open(&config.vm, &options), RT_OK);
    assert_int_equal(lu_run_text(config.vm, "local t = {} for i = 1, 1e9 do t[i] = {i} end",
                                 "config", config.error),
                     RT_MALFORMED);
    assert_non_null(strstr(config.error, "not enough memory"));
    config_ok(&config, "net.bufsize(1300)");
    lu_close(config.vm);
}

/* Text nobody vouches for cannot reach files, processes or memory. */
static void pure_files_cannot_reach_the_system(void **state)
{
    (void)state;
    struct config config = {0};
    lu_settings_init(&config.settings, 1);
    const struct lu_options options = {.settings = &config.settings, .is_pure = true};
    assert_int_equal(lu_open(&config.vm, &options), RT_OK);
    config_true(&config, "ffi == nil and io == nil and require == nil and loadstring == nil");
    config_true(&config,
                "os.execute == nil and os.remove == nil and debug == nil and dofile == nil");
    config_true(&config, "_G == nil and getfenv == nil and string.dump == nil");
    lu_close(config.vm);
}

static void defaults_fill_what_is_open(void **state)
{
    struct config *config = *state;
    assert_int_equal(lu_defaults(config->vm, config->error), RT_OK);
    assert_int_equal(config->settings.listens_count, 2);
    assert_int_equal(config->settings.cache_bytes, 100 << 20);
    assert_int_equal(config->settings.resolver.hints.count, 13);
}

static void defaults_leave_decisions_alone(void **state)
{
    struct config *config = *state;
    config_ok(config, "net.listen('127.0.0.1', 5353) cache.size = 20*MB "
                      "hints.root({ r = '192.0.2.1' })");
    assert_int_equal(lu_defaults(config->vm, config->error), RT_OK);
    assert_int_equal(config->settings.listens_count, 1);
    assert_int_equal(config->settings.cache_bytes, 20 << 20);
    assert_int_equal(config->settings.resolver.hints.count, 1);
}

/* 127.0.0.1 must work; its error says what to do. */
static void default_listener_that_fails_is_fatal(void **state)
{
    struct config *config = *state;
    config->probe_status = RT_DENIED;
    assert_int_equal(lu_defaults(config->vm, config->error), RT_DENIED);
    assert_non_null(strstr(config->error, "failed to bind 127.0.0.1@53"));
    assert_non_null(strstr(config->error, "; configure another address"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(user_globals_live_in_front_of_ours),
        CONFIG_TEST(modules_are_loaded_in_order),
        CONFIG_TEST(unknown_modules_change_nothing),
        CONFIG_TEST(priming_can_be_unloaded),
        CONFIG_TEST(later_parts_are_named_as_such),
        CONFIG_TEST(lua_errors_name_file_and_line),
        CONFIG_TEST(bytecode_is_refused),
        CONFIG_TEST(files_run_and_errors_carry_their_path),
        CONFIG_TEST(ffi_is_available),
        cmocka_unit_test(endless_files_end),
        cmocka_unit_test(endless_tables_end),
        cmocka_unit_test(pure_files_cannot_reach_the_system),
        CONFIG_TEST(defaults_fill_what_is_open),
        CONFIG_TEST(defaults_leave_decisions_alone),
        CONFIG_TEST(default_listener_that_fails_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
