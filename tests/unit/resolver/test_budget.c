/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "resolver/budget.h"
#include "runtime/base/clock.h"

/* 64 packets are the promise to the rest of the Internet: the 65th must be refused for ever. */
static void packets_run_out_after_64_and_stay_out(void **state)
{
    (void)state;
    struct rs_budget budget;
    rs_budget_init(&budget, 1000);
    for (unsigned i = 0; i < 64; i++) {
        assert_true(rs_budget_packet(&budget));
    }
    for (unsigned i = 0; i < 70000; i++) { /* More than a wrapped 16-bit counter would need. */
        assert_false(rs_budget_packet(&budget));
    }
    assert_int_equal(budget.packets, 0);
}

/* One resource that runs out must not eat another's share. */
static void counters_are_independent(void **state)
{
    (void)state;
    static bool (*const takers[])(struct rs_budget *) = {
        rs_budget_packet,     rs_budget_timeout,  rs_budget_subquery,
        rs_budget_ns_failure, rs_budget_referral, rs_budget_alias,
    };
    static const unsigned limits[] = {
        RS_BUDGET_PACKETS,     RS_BUDGET_TIMEOUTS,  RS_BUDGET_SUBQUERIES,
        RS_BUDGET_NS_FAILURES, RS_BUDGET_REFERRALS, RS_CNAME_CHAIN_MAX,
    };
    struct rs_budget budget;
    rs_budget_init(&budget, 0);
    for (unsigned t = 0; t < sizeof(takers) / sizeof(takers[0]); t++) {
        unsigned taken = 0;
        while (takers[t](&budget)) {
            taken++;
        }
        assert_int_equal(taken, limits[t]);
    }
}

/* A reply too large for what is left takes nothing: the refusal itself must be free. */
static void bytes_are_taken_whole_or_not_at_all(void **state)
{
    (void)state;
    struct rs_budget budget;
    rs_budget_init(&budget, 0);
    assert_true(rs_budget_bytes(&budget, RS_BUDGET_BYTES - 100));
    assert_false(rs_budget_bytes(&budget, 101));
    assert_int_equal(budget.bytes, 100);
    assert_false(rs_budget_bytes(&budget, UINT32_MAX));
    assert_true(rs_budget_bytes(&budget, 100));
    assert_true(rs_budget_bytes(&budget, 0));
    assert_false(rs_budget_bytes(&budget, 1));
}

/* The deadline belongs to the whole work, so it is fixed when the question comes. */
static void deadline_is_six_seconds_after_the_question(void **state)
{
    (void)state;
    struct rs_budget budget;
    rs_budget_init(&budget, 5 * RT_NS_PER_S);
    assert_int_equal(budget.deadline_ns, 11 * RT_NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_run_out_after_64_and_stay_out),
        cmocka_unit_test(counters_are_independent),
        cmocka_unit_test(bytes_are_taken_whole_or_not_at_all),
        cmocka_unit_test(deadline_is_six_seconds_after_the_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
