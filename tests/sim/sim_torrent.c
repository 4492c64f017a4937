/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "tests/sim/liar.h"
#include "tests/sim/test.h"

/* Many questions that are meant for somebody else: a zone's servers, a forged source (security.md
 * C11, C13), or one client's alone (F4, F9). */

/* ---- C11: random names below a dead zone ---- */

/* Water torture: what reaches the dead servers settles at some packets a second, whatever comes in;
 * other names are answered all the while. */
SIM_TEST_RARE(amplify_water, 10)
{
    enum { SECONDS = 10, PER_SECOND = 400 };
    char name[32];
    uint64_t at_five = 0;
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed, .cores = 2});
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\ndead. NS a.dead.\ndead. NS b.dead.\na.dead. A 5.0.0.2\n"
              "b.dead. A 5.0.0.3\nwww. 300 A 192.0.2.1\n*.alive. 300 A 192.0.2.2");
    sim_authority(sim, "5.0.0.2 5.0.0.3", SIM_DEAD, NULL, NULL);
    for (unsigned second = 0; second < SECONDS; second++) {
        for (unsigned i = 0; i < PER_SECOND; i++) {
            snprintf(name, sizeof(name), "n%u.dead.", second * PER_SECOND + i);
            sim_ask_with(sim, &(struct sim_ask){.name = name,
                                                .type = RS_A,
                                                .patience_ms = 2000,
                                                .delay_ns = i * (RT_NS_PER_S / PER_SECOND)});
        }
        snprintf(name, sizeof(name), "n%u.alive.", second);
        unsigned honest = sim_ask_with(
            sim,
            &(struct sim_ask){.name = name, .type = RS_A, .truth = sim_truth_of(sim, name, RS_A)});
        sim_run(sim, 1000);
        EXPECT_NUMBERS(sim_clients_question(sim_clients(sim), honest)->verdict, ==, SIM_RIGHT);
        if (second == SECONDS / 2 - 1) {
            at_five = sim_asked_at(sim, "5.0.0.2") + sim_asked_at(sim, "5.0.0.3");
        }
    }
    uint64_t later = sim_asked_at(sim, "5.0.0.2") + sim_asked_at(sim, "5.0.0.3") - at_five;
    EXPECT_NUMBERS(later, <=, 50 * SECONDS / 2);
    sim_run_quiet(sim, 15000);
    sim_free(sim);
}

/* ---- C13: a pulse of replies ---- */

struct pulse {
    struct sim *sim;
    unsigned answers, in_window, window_max;
    uint64_t window_ns;
};

static void count_pulse(void *arg, const struct rt_addr *peer, const struct rt_addr *local,
                        const uint8_t *data, uint32_t size)
{
    struct pulse *pulse = arg;
    uint64_t window_ns = sim_net_now_ns(sim_network(pulse->sim)) / (10 * RT_NS_PER_MS);
    (void)peer;
    (void)local;
    (void)data;
    (void)size;

    pulse->answers++;
    pulse->in_window = window_ns == pulse->window_ns ? pulse->in_window + 1 : 1;
    pulse->window_ns = window_ns;
    pulse->window_max = pulse->in_window > pulse->window_max ? pulse->in_window : pulse->window_max;
}

/* DNSBomb (CVE-2024-33655): thousands of questions of one forged source, for names so slow that all
 * their replies leave at once. Two hundred wait for one address, in all: no pulse is larger. */
SIM_TEST(amplify_bomb)
{
    enum { SPOOFED = 5000, SECONDS = 5, WAVES = 20 };
    static const struct sim_udp_ops ops = {.datagram = count_pulse};
    unsigned names = seed % 2 == 0 ? 1 : 40;
    struct pulse pulse = {0};
    struct rt_addr victim, home;
    uint8_t wire[64];
    char text[32];
    struct sim *sim =
        sim_new(&(struct sim_options){.seed = seed, .cores = 1 + (unsigned)(seed % 3)});
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\nslow. NS ns.slow.\nns.slow. A 5.0.0.2");
    struct sim_authority *slow =
        sim_serve(sim, "5.0.0.2", "slow.", "@ NS ns\nns A 5.0.0.2\n* A 192.0.2.1");
    RT_CHECK(rt_addr_parse("10.0.9.9", 4444, &victim) == RT_OK);
    home = sim_resolver_addr(sim, 4);
    pulse.sim = sim;
    sim_net_claim(sim_network(sim), &victim, SIM_SIDE_CLIENT);
    struct sim_udp *udp = NULL;
    rt_status status = sim_udp_open(sim_network(sim), &victim, NULL, true, &ops, &pulse, &udp);
    RT_CHECK(status == RT_OK);
    sim_start(sim);
    sim_authority_behave(slow, 0, 390); /* just within our patience with a stranger */
    for (unsigned i = 0; i < SPOOFED; i++) {
        struct sim_writer writer;
        snprintf(text, sizeof(text), "n%u.slow.", i * WAVES / SPOOFED * names + i % names);
        struct sim_name name = sim_name(text);
        sim_write_begin(&writer, wire, sizeof(wire), (uint16_t)i, SIM_RD, &name, RS_A, RS_IN);
        sim_net_send(sim_network(sim), &victim, &home, wire, writer.size);
        sim_run_ns(sim, SECONDS * RT_NS_PER_S / SPOOFED);
    }
    sim_run(sim, 8000);
    EXPECT_NUMBERS(pulse.window_max, <=, 200);
    EXPECT_NUMBERS(pulse.answers, >=, 200); /* A real client would be heard. */
    sim_udp_close(udp);
    sim_free(sim);
}

