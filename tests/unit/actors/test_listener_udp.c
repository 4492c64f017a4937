/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/listener_udp.h"
#include "resolver/cookie.h"
#include "runtime/base/fault.h"
#include "tests/unit/actors/listening.h"

static struct listener_udp_args args;
static rt_ref listener;
static struct fake_socket *socket_;

static int set_up(void **state)
{
    (void)state;
    listening_open();
    args = (struct listener_udp_args){.listen = &listen_on, .adopt_fd = -1};
    assert_int_equal(rt_core_cast(fake_net.core, &listener_udp_type, &args, RT_REF_NONE, &listener),
                     RT_OK);
    fake_run(&world);
    assert_int_equal(ready_count, 1);
    assert_int_equal(ready_status, RT_OK);
    socket_ = fake_newest(false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rt_fault_set(NULL, NULL);
    listening_close();
    return 0;
}

static uint8_t wire[512];

static void send_from(const struct rt_addr *peer, uint32_t size)
{
    fake_datagram(&world, socket_->handle, peer, wire, size);
}

/* One question from a served client; whatever comes back at once is in fake_net.sent. */
static void ask(uint16_t id, const char *name, uint16_t type, uint16_t payload)
{
    send_from(&client_addr, question_of(wire, id, name, type, payload));
}

static const struct fake_sent *reply(void)
{
    assert_true(fake_net.sent_count > 0);
    return &fake_net.sent[fake_net.sent_count - 1];
}

/* RFC8914: the code of the EDE option at the end of a reply without EDE text. */
static int ede_of(const struct fake_sent *sent)
{
    const uint8_t *end = sent->data + sent->size;
    return end[-5] == 15 && end[-3] == 2 ? end[-2] << 8 | end[-1] : -1;
}

/* ---- the way of a question ---- */

/* A miss goes to the home desk with all that is needed to reply, and only then the client hears. */
static void a_miss_goes_to_the_desk_and_its_answer_to_the_client(void **state)
{
    (void)state;
    uint32_t size = question_of(wire, 77, "www.example.", RS_TXT, 1232);
    memcpy(wire + 13, "WwW", 3);
    send_from(&client_addr, size);
    assert_int_equal(fake_net.sent_count, 0);
    assert_int_equal(asks_count, 1);
    assert_int_equal(asks[0].asker.flags, ASKER_RD | ASKER_EDNS);
    assert_int_not_equal(asks[0].head.trace_id, 0);
    desk_answers(0, 2);
    assert_int_equal(fake_net.sent_count, 1);
    assert_true(rt_addr_equal(&reply()->peer, &client_addr));
    assert_int_equal(id_of(reply()->data), 77);
    assert_int_equal(ancount_of(reply()->data), 2);
    assert_memory_equal(reply()->data + 12, "\3WwW\7", 5); /* In the client's letters. */
}

/* The second time the answer cache of this core knows it: no message. (The desk of the same core
 * keeps it; across cores the listener does.) */
static void an_answer_from_another_core_is_kept(void **state)
{
    (void)state;
    services.worker = 1; /* As if this were not the home core. */
    ask(1, "www.example.", RS_TXT, 1232);
    desk_answers(0, 1);
    ask(2, "www.example.", RS_TXT, 0);
    assert_int_equal(asks_count, 1);
    assert_int_equal(fake_net.sent_count, 2);
    assert_int_equal(id_of(reply()->data), 2);
    assert_int_equal(ancount_of(reply()->data), 1);
    assert_int_equal(atomic_load(&services.counters.hits_answer_cache), 1);
}

/* Replies of one batch leave in one call. */
static void a_batch_is_answered_with_one_send(void **state)
{
    (void)state;
    static uint8_t wires[RT_DATAGRAM_BATCH][512];
    struct rt_datagram items[RT_DATAGRAM_BATCH];
    for (unsigned i = 0; i < RT_DATAGRAM_BATCH; i++) {
        items[i] = (struct rt_datagram){.peer = client_addr, .data = wires[i]};
        items[i].size = question_of(wires[i], (uint16_t)i, "www.example.", RS_ANY, 1232);
    }
    struct rt_io_datagrams msg = {.head = RT_MSG_INIT(RT_IO_DATAGRAMS, struct rt_io_datagrams),
                                  .handle = socket_->handle,
                                  .count = RT_DATAGRAM_BATCH,
                                  .items = items};
    fake_deliver(&world, listener, &msg.head);
    assert_int_equal(fake_net.sent_count, RT_DATAGRAM_BATCH);
    assert_int_equal(fake_net.calls, 1);
    for (unsigned i = 0; i < RT_DATAGRAM_BATCH; i++) {
        assert_int_equal(id_of(fake_net.sent[i].data), i);
    }
}

/* ---- judgement ---- */

/* RFC5358-4: strangers are refused, whatever they ask, and no desk hears of it. */
static void a_client_outside_the_acl_is_refused(void **state)
{
    (void)state;
    send_from(&stranger_addr, question_of(wire, 1, "www.example.", RS_A, 1232));
    assert_int_equal(rcode_of(reply()->data), RS_REFUSED);
    assert_int_equal(ede_of(reply()), RS_EDE_PROHIBITED);
    uint32_t size = question_of(wire, 2, "www.example.", RS_AXFR, 1232);
    send_from(&stranger_addr, size);
    assert_int_equal(ede_of(reply()), RS_EDE_PROHIBITED);
    assert_int_equal(asks_count, 0);
    assert_int_equal(atomic_load(&services.counters.refused), 2);
}

/* Nobody looks into our cache with RD=0 (modules.md DECIDE-1). */
static void a_question_without_rd_is_refused(void **state)
{
    (void)state;
    uint32_t size = question_of(wire, 1, "www.example.", RS_A, 1232);
    wire[2] = 0;
    send_from(&client_addr, size);
    assert_int_equal(rcode_of(reply()->data), RS_REFUSED);
    assert_int_equal(ede_of(reply()), RS_EDE_NOT_AUTHORITATIVE);
}

/* RFC8906-3: odd but honest questions get their rcode, never silence. RFC5936-2.2, RFC1035: AXFR
 * over UDP too. RFC9619: QDCOUNT. */
static void odd_questions_get_the_right_rcode(void **state)
{
    (void)state;
    uint32_t size = question_of(wire, 1, "www.example.", RS_A, 1232);
    wire[2] = 1 | 4 << 3; /* NOTIFY */
    send_from(&client_addr, size);
    assert_int_equal(rcode_of(reply()->data), RS_NOTIMP);

    ask(2, "www.example.", RS_AXFR, 0);
    assert_int_equal(rcode_of(reply()->data), RS_REFUSED);
    ask(3, "www.example.", RS_IXFR, 0);
    assert_int_equal(rcode_of(reply()->data), RS_REFUSED);

    size = question_of(wire, 4, "www.example.", RS_A, 0);
    wire[size - 1] = 3; /* CH */
    send_from(&client_addr, size);
    assert_int_equal(rcode_of(reply()->data), RS_REFUSED);

    size = question_of(wire, 5, "www.example.", RS_A, 0);
    wire[5] = 2; /* QDCOUNT */
    send_from(&client_addr, size);
    assert_int_equal(rcode_of(reply()->data), RS_FORMERR);

    size = question_of(wire, 6, "www.example.", RS_A, 1232);
    wire[size - 5] = 1; /* EDNS version 1: BADVERS is 16 = 1 << 4 | 0 (RFC6891-6.1.3). */
    send_from(&client_addr, size);
    assert_int_equal(rcode_of(reply()->data), 0);
    assert_int_equal(reply()->data[reply()->size - 6], 1);
    assert_int_equal(fake_net.sent_count, 6);
    assert_int_equal(asks_count, 0);
}

/* No echo wars: neither responses nor fragments of a header are answered. */
static void what_is_no_question_is_dropped_and_counted(void **state)
{
    (void)state;
    uint32_t size = question_of(wire, 1, "www.example.", RS_A, 0);
    wire[2] |= 0x80;
    send_from(&client_addr, size);
    send_from(&client_addr, 11);
    struct rt_addr no_port = client_addr;
    no_port.port = 0;
    send_from(&no_port, question_of(wire, 1, "www.example.", RS_A, 0));
    assert_int_equal(fake_net.sent_count, 0);
    assert_int_equal(asks_count, 0);
    assert_int_equal(atomic_load(&services.counters.dropped), 3);
}

/* RFC8482-4.2: ANY gets one small HINFO. */
static void any_is_answered_minimally(void **state)
{
    (void)state;
    ask(1, "www.example.", RS_ANY, 1232);
    assert_int_equal(rcode_of(reply()->data), RS_NOERROR);
    assert_int_equal(ancount_of(reply()->data), 1);
    assert_true(reply()->size < 100);
    const uint8_t *record = reply()->data + 12 + 13 + 4 + 2; /* behind the compressed owner */
    assert_memory_equal(record, "\0\15\0\1\0\0\16\20\0\11\7RFC8482\0", 19);
    assert_int_equal(asks_count, 0);
}

/* ---- sizes ---- */

/* RFC1035-4.2.1, RFC6891-6.2.3, RFC9715-3.1: 512 without EDNS, at least 512 with it, never more
 * than the client takes nor than ours. Beyond that: TC. */
static void a_reply_never_exceeds_what_client_and_path_take(void **state)
{
    (void)state;
    const struct {
        uint16_t payload;
        uint32_t size_max;
        bool is_cut;
    } cases[] = {{0, 512, true},
                 {100, 512, true},
                 {600, 600, true},
                 {1232, 1232, false},
                 {4096, 1232, false}};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(cases); i++) {
        ask(1, "www.example.", RS_TXT, cases[i].payload);
        desk_answers(asks_count - 1, 10); /* about 1150 bytes */
        assert_true(reply()->size <= cases[i].size_max);
        assert_int_equal(is_truncated(reply()->data), cases[i].is_cut);
        rs_answers_clear(services.answers);
    }
    ask(1, "www.example.", RS_TXT, 4096);
    desk_answers(asks_count - 1, 14);
    assert_true(is_truncated(reply()->data));
}

