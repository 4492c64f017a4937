/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

enum { QUESTIONS = 30, DRAIN_MS = 1000 };

/* An operator stops the resolver while it works: within a second it has gone, and whoever had asked
 * before has an answer. (SERVFAIL is one: the client turns to another resolver at once.) */
SIM_TEST(drain)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = {.latency_us_min = 100, .latency_us_max = 1000},
        .upstream = {.latency_us_min = 5000, .latency_us_max = 60000, .loss_permille = 50},
    });
    struct sim_tree *tree = sim_tree_new(sim, &(struct sim_tree_options){.zones = 8});

    sim_tree_ask(tree, QUESTIONS, 300, 5, NULL);
    sim_run(sim, 310);
    EXPECT(sim_stop(sim, DRAIN_MS));
    sim_run_without(sim, 100); /* what has been sent arrives */

    struct sim_tally tally = sim_tally(sim);
    unsigned heard = 0;
    for (unsigned i = 0; i < QUESTIONS; i++) {
        const struct sim_question *question = sim_clients_question(sim_clients(sim), i);
        heard += question->answers > 0 || question->was_truncated; /* then TCP was refused */
    }
    EXPECT_NUMBERS(heard, ==, QUESTIONS);
    EXPECT_NUMBERS(tally.wrong + tally.duplicates, ==, 0);
    if (heard != QUESTIONS) {
        sim_test_explain(sim);
    }
    sim_tree_free(tree);
    sim_free(sim);
}
