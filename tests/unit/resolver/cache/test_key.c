/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/kit.h"

#include "runtime/base/prng.h"

static struct rs_bytes key_bytes(const struct rs_key *key)
{
    return (struct rs_bytes){key->bytes, key->size};
}

static int key_compare(const struct rs_key *a, const struct rs_key *b)
{
    size_t least = a->size < b->size ? a->size : b->size;
    int order = memcmp(a->bytes, b->bytes, least);
    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

/* Few letters and many odd bytes, so that names often share a beginning and escapes are common. */
static struct rs_name random_name(struct rt_prng *prng)
{
    static const uint8_t letters[] = {0, 1, 2, 'a', 'b', '.', 0xff};
    struct rs_name name = {.size = 0};
    unsigned labels = (unsigned)rt_prng_below(prng, 5);
    for (unsigned i = 0; i < labels; i++) {
        unsigned size = 1 + (unsigned)rt_prng_below(prng, 4);
        name.wire[name.size++] = (uint8_t)size;
        for (unsigned j = 0; j < size; j++) {
            name.wire[name.size++] = letters[rt_prng_below(prng, sizeof(letters))];
        }
    }
    name.wire[name.size++] = 0;
    return name;
}

/* Eviction, clearing and repair find names in keys: what was packed must come out again. */
static void name_comes_back_from_its_key(void **state)
{
    (void)state;
    struct rt_prng prng;
    rt_prng_init(&prng, 7);
    for (unsigned i = 0; i < 20000; i++) {
        struct rs_name name = random_name(&prng), back;
        struct rs_key key;
        rs_key_make(&key, name.wire, RS_SLOT_RECORDS, (uint16_t)i);
        assert_int_equal(rs_key_name(key_bytes(&key), &back), RT_OK);
        assert_int_equal(back.size, name.size);
        assert_memory_equal(back.wire, name.wire, name.size);
    }
}

/* RFC4034-6.1: NSEC ranges will be walked in the order of keys, so it must be the canonical one. */
static void order_of_keys_is_canonical_order_of_names(void **state)
{
    (void)state;
    struct rt_prng prng;
    rt_prng_init(&prng, 8);
    for (unsigned i = 0; i < 20000; i++) {
        struct rs_name a = random_name(&prng), b = random_name(&prng);
        struct rs_key key_a, key_b;
        rs_key_make(&key_a, a.wire, RS_SLOT_RECORDS, RS_A);
        rs_key_make(&key_b, b.wire, RS_SLOT_RECORDS, RS_A);
        int by_name = rs_name_compare(a.wire, b.wire), by_key = key_compare(&key_a, &key_b);
        assert_int_equal((by_name > 0) - (by_name < 0), (by_key > 0) - (by_key < 0));
    }
}

/* Clearing a subtree deletes one range: nothing foreign may lie between, nothing of it outside. */
static void subtree_is_one_range(void **state)
{
    (void)state;
    struct rs_key zone, last, inside, outside;
    rs_key_make(&zone, kit_name("example.").wire, RS_SLOT_RECORDS, 0);
    rs_key_make(&last, kit_name("example.").wire, RS_SLOT_FAILURE, 65535);
    rs_key_make(&inside, kit_name("a.example.").wire, RS_SLOT_RECORDS, 0);
    rs_key_make(&outside, kit_name("example0.").wire, RS_SLOT_RECORDS, 0);
    assert_true(key_compare(&zone, &last) < 0);
    assert_true(key_compare(&last, &inside) < 0);
    assert_true(key_compare(&inside, &outside) < 0);
}

static struct rs_name longest_name(uint8_t fill)
{
    struct rs_name name = {.size = 0};
    static const uint8_t sizes[] = {63, 63, 63, 61};
    for (unsigned i = 0; i < 4; i++) {
        name.wire[name.size++] = sizes[i];
        memset(name.wire + name.size, fill, sizes[i]);
        name.size = (uint8_t)(name.size + sizes[i]);
    }
    name.wire[name.size++] = 0;
    return name;
}

/* RFC2181-11: any byte may stand in a label, 250 zeros too; a stranger asks for such names. */
static void longest_and_deepest_names_have_keys(void **state)
{
    (void)state;
    struct rs_name back, deep = {.size = 255}, name = longest_name(0);
    struct rs_key key;
    rs_key_make(&key, name.wire, RS_SLOT_FAILURE, 65535);
    assert_int_equal(rs_key_name(key_bytes(&key), &back), RT_OK);
    assert_memory_equal(back.wire, name.wire, 255);

    for (unsigned i = 0; i < 127; i++) {
        deep.wire[2 * i] = 1;
        deep.wire[2 * i + 1] = 'x';
    }
    rs_key_make(&key, deep.wire, RS_SLOT_RECORDS, RS_A);
    assert_int_equal(rs_key_name(key_bytes(&key), &back), RT_OK);
    assert_int_equal(back.size, 255);
    assert_memory_equal(back.wire, deep.wire, 255);
}

/* Keys come from a file: what rs_key_make never writes is refused, not read. */
static void odd_keys_are_corrupt(void **state)
{
    (void)state;
    struct rs_name out;
    static const struct {
        const char *bytes;
        size_t size;
    } odd[] = {
        {"", 0},
        {"\0\1\0", 3},          /* cut */
        {"\0\1\0\1\0", 5},      /* too long */
        {"\0\0\0\1", 4},        /* no such slot */
        {"\0\5\0\1", 4},        /* no such slot */
        {"com\0\1\0\1", 7},     /* the end of the name is missing */
        {"Com\0\0\1\0\1", 8},   /* upper case */
        {"c\1\0\0\1\0\1", 7},   /* bad escape */
        {"c\1\3\0\0\1\0\1", 8}, /* bad escape */
        {"comcomcom", 9},       /* no end */
    };
    for (unsigned i = 0; i < RT_ARRAY_COUNT(odd); i++) {
        struct rs_bytes key = {(const uint8_t *)odd[i].bytes, odd[i].size};
        assert_int_equal(rs_key_name(key, &out), RT_CORRUPT);
    }
    uint8_t long_label[64 + 5] = {0};
    memset(long_label, 'a', 64);
    long_label[66] = 1;
    struct rs_bytes key = {long_label, sizeof(long_label)};
    assert_int_equal(rs_key_name(key, &out), RT_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_comes_back_from_its_key),
        cmocka_unit_test(order_of_keys_is_canonical_order_of_names),
        cmocka_unit_test(subtree_is_one_range),
        cmocka_unit_test(longest_and_deepest_names_have_keys),
        cmocka_unit_test(odd_keys_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
