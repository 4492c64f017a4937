/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/desk_msg.h"
#include "actors/priming.h"
#include "actors/services.h"
#include "resolver/answer.h"
#include "tests/unit/runtime/fake_io.h"

/* Core 0 has a desk that answers as the test wants; core 1 is the control core. RFC9609. */

enum { ROOTS_MAX = 4 };

static struct play {
    struct fake_world world;
    struct cast cast;
    struct lu_settings settings;
    struct services services;
    rt_ref priming;
    bool is_root_silent, is_root_failing, has_no_address, is_at_home;
    unsigned asked_ns, asked_a, asked_aaaa, roots_count;
    uint8_t last_flags;
    struct rs_hints roots;
} play;

/* An answer of one record, or none, to the question of `ask`, in a buf of this core. */
static struct rt_buf *make_answer(struct rt_ctx *ctx, const struct desk_ask *ask,
                                  struct rs_rrset *set, uint16_t rcode)
{
    struct rs_response response = {.rcode = rcode, .ttl_s_max = UINT32_MAX, .ede = RS_EDE_NONE};
    struct rs_question question = {.type = ask->asker.type, .class = RS_IN};
    struct rt_buf *buf = rt_buf_new(rt_bufs(ctx), RT_BUF_SMALL_BYTES);
    size_t size;

    rs_name_copy(&question.name, ask->asker.name);
    if (set != NULL) {
        rs_rrsets_append(&response.answer, set);
    }
    assert_int_equal(rs_answer_pack(&response, &question, false, rt_now_ns(ctx), buf->data,
                                    buf->capacity, &size),
                     RT_OK);
    buf->size = (uint32_t)size;
    return buf;
}

/* `. NS` is a.root. with TTL 60; a.root. has one address of each family. */
static struct rt_buf *answer_to(struct rt_ctx *ctx, const struct desk_ask *ask)
{
    static const uint8_t target[] = "\1a\4root", v6[16] = {0x20, 1, 13};
    const uint8_t v4[4] = {play.is_at_home ? 127 : 192, 0, 2, 1};
    const uint8_t *name = ask->asker.name;
    struct rt_arena *arena = &play.services.turn;

    switch (ask->asker.type) {
    case RS_NS:
        play.asked_ns++;
        return play.is_root_failing
                   ? make_answer(ctx, ask, NULL, RS_SERVFAIL)
                   : make_answer(ctx, ask,
                                 rs_rrset_new(arena, name, RS_NS, 60, target, sizeof(target)),
                                 RS_NOERROR);
    case RS_A:
        play.asked_a++;
        return play.has_no_address
                   ? make_answer(ctx, ask, NULL, RS_SERVFAIL)
                   : make_answer(ctx, ask, rs_rrset_new(arena, name, RS_A, 60, v4, 4), RS_NOERROR);
    default:
        play.asked_aaaa++;
        return play.has_no_address
                   ? make_answer(ctx, ask, NULL, RS_NOERROR)
                   : make_answer(ctx, ask, rs_rrset_new(arena, name, RS_AAAA, 60, v6, 16),
                                 RS_NOERROR);
    }
}

static void desk_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    (void)state;
    if (msg->type == DESK_ROOTS) {
        play.roots_count++;
        assert_int_equal(msg->buf->size, sizeof(play.roots));
        memcpy(&play.roots, msg->buf->data, sizeof(play.roots));
        return;
    }
    const struct desk_ask *ask = (const struct desk_ask *)(const void *)msg;
    struct desk_answer answer = {.head = RT_MSG_INIT(DESK_ANSWER, struct desk_answer),
                                 .ede = RS_EDE_NONE,
                                 .asker = ask->asker};
    play.last_flags = ask->asker.flags;
    if (play.is_root_silent) {
        return;
    }
    answer.head.buf = answer_to(ctx, ask);
    assert_int_equal(rt_send(ctx, ask->asker.listener, &answer.head), RT_OK);
    rt_arena_reset(&play.services.turn);
}

static rt_status desk_start(struct rt_ctx *ctx, void *state, const void *args)
{
    (void)ctx, (void)state, (void)args;
    return RT_OK;
}

static const char *desk_msg_name(uint16_t type)
{
    (void)type;
    return "message";
}

static const struct rt_actor_type desk_double = {
    .name = "desk",
    .state_size = 16,
    .actors_max = 1,
    .mailbox_cap = 64,
    .restart = RT_RESTART_NEVER,
    .msg_name = desk_msg_name,
    .start = desk_start,
    .receive = desk_receive,
};

static int setup(void **state)
{
    (void)state;
    memset(&play, 0, sizeof(play));
    lu_settings_init(&play.settings, 1);
    play.services.settings = &play.settings;
    play.services.cast = &play.cast;
    play.cast.workers_count = 1;
    fake_world_open(&play.world, 2, false, &play.services);
    rt_arena_init(&play.services.turn, rt_core_arenas(fake_core(&play.world, 1)), 256 * 1024);
    assert_int_equal(rt_core_cast(fake_core(&play.world, 0), &desk_double, NULL, RT_REF_NONE,
                                  &play.cast.desk[0]),
                     RT_OK);
    return 0;
}

