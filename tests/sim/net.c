/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/dns.h"
#include "tests/sim/net_private.h"

void *net_alloc(size_t size)
{
    void *memory = calloc(1, size);

    RT_CHECK(memory != NULL);
    return memory;
}

/* ---- time: a binary heap by (time, order of making) ---- */

static bool is_before(const struct net_event *a, const struct net_event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->number < b->number;
}

static void heap_push(struct sim_net *net, struct net_event *event)
{
    if (net->heap_count == net->heap_room) {
        net->heap_room = net->heap_room == 0 ? 256 : net->heap_room * 2;
        net->heap = realloc(net->heap, net->heap_room * sizeof(net->heap[0]));
        RT_CHECK(net->heap != NULL);
    }
    uint32_t at = net->heap_count++;
    while (at > 0 && is_before(event, net->heap[(at - 1) / 2])) {
        net->heap[at] = net->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    net->heap[at] = event;
}

static struct net_event *heap_pop(struct sim_net *net)
{
    struct net_event *first = net->heap[0];
    struct net_event *last = net->heap[--net->heap_count];
    uint32_t at = 0;

    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= net->heap_count) {
            break;
        }
        if (child + 1 < net->heap_count && is_before(net->heap[child + 1], net->heap[child])) {
            child++;
        }
        if (!is_before(net->heap[child], last)) {
            break;
        }
        net->heap[at] = net->heap[child];
        at = child;
    }
    if (net->heap_count > 0) {
        net->heap[at] = last;
    }
    return first;
}

struct net_event *net_event_new(struct sim_net *net, uint64_t at_ns,
                                void (*fire)(struct sim_net *, struct net_event *))
{
    struct net_event *event = net->free_events;

    if (event != NULL) {
        net->free_events = event->next_free;
        memset(event, 0, sizeof(*event));
    } else {
        event = net_alloc(sizeof(*event));
    }
    event->at_ns = at_ns;
    event->number = net->next_number++;
    event->fire = fire;
    heap_push(net, event);
    return event;
}

uint64_t sim_net_next(const struct sim_net *net)
{
    return net->heap_count == 0 ? UINT64_MAX : net->heap[0]->at_ns;
}

void sim_net_move(struct sim_net *net, uint64_t now_ns)
{
    RT_CHECK(now_ns >= net->now_ns);
    net->now_ns = now_ns;
}

void sim_net_run_due(struct sim_net *net)
{
    while (net->heap_count > 0 && net->heap[0]->at_ns <= net->now_ns) {
        struct net_event *event = heap_pop(net);
        net->in_flight -= event->is_packet ? 1 : 0;
        event->fire(net, event);
        event->next_free = net->free_events;
        net->free_events = event;
    }
}

static void fire_timer(struct sim_net *net, struct net_event *event)
{
    (void)net;
    event->timer.call(event->timer.arg, event->timer.number);
}

void sim_net_after(struct sim_net *net, uint64_t delay_ns, void (*call)(void *arg, uint64_t number),
                   void *arg, uint64_t number)
{
    struct net_event *event = net_event_new(net, net->now_ns + delay_ns, fire_timer);

    event->timer.call = call;
    event->timer.arg = arg;
    event->timer.number = number;
    net->newest = event;
}

void sim_net_after_owned(struct sim_net *net, uint64_t delay_ns,
                         void (*call)(void *arg, uint64_t number), void *arg)
{
    sim_net_after(net, delay_ns, call, arg, 0);
    net->newest->is_owned = true;
}

uint32_t sim_net_in_flight(const struct sim_net *net)
{
    return net->in_flight;
}

/* ---- places ---- */

uint64_t net_addr_word(const struct rt_addr *addr)
{
    uint64_t high, low;

    memcpy(&high, addr->ip, 8);
    memcpy(&low, addr->ip + 8, 8);
    return (high * UINT64_C(0x9e3779b97f4a7c15)) ^ (low * UINT64_C(0xc2b2ae3d27d4eb4f)) ^
           ((uint64_t)addr->family << 16) ^ addr->port;
}

unsigned net_bucket(const struct rt_addr *addr)
{
    uint64_t word = net_addr_word(addr) * UINT64_C(0x9e3779b97f4a7c15);

    return (unsigned)(word >> 32) % NET_BUCKETS;
}

bool net_is_any(const struct rt_addr *addr)
{
    static const uint8_t zeroes[16];

    return memcmp(addr->ip, zeroes, sizeof(zeroes)) == 0;
}

static struct rt_addr without_port(const struct rt_addr *addr)
{
    struct rt_addr place = *addr;

    place.port = 0;
    place.scope_id = 0;
    return place;
}

