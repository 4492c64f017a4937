/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Where name servers are: glue, the cache, lookups; circles and attacks that live from them. */

#include "tests/unit/resolver/world.h"

#define TO_COM "198.51.100.1 *.com. *: / / com. 172800 NS a.gtld. / a.gtld. 172800 A 192.0.2.1"
#define TO_NET "198.51.100.1 *.net. *: / / net. 172800 NS b.gtld. / b.gtld. 172800 A 192.0.2.2"

static const char *const glueless[] = {
    TO_COM,
    TO_NET,
    "192.0.2.1 *.example.com. *: / / example.com. 3600 NS ns.example.net.",
    "192.0.2.2 ns.example.net. A: aa / ns.example.net. 600 A 192.0.2.3",
    "192.0.2.2 *.example.net. *: aa / / net. 60 SOA 60",
    "192.0.2.3 www.example.com. A: aa / www.example.com. 300 A 192.0.2.80",
    "192.0.2.3 ftp.example.com. A: aa / ftp.example.com. 300 A 192.0.2.81",
    NULL,
};

static void looks_for_the_address_of_a_server_without_glue(void **state)
{
    struct world *w = *state;
    world_rules(w, glueless);
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer, "www.example.com. 300 A 192.0.2.80");
    assert_int_equal(world_count(w, "192.0.2.3", NULL), 1);
    assert_int_equal(w->budget.subqueries, RS_BUDGET_SUBQUERIES - 1);

    assert_int_equal(world_ask(w, "ftp.example.com.", RS_A), RS_NOERROR); /* From the cache. */
    assert_int_equal(w->asks_count, 1);
}

/* security.md row 81 (RFC3901): IPv6-only name servers, found by AAAA after A had nothing. */
static void looks_for_aaaa_when_there_is_no_a(void **state)
{
    struct world *w = *state;
    world_rule(w, TO_COM);
    world_rule(w, TO_NET);
    world_rule(w, glueless[2]);
    world_rule(w, "192.0.2.2 ns.example.net. AAAA: aa / ns.example.net. 600 AAAA 2001:db8::3");
    world_rule(w, "192.0.2.2 *.example.net. *: aa / / net. 60 SOA 60");
    world_rule(w, "2001:db8::3 www.example.com. A: aa / www.example.com. 300 A 192.0.2.80");
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
    assert_int_equal(w->budget.ns_failures, RS_BUDGET_NS_FAILURES);
}

/* Only families that are on are looked for, and asked. */
static void keeps_to_the_families_that_are_on(void **state)
{
    struct world *w = *state;
    w->config.use_ipv6 = false;
    world_rule(w, TO_COM);
    world_rule(w, "192.0.2.1 *.example.com. *: / / example.com. 3600 NS ns.example.com. / "
                  "ns.example.com. 60 AAAA 2001:db8::3");
    world_rule(w, "2001:db8::3 www.example.com. A: aa / www.example.com. 300 A 192.0.2.66");
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_SERVFAIL);
    assert_int_equal(world_count(w, "[2001:db8::3]", NULL), 0);
    for (unsigned i = 0; i < w->asks_count; i++) {
        assert_string_not_equal(w->asks[i].type, "AAAA");
    }
}

/* RFC9471 seen from here: the parent left out the glue; asked for it, it knows it. */
static void asks_the_parent_for_missing_glue(void **state)
{
    struct world *w = *state;
    world_rule(w, TO_COM);
    world_rule(w, "192.0.2.1 ns.example.com. A: / ns.example.com. 600 A 192.0.2.3");
    world_rule(w, "192.0.2.1 *.example.com. *: / / example.com. 3600 NS ns.example.com.");
    world_rule(w, "192.0.2.3 www.example.com. A: aa / www.example.com. 300 A 192.0.2.80");
    w->config.minimize = false;
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
}

/* The address that comes as glue of the server's own zone saves the last step. */
static void takes_the_glue_it_meets_on_the_way(void **state)
{
    struct world *w = *state;
    world_rule(w, TO_COM);
    world_rule(w, TO_NET);
    world_rule(w, glueless[2]);
    world_rule(w, "192.0.2.2 *.example.net. *: / / example.net. 3600 NS ns.example.net. / "
                  "ns.example.net. 3600 A 192.0.2.3");
    world_rule(w, "192.0.2.3 www.example.com. A: aa / www.example.com. 300 A 192.0.2.80");
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
    assert_int_equal(world_count(w, NULL, "ns.example.net."), 0);
    struct rs_entry entry; /* It is glue, not a record. */
    assert_false(world_cached(w, "ns.example.net.", RS_SLOT_RECORDS, RS_A, &entry));
}

