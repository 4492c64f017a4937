/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* priming: keeps the addresses of the root servers current (RFC9609, modules.md 19).
 *
 * It asks `. NS`, then A and AAAA of each name, like any client, so a warm cache needs no packet;
 * what it learns replaces the hints of every desk as a whole. It asks again after the smallest TTL
 * of the NS set, and after a failure in PRIMING_RETRY_S.
 *
 * RFC  9609 */

#include "runtime/actor.h"

enum {
    PRIMING_RETRY_S = 10,
    PRIMING_PATIENCE_S = 15, /* a desk that never answers has lost us; its own limit is shorter */
};

extern const struct rt_actor_type priming_type; /* args: none (NULL) */
