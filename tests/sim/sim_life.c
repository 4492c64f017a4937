/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/trace.h"
#include "tests/sim/sim_private.h"

/* The resolver's life: settings, cores, store; start, kill, stop. */

enum { START_MS = 5000, CACHE_BYTES = 8 << 20, ANSWER_CACHE_BYTES = 256 << 10 };

struct rt_addr sim_resolver_addr(const struct sim *sim, uint8_t family)
{
    struct rt_addr addr;

    (void)sim;
    RT_CHECK(rt_addr_parse(family == 4 ? "198.18.0.53" : "fd53::53", 53, &addr) == RT_OK);
    return addr;
}

static struct rt_addr source_of(const struct sim *sim, uint8_t family, bool is_missing)
{
    struct rt_addr addr = sim_resolver_addr(sim, family);

    addr.port = 0;
    return is_missing ? (struct rt_addr){0} : addr;
}

static void listen_at(struct sim *sim, uint8_t family)
{
    struct lu_listen *listen = &sim->settings.listens[sim->settings.listens_count++];

    listen->addr = sim_resolver_addr(sim, family);
    listen->udp = listen->tcp = true;
    sim_net_claim(sim->net, &listen->addr, SIM_SIDE_RESOLVER);
}

/* Settings before anybody changes them, and the store that outlives each life. */
void sim_resolver_open(struct sim *sim)
{
    struct lu_settings *settings = &sim->settings;
    struct rt_prng prng;

    lu_settings_init(settings, sim->workers);
    settings->has_cache = !sim->options.has_no_cache;
    settings->answer_cache_bytes = ANSWER_CACHE_BYTES;
    settings->resolver.prime = sim->options.is_priming;
    settings->resolver.use_ipv4 = !sim->options.has_no_ipv4;
    settings->resolver.use_ipv6 = !sim->options.has_no_ipv6;
    rt_prng_init(&prng, sim->options.seed ^ UINT64_C(0x7365637265740000));
    for (unsigned i = 0; i < sizeof(settings->resolver.cookie_secret.bytes); i++) {
        settings->resolver.cookie_secret.bytes[i] = (uint8_t)rt_prng_next(&prng);
        sim->cache.key.bytes[i] = (uint8_t)rt_prng_next(&prng);
    }
    listen_at(sim, 4);
    listen_at(sim, 6);
    sim->cache.shards_count = sim->options.shards != 0 ? sim->options.shards : 1;
    while (sim->options.shards == 0 && sim->cache.shards_count < sim->workers) {
        sim->cache.shards_count *= 2;
    }
    for (unsigned i = 0; !sim->options.has_no_cache && i < sim->cache.shards_count; i++) {
        sim->images[i] = rs_store_image_new();
        RT_CHECK(sim->images[i] != NULL);
    }
}

/* The memory store allocates as it grows, which LMDB's map does not: not the resolver's doing. */
static const struct rs_store_ops *store_ops;

static rt_status store_put(struct rs_store *store, struct rs_bytes key, struct rs_bytes value)
{
    sim_io_outside++;
    rt_status status = store_ops->put(store, key, value);
    sim_io_outside--;
    return status;
}

static rt_status store_del(struct rs_store *store, struct rs_bytes key)
{
    sim_io_outside++;
    rt_status status = store_ops->del(store, key);
    sim_io_outside--;
    return status;
}

static rt_status store_commit(struct rs_store *store)
{
    sim_io_outside++;
    rt_status status = store_ops->commit(store);
    sim_io_outside--;
    return status;
}

static void stand_before(struct rs_store *store)
{
    static struct rs_store_ops ours;

    store_ops = store->ops;
    ours = *store_ops;
    ours.put = store_put;
    ours.del = store_del;
    ours.commit = store_commit;
    store->ops = &ours;
}

static void open_store(struct sim *sim)
{
    uint64_t bytes = sim->options.cache_bytes != 0 ? sim->options.cache_bytes : CACHE_BYTES;

    for (unsigned i = 0; i < sim->cache.shards_count; i++) {
        rt_status status = rs_store_mem_open(bytes, sim->images[i], &sim->cache.shards[i]);
        RT_CHECK(status == RT_OK);
        stand_before(sim->cache.shards[i]);
    }
    sim->cache.start_wall_s = sim_net_wall_ms(sim->net) / 1000;
    sim->cache.start_ns = sim_net_now_ns(sim->net);
}

static void close_store(struct sim *sim)
{
    for (unsigned i = 0; i < sim->cache.shards_count; i++) {
        sim->cache.shards[i]->ops->close(sim->cache.shards[i]);
        sim->cache.shards[i] = NULL;
    }
}

