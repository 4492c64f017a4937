/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_io_private.h"

static void on_datagram(void *arg, const struct rt_addr *peer, const struct rt_addr *local,
                        const uint8_t *data, uint32_t size)
{
    struct sim_handle *handle = arg;

    if (handle->count == SIM_IO_SOCKET_DATAGRAMS) {
        handle->self->overflows++;
        return;
    }
    struct sim_datagram *item = malloc(sizeof(*item) + size + 1);
    RT_CHECK(item != NULL);
    *item = (struct sim_datagram){.peer = *peer, .local = *local, .size = size};
    memcpy(item->data, data, size);
    if (handle->last != NULL) {
        handle->last->next = item;
    } else {
        handle->first = item;
    }
    handle->last = item;
    handle->count++;
    sim_handle_ready(handle);
}

static void on_error(void *arg, rt_status why)
{
    struct sim_handle *handle = arg;

    handle->error = why;
    sim_handle_ready(handle);
}

static const struct sim_udp_ops udp_ops = {.datagram = on_datagram, .error = on_error};

rt_status sim_io_udp_open(struct rt_io *io, rt_ref owner, const struct rt_udp_options *options,
                          rt_handle *out)
{
    struct sim_io *self = sim_io_of(io);
    bool is_connected = options->peer.family != 0;
    struct rt_addr local = options->local;

    if (is_connected && !sim_io_source(self, &options->local, options->peer.family, &local)) {
        return RT_NO_ROUTE;
    }
    struct sim_handle *handle = sim_handle_new(self, SIM_HANDLE_UDP, owner, out);
    if (handle == NULL) {
        return RT_FULL;
    }
    handle->local = local;
    handle->peer = options->peer;
    rt_status status = sim_udp_open(self->net, &local, is_connected ? &options->peer : NULL,
                                    options->reuse_port, &udp_ops, handle, &handle->udp);
    if (status != RT_OK) {
        handle->udp = NULL;
        sim_handle_end(handle);
    }
    return status;
}

void sim_io_udp_send(struct rt_io *io, rt_handle number, const struct rt_datagram *items,
                     uint32_t count)
{
    struct sim_io *self = sim_io_of(io);
    struct sim_handle *handle = sim_handle_find(self, number);

    RT_CHECK(count <= RT_DATAGRAM_BATCH);
    if (handle == NULL || handle->kind != SIM_HANDLE_UDP) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct rt_addr *peer = handle->peer.family != 0 ? &handle->peer : &items[i].peer;
        struct rt_addr source = handle->local;
        const struct rt_addr *wanted = items[i].local.family != 0 ? &items[i].local : &source;
        source.port = handle->local.port;
        struct rt_addr from = *wanted;
        from.port = handle->local.port;
        if (!sim_io_source(self, &from, peer->family, &source)) {
            io->counters.datagrams_lost++;
            continue;
        }
        io->counters.datagrams_out++;
        io->counters.bytes_out += items[i].size;
        sim_net_send(self->net, &source, peer, items[i].data, items[i].size);
    }
}

static void drop_first(struct sim_handle *handle)
{
    struct sim_datagram *item = handle->first;

    handle->first = item->next;
    if (handle->first == NULL) {
        handle->last = NULL;
    }
    handle->count--;
    free(item);
}

/* Fills one batch. The datagrams are unlinked from the handle, which may die during delivery. */
static uint32_t take_batch(struct sim_handle *handle, struct rt_datagram *items,
                           struct sim_datagram **owned)
{
    uint32_t count = 0;

    for (; count < RT_DATAGRAM_BATCH && handle->first != NULL; count++) {
        struct sim_datagram *item = handle->first;
        handle->first = item->next;
        handle->last = handle->first == NULL ? NULL : handle->last;
        handle->count--;
        owned[count] = item;
        bool is_cut = item->size > RT_DATAGRAM_BYTES_MAX;
        items[count] = (struct rt_datagram){
            .peer = item->peer,
            .local = item->local,
            .data = item->data,
            .size = is_cut ? RT_DATAGRAM_BYTES_MAX : item->size,
            .is_cut = is_cut,
        };
        handle->self->io.counters.datagrams_in++;
        handle->self->io.counters.bytes_in += item->size;
    }
    return count;
}

void sim_udp_deliver(struct sim_handle *handle)
{
    struct rt_datagram items[RT_DATAGRAM_BATCH];
    struct sim_datagram *owned[RT_DATAGRAM_BATCH];
    struct rt_io_datagrams msg = {
        .head = {.type = RT_IO_DATAGRAMS, .size = sizeof(msg)},
        .handle = sim_handle_number(handle),
        .items = items,
    };

    if (handle->error != RT_OK) {
        msg.why = handle->error;
        handle->error = RT_OK;
        if (!sim_handle_deliver(handle, &msg.head)) {
            return;
        }
    }
    if (handle->first == NULL) {
        return;
    }
    msg.why = RT_OK;
    msg.count = take_batch(handle, items, owned);
    if (sim_handle_deliver(handle, &msg.head) && handle->first != NULL) {
        sim_handle_ready(handle);
    }
    for (uint32_t i = 0; i < msg.count; i++) {
        free(owned[i]);
    }
}

void sim_udp_end(struct sim_handle *handle)
{
    while (handle->first != NULL) {
        drop_first(handle);
    }
    handle->error = RT_OK;
    if (handle->udp != NULL) {
        sim_udp_close(handle->udp);
        handle->udp = NULL;
    }
}
