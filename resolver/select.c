/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/select.h"

#include <string.h>

#include "resolver/servers.h"
#include "runtime/base/clock.h"

/* ---- what is known, in numbers ---- */

/* RFC6298-2.3: the wait is the smoothed time plus four variations. RFC8085-3.1.1: it doubles with
 * each loss, so that a congested path gets relief. */
static uint32_t timeout_ms_of(const struct rs_server *server)
{
    uint64_t ms = RS_TIMEOUT_MS_FIRST;
    if (server != NULL && server->srtt_us != 0) {
        ms = (server->srtt_us + 4ull * server->rttvar_us) / 1000 + 1;
        ms = ms > RS_TIMEOUT_MS_MIN ? ms : RS_TIMEOUT_MS_MIN;
    }
    unsigned losses = server != NULL ? server->losses : 0;
    ms <<= losses < 4 ? losses : 4;
    return ms < RS_TIMEOUT_MS_MAX ? (uint32_t)ms : RS_TIMEOUT_MS_MAX;
}

/* What asking this server is expected to cost. An unknown server is free once: that is how it
 * becomes known. A loss counts as the wait it caused. */
static uint64_t cost_us(const struct rs_server *server)
{
    if (server == NULL || (!server->was_picked && server->srtt_us == 0 && server->losses == 0)) {
        return 0;
    }
    uint64_t cost = server->srtt_us != 0 ? server->srtt_us : RS_TIMEOUT_MS_FIRST * 1000ull;
    return cost + (uint64_t)server->losses * timeout_ms_of(server) * 1000;
}

/* The first moment at which the server may be chosen like any other. */
static uint64_t usable_from_ns(const struct rs_server *server)
{
    if (server == NULL) {
        return 0;
    }
    return server->rest_until_ns > server->trial_after_ns ? server->rest_until_ns
                                                          : server->trial_after_ns;
}

static uint16_t window_of(const struct rs_server *server)
{
    return server->window != 0 ? server->window : RS_SERVER_WINDOW_FIRST;
}

/* A family is in doubt when its servers fall silent one after the other while the other family is
 * not in doubt. When both are, nothing works, and nothing can be learnt about either. */
static bool is_in_doubt(struct rs_servers *servers, const struct rt_addr *addr)
{
    const struct rs_family *mine = rs_servers_family(servers, addr);
    const struct rs_family *other = &servers->families[mine == &servers->families[RS_SERVER_V4]];
    return mine->losses >= RS_FAMILY_LOSSES_MAX && other->losses < RS_FAMILY_LOSSES_MAX;
}

/* ---- the choice ---- */

struct option {
    int index;
    bool has_losses;
    uint64_t cost_us;
};

/* What one pick looks at, sorted by how willingly it would be chosen. */
struct options {
    unsigned count;
    struct option items[RS_CANDIDATES_MAX];
    bool is_busy; /* one was left out because its window is full */
    int probe;    /* its family is in doubt and due for a look, -1 none */
    int doubtful; /* its family is in doubt, otherwise usable, -1 none */
    int resting;  /* the one whose rest ends first, -1 none */
    uint64_t resting_until_ns;
};

/* The later one wins by a coin, so that not always the same server speaks for its family. */
static void take_by_coin(int *slot, int index, uint64_t random)
{
    if (*slot < 0 || (random >> (index % 32) & 1) != 0) {
        *slot = index;
    }
}

static void consider(struct options *options, struct rs_servers *servers,
                     const struct rt_addr *addr, int index, uint64_t now_ns, uint64_t random)
{
    const struct rs_server *server = rs_servers_find(servers, addr);
    bool is_doubtful = is_in_doubt(servers, addr);
    if (is_doubtful && rs_servers_family(servers, addr)->next_probe_ns <= now_ns) {
        take_by_coin(&options->probe, index, random);
        return;
    }
    uint64_t from_ns = usable_from_ns(server);
    if (from_ns > now_ns) {
        bool is_on_trial = server->trial_after_ns > now_ns;
        if (!is_on_trial && (options->resting < 0 || from_ns < options->resting_until_ns)) {
            options->resting = index;
            options->resting_until_ns = from_ns;
        }
        return;
    }
    if (server != NULL && server->under_way >= window_of(server)) {
        options->is_busy = true;
        return;
    }
    if (is_doubtful) {
        take_by_coin(&options->doubtful, index, random);
        return;
    }
    options->items[options->count++] = (struct option){
        .index = index,
        .has_losses = server != NULL && server->losses > 0,
        .cost_us = cost_us(server),
    };
}

static void collect(struct options *options, struct rs_servers *servers,
                    const struct rt_addr *candidates, unsigned count, uint64_t excluded,
                    uint64_t now_ns, uint64_t random)
{
    options->count = 0;
    options->is_busy = false;
    options->probe = options->doubtful = options->resting = -1;
    for (unsigned i = 0; i < count; i++) {
        if ((excluded >> i & 1) == 0) {
            consider(options, servers, &candidates[i], (int)i, now_ns, random >> 32);
        }
    }
}

