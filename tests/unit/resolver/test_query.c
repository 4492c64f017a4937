/* SPDX-License-Identifier: GPL-3.0-or-later */

/* The machine as a whole: its beginning, its end, failures, bounds. */

#include "tests/unit/resolver/world.h"

static const char *const basic[] = {
    "198.51.100.1 *.com. *: / / com. 172800 NS a.gtld. / a.gtld. 172800 A 192.0.2.1",
    "192.0.2.1 *.example.com. *: / / example.com. 3600 NS ns.example.com. / "
    "ns.example.com. 3600 A 192.0.2.2",
    "192.0.2.2 www.example.com. A: aa / www.example.com. 300 A 192.0.2.80 / "
    "example.com. 3600 NS ns.example.com. / ns.example.com. 3600 A 192.0.2.2",
    "192.0.2.2 zero.example.com. A: aa / zero.example.com. 0 A 192.0.2.81",
    "192.0.2.2 *.example.com. *: aa nxdomain / / example.com. 900 SOA 60",
    NULL,
};

/* RFC1034-5.3.3: three levels from the hints; the next question needs no packet. */
static void walks_down_from_the_hints(void **state)
{
    struct world *w = *state;
    world_rules(w, basic);
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer, "www.example.com. 300 A 192.0.2.80");
    assert_string_equal(w->authority, ""); /* Minimal answers. */
    assert_string_equal(w->additional, "");
    assert_int_equal(w->flags & RS_ANSWER_AA, 0);
    assert_int_equal(w->asks_count, 3);

    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 0);
}

/* The second name in a zone starts at its delegation. */
static void starts_from_the_deepest_known_delegation(void **state)
{
    struct world *w = *state;
    world_rules(w, basic);
    world_ask(w, "www.example.com.", RS_A);
    assert_int_equal(world_ask(w, "nothing.example.com.", RS_A), RS_NXDOMAIN);
    assert_int_equal(w->asks_count, 1);
    assert_int_equal(world_count(w, "192.0.2.2", NULL), 1);
}

/* RFC2308-5: the lesser of the SOA's TTL and MINIMUM; the SOA goes along. */
static void remembers_that_a_name_does_not_exist(void **state)
{
    struct world *w = *state;
    world_rules(w, basic);
    assert_int_equal(world_ask(w, "nothing.example.com.", RS_A), RS_NXDOMAIN);
    assert_string_equal(w->authority, "example.com. 60 SOA ...");
    assert_int_equal(w->ttl_s_max, 60);
    assert_int_equal(world_ask(w, "nothing.example.com.", RS_MX), RS_NXDOMAIN);
    assert_int_equal(w->asks_count, 0);
    /* RFC8020-2: nor does anything below it. */
    assert_int_equal(world_ask(w, "below.nothing.example.com.", RS_A), RS_NXDOMAIN);
    assert_int_equal(w->asks_count, 0);
    world_pass(w, 61);
    assert_int_equal(world_ask(w, "nothing.example.com.", RS_A), RS_NXDOMAIN);
    assert_int_equal(w->asks_count, 1);
}

/* RFC1123-6.1.2.1: a TTL of 0 is for this answer only. */
static void uses_a_ttl_of_zero_once(void **state)
{
    struct world *w = *state;
    world_rules(w, basic);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(world_ask(w, "zero.example.com.", RS_A), RS_NOERROR);
        assert_string_equal(w->answer, "zero.example.com. 0 A 192.0.2.81");
        assert_int_equal(world_count(w, "192.0.2.2", "zero.example.com."), 1);
    }
}

/* RFC9520-3.2: a failure is remembered, at least 1 s and at most 5 minutes, longer each time; and
 * no packet is sent while it is. */
static void remembers_failures_for_longer_each_time(void **state)
{
    static const uint64_t seconds[] = {5, 10, 20, 40, 80, 160, 300, 300};
    struct world *w = *state;
    world_rule(w, "198.51.100.1 * *: servfail");
    for (unsigned i = 0; i < RT_ARRAY_COUNT(seconds); i++) {
        assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_SERVFAIL);
        assert_int_equal(w->ede, RS_EDE_NO_REACHABLE_AUTHORITY);
        assert_true(w->asks_count > 0);
        world_pass(w, seconds[i] - 1);
        assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_SERVFAIL);
        assert_int_equal(w->asks_count, 0);
        assert_true(w->ttl_s_max <= RS_FAILURE_TTL_S_MAX);
        world_pass(w, 2);
    }
}

