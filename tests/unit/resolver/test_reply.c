/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What a server said, and what follows: other ways to ask it, other servers, what is learnt. */

#include "tests/unit/resolver/world.h"

#define ANSWER "aa / example. 60 A 192.0.2.80"

/* ---- transport and EDNS ---- */

/* RFC1035-4.2.1, RFC7766-5, RFC9210-3: TC says that the rest is to be had over TCP. */
static void asks_again_over_tcp_when_truncated(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 example. A udp: aa tc / example. 60 A 192.0.2.66");
    world_rule(w, "198.51.100.1 example. A tcp: " ANSWER);
    assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer, "example. 60 A 192.0.2.80");
    assert_int_equal(w->asks_count, 2);
}

static void a_truncated_reply_over_tcp_is_no_reply(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 example. A: aa tc / example. 60 A 192.0.2.66");
    assert_int_equal(world_ask(w, "example.", RS_A), RS_SERVFAIL);
    assert_int_equal(w->asks_count, 2);
    assert_int_equal(w->ede, RS_EDE_NETWORK_ERROR);
}

/* RFC6891-7: FORMERR without OPT: once more without EDNS, the same server. It is remembered when
 * that has worked over TCP. */
static void asks_without_edns_who_does_not_know_it(void **state)
{
    static const char *const replies[] = {"198.51.100.1 example. A edns: formerr noopt",
                                          "198.51.100.1 example. A edns: notimp noopt"};
    struct world *w = *state;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(replies); i++) {
        world_forget_rules(w);
        world_pass(w, 1000);
        world_rule(w, replies[i]);
        world_rule(w, "198.51.100.1 example. A plain: " ANSWER);
        assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
        assert_int_equal(w->asks_count, 2);
        assert_int_equal(w->learnt, 0);
        w->config.always_tcp = true;
        world_pass(w, 1000);
        assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
        assert_int_equal(w->asks_count, 2);
        assert_int_equal(w->learnt, RS_SERVER_NO_EDNS);
        w->config.always_tcp = false;
    }
}

/* DNS Flag Day 2019: nothing else makes us go without EDNS. */
static void keeps_edns_after_everything_else(void **state)
{
    static const char *const replies[] = {
        "198.51.100.1 example. A: lost",          "198.51.100.1 example. A: servfail noopt",
        "198.51.100.1 example. A: refused noopt", "198.51.100.1 example. A: formerr",
        "198.51.100.1 example. A: notimp",        "198.51.100.1 example. A: badvers",
        "198.51.100.1 example. A: garbage",
    };
    struct world *w = *state;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(replies); i++) {
        world_forget_rules(w);
        world_pass(w, 1000);
        world_rule(w, replies[i]);
        assert_int_equal(world_ask(w, "example.", RS_A), RS_SERVFAIL);
        for (unsigned n = 0; n < w->asks_count; n++) {
            assert_true(w->asks[n].has_edns);
        }
        assert_int_equal(w->learnt & RS_SERVER_NO_EDNS, 0);
    }
}

/* security.md A8: one forged FORMERR teaches nothing, whatever the plain question brings. */
static void one_forged_formerr_teaches_nothing(void **state)
{
    static const char *const plain[] = {"198.51.100.1 example. A plain: formerr noopt",
                                        "198.51.100.1 example. A plain: " ANSWER};
    struct world *w = *state;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(plain); i++) {
        world_forget_rules(w);
        world_pass(w, 1000);
        world_rule(w, "198.51.100.1 example. A first: formerr noopt");
        world_rule(w, plain[i]);
        world_ask(w, "example.", RS_A);
        assert_int_equal(w->asks_count, 2);
        assert_int_equal(w->learnt, 0);
    }
}

/* RFC7873-5.3: BADCOOKIE: once more with the fresh cookie, then TCP, then the next. */
static void asks_again_with_the_fresh_cookie_then_over_tcp(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 example. A cookie: " ANSWER);
    world_rule(w, "198.51.100.1 example. A: badcookie");
    assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 2);

    world_forget_rules(w);
    world_pass(w, 1000);
    world_rule(w, "198.51.100.1 example. A tcp: " ANSWER);
    world_rule(w, "198.51.100.1 example. A: badcookie");
    assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 3);
}

/* draft-vixie-dnsext-dns0x20: letters that came back changed may be a forgery: TCP tells, and who
 * changes them there, too, is known for it. */
static void checks_changed_letters_over_tcp(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 example. A udp: case aa / example. 60 A 192.0.2.66");
    world_rule(w, "198.51.100.1 example. A tcp: case " ANSWER);
    assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer, "example. 60 A 192.0.2.80");
    assert_true(w->asks[0].may_mix_case);
    assert_true(w->asks[1].may_mix_case);
    assert_int_equal(w->learnt, RS_SERVER_NO_0X20);
}

