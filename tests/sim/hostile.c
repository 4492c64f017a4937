/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/hostile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The tree: the root at 5.0.0.1; evil. at 5.0.0.2, and its children zN.evil. at 5.0.0.3; servers
 * that know nothing at 5.8.0.N; the bystander's zone victim. at SIM_HOSTILE_VICTIM. Endless
 * delegation uses one address for each depth: 5.1.0.N. */

#define EVIL_ADDR  "5.0.0.2"
#define CHILD_ADDR "5.0.0.3"

enum { DEPTHS = 60 };

struct sim_hostile {
    struct sim *sim;
    enum sim_hostility hostility;
    unsigned width;
    char name[256];
};

static void add(struct sim_found *out, unsigned section, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct sim_found *out, unsigned section, const char *format, ...)
{
    char line[2300];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    RT_CHECK(sim_record_parse(line, NULL, 300, &out->records));
    out->records.items[out->records.count - 1].section = (uint8_t)section;
}

/* The question's name cut to its last `labels` labels, as text. */
static const char *tail(const struct sim_message *query, unsigned labels, char text[1010])
{
    unsigned all = sim_name_labels(&query->name);
    struct sim_name name = sim_name_parent(&query->name, all > labels ? all - labels : 0);

    return sim_name_text(&name, text);
}

/* N of "....zN.evil."; 0 for others. */
static unsigned number_of(const struct sim_message *query)
{
    char zone[1010];
    unsigned number = 0;

    return sscanf(tail(query, 2, zone), "z%u.evil.", &number) == 1 ? number : 0;
}

static void refer_to_victim(const struct sim_hostile *self, const char *zone, unsigned number,
                            struct sim_found *out)
{
    for (unsigned i = 0; i < self->width; i++) {
        add(out, 1, "%s NS n%ux%u.victim.", zone, i, number);
    }
}

static void refer_to_child(const char *zone, struct sim_found *out)
{
    add(out, 1, "%s NS ns.%s", zone, zone);
    add(out, 2, "ns.%s A " CHILD_ADDR, zone);
}

/* What zN.evil. itself says: x is an alias into the next zone. */
static void alias_onward(const struct sim_message *query, unsigned number, struct sim_found *out)
{
    char name[1010];

    out->is_authoritative = true;
    if (sim_name_labels(&query->name) > 2) {
        add(out, 0, "%s CNAME x.z%u.evil.", sim_name_text(&query->name, name), number + 1);
    }
}

/* One label more with each address: 5.1.0.N is asked for names with more than N labels. */
static void refer_deeper(const struct sim_message *query, const struct rt_addr *local,
                         struct sim_found *out)
{
    char zone[1010];
    unsigned depth = local->ip[1] == 1 ? local->ip[3] : 1;

    tail(query, depth + 1, zone);
    add(out, 1, "%s NS ns.%s", zone, zone);
    add(out, 2, "ns.%s A 5.1.0.%u", zone, depth + 1);
}

/* Name servers whose names are in zones whose name servers' names are in zones ... */
static void refer_sideways(const struct sim_hostile *self, const struct sim_message *query,
                           unsigned number, struct sim_found *out)
{
    char zone[1010];

    tail(query, 2, zone);
    for (unsigned i = 0; i < self->width; i++) {
        add(out, 1, "%s NS ns.z%u.evil.", zone, (number * 61 + i + 1) % 1000000);
    }
}

static bool improvise(void *arg, const struct sim_message *query, const struct rt_addr *local,
                      struct sim_found *out)
{
    const struct sim_hostile *self = arg;
    unsigned number = number_of(query);
    bool is_child = local->ip[3] == 3 && local->ip[1] == 0;
    char zone[1010];

    if (self->hostility == SIM_ENDLESS && sim_name_labels(&query->name) > 1) {
        refer_deeper(query, local, out);
        return true;
    }
    if (number == 0) {
        return false; /* static records of evil. */
    }
    if (is_child) {
        alias_onward(query, number, out);
        return true;
    }
    tail(query, 2, zone);
    switch (self->hostility) {
    case SIM_NXNS:
        refer_to_victim(self, zone, number, out);
        return true;
    case SIM_NXNS_ALIAS:
        refer_to_victim(self, zone, number, out);
        refer_to_child(zone, out);
        return true;
    case SIM_ENDLESS_GLUELESS:
        refer_sideways(self, query, number, out);
        return true;
    case SIM_CNAME_CHAIN:
        refer_to_child(zone, out);
        return true;
    case SIM_DEAD_MANY:
    case SIM_LAME_MANY:
        for (unsigned i = 0; i < self->width; i++) {
            const char *addr = self->hostility == SIM_DEAD_MANY ? "5.9.0" : "5.8.0";
            add(out, 1, "%s NS n%u.%s", zone, i, zone);
            add(out, 2, "n%u.%s A %s.%u", i, zone, addr, i + 1);
        }
        return true;
    case SIM_NS_TO_ALIAS:
        for (unsigned i = 0; i < self->width; i++) {
            add(out, 1, "%s NS c%u.alias.evil.", zone, i);
        }
        return true;
    case SIM_ENDLESS:
    case SIM_CYCLE:
    case SIM_CNAME_LOOP:
    case SIM_DNAME_GROW:
    case SIM_SELF_GLUE:
    case SIM_HOSTILITIES:
        break;
    }
    return false;
}

