/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Which servers: delegations and how long they live, forwarders. */

#include "resolver/zonecut.h"
#include "tests/unit/resolver/world.h"

#define TO_COM "198.51.100.1 *.com. *: / / com. 172800 NS a.gtld. / a.gtld. 172800 A 192.0.2.1"
#define TO_EXAMPLE                                                                                 \
    "192.0.2.1 *.example.com. *: / / example.com. 3600 NS ns.example.com. / "                      \
    "ns.example.com. 3600 A 192.0.2.2"
#define GONE "192.0.2.1 *.example.com. *: aa nxdomain / / com. 60 SOA 60"

/* ---- ghost domains ---- */

/* What the child says in order to live on: NS at its apex, new glue, delegations of its own. */
static const char *const ghost[] = {
    "192.0.2.2 example.com. NS: aa / example.com. 86400 NS ns.example.com. / / "
    "ns.example.com. 86400 A 192.0.2.2",
    "192.0.2.2 example.com. *: aa / / example.com. 86400 SOA 60; "
    "example.com. 86400 NS ns.example.com. / ns.example.com. 86400 A 192.0.2.2",
    "192.0.2.2 ns.example.com. A: aa / ns.example.com. 86400 A 192.0.2.2",
    "192.0.2.2 *.sub.example.com. *: / / sub.example.com. 86400 NS ns.sub.example.com. / "
    "ns.sub.example.com. 86400 A 192.0.2.3",
    "192.0.2.3 *.deep.sub.example.com. *: / / deep.sub.example.com. 86400 NS "
    "ns.deep.sub.example.com. / ns.deep.sub.example.com. 86400 A 192.0.2.4",
    "192.0.2.2 * A: aa / *.example.com. 60 A 192.0.2.66",
    NULL,
};

static const char *alive(struct world *w, const struct world_ask *ask)
{
    static char script[1200];
    for (unsigned i = 0; i < w->rules_count; i++) {
        if (world_rule_fits(&w->rules[i], ask)) {
            return w->rules[i].reply;
        }
    }
    snprintf(script, sizeof(script), "aa / %s 5 A 192.0.2.66", ask->name);
    return script;
}

/* security.md B4 (CVE-2012-1033, CVE-2022-30698, -30699, CVE-2026-40622, -42955): a domain that its
 * parent has taken back is gone when the parent's delegation would have ended, whatever the child
 * does in the meantime. */
static void a_domain_taken_back_does_not_live_on(void **state)
{
    static const struct {
        const char *name;
        uint16_t type;
    } asked[] = {
        {"example.com.", RS_NS},          {"example.com.", RS_SOA},
        {"example.com.", RS_A},           {"ns.example.com.", RS_A},
        {"www.example.com.", RS_A},       {"a.b.c.example.com.", RS_A},
        {"sub.example.com.", RS_NS},      {"www.sub.example.com.", RS_A},
        {"ns.sub.example.com.", RS_A},    {"www.deep.sub.example.com.", RS_A},
        {"ns.sub.example.com.", RS_AAAA}, {"x.y.deep.sub.example.com.", RS_A},
    };
    struct world *w = *state;
    w->hook = alive;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(asked); i++) {
        world_forget_rules(w);
        world_rule(w, TO_COM);
        world_rule(w, TO_EXAMPLE);
        world_rules(w, ghost);
        world_pass(w, 400000);
        assert_int_equal(world_ask(w, "first.example.com.", RS_A), RS_NOERROR);

        world_forget_rules(w); /* The parent takes it back. */
        world_rule(w, TO_COM);
        world_rule(w, GONE);
        world_rules(w, ghost);
        for (unsigned minutes = 0; minutes < 60; minutes += 4) {
            world_pass(w, 4 * 60 - 1);
            world_ask(w, asked[i].name, asked[i].type);
        }
        world_pass(w, 60);
        static char fresh[64];
        snprintf(fresh, sizeof(fresh), "new%u.%s", i, asked[i].name);
        assert_int_equal(world_ask(w, fresh, RS_A), RS_NXDOMAIN);
        assert_int_equal(world_count(w, "192.0.2.2", NULL), 0);
        assert_int_equal(world_count(w, "192.0.2.3", NULL), 0);
        assert_int_equal(world_count(w, "192.0.2.4", NULL), 0);
    }
}

