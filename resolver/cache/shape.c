/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/shape.h"

#include <stdio.h>
#include <string.h>

#include "resolver/cache/cache.h"
#include "resolver/cache/files.h"

enum { SHAPE_VERSION = 1, KEY_HEX_BYTES = 32 };

static unsigned long long check_of(const char *text, size_t size)
{
    static const struct rt_siphash_key key = {.bytes = "troupe shape v1"};
    return rt_siphash(&key, text, size);
}

void rs_shape_format(const struct rs_shape *shape, char text[RS_SHAPE_TEXT_BYTES])
{
    char hex[KEY_HEX_BYTES + 1];
    for (unsigned i = 0; i < sizeof(shape->key.bytes); i++) {
        snprintf(hex + 2 * i, 3, "%02x", shape->key.bytes[i]);
    }
    int size = snprintf(text, RS_SHAPE_TEXT_BYTES, "troupe cache %d\nshards %u\nkey %s\n",
                        SHAPE_VERSION, shape->shards_count, hex);
    RT_CHECK(size > 0 && size < RS_SHAPE_TEXT_BYTES - 32);
    snprintf(text + size, RS_SHAPE_TEXT_BYTES - (size_t)size, "check %016llx\n",
             check_of(text, (size_t)size));
}

static bool is_shards_count(unsigned count)
{
    return count >= 1 && count <= RS_SHARDS_MAX && (count & (count - 1)) == 0;
}

/* Reads loosely, then writes what was read and compares: one form only is accepted, and the check
 * is compared with everything else. */
rt_status rs_shape_parse(const char *text, struct rs_shape *out)
{
    struct rs_shape shape = {0};
    int version = 0, at = 0;
    if (sscanf(text, "troupe cache %d shards %u key %n", &version, &shape.shards_count, &at) != 2 ||
        at == 0 || version != SHAPE_VERSION || !is_shards_count(shape.shards_count) ||
        strlen(text + at) < KEY_HEX_BYTES) {
        return RT_CORRUPT;
    }
    for (unsigned i = 0; i < sizeof(shape.key.bytes); i++) {
        if (sscanf(text + at + 2 * i, "%2hhx", &shape.key.bytes[i]) != 1) {
            return RT_CORRUPT;
        }
    }
    char again[RS_SHAPE_TEXT_BYTES];
    rs_shape_format(&shape, again);
    if (strcmp(again, text) != 0) {
        return RT_CORRUPT;
    }
    *out = shape;
    return RT_OK;
}

rt_status rs_shape_load(const char *folder, struct rs_shape *out)
{
    char path[RS_PATH_BYTES_MAX], text[RS_SHAPE_TEXT_BYTES];
    rt_status status = rs_file_path(path, folder, "shape");
    if (status == RT_OK) {
        status = rs_file_read(path, text, sizeof(text));
    }
    if (status == RT_FULL) {
        return RT_CORRUPT; /* longer than any shape */
    }
    return status == RT_OK ? rs_shape_parse(text, out) : status;
}

rt_status rs_shape_save(const char *folder, const struct rs_shape *shape)
{
    char path[RS_PATH_BYTES_MAX], text[RS_SHAPE_TEXT_BYTES];
    rt_status status = rs_file_path(path, folder, "shape");
    if (status == RT_OK) {
        rs_shape_format(shape, text);
        status = rs_file_write(path, text);
    }
    return status;
}
