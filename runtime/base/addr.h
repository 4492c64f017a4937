/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* addr: an IP address with a port, and a prefix of addresses. Plain values, no socket types. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/status.h"

enum { RT_ADDR_TEXT_BYTES = 64 }; /* "[" 45 characters, "%" scope 10, "]@65535", and the NUL. */

struct rt_addr {
    uint8_t family;    /* 0 none, 4, 6 */
    uint8_t reserved;  /* zero */
    uint16_t port;     /* host order */
    uint32_t scope_id; /* interface index of a link-local IPv6 address, else 0 */
    uint8_t ip[16];    /* network order; IPv4 uses the first four, the others are zero */
};

struct rt_prefix {
    struct rt_addr addr; /* host bits are zero, port 0 */
    uint8_t bits;
};

/* Reads "192.0.2.1", "192.0.2.1@5353", "2001:db8::1", "fe80::1%2@53". Without a port: `port`.
 * Returns RT_MALFORMED and leaves *out alone for anything else. */
RT_MUST_USE rt_status rt_addr_parse(const char *text, uint16_t port, struct rt_addr *out);

/* Writes "192.0.2.1@53" (no port: without "@"), always terminated; returns `text`. */
const char *rt_addr_format(const struct rt_addr *addr, char text[RT_ADDR_TEXT_BYTES]);

/* Same family, address, scope and port. */
bool rt_addr_equal(const struct rt_addr *a, const struct rt_addr *b);

/* Same family and address; the port does not count. */
bool rt_addr_equal_ip(const struct rt_addr *a, const struct rt_addr *b);

/* 0.0.0.0, ::, or none at all. */
bool rt_addr_is_any(const struct rt_addr *addr);

/* Reads "10.0.0.0/8", or an address as its own prefix. Host bits are cleared. */
RT_MUST_USE rt_status rt_prefix_parse(const char *text, struct rt_prefix *out);

bool rt_prefix_contains(const struct rt_prefix *prefix, const struct rt_addr *addr);
