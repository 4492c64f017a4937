/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/kit.h"

#include "resolver/limits.h"

/* What does not fit is not cached; nothing is written past the room. */
static void too_little_room_is_full_and_nothing_is_written_beyond(void **state)
{
    struct rs_entry entry =
        kit_positive(*state, kit_a(*state, "www.example.", 300, "1"), RS_RANK_AUTH_ANSWER, 1);
    size_t size = kit_write(*state, &entry).size;
    for (size_t room = 0; room < size; room++) {
        uint8_t *exact = malloc(room + 1); /* the sanitizer watches the end */
        size_t unused;
        assert_int_equal(rs_entry_write(&entry, exact, room, &unused), RT_FULL);
        free(exact);
    }
}

/* CVE-2024-1737: huge sets make every later operation dear, so they are not kept. */
static void oversized_set_is_refused(void **state)
{
    struct kit *kit = *state;
    static uint8_t room[64 * 1024];
    size_t size;
    uint8_t text[8000] = {0};
    struct rs_rrset *set =
        rs_rrset_new(&kit->arena, kit_name("www.example.").wire, RS_TXT, 300, text, sizeof(text));
    struct rs_entry entry = kit_positive(kit, set, RS_RANK_AUTH_ANSWER, 1);
    assert_int_equal(rs_entry_write(&entry, room, sizeof(room), &size), RT_OK);

    set->count = RS_RRS_PER_RRSET_MAX + 1;
    assert_int_equal(rs_entry_write(&entry, room, sizeof(room), &size), RT_FULL);
    set->count = 1;
    set->rdatas_bytes = RS_RRSET_BYTES_MAX + 1;
    assert_int_equal(rs_entry_write(&entry, room, sizeof(room), &size), RT_FULL);
}

/* CVE-2023-50868 and kin: denials padded with many proofs are not kept either. */
static void denial_with_too_many_proofs_is_refused(void **state)
{
    struct kit *kit = *state;
    uint8_t room[KIT_VALUE_BYTES];
    size_t size;
    struct rs_entry entry = kit_denial(kit, RS_KIND_NXDOMAIN, 60, 1);
    while (entry.sets.count <= RS_ENTRY_SETS_MAX) {
        assert_int_equal(rs_entry_write(&entry, room, sizeof(room), &size), RT_OK);
        rs_rrsets_append(&entry.sets, kit_soa(kit, "example.", 60, 60));
    }
    assert_int_equal(rs_entry_write(&entry, room, sizeof(room), &size), RT_FULL);
}

/* Nearly every SOA belongs to the zone that the entry is from: its name is written once. */
static void owner_equal_to_origin_costs_nothing(void **state)
{
    struct rs_entry near = kit_denial(*state, RS_KIND_NODATA, 60, 1), far = near;
    far.sets = (struct rs_rrsets){0};
    rs_rrsets_append(&far.sets, kit_soa(*state, "elsewhere.", 3600, 60));
    assert_int_equal(kit_write(*state, &far).size - kit_write(*state, &near).size,
                     kit_name("elsewhere.").size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(too_little_room_is_full_and_nothing_is_written_beyond),
        KIT_TEST(oversized_set_is_refused),
        KIT_TEST(denial_with_too_many_proofs_is_refused),
        KIT_TEST(owner_equal_to_origin_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
