/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/limits.h"
#include "resolver/name.h"
#include "resolver/qmin.h"
#include "resolver/types.h"

static unsigned labels(const struct rs_qmin *qmin, const char *name, const char *zone)
{
    struct rs_name name_wire, zone_wire;
    assert_int_equal(rs_name_parse(name, &name_wire), RT_OK);
    assert_int_equal(rs_name_parse(zone, &zone_wire), RT_OK);
    return rs_qmin_labels(qmin, name_wire.wire, zone_wire.wire);
}

/* RFC9156-2: the root sees the TLD, the TLD sees the domain, nobody sees more than it needs. */
static void shows_one_label_more_than_the_zone_has(void **state)
{
    struct rs_qmin qmin = {0};
    (void)state;
    assert_int_equal(labels(&qmin, "www.example.com.", "."), 1);
    assert_int_equal(labels(&qmin, "www.example.com.", "com."), 2);
    assert_int_equal(labels(&qmin, "www.example.com.", "example.com."), 3);
}

/* An empty non-terminal answered: the next step shows one label more than that. */
static void goes_on_from_what_was_shown_last(void **state)
{
    struct rs_qmin qmin = {.labels = 2, .steps = 2};
    (void)state;
    assert_int_equal(labels(&qmin, "a.b.c.d.", "d."), 3);
    qmin.labels = 3;
    assert_int_equal(labels(&qmin, "a.b.c.d.", "d."), 4);
}

static void shows_everything_when_it_is_off(void **state)
{
    struct rs_qmin qmin = {.is_off = true};
    (void)state;
    assert_int_equal(labels(&qmin, "a.b.c.d.", "."), 4);
}

/* RFC9156-2.3: MAX_MINIMISE_COUNT and MINIMISE_ONE_LAB; the RFC's example of 18 labels below the
 * root: four steps of one label, then 2, 2, 2, 2, 3, 3. */
static void takes_the_steps_of_the_example_in_the_rfc(void **state)
{
    static const unsigned expected[] = {1, 2, 3, 4, 6, 8, 10, 12, 15, 18};
    struct rs_qmin qmin = {0};
    const char *name = "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.";
    (void)state;
    for (unsigned i = 0; i < RS_QMIN_STEPS_MAX; i++) {
        assert_int_equal(labels(&qmin, name, "."), expected[i]);
        qmin.labels = (uint8_t)expected[i];
        qmin.steps++;
    }
}

/* security.md C9: 127 labels cost ten steps, not 127. */
static void the_longest_name_takes_ten_steps(void **state)
{
    char name[256] = "";
    struct rs_qmin qmin = {0};
    unsigned steps = 0;
    (void)state;
    for (unsigned i = 0; i < 127; i++) {
        memcpy(name + 2 * i, "a.", 3);
    }
    while (qmin.labels < 127) {
        qmin.labels = (uint8_t)labels(&qmin, name, ".");
        qmin.steps++;
        steps++;
    }
    assert_int_equal(steps, RS_QMIN_STEPS_MAX);
}

/* RFC9156-2.3: _25._tcp and the like are no delegation points. */
static void stops_before_labels_with_an_underscore(void **state)
{
    struct rs_qmin qmin = {0};
    (void)state;
    assert_int_equal(labels(&qmin, "_25._tcp.mail.example.", "example."), 2);
    qmin.labels = 2;
    assert_int_equal(labels(&qmin, "_25._tcp.mail.example.", "example."), 4);
}

/* RFC9156-2.1: the type shown has nothing to do with the type wanted. */
static void never_shows_the_type_that_was_asked(void **state)
{
    static const uint16_t types[] = {RS_A, RS_AAAA, RS_TXT, RS_MX, RS_DS, RS_SVCB};
    (void)state;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(types); i++) {
        assert_int_not_equal(rs_qmin_type(types[i]), types[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_one_label_more_than_the_zone_has),
        cmocka_unit_test(goes_on_from_what_was_shown_last),
        cmocka_unit_test(shows_everything_when_it_is_off),
        cmocka_unit_test(takes_the_steps_of_the_example_in_the_rfc),
        cmocka_unit_test(the_longest_name_takes_ten_steps),
        cmocka_unit_test(stops_before_labels_with_an_underscore),
        cmocka_unit_test(never_shows_the_type_that_was_asked),
    };
    return cmocka_run_group_tests_name("resolver.qmin", tests, NULL, NULL);
}
