/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/cache/lookup.h"

#include "resolver/config.h"
#include "resolver/limits.h"

/* The walk along one chain of aliases. */
struct walk {
    struct rs_cache_view *view;
    struct rt_arena *arena;
    struct rs_response *out;
    uint64_t now_s;
    uint16_t type;
    struct rs_name name; /* where the chain has come to */
    unsigned links;      /* CNAMEs in the answer so far, made ones included */
    bool is_found;       /* something has been appended by this walk */
};

enum step {
    STEP_NOTHING, /* the cache knows nothing of use about the name */
    STEP_ALIAS,   /* `name` has moved on */
    STEP_DONE,    /* out has the end of the chain */
    STEP_FAILURE,
};

static bool get(struct walk *walk, const uint8_t *name, enum rs_slot slot, uint16_t type,
                struct rs_entry *out)
{
    if (rs_cache_get(walk->view, name, slot, type, walk->now_s, walk->arena, out) != RT_OK) {
        return false;
    }
    /* RFC2181-5.4.1: data from additional sections and referrals MUST NOT be given as answers. What
     * validation has refused answers nobody either. */
    return slot == RS_SLOT_FAILURE || (out->rank >= RS_RANK_ANSWER && out->security != RS_BOGUS);
}

/* The whole is as sure as its weakest part. */
static void note_security(struct walk *walk, uint8_t security)
{
    bool is_first = !walk->is_found && walk->links == 0;
    if (is_first || security < walk->out->security) {
        walk->out->security = security;
    }
    walk->is_found = true;
}

static void append_all(struct walk *walk, struct rs_rrsets *list, const struct rs_entry *entry,
                       enum rs_section section)
{
    struct rs_rrset *next;
    for (struct rs_rrset *set = entry->sets.first; set != NULL; set = next) {
        next = set->next;
        set->next = NULL;
        set->section = (uint8_t)section;
        rs_rrsets_append(list, set);
    }
    note_security(walk, entry->security);
}

static enum step deny(struct walk *walk, const struct rs_entry *entry)
{
    /* RFC2308-5: the SOA goes with the denial, its TTL counted down. RFC6604-3: the rcode is that
     * of the last name of the chain. */
    walk->out->rcode = entry->kind == RS_KIND_NXDOMAIN ? RS_NXDOMAIN : RS_NOERROR;
    append_all(walk, &walk->out->authority, entry, RS_SECTION_AUTHORITY);
    return STEP_DONE;
}

/* SERVFAIL with the chain that is the reason, worth keeping for a moment: asking again finds the
 * same chain. */
static enum step give_up(struct walk *walk)
{
    walk->out->rcode = RS_SERVFAIL;
    walk->out->ttl_s_max = RS_FAILURE_TTL_S_MIN;
    return STEP_DONE;
}

/* Goes on at `target`. The chain has a bound, and no name comes twice in it. */
static enum step follow(struct walk *walk, const uint8_t *target)
{
    rs_name_copy(&walk->name, target);
    if (++walk->links > RS_CNAME_CHAIN_MAX ||
        rs_rrsets_find(&walk->out->answer, walk->name.wire, RS_CNAME) != NULL) {
        return give_up(walk);
    }
    return STEP_ALIAS;
}

/* The RRset of the asked type, or the proof that it is not there. */
static enum step try_exact(struct walk *walk)
{
    struct rs_entry entry;
    if (!get(walk, walk->name.wire, RS_SLOT_RECORDS, walk->type, &entry)) {
        return STEP_NOTHING;
    }
    if (entry.kind == RS_KIND_NODATA) {
        return deny(walk, &entry);
    }
    if (entry.kind != RS_KIND_RRSET) {
        return STEP_NOTHING;
    }
    walk->out->rcode = RS_NOERROR;
    append_all(walk, &walk->out->answer, &entry, RS_SECTION_ANSWER);
    return STEP_DONE;
}

/* RFC1034-3.6.2: a CNAME at the name answers for every other type. */
static enum step try_cname(struct walk *walk)
{
    struct rs_entry entry;
    if (walk->type == RS_CNAME || !get(walk, walk->name.wire, RS_SLOT_RECORDS, RS_CNAME, &entry) ||
        entry.kind != RS_KIND_RRSET) {
        return STEP_NOTHING;
    }
    const uint8_t *target = rs_rrset_target(entry.sets.first);
    if (target == NULL) {
        return STEP_NOTHING;
    }
    append_all(walk, &walk->out->answer, &entry, RS_SECTION_ANSWER);
    return follow(walk, target);
}

/* RFC6672-3.1: the CNAME that a DNAME stands for, with the TTL of the DNAME; or YXDOMAIN when the
 * new name would be too long. */
static enum step apply_dname(struct walk *walk, const struct rs_entry *entry)
{
    const struct rs_rrset *dname = entry->sets.first;
    const uint8_t *to = rs_rrset_target(dname);
    struct rs_name target;
    if (to == NULL) {
        return STEP_NOTHING;
    }
    rt_status status = rs_name_substitute(walk->name.wire, dname->owner, to, &target);
    if (status == RT_NOT_FOUND) {
        return STEP_NOTHING;
    }
    struct rs_rrset *cname = NULL;
    if (status == RT_OK) {
        cname = rs_rrset_new(walk->arena, walk->name.wire, RS_CNAME, dname->ttl_s, target.wire,
                             target.size);
        if (cname == NULL) {
            return STEP_NOTHING;
        }
    }
    append_all(walk, &walk->out->answer, entry, RS_SECTION_ANSWER);
    if (cname == NULL) {
        walk->out->rcode = RS_YXDOMAIN; /* RFC6672-2.2 */
        return STEP_DONE;
    }
    cname->rank = entry->rank;
    cname->security = entry->security;
    cname->section = RS_SECTION_ANSWER;
    cname->is_synthesized = 1;
    rs_rrsets_append(&walk->out->answer, cname);
    if (walk->type == RS_CNAME) {
        walk->out->rcode = RS_NOERROR;
        return STEP_DONE;
    }
    return follow(walk, target.wire);
}

