/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/root_hints.h"
#include "lua/vm.h"
#include "runtime/base/log.h"

/* What the file left open (modules.md 27.1, step 5). */

enum { DNS_PORT = 53 };

static rt_status listen_on(struct lu_vm *vm, const char *address)
{
    struct lu_settings *settings = vm->settings;
    struct lu_listen listen = {.udp = true, .tcp = true};

    if (rt_addr_parse(address, DNS_PORT, &listen.addr) != RT_OK) {
        return RT_MALFORMED;
    }
    if (vm->options.listen_probe != NULL) {
        rt_status status = vm->options.listen_probe(vm->options.arg, &listen);
        if (status != RT_OK) {
            return status;
        }
    }
    settings->listens[settings->listens_count++] = listen;
    return RT_OK;
}

/* 127.0.0.1 must work; a host without IPv6 is no reason not to start. */
static rt_status default_listens(struct lu_vm *vm, char error[LU_ERROR_BYTES])
{
    rt_status status = listen_on(vm, "127.0.0.1");

    if (status != RT_OK) {
        snprintf(
            error, LU_ERROR_BYTES,
            "defaults:0: net.listen: failed to bind 127.0.0.1@53: %s; configure another address "
            "with net.listen or -a",
            rt_status_text(status));
        return status;
    }
    status = listen_on(vm, "::1");
    if (status != RT_OK) {
        rt_log(RT_LOG_INFO, "net", "not listening on ::1@53: %s", rt_status_text(status));
    }
    return RT_OK;
}

rt_status lu_defaults(struct lu_vm *vm, char error[LU_ERROR_BYTES])
{
    struct lu_settings *settings = vm->settings;

    if (settings->resolver.hints.count == 0) {
        lu_root_hints(&settings->resolver.hints);
    }
    if (!settings->has_cache) {
        rt_status status = lu_run_text(vm, "cache.open(100*MB)", "defaults", error);
        if (status != RT_OK) {
            return status;
        }
    }
    if (settings->listens_count == 0 && getenv("KRESD_NO_LISTEN") == NULL) {
        return default_listens(vm, error);
    }
    return RT_OK;
}
