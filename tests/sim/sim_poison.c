/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "tests/sim/liar.h"
#include "tests/sim/test.h"

/* Delegations, bailiwick and the life of what is cached (security.md B): a server that answers for
 * its own zone must not gain another one, nor keep its own for longer than its parent wants. */

#define EVIL_ADDR "5.0.0.66"

/* The root; victim. whose server lies; bank. and other. that nobody may touch; evil. that wants to
 * be asked. */
static void build_tree(struct sim *sim)
{
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\nvictim. NS ns.victim.\nns.victim. A 5.0.0.2\n"
              "bank. NS ns.bank.\nns.bank. A 5.0.0.3\nother. 300 A 192.0.2.9\n"
              "net. NS ns.bank.\ncom. NS ns.bank.");
    struct sim_authority *honest =
        sim_serve(sim, "5.0.0.3", "bank.", "@ NS ns\nns A 5.0.0.3\n* 300 A 192.0.2.3");
    sim_authority_serve(honest, sim_zone(sim, "net.", "@ NS ns.bank.\n* 300 A 192.0.2.4"));
    sim_authority_serve(honest, sim_zone(sim, "com.", "@ NS ns.bank.\n* 300 A 192.0.2.5"));
    sim_authority(sim, EVIL_ADDR, SIM_SERVFAILS, NULL, NULL);
}

/* Everything is still where it was: asked of names that no cache has, and of the NS sets. */
static void expect_untouched(struct sim *sim, unsigned round)
{
    static const char *const zones[] = {"victim.", "bank.", "net.", "com."};
    char name[64];
    unsigned first = sim_clients_count(sim_clients(sim));

    for (unsigned i = 0; i < RT_ARRAY_COUNT(zones); i++) {
        snprintf(name, sizeof(name), "fresh%u.%s", round, zones[i]);
        sim_ask(sim, name, RS_A, 1);
        sim_run_quiet(sim, 10000);
        sim_ask(sim, zones[i], RS_NS, 1);
        snprintf(name, sizeof(name), "ns.%s", i < 2 ? zones[i] : "bank.");
        sim_ask(sim, name, RS_A, 1);
    }
    sim_ask(sim, "other.", RS_A, 1);
    sim_run_quiet(sim, 10000);
    struct sim_tally tally = sim_clients_tally(sim_clients(sim), first);
    EXPECT_NUMBERS(tally.right, ==, tally.asked);
    EXPECT_NUMBERS(sim_asked_at(sim, EVIL_ADDR), ==, 0);
    if (tally.right != tally.asked) {
        sim_test_explain(sim);
    }
}

/* ---- B1: NS and DNAME records that nobody asked for ---- */

enum { SHAPES = 8, OWNERS = 3 };

/* Variant = shape of the reply and whose NS it brings along. */
static void promise(void *arg, const struct sim_authority_question *question, uint64_t number)
{
    static const char *const owners[OWNERS] = {"victim.", ".", "bank."};
    static const uint8_t rcodes[SHAPES] = {[2] = RS_NXDOMAIN, [3] = RS_YXDOMAIN};
    const unsigned *variant = arg;
    unsigned shape = *variant / OWNERS;
    const char *owner = owners[*variant % OWNERS];
    char name[1010];
    (void)number;

    sim_name_text(&question->message->name, name);
    if (strncmp(name, "lie", 3) != 0) {
        return;
    }
    struct liar_reply *reply =
        liar_begin(question, question->message->id, rcodes[shape] | (shape != 7 ? SIM_AA : 0));
    if (shape == 0 || shape == 5) {
        liar_add(reply, 0, "%s 86400 A 192.0.2.1", name);
    } else if (shape == 3) {
        liar_add(reply, 0, "victim. 86400 DNAME evil.");
    } else if (shape == 4) {
        liar_add(reply, 0, "%s 86400 CNAME www.evil.", name);
    }
    if (shape == 1 || shape == 2) {
        liar_add(reply, 1, "victim. 86400 SOA ns.victim. h.victim. 1 2 3 4 3600");
    }
    if (shape == 5) {
        liar_add(reply, 1, "%s 86400 DNAME evil.", owner);
    } else {
        liar_add(reply, 1, "%s 86400 NS ns.evil.", owner);
        liar_add(reply, 1, "%s 86400 NS ns.%s", owner, strcmp(owner, ".") == 0 ? "" : owner);
    }
    liar_add(reply, 2, "ns.evil. 86400 A " EVIL_ADDR);
    liar_add(reply, 2, "ns.%s 86400 A " EVIL_ADDR, strcmp(owner, ".") == 0 ? "" : owner);
    liar_send(reply, 0);
}

