/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/select.h"
#include "resolver/servers.h"
#include "runtime/base/clock.h"

static const struct rt_siphash_key key = {{1, 2, 3}};

/* Each test's world: servers with a true speed, and virtual time. */
enum { PEERS_MAX = 8, REST_MS = 1000, SILENT = 0 };

struct world {
    struct rs_servers *servers;
    uint64_t now_ns, seed;
    unsigned count;
    struct rt_addr addrs[PEERS_MAX];
    uint32_t rtt_us[PEERS_MAX]; /* SILENT: never answers */
    unsigned picks[PEERS_MAX];
};

static struct rt_addr v4(unsigned host)
{
    return (struct rt_addr){
        .family = 4, .port = 53, .ip = {192, 0, (uint8_t)(host >> 8), (uint8_t)host}};
}

static struct rt_addr v6(unsigned host)
{
    struct rt_addr addr = {.family = 6, .port = 53, .ip = {0x20, 0x01, 0x0d, 0xb8}};
    addr.ip[14] = (uint8_t)(host >> 8);
    addr.ip[15] = (uint8_t)host;
    return addr;
}

/* splitmix64: any generator does, as long as all its bits are good. */
static uint64_t draw(struct world *world)
{
    uint64_t z = world->seed += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
}

static void world_open(struct world *world, uint32_t capacity)
{
    *world = (struct world){.now_ns = 1000 * RT_NS_PER_S, .seed = 42};
    assert_int_equal(rs_servers_open(&world->servers, capacity, &key), RT_OK);
}

static void world_add(struct world *world, struct rt_addr addr, uint32_t rtt_us)
{
    world->addrs[world->count] = addr;
    world->rtt_us[world->count++] = rtt_us;
}

/* One question: picks, waits, reports. Returns the index, -1 without a choice. */
static int ask(struct world *world, bool may_probe)
{
    int index = rs_servers_pick(world->servers, world->addrs, world->count, 0, world->now_ns,
                                draw(world), may_probe);
    if (index < 0) {
        return -1;
    }
    const struct rt_addr *addr = &world->addrs[index];
    world->picks[index]++;
    if (world->rtt_us[index] != SILENT) {
        rs_servers_on_reply(world->servers, addr, world->now_ns, world->rtt_us[index], false);
    } else {
        rs_servers_on_timeout(world->servers, addr, world->now_ns, false, REST_MS);
    }
    return index;
}

static void ask_often(struct world *world, unsigned times, uint64_t gap_ns)
{
    for (unsigned i = 0; i < times; i++) {
        world->now_ns += gap_ns;
        (void)ask(world, true);
    }
}

static void forget_picks(struct world *world)
{
    memset(world->picks, 0, sizeof(world->picks));
}

static uint32_t timeout_of(struct world *world, const struct rt_addr *addr)
{
    struct rs_server_view view;
    rs_servers_view(world->servers, addr, world->now_ns, &view);
    return view.timeout_ms;
}

/* A new server must get its chance at once, else its speed would never be known. */
static void every_unknown_server_is_tried_once_first(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    world_add(&world, v4(1), 1000);
    ask_often(&world, 10, RT_NS_PER_MS);
    world_add(&world, v4(2), 200000);
    world_add(&world, v4(3), 300000);
    ask_often(&world, 2, RT_NS_PER_MS);
    assert_int_equal(world.picks[1] + world.picks[2], 2);
    forget_picks(&world);
    ask_often(&world, 1000, RT_NS_PER_MS);
    assert_true(world.picks[0] > 900);
    rs_servers_close(world.servers);
}

/* Many questions leave before the first answer comes: the free try must be spent by picking. */
static void unknown_server_is_not_flooded_before_it_answers(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    world_add(&world, v4(1), 1000);
    ask_often(&world, 1, RT_NS_PER_MS);
    world_add(&world, v4(2), SILENT);
    unsigned second = 0;
    for (unsigned i = 0; i < 100; i++) {
        second += rs_servers_pick(world.servers, world.addrs, 2, 0, world.now_ns, draw(&world),
                                  false) == 1;
    }
    assert_in_range(second, 1, 15);
    rs_servers_close(world.servers);
}

/* Equals share the load; who always takes the fastest by a microsecond hammers one server. */
static void servers_of_one_band_share_the_load(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    world_add(&world, v4(1), 20000);
    world_add(&world, v4(2), 24000);
    world_add(&world, v4(3), 28000);
    world_add(&world, v4(4), 200000);
    ask_often(&world, 4000, RT_NS_PER_MS);
    for (unsigned i = 0; i < 3; i++) {
        assert_in_range(world.picks[i], 1000, 1600);
    }
    rs_servers_close(world.servers);
}

