/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_private.h"

/* The world around the resolver: zones, authorities, clients, and what is true. */

enum {
    ALIASES_MAX = 9 /* of a question whose answer a resolver must find: RS_CNAME_CHAIN_MAX is 11 */
};

static void *grow(void *list, unsigned count, size_t size)
{
    list = realloc(list, (count + 1) * size);
    RT_CHECK(list != NULL);
    return list;
}

void sim_zone_keep(struct sim *sim, struct sim_zone *zone)
{
    sim->zones = grow(sim->zones, sim->zones_count, sizeof(sim->zones[0]));
    sim->zones[sim->zones_count++] = zone;
}

struct sim_zone *sim_zone(struct sim *sim, const char *origin, const char *text)
{
    struct sim_zone *zone = sim_zone_new(origin, text);

    sim_zone_keep(sim, zone);
    return zone;
}

/* The next word of `addrs` as an address; NULL at the end. */
static const char *next_addr(const char *at, struct rt_addr *out)
{
    char word[RT_ADDR_TEXT_BYTES];

    at += strspn(at, " ");
    size_t size = strcspn(at, " ");
    if (size == 0) {
        return NULL;
    }
    RT_CHECK(size < sizeof(word));
    memcpy(word, at, size);
    word[size] = '\0';
    RT_CHECK(rt_addr_parse(word, 53, out) == RT_OK);
    return at + size;
}

static unsigned bucket_of(const struct sim_name *name)
{
    uint32_t hash = 2166136261u;

    for (unsigned i = 0; i < name->size; i++) {
        hash = (hash ^ name->wire[i]) * 16777619u;
    }
    return hash % SIM_ASKED_BUCKETS;
}

static void count_name(struct sim *sim, const struct sim_message *message)
{
    struct sim_asked_name **bucket = &sim->asked[bucket_of(&message->name)];

    for (struct sim_asked_name *at = *bucket; at != NULL; at = at->next) {
        if (at->type == message->type && sim_name_equal(&at->name, &message->name)) {
            at->count++;
            return;
        }
    }
    struct sim_asked_name *fresh = calloc(1, sizeof(*fresh));
    RT_CHECK(fresh != NULL);
    fresh->name = message->name;
    fresh->type = message->type;
    fresh->count = 1;
    fresh->next = *bucket;
    *bucket = fresh;
}

void sim_observe(void *arg, const struct sim_authority_question *question)
{
    struct sim *sim = arg;
    unsigned i = 0;

    count_name(sim, question->message);
    sim->asked_tcp += question->query->is_tcp;
    while (i < sim->asked_at_count &&
           !rt_addr_equal_ip(&sim->asked_at[i].addr, &question->query->local)) {
        i++;
    }
    if (i < RT_ARRAY_COUNT(sim->asked_at)) {
        sim->asked_at[i].addr = question->query->local;
        sim->asked_at[i].count++;
        sim->asked_at_count = i == sim->asked_at_count ? i + 1 : sim->asked_at_count;
    }
}

struct sim_authority *sim_authority(struct sim *sim, const char *addrs, unsigned behaviour,
                                    sim_improvise *improvise, void *arg)
{
    struct rt_addr addr;
    struct sim_authority *authority = sim_authority_open(&(struct sim_authority_options){
        .net = sim->net,
        .behaviour = behaviour,
        .improvise = improvise,
        .improvise_arg = arg,
        .observe = sim_observe,
        .observe_arg = sim,
    });

    while ((addrs = next_addr(addrs, &addr)) != NULL) {
        sim_authority_listen(authority, &addr);
    }
    sim->authorities = grow(sim->authorities, sim->authorities_count, sizeof(sim->authorities[0]));
    sim->authorities[sim->authorities_count++] = authority;
    return authority;
}

void sim_hint(struct sim *sim, const char *name, const char *addrs)
{
    struct rs_hints *hints = &sim->settings.resolver.hints;
    struct sim_name parsed = sim_name(name);

    RT_CHECK(sim->troupe == NULL && hints->count < RS_HINTS_MAX);
    struct rs_hint *hint = &hints->items[hints->count++];
    hint->name.size = parsed.size;
    memcpy(hint->name.wire, parsed.wire, parsed.size);
    while (hint->addrs_count < RS_HINT_ADDRS_MAX &&
           (addrs = next_addr(addrs, &hint->addrs[hint->addrs_count])) != NULL) {
        hint->addrs_count++;
    }
}

