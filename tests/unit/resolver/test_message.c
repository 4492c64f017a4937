/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/packet.h"

#include "resolver/message.h"
#include "runtime/base/fault.h"
#include "runtime/base/prng.h"

static struct packet_arena room;
static struct packet packet;
static struct rs_message message;

static int open_room(void **state)
{
    (void)state;
    packet_arena_open(&room);
    return 0;
}

static int close_room(void **state)
{
    (void)state;
    packet_arena_close(&room);
    return 0;
}

static rt_status read_packet(void)
{
    rt_arena_reset(&room.arena);
    return rs_message_read(packet.data, packet.size, &room.arena, &message);
}

static void begin_reply(const char *name, uint16_t type)
{
    packet_begin(&packet, 0x1234, RS_FLAG_QR | RS_FLAG_AA);
    packet_question(&packet, name, type, RS_IN);
}

static const struct rs_rrset *find(const struct rs_rrsets *list, const char *owner, uint16_t type)
{
    struct rs_name name = packet_wire_name(owner);
    return rs_rrsets_find(list, name.wire, type);
}

static void assert_rdata(const struct rs_rrset *set, unsigned index, const void *data, size_t size)
{
    struct rs_rdata rdata;
    assert_non_null(set);
    assert_true(rs_rdata_first(set->rdatas, set->rdatas_bytes, &rdata));
    while (rdata.index < index) {
        assert_true(rs_rdata_next(set->rdatas, set->rdatas_bytes, &rdata));
    }
    assert_int_equal(rdata.size, size);
    assert_memory_equal(rdata.data, data, size);
}

/* An RRSIG with the type it covers and one byte to tell it from others. */
static void add_rrsig(unsigned section, const char *owner, uint16_t covered, uint8_t tag)
{
    uint8_t rdata[18 + 9 + 1] = {(uint8_t)(covered >> 8), (uint8_t)covered, 13, 2};
    memcpy(rdata + 18, "\7example", 9);
    rdata[27] = tag;
    packet_record(&packet, section, owner, RS_RRSIG, 300, rdata, sizeof(rdata));
}

/* RFC1035-4.1: every bit of the header has one place. */
static void the_header_is_taken_apart_bit_by_bit(void **state)
{
    (void)state;
    packet_begin(&packet, 0xABCD, 0x8503);
    packet_question(&packet, "WWW.example.", RS_AAAA, RS_IN);
    assert_int_equal(read_packet(), RT_OK);
    assert_int_equal(message.id, 0xABCD);
    assert_true(message.is_response && message.is_authoritative && message.wants_recursion);
    assert_false(message.is_truncated || message.can_recurse || message.is_ad || message.is_cd);
    assert_int_equal(message.rcode, RS_NXDOMAIN);
    assert_int_equal(message.question_count, 1);
    assert_memory_equal(message.question.name.wire, "\3www\7example", 13);
    assert_int_equal(message.question.name.size, 13);
    assert_int_equal(message.question.type, RS_AAAA);
    assert_int_equal(message.edns.ede, RS_EDE_NONE);

    packet_begin(&packet, 1, 0x02B0 | RS_OPCODE_NOTIFY << 11);
    assert_int_equal(read_packet(), RT_OK);
    assert_false(message.is_response || message.wants_recursion);
    assert_true(message.is_truncated && message.can_recurse && message.is_ad && message.is_cd);
    assert_int_equal(message.opcode, RS_OPCODE_NOTIFY);
    assert_int_equal(message.question_count, 0);
}

/* A CNAME chain is followed in the order in which it came. */
static void sets_keep_the_order_of_their_first_records(void **state)
{
    (void)state;
    begin_reply("a.example.", RS_A);
    packet_record_name(&packet, 1, "a.example.", RS_CNAME, 60, "b.example.");
    packet_record_name(&packet, 1, "b.example.", RS_CNAME, 60, "c.example.");
    packet_record(&packet, 1, "c.example.", RS_A, 60, "\1\2\3\4", 4);
    packet_record_name(&packet, 2, "example.", RS_NS, 60, "ns.example.");
    packet_record(&packet, 1 + 2, "ns.example.", RS_A, 60, "\5\6\7\10", 4);
    assert_int_equal(read_packet(), RT_OK);
    assert_int_equal(message.answer.count, 3);
    assert_memory_equal(message.answer.first->owner, "\1a\7example", 11);
    assert_memory_equal(message.answer.first->next->owner, "\1b\7example", 11);
    assert_int_equal(message.answer.last->type, RS_A);
    assert_int_equal(message.answer.last->section, RS_SECTION_ANSWER);
    assert_int_equal(message.authority.count, 1);
    assert_int_equal(message.authority.first->section, RS_SECTION_AUTHORITY);
    assert_int_equal(message.additional.count, 1);
    assert_memory_equal(rs_rrset_target(message.authority.first), "\2ns\7example", 12);
}

