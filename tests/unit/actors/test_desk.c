/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "actors/desk.h"
#include "actors/desk_msg.h"
#include "actors/query.h"
#include "actors/services.h"
#include "actors/supervisor_msg.h"
#include "runtime/base/fault.h"
#include "tests/unit/actors/fake_io.h"

/* The desk with everything around it made here: a query actor that does what the test says, and one
 * client actor that asks and counts what it hears. */

static struct fake_world world;
static struct lu_settings settings;
static struct cast cast;
static struct services services;
static rt_ref desk, client;

static const char *no_name(uint16_t type)
{
    (void)type;
    return "?";
}

/* ---- the query: waits for orders ---- */

enum { ORDER_ANSWER = 1, ORDER_ANSWER_PLAIN, ORDER_ANSWER_DNSSEC_OK, ORDER_EXIT };
enum { QUERIES_MAX = 64 };
static rt_ref queries[QUERIES_MAX];
static unsigned queries_count, queries_refused;

static rt_status stub_start(struct rt_ctx *ctx, void *state, const void *args)
{
    (void)state;
    assert_non_null(args);
    if (queries_refused > 0) {
        queries_refused--;
        return RT_FULL;
    }
    assert_true(queries_count < QUERIES_MAX);
    queries[queries_count++] = rt_self(ctx);
    return RT_OK;
}

static void stub_done(struct rt_ctx *ctx, uint8_t serves, uint16_t rcode)
{
    struct desk_done done = {.head = RT_MSG_INIT(DESK_DONE, struct desk_done), .serves = serves};
    struct rt_buf *buf = rt_buf_new(rt_bufs(ctx), sizeof(struct rs_answer));
    struct rs_answer *answer = (struct rs_answer *)(void *)buf->data;

    *answer = (struct rs_answer){.magic = rs_answer_MAGIC,
                                 .size = sizeof(*answer),
                                 .rcode = rcode,
                                 .flags = RS_ANSWER_UNCACHED,
                                 .ede = RS_EDE_NONE};
    buf->size = sizeof(*answer);
    done.head.buf = buf;
    assert_int_equal(rt_send(ctx, rt_parent(ctx), &done.head), RT_OK);
}

static void stub_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    (void)state;
    if (msg->type == ORDER_ANSWER) {
        stub_done(ctx, DESK_FOR_PLAIN | DESK_FOR_DNSSEC_OK, RS_NXDOMAIN);
    } else if (msg->type == ORDER_ANSWER_PLAIN) {
        stub_done(ctx, DESK_FOR_PLAIN, RS_NOERROR);
        return;
    } else if (msg->type == ORDER_ANSWER_DNSSEC_OK) {
        stub_done(ctx, DESK_FOR_DNSSEC_OK, RS_NXDOMAIN);
    }
    rt_exit(ctx);
}

const struct rt_actor_type query_type = {
    .name = "query",
    .state_size = 8,
    .actors_max = QUERIES_MAX,
    .mailbox_cap = 8,
    .msg_name = no_name,
    .start = stub_start,
    .receive = stub_receive,
};

static void order(unsigned query, uint16_t what)
{
    struct rt_msg msg = {.type = what, .size = sizeof(msg)};
    assert_int_equal(rt_core_inject(fake_net.core, queries[query], &msg), RT_OK);
    fake_run(&world);
}

/* ---- the client, and the supervisor ---- */

struct heard {
    uint64_t cookie;
    uint16_t id;
    int rcode; /* of the answer, -1: none, SERVFAIL is wanted */
};
static struct heard heard[4096];
static unsigned heard_count, drained_count;

enum { CLIENT_ASK = 7, CLIENT_MAILBOX = 4 };
static struct desk_ask next_ask;

