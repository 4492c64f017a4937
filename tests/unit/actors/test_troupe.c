/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <semaphore.h>
#include <unistd.h>

#include "actors/report.h"
#include "actors/threads.h"
#include "actors/troupe.h"
#include "tests/unit/runtime/fake_io.h"

/* The whole cast on threads, without a network: nobody listens and nothing is resolved. */

enum { WORKERS = 2, CORES = WORKERS + 1 };

static struct play {
    struct fake_world world;
    struct lu_settings settings;
    struct troupe *troupe;
    unsigned fail_at; /* io_open of this core fails */
    sem_t ready, drained;
    rt_status ready_status;
} play;

static struct rt_io *on_io_open(void *arg, struct rt_core *core, unsigned core_index,
                                rt_status *why)
{
    (void)arg, (void)core;
    if (core_index == play.fail_at) {
        *why = RT_NO_MEMORY;
        return NULL;
    }
    *why = RT_OK;
    return &fake_io_new(&play.world, core_index)->base;
}

static void on_ready(void *arg, rt_status status)
{
    (void)arg;
    play.ready_status = status;
    sem_post(&play.ready);
}

static void on_drained(void *arg)
{
    (void)arg;
    sem_post(&play.drained);
}

static const struct troupe_options options = {
    .settings = &play.settings,
    .io_open = on_io_open,
    .on_ready = on_ready,
    .on_drained = on_drained,
    .is_small = true,
};

static int setup(void **state)
{
    (void)state;
    memset(&play, 0, sizeof(play));
    play.world = (struct fake_world){.cores_count = CORES, .is_threaded = true};
    play.fail_at = CORES;
    lu_settings_init(&play.settings, WORKERS);
    play.settings.resolver.prime = false;
    play.settings.answer_cache_bytes = 1 << 20;
    play.settings.queries_max = 64;
    sem_init(&play.ready, 0, 0);
    sem_init(&play.drained, 0, 0);
    return 0;
}

/* From open to close as the daemon does it: ready, a look at the actors, drained, stopped. */
static void cast_gets_ready_reports_and_drains(void **state)
{
    (void)state;
    struct threads *threads;
    struct report *report;
    char *text;
    size_t size;

    assert_int_equal(troupe_open(&play.troupe, &options), RT_OK);
    assert_int_equal(report_open(&report, CORES), RT_OK);
    assert_int_equal(threads_start(&threads, troupe_machine(play.troupe), WORKERS), RT_OK);
    sem_wait(&play.ready);
    assert_int_equal(play.ready_status, RT_OK);

    SERVICE_COUNT(troupe_services(play.troupe, 0), questions_udp);
    SERVICE_COUNT(troupe_services(play.troupe, 1), questions_udp);
    report_collect(report, play.troupe, 5000);
    FILE *out = open_memstream(&text, &size);
    report_write_counters(play.troupe, out);
    report_write_actors(report, out);
    fclose(out);
    assert_non_null(strstr(text, "questions_udp                     2            1            1"));
    assert_non_null(strstr(text, "\n0     desk "));
    assert_non_null(strstr(text, "\n1     upstream "));
    assert_non_null(strstr(text, "\n2     supervisor "));
    assert_null(strstr(text, "busy"));
    free(text);

    troupe_stop(play.troupe);
    sem_wait(&play.drained);
    threads_stop(threads);
    troupe_close(play.troupe);
    report_close(report);
}

/* The trace is a JSON array that Chrome's viewer loads; a half-written one is never seen. */
static void trace_is_written_whole(void **state)
{
    (void)state;
    char path[] = "/tmp/troupe-trace-XXXXXX", begin[3] = "", end[4] = "";
    struct threads *threads;
    struct report *report;

    close(mkstemp(path));
    assert_int_equal(troupe_open(&play.troupe, &options), RT_OK);
    assert_int_equal(report_open(&report, CORES), RT_OK);
    assert_int_equal(threads_start(&threads, troupe_machine(play.troupe), WORKERS), RT_OK);
    sem_wait(&play.ready);
    report_collect(report, play.troupe, 5000);
    assert_int_equal(report_write_trace(report, path), RT_OK);
    assert_int_equal(report_write_trace(report, "/nonexistent/trace.json"), RT_DENIED);
    threads_stop(threads);
    troupe_close(play.troupe);
    report_close(report);

    FILE *file = fopen(path, "r");
    assert_int_equal(fread(begin, 1, 2, file), 2);
    assert_string_equal(begin, "[\n");
    fseek(file, -3, SEEK_END);
    assert_int_equal(fread(end, 1, 3, file), 3);
    assert_string_equal(end, "\n]\n");
    fclose(file);
    unlink(path);
}

/* A core that cannot have its io: everything that was opened is closed again. */
static void failing_io_leaves_nothing_behind(void **state)
{
    (void)state;
    for (play.fail_at = 0; play.fail_at < CORES; play.fail_at++) {
        assert_int_equal(troupe_open(&play.troupe, &options), RT_NO_MEMORY);
    }
}

/* Closed without ever having run: the simulator's way out of a failed test. */
static void unused_troupe_closes(void **state)
{
    (void)state;
    assert_int_equal(troupe_open(&play.troupe, &options), RT_OK);
    assert_int_equal(troupe_cast(play.troupe)->workers_count, WORKERS);
    troupe_close(play.troupe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(cast_gets_ready_reports_and_drains, setup),
        cmocka_unit_test_setup(trace_is_written_whole, setup),
        cmocka_unit_test_setup(failing_io_leaves_nothing_behind, setup),
        cmocka_unit_test_setup(unused_troupe_closes, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