/* One in twenty looks elsewhere: often enough to see a server improve, too rare to hurt. */
static void exploration_finds_a_server_that_became_fast(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    world_add(&world, v4(1), 100000);
    world_add(&world, v4(2), 500000);
    ask_often(&world, 10, RT_NS_PER_MS);
    forget_picks(&world);
    ask_often(&world, 4000, RT_NS_PER_MS);
    assert_in_range(world.picks[1], 120, 280);
    world.rtt_us[1] = 5000;
    ask_often(&world, 2000, RT_NS_PER_MS);
    forget_picks(&world);
    ask_often(&world, 1000, RT_NS_PER_MS);
    assert_true(world.picks[1] > 900);
    rs_servers_close(world.servers);
}

/* Scoreboard row 13: one of four servers dead costs at most 2 % of the packets after 100 questions,
 * at any rate of questions. */
static void dead_server_gets_at_most_two_percent_at_any_rate(void **state)
{
    (void)state;
    const uint64_t gaps_ns[] = {RT_NS_PER_MS, 100 * RT_NS_PER_MS, RT_NS_PER_S, 10 * RT_NS_PER_S,
                                300 * RT_NS_PER_S};
    for (unsigned g = 0; g < RT_ARRAY_COUNT(gaps_ns); g++) {
        struct world world;
        world_open(&world, 64);
        for (unsigned i = 0; i < 3; i++) {
            world_add(&world, v4(i), 20000 + 3000 * i);
        }
        world_add(&world, v4(3), SILENT);
        ask_often(&world, 100, gaps_ns[g]);
        forget_picks(&world);
        ask_often(&world, 20000, gaps_ns[g]);
        assert_true(world.picks[3] * 50 <= 20000);
        rs_servers_close(world.servers);
    }
}

/* Coming back must be noticed without a restart of ours. */
static void dead_server_that_returns_is_used_again(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    world_add(&world, v4(1), 20000);
    world_add(&world, v4(2), SILENT);
    ask_often(&world, 2000, 10 * RT_NS_PER_MS);
    world.rtt_us[1] = 15000;
    ask_often(&world, 12000, 10 * RT_NS_PER_MS); /* two minutes: the longest rest twice */
    forget_picks(&world);
    ask_often(&world, 1000, 10 * RT_NS_PER_MS);
    assert_true(world.picks[1] > 300);
    rs_servers_close(world.servers);
}

/* A rest doubles up to a minute; what times out during it was asked before and adds nothing. */
static void rests_double_up_to_a_minute(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    struct rt_addr addr = v4(1);
    const unsigned rest_s[] = {1, 2, 4, 8, 16, 32, 60, 60};
    for (unsigned i = 0; i < RS_SERVER_LOSSES_MAX - 1; i++) {
        rs_servers_on_timeout(world.servers, &addr, world.now_ns, false, REST_MS);
    }
    for (unsigned i = 0; i < RT_ARRAY_COUNT(rest_s); i++) {
        for (unsigned burst = 0; burst < 50; burst++) {
            rs_servers_on_timeout(world.servers, &addr, world.now_ns, false, REST_MS);
        }
        uint64_t end_ns = world.now_ns + rest_s[i] * RT_NS_PER_S;
        assert_int_equal(rs_servers_pick(world.servers, &addr, 1, 0, end_ns - 1, 0, false), -1);
        assert_int_equal(rs_servers_pick(world.servers, &addr, 1, 0, end_ns, 0, false), 0);
        world.now_ns = end_ns;
    }
    rs_servers_on_reply(world.servers, &addr, world.now_ns, 5000, false);
    assert_int_equal(rs_servers_pick(world.servers, &addr, 1, 0, world.now_ns, 0, false), 0);
    rs_servers_close(world.servers);
}

/* When all are dead there is nothing to lose but packets: at most one trial a second for each,
 * and so no more than a second until their return is seen. */
static void when_all_rest_each_gets_one_trial_a_second(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    for (unsigned i = 0; i < 4; i++) {
        world_add(&world, v4(i), SILENT);
    }
    ask_often(&world, 1000, RT_NS_PER_MS);
    forget_picks(&world);
    ask_often(&world, 60 * 1000, RT_NS_PER_MS);
    unsigned sum = world.picks[0] + world.picks[1] + world.picks[2] + world.picks[3];
    assert_in_range(sum, 60, 4 * 61);

    world.rtt_us[2] = 10000;
    ask_often(&world, 1500, RT_NS_PER_MS);
    forget_picks(&world);
    ask_often(&world, 100, RT_NS_PER_MS);
    assert_true(world.picks[2] >= 95);
    rs_servers_close(world.servers);
}

