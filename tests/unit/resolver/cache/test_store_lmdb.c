/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/store_body.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime/base/log.h"

static struct kit_folder folder;
static char shard[96];

static struct rs_store *store_begin(uint64_t size_bytes)
{
    struct rs_store *store;
    folder = kit_folder_make();
    snprintf(shard, sizeof(shard), "%s/shard-00", folder.path);
    assert_int_equal(rs_store_lmdb_open(shard, size_bytes, &store), RT_OK);
    return store;
}

static struct rs_store *store_reopen(struct rs_store *store, uint64_t size_bytes)
{
    store->ops->close(store);
    assert_int_equal(rs_store_lmdb_open(shard, size_bytes, &store), RT_OK);
    return store;
}

static void store_end(struct rs_store *store)
{
    store->ops->close(store);
    kit_folder_remove(&folder);
}

static void data_path(char out[128])
{
    snprintf(out, 128, "%s/data.mdb", shard);
}

/* Pages without blocks would be SIGBUS when the disk is full: all of them exist from the start. */
static void file_is_allocated_in_full(void **state)
{
    (void)state;
    struct rs_store *store = store_begin(STORE_BYTES);
    char path[128];
    struct stat info;
    data_path(path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, STORE_BYTES);
    assert_true(info.st_blocks * 512 >= STORE_BYTES);
    assert_int_equal(store->size_bytes, STORE_BYTES);
    store_end(store);
}

/* A disk that is too small is a clear error at start. The limit on file size stands in for it. */
static void too_small_disk_is_no_space(void **state)
{
    (void)state;
    folder = kit_folder_make();
    snprintf(shard, sizeof(shard), "%s/shard-00", folder.path);
    pid_t child = fork();
    if (child == 0) {
        struct rs_store *store;
        struct rlimit limit = {4 << 20, 4 << 20};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit((int)rs_store_lmdb_open(shard, STORE_BYTES, &store));
    }
    int result;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), RT_NO_SPACE);
    kit_folder_remove(&folder);
}

/* Two writers on one file would destroy it. */
static void second_opener_is_refused(void **state)
{
    (void)state;
    struct rs_store *store = store_begin(STORE_BYTES), *second;
    assert_int_equal(rs_store_lmdb_open(shard, STORE_BYTES, &second), RT_IN_USE);
    store_end(store);
}

/* Writes pairs (i, i) for ever; each commit holds a pair of keys that must agree. */
_Noreturn static void write_until_killed(int ready)
{
    struct rs_store *store;
    if (rs_store_lmdb_open(shard, STORE_BYTES, &store) != RT_OK) {
        _exit(1);
    }
    for (uint32_t i = 0;; i++) {
        for (uint32_t j = 0; j < 50; j++) {
            put_number(store, i % 100 * 100 + j, i);
            put_number(store, 1000000 + i % 100 * 100 + j, i);
        }
        commit(store);
        if (i == 20 && write(ready, "", 1) != 1) {
            _exit(1);
        }
    }
}

/* kill -9 at any moment leaves a store that opens, and batches that are whole. */
static void killed_writer_leaves_whole_batches(void **state)
{
    (void)state;
    folder = kit_folder_make();
    snprintf(shard, sizeof(shard), "%s/shard-00", folder.path);
    for (unsigned round = 0; round < 5; round++) {
        int pipe_fds[2];
        assert_int_equal(pipe(pipe_fds), 0);
        pid_t child = fork();
        if (child == 0) {
            write_until_killed(pipe_fds[1]);
        }
        char byte;
        assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
        usleep(1000 + 7919 * round);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        close(pipe_fds[0]);
        close(pipe_fds[1]);

        struct rs_store *store;
        assert_int_equal(rs_store_lmdb_open(shard, STORE_BYTES, &store), RT_OK);
        assert_true(store->ops->count(store) >= 2 * 20 * 50);
        struct rs_reader *reader = reader_of(store);
        for (uint32_t i = 0; i < 10000; i++) {
            uint8_t first[4] = {0, 0, (uint8_t)(i >> 8), (uint8_t)i};
            uint32_t other = 1000000 + i;
            uint8_t second[4] = {0, (uint8_t)(other >> 16), (uint8_t)(other >> 8), (uint8_t)other};
            struct rs_bytes a, b;
            rt_status status = store->ops->get(reader, (struct rs_bytes){first, 4}, &a);
            assert_int_equal(store->ops->get(reader, (struct rs_bytes){second, 4}, &b), status);
            if (status == RT_OK) {
                assert_memory_equal(a.data, b.data, 4);
            }
        }
        store->ops->reader_close(reader);
        store->ops->close(store);
    }
    kit_folder_remove(&folder);
}