/* ---- F4, F9: one client again and again ---- */

enum { SLOTS = 64, SLOW = SLOTS - 8 };

static void take_few(void *arg, struct lu_settings *settings)
{
    (void)arg;
    settings->queries_max = SLOTS;
}

/* A client repeats each of its questions every few milliseconds, same port, same ID, for names
 * whose server is slow. A copy costs no packet, no query and no place, and does not make the first
 * one younger (CVE-2026-42534): its answer comes once and in its time, and others find room. */
SIM_TEST(repeats)
{
    enum { COPIES = 180, HONEST = 36, PAUSE_MS = 2 }; /* 10,080 copies in 360 ms */
    static const struct sim_udp_ops ops = {.datagram = count_pulse};
    struct pulse pulse = {0};
    struct rt_addr client, home;
    struct sim_udp *udp = NULL;
    uint8_t wire[64];
    char text[32];
    struct sim *sim =
        sim_new(&(struct sim_options){.seed = seed, .cores = 1, .configure = take_few});
    sim_serve(
        sim, "5.0.0.1", ".",
        "@ NS ns.\nns. A 5.0.0.1\nslow. NS ns.slow.\nns.slow. A 5.0.0.2\n*.fast. 300 A 192.0.2.2");
    struct sim_authority *slow =
        sim_serve(sim, "5.0.0.2", "slow.", "@ NS ns\nns A 5.0.0.2\n* A 192.0.2.1");
    RT_CHECK(rt_addr_parse("10.0.9.9", 4444, &client) == RT_OK);
    home = sim_resolver_addr(sim, 4);
    pulse.sim = sim;
    sim_net_claim(sim_network(sim), &client, SIM_SIDE_CLIENT);
    rt_status status = sim_udp_open(sim_network(sim), &client, NULL, true, &ops, &pulse, &udp);
    RT_CHECK(status == RT_OK);
    sim_start(sim);
    sim_authority_behave(slow, 0,
                         COPIES * PAUSE_MS + 100); /* Later attempts overtake no earlier. */
    struct sim_pools before = sim_pools(sim), peak = {0};
    for (unsigned copy = 0; copy < COPIES; copy++) {
        for (unsigned i = 0; i < SLOW; i++) {
            struct sim_writer writer;
            snprintf(text, sizeof(text), "n%u.slow.", i);
            struct sim_name name = sim_name(text);
            sim_write_begin(&writer, wire, sizeof(wire), (uint16_t)(1000 + i), SIM_RD, &name, RS_A,
                            RS_IN);
            sim_net_send(sim_network(sim), &client, &home, wire, writer.size);
        }
        if (copy % (COPIES / HONEST) == 0) {
            snprintf(text, sizeof(text), "n%u.fast.", copy);
            sim_ask(sim, text, RS_A, 1);
        }
        sim_run(sim, PAUSE_MS);
        struct sim_pools now = sim_pools(sim);
        peak.queries = now.queries > peak.queries ? now.queries : peak.queries;
    }
    struct sim_tally honest = sim_tally(sim);
    EXPECT_NUMBERS(honest.right, ==, honest.asked - honest.waiting);
    EXPECT_NUMBERS(honest.failed + honest.lost, ==, 0);
    EXPECT_NUMBERS(peak.queries, <=, SLOTS);
    EXPECT_NUMBERS(sim_authority_questions(slow), ==, SLOW);
    sim_run_quiet(sim, 15000);
    EXPECT_NUMBERS(pulse.answers, ==, SLOW);
    EXPECT_NUMBERS(sim_pools(sim).msgs, <=, before.msgs);
    sim_udp_close(udp);
    sim_free(sim);
}