/* ... and when it is wrong, the server's own zone is asked after all. */
static void asks_the_zone_itself_when_its_glue_is_wrong(void **state)
{
    struct world *w = *state;
    world_rule(w, TO_COM);
    world_rule(w, TO_NET);
    world_rule(w, glueless[2]);
    world_rule(w, "192.0.2.2 *.example.net. *: / / example.net. 3600 NS ns.example.net. / "
                  "ns.example.net. 3600 A 192.0.2.3");
    world_rule(w, "192.0.2.3 ns.example.net. A: aa / ns.example.net. 60 A 192.0.2.4");
    world_rule(w, "192.0.2.3 *.example.com. *: refused");
    world_rule(w, "192.0.2.4 www.example.com. A: aa / www.example.com. 300 A 192.0.2.80");
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
}

/* RFC2181-10.3: the name of a name server is not an alias. */
static void does_not_follow_an_alias_to_a_name_server(void **state)
{
    struct world *w = *state;
    world_rule(w, TO_COM);
    world_rule(w, TO_NET);
    world_rule(w, glueless[2]);
    world_rule(w, "192.0.2.2 ns.example.net. *: aa / ns.example.net. 60 CNAME x.example.net.; "
                  "x.example.net. 60 A 192.0.2.66");
    world_rule(w, "192.0.2.2 *.example.net. *: aa / / net. 60 SOA 60");
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_SERVFAIL);
    assert_int_equal(world_count(w, "192.0.2.66", NULL), 0);
}

/* Addresses beside a bad one are tried; names are tried until one has an address. */
static void tries_name_servers_until_one_answers(void **state)
{
    struct world *w = *state;
    world_rule(w, TO_COM);
    world_rule(w, TO_NET);
    world_rule(w, "192.0.2.1 *.example.com. *: / / example.com. 3600 NS none.net.; "
                  "example.com. 3600 NS dead.net.; example.com. 3600 NS good.net.");
    world_rule(w, "192.0.2.2 dead.net. A: aa / dead.net. 60 A 192.0.2.4");
    world_rule(w, "192.0.2.2 good.net. A: aa / good.net. 60 A 192.0.2.5");
    world_rule(w, "192.0.2.2 *.net. *: aa nxdomain / / net. 60 SOA 60");
    world_rule(w, "192.0.2.4 * *: servfail");
    world_rule(w, "192.0.2.5 www.example.com. A: aa / www.example.com. 300 A 192.0.2.80");
    for (w->random = 0; w->random < UINT64_C(3) << 32; w->random += UINT64_C(1) << 32) {
        world_pass(w, 200000);
        assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
    }
}

/* ---- circles ---- */

/* TsuNAME (security.md C3): two zones that have their servers in each other. */
static void a_circle_of_two_zones_ends(void **state)
{
    struct world *w = *state;
    world_rule(w, TO_COM);
    world_rule(w, TO_NET);
    world_rule(w, "192.0.2.1 *.example.com. *: / / example.com. 3600 NS ns1.example.net.; "
                  "example.com. 3600 NS ns2.example.net.");
    world_rule(w, "192.0.2.2 *.example.net. *: / / example.net. 3600 NS ns1.example.com.; "
                  "example.net. 3600 NS ns2.example.com.");
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_SERVFAIL);
    assert_true(w->asks_count <= 16);
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_SERVFAIL);
    assert_int_equal(w->asks_count, 0);
    world_pass(w, 6);
    assert_int_equal(world_ask(w, "mail.example.com.", RS_A), RS_SERVFAIL);
    assert_int_equal(w->asks_count, 0); /* The delegations are known to lead nowhere. */
}

static void a_circle_of_three_zones_ends(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 *.a. *: / / a. 3600 NS ns.b.");
    world_rule(w, "198.51.100.1 *.b. *: / / b. 3600 NS ns.c.");
    world_rule(w, "198.51.100.1 *.c. *: / / c. 3600 NS ns.a.");
    assert_int_equal(world_ask(w, "www.a.", RS_A), RS_SERVFAIL);
    assert_true(w->asks_count <= 16);
}

/* A zone whose only server is below it, without glue. */
static void a_zone_that_waits_for_itself_ends(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 *.a. *: / / a. 3600 NS ns.a.");
    assert_int_equal(world_ask(w, "www.a.", RS_A), RS_SERVFAIL);
    assert_true(w->asks_count <= 4);
}

/* Half a circle is none: one of two servers is elsewhere, and has an address. */
static void half_a_circle_resolves(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 *.a. *: / / a. 3600 NS ns.b.; a. 3600 NS ns.c.");
    world_rule(w, "198.51.100.1 *.b. *: / / b. 3600 NS ns.a.");
    world_rule(w, "198.51.100.1 ns.c. A: aa / ns.c. 60 A 192.0.2.3");
    world_rule(w, "198.51.100.1 *.c. *: aa / / . 60 SOA 60");
    world_rule(w, "192.0.2.3 www.a. A: aa / www.a. 60 A 192.0.2.80");
    world_rule(w, "192.0.2.3 ns.a. A: aa / ns.a. 60 A 192.0.2.4");
    world_rule(w, "192.0.2.4 ns.b. A: aa / ns.b. 60 A 192.0.2.5");
    assert_int_equal(world_ask(w, "www.a.", RS_A), RS_NOERROR);
    /* That ns.b did not resolve from inside the circle is no failure of ns.b. */
    assert_int_equal(world_ask(w, "ns.b.", RS_A), RS_NOERROR);
}

