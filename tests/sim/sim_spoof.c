/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/liar.h"
#include "tests/sim/test.h"

/* Off-path spoofing and randomness (security.md A): what somebody can guess, forge or provoke who
 * sees none of our packets. */

#define TREE                                                                                       \
    "@ NS ns.\nns. A 5.0.0.1\nexample. NS ns.example.\nns.example. A 5.0.0.2\n"                    \
    "twin. NS n1.twin.\ntwin. NS n2.twin.\nn1.twin. A 5.0.0.3\nn2.twin. A 5.0.0.4"

/* ---- A2: the birthday attack ---- */

/* A thousand clients of one name within ten milliseconds, while its server takes its time: one
 * question is outstanding, whatever their letters, flags and transports. */
SIM_TEST(spoof_birthday)
{
    enum { CLIENTS = 1000 };
    static const char *const spellings[] = {"www.example.", "WWW.example.", "wWw.ExAmPlE."};
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed, .client = {.latency_us_min = 100, .latency_us_max = 1000}});
    sim_serve(sim, "5.0.0.1", ".", TREE);
    struct sim_authority *slow =
        sim_serve(sim, "5.0.0.2", "example.", "@ NS ns\nns A 5.0.0.2\nwww 300 A 192.0.2.80");
    sim_ask(sim, "warm.example.", RS_A, 1);
    sim_run_quiet(sim, 5000);

    sim_authority_behave(slow, 0, 300); /* less than the patience with it */
    for (unsigned i = 0; i < CLIENTS; i++) {
        sim_ask_with(sim, &(struct sim_ask){
                              .name = spellings[i % 3],
                              .type = RS_A,
                              .is_tcp = i % 50 == 7,
                              .is_dnssec_ok = i % 5 == 1,
                              .no_edns = i % 7 == 2,
                              .delay_ns = i * 10 * RT_NS_PER_US,
                          });
    }
    sim_run(sim, 45);

    EXPECT_NUMBERS(sim_asked(sim, "www.example.", 0), ==, 1);
    sim_run_quiet(sim, 10000);
    /* The server that was quick before is given up too early, and asked again: never twice at a
     * time, since an attempt ends before the next one begins. */
    EXPECT_NUMBERS(sim_asked(sim, "www.example.", 0), <=, 4);
    EXPECT_NUMBERS(sim_tally(sim).answers, ==, CLIENTS + 1);
    sim_free(sim);
}

/* ---- A7: guessing inside an open window ---- */

#define FORGED_ADDR "203.0.113.66"

static void guess(void *arg, const struct sim_authority_question *question, uint64_t number)
{
    const unsigned *guesses = arg;
    char name[1010];
    (void)number;

    if (question->query->is_tcp) {
        return; /* Nobody can guess into a connection. */
    }
    sim_name_text(&question->message->name, name);
    struct liar_reply *reply = liar_begin(question, 0, SIM_AA);
    liar_add(reply, 0, "%s 86400 A " FORGED_ADDR, name);
    liar_add(reply, 1, "example. 86400 NS ns.evil.");
    liar_add(reply, 2, "ns.evil. 86400 A " FORGED_ADDR);
    for (unsigned i = 1; i <= *guesses; i++) {
        uint16_t id = (uint16_t)(question->message->id + i * 13); /* 13 * 5000 < 65536 */
        reply->wire[0] = (uint8_t)(id >> 8);
        reply->wire[1] = (uint8_t)id;
        liar_send(reply, i * RT_NS_PER_US / 10);
    }
}

/* One to five thousand guesses before each true reply: none is believed, after the first the
 * question also goes over TCP, and the client waits no longer than for that (RFC5452-9.1). */
