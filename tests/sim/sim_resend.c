/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "tests/sim/liar.h"
#include "tests/sim/test.h"

/* Servers that make a resolver come back: the same useless reply, a door that is slammed, an
 * endless answer, ourselves (security.md C6, C7, C8, C10, C14, C15). */

static struct sim_tally ask_once(struct sim *sim, const char *name, uint16_t type)
{
    unsigned number = sim_ask_with(sim, &(struct sim_ask){.name = name, .type = type});

    EXPECT(sim_run_quiet(sim, 15000));
    return sim_clients_tally(sim_clients(sim), number);
}

/* ---- C6: the same addresses under many names ---- */

/* CVE-2026-3592: ten name servers with the same thirteen addresses each, or each with two of which
 * the next one has one, too: each address is asked once, none is of any use. */
SIM_TEST(amplify_duplicates)
{
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed});
    char addrs[13 * 12] = "", addr[12];
    struct sim_zone *root = sim_zone(sim, ".", "@ NS ns.\nns. A 5.0.0.1");
    for (unsigned i = 0; i < 10; i++) {
        sim_zone_add(root, "dup. NS n%u.dup.", i);
        unsigned first = seed % 2 == 0 ? 0 : i, count = seed % 2 == 0 ? 13 : 2;
        for (unsigned j = first; j < first + count; j++) {
            sim_zone_add(root, "n%u.dup. A 5.7.0.%u", i, j % 13 + 1);
        }
    }
    for (unsigned j = 0; j < 13; j++) {
        snprintf(addr, sizeof(addr), "5.7.0.%u ", j + 1);
        strcat(addrs, addr);
    }
    sim_authority_serve(sim_authority(sim, "5.0.0.1", 0, NULL, NULL), root);
    sim_hint(sim, "ns.", "5.0.0.1");
    sim_authority(sim, addrs, seed / 2 % 2 == 0 ? SIM_REFUSES : SIM_SERVFAILS, NULL, NULL);
    EXPECT_NUMBERS(ask_once(sim, "www.dup.", RS_A).failed, ==, 1);
    EXPECT_NUMBERS(sim_upstream_packets(sim), <=, 17);
    sim_free(sim);
}

/* ---- C7: the same useless reply for ever ---- */

static void repeat_rcode(void *arg, const struct sim_authority_question *question, uint64_t number)
{
    static const uint16_t rcodes[] = {RS_FORMERR, RS_SERVFAIL, RS_NOTIMP, RS_REFUSED, RS_YXDOMAIN,
                                      7,          9,           11,        RS_BADVERS, RS_BADCOOKIE,
                                      15,         RS_NOERROR};
    const unsigned *which = arg;
    uint16_t rcode = rcodes[*which];
    uint8_t cookie[4 + 16] = {0, 10, 0, 16};
    (void)number;

    struct liar_reply *reply = liar_begin(question, question->message->id, rcode & 15u);
    if (rcode == RS_NOERROR) {
        reply->wire[2] |= SIM_TC >> 8; /* over TCP, too */
    }
    if (question->message->has_edns && rcode != RS_FORMERR) {
        memcpy(cookie + 4, question->message->cookie, 8);
        memset(cookie + 12, (int)number & 0xFF, 8);
        sim_write_opt(&reply->writer, 1232, rcode, false, cookie, sizeof(cookie));
    }
    liar_send(reply, 0);
}

/* CVE-2026-5950: BADCOOKIE, BADVERS, FORMERR, TC over TCP ... whatever is asked, as often as one
 * asks: a server hears a question six times at most. */
SIM_TEST(amplify_rcodes)
{
    unsigned which = (unsigned)(seed % 12);
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed});
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\nbad. NS a.bad.\nbad. NS b.bad.\na.bad. A 5.0.0.2\nb.bad. A "
              "5.0.0.3");
    struct liar *liar = liar_open(sim, "5.0.0.2 5.0.0.3", SIM_DEAD, repeat_rcode, &which);
    ask_once(sim, "www.bad.", RS_A);
    EXPECT_NUMBERS(sim_asked_at(sim, "5.0.0.2"), <=, 6);
    EXPECT_NUMBERS(sim_asked_at(sim, "5.0.0.3"), <=, 6);
    liar_close(liar);
    sim_free(sim);
}

/* ---- C8: connections that come to nothing ---- */

struct door {
    struct sim_listener *listener;
    unsigned kind, connections;
};

