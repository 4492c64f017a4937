/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/query.h"

#include <string.h>

#include "actors/cache_msg.h"
#include "actors/desk_msg.h"
#include "actors/query_msg.h"
#include "actors/services.h"
#include "actors/upstream_msg.h"
#include "resolver/query.h"

enum {
    QUERY_ACTORS_MAX = 32768, /* Of the type; settings->queries_max is what bounds them. */
    QUERY_MAILBOX_CAP = 64,   /* An outcome and a near miss for each attempt under way. */
    QUERY_BATCHES_MAX = 4,    /* Shards written to at once in one step; more go one by one. */
    QUERY_RETRY_MS = 5,       /* The desk was full. */
};

enum { TIMER_DEADLINE = 1, TIMER_RETRY };

#define query_MAGIC UINT32_C(0x51554552)
struct query {
    uint32_t magic;
    bool is_done;       /* only the news for the desk are left */
    uint8_t news_count; /* DESK_DONE still to be sent */
    struct services *services;
    struct rt_arena arena;
    struct rs_query *machine;
    uint64_t trace_id;
    uint16_t packets;
    struct rs_question question;
    struct query_news {
        uint8_t serves;
        struct rt_buf *buf; /* NULL: SERVFAIL */
    } news[2];
};

/* ---- writes to the cache: one message for each shard and step ---- */

struct batches {
    unsigned count;
    struct batch {
        unsigned shard;
        struct rt_buf *buf;
    } items[QUERY_BATCHES_MAX];
};

static void send_batch(struct rt_ctx *ctx, struct query *self, struct batch *batch)
{
    struct cache_write msg = {.head = RT_MSG_INIT(CACHE_WRITE, struct cache_write)};

    msg.head.trace_id = self->trace_id;
    msg.head.buf = batch->buf;
    if (rt_send(ctx, self->services->cast->cache[batch->shard], &msg.head) != RT_OK) {
        /* Written policy (cache_msg.h): a lost write costs a question later, nothing else. */
        SERVICE_COUNT(self->services, cache_write_errors);
        rt_buf_unref(rt_bufs(ctx), msg.head.buf);
    }
    batch->buf = NULL;
}

static void send_batches(struct rt_ctx *ctx, struct query *self, struct batches *batches)
{
    for (unsigned i = 0; i < batches->count; i++) {
        send_batch(ctx, self, &batches->items[i]);
    }
    batches->count = 0;
}

static bool append(struct batch *batch, const struct rs_fx *fx)
{
    struct rt_buf *buf = batch->buf;
    return rs_batch_append(buf->data, buf->capacity, &buf->size, &fx->key, fx->entry) == RT_OK;
}

/* A batch of its own for an entry that did not fit elsewhere, as small as possible. False: it fits
 * nowhere, or there is no memory: not worth caching. */
static bool start_batch(struct rt_ctx *ctx, struct batch *batch, const struct rs_fx *fx)
{
    static const uint32_t room[] = {RT_BUF_SMALL_BYTES, RT_BUF_LARGE_BYTES, RT_BUF_HUGE_BYTES};

    for (unsigned i = 0; i < RT_ARRAY_COUNT(room); i++) {
        batch->buf = rt_buf_new(rt_bufs(ctx), room[i]);
        if (batch->buf == NULL) {
            return false;
        }
        if (append(batch, fx)) {
            return true;
        }
        rt_buf_unref(rt_bufs(ctx), batch->buf);
    }
    batch->buf = NULL;
    return false;
}

static struct batch *batch_of(struct batches *batches, unsigned shard)
{
    for (unsigned i = 0; i < batches->count; i++) {
        if (batches->items[i].shard == shard) {
            return &batches->items[i];
        }
    }
    return NULL;
}

static void store(struct rt_ctx *ctx, struct query *self, struct batches *batches,
                  const struct rs_fx *fx)
{
    const struct rs_cache *cache = self->services->view.cache;
    struct rs_name owner;
    struct rs_bytes key = {fx->key.bytes, fx->key.size};

    if (cache == NULL || !self->services->settings->resolver.use_cache) {
        return;
    }
    rt_status status = rs_key_name(key, &owner);
    RT_CHECK(status == RT_OK); /* The machine made it from a name. */
    unsigned shard = rs_cache_shard(cache, owner.wire);
    struct batch *batch = batch_of(batches, shard);

    if (batch != NULL && append(batch, fx)) {
        return;
    }
    if (batch != NULL) {
        send_batch(ctx, self, batch);
    } else {
        if (batches->count == QUERY_BATCHES_MAX) {
            send_batches(ctx, self, batches);
        }
        batch = &batches->items[batches->count++];
        batch->shard = shard;
    }
    if (!start_batch(ctx, batch, fx)) {
        *batch = batches->items[--batches->count];
        SERVICE_COUNT(self->services, cache_write_errors);
    }
}