/* Moves the options within the best band to the front; returns how many they are. */
static unsigned split_best_band(struct options *options)
{
    uint64_t best_us = UINT64_MAX;
    for (unsigned i = 0; i < options->count; i++) {
        if (options->items[i].cost_us < best_us) {
            best_us = options->items[i].cost_us;
        }
    }
    uint64_t band_us = best_us == 0 ? 0 : best_us + best_us / 4 + RS_SERVER_BAND_US;
    unsigned inside = 0;
    for (unsigned i = 0; i < options->count; i++) {
        if (options->items[i].cost_us <= band_us) {
            struct option swap = options->items[inside];
            options->items[inside++] = options->items[i];
            options->items[i] = swap;
        }
    }
    return inside;
}

/* One choice in twenty looks at a server outside the band; at one that lost packets only one in
 * eighty, so that a dead server costs few clients their time and still comes back. -1: not now. */
static int explore(const struct options *options, unsigned inside, uint64_t random)
{
    unsigned outside = options->count - inside;
    if (outside == 0 || random % RS_SERVER_EXPLORE_ONE_IN != 0) {
        return -1;
    }
    const struct option *option = &options->items[inside + (random >> 16) % outside];
    return option->has_losses && (random >> 60 & 3) != 0 ? -1 : option->index;
}

static int choose(struct options *options, uint64_t random, bool may_probe)
{
    if (options->probe >= 0) {
        return options->probe;
    }
    if (options->count > 0) {
        unsigned inside = split_best_band(options);
        int explored = explore(options, inside, random);
        return explored >= 0 ? explored : options->items[(random >> 16) % inside].index;
    }
    if (options->is_busy) {
        return RS_SERVERS_BUSY; /* A place there is worth more than a server in doubt. */
    }
    if (options->doubtful >= 0) {
        return options->doubtful;
    }
    return may_probe ? options->resting : RS_SERVERS_NONE;
}

/* What choosing itself changes: the benefit of the doubt is spent, the next trial is put off. */
static void note_choice(struct rs_servers *servers, const struct rt_addr *addr, uint64_t now_ns)
{
    struct rs_server *server = rs_servers_touch(servers, addr);
    server->was_picked = true;
    if (server->rests > 0) {
        server->trial_after_ns = now_ns + RS_SERVER_PROBE_MS * RT_NS_PER_MS;
    }
    if (is_in_doubt(servers, addr)) {
        rs_servers_family(servers, addr)->next_probe_ns = now_ns + RS_FAMILY_PROBE_S * RT_NS_PER_S;
    }
}

int rs_servers_pick(struct rs_servers *servers, const struct rt_addr *candidates, unsigned count,
                    uint64_t excluded, uint64_t now_ns, uint64_t random, bool may_probe)
{
    RT_CHECK(count <= RS_CANDIDATES_MAX);
    struct options options;
    collect(&options, servers, candidates, count, excluded, now_ns, random);
    int index = choose(&options, random, may_probe);
    if (index >= 0) {
        note_choice(servers, &candidates[index], now_ns);
    }
    return index;
}

/* ---- what happened ---- */

static void measure(struct rs_server *server, uint32_t rtt_us)
{
    /* Bounded: a clock that jumps or a stalled core must not make a server slow for ever. */
    const uint32_t longest_us = 10 * 1000 * 1000;
    rtt_us = rtt_us < longest_us ? rtt_us : longest_us;
    rtt_us = rtt_us > 0 ? rtt_us : 1;
    if (server->srtt_us == 0) {
        server->srtt_us = rtt_us; /* RFC6298-2.2 */
        server->rttvar_us = rtt_us / 2;
        return;
    }
    uint32_t apart = server->srtt_us > rtt_us ? server->srtt_us - rtt_us : rtt_us - server->srtt_us;
    server->rttvar_us = (3 * server->rttvar_us + apart) / 4; /* RFC6298-2.3 */
    server->srtt_us = (7 * server->srtt_us + rtt_us + 4) / 8;
}

void rs_servers_on_reply(struct rs_servers *servers, const struct rt_addr *addr, uint64_t now_ns,
                         uint32_t rtt_us, bool is_tcp)
{
    (void)now_ns;
    struct rs_server *server = rs_servers_touch(servers, addr);
    if (!is_tcp || server->srtt_us == 0) { /* A TCP time holds a handshake, at times. */
        measure(server, rtt_us);
    }
    uint16_t window = window_of(server);
    server->window = window < RS_SERVER_WINDOW_MAX ? (uint16_t)(window + 1) : window;
    server->losses = server->rests = 0;
    server->rest_until_ns = server->trial_after_ns = 0;
    *rs_servers_family(servers, addr) = (struct rs_family){0};
}

/* One rest after the other gets longer. What is lost while the server rests was asked before it
 * did, and says nothing new. */
