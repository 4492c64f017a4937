/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/packet.h"

#include <stdio.h>

#include "resolver/answer.h"
#include "runtime/base/prng.h"
#include "tests/unit/resolver/stopwatch.h"

static struct packet_arena room, back_room;
static struct packet packet;
static _Alignas(16) uint8_t block[90000];
static uint8_t out[65535];
static struct rs_request request;
static struct rs_message message;
static struct rs_response response;
static struct rs_question question;
static const struct rs_answer *const answer = (const struct rs_answer *)block;

static void ask(const char *name, uint16_t type)
{
    uint16_t rcode;
    int ede;
    packet_begin(&packet, 1, 0);
    packet_question(&packet, name, type, RS_IN);
    (void)rs_request_read(packet.data, packet.size, &request, &rcode, &ede);
    assert_true(request.has_question);
    rs_name_copy(&question.name, request.name);
    question.type = type;
    question.class = RS_IN;
    rt_arena_reset(&room.arena);
    response = (struct rs_response){.ttl_s_max = UINT32_MAX, .ede = RS_EDE_NONE};
}

static struct rs_rrset *add(struct rs_rrsets *list, const char *owner, uint16_t type,
                            const void *rdata, uint16_t size)
{
    struct rs_name name = packet_wire_name(owner);
    struct rs_rrset *set = rs_rrset_new(&room.arena, name.wire, type, 60, rdata, size);
    assert_non_null(set);
    rs_rrsets_append(list, set);
    return set;
}

static struct rs_rrset *add_name(struct rs_rrsets *list, const char *owner, uint16_t type,
                                 const char *target)
{
    struct rs_name name = packet_wire_name(target);
    return add(list, owner, type, name.wire, name.size);
}

/* One signature onto a set. */
static void sign(struct rs_rrset *set)
{
    static const uint8_t sig[2 + 20] = {20, 0, 0, 1, 13};
    uint8_t *copy = rt_arena_copy(&room.arena, sig, sizeof(sig));
    assert_non_null(copy);
    copy[2] = (uint8_t)(set->type >> 8);
    copy[3] = (uint8_t)set->type;
    set->sigs = copy;
    set->sigs_bytes = sizeof(sig);
    set->sigs_count = 1;
}

static rt_status pack(bool is_dnssec_ok, size_t capacity)
{
    size_t size;
    return rs_answer_pack(&response, &question, is_dnssec_ok, 0, block, capacity, &size);
}

static size_t reply_and_read(void)
{
    const struct rs_reply_options options = {.size_max = 65535, .payload = 1232};
    size_t size = rs_answer_reply(answer, &request, &options, 0, out);
    rt_arena_reset(&back_room.arena);
    assert_int_equal(rs_message_read(out, size, &back_room.arena, &message), RT_OK);
    return size;
}

/* RFC1035-4.1.4: a referral-like answer shrinks as expected, and reads back the same. */
static void names_are_compressed_in_owners_and_rfc1035_rdata(void **state)
{
    (void)state;
    ask("www.example.com.", RS_MX);
    add_name(&response.answer, "www.example.com.", RS_CNAME, "mail.example.com.");
    add(&response.answer, "mail.example.com.", RS_MX, "\0\12\2mx\7example\3com", 18);
    add_name(&response.authority, "example.com.", RS_NS, "mx.example.com.");
    assert_int_equal(pack(false, sizeof(block)), RT_OK);
    size_t size = reply_and_read();
    size_t expected = 12 + 21;      /* question */
    expected += 2 + 10 + 5 + 2;     /* CNAME mail + pointer */
    expected += 2 + 10 + 2 + 3 + 2; /* MX: 2, "mx", pointer */
    expected += 2 + 10 + 2;         /* NS: nothing but pointers */
    assert_int_equal(size, expected);
    assert_int_equal(message.answer.count, 2);
    struct rs_rdata rdata;
    assert_true(
        rs_rdata_first(message.answer.last->rdatas, message.answer.last->rdatas_bytes, &rdata));
    assert_memory_equal(rdata.data, "\0\12\2mx\7example\3com", 18);
    assert_memory_equal(rs_rrset_target(message.authority.first), "\2mx\7example\3com", 16);
}