/* Promiscuous NS (CVE-2025-11411, CVE-2025-40778, CVE-2025-59023): an answer, a denial, an alias or
 * a referral upwards, sideways or to the zone itself brings an NS set and glue along. No delegation
 * changes, and the address it names is never asked. Shape 3 is a DNAME of the liar's own zone, in
 * its own answer: that one is its to say, so nothing is asked of victim. after it. */
SIM_TEST(poison_promiscuous)
{
    unsigned variant = 0;

    for (unsigned shape = 0; shape < SHAPES; shape++) {
        struct sim *sim = sim_new(&(struct sim_options){.seed = seed, .cores = 1 + seed % 2});
        build_tree(sim);
        struct liar *liar = liar_open(sim, "5.0.0.2", 0, promise, &variant);
        sim_authority_serve(liar_authority(liar),
                            sim_zone(sim, "victim.", "@ NS ns\nns A 5.0.0.2\n* 300 A 192.0.2.2"));
        for (unsigned owner = 0; owner < OWNERS; owner++) {
            char name[32];
            variant = shape * OWNERS + owner;
            snprintf(name, sizeof(name), "lie%u.victim.", owner);
            sim_ask_with(sim, &(struct sim_ask){.name = name, .type = RS_A});
            sim_run_quiet(sim, 10000);
            if (shape != 3) {
                expect_untouched(sim, owner);
            }
        }
        liar_close(liar);
        sim_free(sim);
    }
}

/* ---- B2: addresses of names that an answer mentions ---- */

#define WWW_BANK "03777777 0462616e6b 00"

static const struct mention { /* type, its RDATA before the target */
    const char *type;
    unsigned before;
    const char *hex;
} mentions[] = {
    {"NS", 0, ""},         {"CNAME", 0, ""},           {"PTR", 0, ""},
    {"MX", 2, "000a"},     {"SRV", 6, "000000000035"}, {"DNAME", 0, ""},
    {"TYPE64", 2, "0001"}, {"TYPE65", 2, "0001"},      {"TYPE36", 2, "000a"},
    {"TYPE21", 2, "000a"}, {"TYPE18", 2, "0001"},      {"TYPE35", 7, "000a000a000000"},
};

static void mention(void *arg, const struct sim_authority_question *question, uint64_t number)
{
    const struct mention *said = *(const struct mention **)arg;
    char name[1010];
    (void)number;

    sim_name_text(&question->message->name, name);
    if (strncmp(name, "lie", 3) != 0) {
        return;
    }
    struct liar_reply *reply = liar_begin(question, question->message->id, SIM_AA);
    liar_add(reply, 0, "%s 86400 %s \\# %u %s " WWW_BANK, name, said->type, said->before + 10,
             said->hex);
    if (strcmp(said->type, "CNAME") == 0) {
        liar_add(reply, 0, "www.bank. 86400 A " EVIL_ADDR);
    }
    liar_add(reply, 1, "bank. 86400 NS www.bank.");
    liar_add(reply, 2, "www.bank. 86400 A " EVIL_ADDR);
    liar_add(reply, 2, "ns.bank. 86400 A " EVIL_ADDR);
    liar_add(reply, 2, "fresh0.bank. 86400 A " EVIL_ADDR);
    liar_send(reply, 0);
}

