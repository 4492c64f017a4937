/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/upstream.h"

#include <string.h>

#include "actors/upstream_flight.h"
#include "actors/upstream_msg.h"
#include "resolver/cookie.h"
#include "resolver/effect.h"
#include "resolver/peek.h"

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

/* ---- flights ---- */

/* Actors of one core differ in their slot; two queries never have one at the same time, and a
 * flight of an earlier one only stands in the way of its own abandoning. */
static uint64_t attempt_key(rt_ref query, uint32_t attempt)
{
    uint64_t slot = query >> 32 & 0xFFFFFF;
    return UINT64_C(1) << 63 | slot << 32 | attempt;
}

static struct flight *flight_of(struct upstream *self, rt_ref query, uint32_t attempt)
{
    uint32_t index = 0;
    if (!rt_map_get(&self->by_attempt, attempt_key(query, attempt), &index)) {
        return NULL;
    }
    struct flight *flight = rt_cast(flight, rt_pool_at(&self->flights, index));
    return flight->query == query ? flight : NULL;
}

static struct flight *new_flight(struct upstream *self, const struct rt_msg *ask, uint32_t attempt)
{
    struct flight *flight = rt_pool_take(&self->flights);
    if (flight == NULL) {
        return NULL;
    }
    flight->magic = flight_MAGIC;
    flight->query = ask->from;
    flight->trace_id = ask->trace_id;
    flight->attempt = attempt;
    uint32_t index = rt_pool_index(&self->flights, flight);
    if (rt_map_put(&self->by_attempt, attempt_key(ask->from, attempt), index) != RT_OK) {
        rt_pool_give(&self->flights, flight);
        return NULL;
    }
    rt_list_append(&self->all, &flight->in_all);
    return flight;
}

static void free_flight(struct rt_ctx *ctx, struct upstream *self, struct flight *flight)
{
    uint64_t key = attempt_key(flight->query, flight->attempt);
    uint32_t index = 0;

    if (rt_map_get(&self->by_attempt, key, &index) &&
        index == rt_pool_index(&self->flights, flight)) {
        rt_map_remove(&self->by_attempt, key);
    }
    rt_timer_cancel(ctx, &flight->timer);
    rt_buf_unref(rt_bufs(ctx), flight->end.head.buf);
    rt_list_remove(&self->all, &flight->in_all);
    flight->magic = 0;
    rt_pool_give(&self->flights, flight);
}

static void release_transport(struct rt_ctx *ctx, struct upstream *self, struct flight *flight,
                              bool is_lost)
{
    upstream_udp_release(ctx, self, flight);
    upstream_tcp_release(ctx, self, flight, is_lost);
}

/* The query hears of the end exactly once; while its mailbox is full it is owed that. */
static void deliver(struct rt_ctx *ctx, struct upstream *self, struct flight *flight)
{
    rt_status status = rt_send(ctx, flight->query, &flight->end.head);
    rt_timer_cancel(ctx, &flight->timer);
    if (status == RT_FULL) {
        flight->timer = rt_timer_start(
            ctx, UPSTREAM_OWED_MS * RT_NS_PER_MS,
            upstream_timer_cookie(UPSTREAM_TIMER_FLIGHT, rt_pool_index(&self->flights, flight)));
    }
    if (flight->timer == 0) { /* Done; or gone; or the query's own deadline must do. */
        free_flight(ctx, self, flight);
    }
}

static void set_outcome(struct flight *flight, rt_status why)
{
    RT_CHECK(flight->end.head.type == QUERY_INVALID);
    flight->end.outcome = (struct query_outcome){
        .head = RT_MSG_INIT(QUERY_FAILED, struct query_outcome),
        .attempt = flight->attempt,
        .server_index = flight->server_index,
        .is_tcp = flight->is_tcp,
        .why = why,
    };
    flight->end.head.type = why == RT_TIMEOUT ? QUERY_TIMEOUT : QUERY_FAILED;
    flight->end.head.trace_id = flight->trace_id;
}

void upstream_end(struct rt_ctx *ctx, struct upstream *self, struct flight *flight, rt_status why)
{
    set_outcome(flight, why);
    release_transport(ctx, self, flight, why == RT_TIMEOUT);
    deliver(ctx, self, flight);
}

