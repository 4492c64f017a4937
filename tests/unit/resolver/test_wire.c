/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/packet.h"

#include "resolver/wire.h"

/* A message of a header and `bytes`; the name at `at` is read with `end` as its bound. */
struct outcome {
    uint8_t size;
    uint32_t at;
    bool is_bad;
    uint8_t name[RS_NAME_BYTES_MAX];
};

static struct outcome read_name_at(const struct packet *packet, uint32_t at, uint32_t end)
{
    struct outcome out = {0};
    struct rs_wire wire = rs_wire_open(packet->data, (uint32_t)packet->size);
    wire.at = at;
    out.size = rs_wire_name(&wire, end, out.name);
    out.at = wire.at;
    out.is_bad = wire.is_bad;
    assert_int_equal(out.size == 0, out.is_bad);
    return out;
}

static bool is_refused(const void *bytes, size_t size, uint32_t offset)
{
    static struct packet packet;
    packet_begin(&packet, 1, RS_FLAG_QR);
    packet_bytes(&packet, bytes, size);
    uint32_t at = RS_HEADER_BYTES + offset;
    struct outcome out = read_name_at(&packet, at, (uint32_t)packet.size);
    return out.is_bad;
}

static void a_plain_name_is_read_and_keeps_its_letters(void **state)
{
    (void)state;
    static struct packet packet;
    packet_begin(&packet, 1, 0);
    packet_name(&packet, "wWw.example.");
    packet_u8(&packet, 0xFF);
    struct outcome out = read_name_at(&packet, 12, (uint32_t)packet.size);
    assert_int_equal(out.size, 13);
    assert_memory_equal(out.name, "\3wWw\7example\0", 13);
    assert_int_equal(out.at, 25);
}

/* RFC1035-4.1.4: the form that every server sends; the cursor stays behind the first pointer. */
static void pointers_backwards_are_followed_and_the_cursor_stays_behind_the_first(void **state)
{
    (void)state;
    static struct packet packet;
    packet_begin(&packet, 1, 0);
    packet_name(&packet, "example.com.");
    uint32_t www = (uint32_t)packet.size;
    packet_bytes(&packet, "\3www", 4);
    packet_pointer(&packet, 12);
    uint32_t chained = (uint32_t)packet.size;
    packet_pointer(&packet, www); /* A pointer to a name that ends in a pointer. */
    uint32_t twice = (uint32_t)packet.size;
    packet_pointer(&packet, chained); /* A pointer to a pointer. */

    struct outcome out = read_name_at(&packet, chained, chained + 2);
    assert_memory_equal(out.name, "\3www\7example\3com\0", 17);
    assert_int_equal(out.at, chained + 2);
    out = read_name_at(&packet, twice, twice + 2);
    assert_int_equal(out.size, 17);
}

/* RFC9267-2: each way in which a pointer can lead out of bounds or in circles. */
static void rfc9267_2_pointers_that_do_not_lead_backwards_are_refused(void **state)
{
    (void)state;
    assert_true(is_refused("\xC0\x0C", 2, 0));         /* to itself */
    assert_true(is_refused("\xC0\x0E\xC0\x0C", 4, 0)); /* forward */
    assert_true(is_refused("\xC0\x0E\xC0\x0C", 4, 2)); /* two in a circle */
    assert_true(is_refused("\1a\xC0\x0C", 4, 0));      /* to the start of its own name */
    assert_true(is_refused("\1a\xC0\x0C", 4, 2));      /* a label and back again */
    assert_true(is_refused("\1a\xC0\x0D\0", 5, 2));    /* into a label that leads to it */
    assert_true(is_refused("\xFF\xFF", 2, 0));         /* beyond the message */
    assert_true(is_refused("\xC0\x00", 2, 0));         /* into the header */
    assert_true(is_refused("\xC0\x0B", 2, 0));         /* to the header's last byte */
    assert_true(is_refused("\0\xC0", 2, 1));           /* its second byte is missing */
    assert_true(is_refused("\1a", 2, 0));              /* the end instead of a pointer */
}

