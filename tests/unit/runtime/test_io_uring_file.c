/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/runtime/io_uring_world.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

static char folder[] = "/tmp/troupe-test-XXXXXX";
static char path[128];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder); /* Fails when a temporary is left. */
}

static void write_file(const char *bytes, size_t size)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void read_it(struct world *world, const char *name, uint32_t size_max, rt_status expected)
{
    unsigned before = world->seen.files;
    assert_int_equal(world->io->ops->file_read(world->io, world->actor, name, size_max, 77), RT_OK);
    assert_int_equal(world->seen.files, before); /* Never from inside the call. */
    UNTIL(world, world->seen.files == before + 1);
    assert_int_equal(world->seen.file_status, expected);
    assert_int_equal(world->seen.file_cookie, 77);
}

static void replace_it(struct world *world, const char *name, const void *bytes, uint32_t size,
                       rt_status expected)
{
    unsigned before = world->seen.files;
    struct rt_buf *buf = rt_buf_new(rt_core_bufs(world->core), size);
    memcpy(buf->data, bytes, size);
    buf->size = size;
    assert_int_equal(world->io->ops->file_replace(world->io, world->actor, name, buf, 78), RT_OK);
    UNTIL(world, world->seen.files == before + 1);
    assert_int_equal(world->seen.file_status, expected);
    assert_int_equal(world->seen.file_cookie, 78);
}

static unsigned files_in_folder(void)
{
    unsigned count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count - 2;
}

/* What was written is what is read, at the sizes where classes of bufs change. */
static void replaced_file_reads_back_whole(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    static uint8_t bytes[RT_BUF_HUGE_BYTES];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    const uint32_t sizes[] = {0, 1, 2048, 2049, 16384, RT_BUF_HUGE_BYTES};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(sizes); i++) {
        replace_it(&world, path, bytes, sizes[i], RT_OK);
        read_it(&world, path, RT_BUF_HUGE_BYTES, RT_OK);
        assert_int_equal(world.seen.file_size, sizes[i]);
        assert_memory_equal(world.seen.file, bytes, sizes[i]);
    }
    assert_int_equal(files_in_folder(), 1);
    assert_int_equal(rt_buf_pool_in_use(rt_core_bufs(world.core)), 0);
    world_close(&world);
}

/* Errors tell their reader what to do: make the file, permit it, raise the bound. */
static void reading_reports_what_is_wrong(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    write_file("hello", 5);
    read_it(&world, "/nonexistent/file", 100, RT_NOT_FOUND);
    read_it(&world, folder, 100, RT_IO_ERROR); /* A folder is no file. */
    read_it(&world, path, 4, RT_FULL);
    read_it(&world, path, 5, RT_OK);
    assert_memory_equal(world.seen.file, "hello", 5);
    if (geteuid() != 0) {
        assert_int_equal(chmod(path, 0), 0);
        read_it(&world, path, 5, RT_DENIED);
    }
    assert_int_equal(rt_buf_pool_in_use(rt_core_bufs(world.core)), 0);
    world_close(&world);
}

/* A failed replacement leaves the old file and no litter. */
static void failed_replacement_leaves_everything_as_it_was(void **state)
{
    (void)state;
    struct world world;
    char target[sizeof(folder) + 8];
    world_open(&world, NULL);
    (void)unlink(path);
    replace_it(&world, "/nonexistent/file", "new", 3, RT_NOT_FOUND);
    snprintf(target, sizeof(target), "%s/dir", folder);
    assert_int_equal(mkdir(target, 0700), 0);
    replace_it(&world, target, "new", 3, RT_IO_ERROR); /* rename onto a folder fails at the end */
    assert_int_equal(files_in_folder(), 1);
    assert_int_equal(rmdir(target), 0);
    assert_int_equal(rt_buf_pool_in_use(rt_core_bufs(world.core)), 0);
    world_close(&world);
}

/* More requests than operations are refused at once, and places come back. */
static void too_many_operations_are_refused(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, NULL);
    write_file("hello", 5);
    for (unsigned i = 0; i < RT_FILE_OPS_MAX; i++) {
        assert_int_equal(world.io->ops->file_read(world.io, world.actor, path, 10, i), RT_OK);
    }
    assert_int_equal(world.io->ops->file_read(world.io, world.actor, path, 10, 0), RT_FULL);
    UNTIL(&world, world.seen.files == RT_FILE_OPS_MAX);
    read_it(&world, path, 10, RT_OK);
    world_close(&world);
}

/* The core may stop while a disk is slow: nothing leaks, and no half file stands under the name. */
static void core_may_stop_in_the_middle(void **state)
{
    (void)state;
    struct world world;
    write_file("old", 3);
    for (unsigned steps = 0; steps < 6; steps++) {
        world_open(&world, NULL);
        struct rt_buf *buf = rt_buf_new(rt_core_bufs(world.core), 3);
        memcpy(buf->data, "new", 3);
        buf->size = 3;
        assert_int_equal(world.io->ops->file_replace(world.io, world.actor, path, buf, 1), RT_OK);
        for (unsigned i = 0; i < steps; i++) {
            step(&world, 1);
        }
        world_close(&world);
        char bytes[4] = {0};
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        assert_int_equal(fread(bytes, 1, sizeof(bytes), file), 3);
        fclose(file);
        assert_true(memcmp(bytes, "old", 3) == 0 || memcmp(bytes, "new", 3) == 0);
    }
    DIR *dir = opendir(folder); /* What the kernel's worker still made may be litter. */
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (strchr(entry->d_name, '~') != NULL) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    closedir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replaced_file_reads_back_whole),
        cmocka_unit_test(reading_reports_what_is_wrong),
        cmocka_unit_test(failed_replacement_leaves_everything_as_it_was),
        cmocka_unit_test(too_many_operations_are_refused),
        cmocka_unit_test(core_may_stop_in_the_middle),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