/* RFC4697-2.1, RFC1536-2: dead servers are no reason to ask the parent again. */
static void leaves_the_parent_alone_when_a_zone_is_dead(void **state)
{
    struct world *w = *state;
    world_rules(w, (const char *const[]){basic[0], basic[1], NULL});
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_SERVFAIL);
    assert_int_equal(world_count(w, "192.0.2.1", NULL), 1);
    assert_int_equal(w->ede, RS_EDE_NO_REACHABLE_AUTHORITY);
    world_pass(w, 6);
    assert_int_equal(world_ask(w, "other.example.com.", RS_A), RS_SERVFAIL);
    assert_int_equal(world_count(w, "192.0.2.1", NULL), 0);
}

/* The whole has an end in time, whatever happens. */
static void ends_within_its_time(void **state)
{
    struct world *w = *state;
    for (unsigned i = 2; i < 14; i++) {
        char addr[32];
        snprintf(addr, sizeof(addr), "198.51.100.%u", i);
        world_hint(w, "more.root.", addr);
    }
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_SERVFAIL); /* All lost. */
    assert_true(w->asks_count <= RS_BUDGET_TIMEOUTS + 1);
    assert_true(w->took_ns <= RS_BUDGET_MS * RT_NS_PER_MS);
}

/* The deadline's event ends it at once, and calls the attempt off. */
static void gives_up_at_the_deadline(void **state)
{
    struct world *w = *state;
    struct rs_question question = {.type = RS_A, .class = RS_IN};
    struct rs_effects effects = {0};
    assert_int_equal(rs_name_parse("www.example.com.", &question.name), RT_OK);
    rt_arena_init(&w->arena, w->pool, RS_QUERY_ARENA_BYTES);
    struct rs_query *query = rs_query_new(&(struct rs_query_options){
        .config = &w->config,
        .hints = &w->config.hints,
        .cache = &w->view,
        .arena = &w->arena,
        .question = &question,
    });
    struct rs_event event = {.kind = RS_EV_START, .now_ns = w->now_ns};
    assert_int_equal(rs_query_step(query, &event, &effects), RS_WAIT);
    assert_int_equal(effects.count, 1);
    assert_int_equal(effects.items[0].kind, RS_FX_ASK);

    /* An event for an attempt that nobody waits for changes nothing. */
    effects = (struct rs_effects){0};
    event = (struct rs_event){.kind = RS_EV_TIMEOUT, .now_ns = w->now_ns, .attempt = 77};
    assert_int_equal(rs_query_step(query, &event, &effects), RS_WAIT);
    assert_int_equal(effects.count, 0);

    struct rs_query_status status;
    rs_query_status(query, &status);
    assert_string_equal(status.state, "ask");
    assert_true(rs_name_is_root(status.zone));

    event = (struct rs_event){.kind = RS_EV_DEADLINE, .now_ns = w->now_ns + 6 * RT_NS_PER_S};
    assert_int_equal(rs_query_step(query, &event, &effects), RS_DONE);
    assert_int_equal(effects.items[0].kind, RS_FX_STORE);
    assert_int_equal(effects.items[1].kind, RS_FX_ABANDON);
    assert_int_equal(effects.items[2].kind, RS_FX_ANSWER);
    assert_int_equal(effects.response->rcode, RS_SERVFAIL);
    rs_cache_view_release(&w->view);
    rt_arena_reset(&w->arena);
}

/* Our own overload is not remembered as a failure of the name. */
static void does_not_remember_its_own_overload(void **state)
{
    struct world *w = *state;
    struct rs_question question = {.type = RS_A, .class = RS_IN};
    struct rs_effects effects = {0};
    assert_int_equal(rs_name_parse("www.example.com.", &question.name), RT_OK);
    rt_arena_init(&w->arena, w->pool, RS_QUERY_ARENA_BYTES);
    struct rs_query *query = rs_query_new(&(struct rs_query_options){
        .config = &w->config,
        .hints = &w->config.hints,
        .cache = &w->view,
        .arena = &w->arena,
        .question = &question,
    });
    struct rs_event event = {.kind = RS_EV_START, .now_ns = w->now_ns};
    assert_int_equal(rs_query_step(query, &event, &effects), RS_WAIT);
    event = (struct rs_event){.kind = RS_EV_FAILED,
                              .now_ns = w->now_ns,
                              .attempt = effects.items[0].ask->attempt,
                              .server_index = 0xFF,
                              .why = RT_FULL};
    effects = (struct rs_effects){0};
    assert_int_equal(rs_query_step(query, &event, &effects), RS_DONE);
    assert_int_equal(effects.count, 1);
    assert_int_equal(effects.response->rcode, RS_SERVFAIL);
    assert_int_equal(effects.response->flags & RS_ANSWER_UNCACHED, RS_ANSWER_UNCACHED);
    rs_cache_view_release(&w->view);
    rt_arena_reset(&w->arena);
}

