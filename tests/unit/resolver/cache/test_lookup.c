/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/kit.h"

#include "resolver/cache/lookup.h"
#include "resolver/config.h"
#include "resolver/limits.h"

enum { NOW = 1000 };

struct scene {
    struct kit *kit;
    struct rs_cache cache;
    struct rs_cache_view view;
    struct rs_response out;
    struct rs_name last;
};

static struct scene *scene_begin(struct kit *kit)
{
    static const struct rt_siphash_key key = {.bytes = "a random key 123"};
    struct scene *scene = calloc(1, sizeof(*scene));
    scene->kit = kit;
    assert_int_equal(
        rs_cache_open_memory(&scene->cache, 4, 32 << 20, NULL, &key, UINT64_C(1000) * NOW, 0),
        RT_OK);
    assert_int_equal(rs_cache_view_open(&scene->view, &scene->cache), RT_OK);
    return scene;
}

static void scene_end(struct scene *scene)
{
    rs_cache_view_close(&scene->view);
    rs_cache_close(&scene->cache);
    free(scene);
}

static void store_entry(struct scene *scene, const char *text, enum rs_slot slot, uint16_t type,
                        const struct rs_entry *entry)
{
    struct rs_name name = kit_name(text);
    struct rs_key key;
    static uint8_t batch[KIT_VALUE_BYTES];
    uint32_t size = 0;
    rt_status status;
    rs_key_make(&key, name.wire, slot, type);
    assert_int_equal(rs_batch_append(batch, sizeof(batch), &size, &key, entry), RT_OK);
    struct rs_store *store = scene->cache.shards[rs_cache_shard(&scene->cache, name.wire)];
    assert_int_equal(rs_batch_apply(store, batch, size, entry->made_s, &status), 1);
    assert_int_equal(store->ops->commit(store), RT_OK);
    rs_cache_view_release(&scene->view);
}

static void have_set(struct scene *scene, const char *name, struct rs_rrset *set, uint8_t rank)
{
    struct rs_entry entry = kit_positive(scene->kit, set, rank, NOW);
    store_entry(scene, name, RS_SLOT_RECORDS, set->type, &entry);
}

static void have_a(struct scene *scene, const char *name, uint32_t ttl_s)
{
    have_set(scene, name, kit_a(scene->kit, name, ttl_s, "1"), RS_RANK_AUTH_ANSWER);
}

static void have_target(struct scene *scene, const char *name, uint16_t type, uint32_t ttl_s,
                        const char *target)
{
    have_set(scene, name, kit_target(scene->kit, name, type, ttl_s, target), RS_RANK_AUTH_ANSWER);
}

static void have_nodata(struct scene *scene, const char *name, uint16_t type, uint32_t ttl_s)
{
    struct rs_entry entry = kit_denial(scene->kit, RS_KIND_NODATA, ttl_s, NOW);
    store_entry(scene, name, RS_SLOT_RECORDS, type, &entry);
}

static void have_nxdomain(struct scene *scene, const char *name, uint32_t ttl_s)
{
    struct rs_entry entry = kit_denial(scene->kit, RS_KIND_NXDOMAIN, ttl_s, NOW);
    store_entry(scene, name, RS_SLOT_NXDOMAIN, 0, &entry);
}

static void have_failure(struct scene *scene, const char *name, uint16_t type, uint32_t ttl_s)
{
    struct rs_entry entry = kit_failure(scene->kit, ttl_s, NOW);
    store_entry(scene, name, RS_SLOT_FAILURE, type, &entry);
}

static enum rs_found ask_at(struct scene *scene, const char *name, uint16_t type, uint64_t now_s)
{
    struct rs_question question = {.name = kit_name(name), .type = type, .class = RS_IN};
    memset(&scene->out, 0, sizeof(scene->out));
    enum rs_found found =
        rs_lookup(&scene->view, &question, now_s, &scene->kit->arena, &scene->out, &scene->last);
    rs_cache_view_release(&scene->view);
    return found;
}

static enum rs_found ask(struct scene *scene, const char *name, uint16_t type)
{
    return ask_at(scene, name, type, NOW);
}

static void expect_last(const struct scene *scene, const char *name)
{
    assert_true(rs_name_equal(scene->last.wire, kit_name(name).wire));
}

