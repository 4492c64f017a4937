/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* select: what this core knows about servers, and which of some candidates to ask next.
 *
 * Memory   A fixed table keyed by (address, port), keyed hash, least recently used goes first.
 * Threads  One core: owned by its upstream actor.
 *
 * The choice: among candidates that are not resting, the least smoothed RTT wins, in bands so that
 * equals share load; one choice in twenty explores another; an unknown server counts as fast once.
 * IPv6 that never answers on this host loses its benefit of the doubt as a family (and IPv4 too).
 *
 * Resting: four losses in a row (two refusals), then 1 s, 2 s ... 60 s. After a rest, and while all
 * rest, a server gets one trial a second until it replies: pick may well return -1 then. */

#include "resolver/limits.h"
#include "runtime/base/addr.h"
#include "runtime/base/siphash.h"

struct rs_servers; /* the table */

enum rs_server_flag {
    RS_SERVER_NO_EDNS = 1, /* answered FORMERR or NOTIMP without OPT (never set by a timeout) */
    RS_SERVER_NO_0X20 = 2, /* changed the letters of a name in an otherwise good reply */
    RS_SERVER_TCP_ONLY = 4, /* lost datagrams but answers over TCP: start with TCP for a while */
};

struct rs_server_view { /* a copy of what is known, for whoever writes the question */
    uint8_t flags;
    uint8_t cookie_size; /* server cookie; 0 unknown */
    uint8_t cookie[RS_COOKIE_SERVER_BYTES_MAX];
    uint32_t srtt_us;    /* 0 unknown */
    uint32_t timeout_ms; /* how long to wait for it */
};

RT_MUST_USE rt_status rs_servers_open(struct rs_servers **out, uint32_t capacity,
                                      const struct rt_siphash_key *key);
void rs_servers_close(struct rs_servers *servers);

enum {
    RS_SERVERS_NONE = -1, /* all are excluded or rest */
    RS_SERVERS_BUSY = -2, /* those that are well have their window full: wait for one to answer */
};

/* Index into `candidates` of the one to ask, or one of the above. Bit i of `excluded` leaves
 * candidate i out. When all that remain rest, the one whose rest ends first is probed if
 * `may_probe`. */
int rs_servers_pick(struct rs_servers *servers, const struct rt_addr *candidates, unsigned count,
                    uint64_t excluded, uint64_t now_ns, uint64_t random, bool may_probe);

void rs_servers_view(struct rs_servers *servers, const struct rt_addr *addr, uint64_t now_ns,
                     struct rs_server_view *out);

/* A question to `addr` is on its way; it no longer is, whatever came of it. Each server has a
 * window of questions under way (RFC8085-3.1): one wider for each reply, halved by each loss. */
void rs_servers_began(struct rs_servers *servers, const struct rt_addr *addr);
void rs_servers_ended(struct rs_servers *servers, const struct rt_addr *addr);

/* What happened to one attempt. A timeout over TCP does not count against a server that answers
 * datagrams. */
void rs_servers_on_reply(struct rs_servers *servers, const struct rt_addr *addr, uint64_t now_ns,
                         uint32_t rtt_us, bool is_tcp);
void rs_servers_on_timeout(struct rs_servers *servers, const struct rt_addr *addr, uint64_t now_ns,
                           bool is_tcp, uint32_t rest_ms_first);
void rs_servers_on_refused(struct rs_servers *servers, const struct rt_addr *addr, uint64_t now_ns,
                           uint32_t rest_ms_first); /* connection refused, ICMP, no route */
void rs_servers_set_flag(struct rs_servers *servers, const struct rt_addr *addr, uint8_t flag,
                         uint64_t now_ns); /* remembered for an hour, then tried anew;
                                              RS_SERVER_TCP_ONLY for ten minutes */
void rs_servers_set_cookie(struct rs_servers *servers, const struct rt_addr *addr, uint64_t now_ns,
                           const uint8_t *cookie, uint8_t size); /* not 8..32 bytes: forgets */
void rs_servers_clear(struct rs_servers *servers);
uint32_t rs_servers_count(const struct rs_servers *servers);
