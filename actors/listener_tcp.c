/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/listener_tcp.h"

#include "actors/listener_tcp_client.h"
#include "actors/listener_tcp_msg.h"
#include "actors/supervisor_msg.h"
#include "runtime/base/log.h"

enum {
    MAILBOX_CAP = 4096,
    SWEEP_MS = 250,
    IDLE_MS_MIN = 200, /* However many wait for a place. */
};

/* ---- clients ---- */

static struct client *client_of(struct listener_tcp *self, rt_handle stream)
{
    uint32_t index = 0;
    if (stream == RT_HANDLE_NONE || !rt_map_get(&self->by_stream, stream, &index)) {
        return NULL; /* It has gone; what was meant for it dies here. */
    }
    return rt_cast(client, rt_pool_at(&self->clients, index));
}

/* A place in the pool. Who has been idle longest gives way (RFC7766-6.2.3: a server may close idle
 * connections when it is short of them). */
static struct client *take_client(struct rt_ctx *ctx, struct listener_tcp *self)
{
    struct client *client = rt_pool_take(&self->clients);
    if (client == NULL && !rt_list_is_empty(&self->idle)) {
        client_close(ctx, self, rt_container(self->idle.first, struct client, in_idle));
        client = rt_pool_take(&self->clients);
    }
    return client;
}

static void on_accepted(struct rt_ctx *ctx, struct listener_tcp *self,
                        const struct rt_io_accepted *msg)
{
    struct client *client = self->is_draining ? NULL : take_client(ctx, self);
    if (client == NULL) {
        SERVICE_COUNT(self->services, shed);
        rt_io_of(ctx)->ops->close(rt_io_of(ctx), msg->stream);
        return;
    }
    rt_status status =
        rt_map_put(&self->by_stream, msg->stream, rt_pool_index(&self->clients, client));
    RT_CHECK(status == RT_OK); /* As many keys as clients. */
    client->magic = client_MAGIC;
    client->stream = msg->stream;
    client->peer = msg->peer;
    client->local = msg->local;
    client->active_ns = rt_now_ns(ctx);
    framing_init(&client->framing, LISTENER_TCP_MESSAGE_BYTES);
    rt_list_append(&self->all, &client->in_all);
    rt_list_append(&self->idle, &client->in_idle);
    SERVICE_GAUGE(self->services, tcp_clients, 1);
}

/* ---- time ---- */

/* RFC7766-6.2.3: idle connections stay for some seconds; fewer as the places get scarce. */
static uint64_t idle_ns(const struct listener_tcp *self)
{
    uint64_t ms = self->services->settings->tcp_idle_ms;
    uint64_t half = self->clients.count / 2, left = self->clients.count - self->clients.in_use;

    if (left < half) {
        ms = ms * left / half;
    }
    return (ms > IDLE_MS_MIN ? ms : IDLE_MS_MIN) * RT_NS_PER_MS;
}

static bool is_over(const struct client *client, uint64_t now_ns, uint64_t idle_limit_ns)
{
    uint64_t partial_limit_ns = LISTENER_TCP_PARTIAL_MS * RT_NS_PER_MS;
    if (idle_limit_ns < partial_limit_ns) {
        partial_limit_ns = idle_limit_ns;
    }
    if (client->partial_ns != 0 && !client->is_paused &&
        now_ns - client->partial_ns > partial_limit_ns) {
        return true; /* Only begun: the clock runs from the first byte, not from the last. */
    }
    if (client->unread_ns != 0) {
        return now_ns - client->unread_ns > LISTENER_TCP_UNREAD_MS * RT_NS_PER_MS;
    }
    return now_ns - client->active_ns >
           (client->open_count > 0 ? LISTENER_TCP_LOST_MS * RT_NS_PER_MS : idle_limit_ns);
}

static void sweep(struct rt_ctx *ctx, struct listener_tcp *self)
{
    uint64_t limit_ns = idle_ns(self);
    for (struct rt_node *node = self->all.first, *next; node != NULL; node = next) {
        struct client *client = rt_container(node, struct client, in_all);
        next = node->next;
        if (is_over(client, rt_now_ns(ctx), limit_ns)) {
            client_close(ctx, self, client);
        }
    }
}