/* ---- asking ---- */

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
        .payload = config_of(self)->payload_up,
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
    if (flight->has_edns && config->use_cookies && (view->flags & RS_SERVER_NO_COOKIE) == 0) {
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
    patience_ms = patience_ms < ask->timeout_ms_max ? patience_ms : ask->timeout_ms_max;

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
    }
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

static void on_ask(struct rt_ctx *ctx, struct upstream *self, const struct rt_msg *msg)
{
    RT_CHECK(msg->buf != NULL && msg->buf->size == sizeof(struct rs_ask));
    const struct rs_ask *ask = (const struct rs_ask *)(const void *)msg->buf->data;
    RT_CHECK(ask->candidates_count <= RS_CANDIDATES_MAX);
    struct rs_server_view view;

    struct flight *flight = new_flight(self, msg, ask->attempt);
    if (flight == NULL) {
        refuse(ctx, msg, ask->attempt, RT_FULL);
        return;
    }
    int index = rs_servers_pick(self->servers, ask->candidates, ask->candidates_count,
                                ask->excluded, rt_now_ns(ctx), rt_random_u64(ctx), true);
    if (index < 0) {
        flight->server_index = UINT8_MAX;
        upstream_end(ctx, self, flight, RT_GONE);
        return;
    }
    flight->server_index = (uint8_t)index;
    flight->server = ask->candidates[index];
    rs_servers_view(self->servers, &flight->server, rt_now_ns(ctx), &view);
    compose(ctx, self, flight, ask, &view);
    send_flight(ctx, self, flight, ask, view.timeout_ms);
}

/* ---- hearing ---- */

static void tell_near_miss(struct rt_ctx *ctx, struct upstream *self, struct flight *flight)
{
    struct query_outcome msg = {
        .head = RT_MSG_INIT(QUERY_NEAR_MISS, struct query_outcome),
        .attempt = flight->attempt,
        .server_index = flight->server_index,
        .is_tcp = flight->is_tcp,
        .why = RT_OK,
    };
    if (flight->has_near_missed) {
        return; /* One is enough for the query to go to TCP; a flood shall not fill its mailbox. */
    }
    flight->has_near_missed = true;
    SERVICE_COUNT(self->services, upstream_near_misses);
    msg.head.trace_id = flight->trace_id;
    if (rt_send(ctx, flight->query, &msg.head) != RT_OK) {
        rt_trace(ctx, flight->trace_id, "near_miss_lost", flight->attempt, 0);
    }
}

/* RFC7873-5.3: a reply whose COOKIE option does not begin with our client cookie was not made by
 * who got the question; one without any, from a server that has shown a cookie before, is not
 * believed either. Learns the server's part. */
static bool is_cookie_right(struct rt_ctx *ctx, struct upstream *self, struct flight *flight,
                            const uint8_t *wire, uint32_t size)
{
    struct rs_edns edns;

    if (!flight->has_cookie) {
        return true;
    }
    if (!rs_peek_edns(wire, size, &edns)) {
        return true; /* Malformed: the query's parser says so, and asks again. */
    }
    if (edns.cookie_size == 0) {
        return flight->is_tcp || !flight->is_server_known_to_cookie;
    }
    if (memcmp(edns.cookie, flight->cookie, RS_COOKIE_CLIENT_BYTES) != 0) {
        return false;
    }
    if (edns.cookie_size > RS_COOKIE_CLIENT_BYTES) {
        rs_servers_set_cookie(self->servers, &flight->server, rt_now_ns(ctx),
                              edns.cookie + RS_COOKIE_CLIENT_BYTES,
                              (uint8_t)(edns.cookie_size - RS_COOKIE_CLIENT_BYTES));
    }
    return true;
}

/* Servers compress the names of an answer against our question: its mixed letters (0x20) would reach
 * clients in owner names and alias targets. They have done their work once rs_match has seen them. */
static void lower_question(uint8_t *wire, uint32_t size, const uint8_t *name)
{
    enum { COUNT_AT = 4, NAME_AT = 12 };

    if (size >= NAME_AT + rs_name_size(name) && wire[COUNT_AT] == 0 && wire[COUNT_AT + 1] == 1) {
        rs_name_lower(wire + NAME_AT);
    }
}