/* RFC2181-5.2: unequal TTLs are an error of the sender; the least is safe. RFC2181-5: no copies. */
static void records_merge_with_the_least_ttl_and_without_duplicates(void **state)
{
    (void)state;
    begin_reply("example.", RS_A);
    packet_record(&packet, 1, "example.", RS_A, 300, "\1\1\1\1", 4);
    packet_record(&packet, 1, "other.example.", RS_A, 10, "\1\1\1\1", 4);
    packet_record(&packet, 1, "EXAMPLE.", RS_A, 200, "\2\2\2\2", 4);
    packet_record(&packet, 1, "example.", RS_A, 100, "\1\1\1\1", 4);
    packet_record(&packet, 1, "example.", RS_AAAA, 50, "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1", 16);
    assert_int_equal(read_packet(), RT_OK);
    const struct rs_rrset *set = find(&message.answer, "example.", RS_A);
    assert_non_null(set);
    assert_int_equal(set->count, 2);
    assert_int_equal(set->ttl_s, 100);
    assert_rdata(set, 0, "\1\1\1\1", 4);
    assert_rdata(set, 1, "\2\2\2\2", 4);
    assert_int_equal(message.answer.count, 3);
}

/* RFC8767-4: a TTL with the top bit set is very long, not zero; all TTLs have a cap. */
static void a_ttl_with_the_top_bit_is_capped_not_zero(void **state)
{
    (void)state;
    static const uint32_t ttls[][2] = {{0, 0},
                                       {1, 1},
                                       {604800, 604800},
                                       {604801, 604800},
                                       {0x7FFFFFFF, 604800},
                                       {0x80000000, 604800},
                                       {0xFFFFFFFF, 604800}};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(ttls); i++) {
        begin_reply("example.", RS_A);
        packet_record(&packet, 1, "example.", RS_A, ttls[i][0], "\1\1\1\1", 4);
        assert_int_equal(read_packet(), RT_OK);
        assert_int_equal(message.answer.first->ttl_s, ttls[i][1]);
    }
}

/* RFC4034-3: a signature covers the set of its owner and its first field, before or after it. */
static void signatures_travel_with_the_set_they_cover(void **state)
{
    (void)state;
    begin_reply("www.example.", RS_A);
    add_rrsig(1, "www.example.", RS_A, 1);
    packet_record(&packet, 1, "www.example.", RS_A, 300, "\1\1\1\1", 4);
    add_rrsig(1, "WWW.example.", RS_A, 2);
    add_rrsig(1, "www.example.", RS_A, 2);
    packet_record(&packet, 2, "www.example.", RS_A, 300, "\1\1\1\1", 4);
    assert_int_equal(read_packet(), RT_OK);
    assert_int_equal(message.answer.count, 1);
    const struct rs_rrset *set = message.answer.first;
    assert_int_equal(set->type, RS_A);
    assert_int_equal(set->count, 1);
    assert_int_equal(set->sigs_count, 2);
    struct rs_rdata sig;
    assert_true(rs_rdata_first(set->sigs, set->sigs_bytes, &sig));
    assert_int_equal(sig.data[27], 1);
    assert_true(rs_rdata_next(set->sigs, set->sigs_bytes, &sig));
    assert_int_equal(sig.data[27], 2);
    assert_false(rs_rdata_next(set->sigs, set->sigs_bytes, &sig));
    assert_int_equal(message.authority.first->sigs_count, 0); /* Sections do not mix. */
}

