/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/listener_tcp_client.h"

#include <string.h>

/* Replies of one turn, gathered so that they leave in one write. */
struct outgoing {
    struct rt_buf *buf;
    bool is_broken; /* no memory for a reply: the connection must end, for it cannot be told */
};

/* ---- replies ---- */

static void hold(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client,
                 struct outgoing *out)
{
    struct held_reply *held = rt_pool_take(&self->held);
    if (held == NULL) {
        rt_buf_unref(rt_bufs(ctx), out->buf);
        SERVICE_COUNT(self->services, dropped);
        out->is_broken = true;
        return;
    }
    held->buf = out->buf;
    rt_list_append(&client->held, &held->node);
}

static void flush(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client,
                  struct outgoing *out)
{
    struct rt_io *io = rt_io_of(ctx);
    if (out->buf == NULL) {
        return;
    }
    rt_status status = rt_list_is_empty(&client->held)
                           ? io->ops->stream_write(io, client->stream, out->buf)
                           : RT_FULL;
    if (status == RT_FULL) {
        hold(ctx, self, client, out);
    } else if (status != RT_OK) {
        rt_buf_unref(rt_bufs(ctx), out->buf); /* RT_IO_CLOSED is on its way. */
    }
    out->buf = NULL;
}

/* RFC7766-8: length and message in one write, so that they leave in one segment. */
static void append(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client,
                   struct outgoing *out, const struct serve *serve)
{
    uint32_t room = serve_room(self->services, serve);

    if (out->buf != NULL && out->buf->capacity - out->buf->size < 2 + room) {
        flush(ctx, self, client, out);
    }
    if (out->buf == NULL) {
        out->buf = rt_buf_new(rt_bufs(ctx), 2 + room);
    }
    if (out->buf == NULL) {
        SERVICE_COUNT(self->services, dropped);
        out->is_broken = true;
        return;
    }
    uint8_t *at = out->buf->data + out->buf->size;
    uint32_t size = serve_write(self->services, serve, room, rt_now_ns(ctx), at + 2);
    framing_prefix(at, size);
    out->buf->size += 2 + size;
}

/* ---- brakes ---- */

/* Whether the connection may bring another question. */
static bool may_ask(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client)
{
    struct rt_io *io = rt_io_of(ctx);
    bool is_unread = !rt_list_is_empty(&client->held) ||
                     io->ops->stream_pending(io, client->stream) > LISTENER_TCP_UNREAD_BYTES;

    if (!is_unread) {
        client->unread_ns = 0;
    } else if (client->unread_ns == 0) {
        client->unread_ns = rt_now_ns(ctx);
    }
    /* As in kresd, a pipeline of 0 means one question after the other. */
    uint32_t pipeline = self->services->settings->tcp_pipeline;
    return !is_unread && client->open_count < (pipeline > 0 ? pipeline : 1);
}

static void set_paused(struct rt_ctx *ctx, struct client *client, bool is_paused)
{
    if (client->is_paused != is_paused) {
        client->is_paused = is_paused;
        if (client->partial_ns != 0) {
            client->partial_ns = rt_now_ns(ctx); /* While we did not read it could not send. */
        }
        rt_io_of(ctx)->ops->stream_pause(rt_io_of(ctx), client->stream, is_paused);
    }
}

/* ---- questions ---- */

static void note_active(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client,
                        bool was_idle)
{
    client->active_ns = rt_now_ns(ctx);
    if (was_idle) {
        rt_list_remove(&self->idle, &client->in_idle);
    }
    if (client->open_count == 0) {
        rt_list_append(&self->idle, &client->in_idle);
    }
}

static void on_question(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client,
                        const struct framing_bytes *message, bool is_cut, struct outgoing *out)
{
    struct serve serve;
    struct serve_from from = {
        .peer = client->peer,
        .local = client->local,
        .handle = client->stream,
        .is_tcp = true,
        .is_cut = is_cut,
    };
    bool was_idle = client->open_count == 0;

    serve_read(self->services, &from, message->data, message->size, rt_wall_ms(ctx), &serve);
    serve_look(self->services, &serve, rt_now_ns(ctx));
    if (serve.kind == SERVE_ASK && serve_ask_desk(ctx, self->underway, &serve) == RT_OK) {
        client->open_count++; /* RFC7766-6.2.1.1: the next one does not wait for its answer. */
    } else if (serve.kind != SERVE_DROP) {
        append(ctx, self, client, out, &serve);
    }
    if (serve.kind != SERVE_DROP) {
        note_active(ctx, self, client, was_idle);
    }
    rt_arena_reset(&self->services->turn);
}

