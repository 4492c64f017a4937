/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/bind.h"
#include "actors/daemon_parts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "actors/notify.h"
#include "actors/report.h"
#include "actors/threads.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"
#include "runtime/io_uring.h"
#include "runtime/panic.h"

enum {
    DRAIN_MS_MAX = 900, /* the supervisor ends it after 800; then without its word */
    EXIT_REPORT_MS = 50,
};

/* ---- callbacks of the troupe ---- */

static struct rt_io *on_io_open(void *arg, struct rt_core *core, unsigned core_index,
                                rt_status *why)
{
    struct rt_io *io = NULL;

    (void)arg;
    *why = rt_io_uring_open(&io, core, core_index, NULL);
    return *why == RT_OK ? io : NULL;
}

static int on_listen_fd(void *arg, unsigned core_index, unsigned listen_index, bool is_tcp)
{
    struct daemon *daemon = arg;
    return bind_take(daemon->bind, core_index, &daemon->settings.listens[listen_index].addr,
                     is_tcp);
}

static void raise_event(struct daemon *daemon)
{
    const uint64_t one = 1;
    if (write(daemon->event_fd, &one, sizeof(one)) < 0) {
        rt_log(RT_LOG_CRIT, "system", "the main thread cannot be told: %s", strerror(errno));
    }
}

static void on_ready(void *arg, rt_status status)
{
    struct daemon *daemon = arg;
    atomic_store(&daemon->ready_status, (int)status);
    raise_event(daemon);
}

static void on_drained(void *arg)
{
    struct daemon *daemon = arg;
    atomic_store(&daemon->is_drained, true);
    raise_event(daemon);
}

static bool open_troupe(struct daemon *daemon)
{
    const struct troupe_options options = {
        .settings = &daemon->settings,
        .cache = daemon->has_open_cache ? &daemon->cache : NULL,
        .io_open = on_io_open,
        .listen_fd = on_listen_fd,
        .on_ready = on_ready,
        .on_drained = on_drained,
        .arg = daemon,
    };
    char why[512];

    if (rt_io_uring_check(why, sizeof(why)) != RT_OK) {
        fprintf(stderr, "trouped: %s\n", why);
        return false;
    }
    rt_status status = troupe_open(&daemon->troupe, &options);
    if (status == RT_OK) {
        status = report_open(&daemon->report, daemon->settings.workers_count + 1);
    }
    if (status != RT_OK) {
        fprintf(stderr, "trouped: cannot set up the cores: %s; try fewer of them with -f\n",
                rt_status_text(status));
    }
    return status == RT_OK;
}

/* ---- signals ---- */

static void log_text(char *text)
{
    char *rest;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        rt_log(RT_LOG_NOTICE, "report", "%s", line);
    }
}

static void log_report(struct daemon *daemon, unsigned wait_ms)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (out == NULL) {
        return;
    }
    report_collect(daemon->report, daemon->troupe, wait_ms);
    report_write_counters(daemon->troupe, out);
    report_write_actors(daemon->report, out);
    fclose(out);
    log_text(text);
    free(text);
}

static void write_trace(struct daemon *daemon)
{
    report_collect(daemon->report, daemon->troupe, REPORT_WAIT_MS);
    rt_status status = report_write_trace(daemon->report, "trace.json");
    if (status == RT_OK) {
        rt_log(RT_LOG_NOTICE, "trace", "wrote trace.json; open it in chrome://tracing or Perfetto");
    } else {
        rt_log(RT_LOG_ERR, "trace", "cannot write trace.json: %s", rt_status_text(status));
    }
}

static void log_ready(const struct daemon *daemon)
{
    const struct lu_settings *settings = &daemon->settings;
    char list[RT_LOG_LINE_BYTES - 64] = "nothing", addr[RT_ADDR_TEXT_BYTES];
    size_t used = 0;

    for (unsigned i = 0; i < settings->listens_count && used < sizeof(list); i++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "",
                                 rt_addr_format(&settings->listens[i].addr, addr));
    }
    rt_log(RT_LOG_NOTICE, "system", "ready: %u core%s, listening on %s", settings->workers_count,
           settings->workers_count == 1 ? "" : "s", list);
}

/* False: troupe cannot serve. */
static bool look_ready(struct daemon *daemon)
{
    int status = atomic_load(&daemon->ready_status);

    if (daemon->is_ready || status == DAEMON_NOT_READY) {
        return true;
    }
    if (status != RT_OK) {
        rt_log(RT_LOG_CRIT, "system", "not every listener could be opened (%s); see above",
               rt_status_text((rt_status)status));
        return false;
    }
    daemon->is_ready = true;
    log_ready(daemon);
    notify_send("READY=1");
    return true;
}