/* Without leave to probe a rest is a rest; excluded servers stay excluded whatever happens. */
static void pick_respects_exclusion_and_rest(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    world_add(&world, v4(1), SILENT);
    world_add(&world, v4(2), 1000);
    for (unsigned i = 0; i < 8; i++) {
        rs_servers_on_timeout(world.servers, &world.addrs[0], world.now_ns, false, REST_MS);
    }
    for (unsigned i = 0; i < 200; i++) {
        uint64_t random = draw(&world);
        assert_int_equal(
            rs_servers_pick(world.servers, world.addrs, 2, 2, world.now_ns, random, false), -1);
        assert_int_equal(
            rs_servers_pick(world.servers, world.addrs, 2, 3, world.now_ns, random, true), -1);
        assert_int_equal(
            rs_servers_pick(world.servers, world.addrs, 2, 1, world.now_ns, random, true), 1);
    }
    assert_int_equal(rs_servers_pick(world.servers, world.addrs, 2, 2, world.now_ns, 0, true), 0);
    assert_int_equal(rs_servers_pick(world.servers, world.addrs, 0, 0, world.now_ns, 0, true), -1);
    rs_servers_close(world.servers);
}

/* Modules Annex C 8: a dead service on one port says nothing about another port of that host. */
static void reputation_is_kept_by_address_and_port(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    struct rt_addr dead = v4(1), alive = v4(1);
    alive.port = 5353;
    rs_servers_on_reply(world.servers, &alive, world.now_ns, 30000, false);
    for (unsigned i = 0; i < 10; i++) {
        rs_servers_on_refused(world.servers, &dead, world.now_ns, REST_MS);
    }
    rs_servers_set_flag(world.servers, &dead, RS_SERVER_NO_EDNS, world.now_ns);
    assert_int_equal(rs_servers_pick(world.servers, &dead, 1, 0, world.now_ns, 0, false), -1);
    assert_int_equal(rs_servers_pick(world.servers, &alive, 1, 0, world.now_ns, 0, false), 0);
    struct rs_server_view view;
    rs_servers_view(world.servers, &alive, world.now_ns, &view);
    assert_int_equal(view.flags, 0);
    assert_int_equal(view.srtt_us, 30000);
    rs_servers_close(world.servers);
}

/* RFC3901, scoreboard row 14: AAAA everywhere and no answer must not cost each new zone a timeout:
 * at most 5 % of the packets. Healed IPv6 is used again within a minute. */
static void ipv6_black_hole_is_avoided_and_tried_again(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 4096);
    unsigned sixes = 0;
    for (unsigned zone = 0; zone < 1000; zone++) { /* Each zone: new servers of both families. */
        world.now_ns += 500 * RT_NS_PER_MS;
        world.count = 0;
        forget_picks(&world);
        world_add(&world, v4(2 * zone), 20000);
        world_add(&world, v6(2 * zone), SILENT);
        world_add(&world, v6(2 * zone + 1), SILENT);
        world_add(&world, v4(2 * zone + 1), 20000);
        (void)ask(&world, true);
        sixes += zone < 100 ? 0 : world.picks[1] + world.picks[2];
    }
    assert_in_range(sixes, 5, 45);

    uint64_t healed_ns = world.now_ns;
    unsigned used = 0;
    for (unsigned zone = 1000; used < 10; zone++) {
        world.now_ns += 500 * RT_NS_PER_MS;
        world.count = 0;
        forget_picks(&world);
        world_add(&world, v4(2 * zone), 20000);
        world_add(&world, v6(2 * zone), 10000);
        (void)ask(&world, true);
        used += world.picks[1];
    }
    assert_true(world.now_ns - healed_ns <= 60 * RT_NS_PER_S);
    rs_servers_close(world.servers);
}

/* The same for one popular zone whose IPv6 servers are old acquaintances and rest. */
static void healed_ipv6_of_known_servers_is_used_within_a_minute(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    for (unsigned i = 0; i < 4; i++) {
        world_add(&world, v4(i), 40000);
        world_add(&world, v6(i), SILENT);
    }
    ask_often(&world, 20000, 10 * RT_NS_PER_MS);
    for (unsigned i = 1; i < 8; i += 2) {
        world.rtt_us[i] = 5000;
    }
    forget_picks(&world);
    ask_often(&world, 6000, 10 * RT_NS_PER_MS);
    assert_true(world.picks[1] + world.picks[3] + world.picks[5] + world.picks[7] > 100);
    rs_servers_close(world.servers);
}

