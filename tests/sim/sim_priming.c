/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

enum { TTL_S = 600 };

/* RFC9609-3.2, modules.md 19.2 (PRIM-1, PRIM-2): the root's name servers and their addresses are
 * learnt at the start and used instead of the hint. They are ordinary cached data: a process that
 * starts again asks nobody while they live, and asks once when they do not. */
SIM_TEST(priming_restart)
{
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed, .is_priming = true});
    const char *zone = "@ 600 NS a.\n@ 600 NS b.\na. 600 A 5.0.0.1\nb. 600 A 5.0.0.2\n"
                       "*.tld. 0 A 192.0.2.1";

    sim_serve(sim, "5.0.0.1", ".", zone);
    sim_serve(sim, "5.0.0.2", ".", zone);
    sim_run(sim, 2000);
    EXPECT_NUMBERS(sim_asked(sim, ".", RS_NS), ==, 1);

    uint64_t packets = sim_upstream_packets(sim);
    sim_kill(sim);
    sim_start(sim);
    sim_run(sim, 2000);
    EXPECT_NUMBERS(sim_upstream_packets(sim), ==, packets);

    sim_run(sim, (TTL_S + 10) * 1000);
    EXPECT_NUMBERS(sim_asked(sim, ".", RS_NS), ==, 2);
    sim_free(sim);
}
