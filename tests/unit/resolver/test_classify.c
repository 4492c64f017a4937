/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/classify.h"
#include "tests/unit/resolver/world.h"

struct classified {
    enum rs_said said;
    bool has_soa, has_ns;
};

/* What `script` (world.h) says to a question for `name` at a server of `zone`. */
static struct classified classify(const char *zone, const char *name, uint16_t type, bool edns,
                                  bool recursive, const char *script)
{
    static struct packet packet;
    struct packet_arena room;
    struct rs_message message;
    struct rs_ask ask = {.type = type, .class = RS_IN, .has_edns = edns};
    struct rs_name zone_wire;
    struct rs_judgement judgement;

    packet_arena_open(&room);
    assert_int_equal(rs_name_parse(name, &ask.name), RT_OK);
    assert_int_equal(rs_name_parse(zone, &zone_wire), RT_OK);
    world_write(&packet, &ask, script);
    assert_int_equal(rs_message_read(packet.data, packet.size, &room.arena, &message), RT_OK);
    struct rs_asked asked = {
        .name = ask.name.wire,
        .type = type,
        .zone = zone_wire.wire,
        .had_edns = edns,
        .is_recursive = recursive,
    };
    rs_classify(&message, &asked, &judgement);
    struct classified result = {
        .said = judgement.said,
        .has_soa = judgement.soa != NULL,
        .has_ns = judgement.ns != NULL,
    };
    packet_arena_close(&room);
    return result;
}

static enum rs_said said(const char *script)
{
    return classify("example.", "www.example.", RS_A, true, false, script).said;
}

static void knows_answers_and_aliases(void **state)
{
    (void)state;
    assert_int_equal(said("aa / www.example. 60 A 192.0.2.1"), RS_SAID_ANSWER);
    assert_int_equal(said("aa / www.example. 60 CNAME other."), RS_SAID_ANSWER);
    assert_int_equal(said("aa / example. 60 DNAME other."), RS_SAID_ANSWER);
    /* RFC6604-3: the rcode is about the end of the chain. */
    assert_int_equal(said("aa nxdomain / www.example. 60 CNAME x.example."), RS_SAID_ANSWER);
    /* RFC6672-2.2: too long, by this DNAME. */
    assert_int_equal(said("aa yxdomain / example. 60 DNAME other."), RS_SAID_ANSWER);
}

/* What the server has no right to say, or was not asked, is no answer. */
static void ignores_what_does_not_answer(void **state)
{
    (void)state;
    assert_int_equal(said("aa / mail.example. 60 A 192.0.2.1"), RS_SAID_EMPTY);
    assert_int_equal(said("aa / . 60 DNAME other."), RS_SAID_EMPTY);
    assert_int_equal(said("aa / www.example. 60 DNAME other."), RS_SAID_EMPTY);
    assert_int_equal(said("aa yxdomain"), RS_SAID_ERROR);
}

/* RFC2308-2.1, -2.2: which denials can be cached. */
static void knows_denials_with_and_without_soa(void **state)
{
    struct classified c;
    (void)state;
    c = classify("example.", "www.example.", RS_A, true, false, "aa / / example. 60 SOA 60");
    assert_int_equal(c.said, RS_SAID_NODATA);
    assert_true(c.has_soa);
    c = classify("example.", "www.example.", RS_A, true, false,
                 "aa nxdomain / / example. 60 SOA 60");
    assert_int_equal(c.said, RS_SAID_NXDOMAIN);
    assert_true(c.has_soa);
    c = classify("example.", "www.example.", RS_A, true, false, "aa nxdomain");
    assert_int_equal(c.said, RS_SAID_NXDOMAIN);
    assert_false(c.has_soa);
    c = classify("example.", "www.example.", RS_A, true, false, "aa / / example. 60 NS ns.");
    assert_int_equal(c.said, RS_SAID_NODATA);
    assert_false(c.has_soa);
}

