/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/hostile.h"
#include "tests/sim/liar.h"
#include "tests/sim/test.h"

/* Amplification towards others (security.md C): what one question, or a stream of them, can make us
 * send, receive or let loose. The budget of a single question in hostile trees of random width is
 * sim_budget.c's; here are the figures of each published attack. */

static struct sim_tally ask_once(struct sim *sim, const char *name, uint16_t type)
{
    unsigned number = sim_ask_with(sim, &(struct sim_ask){.name = name, .type = type});

    EXPECT(sim_run_quiet(sim, 15000));
    return sim_clients_tally(sim_clients(sim), number);
}

/* ---- C1, C2, C4: the hostile trees ---- */

/* A tree and what its question may cost at most. */
static void ask_tree(uint64_t seed, enum sim_hostility hostility, unsigned width,
                     unsigned packets_max, unsigned ms_max)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed, .upstream = {.latency_us_min = 500, .latency_us_max = 5000}});
    struct sim_hostile *hostile = sim_hostile_new(sim, hostility, width);

    struct sim_tally tally = ask_once(sim, sim_hostile_name(hostile), RS_A);
    EXPECT_NUMBERS(tally.failed, ==, 1);
    EXPECT_NUMBERS(tally.answer_ms_max, <=, ms_max);
    EXPECT_NUMBERS(sim_upstream_packets(sim), <=, packets_max);
    uint64_t victim = sim_asked_at(sim, SIM_HOSTILE_VICTIM);
    EXPECT_NUMBERS(victim, <=, 8);
    ask_once(sim, sim_hostile_name(hostile), RS_A);
    EXPECT_NUMBERS(sim_asked_at(sim, SIM_HOSTILE_VICTIM), <=, victim + 1); /* C2: cached repeat */
    sim_hostile_free(hostile);
    sim_free(sim);
}

/* CVE-2014-8500: a delegation below a delegation, for ever. */
SIM_TEST(amplify_endless)
{
    ask_tree(seed, seed % 2 == 0 ? SIM_ENDLESS : SIM_ENDLESS_GLUELESS, 1 + (unsigned)(seed % 5), 64,
             6000);
}

/* NXNSAttack (CVE-2020-12662): 1,500 name servers without glue in a bystander's zone. */
SIM_TEST(amplify_nxns)
{
    ask_tree(seed, SIM_NXNS, seed % 2 == 0 ? 1500 : 100, 16, 6000);
}

/* DNS Unchained: an alias of an alias, a hundred times, over two zones. */
SIM_TEST(amplify_unchained)
{
    enum { LINKS = 100 };
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed});
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\none. NS ns.one.\nns.one. A 5.0.0.2\n"
              "two. NS ns.two.\nns.two. A 5.0.0.3");
    struct sim_zone *one = sim_zone(sim, "one.", "@ NS ns\nns A 5.0.0.2");
    struct sim_zone *two = sim_zone(sim, "two.", "@ NS ns\nns A 5.0.0.3");
    for (unsigned i = 0; i < LINKS; i++) {
        sim_zone_add(one, "a%u CNAME b%u.two.", i, i);
        sim_zone_add(two, "b%u CNAME a%u.one.", i, i + 1);
    }
    struct sim_authority *servers[2] = {sim_authority(sim, "5.0.0.2", 0, NULL, NULL),
                                        sim_authority(sim, "5.0.0.3", 0, NULL, NULL)};
    sim_authority_serve(servers[0], one);
    sim_authority_serve(servers[1], two);
    EXPECT_NUMBERS(ask_once(sim, "a0.one.", RS_A).failed, ==, 1);
    EXPECT_NUMBERS(sim_authority_questions(servers[0]) + sim_authority_questions(servers[1]), <=,
                   14);
    sim_free(sim);
}

/* ---- C3: circles, and clients that never stop asking ---- */

/* TsuNAME: two or three zones, each with its name servers in the next. Ten clients ask a hundred
 * times a second for a minute: a few packets a second, in all (RFC9520-3.2). */
