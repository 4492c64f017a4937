/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

enum { QUESTIONS = 60 };

/* Actors die in the middle of their work, any kind but the one that restarts the others. No client
 * waits for ever: clients of a dead query hear SERVFAIL or ask on their next try; what has one
 * instance comes back. A client that sends a second datagram, as stubs do, gets its answer. */
SIM_TEST(actor_kill)
{
    static const char *const victims[] = {"query",        "desk",         "upstream", "cache",
                                          "listener_udp", "listener_tcp", "query"};
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = {.latency_us_min = 100, .latency_us_max = 1000},
        .upstream = {.latency_us_min = 5000, .latency_us_max = 60000},
    });
    struct sim_tree *tree = sim_tree_new(sim, &(struct sim_tree_options){.zones = 6});
    unsigned killed = 0;

    sim_tree_ask(tree, QUESTIONS, 2000, 0,
                 &(struct sim_ask){.tries = 4, .retry_ms = 1500, .patience_ms = 9000});
    for (unsigned i = 0; i < 6; i++) {
        const char *victim = victims[(seed + i * 5) % RT_ARRAY_COUNT(victims)];
        sim_run(sim, 150 + (unsigned)rt_prng_below(sim_random(sim), 300));
        killed += sim_kill_actors(sim, victim, -1, 500);
    }
    bool is_quiet = sim_run_quiet(sim, 20000);
    struct sim_tally tally = sim_tally(sim);

    (void)killed;
    EXPECT(is_quiet);
    EXPECT_NUMBERS(tally.answers, ==, QUESTIONS);
    EXPECT_NUMBERS(tally.wrong, ==, 0);
    /* Afterwards everything works as if nothing had been. */
    unsigned first = sim_clients_count(sim_clients(sim));
    sim_run(sim, 7000); /* failures are remembered for some seconds (RFC9520) */
    sim_tree_ask(tree, 20, 500, 5, NULL);
    sim_run_quiet(sim, 20000);
    tally = sim_clients_tally(sim_clients(sim), first);
    EXPECT_NUMBERS(tally.right, ==, 20);
    if (tally.right != 20) {
        sim_test_explain(sim);
    }
    sim_tree_free(tree);
    sim_free(sim);
}