static void client_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    (void)state;
    if (msg->type == CLIENT_ASK) {
        struct desk_ask ask = next_ask;
        ask.asker.listener = rt_self(ctx);
        assert_int_equal(rt_send(ctx, desk, &ask.head), RT_OK);
    } else if (msg->type == DESK_ANSWER) {
        const struct desk_answer *answer = (const struct desk_answer *)(const void *)msg;
        int rcode = -1;
        if (msg->buf != NULL) {
            rcode = ((const struct rs_answer *)(const void *)msg->buf->data)->rcode;
        }
        assert_true(heard_count < RT_ARRAY_COUNT(heard));
        heard[heard_count++] = (struct heard){msg->cookie, answer->asker.id, rcode};
    } else if (msg->type == SUPERVISOR_DRAINED) {
        drained_count++;
    }
}

static rt_status client_start(struct rt_ctx *ctx, void *state, const void *args)
{
    (void)ctx;
    (void)state;
    (void)args;
    return RT_OK;
}

static const struct rt_actor_type client_type = {
    .name = "client",
    .state_size = 8,
    .actors_max = 1,
    .mailbox_cap = 2048,
    .msg_name = no_name,
    .start = client_start,
    .receive = client_receive,
};

static void ask_from(struct rt_addr peer, const char *name, uint16_t id, uint8_t flags)
{
    struct rs_name wire;
    struct rt_msg go = {.type = CLIENT_ASK, .size = sizeof(go)};

    assert_int_equal(rs_name_parse(name, &wire), RT_OK);
    next_ask = (struct desk_ask){.head = RT_MSG_INIT(DESK_ASK, struct desk_ask)};
    next_ask.head.cookie = 1000u + id;
    next_ask.asker.peer = peer;
    next_ask.asker.id = id;
    next_ask.asker.type = RS_A;
    next_ask.asker.class = RS_IN;
    next_ask.asker.flags = flags;
    next_ask.asker.name_size = wire.size;
    memcpy(next_ask.asker.name, wire.wire, wire.size);
    assert_int_equal(rt_core_inject(fake_net.core, client, &go), RT_OK);
    fake_run(&world);
}

/* From one of many clients, as the ID says: no flood. */
static void ask(const char *name, uint16_t id, uint8_t flags)
{
    uint8_t host = (uint8_t)(id / 100);
    ask_from((struct rt_addr){.family = 4, .port = 4242, .ip = {192, 0, 2, host}}, name, id, flags);
}

static uint64_t counted(_Atomic uint64_t *counter)
{
    return atomic_load(counter);
}

static int set_up_with(unsigned queries_max)
{
    lu_settings_init(&settings, 1);
    settings.queries_max = queries_max;
    memset(&services, 0, sizeof(services));
    memset(&cast, 0, sizeof(cast));
    queries_count = queries_refused = heard_count = drained_count = 0;
    services.settings = &settings;
    services.cast = &cast;
    cast.workers_count = 1;
    fake_net_open(&world, &services);
    assert_int_equal(rt_core_cast(fake_net.core, &client_type, NULL, RT_REF_NONE, &client), RT_OK);
    assert_int_equal(rt_core_cast(fake_net.core, &desk_type, NULL, RT_REF_NONE, &desk), RT_OK);
    cast.desk[0] = desk;
    cast.supervisor = client;
    fake_run(&world);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_with(8);
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(rt_buf_pool_in_use(rt_core_bufs(fake_net.core)), 0);
    fake_net_close(&world);
    return 0;
}

/* ---- tests ---- */

/* N clients asking one name cost one resolution, and each hears exactly once. */
static void equal_questions_share_one_query_and_all_hear_its_answer(void **state)
{
    (void)state;
    for (uint16_t id = 0; id < 500; id++) {
        ask(id % 2 == 0 ? "www.example." : "WWW.eXample.", id, id % 3 == 0 ? ASKER_DO : 0);
    }
    assert_int_equal(queries_count, 1);
    assert_int_equal(heard_count, 0);
    assert_int_equal(counted(&services.counters.joined), 499);
    order(0, ORDER_ANSWER);
    assert_int_equal(heard_count, 500);
    for (unsigned i = 0; i < heard_count; i++) {
        assert_int_equal(heard[i].rcode, RS_NXDOMAIN);
        assert_int_equal(heard[i].cookie, 1000u + heard[i].id);
        heard[i].rcode = -2; /* Each ID once: */
        for (unsigned j = 0; j < i; j++) {
            assert_int_not_equal(heard[i].id, heard[j].id);
        }
    }
    assert_int_equal(counted(&services.counters.queries_active), 0);
}

