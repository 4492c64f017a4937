/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "actors/framing.h"
#include "actors/listener_tcp.h"
#include "actors/listener_tcp_msg.h"
#include "runtime/base/fault.h"
#include "tests/unit/actors/listening.h"

static struct listener_tcp_args args;
static rt_ref listener;
static rt_handle listening;

static void open_for_clients(void)
{
    struct rt_msg go = {.type = LISTENER_TCP_OPEN, .size = sizeof(go)};
    assert_int_equal(rt_core_cast(fake_net.core, &listener_tcp_type, &args, RT_REF_NONE, &listener),
                     RT_OK);
    fake_run(&world);
    assert_int_equal(ready_count, 0); /* Not before everything else stands. */
    assert_int_equal(fake_open_count(), 0);
    assert_int_equal(rt_core_inject(fake_net.core, listener, &go), RT_OK);
    fake_run(&world);
    assert_int_equal(ready_count, 1);
    assert_int_equal(ready_status, RT_OK);
    listening = fake_net.sockets[0].handle;
}

static int set_up(void **state)
{
    (void)state;
    listening_open();
    settings.tcp_clients_max = 4;
    settings.tcp_pipeline = 10;
    args = (struct listener_tcp_args){.listen = &listen_on, .adopt_fd = -1};
    open_for_clients();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rt_fault_set(NULL, NULL);
    fake_pass(&world, 60000); /* Every connection ends in time. */
    assert_true(fake_open_count() <= 1);
    assert_int_equal(atomic_load(&services.counters.tcp_clients), 0);
    listening_close();
    return 0;
}

static uint32_t framed(uint8_t *out, uint16_t id, const char *name, uint16_t type)
{
    uint32_t size = question_of(out + 2, id, name, type, 0);
    framing_prefix(out, size);
    return 2 + size;
}

static void ask(struct fake_socket *stream, uint16_t id, const char *name, uint16_t type)
{
    uint8_t bytes[512];
    fake_bytes(&world, stream, bytes, framed(bytes, id, name, type));
}

/* Message number `index` of what the client got; its size in *size. NULL: not so many. */
static const uint8_t *got(const struct fake_socket *stream, unsigned index, uint32_t *size)
{
    uint32_t at = 0;
    for (unsigned i = 0; at + 2 <= stream->written_size; i++) {
        *size = (uint32_t)(stream->written[at] << 8 | stream->written[at + 1]);
        if (i == index) {
            return stream->written + at + 2;
        }
        at += 2 + *size;
    }
    return NULL;
}

static unsigned got_count(const struct fake_socket *stream)
{
    uint32_t size;
    unsigned count = 0;
    while (got(stream, count, &size) != NULL) {
        count++;
    }
    return count;
}

/* ---- questions and answers ---- */

/* RFC7766-6.2.1.1, -7: questions are not held up by each other; answers come as they are ready. */
static void answers_come_in_the_order_in_which_they_are_ready(void **state)
{
    (void)state;
    uint32_t size;
    struct fake_socket *stream = fake_accept(&world, listening, &client_addr);
    ask(stream, 1, "slow.example.", RS_TXT);
    ask(stream, 2, "fast.example.", RS_TXT);
    ask(stream, 3, "any.example.", RS_ANY);
    assert_int_equal(asks_count, 2);
    assert_int_equal(asks[0].asker.flags, ASKER_RD | ASKER_TCP | ASKER_VERIFIED);
    desk_answers(1, 1);
    desk_answers(0, 1);
    assert_int_equal(got_count(stream), 3);
    assert_int_equal(id_of(got(stream, 0, &size)), 3);
    assert_int_equal(id_of(got(stream, 1, &size)), 2);
    assert_int_equal(id_of(got(stream, 2, &size)), 1);
    assert_int_equal(stream->writes, 3); /* RFC7766-8: length and message in one write. */
}

/* Bytes may be cut anywhere; many questions may come in one read, and their replies leave in few
 * writes. */
static void questions_may_be_cut_or_come_together(void **state)
{
    (void)state;
    uint8_t bytes[RT_STREAM_READ_BYTES];
    uint32_t size = 0;
    struct fake_socket *stream = fake_accept(&world, listening, &client_addr);
    for (unsigned i = 0; i < 300; i++) {
        size += framed(bytes + size, (uint16_t)i, "www.example.", RS_ANY);
    }
    fake_bytes(&world, stream, bytes, size);
    assert_int_equal(got_count(stream), 300);
    assert_true(stream->writes <= RT_STREAM_WRITES_MAX);

    stream = fake_accept(&world, listening, &client_addr);
    size = framed(bytes, 7, "www.example.", RS_ANY);
    for (uint32_t i = 0; i < size; i++) {
        fake_bytes(&world, stream, bytes + i, 1);
    }
    assert_int_equal(got_count(stream), 1);
}