/* A referral may pass over zones in between. */
static void takes_a_delegation_over_several_labels(void **state)
{
    struct world *w = *state;
    world_rule(w, "198.51.100.1 *.c.b.a. *: / / c.b.a. 60 NS ns.c.b.a. / ns.c.b.a. 60 A 192.0.2.2");
    world_rule(w, "198.51.100.1 *.a. *: aa / / . 60 SOA 60");
    world_rule(w, "192.0.2.2 www.c.b.a. A: aa / www.c.b.a. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "www.c.b.a.", RS_A), RS_NOERROR);
}

/* ---- forwarders ---- */

/* policy.FORWARD: RD=1, everything at once, the whole answer believed: it is the name's resolver.
 */
static void asks_a_forwarder_the_whole_question_with_rd(void **state)
{
    struct world *w = *state;
    world_forward(w, ".", RS_FORWARD_RECURSE, "10.0.0.1");
    world_rule(w, "10.0.0.1 www.example.com. A: ra / www.example.com. 60 CNAME x.other.net.; "
                  "x.other.net. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer,
                        "www.example.com. 60 CNAME x.other.net.; x.other.net. 60 A 192.0.2.80");
    assert_int_equal(w->asks_count, 1);
    assert_true(w->asks[0].wants_recursion);
    assert_false(w->asks[0].is_cd);

    w->is_cd = true; /* The client's CD goes along. */
    world_rule(w, "10.0.0.1 cd.example.com. A: ra / cd.example.com. 60 A 192.0.2.80");
    world_ask(w, "cd.example.com.", RS_A);
    assert_true(w->asks[0].is_cd);
}

/* policy.STUB here: an authority of a name, without delegation: RD=0. */
static void asks_a_stub_as_an_authority(void **state)
{
    struct world *w = *state;
    world_forward(w, "corp.", RS_FORWARD_STUB, "127.0.0.5");
    world_rule(w, "127.0.0.5 www.corp. A: aa / www.corp. 60 CNAME www.sub.corp.");
    world_rule(w, "127.0.0.5 *.sub.corp. *: / / sub.corp. 60 NS ns.sub.corp. / "
                  "ns.sub.corp. 60 A 192.0.2.2");
    world_rule(w, "192.0.2.2 www.sub.corp. A: aa / www.sub.corp. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "www.corp.", RS_A), RS_NOERROR);
    assert_int_equal(world_count(w, "198.51.100.1", NULL), 0);
    for (unsigned i = 0; i < w->asks_count; i++) {
        assert_false(w->asks[i].wants_recursion);
    }
}

/* A broken forwarder is no reason to go past it (modules.md §3.4). */
static void never_falls_back_from_a_forwarder_to_iteration(void **state)
{
    static const char *const broken[] = {"* * *: lost", "* * *: refused", "* * *: servfail",
                                         "* * *: closed", "* * *: / / com. 60 NS a.gtld."};
    struct world *w = *state;
    world_forward(w, "example.com.", RS_FORWARD_RECURSE, "10.0.0.1");
    for (unsigned i = 0; i < RT_ARRAY_COUNT(broken); i++) {
        world_forget_rules(w);
        world_pass(w, 1000);
        world_rule(w, broken[i]);
        assert_int_equal(world_ask(w, "www.example.com.", RS_A), i == 4 ? RS_NOERROR : RS_SERVFAIL);
        assert_int_equal(world_count(w, "10.0.0.1", NULL), w->asks_count);
        assert_true(w->asks_count <= RS_ATTEMPTS_PER_SERVER_MAX);
    }
}

/* security.md C2 (NXNSAttack): a victim's share of packets does not begin anew with each
 * delegation. */
static void what_was_spent_on_a_zone_stays_spent(void **state)
{
    struct world *w = *state;
    struct rs_query q = {.arena = &w->arena};
    const struct rs_delegation victim = {.zone = (const uint8_t *)"\6victim"};
    const struct rs_delegation other = {.zone = (const uint8_t *)"\5other"};
    rt_arena_init(&w->arena, w->pool, RS_QUERY_ARENA_BYTES);
    rs_zonecut_learn(&q, &victim, 10)->address_asks = RS_NS_PACKETS_PER_ZONE_MAX;
    assert_int_equal(rs_zonecut_learn(&q, &other, 10)->address_asks, 0);
    assert_int_equal(rs_zonecut_learn(&q, &victim, 10)->address_asks, RS_NS_PACKETS_PER_ZONE_MAX);
    rt_arena_reset(&w->arena);
}

/* security.md B5: a zone may hold names below which another server is asked: what its own server
 * adds about them, answer or denial, is not taken, and not cached. */
static void what_lies_above_a_forwarded_name_does_not_speak_for_it(void **state)
{
    static const char *const additions[] = {
        "192.0.2.1 www.example. A: aa / www.example. 60 CNAME x.corp.example.; "
        "x.corp.example. 60 A 192.0.2.66",
        "192.0.2.1 www.example. A: aa nxdomain / www.example. 60 CNAME x.corp.example. / "
        "example. 60 SOA 60",
    };
    struct world *w = *state;
    struct rs_entry entry;
    world_forward(w, "corp.example.", RS_FORWARD_STUB, "10.0.0.1");
    for (unsigned i = 0; i < RT_ARRAY_COUNT(additions); i++) {
        world_forget_rules(w);
        world_pass(w, 100000);
        world_rule(w, "198.51.100.1 *.example. *: / / example. 60 NS ns.example. / "
                      "ns.example. 60 A 192.0.2.1");
        world_rule(w, additions[i]);
        world_rule(w, "10.0.0.1 x.corp.example. A: aa / x.corp.example. 0 A 192.0.2.80");
        assert_int_equal(world_ask(w, "www.example.", RS_A), RS_NOERROR);
        assert_string_equal(
            w->answer, "www.example. 60 CNAME x.corp.example.; x.corp.example. 0 A 192.0.2.80");
        assert_false(world_cached(w, "x.corp.example.", RS_SLOT_RECORDS, RS_A, &entry));
        assert_false(world_cached(w, "x.corp.example.", RS_SLOT_NXDOMAIN, 0, &entry));
    }
}

/* The longest name wins; an alias out of it is resolved by whoever is responsible there. */
static void each_name_of_a_chain_goes_to_its_own_servers(void **state)
{
    struct world *w = *state;
    world_forward(w, "com.", RS_FORWARD_RECURSE, "10.0.0.1");
    world_forward(w, "example.com.", RS_FORWARD_RECURSE, "10.0.0.2");
    world_rule(w, "10.0.0.2 www.example.com. A: ra / www.example.com. 60 CNAME www.net.");
    world_rule(w, "198.51.100.1 www.net. A: aa / www.net. 60 CNAME other.com.");
    world_rule(w, "198.51.100.1 net. *: aa / / . 60 SOA 60");
    world_rule(w, "10.0.0.1 other.com. A: ra / other.com. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "www.example.com.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer, "www.example.com. 60 CNAME www.net.; "
                                   "www.net. 60 CNAME other.com.; other.com. 60 A 192.0.2.80");
}

/* RFC5625 quirks: proxies that drop EDNS, answer without AA, without SOA. */
static void lives_with_simple_proxies(void **state)
{
    struct world *w = *state;
    world_forward(w, ".", RS_FORWARD_RECURSE, "10.0.0.1");
    world_rule(w, "10.0.0.1 a. A: ra noopt / a. 60 A 192.0.2.80");
    world_rule(w, "10.0.0.1 b. A edns: formerr noopt");
    world_rule(w, "10.0.0.1 b. A: ra / b. 60 A 192.0.2.80");
    world_rule(w, "10.0.0.1 c. A: ra");
    world_rule(w, "10.0.0.1 d. A: ra nxdomain");
    assert_int_equal(world_ask(w, "a.", RS_A), RS_NOERROR);
    assert_int_equal(world_ask(w, "b.", RS_A), RS_NOERROR);
    assert_int_equal(world_ask(w, "c.", RS_A), RS_NOERROR);
    assert_int_equal(w->asks_count, 1);
    assert_int_equal(world_ask(w, "d.", RS_A), RS_NXDOMAIN);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(a_domain_taken_back_does_not_live_on),
        T(takes_a_delegation_over_several_labels),
        T(asks_a_forwarder_the_whole_question_with_rd),
        T(asks_a_stub_as_an_authority),
        T(never_falls_back_from_a_forwarder_to_iteration),
        T(what_was_spent_on_a_zone_stays_spent),
        T(what_lies_above_a_forwarded_name_does_not_speak_for_it),
        T(each_name_of_a_chain_goes_to_its_own_servers),
        T(lives_with_simple_proxies),
    };
    return cmocka_run_group_tests_name("resolver.zonecut", tests, NULL, NULL);
}
