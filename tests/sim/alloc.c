/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>

#include "tests/sim/test.h"

/* Counts what the code under test allocates once it runs: everything is allocated at the start
 * (architecture: pools and arenas), so the count stays zero, but for actors that are restarted. The
 * linker leads the program's own calls here (CMakeLists.txt: --wrap); those inside shared libraries
 * are not seen. */

static uint64_t allocations;

uint64_t sim_test_allocations(void)
{
    uint64_t count = allocations;

    allocations = 0;
    return count;
}

static void note(void)
{
    if (sim_environment.is_watching && sim_io_outside == 0) {
        allocations++;
    }
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    note();
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    note();
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    note();
    return __real_realloc(memory, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    note();
    return __real_aligned_alloc(alignment, size);
}
