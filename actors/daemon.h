/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* daemon: trouped as a process: command line, working folder, configuration, threads, signals.
 *
 *   daemon_options.c    the command line (modules.md 27.10)
 *   daemon_configure.c  from the options to settings, sockets and the cache
 *   daemon.c            running cores, signals, the end
 *
 * Signals  TERM, INT  drain, then exit 0 (within a second)
 *          USR1       writes trace.json (Chrome's trace viewer) into the working folder
 *          USR2       counters and actors to the log
 * Threads  One for each core, pinned, one for the control core; main waits for signals. */

#include <stdbool.h>

#include "lua/hook.h"

struct daemon_options {
    const char *config_path; /* NULL: `config` in rundir when it is there */
    bool has_no_config;      /* -c -: and no defaults either */
    unsigned workers_count;  /* 0: as many as CPUs */
    bool is_noninteractive, is_quiet, is_verbose;
    const char *rundir; /* NULL: where it was started */
    unsigned listens_count;
    struct lu_listen listens[LU_LISTENS_MAX]; /* -a */
};

/* Reads the command line. False: the process ends now with *exit_code (help and version: 0; what is
 * wrong has been said on stderr: 1). The strings point into argv. */
bool daemon_options_read(int argc, char **argv, struct daemon_options *out, int *exit_code);

/* Runs until a signal ends it. Returns the exit code. */
int daemon_run(const struct daemon_options *options);