/* The least there is; and the TTL that the client gets is what is left. */
static void exact_set_answers_with_its_ttl_left(void **state)
{
    struct scene *scene = scene_begin(*state);
    have_a(scene, "www.example.", 300);
    assert_int_equal(ask_at(scene, "www.example.", RS_A, NOW + 100), RS_FOUND_ANSWER);
    assert_int_equal(scene->out.rcode, RS_NOERROR);
    assert_int_equal(scene->out.ede, RS_EDE_NONE);
    assert_int_equal(scene->out.answer.count, 1);
    assert_int_equal(scene->out.answer.first->ttl_s, 200);
    assert_int_equal(scene->out.ttl_s_max, UINT32_MAX);
    expect_last(scene, "www.example.");

    assert_int_equal(ask_at(scene, "www.example.", RS_A, NOW + 300), RS_FOUND_NOTHING);
    assert_int_equal(ask(scene, "www.example.", RS_AAAA), RS_FOUND_NOTHING);
    assert_int_equal(ask(scene, "example.", RS_A), RS_FOUND_NOTHING);
    scene_end(scene);
}

/* RFC2181-5.4.1 (row 6): glue and referral data MUST NOT be returned as answers. */
static void low_ranks_never_answer(void **state)
{
    static const uint8_t ranks[] = {RS_RANK_ADDITIONAL, RS_RANK_REFERRAL, RS_RANK_ANSWER,
                                    RS_RANK_AUTHORITY, RS_RANK_AUTH_ANSWER};
    struct scene *scene = scene_begin(*state);
    for (unsigned i = 0; i < RT_ARRAY_COUNT(ranks); i++) {
        have_set(scene, "ns.example.", kit_a(*state, "ns.example.", 300, "1"), ranks[i]);
        have_set(scene, "al.example.",
                 kit_target(*state, "al.example.", RS_CNAME, 300, "ns.example."), ranks[i]);
        assert_int_equal(ask(scene, "ns.example.", RS_A),
                         ranks[i] >= RS_RANK_ANSWER ? RS_FOUND_ANSWER : RS_FOUND_NOTHING);
        assert_int_equal(ask(scene, "al.example.", RS_A),
                         ranks[i] >= RS_RANK_ANSWER ? RS_FOUND_ANSWER : RS_FOUND_NOTHING);
    }
    scene_end(scene);
}

/* RFC2308-5 (row 7): a cached NODATA gives its SOA, with the TTL that is left, and NOERROR. */
static void nodata_brings_its_soa(void **state)
{
    struct scene *scene = scene_begin(*state);
    have_nodata(scene, "www.example.", RS_AAAA, 60);
    assert_int_equal(ask_at(scene, "www.example.", RS_AAAA, NOW + 15), RS_FOUND_ANSWER);
    assert_int_equal(scene->out.rcode, RS_NOERROR);
    assert_int_equal(scene->out.answer.count, 0);
    assert_int_equal(scene->out.authority.count, 1);
    assert_int_equal(scene->out.authority.first->type, RS_SOA);
    assert_int_equal(scene->out.authority.first->ttl_s, 45);
    assert_int_equal(ask_at(scene, "www.example.", RS_AAAA, NOW + 60), RS_FOUND_NOTHING);
    assert_int_equal(ask(scene, "www.example.", RS_A), RS_FOUND_NOTHING);
    scene_end(scene);
}

/* RFC2308-5 (row 7): NXDOMAIN holds for every type of the name. */
static void nxdomain_denies_every_type(void **state)
{
    struct scene *scene = scene_begin(*state);
    have_nxdomain(scene, "no.example.", 60);
    static const uint16_t types[] = {RS_A, RS_AAAA, RS_CNAME, RS_TXT, 65400};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(types); i++) {
        assert_int_equal(ask(scene, "no.example.", types[i]), RS_FOUND_ANSWER);
        assert_int_equal(scene->out.rcode, RS_NXDOMAIN);
        assert_int_equal(scene->out.authority.first->ttl_s, 60);
    }
    scene_end(scene);
}

/* RFC8020-2 (row 22): nothing exists below a name that does not exist; beside and above it may. */
static void nxdomain_cuts_everything_below(void **state)
{
    struct scene *scene = scene_begin(*state);
    have_nxdomain(scene, "no.example.", 60);
    assert_int_equal(ask(scene, "a.b.c.no.example.", RS_A), RS_FOUND_ANSWER);
    assert_int_equal(scene->out.rcode, RS_NXDOMAIN);
    assert_int_equal(scene->out.authority.count, 1);
    assert_int_equal(ask(scene, "yes.example.", RS_A), RS_FOUND_NOTHING);
    assert_int_equal(ask(scene, "example.", RS_A), RS_FOUND_NOTHING);
    assert_int_equal(ask(scene, "nono.example.", RS_A), RS_FOUND_NOTHING);
    assert_int_equal(ask_at(scene, "a.no.example.", RS_A, NOW + 60), RS_FOUND_NOTHING);

    /* What was seen later and lives is served: the zone may have changed. */
    have_a(scene, "new.no.example.", 300);
    assert_int_equal(ask(scene, "new.no.example.", RS_A), RS_FOUND_ANSWER);
    assert_int_equal(scene->out.rcode, RS_NOERROR);
    scene_end(scene);
}

