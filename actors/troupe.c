/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/troupe.h"

#include <stdlib.h>
#include <string.h>

#include "actors/cache.h"
#include "actors/desk.h"
#include "actors/listener_tcp.h"
#include "actors/listener_udp.h"
#include "actors/priming.h"
#include "actors/query.h"
#include "actors/report.h"
#include "actors/supervisor.h"
#include "actors/supervisor_msg.h"
#include "actors/upstream.h"
#include "runtime/base/log.h"

#define troupe_MAGIC UINT32_C(0x54524f55)

/* What each core gets. Pages of a pool are touched when first used, so these bound memory under a
 * flood rather than set what an idle troupe takes. */
struct sizes {
    struct rt_buf_pool_options bufs;
    uint32_t arena_small, arena_large;
    uint32_t msgs, timers; /* 0: runtime/limits.h */
    uint64_t turn_bytes;   /* of the scratch arena */
};

/* Large: two chunks of 16 KiB for each of 16,384 queries (512 MiB), a parsed message of full size
 * for one in sixteen; a datagram or an ask for each query and each answer on its way. */
static const struct sizes sizes_large = {
    .bufs = {.small_count = 49152, .large_count = 2048, .huge_count = 512},
    .arena_small = 32768,
    .arena_large = 1024,
    .turn_bytes = 4 << 20,
};

/* For a simulation of some hundred clients. */
static const struct sizes sizes_small = {
    .bufs = {.small_count = 4096, .large_count = 128, .huge_count = 64},
    .arena_small = 2048,
    .arena_large = 64,
    .msgs = 8192,
    .timers = 8192,
    .turn_bytes = 1 << 20,
};

struct troupe {
    uint32_t magic;
    struct troupe_options options;
    struct rt_machine *machine;
    unsigned cores_count; /* workers and the control core */
    struct cast cast;
    struct services *services;          /* one for each core */
    struct listener_udp_args *udp_args; /* [worker * listens_count + listen] */
    struct listener_tcp_args *tcp_args;
    rt_ref *tcp; /* those that listen */
    struct cache_args cache_args[RS_SHARDS_MAX];
    struct supervisor_args supervisor_args;
    struct supervisor_memory supervisor_memory;
    rt_ref reporter[RT_CORES_MAX];
};

/* ---- services ---- */

/* Snapshots of the cache and scratch memory live for one loop turn. */
static void at_turn_end(void *arg)
{
    struct services *services = arg;

    rs_cache_view_release(&services->view);
    rt_arena_reset(&services->turn);
}

static rt_status open_services(struct troupe *troupe, unsigned index, const struct sizes *sizes)
{
    const struct lu_settings *settings = troupe->options.settings;
    struct services *services = &troupe->services[index];
    struct rt_core *core = rt_machine_core(troupe->machine, index);
    bool is_worker = index < troupe->cast.workers_count;

    services->settings = settings;
    services->cast = &troupe->cast;
    services->worker = index;
    services->roots = settings->resolver.hints;
    rt_arena_init(&services->turn, rt_core_arenas(core), sizes->turn_bytes);
    rt_core_at_turn_end(core, at_turn_end, services);
    if (!is_worker) {
        return RT_OK; /* The control core answers no clients: an empty view reads nothing. */
    }
    rt_status status = rs_cache_view_open(&services->view, troupe->options.cache);
    if (status != RT_OK) {
        return status;
    }
    services->view.config = &settings->resolver;
    struct rt_siphash_key key;
    struct rt_io *io = rt_core_io(core);
    io->ops->random(io, &key, sizeof(key));
    return rs_answers_open(&services->answers, settings->answer_cache_bytes, &key);
}

static void close_services(struct troupe *troupe)
{
    for (unsigned i = 0; troupe->services != NULL && i < troupe->cores_count; i++) {
        struct services *services = &troupe->services[i];
        if (services->view.cache != NULL) {
            rs_cache_view_close(&services->view);
        }
        if (services->answers != NULL) {
            rs_answers_close(services->answers);
        }
    }
}

/* ---- the cast ---- */

