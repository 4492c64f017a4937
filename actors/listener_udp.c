/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/listener_udp.h"

#include "actors/listener_udp_msg.h"
#include "actors/serve.h"
#include "actors/supervisor_msg.h"
#include "runtime/base/log.h"
#include "runtime/base/pool.h"
#include "runtime/io.h"

enum {
    /* Replies of a batch, one behind the other: a full batch of ordinary ones (about 200 bytes)
     * with the largest still fitting behind. */
    REPLY_BYTES = 32 * 1024,
    MAILBOX_CAP = 4096, /* Answers of one desk turn, many times over. */
};

/* Working memory of one listener, too large for its state. */
struct batch {
    struct serve asks[RT_DATAGRAM_BATCH];
    struct rt_datagram replies[RT_DATAGRAM_BATCH];
    uint32_t replies_count, bytes_used;
    uint8_t bytes[REPLY_BYTES];
    struct serve_underway underway;
};

#define listener_udp_MAGIC UINT32_C(0x4C554450)
struct listener_udp {
    uint32_t magic;
    bool is_open;
    struct services *services;
    const struct listener_udp_args *args;
    rt_handle socket;
    struct rt_pool block; /* of one batch */
    struct batch *batch;
};

/* ---- replies ---- */

static void flush(struct rt_ctx *ctx, struct listener_udp *self)
{
    struct batch *batch = self->batch;
    if (batch->replies_count > 0) {
        rt_io_of(ctx)->ops->udp_send(rt_io_of(ctx), self->socket, batch->replies,
                                     batch->replies_count);
    }
    batch->replies_count = 0;
    batch->bytes_used = 0;
}

static void reply(struct rt_ctx *ctx, struct listener_udp *self, const struct serve *serve)
{
    struct batch *batch = self->batch;
    uint32_t room = serve_room(self->services, serve);

    if (batch->replies_count == RT_DATAGRAM_BATCH || REPLY_BYTES - batch->bytes_used < room) {
        flush(ctx, self);
    }
    uint8_t *out = batch->bytes + batch->bytes_used;
    uint32_t size = serve_write(self->services, serve, room, rt_now_ns(ctx), out);
    batch->bytes_used += size;
    batch->replies[batch->replies_count++] =
        (struct rt_datagram){.peer = serve->peer, .local = serve->local, .data = out, .size = size};
}

/* ---- questions ---- */

static void answer_one(struct rt_ctx *ctx, struct listener_udp *self, struct serve *serve)
{
    if (serve->kind == SERVE_DROP) {
        return;
    }
    serve_look(self->services, serve, rt_now_ns(ctx));
    if (serve->kind == SERVE_ASK && serve_ask_desk(ctx, &self->batch->underway, serve) == RT_OK) {
        return; /* DESK_ANSWER or RT_MSG_UNDELIVERED follows. */
    }
    reply(ctx, self, serve);
}

/* First all are read, so that the answer cache's lines arrive while others are decoded. */
static void on_datagrams(struct rt_ctx *ctx, struct listener_udp *self,
                         const struct rt_io_datagrams *msg)
{
    RT_CHECK(msg->count <= RT_DATAGRAM_BATCH);
    struct batch *batch = self->batch;

    for (uint32_t i = 0; i < msg->count; i++) {
        const struct rt_datagram *item = &msg->items[i];
        struct serve_from from = {
            .peer = item->peer,
            .local = item->local,
            .handle = msg->handle,
            .is_cut = item->is_cut,
        };
        serve_read(self->services, &from, item->data, item->size, rt_wall_ms(ctx), &batch->asks[i]);
    }
    for (uint32_t i = 0; i < msg->count; i++) {
        answer_one(ctx, self, &batch->asks[i]);
    }
    flush(ctx, self);
    rt_arena_reset(&self->services->turn);
}

/* ---- from the desk ---- */

static void on_answer(struct rt_ctx *ctx, struct listener_udp *self, const struct desk_answer *msg)
{
    struct serve *serve = &self->batch->asks[0];
    serve_answered(self->services, msg, rt_now_ns(ctx), rt_wall_ms(ctx), serve);
    reply(ctx, self, serve);
    flush(ctx, self); /* The io gathers them until the loop turn ends. */
}

static void on_undelivered(struct rt_ctx *ctx, struct listener_udp *self,
                           const struct rt_msg_undelivered *msg)
{
    struct serve *serve = &self->batch->asks[0];
    if (serve_undelivered(self->services, &self->batch->underway, msg, rt_wall_ms(ctx), serve)) {
        reply(ctx, self, serve);
        flush(ctx, self);
    }
}

