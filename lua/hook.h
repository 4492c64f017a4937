/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* hook: what the rest of troupe sees of the configuration language: settings that a configuration
 * file decided, and the call that runs one.
 *
 * Threads  The control thread loads; settings are constant once cores run. */

#include "resolver/config.h"
#include "runtime/base/addr.h"

enum {
    LU_LISTENS_MAX = 128, /* net.listen addresses; each costs two sockets for every core */
    LU_ACL_MAX = 64,
    LU_PATH_BYTES = 1024,
    LU_HOSTNAME_BYTES = 256,
    LU_ERROR_BYTES = 2048,
};

struct lu_listen {
    struct rt_addr addr;
    bool udp, tcp;
    bool freebind; /* the address may be one that this host does not have yet */
};

struct lu_settings {
    struct rs_config resolver;
    unsigned workers_count;
    unsigned listens_count;
    struct lu_listen listens[LU_LISTENS_MAX];
    unsigned acl_count; /* clients that are served; others are REFUSED (RFC5358) */
    struct rt_prefix acl[LU_ACL_MAX];
    bool has_cache;
    uint64_t cache_bytes;
    char cache_path[LU_PATH_BYTES];
    uint64_t answer_cache_bytes;             /* each core */
    struct rt_addr outgoing_v4, outgoing_v6; /* family 0: any */
    uint32_t tcp_pipeline;                   /* outstanding questions of one TCP client */
    uint32_t tcp_idle_ms;
    uint32_t tcp_clients_max; /* each core */
    uint32_t queries_max;     /* in flight, each core */
    char hostname[LU_HOSTNAME_BYTES];
    bool verbose;
};

/* Safe defaults: nothing listens, no cache, private networks allowed. */
void lu_settings_init(struct lu_settings *settings, unsigned workers_count);

/* Called by net.listen: bind now, so that the file's line can be named when it fails. Returns RT_OK
 * or why not; NULL: everything binds. */
typedef rt_status lu_listen_probe(void *arg, const struct lu_listen *listen);

/* Called by net.close: what the probe bound is wanted no more. */
typedef void lu_listen_forget(void *arg, const struct lu_listen *listen);

struct lu_vm;

struct lu_options {
    struct lu_settings *settings; /* filled while the file runs, read and changed by it */
    lu_listen_probe *listen_probe;
    lu_listen_forget *listen_forget;
    void *arg;
    const char *rundir;
    bool is_pure; /* no ffi, io, os.execute, require, loadstring: for text nobody vouches for */
    uint32_t run_ms_max; /* of one file; 0: 10 seconds */
};

/* A VM with the sandbox, constants and tables of the configuration language. */
RT_MUST_USE rt_status lu_open(struct lu_vm **out, const struct lu_options *options);
void lu_close(struct lu_vm *vm);

/* Runs a file. RT_MALFORMED with "file:line: option: what is wrong; remedy" in `error`;
 * RT_NOT_FOUND when it cannot be opened. What ran before the mistake stays in the settings. */
RT_MUST_USE rt_status lu_run_file(struct lu_vm *vm, const char *path, char error[LU_ERROR_BYTES]);
RT_MUST_USE rt_status lu_run_text(struct lu_vm *vm, const char *text, const char *chunk_name,
                                  char error[LU_ERROR_BYTES]);

/* What is still open after the file gets its default (modules.md 27.1 step 5): listen on 127.0.0.1
 * and ::1, 100 MB cache in rundir, shipped root hints. */
RT_MUST_USE rt_status lu_defaults(struct lu_vm *vm, char error[LU_ERROR_BYTES]);
