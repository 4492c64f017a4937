/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/lmdb_meta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "resolver/cache/files.h"

/* The layout of LMDB 0.9 on 64-bit machines, as written in its own sources (MDB_page, MDB_meta,
 * MDB_db). Another layout fails the checks, and the cache starts empty: wrong, but safe. */
struct lmdb_tree {
    uint32_t page_bytes; /* in the free list's record only */
    uint16_t flags, depth;
    uint64_t branch_pages, leaf_pages, overflow_pages, entries, root;
};

struct lmdb_meta_page {
    uint64_t number;
    uint16_t padding, flags;
    uint32_t bounds;
    uint32_t magic, version;
    uint64_t address, map_bytes;
    struct lmdb_tree trees[2]; /* free list, main */
    uint64_t last_page, transaction;
};

_Static_assert(sizeof(void *) == 8, "the layout below is that of 64-bit LMDB");
_Static_assert(sizeof(struct lmdb_tree) == 48, "as LMDB has it");
_Static_assert(offsetof(struct lmdb_meta_page, trees) == 40, "as LMDB has it");

enum {
    LMDB_VERSION = 1,
    LMDB_META_FLAG = 8,
    LMDB_DEPTH_MAX = 32, /* LMDB's cursors are no deeper */
    LMDB_META_PAGES = 2,
};
#define LMDB_MAGIC   UINT32_C(0xBEEFC0DE)
#define LMDB_NO_PAGE UINT64_MAX

static bool is_tree_sound(const struct lmdb_tree *tree, uint64_t pages)
{
    if (tree->root == LMDB_NO_PAGE) {
        return tree->depth == 0 && tree->entries == 0;
    }
    return tree->root >= LMDB_META_PAGES && tree->root < pages && tree->depth > 0 &&
           tree->depth <= LMDB_DEPTH_MAX && tree->branch_pages < pages &&
           tree->leaf_pages < pages && tree->overflow_pages < pages;
}

static bool is_meta_sound(const struct lmdb_meta_page *meta, uint64_t number, uint64_t file_bytes,
                          uint32_t page_bytes)
{
    uint64_t pages = file_bytes / page_bytes;
    return meta->number == number && (meta->flags & LMDB_META_FLAG) != 0 &&
           meta->magic == LMDB_MAGIC && meta->version == LMDB_VERSION &&
           meta->trees[0].page_bytes == page_bytes && meta->last_page < pages &&
           is_tree_sound(&meta->trees[0], pages) && is_tree_sound(&meta->trees[1], pages);
}

static rt_status check_file(int file, uint32_t page_bytes)
{
    struct stat info;
    if (fstat(file, &info) != 0) {
        return rs_file_status(errno);
    }
    if (!S_ISREG(info.st_mode)) {
        return RT_CORRUPT;
    }
    if (info.st_size == 0) {
        return RT_NOT_FOUND;
    }
    for (unsigned i = 0; i < LMDB_META_PAGES; i++) {
        struct lmdb_meta_page meta;
        ssize_t got = pread(file, &meta, sizeof(meta), (off_t)i * page_bytes);
        if (got < 0) {
            return rs_file_status(errno);
        }
        if (got != (ssize_t)sizeof(meta) ||
            !is_meta_sound(&meta, i, (uint64_t)info.st_size, page_bytes)) {
            return RT_CORRUPT;
        }
    }
    return RT_OK;
}

rt_status rs_lmdb_meta_check(const char *path, uint32_t page_bytes)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return rs_file_status(errno);
    }
    rt_status status = check_file(file, page_bytes);
    close(file);
    return status;
}
