/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/alias.h"

/* The DNAME of the zone that redirects `name`, which is strictly below its owner (RFC6672-2.3). */
static const struct rs_rrset *dname_above(const struct rs_rrsets *sets, const uint8_t *name,
                                          const uint8_t *zone)
{
    for (const struct rs_rrset *set = sets->first; set != NULL; set = set->next) {
        if (set->type == RS_DNAME && rs_name_is_under(set->owner, zone) &&
            rs_name_is_under(name, set->owner) && !rs_name_equal(name, set->owner) &&
            rs_rrset_target(set) != NULL) {
            return set;
        }
    }
    return NULL;
}

static const struct rs_rrset *cname_at(const struct rs_rrsets *sets, const uint8_t *name)
{
    const struct rs_rrset *set = rs_rrsets_find(sets, name, RS_CNAME);
    return set != NULL && rs_rrset_target(set) != NULL ? set : NULL;
}

bool rs_alias_is_within(const struct rs_config *config, const uint8_t *zone, const uint8_t *asked,
                        const uint8_t *name)
{
    return rs_name_is_under(name, zone) &&
           rs_config_forward(config, name) == rs_config_forward(config, asked);
}

bool rs_alias_begins(const struct rs_rrsets *sets, const uint8_t *name, uint16_t type,
                     const uint8_t *zone)
{
    if (!rs_name_is_under(name, zone)) {
        return false;
    }
    return rs_rrsets_find(sets, name, type) != NULL || cname_at(sets, name) != NULL ||
           dname_above(sets, name, zone) != NULL;
}

/* Appends a copy of `set` to the chain unless it is there: one DNAME may serve several links. */
static bool append_once(struct rs_alias_walk *walk, const struct rs_rrset *set)
{
    if (rs_rrsets_find(walk->chain, set->owner, set->type) != NULL) {
        return true;
    }
    struct rs_rrset *copy = rs_rrset_share(walk->arena, set);
    if (copy == NULL) {
        return false;
    }
    copy->section = RS_SECTION_ANSWER;
    rs_rrsets_append(walk->chain, copy);
    return true;
}

bool rs_alias_is_loop(const struct rs_rrsets *chain, const uint8_t *target)
{
    return rs_rrsets_find(chain, target, RS_CNAME) != NULL;
}

/* One link: the chain gets `cname`, the walk moves to its target. */
static enum rs_alias_end take_cname(struct rs_alias_walk *walk, const struct rs_rrset *cname)
{
    if (walk->links >= walk->links_max) {
        return RS_ALIAS_LIMIT;
    }
    if (!append_once(walk, cname)) {
        return RS_ALIAS_NO_MEMORY;
    }
    walk->links++;
    rs_name_copy(&walk->last, rs_rrset_target(cname));
    return rs_alias_is_loop(walk->chain, walk->last.wire) ? RS_ALIAS_LOOP : RS_ALIAS_OPEN;
}

static enum rs_alias_end take_dname(struct rs_alias_walk *walk, const struct rs_rrset *dname)
{
    struct rs_name target;
    if (!append_once(walk, dname)) {
        return RS_ALIAS_NO_MEMORY;
    }
    if (rs_name_substitute(walk->last.wire, dname->owner, rs_rrset_target(dname), &target) !=
        RT_OK) {
        return RS_ALIAS_TOO_LONG;
    }

    /* RFC6672-3.1: the synthesised CNAME has the TTL of its DNAME. */
    struct rs_rrset *cname = rs_rrset_new(walk->arena, walk->last.wire, RS_CNAME, dname->ttl_s,
                                          target.wire, target.size);
    if (cname == NULL) {
        return RS_ALIAS_NO_MEMORY;
    }
    cname->is_synthesized = true;
    cname->rank = dname->rank;
    return take_cname(walk, cname);
}

enum rs_alias_end rs_alias_follow(const struct rs_rrsets *sets, struct rs_alias_walk *walk)
{
    const struct rs_name asked = walk->last;
    enum rs_alias_end end = RS_ALIAS_OPEN;

    while (end == RS_ALIAS_OPEN &&
           rs_alias_is_within(walk->config, walk->zone, asked.wire, walk->last.wire)) {
        const struct rs_rrset *set = rs_rrsets_find(sets, walk->last.wire, walk->type);
        const struct rs_rrset *dname = dname_above(sets, walk->last.wire, walk->zone);
        if (set != NULL && (dname == NULL || walk->type != RS_CNAME)) {
            return append_once(walk, set) ? RS_ALIAS_ANSWERED : RS_ALIAS_NO_MEMORY;
        }
        const struct rs_rrset *cname = cname_at(sets, walk->last.wire);
        if (dname != NULL) {
            end = take_dname(walk, dname);
            if (walk->type == RS_CNAME && (end == RS_ALIAS_OPEN || end == RS_ALIAS_LOOP)) {
                return RS_ALIAS_ANSWERED; /* The CNAME it made is what was asked for. */
            }
        } else if (cname != NULL) {
            end = take_cname(walk, cname);
        } else {
            return RS_ALIAS_OPEN;
        }
    }
    return end;
}
