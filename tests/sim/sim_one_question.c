/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

enum { CLIENTS = 200 };

/* Clients on all cores ask one name at the same moment: their questions meet at the name's home
 * core and cost one question to the authority of the final name (also the defence against birthday
 * attacks: security.md A2). */
SIM_TEST(one_question)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .cores = 1 + (unsigned)(seed % 4),
        .client = {.latency_us_min = 100, .latency_us_max = 5000},
        .upstream = {.latency_us_min = 20000, .latency_us_max = 80000},
    });
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\nexample. NS ns.example.\nns.example. A 5.0.0.2");
    sim_serve(sim, "5.0.0.2", "example.",
              "@ NS ns\nns A 5.0.0.2\nwww 300 A 192.0.2.80\nalias 300 CNAME www");

    for (unsigned i = 0; i < CLIENTS; i++) {
        sim_ask_with(sim, &(struct sim_ask){
                              .name = i % 2 == 0 ? "www.example." : "WwW.eXample.",
                              .type = RS_A,
                              .truth = sim_truth_of(sim, "www.example.", RS_A),
                              .is_tcp = i % 16 == 5,
                              .is_dnssec_ok = i % 4 == 1,
                              .server = sim_resolver_addr(sim, i % 8 == 3 ? 6 : 4),
                          });
    }
    sim_run_quiet(sim, 10000);

    struct sim_tally tally = sim_tally(sim);
    EXPECT_NUMBERS(tally.right, ==, CLIENTS);
    EXPECT_NUMBERS(tally.duplicates, ==, 0);
    EXPECT_NUMBERS(sim_asked(sim, "www.example.", RS_A), ==, 1);
    sim_test_explain(sim);
    sim_free(sim);
}
