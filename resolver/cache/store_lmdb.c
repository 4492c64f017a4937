/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "resolver/cache/files.h"
#include "resolver/cache/lmdb_meta.h"
#include "resolver/limits.h"
#include "runtime/base/log.h"

/* The only file that knows LMDB.
 *
 * NOSYNC      A commit is a write to the page cache: it survives the death of the process, which is
 *             all that a cache needs; after the death of the machine it may be damaged, which open
 *             finds out or the checks of the entries do.
 * NOTLS       Readers belong to views, not to threads: the simulator has many in one.
 * NORDAHEAD   Reads are random; neighbours on disk are not asked for next.
 * no WRITEMAP Changed pages are written, not mapped: a failing disk is an error, not SIGBUS, and a
 *             stray pointer of ours cannot change the file. */
enum {
    ENV_FLAGS = MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD,
    ENV_READERS_MAX = 256, /* A view for each core, the evictor, tests. */
    ENV_MODE = 0600,
};

#define store_lmdb_MAGIC  UINT32_C(0x4c4d4442)
#define reader_lmdb_MAGIC UINT32_C(0x4c4d5244)

struct store_lmdb {
    struct rs_store base; /* first: what callers hold */
    uint32_t magic;
    MDB_env *env;
    MDB_dbi dbi;
    MDB_txn *batch; /* NULL: none is open */
    int lock_fd;
    uint32_t page_bytes;
    _Atomic uint32_t readers_count; /* open ones, opened on any core; relaxed: only counted */
    /* By the writer at commit, relaxed: a sum that is shown may be a moment old. */
    _Atomic uint64_t count, used_bytes;
};

struct reader_lmdb {
    uint32_t magic;
    struct store_lmdb *store;
    MDB_txn *txn; /* made when the reader is opened, so that a turn never allocates */
    MDB_cursor *cursor;
    bool is_active, is_cursor_active;
};

static struct store_lmdb *store_of(struct rs_store *base)
{
    struct store_lmdb *store = (struct store_lmdb *)(void *)base;
    RT_CHECK(store->magic == store_lmdb_MAGIC);
    return store;
}

static struct reader_lmdb *reader_of(struct rs_reader *base)
{
    return rt_cast(reader_lmdb, base);
}

static rt_status status_of(int rc)
{
    switch (rc) {
    case MDB_NOTFOUND:
        return RT_NOT_FOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_CURSOR_FULL:
    case MDB_PAGE_FULL:
        return RT_NO_SPACE;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_PANIC:
    case MDB_VERSION_MISMATCH:
    case MDB_INVALID:
    case MDB_INCOMPATIBLE:
    case MDB_BAD_DBI:
        return RT_CORRUPT;
    case MDB_READERS_FULL:
        return RT_FULL;
    default:
        return rc > 0 ? rs_file_status(rc) : rc == 0 ? RT_OK : RT_IO_ERROR;
    }
}

/* ---- readers ---- */

static rt_status lmdb_reader_open(struct rs_store *base, struct rs_reader **out)
{
    struct store_lmdb *store = store_of(base);
    struct reader_lmdb *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return RT_NO_MEMORY;
    }
    reader->magic = reader_lmdb_MAGIC;
    reader->store = store;
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &reader->txn);
    if (rc == 0) {
        rc = mdb_cursor_open(reader->txn, store->dbi, &reader->cursor);
        if (rc != 0) {
            mdb_txn_abort(reader->txn);
        }
    }
    if (rc != 0) {
        free(reader);
        return status_of(rc);
    }
    mdb_txn_reset(reader->txn);
    atomic_fetch_add_explicit(&store->readers_count, 1, memory_order_relaxed);
    *out = (struct rs_reader *)(void *)reader;
    return RT_OK;
}