SIM_TEST(amplify_tsuname)
{
    enum { SECONDS = 60, PER_SECOND = 100 };
    unsigned zones = 2 + (unsigned)(seed % 2);
    char name[32];
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed, .cores = 2});
    struct sim_zone *root = sim_zone(sim, ".", "@ NS ns.\nns. A 5.0.0.1");
    for (unsigned i = 0; i < zones; i++) {
        sim_zone_add(root, "z%u. 5 NS ns1.z%u.\nz%u. 5 NS ns2.z%u.", i, (i + 1) % zones, i,
                     (i + 1) % zones);
    }
    sim_authority_serve(sim_authority(sim, "5.0.0.1", 0, NULL, NULL), root);
    sim_hint(sim, "ns.", "5.0.0.1");

    ask_once(sim, "www.z0.", RS_A);
    EXPECT_NUMBERS(sim_upstream_packets(sim), <=, 16);
    for (unsigned second = 0; second < SECONDS; second++) {
        for (unsigned i = 0; i < PER_SECOND; i++) {
            snprintf(name, sizeof(name), "www.z%u.", i % zones);
            sim_ask_with(sim, &(struct sim_ask){.name = name,
                                                .type = i % 4 < 2 ? RS_A : RS_AAAA,
                                                .patience_ms = 1000,
                                                .delay_ns = i * 10 * RT_NS_PER_MS});
        }
        sim_run(sim, 1000);
    }
    EXPECT_NUMBERS(sim_upstream_packets(sim), <=, 200);
    sim_run_quiet(sim, 5000);
    sim_free(sim);
}

/* ---- C5: compositions ---- */

enum { STAGES = 4, KINDS = 4, COMPOSITIONS = 256, FANOUT = 13 };

struct camp {
    unsigned kinds[STAGES]; /* of each stage */
};

static const char *const camp_zones[] = {"s0.evil.", "s1.evil.", "s2.evil.", "s3.evil.",
                                         "s4.evil."};

static void add(struct sim_found *out, unsigned section, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct sim_found *out, unsigned section, const char *format, ...)
{
    char line[1200];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    RT_CHECK(sim_record_parse(line, NULL, 300, &out->records));
    out->records.items[out->records.count - 1].section = (uint8_t)section;
}

static const char *stage_text(const struct sim_message *query, unsigned *stage)
{
    static char text[1010];
    struct sim_name zone;

    sim_name_text(&query->name, text);
    for (*stage = 0; *stage <= STAGES; (*stage)++) {
        zone = sim_name(camp_zones[*stage]);
        if (sim_name_is_under(&query->name, &zone)) {
            return text;
        }
    }
    return NULL;
}

static void delegate(struct sim_found *out, const char *zone, unsigned kind, unsigned stage)
{
    out->is_authoritative = false;
    for (unsigned i = 0; i < FANOUT; i++) {
        if (kind == 2) {
            add(out, 1, "%s NS g%u.%s", zone, i, camp_zones[stage + 1]);
        } else {
            add(out, 1, "%s NS d%u.%s", zone, i, zone);
            add(out, 2, "d%u.%s A %s%u", i, zone, i == 0 ? "5.0.0." : "5.9.0.", i + 3);
        }
    }
}

/* CAMP: stage k multiplies by its kind and hands over to stage k + 1: an alias chain, a wide
 * delegation to servers of which one is not lame, a wide delegation without glue, a name of many
 * labels. */
static bool compose(void *arg, const struct sim_message *query, const struct rt_addr *local,
                    struct sim_found *out)
{
    const struct camp *camp = arg;
    unsigned stage, number = 0;
    const char *text = stage_text(query, &stage);
    bool is_child = local->ip[3] == 3;

