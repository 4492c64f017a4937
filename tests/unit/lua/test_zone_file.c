/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lua/zone_file.h"

static rt_status read_text(const char *text, struct rs_hints *hints, char reason[LU_REASON_BYTES])
{
    return lu_zone_text_hints(text, strlen(text), hints, reason);
}

/* RFC1035-5.1: relative names, $ORIGIN, missing owners and comments are how such files look. */
static void addresses_are_collected_by_owner(void **state)
{
    (void)state;
    struct rs_hints hints = {0};
    char reason[LU_REASON_BYTES];
    assert_int_equal(read_text("$ORIGIN example.\n$TTL 1h\nns1 IN A 192.0.2.1 ; first\n"
                               "    AAAA 2001:db8::1\nns1 A 192.0.2.1\nns2.example. A 192.0.2.2\n"
                               "@ MX 10 mail\n",
                               &hints, reason),
                     RT_OK);
    assert_int_equal(hints.count, 2);
    assert_int_equal(hints.items[0].addrs_count, 2);
    assert_int_equal(hints.items[0].addrs[1].family, 6);
    assert_int_equal(hints.items[1].addrs[0].ip[3], 2);
}

/* What is wrong is told with its line, and nothing changes. */
static void mistakes_name_their_line_and_change_nothing(void **state)
{
    (void)state;
    struct rs_hints hints = {.count = 7};
    char reason[LU_REASON_BYTES];
    assert_int_equal(read_text("a. A 192.0.2.1\nb. A 192.0.2.999\n", &hints, reason), RT_MALFORMED);
    assert_non_null(strstr(reason, "line 2: "));
    assert_int_equal(read_text("$INCLUDE /etc/passwd\n", &hints, reason), RT_MALFORMED);
    assert_int_equal(read_text("a. NS b.\n", &hints, reason), RT_NOT_FOUND);
    assert_int_equal(read_text("", &hints, reason), RT_NOT_FOUND);
    assert_int_equal(hints.count, 7);
}

static void too_many_addresses_are_refused(void **state)
{
    (void)state;
    struct rs_hints hints = {0};
    char reason[LU_REASON_BYTES], text[1024] = "";
    size_t used = 0;
    for (unsigned i = 1; i <= RS_HINT_ADDRS_MAX + 1; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "a. A 192.0.2.%u\n", i);
    }
    assert_int_equal(read_text(text, &hints, reason), RT_FULL);
    assert_int_equal(hints.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_collected_by_owner),
        cmocka_unit_test(mistakes_name_their_line_and_change_nothing),
        cmocka_unit_test(too_many_addresses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
