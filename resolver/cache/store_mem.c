/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/store.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/list.h"
#include "runtime/base/prng.h"

/* An ordered map with versions: a skip list of keys, each with its values from newest to oldest. A
 * reader sees the newest value that was committed when its snapshot began; older values are freed
 * when no snapshot can reach them.
 *
 * The heights of nodes come from a generator with a constant seed, so that the same calls build the
 * same list in every run. */
enum {
    LEVELS_MAX = 20, /* A quarter of each level climbs: good for far more entries than we keep. */
    NODE_OVERHEAD_BYTES = 64,
};

#define store_mem_MAGIC  UINT32_C(0x4d454d53)
#define reader_mem_MAGIC UINT32_C(0x4d454d52)

struct version {
    struct version *older;
    struct rt_node in_batch; /* while uncommitted */
    struct rt_node in_dead;  /* once something newer is committed, until no snapshot needs it */
    struct node *node;
    uint64_t born, died; /* commits; died 0: it is the newest */
    bool is_tombstone;
    size_t size;
    uint8_t data[];
};

struct node {
    struct version *newest;
    uint16_t key_size;
    uint8_t levels;
    struct node *next[]; /* levels of them, then the key */
};

struct rs_store_image {
    struct node *head; /* LEVELS_MAX levels, no key */
    struct rt_prng prng;
    struct rt_list dead;
    uint64_t commits, count, used_bytes;
    bool is_open;
};

struct store_mem {
    struct rs_store base;
    uint32_t magic;
    bool owns_image;
    struct rs_store_image *image;
    struct rt_list batch, readers;
};

struct reader_mem {
    uint32_t magic;
    struct rt_node in_store;
    struct store_mem *store;
    uint64_t snapshot; /* 0 none; else the number of the last commit it sees, plus one */
};

static struct store_mem *store_of(struct rs_store *base)
{
    struct store_mem *store = (struct store_mem *)(void *)base;
    RT_CHECK(store->magic == store_mem_MAGIC);
    return store;
}

static struct reader_mem *reader_of(struct rs_reader *base)
{
    return rt_cast(reader_mem, base);
}

/* ---- the skip list ---- */

static uint8_t *key_of(struct node *node)
{
    return (uint8_t *)&node->next[node->levels];
}

static int compare(struct node *node, struct rs_bytes key)
{
    size_t least = node->key_size < key.size ? node->key_size : key.size;
    int order = least == 0 ? 0 : memcmp(key_of(node), key.data, least);
    return order != 0 ? order : (node->key_size > key.size) - (node->key_size < key.size);
}

static struct node *node_new(struct rs_bytes key, unsigned levels)
{
    struct node *node = calloc(1, sizeof(*node) + levels * sizeof(node->next[0]) + key.size);
    if (node != NULL) {
        node->levels = (uint8_t)levels;
        node->key_size = (uint16_t)key.size;
        if (key.size > 0) {
            memcpy(key_of(node), key.data, key.size);
        }
    }
    return node;
}

/* The first node whose key is >= `key`, or NULL; `before` gets the node in front on each level. */
static struct node *find(struct rs_store_image *image, struct rs_bytes key,
                         struct node *before[LEVELS_MAX])
{
    struct node *at = image->head;
    for (unsigned level = LEVELS_MAX; level-- > 0;) {
        while (at->next[level] != NULL && compare(at->next[level], key) < 0) {
            at = at->next[level];
        }
        before[level] = at;
    }
    return at->next[0];
}

static struct node *find_or_make(struct rs_store_image *image, struct rs_bytes key)
{
    struct node *before[LEVELS_MAX];
    struct node *node = find(image, key, before);
    if (node != NULL && compare(node, key) == 0) {
        return node;
    }
    unsigned levels = 1;
    while (levels < LEVELS_MAX && rt_prng_below(&image->prng, 4) == 0) {
        levels++;
    }
    node = node_new(key, levels);
    if (node == NULL) {
        return NULL;
    }
    for (unsigned level = 0; level < levels; level++) {
        node->next[level] = before[level]->next[level];
        before[level]->next[level] = node;
    }
    image->used_bytes += key.size + NODE_OVERHEAD_BYTES;
    return node;
}

static void remove_node(struct rs_store_image *image, struct node *node)
{
    struct node *before[LEVELS_MAX];
    struct rs_bytes key = {key_of(node), node->key_size};
    RT_CHECK(find(image, key, before) == node);
    for (unsigned level = 0; level < node->levels; level++) {
        before[level]->next[level] = node->next[level];
    }
    image->used_bytes -= node->key_size + NODE_OVERHEAD_BYTES;
    free(node);
}

/* ---- versions ---- */

static void version_free(struct rs_store_image *image, struct version *version)
{
    struct node *node = version->node;
    struct version **link = &node->newest;
    while (*link != version) {
        link = &(*link)->older;
    }
    *link = version->older;
    image->used_bytes -= version->size;
    free(version);
    if (node->newest == NULL) {
        remove_node(image, node);
    }
}

