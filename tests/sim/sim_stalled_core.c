/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

enum { QUESTIONS = 80 };

/* A core gets no processor for up to two seconds, as under an overloaded hypervisor. Its clients
 * wait; nobody is lost or hears anything twice, clients of other cores' names are served meanwhile,
 * and the servers that seemed silent are not condemned: later questions are answered well. */
SIM_TEST(stalled_core)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .cores = 2 + (unsigned)(seed % 3),
        .client = {.latency_us_min = 100, .latency_us_max = 1000},
        .upstream = {.latency_us_min = 1000, .latency_us_max = 30000},
    });
    struct sim_tree *tree = sim_tree_new(sim, &(struct sim_tree_options){.zones = 6});

    sim_tree_ask(tree, QUESTIONS, 3000, 5, NULL);
    for (unsigned i = 0; i < 3; i++) {
        sim_run(sim, 300 + (unsigned)rt_prng_below(sim_random(sim), 500));
        sim_stall(sim, (unsigned)rt_prng_below(sim_random(sim), sim_cores(sim)),
                  500 + (unsigned)rt_prng_below(sim_random(sim), 1500));
    }
    bool is_quiet = sim_run_quiet(sim, 20000);
    struct sim_tally tally = sim_tally(sim);

    EXPECT(is_quiet);
    EXPECT_NUMBERS(tally.answers, ==, QUESTIONS);
    EXPECT_NUMBERS(tally.duplicates + tally.wrong, ==, 0);
    EXPECT_NUMBERS(tally.right, >=, QUESTIONS * 95 / 100);
    unsigned first = sim_clients_count(sim_clients(sim));
    sim_run(sim, 10000);
    sim_tree_ask(tree, 20, 1000, 0, NULL);
    sim_run_quiet(sim, 10000);
    EXPECT_NUMBERS(sim_clients_tally(sim_clients(sim), first).right, ==, 20);
    sim_tree_free(tree);
    sim_free(sim);
}
