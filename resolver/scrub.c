/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/scrub.h"

#include <string.h>

enum { DNS_PORT = 53, GLUE_PER_FAMILY_MAX = RS_GLUE_PER_NS_MAX / 2 };

bool rs_scrub_addr(uint16_t type, const struct rs_rdata *rdata, struct rt_addr *out)
{
    bool is_v6 = type == RS_AAAA;
    if (rdata->size != (is_v6 ? 16 : 4)) {
        return false;
    }
    *out = (struct rt_addr){.family = is_v6 ? 6 : 4, .port = DNS_PORT};
    memcpy(out->ip, rdata->data, rdata->size);
    return true;
}

void rs_scrub_add_glue(struct rs_ns *ns, const struct rs_config *config, const struct rt_addr *addr)
{
    unsigned of_family = 0;
    if (rs_config_is_forbidden_server(config, addr)) {
        return;
    }
    for (unsigned i = 0; i < ns->addrs_count; i++) {
        if (rt_addr_equal(&ns->addrs[i], addr)) {
            return;
        }
        of_family += ns->addrs[i].family == addr->family;
    }
    if (of_family < GLUE_PER_FAMILY_MAX) {
        ns->addrs[ns->addrs_count++] = *addr;
    }
}

/* May a server of `zone`, which delegates `child`, tell the address of the name server `name`? */
static bool is_glue_of_ours(const struct rs_config *config, const uint8_t *name,
                            const uint8_t *child, const uint8_t *zone)
{
    switch ((enum rs_glue_mode)config->glue_mode) {
    case RS_GLUE_NORMAL:
        return rs_name_is_under(name, zone);
    case RS_GLUE_STRICT:
        return rs_name_is_under(name, child);
    case RS_GLUE_PERMISSIVE:
        return true;
    }
    RT_UNREACHABLE("glue mode outside enum rs_glue_mode");
}

static void take_glue(const struct rs_message *reply, struct rs_ns *ns, uint16_t type,
                      const struct rs_config *config)
{
    const struct rs_rrset *set = rs_rrsets_find(&reply->additional, ns->name, type);
    struct rs_rdata rdata;
    struct rt_addr addr;

    if (set == NULL) {
        return;
    }
    for (bool more = rs_rdata_first(set->rdatas, set->rdatas_bytes, &rdata); more;
         more = rs_rdata_next(set->rdatas, set->rdatas_bytes, &rdata)) {
        if (rs_scrub_addr(type, &rdata, &addr)) {
            rs_scrub_add_glue(ns, config, &addr);
        }
    }
}

static uint8_t *copy_name(struct rt_arena *arena, const uint8_t *name)
{
    uint8_t *copy = rt_arena_copy(arena, name, rs_name_size(name));
    if (copy != NULL) {
        rs_name_lower(copy);
    }
    return copy;
}

rt_status rs_scrub_referral(const struct rs_message *reply, const struct rs_rrset *ns,
                            const uint8_t *zone, const struct rs_config *config,
                            struct rt_arena *arena, struct rs_delegation *out)
{
    struct rs_rdata rdata;

    *out = (struct rs_delegation){.zone = copy_name(arena, ns->owner)};
    if (out->zone == NULL) {
        return RT_NO_MEMORY;
    }
    for (bool more = rs_rdata_first(ns->rdatas, ns->rdatas_bytes, &rdata);
         more && out->ns_count < RS_NS_PER_DELEGATION_MAX;
         more = rs_rdata_next(ns->rdatas, ns->rdatas_bytes, &rdata)) {
        if (rdata.size == 0 || rs_name_check(rdata.data, rdata.size) != rdata.size) {
            continue;
        }
        struct rs_ns *server = &out->ns[out->ns_count];
        *server = (struct rs_ns){.name = copy_name(arena, rdata.data)};
        if (server->name == NULL) {
            return RT_NO_MEMORY;
        }
        if (is_glue_of_ours(config, server->name, out->zone, zone)) {
            take_glue(reply, server, RS_A, config);
            take_glue(reply, server, RS_AAAA, config);
        }
        out->ns_count++;
    }
    return out->ns_count > 0 ? RT_OK : RT_NOT_FOUND;
}

static rt_status append(struct rs_rrsets *out, const struct rs_rrset *set, uint32_t ttl_s,
                        struct rt_arena *arena)
{
    struct rs_rrset *copy = rs_rrset_share(arena, set);
    if (copy == NULL) {
        return RT_NO_MEMORY;
    }
    copy->section = RS_SECTION_AUTHORITY;
    copy->ttl_s = copy->ttl_s < ttl_s ? copy->ttl_s : ttl_s;
    rs_rrsets_append(out, copy);
    return RT_OK;
}

static bool is_denial(uint16_t type)
{
    return type == RS_NSEC || type == RS_NSEC3;
}

static rt_status append_denials(const struct rs_message *reply, const uint8_t *zone, uint32_t ttl_s,
                                struct rt_arena *arena, struct rs_rrsets *out)
{
    for (const struct rs_rrset *set = reply->authority.first; set != NULL; set = set->next) {
        if (is_denial(set->type) && rs_name_is_under(set->owner, zone) &&
            append(out, set, ttl_s, arena) != RT_OK) {
            return RT_NO_MEMORY;
        }
    }
    return RT_OK;
}

rt_status rs_scrub_ds(const struct rs_message *reply, const uint8_t *child, const uint8_t *zone,
                      struct rt_arena *arena, struct rs_rrsets *out)
{
    const struct rs_rrset *ds = rs_rrsets_find(&reply->authority, child, RS_DS);
    if (ds != NULL) {
        return append(out, ds, UINT32_MAX, arena);
    }
    return append_denials(reply, zone, UINT32_MAX, arena, out);
}

/* Does the set say nothing that the delegation did not say before? */
static bool is_known(const struct rs_rrset *ns, const struct rs_delegation *delegation)
{
    struct rs_rdata rdata;
    for (bool more = rs_rdata_first(ns->rdatas, ns->rdatas_bytes, &rdata); more;
         more = rs_rdata_next(ns->rdatas, ns->rdatas_bytes, &rdata)) {
        bool is_named = false;
        if (rdata.size == 0 || rs_name_check(rdata.data, rdata.size) != rdata.size) {
            return false;
        }
        for (unsigned i = 0; i < delegation->ns_count && !is_named; i++) {
            is_named = rs_name_equal(rdata.data, delegation->ns[i].name);
        }
        if (!is_named) {
            return false;
        }
    }
    return true;
}

rt_status rs_scrub_denial(const struct rs_message *reply, const struct rs_rrset *soa,
                          uint32_t ttl_s, const struct rs_delegation *delegation,
                          struct rt_arena *arena, struct rs_rrsets *out)
{
    if (soa == NULL) {
        return RT_OK;
    }
    rt_status status = append(out, soa, ttl_s, arena);
    if (status != RT_OK) {
        return status;
    }

    const struct rs_rrset *ns = rs_rrsets_find(&reply->authority, soa->owner, RS_NS);
    if (ns != NULL && delegation != NULL && rs_name_equal(delegation->zone, soa->owner) &&
        is_known(ns, delegation)) {
        status = append(out, ns, ttl_s, arena);
        if (status != RT_OK) {
            return status;
        }
    }
    /* RFC9077-3: denials live no longer than the negative answer. */
    return append_denials(reply, soa->owner, ttl_s, arena, out);
}
