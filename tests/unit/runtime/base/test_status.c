/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "runtime/base/status.h"

/* A log line about any status says something; a wrong number does not crash the logger. */
static void every_status_has_a_text(void **state)
{
    (void)state;
    for (int status = 0; status < RT_STATUS_COUNT; status++) {
        assert_true(strlen(rt_status_text((rt_status)status)) > 0);
        assert_string_not_equal(rt_status_text((rt_status)status), "unknown status");
    }
    assert_string_equal(rt_status_text(RT_STATUS_COUNT), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
