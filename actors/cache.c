/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/cache.h"

#include "actors/cache_msg.h"
#include "actors/services.h"
#include "resolver/cache/evict.h"
#include "runtime/base/log.h"

enum {
    CACHE_MAILBOX = 1024,       /* Batches; what finds no room costs a question later. */
    CACHE_COMMIT_AT = 512,      /* Entries in one commit: bounds the pages it has to copy. */
    CACHE_EVICT_WHEN_FULL = 64, /* Inserts' worth of eviction after the store refused a put. */
};

#define cache_MAGIC UINT32_C(0x43414348)

struct cache {
    uint32_t magic;
    unsigned shard;
    const struct rs_cache *cache;
    struct rs_store *store;
    struct rs_evictor evictor;
    unsigned pending; /* entries in the open batch */
    unsigned written; /* by the last commit: eviction keeps pace with it */
    bool is_batch_open;
    bool is_commit_due; /* CACHE_COMMIT is in our mailbox */
    uint64_t evicted_counted;
    struct rt_log_limit full_line, broken_line;
};

static void count_evictions(struct rt_ctx *ctx, struct cache *self)
{
    uint64_t more = self->evictor.evicted - self->evicted_counted;
    atomic_fetch_add_explicit(&services_of(ctx)->counters.cache_evictions, more,
                              memory_order_relaxed);
    self->evicted_counted = self->evictor.evicted;
}

/* A store that cannot be written to is no reason to stop answering: the write is lost, and told. */
static void complain(struct rt_ctx *ctx, struct cache *self, rt_status why)
{
    SERVICE_COUNT(services_of(ctx), cache_write_errors);
    struct rt_log_limit *limit = why == RT_NO_SPACE ? &self->full_line : &self->broken_line;
    rt_log_limited(limit, rt_now_ns(ctx), RT_LOG_WARNING, "cache",
                   "shard %u: a batch of entries is lost: %s", self->shard, rt_status_text(why));
}

static void commit(struct rt_ctx *ctx, struct cache *self)
{
    if (!self->is_batch_open) {
        return;
    }
    rt_status status = self->store->ops->commit(self->store);
    self->is_batch_open = false;
    self->written = self->pending;
    self->pending = 0;
    if (status != RT_OK) {
        complain(ctx, self, status);
    }
}

/* Before the first put of a batch, and on the same commit: a few entries for each that came last
 * time. Frees nothing while there is room. */
static void make_room(struct rt_ctx *ctx, struct cache *self, uint64_t now_s)
{
    self->is_batch_open = true;
    rt_status status = rs_evict(&self->evictor, self->written + 1, now_s, false);
    if (status != RT_OK) {
        self->is_batch_open = false; /* aborted */
        complain(ctx, self, status);
    }
    count_evictions(ctx, self);
}

/* The store refused: the batch is gone. Make room at once, on a commit of its own, so that the next
 * batch fits. */
static void on_refusal(struct rt_ctx *ctx, struct cache *self, rt_status why, uint64_t now_s)
{
    complain(ctx, self, why);
    self->is_batch_open = false;
    self->pending = 0;
    if (why == RT_NO_SPACE &&
        rs_evict(&self->evictor, CACHE_EVICT_WHEN_FULL, now_s, true) == RT_OK) {
        self->is_batch_open = true;
        commit(ctx, self);
    }
    count_evictions(ctx, self);
}

/* The commit waits behind every batch that is in the mailbox already: one for all of them. */
static void ask_for_commit(struct rt_ctx *ctx, struct cache *self)
{
    struct rt_msg msg = RT_MSG_INIT(CACHE_COMMIT, struct rt_msg);
    if (self->is_commit_due) {
        return;
    }
    self->is_commit_due = rt_send(ctx, rt_self(ctx), &msg) == RT_OK;
    if (!self->is_commit_due) {
        commit(ctx, self); /* the mailbox is full: no gain in waiting */
    }
}

static void on_write(struct rt_ctx *ctx, struct cache *self, struct cache_write *msg)
{
    if (msg->head.buf == NULL || msg->head.buf->size == 0) {
        return;
    }
    rt_status status;
    uint64_t now_s = rs_cache_now_s(self->cache, rt_now_ns(ctx));
    if (!self->is_batch_open) {
        make_room(ctx, self, now_s);
    }
    self->is_batch_open = true;
    unsigned written =
        rs_batch_apply(self->store, msg->head.buf->data, msg->head.buf->size, now_s, &status);
    if (status != RT_OK) {
        on_refusal(ctx, self, status, now_s);
        return;
    }
    atomic_fetch_add_explicit(&services_of(ctx)->counters.cache_writes, written,
                              memory_order_relaxed);
    self->pending += written;
    if (self->pending >= CACHE_COMMIT_AT) {
        commit(ctx, self);
    } else {
        ask_for_commit(ctx, self);
    }
}

static void on_commit(struct rt_ctx *ctx, struct cache *self)
{
    self->is_commit_due = false;
    commit(ctx, self);
}

static rt_status cache_start(struct rt_ctx *ctx, void *state, const void *args)
{
    (void)ctx;
    const struct cache_args *given = args;
    struct cache *self = state;
    RT_CHECK(given->shard < given->cache->shards_count);
    self->magic = cache_MAGIC;
    self->shard = given->shard;
    self->cache = given->cache;
    self->store = given->cache->shards[given->shard];
    return rs_evictor_open(&self->evictor, self->store);
}

static void cache_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct cache *self = rt_cast(cache, state);
    if (msg->type >= RT_MSG_RUNTIME_FIRST) {
        return; /* drain: writes are taken until the end, they cost nobody a wait */
    }
    switch ((enum cache_msg_type)msg->type) {
    case CACHE_WRITE:
        on_write(ctx, self, (struct cache_write *)(void *)msg);
        return;
    case CACHE_COMMIT:
        on_commit(ctx, self);
        return;
    case CACHE_INVALID:
        break;
    }
    RT_UNREACHABLE("a message that is not the cache's");
}

/* On the core's own thread, as LMDB wants it: who began a batch ends it. */
static void cache_stop(struct rt_ctx *ctx, void *state, enum rt_end why)
{
    (void)why;
    struct cache *self = rt_cast(cache, state);
    commit(ctx, self);
    rs_evictor_close(&self->evictor);
}

static const char *cache_msg_name(uint16_t type)
{
    switch ((enum cache_msg_type)type) {
    case CACHE_INVALID:
        break;
#define X(name, struct_type)                                                                       \
    case name:                                                                                     \
        return #name;
        CACHE_MESSAGES(X)
#undef X
    }
    return "?";
}

const struct rt_actor_type cache_type = {
    .name = "cache",
    .state_size = sizeof(struct cache),
    .actors_max = RS_SHARDS_MAX,
    .mailbox_cap = CACHE_MAILBOX,
    .restart = RT_RESTART_ALWAYS,
    .msg_name = cache_msg_name,
    .start = cache_start,
    .receive = cache_receive,
    .stop = cache_stop,
};
