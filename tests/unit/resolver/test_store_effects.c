/* SPDX-License-Identifier: GPL-3.0-or-later */

/* What becomes a cache entry, and for how long. */

#include "resolver/store_effects.h"
#include "tests/unit/resolver/world.h"

/* security.md B9: 0, 1, 2^31-1, 2^31, 2^32-1: never longer than the cap, and 0 stays 0. */
static void caps_and_raises_ttls(void **state)
{
    struct rs_config config;
    (void)state;
    rs_config_init(&config);
    assert_int_equal(rs_ttl_accept(&config, 0), 0);
    assert_int_equal(rs_ttl_accept(&config, 1), RS_TTL_S_MIN);
    assert_int_equal(rs_ttl_accept(&config, 300), 300);
    assert_int_equal(rs_ttl_accept(&config, INT32_MAX), RS_TTL_S_MAX);
    assert_int_equal(rs_ttl_accept(&config, UINT32_C(1) << 31), RS_TTL_S_MAX);
    assert_int_equal(rs_ttl_accept(&config, UINT32_MAX), RS_TTL_S_MAX);
}

/* An operator who wants everything kept for a while gets it, TTL 0 included (cache.min_ttl). */
static void a_minimum_of_the_operator_holds_for_zero_too(void **state)
{
    struct rs_config config;
    (void)state;
    rs_config_init(&config);
    config.ttl_s_min = 300;
    config.ttl_s_max = 600;
    assert_int_equal(rs_ttl_accept(&config, 0), 300);
    assert_int_equal(rs_ttl_accept(&config, 3600), 600);
}

/* RFC2181-5.2: unequal TTLs in a set: the least; the cap holds in the answer as in the cache. */
static void answers_and_entries_have_the_same_ttl(void **state)
{
    struct world *w = *state;
    struct rs_entry entry;
    world_rule(w, "198.51.100.1 a. A: aa / a. 4000000000 A 192.0.2.1; a. 200000 A 192.0.2.2");
    world_rule(w, "198.51.100.1 b. A: aa / b. 70 A 192.0.2.1; b. 40 A 192.0.2.2");
    world_ask(w, "a.", RS_A);
    assert_string_equal(w->answer, "a. 86400 A 192.0.2.1; a. 86400 A 192.0.2.2");
    assert_true(world_cached(w, "a.", RS_SLOT_RECORDS, RS_A, &entry));
    assert_int_equal(entry.ttl_s, RS_TTL_S_MAX);
    world_ask(w, "b.", RS_A);
    assert_string_equal(w->answer, "b. 40 A 192.0.2.1; b. 40 A 192.0.2.2");
}

/* RFC6895-3.1: 128 to 255 and OPT are no data. */
static void never_stores_meta_types(void **state)
{
    static const uint16_t types[] = {RS_OPT,  RS_NXNAME, RS_TKEY,  RS_TSIG,
                                     RS_IXFR, RS_AXFR,   RS_MAILB, RS_ANY};
    struct world *w = *state;
    world_rule(w, "198.51.100.1 * *: aa / / . 60 SOA 60");
    for (unsigned i = 0; i < RT_ARRAY_COUNT(types); i++) {
        world_ask(w, "meta.", types[i]);
        assert_int_equal(w->stores_count, 0);
    }
    world_ask(w, "data.", 65400); /* RFC3597: types nobody knows are data. */
    assert_int_equal(w->stores_count, 1);
}

/* RFC2181-5.4.1: what each thing stored is worth. */
static void gives_each_entry_its_rank(void **state)
{
    struct world *w = *state;
    struct rs_entry entry;
    world_rule(w, "198.51.100.1 *.a. *: / / a. 600 NS ns.a.; a. 600 DS xyz / ns.a. 60 A 192.0.2.1");
    world_rule(w, "192.0.2.1 www.a. A: aa / www.a. 60 A 192.0.2.80");
    world_rule(w, "192.0.2.1 lax.a. A: / lax.a. 60 A 192.0.2.80");
    world_rule(w, "192.0.2.1 no.a. A: aa nxdomain / / a. 60 SOA 60");
    world_ask(w, "www.a.", RS_A);
    world_ask(w, "lax.a.", RS_A);
    world_ask(w, "no.a.", RS_A);
    assert_true(world_cached(w, "www.a.", RS_SLOT_RECORDS, RS_A, &entry));
    assert_int_equal(entry.rank, RS_RANK_AUTH_ANSWER);
    assert_true(world_cached(w, "lax.a.", RS_SLOT_RECORDS, RS_A, &entry));
    assert_int_equal(entry.rank, RS_RANK_ANSWER);
    assert_true(world_cached(w, "no.a.", RS_SLOT_NXDOMAIN, 0, &entry));
    assert_int_equal(entry.rank, RS_RANK_AUTHORITY);
    assert_true(world_cached(w, "a.", RS_SLOT_DELEGATION, 0, &entry));
    assert_int_equal(entry.rank, RS_RANK_REFERRAL);
    assert_int_equal(entry.ttl_s, 600);
    assert_int_equal(entry.sets.count, 1); /* The DS, for the validator. */
    assert_int_equal(entry.sets.first->type, RS_DS);
}

/* RFC6672-3.1: a CNAME made from a DNAME is not stored; the DNAME is. */
static void stores_dnames_but_not_their_cnames(void **state)
{
    struct world *w = *state;
    struct rs_entry entry;
    world_rule(w, "198.51.100.1 x.a. A: aa / a. 60 DNAME b.");
    world_rule(w, "198.51.100.1 x.b. A: aa / x.b. 60 A 192.0.2.1");
    world_rule(w, "198.51.100.1 * *: aa / / . 60 SOA 60");
    assert_int_equal(world_ask(w, "x.a.", RS_A), RS_NOERROR);
    assert_true(world_cached(w, "a.", RS_SLOT_RECORDS, RS_DNAME, &entry));
    assert_false(world_cached(w, "x.a.", RS_SLOT_RECORDS, RS_CNAME, &entry));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(caps_and_raises_ttls),
        T(a_minimum_of_the_operator_holds_for_zero_too),
        T(answers_and_entries_have_the_same_ttl),
        T(never_stores_meta_types),
        T(gives_each_entry_its_rank),
        T(stores_dnames_but_not_their_cnames),
    };
    return cmocka_run_group_tests_name("resolver.store_effects", tests, NULL, NULL);
}
