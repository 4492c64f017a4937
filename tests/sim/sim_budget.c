/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/hostile.h"
#include "tests/sim/test.h"

enum {
    PACKETS_MAX = 64,       /* RS_BUDGET_PACKETS: of one client question, in all */
    VICTIM_PACKETS_MAX = 8, /* NXNSAttack: what a bystander may feel (security.md C2) */
};

/* One question into a hostile tree: it ends in time, and never costs more than its budget, however
 * the tree multiplies names, aliases and delegations. Asked again, it costs hardly anything. */
static void ask_hostile(uint64_t seed, enum sim_hostility hostility, unsigned width)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = {.latency_us_min = 100, .latency_us_max = 1000},
        .upstream = {.latency_us_min = 500, .latency_us_max = 5000},
        .has_no_cache = seed % 3 == 0,
    });
    struct sim_hostile *hostile = sim_hostile_new(sim, hostility, width);

    sim_ask_with(sim, &(struct sim_ask){.name = sim_hostile_name(hostile), .type = RS_A});
    bool is_quiet = sim_run_quiet(sim, 15000);
    struct sim_tally tally = sim_tally(sim);
    uint64_t packets = sim_upstream_packets(sim);

    EXPECT(is_quiet);
    EXPECT_NUMBERS(tally.answers, ==, 1);
    EXPECT_NUMBERS(tally.answer_ms_max, <=, 7000);
    EXPECT_NUMBERS(packets, <=, PACKETS_MAX);
    EXPECT_NUMBERS(sim_asked_at(sim, SIM_HOSTILE_VICTIM), <=, VICTIM_PACKETS_MAX);
    sim_ask_with(sim, &(struct sim_ask){.name = sim_hostile_name(hostile), .type = RS_A});
    sim_run_quiet(sim, 15000);
    EXPECT_NUMBERS(sim_upstream_packets(sim), <=, packets + PACKETS_MAX);
    sim_hostile_free(hostile);
    sim_free(sim);
}

SIM_TEST(budget)
{
    static const unsigned widths[] = {1, 5, 13, 40, 60};

    ask_hostile(seed, (enum sim_hostility)(seed % SIM_HOSTILITIES),
                widths[seed / SIM_HOSTILITIES % RT_ARRAY_COUNT(widths)]);
}