/* ---- cookies ---- */

static uint32_t add_cookie(uint32_t size, const uint8_t *cookie, uint8_t cookie_size)
{
    wire[size - 1] = (uint8_t)(4 + cookie_size);
    const uint8_t head[4] = {0, 10, 0, cookie_size};
    memcpy(wire + size, head, 4);
    memcpy(wire + size + 4, cookie, cookie_size);
    return size + 4 + cookie_size;
}

/* RFC7873-5.2.3, RFC9018: who shows a client cookie gets a server cookie; who shows that again is
 * verified; a forged one never is (security.md F8). */
static void cookies_are_given_and_believed_only_when_ours(void **state)
{
    (void)state;
    uint8_t cookie[24] = "clientXY";
    uint32_t size = question_of(wire, 1, "www.example.", RS_A, 1232);
    send_from(&client_addr, add_cookie(size, cookie, 8));
    assert_int_equal(asks_count, 1);
    assert_false((asks[0].asker.flags & ASKER_VERIFIED) != 0);
    desk_answers(0, 0);
    memcpy(cookie, reply()->data + reply()->size - 24, 24);
    assert_memory_equal(cookie, "clientXY", 8);

    size = question_of(wire, 2, "www2.example.", RS_A, 1232);
    send_from(&client_addr, add_cookie(size, cookie, 24));
    assert_true((asks[1].asker.flags & ASKER_VERIFIED) != 0);
    assert_int_equal(atomic_load(&services.counters.cookies_valid), 1);

    for (unsigned i = 0; i < 24; i++) { /* Any bit, any other address. */
        uint8_t forged[24];
        memcpy(forged, cookie, 24);
        forged[i] ^= 1;
        size = question_of(wire, 3, "www3.example.", RS_A, 1232);
        send_from(&client_addr, add_cookie(size, forged, 24));
        assert_false((asks[asks_count - 1].asker.flags & ASKER_VERIFIED) != 0);
    }
    struct rt_addr other = client_addr;
    other.ip[3]++;
    size = question_of(wire, 4, "www4.example.", RS_A, 1232);
    send_from(&other, add_cookie(size, cookie, 24));
    assert_false((asks[asks_count - 1].asker.flags & ASKER_VERIFIED) != 0);
}

