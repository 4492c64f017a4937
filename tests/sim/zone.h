/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* zone: a zone in memory and what an authoritative server says from it (RFC1034-4.3.2, RFC4592,
 * RFC6672, RFC2308). Also the truth: what the whole tree of zones says about a question, found
 * without delegations, which a resolver must reproduce by following them. */

#include "tests/sim/dns.h"

struct sim_zone {
    struct sim_name origin;
    struct sim_records records;
};

/* `text`: lines as sim_record_parse reads them, owners relative to the origin. A SOA is added when
 * there is none. The process ends when a line is not understood: a test's own mistake. */
struct sim_zone *sim_zone_new(const char *origin, const char *text);
void sim_zone_add(struct sim_zone *zone, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_zone_free(struct sim_zone *zone);

/* What a server found out. Records are copies and carry their section. */
struct sim_found {
    uint16_t rcode;
    bool is_authoritative;
    struct sim_records records;
    struct sim_name last; /* where the chain of aliases ended */
};
void sim_found_free(struct sim_found *found);
struct sim_record *sim_found_add(struct sim_found *found, unsigned section,
                                 const struct sim_record *record);

enum sim_outcome {
    SIM_ANSWER,   /* records, or the proof that there are none */
    SIM_REFERRAL, /* a delegation below the zone */
    SIM_OUTSIDE,  /* an alias led out of the zone: `last` */
};
enum sim_outcome sim_zone_lookup(const struct sim_zone *zone, const struct sim_name *name,
                                 uint16_t type, struct sim_found *out);

/* The deepest of `zones` at or above `name`; for DS at a zone's own name the parent's. NULL: none.
 */
const struct sim_zone *sim_zones_find(struct sim_zone *const *zones, unsigned count,
                                      const struct sim_name *name, uint16_t type);

/* The whole answer: rcode and the answer section with every alias. False: the chain is longer than
 * `aliases_max` links, so that a resolver may give up. */
bool sim_truth(struct sim_zone *const *zones, unsigned count, const struct sim_name *name,
               uint16_t type, unsigned aliases_max, struct sim_found *out);
