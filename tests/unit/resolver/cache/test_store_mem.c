/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/store_body.h"

static struct rs_store_image *image;

static struct rs_store *store_begin(uint64_t size_bytes)
{
    struct rs_store *store;
    image = rs_store_image_new();
    assert_non_null(image);
    assert_int_equal(rs_store_mem_open(size_bytes, image, &store), RT_OK);
    return store;
}

static struct rs_store *store_reopen(struct rs_store *store, uint64_t size_bytes)
{
    store->ops->close(store);
    assert_int_equal(rs_store_mem_open(size_bytes, image, &store), RT_OK);
    return store;
}

static void store_end(struct rs_store *store)
{
    store->ops->close(store);
    rs_store_image_free(image);
}

/* The simulator's two processes on one store would be a bug of the simulator: say so. */
static void image_belongs_to_one_open_store(void **state)
{
    (void)state;
    struct rs_store *store = store_begin(STORE_BYTES), *second;
    assert_int_equal(rs_store_mem_open(STORE_BYTES, image, &second), RT_IN_USE);
    store_end(store);
}

/* Old versions must go when nobody can see them, or a long simulation eats the machine. */
static void versions_nobody_sees_are_freed(void **state)
{
    (void)state;
    struct rs_store *store = store_begin(STORE_BYTES);
    struct rs_reader *reader = reader_of(store);
    put(store, "a", "0");
    commit(store);
    uint64_t used = store->ops->used_bytes(store);
    expect(store, reader, "a", "0");
    for (unsigned i = 0; i < 1000; i++) {
        put(store, "a", "1");
        commit(store);
    }
    assert_true(store->ops->used_bytes(store) > used + 900); /* an old snapshot pins them */
    store->ops->release(reader);
    assert_int_equal(store->ops->used_bytes(store), used);
    assert_int_equal(store->ops->del(store, text("a")), RT_OK);
    commit(store);
    assert_int_equal(store->ops->used_bytes(store), 0);
    store->ops->reader_close(reader);
    store_end(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TESTS,
        cmocka_unit_test(image_belongs_to_one_open_store),
        cmocka_unit_test(versions_nobody_sees_are_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