/* The answer to a question for RRSIG holds nothing but signatures: one set for each owner. */
static void signatures_without_their_set_become_one_set(void **state)
{
    (void)state;
    begin_reply("example.", RS_RRSIG);
    add_rrsig(1, "example.", RS_SOA, 1);
    add_rrsig(1, "example.", RS_NS, 2);
    add_rrsig(1, "example.", RS_RRSIG, 3);
    add_rrsig(1, "other.example.", RS_NS, 4);
    packet_record(&packet, 1, "example.", RS_A, 5, "\1\1\1\1", 4);
    add_rrsig(1, "example.", RS_A, 5);
    assert_int_equal(read_packet(), RT_OK);
    assert_int_equal(message.answer.count, 3);
    const struct rs_rrset *set = find(&message.answer, "example.", RS_RRSIG);
    assert_non_null(set);
    assert_int_equal(set->count, 3);
    assert_int_equal(set->sigs_count, 0);
    assert_int_equal(find(&message.answer, "other.example.", RS_RRSIG)->count, 1);
    assert_int_equal(find(&message.answer, "example.", RS_A)->sigs_count, 1);
}

/* RFC4343-4.1, RFC3597-4: owners are lower case inside; names in RDATA keep the zone's letters, and
 * those that may be compressed are unpacked. */
static void names_in_rdata_are_unpacked_with_their_letters(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        uint8_t before, names, after;
    } cases[] = {{RS_NS, 0, 1, 0},   {3, 0, 1, 0},      {4, 0, 1, 0},       {RS_CNAME, 0, 1, 0},
                 {RS_SOA, 0, 2, 20}, {7, 0, 1, 0},      {8, 0, 1, 0},       {9, 0, 1, 0},
                 {RS_PTR, 0, 1, 0},  {14, 0, 2, 0},     {RS_MX, 2, 1, 0},   {17, 0, 2, 0},
                 {18, 2, 1, 0},      {21, 2, 1, 0},     {RS_SIG, 18, 1, 7}, {26, 2, 2, 0},
                 {30, 0, 1, 5},      {RS_SRV, 6, 1, 0}, {35, 7, 1, 0}};
    static const uint8_t filler[32];

    for (unsigned i = 0; i < RT_ARRAY_COUNT(cases); i++) {
        uint8_t expected[600] = {0};
        size_t size = cases[i].before;
        begin_reply("Zone.Example.", cases[i].type); /* at offset 12 */
        packet_count(&packet, 1, 1);
        packet_pointer(&packet, 12);
        packet_fixed(&packet, cases[i].type, RS_IN, 60,
                     (uint16_t)(cases[i].before + cases[i].names * 6 + cases[i].after));
        packet_bytes(&packet, filler, cases[i].before);
        for (unsigned name = 0; name < cases[i].names; name++) {
            packet_bytes(&packet, "\3Sub", 4);
            packet_pointer(&packet, 12);
            memcpy(expected + size, "\3Sub\4Zone\7Example", 18);
            size += 18;
        }
        packet_bytes(&packet, filler, cases[i].after);
        size += cases[i].after;
        assert_int_equal(read_packet(), RT_OK);
        assert_memory_equal(message.answer.first->owner, "\4zone\7example", 14);
        assert_rdata(message.answer.first, 0, expected, size);
    }
}

/* RFC9267-5, H1 (CVE-2026-10822): a name must end exactly where its RDATA says. */
static void names_in_rdata_may_not_pass_its_end_nor_stop_before(void **state)
{
    (void)state;
    for (uint16_t size = 0; size < 16; size++) {
        begin_reply("example.", RS_NS);
        packet_count(&packet, 1, 1);
        packet_pointer(&packet, 12);
        packet_fixed(&packet, RS_NS, RS_IN, 60, size);
        packet_bytes(&packet, "\2ns\7example\0\0\0\0\0", 16);
        packet.size = packet.size - 16 + size;
        assert_int_equal(read_packet(), size == 12 ? RT_OK : RT_MALFORMED);
    }
}

/* H3, H5: whoever reads an address, a SOA or a signature later relies on its shape. */
static void rdata_of_known_shape_is_refused_when_it_has_another(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *rdata;
        uint16_t size;
    } cases[] = {{RS_A, "\1\2\3", 3},
                 {RS_A, "\1\2\3\4\5", 5},
                 {RS_A, "", 0},
                 {RS_AAAA, "\1\2\3\4", 4},
                 {RS_NS, "", 0},
                 {RS_CNAME, "\300", 1},
                 {RS_SOA, "\0\0\1\2\3", 5},
                 {RS_SOA, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 23},
                 {RS_MX, "\0\1", 2},
                 {RS_SRV, "\0\1\0\1\0", 5},
                 {RS_DNAME, "\300\14", 2},
                 {RS_RRSIG, "\0\1\15\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18},
                 {RS_RRSIG, "\0\1\15\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\300\14", 20},
                 {RS_NSEC, "\300\14\0\1\100", 5},
                 {RS_NSEC, "", 0},
                 {35, "\0\1\0\1\7abc", 8}};

    for (unsigned i = 0; i < RT_ARRAY_COUNT(cases); i++) {
        begin_reply("example.", cases[i].type);
        packet_record(&packet, 1, "example.", cases[i].type, 60, cases[i].rdata, cases[i].size);
        assert_int_equal(read_packet(), RT_MALFORMED);
    }
}

