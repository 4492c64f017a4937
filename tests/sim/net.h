/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* net: a whole network in one struct: virtual time, places with addresses, datagrams and streams
 * between them, and everything that can go wrong on the way. The seed decides every accident.
 *
 * It knows nothing of DNS and nothing of cores: sim_io.h joins cores to it, host.h DNS servers,
 * client.h clients. One thread. Tests may allocate: nothing here is bounded but by the run.
 *
 * Time     sim_net_run_due fires what is due at now_ns; whoever drives moves now_ns (sim_net_move)
 *          to sim_net_next at most. Callbacks run inside; they may call everything here. */

#include "runtime/base/addr.h"
#include "runtime/base/clock.h"
#include "runtime/base/prng.h"
#include "runtime/base/status.h"
#include "tests/sim/trace.h"

struct sim_net;

/* What packets suffer on the way. All zero: a perfect wire without delay. */
struct sim_path {
    uint32_t latency_us_min, latency_us_max; /* of two places: somewhere between, and it stays */
    uint16_t loss_permille;
    uint16_t duplicate_permille;
    uint16_t reorder_permille; /* up to 50 ms more, so that later ones overtake */
    uint16_t delay_permille;   /* 1 to 8 s more: after everybody's patience */
    uint16_t corrupt_permille; /* one bit of a datagram flips (its checksum happens to fit) */
    uint16_t refuse_permille;  /* a connection is refused */
    uint16_t reset_permille;   /* a segment of a stream is a reset instead */
    uint16_t segment_bytes;    /* longest segment of a stream; 0: 1460; 1: every byte alone */
};

/* Which path a packet takes: the client's if one end is a client, else the upstream one. */
enum sim_side { SIM_SIDE_NONE, SIM_SIDE_CLIENT, SIM_SIDE_RESOLVER, SIM_SIDE_AUTHORITY };

struct sim_net_options {
    uint64_t seed;
    uint64_t wall_ms; /* the wall clock at the start; 0: 2026-01-01 */
    struct sim_path client, upstream;
    struct sim_trace *trace;
};

struct sim_net_counters {
    uint64_t datagrams, lost, duplicated, reordered, delayed, corrupted, icmp, blackholed;
    uint64_t connects, refused, resets, segments;
    uint64_t
        upstream_datagrams; /* sent by the resolver towards authorities: what a budget bounds */
    uint64_t upstream_connects;
};

struct sim_net *sim_net_open(const struct sim_net_options *options);
void sim_net_close(struct sim_net *net);

uint64_t sim_net_now_ns(const struct sim_net *net);
uint64_t sim_net_wall_ms(const struct sim_net *net);
void sim_net_wall_jump(struct sim_net *net, int64_t ms);
struct sim_path *sim_net_path(struct sim_net *net, bool is_client); /* may change at any time */
struct sim_net_counters *sim_net_counters(struct sim_net *net);
struct sim_trace *sim_net_trace(struct sim_net *net);
struct rt_prng *sim_net_prng(struct sim_net *net);
bool sim_net_chance(struct sim_net *net, unsigned permille);

/* ---- time ---- */

uint64_t sim_net_next(const struct sim_net *net); /* UINT64_MAX: nothing is under way */
void sim_net_move(struct sim_net *net, uint64_t now_ns);
void sim_net_run_due(struct sim_net *net);
void sim_net_after(struct sim_net *net, uint64_t delay_ns, void (*call)(void *arg, uint64_t number),
                   void *arg, uint64_t number);
/* The same with `arg` from malloc, which `call` frees; the net does when it closes first. */
void sim_net_after_owned(struct sim_net *net, uint64_t delay_ns,
                         void (*call)(void *arg, uint64_t number), void *arg);
/* Packets and segments under way, timers not counted. */
uint32_t sim_net_in_flight(const struct sim_net *net);

/* ---- places ---- */

/* An address that exists. A packet to one that does not vanishes; to a closed port of one that
 * does, it is refused (ICMP, RST). */
void sim_net_claim(struct sim_net *net, const struct rt_addr *addr, enum sim_side side);
bool sim_net_has(const struct sim_net *net, const struct rt_addr *addr);

/* Everything between `a` and `b` vanishes until the rule ends, in both directions. Whole families:
 * "0.0.0.0/0", "::/0". Returns the rule's number for sim_net_heal. */
unsigned sim_net_cut(struct sim_net *net, const struct rt_prefix *a, const struct rt_prefix *b);
void sim_net_heal(struct sim_net *net, unsigned rule);

/* ---- datagrams ---- */

struct sim_udp;

struct sim_udp_ops {
    void (*datagram)(void *arg, const struct rt_addr *peer, const struct rt_addr *local,
                     const uint8_t *data, uint32_t size);
    void (*error)(void *arg, rt_status why); /* ICMP on a connected socket; may be NULL */
};

/* `peer` NULL: unconnected. RT_IN_USE unless all that share the address have may_share. */
rt_status sim_udp_open(struct sim_net *net, const struct rt_addr *local, const struct rt_addr *peer,
                       bool may_share, const struct sim_udp_ops *ops, void *arg,
                       struct sim_udp **out);
void sim_udp_close(struct sim_udp *udp);

/* From a place that need not have a socket (`source` is believed: forgery works). */
void sim_net_send(struct sim_net *net, const struct rt_addr *source, const struct rt_addr *target,
                  const void *data, uint32_t size);

/* ---- streams ---- */

struct sim_end; /* one end of a stream; lives until the net is closed, so it is never dangling */
struct sim_listener;

struct sim_end_ops {
    void (*connected)(void *arg);             /* the side that connects */
    void (*readable)(void *arg);              /* take bytes with sim_end_read, now or later */
    void (*progress)(void *arg);              /* sim_end_unsent became smaller */
    void (*closed)(void *arg, rt_status why); /* no call after this one; for RT_CLOSED unread bytes
                                                 may still be taken */
};

/* Called for each new connection: sets the ops of `end` with sim_end_adopt. */
typedef void sim_accept(void *arg, struct sim_end *end);

rt_status sim_listen(struct sim_net *net, const struct rt_addr *local, bool may_share,
                     sim_accept *accept, void *arg, struct sim_listener **out);
void sim_listener_close(struct sim_listener *listener);

rt_status sim_connect(struct sim_net *net, const struct rt_addr *local, const struct rt_addr *peer,
                      const struct sim_end_ops *ops, void *arg, struct sim_end **out);
void sim_end_adopt(struct sim_end *end, const struct sim_end_ops *ops, void *arg);
const struct rt_addr *sim_end_local(const struct sim_end *end);
const struct rt_addr *sim_end_peer(const struct sim_end *end);

void sim_end_write(struct sim_end *end, const void *data, uint32_t size);
uint32_t sim_end_unsent(const struct sim_end *end);   /* outside the peer's window */
uint32_t sim_end_readable(const struct sim_end *end); /* bytes that wait */
uint32_t sim_end_read(struct sim_end *end, void *data, uint32_t size_max);

/* In order: what was written still arrives. With is_reset nothing does. No callback after this. */
void sim_end_close(struct sim_end *end, bool is_reset);
