/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* sim: a whole resolver with its network, clients and authorities in one thread and virtual time,
 * from one seed. The driver chooses by the seed which core has the next loop turn; when none has
 * work it moves the clock to the next thing that is due.
 *
 *     struct sim *sim = sim_new(&(struct sim_options){.seed = seed, .cores = 2});
 *     sim_serve(sim, "192.0.2.53", ".", "@ NS ns.\nns A 192.0.2.53\nwww A 192.0.2.80");
 *     sim_ask(sim, "www.", RS_A, 100);
 *     sim_run(sim, 10000);
 *     struct sim_tally tally = sim_tally(sim);
 *     sim_free(sim);
 *
 * The test registry (test.h) is not needed: the scenario player uses this header alone. */

#include "actors/troupe.h"
#include "tests/sim/authority.h"
#include "tests/sim/client.h"
#include "tests/sim/sim_io.h"

struct sim;

struct sim_options {
    uint64_t seed;
    unsigned cores; /* workers; 0: one to three, as the seed says */
    struct sim_path client, upstream;
    bool has_no_cache;
    uint64_t cache_bytes;          /* each shard; 0: 8 MiB */
    unsigned shards;               /* 0: the power of two that is at least `cores` */
    bool has_no_ipv4, has_no_ipv6; /* upstream: this host has no such network */
    bool is_priming;               /* RFC9609 */
    uint64_t wall_ms;              /* the wall clock at the start; 0: 2026-01-01 */
    uint16_t open_fails_permille;  /* sockets of the resolver that cannot be opened */
    uint16_t fault_permille;       /* allocations that fail (runtime/base/fault.h), once started */
    void (*configure)(void *arg, struct lu_settings *settings); /* last word on the settings */
    void *arg;
};

struct sim *sim_new(const struct sim_options *options);
void sim_free(struct sim *sim);

/* ---- the world around the resolver ---- */

/* A zone; owned by the sim. */
struct sim_zone *sim_zone(struct sim *sim, const char *origin, const char *text);
void sim_zone_keep(struct sim *sim, struct sim_zone *zone); /* hands one over */

/* An authority at `addrs` (words, "192.0.2.53 2001:db8::53"); owned by the sim. Its questions are
 * counted (sim_asked). `improvise` may be NULL. */
struct sim_authority *sim_authority(struct sim *sim, const char *addrs, unsigned behaviour,
                                    sim_improvise *improvise, void *arg);

/* Both at once: a server for one zone. A server of "." becomes a root hint by itself. */
struct sim_authority *sim_serve(struct sim *sim, const char *addrs, const char *origin,
                                const char *text);

/* A root server in the configuration, before the start. */
void sim_hint(struct sim *sim, const char *name, const char *addrs);

/* What is true about `name`, from the zones of this sim; owned by it. NULL: not decidable. */
const struct sim_found *sim_truth_of(struct sim *sim, const char *name, uint16_t type);

/* ---- the resolver ---- */

/* Opens the troupe and runs until it listens. sim_ask and sim_run do it when nobody did. */
void sim_start(struct sim *sim);
/* As kill -9: no drain; the store keeps what was committed. sim_start is its next life. */
void sim_kill(struct sim *sim);
/* Drains and closes. False: the drain did not end within `ms`. */
bool sim_stop(struct sim *sim, unsigned ms);

struct troupe *sim_troupe(struct sim *sim);        /* NULL between two lives */
struct lu_settings *sim_settings(struct sim *sim); /* to be changed before the start only */
struct sim_net *sim_network(struct sim *sim);
struct sim_clients *sim_clients(struct sim *sim);
struct rt_prng *sim_random(struct sim *sim); /* the test's own choices */
unsigned sim_cores(const struct sim *sim);

/* Where clients find it: "the" address of the resolver, family 4 or 6. */
struct rt_addr sim_resolver_addr(const struct sim *sim, uint8_t family);

/* ---- asking ---- */

/* `count` clients ask the same question, at the same moment, over UDP, one datagram each. */
void sim_ask(struct sim *sim, const char *name, uint16_t type, unsigned count);
/* The server's address is filled in when its family is 0. Returns the question's number. */
unsigned sim_ask_with(struct sim *sim, const struct sim_ask *ask);
struct sim_tally sim_tally(struct sim *sim);

/* ---- time ---- */

void sim_run(struct sim *sim, unsigned ms);
/* Until no client waits, no query is at work and no packet is under way. False: not within `ms`. */
bool sim_run_quiet(struct sim *sim, unsigned ms);
void sim_run_ns(struct sim *sim, uint64_t ns);
/* The world alone, between two lives of the resolver: what is under way arrives. */
void sim_run_without(struct sim *sim, unsigned ms);

/* ---- accidents ---- */

void sim_stall(struct sim *sim, unsigned core, unsigned ms); /* it has no turn for so long */
/* Ends every actor of that type name ("query", "desk", "cache", ...), on `core` or (-1) on all, as
 * far as `permille` and the seed say. Returns how many. */
unsigned sim_kill_actors(struct sim *sim, const char *name, int core, unsigned permille);
unsigned sim_cut(struct sim *sim, const char *prefix); /* between the resolver and these */
void sim_heal(struct sim *sim, unsigned cut);
void sim_wall_jump(struct sim *sim, int64_t ms);
void sim_fault(struct sim *sim, uint16_t permille); /* allocations fail from now on; 0: no more */
void sim_open_fails(struct sim *sim, uint16_t permille); /* sockets that cannot be opened */

/* ---- looking ---- */

struct sim_pools { /* of all cores */
    uint64_t bufs, msgs, actors, queries;
};
struct sim_pools sim_pools(struct sim *sim);

/* Datagrams sent upstream and questions sent over TCP: what the work budget bounds. */
uint64_t sim_upstream_packets(struct sim *sim);
/* Questions that reached an authority for exactly this name and type (0: any), lower case. */
uint64_t sim_asked(struct sim *sim, const char *name, uint16_t type);
/* Questions that reached the authority at this address. */
uint64_t sim_asked_at(struct sim *sim, const char *addr);
/* What the resolver has dropped and counted: datagrams at full sockets, answers it had no memory
 * for. */
uint64_t sim_dropped(struct sim *sim);
uint64_t sim_hash(const struct sim *sim);

/* ---- for whoever runs many sims ---- */

struct sim_environment {
    const char *trace_path; /* Chrome JSON of the next sim; NULL: none */
    bool is_talking;        /* lines on stderr */
    uint64_t hash;          /* of all sims freed since it was zeroed */
    bool is_watching;       /* the code under test has a turn: it must not allocate (alloc.c) */
};
extern struct sim_environment sim_environment;
