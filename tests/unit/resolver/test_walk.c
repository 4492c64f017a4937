/* SPDX-License-Identifier: GPL-3.0-or-later */

/* From zone to zone: what is shown of the name, which side answers DS, what happens to attempts. */

#include "tests/unit/resolver/world.h"

#define TO_COM "198.51.100.1 *.com. *: / / com. 172800 NS a.gtld. / a.gtld. 172800 A 192.0.2.1"
#define TO_EXAMPLE                                                                                 \
    "192.0.2.1 *.example.com. *: / / example.com. 3600 NS ns.example.com. / "                      \
    "ns.example.com. 3600 A 192.0.2.2"

static const char *const down[] = {TO_COM, TO_EXAMPLE, NULL};

static bool was_asked(const struct world *w, unsigned i, const char *name, const char *type)
{
    return i < w->asks_count && strcmp(w->asks[i].name, name) == 0 &&
           strcmp(w->asks[i].type, type) == 0;
}

/* ---- minimisation ---- */

/* RFC9156-2: each zone sees one label more than its own name, and another type. */
static void shows_each_zone_one_label_more(void **state)
{
    struct world *w = *state;
    world_rules(w, down);
    world_rule(w, "192.0.2.2 www.example.com. AAAA: aa / www.example.com. 60 AAAA 2001:db8::1");
    assert_int_equal(world_ask(w, "www.example.com.", RS_AAAA), RS_NOERROR);
    assert_int_equal(w->asks_count, 3);
    assert_true(was_asked(w, 0, "com.", "A"));
    assert_true(was_asked(w, 1, "example.com.", "A"));
    assert_true(was_asked(w, 2, "www.example.com.", "AAAA"));
}

