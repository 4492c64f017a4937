/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/cache.h"

#include "resolver/cache/entry_format.h"
#include "resolver/limits.h"

/* A batch is a run of: key size 2 | value size 4 | key | value. It never leaves the process. */
enum { BATCH_HEAD_BYTES = 6 };

rt_status rs_batch_append(uint8_t *batch, uint32_t capacity, uint32_t *size,
                          const struct rs_key *key, const struct rs_entry *entry)
{
    RT_CHECK(*size <= capacity);
    uint32_t head = BATCH_HEAD_BYTES + key->size;
    size_t value_size;
    if (capacity - *size < head) {
        return RT_FULL;
    }
    uint8_t *at = batch + *size;
    rt_status status = rs_entry_write(entry, at + head, capacity - *size - head, &value_size);
    if (status != RT_OK) {
        return status;
    }
    entry_put16(at, key->size);
    entry_put32(at + 2, (uint32_t)value_size);
    memcpy(at + BATCH_HEAD_BYTES, key->bytes, key->size);
    *size += head + (uint32_t)value_size;
    return RT_OK;
}

/* A failure is small; it is copied here so that its count can be changed. */
enum { FAILURE_BYTES_MAX = ENTRY_HEADER_BYTES + RS_NAME_BYTES_MAX };

static rt_status apply_one(struct rs_store *store, struct rs_bytes key, struct rs_bytes value,
                           uint64_t now_s, unsigned *written)
{
    struct rs_bytes old;
    uint8_t failure[FAILURE_BYTES_MAX];
    rt_status status = store->ops->peek(store, key, &old);
    if (status == RT_OK) {
        if (!rs_entry_replaces(value, old, now_s)) {
            return RT_OK;
        }
        if (value.data[ENTRY_AT_KIND] == RS_KIND_FAILURE) {
            RT_CHECK(value.size <= sizeof(failure));
            memcpy(failure, value.data, value.size);
            rs_entry_failure_follows(failure, value.size, old, now_s);
            value.data = failure;
        }
    } else if (status != RT_NOT_FOUND) {
        return status;
    }
    status = store->ops->put(store, key, value);
    *written += status == RT_OK;
    return status;
}

unsigned rs_batch_apply(struct rs_store *store, const uint8_t *batch, uint32_t size, uint64_t now_s,
                        rt_status *status)
{
    unsigned written = 0;
    uint32_t at = 0;
    *status = RT_OK;
    while (at < size && *status == RT_OK) {
        RT_CHECK(size - at >= BATCH_HEAD_BYTES);
        struct rs_bytes key = {batch + at + BATCH_HEAD_BYTES, entry_get16(batch + at)};
        struct rs_bytes value = {key.data + key.size, entry_get32(batch + at + 2)};
        RT_CHECK(key.size + value.size <= size - at - BATCH_HEAD_BYTES);
        RT_CHECK(entry_has_header(value));
        *status = apply_one(store, key, value, now_s, &written);
        at += BATCH_HEAD_BYTES + (uint32_t)(key.size + value.size);
    }
    return *status == RT_OK ? written : 0;
}
