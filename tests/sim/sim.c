/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fault.h"
#include "runtime/trace.h"
#include "tests/sim/sim_private.h"

/* The driver: whose turn it is, and when. Life and death of the resolver: sim_life.c. What
 * surrounds it: sim_world.c. */

struct sim_environment sim_environment;

struct sim *sim_new(const struct sim_options *options)
{
    struct sim *sim = calloc(1, sizeof(*sim));

    RT_CHECK(sim != NULL);
    sim->options = *options;
    rt_prng_init(&sim->prng, options->seed ^ UINT64_C(0x7465737400000000));
    rt_prng_init(&sim->schedule, options->seed ^ UINT64_C(0x7363686564756c65));
    rt_prng_init(&sim->faults, options->seed ^ UINT64_C(0x6661756c74730000));
    sim->workers =
        options->cores != 0 ? options->cores : 1 + (unsigned)rt_prng_below(&sim->schedule, 3);
    sim->cores_count = sim->workers + 1;
    sim_trace_init(&sim->trace);
    if (sim_environment.trace_path != NULL) {
        if (!sim_trace_json(&sim->trace, sim_environment.trace_path)) {
            fprintf(stderr, "cannot write %s\n", sim_environment.trace_path);
            exit(2);
        }
        sim_environment.trace_path = NULL;
    }
    sim->trace.text = sim_environment.is_talking ? stderr : NULL;
    sim->net = sim_net_open(&(struct sim_net_options){
        .seed = options->seed,
        .wall_ms = options->wall_ms,
        .client = options->client,
        .upstream = options->upstream,
        .trace = &sim->trace,
    });
    sim->clients = sim_clients_open(sim->net, options->seed);
    sim->files = sim_files_new();
    sim_resolver_open(sim);
    return sim;
}

void sim_free(struct sim *sim)
{
    sim_kill(sim);
    for (unsigned i = 0; i < RS_SHARDS_MAX; i++) {
        if (sim->images[i] != NULL) {
            rs_store_image_free(sim->images[i]);
        }
    }
    sim_clients_close(sim->clients);
    sim_world_free(sim);
    sim_net_close(sim->net);
    sim_files_free(sim->files);
    sim_environment.hash =
        (sim_environment.hash ^ sim->trace.hash) * UINT64_C(0xff51afd7ed558ccd) + 1;
    sim_trace_deinit(&sim->trace);
    free(sim);
}

/* ---- one step: a loop turn of some core, or the clock ---- */

void sim_kick(void *arg, unsigned core_index)
{
    struct sim *sim = arg;

    if (core_index < sim->cores_count) {
        sim->cores[core_index].is_kicked = true;
    }
}

static struct rt_core *core_of(struct sim *sim, unsigned index)
{
    return rt_machine_core(troupe_machine(sim->troupe), index);
}

static uint64_t deadline_of(struct sim *sim, unsigned index)
{
    uint64_t deadline_ns = rt_core_next_deadline(core_of(sim, index));

    if (deadline_ns == UINT64_MAX) {
        return deadline_ns;
    }
    /* A timer has a resolution: a turn that did not fire it must not be repeated at once. */
    uint64_t soonest_ns = sim->cores[index].turn_ns + RT_NS_PER_MS;
    return deadline_ns <= sim->cores[index].turn_ns ? soonest_ns : deadline_ns;
}

static bool is_runnable(struct sim *sim, unsigned index)
{
    const struct sim_core_state *state = &sim->cores[index];
    struct rt_core *core = core_of(sim, index);
    uint64_t now_ns = sim_net_now_ns(sim->net);

    if (state->stalled_until_ns > now_ns) {
        return false;
    }
    return state->is_kicked || rt_core_has_work(core) || sim_io_has_work(rt_core_io(core)) ||
           deadline_of(sim, index) <= now_ns;
}

static int choose_core(struct sim *sim)
{
    unsigned runnable[RT_CORES_MAX], count = 0;

    for (unsigned i = 0; i < sim->cores_count; i++) {
        if (is_runnable(sim, i)) {
            runnable[count++] = i;
        }
    }
    return count == 0 ? -1 : (int)runnable[rt_prng_below(&sim->schedule, count)];
}

