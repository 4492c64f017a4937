/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

enum { CONNECTIONS = 8, QUESTIONS = 80, DEAF_QUESTIONS = 300 };

/* Clients that pipeline over a few connections, cut into pieces of any size: each answer comes
 * once, on the connection of its question (RFC7766-6.2.1.1). One of them asks and asks for large
 * answers and reads nothing: it is held back, costs a bounded number of buffers, and goes in the
 * end. */
SIM_TEST(tcp_clients)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = {.latency_us_min = 100,
                   .latency_us_max = 5000,
                   .segment_bytes = (uint16_t)(seed % 4 == 0   ? 1
                                               : seed % 4 == 1 ? 7
                                                               : 0)},
        .upstream = {.latency_us_min = 1000, .latency_us_max = 30000},
    });
    struct sim_tree *tree = sim_tree_new(sim, &(struct sim_tree_options){.zones = 6});
    struct sim_pools before, peak = {0};

    sim_start(sim);
    sim_run(sim, 1000);
    before = sim_pools(sim);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        struct sim_ask base = {.connection = 1 + i % CONNECTIONS, .payload = 4096};
        sim_tree_ask(tree, 1, 3000, 1, &base);
    }
    for (unsigned i = 0; i < DEAF_QUESTIONS; i++) {
        sim_ask_with(sim, &(struct sim_ask){.name = "big.",
                                            .type = RS_TXT,
                                            .is_tcp = true,
                                            .is_deaf = true,
                                            .connection = CONNECTIONS + 1,
                                            .delay_ns = 500 * RT_NS_PER_MS + i * RT_NS_PER_MS});
    }
    for (unsigned ms = 0; ms < 5000; ms += 50) {
        sim_run(sim, 50);
        struct sim_pools now = sim_pools(sim);
        peak.bufs = now.bufs > peak.bufs ? now.bufs : peak.bufs;
    }
    sim_run_quiet(sim, 20000);
    sim_run(sim, 30000); /* idle and deaf connections end */

    unsigned right = 0, twice = 0;
    for (unsigned i = 0; i < QUESTIONS; i++) {
        const struct sim_question *question = sim_clients_question(sim_clients(sim), i);
        right += question->verdict == SIM_RIGHT;
        twice += question->answers > 1;
    }
    struct sim_pools after = sim_pools(sim);
    EXPECT_NUMBERS(right, ==, QUESTIONS);
    EXPECT_NUMBERS(twice, ==, 0);
    EXPECT_NUMBERS(peak.bufs, <=, before.bufs + 2 * RT_STREAM_WRITES_MAX + QUESTIONS);
    EXPECT_NUMBERS(after.bufs, <=, before.bufs);
    EXPECT_NUMBERS(after.actors, <=, before.actors);
    sim_tree_free(tree);
    EXPECT_NUMBERS(sim_test_allocations(), ==, 0);
    sim_free(sim);
}
