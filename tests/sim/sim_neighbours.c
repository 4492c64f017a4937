/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "tests/sim/liar.h"
#include "tests/sim/test.h"

/* What a resolver owes to the servers around it, and what it must put up with from them. */

/* RFC4697-2.1, RFC1536-2: all servers of a zone are dead. Its parent told where they are, and is
 * asked again no earlier than that ends, whatever clients ask and however often. */
SIM_TEST(dead_child)
{
    enum { DELEGATION_TTL_S = 600, MINUTES = 20 };
    char name[32];
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed, .upstream = {.latency_us_min = 500, .latency_us_max = 5000}});
    struct sim_authority *parent =
        sim_serve(sim, "5.0.0.1", ".",
                  "@ NS ns.\nns. A 5.0.0.1\ndead. 600 NS a.dead.\ndead. 600 NS b.dead.\n"
                  "a.dead. 600 A 5.0.0.2\nb.dead. 600 A 5.0.0.3");
    sim_authority(sim, "5.0.0.2 5.0.0.3", SIM_DEAD, NULL, NULL);
    for (unsigned i = 0; i < MINUTES * 12; i++) {
        snprintf(name, sizeof(name), "n%u.dead.", i % 3 == 0 ? 0 : i);
        sim_ask_with(sim, &(struct sim_ask){.name = name,
                                            .type = i % 2 == 0 ? RS_A : RS_AAAA,
                                            .patience_ms = 4000});
        sim_run(sim, 5000);
    }
    EXPECT_NUMBERS(sim_authority_questions(parent), <=, MINUTES * 60 / DELEGATION_TTL_S + 1);
    sim_run_quiet(sim, 15000);
    EXPECT_NUMBERS(sim_tally(sim).right + sim_tally(sim).wrong, ==, 0);
    sim_free(sim);
}

/* ---- proxies ---- */

enum quirk { STRIPS_OPT, FORMERR_FOR_OPT, STRIPS_TC, QUIRKS };

struct proxy {
    enum quirk quirk;
    const struct sim_zone *zone;
};

/* A box between us and the forwarder that cuts at 512 bytes and does not say so. */
static void cut_silently(const struct proxy *proxy, const struct sim_authority_question *question)
{
    struct sim_found found = {0};
    struct liar_reply *reply = liar_begin(question, question->message->id, SIM_RA);

    sim_zone_lookup(proxy->zone, &question->message->name, question->message->type, &found);
    reply->wire[3] |= (uint8_t)found.rcode;
    for (unsigned i = 0; i < found.records.count; i++) {
        sim_write_record(&reply->writer, found.records.items[i].section, &found.records.items[i]);
    }
    reply->writer.size = reply->writer.size < 512 ? reply->writer.size : 512;
    liar_send(reply, 0);
    sim_found_free(&found);
}

static void pass(void *arg, const struct sim_authority_question *question, uint64_t number)
{
    const struct proxy *proxy = arg;
    (void)number;

    if (proxy->quirk == STRIPS_TC && !question->query->is_tcp) {
        cut_silently(proxy, question);
    }
}

static void forward_all(void *arg, struct lu_settings *settings)
{
    struct rs_forward *forward = &settings->resolver.forwards[settings->resolver.forwards_count++];
    (void)arg;

    forward->mode = RS_FORWARD_RECURSE;
    RT_CHECK(rs_name_parse(".", &forward->name) == RT_OK);
    RT_CHECK(rt_addr_parse("5.0.0.9", 53, &forward->addrs[forward->addrs_count++]) == RT_OK);
}

/* RFC5625-4, RFC5625-6: the forwarder is a proxy that drops the OPT record, or answers FORMERR to
 * it, or cuts long replies at 512 bytes and clears TC. Small and large answers arrive whole. */
SIM_TEST(proxy_quirks)
{
    static const unsigned behaviours[QUIRKS] = {SIM_NO_EDNS, SIM_FORMERR_EDNS, 0};
    struct proxy proxy = {.quirk = (enum quirk)(seed % QUIRKS)};
    char name[32];
    struct sim *sim =
        sim_new(&(struct sim_options){.seed = seed,
                                      .configure = forward_all,
                                      .upstream = {.latency_us_min = 500, .latency_us_max = 5000}});
    struct sim_zone *zone = sim_zone(sim, ".", "@ NS ns\nns A 5.0.0.9\nalias CNAME large0");
    struct liar *liar = liar_open(sim, "5.0.0.9", behaviours[proxy.quirk], pass, &proxy);
    proxy.zone = zone;
    sim_authority_serve(liar_authority(liar), zone);
    for (unsigned i = 0; i < 10; i++) {
        sim_zone_add(zone, "small%u 300 A 192.0.2.1", i);
        for (unsigned j = 0; j < 60; j++) {
            sim_zone_add(zone, "large%u 300 A 192.0.2.%u", i, j + 1);
        }
    }
    for (unsigned i = 0; i < 30; i++) {
        static const char *const formats[] = {"small%u.", "large%u.", "gone%u."};
        snprintf(name, sizeof(name), formats[i % 3], i / 3);
        sim_ask(sim, name, RS_A, 1);
        sim_run_quiet(sim, 10000);
    }
    sim_ask(sim, "alias.", RS_A, 1);
    sim_run_quiet(sim, 10000);
    EXPECT_NUMBERS(sim_tally(sim).right, ==, 31);
    if (sim_tally(sim).right != 31) {
        sim_test_explain(sim);
    }
    liar_close(liar);
    sim_free(sim);
}

/* ---- connections ---- */

/* RFC9210-4.2, RFC7766-6.2.1: a server that wants TCP hears many questions on few connections, many
 * at a time, and its replies may come in any order; one that closes after each gets new ones. */
SIM_TEST(tcp_reuse)
{
    enum { QUESTIONS = 60 };
    bool closes = seed % 3 == 0;
    char name[32];
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed, .cores = 1, .upstream = {.latency_us_min = 500, .latency_us_max = 5000}});
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\nexample. NS ns.example.\nns.example. A 5.0.0.2");
    struct sim_zone *zone = sim_zone(sim, "example.", "@ NS ns\nns A 5.0.0.2\n* 300 A 192.0.2.1");
    struct sim_authority *server =
        sim_authority(sim, "5.0.0.2", SIM_TC_ALWAYS | (closes ? SIM_TCP_CLOSES : 0), NULL, NULL);
    sim_authority_serve(server, zone);
    for (unsigned i = 0; i < QUESTIONS; i++) {
        snprintf(name, sizeof(name), "n%u.example.", i);
        sim_ask_with(sim, &(struct sim_ask){.name = name,
                                            .type = RS_A,
                                            .truth = sim_truth_of(sim, name, RS_A),
                                            .delay_ns = i * (closes ? 50 : 1) * RT_NS_PER_MS});
    }
    sim_run_quiet(sim, 15000);
    EXPECT_NUMBERS(sim_tally(sim).right, ==, QUESTIONS);
    EXPECT_NUMBERS(sim_net_counters(sim_network(sim))->upstream_connects, <=,
                   closes ? QUESTIONS + 5 : 3);
    sim_free(sim);
}
