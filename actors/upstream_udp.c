/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/upstream_flight.h"

/* One socket for each question, connected, from a random port of the whole range (RFC5452-9.2):
 * the kernel drops what comes from elsewhere, and nothing else of ours is open there. */

static uint16_t random_port(struct rt_ctx *ctx)
{
    enum { PORTS = 65536 - UPSTREAM_PORT_MIN };
    uint64_t random = rt_random_u64(ctx) >> 32; /* 32 bits: the bias is below 1 in 60,000 */
    return (uint16_t)(UPSTREAM_PORT_MIN + (random * PORTS >> 32));
}

static rt_status open_socket(struct rt_ctx *ctx, struct upstream *self, struct flight *flight)
{
    struct rt_io *io = rt_io_of(ctx);
    struct rt_udp_options options = {
        .local = upstream_local(self, &flight->server),
        .peer = flight->server,
        .adopt_fd = -1,
    };
    rt_status status = RT_IN_USE;

    for (unsigned i = 0; i < UPSTREAM_PORT_TRIES && status == RT_IN_USE; i++) {
        options.local.port = random_port(ctx);
        status = io->ops->udp_open(io, rt_self(ctx), &options, &flight->socket);
    }
    return status == RT_IN_USE ? RT_FULL : status; /* Ports are as good as used up. */
}

rt_status upstream_udp_ask(struct rt_ctx *ctx, struct upstream *self, struct flight *flight)
{
    uint8_t wire[RS_QUERY_WIRE_BYTES_MAX];
    rt_status status = open_socket(ctx, self, flight);
    if (status != RT_OK) {
        return status;
    }
    status = rt_map_put(&self->by_handle, flight->socket, rt_pool_index(&self->flights, flight));
    if (status != RT_OK) {
        rt_io_of(ctx)->ops->close(rt_io_of(ctx), flight->socket);
        flight->socket = RT_HANDLE_NONE;
        return status;
    }
    struct rt_datagram datagram = {.peer = flight->server, .data = wire};
    datagram.size = upstream_write(self, flight, wire);
    rt_io_of(ctx)->ops->udp_send(rt_io_of(ctx), flight->socket, &datagram, 1);
    SERVICE_COUNT(self->services, upstream_udp);
    return RT_OK;
}

void upstream_udp_release(struct rt_ctx *ctx, struct upstream *self, struct flight *flight)
{
    if (flight->socket != RT_HANDLE_NONE) {
        rt_map_remove(&self->by_handle, flight->socket);
        rt_io_of(ctx)->ops->close(rt_io_of(ctx), flight->socket);
        flight->socket = RT_HANDLE_NONE;
    }
}

void upstream_udp_event(struct rt_ctx *ctx, struct upstream *self,
                        const struct rt_io_datagrams *msg)
{
    uint32_t index = 0;

    if (!rt_map_get(&self->by_handle, msg->handle, &index) || (index & UPSTREAM_IS_CONN) != 0) {
        return; /* Its flight has ended in this loop turn. */
    }
    struct flight *flight = rt_cast(flight, rt_pool_at(&self->flights, index));
    if (msg->count == 0) {
        /* ICMP for our own connected socket: the kernel has checked the ports it quotes. */
        rs_servers_on_refused(self->servers, &flight->server, rt_now_ns(ctx),
                              self->services->settings->resolver.ns_rest_ms);
        upstream_end(ctx, self, flight, msg->why);
        return;
    }
    bool has_ended = false;
    for (uint32_t i = 0; i < msg->count && !has_ended; i++) {
        const struct rt_datagram *item = &msg->items[i];
        if (!item->is_cut) { /* Over three times what we told: no answer to us. */
            has_ended = upstream_received(ctx, self, flight, item->data, item->size);
        }
    }
}
