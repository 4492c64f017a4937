/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* threads: one thread for each core of a machine, workers pinned to CPUs of their own. */

#include "runtime/core.h"

struct threads;

/* Starts all cores; the first `pinned_count` are bound to one CPU each, in turn, of those this
 * process may use. They inherit the caller's signal mask. */
RT_MUST_USE rt_status threads_start(struct threads **out, struct rt_machine *machine,
                                    unsigned pinned_count);

/* Stops all cores and waits until their threads have ended. */
void threads_stop(struct threads *threads);

/* CPUs that this process may use; at least 1. */
unsigned threads_cpus(void);