/* ---- towards upstream ---- */

static rt_ref upstream_of(const struct query *self)
{
    return self->services->cast->upstream[self->services->worker];
}

static rt_status ask(struct rt_ctx *ctx, struct query *self, const struct rs_ask *wanted)
{
    struct upstream_ask msg = {.head = RT_MSG_INIT(UPSTREAM_ASK, struct upstream_ask)};
    struct rt_buf *buf = rt_buf_new(rt_bufs(ctx), sizeof(*wanted));

    if (buf == NULL) {
        return RT_FULL;
    }
    memcpy(buf->data, wanted, sizeof(*wanted));
    buf->size = sizeof(*wanted);
    msg.head.trace_id = self->trace_id;
    msg.head.buf = buf;
    rt_status status = rt_send(ctx, upstream_of(self), &msg.head);
    if (status != RT_OK) {
        rt_buf_unref(rt_bufs(ctx), msg.head.buf);
    }
    return status;
}

static void abandon(struct rt_ctx *ctx, struct query *self, uint32_t attempt)
{
    struct upstream_abandon msg = {
        .head = RT_MSG_INIT(UPSTREAM_ABANDON, struct upstream_abandon),
        .attempt = attempt,
    };
    msg.head.trace_id = self->trace_id;
    if (rt_send(ctx, upstream_of(self), &msg.head) != RT_OK) {
        rt_trace(ctx, self->trace_id, "abandon_lost", attempt, 0); /* Its timer ends it anyway. */
    }
}

static void learn(struct rt_ctx *ctx, struct query *self, const struct rs_fx *fx)
{
    struct upstream_learn msg = {
        .head = RT_MSG_INIT(UPSTREAM_LEARN, struct upstream_learn),
        .server = fx->server,
        .flag = fx->flag,
    };
    msg.head.trace_id = self->trace_id;
    if (rt_send(ctx, upstream_of(self), &msg.head) != RT_OK) {
        rt_trace(ctx, self->trace_id, "learn_lost", fx->flag, 0); /* It will be learnt again. */
    }
}

/* ---- the answer ---- */

/* The response as an rs_answer, in the least buf that holds it; NULL: no memory. */
static struct rt_buf *pack(struct rt_ctx *ctx, const struct query *self,
                           const struct rs_response *response, bool is_dnssec_ok)
{
    static const uint32_t room[] = {RT_BUF_SMALL_BYTES, RT_BUF_LARGE_BYTES, RT_BUF_HUGE_BYTES};

    for (unsigned i = 0; i < RT_ARRAY_COUNT(room); i++) {
        size_t size = 0;
        struct rt_buf *buf = rt_buf_new(rt_bufs(ctx), room[i]);
        if (buf == NULL) {
            return NULL;
        }
        if (rs_answer_pack(response, &self->question, is_dnssec_ok, rt_now_ns(ctx), buf->data,
                           buf->capacity, &size) == RT_OK) {
            buf->size = (uint32_t)size;
            return buf;
        }
        rt_buf_unref(rt_bufs(ctx), buf);
    }
    return NULL;
}

