/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "tests/sim/liar.h"
#include "tests/sim/test.h"

/* Odd questions and lame servers by the hundred: what is cached besides stays as good as new
 * (security.md B7, B12). */

/* ---- B7: questions that are not about records ---- */

/* Meta-types and types that nobody has, with every combination of DO, CD and RD: what ordinary
 * questions hear afterwards is what they would have heard before. RFC6895-3.1. */
SIM_TEST(poison_meta_types)
{
    static const uint16_t metas[] = {0,   41,  128, 249,   250,   251,   252,   253,  254,
                                     255, 248, 256, 32768, 65279, 65280, 65534, 65535};
    static const uint16_t plain[] = {RS_A, RS_AAAA, RS_TXT, RS_NS, RS_SOA, RS_CNAME};
    static const char *const names[] = {"www.victim.", "victim.", "gone.bank.", "alias.victim."};
    struct rt_prng *prng;
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed});
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\nvictim. NS ns.victim.\nns.victim. A 5.0.0.2\n"
              "bank. NS ns.bank.\nns.bank. A 5.0.0.3");
    sim_serve(sim, "5.0.0.3", "bank.", "@ NS ns\nns A 5.0.0.3\n* 300 A 192.0.2.3");
    sim_serve(sim, "5.0.0.2", "victim.",
              "@ NS ns\nns A 5.0.0.2\nwww 300 A 192.0.2.2\nwww 300 TXT x\nalias 300 CNAME www");
    prng = sim_random(sim);
    for (unsigned i = 0; i < 200; i++) {
        uint16_t type =
            i < 4 * RT_ARRAY_COUNT(metas) ? metas[i / 4] : (uint16_t)rt_prng_below(prng, 65536);
        sim_ask_with(sim, &(struct sim_ask){.name = names[i % 4],
                                            .type = type,
                                            .is_dnssec_ok = rt_prng_below(prng, 2) == 0,
                                            .is_cd = rt_prng_below(prng, 2) == 0,
                                            .no_rd = rt_prng_below(prng, 4) == 0,
                                            .no_edns = rt_prng_below(prng, 4) == 0,
                                            .patience_ms = 2000,
                                            .delay_ns = i * RT_NS_PER_MS / 4});
    }
    sim_run_quiet(sim, 10000);
    unsigned first = sim_clients_count(sim_clients(sim));
    for (unsigned i = 0; i < RT_ARRAY_COUNT(names) * RT_ARRAY_COUNT(plain) * 2; i++) {
        const char *name = names[i % 4];
        uint16_t type = plain[i / 4 % RT_ARRAY_COUNT(plain)];
        sim_ask_with(sim, &(struct sim_ask){.name = name,
                                            .type = type,
                                            .is_dnssec_ok = i % 2 == 0,
                                            .truth = sim_truth_of(sim, name, type)});
        sim_run_quiet(sim, 10000);
    }
    struct sim_tally tally = sim_clients_tally(sim_clients(sim), first);
    EXPECT_NUMBERS(tally.right, ==, tally.asked);
    if (tally.right != tally.asked) {
        sim_test_explain(sim);
    }
    sim_free(sim);
}

/* ---- B12: many lame servers ---- */

/* CVE-2021-25219: what was lame for one zone is neither remembered at a price nor held against the
 * server elsewhere: good zones at the same addresses are answered as before, one packet each. */
SIM_TEST(poison_lame)
{
    enum { ZONES = 300, HONEST = 50 };
    char name[32];
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed, .upstream = {.latency_us_min = 1000, .latency_us_max = 1000}});
    struct sim_zone *root =
        sim_zone(sim, ".", "@ NS ns.\nns. A 5.0.0.1\ngood. NS ns.good.\nns.good. A 5.0.0.4");
    for (unsigned i = 0; i < ZONES; i++) {
        sim_zone_add(root, "l%u. NS a.l%u.\nl%u. NS b.l%u.\na.l%u. A 5.0.0.4\nb.l%u. A 5.0.0.5", i,
                     i, i, i, i, i);
    }
    sim_authority_serve(sim_authority(sim, "5.0.0.1", 0, NULL, NULL), root);
    sim_hint(sim, "ns.", "5.0.0.1");
    sim_serve(sim, "5.0.0.4", "good.", "@ NS ns\nns A 5.0.0.4\n* 300 A 192.0.2.7");
    sim_authority(sim, "5.0.0.5", SIM_LAME_UPWARD, NULL, NULL);
    for (unsigned i = 0; i < ZONES; i++) {
        snprintf(name, sizeof(name), "www.l%u.", i);
        sim_ask_with(sim,
                     &(struct sim_ask){.name = name, .type = RS_A, .delay_ns = i * RT_NS_PER_MS});
    }
    sim_run_quiet(sim, 20000);
    EXPECT_NUMBERS(sim_tally(sim).failed, ==, ZONES);
    uint64_t before = sim_upstream_packets(sim);
    EXPECT_NUMBERS(before, <=, ZONES * 4);
    for (unsigned i = 0; i < HONEST; i++) {
        snprintf(name, sizeof(name), "n%u.good.", i);
        sim_ask(sim, name, RS_A, 1);
        sim_run_quiet(sim, 5000);
    }
    struct sim_tally tally = sim_clients_tally(sim_clients(sim), ZONES);
    EXPECT_NUMBERS(tally.right, ==, HONEST);
    EXPECT_NUMBERS(tally.answer_ms_99, <=, 4);
    EXPECT_NUMBERS(sim_upstream_packets(sim) - before, <=, HONEST + 1);
    sim_free(sim);
}
