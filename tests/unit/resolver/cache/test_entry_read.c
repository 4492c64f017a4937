/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/kit.h"

#include "resolver/cache/entry_format.h"
#include "resolver/limits.h"
#include "runtime/base/prng.h"

static struct rs_entry read_back(struct kit *kit, struct rs_bytes value, uint16_t type,
                                 uint64_t now_s)
{
    struct rs_entry out;
    assert_int_equal(
        rs_entry_read(value, kit_wire(kit, "www.example."), type, now_s, &kit->arena, &out), RT_OK);
    return out;
}

static void add_signature(struct kit *kit, struct rs_rrset *set)
{
    uint8_t rrsig[18 + 9 + 64] = {0, 1, 8, 2};
    memcpy(rrsig + 18, kit_name("example.").wire, 9);
    struct rs_rrset *sigs =
        rs_rrset_new(&kit->arena, set->owner, RS_RRSIG, 300, rrsig, sizeof(rrsig));
    set->sigs = sigs->rdatas;
    set->sigs_bytes = sigs->rdatas_bytes;
    set->sigs_count = 1;
}

/* The records that clients get are these bytes. */
static void positive_entry_comes_back_whole(void **state)
{
    struct kit *kit = *state;
    struct rs_rrset *set = kit_a(kit, "www.example.", 300, "1");
    add_signature(kit, set);
    struct rs_entry entry = kit_positive(kit, set, RS_RANK_AUTH_ANSWER, 1000);
    struct rs_entry back = read_back(kit, kit_write(kit, &entry), RS_A, 1100);

    assert_int_equal(back.kind, RS_KIND_RRSET);
    assert_int_equal(back.rank, RS_RANK_AUTH_ANSWER);
    assert_int_equal(back.ttl_s, 200);
    assert_true(rs_name_equal(back.origin, kit_name("example.").wire));
    assert_int_equal(back.sets.count, 1);
    const struct rs_rrset *read = back.sets.first;
    assert_true(rs_name_equal(read->owner, set->owner));
    assert_int_equal(read->ttl_s, 200);
    assert_int_equal(read->class, RS_IN);
    assert_int_equal(read->count, 1);
    assert_int_equal(read->rdatas_bytes, set->rdatas_bytes);
    assert_memory_equal(read->rdatas, set->rdatas, set->rdatas_bytes);
    assert_int_equal(read->sigs_count, 1);
    assert_memory_equal(read->sigs, set->sigs, set->sigs_bytes);
}

/* RFC2308-5 (row 7): the SOA of a cached denial counts down with it, and lives no longer. */
static void soa_of_a_denial_counts_down_with_it(void **state)
{
    struct kit *kit = *state;
    struct rs_entry entry = kit_denial(kit, RS_KIND_NXDOMAIN, 60, 1000);
    assert_int_equal(entry.sets.first->ttl_s, 3600);
    struct rs_entry back = read_back(kit, kit_write(kit, &entry), 0, 1010);
    assert_int_equal(back.kind, RS_KIND_NXDOMAIN);
    assert_int_equal(back.ttl_s, 50);
    assert_int_equal(back.sets.first->type, RS_SOA);
    assert_int_equal(back.sets.first->ttl_s, 50);
    assert_true(rs_name_equal(back.sets.first->owner, kit_name("example.").wire));
}

/* RFC2308-5 (row 7): without SOA a denial has no TTL and must not be cached. */
static void denial_without_soa_is_corrupt(void **state)
{
    struct kit *kit = *state;
    struct rs_entry entry = kit_denial(kit, RS_KIND_NODATA, 60, 1000), out;
    entry.sets = (struct rs_rrsets){0};
    assert_int_equal(rs_entry_read(kit_write(kit, &entry), kit_wire(kit, "www.example."), RS_A,
                                   1000, &kit->arena, &out),
                     RT_CORRUPT);
}

