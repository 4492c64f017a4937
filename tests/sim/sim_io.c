/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/sim_io.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/sim_io_private.h"

unsigned sim_io_outside;

/* Handles and their delivery. What each kind of handle does is in sim_io_udp.c, sim_io_tcp.c and
 * sim_io_file.c. */

struct sim_handle *sim_handle_new(struct sim_io *self, enum sim_handle_kind kind, rt_ref owner,
                                  rt_handle *out)
{
    struct sim_handle *handle;

    if (self->io.counters.handles_open >= RT_IO_HANDLES_MAX ||
        sim_net_chance(self->net, self->open_fails_permille)) {
        return NULL;
    }
    if (self->free_handles != NULL) {
        handle = self->free_handles;
        self->free_handles = handle->next;
    } else {
        handle = calloc(1, sizeof(*handle));
        self->table = realloc(self->table, (self->table_count + 1) * sizeof(self->table[0]));
        RT_CHECK(handle != NULL && self->table != NULL);
        handle->index = self->table_count;
        self->table[self->table_count++] = handle;
    }
    handle->generation++;
    handle->kind = kind;
    handle->owner = owner;
    handle->self = self;
    handle->next = NULL;
    self->io.counters.handles_open++;
    *out = (uint64_t)handle->generation << 32 | (handle->index + 1);
    return handle;
}

rt_handle sim_handle_number(const struct sim_handle *handle)
{
    return (uint64_t)handle->generation << 32 | (handle->index + 1);
}

struct sim_handle *sim_handle_find(struct sim_io *self, rt_handle number)
{
    uint32_t index = (uint32_t)number;

    if (index == 0 || index > self->table_count) {
        return NULL;
    }
    struct sim_handle *handle = self->table[index - 1];
    bool is_same = handle->generation == (uint32_t)(number >> 32);
    return is_same && handle->kind != SIM_HANDLE_DEAD ? handle : NULL;
}

static void recycle(struct sim_handle *handle)
{
    handle->next = handle->self->free_handles;
    handle->self->free_handles = handle;
}

/* Everything of the handle but its place in the ready queue, which poll still has to pass. */
void sim_handle_end(struct sim_handle *handle)
{
    enum sim_handle_kind kind = handle->kind;

    handle->kind = SIM_HANDLE_DEAD;
    switch (kind) {
    case SIM_HANDLE_DEAD:
        return;
    case SIM_HANDLE_UDP:
        sim_udp_end(handle);
        break;
    case SIM_HANDLE_LISTENER:
        sim_listener_end(handle);
        break;
    case SIM_HANDLE_STREAM:
        sim_stream_end(handle);
        break;
    }
    handle->self->io.counters.handles_open--;
    if (!handle->is_queued) {
        recycle(handle);
    }
}

void sim_handle_ready(struct sim_handle *handle)
{
    struct sim_io *self = handle->self;

    if (handle->is_queued) {
        return;
    }
    handle->is_queued = true;
    handle->next = NULL;
    if (self->ready_last != NULL) {
        self->ready_last->next = handle;
    } else {
        self->ready_first = handle;
    }
    self->ready_last = handle;
    self->ready_count++;
}

rt_status sim_io_deliver(struct sim_io *self, rt_ref owner, struct rt_msg *msg)
{
    unsigned outside = sim_io_outside;

    sim_io_outside = 0;
    rt_status status = rt_core_deliver(self->core, owner, msg);
    sim_io_outside = outside;
    return status;
}

/* A turn of the owner; an owner that is gone loses the handle. False: the handle is dead now. */
bool sim_handle_deliver(struct sim_handle *handle, struct rt_msg *msg)
{
    struct sim_io *self = handle->self;
    rt_handle number = sim_handle_number(handle);

    sim_trace_note(sim_net_trace(self->net), sim_net_now_ns(self->net), SIM_NOTE_DELIVERED,
                   handle->owner, msg->type);
    rt_status status = sim_io_deliver(self, handle->owner, msg);
    handle = sim_handle_find(self, number);
    if (status != RT_OK && handle != NULL) {
        sim_handle_end(handle);
        return false;
    }
    return handle != NULL;
}

static void deliver(struct sim_handle *handle)
{
    switch (handle->kind) {
    case SIM_HANDLE_DEAD:
        return;
    case SIM_HANDLE_UDP:
        sim_udp_deliver(handle);
        return;
    case SIM_HANDLE_LISTENER:
        sim_listener_deliver(handle);
        return;
    case SIM_HANDLE_STREAM:
        sim_stream_deliver(handle);
        return;
    }
}

static void io_poll(struct rt_io *io, struct rt_core *core, uint64_t deadline_ns)
{
    struct sim_io *self = sim_io_of(io);
    unsigned count = self->ready_count; /* What becomes ready meanwhile has its turn next time. */

    sim_io_outside++;
    (void)deadline_ns; /* Waiting is the driver's: it moves the clock when no core has work. */
    RT_CHECK(core == self->core);
    sim_files_deliver(self);
    for (; count > 0; count--) {
        struct sim_handle *handle = self->ready_first;
        self->ready_first = handle->next;
        if (self->ready_first == NULL) {
            self->ready_last = NULL;
        }
        self->ready_count--;
        handle->is_queued = false;
        if (handle->kind == SIM_HANDLE_DEAD) {
            recycle(handle);
        } else {
            deliver(handle);
        }
    }
    sim_io_outside--;
}

static uint64_t io_now_ns(struct rt_io *io)
{
    return sim_net_now_ns(sim_io_of(io)->net);
}

static uint64_t io_wall_ms(struct rt_io *io)
{
    return sim_net_wall_ms(sim_io_of(io)->net);
}

