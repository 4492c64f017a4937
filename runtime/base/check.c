/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/base/check.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static _Atomic(rt_panic_hook *) panic_hook;

void rt_panic_hook_set(rt_panic_hook *hook)
{
    atomic_store(&panic_hook, hook);
}

void rt_check_failed(const char *file, int line, const char *text)
{
    /* Taken out first: a check that fails inside the hook must not call it again. */
    rt_panic_hook *hook = atomic_exchange(&panic_hook, NULL);

    fprintf(stderr, "troupe: check failed at %s:%d: %s\n", file, line, text);
    if (hook != NULL) {
        hook(file, line, text);
    }
    abort();
}
