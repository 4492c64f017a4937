/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* siphash: SipHash-2-4, the keyed hash behind every table that a stranger can fill, behind the
 * choice of shard and home core, and behind DNS cookies (RFC 9018).
 *
 * Why not wolfCrypt: Debian's build has no SipHash. */

#include <stddef.h>
#include <stdint.h>

struct rt_siphash_key {
    uint8_t bytes[16];
};

uint64_t rt_siphash(const struct rt_siphash_key *key, const void *data, size_t size);
