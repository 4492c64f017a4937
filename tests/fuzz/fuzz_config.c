/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/hook.h"

/* A configuration file of any bytes: every file either runs or is refused with "file:line: option:
 * what; remedy", and the settings stay within their bounds. The VM is the pure one: nothing in a
 * file can reach the system, which is part of what is tested. */

enum { RUN_MS_MAX = 200, INPUT_BYTES_MAX = 16 * 1024 };

static void check_settings(const struct lu_settings *settings)
{
    const struct rs_config *resolver = &settings->resolver;

    RT_CHECK(settings->listens_count <= LU_LISTENS_MAX && settings->acl_count <= LU_ACL_MAX);
    for (unsigned i = 0; i < settings->listens_count; i++) {
        RT_CHECK(settings->listens[i].addr.family == 4 || settings->listens[i].addr.family == 6);
        RT_CHECK(settings->listens[i].addr.port != 0);
    }
    RT_CHECK(resolver->payload_down >= RS_UDP_PLAIN_BYTES &&
             resolver->payload_up >= RS_UDP_PLAIN_BYTES);
    RT_CHECK(resolver->ttl_s_min <= resolver->ttl_s_max);
    RT_CHECK(resolver->hints.count <= RS_HINTS_MAX && resolver->forwards_count <= RS_FORWARDS_MAX);
    for (unsigned i = 0; i < resolver->forwards_count; i++) {
        const struct rs_forward *forward = &resolver->forwards[i];
        RT_CHECK(rs_name_check(forward->name.wire, forward->name.size) == forward->name.size);
        RT_CHECK(forward->addrs_count >= 1 && forward->addrs_count <= RS_FORWARD_ADDRS_MAX);
    }
    RT_CHECK(!settings->has_cache || settings->cache_bytes >= 8192);
    RT_CHECK(memchr(settings->cache_path, '\0', sizeof(settings->cache_path)) != NULL);
    RT_CHECK(memchr(settings->hostname, '\0', sizeof(settings->hostname)) != NULL);
}

static void check_error(const char *error)
{
    RT_CHECK(memchr(error, '\0', LU_ERROR_BYTES) != NULL);
    RT_CHECK(error[0] != '\0');
}

/* log() and warn() of the input would fill the fuzzer's own output. */
static void silence(void)
{
    static bool is_silent;

    if (!is_silent) {
        is_silent = freopen("/dev/null", "w", stdout) != NULL;
        setenv("KRESD_NO_LISTEN", "1", 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lu_settings settings;
    const struct lu_options options = {
        .settings = &settings,
        .rundir = "/tmp",
        .is_pure = true,
        .run_ms_max = RUN_MS_MAX,
    };
    char error[LU_ERROR_BYTES];
    struct lu_vm *vm;

    if (size > INPUT_BYTES_MAX) {
        return 0;
    }
    char *text = malloc(size + 1);
    RT_CHECK(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    silence();
    lu_settings_init(&settings, 2);
    RT_CHECK(lu_open(&vm, &options) == RT_OK);
    if (lu_run_text(vm, text, "config", error) != RT_OK) {
        check_error(error);
    } else if (lu_defaults(vm, error) != RT_OK) {
        check_error(error);
    }
    check_settings(&settings);
    lu_close(vm);
    free(text);
    return 0;
}
