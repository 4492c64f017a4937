/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/upstream_flight.h"

/* Connections to servers: one for each server as long as it keeps up, questions pipelined on it and
 * matched by ID in any order, kept open for a while (RFC7766-6.2.1, -6.2.1.1). */

#define upstream_conn_MAGIC UINT32_C(0x434F4E4E)
struct upstream_conn {
    uint32_t magic;
    rt_handle handle;
    struct rt_addr server;
    bool is_open;    /* RT_IO_CONNECTED has come */
    bool is_suspect; /* something on it got no reply in time */
    bool is_held;    /* a loop of ours stands on it: nobody else may free it */
    struct rt_list flights;
    uint32_t count;
    struct framing framing;
    rt_timer idle_timer; /* runs while it is in idle_conns */
    struct rt_node node; /* in busy_conns or idle_conns */
};

rt_status upstream_tcp_open(struct upstream *self)
{
    return rt_pool_open(&self->conns, sizeof(struct upstream_conn), UPSTREAM_CONNS_MAX);
}

static struct rt_list *list_of(struct upstream *self, const struct upstream_conn *conn)
{
    return conn->count > 0 ? &self->busy_conns : &self->idle_conns;
}

/* ---- open and close ---- */

static void close_conn(struct rt_ctx *ctx, struct upstream *self, struct upstream_conn *conn)
{
    RT_CHECK(conn->count == 0);
    rt_timer_cancel(ctx, &conn->idle_timer);
    rt_list_remove(&self->idle_conns, &conn->node);
    rt_map_remove(&self->by_handle, conn->handle);
    rt_io_of(ctx)->ops->close(rt_io_of(ctx), conn->handle); /* A dead handle is ignored. */
    framing_reset(&conn->framing, rt_bufs(ctx));
    conn->magic = 0;
    rt_pool_give(&self->conns, conn);
}

void upstream_tcp_close(struct rt_ctx *ctx, struct upstream *self)
{
    RT_CHECK(rt_list_is_empty(&self->busy_conns));
    while (!rt_list_is_empty(&self->idle_conns)) {
        close_conn(ctx, self, rt_container(self->idle_conns.first, struct upstream_conn, node));
    }
    rt_pool_close(&self->conns);
}

/* A place in the pool; the connection that has been idle longest makes room. */
static struct upstream_conn *take_conn(struct rt_ctx *ctx, struct upstream *self)
{
    struct upstream_conn *conn = rt_pool_take(&self->conns);
    if (conn == NULL && !rt_list_is_empty(&self->idle_conns)) {
        close_conn(ctx, self, rt_container(self->idle_conns.first, struct upstream_conn, node));
        conn = rt_pool_take(&self->conns);
    }
    return conn;
}

static rt_status open_conn(struct rt_ctx *ctx, struct upstream *self, const struct rt_addr *server,
                           struct upstream_conn **out)
{
    struct rt_io *io = rt_io_of(ctx);
    struct rt_tcp_options options = {
        .local = upstream_local(self, server),
        .peer = *server,
        .adopt_fd = -1,
    };
    struct upstream_conn *conn = take_conn(ctx, self);
    if (conn == NULL) {
        return RT_FULL;
    }
    rt_status status = io->ops->tcp_connect(io, rt_self(ctx), &options, &conn->handle);
    if (status == RT_OK) {
        status = rt_map_put(&self->by_handle, conn->handle,
                            rt_pool_index(&self->conns, conn) | UPSTREAM_IS_CONN);
        RT_CHECK(status == RT_OK); /* Room for all flights and connections. */
        conn->magic = upstream_conn_MAGIC;
        conn->server = *server;
        framing_init(&conn->framing, RS_MESSAGE_BYTES_MAX);
        rt_list_append(&self->idle_conns, &conn->node);
        *out = conn;
        return RT_OK;
    }
    rt_pool_give(&self->conns, conn);
    return status;
}

/* ---- asking ---- */

static bool is_usable(const struct upstream_conn *conn, const struct rt_addr *server)
{
    return !conn->is_suspect && !conn->is_held && conn->count < UPSTREAM_PIPELINE_MAX &&
           rt_addr_equal(&conn->server, server);
}