/* RFC1035-4.2.2: over TCP answers have 65535 bytes, whatever EDNS says. */
static void a_large_answer_is_whole(void **state)
{
    (void)state;
    uint32_t size = 0;
    struct fake_socket *stream = fake_accept(&world, listening, &client_addr);
    ask(stream, 1, "www.example.", RS_TXT);
    desk_answers(0, 500);
    const uint8_t *reply = got(stream, 0, &size);
    assert_non_null(reply);
    assert_true(size > 50000);
    assert_int_equal(ancount_of(reply), 500);
    assert_false(is_truncated(reply));
}

/* RFC8906, RFC5936: odd questions get their rcode over TCP, too; one too long to be a question is
 * malformed. */
static void odd_questions_get_the_right_rcode(void **state)
{
    (void)state;
    static uint8_t bytes[8192];
    uint32_t size;
    struct fake_socket *stream = fake_accept(&world, listening, &client_addr);
    ask(stream, 1, "example.", RS_AXFR);
    assert_int_equal(rcode_of(got(stream, 0, &size)), RS_REFUSED);
    framed(bytes, 2, "example.", RS_A);
    framing_prefix(bytes, 6000);
    fake_bytes(&world, stream, bytes, 6002);
    assert_int_equal(got_count(stream), 2);
    assert_int_equal(rcode_of(got(stream, 1, &size)), RS_FORMERR);
    ask(stream, 3, "example.", RS_ANY); /* The connection goes on. */
    assert_int_equal(got_count(stream), 3);

    stream = fake_accept(&world, listening, &stranger_addr);
    ask(stream, 1, "example.", RS_A);
    assert_int_equal(rcode_of(got(stream, 0, &size)), RS_REFUSED);
}

/* ---- brakes ---- */

/* Not more than tcp_pipeline questions of a connection are open; the others wait, unread. */
static void a_connection_has_a_bounded_number_of_open_questions(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    uint32_t size = 0;
    char name[32];
    struct fake_socket *stream = fake_accept(&world, listening, &client_addr);
    for (unsigned i = 0; i < 25; i++) {
        snprintf(name, sizeof(name), "n%u.example.", i);
        size += framed(bytes + size, (uint16_t)i, name, RS_TXT);
    }
    fake_bytes(&world, stream, bytes, size - 3); /* The last one is not whole. */
    assert_int_equal(asks_count, 10);
    assert_true(stream->is_paused);
    fake_pass(&world, 6000); /* Waiting for us is no slow-loris. */
    assert_true(stream->is_open);
    for (unsigned i = 0; i < 24; i++) {
        desk_answers(i, 1);
        assert_int_equal(asks_count, i + 11 < 24 ? i + 11 : 24);
    }
    assert_false(stream->is_paused);
    fake_bytes(&world, stream, bytes + size - 3, 3);
    assert_int_equal(asks_count, 25);
    desk_answers(24, 1);
    assert_int_equal(got_count(stream), 25);
}

/* security.md F2: a client that does not read its replies is asked no more, and is closed so early
 * that with the linger time it is gone after ten seconds; memory stays bounded. */
static void a_client_that_does_not_read_is_stopped_and_closed(void **state)
{
    (void)state;
    uint8_t bytes[RT_STREAM_READ_BYTES];
    uint32_t size = 0;
    struct fake_socket *stream = fake_accept(&world, listening, &client_addr);
    stream->does_not_read = true;
    for (unsigned i = 0; i < 400; i++) {
        size += framed(bytes + size, (uint16_t)i, "www.example.", RS_ANY);
    }
    for (unsigned i = 0; i < 100 && !stream->is_paused; i++) {
        fake_bytes(&world, stream, bytes, size);
    }
    assert_true(stream->is_paused);
    assert_true(stream->pending < 100 * 1024);
    fake_pass(&world, 7000);
    assert_true(stream->is_open);
    fake_pass(&world, 1000);
    assert_false(stream->is_open);
}