static bool fault_strikes(void *arg, enum rt_fault_site site)
{
    struct sim *sim = arg;
    bool strikes = rt_prng_below(&sim->faults, 1000) < sim->options.fault_permille;

    if (strikes) {
        sim_trace_note(&sim->trace, sim_net_now_ns(sim->net), SIM_NOTE_FAULT, 2, (uint64_t)site);
    }
    return strikes;
}

static void have_turn(struct sim *sim, unsigned index)
{
    struct rt_core *core = core_of(sim, index);

    sim->cores[index].is_kicked = false;
    sim->cores[index].turn_ns = sim_net_now_ns(sim->net);
    sim_trace_note(&sim->trace, sim->cores[index].turn_ns, SIM_NOTE_TURN, index, 0);
    if (sim->options.fault_permille > 0 && sim->is_ready) {
        rt_fault_set(fault_strikes, sim);
    }
    sim_environment.is_watching = sim->is_ready;
    if (rt_core_turn(core, 0)) {
        sim->cores[index].is_kicked = true;
    }
    sim_environment.is_watching = false;
    rt_fault_set(NULL, NULL);
}

/* The next moment at which something is due. */
static uint64_t next_ns(struct sim *sim)
{
    uint64_t next = sim_net_next(sim->net);

    for (unsigned i = 0; sim->troupe != NULL && i < sim->cores_count; i++) {
        struct rt_core *core = core_of(sim, i);
        uint64_t due_ns = deadline_of(sim, i);
        bool is_waiting =
            sim->cores[i].is_kicked || rt_core_has_work(core) || sim_io_has_work(rt_core_io(core));
        if (sim->cores[i].stalled_until_ns > sim_net_now_ns(sim->net) &&
            (is_waiting || due_ns < sim->cores[i].stalled_until_ns)) {
            due_ns = sim->cores[i].stalled_until_ns;
        }
        next = due_ns < next ? due_ns : next;
    }
    return next;
}

/* False: nothing more is due until `until_ns`, where the clock now stands. */
static bool step(struct sim *sim, uint64_t until_ns)
{
    sim_net_run_due(sim->net);
    int chosen = sim->troupe == NULL ? -1 : choose_core(sim);
    if (chosen >= 0) {
        have_turn(sim, (unsigned)chosen);
        return true;
    }
    uint64_t next = next_ns(sim);
    if (next > until_ns) {
        sim_net_move(sim->net, until_ns);
        return false;
    }
    sim_net_move(sim->net, next > sim_net_now_ns(sim->net) ? next : sim_net_now_ns(sim->net));
    return true;
}

void sim_run_ns(struct sim *sim, uint64_t ns)
{
    uint64_t until_ns = sim_net_now_ns(sim->net) + ns;

    sim_start(sim);
    while (step(sim, until_ns)) {
    }
}

void sim_run(struct sim *sim, unsigned ms)
{
    sim_run_ns(sim, ms * RT_NS_PER_MS);
}

void sim_run_without(struct sim *sim, unsigned ms)
{
    uint64_t until_ns = sim_net_now_ns(sim->net) + ms * RT_NS_PER_MS;

    RT_CHECK(sim->troupe == NULL);
    while (step(sim, until_ns)) {
    }
}

static bool is_quiet(struct sim *sim)
{
    if (sim_clients_waiting(sim->clients) > 0 || sim_net_in_flight(sim->net) > 0) {
        return false;
    }
    for (unsigned i = 0; i < sim->cores_count; i++) {
        struct rt_core *core = core_of(sim, i);
        if (rt_core_has_work(core) || sim_io_has_work(rt_core_io(core))) {
            return false;
        }
    }
    return sim_pools(sim).queries == 0;
}

bool sim_run_quiet(struct sim *sim, unsigned ms)
{
    uint64_t until_ns;

    sim_start(sim);
    until_ns = sim_net_now_ns(sim->net) + ms * RT_NS_PER_MS;
    while (!is_quiet(sim)) {
        uint64_t slice_ns = sim_net_now_ns(sim->net) + 20 * RT_NS_PER_MS;
        if (slice_ns > until_ns) {
            return false;
        }
        while (step(sim, slice_ns)) {
        }
    }
    return true;
}

