/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

/* Shows that the checks bite: the authority lies about a name whose truth we know otherwise. A run
 * that calls this right would call everything right. */
SIM_CANARY(canary)
{
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed});

    sim_serve(sim, "5.0.0.53", ".", "@ NS ns\nns A 5.0.0.53\nwww 300 A 203.0.113.66");
    struct sim_zone *truth = sim_zone_new(".", "www 300 A 192.0.2.80");
    struct sim_name name = sim_name("www.");
    struct sim_found found;
    EXPECT(sim_truth(&truth, 1, &name, RS_A, 1, &found));
    sim_ask_with(sim, &(struct sim_ask){.name = "www.", .type = RS_A, .truth = &found});
    sim_run_quiet(sim, 10000);

    EXPECT_NUMBERS(sim_tally(sim).right, ==, 1);
    sim_found_free(&found);
    sim_zone_free(truth);
    sim_free(sim);
}
