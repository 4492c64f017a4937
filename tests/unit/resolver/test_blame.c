/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Blame: what is remembered against a name or a server must have been its own fault. Anybody may
 * point a name of his at other people's names and servers. */

#include "tests/unit/resolver/world.h"

#define ANSWER "aa / example. 60 A 192.0.2.80"

/* ---- names ---- */

/* Five servers that lose every datagram but the last: nothing is left for what comes after. */
static const char *slow_evil(struct world *w, const struct world_ask *ask)
{
    (void)w;
    if (strncmp(ask->server, "198.51.100.1", 12) == 0) {
        return strstr(ask->name, "evil") != NULL
                   ? "/ / evil. 600 NS a.evil.; evil. 600 NS b.evil.; evil. 600 NS c.evil.; "
                     "evil. 600 NS d.evil.; evil. 600 NS e.evil. / a.evil. 600 A 192.0.2.1; "
                     "b.evil. 600 A 192.0.2.2; c.evil. 600 A 192.0.2.3; d.evil. 600 A 192.0.2.4; "
                     "e.evil. 600 A 192.0.2.5"
                   : "/ / victim. 600 NS ns.victim. / ns.victim. 600 A 192.0.2.9";
    }
    if (strstr(ask->name, "victim") != NULL) {
        return w->asks_count > 10 ? "lost" : "aa / www.victim. 0 A 192.0.2.80";
    }
    return w->asks_count <= 10 ? "lost" : "aa / www.evil. 600 CNAME www.victim.";
}

/* RFC9520-3.2 and security.md §1.2: the budget was spent by the name that was asked: the name at
 * the end of its chain has not failed, and whoever asks for it gets it. */
static void a_spent_budget_is_no_failure_of_the_alias_target(void **state)
{
    struct world *w = *state;
    struct rs_entry entry;
    w->hook = slow_evil;
    w->config.minimize = false;
    assert_int_equal(world_ask(w, "www.evil.", RS_A), RS_SERVFAIL);
    assert_string_equal(w->answer, "");
    assert_false(world_cached(w, "www.victim.", RS_SLOT_FAILURE, RS_A, &entry));
    assert_int_equal(world_ask(w, "www.victim.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 1);
}

/* RFC9520-3.2: but the name that was asked has: no packet for it while the failure lasts, though
 * the first link of its chain is in the cache. */
static void a_spent_budget_is_a_failure_of_the_name_asked(void **state)
{
    struct world *w = *state;
    w->hook = slow_evil;
    w->config.minimize = false;
    assert_int_equal(world_ask(w, "www.evil.", RS_A), RS_SERVFAIL);
    assert_int_equal(world_ask(w, "www.evil.", RS_A), RS_SERVFAIL);
    assert_int_equal(w->asks_count, 0);
    assert_string_equal(w->answer, "");
    world_pass(w, RS_FAILURE_TTL_S_MIN + 1);
    world_ask(w, "www.evil.", RS_A);
    assert_true(w->asks_count > 0);
}

/* A target that really does not answer has failed for everybody. */
static void a_dead_alias_target_has_failed_itself(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 *.dead. *: / / dead. 600 NS ns.dead. / ns.dead. 600 A 192.0.2.9");
    world_rule(w, "198.51.100.1 www. A: aa / www. 600 CNAME www.dead.");
    assert_int_equal(world_ask(w, "www.", RS_A), RS_SERVFAIL);
    assert_int_equal(world_ask(w, "www.dead.", RS_A), RS_SERVFAIL);
    assert_int_equal(w->asks_count, 0);
}

/* ---- memory ---- */

static struct rt_arena others;

/* Before the machine reads the first reply somebody else takes all that is left. */
static const char *answer_and_starve(struct world *w, const struct world_ask *ask)
{
    (void)ask;
    while (rt_arena_alloc(&others, RT_ARENA_CHUNK_BYTES) != NULL) {
    }
    while (rt_arena_alloc(&w->arena, 512) != NULL) { /* The rest of its own chunk. */
    }
    return ANSWER;
}

/* RFC9520-3.2 is about names: a core without memory has not found out anything about this one. */
static void a_core_without_memory_is_no_failure_of_the_name(void **state)
{
    struct world *w = *state;
    rt_arena_init(&others, w->pool, SIZE_MAX);
    w->hook = answer_and_starve;
    assert_int_equal(world_ask(w, "example.", RS_A), RS_SERVFAIL);
    assert_int_equal(w->flags & RS_ANSWER_UNCACHED, RS_ANSWER_UNCACHED);
    rt_arena_reset(&others);

    w->hook = NULL;
    world_rule(w, "198.51.100.1 example. A: " ANSWER);
    assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
}

/* ---- servers ---- */

/* RFC7766-5: a server that truncates a datagram answers datagrams: the one that was lost before is
 * no reason to leave UDP. */
static void a_truncated_reply_is_no_lost_one(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 example. A first: lost");
    world_rule(w, "198.51.100.1 example. A udp: aa tc");
    world_rule(w, "198.51.100.1 example. A tcp: " ANSWER);
    assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
    assert_int_equal(w->tcp_count, 1);
    assert_int_equal(w->learnt, 0);
}

/* security.md A7: TCP that a forgery has called for proves nothing about datagrams. */
static void a_forgery_after_one_loss_does_not_end_udp(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 example. A first: lost");
    world_rule(w, "198.51.100.1 example. A udp: miss");
    world_rule(w, "198.51.100.1 example. A tcp: " ANSWER);
    assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
    assert_int_equal(w->learnt, 0);
}

/* security.md A8: letters that came back changed once may be a forgery's; over TCP, where no forger
 * is, the server keeps them, and so goes on to be asked with mixed letters. */
static void changed_letters_that_tcp_does_not_confirm_teach_nothing(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 example. A udp: case aa / example. 60 A 192.0.2.66");
    world_rule(w, "198.51.100.1 example. A tcp: " ANSWER);
    assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer, "example. 60 A 192.0.2.80");
    assert_true(w->asks[1].is_tcp && w->asks[1].may_mix_case);
    assert_int_equal(w->learnt, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(a_spent_budget_is_no_failure_of_the_alias_target),
        T(a_spent_budget_is_a_failure_of_the_name_asked),
        T(a_dead_alias_target_has_failed_itself),
        T(a_core_without_memory_is_no_failure_of_the_name),
        T(a_truncated_reply_is_no_lost_one),
        T(a_forgery_after_one_loss_does_not_end_udp),
        T(changed_letters_that_tcp_does_not_confirm_teach_nothing),
    };
    return cmocka_run_group_tests_name("resolver.blame", tests, NULL, NULL);
}
