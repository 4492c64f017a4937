/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "tests/sim/test.h"

enum { ROUNDING_S = 1 }; /* Shard and answer cache each count whole seconds from their own start. */

/* The TTL of the first record of a question's answer; 0xFFFFFFFF without one. */
static uint32_t ttl_of(struct sim *sim, unsigned number)
{
    const struct sim_question *question = sim_clients_question(sim_clients(sim), number);
    struct sim_message message;
    uint32_t ttl_s = UINT32_MAX;

    if (question->wire != NULL && sim_message_read(question->wire, question->wire_size, &message)) {
        ttl_s = message.records.count > 0 ? message.records.items[0].ttl_s : UINT32_MAX;
        sim_message_free(&message);
    }
    return ttl_s;
}

/* A TTL counts down second by second, from whichever cache it is answered, and at its end the
 * record is fetched once more (RFC1035-3.2.1, RFC2181-8). Asked over and over from several cores.
 */
SIM_TEST(ttl)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .client = {.latency_us_min = 10, .latency_us_max = 100},
        .upstream = {.latency_us_min = 100, .latency_us_max = 2000},
    });
    unsigned ttl_s = 10 + (unsigned)rt_prng_below(sim_random(sim), 300);
    char zone[160];
    snprintf(zone, sizeof(zone), "@ 86400 NS ns.\nns. 86400 A 5.0.0.1\nwww %u A 192.0.2.80", ttl_s);
    sim_serve(sim, "5.0.0.1", ".", zone);

    sim_ask(sim, "www.", RS_A, 1);
    sim_run_quiet(sim, 1000);
    uint64_t start_ns = sim_net_now_ns(sim_network(sim));
    for (unsigned i = 1; i <= 12; i++) {
        sim_run(sim, (unsigned)rt_prng_below(sim_random(sim), (ttl_s - 2) * 1000 / 12));
        uint64_t age_s = (sim_net_now_ns(sim_network(sim)) - start_ns) / RT_NS_PER_S;
        unsigned number = sim_ask_with(
            sim, &(struct sim_ask){.name = "www.", .type = RS_A, .is_tcp = i % 5 == 0});
        sim_run_quiet(sim, 1000);
        EXPECT_NUMBERS(ttl_of(sim, number), <=, ttl_s - age_s + ROUNDING_S);
        EXPECT_NUMBERS(ttl_of(sim, number), >=, ttl_s - age_s - 1 - ROUNDING_S);
    }
    EXPECT_NUMBERS(sim_asked(sim, "www.", RS_A), ==, 1);
    sim_run(sim, ttl_s * 1000);
    sim_ask(sim, "www.", RS_A, 1);
    sim_run_quiet(sim, 1000);
    EXPECT_NUMBERS(ttl_of(sim, 13), ==, ttl_s);
    EXPECT_NUMBERS(sim_asked(sim, "www.", RS_A), ==, 2);
    sim_free(sim);
}
