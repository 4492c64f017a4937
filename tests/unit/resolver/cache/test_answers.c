/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/resolver/cache/kit.h"

#include "resolver/cache/answers.h"
#include "runtime/base/clock.h"

enum { MEMORY_BYTES = 1 << 20, START_S = 1000 };
#define START_NS (START_S * RT_NS_PER_S)
static const struct rt_siphash_key secret = {.bytes = "a random key 123"};

static struct rs_answers *open_answers(uint64_t bytes)
{
    struct rs_answers *answers;
    assert_int_equal(rs_answers_open(&answers, bytes, &secret), RT_OK);
    return answers;
}

/* The answer "name A 192.0.2.last", packed as the resolver packs it. */
static const struct rs_answer *make(struct kit *kit, const char *name, uint32_t ttl_s,
                                    const char *last, uint8_t flags, uint64_t made_ns)
{
    static _Alignas(16) uint8_t room[8192];
    struct rs_response response = {.flags = flags, .ttl_s_max = UINT32_MAX, .ede = RS_EDE_NONE};
    struct rs_question question = {.name = kit_name(name), .type = RS_A, .class = RS_IN};
    size_t size;
    rs_rrsets_append(&response.answer, kit_a(kit, name, ttl_s, last));
    assert_int_equal(
        rs_answer_pack(&response, &question, false, made_ns, room, sizeof(room), &size), RT_OK);
    return (const struct rs_answer *)(const void *)room;
}

static struct rs_answer_key key_of(const struct rs_answers *answers, const char *text,
                                   bool is_dnssec_ok, bool is_cd)
{
    struct rs_name name = kit_name(text);
    return rs_answers_key(answers, name.wire, name.size, RS_A, RS_IN, is_dnssec_ok, is_cd);
}

static void keep(struct kit *kit, struct rs_answers *answers, const char *name, uint32_t ttl_s,
                 const char *last, uint64_t now_ns)
{
    rs_answers_put(answers, key_of(answers, name, false, false),
                   make(kit, name, ttl_s, last, 0, now_ns), false, false, now_ns);
    rt_arena_reset(&kit->arena);
}

/* The last octet of the address in the kept answer, or -1. */
static int look(struct rs_answers *answers, const char *text, bool is_dnssec_ok, bool is_cd,
                uint64_t now_ns)
{
    struct rs_name name = kit_name(text);
    struct rs_answer_key key = key_of(answers, text, is_dnssec_ok, is_cd);
    rs_answers_prefetch(answers, key);
    const struct rs_answer *answer =
        rs_answers_get(answers, key, name.wire, name.size, RS_A, is_dnssec_ok, is_cd, now_ns);
    return answer == NULL ? -1 : ((const uint8_t *)answer)[answer->size - 1];
}

/* The common case of the whole program. */
static void kept_answer_is_found_while_it_is_fresh(void **state)
{
    struct rs_answers *answers = open_answers(MEMORY_BYTES);
    assert_int_equal(look(answers, "www.example.", false, false, START_NS), -1);
    keep(*state, answers, "www.example.", 300, "7", START_NS);
    assert_int_equal(look(answers, "www.example.", false, false, START_NS), 7);
    assert_int_equal(look(answers, "www.example.", false, false, START_NS + 299 * RT_NS_PER_S), 7);
    assert_int_equal(look(answers, "www.example.", false, false, START_NS + 300 * RT_NS_PER_S), -1);
    assert_int_equal(look(answers, "ww.example.", false, false, START_NS), -1);
    rs_answers_close(answers);
}

/* RFC1123-6.1.2.1 (row 2): an answer with TTL 0 is for those who wait, and for nobody later. */
static void ttl_zero_and_uncached_answers_are_not_kept(void **state)
{
    struct kit *kit = *state;
    struct rs_answers *answers = open_answers(MEMORY_BYTES);
    keep(kit, answers, "www.example.", 0, "7", START_NS);
    assert_int_equal(look(answers, "www.example.", false, false, START_NS), -1);
    rs_answers_put(answers, key_of(answers, "www.example.", false, false),
                   make(kit, "www.example.", 300, "7", RS_ANSWER_UNCACHED, START_NS), false, false,
                   START_NS);
    assert_int_equal(look(answers, "www.example.", false, false, START_NS), -1);
    rs_answers_close(answers);
}