/* Runs after every message, so that a core without free timers catches up later. */
static void arm_timer(struct rt_ctx *ctx, struct listener_tcp *self)
{
    if (self->sweep_timer == 0 && !rt_list_is_empty(&self->all)) {
        self->sweep_timer = rt_timer_start(ctx, SWEEP_MS * RT_NS_PER_MS, 0);
    }
}

/* ---- from the desk ---- */

static void on_answer(struct rt_ctx *ctx, struct listener_tcp *self, const struct desk_answer *msg)
{
    struct serve serve;
    struct client *client = client_of(self, msg->asker.handle);
    if (client != NULL) {
        serve_answered(self->services, msg, rt_now_ns(ctx), rt_wall_ms(ctx), &serve);
        client_reply(ctx, self, client, &serve);
    }
}

static void on_undelivered(struct rt_ctx *ctx, struct listener_tcp *self,
                           const struct rt_msg_undelivered *msg)
{
    struct serve serve;
    if (!serve_undelivered(self->services, self->underway, msg, rt_wall_ms(ctx), &serve)) {
        return; /* The sweep ends its connection. */
    }
    struct client *client = client_of(self, serve.handle);
    if (client != NULL) {
        client_reply(ctx, self, client, &serve);
    }
}

/* ---- the listening socket ---- */

/* See listener_udp.c: the arguments are ours to mark. */
static struct listener_tcp_args *marks(struct listener_tcp *self)
{
    return (struct listener_tcp_args *)self->args;
}

static rt_status open_listener(struct rt_ctx *ctx, struct listener_tcp *self)
{
    struct rt_io *io = rt_io_of(ctx);
    struct rt_tcp_options options = {
        .local = self->args->listen->addr,
        .adopt_fd = self->args->adopt_fd,
        .reuse_port = true,
        .tells_end = true,
    };
    rt_status status = io->ops->tcp_listen(io, rt_self(ctx), &options, &self->listener);
    if (status != RT_OK) {
        char text[RT_ADDR_TEXT_BYTES];
        rt_log(RT_LOG_ERR, "net", "cannot listen on %s (TCP): %s",
               rt_addr_format(&options.local, text), rt_status_text(status));
        return status;
    }
    marks(self)->adopt_fd = -1; /* The io's now. */
    self->is_open = true;
    return RT_OK;
}

static void on_open(struct rt_ctx *ctx, struct listener_tcp *self)
{
    struct supervisor_ready ready = {
        .head = RT_MSG_INIT(SUPERVISOR_READY, struct supervisor_ready),
        .status = self->is_open ? RT_OK : open_listener(ctx, self),
    };
    marks(self)->was_opened = true;
    if (rt_send(ctx, self->services->cast->supervisor, &ready.head) != RT_OK) {
        rt_log(RT_LOG_ERR, "net", "the supervisor does not hear that a listener is open");
    }
}

static void close_listener(struct rt_ctx *ctx, struct listener_tcp *self)
{
    if (self->is_open) {
        rt_io_of(ctx)->ops->close(rt_io_of(ctx), self->listener);
        self->is_open = false;
    }
}

/* Who waits for an answer still gets it; the others find another server. */
static void on_drain(struct rt_ctx *ctx, struct listener_tcp *self)
{
    self->is_draining = true;
    close_listener(ctx, self);
    for (struct rt_node *node = self->all.first, *next; node != NULL; node = next) {
        struct client *client = rt_container(node, struct client, in_all);
        next = node->next;
        client_close_if_served(ctx, self, client);
    }
}

/* ---- messages ---- */

static void on_stream(struct rt_ctx *ctx, struct listener_tcp *self, const struct rt_msg *msg)
{
    const struct rt_io_stream *event = (const struct rt_io_stream *)(const void *)msg;
    struct client *client = client_of(self, event->handle);

    if (client == NULL) {
        return;
    }
    if (msg->type == RT_IO_CLOSED) {
        client_close(ctx, self, client);
    } else if (msg->type == RT_IO_ENDED) {
        client->has_ended = true; /* Half-close: it may still read what it has asked for. */
        client_close_if_served(ctx, self, client);
    } else {
        client_written(ctx, self, client);
    }
}