/* security.md A9: a malformed reply may be forged: TCP tells. */
static void asks_over_tcp_after_a_malformed_reply(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 example. A udp: garbage");
    world_rule(w, "198.51.100.1 example. A tcp: " ANSWER);
    assert_int_equal(world_ask(w, "example.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 2);
}

/* security.md C7: the same bad reply for ever, in every way: six packets at most (B9
 * CVE-2026-5950).
 */
static void a_bad_reply_for_ever_costs_few_packets(void **state)
{
    static const char *const replies[] = {
        "* * *: badcookie", "* * *: badvers",  "* * *: formerr", "* * *: formerr noopt",
        "* * *: refused",   "* * *: servfail", "* * *: notimp",  "* * *: notimp noopt",
        "* * *: tc",        "* * *: notauth",  "* * *: rcode13", "* * *: yxdomain",
        "* * *: case",      "* * *: garbage",  "* * *: closed",  "* * *: miss",
    };
    static const char *const names[] = {"example.", "a.b.c.d.e.example."};
    struct world *w = *state;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(replies) * RT_ARRAY_COUNT(names); i++) {
        world_forget_rules(w);
        world_pass(w, 1000);
        world_rule(w, replies[i / 2]);
        uint16_t rcode = world_ask(w, names[i % 2], RS_A);
        assert_true(rcode == RS_SERVFAIL || strstr(replies[i / 2], "case") != NULL);
        assert_true(w->asks_count <= 6);
    }
}

/* ---- servers ---- */

/* A lame server costs one packet; the next one answers. */
static void goes_on_to_the_next_server_when_one_is_lame(void **state)
{
    static const char *const lame[] = {
        "192.0.2.2 * *: refused",
        "192.0.2.2 * *: servfail",
        "192.0.2.2 * *: / / . 60 NS a.root.",
        "192.0.2.2 * *: / / example. 60 NS a.ns.",
        "192.0.2.2 * *: aa / / . 60 SOA 60",
        "192.0.2.2 * *: aa",
        "192.0.2.2 * *: closed",
        "192.0.2.2 * *: notauth",
    };
    struct world *w = *state;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(lame); i++) {
        world_forget_rules(w);
        world_pass(w, 100000);
        world_rule(w, "198.51.100.1 *.example. *: / / example. 600 NS a.ns.; "
                      "example. 600 NS b.ns. / a.ns. 600 A 192.0.2.2; b.ns. 600 A 192.0.2.3");
        world_rule(w, lame[i]);
        world_rule(w, "192.0.2.3 www.example. A: aa / www.example. 60 A 192.0.2.80");
        assert_int_equal(world_ask(w, "www.example.", RS_A), RS_NOERROR);
        assert_string_equal(w->answer, "www.example. 60 A 192.0.2.80");
        assert_int_equal(w->asks_count, 3);
    }
}

static void fails_when_all_are_lame(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 *.example. *: / / example. 600 NS a.ns.; "
                  "example. 600 NS b.ns. / a.ns. 600 A 192.0.2.2; b.ns. 600 A 192.0.2.3");
    world_rule(w, "192.0.2.2 * *: refused");
    world_rule(w, "192.0.2.3 * *: / / . 60 NS a.root.");
    world_rule(w, "198.51.100.1 *.ns. *: aa nxdomain / / . 60 SOA 60");
    assert_int_equal(world_ask(w, "www.example.", RS_A), RS_SERVFAIL);
    assert_int_equal(world_count(w, "192.0.2.2", NULL), 1);
    assert_int_equal(world_count(w, "192.0.2.3", NULL), 1);
    assert_int_equal(w->ede, RS_EDE_NO_REACHABLE_AUTHORITY);
}

/* ---- negative answers ---- */

/* RFC2308-5: without SOA it is believed, but not remembered. */
static void does_not_cache_a_denial_without_soa(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 nothing. A: aa nxdomain");
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(world_ask(w, "nothing.", RS_A), RS_NXDOMAIN);
        assert_int_equal(w->asks_count, 1);
        assert_int_equal(w->flags & RS_ANSWER_UNCACHED, RS_ANSWER_UNCACHED);
    }
}

/* RFC2308-5: min(SOA TTL, MINIMUM), and the operator's cap. */
static void caps_how_long_a_denial_lives(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 a. A: aa / / . 100000 SOA 200");
    world_rule(w, "198.51.100.1 b. A: aa / / . 100 SOA 100000");
    world_rule(w, "198.51.100.1 c. A: aa / / . 100000 SOA 100000");
    world_ask(w, "a.", RS_A);
    assert_int_equal(w->ttl_s_max, 200);
    world_ask(w, "b.", RS_A);
    assert_int_equal(w->ttl_s_max, 100);
    world_ask(w, "c.", RS_A);
    assert_int_equal(w->ttl_s_max, RS_NEGATIVE_TTL_S_MAX);
    assert_string_equal(w->authority, ". 3600 SOA ...");
    assert_int_equal(world_ask(w, "c.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 0);
    assert_int_equal(world_ask(w, "c.", RS_AAAA), RS_SERVFAIL); /* NODATA is for one type. */
}

/* RFC4035-3.1.3: the proofs travel with the denial, for clients with DO. */
static void keeps_the_proofs_of_a_denial(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 nothing. A: aa nxdomain / / . 600 SOA 600; "
                  "m. 9000 NSEC o.; stranger. 60 A 192.0.2.66; stranger. 60 NS ns.stranger.");
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(world_ask(w, "nothing.", RS_A), RS_NXDOMAIN);
        /* RFC9077-3: the NSEC lives no longer than the denial. */
        assert_string_equal(w->authority, ". 600 SOA ...; m. 600 NSEC ...");
    }
    assert_int_equal(w->asks_count, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(asks_again_over_tcp_when_truncated),
        T(a_truncated_reply_over_tcp_is_no_reply),
        T(asks_without_edns_who_does_not_know_it),
        T(keeps_edns_after_everything_else),
        T(one_forged_formerr_teaches_nothing),
        T(asks_again_with_the_fresh_cookie_then_over_tcp),
        T(checks_changed_letters_over_tcp),
        T(asks_over_tcp_after_a_malformed_reply),
        T(a_bad_reply_for_ever_costs_few_packets),
        T(goes_on_to_the_next_server_when_one_is_lame),
        T(fails_when_all_are_lame),
        T(does_not_cache_a_denial_without_soa),
        T(caps_how_long_a_denial_lives),
        T(keeps_the_proofs_of_a_denial),
    };
    return cmocka_run_group_tests_name("resolver.reply", tests, NULL, NULL);
}
