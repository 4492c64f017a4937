/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* sim_private: what the files of the driver share. */

#include "tests/sim/sim.h"

struct sim_core_state {
    bool is_kicked;   /* has something to do beyond what the core itself knows */
    uint64_t turn_ns; /* of its last turn */
    uint64_t stalled_until_ns;
};

struct sim_asked_name {
    struct sim_asked_name *next;
    struct sim_name name;
    uint16_t type;
    uint64_t count;
};

enum { SIM_ASKED_BUCKETS = 256 };

struct sim_truth_entry {
    struct sim_truth_entry *next;
    struct sim_name name;
    uint16_t type;
    bool is_known;
    struct sim_found found;
};

struct sim {
    struct sim_options options;
    struct sim_trace trace;
    struct sim_net *net;
    struct sim_clients *clients;
    struct sim_files *files;
    struct rt_prng prng, schedule, faults;
    unsigned workers, cores_count; /* without and with the control core */

    struct lu_settings settings;
    struct rs_store_image *images[RS_SHARDS_MAX];
    struct rs_cache cache;
    struct troupe *troupe;
    struct sim_core_state cores[RT_CORES_MAX];
    bool is_ready, is_drained;
    rt_status ready_status;

    struct sim_zone **zones;
    unsigned zones_count;
    struct sim_authority **authorities;
    unsigned authorities_count;
    struct sim_asked_name *asked[SIM_ASKED_BUCKETS];
    struct sim_truth_entry *truths;
    uint64_t asked_tcp;
    struct {
        struct rt_addr addr;
        uint64_t count;
    } asked_at[512];
    unsigned asked_at_count;
};

void sim_resolver_open(struct sim *sim);
void sim_observe(void *arg, const struct sim_authority_question *question);
void sim_world_free(struct sim *sim);
/* The wake of another core's io. */
void sim_kick(void *arg, unsigned core_index);
