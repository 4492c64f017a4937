/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/upstream_flight.h"

#include <string.h>

#include "resolver/cookie.h"
#include "resolver/peek.h"

/* The life of a flight, from its place in the table to the one outcome that its query hears; and
 * the judgement of what comes back for it. */

/* Actors of one core differ in their slot; two queries never have one at the same time, and a
 * flight of an earlier one only stands in the way of its own abandoning. */
static uint64_t attempt_key(rt_ref query, uint32_t attempt)
{
    uint64_t slot = query >> 32 & 0xFFFFFF;
    return UINT64_C(1) << 63 | slot << 32 | attempt;
}

struct flight *upstream_flight_find(struct upstream *self, rt_ref query, uint32_t attempt)
{
    uint32_t index = 0;
    if (!rt_map_get(&self->by_attempt, attempt_key(query, attempt), &index)) {
        return NULL;
    }
    struct flight *flight = rt_cast(flight, rt_pool_at(&self->flights, index));
    return flight->query == query ? flight : NULL;
}

struct flight *upstream_flight_new(struct upstream *self, const struct rt_msg *ask,
                                   uint32_t attempt)
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

void upstream_flight_free(struct rt_ctx *ctx, struct upstream *self, struct flight *flight)
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

void upstream_flight_release(struct rt_ctx *ctx, struct upstream *self, struct flight *flight,
                             bool is_lost)
{
    if (flight->ask != NULL) {
        rt_list_remove(&self->held, &flight->in_held);
        rt_buf_unref(rt_bufs(ctx), flight->ask);
        flight->ask = NULL;
    }
    if (flight->is_under_way) {
        flight->is_under_way = false;
        rs_servers_ended(self->servers, &flight->server);
        self->has_room = true;
    }
    upstream_udp_release(ctx, self, flight);
    upstream_tcp_release(ctx, self, flight, is_lost);
}

/* The query hears of the end exactly once; while its mailbox is full it is owed that. */
void upstream_deliver(struct rt_ctx *ctx, struct upstream *self, struct flight *flight)
{
    rt_status status = rt_send(ctx, flight->query, &flight->end.head);
    rt_timer_cancel(ctx, &flight->timer);
    if (status == RT_FULL) {
        flight->timer = rt_timer_start(
            ctx, UPSTREAM_OWED_MS * RT_NS_PER_MS,
            upstream_timer_cookie(UPSTREAM_TIMER_FLIGHT, rt_pool_index(&self->flights, flight)));
    }
    if (flight->timer == 0) { /* Done; or gone; or the query's own deadline must do. */
        upstream_flight_free(ctx, self, flight);
    }
}

void upstream_set_outcome(struct flight *flight, rt_status why)
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
    upstream_set_outcome(flight, why);
    upstream_flight_release(ctx, self, flight, why == RT_TIMEOUT);
    upstream_deliver(ctx, self, flight);
}

/* ---- what comes back ---- */

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

/* Servers compress the names of an answer against our question: its mixed letters (0x20) would
 * reach clients in owner names and alias targets. They have done their work once rs_match has seen
 * them. */
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
    upstream_flight_release(ctx, self, flight, false);
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
    upstream_deliver(ctx, self, flight);
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
        /* Our ID on a connection of ours is no forgery but a broken server: waiting helps nobody.
         */
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
