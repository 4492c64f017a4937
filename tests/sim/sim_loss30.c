/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

enum { QUESTIONS = 60, ANSWER_MS_MAX = 5000, RIGHT_PERCENT = 97 };
enum { RIGHT_PERCENT_OF_ONE_RUN = 85 }; /* One run is too few to judge the share. */

/* Three of ten packets are lost in each direction between resolver and authorities: half of all
 * exchanges fail. Every client gets exactly one answer, and 97 of 100 get the true one within 5 s.
 *
 * The way between clients and resolver is lossless here: each client sends one datagram, so what is
 * measured is the resolver's own endurance and not the stub's. Two to four servers for each zone,
 * as outside; the names are few enough that the cache fills, as it does outside. */
SIM_TEST(loss30)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = {.latency_us_min = 100, .latency_us_max = 1000},
        .upstream = {.latency_us_min = 2000, .latency_us_max = 30000, .loss_permille = 300},
    });
    struct sim_tree *tree =
        sim_tree_new(sim, &(struct sim_tree_options){.zones = 6, .levels = 2, .good_min = 2});

    sim_tree_ask(tree, QUESTIONS, 20000, 0, &(struct sim_ask){.patience_ms = ANSWER_MS_MAX});
    sim_run_quiet(sim, 40000);

    struct sim_tally tally = sim_tally(sim);
    EXPECT_NUMBERS(tally.answers + tally.lost, ==, QUESTIONS);
    EXPECT_NUMBERS(tally.duplicates, ==, 0);
    EXPECT_NUMBERS(tally.wrong, ==, 0);
    sim_population("loss30", tally.right, tally.asked, RIGHT_PERCENT);
    EXPECT_NUMBERS(tally.right, >=, QUESTIONS * RIGHT_PERCENT_OF_ONE_RUN / 100);
    sim_run(sim, 5000); /* Late answers would show here. */
    tally = sim_tally(sim);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        EXPECT_NUMBERS(sim_clients_question(sim_clients(sim), i)->answers, ==, 1);
    }
    sim_tree_free(tree);
    EXPECT_NUMBERS(sim_test_allocations(), ==, 0);
    sim_free(sim);
}
