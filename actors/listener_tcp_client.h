/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* listener_tcp_client: one TCP client's connection: its questions in, its replies out, and the
 * brakes between them. Private to listener_tcp*.c.
 *
 *   bytes -> framing -> question -> reply at once, or the desk (open_count)
 *   replies -> `out` of this turn -> write queue of the stream -> held (when that is full)
 *
 * Brakes   No further question is taken from the connection while open_count has reached
 *          tcp_pipeline, replies are held, or the client leaves too many bytes unread. What has
 *          been read already waits in `rest`; the stream is paused. */

#include "actors/framing.h"
#include "actors/listener_tcp.h"
#include "actors/serve.h"
#include "runtime/base/list.h"
#include "runtime/base/map.h"
#include "runtime/base/pool.h"
#include "runtime/io.h"

enum {
    LISTENER_TCP_MESSAGE_BYTES =
        4096, /* Longest question that is read whole; others are FORMERR. */
    LISTENER_TCP_UNREAD_BYTES = 32 * 1024, /* Beyond what the kernel keeps; then it may not ask. */
    LISTENER_TCP_HELD_MAX = 4096,   /* Replies of all connections that wait for a write queue. */
    LISTENER_TCP_PARTIAL_MS = 5000, /* For the rest of a question once it has begun (slow-loris). */
    LISTENER_TCP_UNREAD_MS = 7500,  /* For reading replies; gone after 10 s with the linger time. */
    LISTENER_TCP_LOST_MS = RS_BUDGET_MS + 6000, /* No desk takes longer: the answer is lost. */
};

/* A write's worth of replies for which the stream had no room. */
struct held_reply {
    struct rt_node node;
    struct rt_buf *buf;
};

#define client_MAGIC UINT32_C(0x54435043)
struct client {
    uint32_t magic;
    rt_handle stream;
    struct rt_addr peer, local;
    struct framing framing;
    struct rt_buf *rest; /* read from the stream, not looked at yet; NULL: none */
    uint32_t open_count; /* questions at desks */
    struct rt_list held; /* struct held_reply */
    bool is_paused;
    bool has_ended;      /* it asks no more; what is open is still answered */
    uint64_t active_ns;  /* last question or answer; the beginning */
    uint64_t partial_ns; /* when the half-read question began; 0 none */
    uint64_t unread_ns;  /* since when too much is unread; 0 it is not */
    struct rt_node in_all;
    struct rt_node in_idle; /* while open_count is 0; by active_ns */
};

#define listener_tcp_MAGIC UINT32_C(0x4C544350)
struct listener_tcp {
    uint32_t magic;
    bool is_open, is_draining;
    struct services *services;
    const struct listener_tcp_args *args;
    rt_handle listener;
    rt_timer sweep_timer;
    struct rt_pool clients, held, block;
    struct rt_map by_stream; /* to index of client */
    struct rt_list all, idle;
    struct serve_underway *underway; /* of `block` */
};

/* What a client sent. False: it was closed meanwhile. */
bool client_read(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client,
                 const uint8_t *data, uint32_t size);

/* The reply to one of its open questions. */
void client_reply(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client,
                  const struct serve *serve);

/* Closes it when nothing is open, and nothing new is to come: it has ended or we drain. */
void client_close_if_served(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client);

/* Its write queue went empty. */
void client_written(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client);

/* Ends the connection (a dead stream too) and frees the client; replies that are in the stream's
 * write queue still leave. */
void client_close(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client);
