/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

enum { QUESTIONS = 25 };

/* The process is killed and starts again: what it had committed is answered without a single packet
 * to anybody, whatever the moment of the kill. */
SIM_TEST(restart)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = {.latency_us_min = 100, .latency_us_max = 1000},
        .upstream = {.latency_us_min = 1000, .latency_us_max = 20000},
    });
    struct sim_tree *tree = sim_tree_new(sim, &(struct sim_tree_options){.zones = 6});
    struct sim_tree_question questions[QUESTIONS];

    for (unsigned i = 0; i < QUESTIONS; i++) {
        sim_tree_question(tree, &questions[i]);
        sim_ask_with(sim, &(struct sim_ask){.name = questions[i].name,
                                            .type = questions[i].type,
                                            .truth = questions[i].truth});
        sim_run_quiet(sim, 8000);
    }
    EXPECT_NUMBERS(sim_tally(sim).right, ==, QUESTIONS);
    /* Strangers keep it busy while it dies. */
    sim_tree_ask(tree, 20, 10, 4, &(struct sim_ask){.patience_ms = 100});
    sim_run(sim, 1 + (unsigned)(seed % 20));
    if (seed % 4 == 0) {
        EXPECT(sim_stop(sim, 8000));
    } else {
        sim_kill(sim);
    }
    sim_start(sim);
    sim_run(sim, 200);

    unsigned first = sim_clients_count(sim_clients(sim));
    uint64_t packets = sim_upstream_packets(sim);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        sim_ask_with(sim, &(struct sim_ask){.name = questions[i].name,
                                            .type = questions[i].type,
                                            .truth = questions[i].truth,
                                            .is_tcp = i % 5 == 4});
    }
    sim_run_quiet(sim, 10000);
    struct sim_tally tally = sim_clients_tally(sim_clients(sim), first);
    EXPECT_NUMBERS(tally.right, ==, QUESTIONS);
    EXPECT_NUMBERS(sim_upstream_packets(sim), ==, packets);
    if (tally.right != QUESTIONS) {
        sim_test_explain(sim);
    }
    sim_tree_free(tree);
    sim_free(sim);
}
