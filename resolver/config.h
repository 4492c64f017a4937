/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* config: what the operator decided about resolving. Frozen before cores start; read by all.
 *
 * Memory   A plain struct with no pointers to free: it is copied whole into each generation. */

#include <stdbool.h>
#include <stdint.h>

#include "resolver/name.h"
#include "runtime/base/addr.h"
#include "runtime/base/siphash.h"

enum {
    RS_HINTS_MAX = 32,     /* Root servers: 13 names, with room for private roots. */
    RS_HINT_ADDRS_MAX = 8,
    RS_FORWARDS_MAX = 64,  /* Names forwarded; the policy rules of a later issue have their own. */
    RS_FORWARD_ADDRS_MAX = 8,
};

struct rs_hint {
    struct rs_name name;
    uint8_t addrs_count;
    struct rt_addr addrs[RS_HINT_ADDRS_MAX];
};

/* The root servers, as configured or as primed (RFC9609). */
struct rs_hints {
    uint8_t count;
    struct rs_hint items[RS_HINTS_MAX];
};

enum rs_forward_mode {
    RS_FORWARD_RECURSE, /* to a resolver: RD=1, its answer is believed whole (policy.FORWARD) */
    RS_FORWARD_STUB,    /* to an authority without delegation: RD=0 (policy.STUB) */
};

/* Questions at or below `name` go to these servers instead of down the tree. */
struct rs_forward {
    struct rs_name name;
    uint8_t mode; /* enum rs_forward_mode */
    uint8_t addrs_count;
    struct rt_addr addrs[RS_FORWARD_ADDRS_MAX];
};

enum rs_glue_mode { RS_GLUE_NORMAL, RS_GLUE_STRICT, RS_GLUE_PERMISSIVE }; /* mode() */

struct rs_config {
    bool use_ipv4, use_ipv6;
    bool minimize;        /* QNAME minimisation; option NO_MINIMIZE clears it */
    bool mix_case;        /* 0x20; option NO_0X20 clears it */
    bool use_cookies;     /* towards servers */
    bool use_edns;        /* option NO_EDNS / SAFEMODE clears it */
    bool always_tcp;      /* option TCP */
    bool use_cache;       /* option NO_CACHE clears it */
    bool allow_local;     /* option ALLOW_LOCAL: servers at loopback and IPv4 link-local addresses
                             may be asked; off: only if they are hints or forwarders */
    bool is_dnssec_wanted; /* DO=1 upstream */
    uint8_t glue_mode;
    uint16_t payload_down, payload_up; /* net.bufsize */
    uint32_t ttl_s_min, ttl_s_max, negative_ttl_s_max;
    uint32_t ns_rest_ms;  /* cache.ns_tout: first rest of a dead server */

    struct rs_hints hints;
    bool prime;           /* RFC9609; off while playing scenarios */
    uint8_t forwards_count;
    struct rs_forward forwards[RS_FORWARDS_MAX];

    struct rt_siphash_key cookie_secret; /* RFC9018: may be shared over hosts */
};

/* Safe defaults; no hints. */
void rs_config_init(struct rs_config *config);

/* The longest forward at or above `name`, or NULL. */
const struct rs_forward *rs_config_forward(const struct rs_config *config, const uint8_t *name);

/* An address that must never be a server's, because the network could make us talk to ourselves or
 * to our neighbours (security.md B6): 0/8, 127/8, 169.254/16, 192.0.0/24, multicast, reserved and
 * broadcast; ::/96, ::1, v4-mapped, 100::/64, fe80::/9, multicast, and IPv6 addresses that carry
 * such an IPv4 one. allow_local opens 127/8, ::1 and 169.254/16. Private networks are legitimate
 * inside an ISP. */
bool rs_config_is_forbidden_server(const struct rs_config *config, const struct rt_addr *addr);