SIM_TEST(spoof_guess)
{
    enum { QUESTIONS = 20, RTT_MS = 10 };
    static const unsigned counts[] = {1, 2, 10, 100, 1000, 5000};
    unsigned guesses = counts[seed % RT_ARRAY_COUNT(counts)];
    unsigned questions = guesses >= 1000 ? 2 : QUESTIONS;
    bool is_tcp_only = seed / RT_ARRAY_COUNT(counts) % 2 == 1;
    char name[32];
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .upstream = {.latency_us_min = RTT_MS * 500, .latency_us_max = RTT_MS * 500},
    });
    sim_serve(sim, "5.0.0.1", ".", TREE);
    struct liar *liar = liar_open(sim, "5.0.0.2", 0, guess, &guesses);
    struct sim_zone *zone = sim_zone(sim, "example.", "@ NS ns\nns A 5.0.0.2");
    for (unsigned i = 0; i < questions; i++) {
        sim_zone_add(zone, "n%u 300 A 192.0.2.%u", i, i + 1);
    }
    sim_authority_serve(liar_authority(liar), zone);
    /* The truth comes by datagram after the forgeries, or not at all: then only TCP brings it. */
    sim_authority_behave(liar_authority(liar), is_tcp_only ? SIM_TCP_ONLY : 0, 1);

    for (unsigned i = 0; i < questions; i++) {
        snprintf(name, sizeof(name), "n%u.example.", i);
        sim_ask(sim, name, RS_A, 1);
        sim_run_quiet(sim, 10000);
    }
    struct sim_tally tally = sim_tally(sim);
    EXPECT_NUMBERS(tally.right, ==, questions);
    EXPECT_NUMBERS(tally.answer_ms_max, <=, 5 * RTT_MS); /* root, question, and two more */
    EXPECT_NUMBERS(sim_net_counters(sim_network(sim))->upstream_connects + liar_questions_tcp(liar),
                   >=, questions);
    EXPECT_NUMBERS(liar_questions(liar), <=, 2 * questions);
    sim_test_explain(sim);
    liar_close(liar);
    sim_free(sim);
}

/* ---- A8: forged trouble must not be blamed on the server ---- */

enum { BLAMES = 8 };

struct blamer {
    bool has_right_id, is_over;
    unsigned after, plain_after,
        tcp_after; /* questions since is_over; of these without OPT, by TCP */
};

static void blame(void *arg, const struct sim_authority_question *question, uint64_t number)
{
    static const uint8_t rcodes[] = {RS_FORMERR, RS_REFUSED, RS_NOTIMP, RS_SERVFAIL};
    struct blamer *blamer = arg;
    uint16_t id = question->message->id;

    if (blamer->is_over) {
        blamer->after++;
        blamer->plain_after += !question->message->has_edns;
        blamer->tcp_after += question->query->is_tcp;
        return;
    }
    if (question->query->is_tcp || (blamer->has_right_id && number == 0)) {
        return; /* Who has never shown EDNS is believed that he has none (RFC6891-7). */
    }
    id = blamer->has_right_id ? id : (uint16_t)(id + 1 + number % 65000);
    struct liar_reply *reply =
        liar_begin(question, id, number % BLAMES < 4 ? rcodes[number % 4] : SIM_AA);
    switch (number % BLAMES) {
    case 4: /* a true answer from a server without EDNS */
        break;
    case 5:
        reply->wire[2] |= SIM_TC >> 8;
        break;
    case 6:
        liar_add(reply, 1, ". NS a.root-servers.invalid.");
        break;
    case 7:
        reply->writer.size = 13 + (uint32_t)(number % 8);
        break;
    default:
        break;
    }
    liar_send(reply, 0);
}

/* Forged FORMERR, REFUSED, NOTIMP, SERVFAIL, answers without EDNS, TC, upward referrals, garbage:
 * with a wrong ID they change nothing that is known about the server; with the right one at most
 * this question is dearer. Later questions go out by UDP, with EDNS, to both servers of the zone.
 */
