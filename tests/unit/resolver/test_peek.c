/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/peek.h"

/* A reply to "a. A" with one address, then `tail` as its additional section of `count` records. */
static size_t reply(uint8_t out[512], uint8_t count, const uint8_t *tail, size_t size)
{
    const uint8_t head[] = {0, 1,    0x84, 0, 0, 1, 0, 1, 0, 0, 0,  count, 1, 'a', 0, 0, 1, 0,
                            1, 0xC0, 12,   0, 1, 0, 1, 0, 0, 0, 60, 0,     4, 192, 0, 2, 80};
    memcpy(out, head, sizeof(head));
    memcpy(out + sizeof(head), tail, size);
    return sizeof(head) + size;
}

static const uint8_t opt[] = {0,   0,   41,  4,   0xD0, 0,   0,   0,   0,   0,   20,
                              0,   10,  0,   16,  'c',  'l', 'i', 'e', 'n', 't', 'X',
                              'Y', 's', 'e', 'r', 'v',  'e', 'r', 'X', 'Y'};

/* RFC7873-5.3: the cookie is what a reply is judged by, before anything else in it is. */
static void the_cookie_is_found_behind_other_records(void **state)
{
    (void)state;
    uint8_t wire[512];
    struct rs_edns edns;
    size_t size = reply(wire, 1, opt, sizeof(opt));
    assert_true(rs_peek_edns(wire, size, &edns));
    assert_true(edns.is_present);
    assert_int_equal(edns.cookie_size, 16);
    assert_memory_equal(edns.cookie, "clientXYserverXY", 16);

    size = reply(wire, 0, opt, 0);
    assert_true(rs_peek_edns(wire, size, &edns));
    assert_false(edns.is_present);
}

/* What cannot be read to its OPT has none, wherever it ends. */
static void a_cut_message_has_no_cookie(void **state)
{
    (void)state;
    uint8_t wire[512];
    struct rs_edns edns;
    size_t size = reply(wire, 1, opt, sizeof(opt));
    for (size_t cut = 0; cut < size; cut++) {
        assert_false(rs_peek_edns(wire, cut, &edns));
        assert_false(edns.is_present);
        assert_int_equal(edns.cookie_size, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cookie_is_found_behind_other_records),
        cmocka_unit_test(a_cut_message_has_no_cookie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
