/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* log: lines for the operator. One sink per process, set once before threads start.
 *
 * A line is built in a fixed buffer and handed to the sink whole; control characters are escaped
 * on the way, so a hostile name cannot forge a line. Lines that the network can trigger must use
 * rt_log_limited. */

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum rt_log_level {
    RT_LOG_CRIT = 2, /* The values of syslog and of the configuration's LOG_* constants. */
    RT_LOG_ERR = 3,
    RT_LOG_WARNING = 4,
    RT_LOG_NOTICE = 5,
    RT_LOG_INFO = 6,
    RT_LOG_DEBUG = 7,
};

enum { RT_LOG_LINE_BYTES = 1024 };

/* Called from any thread with one escaped line without newline. */
typedef void rt_log_sink(enum rt_log_level level, const char *group, const char *line);

/* NULL: stderr, "<level> [group] line"; lines for which a pipe has no room are lost and counted. */
void rt_log_sink_set(rt_log_sink *sink);
void rt_log_level_set(enum rt_log_level level);
enum rt_log_level rt_log_level_get(void);

/* `group` names the part of the program in brackets, for example "cache". */
__attribute__((format(printf, 3, 4))) void rt_log(enum rt_log_level level, const char *group,
                                                  const char *format, ...);

/* At most one line per `limit` and minute; what was held back is counted and told with the next. */
struct rt_log_limit {
    _Atomic uint64_t next_ms; /* private, zeroed by its owner */
    _Atomic uint32_t held;
};
__attribute__((format(printf, 5, 6))) void rt_log_limited(struct rt_log_limit *limit,
                                                          uint64_t now_ns,
                                                          enum rt_log_level level,
                                                          const char *group, const char *format,
                                                          ...);
