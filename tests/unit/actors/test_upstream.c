/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/query_msg.h"
#include "actors/services.h"
#include "actors/upstream.h"
#include "actors/upstream_msg.h"
#include "resolver/effect.h"
#include "resolver/select.h"
#include "runtime/base/fault.h"
#include "tests/unit/actors/fake_io.h"

/* The upstream actor between an asker made here and sockets that the test plays. */

static struct fake_world world;
static struct lu_settings settings;
static struct cast cast;
static struct services services;
static rt_ref upstream, asker;

static const char *no_name(uint16_t type)
{
    (void)type;
    return "?";
}

/* ---- the asker: sends what the test prepared, keeps what it hears ---- */

enum { ORDER_ASK = 0x400, ORDER_ABANDON, ORDER_LEARN };
static struct rs_ask next_ask;
static struct upstream_learn next_learn;
static uint32_t next_attempt;

struct heard {
    uint16_t type;
    uint32_t attempt;
    uint8_t server_index;
    bool is_tcp, is_case_kept, had_cookie, had_edns;
    rt_status why;
    uint32_t size;
};
static struct heard heard[1024];
static unsigned heard_count;

static rt_status asker_start(struct rt_ctx *ctx, void *state, const void *args)
{
    (void)ctx;
    (void)state;
    (void)args;
    return RT_OK;
}

static void send_ask(struct rt_ctx *ctx)
{
    struct upstream_ask msg = {.head = RT_MSG_INIT(UPSTREAM_ASK, struct upstream_ask)};
    struct rt_buf *buf = rt_buf_new(rt_bufs(ctx), sizeof(next_ask));
    memcpy(buf->data, &next_ask, sizeof(next_ask));
    buf->size = sizeof(next_ask);
    msg.head.buf = buf;
    assert_int_equal(rt_send(ctx, upstream, &msg.head), RT_OK);
}

static void hear(const struct rt_msg *msg)
{
    struct heard *out = &heard[heard_count++];
    assert_true(heard_count <= RT_ARRAY_COUNT(heard));
    *out = (struct heard){.type = msg->type};
    if (msg->type == QUERY_REPLY) {
        const struct query_reply *reply = (const struct query_reply *)(const void *)msg;
        out->attempt = reply->attempt;
        out->server_index = reply->server_index;
        out->is_tcp = reply->is_tcp;
        out->is_case_kept = reply->is_case_kept;
        out->had_cookie = reply->had_cookie;
        out->had_edns = reply->had_edns;
        out->size = msg->buf->size;
    } else {
        const struct query_outcome *outcome = (const struct query_outcome *)(const void *)msg;
        out->attempt = outcome->attempt;
        out->server_index = outcome->server_index;
        out->is_tcp = outcome->is_tcp;
        out->why = outcome->why;
    }
}

static void asker_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct upstream_abandon abandon = {
        .head = RT_MSG_INIT(UPSTREAM_ABANDON, struct upstream_abandon), .attempt = next_attempt};
    (void)state;
    switch (msg->type) {
    case ORDER_ASK:
        send_ask(ctx);
        return;
    case ORDER_ABANDON:
        assert_int_equal(rt_send(ctx, upstream, &abandon.head), RT_OK);
        return;
    case ORDER_LEARN:
        assert_int_equal(rt_send(ctx, upstream, &next_learn.head), RT_OK);
        return;
    }
    hear(msg);
}

static const struct rt_actor_type asker_type = {
    .name = "asker",
    .state_size = 8,
    .actors_max = 1,
    .mailbox_cap = 256,
    .msg_name = no_name,
    .start = asker_start,
    .receive = asker_receive,
};

static void order(uint16_t what)
{
    struct rt_msg msg = {.type = what, .size = sizeof(msg)};
    assert_int_equal(rt_core_inject(fake_net.core, asker, &msg), RT_OK);
    fake_run(&world);
}

static const struct rt_addr server_a = {.family = 4, .port = 53, .ip = {192, 0, 2, 1}};
static const struct rt_addr server_b = {.family = 4, .port = 53, .ip = {192, 0, 2, 2}};