/* How many labels may be taken off the name without leaving the tree it is resolved in: that of its
 * forwarder, or the world's without the root, which exists and has no DNAME. */
static unsigned ancestors_count(const struct walk *walk)
{
    unsigned labels = rs_name_labels(walk->name.wire);
    const struct rs_forward *forward =
        walk->view->config == NULL ? NULL : rs_config_forward(walk->view->config, walk->name.wire);
    if (forward == NULL || rs_name_is_root(forward->name.wire)) {
        return labels;
    }
    return labels - rs_name_labels(forward->name.wire) + 1;
}

/* The name itself does not exist, or something above it answers: a DNAME, or the denial of an
 * ancestor. Two reads for each label. */
static enum step try_ancestors(struct walk *walk)
{
    struct rs_entry entry;
    unsigned labels = ancestors_count(walk);
    for (unsigned i = 0; i < labels; i++) {
        const uint8_t *at = rs_name_parent(walk->name.wire, i);
        if (i > 0 && get(walk, at, RS_SLOT_RECORDS, RS_DNAME, &entry) &&
            entry.kind == RS_KIND_RRSET) {
            enum step step = apply_dname(walk, &entry);
            if (step != STEP_NOTHING) {
                return step;
            }
        }
        /* RFC8020-2: when a name does not exist, nothing below it does. */
        if (get(walk, at, RS_SLOT_NXDOMAIN, 0, &entry) && entry.kind == RS_KIND_NXDOMAIN) {
            return deny(walk, &entry);
        }
    }
    return STEP_NOTHING;
}

/* RFC9520-3.2: what failed a moment ago is not tried again. */
static enum step try_failure(struct walk *walk, const uint8_t *name)
{
    struct rs_entry entry;
    if (!get(walk, name, RS_SLOT_FAILURE, walk->type, &entry) || entry.kind != RS_KIND_FAILURE) {
        return STEP_NOTHING;
    }
    struct rs_response *out = walk->out;
    out->answer = out->authority = (struct rs_rrsets){0};
    out->rcode = RS_SERVFAIL;
    out->security = RS_UNCHECKED;
    out->ttl_s_max = entry.ttl_s;
    out->ede = (int16_t)entry.failure.ede;
    if (out->ede == RS_EDE_NONE) {
        out->ede = RS_EDE_CACHED_ERROR;
    }
    return STEP_FAILURE;
}

static enum step take_step(struct walk *walk)
{
    enum step step = try_exact(walk);
    if (step == STEP_NOTHING) {
        step = try_cname(walk);
    }
    if (step == STEP_NOTHING) {
        step = try_ancestors(walk);
    }
    return step == STEP_NOTHING ? try_failure(walk, walk->name.wire) : step;
}

static void begin_response(struct rs_response *out)
{
    out->rcode = RS_NOERROR;
    out->ede = RS_EDE_NONE;
    if (out->ttl_s_max == 0) {
        out->ttl_s_max = UINT32_MAX;
    }
}

/* The end of the chain is not known. Its beginning may have failed: by spending all that a question
 * may cost on the way (RFC9520-3.2). */
static enum rs_found end_open(struct walk *walk, const uint8_t *asked)
{
    if (!walk->is_found) {
        return RS_FOUND_NOTHING;
    }
    return try_failure(walk, asked) == STEP_FAILURE ? RS_FOUND_FAILURE : RS_FOUND_ALIAS;
}

static enum rs_found run(struct walk *walk, const uint8_t *asked)
{
    for (;;) {
        switch (take_step(walk)) {
        case STEP_ALIAS:
            break; /* follow() bounds how often */
        case STEP_DONE:
            return RS_FOUND_ANSWER;
        case STEP_FAILURE:
            return RS_FOUND_FAILURE;
        case STEP_NOTHING:
            return end_open(walk, asked);
        }
    }
}

enum rs_found rs_lookup(struct rs_cache_view *view, const struct rs_question *question,
                        uint64_t now_s, struct rt_arena *arena, struct rs_response *out,
                        struct rs_name *last)
{
    struct walk walk = {
        .view = view,
        .arena = arena,
        .out = out,
        .now_s = now_s,
        .type = question->type,
        .name = question->name,
    };
    *last = question->name;
    if (question->class != RS_IN || rs_type_is_meta(question->type)) {
        return RS_FOUND_NOTHING;
    }
    for (const struct rs_rrset *set = out->answer.first; set != NULL; set = set->next) {
        walk.links += set->type == RS_CNAME;
    }
    struct rs_response before = *out;
    begin_response(out);
    enum rs_found found = run(&walk, question->name.wire);
    if (found == RS_FOUND_NOTHING) {
        *out = before;
    }
    *last = walk.name;
    return found;
}