static void io_random(struct rt_io *io, void *out, size_t size)
{
    struct sim_io *self = sim_io_of(io);
    uint8_t *at = out;

    while (size > 0) {
        uint64_t word = rt_prng_next(&self->prng);
        size_t part = size < sizeof(word) ? size : sizeof(word);
        memcpy(at, &word, part);
        at += part;
        size -= part;
    }
}

static void io_close(struct rt_io *io, rt_handle number)
{
    struct sim_handle *handle = sim_handle_find(sim_io_of(io), number);

    sim_io_outside++;
    if (handle != NULL) {
        sim_handle_end(handle);
    }
    sim_io_outside--;
}

static rt_status io_udp_open(struct rt_io *io, rt_ref owner, const struct rt_udp_options *options,
                             rt_handle *out)
{
    sim_io_outside++;
    rt_status status = sim_io_udp_open(io, owner, options, out);
    sim_io_outside--;
    return status;
}

static void io_udp_send(struct rt_io *io, rt_handle handle, const struct rt_datagram *items,
                        uint32_t count)
{
    sim_io_outside++;
    sim_io_udp_send(io, handle, items, count);
    sim_io_outside--;
}

static rt_status io_tcp_listen(struct rt_io *io, rt_ref owner, const struct rt_tcp_options *options,
                               rt_handle *out)
{
    sim_io_outside++;
    rt_status status = sim_io_tcp_listen(io, owner, options, out);
    sim_io_outside--;
    return status;
}

static rt_status io_tcp_connect(struct rt_io *io, rt_ref owner,
                                const struct rt_tcp_options *options, rt_handle *out)
{
    sim_io_outside++;
    rt_status status = sim_io_tcp_connect(io, owner, options, out);
    sim_io_outside--;
    return status;
}

static rt_status io_stream_write(struct rt_io *io, rt_handle handle, struct rt_buf *buf)
{
    sim_io_outside++;
    rt_status status = sim_io_stream_write(io, handle, buf);
    sim_io_outside--;
    return status;
}

static rt_status io_file_read(struct rt_io *io, rt_ref owner, const char *path, uint32_t size_max,
                              uint64_t cookie)
{
    sim_io_outside++;
    rt_status status = sim_io_file_read(io, owner, path, size_max, cookie);
    sim_io_outside--;
    return status;
}

static rt_status io_file_replace(struct rt_io *io, rt_ref owner, const char *path,
                                 struct rt_buf *content, uint64_t cookie)
{
    sim_io_outside++;
    rt_status status = sim_io_file_replace(io, owner, path, content, cookie);
    sim_io_outside--;
    return status;
}

static void io_wake(struct rt_io *io, unsigned core_index)
{
    struct sim_io *self = sim_io_of(io);

    if (self->wake != NULL) {
        self->wake(self->arg, core_index);
    }
}

static void io_destroy(struct rt_io *io)
{
    struct sim_io *self = sim_io_of(io);

    for (uint32_t i = 0; i < self->table_count; i++) {
        sim_handle_end(self->table[i]);
    }
    for (uint32_t i = 0; i < self->table_count; i++) {
        free(self->table[i]);
    }
    sim_files_drop(self);
    free(self->table);
    free(self);
}

static const struct rt_io_ops io_ops = {
    .name = "simulator",
    .now_ns = io_now_ns,
    .wall_ms = io_wall_ms,
    .random = io_random,
    .udp_open = io_udp_open,
    .udp_send = io_udp_send,
    .tcp_listen = io_tcp_listen,
    .tcp_connect = io_tcp_connect,
    .stream_write = io_stream_write,
    .stream_pause = sim_io_stream_pause,
    .close = io_close,
    .stream_pending = sim_io_stream_pending,
    .file_read = io_file_read,
    .file_replace = io_file_replace,
    .wake = io_wake,
    .poll = io_poll,
    .destroy = io_destroy,
};

struct rt_io *sim_io_open(const struct sim_io_options *options)
{
    struct sim_io *self = calloc(1, sizeof(*self));

    RT_CHECK(self != NULL);
    self->io.ops = &io_ops;
    self->net = options->net;
    self->files = options->files;
    self->core = options->core;
    self->source_v4 = options->source_v4;
    self->source_v6 = options->source_v6;
    self->open_fails_permille = options->open_fails_permille;
    self->wake = options->wake;
    self->arg = options->arg;
    rt_prng_init(&self->prng,
                 options->seed * UINT64_C(0x9e3779b97f4a7c15) + options->core_index + 1);
    return &self->io;
}

bool sim_io_has_work(const struct rt_io *io)
{
    const struct sim_io *self = (const struct sim_io *)io;

    return self->ready_count > 0 || self->file_jobs != NULL;
}

void sim_io_open_fails(struct rt_io *io, uint16_t permille)
{
    sim_io_of(io)->open_fails_permille = permille;
}

uint64_t sim_io_overflows(const struct rt_io *io)
{
    return ((const struct sim_io *)io)->overflows;
}

/* An address to speak from: `wanted`, or this host's own with the wanted port. False: no route. */
bool sim_io_source(struct sim_io *self, const struct rt_addr *wanted, uint8_t family,
                   struct rt_addr *out)
{
    static const uint8_t zeroes[16];
    uint16_t port = wanted->family != 0 ? wanted->port : 0;

    if (wanted->family != 0 && memcmp(wanted->ip, zeroes, sizeof(zeroes)) != 0) {
        *out = *wanted;
    } else {
        *out = family == 4 ? self->source_v4 : self->source_v6;
    }
    out->port = port != 0 ? port : (uint16_t)(32768 + rt_prng_below(&self->prng, 28232));
    return out->family == family;
}
