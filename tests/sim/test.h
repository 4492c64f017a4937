/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* test: the registry of simulated properties and their expectations. A property is a function of a
 * seed; each file sim_<property>.c registers one or a few. */

#include <stdint.h>
#include <stdlib.h>

#include "tests/sim/sim.h"
#include "tests/sim/tree.h"

typedef void sim_test_run(uint64_t seed);

struct sim_test {
    const char *name;
    sim_test_run *run;
    bool must_fail;  /* a canary: shows that the checks bite. Only run by name */
    unsigned one_in; /* of so many seeds one is run, when nobody names the property; 0: all */
    struct sim_test *next;
};

void sim_test_register(struct sim_test *test);

#define SIM_TEST_KIND(test_name, is_canary, rarity)                                                \
    static void sim_run_##test_name(uint64_t seed);                                                \
    __attribute__((constructor)) static void sim_register_##test_name(void)                        \
    {                                                                                              \
        static struct sim_test test = {#test_name, sim_run_##test_name, is_canary, rarity, NULL};  \
        sim_test_register(&test);                                                                  \
    }                                                                                              \
    static void sim_run_##test_name(uint64_t seed)

#define SIM_TEST(name)   SIM_TEST_KIND(name, false, 0)
#define SIM_CANARY(name) SIM_TEST_KIND(name, true, 0)
/* For properties that need a second or so: one of `one_in` seeds is enough. */
#define SIM_TEST_RARE(name, one_in) SIM_TEST_KIND(name, false, one_in)

/* Says what is wrong and how to replay it; the test goes on. */
void sim_test_failed(const char *file, int line, const char *text);

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            sim_test_failed(__FILE__, __LINE__, #condition);                                       \
        }                                                                                          \
    } while (0)

/* `a op b` for unsigned numbers, with their values in the report. */
void sim_test_compared(const char *file, int line, const char *text, uint64_t a, uint64_t b);
#define EXPECT_NUMBERS(a, op, b)                                                                   \
    do {                                                                                           \
        uint64_t sim_a = (uint64_t)(a), sim_b = (uint64_t)(b);                                     \
        if (!(sim_a op sim_b)) {                                                                   \
            sim_test_compared(__FILE__, __LINE__, #a " " #op " " #b, sim_a, sim_b);                \
        }                                                                                          \
    } while (0)

/* A share that only many runs together can show: `good` of `all` in this run. The runner adds them
 * up under `name` and fails when fewer than `percent` of 100 are good, once a thousand have been
 * seen. */
void sim_population(const char *name, uint64_t good, uint64_t all, unsigned percent);

/* What the code under test has allocated after its start, since the last call. */
uint64_t sim_test_allocations(void);

/* Lines about each question that is not right, for people: at most ten. */
void sim_test_explain(struct sim *sim);