static void lmdb_reader_close(struct rs_reader *base)
{
    struct reader_lmdb *reader = reader_of(base);
    RT_CHECK(atomic_fetch_sub_explicit(&reader->store->readers_count, 1, memory_order_relaxed) > 0);
    mdb_cursor_close(reader->cursor);
    mdb_txn_abort(reader->txn);
    reader->magic = 0;
    free(reader);
}

static rt_status begin_snapshot(struct reader_lmdb *reader)
{
    if (reader->is_active) {
        return RT_OK;
    }
    int rc = mdb_txn_renew(reader->txn);
    if (rc != 0) {
        return status_of(rc);
    }
    reader->is_active = true;
    return RT_OK;
}

static void lmdb_release(struct rs_reader *base)
{
    struct reader_lmdb *reader = reader_of(base);
    if (reader->is_active) {
        mdb_txn_reset(reader->txn);
        reader->is_active = reader->is_cursor_active = false;
    }
}

static struct rs_bytes bytes_of(const MDB_val *val)
{
    return (struct rs_bytes){.data = val->mv_data, .size = val->mv_size};
}

static MDB_val val_of(struct rs_bytes bytes)
{
    return (MDB_val){.mv_size = bytes.size, .mv_data = (void *)(uintptr_t)bytes.data};
}

static rt_status lmdb_get(struct rs_reader *base, struct rs_bytes key, struct rs_bytes *value)
{
    struct reader_lmdb *reader = reader_of(base);
    rt_status status = begin_snapshot(reader);
    if (status != RT_OK) {
        return status;
    }
    MDB_val wanted = val_of(key), found;
    int rc = mdb_get(reader->txn, reader->store->dbi, &wanted, &found);
    if (rc == 0) {
        *value = bytes_of(&found);
    }
    return status_of(rc);
}

static rt_status lmdb_seek(struct rs_reader *base, struct rs_bytes key, struct rs_bytes *found,
                           struct rs_bytes *value)
{
    struct reader_lmdb *reader = reader_of(base);
    rt_status status = begin_snapshot(reader);
    if (status != RT_OK) {
        return status;
    }
    if (!reader->is_cursor_active) {
        int rc = mdb_cursor_renew(reader->txn, reader->cursor);
        if (rc != 0) {
            return status_of(rc);
        }
        reader->is_cursor_active = true;
    }
    MDB_val at = val_of(key), data;
    int rc = mdb_cursor_get(reader->cursor, &at, &data, key.size == 0 ? MDB_FIRST : MDB_SET_RANGE);
    if (rc == 0) {
        *found = bytes_of(&at);
        *value = bytes_of(&data);
    }
    return status_of(rc);
}

/* ---- the writer ---- */

static rt_status begin_batch(struct store_lmdb *store)
{
    return store->batch != NULL ? RT_OK
                                : status_of(mdb_txn_begin(store->env, NULL, 0, &store->batch));
}

static void abort_batch(struct store_lmdb *store)
{
    mdb_txn_abort(store->batch);
    store->batch = NULL;
}

static rt_status lmdb_peek(struct rs_store *base, struct rs_bytes key, struct rs_bytes *value)
{
    struct store_lmdb *store = store_of(base);
    rt_status status = begin_batch(store);
    if (status != RT_OK) {
        return status;
    }
    MDB_val wanted = val_of(key), found;
    int rc = mdb_get(store->batch, store->dbi, &wanted, &found);
    if (rc == 0) {
        *value = bytes_of(&found);
    }
    return status_of(rc);
}

static rt_status lmdb_put(struct rs_store *base, struct rs_bytes key, struct rs_bytes value)
{
    struct store_lmdb *store = store_of(base);
    RT_CHECK(key.size > 0 && key.size <= RS_KEY_BYTES_MAX);
    rt_status status = begin_batch(store);
    if (status != RT_OK) {
        return status;
    }
    MDB_val name = val_of(key), data = val_of(value);
    int rc = mdb_put(store->batch, store->dbi, &name, &data, 0);
    if (rc != 0) {
        abort_batch(store);
    }
    return status_of(rc);
}