static void begin(void)
{
    assert_int_equal(
        rt_core_cast(fake_core(&play.world, 1), &priming_type, NULL, RT_REF_NONE, &play.priming),
        RT_OK);
    fake_run(&play.world);
}

static void pass_seconds(unsigned seconds)
{
    fake_run_until(&play.world, play.world.ios[1]->now_ns + seconds * RT_NS_PER_S);
}

static int teardown(void **state)
{
    (void)state;
    rt_machine_close(play.world.machine);
    return 0;
}

/* RFC9609-3: `. NS`, then the addresses of each name; the set replaces the hints as a whole.
 * PRIM-1 */
static void root_servers_are_learnt_with_both_families(void **state)
{
    (void)state;
    begin();
    assert_int_equal(play.asked_ns, 1);
    assert_int_equal(play.asked_a, 1);
    assert_int_equal(play.asked_aaaa, 1);
    assert_int_equal(play.roots_count, 1);
    assert_int_equal(play.roots.count, 1);
    assert_memory_equal(play.roots.items[0].name.wire, "\1a\4root", 8);
    assert_int_equal(play.roots.items[0].addrs_count, 2);
    assert_int_equal(play.roots.items[0].addrs[0].port, 53);
    assert_int_equal(play.last_flags & ASKER_INTERNAL, 0); /* PRIM-2: the cache may answer. */
}

/* PRIM-4: again when the NS set's TTL of 60 s is over, and not before. */
static void asks_again_after_the_ttl(void **state)
{
    (void)state;
    begin();
    pass_seconds(58);
    assert_int_equal(play.asked_ns, 1);
    pass_seconds(3);
    assert_int_equal(play.asked_ns, 2);
}

/* cache.max_ttl bounds the period too. */
static void maximum_ttl_bounds_the_period(void **state)
{
    (void)state;
    play.settings.resolver.ttl_s_max = 10;
    begin();
    pass_seconds(11);
    assert_int_equal(play.asked_ns, 2);
}

/* PRIM-3: a failing root is asked every 10 s, and the old hints stay. */
static void failing_root_is_asked_every_ten_seconds(void **state)
{
    (void)state;
    play.is_root_failing = true;
    begin();
    pass_seconds(25);
    assert_int_equal(play.asked_ns, 3);
    assert_int_equal(play.roots_count, 0);
    play.is_root_failing = false;
    pass_seconds(10);
    assert_int_equal(play.roots_count, 1);
}

/* Without a single address the old hints are better. */
static void no_address_at_all_keeps_the_hints(void **state)
{
    (void)state;
    play.has_no_address = true;
    begin();
    assert_int_equal(play.roots_count, 0);
    pass_seconds(11);
    assert_int_equal(play.asked_ns, 2);
}

/* security.md B6: what the network says about the root is still from the network: we are not made
 * to ask ourselves. Only the operator may name such an address. */
static void addresses_that_no_server_can_have_are_left_out(void **state)
{
    (void)state;
    play.is_at_home = true;
    begin();
    assert_int_equal(play.roots.items[0].addrs_count, 1);
    assert_int_equal(play.roots.items[0].addrs[0].family, 6);
}

/* modules.md 19.3: only enabled families; with none of them it tries for ever and harms nobody. */
static void disabled_families_are_not_asked(void **state)
{
    (void)state;
    play.settings.resolver.use_ipv6 = false;
    begin();
    assert_int_equal(play.asked_aaaa, 0);
    assert_int_equal(play.roots.items[0].addrs_count, 1);
    play.settings.resolver.use_ipv4 = false;
    pass_seconds(61);
    assert_int_equal(play.asked_ns, 2);
    assert_int_equal(play.roots_count, 1);
}

/* A desk that never answers must not end priming for good. */
static void silence_ends_with_patience(void **state)
{
    (void)state;
    play.is_root_silent = true;
    begin();
    pass_seconds(PRIMING_PATIENCE_S + PRIMING_RETRY_S + 1);
    assert_int_equal(play.roots_count, 0);
    play.is_root_silent = false;
    pass_seconds(PRIMING_PATIENCE_S + PRIMING_RETRY_S + 1);
    assert_true(play.roots_count >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(root_servers_are_learnt_with_both_families, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(asks_again_after_the_ttl, setup, teardown),
        cmocka_unit_test_setup_teardown(maximum_ttl_bounds_the_period, setup, teardown),
        cmocka_unit_test_setup_teardown(failing_root_is_asked_every_ten_seconds, setup, teardown),
        cmocka_unit_test_setup_teardown(no_address_at_all_keeps_the_hints, setup, teardown),
        cmocka_unit_test_setup_teardown(addresses_that_no_server_can_have_are_left_out, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(disabled_families_are_not_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_ends_with_patience, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