static uint64_t oldest_snapshot(const struct store_mem *store)
{
    uint64_t oldest = store->image->commits;
    for (struct rt_node *at = store->readers.first; at != NULL; at = at->next) {
        const struct reader_mem *reader = rt_container(at, struct reader_mem, in_store);
        if (reader->snapshot != 0 && reader->snapshot - 1 < oldest) {
            oldest = reader->snapshot - 1;
        }
    }
    return oldest;
}

/* The list is in the order of deaths, so the first that is still seen ends the work. */
static void free_dead(struct store_mem *store)
{
    uint64_t oldest = oldest_snapshot(store);
    while (store->image->dead.first != NULL) {
        struct version *version = rt_container(store->image->dead.first, struct version, in_dead);
        if (version->died > oldest) {
            return;
        }
        rt_list_remove(&store->image->dead, &version->in_dead);
        version_free(store->image, version);
    }
}

static const struct version *visible(const struct node *node, uint64_t snapshot)
{
    const struct version *version = node->newest;
    while (version != NULL && version->born > snapshot) {
        version = version->older;
    }
    return version == NULL || version->is_tombstone ? NULL : version;
}

static struct rs_bytes value_of(const struct version *version)
{
    return (struct rs_bytes){version->data, version->size};
}

/* ---- readers ---- */

static rt_status mem_reader_open(struct rs_store *base, struct rs_reader **out)
{
    struct reader_mem *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return RT_NO_MEMORY;
    }
    reader->magic = reader_mem_MAGIC;
    reader->store = store_of(base);
    rt_list_append(&reader->store->readers, &reader->in_store);
    *out = (struct rs_reader *)(void *)reader;
    return RT_OK;
}

static void mem_release(struct rs_reader *base)
{
    struct reader_mem *reader = reader_of(base);
    if (reader->snapshot != 0) {
        reader->snapshot = 0;
        free_dead(reader->store);
    }
}

static void mem_reader_close(struct rs_reader *base)
{
    struct reader_mem *reader = reader_of(base);
    mem_release(base);
    rt_list_remove(&reader->store->readers, &reader->in_store);
    reader->magic = 0;
    free(reader);
}

static uint64_t begin_snapshot(struct reader_mem *reader)
{
    if (reader->snapshot == 0) {
        reader->snapshot = reader->store->image->commits + 1;
    }
    return reader->snapshot - 1;
}

static rt_status mem_seek(struct rs_reader *base, struct rs_bytes key, struct rs_bytes *found,
                          struct rs_bytes *value)
{
    struct reader_mem *reader = reader_of(base);
    uint64_t snapshot = begin_snapshot(reader);
    struct node *before[LEVELS_MAX];
    struct node *node = find(reader->store->image, key, before);
    while (node != NULL && visible(node, snapshot) == NULL) {
        node = node->next[0];
    }
    if (node == NULL) {
        return RT_NOT_FOUND;
    }
    *found = (struct rs_bytes){key_of(node), node->key_size};
    *value = value_of(visible(node, snapshot));
    return RT_OK;
}

static rt_status mem_get(struct rs_reader *base, struct rs_bytes key, struct rs_bytes *value)
{
    struct reader_mem *reader = reader_of(base);
    uint64_t snapshot = begin_snapshot(reader);
    struct node *before[LEVELS_MAX];
    struct node *node = find(reader->store->image, key, before);
    const struct version *version =
        node != NULL && compare(node, key) == 0 ? visible(node, snapshot) : NULL;
    if (version == NULL) {
        return RT_NOT_FOUND;
    }
    *value = value_of(version);
    return RT_OK;
}

/* ---- the writer ---- */

static rt_status mem_peek(struct rs_store *base, struct rs_bytes key, struct rs_bytes *value)
{
    struct store_mem *store = store_of(base);
    struct node *before[LEVELS_MAX];
    struct node *node = find(store->image, key, before);
    const struct version *version =
        node != NULL && compare(node, key) == 0 ? visible(node, UINT64_MAX) : NULL;
    if (version == NULL) {
        return RT_NOT_FOUND;
    }
    *value = value_of(version);
    return RT_OK;
}

static void abort_batch(struct store_mem *store)
{
    while (store->batch.first != NULL) {
        struct version *version = rt_container(store->batch.first, struct version, in_batch);
        rt_list_remove(&store->batch, &version->in_batch);
        version_free(store->image, version);
    }
}

