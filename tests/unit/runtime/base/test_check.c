/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/check.h"

static void write_to_stderr(const char *file, int line, const char *text)
{
    (void)file, (void)line;
    dprintf(STDERR_FILENO, "hook saw %s\n", text);
}

struct animal {
    uint32_t magic;
};
enum { animal_MAGIC = 0x1234 };

enum how { BY_CHECK, BY_CAST };

/* Runs a child that dies; its stderr in `text`. Returns the signal. */
static int die(enum how how, char *text, size_t size)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct animal stone = {.magic = 1};
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        rt_panic_hook_set(write_to_stderr);
        if (how == BY_CAST) {
            (void)rt_cast(animal, &stone);
        }
        RT_CHECK(stone.magic == 2);
        _exit(0);
    }
    close(ends[1]);
    size_t used = 0;
    for (ssize_t got; (got = read(ends[0], text + used, size - 1 - used)) > 0;) {
        used += (size_t)got;
    }
    text[used] = '\0';
    close(ends[0]);
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* The crash of a wrong program says where and what, and writes the report. */
static void failed_check_tells_place_and_text_and_aborts(void **state)
{
    (void)state;
    char text[1000];
    assert_int_equal(die(BY_CHECK, text, sizeof(text)), SIGABRT);
    assert_non_null(strstr(text, "test_check.c:"));
    assert_non_null(strstr(text, "stone.magic == 2"));
    assert_non_null(strstr(text, "hook saw"));
}

/* A state that belongs to another actor is found before it is used. */
static void cast_to_another_kind_of_struct_aborts(void **state)
{
    (void)state;
    char text[1000];
    struct animal dog = {.magic = animal_MAGIC};
    assert_ptr_equal(rt_cast(animal, &dog), &dog);
    assert_int_equal(die(BY_CAST, text, sizeof(text)), SIGABRT);
    assert_non_null(strstr(text, "another kind of struct"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_check_tells_place_and_text_and_aborts),
        cmocka_unit_test(cast_to_another_kind_of_struct_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
