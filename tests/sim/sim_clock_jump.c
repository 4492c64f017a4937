/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "tests/sim/test.h"

/* The wall clock jumps by hours or years, both ways: a record lives exactly as long as its TTL says
 * by the clock that nobody can set. */
SIM_TEST(clock_jump)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .upstream = {.latency_us_min = 1000, .latency_us_max = 5000},
    });
    int64_t jump_ms =
        (int64_t)rt_prng_below(sim_random(sim), UINT64_C(40000000000)) - INT64_C(20000000000);
    unsigned ttl_s = 60 + (unsigned)(seed % 200);
    char zone[128];
    snprintf(zone, sizeof(zone), "@ 86400 NS ns.\nns. 86400 A 5.0.0.1\nwww %u A 192.0.2.80", ttl_s);
    sim_serve(sim, "5.0.0.1", ".", zone);

    sim_ask(sim, "www.", RS_A, 1);
    sim_run_quiet(sim, 5000);
    sim_wall_jump(sim, jump_ms);
    sim_run(sim, (ttl_s - 10) * 1000); /* still alive */
    sim_ask(sim, "www.", RS_A, 3);
    sim_run_quiet(sim, 5000);
    EXPECT_NUMBERS(sim_asked(sim, "www.", RS_A), ==, 1);
    sim_wall_jump(sim, -2 * jump_ms);
    sim_run(sim, 12 * 1000); /* dead by now, whatever the wall clock says */
    sim_ask(sim, "www.", RS_A, 1);
    sim_run_quiet(sim, 5000);

    EXPECT_NUMBERS(sim_asked(sim, "www.", RS_A), ==, 2);
    EXPECT_NUMBERS(sim_tally(sim).right, ==, 5);
    sim_free(sim);
}
