/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/desk.h"

#include <string.h>

#include "actors/desk_msg.h"
#include "actors/desk_wait.h"
#include "actors/query.h"
#include "actors/services.h"
#include "actors/supervisor_msg.h"

enum {
    DESK_WAITERS_SPARE = 1024,         /* Beside two for each query: few questions are popular. */
    DESK_JOB_MS = RS_BUDGET_MS + 2000, /* A query that is started again has two seconds more. */
    DESK_SWEEP_MS = 500,
    DESK_MAILBOX_CAP = 8192, /* Questions of several loop turns; then listeners shed. */
};

enum { TIMER_SWEEP = 1, TIMER_OWED };
enum { FOR_ALL = DESK_FOR_PLAIN | DESK_FOR_DNSSEC_OK };

/* One question that a query actor is at work on. */
#define job_MAGIC UINT32_C(0x4A4F4220)
struct job {
    uint32_t magic;
    bool is_cd, is_refresh;
    bool is_listed;    /* found by new askers; no longer once an answer has begun to come */
    bool is_restarted; /* its first query died */
    rt_ref query;      /* RT_REF_NONE between two */
    uint64_t key, trace_id, started_ns;
    struct desk_group group; /* who waits */
    struct rt_node by_age;   /* of all jobs */
    struct rs_question question;
};

#define desk_MAGIC UINT32_C(0x4445534B)
struct desk {
    uint32_t magic;
    bool is_draining, has_drained;
    struct services *services;
    struct rt_siphash_key key; /* clients choose what is hashed */
    struct rt_pool jobs;
    struct rt_map by_question, by_query; /* to indices of jobs */
    struct rt_list by_age;
    struct desk_wait wait;
    rt_timer sweep_timer, owed_timer;
};

/* ---- jobs ---- */

static uint64_t question_key(struct desk *self, const struct rs_question *question, bool is_cd,
                             bool is_refresh)
{
    uint8_t bytes[RS_NAME_BYTES_MAX + 6];
    size_t size = question->name.size;

    memcpy(bytes, question->name.wire, size);
    memcpy(bytes + size, &question->type, 2);
    memcpy(bytes + size + 2, &question->class, 2);
    bytes[size + 4] = is_cd;
    bytes[size + 5] = is_refresh;
    uint64_t key = rt_siphash(&self->key, bytes, size + 6);
    return key != 0 ? key : 1;
}

static bool is_about(const struct job *job, const struct rs_question *question, bool is_cd,
                     bool is_refresh)
{
    return job->question.type == question->type && job->question.class == question->class &&
           job->is_cd == is_cd && job->is_refresh == is_refresh &&
           rs_name_equal(job->question.name.wire, question->name.wire);
}

static void unlist(struct desk *self, struct job *job)
{
    if (job->is_listed) {
        rt_map_remove(&self->by_question, job->key);
        job->is_listed = false;
    }
}

static void free_job(struct desk *self, struct job *job)
{
    RT_CHECK(desk_group_is_empty(&job->group));
    unlist(self, job);
    rt_list_remove(&self->by_age, &job->by_age);
    job->magic = 0;
    rt_pool_give(&self->jobs, job);
    SERVICE_GAUGE(self->services, queries_active, -1);
}

static void fail_job(struct rt_ctx *ctx, struct desk *self, struct job *job)
{
    desk_wait_answer(ctx, &self->wait, &job->group, FOR_ALL, NULL, RS_EDE_OTHER);
    free_job(self, job);
}

static rt_status start_query(struct rt_ctx *ctx, struct desk *self, struct job *job)
{
    struct query_args args = {
        .question = job->question,
        .is_cd = job->is_cd,
        .is_refresh = job->is_refresh,
        .trace_id = job->trace_id,
    };
    rt_status status = rt_spawn(ctx, &query_type, &args, &job->query);
    if (status != RT_OK) {
        return status;
    }
    SERVICE_COUNT(self->services, queries_started);
    status = rt_map_put(&self->by_query, job->query, rt_pool_index(&self->jobs, job));
    RT_CHECK(status == RT_OK); /* As many keys as jobs. */
    return RT_OK;
}

static void shed(struct rt_ctx *ctx, struct desk *self, const struct desk_ask *ask)
{
    SERVICE_COUNT(self->services, shed);
    rt_trace(ctx, ask->head.trace_id, "desk_shed", self->jobs.in_use, self->wait.waiters.in_use);
    if (desk_wait_reply(ctx, ask, NULL, RS_EDE_OTHER) != RT_OK) {
        SERVICE_COUNT(self->services, dropped); /* Both ends are full: nothing more to promise. */
    }
}

