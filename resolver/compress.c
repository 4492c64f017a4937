/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/compress.h"

#include <string.h>

#include "resolver/wire.h"

enum { LABELS_MAX = 127, OFFSETS = 0x4000, POINTER = 0xC000, POINTER_BYTES = 2 };

static void take_apart(struct rs_suffixes *out, const uint8_t *name)
{
    uint8_t at = 0;
    for (out->count = 0; name[at] != 0; at = (uint8_t)(at + 1 + name[at])) {
        RT_CHECK(out->count < LABELS_MAX);
        out->starts[out->count++] = at;
    }
    out->size = (uint8_t)(at + 1);

    uint32_t hash = UINT32_C(0x811c9dc5);
    for (unsigned i = out->count; i-- > 0;) {
        const uint8_t *label = name + out->starts[i];
        for (unsigned byte = 0; byte <= label[0]; byte++) {
            hash = (hash ^ label[byte]) * UINT32_C(0x01000193);
        }
        out->hashes[i] = hash != 0 ? hash : 1; /* 0 marks a free slot. */
    }
}

static unsigned slot_of(uint32_t hash, unsigned probe)
{
    return ((hash ^ hash >> 16) + probe) % RS_COMPRESS_SLOTS;
}

/* Byte for byte: letter case inside RDATA is the zone's (RFC4343-4.1). 0: not there. */
static uint16_t find(const struct rs_compress *compress, const uint8_t *suffix, uint8_t size,
                     uint32_t hash)
{
    for (unsigned probe = 0; probe < RS_COMPRESS_PROBES; probe++) {
        unsigned at = slot_of(hash, probe);
        if (compress->hashes[at] == hash && compress->slots[at].size == size &&
            memcmp(compress->slots[at].suffix, suffix, size) == 0) {
            return compress->slots[at].offset;
        }
    }
    return 0;
}

static void remember(struct rs_compress *compress, const uint8_t *suffix, uint8_t size,
                     uint32_t hash, uint32_t offset)
{
    if (offset >= OFFSETS || compress->count >= RS_COMPRESS_NAMES_MAX) {
        return;
    }
    for (unsigned probe = 0; probe < RS_COMPRESS_PROBES; probe++) {
        unsigned at = slot_of(hash, probe);
        if (compress->hashes[at] == 0) {
            compress->hashes[at] = hash;
            compress->slots[at] = (struct rs_compress_slot){
                .suffix = suffix, .offset = (uint16_t)offset, .size = size};
            compress->count++;
            return;
        }
    }
}

uint8_t rs_compress_write(struct rs_compress *compress, const uint8_t *name, uint32_t offset,
                          uint8_t out[RS_NAME_BYTES_MAX])
{
    if (compress->work >= RS_COMPRESS_WORK_BYTES) {
        size_t size = rs_name_size(name);
        memcpy(out, name, size);
        return (uint8_t)size;
    }

    struct rs_suffixes *parts = &compress->parts;
    take_apart(parts, name);
    compress->work += parts->size;
    unsigned fresh = 0; /* labels before the longest suffix that has been written before */
    uint16_t target = 0;
    for (; fresh < parts->count && target == 0; fresh += target == 0) {
        uint8_t start = parts->starts[fresh];
        target = find(compress, name + start, (uint8_t)(parts->size - start), parts->hashes[fresh]);
    }
    uint8_t written = target != 0 ? parts->starts[fresh] : parts->size;
    memcpy(out, name, written);
    for (unsigned i = 0; i < fresh; i++) {
        uint8_t start = parts->starts[i];
        remember(compress, name + start, (uint8_t)(parts->size - start), parts->hashes[i],
                 offset + start);
    }
    if (target != 0) {
        rs_put_u16(out + written, (uint16_t)(POINTER | target));
        written = (uint8_t)(written + POINTER_BYTES);
    }
    return written;
}

void rs_compress_rewind(struct rs_compress *compress, uint32_t offset)
{
    for (unsigned i = 0; i < RS_COMPRESS_SLOTS; i++) {
        if (compress->hashes[i] != 0 && compress->slots[i].offset >= offset) {
            compress->hashes[i] = 0;
            compress->count--;
        }
    }
}