/* RFC3597-3, H5: RDATA of every type without a layout of ours is opaque, whatever its bytes. */
static void all_65536_types_come_through_byte_for_byte(void **state)
{
    (void)state;
    struct rt_prng prng;
    rt_prng_init(&prng, 3597);
    unsigned opaque = 0;

    for (uint32_t type = 0; type <= UINT16_MAX; type++) {
        uint8_t rdata[40];
        uint16_t size = (uint16_t)rt_prng_below(&prng, sizeof(rdata) + 1);
        for (unsigned i = 0; i < size; i++) {
            rdata[i] = (uint8_t)rt_prng_next(&prng);
        }
        begin_reply("example.", (uint16_t)type);
        packet_record(&packet, 1, "example.", (uint16_t)type, 60, rdata, size);
        rt_status status = read_packet();
        if (status == RT_OK && message.answer.count == 1) {
            assert_rdata(message.answer.first, 0, rdata, size);
            assert_int_equal(message.answer.first->type, type);
            opaque++;
        } else {
            /* Only types with a layout, and OPT, may refuse random bytes. */
            assert_true(type <= RS_NSEC);
        }
    }
    assert_true(opaque >= 65536 - 26);
}

/* RFC5452-4, I9 (CVE-2026-5946): no record of another class may ride along. */
static void records_of_another_class_make_it_malformed(void **state)
{
    (void)state;
    for (uint32_t class = 0; class <= UINT16_MAX; class += class < 300 ? 1 : 97) {
        begin_reply("example.", RS_A);
        packet_count(&packet, 1, 1);
        packet_name(&packet, "example.");
        packet_fixed(&packet, RS_A, (uint16_t) class, 60, 4);
        packet_bytes(&packet, "\1\2\3\4", 4);
        assert_int_equal(read_packet(), class == RS_IN ? RT_OK : RT_MALFORMED);
    }
}

/* RFC9267-6: counts are claims. RFC9619: one question at most. I7: no bytes after the last record.
 */
static void rfc9267_6_counts_must_fit_the_bytes_exactly(void **state)
{
    (void)state;
    for (unsigned index = 0; index < 4; index++) {
        for (int more = -1; more <= 1; more++) {
            begin_reply("example.", RS_A);
            packet_record(&packet, 1, "example.", RS_A, 60, "\1\2\3\4", 4);
            packet_record_name(&packet, 2, "example.", RS_NS, 60, "ns.example.");
            packet_record(&packet, 3, "ns.example.", RS_A, 60, "\1\2\3\4", 4);
            packet_count(&packet, index, more);
            assert_int_equal(read_packet(), more == 0 ? RT_OK : RT_MALFORMED);
        }
        begin_reply("example.", RS_A);
        packet_count(&packet, index, 65534);
        assert_int_equal(read_packet(), RT_MALFORMED);
    }
    begin_reply("example.", RS_A);
    packet_u8(&packet, 0);
    assert_int_equal(read_packet(), RT_MALFORMED);
}

/* H3: cut anywhere, a message is malformed; under ASan this also shows that no byte behind the end
 * is looked at. */
static void every_proper_prefix_of_a_message_is_malformed(void **state)
{
    (void)state;
    begin_reply("www.example.", RS_MX);
    packet_record_name(&packet, 1, "www.example.", RS_CNAME, 60, "w.example.");
    packet_record(&packet, 1, "w.example.", RS_MX, 60, "\0\12\3www\300\20", 8);
    add_rrsig(1, "w.example.", RS_MX, 1);
    packet_record(&packet, 2, "example.", RS_SOA, 60,
                  "\300\20\1h\300\20\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 26);
    packet_opt(&packet, 1232, 0, "\0\12\0\10abcdefgh\0\17\0\2\0\26", 18);
    assert_int_equal(read_packet(), RT_OK);
    size_t size = packet.size;
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *exact = test_malloc(cut);
        memcpy(exact, packet.data, cut);
        rt_arena_reset(&room.arena);
        assert_int_equal(rs_message_read(exact, cut, &room.arena, &message), RT_MALFORMED);
        test_free(exact);
    }
}

