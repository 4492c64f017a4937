/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* check: the assertions of a wrong program. Always compiled in.
 *
 * Bytes from the network, from a file or from a user never reach one: parse them into a checked
 * struct first. A failed check ends the process through the panic hook, which writes the crash
 * report (runtime/panic.h) when a runtime is there to have one. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RT_MUST_USE __attribute__((warn_unused_result))

#define RT_CHECK(condition)                                      \
    do {                                                         \
        if (__builtin_expect(!(condition), 0)) {                 \
            rt_check_failed(__FILE__, __LINE__, #condition);     \
        }                                                        \
    } while (0)

/* Checks that cost more than O(1): on in debug builds and in the simulator. */
#ifdef RT_SLOW_CHECKS
#define RT_CHECK_SLOW(condition) RT_CHECK(condition)
#else
#define RT_CHECK_SLOW(condition) ((void)sizeof(condition))
#endif

#define RT_UNREACHABLE(text) rt_check_failed(__FILE__, __LINE__, text)

/* The struct whose first field is `uint32_t magic`, seen through an untyped pointer. The magic of
 * struct foo is the constant foo_MAGIC. */
#define rt_cast(type_name, pointer) \
    ((struct type_name *)rt_cast_checked((pointer), type_name##_MAGIC, __FILE__, __LINE__))

#define RT_ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Called once by a failed check, before abort(). At most one hook per process; NULL removes it. */
typedef void rt_panic_hook(const char *file, int line, const char *text);
void rt_panic_hook_set(rt_panic_hook *hook);

_Noreturn void rt_check_failed(const char *file, int line, const char *text);

static inline void *rt_cast_checked(void *pointer, uint32_t magic, const char *file, int line)
{
    if (__builtin_expect(pointer == NULL || *(const uint32_t *)pointer != magic, 0)) {
        rt_check_failed(file, line, "pointer to another kind of struct");
    }
    return pointer;
}