/* RFC2181-5.4.1: what stands in the additional section is for the question at hand alone. Asked for
 * by its type, and (an alias) by an address. */
SIM_TEST(poison_additional)
{
    const struct mention *said = NULL;

    for (unsigned i = 0; i < RT_ARRAY_COUNT(mentions); i++) {
        struct sim *sim = sim_new(&(struct sim_options){.seed = seed, .cores = 1});
        uint16_t type;
        said = &mentions[i];
        RT_CHECK(sim_type_parse(said->type, &type));
        build_tree(sim);
        struct liar *liar = liar_open(sim, "5.0.0.2", 0, mention, &said);
        sim_authority_serve(liar_authority(liar),
                            sim_zone(sim, "victim.", "@ NS ns\nns A 5.0.0.2\n* 300 A 192.0.2.2"));
        sim_ask_with(sim, &(struct sim_ask){.name = "lie0.victim.", .type = type});
        sim_run_quiet(sim, 10000);
        sim_ask_with(sim, &(struct sim_ask){.name = "lie1.victim.", .type = RS_A});
        sim_run_quiet(sim, 10000);
        sim_ask(sim, "www.bank.", RS_A, 1);
        sim_run_quiet(sim, 10000);
        EXPECT_NUMBERS(sim_tally(sim).right, ==, 1);
        expect_untouched(sim, 0);
        liar_close(liar);
        sim_free(sim);
    }
}

/* ---- B3: a forwarder's answers ---- */

static void overreach(void *arg, const struct sim_authority_question *question, uint64_t number)
{
    const unsigned *variant = arg;
    char name[1010];
    (void)number;

    sim_name_text(&question->message->name, name);
    struct liar_reply *reply = liar_begin(question, question->message->id, SIM_AA | SIM_RA);
    if (*variant == 0) {
        liar_add(reply, 0, "%s 300 A 192.0.2.1", name);
    } else if (*variant == 1) {
        liar_add(reply, 0, "%s 300 CNAME fresh0.bank.", name);
        liar_add(reply, 0, "fresh0.bank. 86400 A " EVIL_ADDR);
    } else if (*variant == 2) {
        liar_add(reply, 0, "net. 86400 DNAME evil.");
        liar_add(reply, 0, "%s 300 CNAME x.local.evil.", name);
    }
    if (*variant == 3) {
        liar_add(reply, 1, "net. 86400 SOA ns.evil. h.evil. 1 2 3 4 3600");
    }
    liar_add(reply, 1, "net. 86400 NS ns.evil.");
    liar_add(reply, 1, "com. 86400 NS ns.evil.");
    liar_add(reply, 1, "bank. 86400 NS ns.evil.");
    liar_add(reply, 1, "other. 86400 NS ns.evil.");
    liar_add(reply, 2, "ns.evil. 86400 A " EVIL_ADDR);
    liar_add(reply, 2, "ns.bank. 86400 A " EVIL_ADDR);
    liar_add(reply, 2, "fresh0.net. 86400 A " EVIL_ADDR);
    liar_send(reply, 0);
}

static void forward_local(void *arg, struct lu_settings *settings)
{
    struct rs_forward *forward = &settings->resolver.forwards[settings->resolver.forwards_count++];
    const uint8_t *mode = arg;

    forward->mode = *mode;
    RT_CHECK(rs_name_parse("local.net.", &forward->name) == RT_OK);
    RT_CHECK(rt_addr_parse("5.0.0.9", 53, &forward->addrs[forward->addrs_count++]) == RT_OK);
}

/* MaginotDNS (CVE-2021-25220): a forwarder is believed about the names that are forwarded to it,
 * and about no other, although they share a cache. */
