/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/panic.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "runtime/core_parts.h"

enum { EVENTS_IN_REPORT = 32, LINE_BYTES = 256 };

/* The one thread-local of the runtime: a signal handler has no other way to its core. */
static _Thread_local const struct rt_core *this_core;
static const char *replay_note;

void rt_panic_enter(const struct rt_core *core)
{
    this_core = core;
}

void rt_panic_note_set(const char *text)
{
    replay_note = text;
}

/* ---- a line that needs no libc ---- */

struct line {
    size_t size;
    char text[LINE_BYTES];
};

static void put(struct line *line, const char *text)
{
    while (*text != '\0' && line->size < LINE_BYTES - 1) {
        line->text[line->size++] = *text++;
    }
}

static void put_number(struct line *line, uint64_t value, unsigned base)
{
    char digits[24];
    size_t at = sizeof(digits) - 1;
    digits[at] = '\0';
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value > 0);
    put(line, digits + at);
}

static void end_line(struct line *line, int fd)
{
    line->text[line->size] = '\n';
    ssize_t written = write(fd, line->text, line->size + 1);
    (void)written; /* There is nobody to tell. */
    line->size = 0;
}

/* ---- the report ---- */

static void put_actor(struct line *line, const struct rt_actor_type *type, rt_ref ref)
{
    put(line, type->name);
    put(line, " (slot ");
    put_number(line, ref >> 32 & 0xFFFFFF, 10);
    put(line, ", life ");
    put_number(line, ref & UINT32_MAX, 10);
    put(line, ")");
}

static void write_current(struct line *line, int fd, const struct rt_core *core)
{
    const struct rt_actor *actor = core->current;
    put(line, "  actor: ");
    if (actor == NULL) {
        put(line, "none, in the loop or in the io");
        end_line(line, fd);
        return;
    }
    put_actor(line, actor->type, actor->ref);
    put(line, core->current_msg_type != 0 ? ", at message " : ", at start or stop");
    if (core->current_msg_type != 0) {
        put(line, rt_trace_msg_name(actor->type, core->current_msg_type));
    }
    put(line, ", restarts ");
    put_number(line, actor->restarts, 10);
    put(line, ", waiting messages ");
    put_number(line, actor->box.count, 10);
    end_line(line, fd);
}

static void write_event(struct line *line, int fd, const struct rt_core *core,
                        const struct rt_trace_event *event)
{
    uint64_t age_ns = core->mark_ns > event->at_ns ? core->mark_ns - event->at_ns : 0;
    put(line, "    -");
    put_number(line, age_ns / RT_NS_PER_US, 10);
    put(line, " us ");
    put_actor(line, event->type, event->actor);
    put(line, " ");
    switch ((enum rt_trace_kind)event->kind) {
    case RT_TRACE_TURN:
        put(line, "turn of ");
        put_number(line, event->a, 10);
        put(line, " messages");
        break;
    case RT_TRACE_RECEIVE:
        put(line, rt_trace_msg_name(event->type, event->msg_type));
        break;
    case RT_TRACE_MOMENT:
    case RT_TRACE_LIFE:
        put(line, event->what);
        put(line, " a=");
        put_number(line, event->a, 10);
        put(line, " b=");
        put_number(line, event->b, 10);
        break;
    }
    if (event->trace_id != 0) {
        put(line, " question ");
        put_number(line, event->trace_id, 16);
    }
    end_line(line, fd);
}

static void write_core(struct line *line, int fd, const struct rt_core *core)
{
    put(line, "  core: ");
    put_number(line, core->index, 10);
    put(line, ", actors ");
    put_number(line, core->actors_count, 10);
    put(line, ", messages ");
    put_number(line, core->mails.in_use, 10);
    put(line, ", timers ");
    put_number(line, core->timers.in_use, 10);
    end_line(line, fd);
    write_current(line, fd, core);

    uint32_t count = rt_trace_count(&core->trace);
    count = count < EVENTS_IN_REPORT ? count : EVENTS_IN_REPORT;
    put(line, "  last events of this core, the newest at the end:");
    end_line(line, fd);
    for (uint32_t age = count; age-- > 0;) {
        write_event(line, fd, core, rt_trace_back(&core->trace, age));
    }
}

void rt_panic_write(int fd, const struct rt_core *core)
{
    struct line line = {0};
    put(&line, "troupe: crash report, version " TROUPE_VERSION);
    end_line(&line, fd);
    if (core != NULL) {
        write_core(&line, fd, core);
    } else {
        put(&line, "  core: none, on a thread of its own");
        end_line(&line, fd);
    }
    if (replay_note != NULL) {
        put(&line, "  replay: ");
        put(&line, replay_note);
        end_line(&line, fd);
    }
}

/* ---- dying ---- */

static volatile sig_atomic_t is_reported;

static void report_once(void)
{
    if (!is_reported) { /* A crash in the report, or the abort after a failed check. */
        is_reported = 1;
        rt_panic_write(STDERR_FILENO, this_core);
    }
}

static void on_check_failed(const char *file, int line, const char *text)
{
    (void)file, (void)line, (void)text; /* Said already. */
    report_once();
}

static void on_signal(int number)
{
    struct line line = {0};
    if (!is_reported) {
        put(&line, "troupe: died of signal ");
        put_number(&line, (uint64_t)number, 10);
        end_line(&line, STDERR_FILENO);
    }
    report_once();
    raise(number); /* SA_RESETHAND: the system's own handling, with its core dump. */
}

void rt_panic_install(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    rt_panic_hook_set(on_check_failed);
    for (size_t i = 0; i < RT_ARRAY_COUNT(signals); i++) {
        struct sigaction before, ours = {.sa_flags = (int)(SA_ONSTACK | SA_RESETHAND)};
        ours.sa_handler = on_signal;
        RT_CHECK(sigemptyset(&ours.sa_mask) == 0);
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL) {
            RT_CHECK(sigaction(signals[i], &ours, NULL) == 0);
        }
    }
}
