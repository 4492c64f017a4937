/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "runtime/trace.h"
#include "tests/unit/runtime/fake_io.h"

enum { HELLO = 1 };

static const char *greeter_msg_name(uint16_t type)
{
    return type == HELLO ? "HELLO" : "?";
}

static rt_status greeter_start(struct rt_ctx *ctx, void *state, const void *args)
{
    (void)ctx, (void)state, (void)args;
    return RT_OK;
}

static void greeter_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    (void)state;
    rt_trace(ctx, msg->trace_id, "greeted", 1, 2);
}

static const struct rt_actor_type greeter_type = {
    .name = "greeter",
    .state_size = 1,
    .actors_max = 2,
    .mailbox_cap = 8,
    .msg_name = greeter_msg_name,
    .start = greeter_start,
    .receive = greeter_receive,
};

/* A crash report quotes the newest events: the oldest give way. */
static void ring_keeps_the_newest_events(void **state)
{
    (void)state;
    struct rt_trace_ring ring;
    assert_int_equal(rt_trace_open(&ring, 0), RT_OK);
    assert_int_equal(rt_trace_count(&ring), 0);
    for (uint64_t i = 0; i < RT_TRACE_EVENTS + 5; i++) {
        rt_trace_add(&ring, &(struct rt_trace_event){.a = i});
    }
    assert_int_equal(rt_trace_count(&ring), RT_TRACE_EVENTS);
    assert_int_equal(rt_trace_back(&ring, 0)->a, RT_TRACE_EVENTS + 4);
    assert_int_equal(rt_trace_back(&ring, RT_TRACE_EVENTS - 1)->a, 5);
    rt_trace_close(&ring);
}

struct tapped {
    unsigned receives, moments, turns, lives;
};

static void tap(void *arg, unsigned core_index, const struct rt_trace_event *event)
{
    struct tapped *tapped = arg;
    assert_int_equal(core_index, 0);
    tapped->receives += event->kind == RT_TRACE_RECEIVE;
    tapped->moments += event->kind == RT_TRACE_MOMENT;
    tapped->turns += event->kind == RT_TRACE_TURN;
    tapped->lives += event->kind == RT_TRACE_LIFE;
}

static rt_ref greet(struct fake_world *world, uint64_t trace_id)
{
    rt_ref ref;
    struct rt_msg hello = RT_MSG_INIT(HELLO, struct rt_msg);
    hello.trace_id = trace_id;
    assert_int_equal(rt_core_cast(fake_core(world, 0), &greeter_type, NULL, RT_REF_NONE, &ref),
                     RT_OK);
    fake_run(world);
    assert_int_equal(rt_core_inject(fake_core(world, 0), ref, &hello), RT_OK);
    fake_run(world);
    return ref;
}

/* The simulator's hash of a run is made of everything that happens. */
static void tap_sees_every_event(void **state)
{
    (void)state;
    struct fake_world world;
    struct tapped tapped = {0};
    fake_world_open(&world, 1, false, NULL);
    rt_core_trace_tap(fake_core(&world, 0), tap, &tapped);
    greet(&world, 5);
    assert_int_equal(tapped.receives, 1);
    assert_int_equal(tapped.moments, 1);
    assert_int_equal(tapped.turns, 2); /* start and the message */
    assert_int_equal(tapped.lives, 1);
    rt_core_trace_tap(fake_core(&world, 0), NULL, NULL);
    rt_machine_close(world.machine);
}

/* Messages of the runtime have names in reports although no actor lists them. */
static void messages_are_named_by_the_runtime_or_by_their_receiver(void **state)
{
    (void)state;
    assert_string_equal(rt_trace_msg_name(&greeter_type, HELLO), "HELLO");
    assert_string_equal(rt_trace_msg_name(&greeter_type, RT_MSG_TIMER), "RT_MSG_TIMER");
    assert_string_equal(rt_trace_msg_name(&greeter_type, RT_IO_DATAGRAMS), "RT_IO_DATAGRAMS");
    assert_string_equal(rt_trace_msg_name(&greeter_type, 0xF1FF), "?");
}

/* Chrome's viewer takes a JSON array of complete, named events; whoever writes the file adds what
 * stands around them. */
static void events_are_written_for_the_viewer(void **state)
{
    (void)state;
    struct fake_world world;
    char *text;
    size_t size;
    fake_world_open(&world, 2, false, NULL);
    greet(&world, 5);
    FILE *out = open_memstream(&text, &size);
    rt_trace_write_events(rt_core_trace(fake_core(&world, 0)), out);
    fclose(out);

    assert_true(size > 4);
    assert_memory_equal(text, "{", 1);
    assert_string_equal(text + size - 3, "},\n");
    assert_non_null(strstr(text, "\"name\":\"HELLO\",\"ph\":\"i\""));
    assert_non_null(strstr(text, "\"name\":\"greeted\""));
    assert_non_null(strstr(text, "\"name\":\"greeter\",\"ph\":\"X\",\"pid\":0"));
    assert_non_null(strstr(text, "\"question\":5"));
    int depth = 0;
    for (size_t i = 0; i < size; i++) {
        depth += (text[i] == '{') - (text[i] == '}');
        assert_true(depth >= 0);
    }
    assert_int_equal(depth, 0);
    free(text);
    rt_machine_close(world.machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_keeps_the_newest_events),
        cmocka_unit_test(tap_sees_every_event),
        cmocka_unit_test(messages_are_named_by_the_runtime_or_by_their_receiver),
        cmocka_unit_test(events_are_written_for_the_viewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