static struct upstream_conn *find_conn(struct upstream *self, const struct rt_addr *server)
{
    struct rt_list *lists[] = {&self->busy_conns, &self->idle_conns};

    for (unsigned i = 0; i < RT_ARRAY_COUNT(lists); i++) {
        for (struct rt_node *node = lists[i]->first; node != NULL; node = node->next) {
            struct upstream_conn *conn = rt_container(node, struct upstream_conn, node);
            if (is_usable(conn, server)) {
                return conn;
            }
        }
    }
    return NULL;
}

static struct flight *find_flight(const struct upstream_conn *conn, uint16_t id)
{
    for (struct rt_node *node = conn->flights.first; node != NULL; node = node->next) {
        struct flight *flight = rt_container(node, struct flight, in_conn);
        if (flight->id == id) {
            return flight;
        }
    }
    return NULL;
}

static void attach(struct rt_ctx *ctx, struct upstream *self, struct upstream_conn *conn,
                   struct flight *flight)
{
    rt_list_remove(list_of(self, conn), &conn->node);
    rt_timer_cancel(ctx, &conn->idle_timer);
    rt_list_append(&conn->flights, &flight->in_conn);
    conn->count++;
    flight->conn = conn;
    rt_list_append(list_of(self, conn), &conn->node);
}

/* What waits for the connection to stand or to have room. */
static void write_waiting(struct rt_ctx *ctx, struct upstream_conn *conn)
{
    struct rt_io *io = rt_io_of(ctx);
    for (struct rt_node *node = conn->flights.first; node != NULL; node = node->next) {
        struct flight *flight = rt_container(node, struct flight, in_conn);
        if (flight->wire == NULL) {
            continue;
        }
        if (io->ops->stream_write(io, conn->handle, flight->wire) != RT_OK) {
            return; /* Full: RT_IO_WRITTEN follows. Dead: RT_IO_CLOSED. */
        }
        flight->wire = NULL;
    }
}

rt_status upstream_tcp_ask(struct rt_ctx *ctx, struct upstream *self, struct flight *flight)
{
    struct rt_buf *buf = rt_buf_new(rt_bufs(ctx), 2 + RS_QUERY_WIRE_BYTES_MAX);
    struct upstream_conn *conn = find_conn(self, &flight->server);
    rt_status status = buf != NULL ? RT_OK : RT_FULL;

    if (status == RT_OK && conn == NULL) {
        status = open_conn(ctx, self, &flight->server, &conn);
    }
    if (status != RT_OK) {
        rt_buf_unref(rt_bufs(ctx), buf);
        return status;
    }
    while (find_flight(conn, flight->id) != NULL) { /* At most 63 of 65536 are taken. */
        flight->id = (uint16_t)rt_random_u64(ctx);
    }
    uint32_t size = upstream_write(self, flight, buf->data + 2);
    framing_prefix(buf->data, size);
    buf->size = 2 + size;
    flight->wire = buf;
    attach(ctx, self, conn, flight);
    if (conn->is_open) {
        write_waiting(ctx, conn);
    }
    SERVICE_COUNT(self->services, upstream_tcp);
    return RT_OK;
}

/* ---- the end of flights ---- */

/* A connection without questions waits for the next one, unless it is no good. */
static void settle(struct rt_ctx *ctx, struct upstream *self, struct upstream_conn *conn)
{
    if (conn->count > 0 || conn->is_held) {
        return;
    }
    if (conn->is_open && !conn->is_suspect && conn->idle_timer == 0) {
        conn->idle_timer = rt_timer_start(
            ctx, UPSTREAM_CONN_IDLE_MS * RT_NS_PER_MS,
            upstream_timer_cookie(UPSTREAM_TIMER_CONN, rt_pool_index(&self->conns, conn)));
    }
    if (conn->idle_timer == 0) {
        close_conn(ctx, self, conn);
    }
}

