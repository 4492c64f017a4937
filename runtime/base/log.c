/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/base/log.h"

#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"

static _Atomic(rt_log_sink *) log_sink;
static _Atomic int log_level = RT_LOG_NOTICE;

/* Relaxed everywhere: sink and level stand alone, no other data is published through them. */
void rt_log_sink_set(rt_log_sink *sink)
{
    atomic_store_explicit(&log_sink, sink, memory_order_relaxed);
}

void rt_log_level_set(enum rt_log_level level)
{
    atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

enum rt_log_level rt_log_level_get(void)
{
    return (enum rt_log_level)atomic_load_explicit(&log_level, memory_order_relaxed);
}

static const char *level_name(enum rt_log_level level)
{
    switch (level) {
    case RT_LOG_CRIT:
        return "crit";
    case RT_LOG_ERR:
        return "error";
    case RT_LOG_WARNING:
        return "warning";
    case RT_LOG_NOTICE:
        return "notice";
    case RT_LOG_INFO:
        return "info";
    case RT_LOG_DEBUG:
        return "debug";
    }
    return "log";
}

static _Atomic uint32_t lost_lines;

/* A reader of our pipe that has stopped reading must not stop a core, which a full write would. A
 * pipe that is ready has room for PIPE_BUF bytes (pipe(7)), several lines. */
static bool may_write(int fd)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
    return poll(&pollfd, 1, 0) != 0;
}

static void tell_lost(void)
{
    char text[64];
    /* Relaxed: a number of its own. */
    uint32_t lost = atomic_exchange_explicit(&lost_lines, 0, memory_order_relaxed);
    if (lost > 0) {
        int size = snprintf(text, sizeof(text), "<warning> [log] %" PRIu32 " lines lost\n", lost);
        ssize_t written = write(STDERR_FILENO, text, (size_t)size);
        (void)written; /* As below. */
    }
}

/* One write, so that lines of several threads do not mix. */
static void write_to_stderr(enum rt_log_level level, const char *group, const char *line)
{
    char text[RT_LOG_LINE_BYTES + 128];
    int size = snprintf(text, sizeof(text), "<%s> [%s] %s\n", level_name(level), group, line);
    if (size >= (int)sizeof(text)) {
        size = (int)sizeof(text) - 1;
        text[size - 1] = '\n';
    }
    if (!may_write(STDERR_FILENO)) {
        atomic_fetch_add_explicit(&lost_lines, 1, memory_order_relaxed);
        return;
    }
    tell_lost();
    ssize_t written = write(STDERR_FILENO, text, (size_t)size);
    (void)written; /* There is nobody to tell. */
}

/* Escapes control characters as \xHH; a line that does not fit ends in dots. */
static void escape(const char *raw, char line[RT_LOG_LINE_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    size_t used = 0;
    for (; *raw != '\0'; raw++) {
        unsigned char c = (unsigned char)*raw;
        bool is_control = c < 0x20 || c == 0x7F;
        if (used + (is_control ? 4 : 1) > RT_LOG_LINE_BYTES - 4) {
            memcpy(line + used, "...", 3);
            used += 3;
            break;
        }
        if (is_control) {
            line[used++] = '\\';
            line[used++] = 'x';
            line[used++] = digits[c >> 4];
            line[used++] = digits[c & 15];
        } else {
            line[used++] = (char)c;
        }
    }
    line[used] = '\0';
}

static void log_va(enum rt_log_level level, const char *group, const char *format, va_list args)
{
    char raw[RT_LOG_LINE_BYTES], line[RT_LOG_LINE_BYTES];
    vsnprintf(raw, sizeof(raw), format, args);
    escape(raw, line);

    rt_log_sink *sink = atomic_load_explicit(&log_sink, memory_order_relaxed);
    (sink != NULL ? sink : write_to_stderr)(level, group, line);
}

void rt_log(enum rt_log_level level, const char *group, const char *format, ...)
{
    if (level > rt_log_level_get()) {
        return;
    }
    va_list args;
    va_start(args, format);
    log_va(level, group, format, args);
    va_end(args);
}

void rt_log_limited(struct rt_log_limit *limit, uint64_t now_ns, enum rt_log_level level,
                    const char *group, const char *format, ...)
{
    if (level > rt_log_level_get()) {
        return;
    }
    /* Relaxed: the numbers guard nothing but themselves. Who wins the exchange writes. */
    uint64_t now_ms = now_ns / RT_NS_PER_MS;
    uint64_t next_ms = atomic_load_explicit(&limit->next_ms, memory_order_relaxed);
    if (now_ms < next_ms || !atomic_compare_exchange_strong_explicit(
                                &limit->next_ms, &next_ms, now_ms + 60 * RT_MS_PER_S,
                                memory_order_relaxed, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&limit->held, 1, memory_order_relaxed);
        return;
    }
    va_list args;
    va_start(args, format);
    log_va(level, group, format, args);
    va_end(args);

    uint32_t held = atomic_exchange_explicit(&limit->held, 0, memory_order_relaxed);
    if (held > 0) {
        rt_log(level, group, "%" PRIu32 " lines like the one above were held back", held);
    }
}
