/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "tests/sim/liar.h"
#include "tests/sim/test.h"

/* How long what was once true may live (security.md B4, B9). */

#define EVIL_ADDR "5.0.0.66"

/* ---- B4: ghost domains ---- */

enum { GHOST_VARIANTS = 12, PARENT_TTL_S = 600 };

static void haunt_question(unsigned variant, unsigned round, char name[64], uint16_t *type)
{
    static const struct {
        const char *name;
        uint16_t type;
    } questions[GHOST_VARIANTS] = {
        {"n%u.ghost.tld.", RS_A},         {"ghost.tld.", RS_NS},
        {"ns.ghost.tld.", RS_A},          {"ns.ghost.tld.", RS_AAAA},
        {"a.b.c.n%u.ghost.tld.", RS_A},   {"n%u.child.ghost.tld.", RS_A},
        {"child.ghost.tld.", RS_NS},      {"ghost.tld.", RS_SOA},
        {"alias%u.ghost.tld.", RS_A},     {"ghost.tld.", RS_DS},
        {"n%u.x.child.ghost.tld.", RS_A}, {"gone%u.ghost.tld.", RS_TXT},
    };

    snprintf(name, 64, questions[variant].name, round);
    *type = questions[variant].type;
}

/* What the ghost says: always with its own NS and glue beside it, for as long as TTLs can be. */
static void haunt(void *arg, const struct sim_authority_question *question, uint64_t number)
{
    const struct sim_message *message = question->message;
    struct sim_name child = sim_name("child.ghost.tld.");
    char name[1010];
    (void)arg;
    (void)number;

    sim_name_text(&message->name, name);
    bool is_grandchild = question->query->local.ip[3] == 67;
    struct liar_reply *reply = liar_begin(question, message->id, SIM_AA);
    if (!is_grandchild && sim_name_is_under(&message->name, &child)) {
        reply->wire[2] &= (uint8_t) ~(SIM_AA >> 8);
        liar_add(reply, 1, "child.ghost.tld. 86400 NS ns.child.ghost.tld.");
        liar_add(reply, 2, "ns.child.ghost.tld. 86400 A 5.0.0.67");
        liar_send(reply, 0);
        return;
    }
    if (message->type == RS_A && strncmp(name, "alias", 5) == 0) {
        liar_add(reply, 0, "%s 5 CNAME www.ghost.tld.", name);
        liar_add(reply, 0, "www.ghost.tld. 5 A 192.0.2.66");
    } else if (message->type == RS_A && strncmp(name, "ns", 2) != 0) {
        liar_add(reply, 0, "%s 5 A 192.0.2.66", name);
    } else if (message->type == RS_A) {
        liar_add(reply, 0, "%s 86400 A %s", name, is_grandchild ? "5.0.0.67" : EVIL_ADDR);
    } else if (message->type == RS_NS) {
        liar_add(reply, 0, "%s 86400 NS ns.%s", name, name);
    } else {
        liar_add(reply, 1, "ghost.tld. 86400 SOA ns.ghost.tld. h.ghost.tld. 1 2 3 4 86400");
    }
    liar_add(reply, 1, "ghost.tld. 86400 NS ns.ghost.tld.");
    liar_add(reply, 1, "ghost.tld. 86400 NS ns2.ghost.tld.");
    liar_add(reply, 2, "ns.ghost.tld. 86400 A " EVIL_ADDR);
    liar_add(reply, 2, "ns2.ghost.tld. 86400 A " EVIL_ADDR);
    liar_send(reply, 0);
}

/* Ghost and phoenix domains (CVE-2012-1033, CVE-2022-30698, CVE-2026-40622): the parent takes a
 * delegation back; whatever is asked of the child meanwhile, it is not asked any more once the
 * parent's TTL is over. */
SIM_TEST(poison_ghost)
{
    unsigned variant = (unsigned)(seed % GHOST_VARIANTS);
    char name[64];
    uint16_t type;
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed, .cores = 1 + seed / 12 % 2});
    sim_serve(sim, "5.0.0.1", ".", "@ NS ns.\nns. A 5.0.0.1\ntld. NS ns.tld.\nns.tld. A 5.0.0.2");
    struct sim_authority *tld = sim_authority(sim, "5.0.0.2", 0, NULL, NULL);
    struct sim_zone *before = sim_zone(sim, "tld.",
                                       "@ NS ns\nns A 5.0.0.2\nghost 600 NS ns.ghost\n"
                                       "ns.ghost 600 A " EVIL_ADDR);
    struct sim_zone *after = sim_zone_new("tld.", "@ NS ns\nns A 5.0.0.2");
    struct liar *ghost = liar_open(sim, EVIL_ADDR " 5.0.0.67", SIM_DEAD, haunt, NULL);
    sim_authority_serve(tld, before);

    sim_ask_with(sim, &(struct sim_ask){.name = "first.ghost.tld.", .type = RS_A});
    sim_run_quiet(sim, 10000);
    EXPECT_NUMBERS(liar_questions(ghost), >, 0);
    sim_authority_drop(tld, before);
    sim_authority_serve(tld, after);
    /* A question every half minute, and some in the last seconds. */
    for (unsigned round = 0; round < PARENT_TTL_S / 30; round++) {
        sim_run(sim, 29500);
        haunt_question(variant, round, name, &type);
        sim_ask_with(sim, &(struct sim_ask){.name = name, .type = type, .patience_ms = 400});
        sim_run(sim, 500);
    }
    sim_run(sim, 1000);
    uint64_t questions = liar_questions(ghost);
    EXPECT_NUMBERS(questions, >=, variant == 9 ? 1 : 2); /* DS is the parent's to tell */
    for (unsigned round = 0; round < 30; round++) {
        haunt_question(variant, 1000 + round, name, &type);
        sim_ask_with(sim, &(struct sim_ask){.name = name, .type = type, .patience_ms = 400});
        snprintf(name, sizeof(name), "late%u.ghost.tld.", round);
        unsigned late = sim_ask_with(sim, &(struct sim_ask){.name = name, .type = RS_A});
        sim_run(sim, 60000);
        EXPECT_NUMBERS(sim_clients_question(sim_clients(sim), late)->rcode, ==, RS_NXDOMAIN);
    }
    EXPECT_NUMBERS(liar_questions(ghost), ==, questions);
    sim_run_quiet(sim, 10000);
    liar_close(ghost);
    sim_free(sim);
    sim_zone_free(after);
}

