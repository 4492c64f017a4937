/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/upstream.h"

#include <string.h>

#include "actors/upstream_flight.h"
#include "actors/upstream_msg.h"
#include "resolver/cookie.h"
#include "resolver/effect.h"

enum { UPSTREAM_MAILBOX_CAP = 8192 }; /* Asks of one loop turn; then queries hear RT_FULL. */

static const struct rs_config *config_of(const struct upstream *self)
{
    return &self->services->settings->resolver;
}

struct rt_addr upstream_local(const struct upstream *self, const struct rt_addr *server)
{
    const struct lu_settings *settings = self->services->settings;
    struct rt_addr local = server->family == 6 ? settings->outgoing_v6 : settings->outgoing_v4;
    local.family = server->family; /* Without a setting: any address of that family. */
    local.port = 0;
    return local;
}

/* ---- asking ---- */

/* RFC6891-6.2.3: no more than we can take. */
static uint16_t payload_of(const struct upstream *self)
{
    uint16_t payload = config_of(self)->payload_up;
    return payload < RT_DATAGRAM_BYTES_MAX ? payload : (uint16_t)RT_DATAGRAM_BYTES_MAX;
}

uint32_t upstream_write(const struct upstream *self, const struct flight *flight,
                        uint8_t out[RS_QUERY_WIRE_BYTES_MAX])
{
    struct rs_query_wire wire = {
        .id = flight->id,
        .name = flight->name,
        .type = flight->type,
        .class = flight->class,
        .wants_recursion = flight->wants_recursion,
        .is_cd = flight->is_cd,
        .has_edns = flight->has_edns,
        .is_dnssec_ok = flight->is_dnssec_ok,
        .payload = payload_of(self),
        .cookie = flight->has_cookie ? flight->cookie : NULL,
        .cookie_size = flight->cookie_size,
    };
    return (uint32_t)rs_query_write(&wire, out);
}

/* RFC7873-5.1: our client cookie, and the server's own if it has told us one. */
static void add_cookie(struct upstream *self, struct flight *flight,
                       const struct rs_server_view *view)
{
    flight->has_cookie = true;
    rs_cookie_client(&self->cookie_key, &flight->server, flight->cookie);
    flight->cookie_size = RS_COOKIE_CLIENT_BYTES;
    memcpy(flight->cookie + flight->cookie_size, view->cookie, view->cookie_size);
    flight->cookie_size += view->cookie_size;
    flight->is_server_known_to_cookie = view->cookie_size > 0;
}

/* What this server is told, by what the query wants and what the server can bear. */
static void compose(struct rt_ctx *ctx, struct upstream *self, struct flight *flight,
                    const struct rs_ask *ask, const struct rs_server_view *view)
{
    const struct rs_config *config = config_of(self);
    struct {
        uint8_t bits[32];
        uint16_t id;
    } random;

    rt_random(ctx, &random, sizeof(random)); /* RFC5452-9.2: unpredictable IDs */
    flight->id = random.id;
    flight->type = ask->type;
    flight->class = ask->class;
    flight->wants_recursion = ask->wants_recursion;
    flight->is_cd = ask->is_cd;
    flight->is_tcp = ask->is_tcp || (view->flags & RS_SERVER_TCP_ONLY) != 0;
    flight->has_edns = ask->has_edns && config->use_edns && (view->flags & RS_SERVER_NO_EDNS) == 0;
    flight->is_dnssec_ok = flight->has_edns && ask->is_dnssec_ok;
    if (flight->has_edns && config->use_cookies) {
        add_cookie(self, flight, view);
    }
    flight->name_size = ask->name.size;
    memcpy(flight->name, ask->name.wire, ask->name.size);
    flight->is_case_mixed =
        ask->may_mix_case && config->mix_case && (view->flags & RS_SERVER_NO_0X20) == 0;
    if (flight->is_case_mixed) {
        rs_name_mix_case(flight->name, random.bits);
    }
}

/* Refusals of our own system count against the server only when they say that it is not there. */
static void blame(struct rt_ctx *ctx, struct upstream *self, const struct flight *flight,
                  rt_status why)
{
    if (why == RT_REFUSED || why == RT_NO_ROUTE || why == RT_DENIED) {
        rs_servers_on_refused(self->servers, &flight->server, rt_now_ns(ctx),
                              config_of(self)->ns_rest_ms);
    }
}