static void new_job(struct rt_ctx *ctx, struct desk *self, const struct rs_question *question,
                    uint64_t key, const struct desk_ask *ask)
{
    struct job *job = rt_pool_take(&self->jobs);
    if (job == NULL) {
        shed(ctx, self, ask);
        return;
    }
    *job = (struct job){
        .magic = job_MAGIC,
        .question = *question,
        .is_cd = (ask->asker.flags & ASKER_CD) != 0,
        .is_refresh = (ask->asker.flags & ASKER_INTERNAL) != 0,
        .is_listed = true,
        .key = key,
        .trace_id = ask->head.trace_id,
        .started_ns = rt_now_ns(ctx),
    };
    SERVICE_GAUGE(self->services, queries_active, 1);
    rt_list_append(&self->by_age, &job->by_age);
    uint32_t index = rt_pool_index(&self->jobs, job);
    rt_status status = rt_map_put(&self->by_question, key, index);
    RT_CHECK(status == RT_OK); /* As many keys as jobs. */

    if (!desk_wait_add(ctx, &self->wait, &job->group, index, ask)) {
        free_job(self, job);
        shed(ctx, self, ask);
    } else if (start_query(ctx, self, job) != RT_OK) {
        SERVICE_COUNT(self->services, shed);
        fail_job(ctx, self, job);
    }
}

/* ---- the answer cache of this core ---- */

static bool has_answer_cache(const struct desk *self)
{
    return self->services->answers != NULL && self->services->settings->resolver.use_cache;
}

static struct rs_answer_key answer_key(struct desk *self, const struct rs_question *question,
                                       bool is_dnssec_ok, bool is_cd)
{
    return rs_answers_key(self->services->answers, question->name.wire, question->name.size,
                          question->type, question->class, is_dnssec_ok, is_cd);
}

/* A question that was on its way here while its query finished. True: answered. (Longer answers
 * than the answer cache takes are found in the shards by the query's own first step.) */
static bool answer_from_cache(struct rt_ctx *ctx, struct desk *self,
                              const struct rs_question *question, const struct desk_ask *ask)
{
    bool is_dnssec_ok = (ask->asker.flags & ASKER_DO) != 0;
    bool is_cd = (ask->asker.flags & ASKER_CD) != 0;

    if (!has_answer_cache(self)) {
        return false;
    }
    const struct rs_answer *found =
        rs_answers_get(self->services->answers, answer_key(self, question, is_dnssec_ok, is_cd),
                       question->name.wire, question->name.size, question->type, is_dnssec_ok,
                       is_cd, rt_now_ns(ctx));
    struct rt_buf *buf = found != NULL ? rt_buf_new(rt_bufs(ctx), found->size) : NULL;
    if (buf == NULL) {
        return false;
    }
    memcpy(buf->data, found, found->size);
    buf->size = found->size;
    rt_status status = desk_wait_reply(ctx, ask, buf, RS_EDE_NONE);
    rt_buf_unref(rt_bufs(ctx), buf);
    if (status == RT_OK) {
        SERVICE_COUNT(self->services, hits_answer_cache);
    }
    return status == RT_OK; /* Full: it waits like a new question, and is answered when due. */
}

static void keep_answer(struct rt_ctx *ctx, struct desk *self, const struct job *job,
                        const struct rt_buf *buf, bool is_dnssec_ok)
{
    const struct rs_answer *found = (const struct rs_answer *)(const void *)buf->data;

    RT_CHECK(found->magic == rs_answer_MAGIC);
    rs_answers_put(self->services->answers,
                   answer_key(self, &job->question, is_dnssec_ok, job->is_cd), found, is_dnssec_ok,
                   job->is_cd, rt_now_ns(ctx));
}

/* ---- messages ---- */

/* A question that is at work already comes from the server that it was forwarded to: that one
 * forwards to us, or is ourselves. It would wait for its own answer (security.md C10). */
static bool is_echo(const struct desk *self, const struct rs_question *question,
                    const struct desk_ask *ask)
{
    const struct rs_forward *forward =
        rs_config_forward(&self->services->settings->resolver, question->name.wire);

    if (forward == NULL || forward->mode != RS_FORWARD_RECURSE) {
        return false;
    }
    for (unsigned i = 0; i < forward->addrs_count; i++) {
        if (rt_addr_equal_ip(&forward->addrs[i], &ask->asker.peer)) {
            return true;
        }
    }
    return false;
}