/* RFC7873-5.4: a query without question, only to get a cookie. */
static void a_cookie_alone_may_be_asked_for(void **state)
{
    (void)state;
    uint8_t probe[27] = {0, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 41, 4, 0xD0};
    memcpy(wire, probe, 23);
    send_from(&client_addr, add_cookie(23, (const uint8_t *)"clientXY", 8));
    assert_int_equal(rcode_of(reply()->data), RS_NOERROR);
    assert_int_equal(reply()->data[5], 0);
    assert_memory_equal(reply()->data + reply()->size - 24, "clientXY", 8);
    memcpy(wire, probe, 23);
    send_from(&client_addr, 23); /* Without a cookie it is malformed. */
    assert_int_equal(rcode_of(reply()->data), RS_FORMERR);
}

/* ---- nobody is left without an answer ---- */

static bool fault_msg(void *arg, enum rt_fault_site site)
{
    (void)arg;
    return site == RT_FAULT_MSG;
}

static void a_full_desk_is_servfail_at_once(void **state)
{
    (void)state;
    rt_fault_set(fault_msg, NULL);
    ask(5, "www.example.", RS_A, 1232);
    rt_fault_set(NULL, NULL);
    assert_int_equal(fake_net.sent_count, 1);
    assert_int_equal(rcode_of(reply()->data), RS_SERVFAIL);
    assert_int_equal(atomic_load(&services.counters.shed), 1);
    ask(6, "www.example.", RS_A, 1232);
    desk_sheds(0);
    assert_int_equal(fake_net.sent_count, 2);
    assert_int_equal(rcode_of(reply()->data), RS_SERVFAIL);
    assert_int_equal(ede_of(reply()), RS_EDE_OTHER);
}

