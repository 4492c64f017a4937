/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/net_private.h"

/* Streams: what TCP promises (order, nothing twice, a window), with the delays that its repetitions
 * cost, and resets. Segments and the end of a stream are events on one clock per direction. */

enum { SYN_TRIES_MAX = 4, SEGMENT_TRIES_MAX = 6 };

struct bytes {
    uint8_t *data;
    uint32_t start, size, room; /* data[start .. start + size) */
};

enum end_state { END_CONNECTING, END_OPEN, END_CLOSED };

struct sim_end {
    struct sim_end *next_all, *peer_end;
    struct sim_net *net;
    struct rt_addr local, peer;
    const struct sim_end_ops *ops;
    void *arg;
    enum end_state state;
    bool is_stuck;        /* a cut lies on the way: nothing of it arrives any more */
    bool is_fin_wanted;   /* after the last byte */
    struct bytes out, in; /* to be sent; arrived and unread */
    uint32_t under_way;   /* sent and not yet read by the other side */
    uint64_t arrival_ns;  /* of the last thing sent: order is kept */
};

static void bytes_append(struct bytes *bytes, const void *data, uint32_t size)
{
    if (bytes->start + bytes->size + size > bytes->room) {
        uint32_t room = (bytes->size + size) * 2 + 256;
        uint8_t *grown = net_alloc(room);
        if (bytes->size > 0) {
            memcpy(grown, bytes->data + bytes->start, bytes->size);
        }
        free(bytes->data);
        bytes->data = grown;
        bytes->start = 0;
        bytes->room = room;
    }
    memcpy(bytes->data + bytes->start + bytes->size, data, size);
    bytes->size += size;
}

static void bytes_drop(struct bytes *bytes, uint32_t size)
{
    bytes->start += size;
    bytes->size -= size;
    if (bytes->size == 0) {
        free(bytes->data);
        memset(bytes, 0, sizeof(*bytes));
    }
}

static void end_free_bytes(struct sim_end *end)
{
    bytes_drop(&end->out, end->out.size);
    bytes_drop(&end->in, end->in.size);
}

/* The end dies; its owner hears `why` unless it closed by itself. */
static void end_die(struct sim_end *end, rt_status why)
{
    const struct sim_end_ops *ops = end->ops;

    if (end->state == END_CLOSED) {
        return;
    }
    end->state = END_CLOSED;
    bytes_drop(&end->out, end->out.size);
    if (why != RT_CLOSED) {
        bytes_drop(&end->in, end->in.size);
    }
    sim_trace_note(end->net->trace, end->net->now_ns, SIM_NOTE_CLOSED, net_addr_word(&end->local),
                   (uint64_t)why);
    end->ops = NULL;
    if (ops != NULL && ops->closed != NULL) {
        ops->closed(end->arg, why);
    }
}

static struct net_event *end_event(struct sim_end *end, uint64_t at_ns,
                                   void (*fire)(struct sim_net *, struct net_event *))
{
    struct net_event *event = net_event_new(end->net, at_ns, fire);

    event->segment.end = end;
    event->is_packet = true;
    end->net->in_flight++;
    return event;
}

/* Chances are per packet of usual size: a stream cut into single bytes is not lost more often. */
static bool segment_chance(struct sim_net *net, const struct sim_path *path, unsigned permille)
{
    uint32_t size = path->segment_bytes != 0 ? path->segment_bytes : NET_SEGMENT_BYTES;
    uint32_t per_packet = size < NET_USUAL_BYTES ? NET_USUAL_BYTES / size : 1;

    return sim_net_chance(net, permille) && rt_prng_below(&net->prng, per_packet) == 0;
}

/* When something sent by `end` now arrives, repetitions included. Later than all before it. */
static uint64_t arrival_of(struct sim_end *end, const struct sim_path *path)
{
    struct sim_net *net = end->net;
    uint64_t at_ns = net->now_ns + net_latency_ns(net, path, &end->local, &end->peer);
    uint64_t repeat_ns = 200 * RT_NS_PER_MS;

    for (unsigned i = 0; i < SEGMENT_TRIES_MAX && segment_chance(net, path, path->loss_permille);
         i++) {
        at_ns += repeat_ns;
        repeat_ns *= 2;
    }
    if (at_ns < end->arrival_ns) {
        at_ns = end->arrival_ns;
    }
    end->arrival_ns = at_ns;
    return at_ns;
}

/* ---- data ---- */

static void pump(struct sim_end *end);

static void fire_end(struct sim_net *net, struct net_event *event)
{
    (void)net;
    end_die(event->segment.end, event->segment.why);
}

static void send_end(struct sim_end *end, rt_status why)
{
    const struct sim_path *path = net_path(end->net, &end->local, &end->peer);
    struct net_event *event = end_event(end->peer_end, arrival_of(end, path), fire_end);

    event->segment.why = why;
}

