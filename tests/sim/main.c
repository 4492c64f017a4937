/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "tests/sim/runner.h"

static const char usage[] =
    "troupe-sim --seed=N | --seeds=A..B   [--test=NAME] [--jobs=N] [--quiet] [--twice]\n"
    "           [--trace=FILE (one run)] [--verbose]\n"
    "troupe-sim --list\n";

struct arguments {
    struct run_options run;
    const char *trace;
    bool is_list, is_twice, is_verbose, has_seed;
};

/* The value of "--name=value"; NULL: another option. */
static const char *value_of(const char *argument, const char *name)
{
    size_t size = strlen(name);

    return strncmp(argument, name, size) == 0 && argument[size] == '=' ? argument + size + 1 : NULL;
}

static bool read_seeds(const char *text, struct run_options *run)
{
    char *end;

    run->first = strtoull(text, &end, 10);
    if (end == text || strncmp(end, "..", 2) != 0) {
        return false;
    }
    text = end + 2;
    run->last = strtoull(text, &end, 10);
    return end != text && *end == '\0' && run->last >= run->first &&
           run->last - run->first < 10000000;
}

static bool read_seed(const char *text, struct run_options *run)
{
    char *end;

    run->first = run->last = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

static bool read_argument(const char *argument, struct arguments *out)
{
    const char *value;

    if ((value = value_of(argument, "--seed")) != NULL) {
        out->has_seed = true;
        return read_seed(value, &out->run);
    }
    if ((value = value_of(argument, "--seeds")) != NULL) {
        out->has_seed = true;
        out->run.jobs =
            out->run.jobs != 0 ? out->run.jobs : (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
        return read_seeds(value, &out->run);
    }
    if ((value = value_of(argument, "--test")) != NULL) {
        out->run.test = value;
        return sim_test_exists(value);
    }
    if ((value = value_of(argument, "--jobs")) != NULL) {
        out->run.jobs = (unsigned)atoi(value);
        return true;
    }
    if ((value = value_of(argument, "--trace")) != NULL) {
        out->trace = value;
        return true;
    }
    out->is_list |= strcmp(argument, "--list") == 0;
    out->is_twice |= strcmp(argument, "--twice") == 0;
    out->is_verbose |= strcmp(argument, "--verbose") == 0;
    out->run.is_quiet |= strcmp(argument, "--quiet") == 0;
    return strcmp(argument, "--list") == 0 || strcmp(argument, "--twice") == 0 ||
           strcmp(argument, "--verbose") == 0 || strcmp(argument, "--quiet") == 0;
}

static void discard_log(enum rt_log_level level, const char *group, const char *line)
{
    (void)level;
    (void)group;
    (void)line;
}

/* Everything after the program's name, again, in a fresh process: other addresses in memory.
 * Returns the last line, which holds the hash; empty when the runs failed. */
static void run_again(int argc, char **argv, char last[256])
{
    char command[4096], line[256];
    int used = snprintf(command, sizeof(command), "'/proc/%d/exe'", (int)getpid());

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--twice") != 0) {
            used += snprintf(command + used, sizeof(command) - (size_t)used, " '%s'", argv[i]);
        }
    }
    FILE *pipe = popen(command, "r");
    last[0] = '\0';
    if (pipe == NULL) {
        return;
    }
    while (fgets(line, sizeof(line), pipe) != NULL) {
        fputs(line, stdout);
        strcpy(last, line);
    }
    if (pclose(pipe) != 0) {
        last[0] = '\0';
    }
}

static int run_twice(int argc, char **argv)
{
    char first[256], second[256];

    run_again(argc, argv, first);
    run_again(argc, argv, second);
    bool is_same = first[0] != '\0' && strcmp(first, second) == 0;
    puts(is_same ? "the same seed gave the same hash" : "FAIL: two hashes, or a failed run");
    return is_same ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    uint64_t hash;

    for (int i = 1; i < argc; i++) {
        if (!read_argument(argv[i], &arguments)) {
            fprintf(stderr, "not understood: %s\n%s", argv[i], usage);
            return 2;
        }
    }
    if (arguments.is_list) {
        for (const struct sim_test *at = sim_tests(); at != NULL; at = at->next) {
            printf("%s%s\n", at->name, at->must_fail ? " (a canary: must fail)" : "");
        }
        return 0;
    }
    if (!arguments.has_seed) {
        fputs(usage, stderr);
        return 2;
    }
    if (arguments.is_twice) {
        return run_twice(argc, argv);
    }
    printf("replay: troupe-sim");
    for (int i = 1; i < argc; i++) {
        printf(" %s", argv[i]);
    }
    printf("\n");
    fflush(stdout);
    if (!arguments.is_verbose) {
        rt_log_sink_set(discard_log);
    }
    sim_environment.trace_path = arguments.trace;
    sim_environment.is_talking = arguments.is_verbose;
    if (arguments.trace != NULL || arguments.is_verbose) {
        arguments.run.jobs = 0;
    }
    int status = sim_run_all(&arguments.run, &hash);
    printf("trace hash %016" PRIx64 "\n", hash);
    return status;
}
