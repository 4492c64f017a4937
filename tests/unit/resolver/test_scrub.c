/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What is not taken from replies: security.md B1, B2, B3, B6, and the modes of glue. */

#include "tests/unit/resolver/world.h"

#define TO_COM "198.51.100.1 *.com. *: / / com. 172800 NS a.gtld. / a.gtld. 172800 A 192.0.2.1"
#define TO_EXAMPLE                                                                                 \
    "192.0.2.1 *.example.com. *: / / example.com. 3600 NS ns.example.com. / "                      \
    "ns.example.com. 3600 A 192.0.2.2"

static const char *const down[] = {TO_COM, TO_EXAMPLE, NULL};

/* The evil server of all tests here is 192.0.2.66; its names contain "evil". */
static void assert_delegation(struct world *w, const char *zone, const char *ns, const char *addr)
{
    struct rs_entry entry;
    char text[RS_NAME_TEXT_BYTES];
    struct rt_addr expected = world_addr(addr);
    assert_true(world_cached(w, zone, RS_SLOT_DELEGATION, 0, &entry));
    assert_int_equal(entry.delegation.ns_count, 1);
    assert_string_equal(rs_name_text(entry.delegation.ns[0].name, text), ns);
    assert_int_equal(entry.delegation.ns[0].addrs_count, 1);
    assert_true(rt_addr_equal(&entry.delegation.ns[0].addrs[0], &expected));
}

static void assert_clean(struct world *w)
{
    static const struct {
        const char *name;
        enum rs_slot slot;
        uint16_t type;
    } stains[] = {
        {".", RS_SLOT_RECORDS, RS_NS},
        {".", RS_SLOT_DELEGATION, 0},
        {"com.", RS_SLOT_RECORDS, RS_NS},
        {"com.", RS_SLOT_RECORDS, RS_DNAME},
        {"net.", RS_SLOT_DELEGATION, 0},
        {"net.", RS_SLOT_RECORDS, RS_NS},
        {"example.com.", RS_SLOT_RECORDS, RS_NS},
        {"other.com.", RS_SLOT_DELEGATION, 0},
        {"other.com.", RS_SLOT_RECORDS, RS_NS},
        {"other.com.", RS_SLOT_RECORDS, RS_A},
        {"evil.example.com.", RS_SLOT_RECORDS, RS_A},
        {"evil.net.", RS_SLOT_RECORDS, RS_A},
        {"ns.example.com.", RS_SLOT_RECORDS, RS_A},
        {"a.gtld.", RS_SLOT_RECORDS, RS_A},
        {"mail.example.com.", RS_SLOT_RECORDS, RS_A},
        {"mail.other.com.", RS_SLOT_RECORDS, RS_A},
    };
    struct rs_entry entry;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(stains); i++) {
        if (world_cached(w, stains[i].name, stains[i].slot, stains[i].type, &entry)) {
            fail_msg("stored: %s slot %d type %u", stains[i].name, stains[i].slot, stains[i].type);
        }
    }
    assert_delegation(w, "com.", "a.gtld.", "192.0.2.1");
    assert_delegation(w, "example.com.", "ns.example.com.", "192.0.2.2");
    assert_int_equal(world_count(w, "192.0.2.66", NULL), 0);
}

#define GOOD "aa / x.example.com. 60 A 192.0.2.80 / "
#define GLUE " / evil.example.com. 9 A 192.0.2.66; evil.net. 9 A 192.0.2.66"

/* security.md B1 (CVE-2025-11411, -40778, -59023): NS sets nobody asked for, wherever they stand.
 */