/* B8 of the attack list: what was made for CD=1 or DO=1 never answers a client without. */
static void answers_never_cross_dnssec_ok_and_checking_disabled(void **state)
{
    struct kit *kit = *state;
    for (unsigned made = 0; made < 4; made++) {
        struct rs_answers *answers = open_answers(MEMORY_BYTES);
        bool is_dnssec_ok = (made & 1) != 0, is_cd = (made & 2) != 0;
        rs_answers_put(answers, key_of(answers, "www.example.", is_dnssec_ok, is_cd),
                       make(kit, "www.example.", 300, "7", 0, START_NS), is_dnssec_ok, is_cd,
                       START_NS);
        for (unsigned asked = 0; asked < 4; asked++) {
            assert_int_equal(
                look(answers, "www.example.", (asked & 1) != 0, (asked & 2) != 0, START_NS),
                asked == made ? 7 : -1);

            /* Even with the very same hash: the marks are compared, not only hashed. */
            struct rs_name name = kit_name("www.example.");
            struct rs_answer_key key = key_of(answers, "www.example.", is_dnssec_ok, is_cd);
            const struct rs_answer *answer =
                rs_answers_get(answers, key, name.wire, name.size, RS_A, (asked & 1) != 0,
                               (asked & 2) != 0, START_NS);
            assert_int_equal(answer != NULL, asked == made);
        }
        rs_answers_close(answers);
    }
}

/* A collision of the whole hash must not give one name's answer to another. */
static void equal_hash_of_another_question_is_a_miss(void **state)
{
    struct kit *kit = *state;
    struct rs_answers *answers = open_answers(MEMORY_BYTES);
    struct rs_answer_key forged = {.hash = 42, .class = RS_IN};
    struct rs_name kept = kit_name("www.example."), other = kit_name("wwx.example.");
    rs_answers_put(answers, forged, make(kit, "www.example.", 300, "7", 0, START_NS), false, false,
                   START_NS);
    assert_non_null(
        rs_answers_get(answers, forged, kept.wire, kept.size, RS_A, false, false, START_NS));
    assert_null(
        rs_answers_get(answers, forged, other.wire, other.size, RS_A, false, false, START_NS));
    assert_null(
        rs_answers_get(answers, forged, kept.wire, kept.size, RS_AAAA, false, false, START_NS));
    forged.class = RS_CH;
    assert_null(
        rs_answers_get(answers, forged, kept.wire, kept.size, RS_A, false, false, START_NS));

    /* And both may live side by side. */
    forged.class = RS_IN;
    rs_answers_put(answers, forged, make(kit, "wwx.example.", 300, "8", 0, START_NS), false, false,
                   START_NS);
    assert_non_null(
        rs_answers_get(answers, forged, kept.wire, kept.size, RS_A, false, false, START_NS));
    assert_non_null(
        rs_answers_get(answers, forged, other.wire, other.size, RS_A, false, false, START_NS));
    rs_answers_close(answers);
}

/* The newer answer to the same question takes the place of the older one. */
static void fresh_answer_replaces_the_old_one_in_place(void **state)
{
    struct rs_answers *answers = open_answers(1); /* one set */
    for (unsigned i = 0; i < 100; i++) {
        keep(*state, answers, "other.example.", 300, "1", START_NS);
        keep(*state, answers, "www.example.", 300, i == 99 ? "9" : "7", START_NS + i);
    }
    assert_int_equal(look(answers, "www.example.", false, false, START_NS), 9);
    assert_int_equal(look(answers, "other.example.", false, false, START_NS), 1);
    rs_answers_close(answers);
}

static void keep_numbered(struct kit *kit, struct rs_answers *answers, unsigned number,
                          uint32_t ttl_s, uint64_t now_ns)
{
    char name[32];
    snprintf(name, sizeof(name), "n%u.example.", number);
    keep(kit, answers, name, ttl_s, "1", now_ns);
}

/* A stream of names that nobody asks for again must not flush what is asked for all the time. */
static void popular_answers_survive_a_flood_of_others(void **state)
{
    struct rs_answers *answers = open_answers(1);
    keep(*state, answers, "www.example.", 300, "7", START_NS);
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(look(answers, "www.example.", false, false, START_NS), 7);
        keep_numbered(*state, answers, i, 300, START_NS);
    }
    /* What was popular once goes in the end. */
    for (unsigned i = 1000; i < 1100; i++) {
        keep_numbered(*state, answers, i, 300, START_NS);
    }
    assert_int_equal(look(answers, "www.example.", false, false, START_NS), -1);
    rs_answers_close(answers);
}

