/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/packet.h"

#include "resolver/rrset.h"

static struct packet_arena room;

static struct rs_rrset *new_set(const char *owner, uint16_t type, const void *rdata, uint16_t size)
{
    struct rs_name name = packet_wire_name(owner);
    return rs_rrset_new(&room.arena, name.wire, type, 60, rdata, size);
}

static void a_new_set_has_its_own_lower_case_owner_and_rdata(void **state)
{
    (void)state;
    uint8_t rdata[4] = {1, 2, 3, 4};
    struct rs_rdata read;
    struct rs_rrset *set =
        rs_rrset_new(&room.arena, (const uint8_t *)"\3WWW\2Ex", RS_A, 300, rdata, 4);
    assert_non_null(set);
    rdata[0] = 9;
    assert_memory_equal(set->owner, "\3www\2ex", 8);
    assert_int_equal(set->class, RS_IN);
    assert_int_equal(set->ttl_s, 300);
    assert_int_equal(set->count, 1);
    assert_true(rs_rdata_first(set->rdatas, set->rdatas_bytes, &read));
    assert_int_equal(read.size, 4);
    assert_int_equal(read.index, 0);
    assert_memory_equal(read.data, "\1\2\3\4", 4);
    assert_false(rs_rdata_next(set->rdatas, set->rdatas_bytes, &read));
}

static void lists_keep_order_and_find_by_owner_and_type(void **state)
{
    (void)state;
    struct rs_rrsets list = {0};
    struct rs_rrset *a = new_set("x.example.", RS_A, "\1\2\3\4", 4);
    struct rs_rrset *b = new_set("x.example.", RS_TXT, "", 0);
    struct rs_rrset *c = new_set("y.example.", RS_A, "\1\2\3\4", 4);
    rs_rrsets_append(&list, a);
    rs_rrsets_append(&list, b);
    rs_rrsets_append(&list, c);
    assert_int_equal(list.count, 3);
    assert_ptr_equal(list.first, a);
    assert_ptr_equal(list.last, c);
    assert_ptr_equal(rs_rrsets_find(&list, (const uint8_t *)"\1X\7EXAMPLE", RS_TXT), b);
    assert_ptr_equal(rs_rrsets_find(&list, (const uint8_t *)"\1y\7example", RS_A), c);
    assert_null(rs_rrsets_find(&list, (const uint8_t *)"\1y\7example", RS_TXT));
}

/* A set is in one list; its copy may be in another. */
static void a_shared_set_can_stand_in_a_second_list(void **state)
{
    (void)state;
    struct rs_rrsets one = {0}, other = {0};
    struct rs_rrset *set = new_set("x.", RS_A, "\1\2\3\4", 4);
    rs_rrsets_append(&one, set);
    rs_rrsets_append(&one, new_set("y.", RS_A, "\1\2\3\4", 4));
    struct rs_rrset *copy = rs_rrset_share(&room.arena, set);
    assert_non_null(copy);
    rs_rrsets_append(&other, copy);
    assert_int_equal(other.count, 1);
    assert_ptr_equal(copy->rdatas, set->rdatas);
    assert_null(copy->next);
}

/* Runs read from a store may be damaged: the cursor ends, it does not run away. */
static void the_cursor_stays_inside_of_damaged_runs(void **state)
{
    (void)state;
    struct rs_rdata at;
    const uint16_t run[] = {2, 0x4141, 6, 0x4242};
    const uint8_t *bytes = (const uint8_t *)run;
    assert_false(rs_rdata_first(bytes, 0, &at));
    assert_false(rs_rdata_first(bytes, 1, &at));
    assert_false(rs_rdata_first(bytes, 3, &at));
    assert_true(rs_rdata_first(bytes, 8, &at));
    assert_int_equal(at.size, 2);
    assert_false(rs_rdata_next(bytes, 8, &at));
    assert_true(rs_rdata_first(bytes, 5, &at));
    assert_false(rs_rdata_next(bytes, 5, &at));
}

static void the_target_is_told_for_types_that_are_one_name(void **state)
{
    (void)state;
    static const uint16_t types[] = {RS_NS, RS_CNAME, RS_DNAME, RS_PTR};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(types); i++) {
        const uint8_t *target = rs_rrset_target(new_set("x.", types[i], "\2ns\2ex", 7));
        assert_non_null(target);
        assert_memory_equal(target, "\2ns\2ex", 7);
        assert_null(rs_rrset_target(new_set("x.", types[i], "\2ns\2ex", 6)));
        assert_null(rs_rrset_target(new_set("x.", types[i], "\2ns\2ex\0", 8)));
        assert_null(rs_rrset_target(new_set("x.", types[i], "", 0)));
    }
    assert_null(rs_rrset_target(new_set("x.", RS_TXT, "\2ns\2ex", 7)));
}

/* RFC2308-4: the last of the five numbers. */
static void the_soa_minimum_is_its_last_number(void **state)
{
    (void)state;
    static const uint8_t soa[] = "\2ns\0\1h\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\16\20";
    enum { SIZE = sizeof(soa) - 1 };
    assert_int_equal(rs_rrset_soa_minimum(new_set("x.", RS_SOA, soa, SIZE)), 3600);
    for (uint16_t cut = 0; cut < SIZE; cut++) {
        assert_int_equal(rs_rrset_soa_minimum(new_set("x.", RS_SOA, soa, cut)), 0);
    }
    assert_int_equal(rs_rrset_soa_minimum(new_set("x.", RS_TXT, soa, SIZE)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_set_has_its_own_lower_case_owner_and_rdata),
        cmocka_unit_test(lists_keep_order_and_find_by_owner_and_type),
        cmocka_unit_test(a_shared_set_can_stand_in_a_second_list),
        cmocka_unit_test(the_cursor_stays_inside_of_damaged_runs),
        cmocka_unit_test(the_target_is_told_for_types_that_are_one_name),
        cmocka_unit_test(the_soa_minimum_is_its_last_number),
    };
    packet_arena_open(&room);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    packet_arena_close(&room);
    return failed;
}