static void fire_segment(struct sim_net *net, struct net_event *event)
{
    struct sim_end *end = event->segment.end;

    sim_trace_note(net->trace, net->now_ns, SIM_NOTE_SEGMENT, net_addr_word(&end->local),
                   event->segment.size);
    if (end->state == END_OPEN) {
        bytes_append(&end->in, event->segment.data, event->segment.size);
        if (end->ops != NULL) {
            end->ops->readable(end->arg);
        }
    } else if (end->peer_end->state == END_OPEN) {
        send_end(end, RT_RESET); /* data for a socket that is gone is answered so */
    }
    free(event->segment.data);
}

static void send_segment(struct sim_end *end, const struct sim_path *path, uint32_t size)
{
    struct sim_net *net = end->net;
    struct net_event *event = end_event(end->peer_end, arrival_of(end, path), fire_segment);

    net->counters.segments++;
    event->segment.data = net_alloc(size);
    event->segment.size = size;
    memcpy(event->segment.data, end->out.data + end->out.start, size);
    sim_trace_bytes(net->trace, event->segment.data, size);
    net_describe(net, "tcp", &end->local, &end->peer, event->at_ns,
                 size > 14 ? event->segment.data + 2 : NULL, size - 2);
    end->under_way += size;
    bytes_drop(&end->out, size);
}

static uint32_t segment_size(const struct sim_end *end, const struct sim_path *path)
{
    uint32_t size = path->segment_bytes != 0 ? path->segment_bytes : NET_SEGMENT_BYTES;
    uint32_t window = NET_WINDOW_BYTES - end->under_way;

    size = size < end->out.size ? size : end->out.size;
    return size < window ? size : window;
}

static void pump(struct sim_end *end)
{
    const struct sim_path *path = net_path(end->net, &end->local, &end->peer);
    bool has_sent = false;

    if (net_is_cut(end->net, &end->local, &end->peer)) {
        end->is_stuck = end->peer_end->is_stuck = true;
    }
    while (!end->is_stuck && end->out.size > 0 && end->under_way < NET_WINDOW_BYTES) {
        if (segment_chance(end->net, path, path->reset_permille)) {
            end->net->counters.resets++;
            send_end(end, RT_RESET);
            end_die(end, RT_RESET);
            return;
        }
        send_segment(end, path, segment_size(end, path));
        has_sent = true;
    }
    if (end->out.size == 0 && end->is_fin_wanted && !end->is_stuck) {
        end->is_fin_wanted = false;
        send_end(end, RT_CLOSED);
    }
    if (has_sent && end->ops != NULL && end->ops->progress != NULL) {
        end->ops->progress(end->arg);
    }
}

void sim_end_write(struct sim_end *end, const void *data, uint32_t size)
{
    if (end->state != END_OPEN && end->state != END_CONNECTING) {
        return;
    }
    bytes_append(&end->out, data, size);
    if (end->state == END_OPEN) {
        pump(end);
    }
}

uint32_t sim_end_unsent(const struct sim_end *end)
{
    return end->out.size;
}

uint32_t sim_end_readable(const struct sim_end *end)
{
    return end->in.size;
}

uint32_t sim_end_read(struct sim_end *end, void *data, uint32_t size_max)
{
    uint32_t size = end->in.size < size_max ? end->in.size : size_max;

    if (size == 0) {
        return 0;
    }
    memcpy(data, end->in.data + end->in.start, size);
    bytes_drop(&end->in, size);
    end->peer_end->under_way -= size;
    pump(end->peer_end);
    return size;
}

void sim_end_close(struct sim_end *end, bool is_reset)
{
    end->ops = NULL;
    bytes_drop(&end->in, end->in.size);
    if (end->state == END_CLOSED) {
        return;
    }
    bool was_open = end->state == END_OPEN;
    end->state = END_CLOSED;
    if (!was_open || end->peer_end == NULL) {
        bytes_drop(&end->out, end->out.size);
        return;
    }
    if (is_reset) {
        bytes_drop(&end->out, end->out.size);
        send_end(end, RT_RESET);
        return;
    }
    end->is_fin_wanted = true;
    pump(end);
}

/* ---- connecting ---- */

static struct sim_end *end_new(struct sim_net *net, const struct rt_addr *local,
                               const struct rt_addr *peer)
{
    struct sim_end *end = net_alloc(sizeof(*end));

    end->net = net;
    end->local = *local;
    end->peer = *peer;
    end->next_all = net->all_ends;
    net->all_ends = end;
    return end;
}

static struct sim_listener *find_listener_at(struct sim_net *net, const struct rt_addr *key,
                                             const struct sim_end *from)
{
    struct sim_listener *found = NULL;
    unsigned count = 0;

    for (struct sim_listener *at = net->listeners[net_bucket(key)]; at != NULL; at = at->next) {
        if (rt_addr_equal(&at->local, key)) {
            found = at;
            count++;
        }
    }
    if (count < 2) {
        return found;
    }
    uint64_t chosen = net_flow_hash(net, &from->local, &from->peer) % count;
    for (struct sim_listener *at = net->listeners[net_bucket(key)]; at != NULL; at = at->next) {
        if (rt_addr_equal(&at->local, key) && chosen-- == 0) {
            return at;
        }
    }
    return NULL;
}

static struct sim_listener *find_listener(struct sim_net *net, const struct sim_end *from)
{
    struct rt_addr any = {.family = from->peer.family, .port = from->peer.port};
    struct sim_listener *found = find_listener_at(net, &from->peer, from);

