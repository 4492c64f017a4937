/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* net_private: what net.c (time, places, datagrams) and stream.c share. Nobody else includes it. */

#include "tests/sim/net.h"

enum {
    NET_BUCKETS = 1024,
    NET_WINDOW_BYTES = 64 * 1024, /* unread bytes of a stream before its writer has to wait */
    NET_SEGMENT_BYTES = 1460,
    NET_USUAL_BYTES = 64, /* of a small message: what one packet would carry */
};

struct net_event {
    uint64_t at_ns, number;
    void (*fire)(struct sim_net *net, struct net_event *event);
    bool is_packet, is_owned;
    union {
        struct {
            void (*call)(void *arg, uint64_t number);
            void *arg;
            uint64_t number;
        } timer;
        struct {
            struct rt_addr source, target;
            uint8_t *data;
            uint32_t size;
        } packet;
        struct {
            struct sim_end *end; /* the receiving one */
            uint8_t *data;
            uint32_t size;
            rt_status why;
        } segment;
    };
    struct net_event *next_free;
};

struct net_place {
    struct net_place *next;
    struct rt_addr addr; /* port 0 */
    enum sim_side side;
};

struct sim_udp {
    struct sim_udp *next;
    struct sim_net *net;
    struct rt_addr local, peer; /* peer.family 0: unconnected */
    bool may_share;
    const struct sim_udp_ops *ops;
    void *arg;
};

struct sim_listener {
    struct sim_listener *next;
    struct sim_net *net;
    struct rt_addr local;
    bool may_share;
    sim_accept *accept;
    void *arg;
};

struct net_cut {
    struct rt_prefix a, b;
    bool is_on;
};

enum { NET_CUTS_MAX = 64 };

struct sim_net {
    uint64_t now_ns, wall_start_ms, next_number;
    int64_t wall_jump_ms;
    struct rt_prng prng;
    uint64_t share_key; /* decides which of several sockets on one port gets a flow */
    struct sim_path client, upstream;
    struct sim_trace *trace;
    struct sim_net_counters counters;

    struct net_event **heap;
    uint32_t heap_count, heap_room, in_flight;
    struct net_event *free_events, *newest;

    struct net_place *places[NET_BUCKETS];
    struct sim_udp *udps[NET_BUCKETS];
    struct sim_listener *listeners[NET_BUCKETS];
    struct sim_end *all_ends; /* freed with the net */
    struct net_cut cuts[NET_CUTS_MAX];
    unsigned cuts_count;
};

void *net_alloc(size_t size); /* zeroed; ends the process when there is no memory */
struct net_event *net_event_new(struct sim_net *net, uint64_t at_ns,
                                void (*fire)(struct sim_net *, struct net_event *));
unsigned net_bucket(const struct rt_addr *addr);
const struct net_place *net_place(const struct sim_net *net, const struct rt_addr *addr);
bool net_is_any(const struct rt_addr *addr);
const struct sim_path *net_path(const struct sim_net *net, const struct rt_addr *a,
                                const struct rt_addr *b);
bool net_is_cut(const struct sim_net *net, const struct rt_addr *a, const struct rt_addr *b);
uint64_t net_latency_ns(struct sim_net *net, const struct sim_path *path,
                        const struct rt_addr *source, const struct rt_addr *target);
uint64_t net_flow_hash(const struct sim_net *net, const struct rt_addr *source,
                       const struct rt_addr *target);
uint64_t net_addr_word(const struct rt_addr *addr);
void net_describe(struct sim_net *net, const char *what, const struct rt_addr *source,
                  const struct rt_addr *target, uint64_t to_ns, const uint8_t *data, uint32_t size);
void net_streams_free(struct sim_net *net);
