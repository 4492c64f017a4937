/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* upstream_flight: one question on its way to one server, and the state of the upstream actor.
 * Private to upstream*.c.
 *
 * A flight ends in exactly one way: upstream_end() with an outcome for its query, or silently when
 * its query abandoned it. Ending gives back its socket or its place on a connection first.
 *
 *   upstream.c ------ upstream_udp_ask / upstream_tcp_ask ----> transports
 *   transports ------ upstream_received / upstream_end -------> upstream_flight.c -> query */

#include "actors/framing.h"
#include "actors/query_msg.h"
#include "actors/services.h"
#include "resolver/match.h"
#include "resolver/select.h"
#include "runtime/base/list.h"
#include "runtime/base/map.h"
#include "runtime/base/pool.h"
#include "runtime/io.h"

enum {
    UPSTREAM_FLIGHTS_MAX = 24576, /* Three in four of a core's handles; the rest is for clients. */
    UPSTREAM_CONNS_MAX = 512,     /* Connections to servers: TCP is the exception. */
    UPSTREAM_PIPELINE_MAX = 64,   /* Questions under way on one connection (RFC7766-6.2.1.1). */
    UPSTREAM_PORT_TRIES = 8,      /* Random ports tried until one is free. */
    UPSTREAM_PORT_MIN = 1024,
    UPSTREAM_OWED_MS = 5,    /* A query whose mailbox is full hears its outcome again so soon. */
    UPSTREAM_HOLD_MS = 1500, /* Waiting for room in a server's window; then RT_FULL. */
    UPSTREAM_RESUMES_PER_TURN = 8, /* Held asks looked at again when a flight has ended. */
    UPSTREAM_CONN_IDLE_MS = 2000,  /* Shorter than servers' own: who closes first wins the race. */
};

struct upstream_conn;

#define flight_MAGIC UINT32_C(0x464C4954)
struct flight {
    uint32_t magic;
    struct rt_node in_all;

    /* whose it is */
    rt_ref query;
    uint64_t trace_id;
    uint32_t attempt;
    uint8_t server_index;

    /* what was sent */
    bool is_tcp, is_case_mixed, has_edns, has_cookie;
    bool is_server_known_to_cookie; /* its replies over UDP must show our cookie */
    bool wants_recursion, is_cd, is_dnssec_ok;
    bool has_near_missed;
    bool is_cut_short; /* its query has less time than the server may need */
    uint16_t id, type, class;
    uint8_t cookie_size;
    uint8_t cookie[8 + RS_COOKIE_SERVER_BYTES_MAX];
    uint8_t name_size;
    uint8_t name[RS_NAME_BYTES_MAX]; /* in the letters that were sent */
    struct rt_addr server;
    uint64_t sent_ns;
    rt_timer timer;

    /* Held: every server it may go to has its window full. */
    struct rt_buf *ask; /* struct rs_ask; NULL once it is sent */
    struct rt_node in_held;
    bool is_under_way; /* counted in its server's window */

    /* UDP */
    rt_handle socket;

    /* TCP */
    struct upstream_conn *conn;
    struct rt_node in_conn;
    struct rt_buf *wire; /* framed, until the connection takes it */

    /* The outcome, while the query has no room for it; type 0 before. */
    union {
        struct rt_msg head;
        struct query_reply reply;
        struct query_outcome outcome;
    } end;
};

#define upstream_MAGIC UINT32_C(0x55505354)
struct upstream {
    uint32_t magic;
    struct services *services;
    struct rs_servers *servers;
    struct rt_siphash_key cookie_key; /* for client cookies; new with each start (RFC7873-4.1) */
    struct rt_pool flights, conns;
    struct rt_list held;                   /* flights that wait for room, by age */
    bool has_room;                         /* a flight has ended since the held ones were tried */
    struct rt_list all;                    /* flights, for the end of the actor */
    struct rt_map by_attempt;              /* (query, attempt) to flight */
    struct rt_map by_handle;               /* socket to flight, or connection */
    struct rt_list busy_conns, idle_conns; /* by age */
};