static void prepare(uint32_t attempt, bool is_tcp)
{
    next_ask = (struct rs_ask){
        .attempt = attempt,
        .type = RS_A,
        .class = RS_IN,
        .is_tcp = is_tcp,
        .has_edns = true,
        .is_dnssec_ok = true,
        .may_mix_case = true,
        .candidates_count = 1,
        .timeout_ms_max = 6000,
        .candidates = {server_a},
    };
    assert_int_equal(rs_name_parse("abcdefghijklmnopqrstuvwxyz.example.", &next_ask.name), RT_OK);
}

static void ask(uint32_t attempt, bool is_tcp)
{
    prepare(attempt, is_tcp);
    order(ORDER_ASK);
}

static struct fake_sent *last_sent(void)
{
    assert_true(fake_net.sent_count > 0);
    return &fake_net.sent[fake_net.sent_count - 1];
}

enum { COOKIE_AT_END = 4 + 8 }; /* bytes of a COOKIE option with a client part at the end */

/* The question as its reply: the same bytes with QR set. */
static uint32_t reply_to(const uint8_t *question, uint32_t size, uint8_t out[1024])
{
    memcpy(out, question, size);
    out[2] |= 0x80;
    return size;
}

enum { FLIGHTS = 80 }; /* More than a new server's window, less than the fake world's sockets. */

static int set_up(void **state)
{
    (void)state;
    lu_settings_init(&settings, 1);
    settings.queries_max = FLIGHTS / 2;
    memset(&services, 0, sizeof(services));
    memset(&cast, 0, sizeof(cast));
    heard_count = 0;
    services.settings = &settings;
    services.cast = &cast;
    cast.workers_count = 1;
    fake_net_open(&world, &services);
    assert_int_equal(rt_core_cast(fake_net.core, &asker_type, NULL, RT_REF_NONE, &asker), RT_OK);
    assert_int_equal(rt_core_cast(fake_net.core, &upstream_type, NULL, RT_REF_NONE, &upstream),
                     RT_OK);
    fake_run(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rt_fault_set(NULL, NULL);
    fake_pass(&world, 10000); /* Idle connections close. */
    assert_int_equal(fake_open_count(), 0);
    assert_int_equal(rt_buf_pool_in_use(rt_core_bufs(fake_net.core)), 0);
    fake_net_close(&world);
    return 0;
}

/* ---- UDP ---- */

/* RFC5452-9.2: each question has a connected socket of its own, closed with its reply. */
static void a_question_has_its_own_connected_socket_and_the_reply_ends_it(void **state)
{
    (void)state;
    uint8_t reply[1024];
    ask(7, false);
    struct fake_socket *socket = fake_newest(false);
    assert_non_null(socket);
    assert_true(rt_addr_equal(&socket->peer, &server_a));
    assert_true(socket->local.port >= 1024);
    uint32_t size = reply_to(last_sent()->data, last_sent()->size, reply);
    fake_datagram(&world, socket->handle, &server_a, reply, size);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].type, QUERY_REPLY);
    assert_int_equal(heard[0].attempt, 7);
    assert_true(heard[0].is_case_kept && heard[0].had_edns && heard[0].had_cookie);
    assert_int_equal(heard[0].size, size);
    assert_false(socket->is_open);
    fake_datagram(&world, socket->handle, &server_a, reply, size); /* A duplicate. */
    fake_pass(&world, 5000);
    assert_int_equal(heard_count, 1);
}

