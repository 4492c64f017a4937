/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/test.h"

enum {
    QUESTIONS = 60,
    LATER_QUESTIONS = 60,
    REST_MS = 310 * 1000, /* RFC9520-3.2: no failure is remembered for longer than 5 minutes. */
};

static uint16_t upto(struct rt_prng *prng, unsigned permille_max)
{
    return (uint16_t)(rt_prng_below(prng, 3) == 0 ? 0 : rt_prng_below(prng, permille_max));
}

static struct sim_path bad_path(struct rt_prng *prng, bool is_client)
{
    return (struct sim_path){
        .latency_us_min = 100,
        .latency_us_max = 200 + (uint32_t)rt_prng_below(prng, is_client ? 2000 : 100000),
        .loss_permille = upto(prng, is_client ? 50 : 300),
        .duplicate_permille = is_client ? 0 : upto(prng, 200), /* or answers could not be counted */
        .reorder_permille = upto(prng, 300),
        .delay_permille = is_client ? 0 : upto(prng, 50),
        .corrupt_permille = 0, /* without DNSSEC a flipped bit in an address is the new truth */
        .refuse_permille = upto(prng, 200),
        .reset_permille = upto(prng, 100),
        .segment_bytes = (uint16_t)(rt_prng_below(prng, 2) == 0 ? 0 : 1 + rt_prng_below(prng, 100)),
    };
}

static void have_accident(struct sim *sim, unsigned *cut, bool *has_cut)
{
    struct rt_prng *prng = sim_random(sim);

    switch (rt_prng_below(prng, 7)) {
    case 0:
        sim_stall(sim, (unsigned)rt_prng_below(prng, sim_cores(sim)),
                  (unsigned)rt_prng_below(prng, 1500));
        return;
    case 1:
        sim_wall_jump(sim, (int64_t)rt_prng_below(prng, 1000000000) - 500000000);
        return;
    case 2:
        sim_kill_actors(sim, "query", -1, 300);
        return;
    case 3:
        sim_kill_actors(sim, rt_prng_below(prng, 2) == 0 ? "upstream" : "cache", -1, 300);
        return;
    case 4:
        if (*has_cut) {
            sim_heal(sim, *cut);
        }
        *cut = sim_cut(sim, rt_prng_below(prng, 2) == 0 ? "::/0" : "5.0.0.0/24");
        *has_cut = true;
        return;
    case 5: /* the process dies and starts again, with whatever the store has kept */
        sim_kill(sim);
        sim_run_without(sim, (unsigned)rt_prng_below(prng, 500));
        sim_start(sim);
        return;
    default:
        sim_fault(sim, (uint16_t)rt_prng_below(prng, 20));
        return;
    }
}

/* A good network again, after a while in which everybody rested; the questions reach every
 * listener, so that one that could not get a timer while allocations failed has its chance to clean
 * up. */
static void have_peace(struct sim *sim, struct sim_tree *tree)
{
    static const struct sim_path good = {.latency_us_min = 100, .latency_us_max = 20000};

    *sim_net_path(sim_network(sim), true) = good;
    *sim_net_path(sim_network(sim), false) = good;
    sim_open_fails(sim, 0);
    sim_run(sim, REST_MS);
    sim_tree_ask(tree, LATER_QUESTIONS, 3000, 1, NULL);
}

/* Everything at once, as the seed says. What must hold even then: no client hears something untrue
 * or anything twice; who asks again hears something, unless the network took every packet; and when
 * all is over, every buffer, message and actor is back. */
SIM_TEST(faults)
{
    struct rt_prng prng;
    rt_prng_init(&prng, seed ^ 0xfa17);
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = bad_path(&prng, true),
        .upstream = bad_path(&prng, false),
        .is_priming = rt_prng_below(&prng, 2) == 0,
        .open_fails_permille = upto(&prng, 20),
    });
    struct sim_tree *tree = sim_tree_new(
        sim,
        &(struct sim_tree_options){.odd_permille = 300, .bad_permille = 300, .has_no_lame = true});
    unsigned cut = 0;
    bool has_cut = false;

    sim_start(sim);
    sim_run(sim, 3000);
    struct sim_pools before = sim_pools(sim);
    sim_tree_ask(tree, QUESTIONS, 6000, 4,
                 &(struct sim_ask){.tries = 4, .retry_ms = 2000, .patience_ms = 14000});
    for (unsigned i = 0; i < 6; i++) {
        sim_run(sim, 1000);
        have_accident(sim, &cut, &has_cut);
    }
    sim_run(sim, 1000);
    sim_fault(sim, 0);
    if (has_cut) {
        sim_heal(sim, cut);
    }
    bool is_quiet = sim_run_quiet(sim, 60000);
    struct sim_tally tally = sim_tally(sim);
    EXPECT_NUMBERS(tally.answers + tally.lost, ==, QUESTIONS);
    have_peace(sim, tree);
    is_quiet &= sim_run_quiet(sim, 30000);
    sim_run(sim, 15000);                   /* idle connections end */
    is_quiet &= sim_run_quiet(sim, 10000); /* priming may just have begun */
    tally = sim_tally(sim);
    struct sim_tally later = sim_clients_tally(sim_clients(sim), QUESTIONS);
    struct sim_pools after = sim_pools(sim);

    EXPECT(is_quiet);
    EXPECT_NUMBERS(tally.wrong, ==, 0);
    EXPECT_NUMBERS(later.answers, ==, LATER_QUESTIONS);
    EXPECT_NUMBERS(later.right, >=, LATER_QUESTIONS * 8 / 10);
    EXPECT_NUMBERS(after.queries, ==, 0);
    EXPECT_NUMBERS(after.bufs, <=, before.bufs);
    EXPECT_NUMBERS(after.msgs, <=, before.msgs);
    EXPECT_NUMBERS(after.actors, <=, before.actors);
    if (tally.wrong > 0) {
        sim_test_explain(sim);
    }
    sim_tree_free(tree);
    sim_free(sim);
}