static struct rs_entry delegation(struct kit *kit)
{
    struct rs_entry entry = {
        .kind = RS_KIND_DELEGATION,
        .rank = RS_RANK_REFERRAL,
        .ttl_s = 3600,
        .made_s = 1000,
        .origin = kit_wire(kit, "."),
        .delegation = {.zone = kit_wire(kit, "www.example."), .ns_count = 2},
    };
    struct rs_ns *ns = entry.delegation.ns;
    ns[0].name = kit_wire(kit, "ns1.www.example.");
    ns[0].addrs_count = 2;
    assert_int_equal(rt_addr_parse("192.0.2.1", 53, &ns[0].addrs[0]), RT_OK);
    assert_int_equal(rt_addr_parse("2001:db8::1", 53, &ns[0].addrs[1]), RT_OK);
    ns[1].name = kit_wire(kit, "ns.elsewhere.");
    uint8_t ds[36] = {0x12, 0x34, 8, 2};
    rs_rrsets_append(&entry.sets,
                     rs_rrset_new(&kit->arena, entry.delegation.zone, RS_DS, 3600, ds, sizeof(ds)));
    return entry;
}

/* Resolution starts from delegations after a restart: servers, glue and DS must all be there. */
static void delegation_comes_back_with_glue_and_ds(void **state)
{
    struct kit *kit = *state;
    struct rs_entry entry = delegation(kit);
    struct rs_entry back = read_back(kit, kit_write(kit, &entry), 0, 1000);
    const struct rs_delegation *read = &back.delegation;
    assert_true(rs_name_equal(read->zone, entry.delegation.zone));
    assert_int_equal(read->ns_count, 2);
    assert_true(rs_name_equal(read->ns[0].name, entry.delegation.ns[0].name));
    assert_int_equal(read->ns[0].addrs_count, 2);
    assert_true(rt_addr_equal(&read->ns[0].addrs[0], &entry.delegation.ns[0].addrs[0]));
    assert_true(rt_addr_equal(&read->ns[0].addrs[1], &entry.delegation.ns[0].addrs[1]));
    assert_int_equal(read->ns[1].addrs_count, 0);
    assert_int_equal(back.sets.count, 1);
    assert_int_equal(back.sets.first->type, RS_DS);
}

/* A store's bytes are from outside: capitals in a name must not reach those who count on lower case
 * (keys of the cache, for one). */
static void names_come_back_in_lower_case(void **state)
{
    struct kit *kit = *state;
    struct rs_entry entry = delegation(kit);
    entry.delegation.ns[0].name = (const uint8_t *)"\3NS1\7Example";
    struct rs_entry back = read_back(kit, kit_write(kit, &entry), 0, 1000);
    assert_memory_equal(back.delegation.ns[0].name, "\3ns1\7example", 13);
}

/* The failure's reason is told to clients (RFC8914). */
static void failure_comes_back_with_its_reason(void **state)
{
    struct rs_entry entry = kit_failure(*state, 5, 1000);
    struct rs_entry back = read_back(*state, kit_write(*state, &entry), RS_A, 1001);
    assert_int_equal(back.failure.ede, RS_EDE_NO_REACHABLE_AUTHORITY);
    assert_int_equal(back.failure.times, 1);
    assert_int_equal(back.ttl_s, 4);
}

/* Stale use comes later: the bytes of a dead entry are fine, its TTLs are zero. */
static void dead_entry_reads_with_ttl_zero(void **state)
{
    struct kit *kit = *state;
    struct rs_entry entry =
        kit_positive(kit, kit_a(kit, "www.example.", 300, "1"), RS_RANK_AUTH_ANSWER, 1000);
    struct rs_entry back = read_back(kit, kit_write(kit, &entry), RS_A, 5000);
    assert_int_equal(back.ttl_s, 0);
    assert_int_equal(back.sets.first->ttl_s, 0);
}

/* An entry that stands under a wrong key would answer a wrong question. */
static void entry_of_another_type_is_corrupt(void **state)
{
    struct kit *kit = *state;
    struct rs_entry out,
        entry = kit_positive(kit, kit_a(kit, "www.example.", 300, "1"), RS_RANK_AUTH_ANSWER, 1000);
    assert_int_equal(rs_entry_read(kit_write(kit, &entry), kit_wire(kit, "www.example."), RS_AAAA,
                                   1000, &kit->arena, &out),
                     RT_CORRUPT);
}

static void copy_and_read(struct kit *kit, const uint8_t *bytes, size_t size, rt_status *status)
{
    struct rs_entry out;
    uint8_t *exact = malloc(size == 0 ? 1 : size); /* the sanitizer watches the end */
    memcpy(exact, bytes, size);
    struct rt_arena scratch;
    rt_arena_init(&scratch, kit->pool, 256 * 1024);
    *status = rs_entry_read((struct rs_bytes){exact, size}, kit_name("www.example.").wire, RS_A,
                            1000, &scratch, &out);
    rt_arena_reset(&scratch);
    free(exact);
}

