/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/packet.h"

#include "resolver/rdata.h"

/* RFC3597-4, H5: a short list, and nothing new may join it. */
static void only_old_types_have_a_layout(void **state)
{
    (void)state;
    unsigned count = 0;
    for (uint32_t type = 0; type <= UINT16_MAX; type++) {
        count += rs_rdata_layout((uint16_t)type) != NULL;
        assert_true(type <= RS_NSEC || rs_rdata_layout((uint16_t)type) == NULL);
    }
    assert_int_equal(count, 24);
    assert_null(rs_rdata_layout(RS_TXT));
    assert_null(rs_rdata_layout(RS_DS));
}

/* RFC3597-4, RFC6672-2.5, RFC4034: who may be compressed on the way in. */
static void packed_are_those_whose_names_may_be_compressed(void **state)
{
    (void)state;
    static const uint16_t packed[] = {RS_NS, RS_CNAME, RS_SOA, RS_PTR, RS_MX, RS_SRV};
    static const uint16_t plain[] = {RS_A, RS_AAAA, RS_DNAME, RS_RRSIG, RS_NSEC};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(packed); i++) {
        assert_true(rs_rdata_is_packed(rs_rdata_layout(packed[i])));
    }
    for (unsigned i = 0; i < RT_ARRAY_COUNT(plain); i++) {
        assert_false(rs_rdata_is_packed(rs_rdata_layout(plain[i])));
    }
}

/* Every byte too few or too many is noticed, and under ASan none beyond the end is read. */
static void a_layout_fits_exactly_one_size(void **state)
{
    (void)state;
    static const struct {
        uint16_t type, size;
        const char *rdata;
    } cases[] = {{RS_A, 4, "\1\2\3\4...."},
                 {RS_SOA, 27, "\2ns\0\1h\0....................++++"},
                 {RS_MX, 5, "\0\1\1x\0..."},
                 {RS_SRV, 9, "\0\1\0\1\0\1\1x\0..."},
                 {35, 13, "\0\1\0\1\1a\0\2bc\1x\0..."},
                 {RS_DNAME, 3, "\1x\0..."}};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(cases); i++) {
        const int8_t *layout = rs_rdata_layout(cases[i].type);
        for (uint16_t size = 0; size < cases[i].size + 3; size++) {
            uint8_t *exact = test_malloc(size);
            memcpy(exact, cases[i].rdata, size);
            assert_int_equal(rs_rdata_is_valid(layout, exact, size), size == cases[i].size);
            test_free(exact);
        }
    }
}

static void a_rest_may_be_empty_or_long(void **state)
{
    (void)state;
    static const uint8_t rrsig[100] = {0, 1, 13, 1, [18] = 1, 'x', 0};
    const int8_t *layout = rs_rdata_layout(RS_RRSIG);
    assert_false(rs_rdata_is_valid(layout, rrsig, 20));
    assert_true(rs_rdata_is_valid(layout, rrsig, 21));
    assert_true(rs_rdata_is_valid(layout, rrsig, 100));
}

/* An expanded SIG could be larger than its bound: refused, not cut. */
static void unpacking_stops_at_its_room(void **state)
{
    (void)state;
    static struct packet packet;
    static uint8_t out[RS_RDATA_UNPACKED_BYTES_MAX];
    static const uint8_t filler[1200];
    for (uint16_t rest = 1130; rest < 1140; rest++) {
        struct rs_wire_record record;
        packet_begin(&packet, 1, 0);
        packet_fixed(&packet, RS_SIG, RS_IN, 0, (uint16_t)(18 + 3 + rest));
        packet_bytes(&packet, filler, 18);
        packet_name(&packet, "x.");
        packet_bytes(&packet, filler, rest);
        struct rs_wire wire = rs_wire_open(packet.data, (uint32_t)packet.size);
        wire.at = 12;
        rs_wire_record(&wire, &record);
        int32_t size = rs_rdata_unpack(&wire, &record, rs_rdata_layout(RS_SIG), out);
        assert_int_equal(size, 21 + rest <= RS_RDATA_UNPACKED_BYTES_MAX ? 21 + rest : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_old_types_have_a_layout),
        cmocka_unit_test(packed_are_those_whose_names_may_be_compressed),
        cmocka_unit_test(a_layout_fits_exactly_one_size),
        cmocka_unit_test(a_rest_may_be_empty_or_long),
        cmocka_unit_test(unpacking_stops_at_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