/* security.md A5, RFC5452-9.2: ports come from the whole range above 1023, IDs from all 65536. */
static void ports_and_ids_use_their_whole_range(void **state)
{
    (void)state;
    unsigned port_quarters[4] = {0}, id_quarters[4] = {0};
    unsigned case_changes = 0;
    uint16_t port_min = UINT16_MAX, port_max = 0;
    for (uint32_t i = 0; i < 400; i++) {
        fake_net.sockets_count = 0;
        fake_net.sent_count = 0;
        ask(i, false);
        uint16_t port = fake_newest(false)->local.port;
        port_min = port < port_min ? port : port_min;
        port_max = port > port_max ? port : port_max;
        port_quarters[(port - 1024) / 16128]++;
        id_quarters[last_sent()->data[0] / 64]++;
        case_changes += (last_sent()->data[13] & 0x20) == 0;
        next_attempt = i;
        order(ORDER_ABANDON);
    }
    assert_true(port_min >= 1024 && port_min < 5000 && port_max > 60000);
    for (unsigned i = 0; i < 4; i++) { /* 100 expected, standard deviation 8.7 */
        assert_in_range(port_quarters[i], 55, 145);
        assert_in_range(id_quarters[i], 55, 145);
    }
    assert_in_range(case_changes, 140, 260); /* 0x20: half of the first letters. */
    assert_int_equal(heard_count, 0);
}

/* A port that is taken costs another try, not the question. */
static void a_port_in_use_is_drawn_again(void **state)
{
    (void)state;
    fake_net.ports_in_use = 5;
    ask(1, false);
    assert_non_null(fake_newest(false));
    fake_net.ports_in_use = 1000;
    ask(2, false);
    fake_net.ports_in_use = 0;
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].attempt, 2);
    assert_int_equal(heard[0].type, QUERY_FAILED);
    assert_int_equal(heard[0].why, RT_FULL);
}

/* security.md A7, A9: wrong IDs and questions are told once; the attempt goes on listening and
 * takes the true reply. */
static void a_near_miss_is_told_once_and_the_true_reply_still_counts(void **state)
{
    (void)state;
    uint8_t reply[1024];
    ask(1, false);
    struct fake_socket *socket = fake_newest(false);
    uint32_t size = reply_to(last_sent()->data, last_sent()->size, reply);
    for (unsigned i = 0; i < 100; i++) {
        reply[0]++;
        fake_datagram(&world, socket->handle, &server_a, reply, size);
    }
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].type, QUERY_NEAR_MISS);
    fake_datagram(&world, socket->handle, &server_a, "junk", 4);
    assert_int_equal(heard_count, 1);
    reply[0] = (uint8_t)(reply[0] - 100);
    fake_datagram(&world, socket->handle, &server_a, reply, size);
    assert_int_equal(heard_count, 2);
    assert_int_equal(heard[1].type, QUERY_REPLY);
}

/* 0x20: other letters than were sent are told, so that the query can ask more carefully; a server
 * known for it is not tried with mixed case any more, and its letters do not count. */
static void changed_letters_are_told_unless_they_were_not_mixed(void **state)
{
    (void)state;
    uint8_t reply[1024];
    ask(1, false);
    uint32_t size = reply_to(last_sent()->data, last_sent()->size, reply);
    for (unsigned i = 13; i < 39; i++) {
        reply[i] ^= 0x20;
    }
    fake_datagram(&world, fake_newest(false)->handle, &server_a, reply, size);
    assert_int_equal(heard[0].type, QUERY_REPLY);
    assert_false(heard[0].is_case_kept);

    next_learn = (struct upstream_learn){.head = RT_MSG_INIT(UPSTREAM_LEARN, struct upstream_learn),
                                         .server = server_a,
                                         .flag = RS_SERVER_NO_0X20};
    order(ORDER_LEARN);
    ask(2, false);
    assert_memory_equal(last_sent()->data + 13, "abcdefghijklmnopqrstuvwxyz", 26);
    size = reply_to(last_sent()->data, last_sent()->size, reply);
    reply[14] ^= 0x20;
    fake_datagram(&world, fake_newest(false)->handle, &server_a, reply, size);
    assert_int_equal(heard[1].type, QUERY_REPLY);
    assert_true(heard[1].is_case_kept);
}

/* RFC6891-6.2.3: what is told is what is taken, whatever net.bufsize says. */
static void no_larger_datagram_is_asked_for_than_is_taken(void **state)
{
    (void)state;
    enum { OPT_AT_END = 11 + 4 + 8, CLASS = 3 };
    settings.resolver.payload_up = 65535;
    ask(1, false);
    const uint8_t *opt = last_sent()->data + last_sent()->size - OPT_AT_END;
    assert_int_equal(opt[CLASS] << 8 | opt[CLASS + 1], RT_DATAGRAM_BYTES_MAX);
}

