/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/config.h"

#include <string.h>

#include "resolver/limits.h"

void rs_config_init(struct rs_config *config)
{
    memset(config, 0, sizeof(*config));
    config->use_ipv4 = true;
    config->use_ipv6 = true;
    config->minimize = true;
    config->mix_case = true;
    config->use_cookies = true;
    config->use_edns = true;
    config->use_cache = true;
    config->is_dnssec_wanted = true;
    config->glue_mode = RS_GLUE_NORMAL;
    config->payload_down = RS_UDP_PAYLOAD_BYTES;
    config->payload_up = RS_UDP_PAYLOAD_BYTES;
    config->ttl_s_min = RS_TTL_S_MIN;
    config->ttl_s_max = RS_TTL_S_MAX;
    config->negative_ttl_s_max = RS_NEGATIVE_TTL_S_MAX;
    config->ns_rest_ms = RS_SERVER_REST_S_MIN * 1000;
    config->prime = true;
}

const struct rs_forward *rs_config_forward(const struct rs_config *config, const uint8_t *name)
{
    const struct rs_forward *best = NULL;

    for (unsigned i = 0; i < config->forwards_count; i++) {
        const struct rs_forward *forward = &config->forwards[i];
        if (rs_name_is_under(name, forward->name.wire) &&
            (best == NULL || forward->name.size > best->name.size)) {
            best = forward;
        }
    }
    return best;
}

/* RFC6890-2.2: what no server on the Internet can have. Private and documentation networks are not
 * here: inside an ISP and in laboratories servers do stand there. */
static bool is_forbidden_v4(const uint8_t ip[4], bool allow_local)
{
    if (ip[0] == 0 || ip[0] >= 224) { /* "this network", multicast, reserved, broadcast */
        return true;
    }
    if (ip[0] == 192 && ip[1] == 0 && ip[2] == 0) { /* IETF protocol assignments */
        return true;
    }
    bool is_local = ip[0] == 127 || (ip[0] == 169 && ip[1] == 254);
    return is_local && !allow_local;
}

/* The IPv4 address that a translator or tunnel would send to: NAT64 (RFC6052-2.1), 6to4. */
static const uint8_t *carried_v4(const uint8_t ip[16])
{
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

    if (memcmp(ip, nat64, sizeof(nat64)) == 0) {
        return ip + 12;
    }
    return ip[0] == 0x20 && ip[1] == 0x02 ? ip + 2 : NULL;
}

static bool is_forbidden_v6(const uint8_t ip[16], bool allow_local)
{
    static const uint8_t loopback[16] = {[15] = 1};
    static const uint8_t compatible[12], mapped[12] = {[10] = 0xff, [11] = 0xff};
    static const uint8_t discard[8] = {0x01};
    const uint8_t *v4 = carried_v4(ip);

    if (memcmp(ip, loopback, sizeof(loopback)) == 0) {
        return !allow_local;
    }
    if (memcmp(ip, compatible, sizeof(compatible)) == 0 ||
        memcmp(ip, mapped, sizeof(mapped)) == 0 || memcmp(ip, discard, sizeof(discard)) == 0) {
        return true;
    }
    if (ip[0] == 0xff || (ip[0] == 0xfe && ip[1] >= 0x80)) { /* multicast; link- and site-local */
        return true;
    }
    return v4 != NULL && is_forbidden_v4(v4, false);
}

bool rs_config_is_forbidden_server(const struct rs_config *config, const struct rt_addr *addr)
{
    switch (addr->family) {
    case 4:
        return !config->use_ipv4 || is_forbidden_v4(addr->ip, config->allow_local);
    case 6:
        return !config->use_ipv6 || is_forbidden_v6(addr->ip, config->allow_local);
    default:
        return true;
    }
}