/* RFC3597-4, RFC2782, RFC6672-2.5: SRV, DNAME, RRSIG, NSEC and new types never hold pointers. */
static void names_in_rdata_of_later_types_are_written_out(void **state)
{
    (void)state;
    ask("www.example.com.", RS_SRV);
    add(&response.answer, "www.example.com.", RS_SRV, "\0\1\0\2\0\65\3www\7example\3com", 23);
    add_name(&response.answer, "www.example.com.", RS_DNAME, "example.com.");
    assert_int_equal(pack(false, sizeof(block)), RT_OK);
    assert_int_equal(reply_and_read(), 12 + 21 + (2 + 10 + 23) + (2 + 10 + 13));
}

/* RFC4343-4.1: letters inside RDATA are the zone's; compression must not change them. */
static void compression_keeps_letter_case_in_rdata(void **state)
{
    (void)state;
    ask("example.com.", RS_NS);
    add(&response.answer, "example.com.", RS_NS, "\2NS\7Example\3com", 16);
    assert_int_equal(pack(false, sizeof(block)), RT_OK);
    (void)reply_and_read();
    struct rs_rdata rdata;
    assert_true(
        rs_rdata_first(message.answer.first->rdatas, message.answer.first->rdatas_bytes, &rdata));
    assert_memory_equal(rdata.data, "\2NS\7Example\3com", 16);
}

/* RFC3225-3, RFC4035-3.2.1: without DO no security records, unless asked for by type. */
static void security_records_need_do_or_the_question(void **state)
{
    (void)state;
    for (unsigned is_dnssec_ok = 0; is_dnssec_ok < 2; is_dnssec_ok++) {
        ask("www.example.com.", RS_A);
        sign(add(&response.answer, "www.example.com.", RS_A, "\1\2\3\4", 4));
        sign(add(&response.authority, "example.com.", RS_NSEC, "\0", 1));
        add(&response.authority, "h.example.com.", RS_NSEC3, "\1\0\0\0\0\0", 6);
        add(&response.authority, "example.com.", RS_DS, "\0\1\15\2abcd", 8);
        add(&response.authority, "x.example.com.", RS_RRSIG,
            "\0\1\15\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 19);
        assert_int_equal(pack(is_dnssec_ok != 0, sizeof(block)), RT_OK);
        (void)reply_and_read();
        assert_int_equal(message.answer.first->sigs_count, is_dnssec_ok);
        assert_int_equal(message.authority.count, is_dnssec_ok != 0 ? 4 : 0);
    }
    static const uint16_t types[] = {RS_NSEC, RS_DS, RS_DNSKEY, RS_NSEC3};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(types); i++) {
        ask("example.com.", types[i]);
        sign(add(&response.answer, "example.com.", types[i], "\0\1\15\2abcd", 8));
        assert_int_equal(pack(false, sizeof(block)), RT_OK);
        assert_int_equal(answer->ancount, 1);
    }
}

/* RFC3597-3, H5, and RFC6698, 7671, 7929, 8162, 4255, 8659: RDATA goes through untouched. */
static void all_65536_types_go_round_byte_for_byte(void **state)
{
    (void)state;
    struct rt_prng prng;
    rt_prng_init(&prng, 9267);
    for (uint32_t type = 0; type <= UINT16_MAX; type++) {
        uint8_t rdata[48];
        uint16_t size = (uint16_t)rt_prng_below(&prng, sizeof(rdata) + 1);
        for (unsigned i = 0; i < size; i++) {
            rdata[i] = (uint8_t)rt_prng_next(&prng);
        }
        if (type <= RS_NSEC || type == RS_TSIG) {
            continue; /* Known layouts: their own tests. TSIG is never data. */
        }
        ask("example.com.", (uint16_t)type);
        add(&response.answer, "example.com.", (uint16_t)type, rdata, size);
        assert_int_equal(pack(true, sizeof(block)), RT_OK);
        (void)reply_and_read();
        struct rs_rdata read;
        assert_int_equal(message.answer.first->type, type);
        assert_true(rs_rdata_first(message.answer.first->rdatas, message.answer.first->rdatas_bytes,
                                   &read));
        assert_int_equal(read.size, size);
        assert_memory_equal(read.data, rdata, size);
    }
}

