/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Aliases: chains inside a reply and across zones, DNAME, loops, bounds. */

#include "tests/unit/resolver/world.h"

#define ZONES                                                                                      \
    "198.51.100.1 *.one. *: / / one. 86400 NS ns.one. / ns.one. 86400 A 192.0.2.1",                \
        "198.51.100.1 *.two. *: / / two. 86400 NS ns.two. / ns.two. 86400 A 192.0.2.2"

static const char *const zones[] = {ZONES, NULL};

/* RFC1034-3.6.2: the chain and its end, in order; each name asked of its own zone. */
static void follows_an_alias_into_another_zone(void **state)
{
    struct world *w = *state;
    world_rules(w, zones);
    world_rule(w, "192.0.2.1 www.one. A: aa / www.one. 300 CNAME www.two.");
    world_rule(w, "192.0.2.2 www.two. A: aa / www.two. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "www.one.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer, "www.one. 300 CNAME www.two.; www.two. 60 A 192.0.2.80");
    assert_int_equal(w->asks_count, 4);
    world_pass(w, 61); /* The alias is still known; its end is asked anew. */
    assert_int_equal(world_ask(w, "www.one.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 1);
    assert_string_equal(w->answer, "www.one. 239 CNAME www.two.; www.two. 60 A 192.0.2.80");
}

/* A question for the alias itself is answered by it. */
static void answers_a_cname_question_with_the_cname(void **state)
{
    struct world *w = *state;
    world_rules(w, zones);
    world_rule(w, "192.0.2.1 www.one. CNAME: aa / www.one. 300 CNAME www.two.");
    assert_int_equal(world_ask(w, "www.one.", RS_CNAME), RS_NOERROR);
    assert_string_equal(w->answer, "www.one. 300 CNAME www.two.");
}

/* What a server adds about another zone is not looked at, whatever it is (Kaminsky's bait). */
static void believes_a_chain_only_within_its_zone(void **state)
{
    struct world *w = *state;
    struct rs_entry entry;
    world_rules(w, zones);
    world_rule(w, "192.0.2.1 www.one. A: aa / www.one. 300 CNAME a.one.; a.one. 300 CNAME "
                  "www.two.; www.two. 300 A 192.0.2.66");
    world_rule(w, "192.0.2.2 www.two. A: aa / www.two. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "www.one.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer, "www.one. 300 CNAME a.one.; a.one. 300 CNAME www.two.; "
                                   "www.two. 60 A 192.0.2.80");
    assert_true(world_cached(w, "www.two.", RS_SLOT_RECORDS, RS_A, &entry));
    assert_int_equal(entry.ttl_s, 60);
    /* RFC2181-5.4.1: of a chain, only the first link is surely its owner's. */
    assert_true(world_cached(w, "www.one.", RS_SLOT_RECORDS, RS_CNAME, &entry));
    assert_int_equal(entry.rank, RS_RANK_AUTH_ANSWER);
    assert_true(world_cached(w, "a.one.", RS_SLOT_RECORDS, RS_CNAME, &entry));
    assert_int_equal(entry.rank, RS_RANK_ANSWER);
}

/* RFC6604-3: the rcode is that of the last name of the chain. */
static void gives_the_rcode_of_the_last_name(void **state)
{
    struct world *w = *state;
    world_rules(w, zones);
    world_rule(w, "192.0.2.1 www.one. A: aa / www.one. 300 CNAME nothing.two.");
    world_rule(w, "192.0.2.2 nothing.two. A: aa nxdomain / / two. 60 SOA 60");
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(world_ask(w, "www.one.", RS_A), RS_NXDOMAIN);
        assert_string_equal(w->answer, "www.one. 300 CNAME nothing.two.");
        assert_string_equal(w->authority, "two. 60 SOA ...");
    }
    assert_int_equal(w->asks_count, 0);
}

/* The same, all in one reply. */
static void takes_the_denial_of_the_last_name_from_the_same_reply(void **state)
{
    struct world *w = *state;
    world_rules(w, zones);
    world_rule(w, "192.0.2.1 www.one. A: aa nxdomain / www.one. 300 CNAME nothing.one. / "
                  "one. 60 SOA 60");
    world_rule(w, "192.0.2.1 web.one. MX: aa / web.one. 300 CNAME a.one. / one. 60 SOA 60");
    assert_int_equal(world_ask(w, "www.one.", RS_A), RS_NXDOMAIN);
    assert_int_equal(w->asks_count, 2);
    assert_int_equal(world_ask(w, "nothing.one.", RS_TXT), RS_NXDOMAIN);
    assert_int_equal(w->asks_count, 0);
    assert_int_equal(world_ask(w, "web.one.", RS_MX), RS_NOERROR);
    assert_string_equal(w->answer, "web.one. 300 CNAME a.one.");
    assert_string_equal(w->authority, "one. 60 SOA ...");
    assert_int_equal(world_ask(w, "a.one.", RS_MX), RS_NOERROR);
    assert_int_equal(w->asks_count, 0);
}

/* But a name of another zone is not denied by this one. */
static void does_not_let_one_zone_deny_a_name_of_another(void **state)
{
    struct world *w = *state;
    world_rules(w, zones);
    world_rule(w, "192.0.2.1 www.one. A: aa nxdomain / www.one. 300 CNAME www.two. / "
                  "one. 60 SOA 60; two. 60 SOA 60");
    world_rule(w, "192.0.2.2 www.two. A: aa / www.two. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "www.one.", RS_A), RS_NOERROR);
}

/* ---- DNAME ---- */

/* RFC6672-3.1: the CNAME is made here, with the TTL of the DNAME; the server's own is not looked
 * at.
 */
static void makes_the_cname_of_a_dname_itself(void **state)
{
    struct world *w = *state;
    struct rs_entry entry;
    world_rules(w, zones);
    world_rule(w, "192.0.2.1 www.one. A: aa / one. 300 DNAME two.; www.one. 9 CNAME evil.");
    world_rule(w, "192.0.2.2 www.two. A: aa / www.two. 60 A 192.0.2.80");
    world_rule(w, "192.0.2.2 x.two. A: aa / x.two. 60 A 192.0.2.81");
    assert_int_equal(world_ask(w, "www.one.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer, "one. 300 DNAME two.; www.one. 300 CNAME www.two.; "
                                   "www.two. 60 A 192.0.2.80");
    assert_false(world_cached(w, "www.one.", RS_SLOT_RECORDS, RS_CNAME, &entry));
    /* The next name below costs only its end. */
    assert_int_equal(world_ask(w, "x.one.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 1);
    assert_string_equal(w->answer,
                        "one. 300 DNAME two.; x.one. 300 CNAME x.two.; x.two. 60 A 192.0.2.81");
}

/* RFC6672-3.1: also when the CNAME itself is asked for: the answer shows the DNAME it comes from. */
static void makes_the_cname_that_is_asked_for(void **state)
{
    struct world *w = *state;
    struct rs_entry entry;
    world_rule(w, "198.51.100.1 *.one. *: / / one. 600 NS ns.one. / ns.one. 600 A 192.0.2.1");
    world_rule(w, "192.0.2.1 www.one. CNAME: aa / one. 300 DNAME two.; www.one. 9 CNAME evil.");
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(world_ask(w, "www.one.", RS_CNAME), RS_NOERROR);
        assert_string_equal(w->answer, "one. 300 DNAME two.; www.one. 300 CNAME www.two.");
    }
    assert_int_equal(w->asks_count, 0);
    assert_false(world_cached(w, "www.one.", RS_SLOT_RECORDS, RS_CNAME, &entry));
}

/* RFC6672-2.2: too long is YXDOMAIN, with the DNAME as its reason. */
static void a_name_grown_too_long_is_yxdomain(void **state)
{
    struct world *w = *state;
    char name[256] = "", rule[600];
    world_repeat(name, "a.", 120, "one.");
    snprintf(rule, sizeof(rule),
             "192.0.2.1 * *: aa yxdomain / one. 300 DNAME "
             "bbbbbbbbbbbbbbbbbbbbbbbb.two.");
    world_rules(w, zones);
    world_rule(w, rule);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(world_ask(w, name, RS_A), RS_YXDOMAIN);
        assert_string_equal(w->answer, "one. 300 DNAME bbbbbbbbbbbbbbbbbbbbbbbb.two.");
    }
    assert_int_equal(w->asks_count, 0);
}

/* One DNAME may be two links of a chain; it is told once. */
static void tells_a_dname_once(void **state)
{
    struct world *w = *state;
    world_rules(w, zones);
    world_rule(w, "192.0.2.1 *.one.one. *: aa / one. 300 DNAME .");
    world_rule(w, "198.51.100.1 a. A: aa / a. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "a.one.one.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer, "one. 300 DNAME .; a.one.one. 300 CNAME a.one.; "
                                   "a.one. 300 CNAME a.; a. 60 A 192.0.2.80");
}

/* ---- loops and bounds ---- */

/* A chain that bites its tail is SERVFAIL, with the chain as its reason; then it is known. */
static void a_loop_is_a_failure_that_shows_its_chain(void **state)
{
    struct world *w = *state;
    world_rules(w, zones);
    world_rule(w, "192.0.2.1 a.one. A: aa / a.one. 300 CNAME b.two.");
    world_rule(w, "192.0.2.2 b.two. A: aa / b.two. 300 CNAME a.one.");
    assert_int_equal(world_ask(w, "a.one.", RS_A), RS_SERVFAIL);
    assert_string_equal(w->answer, "a.one. 300 CNAME b.two.; b.two. 300 CNAME a.one.");
    assert_int_equal(w->asks_count, 4);
    assert_int_equal(world_ask(w, "a.one.", RS_A), RS_SERVFAIL);
    assert_int_equal(w->asks_count, 0);
}

static void an_alias_of_itself_is_a_loop(void **state)
{
    struct world *w = *state;
    world_rules(w, zones);
    world_rule(w, "192.0.2.1 a.one. A: aa / a.one. 300 CNAME a.one.");
    world_rule(w, "192.0.2.1 b.one. A: aa / one. 300 DNAME one.");
    assert_int_equal(world_ask(w, "a.one.", RS_A), RS_SERVFAIL);
    assert_int_equal(world_ask(w, "b.one.", RS_A), RS_SERVFAIL);
    assert_string_equal(w->answer, "one. 300 DNAME one.; b.one. 300 CNAME b.one.");
}

/* security.md C4: a chain of 100 across two zones: at most 14 packets to the two. */
static const char *unchained(struct world *w, const struct world_ask *ask)
{
    static char script[1200];
    unsigned number = (unsigned)strtoul(ask->name + 1, NULL, 10);
    (void)w;
    if (strncmp(ask->server, "198.51.100.1", 12) == 0) {
        return strstr(ask->name, "one.") != NULL
                   ? " / / one. 86400 NS ns.one. / ns.one. 86400 A 192.0.2.1"
                   : " / / two. 86400 NS ns.two. / ns.two. 86400 A 192.0.2.2";
    }
    snprintf(script, sizeof(script), "aa / %s 300 CNAME c%u.%s", ask->name, number + 1,
             number % 2 == 0 ? "two." : "one.");
    return script;
}

static void a_chain_without_end_costs_few_packets(void **state)
{
    struct world *w = *state;
    w->hook = unchained;
    assert_int_equal(world_ask(w, "c0.one.", RS_A), RS_SERVFAIL);
    assert_true(world_count(w, "192.0.2.1", NULL) + world_count(w, "192.0.2.2", NULL) <= 14);
    assert_int_equal(world_ask(w, "c0.one.", RS_A), RS_SERVFAIL);
    assert_true(w->asks_count <= 1);
}

/* The same inside one reply. */
static void a_long_chain_in_one_reply_ends_too(void **state)
{
    struct world *w = *state;
    char *rule = malloc(8192);
    size_t at = (size_t)snprintf(rule, 8192, "192.0.2.1 c0.one. A: aa / ");
    for (unsigned i = 0; i < 50; i++) {
        at += (size_t)snprintf(rule + at, 8192 - at, "c%u.one. 300 CNAME c%u.one.;", i, i + 1);
    }
    world_rules(w, zones);
    world_rule(w, rule);
    assert_int_equal(world_ask(w, "c0.one.", RS_A), RS_SERVFAIL);
    assert_int_equal(w->asks_count, 2);
    assert_int_equal(w->budget.aliases, 0);
    free(rule);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(follows_an_alias_into_another_zone),
        T(answers_a_cname_question_with_the_cname),
        T(believes_a_chain_only_within_its_zone),
        T(gives_the_rcode_of_the_last_name),
        T(takes_the_denial_of_the_last_name_from_the_same_reply),
        T(does_not_let_one_zone_deny_a_name_of_another),
        T(makes_the_cname_of_a_dname_itself),
        T(makes_the_cname_that_is_asked_for),
        T(a_name_grown_too_long_is_yxdomain),
        T(tells_a_dname_once),
        T(a_loop_is_a_failure_that_shows_its_chain),
        T(an_alias_of_itself_is_a_loop),
        T(a_chain_without_end_costs_few_packets),
        T(a_long_chain_in_one_reply_ends_too),
    };
    return cmocka_run_group_tests_name("resolver.alias", tests, NULL, NULL);
}