/* A query at the end of its time waits for less than the server may need: that says nothing about
 * the server, which others will wait for. */
static void a_wait_cut_short_is_no_loss_of_the_servers(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 4; i++) {
        prepare(i, false);
        next_ask.timeout_ms_max = 3;
        order(ORDER_ASK);
        fake_pass(&world, 10);
        assert_int_equal(heard[i - 1].type, QUERY_TIMEOUT);
    }
    ask(5, false);
    fake_pass(&world, 399);
    assert_int_equal(heard_count, 4);
    fake_pass(&world, 10);
    assert_int_equal(heard_count, 5);
}

/* Silence ends in exactly one QUERY_TIMEOUT, and never later than the query allows. */
static void silence_is_one_timeout(void **state)
{
    (void)state;
    ask(1, false);
    fake_pass(&world, 399);
    assert_int_equal(heard_count, 0);
    fake_pass(&world, 10);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].type, QUERY_TIMEOUT);
    assert_false(fake_newest(false) != NULL);

    prepare(2, false);
    next_ask.timeout_ms_max = 20; /* What the budget leaves. */
    order(ORDER_ASK);
    fake_pass(&world, 30);
    assert_int_equal(heard_count, 2);
    fake_pass(&world, 10000);
    assert_int_equal(heard_count, 2);
    assert_int_equal(atomic_load(&services.counters.upstream_timeouts), 2);
}

/* ICMP for our own socket: the attempt is over at once. */
static void an_icmp_error_is_a_refusal(void **state)
{
    (void)state;
    ask(1, false);
    fake_icmp(&world, fake_newest(false)->handle);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].type, QUERY_FAILED);
    assert_int_equal(heard[0].why, RT_REFUSED);
}

/* After UPSTREAM_ABANDON nothing is heard, and nothing stays open. */
static void an_abandoned_attempt_is_silent(void **state)
{
    (void)state;
    ask(1, false);
    ask(2, true);
    next_attempt = 1;
    order(ORDER_ABANDON);
    next_attempt = 2;
    order(ORDER_ABANDON);
    order(ORDER_ABANDON); /* An unknown one is ignored. */
    assert_int_equal(fake_open_count(), 0);
    fake_pass(&world, 5000);
    assert_int_equal(heard_count, 0);
}

/* No candidate is left: said at once, with no server blamed. */
static void without_a_candidate_the_query_hears_so(void **state)
{
    (void)state;
    prepare(1, false);
    next_ask.excluded = 1;
    order(ORDER_ASK);
    assert_int_equal(heard[0].type, QUERY_FAILED);
    assert_int_equal(heard[0].why, RT_GONE);
    assert_int_equal(heard[0].server_index, UINT8_MAX);
}

/* The table of flights is bounded; what does not fit fails at once. */
static void a_full_table_is_told(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FLIGHTS + 2; i++) {
        ask(i, i % 2 == 0);
    }
    assert_int_equal(heard_count, 2);
    assert_int_equal(heard[0].attempt, FLIGHTS);
    assert_int_equal(heard[0].why, RT_FULL);
    assert_int_equal(heard[1].attempt, FLIGHTS + 1);
    assert_int_equal(heard[1].server_index, UINT8_MAX);
    for (next_attempt = 0; next_attempt < FLIGHTS; next_attempt++) {
        order(ORDER_ABANDON);
    }
    fake_net.open_status = RT_FULL; /* No socket is left: the same. */
    ask(70, false);
    ask(71, true);
    assert_int_equal(heard_count, 4);
    assert_int_equal(heard[2].why, RT_FULL);
    assert_int_equal(heard[3].why, RT_FULL);
}

/* RFC8085-3.1: a server that is new to us gets 64 questions at once. The next ones wait, go out in
 * order as replies come, and fail without blame when none does in time. */