    if (text == NULL || stage == STAGES || sim_name_labels(&query->name) <= 2) {
        return false;
    }
    if (camp->kinds[stage] == 2 || (camp->kinds[stage] == 1 && !is_child)) {
        delegate(out, text, camp->kinds[stage], stage);
        return true;
    }
    if (query->type != RS_A) {
        return false;
    }
    out->is_authoritative = true;
    if (camp->kinds[stage] == 3) {
        add(out, 0, "%s CNAME c0.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.%s", text,
            camp_zones[stage + 1]);
    } else if (camp->kinds[stage] == 0 && sscanf(text, "c%u.", &number) == 1 && number < 3) {
        add(out, 0, "%s CNAME c%u.%s", text, number + 1, camp_zones[stage]);
    } else {
        add(out, 0, "%s CNAME c0.%s", text, camp_zones[stage + 1]);
    }
    return true;
}

static unsigned camp_packets(uint64_t seed, unsigned composition)
{
    struct camp camp;
    struct sim *sim =
        sim_new(&(struct sim_options){.seed = seed + composition,
                                      .cores = 1,
                                      .has_no_ipv6 = composition % 2 == 1,
                                      .upstream = {.latency_us_min = 500, .latency_us_max = 5000}});

    for (unsigned i = 0; i < STAGES; i++) {
        camp.kinds[i] = composition >> 2 * i & 3;
    }
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\nevil. NS ns.evil.\nns.evil. A 5.0.0.2");
    struct sim_authority *evil = sim_authority(sim, "5.0.0.2 5.0.0.3", 0, compose, &camp);
    char lame[FANOUT * 10] = "", word[12];
    for (unsigned i = 1; i < FANOUT; i++) {
        snprintf(word, sizeof(word), "5.9.0.%u ", i + 3);
        strcat(lame, word);
    }
    sim_authority(sim, lame, SIM_REFUSES, NULL, NULL);
    sim_authority_serve(evil, sim_zone(sim, "evil.", "@ NS ns\nns A 5.0.0.2"));
    struct sim_tally tally = ask_once(sim, "c0.s0.evil.", RS_A);
    EXPECT_NUMBERS(tally.answers, ==, 1);
    EXPECT_NUMBERS(tally.answer_ms_max, <=, 6500);
    uint64_t packets = sim_upstream_packets(sim);
    EXPECT_NUMBERS(packets, <=, 64);
    sim_free(sim);
    return (unsigned)packets;
}

/* All 4^4 compositions, sixteen for each seed; that the median is 30 packets at most is judged over
 * all runs: half of them and more are good. */
SIM_TEST(amplify_camp)
{
    unsigned cheap = 0;

    for (unsigned i = 0; i < COMPOSITIONS / 16; i++) {
        cheap += camp_packets(seed, (unsigned)(seed * 16 + i) % COMPOSITIONS) <= 30;
    }
    sim_population("amplify_camp: <= 30 packets", cheap, COMPOSITIONS / 16, 50);
}

/* ---- C9: many labels ---- */

/* RFC9156-2.3: a name of 127 labels costs ten steps, not 127. */
SIM_TEST(amplify_labels)
{
    char name[300] = "";
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed, .has_no_cache = seed % 2 == 1});
    sim_serve(sim, "5.0.0.1", ".", "@ NS ns.\nns. A 5.0.0.1\ne. NS ns.e.\nns.e. A 5.0.0.2");
    struct sim_authority *server =
        sim_serve(sim, "5.0.0.2", "e.",
                  seed % 4 < 2 ? "@ NS ns\nns A 5.0.0.2\n* A 192.0.2.1" : "@ NS ns\nns A 5.0.0.2");
    for (unsigned i = 0; i < 126; i++) {
        strcat(name, "a.");
    }
    strcat(name, "e.");
    sim_ask(sim, name, RS_A, 1);
    sim_run_quiet(sim, 10000);
    EXPECT_NUMBERS(sim_tally(sim).right, ==, 1);
    EXPECT_NUMBERS(sim_authority_questions(server), <=, 12);
    sim_free(sim);
}