static void tap(void *arg, unsigned core_index, const struct rt_trace_event *event)
{
    struct sim *sim = arg;

    sim_trace_mix(&sim->trace, event->at_ns ^ (uint64_t)core_index << 56);
    sim_trace_mix(&sim->trace, event->actor ^ (uint64_t)event->kind << 48);
    sim_trace_mix(&sim->trace, event->msg_type);
    if (!sim_trace_is_watched(&sim->trace)) {
        return;
    }
    char track[16], detail[128];
    const char *name = event->what != NULL ? event->what : "turn";
    if (event->kind == RT_TRACE_RECEIVE) {
        name = rt_trace_msg_name(event->type, event->msg_type);
    } else if (event->kind == RT_TRACE_TURN) {
        return; /* Turns take no virtual time: their messages say it all. */
    }
    snprintf(track, sizeof(track), "core %u", core_index);
    snprintf(detail, sizeof(detail), "%s %llx a=%llu b=%llu",
             event->type != NULL ? event->type->name : "-", (unsigned long long)event->actor,
             (unsigned long long)event->a, (unsigned long long)event->b);
    sim_trace_span(&sim->trace, track, name, event->at_ns, event->at_ns, detail);
}

static struct rt_io *io_open(void *arg, struct rt_core *core, unsigned core_index, rt_status *why)
{
    struct sim *sim = arg;

    *why = RT_OK;
    rt_core_trace_tap(core, tap, sim);
    return sim_io_open(&(struct sim_io_options){
        .net = sim->net,
        .files = sim->files,
        .core = core,
        .core_index = core_index,
        .seed = sim->options.seed ^ sim_net_now_ns(sim->net), /* another stream in each life */
        .source_v4 = source_of(sim, 4, sim->options.has_no_ipv4),
        .source_v6 = source_of(sim, 6, sim->options.has_no_ipv6),
        .open_fails_permille = sim->options.open_fails_permille,
        .wake = sim_kick,
        .arg = sim,
    });
}

static void on_ready(void *arg, rt_status status)
{
    struct sim *sim = arg;

    sim->is_ready = true;
    sim->ready_status = status;
}

static void on_drained(void *arg)
{
    ((struct sim *)arg)->is_drained = true;
}

void sim_start(struct sim *sim)
{
    if (sim->troupe != NULL) {
        return;
    }
    if (sim->options.configure != NULL) {
        sim->options.configure(sim->options.arg, &sim->settings);
    }
    if (!sim->options.has_no_cache) {
        open_store(sim);
    }
    uint16_t open_fails_permille = sim->options.open_fails_permille;
    sim->options.open_fails_permille = 0; /* Listeners must come up for there to be a test. */
    sim->is_ready = sim->is_drained = false;
    rt_status status =
        troupe_open(&sim->troupe, &(struct troupe_options){
                                      .settings = &sim->settings,
                                      .cache = sim->options.has_no_cache ? NULL : &sim->cache,
                                      .io_open = io_open,
                                      .on_ready = on_ready,
                                      .on_drained = on_drained,
                                      .arg = sim,
                                      .is_small = true,
                                  });
    RT_CHECK(status == RT_OK && sim->troupe != NULL);
    for (unsigned i = 0; i < sim->cores_count; i++) {
        sim->cores[i] = (struct sim_core_state){.is_kicked = true};
    }
    for (unsigned ms = 0; !sim->is_ready && ms < START_MS; ms++) {
        sim_run(sim, 1);
    }
    RT_CHECK(sim->is_ready && sim->ready_status == RT_OK);
    sim_open_fails(sim, open_fails_permille);
}

void sim_open_fails(struct sim *sim, uint16_t permille)
{
    sim->options.open_fails_permille = permille;
    for (unsigned i = 0; sim->troupe != NULL && i < sim->cores_count; i++) {
        sim_io_open_fails(rt_core_io(rt_machine_core(troupe_machine(sim->troupe), i)), permille);
    }
}

void sim_kill(struct sim *sim)
{
    if (sim->troupe == NULL) {
        return;
    }
    sim_trace_note(&sim->trace, sim_net_now_ns(sim->net), SIM_NOTE_FAULT, 5, 0);
    troupe_close(sim->troupe);
    sim->troupe = NULL;
    if (!sim->options.has_no_cache) {
        close_store(sim);
    }
}

bool sim_stop(struct sim *sim, unsigned ms)
{
    sim_start(sim);
    troupe_stop(sim->troupe);
    for (unsigned i = 0; i < sim->cores_count; i++) {
        sim->cores[i].is_kicked = true;
    }
    for (; !sim->is_drained && ms > 0; ms--) {
        sim_run(sim, 1);
    }
    bool is_drained = sim->is_drained;
    sim_kill(sim);
    return is_drained;
}

struct troupe *sim_troupe(struct sim *sim)
{
    return sim->troupe;
}

struct lu_settings *sim_settings(struct sim *sim)
{
    return &sim->settings;
}