/* ---- B9: TTL arithmetic ---- */

/* The largest TTL in the answer and authority sections of a reply; UINT32_MAX: no reply. */
static uint32_t ttl_max(struct sim *sim, unsigned number)
{
    const struct sim_question *question = sim_clients_question(sim_clients(sim), number);
    struct sim_message message = {0};
    uint32_t most = 0;

    if (question->wire == NULL ||
        !sim_message_read(question->wire, question->wire_size, &message) ||
        message.rcode == RS_SERVFAIL) {
        sim_message_free(&message);
        return UINT32_MAX;
    }
    for (unsigned i = 0; i < message.records.count; i++) {
        uint32_t ttl_s = message.records.items[i].ttl_s;
        most = ttl_s > most ? ttl_s : most;
    }
    sim_message_free(&message);
    return most;
}

/* RFC2181-8, RFC8767-4: TTLs at the edges of 31 and 32 bits are huge, not negative; zero is for
 * one transaction only (RFC1035-3.2.1). What clients see never grows while nobody was asked. */
SIM_TEST(poison_ttl)
{
    static const uint32_t ttls[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    static const struct {
        const char *name;
        uint16_t type;
    } questions[] = {{"a%u.victim.", RS_A},   {"c%u.victim.", RS_A},    {"x.d%u.victim.", RS_A},
                     {"a%u.victim.", RS_TXT}, {"gone%u.victim.", RS_A}, {"m%u.victim.", RS_MX}};
    static const unsigned pauses_ms[] = {0, 1000, 2500, 30000, 3600000, 90000000};
    unsigned which = (unsigned)(seed % RT_ARRAY_COUNT(ttls));
    uint32_t ttl_s = ttls[which], cap_s = RS_TTL_S_MAX;
    char name[64];
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed});
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\nvictim. NS ns.victim.\nns.victim. A 5.0.0.2");
    struct sim_zone *zone = sim_zone_new("victim.", "");
    struct sim_authority *server = sim_authority(sim, "5.0.0.2", 0, NULL, NULL);
    sim_zone_keep(sim, zone);
    zone->records.items[0].ttl_s = ttl_s; /* SOA */
    sim_zone_add(zone, "@ NS ns\nns A 5.0.0.2\na%u %u A 192.0.2.1\nc%u %u CNAME a%u", which, ttl_s,
                 which, ttl_s, which);
    sim_zone_add(zone, "d%u %u DNAME e\nx.e %u A 192.0.2.2\nm%u %u MX 10 mail", which, ttl_s, ttl_s,
                 which, ttl_s);
    sim_authority_serve(server, zone);
    sim_start(sim);
    if (ttl_s < cap_s) {
        cap_s = ttl_s == 0 ? 0 : RS_TTL_S_MIN;
    }
    for (unsigned i = 0; i < RT_ARRAY_COUNT(questions); i++) {
        uint64_t asked = 0, at_ns = 0;
        uint32_t last_s = 0;
        snprintf(name, sizeof(name), questions[i].name, which);
        for (unsigned p = 0; p < RT_ARRAY_COUNT(pauses_ms); p++) {
            sim_run(sim, pauses_ms[p]);
            unsigned number =
                sim_ask_with(sim, &(struct sim_ask){.name = name, .type = questions[i].type});
            sim_run(sim, 500);
            uint32_t seen_s = ttl_max(sim, number);
            uint64_t now_ns = sim_net_now_ns(sim_network(sim));
            EXPECT_NUMBERS(seen_s, <=, cap_s);
            if (p > 0 && seen_s > 0 && asked == sim_authority_questions(server)) {
                EXPECT_NUMBERS(seen_s + (now_ns - at_ns) / RT_NS_PER_S, <=, last_s + 1);
            }
            if (p > 0 && ttl_s == 0) {
                EXPECT_NUMBERS(sim_authority_questions(server), >, asked);
            }
            asked = sim_authority_questions(server);
            at_ns = now_ns;
            last_s = seen_s;
        }
    }
    sim_free(sim);
}