/* UB CVE-2026-44687: the public NXDOMAIN of a parent must not hide a name that is forwarded. */
static void nxdomain_above_a_forwarded_name_does_not_count(void **state)
{
    struct scene *scene = scene_begin(*state);
    static struct rs_config config;
    config = (struct rs_config){.forwards_count = 1};
    config.forwards[0].name = kit_name("corp.no.example.");
    scene->view.config = &config;
    have_nxdomain(scene, "no.example.", 60);
    assert_int_equal(ask(scene, "www.corp.no.example.", RS_A), RS_FOUND_NOTHING);
    assert_int_equal(ask(scene, "corp.no.example.", RS_A), RS_FOUND_NOTHING);
    assert_int_equal(ask(scene, "www.other.no.example.", RS_A), RS_FOUND_ANSWER);
    have_nxdomain(scene, "corp.no.example.", 60);
    assert_int_equal(ask(scene, "www.corp.no.example.", RS_A), RS_FOUND_ANSWER);
    scene_end(scene);
}

/* RFC1034-3.6.2: the chain is followed through the cache, in order, whatever shards it crosses. */
static void cname_chain_is_followed_to_its_end(void **state)
{
    struct scene *scene = scene_begin(*state);
    have_target(scene, "a.example.", RS_CNAME, 300, "b.example.");
    have_target(scene, "b.example.", RS_CNAME, 200, "c.other.");
    assert_int_equal(ask(scene, "a.example.", RS_A), RS_FOUND_ALIAS);
    assert_int_equal(scene->out.answer.count, 2);
    expect_last(scene, "c.other.");

    have_a(scene, "c.other.", 100);
    assert_int_equal(ask(scene, "a.example.", RS_A), RS_FOUND_ANSWER);
    assert_int_equal(scene->out.answer.count, 3);
    assert_int_equal(scene->out.answer.first->type, RS_CNAME);
    assert_int_equal(scene->out.answer.first->ttl_s, 300);
    assert_int_equal(scene->out.answer.last->type, RS_A);
    expect_last(scene, "c.other.");

    /* A question for the CNAME itself is not followed. */
    assert_int_equal(ask(scene, "a.example.", RS_CNAME), RS_FOUND_ANSWER);
    assert_int_equal(scene->out.answer.count, 1);
    scene_end(scene);
}

/* RFC6604-3 (row 45): the rcode is that of the last name, with the chain that led to it. */
static void chain_to_a_denied_name_is_nxdomain_with_the_chain(void **state)
{
    struct scene *scene = scene_begin(*state);
    have_target(scene, "a.example.", RS_CNAME, 300, "x.no.example.");
    have_nxdomain(scene, "no.example.", 60);
    assert_int_equal(ask(scene, "a.example.", RS_A), RS_FOUND_ANSWER);
    assert_int_equal(scene->out.rcode, RS_NXDOMAIN);
    assert_int_equal(scene->out.answer.count, 1);
    assert_int_equal(scene->out.authority.count, 1);
    scene_end(scene);
}

/* Seen after a zone has changed: the RRset of the asked type is the answer, not the old alias. */
static void set_of_the_asked_type_wins_over_a_cname(void **state)
{
    struct scene *scene = scene_begin(*state);
    have_target(scene, "a.example.", RS_CNAME, 300, "b.example.");
    have_a(scene, "a.example.", 300);
    assert_int_equal(ask(scene, "a.example.", RS_A), RS_FOUND_ANSWER);
    assert_int_equal(scene->out.answer.count, 1);
    assert_int_equal(scene->out.answer.first->type, RS_A);
    scene_end(scene);
}

static void expect_servfail(struct scene *scene, const char *name)
{
    assert_int_equal(ask(scene, name, RS_A), RS_FOUND_ANSWER);
    assert_int_equal(scene->out.rcode, RS_SERVFAIL);
    assert_int_equal(scene->out.answer.first->type == RS_CNAME ||
                         scene->out.answer.first->type == RS_DNAME,
                     true);
    assert_in_range(scene->out.ttl_s_max, 1, RS_FAILURE_TTL_S_MAX);
}