/* CD, class, type and the internal wish for fresh data make another question. */
static void different_wishes_get_queries_of_their_own(void **state)
{
    (void)state;
    ask("www.example.", 1, 0);
    ask("www.example.", 2, ASKER_CD);
    ask("www.example.", 3, ASKER_INTERNAL);
    ask("example.", 4, 0);
    assert_int_equal(queries_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        order(i, ORDER_ANSWER);
    }
    assert_int_equal(heard_count, 4);
}

/* Clients with and without DNSSEC OK get the variant that was made for them. */
static void each_variant_goes_to_those_who_asked_for_it(void **state)
{
    (void)state;
    ask("www.example.", 1, 0);
    ask("www.example.", 2, ASKER_DO);
    order(0, ORDER_ANSWER_PLAIN);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].id, 1);
    assert_int_equal(heard[0].rcode, RS_NOERROR);

    ask("www.example.", 3, 0); /* Too late for the variant that has been given out. */
    assert_int_equal(queries_count, 2);
    order(0, ORDER_ANSWER_DNSSEC_OK);
    assert_int_equal(heard_count, 2);
    assert_int_equal(heard[1].id, 2);
    assert_int_equal(heard[1].rcode, RS_NXDOMAIN);
    order(1, ORDER_ANSWER);
    assert_int_equal(heard_count, 3);
}

/* security.md F9: retransmissions of one pending question cost no second place and get no second
 * answer. */
static void a_client_that_repeats_itself_is_merged(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        ask("www.example.", 9, ASKER_RD);
    }
    ask("www.example.", 9, ASKER_RD | ASKER_TCP); /* Not over TCP: its connection counts. */
    ask("www.example.", 9, ASKER_RD | ASKER_TCP);
    order(0, ORDER_ANSWER);
    assert_int_equal(queries_count, 1);
    assert_int_equal(heard_count, 3);
}

/* Beyond queries_max a new question hears SERVFAIL at once; known ones still join. */
static void a_question_beyond_the_bound_is_shed_at_once(void **state)
{
    (void)state;
    char name[32];
    for (uint16_t i = 0; i < 9; i++) {
        snprintf(name, sizeof(name), "n%u.example.", i);
        ask(name, i, 0);
    }
    assert_int_equal(queries_count, 8);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].id, 8);
    assert_int_equal(heard[0].rcode, -1);
    assert_int_equal(counted(&services.counters.shed), 1);
    ask("n3.example.", 100, 0);
    assert_int_equal(heard_count, 1);

    order(0, ORDER_ANSWER);
    ask("n8.example.", 8, 0); /* A place is free again. */
    assert_int_equal(queries_count, 9);
    for (unsigned i = 1; i < 9; i++) {
        order(i, ORDER_ANSWER);
    }
    assert_int_equal(heard_count, 11);
}

/* The bound of one query is hard, and the pool of all prefers whose address is no forgery. */
static void verified_clients_take_the_place_of_the_oldest_unverified(void **state)
{
    (void)state;
    char name[32];
    unsigned shed;
    /* 2 * 8 + 1024 places: filled by unverified clients of eight names, in turn. */
    for (uint16_t i = 0; i < 1040; i++) {
        snprintf(name, sizeof(name), "n%u.example.", i % 8);
        ask(name, i, 0);
    }
    assert_int_equal(heard_count, 0);
    ask("n1.example.", 2000, 0); /* Unverified: shed. */
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].id, 2000);
    ask("n1.example.", 2001, ASKER_VERIFIED); /* The first one gives way. */
    assert_int_equal(heard_count, 2);
    assert_int_equal(heard[1].id, 0);
    assert_int_equal(heard[1].rcode, -1);
    shed = heard_count;
    for (unsigned i = 0; i < 8; i++) {
        order(i, ORDER_ANSWER);
    }
    assert_int_equal(heard_count - shed, 1040);
}