static void on_ask(struct rt_ctx *ctx, struct desk *self, const struct desk_ask *ask)
{
    struct rs_question question = {.type = ask->asker.type, .class = ask->asker.class};
    bool is_cd = (ask->asker.flags & ASKER_CD) != 0;
    bool is_refresh = (ask->asker.flags & ASKER_INTERNAL) != 0;
    uint32_t index = 0;

    rs_name_copy(&question.name, ask->asker.name);
    if (self->is_draining) {
        shed(ctx, self, ask);
        return;
    }
    if (!is_refresh && answer_from_cache(ctx, self, &question, ask)) {
        return;
    }
    if (desk_wait_is_flood(&self->wait, ask)) {
        SERVICE_COUNT(self->services, dropped); /* In silence: every reply would be one more. */
        rt_trace(ctx, ask->head.trace_id, "desk_flood", 0, 0);
        return;
    }
    uint64_t key = question_key(self, &question, is_cd, is_refresh);
    if (!rt_map_get(&self->by_question, key, &index)) {
        new_job(ctx, self, &question, key, ask);
        return;
    }
    struct job *job = rt_cast(job, rt_pool_at(&self->jobs, index));
    if (!is_echo(self, &question, ask) && is_about(job, &question, is_cd, is_refresh) &&
        desk_wait_add(ctx, &self->wait, &job->group, index, ask)) {
        SERVICE_COUNT(self->services, joined);
    } else {
        shed(ctx, self, ask);
    }
}

static struct job *job_of(struct desk *self, rt_ref query)
{
    uint32_t index = 0;
    if (!rt_map_get(&self->by_query, query, &index)) {
        return NULL; /* Of the desk before a restart: nobody waits for it any more. */
    }
    return rt_cast(job, rt_pool_at(&self->jobs, index));
}

static void on_done(struct rt_ctx *ctx, struct desk *self, const struct desk_done *msg)
{
    struct job *job = job_of(self, msg->head.from);
    if (job == NULL) {
        return;
    }
    unlist(self, job); /* Who asks from now on finds it in a cache, or asks anew. */
    unsigned served =
        desk_wait_answer(ctx, &self->wait, &job->group, msg->serves, msg->head.buf, RS_EDE_OTHER);
    if (msg->head.buf != NULL && has_answer_cache(self)) {
        if ((served & DESK_FOR_PLAIN) != 0) {
            keep_answer(ctx, self, job, msg->head.buf, false);
        }
        if ((served & DESK_FOR_DNSSEC_OK) != 0) {
            keep_answer(ctx, self, job, msg->head.buf, true);
        }
    }
    rt_trace(ctx, job->trace_id, "desk_done", msg->serves, msg->packets);
}

/* Queries end after their answer. One that was killed or failed has left its clients waiting: it is
 * started once more, so that they lose nothing but time. */
static void on_child_ended(struct rt_ctx *ctx, struct desk *self,
                           const struct rt_msg_child_ended *msg)
{
    struct job *job = job_of(self, msg->child);
    if (job == NULL) {
        return;
    }
    rt_map_remove(&self->by_query, msg->child);
    job->query = RT_REF_NONE;
    if (!desk_group_is_empty(&job->group) && !job->is_restarted) {
        job->is_restarted = true;
        rt_trace(ctx, job->trace_id, "desk_restart", (uint64_t)msg->why, 0);
        if (start_query(ctx, self, job) == RT_OK) {
            return;
        }
    }
    fail_job(ctx, self, job);
}

static void on_roots(struct desk *self, const struct rt_msg *msg)
{
    RT_CHECK(msg->buf != NULL && msg->buf->size == sizeof(self->services->roots));
    memcpy(&self->services->roots, msg->buf->data, sizeof(self->services->roots));
}

/* Nobody waits for ever, whatever has become of the query. */
static void sweep(struct rt_ctx *ctx, struct desk *self)
{
    uint64_t now_ns = rt_now_ns(ctx);

    for (struct rt_node *node = self->by_age.first; node != NULL; node = node->next) {
        struct job *job = rt_container(node, struct job, by_age);
        if (now_ns - job->started_ns < DESK_JOB_MS * RT_NS_PER_MS) {
            return;
        }
        if (!desk_group_is_empty(&job->group)) {
            rt_trace(ctx, job->trace_id, "desk_overdue", job->group.count, 0);
        }
        unlist(self, job); /* Its slot stays taken until its query really ends. */
        desk_wait_answer(ctx, &self->wait, &job->group, FOR_ALL, NULL,
                         RS_EDE_NO_REACHABLE_AUTHORITY);
    }
}

/* As for the overdue: the queries go on, but nobody waits for them any more. */
static void give_up(struct rt_ctx *ctx, struct desk *self)
{
    for (struct rt_node *node = self->by_age.first; node != NULL; node = node->next) {
        struct job *job = rt_container(node, struct job, by_age);
        unlist(self, job);
        desk_wait_answer(ctx, &self->wait, &job->group, FOR_ALL, NULL, RS_EDE_NOT_READY);
    }
}

static void on_timer(struct rt_ctx *ctx, struct desk *self, uint64_t cookie)
{
    if (cookie == TIMER_SWEEP) {
        self->sweep_timer = 0;
        sweep(ctx, self);
    } else {
        self->owed_timer = 0;
        desk_wait_retry(ctx, &self->wait);
    }
}