/* ---- life ---- */

/* The configuration's const view of the arguments is the runtime's; they belong to whoever composed
 * the program and are ours to mark (listener_udp.h). */
static struct listener_udp_args *marks(struct listener_udp *self)
{
    return (struct listener_udp_args *)self->args;
}

static rt_status open_socket(struct rt_ctx *ctx, struct listener_udp *self)
{
    struct rt_io *io = rt_io_of(ctx);
    struct rt_udp_options options = {
        .local = self->args->listen->addr,
        .adopt_fd = self->args->adopt_fd,
        .reuse_port = true,
        .wants_local = rt_addr_is_any(&self->args->listen->addr),
    };
    rt_status status = io->ops->udp_open(io, rt_self(ctx), &options, &self->socket);
    if (status != RT_OK) {
        char text[RT_ADDR_TEXT_BYTES];
        rt_log(RT_LOG_ERR, "net", "cannot listen on %s (UDP): %s",
               rt_addr_format(&options.local, text), rt_status_text(status));
    }
    if (status == RT_OK) {
        marks(self)->adopt_fd = -1; /* The io's now. */
        self->is_open = true;
    }
    return status;
}

static void tell_supervisor(struct rt_ctx *ctx, struct listener_udp *self, rt_status status)
{
    struct supervisor_ready ready = {
        .head = RT_MSG_INIT(SUPERVISOR_READY, struct supervisor_ready),
        .status = status,
    };
    marks(self)->was_opened = true;
    if (self->services->cast->supervisor != RT_REF_NONE &&
        rt_send(ctx, self->services->cast->supervisor, &ready.head) != RT_OK) {
        rt_log(RT_LOG_ERR, "net", "the supervisor does not hear that a listener is open");
    }
}

static rt_status listener_udp_start(struct rt_ctx *ctx, void *state, const void *args)
{
    struct listener_udp *self = state;
    self->magic = listener_udp_MAGIC;
    self->services = services_of(ctx);
    self->args = args;

    rt_status status = rt_pool_open(&self->block, sizeof(struct batch), 1);
    if (status == RT_OK) {
        self->batch = rt_pool_take(&self->block);
        status = self->batch != NULL ? open_socket(ctx, self) : RT_NO_MEMORY;
    }
    if (!self->args->was_opened) {
        tell_supervisor(ctx, self, status);
        status = self->batch != NULL ? RT_OK : status; /* The supervisor ends the program. */
    }
    if (status != RT_OK) {
        rt_pool_close(&self->block);
    }
    return status;
}

static void listener_udp_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct listener_udp *self = rt_cast(listener_udp, state);

    switch (msg->type) {
    case RT_IO_DATAGRAMS:
        on_datagrams(ctx, self, (const struct rt_io_datagrams *)(const void *)msg);
        return;
    case DESK_ANSWER:
        on_answer(ctx, self, (const struct desk_answer *)(const void *)msg);
        return;
    case RT_MSG_UNDELIVERED:
        on_undelivered(ctx, self, (const struct rt_msg_undelivered *)(const void *)msg);
        return;
    case RT_MSG_DRAIN: /* Caches still answer; desks that drain shed. Silence would be worse. */
        return;
    }
    RT_UNREACHABLE("listener_udp hears only its socket, desks and the runtime");
}

static void listener_udp_stop(struct rt_ctx *ctx, void *state, enum rt_end why)
{
    struct listener_udp *self = rt_cast(listener_udp, state);
    (void)why;
    if (self->is_open) {
        rt_io_of(ctx)->ops->close(rt_io_of(ctx), self->socket);
    }
    rt_pool_give(&self->block, self->batch);
    rt_pool_close(&self->block);
}

static const char *listener_udp_msg_name(uint16_t type)
{
    return type == DESK_ANSWER ? "DESK_ANSWER" : "?";
}

const struct rt_actor_type listener_udp_type = {
    .name = "listener_udp",
    .state_size = sizeof(struct listener_udp),
    .actors_max = LU_LISTENS_MAX,
    .mailbox_cap = MAILBOX_CAP,
    .restart = RT_RESTART_ALWAYS,
    .msg_name = listener_udp_msg_name,
    .start = listener_udp_start,
    .receive = listener_udp_receive,
    .stop = listener_udp_stop,
};
