/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* store: one shard of the cache as an ordered map from bytes to bytes. The seam between the
 * resolver and where entries live: LMDB in production (store_lmdb.c), memory in simulation and
 * fuzzing (store_mem.c).
 *
 * Threads  One writer (the shard's cache actor); readers on any core, each with its own rs_reader.
 * Order    Keys compare as byte strings. A reader sees one snapshot from its first get after
 *          release until the next release; writes appear after commit. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/status.h"

enum {
    /* A 255-byte name of 4 labels with every byte escaped (key.c), and its slot and type; LMDB's
     * own bound is 511. */
    RS_KEY_BYTES_MAX = 508,
};

struct rs_bytes {
    const uint8_t *data;
    size_t size;
};

struct rs_store;
struct rs_reader;

struct rs_store_ops {
    const char *name; /* "lmdb", "memory" */
    void (*close)(struct rs_store *store);

    rt_status (*reader_open)(struct rs_store *store, struct rs_reader **out);
    void (*reader_close)(struct rs_reader *reader);

    /* RT_NOT_FOUND; RT_CORRUPT and RT_IO_ERROR when the store is damaged. The value lives until
     * release. */
    rt_status (*get)(struct rs_reader *reader, struct rs_bytes key, struct rs_bytes *value);

    /* The first entry whose key is >= `key`; RT_NOT_FOUND at the end. */
    rt_status (*seek)(struct rs_reader *reader, struct rs_bytes key, struct rs_bytes *found,
                      struct rs_bytes *value);

    /* Ends the snapshot: at the end of every loop turn, so that no old page is pinned. */
    void (*release)(struct rs_reader *reader);

    /* Writer only. put and del belong to one batch that begins with the first of them; commit makes
     * it visible at once and as a whole. `peek` sees the batch's own writes; its value lives until
     * the next put, del or commit. Any failure of put, del or commit (but RT_NOT_FOUND of del)
     * aborts the batch: nothing of it is kept. commit without a batch is RT_OK. */
    rt_status (*peek)(struct rs_store *store, struct rs_bytes key, struct rs_bytes *value);
    rt_status (*put)(struct rs_store *store, struct rs_bytes key, struct rs_bytes value);
    rt_status (*del)(struct rs_store *store, struct rs_bytes key);
    rt_status (*commit)(struct rs_store *store);

    /* As of the last commit; any thread. */
    uint64_t (*count)(struct rs_store *store);
    uint64_t (*used_bytes)(struct rs_store *store);
};

struct rs_store {
    const struct rs_store_ops *ops;
    uint64_t size_bytes; /* the most that used_bytes can become */
};

/* One LMDB environment in the folder `path` (made when missing), of at most size_bytes, allocated
 * on disk at once. What is damaged or of another format is moved aside to `path`.damaged and made
 * anew. Log lines name path and reason. RT_IN_USE, RT_DENIED, RT_NO_SPACE, RT_NO_MEMORY,
 * RT_CORRUPT, RT_IO_ERROR. */
RT_MUST_USE rt_status rs_store_lmdb_open(const char *path, uint64_t size_bytes,
                                         struct rs_store **out);

/* In memory; reader and writer in one thread; allocates as it grows. RT_NO_MEMORY; RT_IN_USE when
 * `keep` belongs to an open store. The content survives `close` when `keep` is given, which a later
 * open takes over: that is how the simulator kills a process and starts it again. size_bytes bounds
 * it like a map. */
struct rs_store_image;
RT_MUST_USE rt_status rs_store_mem_open(uint64_t size_bytes, struct rs_store_image *keep,
                                        struct rs_store **out);
struct rs_store_image *rs_store_image_new(void);
void rs_store_image_free(struct rs_store_image *image);