static void questions_wait_for_room_in_a_servers_window(void **state)
{
    (void)state;
    uint8_t reply[1024];
    for (uint32_t i = 0; i < RS_SERVER_WINDOW_FIRST; i++) {
        ask(i, false);
    }
    unsigned sent = fake_net.sent_count;
    assert_int_equal(sent, RS_SERVER_WINDOW_FIRST);
    ask(100, false);
    ask(101, false);
    ask(102, false);
    assert_int_equal(fake_net.sent_count, sent);
    next_attempt = 100; /* One that waits can be abandoned. */
    order(ORDER_ABANDON);

    struct fake_socket *socket = fake_newest(false);
    uint32_t size = reply_to(last_sent()->data, last_sent()->size, reply);
    fake_datagram(&world, socket->handle, &server_a, reply, size);
    assert_int_equal(heard_count, 1);
    assert_int_equal(fake_net.sent_count, sent + 2); /* One left, and the window is one wider. */

    ask(103, false);
    assert_int_equal(fake_net.sent_count, sent + 2);
    next_ask.timeout_ms_max = RS_TIMEOUT_MS_MIN / 2;
    next_ask.attempt = 104;
    order(ORDER_ASK);
    fake_pass(&world, RS_TIMEOUT_MS_MIN - 10); /* Before any question in flight is given up. */
    assert_int_equal(heard_count, 2);
    assert_int_equal(heard[1].attempt, 104);
    assert_int_equal(heard[1].type, QUERY_FAILED);
    assert_int_equal(heard[1].why, RT_FULL);
    fake_pass(&world, 5000);
    assert_int_equal(heard_count, RS_SERVER_WINDOW_FIRST + 4);
}

/* ---- cookies ---- */

/* Puts a server part behind our client cookie, which stands at the end of the question. */
static uint32_t with_server_cookie(uint8_t *reply, uint32_t size)
{
    uint8_t *opt_size = reply + size - COOKIE_AT_END - 2;
    uint8_t *option_size = reply + size - COOKIE_AT_END + 2;
    assert_int_equal(opt_size[1], COOKIE_AT_END);
    assert_int_equal(option_size[1], 8);
    memset(reply + size, 0xAB, 16);
    opt_size[1] = COOKIE_AT_END + 16;
    option_size[1] = 24;
    return size + 16;
}

/* RFC7873-5.1, -5.3: the server's cookie is learnt and shown to it; from then on replies without
 * our own client cookie are forgeries. */
static void a_server_cookie_is_learnt_and_then_demanded(void **state)
{
    (void)state;
    uint8_t reply[1024];
    ask(1, false);
    uint32_t plain_size = last_sent()->size;
    uint32_t size = with_server_cookie(reply, reply_to(last_sent()->data, plain_size, reply));
    fake_datagram(&world, fake_newest(false)->handle, &server_a, reply, size);
    assert_int_equal(heard[0].type, QUERY_REPLY);

    ask(2, false);
    assert_int_equal(last_sent()->size, plain_size + 16);
    assert_int_equal(last_sent()->data[plain_size], 0xAB);
    struct fake_socket *socket = fake_newest(false);
    size = reply_to(last_sent()->data, last_sent()->size, reply);
    reply[11] = 0; /* ARCOUNT: the forger does not know the cookie, so it sends none. */
    fake_datagram(&world, socket->handle, &server_a, reply, plain_size - COOKIE_AT_END - 11);
    assert_int_equal(heard_count, 2);
    assert_int_equal(heard[1].type, QUERY_NEAR_MISS);
    reply[11] = 1;
    reply[plain_size - 1] ^= 1; /* Nor does a guess help. */
    fake_datagram(&world, socket->handle, &server_a, reply, size);
    assert_int_equal(heard_count, 2);
    reply[plain_size - 1] ^= 1;
    fake_datagram(&world, socket->handle, &server_a, reply, size);
    assert_int_equal(heard_count, 3);
    assert_int_equal(heard[2].type, QUERY_REPLY);
}

/* RFC7873-4.1: each server sees a client cookie of its own. */
static void servers_see_different_client_cookies(void **state)
{
    (void)state;
    uint8_t first[8];
    ask(1, false);
    memcpy(first, last_sent()->data + last_sent()->size - 8, 8);
    prepare(2, false);
    next_ask.candidates[0] = server_b;
    order(ORDER_ASK);
    assert_memory_not_equal(first, last_sent()->data + last_sent()->size - 8, 8);
    fake_pass(&world, 3000);
}

