/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/fault.h"

static bool every_third(void *arg, enum rt_fault_site site)
{
    unsigned *calls = arg;
    return site == RT_FAULT_BUF && ++*calls % 3 == 0;
}

/* Torture by count: the n-th allocation fails, for every n. */
static void hook_decides_site_by_site_until_it_is_removed(void **state)
{
    (void)state;
    unsigned calls = 0, strikes = 0;
    assert_false(rt_fault_strikes(RT_FAULT_BUF));
    rt_fault_set(every_third, &calls);
    for (unsigned i = 0; i < 9; i++) {
        strikes += rt_fault_strikes(RT_FAULT_BUF);
        assert_false(rt_fault_strikes(RT_FAULT_TIMER));
    }
    assert_int_equal(strikes, 3);
    rt_fault_set(NULL, NULL);
    assert_false(rt_fault_strikes(RT_FAULT_BUF));
    assert_int_equal(calls, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hook_decides_site_by_site_until_it_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