/* RFC9267-2: a name cannot be made endless by walking in steps either. */
static void rfc9267_2_a_long_staircase_of_pointers_ends_at_the_name_limit(void **state)
{
    (void)state;
    static struct packet packet;
    packet_begin(&packet, 1, 0);
    packet_u8(&packet, 0);
    uint32_t last = 12;
    for (unsigned i = 0; i < 128; i++) { /* Each step adds a label of one letter. */
        uint32_t at = (uint32_t)packet.size;
        packet_bytes(&packet, "\1a", 2);
        packet_pointer(&packet, last);
        last = at;
        struct outcome out = read_name_at(&packet, at, (uint32_t)packet.size);
        assert_int_equal(out.size, i < 127 ? 2 * (i + 1) + 1 : 0); /* 255 octets, not 257 */
    }
}

/* RFC9267-3, RFC1035-2.3.4: the two reserved label kinds, and lengths beyond what is there. */
static void rfc9267_3_bad_label_and_name_lengths_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[400];
    memset(bytes, 'a', sizeof(bytes));
    bytes[0] = 0x40;
    assert_true(is_refused(bytes, sizeof(bytes), 0));
    bytes[0] = 0x80;
    assert_true(is_refused(bytes, sizeof(bytes), 0));
    assert_true(is_refused("\5abc\0", 5, 0)); /* the label ends behind the message */
    assert_true(is_refused("\x3f", 1, 0));

    memset(bytes, 'a', sizeof(bytes));
    for (unsigned i = 0; i < 5; i++) {
        bytes[i * 64] = 63;
    }
    bytes[320] = 0; /* 321 octets, well-formed otherwise */
    assert_true(is_refused(bytes, 321, 0));
    bytes[192] = 62;
    bytes[255] = 0; /* 256 octets: one too many */
    assert_true(is_refused(bytes, 256, 0));
    bytes[192] = 61;
    bytes[254] = 0; /* 255 octets */
    assert_false(is_refused(bytes, 255, 0));
}

/* RFC9267-3: the limit holds for the sum over pointers (CVE-2026-52682: growth past 255). */
static void rfc9267_3_the_name_limit_counts_what_pointers_add(void **state)
{
    (void)state;
    static struct packet packet;
    uint8_t label[64];
    memset(label, 'b', sizeof(label));
    label[0] = 63;

    packet_begin(&packet, 1, 0);
    for (unsigned i = 0; i < 3; i++) {
        packet_bytes(&packet, label, 64);
    }
    packet_u8(&packet, 0); /* 193 octets */
    uint32_t fits = (uint32_t)packet.size;
    label[0] = 61;
    packet_bytes(&packet, label, 62);
    packet_pointer(&packet, 12);
    uint32_t exceeds = (uint32_t)packet.size;
    label[0] = 62;
    packet_bytes(&packet, label, 63);
    packet_pointer(&packet, 12);
    assert_int_equal(read_name_at(&packet, fits, exceeds).size, 255);
    assert_true(read_name_at(&packet, exceeds, (uint32_t)packet.size).is_bad);
}

/* RFC9267-4: a name without its end, at the end of the message or of its RDATA. */
static void rfc9267_4_a_missing_root_label_is_refused(void **state)
{
    (void)state;
    assert_true(is_refused("\3www", 4, 0));
    assert_true(is_refused("", 0, 0));

    static struct packet packet;
    packet_begin(&packet, 1, 0);
    packet_name(&packet, "example.");
    assert_int_equal(read_name_at(&packet, 12, 21).size, 9);
    assert_true(read_name_at(&packet, 12, 20).is_bad); /* RDATA ends before the root label */
    assert_true(read_name_at(&packet, 12, 12).is_bad);
    assert_true(read_name_at(&packet, 12, 22).is_bad); /* "end" behind the message */
}