/* A host with IPv6 only: the doubt works both ways, and IPv6 is never held back. */
static void ipv4_that_never_answers_is_avoided_too(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 4096);
    unsigned fours = 0;
    for (unsigned zone = 0; zone < 400; zone++) {
        world.now_ns += 500 * RT_NS_PER_MS;
        world.count = 0;
        forget_picks(&world);
        world_add(&world, v4(zone), SILENT);
        world_add(&world, v6(zone), 20000);
        (void)ask(&world, true);
        fours += zone < 100 ? 0 : world.picks[0];
    }
    assert_in_range(fours, 1, 15);
    rs_servers_close(world.servers);
}

/* A doubted family is better than no server at all. */
static void zone_with_ipv6_only_is_asked_in_spite_of_doubt(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    for (unsigned i = 0; i < 10; i++) {
        struct rt_addr silent = v6(i);
        rs_servers_on_timeout(world.servers, &silent, world.now_ns, false, REST_MS);
    }
    struct rt_addr only = v6(99), alternatives[2] = {v6(99), v4(1)};
    assert_int_equal(rs_servers_pick(world.servers, &only, 1, 0, world.now_ns, 7, false), 0);
    assert_int_equal(rs_servers_pick(world.servers, alternatives, 2, 0, world.now_ns, 7, false), 1);
    rs_servers_close(world.servers);
}

/* Attackers can name any number of servers: memory stays, and who is in use stays known. */
static void table_is_bounded_and_forgets_the_least_used(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 100);
    struct rt_addr friend = v4(0xFFFF);
    rs_servers_on_reply(world.servers, &friend, world.now_ns, 12345, false);
    for (unsigned i = 0; i < 10000; i++) {
        struct rt_addr stranger = v4(i);
        rs_servers_on_reply(world.servers, &stranger, world.now_ns, 50000, false);
        if (i % 50 == 0) {
            (void)rs_servers_pick(world.servers, &friend, 1, 0, world.now_ns, 0, false);
        }
        assert_true(rs_servers_count(world.servers) <= 100);
    }
    struct rs_server_view view;
    rs_servers_view(world.servers, &friend, world.now_ns, &view);
    assert_int_equal(view.srtt_us, 12345);
    struct rt_addr first = v4(0), last = v4(9999);
    rs_servers_view(world.servers, &first, world.now_ns, &view);
    assert_int_equal(view.srtt_us, 0);
    rs_servers_view(world.servers, &last, world.now_ns, &view);
    assert_int_equal(view.srtt_us, 50000);
    rs_servers_clear(world.servers);
    assert_int_equal(rs_servers_count(world.servers), 0);
    assert_null(rs_servers_find(world.servers, &last));
    rs_servers_close(world.servers);
}

/* Which chain an address is in must not be known to who chooses addresses. */
static void another_key_makes_other_chains(void **state)
{
    (void)state;
    const struct rt_siphash_key keys[2] = {{{1}}, {{2}}};
    unsigned shared[2] = {0, 0};
    for (unsigned k = 0; k < 2; k++) {
        struct rs_servers *servers;
        assert_int_equal(rs_servers_open(&servers, 64, &keys[k]), RT_OK);
        for (unsigned i = 0; i < 64; i++) {
            struct rt_addr addr = v4(i);
            struct rs_server *server = rs_servers_touch(servers, &addr);
            shared[k] = shared[k] * 31 + server->hash_next;
        }
        rs_servers_close(servers);
    }
    assert_int_not_equal(shared[0], shared[1]);
}

