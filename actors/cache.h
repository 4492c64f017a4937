/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* cache: the only writer of one shard. It applies the batches that queries send, commits them
 * together when its mailbox has been worked off, and evicts while the shard is nearly full. */

#include "resolver/cache/cache.h"
#include "runtime/actor.h"

struct cache_args {               /* lives as long as the actor */
    const struct rs_cache *cache; /* open, outlives the actor */
    unsigned shard;
};

extern const struct rt_actor_type cache_type;
