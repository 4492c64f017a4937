/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

enum { QUESTIONS = 60, LATER_QUESTIONS = 20, LOST_MAX = 5 };

/* Two of ten allocations from pools and arenas fail for some seconds: buffers, timers, messages.
 * The resolver sheds what it cannot do. It says nothing untrue, loses hardly anybody who asks again
 * (over TCP a lost answer is a silent connection), and each of them is counted; it loses no block,
 * and works as before when memory is back. */
SIM_TEST(starved)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = {.latency_us_min = 100, .latency_us_max = 1000},
        .upstream = {.latency_us_min = 1000, .latency_us_max = 30000},
    });
    struct sim_tree *tree = sim_tree_new(sim, &(struct sim_tree_options){.zones = 6});

    sim_start(sim);
    sim_run(sim, 1000);
    struct sim_pools before = sim_pools(sim);
    sim_fault(sim, 200);
    sim_tree_ask(tree, QUESTIONS, 3000, 5,
                 &(struct sim_ask){.tries = 5, .retry_ms = 1500, .patience_ms = 14000});
    sim_run(sim, 4000);
    sim_fault(sim, 0);
    bool is_quiet = sim_run_quiet(sim, 20000);
    struct sim_tally tally = sim_tally(sim);
    EXPECT(is_quiet);
    EXPECT_NUMBERS(tally.answers + tally.lost, ==, QUESTIONS);
    EXPECT_NUMBERS(tally.lost, <=, sim_dropped(sim));
    EXPECT_NUMBERS(tally.lost, <=, LOST_MAX);
    EXPECT_NUMBERS(tally.wrong, ==, 0);

    sim_run(sim, 310 * 1000); /* RFC9520-3.2: failures are forgotten by then. */
    sim_tree_ask(tree, LATER_QUESTIONS, 1000, 1, NULL);
    sim_run_quiet(sim, 20000);
    sim_run(sim, 15000);
    struct sim_pools after = sim_pools(sim);
    EXPECT_NUMBERS(sim_clients_tally(sim_clients(sim), QUESTIONS).right, ==, LATER_QUESTIONS);
    EXPECT_NUMBERS(after.bufs, <=, before.bufs);
    EXPECT_NUMBERS(after.msgs, <=, before.msgs);
    EXPECT_NUMBERS(after.actors, <=, before.actors);
    sim_tree_free(tree);
    sim_free(sim);
}
