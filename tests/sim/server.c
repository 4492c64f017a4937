/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/server.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/check.h"

enum { ADDRS_MAX = 64, MESSAGE_BYTES_MAX = 65535 };

struct socket {
    struct sim_server *server;
    struct rt_addr addr;
    struct sim_udp *udp;
    struct sim_listener *listener;
};

struct connection {
    struct connection *next;
    struct sim_server *server;
    struct sim_end *end; /* NULL: closed */
    uint8_t bytes[2 + MESSAGE_BYTES_MAX];
    uint32_t size;
};

struct sim_server {
    struct sim_net *net;
    sim_respond *respond;
    void *arg;
    struct socket sockets[ADDRS_MAX];
    unsigned sockets_count;
    struct connection *connections;
};

struct late_reply {
    struct sim_net *net;
    struct sim_end *end; /* NULL: a datagram */
    struct rt_addr source, target;
    uint32_t size;
    uint8_t bytes[];
};

static void on_datagram(void *arg, const struct rt_addr *peer, const struct rt_addr *local,
                        const uint8_t *data, uint32_t size)
{
    struct socket *socket = arg;
    struct sim_server_query query = {
        .server = socket->server,
        .wire = data,
        .size = size,
        .peer = *peer,
        .local = *local,
    };

    socket->server->respond(socket->server->arg, &query);
}

static const struct sim_udp_ops udp_ops = {.datagram = on_datagram};

/* Answers every whole message among the connection's bytes. */
static void answer_messages(struct connection *connection)
{
    for (;;) {
        uint32_t length = (uint32_t)connection->bytes[0] << 8 | connection->bytes[1];
        if (connection->size < 2 || connection->size < 2 + length) {
            return;
        }
        struct sim_server_query query = {
            .server = connection->server,
            .wire = connection->bytes + 2,
            .size = length,
            .peer = *sim_end_peer(connection->end),
            .local = *sim_end_local(connection->end),
            .is_tcp = true,
            .end = connection->end,
        };
        connection->server->respond(connection->server->arg, &query);
        connection->size -= 2 + length;
        memmove(connection->bytes, connection->bytes + 2 + length, connection->size);
        if (connection->end == NULL) {
            return;
        }
    }
}

static void on_readable(void *arg)
{
    struct connection *connection = arg;

    for (;;) {
        uint32_t got = sim_end_read(connection->end, connection->bytes + connection->size,
                                    (uint32_t)sizeof(connection->bytes) - connection->size);
        if (got == 0) {
            return;
        }
        connection->size += got;
        answer_messages(connection);
        if (connection->end == NULL) {
            return;
        }
    }
}

static void on_closed(void *arg, rt_status why)
{
    struct connection *connection = arg;

    (void)why;
    connection->end = NULL;
}

static const struct sim_end_ops end_ops = {.readable = on_readable, .closed = on_closed};

static void on_accept(void *arg, struct sim_end *end)
{
    struct socket *socket = arg;
    struct connection *connection = socket->server->connections;

    while (connection != NULL && connection->end != NULL) {
        connection = connection->next;
    }
    if (connection == NULL) {
        connection = calloc(1, sizeof(*connection));
        RT_CHECK(connection != NULL);
        connection->server = socket->server;
        connection->next = socket->server->connections;
        socket->server->connections = connection;
    }
    connection->end = end;
    connection->size = 0;
    sim_end_adopt(end, &end_ops, connection);
}

struct sim_server *sim_server_open(struct sim_net *net, sim_respond *respond, void *arg)
{
    struct sim_server *server = calloc(1, sizeof(*server));

    RT_CHECK(server != NULL);
    server->net = net;
    server->respond = respond;
    server->arg = arg;
    return server;
}

void sim_server_listen(struct sim_server *server, const struct rt_addr *addr, bool udp, bool tcp)
{
    RT_CHECK(server->sockets_count < ADDRS_MAX);
    struct socket *socket = &server->sockets[server->sockets_count++];
    rt_status status = RT_OK;

    socket->server = server;
    socket->addr = *addr;
    socket->addr.port = addr->port != 0 ? addr->port : 53;
    sim_net_claim(server->net, addr, SIM_SIDE_AUTHORITY);
    if (udp) {
        status =
            sim_udp_open(server->net, &socket->addr, NULL, false, &udp_ops, socket, &socket->udp);
        RT_CHECK(status == RT_OK);
    }
    if (tcp) {
        status =
            sim_listen(server->net, &socket->addr, false, on_accept, socket, &socket->listener);
        RT_CHECK(status == RT_OK);
    }
}

void sim_server_close(struct sim_server *server)
{
    for (unsigned i = 0; i < server->sockets_count; i++) {
        if (server->sockets[i].udp != NULL) {
            sim_udp_close(server->sockets[i].udp);
        }
        if (server->sockets[i].listener != NULL) {
            sim_listener_close(server->sockets[i].listener);
        }
    }
    while (server->connections != NULL) {
        struct connection *connection = server->connections;
        server->connections = connection->next;
        if (connection->end != NULL) {
            sim_end_close(connection->end, true);
        }
        free(connection);
    }
    free(server);
}

static void send_late(void *arg, uint64_t number)
{
    struct late_reply *late = arg;

    (void)number;
    if (late->end != NULL) {
        sim_end_write(late->end, late->bytes, late->size);
    } else {
        sim_net_send(late->net, &late->source, &late->target, late->bytes, late->size);
    }
    free(late);
}

void sim_server_reply(const struct sim_server_query *query, const void *wire, uint32_t size,
                      uint64_t delay_ns)
{
    uint32_t prefix = query->is_tcp ? 2 : 0;
    struct late_reply *late = malloc(sizeof(*late) + prefix + size);

    RT_CHECK(late != NULL && size <= MESSAGE_BYTES_MAX);
    *late = (struct late_reply){query->server->net, query->end, query->local, query->peer,
                                prefix + size};
    if (query->is_tcp) {
        late->bytes[0] = (uint8_t)(size >> 8);
        late->bytes[1] = (uint8_t)size;
    }
    memcpy(late->bytes + prefix, wire, size);
    if (delay_ns == 0) {
        send_late(late, 0);
    } else {
        sim_net_after_owned(query->server->net, delay_ns, send_late, late);
    }
}

void sim_server_hang_up(const struct sim_server_query *query)
{
    for (struct connection *at = query->server->connections; at != NULL; at = at->next) {
        if (at->end != NULL && at->end == query->end) {
            at->end = NULL;
            sim_end_close(query->end, false);
            return;
        }
    }
}
