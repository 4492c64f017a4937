/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/report.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "actors/reporter_msg.h"
#include "actors/troupe.h"

#define reporter_MAGIC UINT32_C(0x5245504f)

enum { MAILBOX_CAP = 16 };

/* ---- on the core ---- */

struct reporter {
    uint32_t magic;
    struct rt_core *core;
};

static struct report_kind *kind_of(struct report_core *into, const char *name)
{
    for (unsigned i = 0; i < into->kinds_count; i++) {
        if (strcmp(into->kinds[i].name, name) == 0) {
            return &into->kinds[i];
        }
    }
    if (into->kinds_count == REPORT_KINDS_MAX) {
        return NULL;
    }
    struct report_kind *kind = &into->kinds[into->kinds_count++];
    *kind = (struct report_kind){.name = name};
    return kind;
}

static void add_actor(const struct rt_actor_info *info, void *arg)
{
    struct report_kind *kind = kind_of(arg, info->name);

    if (kind == NULL) {
        return;
    }
    kind->count++;
    kind->mailbox_count += info->mailbox_count;
    kind->messages += info->messages;
    kind->turns += info->turns;
    kind->turn_ns_total += info->turn_ns_total;
    kind->restarts += info->restarts;
    if (info->mailbox_high > kind->mailbox_high) {
        kind->mailbox_high = info->mailbox_high;
    }
    if (info->turn_ns_max > kind->turn_ns_max) {
        kind->turn_ns_max = info->turn_ns_max;
    }
}

static void look(struct rt_core *core, struct report_core *into)
{
    into->kinds_count = 0;
    rt_core_actors(core, add_actor, into);
    into->trace = *rt_core_trace(core);
    memcpy(into->events, into->trace.events, sizeof(into->events));
    into->trace.events = into->events;
    /* Pairs with the acquire in all_filled: who sees true sees what was copied. */
    atomic_store_explicit(&into->is_filled, true, memory_order_release);
}

static rt_status reporter_start(struct rt_ctx *ctx, void *state, const void *args)
{
    struct reporter *self = state;

    (void)ctx;
    self->magic = reporter_MAGIC;
    self->core = (struct rt_core *)(uintptr_t)args;
    return RT_OK;
}

static void reporter_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct reporter *self = rt_cast(reporter, state);

    (void)ctx;
    switch ((enum reporter_msg_type)msg->type) {
    case REPORTER_LOOK:
        look(self->core, ((struct reporter_look *)(void *)msg)->into);
        return;
    case REPORTER_INVALID:
        break;
    }
    RT_UNREACHABLE("message type outside REPORTER_MESSAGES");
}

static const char *reporter_msg_name(uint16_t type)
{
    return type == REPORTER_LOOK ? "REPORTER_LOOK" : "?";
}

const struct rt_actor_type reporter_type = {
    .name = "reporter",
    .state_size = sizeof(struct reporter),
    .actors_max = 1,
    .mailbox_cap = MAILBOX_CAP,
    .restart = RT_RESTART_ALWAYS,
    .msg_name = reporter_msg_name,
    .start = reporter_start,
    .receive = reporter_receive,
};

/* ---- on the asking thread ---- */

rt_status report_open(struct report **out, unsigned cores_count)
{
    struct report *report = calloc(1, sizeof(*report) + cores_count * sizeof(report->cores[0]));

    if (report == NULL) {
        return RT_NO_MEMORY;
    }
    report->cores_count = cores_count;
    *out = report;
    return RT_OK;
}

void report_close(struct report *report)
{
    free(report);
}

/* A core that did not answer last time may still write: it is not asked again before it has. */
static void ask(struct report *report, struct troupe *troupe, unsigned index)
{
    struct report_core *into = &report->cores[index];
    struct reporter_look msg = {.head = RT_MSG_INIT(REPORTER_LOOK, struct reporter_look),
                                .into = into};

    if (into->is_asked && !atomic_load_explicit(&into->is_filled, memory_order_acquire)) {
        return;
    }
    atomic_store_explicit(&into->is_filled, false, memory_order_relaxed);
    into->is_asked = rt_core_inject(rt_machine_core(troupe_machine(troupe), index),
                                    troupe_reporter(troupe, index), &msg.head) == RT_OK;
}

static bool is_filled(const struct report_core *core)
{
    return core->is_asked && atomic_load_explicit(&core->is_filled, memory_order_acquire);
}

