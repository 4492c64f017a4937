/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

enum { QUESTIONS = 60, LOST_MAX = 2, RIGHT_PERCENT = 99 };

/* This host has an IPv6 address, and not one IPv6 packet comes back: the usual misconfiguration.
 * Answers are right all the same, and soon nobody waits for IPv6 any more: what RFC8305-1 and
 * RFC6724-2 want for applications, here for a resolver's choice of servers. */
SIM_TEST(ipv6_broken)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = {.latency_us_min = 100, .latency_us_max = 1000},
        .upstream = {.latency_us_min = 1000, .latency_us_max = 30000},
    });
    struct sim_tree *tree =
        sim_tree_new(sim, &(struct sim_tree_options){.zones = 8, .has_ipv4_everywhere = true});

    sim_cut(sim, "2a00::/16"); /* the authorities' addresses: clients are elsewhere */
    sim_tree_ask(tree, QUESTIONS, 20000, 0, NULL);
    sim_run_quiet(sim, 30000);
    struct sim_tally tally = sim_tally(sim);
    EXPECT_NUMBERS(tally.wrong, ==, 0);
    EXPECT_NUMBERS(tally.right, >=, QUESTIONS - LOST_MAX);
    if (tally.right < QUESTIONS - LOST_MAX) {
        sim_test_explain(sim);
    }
    sim_tree_ask(tree, QUESTIONS, 20000, 0, NULL);
    sim_run_quiet(sim, 30000);
    tally = sim_clients_tally(sim_clients(sim), QUESTIONS);
    sim_population("ipv6_broken", tally.right, tally.asked, RIGHT_PERCENT);
    EXPECT_NUMBERS(tally.right, >=, QUESTIONS - LOST_MAX);
    EXPECT_NUMBERS(tally.answer_ms_50, <=, 500);
    sim_tree_free(tree);
    sim_free(sim);
}