static void shows_everything_when_the_operator_says_so(void **state)
{
    struct world *w = *state;
    w->config.minimize = false;
    world_rules(w, down);
    world_rule(w, "192.0.2.2 www.example.com. A: aa / www.example.com. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
    assert_true(was_asked(w, 0, "www.example.com.", "A"));
    assert_true(was_asked(w, 1, "www.example.com.", "A"));
}

/* RFC9156-3: an empty non-terminal leads one label further, still in the same zone; the next walk
 * knows it from the cache. */
static void walks_through_empty_non_terminals(void **state)
{
    struct world *w = *state;
    world_rules(w, down);
    world_rule(w, "192.0.2.2 b.example.com. NS: aa / / example.com. 900 SOA 900");
    world_rule(w, "192.0.2.2 a.b.example.com. A: aa / a.b.example.com. 60 A 192.0.2.80");
    world_rule(w, "192.0.2.2 c.b.example.com. A: aa / c.b.example.com. 60 A 192.0.2.81");
    assert_int_equal(world_ask(w, "a.b.example.com.", RS_A), RS_NOERROR);
    assert_true(was_asked(w, 2, "b.example.com.", "NS"));
    assert_true(was_asked(w, 3, "a.b.example.com.", "A"));
    assert_int_equal(world_ask(w, "c.b.example.com.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 1);
}

/* What the child zone said about its apex must not make us show the parent zone more. */
static void does_not_skip_a_step_for_what_the_child_said(void **state)
{
    struct world *w = *state;
    world_rules(w, down);
    world_rule(w, "192.0.2.2 example.com. NS: aa / example.com. 9000 NS ns.example.com.");
    world_rule(w, "192.0.2.2 www.example.com. A: aa / www.example.com. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "example.com.", RS_NS), RS_NOERROR);
    world_pass(w, 4000); /* The delegation is gone, the child's NS set is not. */
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
    assert_int_equal(world_count(w, "192.0.2.1", "www.example.com."), 0);
    assert_int_equal(world_count(w, "192.0.2.1", "example.com."), 1);
}

/* RFC9156-2.3, -3: servers that choke on a shortened name get the whole one. NXDOMAIN is believed
 * only for the whole name: some deny empty non-terminals (RFC8020 has not reached them). */
static void falls_back_to_the_whole_name(void **state)
{
    static const char *const odd[] = {
        "192.0.2.2 b.example.com. *: nxdomain aa / / example.com. 60 SOA 60",
        "192.0.2.2 b.example.com. *: refused",
        "192.0.2.2 b.example.com. *: formerr",
        "192.0.2.2 b.example.com. *: servfail",
        "192.0.2.2 b.example.com. *: notimp",
        "192.0.2.2 b.example.com. *: aa",
        "192.0.2.2 b.example.com. *: / / example.com. 60 NS ns.example.com.",
        "192.0.2.2 b.example.com. *: aa / b.example.com. 60 CNAME x.example.com.",
    };
    struct world *w = *state;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(odd); i++) {
        world_forget_rules(w);
        world_rules(w, down);
        world_rule(w, odd[i]);
        world_rule(w, "192.0.2.2 a.b.example.com. A: aa / a.b.example.com. 1 A 192.0.2.80");
        world_pass(w, 100000);
        assert_int_equal(world_ask(w, "a.b.example.com.", RS_A), RS_NOERROR);
        assert_string_equal(w->answer, "a.b.example.com. 5 A 192.0.2.80");
        assert_int_equal(w->asks_count, 4);
    }
}

/* RFC8020: the whole name confirms that it does not exist; one packet more than the strict way. */
static void asks_once_more_when_a_shortened_name_does_not_exist(void **state)
{
    struct world *w = *state;
    world_rules(w, down);
    world_rule(w, "192.0.2.2 *.example.com. *: nxdomain aa / / example.com. 60 SOA 60");
    assert_int_equal(world_ask(w, "a.b.c.d.e.example.com.", RS_A), RS_NXDOMAIN);
    assert_int_equal(world_count(w, "192.0.2.2", NULL), 2);
}

/* security.md C9: 127 labels, all of them empty non-terminals. */
static void a_long_name_costs_few_packets(void **state)
{
    struct world *w = *state;
    char name[256] = "";
    world_repeat(name, "a.", 121, "example.com.");
    world_rules(w, down);
    world_rule(w, "192.0.2.2 *.example.com. *: aa / / example.com. 60 SOA 60");
    assert_int_equal(world_ask(w, name, RS_A), RS_NOERROR);
    assert_true(world_count(w, "192.0.2.2", NULL) <= RS_QMIN_STEPS_MAX);
    assert_true(w->asks_count <= 12);
}

/* ---- NODATA, emptiness ---- */

/* RFC2308-2.2: NOERROR without anything may be a broken server: another is asked first. */
static void asks_another_server_after_an_empty_reply(void **state)
{
    struct world *w = *state;
    world_rule(w, TO_COM);
    world_rule(w, "192.0.2.1 *.example.com. *: / / example.com. 3600 NS a.ns.com.; "
                  "example.com. 3600 NS b.ns.com. / a.ns.com. 60 A 192.0.2.2; "
                  "b.ns.com. 60 A 192.0.2.3");
    world_rule(w, "192.0.2.2 www.example.com. A: aa");
    world_rule(w, "192.0.2.3 www.example.com. A: aa / www.example.com. 60 A 192.0.2.80");
    world_rule(w, "* mail.example.com. A: aa");
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer, "www.example.com. 60 A 192.0.2.80");

    /* When all say so it is the answer, for those who wait only. */
    assert_int_equal(world_ask(w, "mail.example.com.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer, "");
    assert_int_equal(w->flags & RS_ANSWER_UNCACHED, RS_ANSWER_UNCACHED);
    assert_int_equal(world_ask(w, "mail.example.com.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 2);
}

/* ---- DS ---- */

/* RFC4035-3.1.4.1: the DS belongs to the parent's side of the cut. */
static void asks_the_parent_for_ds(void **state)
{
    struct world *w = *state;
    world_rule(w, TO_COM);
    world_rule(w, "192.0.2.1 example.com. DS: aa / example.com. 3600 DS xyz");
    world_rule(w, TO_EXAMPLE);
    world_rule(w, "192.0.2.2 www.example.com. A: aa / www.example.com. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
    assert_int_equal(world_ask(w, "example.com.", RS_DS), RS_NOERROR);
    assert_string_equal(w->answer, "example.com. 3600 DS ...");
    assert_int_equal(world_count(w, "192.0.2.1", NULL), 1);
    assert_int_equal(world_count(w, "192.0.2.2", NULL), 0);
}

/* A server of several zones answers DS from the wrong one: the walk goes label by label. */
static void steps_down_when_ds_is_answered_from_above(void **state)
{
    static const char *const odd[] = {
        "198.51.100.1 example.com. DS: aa",
        "198.51.100.1 example.com. DS: aa / example.com. 60 CNAME x.",
        "198.51.100.1 example.com. DS: aa / / example.com. 60 SOA 60",
    };
    struct world *w = *state;
    w->config.minimize = false;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(odd); i++) {
        world_forget_rules(w);
        world_rule(w, odd[i]);
        world_rule(w, TO_COM);
        world_rule(w, "192.0.2.1 example.com. DS: aa / / com. 60 SOA 60");
        world_pass(w, 200000);
        assert_int_equal(world_ask(w, "example.com.", RS_DS), RS_NOERROR);
        assert_string_equal(w->authority, "com. 60 SOA ...");
    }
}

/* ---- attempts ---- */

/* RFC9715-3.2: two datagrams lost, then TCP; and that is worth remembering (RFC7766-5). */
static void goes_to_tcp_after_two_lost_datagrams(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 * * udp: lost");
    world_rule(w, "198.51.100.1 example. A tcp: aa / example. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 3);
    assert_int_equal(w->tcp_count, 1);
    assert_int_equal(w->learnt, RS_SERVER_TCP_ONLY);
    assert_true(w->asks[1].has_edns); /* A timeout never means "no EDNS": DNS Flag Day 2019. */
}

/* Servers take turns: nobody is asked twice before all have been asked once. */
static void tries_every_server_before_any_again(void **state)
{
    struct world *w = *state;
    world_hint(w, "l.root.", "198.51.100.2");
    world_hint(w, "m.root.", "198.51.100.3");
    world_rule(w, "198.51.100.3 example. A: aa / example. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 3);
    assert_int_equal(world_count(w, "198.51.100.3", NULL), 1);
}

/* A server that rests does not end the question: who lost one datagram gets another. */
static void a_resting_server_leaves_the_turn_to_others(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 *.example. *: / / example. 600 NS a.ns.; "
                  "example. 600 NS b.ns. / a.ns. 600 A 192.0.2.2; b.ns. 600 A 192.0.2.3");
    world_rule(w, "192.0.2.2 www.example. A first: lost");
    world_rule(w, "192.0.2.2 www.example. A: aa / www.example. 60 A 192.0.2.80");
    world_rule(w, "192.0.2.3 * *: resting");
    assert_int_equal(world_ask(w, "www.example.", RS_A), RS_NOERROR);
    assert_int_equal(world_count(w, "192.0.2.2", NULL), 2);
}

/* security.md A7: a wrong ID may be a forgery: go on listening, and ask over TCP beside it. */
static void asks_over_tcp_beside_when_a_forgery_was_seen(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 example. A udp: miss");
    world_rule(w, "198.51.100.1 example. A tcp: aa / example. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 2);
    assert_true(w->asks[1].is_tcp);
    assert_int_equal(w->abandons_count, 1); /* The datagram's outcome interests nobody now. */
    assert_true(w->took_ns < 100 * RT_NS_PER_MS);
}

/* A stream of forgeries makes no stream of connections (security.md C8, §5). */
static void a_flood_of_forgeries_costs_few_connections(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 example. A udp: miss");
    world_rule(w, "198.51.100.1 example. A tcp: closed");
    assert_int_equal(world_ask(w, "example.", RS_A), RS_SERVFAIL);
    assert_true(w->tcp_count <= RS_TCP_PER_SERVER_MAX);
    assert_true(w->asks_count <= 6);
    assert_true(w->took_ns < 5 * RT_NS_PER_S);
}

/* security.md C8: accept and close, for every question on the way (KR CVE-2023-46317). */
static void connections_to_a_server_that_closes_are_few(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 * * udp: tc");
    world_rule(w, "198.51.100.1 * * tcp: closed");
    assert_int_equal(world_ask(w, "a.b.c.d.example.", RS_A), RS_SERVFAIL);
    assert_true(w->tcp_count <= RS_TCP_PER_SERVER_MAX);
    assert_true(w->asks_count <= 6);
}

static void asks_over_tcp_only_when_the_operator_says_so(void **state)
{
    struct world *w = *state;
    w->config.always_tcp = true;
    world_rule(w, "198.51.100.1 example. A tcp: aa / example. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 1);
    assert_int_equal(w->learnt, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(shows_each_zone_one_label_more),
        T(shows_everything_when_the_operator_says_so),
        T(walks_through_empty_non_terminals),
        T(does_not_skip_a_step_for_what_the_child_said),
        T(falls_back_to_the_whole_name),
        T(asks_once_more_when_a_shortened_name_does_not_exist),
        T(a_long_name_costs_few_packets),
        T(asks_another_server_after_an_empty_reply),
        T(asks_the_parent_for_ds),
        T(steps_down_when_ds_is_answered_from_above),
        T(goes_to_tcp_after_two_lost_datagrams),
        T(tries_every_server_before_any_again),
        T(a_resting_server_leaves_the_turn_to_others),
        T(asks_over_tcp_beside_when_a_forgery_was_seen),
        T(a_flood_of_forgeries_costs_few_connections),
        T(connections_to_a_server_that_closes_are_few),
        T(asks_over_tcp_only_when_the_operator_says_so),
    };
    return cmocka_run_group_tests_name("resolver.walk", tests, NULL, NULL);
}
