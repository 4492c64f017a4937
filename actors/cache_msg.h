/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "runtime/actor.h"

/* The writer of one shard. */
#define CACHE_MESSAGES(X)                                                                          \
    X(CACHE_WRITE, struct cache_write) /* query -> cache; buf: an rs_batch */                      \
    X(CACHE_COMMIT, struct rt_msg)     /* cache -> itself: all that came before is in the batch */

enum cache_msg_type {
    CACHE_INVALID = 0,
#define X(name, type) name,
    CACHE_MESSAGES(X)
#undef X
};

/* Not answered: a write that is lost (RT_FULL) costs a question later, nothing else. */
struct cache_write {
    struct rt_msg head;
};
