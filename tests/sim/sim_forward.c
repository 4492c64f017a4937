/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "tests/sim/test.h"

enum { QUESTIONS = 40 };

/* A resolver somewhere else, which knows the truth. */
static bool recurse(void *arg, const struct sim_message *query, const struct rt_addr *local,
                    struct sim_found *out)
{
    char name[1010];
    const struct sim_found *truth =
        sim_truth_of(arg, sim_name_text(&query->name, name), query->type);

    (void)local;
    if (truth == NULL || (query->flags & SIM_RD) == 0) {
        out->rcode = RS_SERVFAIL;
        return true;
    }
    out->rcode = truth->rcode;
    for (unsigned i = 0; i < truth->records.count; i++) {
        sim_found_add(out, 0, &truth->records.items[i]);
    }
    return true;
}

static void forward_all(void *arg, struct lu_settings *settings)
{
    struct rs_forward *forward = &settings->resolver.forwards[settings->resolver.forwards_count++];

    (void)arg;
    memset(forward, 0, sizeof(*forward));
    forward->name.size = 1;
    forward->mode = RS_FORWARD_RECURSE;
    forward->addrs_count = 2;
    RT_CHECK(rt_addr_parse("9.0.0.1", 53, &forward->addrs[0]) == RT_OK);
    RT_CHECK(rt_addr_parse("9.0.0.2", 53, &forward->addrs[1]) == RT_OK);
}

/* Everything is forwarded to two other resolvers, one of them dead: every answer is the true one,
 * and no authority hears anything. */
SIM_TEST(forward)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = {.latency_us_min = 100, .latency_us_max = 1000},
        .upstream = {.latency_us_min = 1000, .latency_us_max = 30000, .loss_permille = 20},
        .configure = forward_all,
    });
    struct sim_tree *tree = sim_tree_new(sim, &(struct sim_tree_options){.zones = 6});

    sim_authority(sim, "9.0.0.1", SIM_RECURSES, recurse, sim);
    sim_authority(sim, "9.0.0.2", seed % 2 == 0 ? SIM_DEAD : SIM_RECURSES, recurse, sim);
    sim_tree_ask(tree, QUESTIONS, 5000, 6, NULL);
    sim_run_quiet(sim, 20000);

    struct sim_tally tally = sim_tally(sim);
    EXPECT_NUMBERS(tally.right, ==, QUESTIONS);
    EXPECT_NUMBERS(sim_upstream_packets(sim), >, 0);
    for (unsigned i = 0; i < 200; i++) {
        char addr[32];
        snprintf(addr, sizeof(addr), "5.0.%u.53", i % 200 + 1);
        EXPECT_NUMBERS(sim_asked_at(sim, addr), ==, 0);
    }
    if (tally.right != QUESTIONS) {
        sim_test_explain(sim);
    }
    sim_tree_free(tree);
    sim_free(sim);
}