static void rest(struct rs_server *server, uint64_t now_ns, uint32_t rest_ms_first)
{
    if (server->rest_until_ns > now_ns) {
        return;
    }
    uint64_t ms = rest_ms_first > 0 ? rest_ms_first : RS_SERVER_REST_S_MIN * RT_MS_PER_S;
    ms <<= server->rests < 16 ? server->rests : 16;
    const uint64_t longest_ms = RS_SERVER_REST_S_MAX * RT_MS_PER_S;
    server->rest_until_ns = now_ns + (ms < longest_ms ? ms : longest_ms) * RT_NS_PER_MS;
    server->rests += server->rests < UINT8_MAX;
}

static void lose(struct rs_servers *servers, struct rs_server *server, unsigned weight,
                 uint64_t now_ns, uint32_t rest_ms_first)
{
    if (server->losses == 0) { /* Each silent server speaks against its family once. */
        struct rs_family *family = rs_servers_family(servers, &server->addr);
        family->losses += family->losses < UINT32_MAX;
        if (family->losses == RS_FAMILY_LOSSES_MAX) {
            family->next_probe_ns = now_ns + RS_FAMILY_PROBE_S * RT_NS_PER_S;
        }
    }
    uint16_t window = window_of(server) / 2;
    server->window = window > RS_SERVER_WINDOW_MIN ? window : RS_SERVER_WINDOW_MIN;
    unsigned losses = server->losses + weight;
    server->losses = (uint8_t)(losses < UINT8_MAX ? losses : UINT8_MAX);
    if (server->losses >= RS_SERVER_LOSSES_MAX) {
        rest(server, now_ns, rest_ms_first);
    }
}

void rs_servers_on_timeout(struct rs_servers *servers, const struct rt_addr *addr, uint64_t now_ns,
                           bool is_tcp, uint32_t rest_ms_first)
{
    struct rs_server *server = rs_servers_touch(servers, addr);
    /* Silence over TCP says nothing about a server that answers datagrams. */
    if (is_tcp && server->srtt_us != 0 && server->losses == 0) {
        return;
    }
    lose(servers, server, 1, now_ns, rest_ms_first);
}

void rs_servers_on_refused(struct rs_servers *servers, const struct rt_addr *addr, uint64_t now_ns,
                           uint32_t rest_ms_first)
{
    /* Nobody is there: two of these are enough. One is not, as one may be about TCP alone. */
    struct rs_server *server = rs_servers_touch(servers, addr);
    lose(servers, server, RS_SERVER_LOSSES_MAX / 2, now_ns, rest_ms_first);
}

void rs_servers_began(struct rs_servers *servers, const struct rt_addr *addr)
{
    struct rs_server *server = rs_servers_touch(servers, addr);
    server->under_way += server->under_way < UINT16_MAX;
}

void rs_servers_ended(struct rs_servers *servers, const struct rt_addr *addr)
{
    struct rs_server *server = rs_servers_find(servers, addr);
    if (server != NULL && server->under_way > 0) { /* A forgotten server's count went with it. */
        server->under_way--;
    }
}

/* ---- habits ---- */

static uint8_t living_flags(const struct rs_server *server, uint64_t now_ns)
{
    unsigned flags = server->flags;
    for (unsigned i = 0; i < RS_SERVER_FLAGS_COUNT; i++) {
        flags &= server->flag_until_ns[i] <= now_ns ? ~(1u << i) : ~0u;
    }
    return (uint8_t)flags;
}

void rs_servers_view(struct rs_servers *servers, const struct rt_addr *addr, uint64_t now_ns,
                     struct rs_server_view *out)
{
    struct rs_server *server = rs_servers_find(servers, addr);
    *out = (struct rs_server_view){.timeout_ms = timeout_ms_of(server)};
    if (server != NULL) {
        out->flags = living_flags(server, now_ns);
        out->srtt_us = server->srtt_us;
        out->cookie_size = server->cookie_size;
        memcpy(out->cookie, server->cookie, server->cookie_size);
    }
}

void rs_servers_set_flag(struct rs_servers *servers, const struct rt_addr *addr, uint8_t flag,
                         uint64_t now_ns)
{
    struct rs_server *server = rs_servers_touch(servers, addr);
    for (unsigned i = 0; i < RS_SERVER_FLAGS_COUNT; i++) {
        if ((flag >> i & 1) != 0) {
            bool is_short = 1u << i == RS_SERVER_TCP_ONLY;
            uint64_t life_s = is_short ? RS_SERVER_TCP_ONLY_S : RS_SERVER_FLAG_S;
            server->flags |= (uint8_t)(1u << i);
            server->flag_until_ns[i] = now_ns + life_s * RT_NS_PER_S;
        }
    }
}

void rs_servers_set_cookie(struct rs_servers *servers, const struct rt_addr *addr, uint64_t now_ns,
                           const uint8_t *cookie, uint8_t size)
{
    (void)now_ns;
    struct rs_server *server = rs_servers_touch(servers, addr);
    server->cookie_size = 0;
    /* RFC7873-4: a server cookie has 8 to 32 bytes; anything else is none. */
    if (size >= 8 && size <= RS_COOKIE_SERVER_BYTES_MAX) {
        memcpy(server->cookie, cookie, size);
        server->cookie_size = size;
    }
}