/* RFC6298-2: four variations above the smoothed time. RFC8085-3.1.1: back-off with each loss. */
static void timeout_follows_rtt_and_doubles_with_losses(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    struct rt_addr addr = v4(1);
    assert_int_equal(timeout_of(&world, &addr), RS_TIMEOUT_MS_FIRST);
    rs_servers_on_reply(world.servers, &addr, world.now_ns, 100000, false);
    assert_int_equal(timeout_of(&world, &addr), 301);
    for (unsigned i = 0; i < 50; i++) {
        rs_servers_on_reply(world.servers, &addr, world.now_ns, 100000, false);
    }
    uint32_t steady_ms = timeout_of(&world, &addr);
    assert_in_range(steady_ms, 100, 110);
    rs_servers_on_timeout(world.servers, &addr, world.now_ns, false, REST_MS);
    assert_int_equal(timeout_of(&world, &addr), 2 * steady_ms);
    rs_servers_on_timeout(world.servers, &addr, world.now_ns, false, REST_MS);
    assert_int_equal(timeout_of(&world, &addr), 4 * steady_ms);
    for (unsigned i = 0; i < 300; i++) {
        rs_servers_on_timeout(world.servers, &addr, world.now_ns, false, REST_MS);
    }
    assert_int_equal(timeout_of(&world, &addr), RS_TIMEOUT_MS_MAX);
    for (unsigned i = 0; i < 100; i++) {
        rs_servers_on_reply(world.servers, &addr, world.now_ns, 100, false);
    }
    assert_int_equal(timeout_of(&world, &addr), RS_TIMEOUT_MS_MIN);
    rs_servers_on_reply(world.servers, &addr, world.now_ns, UINT32_MAX, false);
    assert_in_range(timeout_of(&world, &addr), RS_TIMEOUT_MS_MIN, RS_TIMEOUT_MS_MAX);
    rs_servers_close(world.servers);
}

/* TCP blocked by a firewall must not take a server that answers datagrams out of use. */
static void silence_over_tcp_does_not_count_against_living_datagrams(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    struct rt_addr addr = v4(1), unknown = v4(2);
    rs_servers_on_reply(world.servers, &addr, world.now_ns, 10000, false);
    for (unsigned i = 0; i < 10; i++) {
        rs_servers_on_timeout(world.servers, &addr, world.now_ns, true, REST_MS);
        rs_servers_on_timeout(world.servers, &unknown, world.now_ns, true, REST_MS);
    }
    assert_int_equal(rs_servers_pick(world.servers, &addr, 1, 0, world.now_ns, 0, false), 0);
    assert_int_equal(rs_servers_pick(world.servers, &unknown, 1, 0, world.now_ns, 0, false), -1);
    rs_servers_on_reply(world.servers, &addr, world.now_ns, 900000, true);
    struct rs_server_view view;
    rs_servers_view(world.servers, &addr, world.now_ns, &view);
    assert_int_equal(view.srtt_us, 10000);
    rs_servers_close(world.servers);
}

/* DNS Flag Day 2019, RFC6891-7: servers get repaired, so no verdict on their habits is for ever. */
static void flags_expire_after_an_hour_each_on_its_own(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    struct rt_addr addr = v4(1);
    const uint64_t start_ns = world.now_ns;
    struct rs_server_view view;
    rs_servers_set_flag(world.servers, &addr, RS_SERVER_NO_EDNS, start_ns);
    rs_servers_set_flag(world.servers, &addr, RS_SERVER_TCP_ONLY, start_ns);
    rs_servers_set_flag(world.servers, &addr, RS_SERVER_NO_0X20, start_ns + 1800 * RT_NS_PER_S);
    const struct {
        uint64_t after_s;
        uint8_t flags;
    } rows[] = {
        {0, RS_SERVER_NO_EDNS | RS_SERVER_TCP_ONLY | RS_SERVER_NO_0X20},
        {600, RS_SERVER_NO_EDNS | RS_SERVER_NO_0X20},
        {3599, RS_SERVER_NO_EDNS | RS_SERVER_NO_0X20},
        {3600, RS_SERVER_NO_0X20},
        {5400, 0},
    };
    for (unsigned i = 0; i < RT_ARRAY_COUNT(rows); i++) {
        rs_servers_view(world.servers, &addr, start_ns + rows[i].after_s * RT_NS_PER_S, &view);
        assert_int_equal(view.flags, rows[i].flags);
    }
    rs_servers_close(world.servers);
}

/* DNS Flag Day 2019: a timeout never means "no EDNS". */
static void timeouts_set_no_flag(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    struct rt_addr addr = v4(1);
    struct rs_server_view view;
    for (unsigned i = 0; i < 100; i++) {
        rs_servers_on_timeout(world.servers, &addr, world.now_ns, i % 2 == 0, REST_MS);
        rs_servers_on_refused(world.servers, &addr, world.now_ns, REST_MS);
    }
    rs_servers_view(world.servers, &addr, world.now_ns, &view);
    assert_int_equal(view.flags, 0);
    rs_servers_close(world.servers);
}