static void send_flight(struct rt_ctx *ctx, struct upstream *self, struct flight *flight,
                        const struct rs_ask *ask, uint32_t timeout_ms)
{
    uint32_t patience_ms = flight->is_tcp ? RS_TCP_TIMEOUT_MS : timeout_ms;
    flight->is_cut_short = ask->timeout_ms_max < patience_ms;
    patience_ms = flight->is_cut_short ? ask->timeout_ms_max : patience_ms;

    flight->sent_ns = rt_now_ns(ctx);
    flight->timer = rt_timer_start(
        ctx, patience_ms * RT_NS_PER_MS,
        upstream_timer_cookie(UPSTREAM_TIMER_FLIGHT, rt_pool_index(&self->flights, flight)));
    rt_status status = RT_FULL; /* Without a timer it would never end. */
    if (flight->timer != 0) {
        status = flight->is_tcp ? upstream_tcp_ask(ctx, self, flight)
                                : upstream_udp_ask(ctx, self, flight);
    }
    rt_trace(ctx, flight->trace_id, flight->is_tcp ? "ask_tcp" : "ask_udp", flight->type,
             flight->server.port);
    if (status != RT_OK) {
        blame(ctx, self, flight, status);
        upstream_end(ctx, self, flight, status);
        return;
    }
    flight->is_under_way = true;
    rs_servers_began(self->servers, &flight->server);
}

/* No flight, so nobody who could be told later: the query's own deadline is the last resort. */
static void refuse(struct rt_ctx *ctx, const struct rt_msg *ask, uint32_t attempt, rt_status why)
{
    struct query_outcome msg = {
        .head = RT_MSG_INIT(QUERY_FAILED, struct query_outcome),
        .attempt = attempt,
        .server_index = UINT8_MAX,
        .why = why,
    };
    msg.head.trace_id = ask->trace_id;
    if (rt_send(ctx, ask->from, &msg.head) == RT_FULL) {
        rt_trace(ctx, ask->trace_id, "outcome_lost", attempt, (uint64_t)why);
    }
}

/* False: every server that is well has its window full. */
static bool try_ask(struct rt_ctx *ctx, struct upstream *self, struct flight *flight,
                    const struct rs_ask *ask)
{
    struct rs_server_view view;
    int index = rs_servers_pick(self->servers, ask->candidates, ask->candidates_count,
                                ask->excluded, rt_now_ns(ctx), rt_random_u64(ctx), true);
    if (index == RS_SERVERS_BUSY) {
        return false;
    }
    if (index < 0) {
        flight->server_index = UINT8_MAX;
        upstream_end(ctx, self, flight, RT_GONE);
        return true;
    }
    flight->server_index = (uint8_t)index;
    flight->server = ask->candidates[index];
    rs_servers_view(self->servers, &flight->server, rt_now_ns(ctx), &view);
    compose(ctx, self, flight, ask, &view);
    send_flight(ctx, self, flight, ask, view.timeout_ms);
    return true;
}

/* RFC8085-3.1: no more at once than the servers have shown they can take; the rest waits here. */
static void hold(struct rt_ctx *ctx, struct upstream *self, struct flight *flight,
                 struct rt_buf *buf)
{
    const struct rs_ask *ask = (const struct rs_ask *)(const void *)buf->data;
    uint32_t hold_ms =
        ask->timeout_ms_max < UPSTREAM_HOLD_MS ? ask->timeout_ms_max : UPSTREAM_HOLD_MS;

    flight->server_index = UINT8_MAX;
    flight->ask = buf;
    rt_list_append(&self->held, &flight->in_held);
    flight->timer = rt_timer_start(
        ctx, hold_ms * RT_NS_PER_MS,
        upstream_timer_cookie(UPSTREAM_TIMER_FLIGHT, rt_pool_index(&self->flights, flight)));
    if (flight->timer == 0) {
        upstream_end(ctx, self, flight, RT_FULL);
    }
}

/* After a flight has ended there may be room for held ones: the oldest are tried; one whose servers
 * are still busy goes to the end, so that it holds up no others. */
