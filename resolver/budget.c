/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/budget.h"

#include "runtime/base/clock.h"

_Static_assert(RS_BUDGET_PACKETS <= UINT16_MAX && RS_BUDGET_TIMEOUTS <= UINT16_MAX &&
                   RS_BUDGET_SUBQUERIES <= UINT16_MAX && RS_BUDGET_NS_FAILURES <= UINT16_MAX &&
                   RS_BUDGET_REFERRALS <= UINT16_MAX && RS_CNAME_CHAIN_MAX <= UINT16_MAX,
               "the counters hold their starting values");

void rs_budget_init(struct rs_budget *budget, uint64_t now_ns)
{
    *budget = (struct rs_budget){
        .packets = RS_BUDGET_PACKETS,
        .timeouts = RS_BUDGET_TIMEOUTS,
        .subqueries = RS_BUDGET_SUBQUERIES,
        .ns_failures = RS_BUDGET_NS_FAILURES,
        .referrals = RS_BUDGET_REFERRALS,
        .aliases = RS_CNAME_CHAIN_MAX,
        .bytes = RS_BUDGET_BYTES,
        .deadline_ns = now_ns + RS_BUDGET_MS * RT_NS_PER_MS,
    };
}

static bool take_one(uint16_t *counter)
{
    if (*counter == 0) {
        return false;
    }
    (*counter)--;
    return true;
}

bool rs_budget_packet(struct rs_budget *budget)
{
    return take_one(&budget->packets);
}

bool rs_budget_timeout(struct rs_budget *budget)
{
    return take_one(&budget->timeouts);
}

bool rs_budget_subquery(struct rs_budget *budget)
{
    return take_one(&budget->subqueries);
}

bool rs_budget_ns_failure(struct rs_budget *budget)
{
    return take_one(&budget->ns_failures);
}

bool rs_budget_referral(struct rs_budget *budget)
{
    return take_one(&budget->referrals);
}

bool rs_budget_alias(struct rs_budget *budget)
{
    return take_one(&budget->aliases);
}

bool rs_budget_bytes(struct rs_budget *budget, uint32_t bytes)
{
    if (bytes > budget->bytes) {
        return false;
    }
    budget->bytes -= bytes;
    return true;
}
