/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Hostile trees: whatever is put together, one client question costs 64 packets at most, ends in
 * time, and the machine never asks for more than it may. */

#include "runtime/base/prng.h"
#include "tests/unit/resolver/world.h"

static void assert_bounded(const struct world *w)
{
    assert_true(w->asks_count <= RS_BUDGET_PACKETS);
    assert_true(w->took_ns <= (RS_BUDGET_MS + RS_TCP_TIMEOUT_MS) * RT_NS_PER_MS);
}

/* security.md C1 (CVE-2014-8500, -8601, -8602): a delegation below a delegation below ... */
static const char *endless(struct world *w, const struct world_ask *ask)
{
    static char script[8192];
    struct rs_name name;
    char text[RS_NAME_TEXT_BYTES];
    (void)w;
    assert_int_equal(rs_name_parse(ask->name, &name), RT_OK);
    snprintf(script, sizeof(script), " / / %s 60 NS ns.%s / ns.%s 60 A 192.0.2.1",
             rs_name_text(name.wire, text), text, text);
    return script;
}

static void an_endless_chain_of_delegations_ends(void **state)
{
    struct world *w = *state;
    char name[256] = "";
    world_repeat(name, "a.", 120, "");
    w->hook = endless;
    assert_int_equal(world_ask(w, name, RS_A), RS_SERVFAIL);
    assert_bounded(w);
}

/* The same with a new name each time: no glue, each name server below another new zone. */
static const char *endless_sideways(struct world *w, const struct world_ask *ask)
{
    static char script[8192];
    static unsigned number;
    (void)w;
    number++;
    snprintf(script, sizeof(script), " / / %s 60 NS a.n%u.; %s 60 NS b.n%u.; %s 60 NS c.n%u.",
             ask->name, number, ask->name, number + 100000, ask->name, number + 200000);
    return script;
}

static void delegations_that_need_delegations_end(void **state)
{
    struct world *w = *state;
    w->hook = endless_sideways;
    assert_int_equal(world_ask(w, "www.a.b.c.d.", RS_A), RS_SERVFAIL);
    assert_bounded(w);
}

/* security.md C5 (CAMP): compositions of aliases, name servers without glue, minimisation and
 * losses. Four kinds at each of four levels: 256 trees. */
struct camp {
    unsigned kinds[4];
    unsigned number;
};
static struct camp camp;

static const char *play_camp(struct world *w, const struct world_ask *ask)
{
    static char script[8192];
    unsigned level = (unsigned)strlen(ask->name) % 4;
    unsigned n = ++camp.number;
    (void)w;
    switch (camp.kinds[level]) {
    case 0: /* an alias, deep in another tree */
        snprintf(script, sizeof(script), "aa / %s 0 CNAME a.b.c%u.t%u.", ask->name, n, n % 7);
        return script;
    case 1: /* name servers, elsewhere, without glue */
        snprintf(script, sizeof(script),
                 " / / %s 60 NS x.y.n%u.u%u.; %s 60 NS x.yy.n%u.v%u.; %s 60 NS xx.y.n%u.w%u.",
                 ask->name, n, n % 7, ask->name, n + 1, n % 5, ask->name, n + 2, n % 3);
        return script;
    case 2: /* an empty non-terminal, or a dead end */
        return n % 2 == 0 ? "aa / / . 0 SOA 0" : "servfail";
    default: /* lost, or only over TCP */
        return ask->is_tcp ? "aa / / . 0 SOA 0" : n % 3 == 0 ? "lost" : "tc";
    }
}

static int by_size(const void *a, const void *b)
{
    return (int)*(const unsigned *)a - (int)*(const unsigned *)b;
}

static void compositions_of_attacks_stay_within_the_budget(void **state)
{
    struct world *w = *state;
    static unsigned packets[256];
    w->hook = play_camp;
    for (unsigned i = 0; i < 256; i++) {
        camp = (struct camp){{i % 4, i / 4 % 4, i / 16 % 4, i / 64}, 1000 * i};
        world_pass(w, 100000);
        world_ask(w, "www.a.b.example.", RS_A);
        assert_bounded(w);
        packets[i] = w->asks_count;
    }
    qsort(packets, 256, sizeof(packets[0]), by_size);
    assert_true(packets[128] <= 30);
    assert_true(packets[255] <= RS_BUDGET_PACKETS);
}

/* Servers that say anything at all: the machine ends, within its bounds, and asserts on nothing. */
static struct rt_prng prng;

static unsigned below(unsigned bound)
{
    return (unsigned)rt_prng_below(&prng, bound);
}

static size_t put_random_record(const struct world_ask *ask, char *out, size_t room)
{
    static const char *const owners[] = {".", "a.", "b.a.", "c.b.a.", "x.", "y.x.", "ns.a."};
    static const char *const types[] = {
        "A 192.0.2.1", "A 127.0.0.1", "AAAA 2001:db8::1", "NS ns.a.", "NS y.x.", "CNAME b.a.",
        "CNAME y.x.",  "DNAME a.",    "DNAME x.",         "SOA 60",   "TXT t",   "MX y.x.",
        "DS d",        "NSEC c.b.a.", "CNAME ."};
    const char *owner = below(2) == 0 ? ask->name : owners[below(RT_ARRAY_COUNT(owners))];
    return (size_t)snprintf(out, room, "%s %u %s;", owner, below(3) * 50,
                            types[below(RT_ARRAY_COUNT(types))]);
}

static const char *play_random(struct world *w, const struct world_ask *ask)
{
    static const char *const flags[] = {
        "aa",        "",         "aa nxdomain", "nxdomain", "servfail", "refused",       "tc",
        "aa tc",     "lost",     "miss",        "closed",   "case aa",  "formerr noopt", "notimp",
        "badcookie", "aa noopt", "yxdomain",    "garbage",  "aa ra",
    };
    static char script[WORLD_TEXT_BYTES];
    size_t at = (size_t)snprintf(script, sizeof(script), "%s", flags[below(RT_ARRAY_COUNT(flags))]);
    (void)w;
    for (unsigned section = 0; section < 3; section++) {
        at += (size_t)snprintf(script + at, sizeof(script) - at, " / ");
        for (unsigned i = below(4); i > 0; i--) {
            at += put_random_record(ask, script + at, sizeof(script) - at);
        }
    }
    return script;
}

static void servers_that_say_anything_cannot_break_it(void **state)
{
    static const char *const names[] = {"c.b.a.", "y.x.", "a.", ".", "q.w.e.r.t.a."};
    static const uint16_t types[] = {RS_A, RS_AAAA, RS_NS, RS_CNAME, RS_DNAME, RS_DS, RS_TXT};
    struct world *w = *state;
    w->hook = play_random;
    for (unsigned seed = 1; seed <= 3000; seed++) {
        rt_prng_init(&prng, seed);
        w->random = rt_prng_next(&prng);
        w->config.minimize = below(2) == 0;
        w->config.use_ipv6 = below(4) != 0;
        w->config.glue_mode = (uint8_t)below(3);
        world_pass(w, below(2) * 100000);
        world_ask(w, names[below(RT_ARRAY_COUNT(names))], types[below(RT_ARRAY_COUNT(types))]);
        assert_bounded(w);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(an_endless_chain_of_delegations_ends),
        T(delegations_that_need_delegations_end),
        T(compositions_of_attacks_stay_within_the_budget),
        T(servers_that_say_anything_cannot_break_it),
    };
    return cmocka_run_group_tests_name("resolver.query_hostile", tests, NULL, NULL);
}