static void resume_held(struct rt_ctx *ctx, struct upstream *self)
{
    for (unsigned i = 0; i < UPSTREAM_RESUMES_PER_TURN && !rt_list_is_empty(&self->held); i++) {
        struct flight *flight = rt_container(self->held.first, struct flight, in_held);
        struct rt_buf *buf = flight->ask;

        rt_list_remove(&self->held, &flight->in_held);
        flight->ask = NULL;
        rt_timer timer = flight->timer;
        flight->timer = 0;
        if (!try_ask(ctx, self, flight, (const struct rs_ask *)(const void *)buf->data)) {
            flight->ask = buf;
            flight->timer = timer;
            rt_list_append(&self->held, &flight->in_held);
            continue;
        }
        rt_timer_cancel(ctx, &timer);
        rt_buf_unref(rt_bufs(ctx), buf);
    }
}

static void on_ask(struct rt_ctx *ctx, struct upstream *self, struct rt_msg *msg)
{
    RT_CHECK(msg->buf != NULL && msg->buf->size == sizeof(struct rs_ask));
    const struct rs_ask *ask = (const struct rs_ask *)(const void *)msg->buf->data;
    RT_CHECK(ask->candidates_count <= RS_CANDIDATES_MAX);

    struct flight *flight = upstream_flight_new(self, msg, ask->attempt);
    if (flight == NULL) {
        refuse(ctx, msg, ask->attempt, RT_FULL);
        return;
    }
    if (!try_ask(ctx, self, flight, ask)) {
        hold(ctx, self, flight, msg->buf);
        msg->buf = NULL;
    }
}

/* ---- other messages ---- */

static void on_abandon(struct rt_ctx *ctx, struct upstream *self,
                       const struct upstream_abandon *msg)
{
    struct flight *flight = upstream_flight_find(self, msg->head.from, msg->attempt);
    if (flight != NULL) {
        upstream_flight_release(ctx, self, flight, false);
        upstream_flight_free(ctx, self, flight);
    }
}

static void on_learn(struct rt_ctx *ctx, struct upstream *self, const struct upstream_learn *msg)
{
    rs_servers_set_flag(self->servers, &msg->server, msg->flag, rt_now_ns(ctx));
}

static void on_flight_timer(struct rt_ctx *ctx, struct upstream *self, uint32_t index)
{
    struct flight *flight = rt_cast(flight, rt_pool_at(&self->flights, index));

    flight->timer = 0;
    if (flight->end.head.type != QUERY_INVALID) {
        upstream_deliver(ctx, self, flight);
        return;
    }
    if (flight->ask != NULL) { /* Held for too long: that says nothing about any server. */
        upstream_end(ctx, self, flight, RT_FULL);
        return;
    }
    SERVICE_COUNT(self->services, upstream_timeouts);
    if (!flight->is_cut_short) { /* Else the query ran out of time, and not the server. */
        rs_servers_on_timeout(self->servers, &flight->server, rt_now_ns(ctx), flight->is_tcp,
                              config_of(self)->ns_rest_ms);
    }
    upstream_end(ctx, self, flight, RT_TIMEOUT);
}

static void on_timer(struct rt_ctx *ctx, struct upstream *self, uint64_t cookie)
{
    if (cookie >> 32 == UPSTREAM_TIMER_FLIGHT) {
        on_flight_timer(ctx, self, (uint32_t)cookie);
    } else {
        upstream_tcp_timer(ctx, self, (uint32_t)cookie);
    }
}

static void dispatch(struct rt_ctx *ctx, struct upstream *self, struct rt_msg *msg)
{
    switch (msg->type) {
    case UPSTREAM_ASK:
        on_ask(ctx, self, msg);
        return;
    case UPSTREAM_ABANDON:
        on_abandon(ctx, self, (const struct upstream_abandon *)(const void *)msg);
        return;
    case UPSTREAM_LEARN:
        on_learn(ctx, self, (const struct upstream_learn *)(const void *)msg);
        return;
    case RT_MSG_TIMER:
        on_timer(ctx, self, msg->cookie);
        return;
    case RT_IO_DATAGRAMS:
        upstream_udp_event(ctx, self, (const struct rt_io_datagrams *)(const void *)msg);
        return;
    case RT_IO_CONNECTED:
    case RT_IO_READ:
    case RT_IO_WRITTEN:
    case RT_IO_CLOSED:
        upstream_tcp_event(ctx, self, msg);
        return;
    case RT_MSG_DRAIN: /* What the last queries need is still asked. */
        return;
    }
    RT_UNREACHABLE("message type outside UPSTREAM_MESSAGES");
}

