/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* stopwatch: processor time of this thread, for the tests that bound it. Take the best of some
 * runs: others share the machine. */

#include <stdint.h>
#include <time.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STOPWATCH_IS_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STOPWATCH_IS_SANITIZED
#endif

#ifdef STOPWATCH_IS_SANITIZED
enum { STOPWATCH_SLACK = 20 }; /* Bounds are for the code, not for the sanitizer's. */
#else
enum { STOPWATCH_SLACK = 1 };
#endif

enum { STOPWATCH_RUNS = 9 };

static inline uint64_t stopwatch_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}