/* RFC1034-4.3.2: down, and nowhere else. */
static void knows_referrals_down(void **state)
{
    struct classified c = classify("example.", "a.sub.example.", RS_A, true, false,
                                   " / / sub.example. 60 NS ns.sub.example.");
    (void)state;
    assert_int_equal(c.said, RS_SAID_REFERRAL);
    assert_true(c.has_ns);
    /* Some set AA on referrals. */
    assert_int_equal(said("aa / / www.example. 60 NS ns.www.example."), RS_SAID_REFERRAL);
}

static void calls_every_other_referral_lame(void **state)
{
    (void)state;
    assert_int_equal(said(" / / . 60 NS a.root."), RS_SAID_LAME);                 /* upward */
    assert_int_equal(said("aa / / . 60 NS a.root."), RS_SAID_LAME);               /* upward, AA */
    assert_int_equal(said(" / / example. 60 NS ns.example."), RS_SAID_LAME);      /* itself */
    assert_int_equal(said(" / / mail.example. 60 NS ns.example."), RS_SAID_LAME); /* sideways */
    assert_int_equal(said(" / / other. 60 NS ns.other."), RS_SAID_LAME);
    assert_int_equal(said("aa / / . 60 SOA 60"), RS_SAID_LAME); /* of a zone above */
    assert_int_equal(said("aa nxdomain / / . 60 SOA 60"), RS_SAID_LAME);
}

/* RFC6891-7 and DNS Flag Day 2019: only these two rcodes, and only without OPT. */
static void takes_no_edns_from_formerr_and_notimp_without_opt_only(void **state)
{
    (void)state;
    assert_int_equal(said("formerr noopt"), RS_SAID_NO_EDNS);
    assert_int_equal(said("notimp noopt"), RS_SAID_NO_EDNS);
    assert_int_equal(said("formerr"), RS_SAID_ERROR);
    assert_int_equal(said("servfail noopt"), RS_SAID_ERROR);
    assert_int_equal(said("refused noopt"), RS_SAID_ERROR);
    assert_int_equal(classify("example.", "www.example.", RS_A, false, false, "formerr").said,
                     RS_SAID_ERROR);
}

static void knows_the_errors(void **state)
{
    static const char *const errors[] = {"servfail", "refused", "notauth", "badvers", "rcode13"};
    (void)state;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(errors); i++) {
        assert_int_equal(said(errors[i]), RS_SAID_ERROR);
    }
    assert_int_equal(said("badcookie"), RS_SAID_COOKIE);
    assert_int_equal(said("aa"), RS_SAID_EMPTY);
    assert_int_equal(said("aa tc / www.example. 60 A 192.0.2.1"), RS_SAID_TRUNCATED);
}

/* RFC4035-3.1.4.1: the DS is the parent's. A referral to the child instead means there is none. */
static void takes_a_referral_to_the_child_as_no_ds(void **state)
{
    (void)state;
    assert_int_equal(classify("example.", "sub.example.", RS_DS, true, false,
                              " / / sub.example. 60 NS ns.sub.example.")
                         .said,
                     RS_SAID_NODATA);
}

/* A forwarder that recurses is not asked as server of a zone: what it does not have is not there.
 */
static void believes_a_forwarder_about_absence(void **state)
{
    (void)state;
    assert_int_equal(classify(".", "www.example.", RS_A, true, true, "ra").said, RS_SAID_NODATA);
    assert_int_equal(
        classify("sub.example.", "www.sub.example.", RS_A, true, true, "ra / / example. 9 SOA 9")
            .said,
        RS_SAID_NODATA);
    assert_int_equal(classify(".", "www.example.", RS_A, true, true, " / / example. 9 NS ns.").said,
                     RS_SAID_LAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_answers_and_aliases),
        cmocka_unit_test(ignores_what_does_not_answer),
        cmocka_unit_test(knows_denials_with_and_without_soa),
        cmocka_unit_test(knows_referrals_down),
        cmocka_unit_test(calls_every_other_referral_lame),
        cmocka_unit_test(takes_no_edns_from_formerr_and_notimp_without_opt_only),
        cmocka_unit_test(knows_the_errors),
        cmocka_unit_test(takes_a_referral_to_the_child_as_no_ds),
        cmocka_unit_test(believes_a_forwarder_about_absence),
    };
    return cmocka_run_group_tests_name("resolver.classify", tests, NULL, NULL);
}