void upstream_tcp_release(struct rt_ctx *ctx, struct upstream *self, struct flight *flight,
                          bool is_lost)
{
    struct upstream_conn *conn = flight->conn;
    if (conn == NULL) {
        return;
    }
    rt_buf_unref(rt_bufs(ctx), flight->wire);
    flight->wire = NULL;
    flight->conn = NULL;
    rt_list_remove(list_of(self, conn), &conn->node);
    rt_list_remove(&conn->flights, &flight->in_conn);
    conn->count--;
    conn->is_suspect |= is_lost;
    rt_list_append(list_of(self, conn), &conn->node);
    settle(ctx, self, conn);
}

/* The connection is over: so is every question on it. */
static void fail_conn(struct rt_ctx *ctx, struct upstream *self, struct upstream_conn *conn,
                      rt_status why)
{
    if (why == RT_REFUSED || why == RT_NO_ROUTE) {
        rs_servers_on_refused(self->servers, &conn->server, rt_now_ns(ctx),
                              self->services->settings->resolver.ns_rest_ms);
    }
    conn->is_held = true;
    while (!rt_list_is_empty(&conn->flights)) {
        struct flight *flight = rt_container(conn->flights.first, struct flight, in_conn);
        upstream_end(ctx, self, flight, why);
    }
    close_conn(ctx, self, conn);
}

/* ---- events ---- */

static struct upstream_conn *conn_of(struct upstream *self, rt_handle handle)
{
    uint32_t index = 0;
    if (!rt_map_get(&self->by_handle, handle, &index) || (index & UPSTREAM_IS_CONN) == 0) {
        return NULL; /* Closed in this loop turn. */
    }
    return rt_cast(upstream_conn, rt_pool_at(&self->conns, index & ~UPSTREAM_IS_CONN));
}

static void on_message(struct rt_ctx *ctx, struct upstream *self, struct upstream_conn *conn,
                       const struct framing_bytes *message)
{
    if (message->size < 2) {
        return;
    }
    uint16_t id = (uint16_t)(message->data[0] << 8 | message->data[1]);
    struct flight *flight = find_flight(conn, id);
    if (flight != NULL) { /* Else it comes too late for its question. */
        upstream_received(ctx, self, flight, message->data, message->size);
    }
}

static void on_read(struct rt_ctx *ctx, struct upstream *self, struct upstream_conn *conn,
                    const struct rt_io_read *msg)
{
    struct framing_bytes chunk = {msg->data, msg->size}, message;
    enum framing_next next;

    conn->is_held = true;
    while ((next = framing_next(&conn->framing, rt_bufs(ctx), &chunk, &message)) ==
           FRAMING_MESSAGE) {
        on_message(ctx, self, conn, &message);
    }
    conn->is_held = false;
    if (next != FRAMING_MORE) {
        fail_conn(ctx, self, conn, RT_FULL); /* No memory for the rest of a reply. */
    } else {
        settle(ctx, self, conn);
    }
}

void upstream_tcp_event(struct rt_ctx *ctx, struct upstream *self, struct rt_msg *msg)
{
    /* The handle stands in the same place in all of them, but C has no word for that. */
    rt_handle handle = msg->type == RT_IO_READ
                           ? ((const struct rt_io_read *)(const void *)msg)->handle
                           : ((const struct rt_io_stream *)(const void *)msg)->handle;
    struct upstream_conn *conn = conn_of(self, handle);
    if (conn == NULL) {
        return;
    }
    if (msg->type == RT_IO_READ) {
        on_read(ctx, self, conn, (const struct rt_io_read *)(const void *)msg);
    } else if (msg->type == RT_IO_CLOSED) {
        fail_conn(ctx, self, conn, ((const struct rt_io_stream *)(const void *)msg)->why);
    } else {
        conn->is_open = true;
        write_waiting(ctx, conn);
    }
}

/* Idle for long enough. */
void upstream_tcp_timer(struct rt_ctx *ctx, struct upstream *self, uint32_t index)
{
    struct upstream_conn *conn = rt_cast(upstream_conn, rt_pool_at(&self->conns, index));
    conn->idle_timer = 0;
    close_conn(ctx, self, conn);
}