/* ---- upstream_flight.c ---- */

/* NULL: none is left. */
struct flight *upstream_flight_new(struct upstream *self, const struct rt_msg *ask,
                                   uint32_t attempt);
void upstream_flight_free(struct rt_ctx *ctx, struct upstream *self, struct flight *flight);
struct flight *upstream_flight_find(struct upstream *self, rt_ref query, uint32_t attempt);

/* Gives back its place in its server's window, or among the held ones; its socket or its place on a
 * connection; `is_lost` as for upstream_tcp_release. */
void upstream_flight_release(struct rt_ctx *ctx, struct upstream *self, struct flight *flight,
                             bool is_lost);

/* Writes QUERY_FAILED or QUERY_TIMEOUT into flight->end. */
void upstream_set_outcome(struct flight *flight, rt_status why);

/* Sends flight->end; the flight ends, or (the query being full) tries again from its timer. */
void upstream_deliver(struct rt_ctx *ctx, struct upstream *self, struct flight *flight);

/* Ends the flight with QUERY_FAILED or, for RT_TIMEOUT, QUERY_TIMEOUT. */
void upstream_end(struct rt_ctx *ctx, struct upstream *self, struct flight *flight, rt_status why);

/* Bytes that came from the flight's server: judges them. True: they were the reply, and the flight
 * has ended. */
bool upstream_received(struct rt_ctx *ctx, struct upstream *self, struct flight *flight,
                       const uint8_t *wire, uint32_t size);

/* ---- upstream.c ---- */

/* Writes the question of `flight` (its ID as it is now); returns its size. */
uint32_t upstream_write(const struct upstream *self, const struct flight *flight,
                        uint8_t out[RS_QUERY_WIRE_BYTES_MAX]);

/* A timer for a flight or a connection, by its pool index. */
enum upstream_timer_kind { UPSTREAM_TIMER_FLIGHT, UPSTREAM_TIMER_CONN };
static inline uint64_t upstream_timer_cookie(enum upstream_timer_kind kind, uint32_t index)
{
    return (uint64_t)kind << 32 | index;
}

/* The source address for a server's family; port 0. */
struct rt_addr upstream_local(const struct upstream *self, const struct rt_addr *server);

/* What by_handle's values mean. */
#define UPSTREAM_IS_CONN (UINT32_C(1) << 31)

/* ---- upstream_udp.c ---- */

/* Opens a socket of its own for the flight and sends. Anything but RT_OK: nothing is held. */
RT_MUST_USE rt_status upstream_udp_ask(struct rt_ctx *ctx, struct upstream *self,
                                       struct flight *flight);
void upstream_udp_event(struct rt_ctx *ctx, struct upstream *self,
                        const struct rt_io_datagrams *msg);
void upstream_udp_release(struct rt_ctx *ctx, struct upstream *self, struct flight *flight);

/* ---- upstream_tcp.c ---- */

RT_MUST_USE rt_status upstream_tcp_open(struct upstream *self);

/* Closes all connections; no flight is left. */
void upstream_tcp_close(struct rt_ctx *ctx, struct upstream *self);

/* Puts the question on a connection, old or new. Anything but RT_OK: nothing is held. */
RT_MUST_USE rt_status upstream_tcp_ask(struct rt_ctx *ctx, struct upstream *self,
                                       struct flight *flight);
void upstream_tcp_event(struct rt_ctx *ctx, struct upstream *self, struct rt_msg *msg);
void upstream_tcp_timer(struct rt_ctx *ctx, struct upstream *self, uint32_t index);

/* `is_lost`: no reply came in time; the connection takes no new question. */
void upstream_tcp_release(struct rt_ctx *ctx, struct upstream *self, struct flight *flight,
                          bool is_lost);