SIM_TEST(spoof_blame)
{
    enum { FORGED = 48, AFTER = 24 };
    struct blamer blamer = {.has_right_id = seed % 2 == 1};
    char name[32];
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed,
        .cores = blamer.has_right_id ? 1 : 0, /* each core learns by itself who shows EDNS */
        .upstream = {.latency_us_min = 5000, .latency_us_max = 5000},
    });
    sim_serve(sim, "5.0.0.1", ".", TREE);
    struct sim_zone *zone = sim_zone(sim, "twin.", "@ NS n1\n@ NS n2\nn1 A 5.0.0.3\nn2 A 5.0.0.4");
    struct liar *liar = liar_open(sim, "5.0.0.3", 0, blame, &blamer);
    struct sim_authority *other = sim_authority(sim, "5.0.0.4", 0, NULL, NULL);
    sim_authority_serve(liar_authority(liar), zone);
    sim_authority_serve(other, zone);

    for (unsigned i = 0; i < FORGED + AFTER; i++) {
        blamer.is_over |= i == FORGED;
        sim_zone_add(zone, "n%u 300 A 192.0.2.%u", i, i + 1);
        snprintf(name, sizeof(name), "n%u.twin.", i);
        sim_ask(sim, name, RS_A, 1);
        sim_run_quiet(sim, 10000);
    }
    EXPECT_NUMBERS(sim_tally(sim).right, ==, FORGED + AFTER);
    EXPECT_NUMBERS(blamer.plain_after, ==, 0);
    EXPECT_NUMBERS(blamer.tcp_after, ==, 0);
    EXPECT_NUMBERS(blamer.after, >=, 2); /* of 24 in two equal halves: fewer once in 10^6 */
    EXPECT_NUMBERS(blamer.after, <=, AFTER - 2);
    sim_test_explain(sim);
    liar_close(liar);
    sim_free(sim);
}

/* ---- A10: no datagram that a path would cut ---- */

static void note_payload(void *arg, const struct sim_authority_question *question, uint64_t number)
{
    unsigned *payload_max = arg;
    (void)number;

    if (question->message->has_edns && question->message->payload > *payload_max) {
        *payload_max = question->message->payload;
    }
}

/* DNS Flag Day 2020, RFC9715-3.1: servers are never offered more than 1232 bytes, clients never get
 * more, whatever they offer; what is longer comes over TCP, whole. */
SIM_TEST(spoof_fragments)
{
    static const uint16_t payloads[] = {512, 1232, 1400, 4096, 65535};
    unsigned payload_max = 0;
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed});
    sim_serve(sim, "5.0.0.1", ".", TREE);
    struct liar *liar = liar_open(sim, "5.0.0.2", 0, note_payload, &payload_max);
    struct sim_zone *zone = sim_zone(sim, "example.", "@ NS ns\nns A 5.0.0.2");
    unsigned records = 2 + (unsigned)(seed * 37 % 120);
    for (unsigned i = 0; i < records; i++) {
        sim_zone_add(zone, "big 300 A 192.0.2.%u", i + 1);
    }
    sim_authority_serve(liar_authority(liar), zone);

    for (unsigned i = 0; i < RT_ARRAY_COUNT(payloads) * 2; i++) {
        bool keeps = i % 2 == 0;
        unsigned number =
            sim_ask_with(sim, &(struct sim_ask){
                                  .name = "big.example.",
                                  .type = RS_A,
                                  .payload = payloads[i / 2],
                                  .keeps_truncated = keeps,
                                  .truth = keeps ? NULL : sim_truth_of(sim, "big.example.", RS_A),
                              });
        sim_run_quiet(sim, 10000);
        const struct sim_question *question = sim_clients_question(sim_clients(sim), number);
        if (keeps) {
            EXPECT_NUMBERS(question->wire_size, <=,
                           payloads[i / 2] < 1232 ? payloads[i / 2] : 1232);
        } else {
            EXPECT_NUMBERS(question->verdict, ==, SIM_RIGHT);
        }
    }
    EXPECT_NUMBERS(payload_max, ==, 1232);
    liar_close(liar);
    sim_free(sim);
}
