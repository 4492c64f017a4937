/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* shape: what must stay as it is for the files of a cache to make sense: the number of shards and
 * the key that deals names to them. A small text file beside the shards:
 *
 *   troupe cache 1
 *   shards 4
 *   key 000102030405060708090a0b0c0d0e0f
 *   check 0123456789abcdef
 *
 * The check is SipHash with a fixed key over the lines before it. */

#include "runtime/base/check.h"
#include "runtime/base/siphash.h"
#include "runtime/base/status.h"

struct rs_shape {
    unsigned shards_count;
    struct rt_siphash_key key;
};

enum { RS_SHAPE_TEXT_BYTES = 256 };

/* Writes the file's text, always terminated. */
void rs_shape_format(const struct rs_shape *shape, char text[RS_SHAPE_TEXT_BYTES]);

/* RT_CORRUPT for everything that rs_shape_format does not write. */
RT_MUST_USE rt_status rs_shape_parse(const char *text, struct rs_shape *out);

/* The shape kept in `folder`. RT_NOT_FOUND: none yet. */
RT_MUST_USE rt_status rs_shape_load(const char *folder, struct rs_shape *out);
RT_MUST_USE rt_status rs_shape_save(const char *folder, const struct rs_shape *shape);
