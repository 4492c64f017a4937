/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/runner.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/check.h"
#include "runtime/panic.h"

enum {
    RUN_SECONDS_MAX = 120, /* Real time; a run is milliseconds. More is a livelock. */
    WORKERS_MAX_HERE = 64,
};

enum outcome { OUTCOME_NONE = 0, OUTCOME_PASS, OUTCOME_FAIL };

struct job {
    uint64_t hash;
    uint32_t ms;
    uint8_t outcome;
};

enum { POPULATIONS_MAX = 64 /* one for each property */, POPULATION_MIN = 1000 };

struct population {
    char name[32];
    _Atomic uint64_t good, all;
    unsigned percent;
};

struct board {                                      /* shared by the workers */
    struct population populations[POPULATIONS_MAX]; /* by the property's place in the list */
    _Atomic uint32_t next;
    _Atomic int64_t current[WORKERS_MAX_HERE]; /* job of each worker; -1: none */
    struct job jobs[];
};

static struct board *shared;
static struct sim_test *tests;
static const struct sim_test *running;
static uint64_t running_seed;
static unsigned failures;
static char replay[160];

void sim_test_register(struct sim_test *test)
{
    struct sim_test **at = &tests;

    while (*at != NULL && strcmp((*at)->name, test->name) < 0) {
        at = &(*at)->next;
    }
    test->next = *at;
    *at = test;
}

const struct sim_test *sim_tests(void)
{
    return tests;
}

bool sim_test_exists(const char *name)
{
    const struct sim_test *at = tests;

    while (at != NULL && strcmp(at->name, name) != 0) {
        at = at->next;
    }
    return at != NULL;
}

void sim_test_failed(const char *file, int line, const char *text)
{
    failures++;
    printf("FAIL %s seed %" PRIu64 ": %s:%d: %s\n  %s\n", running->name, running_seed, file, line,
           text, replay);
    fflush(stdout);
}

void sim_test_compared(const char *file, int line, const char *text, uint64_t a, uint64_t b)
{
    char whole[512];

    snprintf(whole, sizeof(whole), "%s (%" PRIu64 " and %" PRIu64 ")", text, a, b);
    sim_test_failed(file, line, whole);
}

void sim_population(const char *name, uint64_t good, uint64_t all, unsigned percent)
{
    unsigned i = 0;

    for (const struct sim_test *at = tests; at != running; at = at->next) {
        i++;
    }
    RT_CHECK(i < POPULATIONS_MAX);
    struct population *population = &shared->populations[i];
    snprintf(population->name, sizeof(population->name), "%s", name);
    population->percent = percent;
    atomic_fetch_add(&population->good, good);
    atomic_fetch_add(&population->all, all);
}

void sim_test_explain(struct sim *sim)
{
    const struct sim_clients *clients = sim_clients(sim);
    unsigned told = 0;

    for (unsigned i = 0; i < sim_clients_count(clients) && told < 10; i++) {
        const struct sim_question *question = sim_clients_question(clients, i);
        bool has_wrong = sim_clients_tally(clients, 0).wrong > 0; /* then only these interest */
        if (question->verdict == SIM_RIGHT || question->verdict == SIM_UNJUDGED ||
            (has_wrong && question->verdict != SIM_WRONG)) {
            continue;
        }
        told++;
        printf("  question %u: %s type %u%s: verdict %d, rcode %u, ede %d, %u answers, asked at "
               "%.3f s: %s\n",
               i, question->ask.name, question->ask.type, question->ask.is_tcp ? " tcp" : "",
               (int)question->verdict, question->rcode, question->ede, question->answers,
               (double)question->asked_ns / 1e9, question->why != NULL ? question->why : "");
    }
    fflush(stdout);
}

static uint64_t real_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void run_one(const struct sim_test *test, uint64_t seed, struct job *job)
{
    uint64_t start_ms = real_ms();

    snprintf(replay, sizeof(replay), "replay: troupe-sim --test=%s --seed=%" PRIu64, test->name,
             seed);
    rt_panic_note_set(replay);
    running = test;
    running_seed = seed;
    failures = 0;
    sim_environment.hash = 0;
    (void)sim_test_allocations();
    alarm(RUN_SECONDS_MAX);
    test->run(seed);
    alarm(0);
    job->hash = sim_environment.hash;
    job->ms = (uint32_t)(real_ms() - start_ms);
    job->outcome = failures == 0 ? OUTCOME_PASS : OUTCOME_FAIL;
}

/* ---- the list of runs: seed by seed, each with all wanted properties ---- */

static bool is_wanted(const struct run_options *options, const struct sim_test *test)
{
    return options->test != NULL ? strcmp(options->test, test->name) == 0 : !test->must_fail;
}

static unsigned wanted_count(const struct run_options *options)
{
    unsigned count = 0;

    for (const struct sim_test *at = tests; at != NULL; at = at->next) {
        count += is_wanted(options, at);
    }
    return count;
}

static const struct sim_test *wanted_at(const struct run_options *options, unsigned index)
{
    const struct sim_test *at = tests;

    for (;; at = at->next) {
        RT_CHECK(at != NULL);
        if (is_wanted(options, at) && index-- == 0) {
            return at;
        }
    }
}

