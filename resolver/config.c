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

static bool is_forbidden_v4(const uint8_t ip[4], bool allow_local)
{
    if (ip[0] == 0 || ip[0] >= 224) { /* "this network", multicast, reserved, broadcast */
        return true;
    }
    return ip[0] == 127 && !allow_local;
}

static bool is_forbidden_v6(const uint8_t ip[16], bool allow_local)
{
    static const uint8_t zeroes[15];
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(ip, zeroes, 15) == 0) { /* :: and ::1 */
        return ip[15] == 0 || !allow_local;
    }
    return ip[0] == 0xff || memcmp(ip, mapped, sizeof(mapped)) == 0;
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
