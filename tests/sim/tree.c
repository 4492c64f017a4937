/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TREE_ZONES_MAX = 40,
    NS_MAX = 4,
    SERVERS_MAX = TREE_ZONES_MAX * NS_MAX,
    GLUELESS_DEPTH_MAX = 2, /* A name server whose name needs a name server whose name needs one. */
    NAME_BYTES = 256,
};

struct server {
    char name[NAME_BYTES];
    unsigned home; /* index of the zone that has its addresses */
    char v4[32], v6[48];
    struct sim_authority *authority;
    bool is_bad;
};

struct node {
    char origin[NAME_BYTES];
    unsigned parent, level, glueless_depth;
    struct sim_zone *zone;
    unsigned servers[NS_MAX], servers_count;
};

struct sim_tree {
    struct sim *sim;
    struct sim_tree_options options;
    struct node nodes[TREE_ZONES_MAX];
    unsigned nodes_count;
    struct server servers[SERVERS_MAX];
    unsigned servers_count;
};

static unsigned pick(struct sim_tree *tree, unsigned bound)
{
    return (unsigned)rt_prng_below(sim_random(tree->sim), bound);
}

static bool chance(struct sim_tree *tree, unsigned permille)
{
    return pick(tree, 1000) < permille;
}

static unsigned ttl(struct sim_tree *tree)
{
    static const unsigned choices[] = {30, 60, 300, 3600, 86400};

    return choices[pick(tree, RT_ARRAY_COUNT(choices))];
}

/* "label." and the origin, which is "." for the root. */
static void join(char out[NAME_BYTES], const char *label, const char *origin)
{
    int size = snprintf(out, NAME_BYTES, "%s.%s", label, strcmp(origin, ".") == 0 ? "" : origin);

    RT_CHECK(size > 0 && size < NAME_BYTES);
}

/* ---- servers ---- */

/* Works, in a way that needs care. */
static unsigned odd_behaviour(struct sim_tree *tree)
{
    static const unsigned odd[] = {
        SIM_FORMERR_EDNS, SIM_NO_EDNS,        SIM_TC_ALWAYS,
        SIM_WRONG_CASE,   SIM_COOKIES,        SIM_TCP_CLOSES,
        SIM_COOKIES_ONLY, SIM_WRONG_ID_FIRST, SIM_COOKIES | SIM_WRONG_CASE,
    };

    return odd[pick(tree, RT_ARRAY_COUNT(odd))];
}

/* Is of no use. */
static unsigned bad_behaviour(struct sim_tree *tree)
{
    static const unsigned bad[] = {SIM_LAME_UPWARD, SIM_DEAD,    SIM_REFUSES,
                                   SIM_SERVFAILS,   SIM_GARBAGE, SIM_LAME};

    return bad[pick(tree, RT_ARRAY_COUNT(bad) - (tree->options.has_no_lame ? 1 : 0))];
}

enum families { ONLY_V4 = 1, ONLY_V6 = 2, BOTH = 3 };

static enum families pick_families(struct sim_tree *tree, bool needs_v4)
{
    unsigned choice = pick(tree, 10);

    if (needs_v4) {
        return choice < 4 ? ONLY_V4 : BOTH;
    }
    return choice < 3 ? ONLY_V4 : choice < 5 ? ONLY_V6 : BOTH;
}

static void add_addresses(struct sim_tree *tree, struct sim_zone *zone, const struct server *server)
{
    unsigned ttl_s = ttl(tree);

    if (server->v4[0] != '\0') {
        sim_zone_add(zone, "%s %u A %s", server->name, ttl_s, server->v4);
    }
    if (server->v6[0] != '\0') {
        sim_zone_add(zone, "%s %u AAAA %s", server->name, ttl_s, server->v6);
    }
}