static void upstream_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct upstream *self = rt_cast(upstream, state);

    dispatch(ctx, self, msg);
    if (self->has_room) {
        self->has_room = false;
        resume_held(ctx, self);
    }
}

/* ---- life ---- */

static rt_status open_tables(struct upstream *self, uint32_t flights_max,
                             const struct rt_siphash_key *key)
{
    rt_status status = rs_servers_open(&self->servers, RS_SERVERS_PER_CORE, key);
    if (status != RT_OK) {
        return status;
    }
    status = rt_pool_open(&self->flights, sizeof(struct flight), flights_max);
    if (status != RT_OK) {
        goto undo_servers;
    }
    status = upstream_tcp_open(self);
    if (status != RT_OK) {
        goto undo_flights;
    }
    status = rt_map_open(&self->by_attempt, flights_max);
    if (status != RT_OK) {
        goto undo_tcp;
    }
    status = rt_map_open(&self->by_handle, flights_max + UPSTREAM_CONNS_MAX);
    if (status != RT_OK) {
        goto undo_by_attempt;
    }
    return RT_OK;

undo_by_attempt:
    rt_map_close(&self->by_attempt);
undo_tcp:
    rt_pool_close(&self->conns);
undo_flights:
    rt_pool_close(&self->flights);
undo_servers:
    rs_servers_close(self->servers);
    return status;
}

static rt_status upstream_start(struct rt_ctx *ctx, void *state, const void *args)
{
    struct upstream *self = state;
    struct rt_siphash_key key;
    (void)args;
    self->magic = upstream_MAGIC;
    self->services = services_of(ctx);
    rt_random(ctx, &self->cookie_key, sizeof(self->cookie_key));
    rt_random(ctx, &key, sizeof(key));

    uint32_t flights_max = 2 * self->services->settings->queries_max;
    flights_max = flights_max < UPSTREAM_FLIGHTS_MAX ? flights_max : UPSTREAM_FLIGHTS_MAX;
    return open_tables(self, flights_max, &key);
}

/* No query waits for a flight of an actor that is no more. One whose mailbox is full now has its
 * deadline. */
static void upstream_stop(struct rt_ctx *ctx, void *state, enum rt_end why)
{
    struct upstream *self = rt_cast(upstream, state);
    (void)why;
    while (!rt_list_is_empty(&self->all)) {
        struct flight *flight = rt_container(self->all.first, struct flight, in_all);
        upstream_flight_release(ctx, self, flight, false);
        if (flight->end.head.type == QUERY_INVALID) {
            upstream_set_outcome(flight, RT_TIMEOUT); /* As good as lost; not the server's fault. */
        }
        if (rt_send(ctx, flight->query, &flight->end.head) != RT_OK) {
            rt_trace(ctx, flight->trace_id, "outcome_lost", flight->attempt, 0);
        }
        upstream_flight_free(ctx, self, flight);
    }
    upstream_tcp_close(ctx, self);
    rt_map_close(&self->by_handle);
    rt_map_close(&self->by_attempt);
    rt_pool_close(&self->flights);
    rs_servers_close(self->servers);
}

static const char *upstream_msg_name(uint16_t type)
{
    switch ((enum upstream_msg_type)type) {
#define X(name, type)                                                                              \
    case name:                                                                                     \
        return #name;
        UPSTREAM_MESSAGES(X)
#undef X
    case UPSTREAM_INVALID:
        break;
    }
    return "?";
}

const struct rt_actor_type upstream_type = {
    .name = "upstream",
    .state_size = sizeof(struct upstream),
    .actors_max = 1,
    .mailbox_cap = UPSTREAM_MAILBOX_CAP,
    .restart = RT_RESTART_ALWAYS,
    .msg_name = upstream_msg_name,
    .start = upstream_start,
    .receive = upstream_receive,
    .stop = upstream_stop,
};
