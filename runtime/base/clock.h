/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* clock: units of time. The clocks themselves are behind runtime/io.h.
 *
 * Monotonic time is uint64_t nanoseconds since an unknown start, the same on all cores. Wall time
 * is uint64_t milliseconds since 1970, and may jump. */

#include <stdint.h>

#define RT_NS_PER_US UINT64_C(1000)
#define RT_NS_PER_MS UINT64_C(1000000)
#define RT_NS_PER_S UINT64_C(1000000000)
#define RT_MS_PER_S UINT64_C(1000)
