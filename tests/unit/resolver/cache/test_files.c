/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/kit.h"

#include <errno.h>
#include <sys/stat.h>

#include "resolver/cache/files.h"

/* One cache folder, one process; and the lock goes with its holder. */
static void lock_is_exclusive_until_closed(void **state)
{
    (void)state;
    struct kit_folder folder = kit_folder_make();
    int first, second;
    assert_int_equal(rs_file_lock(folder.path, &first), RT_OK);
    assert_int_equal(rs_file_lock(folder.path, &second), RT_IN_USE);
    close(first);
    assert_int_equal(rs_file_lock(folder.path, &second), RT_OK);
    close(second);
    assert_int_equal(rs_file_lock("/nonexistent/folder", &first), RT_NOT_FOUND);
    kit_folder_remove(&folder);
}

/* A second damage must not be stopped by what is left of the first. */
static void moving_aside_replaces_an_older_one(void **state)
{
    (void)state;
    struct kit_folder folder = kit_folder_make();
    char path[RS_PATH_BYTES_MAX], file[RS_PATH_BYTES_MAX], text[16];
    assert_int_equal(rs_file_path(path, folder.path, "shard"), RT_OK);
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(rs_file_make_folder(path), RT_OK);
        assert_int_equal(rs_file_make_folder(path), RT_OK);
        assert_int_equal(rs_file_path(file, path, "data"), RT_OK);
        assert_int_equal(rs_file_write(file, round == 2 ? "newest" : "older"), RT_OK);
        assert_int_equal(rs_file_move_aside(path), RT_OK);
        assert_int_equal(access(path, F_OK), -1);
    }
    assert_int_equal(rs_file_path(file, folder.path, "shard.damaged/data"), RT_OK);
    assert_int_equal(rs_file_read(file, text, sizeof(text)), RT_OK);
    assert_string_equal(text, "newest");
    assert_int_equal(rs_file_move_aside(path), RT_NOT_FOUND);
    kit_folder_remove(&folder);
}

/* The shape must be the old one or the new one, never half of it. */
static void write_replaces_the_whole_file(void **state)
{
    (void)state;
    struct kit_folder folder = kit_folder_make();
    char path[RS_PATH_BYTES_MAX], text[8];
    assert_int_equal(rs_file_path(path, folder.path, "file"), RT_OK);
    assert_int_equal(rs_file_read(path, text, sizeof(text)), RT_NOT_FOUND);
    assert_int_equal(rs_file_write(path, "longer"), RT_OK);
    assert_int_equal(rs_file_write(path, "new"), RT_OK);
    assert_int_equal(rs_file_read(path, text, sizeof(text)), RT_OK);
    assert_string_equal(text, "new");
    assert_int_equal(rs_file_write(path, "12345678"), RT_OK);
    assert_int_equal(rs_file_read(path, text, sizeof(text)), RT_FULL);
    kit_folder_remove(&folder);
}

/* Callers act on these: too little space is told to the operator in other words than no right. */
static void errors_have_their_status(void **state)
{
    (void)state;
    assert_int_equal(rs_file_status(0), RT_OK);
    assert_int_equal(rs_file_status(EROFS), RT_DENIED);
    assert_int_equal(rs_file_status(ENOSPC), RT_NO_SPACE);
    assert_int_equal(rs_file_status(EDQUOT), RT_NO_SPACE);
    assert_int_equal(rs_file_status(EIO), RT_IO_ERROR);
    char path[RS_PATH_BYTES_MAX], name[RS_PATH_BYTES_MAX];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(rs_file_path(path, "folder", name), RT_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lock_is_exclusive_until_closed),
        cmocka_unit_test(moving_aside_replaces_an_older_one),
        cmocka_unit_test(write_replaces_the_whole_file),
        cmocka_unit_test(errors_have_their_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
