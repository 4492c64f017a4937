/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* store_effects: what becomes a cache entry, and for how long.
 *
 * Stored: answers with the rank they have earned, proofs of absence that came with a SOA,
 * delegations as the parent gave them, failures. Never: authority and additional sections as such,
 * meta-types (RFC6895-3.1), synthesised CNAMEs, TTL 0 (RFC1123-6.1: used once). */

#include "resolver/frame.h"

/* A TTL as we accept it: capped, raised to the operator's minimum. 0 stays 0 under the default
 * minimum: it means "do not keep"; an operator who sets a larger minimum wants it kept. */
uint32_t rs_ttl_accept(const struct rs_config *config, uint32_t ttl_s);

/* RFC2308-5: the lesser of the SOA's TTL and its MINIMUM, capped; 0 without SOA. */
uint32_t rs_ttl_negative(const struct rs_config *config, const struct rs_rrset *soa);

void rs_store_rrset(struct rs_query *q, const struct rs_rrset *set, const uint8_t *origin);

/* `sets`: SOA first. NXDOMAIN or NODATA by `rcode`. */
void rs_store_denial(struct rs_query *q, const uint8_t *name, uint16_t type, uint16_t rcode,
                     uint32_t ttl_s, bool is_authoritative, const struct rs_rrsets *sets,
                     const uint8_t *origin);

void rs_store_delegation(struct rs_query *q, const struct rs_delegation *delegation,
                         const struct rs_rrsets *ds, uint32_t ttl_s, const uint8_t *origin);

/* RFC9520-3.2: remembers that (name, type) failed, for the returned seconds at least: the shard's
 * writer makes it twice as long for each failure that follows another. */
uint32_t rs_store_failure(struct rs_query *q, const uint8_t *name, uint16_t type, int ede);