static rt_status cast_listeners(struct troupe *troupe, unsigned worker)
{
    const struct lu_settings *settings = troupe->options.settings;
    const struct troupe_options *options = &troupe->options;
    struct rt_core *core = rt_machine_core(troupe->machine, worker);
    rt_ref parent = troupe->cast.supervisor, ref;
    rt_status status = RT_OK;

    for (unsigned i = 0; i < settings->listens_count && status == RT_OK; i++) {
        const struct lu_listen *listen = &settings->listens[i];
        unsigned at = worker * settings->listens_count + i;
        if (listen->udp) {
            int fd = options->listen_fd == NULL
                         ? -1
                         : options->listen_fd(options->arg, worker, i, false);
            troupe->udp_args[at] =
                (struct listener_udp_args){.listen_index = i, .listen = listen, .adopt_fd = fd};
            status = rt_core_cast(core, &listener_udp_type, &troupe->udp_args[at], parent, &ref);
            troupe->supervisor_args.udp_count++;
        }
        if (listen->tcp && status == RT_OK) {
            int fd =
                options->listen_fd == NULL ? -1 : options->listen_fd(options->arg, worker, i, true);
            troupe->tcp_args[at] =
                (struct listener_tcp_args){.listen_index = i, .listen = listen, .adopt_fd = fd};
            status = rt_core_cast(core, &listener_tcp_type, &troupe->tcp_args[at], parent, &ref);
            troupe->tcp[troupe->supervisor_args.tcp_count++] = ref;
        }
    }
    return status;
}

static rt_status cast_worker(struct troupe *troupe, unsigned worker)
{
    struct rt_core *core = rt_machine_core(troupe->machine, worker);
    struct cast *cast = &troupe->cast;
    rt_ref parent = cast->supervisor;

    rt_status status = rt_core_prepare(core, &query_type);
    if (status == RT_OK) {
        status = rt_core_cast(core, &upstream_type, NULL, parent, &cast->upstream[worker]);
    }
    if (status == RT_OK) {
        status = rt_core_cast(core, &desk_type, NULL, parent, &cast->desk[worker]);
    }
    for (unsigned s = worker; s < cast->shards_count && status == RT_OK; s += cast->workers_count) {
        troupe->cache_args[s] = (struct cache_args){.cache = troupe->options.cache, .shard = s};
        status = rt_core_cast(core, &cache_type, &troupe->cache_args[s], parent, &cast->cache[s]);
    }
    if (status == RT_OK) {
        status = cast_listeners(troupe, worker);
    }
    return status;
}

static rt_status cast_control(struct troupe *troupe)
{
    const struct troupe_options *options = &troupe->options;
    struct rt_core *core = rt_machine_core(troupe->machine, troupe->cast.workers_count);

    troupe->supervisor_args = (struct supervisor_args){
        .cast = &troupe->cast,
        .tcp = troupe->tcp,
        .memory = &troupe->supervisor_memory,
        .on_ready = options->on_ready,
        .on_drained = options->on_drained,
        .arg = options->arg,
    };
    return rt_core_cast(core, &supervisor_type, &troupe->supervisor_args, RT_REF_NONE,
                        &troupe->cast.supervisor);
}

/* The supervisor first: it is everybody's parent. Priming last: it needs them all. */
static rt_status cast_all(struct troupe *troupe)
{
    unsigned workers = troupe->cast.workers_count;
    rt_status status = cast_control(troupe);
    rt_ref ref;

    for (unsigned i = 0; i < workers && status == RT_OK; i++) {
        status = cast_worker(troupe, i);
    }
    for (unsigned i = 0; i < troupe->cores_count && status == RT_OK; i++) {
        struct rt_core *core = rt_machine_core(troupe->machine, i);
        status =
            rt_core_cast(core, &reporter_type, core, troupe->cast.supervisor, &troupe->reporter[i]);
    }
    if (status == RT_OK && troupe->options.settings->resolver.prime) {
        struct rt_core *core = rt_machine_core(troupe->machine, workers);
        status = rt_core_cast(core, &priming_type, NULL, troupe->cast.supervisor, &ref);
    }
    return status;
}

/* ---- life ---- */

static rt_status open_machine(struct troupe *troupe, const struct sizes *sizes)
{
    const struct rt_machine_options options = {
        .cores_count = troupe->cores_count,
        .bufs = sizes->bufs,
        .arena_small_count = sizes->arena_small,
        .arena_large_count = sizes->arena_large,
        .msgs_per_core = sizes->msgs,
        .timers_per_core = sizes->timers,
    };
    rt_status status = rt_machine_open(&troupe->machine, &options);

    for (unsigned i = 0; i < troupe->cores_count && status == RT_OK; i++) {
        struct rt_core *core = rt_machine_core(troupe->machine, i);
        struct rt_io *io = troupe->options.io_open(troupe->options.arg, core, i, &status);
        if (io == NULL) {
            RT_CHECK(status != RT_OK);
            return status;
        }
        rt_core_attach(core, io, &troupe->services[i]);
    }
    return status;
}