/* A new newest version; an uncommitted one before it is replaced. */
static rt_status add_version(struct store_mem *store, struct rs_bytes key, struct rs_bytes value,
                             bool is_tombstone)
{
    struct rs_store_image *image = store->image;
    struct version *version = calloc(1, sizeof(*version) + value.size);
    struct node *node = version == NULL ? NULL : find_or_make(image, key);
    if (node == NULL) {
        free(version);
        abort_batch(store);
        return RT_NO_MEMORY;
    }
    version->node = node;
    version->born = image->commits + 1;
    version->is_tombstone = is_tombstone;
    version->size = value.size;
    if (value.size > 0) {
        memcpy(version->data, value.data, value.size);
    }
    struct version *before = node->newest;
    version->older = before;
    node->newest = version;
    image->used_bytes += value.size;
    rt_list_append(&store->batch, &version->in_batch);
    if (before != NULL && before->born == version->born) {
        rt_list_remove(&store->batch, &before->in_batch);
        version_free(image, before);
    }
    if (image->used_bytes > store->base.size_bytes && !is_tombstone) {
        abort_batch(store);
        return RT_NO_SPACE;
    }
    return RT_OK;
}

static rt_status mem_put(struct rs_store *base, struct rs_bytes key, struct rs_bytes value)
{
    RT_CHECK(key.size > 0 && key.size <= RS_KEY_BYTES_MAX);
    return add_version(store_of(base), key, value, false);
}

static rt_status mem_del(struct rs_store *base, struct rs_bytes key)
{
    struct rs_bytes old;
    rt_status status = mem_peek(base, key, &old);
    return status != RT_OK ? status
                           : add_version(store_of(base), key, (struct rs_bytes){NULL, 0}, true);
}

/* A committed value dies when its successor is committed; a tombstone is dead from its birth. */
static void bury(struct rs_store_image *image, struct version *version, uint64_t died)
{
    version->died = died;
    rt_list_append(&image->dead, &version->in_dead);
}

static rt_status mem_commit(struct rs_store *base)
{
    struct store_mem *store = store_of(base);
    struct rs_store_image *image = store->image;
    if (store->batch.first == NULL) {
        return RT_OK;
    }
    image->commits++;
    while (store->batch.first != NULL) {
        struct version *version = rt_container(store->batch.first, struct version, in_batch);
        struct version *before = version->older;
        rt_list_remove(&store->batch, &version->in_batch);
        bool was_there = before != NULL && !before->is_tombstone;
        image->count += (uint64_t)!version->is_tombstone - (uint64_t)was_there;
        if (was_there) {
            bury(image, before, image->commits);
        }
        if (version->is_tombstone) {
            bury(image, version, image->commits);
        }
    }
    free_dead(store);
    return RT_OK;
}

static uint64_t mem_count(struct rs_store *base)
{
    return store_of(base)->image->count;
}

static uint64_t mem_used_bytes(struct rs_store *base)
{
    return store_of(base)->image->used_bytes;
}

/* ---- opening and closing ---- */

struct rs_store_image *rs_store_image_new(void)
{
    struct rs_store_image *image = calloc(1, sizeof(*image));
    if (image == NULL) {
        return NULL;
    }
    image->head = node_new((struct rs_bytes){NULL, 0}, LEVELS_MAX);
    if (image->head == NULL) {
        free(image);
        return NULL;
    }
    rt_prng_init(&image->prng, 1);
    return image;
}

static void free_versions(struct node *node)
{
    while (node->newest != NULL) {
        struct version *version = node->newest;
        node->newest = version->older;
        free(version);
    }
}

void rs_store_image_free(struct rs_store_image *image)
{
    if (image == NULL) {
        return;
    }
    RT_CHECK(!image->is_open);
    struct node *node = image->head;
    while (node != NULL) {
        struct node *next = node->next[0];
        free_versions(node);
        free(node);
        node = next;
    }
    free(image);
}

static void mem_close(struct rs_store *base)
{
    struct store_mem *store = store_of(base);
    RT_CHECK(store->readers.first == NULL);
    abort_batch(store); /* as a killed process would */
    free_dead(store);
    store->image->is_open = false;
    if (store->owns_image) {
        rs_store_image_free(store->image);
    }
    store->magic = 0;
    free(store);
}

static const struct rs_store_ops mem_ops = {
    .name = "memory",
    .close = mem_close,
    .reader_open = mem_reader_open,
    .reader_close = mem_reader_close,
    .get = mem_get,
    .seek = mem_seek,
    .release = mem_release,
    .peek = mem_peek,
    .put = mem_put,
    .del = mem_del,
    .commit = mem_commit,
    .count = mem_count,
    .used_bytes = mem_used_bytes,
};

rt_status rs_store_mem_open(uint64_t size_bytes, struct rs_store_image *keep, struct rs_store **out)
{
    if (keep != NULL && keep->is_open) {
        return RT_IN_USE;
    }
    struct rs_store_image *image = keep != NULL ? keep : rs_store_image_new();
    struct store_mem *store = image == NULL ? NULL : calloc(1, sizeof(*store));
    if (store == NULL) {
        if (keep == NULL) {
            rs_store_image_free(image);
        }
        return RT_NO_MEMORY;
    }
    store->base = (struct rs_store){.ops = &mem_ops, .size_bytes = size_bytes};
    store->magic = store_mem_MAGIC;
    store->image = image;
    store->owns_image = keep == NULL;
    image->is_open = true;
    *out = &store->base;
    return RT_OK;
}
