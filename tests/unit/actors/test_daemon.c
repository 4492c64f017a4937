/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "actors/daemon.h"

static struct daemon_options options;
static int exit_code;

/* Reads the command line "trouped" + `words`, separated by single spaces. */
static bool read_line(const char *words)
{
    static char text[8192];
    static char *argv[512];
    int argc = 0;

    snprintf(text, sizeof(text), "trouped %s", words);
    for (char *rest, *word = strtok_r(text, " ", &rest); word != NULL;
         word = strtok_r(NULL, " ", &rest)) {
        argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
    }
    argv[argc] = NULL;
    return daemon_options_read(argc, argv, &options, &exit_code);
}

static void nothing_is_required(void **state)
{
    (void)state;
    assert_true(read_line(""));
    assert_null(options.config_path);
    assert_null(options.rundir);
    assert_int_equal(options.workers_count, 0);
    assert_int_equal(options.listens_count, 0);
    assert_false(options.has_no_config || options.is_verbose || options.is_quiet);
}

/* modules.md 27.10 */
static void short_and_long_options_say_the_same(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "-c my.conf -f 3 -n -q -v -a 127.0.0.1@5353 -a ::1 /var/run",
        "--config=my.conf --forks=3 --noninteractive --quiet --verbose --addr=127.0.0.1@5353 "
        "--addr ::1 /var/run",
    };
    for (unsigned i = 0; i < RT_ARRAY_COUNT(lines); i++) {
        assert_true(read_line(lines[i]));
        assert_string_equal(options.config_path, "my.conf");
        assert_string_equal(options.rundir, "/var/run");
        assert_int_equal(options.workers_count, 3);
        assert_true(options.is_noninteractive && options.is_quiet && options.is_verbose);
        assert_int_equal(options.listens_count, 2);
        assert_int_equal(options.listens[0].addr.port, 5353);
        assert_int_equal(options.listens[1].addr.port, 53);
        assert_int_equal(options.listens[1].addr.family, 6);
        assert_true(options.listens[1].udp && options.listens[1].tcp);
    }
}

/* CORE-18: no file, and no defaults either. */
static void dash_means_no_configuration(void **state)
{
    (void)state;
    assert_true(read_line("-c -"));
    assert_true(options.has_no_config);
    assert_null(options.config_path);
}

static void version_and_help_end_well(void **state)
{
    (void)state;
    static const char *const lines[] = {"-V", "--version", "-h", "--help"};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(lines); i++) {
        assert_false(read_line(lines[i]));
        assert_int_equal(exit_code, 0);
    }
}

static void mistakes_end_with_1(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "-f 0",         "-f -1",        "-f x",           "-f 2x", "-f 9999", "-f ''",
        "-a 300.1.1.1", "-a ::1@99999", "-a 127.0.0.1@0", "-c ''", "-x",      "--nonsense",
        "a b",          "-f",           "-a ''",
    };
    for (unsigned i = 0; i < RT_ARRAY_COUNT(lines); i++) {
        assert_false(read_line(lines[i]));
        assert_int_equal(exit_code, 1);
    }
}

static void addresses_are_bounded(void **state)
{
    (void)state;
    char line[LU_LISTENS_MAX * 16 + 64] = "";
    size_t used = 0;
    for (unsigned i = 0; i <= LU_LISTENS_MAX; i++) {
        used += (size_t)snprintf(line + used, sizeof(line) - used, "-a 127.0.0.1 ");
    }
    assert_false(read_line(line));
    assert_int_equal(exit_code, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_required),
        cmocka_unit_test(short_and_long_options_say_the_same),
        cmocka_unit_test(dash_means_no_configuration),
        cmocka_unit_test(version_and_help_end_well),
        cmocka_unit_test(mistakes_end_with_1),
        cmocka_unit_test(addresses_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