static void dispatch(struct rt_ctx *ctx, struct listener_tcp *self, struct rt_msg *msg)
{
    switch (msg->type) {
    case LISTENER_TCP_OPEN:
        on_open(ctx, self);
        return;
    case RT_IO_ACCEPTED:
        on_accepted(ctx, self, (const struct rt_io_accepted *)(const void *)msg);
        return;
    case RT_IO_READ: {
        const struct rt_io_read *event = (const struct rt_io_read *)(const void *)msg;
        struct client *client = client_of(self, event->handle);
        if (client != NULL) {
            client_read(ctx, self, client, event->data, event->size);
        }
        return;
    }
    case RT_IO_WRITTEN:
    case RT_IO_ENDED:
    case RT_IO_CLOSED:
        on_stream(ctx, self, msg);
        return;
    case DESK_ANSWER:
        on_answer(ctx, self, (const struct desk_answer *)(const void *)msg);
        return;
    case RT_MSG_UNDELIVERED:
        on_undelivered(ctx, self, (const struct rt_msg_undelivered *)(const void *)msg);
        return;
    case RT_MSG_TIMER:
        self->sweep_timer = 0;
        sweep(ctx, self);
        return;
    case RT_MSG_DRAIN:
        on_drain(ctx, self);
        return;
    }
    RT_UNREACHABLE("message type outside LISTENER_TCP_MESSAGES");
}

static void listener_tcp_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct listener_tcp *self = rt_cast(listener_tcp, state);
    dispatch(ctx, self, msg);
    arm_timer(ctx, self);
}

/* ---- life ---- */

static void close_tables(struct listener_tcp *self)
{
    rt_map_close(&self->by_stream);
    rt_pool_close(&self->block);
    rt_pool_close(&self->held);
    rt_pool_close(&self->clients);
}

static rt_status open_tables(struct listener_tcp *self)
{
    uint32_t clients_max = self->services->settings->tcp_clients_max;
    rt_status status = rt_pool_open(&self->clients, sizeof(struct client), clients_max);

    if (status == RT_OK) {
        status = rt_pool_open(&self->held, sizeof(struct held_reply), LISTENER_TCP_HELD_MAX);
    }
    if (status == RT_OK) {
        status = rt_pool_open(&self->block, sizeof(struct serve_underway), 1);
    }
    if (status == RT_OK) {
        status = rt_map_open(&self->by_stream, clients_max);
    }
    if (status == RT_OK) {
        self->underway = rt_pool_take(&self->block);
        status = self->underway != NULL ? RT_OK : RT_NO_MEMORY;
    }
    return status;
}

static rt_status listener_tcp_start(struct rt_ctx *ctx, void *state, const void *args)
{
    struct listener_tcp *self = state;
    self->magic = listener_tcp_MAGIC;
    self->services = services_of(ctx);
    self->args = args;

    rt_status status = open_tables(self);
    if (status == RT_OK && self->args->was_opened) {
        status = open_listener(ctx, self); /* A restart: nobody tells us again. */
    }
    if (status != RT_OK) {
        close_tables(self);
    }
    return status;
}

static void listener_tcp_stop(struct rt_ctx *ctx, void *state, enum rt_end why)
{
    struct listener_tcp *self = rt_cast(listener_tcp, state);
    (void)why;
    close_listener(ctx, self);
    while (!rt_list_is_empty(&self->all)) {
        client_close(ctx, self, rt_container(self->all.first, struct client, in_all));
    }
    rt_pool_give(&self->block, self->underway);
    close_tables(self);
}

static const char *listener_tcp_msg_name(uint16_t type)
{
    if (type == DESK_ANSWER) {
        return "DESK_ANSWER";
    }
    switch ((enum listener_tcp_msg_type)type) {
#define X(name, type)                                                                              \
    case name:                                                                                     \
        return #name;
        LISTENER_TCP_MESSAGES(X)
#undef X
    case LISTENER_TCP_INVALID:
        break;
    }
    return "?";
}

const struct rt_actor_type listener_tcp_type = {
    .name = "listener_tcp",
    .state_size = sizeof(struct listener_tcp),
    .actors_max = LU_LISTENS_MAX,
    .mailbox_cap = MAILBOX_CAP,
    .restart = RT_RESTART_ALWAYS,
    .msg_name = listener_tcp_msg_name,
    .start = listener_tcp_start,
    .receive = listener_tcp_receive,
    .stop = listener_tcp_stop,
};