/* One name cannot take all places (B9: clients-per-query). */
static void one_query_has_a_thousand_waiters_at_most(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 1010; i++) {
        ask("www.example.", i, 0);
    }
    assert_int_equal(heard_count, 10);
    order(0, ORDER_ANSWER);
    assert_int_equal(heard_count, 1010);
}

/* DNSBomb: what waits for an address could all leave in one pulse towards whoever has it. Beyond
 * 200 its questions are dropped; who has proved its address is not counted, and answers make room.
 */
static void two_hundred_wait_for_one_address_at_most(void **state)
{
    struct rt_addr victim = {.family = 4, .port = 4242, .ip = {192, 0, 2, 7}};
    struct rt_addr network = {.family = 6, .port = 4242, .ip = {0x20, 1, 0xd, 0xb8}};
    (void)state;
    for (uint16_t i = 0; i < 250; i++) {
        victim.port = (uint16_t)(4242 + i % 3);
        network.ip[15] = (uint8_t)(i % 5);
        ask_from(victim, i % 2 == 0 ? "www.example." : "mail.example.", i, 0);
        ask_from(network, "www.example.", (uint16_t)(300 + i), 0);
    }
    assert_int_equal(counted(&services.counters.dropped), 100);
    ask_from(victim, "www.example.", 600, ASKER_TCP | ASKER_VERIFIED);
    ask("www.example.", 800, 0);
    assert_int_equal(heard_count, 0);
    order(0, ORDER_ANSWER);
    order(1, ORDER_ANSWER);
    assert_int_equal(heard_count, 402);
    ask_from(victim, "www.example.", 601, 0);
    order(2, ORDER_ANSWER);
    assert_int_equal(heard_count, 403);
}

/* Nobody forges the loopback of this host: load tools and local stubs are not held back. */
static void loopback_is_not_counted(void **state)
{
    struct rt_addr v4 = {.family = 4, .port = 4242, .ip = {127, 0, 0, 1}};
    struct rt_addr v6 = {.family = 6, .port = 4242, .ip = {[15] = 1}};
    (void)state;
    for (uint16_t i = 0; i < 300; i++) {
        ask_from(v4, "www.example.", i, 0);
        ask_from(v6, "www.example.", i, 0);
    }
    assert_int_equal(counted(&services.counters.dropped), 0);
    order(0, ORDER_ANSWER);
    assert_int_equal(heard_count, 600);
}

/* An actor killed mid-flight loses no client: its question is resolved anew, once. */
static void a_killed_query_is_started_again_once(void **state)
{
    (void)state;
    ask("www.example.", 1, 0);
    ask("www.example.", 2, 0);
    rt_core_kill(fake_net.core, queries[0]);
    fake_run(&world);
    assert_int_equal(queries_count, 2);
    assert_int_equal(heard_count, 0);
    ask("www.example.", 3, 0); /* Still the same question. */
    order(1, ORDER_ANSWER);
    assert_int_equal(heard_count, 3);
    assert_int_equal(heard[2].rcode, RS_NXDOMAIN);

    ask("www.example.", 4, 0);
    rt_core_kill(fake_net.core, queries[2]);
    fake_run(&world);
    order(3, ORDER_EXIT); /* Without an answer, the second time. */
    assert_int_equal(queries_count, 4);
    assert_int_equal(heard_count, 4);
    assert_int_equal(heard[3].rcode, -1);
    assert_int_equal(counted(&services.counters.queries_active), 0);
}

/* No memory for a query: the client hears so. */
static void a_query_that_cannot_start_is_servfail(void **state)
{
    (void)state;
    queries_refused = 1;
    ask("www.example.", 1, 0);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].rcode, -1);
    ask("www.example.", 2, 0);
    assert_int_equal(queries_count, 1);
    order(0, ORDER_ANSWER);
    assert_int_equal(heard_count, 2);
}