/* ---- TCP ---- */

static uint32_t framed_reply(const uint8_t *framed_question, uint8_t out[1024])
{
    uint32_t size = 2 + (uint32_t)(framed_question[0] << 8 | framed_question[1]);
    memcpy(out, framed_question, size);
    out[4] |= 0x80;
    return size;
}

/* RFC7766-6.2.1.1, -7: questions to one server share a connection; replies may come in any order;
 * RFC7766-8: the length stands in the same write. */
static void questions_share_a_connection_and_replies_come_in_any_order(void **state)
{
    (void)state;
    uint8_t reply[1024];
    ask(1, true);
    ask(2, true);
    struct fake_socket *stream = fake_newest(true);
    assert_int_equal(fake_open_count(), 1);
    assert_int_equal(stream->writes, 0); /* It does not stand yet. */
    fake_stream_event(&world, stream, RT_IO_CONNECTED, RT_OK);
    assert_int_equal(stream->writes, 2);
    uint32_t half = stream->written_size / 2;
    assert_int_equal(stream->written[0] << 8 | stream->written[1], half - 2);

    uint32_t size = framed_reply(stream->written + half, reply);
    for (uint32_t i = 0; i < size; i++) { /* In single bytes. */
        fake_bytes(&world, stream, reply + i, 1);
    }
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].attempt, 2);
    assert_true(heard[0].is_tcp);
    size = framed_reply(stream->written, reply);
    fake_bytes(&world, stream, reply, size);
    assert_int_equal(heard_count, 2);
    assert_int_equal(heard[1].attempt, 1);

    fake_pass(&world, 1000);
    ask(3, true); /* Reused while it is open (RFC7766-6.2.1). */
    assert_int_equal(fake_open_count(), 1);
    assert_int_equal(stream->writes, 3);
    size = framed_reply(stream->written + 2 * half, reply);
    fake_bytes(&world, stream, reply, size);
    assert_int_equal(heard_count, 3);
    fake_pass(&world, 3000);
    assert_int_equal(fake_open_count(), 0);
}

/* A refused connection fails every question that waits for it, each once. */
static void a_refused_connection_fails_all_its_questions_once(void **state)
{
    (void)state;
    ask(1, true);
    ask(2, true);
    fake_stream_event(&world, fake_newest(true), RT_IO_CLOSED, RT_REFUSED);
    assert_int_equal(heard_count, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(heard[i].type, QUERY_FAILED);
        assert_int_equal(heard[i].why, RT_REFUSED);
    }
    fake_pass(&world, 5000);
    assert_int_equal(heard_count, 2);
}

/* Over TCP nobody forges: a wrong reply to our ID ends the attempt, so that there is time to ask
 * another server. Later replies to nobody are ignored. */
static void a_wrong_reply_over_tcp_ends_the_attempt(void **state)
{
    (void)state;
    uint8_t reply[1024];
    ask(1, true);
    struct fake_socket *stream = fake_newest(true);
    fake_stream_event(&world, stream, RT_IO_CONNECTED, RT_OK);
    uint32_t size = framed_reply(stream->written, reply);
    reply[2]++;
    fake_bytes(&world, stream, reply, size); /* Another ID: of a question given up. */
    assert_int_equal(heard_count, 0);
    reply[2]--;
    reply[16] = 'X'; /* Another name. */
    fake_bytes(&world, stream, reply, size);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].type, QUERY_FAILED);
    assert_int_equal(heard[0].why, RT_MALFORMED);
}

/* What a silent connection carries times out; it gets no new question. */
static void a_silent_connection_is_not_used_again(void **state)
{
    (void)state;
    ask(1, true);
    struct fake_socket *first = fake_newest(true);
    fake_stream_event(&world, first, RT_IO_CONNECTED, RT_OK);
    fake_pass(&world, 1500);
    ask(2, true);
    fake_pass(&world, 600);
    assert_int_equal(heard_count, 1);
    assert_int_equal(heard[0].type, QUERY_TIMEOUT);
    assert_true(heard[0].is_tcp);
    ask(3, true);
    assert_int_equal(fake_open_count(), 2);
    fake_pass(&world, 5000);
    assert_int_equal(heard_count, 3);
}