/* RFC9460-2.2, -4.3: a resolver passes both modes, and parameters it cannot read, whole. */
static void svcb_and_https_go_through_whole_and_malformed_ones_too(void **state)
{
    (void)state;
    static const struct {
        uint16_t size;
        const char *rdata;
    } cases[] = {{11, "\0\0\3svc\2ex\0"},        /* AliasMode */
                 {10, "\0\1\0\0\3\0\2\1\273\0"}, /* ServiceMode, port, a byte too many */
                 {7, "\0\1\0\0\1\377\377"},      /* a parameter longer than all */
                 {5, "\0\1\300\14\0"},           /* a target that is a pointer */
                 {1, "\0"},
                 {0, ""}};
    for (unsigned i = 0; i < RT_ARRAY_COUNT(cases) * 2; i++) {
        uint16_t type = i % 2 == 0 ? RS_SVCB : RS_HTTPS;
        ask("example.com.", type);
        add(&response.answer, "example.com.", type, cases[i / 2].rdata, cases[i / 2].size);
        assert_int_equal(pack(false, sizeof(block)), RT_OK);
        (void)reply_and_read();
        struct rs_rdata read;
        assert_true(rs_rdata_first(message.answer.first->rdatas, message.answer.first->rdatas_bytes,
                                   &read));
        assert_int_equal(read.size, cases[i / 2].size);
        assert_memory_equal(read.data, cases[i / 2].rdata, read.size);
    }
}

/* A stored RDATA that does not follow its type's layout is passed on, not trusted. */
static void rdata_without_its_layout_is_written_as_it_is(void **state)
{
    (void)state;
    ask("example.com.", RS_MX);
    add(&response.answer, "example.com.", RS_MX, "\0", 1);
    add(&response.answer, "example.com.", RS_NS, "\77abc", 4);
    assert_int_equal(pack(false, sizeof(block)), RT_OK);
    assert_int_equal(answer->body_size, 17 + (2 + 10 + 1) + (2 + 10 + 4));
}

static uint16_t fill(struct rs_rrsets *list, char kind, unsigned count)
{
    static uint8_t text[1000];
    for (unsigned i = 0; i < count; i++) {
        char owner[32];
        snprintf(owner, sizeof(owner), "%c%u.example.com.", kind, i);
        add(list, owner, RS_TXT, text, sizeof(text));
    }
    return (uint16_t)count;
}

/* RFC2181-9: what is not required goes first: additional sets, then authority sets, whole. */
static void an_answer_over_64_k_loses_whole_additional_then_authority_sets(void **state)
{
    (void)state;
    ask("example.com.", RS_TXT);
    fill(&response.answer, 'a', 20);
    fill(&response.authority, 'b', 20);
    fill(&response.additional, 'c', 40);
    assert_int_equal(pack(false, sizeof(block)), RT_OK);
    assert_int_equal(answer->ancount, 20);
    assert_int_equal(answer->nscount, 20);
    assert_in_range(answer->arcount, 20, 26);
    assert_true(12 + answer->body_size + 11 + 44 <= 65535);
    (void)reply_and_read();
    assert_int_equal(message.additional.count, answer->arcount);

    ask("example.com.", RS_TXT);
    fill(&response.answer, 'a', 50);
    fill(&response.authority, 'b', 20);
    assert_int_equal(pack(false, sizeof(block)), RT_OK);
    assert_int_equal(answer->ancount, 50);
    assert_in_range(answer->nscount, 10, 15);
    (void)reply_and_read();

    ask("example.com.", RS_TXT);
    fill(&response.answer, 'a', 70);
    assert_int_equal(pack(false, sizeof(block)), RT_FULL);
}

/* The block's room bounds like the message's. Under ASan also: no byte beyond it. */
static void any_capacity_gives_a_whole_block_or_full(void **state)
{
    (void)state;
    unsigned full = 0;
    for (size_t capacity = 0; capacity < 600; capacity++) {
        ask("example.com.", RS_A);
        sign(add(&response.answer, "example.com.", RS_A, "\1\2\3\4", 4));
        add_name(&response.authority, "example.com.", RS_NS, "ns1.example.com.");
        add(&response.additional, "ns1.example.com.", RS_A, "\1\2\3\5", 4);
        response.ede = 0;
        response.ede_text = "why";
        uint8_t *exact = test_malloc(capacity);
        size_t size = 0;
        rt_status status = rs_answer_pack(&response, &question, true, 0, exact, capacity, &size);
        if (status == RT_OK) {
            assert_true(size <= capacity);
            memcpy(block, exact, size);
            (void)reply_and_read();
            assert_int_equal(message.answer.count, 1);
            assert_int_equal(message.answer.first->sigs_count, 1);
        } else {
            assert_int_equal(status, RT_FULL);
            full++;
        }
        test_free(exact);
    }
    assert_in_range(full, 50, 300);
}