void report_collect(struct report *report, struct troupe *troupe, unsigned wait_ms)
{
    const struct timespec pause = {.tv_nsec = 1000 * 1000};

    for (unsigned i = 0; i < report->cores_count; i++) {
        ask(report, troupe, i);
    }
    for (unsigned ms = 0; ms < wait_ms; ms++) {
        unsigned filled = 0;
        for (unsigned i = 0; i < report->cores_count; i++) {
            filled += is_filled(&report->cores[i]) ? 1 : 0;
        }
        if (filled == report->cores_count) {
            return;
        }
        nanosleep(&pause, NULL);
    }
}

void report_write_actors(const struct report *report, FILE *out)
{
    fprintf(out, "%-5s %-14s %7s %12s %12s %10s %10s %6s %8s %8s\n", "core", "actor", "alive",
            "messages", "turns", "mean us", "max us", "mail", "mail max", "restarts");
    for (unsigned c = 0; c < report->cores_count; c++) {
        const struct report_core *core = &report->cores[c];
        if (!is_filled(core)) {
            fprintf(out, "%-5u (busy: gave no answer in time)\n", c);
            continue;
        }
        for (unsigned k = 0; k < core->kinds_count; k++) {
            const struct report_kind *kind = &core->kinds[k];
            double mean_us =
                kind->turns > 0 ? (double)kind->turn_ns_total / 1e3 / (double)kind->turns : 0;
            fprintf(out,
                    "%-5u %-14s %7" PRIu32 " %12" PRIu64 " %12" PRIu64 " %10.1f %10.1f %6" PRIu32
                    " %8" PRIu32 " %8" PRIu64 "\n",
                    c, kind->name, kind->count, kind->messages, kind->turns, mean_us,
                    (double)kind->turn_ns_max / 1e3, kind->mailbox_count, kind->mailbox_high,
                    kind->restarts);
        }
    }
}

static void write_row(struct troupe *troupe, FILE *out, const char *name, size_t offset)
{
    unsigned workers = troupe_cast(troupe)->workers_count;
    uint64_t total = 0, values[WORKERS_MAX];

    for (unsigned i = 0; i < workers; i++) {
        const struct services *services = troupe_services(troupe, i);
        const _Atomic uint64_t *value =
            (const _Atomic uint64_t *)(const void *)((const char *)&services->counters + offset);
        values[i] = atomic_load_explicit(value, memory_order_relaxed);
        total += values[i];
    }
    fprintf(out, "%-22s %12" PRIu64, name, total);
    for (unsigned i = 0; i < workers; i++) {
        fprintf(out, " %12" PRIu64, values[i]);
    }
    fputc('\n', out);
}

void report_write_counters(struct troupe *troupe, FILE *out)
{
    fprintf(out, "%-22s %12s", "counter", "total");
    for (unsigned i = 0; i < troupe_cast(troupe)->workers_count; i++) {
        fprintf(out, "       core %u", i);
    }
    fputc('\n', out);
#define X(name) write_row(troupe, out, #name, offsetof(struct service_counters, name));
    SERVICE_COUNTERS(X)
#undef X
}

/* Never through a link that somebody else has put there (security.md J4): a new file or none. */
static FILE *create(const char *path)
{
    (void)unlink(path); /* What a writer that was killed has left. */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (out == NULL && fd >= 0) {
        close(fd);
    }
    return out;
}

rt_status report_write_trace(const struct report *report, const char *path)
{
    char temporary[LU_PATH_BYTES];

    snprintf(temporary, sizeof(temporary), "%s.new", path);
    FILE *out = create(temporary);
    if (out == NULL) {
        return errno == ENOSPC ? RT_NO_SPACE : RT_DENIED;
    }
    fputs("[\n", out);
    for (unsigned i = 0; i < report->cores_count; i++) {
        if (is_filled(&report->cores[i])) {
            rt_trace_write_events(&report->cores[i].trace, out);
        }
    }
    /* Every event ends with a comma: something must follow. */
    fprintf(out, "{\"name\":\"cores\",\"ph\":\"M\",\"pid\":0,\"args\":{\"count\":%u}}\n]\n",
            report->cores_count);
    bool is_written = ferror(out) == 0;
    if (fclose(out) != 0 || !is_written || rename(temporary, path) != 0) {
        unlink(temporary);
        return RT_NO_SPACE;
    }
    return RT_OK;
}