static void add_evil_records(const struct sim_hostile *self, struct sim_zone *evil)
{
    static const char *const addresses[] = {
        "A 127.0.0.1",         "A 0.0.0.0", "A 224.0.0.1", "A 255.255.255.255", "A 198.18.0.53",
        "AAAA ::ffff:5.6.7.8", "AAAA ::1",  "AAAA ::",     "AAAA ff02::1",      "AAAA fd53::53",
    };

    sim_zone_add(evil, "@ NS ns\nns A " EVIL_ADDR);
    sim_zone_add(evil, "l1 CNAME l2\nl2 CNAME l3\nl3 CNAME l1");
    sim_zone_add(evil, "d DNAME xxxxxxxxxxxxxxxxxxxx.d");
    for (unsigned i = 0; i < RT_ARRAY_COUNT(addresses); i++) {
        sim_zone_add(evil, "self NS n%u.self\nn%u.self %s", i, i, addresses[i]);
    }
    for (unsigned i = 0; i < self->width; i++) {
        sim_zone_add(evil, "c%u.alias CNAME c%u.alias", i, i + 1);
    }
}

static void choose_name(struct sim_hostile *self)
{
    static const char *const names[SIM_HOSTILITIES] = {
        [SIM_NXNS] = "x.z1.evil.",
        [SIM_NXNS_ALIAS] = "x.z1.evil.",
        [SIM_ENDLESS_GLUELESS] = "x.z1.evil.",
        [SIM_CYCLE] = "www.one.",
        [SIM_CNAME_CHAIN] = "x.z1.evil.",
        [SIM_CNAME_LOOP] = "l1.evil.",
        [SIM_DNAME_GROW] = "a.d.evil.",
        [SIM_DEAD_MANY] = "x.z1.evil.",
        [SIM_LAME_MANY] = "x.z1.evil.",
        [SIM_NS_TO_ALIAS] = "x.z1.evil.",
        [SIM_SELF_GLUE] = "www.self.evil.",
    };

    if (self->hostility != SIM_ENDLESS) {
        strcpy(self->name, names[self->hostility]);
        return;
    }
    for (unsigned i = 0; i < DEPTHS; i++) {
        strcat(self->name, "a.");
    }
    strcat(self->name, "evil.");
}

struct sim_hostile *sim_hostile_new(struct sim *sim, enum sim_hostility hostility, unsigned width)
{
    struct sim_hostile *self = calloc(1, sizeof(*self));
    char addrs[DEPTHS * 12] = EVIL_ADDR " " CHILD_ADDR;

    RT_CHECK(self != NULL);
    *self = (struct sim_hostile){.sim = sim, .hostility = hostility, .width = width};
    choose_name(self);
    for (unsigned i = 0; hostility == SIM_ENDLESS && i + 2 < DEPTHS; i++) {
        snprintf(addrs + strlen(addrs), sizeof(addrs) - strlen(addrs), " 5.1.0.%u", i + 1);
    }
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\nevil. NS ns.evil.\nns.evil. A " EVIL_ADDR "\n"
              "victim. NS ns.victim.\nns.victim. A " SIM_HOSTILE_VICTIM "\n"
              "one. NS ns.two.\ntwo. NS ns.one.");
    sim_serve(sim, SIM_HOSTILE_VICTIM, "victim.", "@ NS ns\nns A " SIM_HOSTILE_VICTIM);
    struct sim_zone *evil = sim_zone(sim, "evil.", "");
    add_evil_records(self, evil);
    sim_authority_serve(sim_authority(sim, addrs, 0, improvise, self), evil);
    addrs[0] = '\0';
    for (unsigned i = 0; i < width && i < 60; i++) {
        snprintf(addrs + strlen(addrs), sizeof(addrs) - strlen(addrs), "5.8.0.%u ", i + 1);
    }
    sim_authority(sim, addrs, SIM_LAME, NULL, NULL);
    return self;
}

void sim_hostile_free(struct sim_hostile *hostile)
{
    free(hostile);
}

const char *sim_hostile_name(const struct sim_hostile *hostile)
{
    return hostile->name;
}
