/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lua/root_hints.h"

#include <string.h>

#include "lua/zone_file.h"

/* The root zone's name servers as IANA publishes them (named.root). Priming (RFC9609) replaces them
 * at the first start, so one living address among them is enough for years. */
static const struct {
    const char *name, *v4, *v6;
} root_servers[] = {
    {"a.root-servers.net.", "198.41.0.4", "2001:503:ba3e::2:30"},
    {"b.root-servers.net.", "170.247.170.2", "2801:1b8:10::b"},
    {"c.root-servers.net.", "192.33.4.12", "2001:500:2::c"},
    {"d.root-servers.net.", "199.7.91.13", "2001:500:2d::d"},
    {"e.root-servers.net.", "192.203.230.10", "2001:500:a8::e"},
    {"f.root-servers.net.", "192.5.5.241", "2001:500:2f::f"},
    {"g.root-servers.net.", "192.112.36.4", "2001:500:12::d0d"},
    {"h.root-servers.net.", "198.97.190.53", "2001:500:1::53"},
    {"i.root-servers.net.", "192.36.148.17", "2001:7fe::53"},
    {"j.root-servers.net.", "192.58.128.30", "2001:503:c27::2:30"},
    {"k.root-servers.net.", "193.0.14.129", "2001:7fd::1"},
    {"l.root-servers.net.", "199.7.83.42", "2001:500:9f::42"},
    {"m.root-servers.net.", "202.12.27.33", "2001:dc3::35"},
};

void lu_root_hints(struct rs_hints *hints)
{
    memset(hints, 0, sizeof(*hints));
    for (unsigned i = 0; i < RT_ARRAY_COUNT(root_servers); i++) {
        const char *const texts[] = {root_servers[i].v4, root_servers[i].v6};
        struct rs_name name;
        RT_CHECK(rs_name_parse(root_servers[i].name, &name) == RT_OK);
        for (unsigned t = 0; t < RT_ARRAY_COUNT(texts); t++) {
            struct rt_addr addr;
            RT_CHECK(rt_addr_parse(texts[t], 53, &addr) == RT_OK);
            RT_CHECK(lu_hints_add(hints, &name, &addr));
        }
    }
}
