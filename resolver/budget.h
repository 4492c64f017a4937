/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* budget: what one client question may cost, in all. One struct, made with the client's question,
 * handed by pointer to everything done for it, decremented inside the primitive that does the
 * work, never reset by an alias, a sub-query, a restart or another transport. */

#include <stdbool.h>
#include <stdint.h>

#include "resolver/limits.h"

struct rs_budget {
    uint16_t packets; /* left */
    uint16_t timeouts;
    uint16_t subqueries;
    uint16_t ns_failures;
    uint16_t referrals;
    uint16_t aliases;
    uint32_t bytes;
    uint64_t deadline_ns; /* of the whole work */
};

void rs_budget_init(struct rs_budget *budget, uint64_t now_ns);

/* Each takes one (or `bytes`) from its counter; false when it was empty, and then nothing is
 * taken. */
bool rs_budget_packet(struct rs_budget *budget);
bool rs_budget_timeout(struct rs_budget *budget);
bool rs_budget_subquery(struct rs_budget *budget);
bool rs_budget_ns_failure(struct rs_budget *budget);
bool rs_budget_referral(struct rs_budget *budget);
bool rs_budget_alias(struct rs_budget *budget);
bool rs_budget_bytes(struct rs_budget *budget, uint32_t bytes);