static void slam(void *arg, struct sim_end *end)
{
    struct door *door = arg;
    static const uint8_t one[1];

    door->connections++;
    if (door->kind == 2) {
        sim_end_write(end, one, 1);
    }
    sim_end_close(end, door->kind == 1);
}

/* CVE-2023-46317: datagrams are truncated, and whoever comes over TCP is shut out: at once, with a
 * reset, or after one byte. Three connections to each server, for one question. */
SIM_TEST(amplify_tcp)
{
    struct sim *sim = sim_new(&(struct sim_options){
        .seed = seed, .upstream = {.latency_us_min = 500, .latency_us_max = 5000}});
    struct door doors[2] = {{.kind = (unsigned)(seed % 3)}, {.kind = (unsigned)(seed / 3 % 3)}};
    static const char *const addrs[2] = {"5.0.0.2", "5.0.0.3"};
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\nbad. NS a.bad.\nbad. NS b.bad.\na.bad. A 5.0.0.2\nb.bad. A "
              "5.0.0.3");
    struct sim_zone *zone =
        sim_zone(sim, "bad.", "@ NS a\n@ NS b\na A 5.0.0.2\nb A 5.0.0.3\n* A 192.0.2.1");
    for (unsigned i = 0; i < 2; i++) {
        struct rt_addr addr;
        struct sim_authority *server =
            sim_authority(sim, addrs[i], SIM_TC_ALWAYS | SIM_UDP_ONLY, NULL, NULL);
        sim_authority_serve(server, zone);
        RT_CHECK(rt_addr_parse(addrs[i], 53, &addr) == RT_OK);
        rt_status status =
            sim_listen(sim_network(sim), &addr, false, slam, &doors[i], &doors[i].listener);
        RT_CHECK(status == RT_OK);
    }
    EXPECT_NUMBERS(ask_once(sim, "www.bad.", RS_A).failed, ==, 1);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT_NUMBERS(doors[i].connections, >=, 1);
        EXPECT_NUMBERS(doors[i].connections, <=, 3);
        sim_listener_close(doors[i].listener);
    }
    sim_free(sim);
}

/* ---- C10: a forwarder that is ourselves ---- */

static void forward_home(void *arg, struct lu_settings *settings)
{
    struct rs_forward *forward = &settings->resolver.forwards[settings->resolver.forwards_count++];
    const struct rt_addr *target = arg;

    /* Who forwards to us is a client of ours. */
    RT_CHECK(rt_prefix_parse("0.0.0.0/0", &settings->acl[settings->acl_count++]) == RT_OK);
    forward->mode = RS_FORWARD_RECURSE;
    RT_CHECK(rs_name_parse("loop.", &forward->name) == RT_OK);
    forward->addrs[forward->addrs_count++] = *target;
}

/* Passes each question on to the resolver, and the reply back to who asked: as a second resolver
 * does that forwards to the first. */
struct mirror {
    struct sim *sim;
    struct sim_udp *udp;
    struct rt_addr addr, home, asker;
    unsigned count;
};

static void reflect(void *arg, const struct rt_addr *peer, const struct rt_addr *local,
                    const uint8_t *data, uint32_t size)
{
    struct mirror *mirror = arg;
    bool is_question = !rt_addr_equal(peer, &mirror->home);
    (void)local;

    mirror->count += is_question;
    mirror->asker = is_question ? *peer : mirror->asker;
    sim_net_send(sim_network(mirror->sim), &mirror->addr,
                 is_question ? &mirror->home : &mirror->asker, data, size);
}

/* One question, forwarded to ourselves or to somebody who forwards it back: it meets itself at its
 * desk, which knows the echo: few packets, and the client hears SERVFAIL at once. */
