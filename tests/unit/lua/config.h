/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* config: runs configuration text in a fresh VM, for the tests of the configuration language. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lua/hook.h"

struct config {
    struct lu_settings settings;
    struct lu_vm *vm;
    char error[LU_ERROR_BYTES];
    rt_status probe_status; /* what binding gives */
    unsigned probes, forgets;
};

static rt_status config_probe(void *arg, const struct lu_listen *listen)
{
    struct config *config = arg;
    (void)listen;
    config->probes++;
    return config->probe_status;
}

static void config_forget(void *arg, const struct lu_listen *listen)
{
    (void)listen;
    ((struct config *)arg)->forgets++;
}

static int config_setup(void **state)
{
    struct config *config = calloc(1, sizeof(*config));
    lu_settings_init(&config->settings, 2);
    const struct lu_options options = {
        .settings = &config->settings,
        .listen_probe = config_probe,
        .listen_forget = config_forget,
        .arg = config,
        .rundir = ".",
    };
    assert_int_equal(lu_open(&config->vm, &options), RT_OK);
    *state = config;
    return 0;
}

static int config_teardown(void **state)
{
    struct config *config = *state;
    lu_close(config->vm);
    free(config);
    return 0;
}

/* The text runs without error. */
static inline void config_ok(struct config *config, const char *text)
{
    if (lu_run_text(config->vm, text, "config", config->error) != RT_OK) {
        fail_msg("%s\n  in: %s", config->error, text);
    }
}

/* The Lua expression is true. */
static inline void config_true(struct config *config, const char *expression)
{
    char text[4096];
    snprintf(text, sizeof(text), "if not (%s) then panic('not true: %%s', [==[%s]==]) end",
             expression, expression);
    config_ok(config, text);
}

/* The text fails in line `line`; the message names file and line, contains `what` and ends with a
 * remedy after "; ". */
static inline void config_fails(struct config *config, const char *text, unsigned line,
                                const char *what)
{
    char where[32];
    assert_int_equal(lu_run_text(config->vm, text, "config", config->error), RT_MALFORMED);
    snprintf(where, sizeof(where), "config:%u: ", line);
    if (strncmp(config->error, where, strlen(where)) != 0 || strstr(config->error, what) == NULL ||
        strstr(config->error, "; ") == NULL) {
        fail_msg("expected \"%s...%s...; remedy\", got \"%s\"", where, what, config->error);
    }
}

#define CONFIG_TEST(name) cmocka_unit_test_setup_teardown(name, config_setup, config_teardown)