/* An arena too small fails that one query, cleanly. */
static void fails_cleanly_when_memory_ends(void **state)
{
    struct world *w = *state;
    struct rs_question question = {.type = RS_A, .class = RS_IN};
    assert_int_equal(rs_name_parse("www.example.com.", &question.name), RT_OK);
    for (size_t room = 0; room <= 64 * 1024; room += RT_ARENA_CHUNK_BYTES) {
        struct rs_effects effects = {0};
        rt_arena_init(&w->arena, w->pool, room);
        struct rs_query *query = rs_query_new(&(struct rs_query_options){
            .config = &w->config,
            .hints = &w->config.hints,
            .cache = &w->view,
            .arena = &w->arena,
            .question = &question,
        });
        if (query != NULL) {
            struct rs_event event = {.kind = RS_EV_START, .now_ns = w->now_ns};
            assert_int_not_equal(rs_query_step(query, &event, &effects), RS_MORE);
            assert_true(effects.count > 0);
        }
        rs_cache_view_release(&w->view);
        rt_arena_reset(&w->arena);
    }
}

/* RFC2181-5.4.1: what came along in the additional section is for nobody, not even for the cache. */
static void refreshes_past_the_cache(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 . NS: aa / . 518400 NS k.root.; . 518400 NS l.root. / / "
                  "k.root. 518400 A 198.51.100.1; l.root. 518400 A 198.51.100.2");
    w->is_refresh = true;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(world_ask(w, ".", RS_NS), RS_NOERROR);
        assert_int_equal(w->asks_count, 1);
        assert_string_equal(w->additional, "");
    }
    w->is_refresh = false;
    assert_int_equal(world_ask(w, ".", RS_NS), RS_NOERROR);
    assert_int_equal(w->asks_count, 0);
    struct rs_entry entry;
    assert_false(world_cached(w, "l.root.", RS_SLOT_RECORDS, RS_A, &entry));
}

static void works_without_a_cache(void **state)
{
    struct world *w = *state;
    world_rules(w, basic);
    w->config.use_cache = false;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
        assert_int_equal(w->asks_count, 3);
        assert_int_equal(w->stores_count, 0);
    }
}

/* security.md §1.1: 128 KiB from upstream for one client question (PowerDNS CVE-2026-24027). */
static void charges_the_bytes_it_receives(void **state)
{
    struct world *w = *state;
    char *rule = malloc(WORLD_TEXT_BYTES);
    size_t at = (size_t)snprintf(rule, WORLD_TEXT_BYTES, "198.51.100.1 * *: aa / ");
    for (unsigned i = 0; i < 120; i++) {
        at += (size_t)snprintf(rule + at, WORLD_TEXT_BYTES - at,
                               "pad%u.padding.example. 60 TXT "
                               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx;",
                               i);
    }
    world_rule(w, rule);
    for (unsigned i = 2; i < 26; i++) {
        char addr[32];
        snprintf(addr, sizeof(addr), "198.51.100.%u", i);
        world_hint(w, "more.root.", addr);
    }
    w->rules[0].who[0] = '*';
    w->rules[0].who[1] = '\0';
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_SERVFAIL);
    assert_true(w->asks_count < 20); /* 26 servers, about 10 KiB each. */
    free(rule);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(walks_down_from_the_hints),
        T(starts_from_the_deepest_known_delegation),
        T(remembers_that_a_name_does_not_exist),
        T(uses_a_ttl_of_zero_once),
        T(remembers_failures_for_longer_each_time),
        T(leaves_the_parent_alone_when_a_zone_is_dead),
        T(ends_within_its_time),
        T(gives_up_at_the_deadline),
        T(does_not_remember_its_own_overload),
        T(fails_cleanly_when_memory_ends),
        T(refreshes_past_the_cache),
        T(works_without_a_cache),
        T(charges_the_bytes_it_receives),
    };
    return cmocka_run_group_tests_name("resolver.query", tests, NULL, NULL);
}