static void overwrite(const char *path, long at, const void *bytes, size_t size)
{
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, bytes, size, at), size);
    close(file);
}

static unsigned lines;

static void count_lines(enum rt_log_level level, const char *group, const char *line)
{
    (void)level;
    (void)group;
    (void)line;
    lines++;
}

/* Opens what `spoil` did to a file of ours: it must come up empty, with the old file kept aside. */
static void expect_rebuilt(void (*spoil)(const char *path))
{
    struct rs_store *store = store_begin(1 << 20);
    put(store, "a", "1");
    commit(store);
    store->ops->close(store);
    char path[128], aside[128];
    data_path(path);
    spoil(path);

    lines = 0;
    rt_log_sink_set(count_lines);
    assert_int_equal(rs_store_lmdb_open(shard, 1 << 20, &store), RT_OK);
    rt_log_sink_set(NULL);
    assert_int_equal(lines, 1);
    assert_int_equal(store->ops->count(store), 0);
    snprintf(aside, sizeof(aside), "%s.damaged/data.mdb", shard);
    assert_int_equal(access(aside, F_OK), 0);
    put(store, "b", "1");
    commit(store);
    store_end(store);
}

static void spoil_magic(const char *path)
{
    overwrite(path, 16, "XXXX", 4);
}

static void spoil_second_meta(const char *path)
{
    static const uint8_t zeros[4096];
    overwrite(path, 4096, zeros, sizeof(zeros));
}

static void spoil_root(const char *path)
{
    uint64_t far = 1 << 30;
    overwrite(path, 4096 + 40 + 48 + 40, &far, sizeof(far));
    overwrite(path, 40 + 48 + 40, &far, sizeof(far));
}

static void spoil_by_cut(const char *path)
{
    assert_int_equal(truncate(path, 5000), 0);
}

static void spoil_by_text(const char *path)
{
    assert_int_equal(truncate(path, 0), 0);
    overwrite(path, 0, "this is not a database\n", 23);
}

/* A damaged or foreign file costs its content, never the start of the resolver. */
static void damaged_files_are_moved_aside_and_rebuilt(void **state)
{
    (void)state;
    expect_rebuilt(spoil_magic);
    expect_rebuilt(spoil_second_meta);
    expect_rebuilt(spoil_root);
    expect_rebuilt(spoil_by_cut);
    expect_rebuilt(spoil_by_text);
}

/* A stale list of readers, from a process that died, pins pages for ever. */
static void garbage_in_the_reader_list_does_not_matter(void **state)
{
    (void)state;
    struct rs_store *store = store_begin(STORE_BYTES);
    put(store, "a", "1");
    commit(store);
    store->ops->close(store);
    char path[128], garbage[4096];
    memset(garbage, 0x5a, sizeof(garbage));
    snprintf(path, sizeof(path), "%s/lock.mdb", shard);
    overwrite(path, 0, garbage, sizeof(garbage));
    assert_int_equal(rs_store_lmdb_open(shard, STORE_BYTES, &store), RT_OK);
    struct rs_reader *reader = reader_of(store);
    expect(store, reader, "a", "1");
    store->ops->reader_close(reader);
    store_end(store);
}

enum { PAIRS = 64, ROUNDS = 2000 };
static _Atomic bool is_writer_done;

