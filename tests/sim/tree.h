/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* tree: a random DNS of zones, servers and questions, made by a seed. Every question's true answer
 * is known by construction (zone.h sim_truth), because the zones are: no resolver was asked.
 *
 * What it contains, as the seed says: one to four levels; one to four name servers for each zone,
 * with glue, without, in other zones, shared with the parent; IPv4, IPv6 or both; zones below empty
 * non-terminals; aliases within a zone and across zones, DNAMEs, wildcards, empty non-terminals,
 * sets too large for a datagram, names that are not there. Delegations never depend on each other
 * in a circle: a zone's servers have their names in zones made before it. */

#include "tests/sim/sim.h"

struct sim_tree_options {
    unsigned zones;           /* 0: 4 to 12 */
    unsigned levels;          /* below the root; 0: 1 to 4 */
    unsigned odd_permille;    /* servers with a peculiarity that a resolver copes with */
    unsigned bad_permille;    /* servers that are of no use; never all of a zone */
    unsigned good_min;        /* servers of each zone that are of use; 0: 1 */
    bool has_no_lame;         /* of these none that says an empty NOERROR: a resolver that hears
                                 nothing better may pass it on, uncached, as its last resort */
    bool has_ipv4_everywhere; /* every zone has an IPv4 server, for a host without IPv6 */
};

struct sim_tree_question {
    char name[256];
    uint16_t type;
    const struct sim_found *truth;
};

struct sim_tree; /* freed with its sim: it holds nothing else */

/* Builds zones and authorities into `sim` and gives it its root hints. */
struct sim_tree *sim_tree_new(struct sim *sim, const struct sim_tree_options *options);
void sim_tree_free(struct sim_tree *tree);

/* A question with a known answer; the test's random numbers choose it. */
void sim_tree_question(struct sim_tree *tree, struct sim_tree_question *out);
unsigned sim_tree_zones(const struct sim_tree *tree);
const struct sim_zone *sim_tree_zone(const struct sim_tree *tree, unsigned index);

/* Asks `count` random questions over UDP and, one in `tcp_one_in`, TCP (0: none), at random moments
 * of the next `spread_ms`. `base` gives the rest of the asks; NULL: plain ones. */
void sim_tree_ask(struct sim_tree *tree, unsigned count, unsigned spread_ms, unsigned tcp_one_in,
                  const struct sim_ask *base);