SIM_TEST(poison_forwarder)
{
    uint8_t mode = seed % 2 == 0 ? RS_FORWARD_RECURSE : RS_FORWARD_STUB;
    unsigned variant = 0;

    for (; variant < 5; variant++) {
        struct sim *sim = sim_new(&(struct sim_options){
            .seed = seed, .cores = 1, .configure = forward_local, .arg = &mode});
        build_tree(sim);
        sim_serve(sim, "5.0.0.2", "victim.", "@ NS ns\nns A 5.0.0.2\n* 300 A 192.0.2.2");
        struct liar *liar = liar_open(sim, "5.0.0.9", SIM_DEAD, overreach, &variant);
        sim_ask_with(sim, &(struct sim_ask){.name = "x.local.net.", .type = RS_A});
        sim_run_quiet(sim, 10000);
        sim_ask_with(sim, &(struct sim_ask){.name = "local.net.", .type = RS_NS});
        sim_run_quiet(sim, 10000);
        expect_untouched(sim, 0);
        EXPECT_NUMBERS(liar_questions(liar), >=, 2);
        liar_close(liar);
        sim_free(sim);
    }
}

/* ---- B6: name servers at addresses that are nobody's ---- */

static const char *const special[] = {
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "127.0.0.53",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.254",
    "192.0.0.1",
    "192.0.0.8",
    "224.0.0.1",
    "224.0.0.251",
    "232.1.1.1",
    "239.255.255.250",
    "240.0.0.1",
    "250.1.2.3",
    "255.255.255.254",
    "255.255.255.255",
    "::",
    "::1",
    "::2",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:5.0.0.3",
    "::ffff:0.0.0.0",
    "100::1",
    "100::53",
    "fe80::1",
    "fe80::5054:ff",
    "febf::1",
    "fec0::1",
    "feff::1",
    "ff01::1",
    "ff02::1",
    "ff02::fb",
    "ff05::2",
    "ff0e::1",
    "ffff::1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "64:ff9b::e000:1",
};
_Static_assert(RT_ARRAY_COUNT(special) == 40, "as many as the table says");

/* Loopback, this network, link-local, multicast, reserved, mapped and translated addresses as glue:
 * none is sent a packet, and the search for others is short. RFC6890. */
SIM_TEST(poison_special_glue)
{
    char name[32], addrs[40 * 20] = "";
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed});
    struct sim_zone *root = sim_zone(sim, ".", "@ NS ns.\nns. A 5.0.0.1");

    for (unsigned i = 0; i < RT_ARRAY_COUNT(special); i++) {
        bool is_v6 = strchr(special[i], ':') != NULL;
        sim_zone_add(root, "p%u. NS ns.p%u.\nns.p%u. %s %s", i, i, i, is_v6 ? "AAAA" : "A",
                     special[i]);
        strcat(strcat(addrs, special[i]), " ");
    }
    struct sim_authority *server = sim_authority(sim, "5.0.0.1", 0, NULL, NULL);
    sim_authority_serve(server, root);
    sim_hint(sim, "ns.", "5.0.0.1");
    struct liar *trap = liar_open(sim, addrs, 0, NULL, NULL);
    for (unsigned i = 0; i < RT_ARRAY_COUNT(special); i++) {
        uint64_t before = sim_upstream_packets(sim);
        snprintf(name, sizeof(name), "www.p%u.", i);
        sim_ask_with(sim, &(struct sim_ask){.name = name, .type = RS_A});
        sim_run_quiet(sim, 10000);
        EXPECT_NUMBERS(sim_upstream_packets(sim) - before, <=, 20);
        if (liar_questions(trap) > 0) {
            sim_test_failed(__FILE__, __LINE__, special[i]);
            break;
        }
    }
    EXPECT_NUMBERS(sim_tally(sim).failed, ==, RT_ARRAY_COUNT(special));
    liar_close(trap);
    sim_free(sim);
}
