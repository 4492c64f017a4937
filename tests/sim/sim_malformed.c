/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "tests/sim/liar.h"
#include "tests/sim/test.h"

/* Malformed replies that come before the true one (security.md A9, A12). */

#define FORGED_ADDR "203.0.113.66"
#define TREE        "@ NS ns.\nns. A 5.0.0.1\nexample. NS ns.example.\nns.example. A 5.0.0.2"

enum { KINDS = 24 };

static void set_u16(struct liar_reply *reply, unsigned at, uint16_t value)
{
    reply->wire[at] = (uint8_t)(value >> 8);
    reply->wire[at + 1] = (uint8_t)value;
}

/* Where the question ends. */
static uint32_t question_end(const struct sim_authority_question *question)
{
    return 12u + question->message->name_as_sent.size + 4u;
}

/* Header and question faults. True: `kind` is one of them. */
static bool spoil_question(struct liar_reply *reply, const struct sim_authority_question *question,
                           unsigned kind)
{
    uint32_t end = question_end(question);

    switch (kind) {
    case 0: /* a question */
        reply->wire[2] &= 0x7F;
        return true;
    case 1: /* another opcode */
        reply->wire[2] |= 0x28;
        return true;
    case 2:
        reply->wire[2] |= 0x78;
        return true;
    case 3: /* no question, but an answer */
        set_u16(reply, 4, 0);
        return true;
    case 4: /* two questions */
        set_u16(reply, 4, 2);
        return true;
    case 5: /* another name, type, class */
        reply->wire[13] ^= 1;
        return true;
    case 6:
        set_u16(reply, end - 4, RS_AAAA);
        return true;
    case 7:
        set_u16(reply, end - 2, 255);
        return true;
    case 8:
        set_u16(reply, end - 2, 3);
        return true;
    case 9: /* cut off in the header, after it, in the question, after it */
        reply->writer.size = 11;
        return true;
    case 10:
        reply->writer.size = 12;
        return true;
    case 11:
        reply->writer.size = end - 3;
        return true;
    case 12:
        reply->writer.size = end;
        return true;
    case 13: /* a compressed question, and one that points at itself */
        set_u16(reply, 12, 0xC000);
        return true;
    case 14:
        set_u16(reply, 12, 0xC00C);
        return true;
    default:
        return false;
    }
}

/* Faults behind the question. */
static void spoil_records(struct liar_reply *reply, const struct sim_authority_question *question,
                          unsigned kind)
{
    uint32_t end = question_end(question);
    uint8_t opt[11] = {0, 0, 41, 4, 208};

    switch (kind) {
    case 15: /* bytes after the message */
    case 16:
        memset(reply->wire + reply->writer.size, 0, 40);
        reply->writer.size += kind == 15 ? 1 : 40;
        break;
    case 17: /* truncated and cut */
        reply->wire[2] |= SIM_TC >> 8;
        reply->writer.size -= 7;
        break;
    case 18: /* a record too few */
        set_u16(reply, 6, 2);
        break;
    case 19: /* an owner that points at itself */
        set_u16(reply, end, (uint16_t)(0xC000 | end));
        break;
    case 20: /* an address of three bytes: RDLENGTH is before the last four bytes */
        set_u16(reply, reply->writer.size - 6, 3);
        reply->writer.size -= 1;
        break;
    case 21: /* RDATA beyond the end */
        set_u16(reply, reply->writer.size - 6, 60000);
        break;
    case 22: /* two OPTs */
    case 23: /* an OPT whose options are longer than it */
        for (unsigned i = 0; i < 2; i++) {
            opt[10] = kind == 23 ? 9 : 0;
            memcpy(reply->wire + reply->writer.size, opt, sizeof(opt));
            reply->writer.size += sizeof(opt);
        }
        set_u16(reply, 10, 2);
        break;
    default:
        RT_CHECK(kind < 15);
    }
}

static void spoil(void *arg, const struct sim_authority_question *question, uint64_t number)
{
    const unsigned *kind = arg;
    char name[1010];
    (void)number;

    if (question->query->is_tcp) {
        return;
    }
    sim_name_text(&question->message->name, name);
    struct liar_reply *reply = liar_begin(question, question->message->id, SIM_AA);
    liar_add(reply, 0, "%s 86400 A " FORGED_ADDR, name);
    if (!spoil_question(reply, question, *kind)) {
        spoil_records(reply, question, *kind);
    }
    liar_send(reply, 0);
}

/* TuDoor: a malformed reply with the right ID and port comes first. It is neither believed nor a
 * reason to give up: every client hears the truth, for few packets. */
SIM_TEST(spoof_malformed)
{
    unsigned kind;
    char name[32];
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed, .upstream = {.latency_us_min = 1000, .latency_us_max = 20000}});
    sim_serve(sim, "5.0.0.1", ".", TREE);
    struct liar *liar = liar_open(sim, "5.0.0.2", 0, spoil, &kind);
    struct sim_zone *zone = sim_zone(sim, "example.", "@ NS ns\nns A 5.0.0.2");
    sim_authority_serve(liar_authority(liar), zone);
    sim_ask(sim, "example.", RS_NS, 1);

    for (kind = 0; kind < KINDS; kind++) {
        uint64_t before = liar_questions(liar);
        sim_zone_add(zone, "n%u 300 A 192.0.2.%u", kind, kind + 1);
        snprintf(name, sizeof(name), "n%u.example.", kind);
        sim_ask(sim, name, RS_A, 1);
        sim_run_quiet(sim, 10000);
        EXPECT_NUMBERS(liar_questions(liar), <=, before + 2);
    }
    struct sim_tally tally = sim_tally(sim);
    EXPECT_NUMBERS(tally.right, ==, KINDS + 1);
    sim_test_explain(sim);
    liar_close(liar);
    sim_free(sim);
}

/* Every header word with the right ID and question, carrying a false address: what is not on the
 * allow-list (QR, opcode QUERY) is never an answer; RFC1035-4.1.1 leaves the rest to the server. */
SIM_TEST(spoof_header)
{
    enum { WORDS = 64 };
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed});
    unsigned kind = 0;
    char name[32];
    sim_serve(sim, "5.0.0.1", ".", TREE);
    struct liar *liar = liar_open(sim, "5.0.0.2", 0, spoil, &kind);
    struct sim_zone *zone = sim_zone(sim, "example.", "@ NS ns\nns A 5.0.0.2");
    sim_authority_serve(liar_authority(liar), zone);

    for (unsigned i = 0; i < WORDS; i++) {
        kind = (unsigned)rt_prng_below(sim_random(sim), 3); /* kinds 0, 1, 2 are header words */
        sim_zone_add(zone, "n%u 300 A 192.0.2.%u", i, i + 1);
        snprintf(name, sizeof(name), "n%u.example.", i);
        sim_ask(sim, name, RS_A, 1);
        sim_run_quiet(sim, 10000);
    }
    EXPECT_NUMBERS(sim_tally(sim).right, ==, WORDS);
    liar_close(liar);
    sim_free(sim);
}