/* A server named in the zone `home`; its addresses are added there. */
static unsigned server_new(struct sim_tree *tree, unsigned home, enum families families,
                           unsigned behaviour, bool is_bad)
{
    unsigned index = tree->servers_count++;
    struct server *server = &tree->servers[index];
    char label[32], addrs[96];

    RT_CHECK(index < SERVERS_MAX);
    snprintf(label, sizeof(label), "ns%u", index);
    join(server->name, label, tree->nodes[home].origin);
    server->home = home;
    server->is_bad = is_bad;
    if ((families & ONLY_V4) != 0) {
        snprintf(server->v4, sizeof(server->v4), "5.%u.%u.53", index / 200, index % 200 + 1);
    }
    if ((families & ONLY_V6) != 0) {
        snprintf(server->v6, sizeof(server->v6), "2a00:%x::53", index + 1);
    }
    snprintf(addrs, sizeof(addrs), "%s %s", server->v4, server->v6);
    server->authority = sim_authority(tree->sim, addrs, behaviour, NULL, NULL);
    add_addresses(tree, tree->nodes[home].zone, server);
    return index;
}

/* A good server of the parent that also has this zone: referral and answer in one place. */
static int shared_server(struct sim_tree *tree, const struct node *node)
{
    const struct node *parent = &tree->nodes[node->parent];
    unsigned index = parent->servers[pick(tree, parent->servers_count)];
    bool is_fit = !tree->servers[index].is_bad &&
                  (!tree->options.has_ipv4_everywhere || tree->servers[index].v4[0] != '\0');

    return is_fit ? (int)index : -1;
}

/* The zone in which a server of `node` has its name: its own, or an earlier one. */
static unsigned pick_home(struct sim_tree *tree, struct node *node, unsigned own)
{
    unsigned home = own == 0 || chance(tree, 600) ? own : pick(tree, own);
    unsigned depth = tree->nodes[home].glueless_depth + 1;

    if (home == own || sim_name_is_under(&node->zone->origin, &tree->nodes[home].zone->origin)) {
        return home; /* its own, or above: the referral carries the address */
    }
    if (depth > GLUELESS_DEPTH_MAX) {
        return own;
    }
    node->glueless_depth = depth > node->glueless_depth ? depth : node->glueless_depth;
    return home;
}

static unsigned good_min(const struct sim_tree *tree)
{
    return tree->options.good_min != 0 ? tree->options.good_min : 1;
}

static void add_server(struct sim_tree *tree, unsigned own, unsigned position)
{
    struct node *node = &tree->nodes[own];
    bool is_last_hope = position < good_min(tree); /* The first ones of each zone always work. */
    int index = own > 0 && !is_last_hope && chance(tree, 150) ? shared_server(tree, node) : -1;

    if (index < 0) {
        bool is_bad = !is_last_hope && chance(tree, tree->options.bad_permille);
        unsigned behaviour = is_bad                                     ? bad_behaviour(tree)
                             : chance(tree, tree->options.odd_permille) ? odd_behaviour(tree)
                                                                        : 0;
        bool needs_v4 = is_last_hope && (tree->options.has_ipv4_everywhere || chance(tree, 800));
        index = (int)server_new(tree, pick_home(tree, node, own), pick_families(tree, needs_v4),
                                behaviour, is_bad);
    }
    for (unsigned i = 0; i < node->servers_count; i++) {
        if (node->servers[i] == (unsigned)index) {
            return;
        }
    }
    node->servers[node->servers_count++] = (unsigned)index;
    sim_authority_serve(tree->servers[index].authority, node->zone);
}

/* ---- zones ---- */

/* NS on both sides of the cut, and the addresses without which nobody could cross it. */
static void delegate(struct sim_tree *tree, unsigned own)
{
    struct node *node = &tree->nodes[own];
    struct sim_zone *parent = tree->nodes[node->parent].zone;
    unsigned ttl_s = ttl(tree);

    for (unsigned i = 0; i < node->servers_count; i++) {
        const struct server *server = &tree->servers[node->servers[i]];
        struct sim_name name = sim_name(server->name);
        sim_zone_add(node->zone, "%s %u NS %s", node->origin, ttl_s, server->name);
        if (own == 0) {
            continue;
        }
        sim_zone_add(parent, "%s %u NS %s", node->origin, ttl_s, server->name);
        bool is_below = sim_name_is_under(&name, &node->zone->origin);
        bool is_sibling =
            sim_name_is_under(&name, &parent->origin) && server->home != node->parent && !is_below;
        if (is_below || (is_sibling && chance(tree, 500))) {
            add_addresses(tree, parent, server);
        }
    }
}

