/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/zone.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/check.h"

enum { CHAIN_MAX = 20, TTL_DEFAULT_S = 3600 };

static struct sim_record *find(const struct sim_zone *zone, const struct sim_name *name,
                               uint16_t type)
{
    for (unsigned i = 0; i < zone->records.count; i++) {
        struct sim_record *record = &zone->records.items[i];
        if (record->type == type && sim_name_equal(&record->owner, name)) {
            return record;
        }
    }
    return NULL;
}

static void add_lines(struct sim_zone *zone, const char *text)
{
    char line[2048];

    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        RT_CHECK(size < sizeof(line));
        memcpy(line, text, size);
        line[size] = '\0';
        text += size + (text[size] == '\n' ? 1 : 0);
        if (strspn(line, " \t\r") == strlen(line) || line[0] == ';') {
            continue;
        }
        if (!sim_record_parse(line, &zone->origin, TTL_DEFAULT_S, &zone->records)) {
            fprintf(stderr, "zone line not understood: %s\n", line);
            abort();
        }
    }
}

struct sim_zone *sim_zone_new(const char *origin, const char *text)
{
    struct sim_zone *zone = calloc(1, sizeof(*zone));

    RT_CHECK(zone != NULL);
    zone->origin = sim_name(origin);
    add_lines(zone, text);
    if (find(zone, &zone->origin, RS_SOA) == NULL) {
        add_lines(zone, "@ 3600 SOA ns hostmaster 1 7200 3600 1209600 300");
    }
    return zone;
}

