/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* poison: tells AddressSanitizer which bytes of our pools nobody owns, so that a use after give
 * is reported as if every block came from malloc. Nothing in other builds. */

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define RT_HAS_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RT_HAS_POISON 1
#endif
#endif

#ifdef RT_HAS_POISON
#include <sanitizer/asan_interface.h>
enum { RT_RED_ZONE_BYTES = 16 }; /* Between neighbours in an arena. */
static inline void rt_poison(const void *bytes, size_t size)
{
    __asan_poison_memory_region(bytes, size);
}
static inline void rt_unpoison(const void *bytes, size_t size)
{
    __asan_unpoison_memory_region(bytes, size);
}
#else
enum { RT_RED_ZONE_BYTES = 0 };
static inline void rt_poison(const void *bytes, size_t size)
{
    (void)bytes;
    (void)size;
}
static inline void rt_unpoison(const void *bytes, size_t size)
{
    (void)bytes;
    (void)size;
}
#endif
