/* SPDX-License-Identifier: GPL-3.0-or-later */

/* troupe-rpl: plays scenarios and says what came of each. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/log.h"
#include "tests/scenario/play.h"

enum { EXPECTED_MAX = 256, LINE_BYTES = 512 };

/* Scenarios that are known to fail, with the reason: "deckard/x.rpl  why". */
struct expected {
    unsigned count;
    bool is_seen[EXPECTED_MAX];
    char names[EXPECTED_MAX][128], reasons[EXPECTED_MAX][256];
};

static bool read_expected(const char *path, struct expected *out)
{
    char line[LINE_BYTES];
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        fprintf(stderr, "troupe-rpl: cannot read %s\n", path);
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL && out->count < EXPECTED_MAX) {
        line[strcspn(line, "#\n")] = '\0';
        if (sscanf(line, "%127s %255[^\n]", out->names[out->count], out->reasons[out->count]) ==
            2) {
            out->count++;
        }
    }
    fclose(file);
    return true;
}

static int find_expected(const struct expected *expected, const char *name)
{
    for (unsigned i = 0; i < expected->count; i++) {
        if (strcmp(expected->names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* The last two parts of a path: what index.tsv and expected.txt call a scenario. */
static const char *short_name(const char *path)
{
    const char *name = path + strlen(path);
    for (unsigned slashes = 0; name > path; name--) {
        if (name[-1] == '/' && ++slashes == 2) {
            break;
        }
    }
    return name;
}

static int usage(void)
{
    fprintf(stderr, "usage: troupe-rpl [--cores=N] [--quiet] [--expected=FILE] FILE...\n"
                    "Plays .rpl scenarios in the simulator. --quiet: only failures and the total.\n"
                    "--expected: scenarios that are known to fail; exit 0 when just these do.\n");
    return 2;
}

static bool play_file(const char *path, unsigned cores, struct play_verdict *verdict)
{
    struct rpl_scenario scenario;
    char error[256];

    if (!rpl_read(path, &scenario, error)) {
        verdict->result = PLAY_FAIL;
        snprintf(verdict->reason, sizeof(verdict->reason), "cannot read it: %s", error);
        return false;
    }
    play_scenario(&scenario, cores, verdict);
    rpl_free(&scenario);
    return true;
}

int main(int argc, char **argv)
{
    static const char *const words[] = {"PASS", "FAIL", "SKIP"};
    static struct expected expected;
    unsigned cores = 1, counts[3] = {0}, surprises = 0;
    bool is_quiet = false;
    int first = 1;

    for (; first < argc && strncmp(argv[first], "--", 2) == 0; first++) {
        if (sscanf(argv[first], "--cores=%u", &cores) == 1 && cores >= 1 && cores <= 16) {
            continue;
        } else if (strcmp(argv[first], "--quiet") == 0) {
            is_quiet = true;
        } else if (strncmp(argv[first], "--expected=", 11) == 0) {
            if (!read_expected(argv[first] + 11, &expected)) {
                return 2;
            }
        } else {
            return usage();
        }
    }
    if (first == argc) {
        return usage();
    }
    rt_log_level_set(RT_LOG_CRIT);
    for (int i = first; i < argc; i++) {
        struct play_verdict verdict = {0};
        const char *name = short_name(argv[i]);
        int known = find_expected(&expected, name);

        play_file(argv[i], cores, &verdict);
        counts[verdict.result]++;
        if (known >= 0) {
            expected.is_seen[known] = true;
        }
        bool is_surprise =
            (verdict.result == PLAY_FAIL) != (known >= 0) && verdict.result != PLAY_SKIP;
        surprises += is_surprise;
        if (!is_quiet || is_surprise) {
            printf("%s %s%s%s%s%s\n", words[verdict.result], name, verdict.reason[0] ? ": " : "",
                   verdict.reason, known >= 0 ? " -- expected to fail: " : "",
                   known >= 0 ? expected.reasons[known] : "");
        }
        fflush(stdout);
    }
    printf("%u passed, %u failed, %u skipped\n", counts[PLAY_PASS], counts[PLAY_FAIL],
           counts[PLAY_SKIP]);
    if (expected.count > 0) {
        return surprises == 0 ? 0 : 1;
    }
    return counts[PLAY_FAIL] == 0 ? 0 : 1;
}