void sim_zone_add(struct sim_zone *zone, const char *format, ...)
{
    char line[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    add_lines(zone, line);
}

void sim_zone_free(struct sim_zone *zone)
{
    if (zone != NULL) {
        sim_records_free(&zone->records);
        free(zone);
    }
}

void sim_found_free(struct sim_found *found)
{
    sim_records_free(&found->records);
}

struct sim_record *sim_found_add(struct sim_found *found, unsigned section,
                                 const struct sim_record *record)
{
    struct sim_record *copy = sim_records_add(&found->records, &record->owner, record->type,
                                              record->ttl_s, record->rdata, record->rdata_size);

    copy->section = (uint8_t)section;
    return copy;
}

/* All records of a type at `at`, told as if they stood at `owner` (wildcards). */
static unsigned add_set(const struct sim_zone *zone, const struct sim_name *at,
                        const struct sim_name *owner, uint16_t type, unsigned section,
                        struct sim_found *out)
{
    unsigned count = 0;

    for (unsigned i = 0; i < zone->records.count; i++) {
        const struct sim_record *record = &zone->records.items[i];
        if ((record->type == type || type == RS_ANY) && sim_name_equal(&record->owner, at)) {
            sim_found_add(out, section, record)->owner = *owner;
            count++;
        }
    }
    return count;
}

/* Something stands at or below `name`: below only makes it an empty non-terminal. */
static bool exists(const struct sim_zone *zone, const struct sim_name *name)
{
    for (unsigned i = 0; i < zone->records.count; i++) {
        if (sim_name_is_under(&zone->records.items[i].owner, name)) {
            return true;
        }
    }
    return false;
}

static void add_glue(const struct sim_zone *zone, struct sim_found *out)
{
    unsigned count = out->records.count; /* The list grows while we look at its start. */

    for (unsigned i = 0; i < count; i++) {
        if (out->records.items[i].type == RS_NS && out->records.items[i].section == 1) {
            struct sim_name target = {.size = (uint8_t)out->records.items[i].rdata_size};
            memcpy(target.wire, out->records.items[i].rdata, target.size);
            add_set(zone, &target, &target, RS_A, 2, out);
            add_set(zone, &target, &target, RS_AAAA, 2, out);
        }
    }
}

static void add_soa(const struct sim_zone *zone, struct sim_found *out)
{
    const struct sim_record *soa = find(zone, &zone->origin, RS_SOA);
    const uint8_t *minimum = soa->rdata + soa->rdata_size - 4;
    uint32_t ttl_s = (uint32_t)minimum[0] << 24 | (uint32_t)minimum[1] << 16 |
                     (uint32_t)minimum[2] << 8 | minimum[3];

    /* RFC2308-3: the TTL of a SOA in a negative answer is the least of its own and MINIMUM. */
    struct sim_record *copy = sim_found_add(out, 1, soa);
    copy->ttl_s = ttl_s < copy->ttl_s ? ttl_s : copy->ttl_s;
}

static struct sim_name target_of(const struct sim_record *record)
{
    struct sim_name target = {.size = (uint8_t)record->rdata_size};

    memcpy(target.wire, record->rdata, target.size);
    return target;
}

enum step { STEP_DONE, STEP_REFERRAL, STEP_ALIAS };

/* A DNAME above `name`: itself, and the CNAME it means for `name` (RFC6672-3.1). */
static enum step follow_dname(const struct sim_record *dname, struct sim_name *name,
                              struct sim_found *out)
{
    struct sim_name target = target_of(dname), result;

    sim_found_add(out, 0, dname);
    if (!sim_name_substitute(name, &dname->owner, &target, &result)) {
        out->rcode = RS_YXDOMAIN;
        return STEP_DONE;
    }
    struct sim_record *cname =
        sim_records_add(&out->records, name, RS_CNAME, dname->ttl_s, result.wire, result.size);
    cname->section = 0;
    *name = result;
    return STEP_ALIAS;
}

/* Records at `at` answer for `name`. */
static enum step answer_from(const struct sim_zone *zone, const struct sim_name *at,
                             struct sim_name *name, uint16_t type, struct sim_found *out)
{
    const struct sim_record *cname = find(zone, at, RS_CNAME);

    if (cname != NULL && type != RS_CNAME && type != RS_ANY) {
        sim_found_add(out, 0, cname)->owner = *name;
        *name = target_of(cname);
        return STEP_ALIAS;
    }
    if (add_set(zone, at, name, type, 0, out) == 0) {
        add_soa(zone, out);
    }
    return STEP_DONE;
}

/* Down from the apex to `name`: a delegation or DNAME on the way decides. */
static enum step walk(const struct sim_zone *zone, struct sim_name *name, uint16_t type,
                      struct sim_found *out)
{
    unsigned labels = sim_name_labels(name), first = sim_name_labels(&zone->origin);
    struct sim_name encloser = zone->origin;

    for (unsigned i = first; i <= labels; i++) {
        struct sim_name at = sim_name_parent(name, labels - i);
        bool is_whole = i == labels;
        if (i > first && find(zone, &at, RS_NS) != NULL && !(is_whole && type == RS_DS)) {
            add_set(zone, &at, &at, RS_NS, 1, out);
            add_glue(zone, out);
            out->is_authoritative = out->records.items[0].section == 0; /* an alias before it */
            return STEP_REFERRAL;
        }
        const struct sim_record *dname = is_whole ? NULL : find(zone, &at, RS_DNAME);
        if (dname != NULL) {
            return follow_dname(dname, name, out);
        }
        if (!exists(zone, &at)) {
            break;
        }
        encloser = at;
    }
    if (sim_name_equal(&encloser, name)) {
        return answer_from(zone, name, name, type, out);
    }
    struct sim_name wildcard; /* RFC4592-3.3.1: at the closest encloser, and nowhere else */
    if (sim_name_child("*", &encloser, &wildcard) && exists(zone, &wildcard)) {
        return answer_from(zone, &wildcard, name, type, out);
    }
    out->rcode = RS_NXDOMAIN;
    add_soa(zone, out);
    return STEP_DONE;
}

enum sim_outcome sim_zone_lookup(const struct sim_zone *zone, const struct sim_name *name,
                                 uint16_t type, struct sim_found *out)
{
    out->is_authoritative = true;
    out->last = *name;
    for (unsigned links = 0; links < CHAIN_MAX; links++) {
        switch (walk(zone, &out->last, type, out)) {
        case STEP_DONE:
            return SIM_ANSWER;
        case STEP_REFERRAL:
            return SIM_REFERRAL;
        case STEP_ALIAS:
            break;
        }
        if (!sim_name_is_under(&out->last, &zone->origin)) {
            return SIM_OUTSIDE;
        }
    }
    return SIM_ANSWER; /* a loop: as far as this server goes */
}

const struct sim_zone *sim_zones_find(struct sim_zone *const *zones, unsigned count,
                                      const struct sim_name *name, uint16_t type)
{
    const struct sim_zone *best = NULL;

    for (unsigned i = 0; i < count; i++) {
        const struct sim_name *origin = &zones[i]->origin;
        bool is_child_side = type == RS_DS && origin->size > 1 && sim_name_equal(origin, name);
        if (sim_name_is_under(name, origin) && !is_child_side &&
            (best == NULL || origin->size > best->origin.size)) {
            best = zones[i];
        }
    }
    return best;
}

/* Only answers count: what referrals and negatives carry beside them is not the client's. */
static void keep_answer(struct sim_found *found)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < found->records.count; i++) {
        if (found->records.items[i].section == 0) {
            found->records.items[kept++] = found->records.items[i];
        } else {
            free(found->records.items[i].rdata);
        }
    }
    found->records.count = kept;
}

bool sim_truth(struct sim_zone *const *zones, unsigned count, const struct sim_name *name,
               uint16_t type, unsigned aliases_max, struct sim_found *out)
{
    unsigned links = 0;

    memset(out, 0, sizeof(*out));
    out->last = *name;
    for (unsigned i = 0; i <= CHAIN_MAX; i++) {
        struct sim_name at = out->last;
        const struct sim_zone *zone = sim_zones_find(zones, count, &at, type);
        if (zone == NULL) {
            return false;
        }
        enum sim_outcome outcome = sim_zone_lookup(zone, &at, type, out);
        keep_answer(out);
        links = 0;
        for (unsigned j = 0; j < out->records.count; j++) {
            links += out->records.items[j].type == RS_CNAME && type != RS_CNAME;
        }
        if (links > aliases_max || outcome == SIM_REFERRAL) {
            return false; /* The tree has no zone for what it delegates: not a question to ask. */
        }
        if (outcome == SIM_ANSWER) {
            return true;
        }
    }
    return false;
}