/* A client never waits for ever, even if a query does. */
static void a_query_that_never_ends_is_servfail_after_its_time(void **state)
{
    (void)state;
    ask("www.example.", 1, 0);
    fake_pass(&world, 7000);
    assert_int_equal(heard_count, 0);
    fake_pass(&world, 2000);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].rcode, -1);
    ask("www.example.", 2, 0); /* Not to the lost one. */
    assert_int_equal(queries_count, 2);
    order(0, ORDER_ANSWER); /* It comes after all: nobody waits. */
    order(1, ORDER_ANSWER);
    assert_int_equal(heard_count, 2);
}

/* A desk that is killed answers its waiters before; the next one works. */
static void a_killed_desk_leaves_nobody_waiting(void **state)
{
    (void)state;
    ask("www.example.", 1, 0);
    ask("other.example.", 2, 0);
    rt_core_kill(fake_net.core, desk);
    fake_run(&world);
    assert_int_equal(heard_count, 2);
    fake_pass(&world, 1000);
    ask("www.example.", 3, 0);
    assert_int_equal(queries_count, 3);
    order(0, ORDER_ANSWER); /* Of the desk before: ignored. */
    assert_int_equal(heard_count, 2);
    order(2, ORDER_ANSWER);
    assert_int_equal(heard_count, 3);
    order(1, ORDER_EXIT);
}

/* RT_MSG_DRAIN: what runs ends, nothing new begins, and the supervisor hears once when all is done.
 */
static void drain_finishes_what_runs_and_tells_once(void **state)
{
    (void)state;
    struct rt_msg drain = {.type = RT_MSG_DRAIN, .size = sizeof(drain)};
    ask("www.example.", 1, 0);
    assert_int_equal(rt_core_inject(fake_net.core, desk, &drain), RT_OK);
    fake_run(&world);
    assert_int_equal(drained_count, 0);
    ask("new.example.", 2, 0);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].rcode, -1);
    order(0, ORDER_ANSWER);
    assert_int_equal(heard_count, 2);
    assert_int_equal(drained_count, 1);
    fake_pass(&world, 2000);
    assert_int_equal(drained_count, 1);
}

/* Every order of lost messages, by failing the n-th send: a client hears once, or is counted. */
static unsigned fault_at, fault_calls;
static bool fault_nth(void *arg, enum rt_fault_site site)
{
    (void)arg;
    return site == RT_FAULT_MSG && ++fault_calls == fault_at;
}

static void a_full_listener_is_owed_its_answer(void **state)
{
    (void)state;
    ask("www.example.", 1, 0);
    fault_calls = 0;
    fault_at = 2; /* 1: DESK_DONE of the stub; 2: the answer */
    rt_fault_set(fault_nth, NULL);
    order(0, ORDER_ANSWER);
    rt_fault_set(NULL, NULL);
    assert_int_equal(heard_count, 0);
    fake_pass(&world, 10);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].rcode, RS_NXDOMAIN);
    assert_int_equal(counted(&services.counters.dropped), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(equal_questions_share_one_query_and_all_hear_its_answer),
        TEST(different_wishes_get_queries_of_their_own),
        TEST(each_variant_goes_to_those_who_asked_for_it),
        TEST(a_client_that_repeats_itself_is_merged),
        TEST(a_question_beyond_the_bound_is_shed_at_once),
        TEST(verified_clients_take_the_place_of_the_oldest_unverified),
        TEST(one_query_has_a_thousand_waiters_at_most),
        TEST(two_hundred_wait_for_one_address_at_most),
        TEST(loopback_is_not_counted),
        TEST(a_killed_query_is_started_again_once),
        TEST(a_query_that_cannot_start_is_servfail),
        TEST(a_query_that_never_ends_is_servfail_after_its_time),
        TEST(a_killed_desk_leaves_nobody_waiting),
        TEST(drain_finishes_what_runs_and_tells_once),
        TEST(a_full_listener_is_owed_its_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