/* One that reads again in time loses nothing. */
static void a_client_that_reads_again_gets_all_its_replies(void **state)
{
    (void)state;
    uint8_t bytes[RT_STREAM_READ_BYTES];
    uint32_t size = 0;
    unsigned sent = 0;
    struct fake_socket *stream = fake_accept(&world, listening, &client_addr);
    stream->does_not_read = true;
    for (unsigned i = 0; i < 400; i++) {
        size += framed(bytes + size, (uint16_t)i, "www.example.", RS_ANY);
    }
    while (!stream->is_paused) {
        fake_bytes(&world, stream, bytes, size);
        sent += 400;
    }
    fake_pass(&world, 5000);
    for (unsigned i = 0; i < 10 && stream->is_paused; i++) {
        fake_stream_event(&world, stream, RT_IO_WRITTEN, RT_OK);
    }
    assert_false(stream->is_paused);
    assert_int_equal(got_count(stream), sent);
}

/* Answers of many open questions that come at once wait for the write queue; none is lost. */
static void replies_beyond_the_write_queue_are_held(void **state)
{
    (void)state;
    char name[32];
    settings.tcp_pipeline = 100;
    struct fake_socket *stream = fake_accept(&world, listening, &client_addr);
    stream->does_not_read = true;
    for (uint16_t i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "n%u.example.", i);
        ask(stream, i, name, RS_TXT);
    }
    for (unsigned i = 0; i < 100; i++) {
        desk_answers(i, 1);
    }
    assert_int_equal(got_count(stream), RT_STREAM_WRITES_MAX);
    for (unsigned i = 0; i < 4; i++) {
        fake_stream_event(&world, stream, RT_IO_WRITTEN, RT_OK);
    }
    assert_int_equal(got_count(stream), 100);
    assert_int_equal(atomic_load(&services.counters.dropped), 0);
}

/* ---- time ---- */

/* security.md F1: who sends a byte a second is closed, whatever is still to come. */
static void a_question_must_be_whole_in_time(void **state)
{
    (void)state;
    uint8_t bytes[512];
    framed(bytes, 1, "www.example.", RS_TXT);
    struct fake_socket *stream = fake_accept(&world, listening, &client_addr);
    for (unsigned i = 0; i < 20 && stream->is_open; i++) {
        fake_bytes(&world, stream, bytes + i, 1);
        fake_pass(&world, 1000);
    }
    assert_false(stream->is_open);
    assert_int_equal(asks_count, 0);
}

/* RFC7766-6.2.3: idle connections live for tcp_idle_ms, those with open questions longer. */
static void idle_connections_end_and_waiting_ones_do_not(void **state)
{
    (void)state;
    settings.tcp_clients_max = 4;
    struct fake_socket *waiting = fake_accept(&world, listening, &client_addr);
    ask(waiting, 1, "slow.example.", RS_TXT);
    struct fake_socket *idle = fake_accept(&world, listening, &client_addr);
    fake_pass(&world, 9500);
    assert_true(idle->is_open);
    fake_pass(&world, 1000);
    assert_false(idle->is_open);
    assert_true(waiting->is_open);
    desk_answers(0, 1);
    assert_int_equal(got_count(waiting), 1);
    fake_pass(&world, 9000);
    assert_true(waiting->is_open);
    fake_pass(&world, 2000);
    assert_false(waiting->is_open);
}

/* When all places are taken idle connections give way, the oldest first; without one the new client
 * is turned away. */
static void the_longest_idle_gives_way_when_all_places_are_taken(void **state)
{
    (void)state;
    struct fake_socket *streams[6];
    for (unsigned i = 0; i < 4; i++) {
        streams[i] = fake_accept(&world, listening, &client_addr);
        fake_pass(&world, 10);
    }
    ask(streams[0], 1, "www.example.", RS_ANY); /* Now it is the youngest. */
    streams[4] = fake_accept(&world, listening, &client_addr);
    assert_false(streams[1]->is_open);
    assert_true(streams[0]->is_open && streams[4]->is_open);
    ask(streams[0], 1, "a.example.", RS_TXT);
    ask(streams[2], 1, "b.example.", RS_TXT);
    ask(streams[3], 1, "c.example.", RS_TXT);
    ask(streams[4], 1, "d.example.", RS_TXT);
    streams[5] = fake_accept(&world, listening, &client_addr);
    assert_false(streams[5]->is_open);
    assert_int_equal(atomic_load(&services.counters.shed), 1);
    for (unsigned i = 0; i < 4; i++) {
        desk_answers(i, 1);
    }
}

/* ---- ends ---- */

/* An answer for a client that has gone meets nobody, least of all another client. */
static void an_answer_for_a_closed_connection_is_dropped(void **state)
{
    (void)state;
    struct fake_socket *stream = fake_accept(&world, listening, &client_addr);
    ask(stream, 1, "www.example.", RS_TXT);
    fake_stream_event(&world, stream, RT_IO_CLOSED, RT_RESET);
    struct fake_socket *other = fake_accept(&world, listening, &client_addr);
    desk_answers(0, 1);
    assert_int_equal(got_count(other), 0);
}