/* ---- accidents ---- */

void sim_stall(struct sim *sim, unsigned core, unsigned ms)
{
    RT_CHECK(core < sim->cores_count);
    sim->cores[core].stalled_until_ns = sim_net_now_ns(sim->net) + ms * RT_NS_PER_MS;
    sim_trace_note(&sim->trace, sim_net_now_ns(sim->net), SIM_NOTE_FAULT, 3, core);
}

struct victims {
    const char *name;
    struct sim *sim;
    unsigned permille, count;
    rt_ref refs[4096];
};

static void find_victim(const struct rt_actor_info *info, void *arg)
{
    struct victims *victims = arg;

    if (strcmp(info->name, victims->name) == 0 && victims->count < RT_ARRAY_COUNT(victims->refs) &&
        rt_prng_below(&victims->sim->prng, 1000) < victims->permille) {
        victims->refs[victims->count++] = info->ref;
    }
}

unsigned sim_kill_actors(struct sim *sim, const char *name, int core, unsigned permille)
{
    struct victims victims = {.name = name, .sim = sim, .permille = permille};
    unsigned total = 0;

    for (unsigned i = 0; i < sim->cores_count; i++) {
        if (core >= 0 && (unsigned)core != i) {
            continue;
        }
        victims.count = 0;
        rt_core_actors(core_of(sim, i), find_victim, &victims);
        for (unsigned j = 0; j < victims.count; j++) {
            sim_trace_note(&sim->trace, sim_net_now_ns(sim->net), SIM_NOTE_FAULT, 4,
                           victims.refs[j]);
            rt_core_kill(core_of(sim, i), victims.refs[j]);
        }
        sim->cores[i].is_kicked |= victims.count > 0;
        total += victims.count;
    }
    return total;
}

unsigned sim_cut(struct sim *sim, const char *prefix)
{
    struct rt_prefix from, to;
    uint8_t family = strchr(prefix, ':') != NULL ? 6 : 4;
    struct rt_addr own = sim_resolver_addr(sim, family);
    char text[RT_ADDR_TEXT_BYTES];

    own.port = 0;
    RT_CHECK(rt_prefix_parse(prefix, &to) == RT_OK);
    RT_CHECK(rt_prefix_parse(rt_addr_format(&own, text), &from) == RT_OK);
    return sim_net_cut(sim->net, &from, &to);
}

void sim_heal(struct sim *sim, unsigned cut)
{
    sim_net_heal(sim->net, cut);
}

void sim_wall_jump(struct sim *sim, int64_t ms)
{
    sim_net_wall_jump(sim->net, ms);
}

void sim_fault(struct sim *sim, uint16_t permille)
{
    sim->options.fault_permille = permille;
}

/* ---- looking ---- */

static void count_actor(const struct rt_actor_info *info, void *arg)
{
    struct sim_pools *pools = arg;

    pools->actors++;
    pools->queries += strcmp(info->name, "query") == 0;
}

struct sim_pools sim_pools(struct sim *sim)
{
    struct sim_pools pools = {0};

    for (unsigned i = 0; sim->troupe != NULL && i < sim->cores_count; i++) {
        struct rt_core *core = core_of(sim, i);
        pools.bufs += rt_buf_pool_in_use(rt_core_bufs(core));
        pools.msgs += rt_core_counters(core)->msgs_in_use;
        rt_core_actors(core, count_actor, &pools);
    }
    return pools;
}

uint64_t sim_hash(const struct sim *sim)
{
    return sim->trace.hash;
}

struct sim_net *sim_network(struct sim *sim)
{
    return sim->net;
}

struct sim_clients *sim_clients(struct sim *sim)
{
    return sim->clients;
}

struct rt_prng *sim_random(struct sim *sim)
{
    return &sim->prng;
}

unsigned sim_cores(const struct sim *sim)
{
    return sim->workers;
}
