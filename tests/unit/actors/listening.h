/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* listening: what the tests of both listeners share: services with an answer cache, a desk that
 * keeps the questions until the test has them answered, and DNS questions as bytes. */

#include "actors/desk_msg.h"
#include "actors/services.h"
#include "actors/supervisor_msg.h"
#include "tests/unit/actors/fake_io.h"

enum { LISTENING_ASKS = 1024 };

static struct fake_world world;
static struct lu_settings settings;
static struct cast cast;
static struct services services;
static struct lu_listen listen_on;
static rt_ref desk;

static struct desk_ask asks[LISTENING_ASKS]; /* what came to the desk */
static unsigned asks_count, ready_count;
static rt_status ready_status;

enum { ORDER_ANSWER = 0x400 };
static unsigned order_index;
static struct rt_buf *order_buf;

static const struct rt_addr client_addr = {.family = 4, .port = 4711, .ip = {127, 0, 0, 5}};
static const struct rt_addr stranger_addr = {.family = 4, .port = 4711, .ip = {198, 51, 100, 1}};

static inline const char *no_name(uint16_t type)
{
    (void)type;
    return "?";
}

static inline rt_status stub_desk_start(struct rt_ctx *ctx, void *state, const void *args)
{
    (void)ctx;
    (void)state;
    (void)args;
    return RT_OK;
}

static inline void stub_desk_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    (void)state;
    if (msg->type == ORDER_ANSWER) {
        struct desk_answer answer = {.head = RT_MSG_INIT(DESK_ANSWER, struct desk_answer),
                                     .ede = RS_EDE_OTHER,
                                     .asker = asks[order_index].asker};
        answer.head.buf = order_buf;
        order_buf = NULL;
        RT_CHECK(rt_send(ctx, answer.asker.listener, &answer.head) == RT_OK);
    } else if (msg->type == DESK_ASK && msg->size == sizeof(struct desk_ask)) {
        RT_CHECK(asks_count < LISTENING_ASKS);
        asks[asks_count++] = *(struct desk_ask *)(void *)msg;
    }
}

static inline void stub_supervisor_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    (void)ctx;
    (void)state;
    if (msg->type == SUPERVISOR_READY) {
        ready_count++;
        ready_status = ((struct supervisor_ready *)(void *)msg)->status;
    }
}

static const struct rt_actor_type stub_desk_type = {
    .name = "desk",
    .state_size = 8,
    .actors_max = 1,
    .mailbox_cap = 1024,
    .msg_name = no_name,
    .start = stub_desk_start,
    .receive = stub_desk_receive,
};

static const struct rt_actor_type stub_supervisor_type = {
    .name = "supervisor",
    .state_size = 8,
    .actors_max = 1,
    .mailbox_cap = 64,
    .msg_name = no_name,
    .start = stub_desk_start,
    .receive = stub_supervisor_receive,
};

static inline void listening_open(void)
{
    const struct rt_siphash_key key = {{1}};

    lu_settings_init(&settings, 1);
    memset(&services, 0, sizeof(services));
    memset(&cast, 0, sizeof(cast));
    asks_count = ready_count = 0;
    services.settings = &settings;
    services.cast = &cast;
    cast.workers_count = 1;
    listen_on = (struct lu_listen){.addr = {.family = 4, .port = 53}, .udp = true, .tcp = true};
    RT_CHECK(rs_answers_open(&services.answers, 1 << 20, &key) == RT_OK);
    fake_net_open(&world, &services);
    rt_arena_init(&services.turn, rt_core_arenas(fake_net.core), 1 << 20);
    RT_CHECK(rt_core_cast(fake_net.core, &stub_desk_type, NULL, RT_REF_NONE, &desk) == RT_OK);
    cast.desk[0] = desk;
    RT_CHECK(rt_core_cast(fake_net.core, &stub_supervisor_type, NULL, RT_REF_NONE,
                          &cast.supervisor) == RT_OK);
}