static void run_job(const struct run_options *options, struct board *board, uint32_t index)
{
    unsigned count = wanted_count(options);
    const struct sim_test *test = wanted_at(options, index % count);
    uint64_t seed = options->first + index / count;

    if (options->test == NULL && test->one_in > 0 && seed % test->one_in != 1 % test->one_in) {
        board->jobs[index].outcome = OUTCOME_PASS; /* Another seed does it for this one. */
        return;
    }
    run_one(test, seed, &board->jobs[index]);
}

static void work(const struct run_options *options, struct board *board, uint32_t jobs_count,
                 unsigned worker)
{
    rt_panic_install();
    for (;;) {
        uint32_t index = atomic_fetch_add(&board->next, 1);
        if (index >= jobs_count) {
            break;
        }
        atomic_store(&board->current[worker], index);
        run_job(options, board, index);
    }
    atomic_store(&board->current[worker], -1);
    fflush(stdout);
    _exit(0);
}

static void report_death(const struct run_options *options, int64_t index, int status)
{
    unsigned count = wanted_count(options);

    printf("FAIL %s seed %" PRIu64 ": the process died (%s %d)\n  replay: troupe-sim --test=%s "
           "--seed=%" PRIu64 "\n",
           wanted_at(options, (unsigned)(index % count))->name,
           options->first + (uint64_t)index / count, WIFSIGNALED(status) ? "signal" : "exit code",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
           wanted_at(options, (unsigned)(index % count))->name,
           options->first + (uint64_t)index / count);
    fflush(stdout);
}

static pid_t start_worker(const struct run_options *options, struct board *board,
                          uint32_t jobs_count, unsigned worker)
{
    fflush(stdout);
    atomic_store(&board->current[worker], -1);
    pid_t pid = fork();
    RT_CHECK(pid >= 0);
    if (pid == 0) {
        work(options, board, jobs_count, worker);
    }
    return pid;
}

/* A worker that dies is replaced; the run it was at counts as failed. */
static void supervise(const struct run_options *options, struct board *board, uint32_t jobs_count)
{
    pid_t pids[WORKERS_MAX_HERE];
    unsigned workers = options->jobs < WORKERS_MAX_HERE ? options->jobs : WORKERS_MAX_HERE;
    unsigned alive = workers;

    for (unsigned i = 0; i < workers; i++) {
        pids[i] = start_worker(options, board, jobs_count, i);
    }
    while (alive > 0) {
        int status;
        pid_t pid = wait(&status);
        unsigned worker = 0;
        while (worker < workers && pids[worker] != pid) {
            worker++;
        }
        RT_CHECK(pid > 0 && worker < workers);
        int64_t index = atomic_load(&board->current[worker]);
        if (index < 0) {
            alive--;
            continue;
        }
        report_death(options, index, status);
        board->jobs[index].outcome = OUTCOME_FAIL;
        pids[worker] = start_worker(options, board, jobs_count, worker);
    }
}

static unsigned judge_populations(const struct board *board)
{
    unsigned failed = 0;

    for (unsigned i = 0; i < POPULATIONS_MAX; i++) {
        const struct population *at = &board->populations[i];
        if (at->all == 0) {
            continue;
        }
        bool is_bad = at->all >= POPULATION_MIN && at->good * 100 < at->all * at->percent;
        printf("%s %s: %.2f %% of %" PRIu64 " (at least %u %%)\n", is_bad ? "FAIL" : "ok  ",
               at->name, 100.0 * (double)at->good / (double)at->all, at->all, at->percent);
        failed += is_bad;
    }
    return failed;
}

static int sum_up(const struct run_options *options, const struct board *board, uint32_t jobs_count,
                  uint64_t *hash)
{
    unsigned count = wanted_count(options), failed = 0;

    *hash = 0;
    for (uint32_t i = 0; i < jobs_count; i++) {
        const struct job *job = &board->jobs[i];
        failed += job->outcome != OUTCOME_PASS;
        *hash = (*hash ^ job->hash) * UINT64_C(0xc4ceb9fe1a85ec53) + i + 1;
        if (!options->is_quiet) {
            printf("%s %-16s seed %-6" PRIu64 " %5u ms  %016" PRIx64 "\n",
                   job->outcome == OUTCOME_PASS ? "ok  " : "FAIL",
                   wanted_at(options, i % count)->name, options->first + i / count, job->ms,
                   job->hash);
        }
    }
    printf("%u runs, %u failed\n", jobs_count, failed);
    failed += judge_populations(board);
    return failed == 0 ? 0 : 1;
}

int sim_run_all(const struct run_options *options, uint64_t *hash)
{
    uint64_t seeds = options->last - options->first + 1;
    uint32_t jobs_count = (uint32_t)seeds * wanted_count(options);
    size_t size = sizeof(struct board) + jobs_count * sizeof(struct job);
    struct board *board =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    RT_CHECK(board != MAP_FAILED);
    shared = board;
    if (options->jobs > 0) {
        supervise(options, board, jobs_count);
    } else {
        rt_panic_install();
        for (uint32_t i = 0; i < jobs_count; i++) {
            run_job(options, board, i);
        }
    }
    int status = sum_up(options, board, jobs_count, hash);
    munmap(board, size);
    return status;
}
