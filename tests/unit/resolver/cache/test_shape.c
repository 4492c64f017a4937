/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/kit.h"

#include "resolver/cache/shape.h"

static const struct rs_shape shape = {.shards_count = 4, .key = {.bytes = "0123456789abcde"}};

/* The key decides which shard a name lives in: it must come back bit by bit. */
static void shape_comes_back_from_its_file(void **state)
{
    (void)state;
    struct kit_folder folder = kit_folder_make();
    struct rs_shape back;
    assert_int_equal(rs_shape_load(folder.path, &back), RT_NOT_FOUND);
    assert_int_equal(rs_shape_save(folder.path, &shape), RT_OK);
    assert_int_equal(rs_shape_load(folder.path, &back), RT_OK);
    assert_int_equal(back.shards_count, 4);
    assert_memory_equal(&back.key, &shape.key, sizeof(back.key));
    kit_folder_remove(&folder);
}

/* A changed digit would deal names to wrong shards: everything cached would be lost in silence. */
static void any_changed_byte_is_corrupt(void **state)
{
    (void)state;
    char text[RS_SHAPE_TEXT_BYTES];
    struct rs_shape back;
    rs_shape_format(&shape, text);
    assert_int_equal(rs_shape_parse(text, &back), RT_OK);
    for (size_t i = 0, size = strlen(text); i < size; i++) {
        char right = text[i];
        static const char others[] = {'0', '7', 'f', 'F', ' ', '\n', '-', '\0', '\xff'};
        for (unsigned j = 0; j < sizeof(others); j++) {
            text[i] = others[j];
            if (others[j] != right) {
                assert_int_equal(rs_shape_parse(text, &back), RT_CORRUPT);
            }
        }
        text[i] = right;
    }
    assert_int_equal(rs_shape_parse("", &back), RT_CORRUPT);
}

/* Counts outside the bounds would index outside of arrays. */
static void impossible_shard_counts_are_corrupt(void **state)
{
    (void)state;
    static const unsigned counts[] = {0, 3, 128, 4000000000u};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(counts); i++) {
        char text[RS_SHAPE_TEXT_BYTES];
        struct rs_shape odd = shape, back;
        odd.shards_count = counts[i];
        rs_shape_format(&odd, text);
        assert_int_equal(rs_shape_parse(text, &back), RT_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape_comes_back_from_its_file),
        cmocka_unit_test(any_changed_byte_is_corrupt),
        cmocka_unit_test(impossible_shard_counts_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
