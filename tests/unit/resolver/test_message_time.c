/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/packet.h"

#include "resolver/message.h"
#include "tests/unit/resolver/stopwatch.h"

/* The largest messages of the worst kinds we can think of (security.md D5, D7: CVE-2023-4408,
 * CVE-2024-1737). Each must be read, or refused, in linear time. */

static struct packet packet;
static struct packet_arena room;

static bool is_full(size_t more)
{
    return packet.size + more > RS_MESSAGE_BYTES_MAX;
}

static void add(uint16_t owner, uint16_t type, const void *rdata, uint16_t size)
{
    packet_count(&packet, 1, 1);
    packet_pointer(&packet, owner);
    packet_fixed(&packet, type, RS_IN, 60, size);
    packet_bytes(&packet, rdata, size);
}

/* A name of `labels` labels of `size` letters at offset 12, as the question. */
static void begin(unsigned labels, unsigned size)
{
    packet_begin(&packet, 1, RS_FLAG_QR);
    packet_count(&packet, 0, 1);
    for (unsigned i = 0; i < labels; i++) {
        packet_u8(&packet, (uint8_t)size);
        for (unsigned letter = 0; letter < size; letter++) {
            packet_u8(&packet, 'a');
        }
    }
    packet_u8(&packet, 0);
    packet_u16(&packet, RS_A);
    packet_u16(&packet, RS_IN);
}

/* The same address thousands of times. */
static void many_duplicates(void)
{
    begin(3, 7);
    while (!is_full(16)) {
        add(12, RS_A, "\1\2\3\4", 4);
    }
}

/* 128 addresses, each again and again: every one must be compared with some. */
static void many_addresses(void)
{
    begin(3, 7);
    for (unsigned i = 0; !is_full(16); i++) {
        uint8_t ip[4] = {10, 0, 0, (uint8_t)(i % 128)};
        add(12, RS_A, ip, 4);
    }
}

/* Distinct owners of the most labels, by pointers into one name. */
static void deep_owners(void)
{
    begin(126, 1);
    for (unsigned i = 0; !is_full(14); i++) {
        packet_count(&packet, 1, 1);
        packet_bytes(&packet, i % 2 == 0 ? "\1b" : "\1c", 2);
        packet_pointer(&packet, 14);
        packet_fixed(&packet, (uint16_t)(1000 + i % 100), RS_IN, 60, 0);
    }
}

/* Each owner is a pointer to the owner before it. */
static void pointer_chain(void)
{
    begin(1, 1);
    uint16_t last = 12;
    while (!is_full(14)) {
        uint16_t at = (uint16_t)packet.size;
        add(last, 1000, "", 0);
        last = at < 0x4000 ? at : last;
    }
}

/* Names in RDATA that become 255 octets each. */
static void swelling_rdata(void)
{
    begin(4, 61);
    for (unsigned i = 0; !is_full(20); i++) {
        uint8_t rdata[] = {2, (uint8_t)('a' + i % 26), (uint8_t)('a' + i / 26 % 26), 0xC0, 12};
        add(12, RS_NS, rdata, sizeof(rdata));
    }
}

/* As many sets as are allowed, round and round. */
static void many_sets(void)
{
    begin(3, 7);
    for (unsigned i = 0; !is_full(13); i++) {
        uint8_t byte = (uint8_t)(i / 256);
        add(12, (uint16_t)(1000 + i % 256), &byte, 1);
    }
}

/* Signatures that cover nothing. */
static void many_orphans(void)
{
    begin(3, 7);
    for (unsigned i = 0; !is_full(12 + 19); i++) {
        uint8_t rdata[19] = {(uint8_t)(i % 16), (uint8_t)i};
        rdata[4] = (uint8_t)(i / 256);
        rdata[18] = 0;
        add(12, RS_RRSIG, rdata, sizeof(rdata));
    }
}

/* Uncompressed owners of 255 octets. */
static void long_owners(void)
{
    begin(4, 60);
    for (unsigned i = 0; !is_full(265); i++) {
        packet_count(&packet, 1, 1);
        for (unsigned label = 0; label < 4; label++) {
            uint8_t text[61];
            memset(text, 'A' + (int)(i % 26), sizeof(text));
            text[0] = 60;
            packet_bytes(&packet, text, sizeof(text));
        }
        packet_u8(&packet, 0);
        packet_fixed(&packet, 1000, RS_IN, 60, 0);
    }
}

/* Names that share nothing, in 16,000 records that are not there. */
static void false_counts(void)
{
    begin(1, 1);
    packet_count(&packet, 1, 5900);
    while (!is_full(11)) {
        packet_u8(&packet, 0);
        packet_fixed(&packet, 0, RS_IN, 0, 0);
    }
}

static uint64_t read_ns(rt_status *status)
{
    uint64_t best = UINT64_MAX;
    for (unsigned i = 0; i < STOPWATCH_RUNS; i++) { /* The best: others share this machine. */
        static struct rs_message message;
        rt_arena_reset(&room.arena);
        uint64_t start = stopwatch_ns();
        *status = rs_message_read(packet.data, packet.size, &room.arena, &message);
        uint64_t took = stopwatch_ns() - start;
        best = took < best ? took : best;
    }
    return best;
}

static void the_worst_message_of_each_kind_takes_less_than_a_millisecond(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*make)(void);
    } kinds[] = {{"many_duplicates", many_duplicates}, {"many_addresses", many_addresses},
                 {"deep_owners", deep_owners},         {"pointer_chain", pointer_chain},
                 {"swelling_rdata", swelling_rdata},   {"many_sets", many_sets},
                 {"many_orphans", many_orphans},       {"long_owners", long_owners},
                 {"false_counts", false_counts}};

    for (unsigned i = 0; i < RT_ARRAY_COUNT(kinds); i++) {
        rt_status status;
        kinds[i].make();
        uint64_t took = read_ns(&status);
        print_message("%-16s %6zu bytes %8.1f us  %s\n", kinds[i].name, packet.size,
                      (double)took / 1000, rt_status_text(status));
        assert_true(status == RT_OK || status == RT_MALFORMED || status == RT_NO_MEMORY);
        assert_true(took < UINT64_C(1000000) * STOPWATCH_SLACK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worst_message_of_each_kind_takes_less_than_a_millisecond),
    };
    assert_int_equal(rt_arena_pool_open(&room.pool, 64, 16), RT_OK);
    rt_arena_init(&room.arena, room.pool, RS_QUERY_ARENA_BYTES);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    packet_arena_close(&room);
    return failed;
}