/* A connection that is full takes the rest when it has room. */
static void a_full_stream_gets_the_rest_later(void **state)
{
    (void)state;
    ask(0, true);
    struct fake_socket *stream = fake_newest(true);
    stream->does_not_read = true;
    fake_stream_event(&world, stream, RT_IO_CONNECTED, RT_OK);
    for (uint32_t i = 1; i < 40; i++) {
        ask(i, true);
    }
    assert_int_equal(stream->writes, RT_STREAM_WRITES_MAX);
    fake_stream_event(&world, stream, RT_IO_WRITTEN, RT_OK);
    assert_int_equal(stream->writes, 40);
    fake_stream_event(&world, stream, RT_IO_CLOSED, RT_RESET);
    assert_int_equal(heard_count, 40);
}

/* ---- the end, and lost messages ---- */

/* No query waits for an upstream that is no more. */
static void a_killed_upstream_tells_every_query(void **state)
{
    (void)state;
    ask(1, false);
    ask(2, true);
    rt_core_kill(fake_net.core, upstream);
    fake_run(&world);
    assert_int_equal(heard_count, 2);
    assert_int_equal(heard[0].type, QUERY_TIMEOUT);
    fake_pass(&world, 2000);
    ask(3, false); /* It works again. */
    assert_non_null(fake_newest(false));
    fake_pass(&world, 1000);
    assert_int_equal(heard_count, 3);
}

static unsigned fault_left;
static bool fault_first(void *arg, enum rt_fault_site site)
{
    (void)arg;
    return site == RT_FAULT_MSG && fault_left > 0 && fault_left-- > 0;
}

/* An outcome that finds the query's mailbox full is owed, not lost. */
static void an_outcome_is_owed_to_a_full_query(void **state)
{
    (void)state;
    uint8_t reply[1024];
    ask(1, false);
    ask(2, true);
    uint32_t size = reply_to(fake_net.sent[0].data, fake_net.sent[0].size, reply);
    rt_fault_set(fault_first, NULL);
    fault_left = 3;
    fake_datagram(&world, fake_net.sent[0].handle, &server_a, reply, size);
    fake_stream_event(&world, fake_newest(true), RT_IO_CLOSED, RT_REFUSED);
    assert_int_equal(heard_count, 0);
    fake_pass(&world, 50);
    rt_fault_set(NULL, NULL);
    assert_int_equal(heard_count, 2);
    assert_int_equal(fake_open_count(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_question_has_its_own_connected_socket_and_the_reply_ends_it),
        TEST(ports_and_ids_use_their_whole_range),
        TEST(a_port_in_use_is_drawn_again),
        TEST(a_near_miss_is_told_once_and_the_true_reply_still_counts),
        TEST(changed_letters_are_told_unless_they_were_not_mixed),
        TEST(no_larger_datagram_is_asked_for_than_is_taken),
        TEST(a_wait_cut_short_is_no_loss_of_the_servers),
        TEST(silence_is_one_timeout),
        TEST(an_icmp_error_is_a_refusal),
        TEST(an_abandoned_attempt_is_silent),
        TEST(without_a_candidate_the_query_hears_so),
        TEST(a_full_table_is_told),
        TEST(questions_wait_for_room_in_a_servers_window),
        TEST(a_server_cookie_is_learnt_and_then_demanded),
        TEST(servers_see_different_client_cookies),
        TEST(questions_share_a_connection_and_replies_come_in_any_order),
        TEST(a_refused_connection_fails_all_its_questions_once),
        TEST(a_wrong_reply_over_tcp_ends_the_attempt),
        TEST(a_silent_connection_is_not_used_again),
        TEST(a_full_stream_gets_the_rest_later),
        TEST(a_killed_upstream_tells_every_query),
        TEST(an_outcome_is_owed_to_a_full_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