static bool is_same(const struct rt_buf *a, const struct rt_buf *b)
{
    return a != NULL && b != NULL && a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* One buf for all clients when signatures and proofs make no difference, else two. */
static void make_news(struct rt_ctx *ctx, struct query *self, const struct rs_response *response)
{
    struct rt_buf *plain = pack(ctx, self, response, false);
    struct rt_buf *dnssec_ok = pack(ctx, self, response, true);

    if (is_same(plain, dnssec_ok) || (plain == NULL && dnssec_ok == NULL)) {
        rt_buf_unref(rt_bufs(ctx), dnssec_ok);
        self->news[0] =
            (struct query_news){.serves = DESK_FOR_PLAIN | DESK_FOR_DNSSEC_OK, .buf = plain};
        self->news_count = 1;
        return;
    }
    self->news[0] = (struct query_news){.serves = DESK_FOR_DNSSEC_OK, .buf = dnssec_ok};
    self->news[1] = (struct query_news){.serves = DESK_FOR_PLAIN, .buf = plain};
    self->news_count = 2;
}

/* Tells the desk and dies. While the desk is full it lives on: its clients wait for this. */
static void tell_desk(struct rt_ctx *ctx, struct query *self)
{
    while (self->news_count > 0) {
        struct query_news *news = &self->news[self->news_count - 1];
        struct desk_done msg = {
            .head = RT_MSG_INIT(DESK_DONE, struct desk_done),
            .serves = news->serves,
            .packets = self->packets,
        };
        msg.head.trace_id = self->trace_id;
        msg.head.buf = news->buf;
        rt_status status = rt_send(ctx, rt_parent(ctx), &msg.head);
        if (status == RT_FULL &&
            rt_timer_start(ctx, QUERY_RETRY_MS * RT_NS_PER_MS, TIMER_RETRY) != 0) {
            return;
        }
        if (status != RT_OK) { /* The desk is gone, or it hears of our end: it answers SERVFAIL. */
            rt_buf_unref(rt_bufs(ctx), news->buf);
        }
        news->buf = NULL;
        self->news_count--;
    }
    rt_exit(ctx);
}

/* ---- steps ---- */

/* Attempts that could not even be handed to upstream: the machine hears of each. It has paid a
 * packet for each, so there are never more than its budget. */
struct failures {
    unsigned count;
    struct failure {
        uint32_t attempt;
        rt_status why;
    } items[RS_BUDGET_PACKETS];
};

static void perform(struct rt_ctx *ctx, struct query *self, const struct rs_effects *effects,
                    struct failures *failures)
{
    struct batches batches = {0};

    for (unsigned i = 0; i < effects->count; i++) {
        const struct rs_fx *fx = &effects->items[i];
        rt_status status = RT_OK;
        switch (fx->kind) {
        case RS_FX_ASK:
            status = ask(ctx, self, fx->ask);
            if (status != RT_OK) {
                RT_CHECK(failures->count < RT_ARRAY_COUNT(failures->items));
                failures->items[failures->count++] = (struct failure){fx->ask->attempt, status};
            }
            break;
        case RS_FX_ABANDON:
            abandon(ctx, self, fx->attempt);
            break;
        case RS_FX_STORE:
            store(ctx, self, &batches, fx);
            break;
        case RS_FX_LEARN:
            learn(ctx, self, fx);
            break;
        case RS_FX_ANSWER:
            make_news(ctx, self, effects->response);
            break;
        }
    }
    send_batches(ctx, self, &batches);
}

static void trace_state(struct rt_ctx *ctx, struct query *self)
{
    struct rs_query_status status;
    rs_query_status(self->machine, &status);
    rt_trace(ctx, self->trace_id, status.state, status.depth, status.type);
}

/* One event, and then one for each attempt that failed on our own side. The budget bounds how many
 * attempts the machine can make, so this ends. */
static void step(struct rt_ctx *ctx, struct query *self, struct rs_event *event)
{
    struct failures failures = {0};

    if (self->is_done) {
        return;
    }
    for (;;) {
        struct rs_effects effects;
        effects.count = 0;
        effects.response = NULL;
        event->now_ns = rt_now_ns(ctx);
        event->random = rt_random_u64(ctx);
        enum rs_next next = rs_query_step(self->machine, event, &effects);
        RT_CHECK(next == RS_WAIT || next == RS_DONE);
        perform(ctx, self, &effects, &failures);
        if (next == RS_DONE) {
            break;
        }
        trace_state(ctx, self);
        if (failures.count == 0) {
            return;
        }
        struct failure failed = failures.items[--failures.count];
        *event = (struct rs_event){.kind = RS_EV_FAILED,
                                   .attempt = failed.attempt,
                                   .server_index = UINT8_MAX,
                                   .why = failed.why};
    }
    self->is_done = true;
    self->packets = (uint16_t)(RS_BUDGET_PACKETS - rs_query_budget(self->machine)->packets);
    rt_arena_reset(&self->arena);
    self->machine = NULL;
    tell_desk(ctx, self);
}

/* ---- messages ---- */

static void on_outcome(struct rt_ctx *ctx, struct query *self, const struct query_outcome *msg,
                       enum rs_event_kind kind)
{
    struct rs_event event = {
        .kind = kind,
        .attempt = msg->attempt,
        .server_index = msg->server_index,
        .is_tcp = msg->is_tcp,
        .why = msg->why,
    };
    step(ctx, self, &event);
}

static void on_reply(struct rt_ctx *ctx, struct query *self, const struct query_reply *msg)
{
    RT_CHECK(msg->head.buf != NULL);
    struct rs_event event = {
        .kind = RS_EV_REPLY,
        .attempt = msg->attempt,
        .server_index = msg->server_index,
        .is_tcp = msg->is_tcp,
        .is_case_kept = msg->is_case_kept,
        .had_edns = msg->had_edns,
        .had_cookie = msg->had_cookie,
        .wire = msg->head.buf->data,
        .wire_size = msg->head.buf->size,
    };
    step(ctx, self, &event);
}

static void on_timer(struct rt_ctx *ctx, struct query *self, uint64_t cookie)
{
    struct rs_event event = {.kind = RS_EV_DEADLINE};
    if (cookie == TIMER_RETRY) {
        tell_desk(ctx, self);
    } else {
        step(ctx, self, &event);
    }
}

static void query_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct query *self = rt_cast(query, state);
    struct rs_event start = {.kind = RS_EV_START};

    switch (msg->type) {
    case QUERY_START:
        step(ctx, self, &start);
        return;
    case QUERY_REPLY:
        on_reply(ctx, self, (const struct query_reply *)(const void *)msg);
        return;
    case QUERY_NEAR_MISS:
        on_outcome(ctx, self, (const struct query_outcome *)(const void *)msg, RS_EV_NEAR_MISS);
        return;
    case QUERY_TIMEOUT:
        on_outcome(ctx, self, (const struct query_outcome *)(const void *)msg, RS_EV_TIMEOUT);
        return;
    case QUERY_FAILED:
        on_outcome(ctx, self, (const struct query_outcome *)(const void *)msg, RS_EV_FAILED);
        return;
    case RT_MSG_TIMER:
        on_timer(ctx, self, msg->cookie);
        return;
    case RT_MSG_UNDELIVERED: /* A write to another core's shard was lost (cache_msg.h). */
        SERVICE_COUNT(self->services, cache_write_errors);
        return;
    case RT_MSG_DRAIN: /* It drains by coming to its end. */
        return;
    }
    RT_UNREACHABLE("message type outside QUERY_MESSAGES");
}

