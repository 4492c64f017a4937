/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/desk_msg.h"
#include "actors/query.h"
#include "actors/query_msg.h"
#include "actors/services.h"
#include "actors/upstream_msg.h"
#include "resolver/effect.h"
#include "runtime/base/fault.h"
#include "tests/unit/actors/fake_io.h"

/* A real query with its real machine, told to forward everything to one server, between a desk and
 * an upstream made here. */

static struct fake_world world;
static struct lu_settings settings;
static struct cast cast;
static struct services services;
static rt_ref desk, upstream;

static const char *no_name(uint16_t type)
{
    (void)type;
    return "?";
}

static rt_status plain_start(struct rt_ctx *ctx, void *state, const void *args)
{
    (void)ctx;
    (void)state;
    (void)args;
    return RT_OK;
}

/* ---- the desk: gives birth to queries, hears of their end ---- */

enum { ORDER_SPAWN = 0x400 };
static unsigned done_count, ended_count, served;
static int done_rcode;
static bool is_spawned;

static void desk_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    (void)state;
    if (msg->type == ORDER_SPAWN) {
        struct query_args args = {.question = {.type = RS_A, .class = RS_IN}, .trace_id = 7};
        rt_ref query;
        assert_int_equal(rs_name_parse("www.example.", &args.question.name), RT_OK);
        is_spawned = rt_spawn(ctx, &query_type, &args, &query) == RT_OK;
    } else if (msg->type == DESK_DONE) {
        done_count++;
        served |= ((const struct desk_done *)(const void *)msg)->serves;
        done_rcode = RS_SERVFAIL;
        if (msg->buf != NULL) {
            const struct rs_answer *answer = (const struct rs_answer *)(const void *)msg->buf->data;
            assert_int_equal(answer->magic, rs_answer_MAGIC);
            assert_int_equal(answer->size, msg->buf->size);
            done_rcode = answer->rcode;
        }
    } else if (msg->type == RT_MSG_CHILD_ENDED) {
        ended_count++;
    }
}

static const struct rt_actor_type desk_stub = {
    .name = "desk",
    .state_size = 8,
    .actors_max = 1,
    .mailbox_cap = 64,
    .msg_name = no_name,
    .start = plain_start,
    .receive = desk_receive,
};

/* ---- upstream: answers, or not ---- */

static unsigned asks_count;
static bool is_silent;

static void upstream_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    (void)state;
    if (msg->type != UPSTREAM_ASK) {
        return;
    }
    const struct rs_ask *ask = (const struct rs_ask *)(const void *)msg->buf->data;
    struct query_reply reply = {.head = RT_MSG_INIT(QUERY_REPLY, struct query_reply)};
    const uint8_t record[16] = {0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 80};
    const uint8_t head[12] = {0, 1, 0x81, 0x80, 0, 1, 0, 1};
    const uint8_t tail[4] = {0, 1, 0, 1};

    asks_count++;
    assert_int_equal(msg->buf->size, sizeof(struct rs_ask));
    assert_true(ask->wants_recursion);
    struct rt_buf *buf = is_silent ? NULL : rt_buf_new(rt_bufs(ctx), 512);
    if (buf == NULL) {
        return;
    }
    memcpy(buf->data, head, 12);
    memcpy(buf->data + 12, ask->name.wire, ask->name.size);
    memcpy(buf->data + 12 + ask->name.size, tail, 4);
    memcpy(buf->data + 16 + ask->name.size, record, 16);
    buf->size = 32u + ask->name.size;
    reply.attempt = ask->attempt;
    reply.is_case_kept = true;
    reply.head.buf = buf;
    if (rt_send(ctx, msg->from, &reply.head) != RT_OK) {
        rt_buf_unref(rt_bufs(ctx), buf);
    }
}

static const struct rt_actor_type upstream_stub = {
    .name = "upstream",
    .state_size = 8,
    .actors_max = 1,
    .mailbox_cap = 64,
    .msg_name = no_name,
    .start = plain_start,
    .receive = upstream_receive,
};