static void on_reply(struct rt_ctx *ctx, struct upstream *self, struct flight *flight,
                     const uint8_t *wire, uint32_t size, bool is_case_kept)
{
    uint64_t rtt_us = (rt_now_ns(ctx) - flight->sent_ns) / RT_NS_PER_US;
    struct rt_buf *buf = rt_buf_new(rt_bufs(ctx), size);

    rs_servers_on_reply(self->servers, &flight->server, rt_now_ns(ctx),
                        rtt_us < UINT32_MAX ? (uint32_t)rtt_us : UINT32_MAX, flight->is_tcp);
    SERVICE_GAUGE(self->services, upstream_bytes, size);
    if (buf == NULL) {
        upstream_end(ctx, self, flight, RT_FULL);
        return;
    }
    memcpy(buf->data, wire, size);
    buf->size = size;
    lower_question(buf->data, size, flight->name);
    release_transport(ctx, self, flight, false);
    flight->end.reply = (struct query_reply){
        .head = RT_MSG_INIT(QUERY_REPLY, struct query_reply),
        .attempt = flight->attempt,
        .server_index = flight->server_index,
        .is_tcp = flight->is_tcp,
        .is_case_kept = is_case_kept || !flight->is_case_mixed,
        .had_edns = flight->has_edns,
        .had_cookie = flight->has_cookie,
    };
    flight->end.head.trace_id = flight->trace_id;
    flight->end.head.buf = buf;
    deliver(ctx, self, flight);
}

/* RFC5452-9.1: what does not match is not looked at any further, and changes nothing that we know
 * about the server (security.md A8). */
bool upstream_received(struct rt_ctx *ctx, struct upstream *self, struct flight *flight,
                       const uint8_t *wire, uint32_t size)
{
    enum rs_match match =
        rs_match(wire, size, flight->id, flight->name, flight->type, flight->class);

    bool is_ours = (match == RS_MATCH_OURS || match == RS_MATCH_CASE) &&
                   is_cookie_right(ctx, self, flight, wire, size);
    if (!is_ours && flight->is_tcp) {
        /* Our ID on a connection of ours is no forgery but a broken server: waiting helps nobody. */
        upstream_end(ctx, self, flight, RT_MALFORMED);
        return true;
    }
    if (!is_ours) {
        if (match != RS_MATCH_NOISE) {
            tell_near_miss(ctx, self, flight);
        }
        return false;
    }
    on_reply(ctx, self, flight, wire, size, match == RS_MATCH_OURS);
    return true;
}

/* ---- other messages ---- */

static void on_abandon(struct rt_ctx *ctx, struct upstream *self,
                       const struct upstream_abandon *msg)
{
    struct flight *flight = flight_of(self, msg->head.from, msg->attempt);
    if (flight != NULL) {
        release_transport(ctx, self, flight, false);
        free_flight(ctx, self, flight);
    }
}

static void on_learn(struct rt_ctx *ctx, struct upstream *self, const struct upstream_learn *msg)
{
    if (msg->flag != 0) {
        rs_servers_set_flag(self->servers, &msg->server, msg->flag, rt_now_ns(ctx));
    } else {
        rs_servers_on_refused(self->servers, &msg->server, rt_now_ns(ctx),
                              config_of(self)->ns_rest_ms);
    }
}

static void on_flight_timer(struct rt_ctx *ctx, struct upstream *self, uint32_t index)
{
    struct flight *flight = rt_cast(flight, rt_pool_at(&self->flights, index));

    flight->timer = 0;
    if (flight->end.head.type != QUERY_INVALID) {
        deliver(ctx, self, flight);
        return;
    }
    SERVICE_COUNT(self->services, upstream_timeouts);
    rs_servers_on_timeout(self->servers, &flight->server, rt_now_ns(ctx), flight->is_tcp,
                          config_of(self)->ns_rest_ms);
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

static void upstream_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct upstream *self = rt_cast(upstream, state);

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
        release_transport(ctx, self, flight, false);
        if (flight->end.head.type == QUERY_INVALID) {
            set_outcome(flight, RT_TIMEOUT); /* As good as lost; not the server's fault. */
        }
        if (rt_send(ctx, flight->query, &flight->end.head) != RT_OK) {
            rt_trace(ctx, flight->trace_id, "outcome_lost", flight->attempt, 0);
        }
        free_flight(ctx, self, flight);
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