/* RT_NO_SPACE: a reader that lost its processor in the middle pins pages, and nothing is kept. */
static rt_status write_pair(struct rs_store *store, uint32_t number, uint32_t value)
{
    uint32_t other = 1000 + number;
    uint8_t first[4] = {0, 0, 0, (uint8_t)number};
    uint8_t second[4] = {0, 0, (uint8_t)(other >> 8), (uint8_t)other};
    const struct rs_bytes bytes = {(const uint8_t *)&value, sizeof(value)};

    rt_status status = store->ops->put(store, (struct rs_bytes){first, 4}, bytes);
    if (status == RT_OK) {
        status = store->ops->put(store, (struct rs_bytes){second, 4}, bytes);
    }
    return status == RT_OK ? store->ops->commit(store) : status;
}

static void *write_pairs(void *arg)
{
    struct rs_store *store = arg;
    for (uint32_t i = 1; i <= ROUNDS; i++) {
        rt_status status;
        while ((status = write_pair(store, i % PAIRS, i)) == RT_NO_SPACE) {
            usleep(1000);
        }
        RT_CHECK(status == RT_OK); /* cmocka's assertions end silently on other threads. */
    }
    is_writer_done = true;
    return NULL;
}

static void *read_pairs(void *arg)
{
    struct rs_store *store = arg;
    struct rs_reader *reader = NULL;
    RT_CHECK(store->ops->reader_open(store, &reader) == RT_OK);
    for (uint32_t i = 0; !is_writer_done; i++) {
        uint8_t first[4] = {0, 0, 0, (uint8_t)(i % PAIRS)};
        uint32_t other = 1000 + i % PAIRS;
        uint8_t second[4] = {0, 0, (uint8_t)(other >> 8), (uint8_t)other};
        struct rs_bytes a, b;
        rt_status status = store->ops->get(reader, (struct rs_bytes){first, 4}, &a);
        RT_CHECK(store->ops->get(reader, (struct rs_bytes){second, 4}, &b) == status);
        RT_CHECK(status != RT_OK || memcmp(a.data, b.data, 4) == 0);
        store->ops->release(reader);
    }
    return reader;
}

/* Any core reads any shard while its writer works on another core: always whole batches. */
static void readers_on_other_threads_see_whole_batches(void **state)
{
    (void)state;
    struct rs_store *store = store_begin(STORE_BYTES);
    pthread_t writer, readers[2];
    is_writer_done = false;
    assert_int_equal(pthread_create(&readers[0], NULL, read_pairs, store), 0);
    assert_int_equal(pthread_create(&readers[1], NULL, read_pairs, store), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_pairs, store), 0);
    assert_int_equal(pthread_join(writer, NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        void *reader;
        assert_int_equal(pthread_join(readers[i], &reader), 0);
        store->ops->reader_close(reader);
    }
    assert_int_equal(store->ops->count(store), 2 * PAIRS);
    store_end(store);
}

/* cache.size in the configuration may change between two runs. */
static void another_size_keeps_the_content(void **state)
{
    (void)state;
    struct rs_store *store = store_begin(STORE_BYTES);
    put(store, "a", "1");
    commit(store);
    store = store_reopen(store, STORE_BYTES / 2);
    store = store_reopen(store, STORE_BYTES * 2);
    assert_int_equal(store->size_bytes, STORE_BYTES * 2);
    struct rs_reader *reader = reader_of(store);
    expect(store, reader, "a", "1");
    store->ops->reader_close(reader);
    store_end(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TESTS,
        cmocka_unit_test(file_is_allocated_in_full),
        cmocka_unit_test(too_small_disk_is_no_space),
        cmocka_unit_test(second_opener_is_refused),
        cmocka_unit_test(killed_writer_leaves_whole_batches),
        cmocka_unit_test(damaged_files_are_moved_aside_and_rebuilt),
        cmocka_unit_test(garbage_in_the_reader_list_does_not_matter),
        cmocka_unit_test(readers_on_other_threads_see_whole_batches),
        cmocka_unit_test(another_size_keeps_the_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
