/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

enum { HOURS = 6, QUESTIONS_PER_HOUR = 30 };

/* A quarter of a day: TTLs end and begin again, the roots are primed anew, connections come and go,
 * some packets are lost. Nothing grows, and every answer is right. */
SIM_TEST_RARE(long_run, 4)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = {.latency_us_min = 100, .latency_us_max = 1000},
        .upstream = {.latency_us_min = 1000, .latency_us_max = 40000, .loss_permille = 5},
        .is_priming = true,
    });
    struct sim_tree *tree = sim_tree_new(
        sim, &(struct sim_tree_options){.zones = 6, .odd_permille = 100, .good_min = 2});

    sim_start(sim);
    sim_run(sim, 5000);
    sim_run_quiet(sim, 10000);
    struct sim_pools before = sim_pools(sim);
    for (unsigned hour = 0; hour < HOURS; hour++) {
        sim_tree_ask(tree, QUESTIONS_PER_HOUR, 3500 * 1000, 6, NULL);
        sim_run(sim, 3600 * 1000);
    }
    sim_run_quiet(sim, 20000);
    struct sim_pools after = sim_pools(sim);
    struct sim_tally tally = sim_tally(sim);

    EXPECT_NUMBERS(tally.right, ==, HOURS * QUESTIONS_PER_HOUR);
    EXPECT_NUMBERS(after.bufs, <=, before.bufs);
    EXPECT_NUMBERS(after.msgs, <=, before.msgs);
    EXPECT_NUMBERS(after.actors, <=, before.actors);
    if (tally.right != HOURS * QUESTIONS_PER_HOUR) {
        sim_test_explain(sim);
    }
    sim_tree_free(tree);
    sim_free(sim);
}