    return found != NULL ? found : find_listener_at(net, &any, from);
}

static void fire_connected(struct sim_net *net, struct net_event *event)
{
    struct sim_end *end = event->segment.end;

    sim_trace_note(net->trace, net->now_ns, SIM_NOTE_CONNECTED, net_addr_word(&end->local), 0);
    if (end->state != END_CONNECTING) {
        end_die(end->peer_end, RT_RESET); /* closed while it was connecting */
        return;
    }
    end->state = END_OPEN;
    if (end->ops != NULL && end->ops->connected != NULL) {
        end->ops->connected(end->arg);
    }
    pump(end);
}

static void fire_syn(struct sim_net *net, struct net_event *event)
{
    struct sim_end *end = event->segment.end;
    const struct sim_path *path = net_path(net, &end->local, &end->peer);
    struct sim_listener *listener = find_listener(net, end);

    sim_trace_note(net->trace, net->now_ns, SIM_NOTE_ACCEPT, net_addr_word(&end->local),
                   listener != NULL);
    if (end->state != END_CONNECTING) {
        return;
    }
    if (listener == NULL || sim_net_chance(net, path->refuse_permille)) {
        if (net_place(net, &end->peer) != NULL) { /* else nobody is there to say no */
            net->counters.refused++;
            struct net_event *refusal = end_event(end, arrival_of(end, path), fire_end);
            refusal->segment.why = RT_REFUSED;
        }
        return;
    }
    struct sim_end *accepted = end_new(net, &end->peer, &end->local);
    accepted->state = END_OPEN;
    accepted->peer_end = end;
    end->peer_end = accepted;
    end_event(end, arrival_of(accepted, path), fire_connected);
    listener->accept(listener->arg, accepted);
}

rt_status sim_connect(struct sim_net *net, const struct rt_addr *local, const struct rt_addr *peer,
                      const struct sim_end_ops *ops, void *arg, struct sim_end **out)
{
    const struct sim_path *path = net_path(net, local, peer);
    struct sim_end *end = end_new(net, local, peer);
    const struct net_place *from = net_place(net, local), *to = net_place(net, peer);
    uint64_t at_ns = net->now_ns + net_latency_ns(net, path, local, peer), repeat_ns = RT_NS_PER_S;

    end->ops = ops;
    end->arg = arg;
    *out = end;
    net->counters.connects++;
    if (from != NULL && from->side == SIM_SIDE_RESOLVER &&
        (to == NULL || to->side != SIM_SIDE_CLIENT)) {
        net->counters.upstream_connects++;
    }
    sim_trace_note(net->trace, net->now_ns, SIM_NOTE_CONNECT, net_addr_word(local),
                   net_addr_word(peer));
    net_describe(net, "tcp-connect", local, peer, at_ns, NULL, 0);
    for (unsigned i = 0; sim_net_chance(net, path->loss_permille); i++) {
        if (i == SYN_TRIES_MAX) {
            return RT_OK; /* never heard of again: the caller's deadline ends it */
        }
        at_ns += repeat_ns;
        repeat_ns *= 2;
    }
    if (net_is_cut(net, local, peer)) {
        net->counters.blackholed++;
        return RT_OK;
    }
    end_event(end, at_ns, fire_syn);
    return RT_OK;
}

void sim_end_adopt(struct sim_end *end, const struct sim_end_ops *ops, void *arg)
{
    end->ops = ops;
    end->arg = arg;
}

const struct rt_addr *sim_end_local(const struct sim_end *end)
{
    return &end->local;
}

const struct rt_addr *sim_end_peer(const struct sim_end *end)
{
    return &end->peer;
}

rt_status sim_listen(struct sim_net *net, const struct rt_addr *local, bool may_share,
                     sim_accept *accept, void *arg, struct sim_listener **out)
{
    struct sim_listener **last = &net->listeners[net_bucket(local)];

    for (; *last != NULL; last = &(*last)->next) {
        if (rt_addr_equal(&(*last)->local, local) && !(may_share && (*last)->may_share)) {
            return RT_IN_USE;
        }
    }
    struct sim_listener *listener = net_alloc(sizeof(*listener));
    listener->net = net;
    listener->local = *local;
    listener->may_share = may_share;
    listener->accept = accept;
    listener->arg = arg;
    *last = listener;
    *out = listener;
    return RT_OK;
}

void sim_listener_close(struct sim_listener *listener)
{
    struct sim_listener **at = &listener->net->listeners[net_bucket(&listener->local)];

    while (*at != listener) {
        RT_CHECK(*at != NULL);
        at = &(*at)->next;
    }
    *at = listener->next;
    free(listener);
}

void net_streams_free(struct sim_net *net)
{
    while (net->all_ends != NULL) {
        struct sim_end *end = net->all_ends;
        net->all_ends = end->next_all;
        end_free_bytes(end);
        free(end);
    }
    for (unsigned i = 0; i < NET_BUCKETS; i++) {
        while (net->listeners[i] != NULL) {
            sim_listener_close(net->listeners[i]);
        }
    }
}