static int set_up(void **state)
{
    (void)state;
    lu_settings_init(&settings, 1);
    struct rs_forward *forward = &settings.resolver.forwards[0];
    settings.resolver.forwards_count = 1;
    forward->name = (struct rs_name){.size = 1};
    forward->mode = RS_FORWARD_RECURSE;
    forward->addrs_count = 1;
    forward->addrs[0] = (struct rt_addr){.family = 4, .port = 53, .ip = {192, 0, 2, 1}};
    memset(&services, 0, sizeof(services));
    memset(&cast, 0, sizeof(cast));
    services.settings = &settings;
    services.cast = &cast;
    cast.workers_count = 1;
    done_count = ended_count = served = asks_count = 0;
    is_silent = is_spawned = false;
    fake_net_open(&world, &services);
    assert_int_equal(rt_core_cast(fake_net.core, &desk_stub, NULL, RT_REF_NONE, &desk), RT_OK);
    assert_int_equal(rt_core_cast(fake_net.core, &upstream_stub, NULL, RT_REF_NONE, &upstream),
                     RT_OK);
    cast.desk[0] = desk;
    cast.upstream[0] = upstream;
    fake_run(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rt_fault_set(NULL, NULL);
    assert_int_equal(rt_buf_pool_in_use(rt_core_bufs(fake_net.core)), 0);
    fake_net_close(&world);
    return 0;
}

static void resolve(void)
{
    struct rt_msg go = {.type = ORDER_SPAWN, .size = sizeof(go)};
    assert_int_equal(rt_core_inject(fake_net.core, desk, &go), RT_OK);
    fake_run(&world);
}

/* Without signatures one block serves clients with and without DNSSEC OK; then the query is gone.
 */
static void an_answer_without_signatures_serves_all_clients_at_once(void **state)
{
    (void)state;
    resolve();
    assert_int_equal(asks_count, 1);
    assert_int_equal(done_count, 1);
    assert_int_equal(served, DESK_FOR_PLAIN | DESK_FOR_DNSSEC_OK);
    assert_int_equal(done_rcode, RS_NOERROR);
    assert_int_equal(ended_count, 1);
}

/* Whatever upstream does: after RS_BUDGET_MS there is an answer. */
static void a_silent_upstream_is_servfail_at_the_deadline(void **state)
{
    (void)state;
    is_silent = true;
    resolve();
    fake_pass(&world, RS_BUDGET_MS - 10);
    assert_int_equal(done_count, 0);
    fake_pass(&world, 20);
    assert_true(done_count > 0);
    assert_int_equal(served, DESK_FOR_PLAIN | DESK_FOR_DNSSEC_OK);
    assert_int_equal(done_rcode, RS_SERVFAIL);
    assert_int_equal(ended_count, 1);
}

/* Nobody may have to wait because one allocation, one message or one timer failed, whichever it is:
 * the desk hears of the answer or of the end, and nothing leaks. */
static unsigned fault_at, fault_calls;
static bool fault_nth(void *arg, enum rt_fault_site site)
{
    (void)arg;
    (void)site;
    return ++fault_calls == fault_at;
}

static void any_single_failure_still_ends_the_query(void **state)
{
    (void)state;
    bool is_past_the_end = false;
    for (fault_at = 1; !is_past_the_end; fault_at++) {
        assert_true(fault_at < 2000);
        done_count = ended_count = served = 0;
        is_spawned = false;
        fault_calls = 0;
        rt_fault_set(fault_nth, NULL);
        resolve();
        fake_pass(&world, RS_BUDGET_MS + 100);
        rt_fault_set(NULL, NULL);
        is_past_the_end = fault_calls < fault_at;
        assert_int_equal(ended_count, is_spawned ? 1 : 0);
        assert_true(!is_spawned || served == (DESK_FOR_PLAIN | DESK_FOR_DNSSEC_OK) ||
                    !is_past_the_end);
        assert_int_equal(rt_buf_pool_in_use(rt_core_bufs(fake_net.core)), 0);
    }
    assert_true(fault_at > 10);
    assert_int_equal(done_rcode, RS_NOERROR); /* The last round failed nothing. */
}

/* Killed in the middle: its bufs and its arena come back, the desk hears. */
static rt_ref query_ref;
static void find_query(const struct rt_actor_info *info, void *arg)
{
    (void)arg;
    if (strcmp(info->name, "query") == 0) {
        query_ref = info->ref;
    }
}

static void a_killed_query_leaves_nothing_behind(void **state)
{
    (void)state;
    is_silent = true;
    for (unsigned i = 0; i < 100; i++) { /* More than there are chunks for. */
        resolve();
        assert_true(is_spawned);
        rt_core_actors(fake_net.core, find_query, NULL);
        rt_core_kill(fake_net.core, query_ref);
        fake_run(&world);
        assert_int_equal(ended_count, i + 1);
    }
    assert_int_equal(done_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(an_answer_without_signatures_serves_all_clients_at_once),
        TEST(a_silent_upstream_is_servfail_at_the_deadline),
        TEST(any_single_failure_still_ends_the_query),
        TEST(a_killed_query_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