/* Bytes that came but may not be looked at yet. */
static bool keep_rest(struct rt_ctx *ctx, struct client *client, const struct framing_bytes *chunk)
{
    struct rt_buf *rest = NULL;
    if (chunk->size > 0) {
        rest = rt_buf_new(rt_bufs(ctx), chunk->size);
        if (rest == NULL) {
            return false;
        }
        memcpy(rest->data, chunk->data, chunk->size);
        rest->size = chunk->size;
    }
    client->rest = rest;
    return true;
}

static void note_partial(struct rt_ctx *ctx, struct client *client, bool has_message)
{
    if (!framing_is_partial(&client->framing)) {
        client->partial_ns = 0;
    } else if (has_message || client->partial_ns == 0) {
        client->partial_ns = rt_now_ns(ctx);
    }
}

/* Takes questions out of `chunk` as long as the client may ask. False: nothing can be done for this
 * connection any more. */
static bool take_questions(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client,
                           struct framing_bytes *chunk)
{
    struct outgoing out = {0};
    struct framing_bytes message;
    bool has_message = false;
    enum framing_next next = FRAMING_MESSAGE;

    while (!out.is_broken && may_ask(ctx, self, client)) {
        next = framing_next(&client->framing, rt_bufs(ctx), chunk, &message);
        if (next == FRAMING_MORE || next == FRAMING_NO_MEMORY) {
            break;
        }
        has_message = true;
        on_question(ctx, self, client, &message, next == FRAMING_CUT, &out);
    }
    flush(ctx, self, client, &out);
    note_partial(ctx, client, has_message);
    return !out.is_broken && next != FRAMING_NO_MEMORY;
}

bool client_read(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client,
                 const uint8_t *data, uint32_t size)
{
    struct framing_bytes chunk = {data, size};

    /* With a rest the stream is paused, and nothing comes. */
    if (client->rest != NULL || !take_questions(ctx, self, client, &chunk) ||
        !keep_rest(ctx, client, &chunk)) {
        client_close(ctx, self, client);
        return false;
    }
    set_paused(ctx, client, client->rest != NULL || !may_ask(ctx, self, client));
    return true;
}

/* Nothing more will come from it, nor is anything left to be told: drained, or half-closed. */
static bool is_served(const struct listener_tcp *self, const struct client *client)
{
    return (self->is_draining || client->has_ended) && client->open_count == 0 &&
           client->rest == NULL && rt_list_is_empty(&client->held);
}

void client_close_if_served(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client)
{
    if (is_served(self, client)) {
        client_close(ctx, self, client);
    }
}

/* Something has become free: on with what was read, then with what comes. */
static void go_on(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client)
{
    struct rt_buf *rest = client->rest;

    if (is_served(self, client)) {
        client_close(ctx, self, client);
    } else if (rest == NULL) {
        set_paused(ctx, client, !may_ask(ctx, self, client));
    } else if (may_ask(ctx, self, client)) {
        client->rest = NULL;
        if (client_read(ctx, self, client, rest->data, rest->size) && is_served(self, client)) {
            client_close(ctx, self, client);
        }
        rt_buf_unref(rt_bufs(ctx), rest);
    }
}

void client_reply(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client,
                  const struct serve *serve)
{
    struct outgoing out = {0};

    RT_CHECK(client->open_count > 0);
    client->open_count--;
    append(ctx, self, client, &out, serve);
    flush(ctx, self, client, &out);
    note_active(ctx, self, client, false);
    if (out.is_broken) {
        client_close(ctx, self, client);
        return;
    }
    go_on(ctx, self, client);
}

void client_written(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client)
{
    struct rt_io *io = rt_io_of(ctx);

    while (!rt_list_is_empty(&client->held)) {
        struct held_reply *held = rt_container(client->held.first, struct held_reply, node);
        if (io->ops->stream_write(io, client->stream, held->buf) != RT_OK) {
            return; /* Full again, or dead: then RT_IO_CLOSED gives them back. */
        }
        rt_list_remove(&client->held, &held->node);
        rt_pool_give(&self->held, held);
    }
    go_on(ctx, self, client);
}

void client_close(struct rt_ctx *ctx, struct listener_tcp *self, struct client *client)
{
    while (!rt_list_is_empty(&client->held)) {
        struct held_reply *held =
            rt_container(rt_list_take(&client->held), struct held_reply, node);
        SERVICE_COUNT(self->services, dropped);
        rt_buf_unref(rt_bufs(ctx), held->buf);
        rt_pool_give(&self->held, held);
    }
    if (client->open_count == 0) {
        rt_list_remove(&self->idle, &client->in_idle);
    }
    rt_list_remove(&self->all, &client->in_all);
    rt_map_remove(&self->by_stream, client->stream);
    rt_io_of(ctx)->ops->close(rt_io_of(ctx), client->stream);
    framing_reset(&client->framing, rt_bufs(ctx));
    rt_buf_unref(rt_bufs(ctx), client->rest);
    client->magic = 0;
    rt_pool_give(&self->clients, client);
    SERVICE_GAUGE(self->services, tcp_clients, -1);
}
