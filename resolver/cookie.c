/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cookie.h"

#include <stdbool.h>
#include <string.h>

enum {
    COOKIE_VERSION = 1,       /* RFC9018-4.1 */
    COOKIE_AGE_S_MAX = 3600,  /* RFC9018-4.3: older than an hour is invalid ... */
    COOKIE_AHEAD_S_MAX = 300, /* ... and so is more than 5 minutes in the future. */
    COOKIE_RENEW_S = 1800,    /* RFC9018-4.3: older than half an hour gets a new one. */
    HASH_INPUT_MAX = RS_COOKIE_CLIENT_BYTES + 8 + 16,
};

static size_t addr_size(const struct rt_addr *addr)
{
    return addr->family == 4 ? 4 : 16;
}

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_u32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 24);
    at[1] = (uint8_t)(value >> 16);
    at[2] = (uint8_t)(value >> 8);
    at[3] = (uint8_t)value;
}

/* SipHash is defined to end in eight bytes, least significant first. */
static void write_hash(uint8_t out[8], uint64_t hash)
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)(hash >> (8 * i));
    }
}

/* RFC9018-4.4: Hash = SipHash-2-4(Client Cookie | Version | Reserved | Timestamp | Client-IP,
 * Server Secret). `head` is the first eight bytes of the server cookie: what was received is
 * hashed, Reserved included, so that others' future use of it survives us. */
static void hash_cookie(const struct rt_siphash_key *secret, const uint8_t *client,
                        const uint8_t head[8], const struct rt_addr *addr, uint8_t out[8])
{
    uint8_t input[HASH_INPUT_MAX];
    memcpy(input, client, RS_COOKIE_CLIENT_BYTES);
    memcpy(input + RS_COOKIE_CLIENT_BYTES, head, 8);
    memcpy(input + RS_COOKIE_CLIENT_BYTES + 8, addr->ip, addr_size(addr));
    write_hash(out, rt_siphash(secret, input, RS_COOKIE_CLIENT_BYTES + 8 + addr_size(addr)));
}

/* The time it takes must not tell how many bytes of a forgery were right. */
static bool is_equal_in_constant_time(const uint8_t *a, const uint8_t *b, size_t size)
{
    uint8_t difference = 0;
    for (size_t i = 0; i < size; i++) {
        difference |= (uint8_t)(a[i] ^ b[i]);
    }
    return difference == 0;
}

void rs_cookie_make(const struct rt_siphash_key *secret, const uint8_t client[8],
                    const struct rt_addr *addr, uint32_t now_s, uint8_t server[16])
{
    memset(server, 0, 8);
    server[0] = COOKIE_VERSION;
    write_u32(server + 4, now_s);
    hash_cookie(secret, client, server, addr, server + 8);
}

enum rs_cookie rs_cookie_check(const struct rt_siphash_key *secret, const uint8_t *cookie,
                               uint8_t size, const struct rt_addr *addr, uint32_t now_s)
{
    if (size == 0) {
        return RS_COOKIE_NONE;
    }
    if (size == RS_COOKIE_CLIENT_BYTES) {
        return RS_COOKIE_CLIENT;
    }
    if (size != RS_COOKIE_CLIENT_BYTES + RS_COOKIE_SERVER_BYTES) {
        return RS_COOKIE_INVALID; /* Made by another kind of server, or by nobody. */
    }
    const uint8_t *server = cookie + RS_COOKIE_CLIENT_BYTES;
    if (server[0] != COOKIE_VERSION) {
        return RS_COOKIE_INVALID;
    }
    /* RFC9018-4.3: timestamps compare in serial number arithmetic (RFC1982). */
    int32_t age_s = (int32_t)(now_s - read_u32(server + 4));
    if (age_s > COOKIE_AGE_S_MAX || age_s < -COOKIE_AHEAD_S_MAX) {
        return RS_COOKIE_INVALID;
    }
    uint8_t hash[8];
    hash_cookie(secret, cookie, server, addr, hash);
    if (!is_equal_in_constant_time(hash, server + 8, sizeof(hash))) {
        return RS_COOKIE_INVALID;
    }
    return age_s > COOKIE_RENEW_S ? RS_COOKIE_RENEW : RS_COOKIE_VALID;
}

/* RFC7873-4.1: a client cookie says nothing to one server about what another one saw. */
void rs_cookie_client(const struct rt_siphash_key *key, const struct rt_addr *server,
                      uint8_t out[8])
{
    uint8_t input[1 + 16 + 2];
    input[0] = server->family;
    memcpy(input + 1, server->ip, sizeof(server->ip));
    input[17] = (uint8_t)(server->port >> 8);
    input[18] = (uint8_t)server->port;
    write_hash(out, rt_siphash(key, input, sizeof(input)));
}
