/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* server: a host on the virtual network that speaks DNS over UDP and TCP, framing included. What it
 * says is its owner's: an authority (authority.h), a scenario's script.
 *
 * Memory   A server lives until it is closed, before the net is. */

#include "tests/sim/net.h"

struct sim_server;

/* One question. Valid during respond; sim_server_reply may be called any number of times in it. */
struct sim_server_query {
    struct sim_server *server;
    const uint8_t *wire;
    uint32_t size;
    struct rt_addr peer, local;
    bool is_tcp;
    struct sim_end *end; /* private */
};

typedef void sim_respond(void *arg, const struct sim_server_query *query);

struct sim_server *sim_server_open(struct sim_net *net, sim_respond *respond, void *arg);
/* Answers at this address and port (53 when 0), over UDP, TCP or both. */
void sim_server_listen(struct sim_server *server, const struct rt_addr *addr, bool udp, bool tcp);
void sim_server_close(struct sim_server *server);

/* `wire` is copied. Over TCP a reply to a closed connection is lost. */
void sim_server_reply(const struct sim_server_query *query, const void *wire, uint32_t size,
                      uint64_t delay_ns);

/* Ends the connection of `query` once what was written has left. */
void sim_server_hang_up(const struct sim_server_query *query);
