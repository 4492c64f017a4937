/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* lmdb_meta: a look at the head of an LMDB 0.9 file before LMDB maps and trusts it. */

#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/status.h"

/* RT_OK: both meta pages make sense for a file of this length. RT_NOT_FOUND: no file yet, or an
 * empty one. RT_CORRUPT: damaged, cut, of another format, version or page size. */
RT_MUST_USE rt_status rs_lmdb_meta_check(const char *path, uint32_t page_bytes);