/* A question that was lost between cores comes back as UNDELIVERED, and its client hears SERVFAIL;
 * a message that is not known any more is counted. */
static void a_question_lost_between_cores_is_servfail(void **state)
{
    (void)state;
    services.worker = 1;
    ask(5, "www.example.", RS_A, 1232);
    assert_int_equal(fake_net.sent_count, 0);
    struct rt_msg_undelivered lost = {
        .head = RT_MSG_INIT(RT_MSG_UNDELIVERED, struct rt_msg_undelivered),
        .to = desk,
        .why = RT_FULL,
        .lost_type = DESK_ASK,
    };
    lost.head.cookie = asks[0].head.cookie;
    fake_deliver(&world, listener, &lost.head);
    assert_int_equal(fake_net.sent_count, 1);
    assert_int_equal(rcode_of(reply()->data), RS_SERVFAIL);
    assert_int_equal(id_of(reply()->data), 5);
    fake_deliver(&world, listener, &lost.head);
    assert_int_equal(fake_net.sent_count, 1);
    assert_int_equal(atomic_load(&services.counters.dropped), 1);
}

/* A restarted listener opens a socket of its own, replies to questions of its predecessor, and does
 * not report to the supervisor again. */
static void a_restarted_listener_goes_on(void **state)
{
    (void)state;
    ask(5, "www.example.", RS_TXT, 1232);
    rt_core_kill(fake_net.core, listener);
    fake_pass(&world, 100);
    assert_false(socket_->is_open);
    assert_int_equal(ready_count, 1);
    socket_ = fake_newest(false);
    assert_non_null(socket_);
    desk_answers(0, 1);
    assert_int_equal(fake_net.sent_count, 1);
    assert_int_equal(reply()->handle, socket_->handle);
    ask(6, "other.example.", RS_TXT, 1232);
    assert_int_equal(asks_count, 2);
}

/* The supervisor hears why a listener cannot open. */
static void a_socket_that_cannot_open_is_reported(void **state)
{
    (void)state;
    struct listener_udp_args other = {.listen = &listen_on, .adopt_fd = -1};
    rt_ref second;
    fake_net.open_status = RT_IN_USE;
    assert_int_equal(rt_core_cast(fake_net.core, &listener_udp_type, &other, RT_REF_NONE, &second),
                     RT_OK);
    fake_run(&world);
    assert_int_equal(ready_count, 2);
    assert_int_equal(ready_status, RT_IN_USE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_miss_goes_to_the_desk_and_its_answer_to_the_client),
        TEST(an_answer_from_another_core_is_kept),
        TEST(a_batch_is_answered_with_one_send),
        TEST(a_client_outside_the_acl_is_refused),
        TEST(a_question_without_rd_is_refused),
        TEST(odd_questions_get_the_right_rcode),
        TEST(what_is_no_question_is_dropped_and_counted),
        TEST(any_is_answered_minimally),
        TEST(a_reply_never_exceeds_what_client_and_path_take),
        TEST(cookies_are_given_and_believed_only_when_ours),
        TEST(a_cookie_alone_may_be_asked_for),
        TEST(a_full_desk_is_servfail_at_once),
        TEST(a_question_lost_between_cores_is_servfail),
        TEST(a_restarted_listener_goes_on),
        TEST(a_socket_that_cannot_open_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