struct sim_authority *sim_serve(struct sim *sim, const char *addrs, const char *origin,
                                const char *text)
{
    struct sim_authority *authority = sim_authority(sim, addrs, 0, NULL, NULL);
    char name[32];

    sim_authority_serve(authority, sim_zone(sim, origin, text));
    if (strcmp(origin, ".") == 0) {
        snprintf(name, sizeof(name), "root%u.", sim->settings.resolver.hints.count);
        sim_hint(sim, name, addrs);
    }
    return authority;
}

const struct sim_found *sim_truth_of(struct sim *sim, const char *name, uint16_t type)
{
    struct sim_name parsed = sim_name(name);

    for (struct sim_truth_entry *at = sim->truths; at != NULL; at = at->next) {
        if (at->type == type && sim_name_equal(&at->name, &parsed)) {
            return at->is_known ? &at->found : NULL;
        }
    }
    struct sim_truth_entry *entry = calloc(1, sizeof(*entry));
    RT_CHECK(entry != NULL);
    entry->name = parsed;
    entry->type = type;
    entry->is_known =
        sim_truth(sim->zones, sim->zones_count, &parsed, type, ALIASES_MAX, &entry->found);
    entry->next = sim->truths;
    sim->truths = entry;
    return entry->is_known ? &entry->found : NULL;
}

unsigned sim_ask_with(struct sim *sim, const struct sim_ask *ask)
{
    struct sim_ask full = *ask;

    sim_start(sim);
    if (full.server.family == 0) {
        full.server = sim_resolver_addr(sim, 4);
    }
    return sim_clients_ask(sim->clients, &full);
}

void sim_ask(struct sim *sim, const char *name, uint16_t type, unsigned count)
{
    const struct sim_found *truth = sim_truth_of(sim, name, type);

    for (unsigned i = 0; i < count; i++) {
        sim_ask_with(sim, &(struct sim_ask){.name = name, .type = type, .truth = truth});
    }
}

struct sim_tally sim_tally(struct sim *sim)
{
    return sim_clients_tally(sim->clients, 0);
}

uint64_t sim_upstream_packets(struct sim *sim)
{
    return sim_net_counters(sim->net)->upstream_datagrams + sim->asked_tcp;
}

uint64_t sim_asked(struct sim *sim, const char *name, uint16_t type)
{
    struct sim_name parsed = sim_name(name);
    uint64_t count = 0;

    for (const struct sim_asked_name *at = sim->asked[bucket_of(&parsed)]; at != NULL;
         at = at->next) {
        if ((type == 0 || at->type == type) && sim_name_equal(&at->name, &parsed)) {
            count += at->count;
        }
    }
    return count;
}

uint64_t sim_asked_at(struct sim *sim, const char *addr)
{
    struct rt_addr wanted;

    RT_CHECK(rt_addr_parse(addr, 53, &wanted) == RT_OK);
    for (unsigned i = 0; i < sim->asked_at_count; i++) {
        if (rt_addr_equal_ip(&sim->asked_at[i].addr, &wanted)) {
            return sim->asked_at[i].count;
        }
    }
    return 0;
}

uint64_t sim_dropped(struct sim *sim)
{
    uint64_t dropped = 0;

    for (unsigned i = 0; sim->troupe != NULL && i < sim->cores_count; i++) {
        dropped += sim_io_overflows(rt_core_io(rt_machine_core(troupe_machine(sim->troupe), i)));
    }
    for (unsigned i = 0; sim->troupe != NULL && i < sim->workers; i++) {
        dropped += atomic_load(&troupe_services(sim->troupe, i)->counters.dropped);
    }
    return dropped;
}

void sim_world_free(struct sim *sim)
{
    for (unsigned i = 0; i < sim->authorities_count; i++) {
        sim_authority_close(sim->authorities[i]);
    }
    for (unsigned i = 0; i < sim->zones_count; i++) {
        sim_zone_free(sim->zones[i]);
    }
    for (unsigned i = 0; i < SIM_ASKED_BUCKETS; i++) {
        while (sim->asked[i] != NULL) {
            struct sim_asked_name *next = sim->asked[i]->next;
            free(sim->asked[i]);
            sim->asked[i] = next;
        }
    }
    while (sim->truths != NULL) {
        struct sim_truth_entry *next = sim->truths->next;
        sim_found_free(&sim->truths->found);
        free(sim->truths);
        sim->truths = next;
    }
    free(sim->authorities);
    free(sim->zones);
}
