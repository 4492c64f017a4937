/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/bind.h"
#include "actors/daemon_parts.h"
#include "actors/threads.h"
#include "runtime/base/clock.h"
#include "runtime/base/log.h"

/* From the command line to frozen settings (modules.md 27.1). */

enum { CACHE_BYTES_MIN = 1 << 20 }; /* less than LMDB needs for its own pages in all shards */

static rt_status on_listen(void *arg, const struct lu_listen *listen)
{
    return bind_add(((struct daemon *)arg)->bind, listen);
}

static void on_forget(void *arg, const struct lu_listen *listen)
{
    bind_forget(((struct daemon *)arg)->bind, listen);
}

static bool enter_rundir(const char *rundir)
{
    if (rundir == NULL) {
        rundir = ".";
    }
    if (chdir(rundir) != 0 || access(".", W_OK | X_OK) != 0) {
        fprintf(stderr, "trouped: %s: %s; give a folder that troupe may write to\n", rundir,
                strerror(errno));
        return false;
    }
    return true;
}

/* Addresses of the command line come before those of the file. */
static bool bind_command_line(struct daemon *daemon)
{
    struct lu_settings *settings = &daemon->settings;

    for (unsigned i = 0; i < daemon->options->listens_count; i++) {
        const struct lu_listen *listen = &daemon->options->listens[i];
        rt_status status = bind_add(daemon->bind, listen);
        if (status != RT_OK) {
            char text[RT_ADDR_TEXT_BYTES];
            fprintf(stderr, "trouped: -a %s: %s; choose another address or port\n",
                    rt_addr_format(&listen->addr, text), rt_status_text(status));
            return false;
        }
        settings->listens[settings->listens_count++] = *listen;
    }
    return true;
}

static bool run_file(struct daemon *daemon)
{
    const struct daemon_options *options = daemon->options;
    char error[LU_ERROR_BYTES];
    const char *path = options->config_path;

    if (path == NULL && access("config", R_OK) == 0) {
        path = "config";
    }
    if (path != NULL && lu_run_file(daemon->vm, path, error) != RT_OK) {
        fprintf(stderr, "%s\n", error);
        return false;
    }
    if (lu_defaults(daemon->vm, error) != RT_OK) {
        fprintf(stderr, "%s\n", error);
        return false;
    }
    return true;
}

static bool draw(void *out, size_t size)
{
    if (getrandom(out, size, 0) != (ssize_t)size) {
        fprintf(stderr, "trouped: the system gives no random numbers: %s\n", strerror(errno));
        return false;
    }
    return true;
}

bool daemon_configure(struct daemon *daemon)
{
    struct lu_settings *settings = &daemon->settings;
    unsigned workers = daemon->options->workers_count;
    const struct lu_options lua = {
        .settings = settings,
        .listen_probe = on_listen,
        .listen_forget = on_forget,
        .arg = daemon,
        .rundir = ".",
    };

    if (workers == 0) {
        workers = threads_cpus() < WORKERS_MAX ? threads_cpus() : WORKERS_MAX;
    }
    lu_settings_init(settings, workers);
    settings->verbose = daemon->options->is_verbose;
    rt_log_level_set(settings->verbose ? RT_LOG_DEBUG : RT_LOG_NOTICE);
    if (bind_open(&daemon->bind, workers) != RT_OK || lu_open(&daemon->vm, &lua) != RT_OK) {
        fprintf(stderr, "trouped: %s\n", rt_status_text(RT_NO_MEMORY));
        return false;
    }
    struct rt_siphash_key *secret = &settings->resolver.cookie_secret;
    return draw(secret, sizeof(*secret)) && bind_command_line(daemon) &&
           enter_rundir(daemon->options->rundir) &&
           (daemon->options->has_no_config || run_file(daemon));
}

/* ---- the world ---- */

uint64_t daemon_clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * RT_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* As many shards as cores, rounded up to a power of two. */
static unsigned shards_wanted(unsigned workers)
{
    unsigned shards = 1;
    while (shards < workers && shards < RS_SHARDS_MAX) {
        shards *= 2;
    }
    return shards;
}

bool daemon_open_cache(struct daemon *daemon)
{
    const struct lu_settings *settings = &daemon->settings;
    const char *path = settings->cache_path;
    struct rt_siphash_key random;
    uint64_t bytes =
        settings->cache_bytes > CACHE_BYTES_MIN ? settings->cache_bytes : CACHE_BYTES_MIN;

    if (!settings->has_cache) {
        return true;
    }
    if (mkdir(path, 0750) != 0 && errno != EEXIST) {
        fprintf(stderr, "trouped: cache.storage: cannot make the folder '%s': %s; choose another\n",
                path, strerror(errno));
        return false;
    }
    if (!draw(&random, sizeof(random))) {
        return false;
    }
    rt_status status = rs_cache_open(
        &daemon->cache, path, bytes, shards_wanted(settings->workers_count), &random,
        daemon_clock_ns(CLOCK_REALTIME) / RT_NS_PER_MS, daemon_clock_ns(CLOCK_MONOTONIC));
    if (status != RT_OK) {
        fprintf(stderr, "trouped: cache.storage: can't open cache path '%s': %s; %s\n", path,
                rt_status_text(status),
                status == RT_IN_USE ? "stop the other troupe, or give each a folder of its own"
                                    : "check the folder's owner and the room on its disk");
        return false;
    }
    daemon->has_open_cache = true;
    return true;
}