/* RFC6891-6.1: what OPT says is told, and it is no record. */
static void opt_is_taken_over_and_not_listed(void **state)
{
    (void)state;
    begin_reply("example.", RS_A);
    packet_opt(&packet, 4096, 0x01008000, "\0\17\0\5\0\26abc\0\12\0\20abcdefghABCDEFGH", 29);
    assert_int_equal(read_packet(), RT_OK);
    assert_true(message.edns.is_present && message.edns.is_dnssec_ok);
    assert_int_equal(message.edns.payload, 4096);
    assert_int_equal(message.edns.rcode_high, 1);
    assert_int_equal(message.rcode, 16); /* RFC6891-6.1.3 */
    assert_int_equal(message.edns.ede, RS_EDE_NO_REACHABLE_AUTHORITY);
    assert_int_equal(message.edns.cookie_size, 16);
    assert_memory_equal(message.edns.cookie, "abcdefghABCDEFGH", 16);
    assert_int_equal(message.additional.count, 0);
}

/* RFC6891-6.1.1: two OPT, one in another section or one with a name are no DNS message. */
static void opt_out_of_place_is_malformed(void **state)
{
    (void)state;
    begin_reply("example.", RS_A);
    packet_opt(&packet, 1232, 0, "", 0);
    packet_opt(&packet, 1232, 0, "", 0);
    assert_int_equal(read_packet(), RT_MALFORMED);

    for (unsigned section = 1; section <= 3; section++) {
        begin_reply("example.", RS_A);
        packet_record(&packet, section, section == 3 ? "x." : ".", RS_OPT, 0, "", 0);
        assert_int_equal(read_packet(), RT_MALFORMED);
    }
    begin_reply("example.", RS_A);
    packet_opt(&packet, 1232, 0, "\0\12\0\11abcdefgh", 12);
    assert_int_equal(read_packet(), RT_MALFORMED);
}

/* RFC8945-5.1: a signature of the message by a key we do not share is not data. */
static void tsig_is_passed_over(void **state)
{
    (void)state;
    begin_reply("example.", RS_A);
    packet_count(&packet, 3, 1);
    packet_name(&packet, "key.");
    packet_fixed(&packet, RS_TSIG, RS_CLASS_ANY, 0, 3);
    packet_bytes(&packet, "abc", 3);
    assert_int_equal(read_packet(), RT_OK);
    assert_int_equal(message.additional.count, 0);
}

/* D5 (CVE-2024-1737): sets and lists have bounds, whatever a message has room for. */
static void sets_over_their_bounds_are_malformed(void **state)
{
    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        begin_reply("example.", RS_A);
        for (unsigned i = 0; i < RS_RRS_PER_RRSET_MAX + extra; i++) {
            uint8_t ip[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
            packet_record(&packet, 1, "example.", RS_A, 60, ip, 4);
        }
        assert_int_equal(read_packet(), extra == 0 ? RT_OK : RT_MALFORMED);

        begin_reply("example.", RS_A);
        for (unsigned i = 0; i < RS_RRSETS_PER_MESSAGE_MAX + extra; i++) {
            packet_record(&packet, 1, "example.", (uint16_t)(1000 + i), 60, "", 0);
        }
        assert_int_equal(read_packet(), extra == 0 ? RT_OK : RT_MALFORMED);
        if (extra == 0) {
            assert_int_equal(message.answer.count, RS_RRSETS_PER_MESSAGE_MAX);
        }

        static const uint8_t text[RS_RRSET_BYTES_MAX];
        begin_reply("example.", RS_TXT);
        packet_record(&packet, 1, "example.", RS_TXT, 60, text,
                      (uint16_t)(RS_RRSET_BYTES_MAX - 2 + extra));
        assert_int_equal(read_packet(), extra == 0 ? RT_OK : RT_MALFORMED);
    }
}

/* Fails the allocation whose turn it is. */
static bool strike_nth(void *arg, enum rt_fault_site site)
{
    unsigned *left = arg;
    return site == RT_FAULT_ARENA && (*left)-- == 0;
}

