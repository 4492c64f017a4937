/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* runner: runs properties for seeds: one in this process, or many in worker processes, so that a
 * crash costs one run and both cores are used. The combined hash does not depend on who ran what.
 */

#include "tests/sim/test.h"

struct run_options {
    const char *test;     /* NULL: all but canaries */
    uint64_t first, last; /* seeds */
    unsigned jobs;        /* worker processes; 0: in this process */
    bool is_quiet;        /* no line for each run */
};

const struct sim_test *sim_tests(void); /* by name */
bool sim_test_exists(const char *name);

/* 0: all passed. *hash: of all runs in order. */
int sim_run_all(const struct run_options *options, uint64_t *hash);