/* ---- life ---- */

static rt_status query_start(struct rt_ctx *ctx, void *state, const void *args)
{
    struct query *self = state;
    const struct query_args *wanted = args;
    struct rt_msg first = RT_MSG_INIT(QUERY_START, struct rt_msg);

    self->magic = query_MAGIC;
    self->services = services_of(ctx);
    self->trace_id = wanted->trace_id;
    self->question = wanted->question;
    rt_timer deadline = rt_timer_start(ctx, RS_BUDGET_MS * RT_NS_PER_MS, TIMER_DEADLINE);
    rt_arena_init(&self->arena, rt_arenas(ctx), RS_QUERY_ARENA_BYTES);
    struct rs_query_options options = {
        .config = &self->services->settings->resolver,
        .hints = &self->services->roots,
        .cache = &self->services->view,
        .arena = &self->arena,
        .question = &wanted->question,
        .is_cd = wanted->is_cd,
        .is_refresh = wanted->is_refresh,
    };
    self->machine = rs_query_new(&options);
    first.trace_id = wanted->trace_id;
    if (self->machine == NULL || deadline == 0 || rt_send(ctx, rt_self(ctx), &first) != RT_OK) {
        rt_timer_cancel(ctx, &deadline);
        rt_arena_reset(&self->arena);
        return RT_FULL;
    }
    return RT_OK;
}

static void query_stop(struct rt_ctx *ctx, void *state, enum rt_end why)
{
    struct query *self = rt_cast(query, state);
    (void)why;
    for (unsigned i = 0; i < self->news_count; i++) {
        rt_buf_unref(rt_bufs(ctx), self->news[i].buf);
    }
    rt_arena_reset(&self->arena);
}

static const char *query_msg_name(uint16_t type)
{
    switch ((enum query_msg_type)type) {
#define X(name, type)                                                                              \
    case name:                                                                                     \
        return #name;
        QUERY_MESSAGES(X)
#undef X
    case QUERY_INVALID:
        break;
    }
    return "?";
}

const struct rt_actor_type query_type = {
    .name = "query",
    .state_size = sizeof(struct query),
    .actors_max = QUERY_ACTORS_MAX,
    .mailbox_cap = QUERY_MAILBOX_CAP,
    .restart = RT_RESTART_NEVER,
    .msg_name = query_msg_name,
    .start = query_start,
    .receive = query_receive,
    .stop = query_stop,
};