/* H8: the arena may end anywhere; that is a status, never half a message. */
static void an_exhausted_arena_is_told_at_every_allocation(void **state)
{
    (void)state;
    begin_reply("www.example.", RS_A);
    packet_record_name(&packet, 1, "www.example.", RS_CNAME, 60, "w.example.");
    packet_record(&packet, 1, "w.example.", RS_A, 60, "\1\2\3\4", 4);
    add_rrsig(1, "w.example.", RS_A, 1);
    rt_status status = RT_NO_MEMORY;
    unsigned failures = 0;
    for (; status != RT_OK; failures++) {
        unsigned left = failures;
        rt_fault_set(strike_nth, &left);
        status = read_packet();
        rt_fault_set(NULL, NULL);
        assert_true(status == RT_OK || status == RT_NO_MEMORY);
    }
    assert_int_equal(message.answer.count, 2);
    assert_true(failures > 8);
}

/* Our question: what the other side reads is what we meant. */
static void a_written_question_reads_back(void **state)
{
    (void)state;
    uint8_t out[RS_QUERY_WIRE_BYTES_MAX];
    struct rs_query_wire query = {.id = 7,
                                  .name = (const uint8_t *)"\3wWw\7eXample",
                                  .type = RS_A,
                                  .class = RS_IN,
                                  .wants_recursion = true,
                                  .is_cd = true,
                                  .has_edns = true,
                                  .is_dnssec_ok = true,
                                  .payload = 1232,
                                  .cookie = (const uint8_t *)"abcdefgh",
                                  .cookie_size = 8};
    size_t size = rs_query_write(&query, out);
    rt_arena_reset(&room.arena);
    assert_int_equal(rs_message_read(out, size, &room.arena, &message), RT_OK);
    assert_int_equal(message.id, 7);
    assert_true(message.wants_recursion && message.is_cd && !message.is_response);
    assert_memory_equal(out + 12, "\3wWw\7eXample", 13); /* 0x20: the letters go out as given */
    assert_int_equal(message.edns.payload, 1232);
    assert_true(message.edns.is_dnssec_ok);
    assert_int_equal(message.edns.cookie_size, 8);

    query.has_edns = false;
    size = rs_query_write(&query, out);
    assert_int_equal(size, 12 + 13 + 4);
    rt_arena_reset(&room.arena);
    assert_int_equal(rs_message_read(out, size, &room.arena, &message), RT_OK);
    assert_false(message.edns.is_present);
}

static void the_longest_question_fits_its_room(void **state)
{
    (void)state;
    uint8_t out[RS_QUERY_WIRE_BYTES_MAX], name[255], cookie[40] = {0};
    memset(name, 'a', sizeof(name));
    name[0] = name[64] = name[128] = 63;
    name[192] = 61;
    name[254] = 0;
    struct rs_query_wire query = {.name = name,
                                  .type = RS_A,
                                  .class = RS_IN,
                                  .has_edns = true,
                                  .cookie = cookie,
                                  .cookie_size = sizeof(cookie)};
    assert_int_equal(rs_query_write(&query, out), RS_QUERY_WIRE_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_is_taken_apart_bit_by_bit),
        cmocka_unit_test(sets_keep_the_order_of_their_first_records),
        cmocka_unit_test(records_merge_with_the_least_ttl_and_without_duplicates),
        cmocka_unit_test(a_ttl_with_the_top_bit_is_capped_not_zero),
        cmocka_unit_test(signatures_travel_with_the_set_they_cover),
        cmocka_unit_test(signatures_without_their_set_become_one_set),
        cmocka_unit_test(names_in_rdata_are_unpacked_with_their_letters),
        cmocka_unit_test(names_in_rdata_may_not_pass_its_end_nor_stop_before),
        cmocka_unit_test(rdata_of_known_shape_is_refused_when_it_has_another),
        cmocka_unit_test(all_65536_types_come_through_byte_for_byte),
        cmocka_unit_test(records_of_another_class_make_it_malformed),
        cmocka_unit_test(rfc9267_6_counts_must_fit_the_bytes_exactly),
        cmocka_unit_test(every_proper_prefix_of_a_message_is_malformed),
        cmocka_unit_test(opt_is_taken_over_and_not_listed),
        cmocka_unit_test(opt_out_of_place_is_malformed),
        cmocka_unit_test(tsig_is_passed_over),
        cmocka_unit_test(sets_over_their_bounds_are_malformed),
        cmocka_unit_test(an_exhausted_arena_is_told_at_every_allocation),
        cmocka_unit_test(a_written_question_reads_back),
        cmocka_unit_test(the_longest_question_fits_its_room),
    };
    return cmocka_run_group_tests(tests, open_room, close_room);
}
