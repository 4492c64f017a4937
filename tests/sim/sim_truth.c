/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

enum { QUESTIONS = 40 };

/* A random tree on a good network: every answer is the true one, and each client gets it once. */
SIM_TEST(truth)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = {.latency_us_min = 100, .latency_us_max = 2000},
        .upstream = {.latency_us_min = 1000, .latency_us_max = 40000},
        .is_priming = seed % 2 == 0,
        .has_no_cache = seed % 7 == 0,
        .has_no_ipv6 = seed % 5 == 0,
    });
    struct sim_tree *tree =
        sim_tree_new(sim, &(struct sim_tree_options){.has_ipv4_everywhere = seed % 5 == 0});

    sim_tree_ask(tree, QUESTIONS, 4000, 6, NULL);
    sim_run_quiet(sim, 20000);

    struct sim_tally tally = sim_tally(sim);
    EXPECT_NUMBERS(tally.right, ==, QUESTIONS);
    EXPECT_NUMBERS(tally.duplicates, ==, 0);
    if (tally.right != QUESTIONS) {
        sim_test_explain(sim);
    }
    sim_tree_free(tree);
    EXPECT_NUMBERS(sim_test_allocations(), ==, 0);
    sim_free(sim);
}

/* The same with what is usual outside: some loss, peculiar servers, and some that are of no use. A
 * resolver copes with all of that: still every answer is the true one. */
SIM_TEST(truth_odd)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = {.latency_us_min = 100, .latency_us_max = 2000},
        .upstream = {.latency_us_min = 1000,
                     .latency_us_max = 60000,
                     .loss_permille = 10,
                     .duplicate_permille = 20,
                     .reorder_permille = 50,
                     .segment_bytes = (uint16_t)(seed % 3 == 0 ? 1 : 0)},
        .is_priming = seed % 2 == 0,
    });
    struct sim_tree *tree = sim_tree_new(
        sim, &(struct sim_tree_options){.odd_permille = 250, .bad_permille = 150, .good_min = 2});

    sim_tree_ask(tree, QUESTIONS, 6000, 6, NULL);
    sim_run_quiet(sim, 30000);

    struct sim_tally tally = sim_tally(sim);
    EXPECT_NUMBERS(tally.right, ==, QUESTIONS);
    EXPECT_NUMBERS(tally.duplicates, ==, 0);
    if (tally.right != QUESTIONS) {
        sim_test_explain(sim);
    }
    sim_tree_free(tree);
    EXPECT_NUMBERS(sim_test_allocations(), ==, 0);
    sim_free(sim);
}