static rt_status open_memory(struct troupe *troupe)
{
    size_t listeners =
        (size_t)troupe->options.settings->workers_count * troupe->options.settings->listens_count;

    listeners = listeners > 0 ? listeners : 1; /* calloc(0) may be NULL */
    troupe->services = calloc(troupe->cores_count, sizeof(troupe->services[0]));
    troupe->udp_args = calloc(listeners, sizeof(troupe->udp_args[0]));
    troupe->tcp_args = calloc(listeners, sizeof(troupe->tcp_args[0]));
    troupe->tcp = calloc(listeners, sizeof(troupe->tcp[0]));
    bool is_complete = troupe->services != NULL && troupe->udp_args != NULL &&
                       troupe->tcp_args != NULL && troupe->tcp != NULL;
    return is_complete ? RT_OK : RT_NO_MEMORY;
}

static void draw_home_key(struct troupe *troupe)
{
    struct rt_io *io = rt_core_io(rt_machine_core(troupe->machine, 0));
    io->ops->random(io, &troupe->cast.home_key, sizeof(troupe->cast.home_key));
}

rt_status troupe_open(struct troupe **out, const struct troupe_options *options)
{
    const struct sizes *sizes = options->is_small ? &sizes_small : &sizes_large;
    struct troupe *troupe = calloc(1, sizeof(*troupe));

    RT_CHECK(options->settings->workers_count >= 1 &&
             options->settings->workers_count <= WORKERS_MAX);
    if (troupe == NULL) {
        return RT_NO_MEMORY;
    }
    troupe->magic = troupe_MAGIC;
    troupe->options = *options;
    troupe->cast.workers_count = options->settings->workers_count;
    troupe->cast.shards_count = options->cache != NULL ? options->cache->shards_count : 0;
    troupe->cores_count = troupe->cast.workers_count + 1;

    rt_status status = open_memory(troupe);
    if (status == RT_OK) {
        status = open_machine(troupe, sizes);
    }
    if (status == RT_OK) {
        draw_home_key(troupe);
    }
    for (unsigned i = 0; i < troupe->cores_count && status == RT_OK; i++) {
        status = open_services(troupe, i, sizes);
    }
    if (status == RT_OK) {
        status = cast_all(troupe);
    }
    if (status != RT_OK) {
        troupe_close(troupe);
        return status;
    }
    *out = troupe;
    return RT_OK;
}

void troupe_close(struct troupe *troupe)
{
    RT_CHECK(troupe->magic == troupe_MAGIC);
    if (troupe->machine != NULL) {
        rt_machine_close(troupe->machine); /* Actors stop here, and may use their services. */
    }
    close_services(troupe);
    free(troupe->services);
    free(troupe->udp_args);
    free(troupe->tcp_args);
    free(troupe->tcp);
    free(troupe);
}

struct rt_machine *troupe_machine(struct troupe *troupe)
{
    return troupe->machine;
}

const struct cast *troupe_cast(const struct troupe *troupe)
{
    return &troupe->cast;
}

struct services *troupe_services(struct troupe *troupe, unsigned core_index)
{
    RT_CHECK(core_index < troupe->cores_count);
    return &troupe->services[core_index];
}

rt_ref troupe_reporter(const struct troupe *troupe, unsigned core_index)
{
    RT_CHECK(core_index < troupe->cores_count);
    return troupe->reporter[core_index];
}

void troupe_stop(struct troupe *troupe)
{
    struct rt_core *core = rt_machine_core(troupe->machine, troupe->cast.workers_count);
    struct rt_msg stop = RT_MSG_INIT(SUPERVISOR_STOP, struct rt_msg);

    if (rt_core_inject(core, troupe->cast.supervisor, &stop) != RT_OK) {
        /* The injection slots are full of earlier requests: one of them may be this. */
        rt_log(RT_LOG_WARNING, "system", "the supervisor is busy; ask again");
    }
}