static inline void listening_close(void)
{
    rt_arena_reset(&services.turn);
    RT_CHECK(rt_buf_pool_in_use(rt_core_bufs(fake_net.core)) == 0);
    fake_net_close(&world);
    rs_answers_close(services.answers);
}

/* A question as bytes: RD=1, `type`, and (with payload > 0) an OPT. Returns its size. */
static inline uint32_t question_of(uint8_t out[512], uint16_t id, const char *name, uint16_t type,
                                   uint16_t payload)
{
    struct rs_name wire;
    RT_CHECK(rs_name_parse(name, &wire) == RT_OK);
    const uint8_t head[12] = {(uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1, 0, 0, 0, 0, 0,
                              payload > 0};
    const uint8_t tail[4] = {(uint8_t)(type >> 8), (uint8_t)type, 0, 1};
    const uint8_t opt[11] = {0, 0, 41, (uint8_t)(payload >> 8), (uint8_t)payload};
    uint32_t size = 0;

    memcpy(out, head, 12);
    memcpy(out + 12, wire.wire, wire.size);
    size = 12u + wire.size;
    memcpy(out + size, tail, 4);
    size += 4;
    if (payload > 0) {
        memcpy(out + size, opt, 11);
        size += 11;
    }
    return size;
}

/* The desk answers the question number `index` with `records` addresses (0: NODATA). */
static inline void desk_answers(unsigned index, unsigned records)
{
    struct rt_msg go = {.type = ORDER_ANSWER, .size = sizeof(go)};
    struct rs_response response = {.ttl_s_max = 60, .ede = RS_EDE_NONE};
    struct rs_question question = {.type = asks[index].asker.type, .class = RS_IN};
    struct rs_rrset set = {.type = RS_TXT, .class = RS_IN, .ttl_s = 60};
    static uint8_t rdatas[65536];
    size_t size = 0;

    rs_name_copy(&question.name, asks[index].asker.name);
    set.owner = question.name.wire;
    set.count = (uint16_t)records;
    set.rdatas = rdatas;
    for (unsigned i = 0; i < records; i++) { /* TXT of 100 bytes each */
        uint16_t rdata_size = 100;
        memcpy(rdatas + i * 102, &rdata_size, 2);
        memset(rdatas + i * 102 + 2, 'a' + (int)(i % 26), 100);
        rdatas[i * 102 + 2] = 99;
        rdatas[i * 102 + 3] = (uint8_t)i;
    }
    set.rdatas_bytes = records * 102;
    if (records > 0) {
        rs_rrsets_append(&response.answer, &set);
    }
    order_buf = rt_buf_new(rt_core_bufs(fake_net.core), RT_BUF_HUGE_BYTES);
    RT_CHECK(rs_answer_pack(&response, &question, false, 0, order_buf->data, order_buf->capacity,
                            &size) == RT_OK);
    order_buf->size = (uint32_t)size;
    ((struct rs_answer *)(void *)order_buf->data)->made_ns = world.ios[0]->now_ns;
    order_index = index;
    RT_CHECK(rt_core_inject(fake_net.core, desk, &go) == RT_OK);
    fake_run(&world);
}

/* The desk sheds it. */
static inline void desk_sheds(unsigned index)
{
    struct rt_msg go = {.type = ORDER_ANSWER, .size = sizeof(go)};
    order_buf = NULL;
    order_index = index;
    RT_CHECK(rt_core_inject(fake_net.core, desk, &go) == RT_OK);
    fake_run(&world);
}

static inline uint16_t id_of(const uint8_t *reply)
{
    return (uint16_t)(reply[0] << 8 | reply[1]);
}
static inline unsigned rcode_of(const uint8_t *reply)
{
    return reply[3] & 15u;
}
static inline unsigned ancount_of(const uint8_t *reply)
{
    return (unsigned)reply[6] << 8 | reply[7];
}
static inline bool is_truncated(const uint8_t *reply)
{
    return (reply[2] & 2) != 0;
}