/* How long the answer may be used: the least TTL inside, under the caller's cap. */
static void the_least_ttl_of_what_went_in_counts(void **state)
{
    (void)state;
    ask("example.com.", RS_A);
    add(&response.answer, "example.com.", RS_A, "\1\2\3\4", 4)->ttl_s = 100;
    add(&response.authority, "example.com.", RS_SOA, "\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1",
        22)
        ->ttl_s = 50;
    add(&response.authority, "example.com.", RS_NSEC, "\0", 1)->ttl_s = 10;
    assert_int_equal(pack(true, sizeof(block)), RT_OK);
    assert_int_equal(answer->ttl_s, 10);
    assert_int_equal(pack(false, sizeof(block)), RT_OK);
    assert_int_equal(answer->ttl_s, 50); /* The NSEC stayed out. */
    response.ttl_s_max = 30;
    assert_int_equal(pack(false, sizeof(block)), RT_OK);
    assert_int_equal(answer->ttl_s, 30);

    ask("example.com.", RS_A);
    assert_int_equal(pack(false, sizeof(block)), RT_OK);
    assert_int_equal(answer->ttl_s, 0); /* Nothing says how long. */
}

static void expect_quick(const char *what, uint64_t bound_ns)
{
    uint64_t best = UINT64_MAX;
    for (unsigned i = 0; i < STOPWATCH_RUNS; i++) {
        uint64_t start = stopwatch_ns();
        (void)pack(true, sizeof(block));
        uint64_t took = stopwatch_ns() - start;
        best = took < best ? took : best;
    }
    print_message("%-24s %8.1f us, %u records\n", what, (double)best / 1000, answer->ancount + 0u);
    assert_true(best < bound_ns * STOPWATCH_SLACK);
}

/* D6 (CVE-2024-8508): the search for suffixes must not be quadratic. */
static void compressing_the_worst_names_takes_bounded_time(void **state)
{
    (void)state;
    ask("example.com.", RS_NS);
    struct rs_name base = packet_wire_name("a.example.com.");
    uint8_t *rdatas = rt_arena_alloc(&room.arena, 4000 * 10);
    assert_non_null(rdatas);
    for (unsigned i = 0; i < 4000; i++) { /* 4,000 different labels */
        uint16_t size = 8;
        memcpy(rdatas + i * 10, &size, 2);
        char label[8];
        snprintf(label, sizeof(label), "%c%05u", 6, i);
        memcpy(rdatas + i * 10 + 2, label, 7);
        rdatas[i * 10 + 9] = 0;
    }
    struct rs_rrset *set = rs_rrset_new(&room.arena, base.wire, RS_NS, 60, "", 1);
    assert_non_null(set);
    set->rdatas = rdatas;
    set->rdatas_bytes = 3000 * 10;
    set->count = 3000; /* The bound of a message is near. */
    rs_rrsets_append(&response.answer, set);
    assert_int_equal(pack(true, sizeof(block)), RT_OK);
    expect_quick("3000 labels", 400000);

    ask("example.com.", RS_NS);
    uint8_t name[255];
    for (unsigned i = 0; i < 127; i++) {
        name[i * 2] = 1;
        name[i * 2 + 1] = 'a';
    }
    name[254] = 0;
    for (unsigned i = 0; i < 230; i++) { /* the deepest names, all different */
        name[1] = (uint8_t)i;
        name[253] = (uint8_t)(i * 7);
        struct rs_rrset *deep = rs_rrset_new(&room.arena, base.wire, RS_NS, 60, name, 255);
        assert_non_null(deep);
        rs_rrsets_append(&response.answer, deep);
    }
    expect_quick("230 names of 127 labels", 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_compressed_in_owners_and_rfc1035_rdata),
        cmocka_unit_test(names_in_rdata_of_later_types_are_written_out),
        cmocka_unit_test(compression_keeps_letter_case_in_rdata),
        cmocka_unit_test(security_records_need_do_or_the_question),
        cmocka_unit_test(all_65536_types_go_round_byte_for_byte),
        cmocka_unit_test(svcb_and_https_go_through_whole_and_malformed_ones_too),
        cmocka_unit_test(rdata_without_its_layout_is_written_as_it_is),
        cmocka_unit_test(an_answer_over_64_k_loses_whole_additional_then_authority_sets),
        cmocka_unit_test(any_capacity_gives_a_whole_block_or_full),
        cmocka_unit_test(the_least_ttl_of_what_went_in_counts),
        cmocka_unit_test(compressing_the_worst_names_takes_bounded_time),
    };
    packet_arena_open(&room);
    packet_arena_open(&back_room);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    packet_arena_close(&room);
    packet_arena_close(&back_room);
    return failed;
}