const struct net_place *net_place(const struct sim_net *net, const struct rt_addr *addr)
{
    struct rt_addr wanted = without_port(addr);

    for (const struct net_place *at = net->places[net_bucket(&wanted)]; at != NULL; at = at->next) {
        if (rt_addr_equal_ip(&at->addr, &wanted)) {
            return at;
        }
    }
    return NULL;
}

void sim_net_claim(struct sim_net *net, const struct rt_addr *addr, enum sim_side side)
{
    if (net_place(net, addr) != NULL) {
        return;
    }
    struct net_place *place = net_alloc(sizeof(*place));
    place->addr = without_port(addr);
    place->side = side;
    place->next = net->places[net_bucket(&place->addr)];
    net->places[net_bucket(&place->addr)] = place;
}

bool sim_net_has(const struct sim_net *net, const struct rt_addr *addr)
{
    return net_place(net, addr) != NULL;
}

static enum sim_side side_of(const struct sim_net *net, const struct rt_addr *addr)
{
    const struct net_place *place = net_place(net, addr);

    return place == NULL ? SIM_SIDE_NONE : place->side;
}

const struct sim_path *net_path(const struct sim_net *net, const struct rt_addr *a,
                                const struct rt_addr *b)
{
    bool is_client = side_of(net, a) == SIM_SIDE_CLIENT || side_of(net, b) == SIM_SIDE_CLIENT;

    return is_client ? &net->client : &net->upstream;
}

unsigned sim_net_cut(struct sim_net *net, const struct rt_prefix *a, const struct rt_prefix *b)
{
    RT_CHECK(net->cuts_count < NET_CUTS_MAX);
    sim_trace_note(net->trace, net->now_ns, SIM_NOTE_FAULT, net_addr_word(&a->addr),
                   net_addr_word(&b->addr));
    net->cuts[net->cuts_count] = (struct net_cut){*a, *b, true};
    return net->cuts_count++;
}

void sim_net_heal(struct sim_net *net, unsigned rule)
{
    RT_CHECK(rule < net->cuts_count);
    net->cuts[rule].is_on = false;
}

bool net_is_cut(const struct sim_net *net, const struct rt_addr *a, const struct rt_addr *b)
{
    for (unsigned i = 0; i < net->cuts_count; i++) {
        const struct net_cut *cut = &net->cuts[i];
        bool is_hit = (rt_prefix_contains(&cut->a, a) && rt_prefix_contains(&cut->b, b)) ||
                      (rt_prefix_contains(&cut->a, b) && rt_prefix_contains(&cut->b, a));
        if (cut->is_on && is_hit) {
            return true;
        }
    }
    return false;
}

/* Two places are as far from each other as the seed says, the same for every packet; load on the
 * way adds up to a fifth. */
uint64_t net_latency_ns(struct sim_net *net, const struct sim_path *path,
                        const struct rt_addr *source, const struct rt_addr *target)
{
    struct rt_addr a = without_port(source), b = without_port(target);
    uint64_t range_us = path->latency_us_max > path->latency_us_min
                            ? path->latency_us_max - path->latency_us_min
                            : 0;
    uint64_t distance = (net_addr_word(&a) ^ net_addr_word(&b) ^ net->share_key) *
                        UINT64_C(0x9e3779b97f4a7c15); /* the same in both directions */
    uint64_t base_us = path->latency_us_min + (distance >> 33) % (range_us + 1);

    return base_us * RT_NS_PER_US + rt_prng_below(&net->prng, base_us * RT_NS_PER_US / 5 + 1);
}

