/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "lua/hook.h"

/* Who may ask by default (RFC5358): this host and the networks that never reach us from outside. */
static const char *const local_networks[] = {
    "127.0.0.0/8",    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
    "169.254.0.0/16", "::1/128",    "fc00::/7",      "fe80::/10",
};

void lu_settings_init(struct lu_settings *settings, unsigned workers_count)
{
    memset(settings, 0, sizeof(*settings));
    rs_config_init(&settings->resolver);
    settings->workers_count = workers_count;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(local_networks); i++) {
        rt_status status = rt_prefix_parse(local_networks[i], &settings->acl[i]);
        RT_CHECK(status == RT_OK);
    }
    settings->acl_count = RT_ARRAY_COUNT(local_networks);
    settings->answer_cache_bytes = UINT64_C(64) << 20;
    settings->tcp_pipeline = 100;
    settings->tcp_idle_ms = 10000;
    settings->tcp_clients_max = 4096;
    settings->queries_max = 16384;
}
