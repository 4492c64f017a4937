/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/poison.h"
#include "runtime/panic.h"
#include "tests/unit/runtime/fake_io.h"

/* Each test lets an actor die in a child process and reads what it leaves on stderr. */
enum { DIE_BY_CHECK = 1, DIE_BY_POINTER, DIE_BY_STACK, DIE_BY_ABORT };

static const char *lemming_msg_name(uint16_t type)
{
    return type == DIE_BY_CHECK ? "LEMMING_JUMP" : "LEMMING_FALL";
}

static rt_status lemming_start(struct rt_ctx *ctx, void *state, const void *args)
{
    (void)state, (void)args;
    rt_trace(ctx, 0xbeef, "looks down", 7, 8);
    return RT_OK;
}

static volatile uint8_t *nowhere = NULL;

static unsigned use_up_stack(unsigned depth)
{
    volatile uint8_t frame[4096];
    frame[0] = (uint8_t)depth;
    return depth == UINT32_MAX ? 0 : use_up_stack(depth + 1) + frame[0];
}

static void lemming_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    (void)ctx, (void)state;
    switch (msg->type) {
    case DIE_BY_CHECK:
        RT_CHECK(state == NULL);
        break;
    case DIE_BY_POINTER:
        nowhere[0] = 1;
        break;
    case DIE_BY_STACK:
        use_up_stack(0);
        break;
    default:
        abort();
    }
}

static const struct rt_actor_type lemming_type = {
    .name = "lemming",
    .state_size = 1,
    .actors_max = 2,
    .mailbox_cap = 8,
    .msg_name = lemming_msg_name,
    .start = lemming_start,
    .receive = lemming_receive,
};

static _Noreturn void live_and_die(uint16_t how)
{
    static const int signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    struct fake_world world;
    rt_ref ref;
    struct rt_msg msg = RT_MSG_INIT(how, struct rt_msg);
    for (size_t i = 0; i < RT_ARRAY_COUNT(signals); i++) {
        signal(signals[i], SIG_DFL); /* The test library has handlers of its own. */
    }
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    rt_panic_install();
    rt_panic_note_set("build/dev/bin/troupe-sim --seed=17");
    fake_world_open(&world, 2, false, NULL);
    RT_CHECK(rt_core_cast(fake_core(&world, 1), &lemming_type, NULL, RT_REF_NONE, &ref) == RT_OK);
    RT_CHECK(rt_core_inject(fake_core(&world, 1), ref, &msg) == RT_OK);
    rt_core_run(fake_core(&world, 1));
    _exit(0);
}

/* The signal of which the child died, and its last words. */
static int watch(uint16_t how, char *text, size_t size)
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        alarm(20);
        live_and_die(how);
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

static void has_report(const char *text, const char *message)
{
    const char *report = strstr(text, "crash report");
    assert_non_null(report);
    assert_null(strstr(report + 1, "crash report")); /* One is enough. */
    assert_non_null(strstr(report, "core: 1, actors 1"));
    assert_non_null(strstr(report, "actor: lemming (slot 0, life 1), at message "));
    assert_non_null(strstr(report, message));
    assert_non_null(strstr(report, "looks down a=7 b=8 question beef"));
    assert_non_null(strstr(report, "replay: build/dev/bin/troupe-sim --seed=17"));
}

/* Whoever reads the report must know which actor, on which message, after what. */
static void failed_check_leaves_a_report(void **state)
{
    (void)state;
    char text[8192];
    assert_int_equal(watch(DIE_BY_CHECK, text, sizeof(text)), SIGABRT);
    assert_non_null(strstr(text, "state == NULL"));
    has_report(text, "LEMMING_JUMP");
}

/* The same for bugs that no check has foreseen; the system still sees the true signal. */
static void wild_pointer_leaves_a_report(void **state)
{
    (void)state;
    char text[8192];
    assert_int_equal(watch(DIE_BY_POINTER, text, sizeof(text)), SIGSEGV);
    assert_non_null(strstr(text, "died of signal 11"));
    has_report(text, "LEMMING_FALL");
}

/* The report needs a stack of its own when the core's is used up. */
static void used_up_stack_leaves_a_report(void **state)
{
    (void)state;
    char text[8192];
    assert_int_equal(watch(DIE_BY_STACK, text, sizeof(text)), SIGSEGV);
    has_report(text, "LEMMING_FALL");
}

static void abort_of_a_library_leaves_a_report(void **state)
{
    (void)state;
    char text[8192];
    assert_int_equal(watch(DIE_BY_ABORT, text, sizeof(text)), SIGABRT);
    has_report(text, "LEMMING_FALL");
}

/* A thread that is no core dies with a report that says so. */
static void thread_without_core_is_said_to_be_one(void **state)
{
    (void)state;
    int ends[2];
    char text[1000] = {0};
    assert_int_equal(pipe(ends), 0);
    rt_panic_write(ends[1], NULL);
    close(ends[1]);
    assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
    close(ends[0]);
    assert_non_null(strstr(text, "core: none"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failed_check_leaves_a_report),
        cmocka_unit_test(abort_of_a_library_leaves_a_report),
        cmocka_unit_test(thread_without_core_is_said_to_be_one),
#ifndef RT_HAS_POISON /* A sanitizer reports these itself. */
        cmocka_unit_test(wild_pointer_leaves_a_report),
        cmocka_unit_test(used_up_stack_leaves_a_report),
#endif
    };
    (void)wild_pointer_leaves_a_report;
    (void)used_up_stack_leaves_a_report;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