static void promiscuous_ns_sets_change_nothing(void **state)
{
    static const char *const variants[] = {
        GOOD "example.com. 99 NS evil.example.com." GLUE,
        GOOD "example.com. 99 NS evil.net." GLUE,
        GOOD "com. 99 NS evil.net." GLUE,
        GOOD ". 99 NS evil.net." GLUE,
        GOOD "other.com. 99 NS evil.net." GLUE,
        GOOD "net. 99 NS evil.net." GLUE,
        GOOD "x.example.com. 99 NS evil.example.com." GLUE,
        GOOD "sub.x.example.com. 99 NS evil.example.com." GLUE,
        GOOD "com. 99 DNAME evil.net.; example.com. 99 DNAME evil.net.",
        GOOD "example.com. 99 NS ns.example.com. / ns.example.com. 99 A 192.0.2.66",
        "aa / x.example.com. 60 A 192.0.2.80; example.com. 99 NS evil.example.com.; "
        "com. 99 NS evil.net. / " GLUE,
        "aa / x.example.com. 60 A 192.0.2.80; com. 99 DNAME evil.net. / " GLUE,
        "aa / / example.com. 60 SOA 60; example.com. 99 NS evil.example.com." GLUE,
        "aa / / example.com. 60 SOA 60; com. 99 NS evil.net." GLUE,
        "aa / / example.com. 60 SOA 60; x.example.com. 99 NS evil.example.com." GLUE,
        "aa / / example.com. 99 NS evil.example.com." GLUE,
        "aa nxdomain / / example.com. 60 SOA 60; example.com. 99 NS evil.example.com." GLUE,
        "aa nxdomain / / example.com. 60 SOA 60; com. 99 NS evil.net." GLUE,
        "aa nxdomain / / example.com. 99 NS evil.example.com." GLUE,
        "aa nxdomain / / x.example.com. 99 NS evil.example.com." GLUE,
        "aa yxdomain / / example.com. 99 NS evil.example.com.; com. 99 DNAME evil.net." GLUE,
        "aa / x.example.com. 60 CNAME y.example.com. / example.com. 99 NS evil.example.com." GLUE,
        "aa / x.example.com. 60 CNAME y.example.com. / com. 99 NS evil.net." GLUE,
        " / / com. 99 NS evil.net." GLUE,         /* referral up */
        " / / . 99 NS evil.net." GLUE,            /* to the root */
        " / / example.com. 99 NS evil.net." GLUE, /* to itself */
        " / / other.com. 99 NS evil.net." GLUE,   /* sideways */
        " / / net. 99 NS evil.net." GLUE,
        "refused / / example.com. 99 NS evil.net." GLUE,
        "servfail / x.example.com. 60 A 192.0.2.66 / com. 99 NS evil.net." GLUE,
    };
    struct world *w = *state;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(variants) * 2; i++) {
        static char rule[2048];
        snprintf(rule, sizeof(rule), "192.0.2.2 x.example.com. *: %s", variants[i / 2]);
        world_forget_rules(w);
        world_rules(w, down);
        world_rule(w, rule);
        world_rule(w, "192.0.2.2 y.example.com. *: aa nxdomain");
        world_rule(w, "192.0.2.66 * *: aa / evil. 60 A 192.0.2.66");
        w->config.minimize = i % 2 != 0;
        world_pass(w, 200000);
        world_ask(w, "x.example.com.", RS_A);
        assert_clean(w);
    }
}

/* security.md B2 (CVE-2026-42960): addresses for names in MX, SRV and the like are not asked for.
 */
static void additional_addresses_change_nothing(void **state)
{
    struct world *w = *state;
    world_rules(w, down);
    world_rule(w, "192.0.2.2 example.com. MX: aa / example.com. 60 MX mail.example.com.; "
                  "example.com. 60 MX mail.other.com. / example.com. 60 MX ns.example.com. / "
                  "mail.example.com. 60 A 192.0.2.66; mail.other.com. 60 A 192.0.2.66; "
                  "ns.example.com. 9000 A 192.0.2.66; a.gtld. 60 A 192.0.2.66");
    assert_int_equal(world_ask(w, "example.com.", RS_MX), RS_NOERROR);
    assert_string_equal(w->additional, "");
    assert_clean(w);
}

/* Records in the answer section that answer nothing. */
static void stray_answers_change_nothing(void **state)
{
    struct world *w = *state;
    struct rs_entry entry;
    world_rules(w, down);
    world_rule(w, "192.0.2.2 x.example.com. A: aa / other.com. 60 A 192.0.2.66; "
                  "x.example.com. 60 A 192.0.2.80; mail.example.com. 60 A 192.0.2.66; "
                  "x.example.com. 60 TXT evil");
    assert_int_equal(world_ask(w, "x.example.com.", RS_A), RS_NOERROR);
    assert_string_equal(w->answer, "x.example.com. 60 A 192.0.2.80");
    assert_clean(w);
    assert_false(world_cached(w, "x.example.com.", RS_SLOT_RECORDS, RS_TXT, &entry));
}

/* security.md B3 (MaginotDNS, CVE-2021-25220): a forwarder for one name speaks for that name. */
static void a_forwarder_speaks_for_its_name_only(void **state)
{
    static const char *const replies[] = {
        "10.0.0.1 * *: ra / x.local.net. 60 A 10.0.0.80; net. 99 NS evil.net.; "
        "other.com. 99 A 192.0.2.66 / net. 99 NS evil.net.; com. 99 NS evil.net.; "
        "local.net. 99 NS evil.net. / evil.net. 99 A 192.0.2.66",
        "10.0.0.1 * *: ra / x.local.net. 60 CNAME other.com.; other.com. 60 A 192.0.2.66",
        ("10.0.0.1 * *: ra / net. 60 DNAME com.; x.local.net. 60 CNAME x.local.com.; "
         "x.local.com. 60 A 192.0.2.66"),
        "10.0.0.1 * *: ra nxdomain / / net. 60 SOA 60; com. 60 SOA 60",
        "10.0.0.1 * *: ra / / net. 60 NS evil.net. / evil.net. 99 A 192.0.2.66",
    };
    struct world *w = *state;
    struct rs_entry entry;
    world_forward(w, "local.net.", RS_FORWARD_RECURSE, "10.0.0.1");
    for (unsigned i = 0; i < RT_ARRAY_COUNT(replies); i++) {
        world_forget_rules(w);
        world_rules(w, down);
        world_rule(w, "192.0.2.1 other.com. A: aa nxdomain");
        world_rule(w, "192.0.2.2 x.example.com. A: " GOOD);
        world_rule(w, replies[i]);
        world_pass(w, 200000);
        world_ask(w, "x.local.net.", RS_A);
        assert_int_equal(world_count(w, "192.0.2.66", NULL), 0);
        world_ask(w, "x.example.com.", RS_A); /* The other mode sees nothing of it. */
        assert_clean(w);
        assert_false(world_cached(w, "net.", RS_SLOT_NXDOMAIN, 0, &entry));
        assert_false(world_cached(w, "local.net.", RS_SLOT_DELEGATION, 0, &entry));
    }
}