static const char *other_origin(struct sim_tree *tree)
{
    return tree->nodes[pick(tree, tree->nodes_count)].origin;
}

static void add_aliases(struct sim_tree *tree, struct node *node)
{
    struct sim_zone *zone = node->zone;
    char target[NAME_BYTES];

    sim_zone_add(zone, "c1 %u CNAME www", ttl(tree));
    sim_zone_add(zone, "c2 %u CNAME c1", ttl(tree));
    join(target, "www", other_origin(tree));
    sim_zone_add(zone, "cx %u CNAME %s", ttl(tree), target);
    join(target, chance(tree, 500) ? "cx" : "nope", other_origin(tree));
    sim_zone_add(zone, "cy %u CNAME %s", ttl(tree), target);
    join(target, "q.wild", other_origin(tree));
    sim_zone_add(zone, "cw %u CNAME %s", ttl(tree), target);
    sim_zone_add(zone, "*.wc %u CNAME www", ttl(tree));
    const char *origin = other_origin(tree);
    if (strcmp(origin, ".") != 0 && strcmp(origin, node->origin) != 0) {
        sim_zone_add(zone, "dn %u DNAME %s", ttl(tree), origin);
    }
}

static void add_records(struct sim_tree *tree, unsigned own)
{
    struct node *node = &tree->nodes[own];
    struct sim_zone *zone = node->zone;

    for (unsigned i = 0; i <= pick(tree, 3); i++) {
        sim_zone_add(zone, "www 300 A 198.51.%u.%u", own, i + 1);
    }
    if (chance(tree, 600)) {
        sim_zone_add(zone, "www %u AAAA 2001:db8:%x::80", ttl(tree), own + 1);
    }
    sim_zone_add(zone, "txt %u TXT \"zone %s\"", ttl(tree), node->origin);
    sim_zone_add(zone, "mail %u MX 10 www", ttl(tree));
    sim_zone_add(zone, "deep.ent.a %u A 203.0.113.%u", ttl(tree), own + 1);
    sim_zone_add(zone, "*.wild %u A 203.0.113.%u", ttl(tree), own + 100);
    sim_zone_add(zone, "*.wild %u TXT \"wild\"", ttl(tree));
    sim_zone_add(zone, "under.wild %u A 203.0.113.%u", ttl(tree), own + 150);
    unsigned big = 12 + pick(tree, 20), big_ttl = ttl(tree);
    for (unsigned i = 0; i < big; i++) {
        sim_zone_add(zone,
                     "big %u TXT \"%02u a text long enough that many of them fill more than one "
                     "datagram can carry, even with EDNS\"",
                     big_ttl, i);
    }
    add_aliases(tree, node);
}

/* Some zones lie below a name that is no zone and has no records. */
static void pick_origin(struct sim_tree *tree, unsigned own)
{
    struct node *node = &tree->nodes[own];
    char label[64];

    snprintf(label, sizeof(label), chance(tree, 200) ? "z%u.gap%u" : "z%u", own, own);
    join(node->origin, label, tree->nodes[node->parent].origin);
}

static void add_zone(struct sim_tree *tree, unsigned levels)
{
    unsigned own = tree->nodes_count++;
    struct node *node = &tree->nodes[own];

    if (own == 0) {
        strcpy(node->origin, ".");
    } else {
        do {
            node->parent = pick(tree, own);
        } while (tree->nodes[node->parent].level >= levels);
        node->level = tree->nodes[node->parent].level + 1;
        node->glueless_depth = tree->nodes[node->parent].glueless_depth;
        pick_origin(tree, own);
    }
    node->zone = sim_zone(tree->sim, node->origin, "");
    unsigned wanted = good_min(tree) + pick(tree, NS_MAX - good_min(tree) + 1);
    for (unsigned i = 0; i < wanted; i++) {
        add_server(tree, own, i);
    }
    delegate(tree, own);
}

