/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/entry.h"

#include "resolver/cache/entry_format.h"
#include "resolver/limits.h"
#include "runtime/base/siphash.h"

uint32_t entry_check(const uint8_t *value, size_t size)
{
    static const struct rt_siphash_key key = {.bytes = "troupe entry v1"};
    return (uint32_t)rt_siphash(&key, value + ENTRY_AT_MAGIC, size - ENTRY_AT_MAGIC);
}

bool entry_has_header(struct rs_bytes value)
{
    return value.data != NULL && value.size >= ENTRY_HEADER_BYTES &&
           value.size <= RS_ENTRY_BYTES_MAX && value.data[ENTRY_AT_MAGIC] == ENTRY_MAGIC &&
           value.data[ENTRY_AT_VERSION] == ENTRY_VERSION &&
           entry_get32(value.data + ENTRY_AT_SIZE) == value.size;
}

bool entry_is_whole(struct rs_bytes value)
{
    return entry_has_header(value) &&
           entry_get32(value.data + ENTRY_AT_CHECK) == entry_check(value.data, value.size);
}

int64_t rs_entry_ttl_left(struct rs_bytes value, uint64_t now_s)
{
    if (!entry_has_header(value)) {
        return -1;
    }
    uint32_t ttl_s = entry_get32(value.data + ENTRY_AT_TTL);
    uint64_t made_s = entry_get64(value.data + ENTRY_AT_MADE);
    if (ttl_s > ENTRY_TTL_S_MAX) {
        return -1;
    }
    if (made_s > now_s) {
        /* Never more than its TTL, and nothing from a clock that has been set back since. */
        return made_s - now_s > RS_ENTRY_FUTURE_S_MAX ? 0 : ttl_s;
    }
    uint64_t age_s = now_s - made_s;
    return age_s >= ttl_s ? 0 : (int64_t)(ttl_s - age_s);
}

static unsigned effective_rank(struct rs_bytes value)
{
    uint8_t kind = value.data[ENTRY_AT_KIND], rank = value.data[ENTRY_AT_RANK];
    bool is_denial = kind == RS_KIND_NODATA || kind == RS_KIND_NXDOMAIN;

    /* RFC2308-2: the SOA in the authority section is how an authoritative server says no. */
    return is_denial && rank == RS_RANK_AUTHORITY ? RS_RANK_AUTH_ANSWER : rank;
}

bool rs_entry_replaces(struct rs_bytes fresh, struct rs_bytes old, uint64_t now_s)
{
    RT_CHECK(entry_has_header(fresh));
    if (!entry_is_whole(old) || rs_entry_ttl_left(old, now_s) <= 0) {
        return true;
    }
    if (fresh.data[ENTRY_AT_KIND] == RS_KIND_FAILURE) {
        return true;
    }
    /* RFC2181-5.4.1: data of a lower rank must not replace data of a higher one. Equal ranks do:
     * the newer one is the truth. */
    return effective_rank(fresh) >= effective_rank(old);
}

void rs_entry_failure_follows(uint8_t *fresh, size_t fresh_size, struct rs_bytes old,
                              uint64_t now_s)
{
    struct rs_bytes value = {fresh, fresh_size};
    RT_CHECK(entry_has_header(value));
    if (!entry_is_whole(old) || fresh[ENTRY_AT_KIND] != RS_KIND_FAILURE ||
        old.data[ENTRY_AT_KIND] != RS_KIND_FAILURE) {
        return;
    }
    uint64_t end_s = entry_get64(old.data + ENTRY_AT_MADE) + entry_get32(old.data + ENTRY_AT_TTL);
    if (now_s > end_s && now_s - end_s > RS_FAILURE_TTL_S_MAX) {
        return;
    }
    unsigned times = old.data[ENTRY_AT_TIMES] + 1u;
    if (times < fresh[ENTRY_AT_TIMES]) {
        times = fresh[ENTRY_AT_TIMES];
    }
    times = times > UINT8_MAX ? UINT8_MAX : times;

    /* RFC9520-3.2: back off exponentially, but MUST NOT cache a failure longer than 5 minutes. */
    uint32_t ttl_s = RS_FAILURE_TTL_S_MIN;
    for (unsigned i = 1; i < times && ttl_s < RS_FAILURE_TTL_S_MAX; i++) {
        ttl_s *= 2;
    }
    uint32_t ttl_s_asked = entry_get32(fresh + ENTRY_AT_TTL);
    ttl_s = ttl_s < ttl_s_asked ? ttl_s_asked : ttl_s;
    ttl_s = ttl_s > RS_FAILURE_TTL_S_MAX ? RS_FAILURE_TTL_S_MAX : ttl_s;

    fresh[ENTRY_AT_TIMES] = (uint8_t)times;
    entry_put32(fresh + ENTRY_AT_TTL, ttl_s);
    entry_put32(fresh + ENTRY_AT_CHECK, entry_check(fresh, fresh_size));
}
