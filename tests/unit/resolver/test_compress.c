/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/packet.h"

#include <stdio.h>

#include "resolver/compress.h"

static struct rs_compress compress;
static uint8_t message[70000];

static uint8_t put(const char *name, uint32_t offset)
{
    return rs_compress_write(&compress, (const uint8_t *)name, offset, message + offset);
}

static int reset(void **state)
{
    (void)state;
    memset(&compress, 0, sizeof(compress));
    return 0;
}

/* RFC1035-4.1.4: the longest suffix that was written before becomes a pointer. */
static void the_longest_known_suffix_becomes_a_pointer(void **state)
{
    (void)state;
    assert_int_equal(put("\3www\7example\3com", 12), 17);
    assert_int_equal(put("\3www\7example\3com", 40), 2);
    assert_memory_equal(message + 40, "\300\14", 2);
    assert_int_equal(put("\4mail\7example\3com", 50), 7);
    assert_memory_equal(message + 50, "\4mail\300\20", 7);
    assert_int_equal(put("\1x\4mail\7example\3com", 60), 4);
    assert_memory_equal(message + 60, "\1x\300\62", 4);
    assert_int_equal(put("\3com", 70), 2);
    assert_int_equal(put("\3net", 80), 5);
}

static void the_root_is_never_a_pointer(void **state)
{
    (void)state;
    assert_int_equal(put("", 12), 1);
    assert_int_equal(put("", 13), 1);
    assert_int_equal(message[13], 0);
}

/* A pointer has fourteen bits. */
static void names_behind_16_k_are_no_targets(void **state)
{
    (void)state;
    assert_int_equal(put("\1a", 0x3FFF), 3);
    assert_int_equal(put("\1a", 0x5000), 2);
    assert_int_equal(put("\1b", 0x4000), 3);
    assert_int_equal(put("\1b", 0x5000), 3);
}

static void letters_of_another_case_are_not_merged(void **state)
{
    (void)state;
    assert_int_equal(put("\1a", 12), 3);
    assert_int_equal(put("\1A", 20), 3);
}

/* A set that did not fit must leave no target behind. */
static void rewinding_forgets_what_was_written_since(void **state)
{
    (void)state;
    put("\1a", 12);
    put("\1b\1a", 20);
    put("\1c", 30);
    rs_compress_rewind(&compress, 20);
    assert_int_equal(compress.count, 1);
    assert_int_equal(put("\1b\1a", 40), 4);
    assert_int_equal(put("\1c", 50), 3);
    assert_int_equal(put("\1b\1a", 60), 2);
}

/* D6 (CVE-2024-8508): the table and the work are bounded; names are then written out, not lost. */
static void table_and_work_are_bounded(void **state)
{
    (void)state;
    static char names[1000][8]; /* They outlive the table. */
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof(names[i]), "\4%c%c%cx", (int)('a' + i % 26),
                 (int)('a' + i / 26 % 26), (int)('a' + i / 676));
        assert_int_equal(put(names[i], 12 + i * 6), 6);
        assert_true(compress.count <= RS_COMPRESS_NAMES_MAX);
    }
    assert_in_range(compress.count, RS_COMPRESS_NAMES_MAX / 2, RS_COMPRESS_NAMES_MAX);
    assert_int_equal(put("\4aaax", 9000), 2);
    while (compress.work < RS_COMPRESS_WORK_BYTES) {
        put("\4aaax", 9000);
    }
    assert_int_equal(put("\4aaax", 9000), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_longest_known_suffix_becomes_a_pointer, reset),
        cmocka_unit_test_setup(the_root_is_never_a_pointer, reset),
        cmocka_unit_test_setup(names_behind_16_k_are_no_targets, reset),
        cmocka_unit_test_setup(letters_of_another_case_are_not_merged, reset),
        cmocka_unit_test_setup(rewinding_forgets_what_was_written_since, reset),
        cmocka_unit_test_setup(table_and_work_are_bounded, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
