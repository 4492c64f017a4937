/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/log.h"

static char last[RT_LOG_LINE_BYTES];
static unsigned lines;

static void catch_line(enum rt_log_level level, const char *group, const char *line)
{
    (void)level;
    assert_string_equal(group, "test");
    strcpy(last, line);
    lines++;
}

static int setup(void **state)
{
    (void)state;
    lines = 0;
    last[0] = '\0';
    rt_log_level_set(RT_LOG_NOTICE);
    rt_log_sink_set(catch_line);
    return 0;
}

/* An operator's level holds, and what it hides costs no formatting. */
static void lines_above_the_level_are_not_written(void **state)
{
    (void)state;
    rt_log(RT_LOG_INFO, "test", "hidden");
    assert_int_equal(lines, 0);
    rt_log(RT_LOG_NOTICE, "test", "shown %d", 7);
    assert_string_equal(last, "shown 7");
    rt_log_level_set(RT_LOG_DEBUG);
    assert_int_equal(rt_log_level_get(), RT_LOG_DEBUG);
    rt_log(RT_LOG_DEBUG, "test", "now shown");
    assert_int_equal(lines, 2);
}

/* A name from the network must not forge a second line or move the cursor. */
static void control_characters_are_escaped(void **state)
{
    (void)state;
    rt_log(RT_LOG_ERR, "test", "name %s", "a\nb\x1b[2J\x7f\tc");
    assert_string_equal(last, "name a\\x0ab\\x1b[2J\\x7f\\x09c");
}

/* A line that is too long ends visibly, whatever it consists of. */
static void long_lines_are_cut_with_dots(void **state)
{
    (void)state;
    char text[3000];
    for (unsigned round = 0; round < 2; round++) {
        memset(text, round == 0 ? 'x' : '\n', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        rt_log(RT_LOG_ERR, "test", "%s", text);
        size_t size = strlen(last);
        assert_true(size < RT_LOG_LINE_BYTES);
        assert_string_equal(last + size - 3, "...");
    }
}

/* The network cannot fill the disk: one line a minute, and a count of the rest. */
static void limited_lines_come_once_a_minute_and_tell_what_was_held(void **state)
{
    (void)state;
    struct rt_log_limit limit = {0};
    uint64_t now_ns = 5 * RT_NS_PER_S;
    for (unsigned i = 0; i < 10; i++) {
        rt_log_limited(&limit, now_ns, RT_LOG_ERR, "test", "hostile %u", i);
    }
    assert_int_equal(lines, 1);
    assert_string_equal(last, "hostile 0");
    rt_log_limited(&limit, now_ns + 60 * RT_NS_PER_S, RT_LOG_ERR, "test", "again");
    assert_int_equal(lines, 3);
    assert_string_equal(last, "9 lines like the one above were held back");
    rt_log_limited(&limit, now_ns + 120 * RT_NS_PER_S, RT_LOG_DEBUG, "test", "below the level");
    assert_int_equal(lines, 3);
}

/* Without a sink a line goes to stderr, whole, with level and group. */
static void default_sink_is_stderr(void **state)
{
    (void)state;
    int ends[2], saved = dup(STDERR_FILENO);
    char text[100] = {0};
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    rt_log_sink_set(NULL);
    rt_log(RT_LOG_WARNING, "net", "hello");
    dup2(saved, STDERR_FILENO);
    assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
    assert_string_equal(text, "<warning> [net] hello\n");
    close(ends[0]);
    close(ends[1]);
    close(saved);
}

/* A reader of our log that has died or hangs must not stop a core. */
static void a_full_pipe_costs_lines_and_not_time(void **state)
{
    (void)state;
    static char block[4096], text[1 << 20];
    int fds[2], old = dup(STDERR_FILENO);
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    while (write(fds[1], block, sizeof(block)) > 0) {
    }
    assert_int_equal(fcntl(fds[1], F_SETFL, 0), 0);
    rt_log_sink_set(NULL);
    dup2(fds[1], STDERR_FILENO);
    rt_log(RT_LOG_ERR, "test", "nobody reads");
    rt_log(RT_LOG_ERR, "test", "nor this");
    while (read(fds[0], text, sizeof(text)) > 0) {
    }
    rt_log(RT_LOG_ERR, "test", "again");
    dup2(old, STDERR_FILENO);
    memset(text, 0, sizeof(text));
    assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
    assert_string_equal(text, "<warning> [log] 2 lines lost\n<error> [test] again\n");
    close(old);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(lines_above_the_level_are_not_written),
        TEST(control_characters_are_escaped),
        TEST(long_lines_are_cut_with_dots),
        TEST(limited_lines_come_once_a_minute_and_tell_what_was_held),
        TEST(default_sink_is_stderr),
        TEST(a_full_pipe_costs_lines_and_not_time),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