/* Aliases in a circle, however long, end at once and cost no packet. */
static void cname_loops_are_servfail(void **state)
{
    struct scene *scene = scene_begin(*state);
    have_target(scene, "self.example.", RS_CNAME, 300, "self.example.");
    expect_servfail(scene, "self.example.");
    have_target(scene, "a.example.", RS_CNAME, 300, "b.example.");
    have_target(scene, "b.example.", RS_CNAME, 300, "c.example.");
    have_target(scene, "c.example.", RS_CNAME, 300, "b.example.");
    expect_servfail(scene, "a.example.");
    have_target(scene, "d.example.", RS_DNAME, 300, "x.d.example.");
    expect_servfail(scene, "www.d.example.");
    scene_end(scene);
}

/* The bound of the chain holds for what the cache gives and for what was there before. */
static void chains_have_a_bound(void **state)
{
    struct scene *scene = scene_begin(*state);
    for (unsigned i = 0; i < RS_CNAME_CHAIN_MAX + 1; i++) {
        char from[32], to[32];
        snprintf(from, sizeof(from), "n%u.example.", i);
        snprintf(to, sizeof(to), "n%u.example.", i + 1);
        have_target(scene, from, RS_CNAME, 300, to);
    }
    assert_int_equal(ask(scene, "n1.example.", RS_A), RS_FOUND_ALIAS);
    assert_int_equal(scene->out.answer.count, RS_CNAME_CHAIN_MAX);
    expect_servfail(scene, "n0.example.");

    struct rs_question question = {.name = kit_name("n1.example."), .type = RS_A, .class = RS_IN};
    memset(&scene->out, 0, sizeof(scene->out));
    rs_rrsets_append(&scene->out.answer,
                     kit_target(scene->kit, "before.example.", RS_CNAME, 300, "n1.example."));
    assert_int_equal(
        rs_lookup(&scene->view, &question, NOW, &scene->kit->arena, &scene->out, &scene->last),
        RS_FOUND_ANSWER);
    assert_int_equal(scene->out.rcode, RS_SERVFAIL);
    scene_end(scene);
}

/* RFC6672-3.1 (row 45): a cached DNAME answers below itself; the made CNAME has its TTL, and is
 * marked so that it never goes back into the cache. */
static void dname_makes_the_cname_of_names_below(void **state)
{
    struct scene *scene = scene_begin(*state);
    have_target(scene, "old.example.", RS_DNAME, 300, "new.other.");
    have_a(scene, "a.b.new.other.", 100);
    assert_int_equal(ask_at(scene, "a.b.old.example.", RS_A, NOW + 50), RS_FOUND_ANSWER);
    assert_int_equal(scene->out.answer.count, 3);
    const struct rs_rrset *dname = scene->out.answer.first, *cname = dname->next;
    assert_int_equal(dname->type, RS_DNAME);
    assert_int_equal(cname->type, RS_CNAME);
    assert_int_equal(cname->ttl_s, 250);
    assert_true(cname->is_synthesized);
    assert_true(rs_name_equal(cname->owner, kit_name("a.b.old.example.").wire));
    assert_true(rs_name_equal(rs_rrset_target(cname), kit_name("a.b.new.other.").wire));
    expect_last(scene, "a.b.new.other.");

    /* RFC6672-2.3: the owner itself is not renamed. */
    assert_int_equal(ask(scene, "old.example.", RS_A), RS_FOUND_NOTHING);
    assert_int_equal(ask(scene, "old.example.", RS_DNAME), RS_FOUND_ANSWER);
    assert_int_equal(scene->out.answer.count, 1);
    assert_int_equal(ask(scene, "x.old.example.", RS_CNAME), RS_FOUND_ANSWER);
    assert_int_equal(scene->out.answer.count, 2);
    assert_int_equal(ask(scene, "x.old.example.", RS_A), RS_FOUND_ALIAS);
    expect_last(scene, "x.new.other.");
    scene_end(scene);
}

/* RFC6672-2.2 (row 45): a name that becomes too long is YXDOMAIN, with the DNAME as the reason. */
static void dname_to_a_name_too_long_is_yxdomain(void **state)
{
    struct scene *scene = scene_begin(*state);
    char target[256] = "", name[256] = "";
    for (unsigned i = 0; i < 3; i++) {
        strcat(target, "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij12.");
        strcat(name, "abcdefghijabcdefghijabcdefghij123.");
    }
    strcat(name, "old.example.");
    have_target(scene, "old.example.", RS_DNAME, 300, target);
    assert_int_equal(ask(scene, name, RS_A), RS_FOUND_ANSWER);
    assert_int_equal(scene->out.rcode, RS_YXDOMAIN);
    assert_int_equal(scene->out.answer.count, 1);
    assert_int_equal(scene->out.answer.first->type, RS_DNAME);
    scene_end(scene);
}

