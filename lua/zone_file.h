/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* zone_file: the addresses in zone-file text (RFC1035-5), as root hints are published.
 *
 * Wraps libzscanner, whose header is seen in zone_file.c only.
 * Memory   The file is read whole, at most LU_ZONE_BYTES_MAX. */

#include "resolver/config.h"
#include "runtime/base/status.h"

enum {
    LU_ZONE_BYTES_MAX = 1 << 20, /* Root hints are 3 kB. */
    LU_REASON_BYTES = 256,
};

/* The A and AAAA records of `path`, by owner; other records are passed over. On failure *hints is
 * as before and `reason` says why, with the line of the file where there is one. */
RT_MUST_USE rt_status lu_zone_file_hints(const char *path, struct rs_hints *hints,
                                         char reason[LU_REASON_BYTES]);

/* The same for text in memory. */
RT_MUST_USE rt_status lu_zone_text_hints(const char *text, size_t size, struct rs_hints *hints,
                                         char reason[LU_REASON_BYTES]);

/* Adds an address to the hint of that name, which is made when missing. False: no room. An address
 * that is there already counts as added. */
bool lu_hints_add(struct rs_hints *hints, const struct rs_name *name, const struct rt_addr *addr);