/* True: stop. */
static bool on_signal(struct daemon *daemon, int number)
{
    switch (number) {
    case SIGUSR1:
        write_trace(daemon);
        return false;
    case SIGUSR2:
        log_report(daemon, REPORT_WAIT_MS);
        return false;
    default:
        rt_log(RT_LOG_NOTICE, "system", "stopping on %s", strsignal(number));
        return true;
    }
}

/* Waits up to `ms` (-1: for ever) for a signal (its number) or an event (0). */
static int wait_event(const struct daemon *daemon, int signal_fd, int ms)
{
    struct pollfd fds[] = {{.fd = signal_fd, .events = POLLIN},
                           {.fd = daemon->event_fd, .events = POLLIN}};
    struct signalfd_siginfo info;
    uint64_t count;

    if (poll(fds, RT_ARRAY_COUNT(fds), ms) <= 0) {
        return 0;
    }
    if ((fds[1].revents & POLLIN) != 0 && read(daemon->event_fd, &count, sizeof(count)) < 0) {
        return 0;
    }
    if ((fds[0].revents & POLLIN) != 0 && read(signal_fd, &info, sizeof(info)) == sizeof(info)) {
        return (int)info.ssi_signo;
    }
    return 0;
}

/* The main thread has time for what would stop a core. False: nothing is left to do. */
static bool populate_some(struct daemon *daemon)
{
    while (daemon->populated_cores < daemon->settings.workers_count) {
        const struct services *services = troupe_services(daemon->troupe, daemon->populated_cores);
        if (rs_answers_populate(services->answers, &daemon->populated_bytes)) {
            return true;
        }
        daemon->populated_cores++;
        daemon->populated_bytes = 0;
    }
    return false;
}

static bool serve(struct daemon *daemon, int signal_fd)
{
    for (;;) {
        int number = wait_event(daemon, signal_fd, populate_some(daemon) ? 0 : -1);
        if (!look_ready(daemon)) {
            return false;
        }
        if (number != 0 && on_signal(daemon, number)) {
            return true;
        }
    }
}

static void drain(struct daemon *daemon, int signal_fd)
{
    uint64_t end_ns = daemon_clock_ns(CLOCK_MONOTONIC) + DRAIN_MS_MAX * RT_NS_PER_MS;

    notify_send("STOPPING=1");
    troupe_stop(daemon->troupe);
    while (!atomic_load(&daemon->is_drained)) {
        uint64_t now_ns = daemon_clock_ns(CLOCK_MONOTONIC);
        if (now_ns >= end_ns) {
            rt_log(RT_LOG_WARNING, "system",
                   "the control core does not answer: stopping without it");
            return;
        }
        wait_event(daemon, signal_fd, (int)((end_ns - now_ns) / RT_NS_PER_MS) + 1);
    }
}

/* ---- life ---- */

static int open_signals(void)
{
    sigset_t signals;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* inherited by all threads */
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Sockets of many cores and clients; the default of 1024 is for other programs. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int run_cores(struct daemon *daemon, int signal_fd)
{
    rt_status status = threads_start(&daemon->threads, troupe_machine(daemon->troupe),
                                     daemon->settings.workers_count);
    if (status != RT_OK) {
        fprintf(stderr, "trouped: cannot start threads: %s; try fewer cores with -f\n",
                rt_status_text(status));
        return EXIT_FAILURE;
    }
    bool is_good = serve(daemon, signal_fd);
    if (is_good) {
        drain(daemon, signal_fd);
        log_report(daemon, EXIT_REPORT_MS);
    }
    threads_stop(daemon->threads);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void close_all(struct daemon *daemon)
{
    if (daemon->troupe != NULL) {
        troupe_close(daemon->troupe);
    }
    report_close(daemon->report);
    if (daemon->has_open_cache) {
        rs_cache_close(&daemon->cache);
    }
    if (daemon->vm != NULL) {
        lu_close(daemon->vm);
    }
    if (daemon->bind != NULL) {
        bind_close(daemon->bind);
    }
    free(daemon);
}

int daemon_run(const struct daemon_options *options)
{
    struct daemon *daemon = calloc(1, sizeof(*daemon));
    int exit_code = EXIT_FAILURE;

    if (daemon == NULL) {
        return EXIT_FAILURE;
    }
    daemon->options = options;
    atomic_store(&daemon->ready_status, DAEMON_NOT_READY);
    rt_panic_install();
    raise_file_limit();
    int signal_fd = open_signals();
    daemon->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signal_fd >= 0 && daemon->event_fd >= 0 && daemon_configure(daemon) &&
        daemon_open_cache(daemon) && open_troupe(daemon)) {
        exit_code = run_cores(daemon, signal_fd);
    }
    close(signal_fd);
    close(daemon->event_fd);
    close_all(daemon);
    return exit_code;
}