/* RFC9520-3.2 (row 8): what failed is not tried again while the failure lasts; that is told. */
static void failure_is_remembered_for_its_time(void **state)
{
    struct scene *scene = scene_begin(*state);
    have_failure(scene, "dead.example.", RS_A, 5);
    assert_int_equal(ask_at(scene, "dead.example.", RS_A, NOW + 1), RS_FOUND_FAILURE);
    assert_int_equal(scene->out.rcode, RS_SERVFAIL);
    assert_int_equal(scene->out.ede, RS_EDE_NO_REACHABLE_AUTHORITY);
    assert_int_equal(scene->out.ttl_s_max, 4);
    assert_int_equal(ask(scene, "dead.example.", RS_AAAA), RS_FOUND_NOTHING);
    assert_int_equal(ask_at(scene, "dead.example.", RS_A, NOW + 5), RS_FOUND_NOTHING);

    /* At the end of a chain too; and data, where there is some, is better than a failure. */
    have_target(scene, "a.example.", RS_CNAME, 300, "dead.example.");
    assert_int_equal(ask(scene, "a.example.", RS_A), RS_FOUND_FAILURE);
    assert_int_equal(scene->out.answer.count, 0);
    have_a(scene, "dead.example.", 300);
    assert_int_equal(ask(scene, "a.example.", RS_A), RS_FOUND_ANSWER);
    scene_end(scene);
}

/* B7 of the attack list: meta-types and other classes are never in the cache. */
static void meta_types_and_other_classes_find_nothing(void **state)
{
    struct scene *scene = scene_begin(*state);
    have_a(scene, "www.example.", 300);
    have_nxdomain(scene, "no.example.", 60);
    assert_int_equal(ask(scene, "www.example.", RS_ANY), RS_FOUND_NOTHING);
    assert_int_equal(ask(scene, "no.example.", RS_OPT), RS_FOUND_NOTHING);
    struct rs_question question = {.name = kit_name("no.example."), .type = RS_A, .class = RS_CH};
    assert_int_equal(
        rs_lookup(&scene->view, &question, NOW, &scene->kit->arena, &scene->out, &scene->last),
        RS_FOUND_NOTHING);
    scene_end(scene);
}

static void have_delegation(struct scene *scene, const char *zone, uint32_t ttl_s)
{
    struct rs_entry entry = {
        .kind = RS_KIND_DELEGATION,
        .rank = RS_RANK_REFERRAL,
        .ttl_s = ttl_s,
        .made_s = NOW,
        .origin = kit_wire(scene->kit, "."),
        .delegation = {.zone = kit_wire(scene->kit, zone), .ns_count = 1},
    };
    entry.delegation.ns[0].name = kit_wire(scene->kit, "ns.elsewhere.");
    store_entry(scene, zone, RS_SLOT_DELEGATION, 0, &entry);
}

/* security.md B4, ghost domains: a delegation never answers a client. */
static void a_delegation_answers_nobody(void **state)
{
    struct scene *scene = scene_begin(*state);
    have_delegation(scene, "example.", 3600);
    assert_int_equal(ask(scene, "example.", RS_NS), RS_FOUND_NOTHING);
    assert_int_equal(ask(scene, "www.example.", RS_A), RS_FOUND_NOTHING);
    scene_end(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(exact_set_answers_with_its_ttl_left),
        KIT_TEST(low_ranks_never_answer),
        KIT_TEST(nodata_brings_its_soa),
        KIT_TEST(nxdomain_denies_every_type),
        KIT_TEST(nxdomain_cuts_everything_below),
        KIT_TEST(nxdomain_above_a_forwarded_name_does_not_count),
        KIT_TEST(cname_chain_is_followed_to_its_end),
        KIT_TEST(chain_to_a_denied_name_is_nxdomain_with_the_chain),
        KIT_TEST(set_of_the_asked_type_wins_over_a_cname),
        KIT_TEST(cname_loops_are_servfail),
        KIT_TEST(chains_have_a_bound),
        KIT_TEST(dname_makes_the_cname_of_names_below),
        KIT_TEST(dname_to_a_name_too_long_is_yxdomain),
        KIT_TEST(failure_is_remembered_for_its_time),
        KIT_TEST(meta_types_and_other_classes_find_nothing),
        KIT_TEST(a_delegation_answers_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