/* What is dead makes room before anything that lives. */
static void dead_answers_go_before_the_living(void **state)
{
    struct rs_answers *answers = open_answers(1);
    uint64_t later = START_NS + 20 * RT_NS_PER_S;
    keep_numbered(*state, answers, 100, 10, START_NS);
    for (unsigned i = 0; i < 7; i++) {
        keep_numbered(*state, answers, i, 300, START_NS);
    }
    keep(*state, answers, "new.example.", 300, "5", later);
    for (unsigned i = 0; i < 7; i++) {
        char name[32];
        snprintf(name, sizeof(name), "n%u.example.", i);
        assert_int_equal(look(answers, name, false, false, later), 1);
    }
    assert_int_equal(look(answers, "new.example.", false, false, later), 5);
    rs_answers_close(answers);
}

/* Longer answers than a slot are not cut, they are left to the shard. */
static void answer_longer_than_a_slot_is_not_kept(void **state)
{
    struct kit *kit = *state;
    static _Alignas(16) uint8_t room[8192];
    struct rs_answers *answers = open_answers(MEMORY_BYTES);
    struct rs_response response = {.ttl_s_max = UINT32_MAX, .ede = RS_EDE_NONE};
    struct rs_question question = {
        .name = kit_name("www.example."), .type = RS_TXT, .class = RS_IN};
    uint8_t text[900] = {0};
    size_t size;
    rs_rrsets_append(&response.answer, rs_rrset_new(&kit->arena, question.name.wire, RS_TXT, 300,
                                                    text, sizeof(text)));
    assert_int_equal(
        rs_answer_pack(&response, &question, false, START_NS, room, sizeof(room), &size), RT_OK);
    struct rs_answer_key key = rs_answers_key(answers, question.name.wire, question.name.size,
                                              RS_TXT, RS_IN, false, false);
    rs_answers_put(answers, key, (const struct rs_answer *)(const void *)room, false, false,
                   START_NS);
    assert_null(rs_answers_get(answers, key, question.name.wire, question.name.size, RS_TXT, false,
                               false, START_NS));
    rs_answers_close(answers);
}

/* D10 of the attack list: where a name falls depends on a key that nobody outside knows. */
static void sets_depend_on_the_secret_key(void **state)
{
    (void)state;
    struct rs_answers *one, *two;
    const struct rt_siphash_key other = {.bytes = "another key 4567"};
    assert_int_equal(rs_answers_open(&one, MEMORY_BYTES, &secret), RT_OK);
    assert_int_equal(rs_answers_open(&two, MEMORY_BYTES, &other), RT_OK);
    unsigned equal = 0;
    for (unsigned i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "n%u.example.", i);
        equal += key_of(one, name, false, false).hash >> 56 ==
                 key_of(two, name, false, false).hash >> 56;
    }
    assert_true(equal < 20); /* 4 of 1000 by chance */
    rs_answers_close(one);
    rs_answers_close(two);
}

/* Most of what fits by size is really there: sets fill evenly. */
static void memory_is_used_evenly(void **state)
{
    struct rs_answers *answers = open_answers(4 << 20);
    const unsigned slots = (4 << 20) / (RS_ANSWER_SLOT_BYTES + 8);
    unsigned found = 0;
    for (unsigned i = 0; i < slots / 2; i++) {
        keep_numbered(*state, answers, i, 300, START_NS);
    }
    for (unsigned i = 0; i < slots / 2; i++) {
        char name[32];
        snprintf(name, sizeof(name), "n%u.example.", i);
        found += look(answers, name, false, false, START_NS) == 1;
    }
    assert_true(found > slots / 2 * 9 / 10);
    rs_answers_close(answers);
}

/* After cache.clear no core may answer from before. */
static void clear_forgets_everything(void **state)
{
    struct rs_answers *answers = open_answers(MEMORY_BYTES);
    keep(*state, answers, "www.example.", 300, "7", START_NS);
    rs_answers_clear(answers);
    assert_int_equal(look(answers, "www.example.", false, false, START_NS), -1);
    keep(*state, answers, "www.example.", 300, "8", START_NS);
    assert_int_equal(look(answers, "www.example.", false, false, START_NS), 8);
    rs_answers_close(answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(kept_answer_is_found_while_it_is_fresh),
        KIT_TEST(ttl_zero_and_uncached_answers_are_not_kept),
        KIT_TEST(answers_never_cross_dnssec_ok_and_checking_disabled),
        KIT_TEST(equal_hash_of_another_question_is_a_miss),
        KIT_TEST(fresh_answer_replaces_the_old_one_in_place),
        KIT_TEST(popular_answers_survive_a_flood_of_others),
        KIT_TEST(dead_answers_go_before_the_living),
        KIT_TEST(answer_longer_than_a_slot_is_not_kept),
        KIT_TEST(sets_depend_on_the_secret_key),
        KIT_TEST(memory_is_used_evenly),
        KIT_TEST(clear_forgets_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