struct sim_tree *sim_tree_new(struct sim *sim, const struct sim_tree_options *options)
{
    struct sim_tree *tree = calloc(1, sizeof(*tree));

    RT_CHECK(tree != NULL);
    tree->sim = sim;
    tree->options = *options;
    unsigned zones = options->zones != 0 ? options->zones : 4 + pick(tree, 9);
    unsigned levels = options->levels != 0 ? options->levels : 1 + pick(tree, 4);
    RT_CHECK(zones <= TREE_ZONES_MAX);
    while (tree->nodes_count < zones) {
        add_zone(tree, levels);
    }
    for (unsigned i = 0; i < zones; i++) {
        add_records(tree, i);
    }
    for (unsigned i = 0; i < tree->nodes[0].servers_count; i++) {
        const struct server *server = &tree->servers[tree->nodes[0].servers[i]];
        char addrs[96];
        snprintf(addrs, sizeof(addrs), "%s %s", server->v4, server->v6);
        sim_hint(sim, server->name, addrs);
    }
    return tree;
}

void sim_tree_free(struct sim_tree *tree)
{
    free(tree);
}

/* ---- questions ---- */

static const struct {
    const char *label; /* NULL: the zone itself */
    uint16_t type;
} templates[] = {
    {"www", RS_A},          {"www", RS_A},        {"www", RS_AAAA},    {"www", RS_TXT},
    {"txt", RS_TXT},        {"mail", RS_MX},      {"nope", RS_A},      {"no.such.name", RS_AAAA},
    {"deep.ent.a", RS_A},   {"ent.a", RS_A},      {"a", RS_TXT},       {"x.deep.ent.a", RS_A},
    {"x.wild", RS_A},       {"y.z.wild", RS_TXT}, {"x.wild", RS_AAAA}, {"under.wild", RS_A},
    {"b.under.wild", RS_A}, {"wild", RS_A},       {"big", RS_TXT},     {"c1", RS_A},
    {"c2", RS_AAAA},        {"c2", RS_CNAME},     {"cx", RS_A},        {"cy", RS_A},
    {"cw", RS_A},           {"q.wc", RS_A},       {"www.dn", RS_A},    {"c2.dn", RS_A},
    {"dn", RS_DNAME},       {"nope.dn", RS_A},    {"cx.dn", RS_A},     {NULL, RS_NS},
    {NULL, RS_SOA},         {NULL, RS_A},         {NULL, RS_DS},       {"x.under.wild", RS_A},
};

void sim_tree_question(struct sim_tree *tree, struct sim_tree_question *out)
{
    do {
        const struct node *node = &tree->nodes[pick(tree, tree->nodes_count)];
        unsigned choice = pick(tree, RT_ARRAY_COUNT(templates));
        if (templates[choice].label == NULL) {
            strcpy(out->name, node->origin);
        } else {
            join(out->name, templates[choice].label, node->origin);
        }
        out->type = templates[choice].type;
        out->truth = sim_truth_of(tree->sim, out->name, out->type);
    } while (out->truth == NULL);
}

void sim_tree_ask(struct sim_tree *tree, unsigned count, unsigned spread_ms, unsigned tcp_one_in,
                  const struct sim_ask *base)
{
    for (unsigned i = 0; i < count; i++) {
        struct sim_tree_question question;
        struct sim_ask ask = base != NULL ? *base : (struct sim_ask){0};
        sim_tree_question(tree, &question);
        ask.name = question.name;
        ask.type = question.type;
        ask.truth = question.truth;
        ask.is_tcp = tcp_one_in > 0 && pick(tree, tcp_one_in) == 0;
        ask.server = sim_resolver_addr(tree->sim, chance(tree, 800) ? 4 : 6);
        ask.delay_ns = spread_ms == 0 ? 0 : pick(tree, spread_ms * 1000) * RT_NS_PER_US;
        sim_ask_with(tree->sim, &ask);
    }
}

unsigned sim_tree_zones(const struct sim_tree *tree)
{
    return tree->nodes_count;
}

const struct sim_zone *sim_tree_zone(const struct sim_tree *tree, unsigned index)
{
    return tree->nodes[index].zone;
}
