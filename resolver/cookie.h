/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* cookie: DNS cookies of both sides (RFC7873, RFC9018). */

#include "runtime/base/addr.h"
#include "runtime/base/siphash.h"

enum rs_cookie {
    RS_COOKIE_NONE,    /* the request had none */
    RS_COOKIE_CLIENT,  /* a client cookie only: answer with a fresh server cookie */
    RS_COOKIE_VALID,   /* the server part is ours and fresh enough: the address is verified */
    RS_COOKIE_RENEW,   /* valid, but older than 30 minutes: send a new one */
    RS_COOKIE_INVALID, /* forged, foreign, expired or from the future */
};

enum { RS_COOKIE_CLIENT_BYTES = 8, RS_COOKIE_SERVER_BYTES = 16 };

/* RFC9018-4.2: version 1, SipHash-2-4 over client cookie, version, reserved, timestamp, address.
 * now_s is wall time in seconds. */
void rs_cookie_make(const struct rt_siphash_key *secret, const uint8_t client[8],
                    const struct rt_addr *addr, uint32_t now_s, uint8_t server[16]);
enum rs_cookie rs_cookie_check(const struct rt_siphash_key *secret, const uint8_t *cookie,
                               uint8_t size, const struct rt_addr *addr, uint32_t now_s);

/* The client cookie we show to a server: the same for each (server, key), changes with the key
 * (RFC7873-4.1). */
void rs_cookie_client(const struct rt_siphash_key *key, const struct rt_addr *server,
                      uint8_t out[8]);
