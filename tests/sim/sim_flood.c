/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "tests/sim/test.h"

enum { FLOOD = 1600, HONEST = 50, QUERIES_MAX = 128 };

static void configure(void *arg, struct lu_settings *settings)
{
    (void)arg;
    settings->queries_max = QUERIES_MAX;
}

/* Far more new names than the resolver may work on, all at a zone whose servers are dead: each
 * would keep a query busy for seconds. Everybody hears something (a late or a refused answer is
 * one), or is counted as dropped by a full socket; memory stays within its bounds and comes back;
 * names in the cache are answered all the while. */
SIM_TEST(flood)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .cores = 1 + (unsigned)(seed % 3),
        .client = {.latency_us_min = 100, .latency_us_max = 1000},
        .upstream = {.latency_us_min = 1000, .latency_us_max = 20000},
        .configure = configure,
    });
    char name[64];
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\nexample. NS ns.example.\nns.example. A 5.0.0.2\n"
              "dead. NS ns.dead.\nns.dead. A 5.0.0.3");
    sim_serve(sim, "5.0.0.2", "example.", "@ NS ns\nns A 5.0.0.2\nwww 300 A 192.0.2.80");
    sim_authority(sim, "5.0.0.3", SIM_DEAD, NULL, NULL);
    sim_ask(sim, "www.example.", RS_A, 1);
    sim_run_quiet(sim, 5000);
    struct sim_pools before = sim_pools(sim), peak = {0};

    for (unsigned i = 0; i < FLOOD; i++) {
        snprintf(name, sizeof(name), "n%u.dead.", i);
        sim_ask_with(sim, &(struct sim_ask){.name = name,
                                            .type = RS_A,
                                            .patience_ms = 15000,
                                            .is_tcp = i % 64 == 63,
                                            .delay_ns = (i * UINT64_C(300)) * RT_NS_PER_US});
    }
    for (unsigned i = 0; i < HONEST; i++) {
        sim_ask_with(sim, &(struct sim_ask){.name = "www.example.",
                                            .type = RS_A,
                                            .truth = sim_truth_of(sim, "www.example.", RS_A),
                                            .delay_ns = (i * 18 + 20) * RT_NS_PER_MS});
    }
    for (unsigned ms = 0; ms < 16000; ms += 100) {
        sim_run(sim, 100);
        struct sim_pools now = sim_pools(sim);
        peak.queries = now.queries > peak.queries ? now.queries : peak.queries;
        peak.bufs = now.bufs > peak.bufs ? now.bufs : peak.bufs;
    }
    bool is_quiet = sim_run_quiet(sim, 10000);
    struct sim_pools after = sim_pools(sim);
    struct sim_tally tally = sim_tally(sim);
    struct sim_tally honest = sim_clients_tally(sim_clients(sim), 1 + FLOOD);

    EXPECT(is_quiet);
    EXPECT_NUMBERS(honest.right, ==, HONEST);
    EXPECT_NUMBERS(tally.lost, <=, sim_dropped(sim));
    EXPECT_NUMBERS(tally.wrong + tally.duplicates, ==, 0);
    EXPECT_NUMBERS(peak.queries, <=, QUERIES_MAX * sim_cores(sim));
    EXPECT_NUMBERS(peak.queries, >, QUERIES_MAX / 2); /* or this was no flood */
    EXPECT_NUMBERS(after.bufs, <=, before.bufs);
    EXPECT_NUMBERS(after.msgs, <=, before.msgs);
    EXPECT_NUMBERS(after.actors, <=, before.actors);
    EXPECT_NUMBERS(sim_test_allocations(), ==, 0);
    sim_free(sim);
}