/* A client that ends its direction (shutdown) still gets what it has asked for; then we end ours.
 */
static void a_half_closed_connection_still_gets_its_answers(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    uint32_t size = 0;
    char name[32];
    struct fake_socket *stream = fake_accept(&world, listening, &client_addr);
    for (unsigned i = 0; i < 14; i++) { /* Four more than may be open. */
        snprintf(name, sizeof(name), "n%u.example.", i);
        size += framed(bytes + size, (uint16_t)i, name, i < 11 ? RS_TXT : RS_ANY);
    }
    fake_bytes(&world, stream, bytes, size);
    fake_stream_event(&world, stream, RT_IO_ENDED, RT_OK);
    for (unsigned i = 0; i < 11; i++) {
        assert_true(stream->is_open);
        desk_answers(i, 1);
    }
    assert_int_equal(got_count(stream), 14);
    assert_false(stream->is_open);

    stream = fake_accept(&world, listening, &client_addr);
    fake_stream_event(&world, stream, RT_IO_ENDED, RT_OK);
    assert_false(stream->is_open); /* Nothing is open: it was the end. */
}

static bool fault_msg(void *arg, enum rt_fault_site site)
{
    (void)arg;
    return site == RT_FAULT_MSG;
}

/* A full desk is SERVFAIL at once, over TCP too. */
static void a_full_desk_is_servfail_at_once(void **state)
{
    (void)state;
    uint32_t size;
    struct fake_socket *stream = fake_accept(&world, listening, &client_addr);
    rt_fault_set(fault_msg, NULL);
    ask(stream, 5, "www.example.", RS_TXT);
    rt_fault_set(NULL, NULL);
    assert_int_equal(rcode_of(got(stream, 0, &size)), RS_SERVFAIL);
    ask(stream, 6, "www.example.", RS_TXT);
    desk_sheds(0);
    assert_int_equal(rcode_of(got(stream, 1, &size)), RS_SERVFAIL);
}

/* RT_MSG_DRAIN: no new client, idle ones end, open questions are still answered. */
static void drain_answers_open_questions_and_ends_connections(void **state)
{
    (void)state;
    struct rt_msg drain = {.type = RT_MSG_DRAIN, .size = sizeof(drain)};
    struct fake_socket *waiting = fake_accept(&world, listening, &client_addr);
    struct fake_socket *idle = fake_accept(&world, listening, &client_addr);
    ask(waiting, 1, "www.example.", RS_TXT);
    assert_int_equal(rt_core_inject(fake_net.core, listener, &drain), RT_OK);
    fake_run(&world);
    assert_false(idle->is_open);
    assert_false(fake_socket(listening)->is_open);
    assert_true(waiting->is_open);
    desk_answers(0, 1);
    assert_int_equal(got_count(waiting), 1);
    assert_false(waiting->is_open);
}

/* A restarted listener listens again by itself: nobody tells it a second time. */
static void a_restarted_listener_listens_again(void **state)
{
    (void)state;
    struct fake_socket *stream = fake_accept(&world, listening, &client_addr);
    ask(stream, 1, "www.example.", RS_TXT);
    rt_core_kill(fake_net.core, listener);
    fake_pass(&world, 100);
    assert_false(stream->is_open);
    assert_int_equal(fake_open_count(), 1);
    assert_int_equal(ready_count, 1);
    desk_answers(0, 1); /* Its client has gone. */
    listening = fake_newest(false)->handle;
    stream = fake_accept(&world, listening, &client_addr);
    ask(stream, 1, "www.example.", RS_ANY);
    assert_int_equal(got_count(stream), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(answers_come_in_the_order_in_which_they_are_ready),
        TEST(questions_may_be_cut_or_come_together),
        TEST(a_large_answer_is_whole),
        TEST(odd_questions_get_the_right_rcode),
        TEST(a_connection_has_a_bounded_number_of_open_questions),
        TEST(a_client_that_does_not_read_is_stopped_and_closed),
        TEST(a_client_that_reads_again_gets_all_its_replies),
        TEST(replies_beyond_the_write_queue_are_held),
        TEST(a_question_must_be_whole_in_time),
        TEST(idle_connections_end_and_waiting_ones_do_not),
        TEST(the_longest_idle_gives_way_when_all_places_are_taken),
        TEST(an_answer_for_a_closed_connection_is_dropped),
        TEST(a_half_closed_connection_still_gets_its_answers),
        TEST(a_full_desk_is_servfail_at_once),
        TEST(drain_answers_open_questions_and_ends_connections),
        TEST(a_restarted_listener_listens_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