SIM_TEST(amplify_forward_loop)
{
    static const struct sim_udp_ops ops = {.datagram = reflect};
    struct mirror mirror = {0};
    struct rt_addr target;
    bool is_direct = seed % 2 == 0;
    RT_CHECK(rt_addr_parse(is_direct ? "198.18.0.53" : "5.0.0.9", 53, &target) == RT_OK);
    struct sim *sim =
        sim_new(&(struct sim_options){.seed = seed,
                                      .configure = forward_home,
                                      .arg = &target,
                                      .upstream = {.latency_us_min = 500, .latency_us_max = 5000}});
    sim_serve(sim, "5.0.0.1", ".", "@ NS ns.\nns. A 5.0.0.1");
    mirror.sim = sim;
    mirror.addr = target;
    RT_CHECK(rt_addr_parse("198.18.0.53", 53, &mirror.home) == RT_OK);
    if (!is_direct) {
        sim_net_claim(sim_network(sim), &target, SIM_SIDE_AUTHORITY);
        rt_status status =
            sim_udp_open(sim_network(sim), &target, NULL, false, &ops, &mirror, &mirror.udp);
        RT_CHECK(status == RT_OK);
    }
    struct sim_tally tally = ask_once(sim, "www.loop.", RS_A);
    EXPECT_NUMBERS(tally.failed, ==, 1);
    EXPECT_NUMBERS(tally.answer_ms_max, <=, 200);
    EXPECT_NUMBERS(sim_upstream_packets(sim), <=, 8);
    EXPECT_NUMBERS(mirror.count, <=, 8);
    if (mirror.udp != NULL) {
        sim_udp_close(mirror.udp);
    }
    sim_free(sim);
}

/* ---- C14: priming ---- */

/* RFC9609-3.3: root servers are asked for the root's NS set as often as its TTL says, however many
 * clients ask, and although one server answers nothing. */
SIM_TEST_RARE(amplify_priming, 10)
{
    enum { HOURS = 6, TTL_S = 3600 };
    char name[32];
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed, .is_priming = true});
    sim_serve(sim, "5.0.0.1", ".",
              "@ 3600 NS ns.\n@ 3600 NS dead.\nns. 3600 A 5.0.0.1\ndead. 3600 A 5.0.0.9\n*.tld. 5 "
              "A 192.0.2.1");
    sim_authority(sim, "5.0.0.9", SIM_DEAD, NULL, NULL);
    for (unsigned minute = 0; minute < HOURS * 60; minute++) {
        for (unsigned i = 0; i < 10; i++) {
            snprintf(name, sizeof(name), "n%u.tld.", minute * 10 + i);
            sim_ask_with(sim, &(struct sim_ask){.name = i == 0 ? "." : name,
                                                .type = i == 0 ? RS_NS : RS_A,
                                                .patience_ms = 3000,
                                                .delay_ns = i * RT_NS_PER_S});
        }
        sim_run(sim, 60000);
    }
    /* Once for each TTL by priming, once for the clients who ask for it themselves; and as often
     * again because half of the attempts go to the dead server first. */
    EXPECT_NUMBERS(sim_asked(sim, ".", RS_NS), <=, 4 * (HOURS * 3600 / TTL_S + 1));
    EXPECT_NUMBERS(sim_tally(sim).failed, ==, 0);
    sim_free(sim);
}

/* ---- C15: few questions, many bytes ---- */

static void answer_at_length(void *arg, const struct sim_authority_question *question,
                             uint64_t number)
{
    uint64_t *bytes = arg;
    char name[1010];
    static char hex[2 * 1000 + 1];
    (void)number;

    memset(hex, 'a', sizeof(hex) - 1);
    sim_name_text(&question->message->name, name);
    struct liar_reply *reply = liar_begin(question, question->message->id,
                                          question->query->is_tcp ? SIM_AA : SIM_AA | SIM_TC);
    if (question->query->is_tcp) {
        liar_add(reply, 0, "%s 300 CNAME a%s", name, name);
        for (unsigned i = 0; i < 60; i++) {
            liar_add(reply, 1, "x%u.long. 300 TYPE65400 \\# 1000 %s", i, hex);
        }
    }
    *bytes += reply->writer.size;
    liar_send(reply, 0);
}

/* CVE-2026-24027: each link of an alias chain comes with 60 KiB beside it. What one question takes
 * in is bounded; the reply that goes over the bound is the last. */
SIM_TEST(amplify_bytes)
{
    uint64_t bytes = 0;
    struct sim *sim = sim_new(&(struct sim_options){.seed = seed});
    sim_serve(sim, "5.0.0.1", ".",
              "@ NS ns.\nns. A 5.0.0.1\nlong. NS ns.long.\nns.long. A 5.0.0.2");
    struct liar *liar = liar_open(sim, "5.0.0.2", SIM_DEAD, answer_at_length, &bytes);
    EXPECT_NUMBERS(ask_once(sim, "b.long.", RS_A).failed, ==, 1);
    EXPECT_NUMBERS(bytes, <=, 128 * 1024 + 62 * 1024);
    EXPECT_NUMBERS(liar_questions_tcp(liar), >=, 2);
    liar_close(liar);
    sim_free(sim);
}
