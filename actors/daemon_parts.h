/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* daemon_parts: what the files of the daemon share. Private to daemon*.c. */

#include <stdatomic.h>
#include <time.h>

#include "actors/daemon.h"
#include "actors/troupe.h"

struct bind;
struct report;
struct threads;

struct daemon {
    const struct daemon_options *options;
    struct lu_settings settings;
    struct bind *bind;
    struct lu_vm *vm;
    struct rs_cache cache;
    bool has_open_cache;
    struct troupe *troupe;
    struct report *report;
    struct threads *threads;
    int event_fd;             /* the control core raises it: look at the two below */
    _Atomic int ready_status; /* rt_status, or DAEMON_NOT_READY */
    _Atomic bool is_drained;
    bool is_ready;
    unsigned populated_cores; /* have all pages of their answer cache */
    size_t populated_bytes;   /* of the next one's */
};

enum { DAEMON_NOT_READY = -1 };

/* From command line and file to settings and bound sockets. False: said on stderr what is wrong. */
bool daemon_configure(struct daemon *daemon);

/* Opens what the settings ask for: random keys, the cache. False as above. */
bool daemon_open_cache(struct daemon *daemon);

uint64_t daemon_clock_ns(clockid_t clock);