/* A pointer's own two bytes must lie inside of the RDATA, even when the message goes on. */
static void a_pointer_cut_by_the_end_of_rdata_is_refused(void **state)
{
    (void)state;
    static struct packet packet;
    packet_begin(&packet, 1, 0);
    packet_name(&packet, "example.");
    packet_pointer(&packet, 12);
    assert_int_equal(read_name_at(&packet, 21, 23).size, 9);
    assert_true(read_name_at(&packet, 21, 22).is_bad);
}

/* RFC9267-5: RDLENGTH is the sender's claim. */
static void rfc9267_5_rdata_beyond_the_message_is_refused(void **state)
{
    (void)state;
    static struct packet packet;
    struct rs_wire_record record;
    for (uint32_t missing = 0; missing < 6; missing++) {
        packet_begin(&packet, 1, 0);
        packet_fixed(&packet, RS_A, RS_IN, 60, 4);
        packet_bytes(&packet, "\1\2\3\4", 4);
        struct rs_wire wire = rs_wire_open(packet.data, (uint32_t)packet.size - missing);
        wire.at = 12;
        rs_wire_record(&wire, &record);
        assert_int_equal(wire.is_bad, missing > 0);
    }
}

/* D7: the work of all names of a message is bounded, or 5,000 pointers to a long name cost 1 MB. */
static void reading_names_stops_when_the_allowance_is_used_up(void **state)
{
    (void)state;
    static struct packet packet;
    uint8_t out[RS_NAME_BYTES_MAX];
    packet_begin(&packet, 1, 0);
    packet_name(&packet, "a.long.enough.example.");
    struct rs_wire wire = rs_wire_open(packet.data, (uint32_t)packet.size);
    unsigned times = 0;
    for (wire.at = 12; rs_wire_name(&wire, wire.size, out) != 0; wire.at = 12) {
        times++;
    }
    assert_int_equal(times, RS_NAME_WORK_BYTES_MAX / 23);
    assert_true(wire.is_bad);
}

static void skipping_does_not_follow_pointers_and_stays_inside(void **state)
{
    (void)state;
    static struct packet packet;
    packet_begin(&packet, 1, 0);
    packet_bytes(&packet, "\1a\xC0\x0C\0", 5);
    struct rs_wire wire = rs_wire_open(packet.data, 16);
    wire.at = 12;
    rs_wire_skip_name(&wire);
    assert_false(wire.is_bad);
    assert_int_equal(wire.at, 16);
    wire.at = 12;
    wire.size = 15;
    rs_wire_skip_name(&wire);
    assert_true(wire.is_bad);
}

/* Errors stick: a later read of good bytes must not hide an earlier bad one. */
static void reads_after_the_end_give_zeroes_and_stay_bad(void **state)
{
    (void)state;
    struct rs_wire wire = rs_wire_open((const uint8_t *)"\1\2\3", 3);
    assert_int_equal(rs_wire_u16(&wire), 0x0102);
    assert_int_equal(rs_wire_u16(&wire), 0);
    assert_true(wire.is_bad);
    assert_null(rs_wire_bytes(&wire, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_name_is_read_and_keeps_its_letters),
        cmocka_unit_test(pointers_backwards_are_followed_and_the_cursor_stays_behind_the_first),
        cmocka_unit_test(rfc9267_2_pointers_that_do_not_lead_backwards_are_refused),
        cmocka_unit_test(rfc9267_2_a_long_staircase_of_pointers_ends_at_the_name_limit),
        cmocka_unit_test(rfc9267_3_bad_label_and_name_lengths_are_refused),
        cmocka_unit_test(rfc9267_3_the_name_limit_counts_what_pointers_add),
        cmocka_unit_test(rfc9267_4_a_missing_root_label_is_refused),
        cmocka_unit_test(a_pointer_cut_by_the_end_of_rdata_is_refused),
        cmocka_unit_test(rfc9267_5_rdata_beyond_the_message_is_refused),
        cmocka_unit_test(reading_names_stops_when_the_allowance_is_used_up),
        cmocka_unit_test(skipping_does_not_follow_pointers_and_stays_inside),
        cmocka_unit_test(reads_after_the_end_give_zeroes_and_stay_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