static rt_status lmdb_del(struct rs_store *base, struct rs_bytes key)
{
    struct store_lmdb *store = store_of(base);
    rt_status status = begin_batch(store);
    if (status != RT_OK) {
        return status;
    }
    MDB_val name = val_of(key);
    int rc = mdb_del(store->batch, store->dbi, &name, NULL);
    if (rc != 0 && rc != MDB_NOTFOUND) {
        abort_batch(store);
    }
    return status_of(rc);
}

/* Pages that hold something: what is on the free list counts as free. O(1): LMDB keeps the sums. */
static int measure(const struct store_lmdb *store, MDB_txn *txn, uint64_t *count, uint64_t *used)
{
    enum { FREE_LIST_DBI = 0, META_PAGES = 2 };
    MDB_stat main, list;
    int rc = mdb_stat(txn, store->dbi, &main);
    if (rc == 0) {
        rc = mdb_stat(txn, FREE_LIST_DBI, &list);
    }
    if (rc == 0) {
        *count = main.ms_entries;
        *used = (META_PAGES + main.ms_branch_pages + main.ms_leaf_pages + main.ms_overflow_pages +
                 list.ms_branch_pages + list.ms_leaf_pages + list.ms_overflow_pages) *
                store->page_bytes;
    }
    return rc;
}

static void tell(struct store_lmdb *store, uint64_t count, uint64_t used)
{
    atomic_store_explicit(&store->count, count, memory_order_relaxed);
    atomic_store_explicit(&store->used_bytes, used, memory_order_relaxed);
}

static rt_status lmdb_commit(struct rs_store *base)
{
    struct store_lmdb *store = store_of(base);
    if (store->batch == NULL) {
        return RT_OK;
    }
    uint64_t count, used;
    int rc = measure(store, store->batch, &count, &used);
    if (rc != 0) {
        abort_batch(store);
        return status_of(rc);
    }
    rc = mdb_txn_commit(store->batch);
    store->batch = NULL; /* freed by commit in any case */
    if (rc == 0) {
        tell(store, count, used);
    }
    return status_of(rc);
}

static uint64_t lmdb_count(struct rs_store *base)
{
    return atomic_load_explicit(&store_of(base)->count, memory_order_relaxed);
}

static uint64_t lmdb_used_bytes(struct rs_store *base)
{
    return atomic_load_explicit(&store_of(base)->used_bytes, memory_order_relaxed);
}

/* ---- opening and closing ---- */

static void lmdb_close(struct rs_store *base)
{
    struct store_lmdb *store = store_of(base);
    RT_CHECK(atomic_load_explicit(&store->readers_count, memory_order_relaxed) == 0);
    if (store->batch != NULL) {
        abort_batch(store);
    }
    mdb_env_close(store->env);
    close(store->lock_fd);
    store->magic = 0;
    free(store);
}

static const struct rs_store_ops lmdb_ops = {
    .name = "lmdb",
    .close = lmdb_close,
    .reader_open = lmdb_reader_open,
    .reader_close = lmdb_reader_close,
    .get = lmdb_get,
    .seek = lmdb_seek,
    .release = lmdb_release,
    .peek = lmdb_peek,
    .put = lmdb_put,
    .del = lmdb_del,
    .commit = lmdb_commit,
    .count = lmdb_count,
    .used_bytes = lmdb_used_bytes,
};

/* The whole file at once: a page that has its block cannot raise SIGBUS when it is read, and the
 * disk cannot become full under a commit. */
static rt_status allocate_file(struct store_lmdb *store)
{
    MDB_envinfo info;
    int fd, rc = mdb_env_info(store->env, &info);
    if (rc == 0) {
        rc = mdb_env_get_fd(store->env, &fd);
    }
    if (rc == 0) {
        store->base.size_bytes =
            info.me_mapsize; /* LMDB raises it when there is more in the file */
        rc = posix_fallocate(fd, 0, (off_t)info.me_mapsize);
    }
    return status_of(rc);
}