/* RFC7873-4: server cookies have 8 to 32 bytes; another size comes from a broken or hostile peer.
 */
static void cookie_of_a_wrong_size_forgets_instead_of_overflowing(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, 64);
    struct rt_addr addr = v4(1);
    uint8_t bytes[UINT8_MAX];
    memset(bytes, 0xAB, sizeof(bytes));
    struct rs_server_view view;
    for (unsigned size = 0; size <= UINT8_MAX; size++) {
        rs_servers_set_cookie(world.servers, &addr, world.now_ns, bytes, 16);
        rs_servers_set_cookie(world.servers, &addr, world.now_ns, bytes, (uint8_t)size);
        rs_servers_view(world.servers, &addr, world.now_ns, &view);
        assert_int_equal(view.cookie_size, size >= 8 && size <= 32 ? size : 0);
        assert_memory_equal(view.cookie, bytes, view.cookie_size);
    }
    rs_servers_close(world.servers);
}

/* RFC8085-3.1: a server that is new to us gets 64 questions at once, then as many as it has shown that
 * it can take; a loss halves that. */
static void a_server_gets_no_more_at_once_than_its_window(void **state)
{
    (void)state;
    struct rt_addr servers_of_zone[2];
    struct rs_servers *servers;
    assert_int_equal(rt_addr_parse("192.0.2.1@53", 53, &servers_of_zone[0]), RT_OK);
    assert_int_equal(rt_addr_parse("192.0.2.2@53", 53, &servers_of_zone[1]), RT_OK);
    const struct rt_addr *one = &servers_of_zone[0];
    assert_int_equal(rs_servers_open(&servers, 16, &key), RT_OK);

    for (unsigned i = 0; i < RS_SERVER_WINDOW_FIRST; i++) {
        assert_int_equal(rs_servers_pick(servers, one, 1, 0, 1, i, true), 0);
        rs_servers_began(servers, one);
    }
    assert_int_equal(rs_servers_pick(servers, one, 1, 0, 1, 0, true), RS_SERVERS_BUSY);
    assert_int_equal(rs_servers_pick(servers, servers_of_zone, 2, 0, 1, 0, true), 1);

    rs_servers_ended(servers, one);
    rs_servers_on_reply(servers, one, 1, 1000, false); /* room for one, and one more */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(rs_servers_pick(servers, one, 1, 0, 1, 0, true), 0);
        rs_servers_began(servers, one);
    }
    assert_int_equal(rs_servers_pick(servers, one, 1, 0, 1, 0, true), RS_SERVERS_BUSY);

    rs_servers_ended(servers, one);
    rs_servers_on_timeout(servers, one, 1, false, 1000);
    assert_int_equal(rs_servers_pick(servers, one, 1, 0, 1, 0, true), RS_SERVERS_BUSY);
    rs_servers_close(servers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_gets_no_more_at_once_than_its_window),
        cmocka_unit_test(every_unknown_server_is_tried_once_first),
        cmocka_unit_test(unknown_server_is_not_flooded_before_it_answers),
        cmocka_unit_test(servers_of_one_band_share_the_load),
        cmocka_unit_test(exploration_finds_a_server_that_became_fast),
        cmocka_unit_test(dead_server_gets_at_most_two_percent_at_any_rate),
        cmocka_unit_test(dead_server_that_returns_is_used_again),
        cmocka_unit_test(rests_double_up_to_a_minute),
        cmocka_unit_test(when_all_rest_each_gets_one_trial_a_second),
        cmocka_unit_test(pick_respects_exclusion_and_rest),
        cmocka_unit_test(reputation_is_kept_by_address_and_port),
        cmocka_unit_test(ipv6_black_hole_is_avoided_and_tried_again),
        cmocka_unit_test(healed_ipv6_of_known_servers_is_used_within_a_minute),
        cmocka_unit_test(ipv4_that_never_answers_is_avoided_too),
        cmocka_unit_test(zone_with_ipv6_only_is_asked_in_spite_of_doubt),
        cmocka_unit_test(table_is_bounded_and_forgets_the_least_used),
        cmocka_unit_test(another_key_makes_other_chains),
        cmocka_unit_test(timeout_follows_rtt_and_doubles_with_losses),
        cmocka_unit_test(silence_over_tcp_does_not_count_against_living_datagrams),
        cmocka_unit_test(flags_expire_after_an_hour_each_on_its_own),
        cmocka_unit_test(timeouts_set_no_flag),
        cmocka_unit_test(cookie_of_a_wrong_size_forgets_instead_of_overflowing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