/* Runs after every message, so that a core without free timers catches up later. */
static void arm_timers(struct rt_ctx *ctx, struct desk *self)
{
    if (self->sweep_timer == 0 && !rt_list_is_empty(&self->by_age)) {
        self->sweep_timer = rt_timer_start(ctx, DESK_SWEEP_MS * RT_NS_PER_MS, TIMER_SWEEP);
    }
    if (self->owed_timer == 0 && desk_wait_owes(&self->wait)) {
        self->owed_timer = rt_timer_start(ctx, DESK_OWED_MS * RT_NS_PER_MS, TIMER_OWED);
    }
}

static void tell_drained(struct rt_ctx *ctx, struct desk *self)
{
    struct rt_msg msg = RT_MSG_INIT(SUPERVISOR_DRAINED, struct rt_msg);

    if (self->is_draining && !self->has_drained && self->jobs.in_use == 0 &&
        !desk_wait_owes(&self->wait)) {
        self->has_drained = rt_send(ctx, self->services->cast->supervisor, &msg) != RT_FULL;
    }
}

static void dispatch(struct rt_ctx *ctx, struct desk *self, struct rt_msg *msg)
{
    switch (msg->type) {
    case DESK_ASK:
        on_ask(ctx, self, (const struct desk_ask *)(const void *)msg);
        return;
    case DESK_DONE:
        on_done(ctx, self, (const struct desk_done *)(const void *)msg);
        return;
    case DESK_ROOTS:
        on_roots(self, msg);
        return;
    case RT_MSG_CHILD_ENDED:
        on_child_ended(ctx, self, (const struct rt_msg_child_ended *)(const void *)msg);
        return;
    case RT_MSG_TIMER:
        on_timer(ctx, self, msg->cookie);
        return;
    case RT_MSG_UNDELIVERED: /* An answer found its listener's mailbox full. */
        SERVICE_COUNT(self->services, dropped);
        return;
    case RT_MSG_DRAIN:
        self->is_draining = true;
        if (msg->cookie == DESK_DRAIN_NOW) {
            give_up(ctx, self);
        }
        return;
    }
    RT_UNREACHABLE("message type outside DESK_MESSAGES");
}

static void desk_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct desk *self = rt_cast(desk, state);
    dispatch(ctx, self, msg);
    arm_timers(ctx, self);
    tell_drained(ctx, self);
}

/* ---- life ---- */

static rt_status open_tables(struct desk *self, uint32_t queries_max)
{
    rt_status status = rt_pool_open(&self->jobs, sizeof(struct job), queries_max);
    if (status != RT_OK) {
        return status;
    }
    status = rt_map_open(&self->by_question, queries_max);
    if (status != RT_OK) {
        goto undo_jobs;
    }
    status = rt_map_open(&self->by_query, queries_max);
    if (status != RT_OK) {
        goto undo_by_question;
    }
    status = desk_wait_open(&self->wait, self->services, &self->key,
                            2 * queries_max + DESK_WAITERS_SPARE);
    if (status != RT_OK) {
        goto undo_by_query;
    }
    return RT_OK;

undo_by_query:
    rt_map_close(&self->by_query);
undo_by_question:
    rt_map_close(&self->by_question);
undo_jobs:
    rt_pool_close(&self->jobs);
    return status;
}

static rt_status desk_start(struct rt_ctx *ctx, void *state, const void *args)
{
    struct desk *self = state;
    (void)args;
    self->magic = desk_MAGIC;
    self->services = services_of(ctx);
    rt_random(ctx, &self->key, sizeof(self->key));
    return open_tables(self, self->services->settings->queries_max);
}

/* Whoever waits hears of the end now: after a restart nobody would know of it. */
static void desk_stop(struct rt_ctx *ctx, void *state, enum rt_end why)
{
    struct desk *self = rt_cast(desk, state);
    (void)why;
    while (!rt_list_is_empty(&self->by_age)) {
        fail_job(ctx, self, rt_container(self->by_age.first, struct job, by_age));
    }
    desk_wait_close(ctx, &self->wait);
    rt_map_close(&self->by_query);
    rt_map_close(&self->by_question);
    rt_pool_close(&self->jobs);
}

static const char *desk_msg_name(uint16_t type)
{
    switch ((enum desk_msg_type)type) {
#define X(name, type)                                                                              \
    case name:                                                                                     \
        return #name;
        DESK_MESSAGES(X)
#undef X
    case DESK_INVALID:
        break;
    }
    return "?";
}

const struct rt_actor_type desk_type = {
    .name = "desk",
    .state_size = sizeof(struct desk),
    .actors_max = 1,
    .mailbox_cap = DESK_MAILBOX_CAP,
    .restart = RT_RESTART_ALWAYS,
    .msg_name = desk_msg_name,
    .start = desk_start,
    .receive = desk_receive,
    .stop = desk_stop,
};