static rt_status open_database(struct store_lmdb *store)
{
    MDB_txn *txn;
    uint64_t count = 0, used = 0;
    int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0) {
        return status_of(rc);
    }
    rc = mdb_dbi_open(txn, NULL, 0, &store->dbi);
    if (rc == 0) {
        rc = measure(store, txn, &count, &used);
    }
    /* Commit, not abort: it keeps the handle of the database open. */
    int rc_commit = mdb_txn_commit(txn);
    tell(store, count, used);
    return status_of(rc != 0 ? rc : rc_commit);
}

static rt_status open_env(struct store_lmdb *store, const char *path, uint64_t size_bytes)
{
    int rc = mdb_env_create(&store->env);
    if (rc != 0) {
        return status_of(rc);
    }
    rc = mdb_env_set_mapsize(store->env, size_bytes);
    if (rc == 0) {
        rc = mdb_env_set_maxreaders(store->env, ENV_READERS_MAX);
    }
    if (rc == 0) {
        rc = mdb_env_open(store->env, path, ENV_FLAGS, ENV_MODE);
    }
    rt_status status = status_of(rc);
    if (status == RT_OK) {
        status = allocate_file(store);
    }
    if (status == RT_OK) {
        status = open_database(store);
    }
    if (status != RT_OK) {
        mdb_env_close(store->env);
        store->env = NULL;
    }
    return status;
}

/* LMDB trusts the file that it maps, so its head is read here before. Its lock file holds only the
 * readers of processes, and of those we are the only one: a stale or damaged one must not matter.
 */
static rt_status open_files(struct store_lmdb *store, const char *path, uint64_t size_bytes)
{
    char data[RS_PATH_BYTES_MAX], readers[RS_PATH_BYTES_MAX];
    rt_status status = rs_file_make_folder(path);
    if (status == RT_OK) {
        status = rs_file_path(data, path, "data.mdb");
    }
    if (status == RT_OK) {
        status = rs_file_path(readers, path, "lock.mdb");
    }
    if (status == RT_OK) {
        status = rs_file_lock(path, &store->lock_fd);
    }
    if (status != RT_OK) {
        return status;
    }
    (void)unlink(readers);
    status = rs_lmdb_meta_check(data, store->page_bytes);
    if (status == RT_OK || status == RT_NOT_FOUND) {
        status = open_env(store, path, size_bytes);
    }
    if (status != RT_OK) {
        close(store->lock_fd);
    }
    return status;
}

/* Whole pages, and room enough for LMDB to copy what it changes. */
static uint64_t usable_size(uint64_t size_bytes, uint32_t page_bytes)
{
    uint64_t size = size_bytes < RS_SHARD_BYTES_MIN ? RS_SHARD_BYTES_MIN : size_bytes;
    return size - size % page_bytes;
}

rt_status rs_store_lmdb_open(const char *path, uint64_t size_bytes, struct rs_store **out)
{
    struct store_lmdb *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        return RT_NO_MEMORY;
    }
    store->base.ops = &lmdb_ops;
    store->magic = store_lmdb_MAGIC;
    store->page_bytes = (uint32_t)sysconf(_SC_PAGESIZE);
    uint64_t size = usable_size(size_bytes, store->page_bytes);

    rt_status status = open_files(store, path, size);
    if (status == RT_CORRUPT) {
        rt_log(RT_LOG_ERR, "cache",
               "%s is damaged or of another format: moved to %s.damaged, starting empty", path,
               path);
        status = rs_file_move_aside(path);
        if (status == RT_OK) {
            status = open_files(store, path, size);
        }
    }
    if (status != RT_OK) {
        rt_log(RT_LOG_ERR, "cache", "cannot open %s with %llu bytes: %s", path,
               (unsigned long long)size, rt_status_text(status));
        free(store);
        return status;
    }
    *out = &store->base;
    return RT_OK;
}
