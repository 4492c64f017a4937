/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* panic: the crash report. Says on which core, in which actor and at which message the program
 * died, and what that core did last.
 *
 * Threads  install, note: before other threads run. The report is written by the thread that died,
 *          about its own core; the others go on until the process ends.
 * Why not  printf: a report is written in a signal handler, on a heap that may be broken. */

struct rt_core;

/* From now on a failed RT_CHECK and the signals SEGV, BUS, ILL, FPE and ABRT write a report to
 * stderr; the process then dies as it would have. A handler that somebody (a sanitizer) has set
 * before is left alone. */
void rt_panic_install(void);

/* One line for the end of every report: how to replay the run. Constant text or NULL. */
void rt_panic_note_set(const char *text);

/* The report, without dying. `core` may be NULL: this thread runs none. */
void rt_panic_write(int fd, const struct rt_core *core);
