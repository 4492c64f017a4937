/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/kit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "resolver/cache/lmdb_meta.h"
#include "resolver/cache/store.h"

/* The head of a store that LMDB itself has written, with something in it. */
static void make_head(uint8_t head[2 * 4096], char path[96], const char *folder)
{
    struct rs_store *store;
    char shard[80];
    snprintf(shard, sizeof(shard), "%s/s", folder);
    snprintf(path, 96, "%s/data.mdb", shard);
    assert_int_equal(rs_store_lmdb_open(shard, 1 << 20, &store), RT_OK);
    for (unsigned i = 0; i < 3; i++) {
        struct rs_bytes bytes = {(const uint8_t *)"key", 3};
        assert_int_equal(store->ops->put(store, bytes, bytes), RT_OK);
        assert_int_equal(store->ops->commit(store), RT_OK);
    }
    store->ops->close(store);
    int file = open(path, O_RDONLY);
    assert_int_equal(read(file, head, 2 * 4096), 2 * 4096);
    close(file);
}

static rt_status check(const char *path, const uint8_t *head, size_t size, off_t file_bytes)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(file, head, size), size);
    assert_int_equal(ftruncate(file, file_bytes), 0);
    close(file);
    return rs_lmdb_meta_check(path, 4096);
}

/* The layout is written down by us: LMDB's own file must pass, or every start would lose a cache.
 */
static void file_of_lmdb_itself_passes(void **state)
{
    (void)state;
    if (sysconf(_SC_PAGESIZE) != 4096) {
        skip();
    }
    struct kit_folder folder = kit_folder_make();
    uint8_t head[2 * 4096];
    char path[96];
    assert_int_equal(rs_lmdb_meta_check("/nonexistent", 4096), RT_NOT_FOUND);
    make_head(head, path, folder.path);
    assert_int_equal(rs_lmdb_meta_check(path, 4096), RT_OK);
    assert_int_equal(check(path, head, sizeof(head), 1 << 20), RT_OK);
    assert_int_equal(rs_lmdb_meta_check(path, 16384), RT_CORRUPT); /* from another machine */
    kit_folder_remove(&folder);
}

/* LMDB follows these numbers without looking: pages beyond the end of the file are SIGBUS. */
static void cut_files_and_odd_numbers_are_corrupt(void **state)
{
    (void)state;
    if (sysconf(_SC_PAGESIZE) != 4096) {
        skip();
    }
    struct kit_folder folder = kit_folder_make();
    uint8_t head[2 * 4096];
    char path[96];
    make_head(head, path, folder.path);
    static const off_t cuts[] = {1, 100, 4096, 5000, 8192, 12288};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(cuts); i++) {
        assert_int_equal(check(path, head, sizeof(head), cuts[i]), RT_CORRUPT);
    }
    assert_int_equal(check(path, head, 0, 0), RT_NOT_FOUND);
    assert_int_equal(check(path, head, 0, 1 << 20), RT_CORRUPT); /* zeros */

    static const unsigned places[] = {16, 20, 40, 46, 80 + 3, 88 + 6, 88 + 40 + 3, 136 + 4};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(places); i++) {
        for (unsigned page = 0; page < 2; page++) {
            uint8_t *byte = &head[page * 4096 + places[i]];
            uint8_t right = *byte;
            *byte ^= 0x7e;
            assert_int_equal(check(path, head, sizeof(head), 1 << 20), RT_CORRUPT);
            *byte = right;
        }
    }
    kit_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_of_lmdb_itself_passes),
        cmocka_unit_test(cut_files_and_odd_numbers_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