/* ---- NXNSAttack ---- */

static const char *nxns(struct world *w, const struct world_ask *ask)
{
    static char script[WORLD_TEXT_BYTES];
    if (strncmp(ask->server, "198.51.100.1", 12) == 0) {
        return strstr(ask->name, "victim.") != NULL
                   ? " / / victim. 86400 NS ns.victim. / ns.victim. 86400 A 192.0.2.2; "
                     "ns.victim. 86400 A 192.0.2.3"
                   : " / / attacker. 86400 NS ns.attacker. / ns.attacker. 86400 A 192.0.2.1";
    }
    if (strncmp(ask->server, "192.0.2.1@", 10) == 0) {
        size_t at = (size_t)snprintf(script, sizeof(script), " / / ");
        for (unsigned i = 0; i < 100; i++) {
            at += (size_t)snprintf(script + at, sizeof(script) - at,
                                   "sub.attacker. 60 NS n%u.x%u.victim.;", i, i);
        }
        return script;
    }
    return w->rules[0].reply;
}

/* security.md C2 (CVE-2020-8616, -12662, -10995, -12667): 8 packets to the victim, whatever it
 * says; and a question repeated costs nothing. */
static void a_delegation_into_a_victim_costs_it_few_packets(void **state)
{
    static const char *const victims[] = {
        "* * *: aa nxdomain / / victim. 60 SOA 60",
        "* * *: aa nxdomain",
        "* * *: aa / / victim. 60 SOA 60",
        "* * *: aa",
        "* * *: servfail",
        "* * *: refused",
        "* * *: lost",
        "* * *: tc",
        "* * *: closed",
        "* * *: miss",
        "* * *: formerr noopt",
        "* * *: badcookie",
    };
    struct world *w = *state;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(victims); i++) {
        world_forget_rules(w);
        world_rule(w, victims[i]);
        w->hook = nxns;
        world_pass(w, 200000);
        assert_int_equal(world_ask(w, "www.sub.attacker.", RS_A), RS_SERVFAIL);
        unsigned victim = world_count(w, "192.0.2.2", NULL) + world_count(w, "192.0.2.3", NULL);
        assert_true(victim <= 8);
        assert_true(w->asks_count <= 20);
        assert_int_equal(world_ask(w, "www.sub.attacker.", RS_A), RS_SERVFAIL);
        assert_int_equal(w->asks_count, 0);
    }
}

/* security.md D9 (NRDelegation): more names than we take are not even looked at. */
static void takes_thirteen_name_servers_of_many(void **state)
{
    struct world *w = *state;
    struct rs_entry entry;
    world_rule(w, "* * *: lost");
    w->hook = nxns;
    world_ask(w, "www.sub.attacker.", RS_A);
    assert_true(world_cached(w, "sub.attacker.", RS_SLOT_DELEGATION, 0, &entry));
    assert_int_equal(entry.delegation.ns_count, RS_NS_PER_DELEGATION_MAX);
}

/* security.md C6 (B9 CVE-2026-3592): ten names with the same thirteen addresses. */
static void asks_an_address_with_many_names_once(void **state)
{
    struct world *w = *state;
    static char rule[WORLD_TEXT_BYTES];
    size_t at = (size_t)snprintf(rule, sizeof(rule), "198.51.100.1 *.a. *: / / ");
    for (unsigned i = 0; i < 10; i++) {
        at += (size_t)snprintf(rule + at, sizeof(rule) - at, "a. 60 NS n%u.a.;", i);
    }
    at += (size_t)snprintf(rule + at, sizeof(rule) - at, " / ");
    for (unsigned i = 0; i < 10 * 13; i++) {
        at += (size_t)snprintf(rule + at, sizeof(rule) - at, "n%u.a. 60 A 192.0.2.%u;", i / 13,
                               1 + i % 13);
    }
    world_rule(w, rule);
    world_rule(w, "* www.a. *: servfail");
    assert_int_equal(world_ask(w, "www.a.", RS_A), RS_SERVFAIL);
    assert_true(w->asks_count <= 17);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(looks_for_the_address_of_a_server_without_glue),
        T(looks_for_aaaa_when_there_is_no_a),
        T(keeps_to_the_families_that_are_on),
        T(asks_the_parent_for_missing_glue),
        T(takes_the_glue_it_meets_on_the_way),
        T(asks_the_zone_itself_when_its_glue_is_wrong),
        T(does_not_follow_an_alias_to_a_name_server),
        T(tries_name_servers_until_one_answers),
        T(a_circle_of_two_zones_ends),
        T(a_circle_of_three_zones_ends),
        T(a_zone_that_waits_for_itself_ends),
        T(half_a_circle_resolves),
        T(a_delegation_into_a_victim_costs_it_few_packets),
        T(takes_thirteen_name_servers_of_many),
        T(asks_an_address_with_many_names_once),
    };
    return cmocka_run_group_tests_name("resolver.nsaddr", tests, NULL, NULL);
}