/* Any single damaged byte, and any cut, is found by the check. */
static void every_flipped_byte_and_every_cut_is_corrupt(void **state)
{
    struct kit *kit = *state;
    struct rs_entry entries[] = {
        kit_positive(kit, kit_a(kit, "www.example.", 300, "1"), RS_RANK_AUTH_ANSWER, 1000),
        kit_denial(kit, RS_KIND_NODATA, 60, 1000),
        delegation(kit),
        kit_failure(kit, 5, 1000),
    };
    for (unsigned i = 0; i < RT_ARRAY_COUNT(entries); i++) {
        struct rs_bytes value = kit_write(kit, &entries[i]);
        uint8_t bytes[KIT_VALUE_BYTES];
        rt_status status;
        memcpy(bytes, value.data, value.size);
        for (size_t at = 0; at < value.size; at++) {
            bytes[at] ^= 0x40;
            copy_and_read(kit, bytes, value.size, &status);
            assert_int_equal(status, RT_CORRUPT);
            bytes[at] ^= 0x40;
            copy_and_read(kit, bytes, at, &status);
            assert_int_equal(status, RT_CORRUPT);
        }
    }
}

/* A check that is right proves nothing about bytes that a bug of ours wrote: the reader must stand
 * on its own. The sanitizers and the arena's bound judge. */
static void mutations_with_a_right_check_do_no_harm(void **state)
{
    struct kit *kit = *state;
    struct rs_entry entries[] = {
        kit_positive(kit, kit_a(kit, "www.example.", 300, "1"), RS_RANK_AUTH_ANSWER, 1000),
        kit_denial(kit, RS_KIND_NODATA, 60, 1000),
        delegation(kit),
    };
    struct rt_prng prng;
    rt_prng_init(&prng, 3);
    for (unsigned i = 0; i < 60000; i++) {
        uint8_t bytes[2048];
        rt_status status;
        static struct rs_bytes values[3];
        if (values[i % 3].data == NULL) {
            values[i % 3] = kit_write(kit, &entries[i % 3]);
        }
        size_t size = values[i % 3].size;
        memcpy(bytes, values[i % 3].data, size);
        for (unsigned j = 0; j < 3; j++) {
            bytes[ENTRY_AT_KIND + rt_prng_below(&prng, size - ENTRY_AT_KIND)] =
                (uint8_t)rt_prng_next(&prng);
        }
        if (rt_prng_below(&prng, 4) == 0) {
            size -= rt_prng_below(&prng, size - ENTRY_HEADER_BYTES);
        }
        entry_put32(bytes + ENTRY_AT_SIZE, (uint32_t)size);
        entry_put32(bytes + ENTRY_AT_CHECK, entry_check(bytes, size));
        copy_and_read(kit, bytes, size, &status);
        assert_true(status == RT_OK || status == RT_CORRUPT);
    }
}

/* An exhausted arena fails one question, never more. */
static void exhausted_arena_is_no_memory(void **state)
{
    struct kit *kit = *state;
    struct rs_entry out, entry = delegation(kit);
    struct rt_arena small;
    struct rs_bytes value = kit_write(kit, &entry);
    rt_arena_init(&small, kit->pool, 0);
    assert_int_equal(rs_entry_read(value, kit_name("www.example.").wire, 0, 1000, &small, &out),
                     RT_NO_MEMORY);
    rt_arena_reset(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(positive_entry_comes_back_whole),
        KIT_TEST(soa_of_a_denial_counts_down_with_it),
        KIT_TEST(denial_without_soa_is_corrupt),
        KIT_TEST(delegation_comes_back_with_glue_and_ds),
        KIT_TEST(names_come_back_in_lower_case),
        KIT_TEST(failure_comes_back_with_its_reason),
        KIT_TEST(dead_entry_reads_with_ttl_zero),
        KIT_TEST(entry_of_another_type_is_corrupt),
        KIT_TEST(every_flipped_byte_and_every_cut_is_corrupt),
        KIT_TEST(mutations_with_a_right_check_do_no_harm),
        KIT_TEST(exhausted_arena_is_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