uint64_t net_flow_hash(const struct sim_net *net, const struct rt_addr *source,
                       const struct rt_addr *target)
{
    uint64_t word = (net_addr_word(source) ^ net->share_key) * UINT64_C(0xff51afd7ed558ccd);

    word = (word ^ (word >> 32) ^ net_addr_word(target)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return word ^ (word >> 29);
}

void net_describe(struct sim_net *net, const char *what, const struct rt_addr *source,
                  const struct rt_addr *target, uint64_t to_ns, const uint8_t *data, uint32_t size)
{
    char from[RT_ADDR_TEXT_BYTES], to[RT_ADDR_TEXT_BYTES], message[400] = "", detail[600];

    if (!sim_trace_is_watched(net->trace)) {
        return;
    }
    if (data != NULL) {
        sim_dns_describe(data, size, message, sizeof(message));
    }
    snprintf(detail, sizeof(detail), "%s > %s %s", rt_addr_format(source, from),
             rt_addr_format(target, to), message);
    sim_trace_span(net->trace, "network", what, net->now_ns, to_ns, detail);
}

/* ---- datagrams ---- */

static bool is_flow_of(const struct sim_udp *udp, const struct rt_addr *source)
{
    return udp->peer.family == 0 || rt_addr_equal(&udp->peer, source);
}

/* A connected socket of that flow first; else one of those that share the port, always the same
 * for a flow (SO_REUSEPORT). */
static struct sim_udp *find_udp_at(struct sim_net *net, const struct rt_addr *key,
                                   const struct rt_addr *source, const struct rt_addr *target)
{
    struct sim_udp *shared = NULL;
    unsigned count = 0;

    for (struct sim_udp *at = net->udps[net_bucket(key)]; at != NULL; at = at->next) {
        if (!rt_addr_equal(&at->local, key) || !is_flow_of(at, source)) {
            continue;
        }
        if (at->peer.family != 0) {
            return at;
        }
        shared = at;
        count++;
    }
    if (count < 2) {
        return shared;
    }
    uint64_t chosen = net_flow_hash(net, source, target) % count;
    for (struct sim_udp *at = net->udps[net_bucket(key)]; at != NULL; at = at->next) {
        if (rt_addr_equal(&at->local, key) && at->peer.family == 0 && chosen-- == 0) {
            return at;
        }
    }
    return NULL;
}

static struct sim_udp *find_udp(struct sim_net *net, const struct rt_addr *source,
                                const struct rt_addr *target)
{
    struct rt_addr any = {.family = target->family, .port = target->port};
    struct sim_udp *found = find_udp_at(net, target, source, target);

    return found != NULL ? found : find_udp_at(net, &any, source, target);
}

static void fire_icmp(struct sim_net *net, struct net_event *event)
{
    struct sim_udp *udp = find_udp(net, &event->packet.source, &event->packet.target);

    sim_trace_note(net->trace, net->now_ns, SIM_NOTE_ICMP, net_addr_word(&event->packet.source),
                   net_addr_word(&event->packet.target));
    if (udp != NULL && udp->peer.family != 0 && udp->ops->error != NULL) {
        udp->ops->error(udp->arg, RT_REFUSED);
    }
}

/* Port unreachable: back to whoever sent it, after the way back. */
static void send_icmp(struct sim_net *net, const struct net_event *event)
{
    const struct sim_path *path = net_path(net, &event->packet.source, &event->packet.target);
    struct net_event *icmp = net_event_new(
        net, net->now_ns + net_latency_ns(net, path, &event->packet.source, &event->packet.target),
        fire_icmp);

    net->counters.icmp++;
    icmp->packet.source = event->packet.target;
    icmp->packet.target = event->packet.source;
}

static void fire_datagram(struct sim_net *net, struct net_event *event)
{
    const struct rt_addr *source = &event->packet.source, *target = &event->packet.target;
    struct sim_udp *udp = find_udp(net, source, target);

    sim_trace_note(net->trace, net->now_ns, SIM_NOTE_ARRIVED, net_addr_word(source),
                   net_addr_word(target));
    if (udp != NULL) {
        udp->ops->datagram(udp->arg, source, target, event->packet.data, event->packet.size);
    } else if (net_place(net, target) != NULL) {
        send_icmp(net, event);
    }
    free(event->packet.data);
}

static void fly(struct sim_net *net, const struct sim_path *path, const struct rt_addr *source,
                const struct rt_addr *target, const void *data, uint32_t size)
{
    uint64_t delay_ns = net_latency_ns(net, path, source, target);

    if (sim_net_chance(net, path->reorder_permille)) {
        net->counters.reordered++;
        delay_ns += rt_prng_below(&net->prng, 50 * RT_NS_PER_MS);
    }
    if (sim_net_chance(net, path->delay_permille)) {
        net->counters.delayed++;
        delay_ns += RT_NS_PER_S + rt_prng_below(&net->prng, 7 * RT_NS_PER_S);
    }
    struct net_event *event = net_event_new(net, net->now_ns + delay_ns, fire_datagram);
    event->is_packet = true;
    net->in_flight++;
    event->packet.source = *source;
    event->packet.target = *target;
    event->packet.data = net_alloc(size + 1);
    event->packet.size = size;
    memcpy(event->packet.data, data, size);
    if (size > 0 && sim_net_chance(net, path->corrupt_permille)) {
        net->counters.corrupted++;
        event->packet.data[rt_prng_below(&net->prng, size)] ^=
            (uint8_t)(1u << rt_prng_below(&net->prng, 8));
    }
    net_describe(net, "udp", source, target, event->at_ns, event->packet.data, size);
}

void sim_net_send(struct sim_net *net, const struct rt_addr *source, const struct rt_addr *target,
                  const void *data, uint32_t size)
{
    const struct sim_path *path = net_path(net, source, target);

    net->counters.datagrams++;
    if (side_of(net, source) == SIM_SIDE_RESOLVER && side_of(net, target) != SIM_SIDE_CLIENT) {
        net->counters.upstream_datagrams++;
    }
    sim_trace_note(net->trace, net->now_ns, SIM_NOTE_SENT, net_addr_word(source),
                   net_addr_word(target));
    sim_trace_bytes(net->trace, data, size);
    if (net_is_cut(net, source, target)) {
        net->counters.blackholed++;
        net_describe(net, "udp-cut", source, target, net->now_ns, data, size);
        return;
    }
    if (sim_net_chance(net, path->loss_permille)) {
        net->counters.lost++;
        net_describe(net, "udp-lost", source, target, net->now_ns, data, size);
        return;
    }
    fly(net, path, source, target, data, size);
    if (sim_net_chance(net, path->duplicate_permille)) {
        net->counters.duplicated++;
        fly(net, path, source, target, data, size);
    }
}

rt_status sim_udp_open(struct sim_net *net, const struct rt_addr *local, const struct rt_addr *peer,
                       bool may_share, const struct sim_udp_ops *ops, void *arg,
                       struct sim_udp **out)
{
    struct sim_udp **last = &net->udps[net_bucket(local)];

    for (; *last != NULL; last = &(*last)->next) {
        if (rt_addr_equal(&(*last)->local, local) && !(may_share && (*last)->may_share)) {
            return RT_IN_USE;
        }
    }
    struct sim_udp *udp = net_alloc(sizeof(*udp));
    udp->net = net;
    udp->local = *local;
    if (peer != NULL) {
        udp->peer = *peer;
    }
    udp->may_share = may_share;
    udp->ops = ops;
    udp->arg = arg;
    *last = udp; /* at the end: the order of opening decides, not the order in memory */
    *out = udp;
    return RT_OK;
}

void sim_udp_close(struct sim_udp *udp)
{
    struct sim_udp **at = &udp->net->udps[net_bucket(&udp->local)];

    while (*at != udp) {
        RT_CHECK(*at != NULL);
        at = &(*at)->next;
    }
    *at = udp->next;
    free(udp);
}

/* ---- the net itself ---- */

struct sim_net *sim_net_open(const struct sim_net_options *options)
{
    struct sim_net *net = net_alloc(sizeof(*net));

    rt_prng_init(&net->prng, options->seed ^ UINT64_C(0x6e6574776f726b00));
    net->share_key = rt_prng_next(&net->prng);
    net->wall_start_ms = options->wall_ms != 0 ? options->wall_ms : UINT64_C(1767225600000);
    net->now_ns = RT_NS_PER_S; /* Zero means "never" to too many programs. */
    net->client = options->client;
    net->upstream = options->upstream;
    net->trace = options->trace;
    return net;
}

static void free_sockets(struct sim_net *net)
{
    for (unsigned i = 0; i < NET_BUCKETS; i++) {
        while (net->udps[i] != NULL) {
            sim_udp_close(net->udps[i]);
        }
        while (net->places[i] != NULL) {
            struct net_place *next = net->places[i]->next;
            free(net->places[i]);
            net->places[i] = next;
        }
    }
}

void sim_net_close(struct sim_net *net)
{
    while (net->heap_count > 0) {
        struct net_event *event = heap_pop(net);
        if (event->fire == fire_datagram) {
            free(event->packet.data);
        } else if (event->is_packet) {
            free(event->segment.data);
        } else if (event->is_owned) {
            free(event->timer.arg);
        }
        free(event);
    }
    while (net->free_events != NULL) {
        struct net_event *next = net->free_events->next_free;
        free(net->free_events);
        net->free_events = next;
    }
    free_sockets(net);
    net_streams_free(net);
    free(net->heap);
    free(net);
}

uint64_t sim_net_now_ns(const struct sim_net *net)
{
    return net->now_ns;
}

uint64_t sim_net_wall_ms(const struct sim_net *net)
{
    return net->wall_start_ms + (uint64_t)net->wall_jump_ms + net->now_ns / RT_NS_PER_MS;
}

void sim_net_wall_jump(struct sim_net *net, int64_t ms)
{
    sim_trace_note(net->trace, net->now_ns, SIM_NOTE_FAULT, 1, (uint64_t)ms);
    net->wall_jump_ms += ms;
}

struct sim_path *sim_net_path(struct sim_net *net, bool is_client)
{
    return is_client ? &net->client : &net->upstream;
}

struct sim_net_counters *sim_net_counters(struct sim_net *net)
{
    return &net->counters;
}

struct sim_trace *sim_net_trace(struct sim_net *net)
{
    return net->trace;
}

struct rt_prng *sim_net_prng(struct sim_net *net)
{
    return &net->prng;
}

bool sim_net_chance(struct sim_net *net, unsigned permille)
{
    return permille > 0 && rt_prng_below(&net->prng, 1000) < permille;
}
