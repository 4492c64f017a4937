/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/kit.h"

#include "resolver/limits.h"

static struct rs_bytes positive(struct kit *kit, uint8_t rank, uint32_t ttl_s, uint64_t made_s)
{
    struct rs_entry entry = kit_positive(kit, kit_a(kit, "www.example.", ttl_s, "1"), rank, made_s);
    return kit_write(kit, &entry);
}

/* A TTL that does not fall is a record that never dies. */
static void ttl_counts_down_and_ends_at_zero(void **state)
{
    struct rs_bytes value = positive(*state, RS_RANK_AUTH_ANSWER, 300, 1000);
    assert_int_equal(rs_entry_ttl_left(value, 1000), 300);
    assert_int_equal(rs_entry_ttl_left(value, 1001), 299);
    assert_int_equal(rs_entry_ttl_left(value, 1299), 1);
    assert_int_equal(rs_entry_ttl_left(value, 1300), 0);
    assert_int_equal(rs_entry_ttl_left(value, UINT64_MAX), 0);
}

/* RFC1123-6.1.2.1 (row 2): TTL 0 is for the transaction in progress; in the cache it is dead. */
static void ttl_zero_is_dead_from_birth(void **state)
{
    assert_int_equal(rs_entry_ttl_left(positive(*state, RS_RANK_AUTH_ANSWER, 0, 1000), 1000), 0);
}

/* Entries written under a clock that has been set back must not outlive their TTL by years. */
static void entry_from_the_future_is_dead(void **state)
{
    struct rs_bytes value = positive(*state, RS_RANK_AUTH_ANSWER, 300, 1000);
    assert_int_equal(rs_entry_ttl_left(value, 999), 300); /* cores read the clock apart */
    assert_int_equal(rs_entry_ttl_left(value, 1000 - RS_ENTRY_FUTURE_S_MAX), 300);
    assert_int_equal(rs_entry_ttl_left(value, 1000 - RS_ENTRY_FUTURE_S_MAX - 1), 0);
}

/* RFC2181-5.4.1 (row 6): data of a lower rank never replaces living data of a higher one. */
static void only_equal_or_higher_rank_replaces_the_living(void **state)
{
    static const uint8_t ranks[] = {RS_RANK_ADDITIONAL, RS_RANK_REFERRAL, RS_RANK_ANSWER,
                                    RS_RANK_AUTHORITY, RS_RANK_AUTH_ANSWER};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(ranks); i++) {
        for (unsigned j = 0; j < RT_ARRAY_COUNT(ranks); j++) {
            struct rs_bytes fresh = positive(*state, ranks[i], 300, 1000);
            struct rs_bytes old = positive(*state, ranks[j], 300, 1000);
            assert_int_equal(rs_entry_replaces(fresh, old, 1010), ranks[i] >= ranks[j]);
            assert_true(rs_entry_replaces(fresh, old, 1300)); /* dead: anything is better */
        }
    }
}

/* RFC2308-2: the SOA in the authority section is how an authoritative server says that a record is
 * gone; the old record must not stand in its way. */
static void denial_replaces_authoritative_record(void **state)
{
    struct rs_entry denial = kit_denial(*state, RS_KIND_NODATA, 60, 1000);
    struct rs_bytes old = positive(*state, RS_RANK_AUTH_ANSWER, 300, 1000);
    assert_true(rs_entry_replaces(kit_write(*state, &denial), old, 1010));
    assert_false(rs_entry_replaces(positive(*state, RS_RANK_ADDITIONAL, 300, 1000),
                                   kit_write(*state, &denial), 1010));
}

/* A damaged entry of high rank would otherwise hold its place for a day. */
static void damaged_entry_is_replaced_by_anything(void **state)
{
    struct rs_bytes fresh = positive(*state, RS_RANK_ADDITIONAL, 300, 1000);
    struct rs_bytes old = positive(*state, RS_RANK_AUTH_ANSWER, 300, 1000);
    ((uint8_t *)(uintptr_t)old.data)[old.size - 1] ^= 1;
    assert_true(rs_entry_replaces(fresh, old, 1010));
    assert_true(rs_entry_replaces(fresh, (struct rs_bytes){old.data, 3}, 1010));
    assert_true(rs_entry_replaces(fresh, (struct rs_bytes){NULL, 0}, 1010));
}

/* RFC9520-3.2 (row 8): failures are cached with back-off, and never for more than 5 minutes. */
static void repeated_failures_back_off_up_to_five_minutes(void **state)
{
    struct kit *kit = *state;
    struct rs_entry entry = kit_failure(kit, RS_FAILURE_TTL_S_MIN, 1000);
    struct rs_bytes old = kit_write(kit, &entry);
    static const uint32_t expected[] = {10, 20, 40, 80, 160, 300, 300};
    uint64_t now_s = 1000;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(expected); i++) {
        now_s += RS_FAILURE_TTL_S_MAX; /* the old one may have died since */
        entry = kit_failure(kit, RS_FAILURE_TTL_S_MIN, now_s);
        struct rs_bytes fresh = kit_write(kit, &entry);
        rs_entry_failure_follows((uint8_t *)(uintptr_t)fresh.data, fresh.size, old, now_s);
        assert_int_equal(rs_entry_ttl_left(fresh, now_s), expected[i]);

        struct rs_entry read;
        assert_int_equal(
            rs_entry_read(fresh, kit_name("www.example.").wire, RS_A, now_s, &kit->arena, &read),
            RT_OK);
        assert_int_equal(read.failure.times, i + 2);
        old = fresh;
    }
}

/* Yesterday's failure says nothing about today's. */
static void long_past_failure_does_not_count(void **state)
{
    struct rs_entry entry = kit_failure(*state, 5, 1000);
    struct rs_bytes old = kit_write(*state, &entry);
    entry.made_s = 1005 + RS_FAILURE_TTL_S_MAX + 1;
    struct rs_bytes fresh = kit_write(*state, &entry);
    rs_entry_failure_follows((uint8_t *)(uintptr_t)fresh.data, fresh.size, old, entry.made_s);
    assert_int_equal(rs_entry_ttl_left(fresh, entry.made_s), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(ttl_counts_down_and_ends_at_zero),
        KIT_TEST(ttl_zero_is_dead_from_birth),
        KIT_TEST(entry_from_the_future_is_dead),
        KIT_TEST(only_equal_or_higher_rank_replaces_the_living),
        KIT_TEST(denial_replaces_authoritative_record),
        KIT_TEST(damaged_entry_is_replaced_by_anything),
        KIT_TEST(repeated_failures_back_off_up_to_five_minutes),
        KIT_TEST(long_past_failure_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
