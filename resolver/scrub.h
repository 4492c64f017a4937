/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* scrub: what may be taken from a reply besides its answer. Everything else is left lying.
 *
 * A server speaks for the zone it was asked as server of, and for that only:
 *  - from a referral: the NS set of one zone strictly below, its DS or the proof that there is
 *    none, and addresses of exactly those name servers (glue), which live and die with the
 *    delegation and never become A or AAAA entries;
 *  - from a negative answer: the SOA and NSEC, NSEC3 sets under it;
 *  - from a positive answer's authority and additional sections: nothing (promiscuous NS, addresses
 *    for names in MX or SRV). */

#include "resolver/cache/entry.h"
#include "resolver/config.h"
#include "resolver/message.h"

/* Reads the referral by `ns` in `reply`, which a server of `zone` sent, into *out. Names beyond
 * RS_NS_PER_DELEGATION_MAX and addresses that must not be asked are left out. Names and addresses
 * are copied to `arena`. RT_NO_MEMORY, or RT_NOT_FOUND when no name is readable. */
RT_MUST_USE rt_status rs_scrub_referral(const struct rs_message *reply, const struct rs_rrset *ns,
                                        const uint8_t *zone, const struct rs_config *config,
                                        struct rt_arena *arena, struct rs_delegation *out);

/* Appends to `out` the DS set of the delegation to `child`, or the NSEC and NSEC3 sets of `zone`
 * that come with it. */
RT_MUST_USE rt_status rs_scrub_ds(const struct rs_message *reply, const uint8_t *child,
                                  const uint8_t *zone, struct rt_arena *arena,
                                  struct rs_rrsets *out);

/* Appends `soa` (which may be NULL) and the NSEC and NSEC3 sets under it, all with TTLs of at most
 * `ttl_s`; and the zone's NS set if it names no server that `delegation` does not name. */
RT_MUST_USE rt_status rs_scrub_denial(const struct rs_message *reply, const struct rs_rrset *soa,
                                      uint32_t ttl_s, const struct rs_delegation *delegation,
                                      struct rt_arena *arena, struct rs_rrsets *out);

/* Appends `addr` to the glue of `ns`: two of each family at most, none twice, none forbidden. */
void rs_scrub_add_glue(struct rs_ns *ns, const struct rs_config *config,
                       const struct rt_addr *addr);

/* The address in a record of an A or AAAA set, port 53; false when it has the wrong size. */
bool rs_scrub_addr(uint16_t type, const struct rs_rdata *rdata, struct rt_addr *out);