/* ---- glue ---- */

static void ask_with_glue(struct world *w, uint8_t mode)
{
    w->config.glue_mode = mode;
    world_rule(w, "198.51.100.1 *.com. *: / / com. 60 NS ns.com. / ns.com. 60 A 192.0.2.1");
    world_rule(w, "192.0.2.1 *.example.com. *: / / example.com. 60 NS ns.example.com.; "
                  "example.com. 60 NS ns.other.com.; example.com. 60 NS ns.far.net. / "
                  "ns.example.com. 60 A 192.0.2.2; ns.other.com. 60 A 192.0.2.3; "
                  "ns.far.net. 60 A 192.0.2.4");
    world_rule(w, "* *.example.com. *: refused");
    world_ask(w, "www.example.com.", RS_A);
}

/* mode(): mandatory glue only; glue of the parent's bailiwick; any glue. */
static void glue_is_taken_by_mode(void **state)
{
    struct world *w = *state;
    ask_with_glue(w, RS_GLUE_STRICT);
    assert_int_equal(world_count(w, "192.0.2.2", NULL) > 0, 1);
    assert_int_equal(world_count(w, "192.0.2.3", NULL), 0);
    assert_int_equal(world_count(w, "192.0.2.4", NULL), 0);
    world_pass(w, 200000);
    ask_with_glue(w, RS_GLUE_NORMAL);
    assert_int_equal(world_count(w, "192.0.2.3", NULL) > 0, 1);
    assert_int_equal(world_count(w, "192.0.2.4", NULL), 0);
    world_pass(w, 200000);
    ask_with_glue(w, RS_GLUE_PERMISSIVE);
    assert_int_equal(world_count(w, "192.0.2.4", NULL) > 0, 1);
}

/* security.md B6: addresses that would make us talk to ourselves or to a crowd. */
static void forbidden_addresses_are_never_asked(void **state)
{
    static const char *const addrs[] = {
        "A 0.0.0.0",   "A 0.1.2.3",   "A 127.0.0.1",  "A 127.255.255.254",
        "A 224.0.0.1", "A 239.1.1.1", "A 240.0.0.1",  "A 255.255.255.255",
        "AAAA ::",     "AAAA ::1",    "AAAA ff02::1", "AAAA ::ffff:127.0.0.1",
    };
    struct world *w = *state;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(addrs); i++) {
        static char rule[512];
        snprintf(rule, sizeof(rule), "198.51.100.1 *.a. *: / / a. 60 NS ns.a. / ns.a. 60 %s",
                 addrs[i]);
        world_forget_rules(w);
        world_pass(w, 1000);
        world_rule(w, rule);
        world_rule(w, "* * *: aa / www.a. 60 A 192.0.2.66");
        assert_int_equal(world_ask(w, "www.a.", RS_A), RS_SERVFAIL);
        assert_int_equal(world_count(w, "198.51.100.1", NULL), w->asks_count);
        assert_true(w->asks_count <= 20);
    }
}

/* Two addresses of each family for a name server; more are ignored. */
static void takes_two_addresses_of_each_family(void **state)
{
    struct world *w = *state;
    struct rs_entry entry;
    world_rule(w, "198.51.100.1 *.a. *: / / a. 600 NS ns.a. / ns.a. 60 A 192.0.2.1; "
                  "ns.a. 60 A 192.0.2.2; ns.a. 60 A 192.0.2.3; ns.a. 60 AAAA 2001:db8::1; "
                  "ns.a. 60 AAAA 2001:db8::2; ns.a. 60 AAAA 2001:db8::3");
    world_rule(w, "* www.a. A: aa / www.a. 60 A 192.0.2.80");
    assert_int_equal(world_ask(w, "www.a.", RS_A), RS_NOERROR);
    assert_true(world_cached(w, "a.", RS_SLOT_DELEGATION, 0, &entry));
    assert_int_equal(entry.delegation.ns[0].addrs_count, RS_GLUE_PER_NS_MAX);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(promiscuous_ns_sets_change_nothing),
        T(additional_addresses_change_nothing),
        T(stray_answers_change_nothing),
        T(a_forwarder_speaks_for_its_name_only),
        T(glue_is_taken_by_mode),
        T(forbidden_addresses_are_never_asked),
        T(takes_two_addresses_of_each_family),
    };
    return cmocka_run_group_tests_name("resolver.scrub", tests, NULL, NULL);
}
