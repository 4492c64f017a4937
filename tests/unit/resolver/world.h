/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* world: a scripted Internet around one query machine: it performs the effects, plays the servers
 * from rules, moves the clock, and keeps the cache between questions.
 *
 * A rule is one line: who, asked what, says what.
 *
 *   "192.0.2.1 www.example. A: aa / www.example. 300 A 192.0.2.80 / / "
 *
 * Before the colon: address ("*": any), name ("*.zone": at or below it), type ("*": any), then
 * conditions: udp tcp edns plain first (only the first time) later. After it: flags and rcode (aa
 * tc ra nxdomain servfail refused formerr notimp yxdomain badcookie), then up to three sections
 * between slashes, records between semicolons. Instead of flags: "lost" (nothing comes),
 * "closed" (refused), "resting" (nobody offered is asked), "case" (letters changed), "miss" (a forgery first, then silence), "garbage",
 * "noopt" (the reply has no OPT; other flags may follow). The first rule that fits answers; none:
 * lost. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/cache/cache.h"
#include "resolver/cache/lookup.h"
#include "resolver/query.h"
#include "resolver/select.h"
#include "runtime/base/clock.h"
#include "tests/unit/resolver/packet.h"

enum { WORLD_RULES_MAX = 256, WORLD_LOG_MAX = 256, WORLD_TEXT_BYTES = 16384 };

struct world_rule {
    char who[64], name[1024], type[16], conditions[64];
    const char *reply;
    unsigned used;
};

struct world_ask { /* one packet that was sent */
    char server[RT_ADDR_TEXT_BYTES];
    char name[RS_NAME_TEXT_BYTES], type[16];
    bool is_tcp, has_edns, wants_recursion, is_cd, may_mix_case, wants_fresh_cookie;
};

struct world_event { /* what will come of an attempt */
    bool is_used;
    struct rs_event event;
    uint64_t at_ns;
    struct packet wire;
};

struct world {
    struct rs_config config;
    struct rs_cache cache;
    struct rs_cache_view view;
    struct rt_arena_pool *pool;
    struct rt_arena arena;
    uint64_t now_ns, random;
    bool is_refresh, is_cd;

    struct world_rule rules[WORLD_RULES_MAX];
    unsigned rules_count;

    /* of the last question */
    struct world_ask asks[WORLD_LOG_MAX];
    unsigned asks_count, tcp_count, stores_count, abandons_count;
    uint8_t learnt; /* flags of all RS_FX_LEARN */
    uint64_t took_ns;
    uint16_t rcode;
    int ede;
    uint8_t flags;
    uint32_t ttl_s_max;
    struct rs_budget budget;
    char answer[WORLD_TEXT_BYTES], authority[WORLD_TEXT_BYTES], additional[WORLD_TEXT_BYTES];

    struct world_event pending[4];
    const char *(*hook)(struct world *w, const struct world_ask *ask); /* instead of the rules */
};

/* ---- set-up ---- */

static inline struct rt_addr world_addr(const char *text)
{
    struct rt_addr addr;
    assert_int_equal(rt_addr_parse(text, 53, &addr), RT_OK);
    return addr;
}

static inline void world_hint(struct world *w, const char *name, const char *addr)
{
    struct rs_hint *hint = &w->config.hints.items[w->config.hints.count++];
    assert_int_equal(rs_name_parse(name, &hint->name), RT_OK);
    hint->addrs[0] = world_addr(addr);
    hint->addrs_count = 1;
}

static inline void world_forward(struct world *w, const char *name, uint8_t mode, const char *addr)
{
    struct rs_forward *forward = &w->config.forwards[w->config.forwards_count++];
    assert_int_equal(rs_name_parse(name, &forward->name), RT_OK);
    forward->mode = mode;
    forward->addrs[0] = world_addr(addr);
    forward->addrs_count = 1;
}

static inline int world_setup(void **state)
{
    static const struct rt_siphash_key key = {{7}};
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    rs_config_init(&w->config);
    world_hint(w, "k.root.", "198.51.100.1");
    w->now_ns = 1000 * RT_NS_PER_S;
    assert_int_equal(rs_cache_open_memory(&w->cache, 2, 4 << 20, NULL, &key, 1700000000000, 0),
                     RT_OK);
    assert_int_equal(rs_cache_view_open(&w->view, &w->cache), RT_OK);
    w->view.config = &w->config;
    assert_int_equal(rt_arena_pool_open(&w->pool, 64, 8), RT_OK);
    *state = w;
    return 0;
}

static inline int world_teardown(void **state)
{
    struct world *w = *state;
    rs_cache_view_close(&w->view);
    rs_cache_close(&w->cache);
    rt_arena_pool_close(w->pool);
    free(w);
    return 0;
}

/* `text` lives as long as the world. */
static inline void world_rule(struct world *w, const char *text)
{
    assert_true(w->rules_count < WORLD_RULES_MAX);
    struct world_rule *rule = &w->rules[w->rules_count++];
    const char *colon = strstr(text, ": ");
    char head[1200];
    assert_non_null(colon);
    snprintf(head, sizeof(head), "%.*s", (int)(colon - text), text);
    *rule = (struct world_rule){.reply = colon + 2};
    assert_true(sscanf(head, "%63s %1023s %15s %63[^\n]", rule->who, rule->name, rule->type,
                       rule->conditions) >= 3);
}

static inline void world_rules(struct world *w, const char *const *texts)
{
    for (; *texts != NULL; texts++) {
        world_rule(w, *texts);
    }
}

static inline void world_forget_rules(struct world *w)
{
    w->rules_count = 0;
}

/* `part` so many times, then `end`. */
static inline void world_repeat(char name[256], const char *part, unsigned times, const char *end)
{
    size_t at = 0;
    for (unsigned i = 0; i < times; i++) {
        at += (size_t)snprintf(name + at, 256 - at, "%s", part);
    }
    snprintf(name + at, 256 - at, "%s", end);
}

/* ---- records from text ---- */

static inline void world_put_rdata(struct packet *p, uint16_t type, char *text)
{
    struct rt_addr addr;
    char *save = NULL, *word = strtok_r(text, " ", &save);
    assert_non_null(word);
    switch (type) {
    case RS_A:
    case RS_AAAA:
        assert_int_equal(rt_addr_parse(word, 0, &addr), RT_OK);
        packet_bytes(p, addr.ip, type == RS_A ? 4 : 16);
        return;
    case RS_NS:
    case RS_CNAME:
    case RS_DNAME:
        packet_name(p, word);
        return;
    case RS_MX:
        packet_u16(p, 10);
        packet_name(p, word);
        return;
    case RS_SOA:
        packet_name(p, "ns.");
        packet_name(p, "mail.");
        for (unsigned i = 0; i < 4; i++) {
            packet_u32(p, 1);
        }
        packet_u32(p, (uint32_t)strtoul(word, NULL, 10)); /* MINIMUM */
        return;
    case RS_NSEC:
        packet_name(p, word);
        packet_bytes(p, "\x00\x01\x40", 3);
        return;
    default:
        packet_u8(p, (uint8_t)strlen(word));
        packet_bytes(p, word, strlen(word));
        return;
    }
}

/* "owner ttl type rdata" */
static inline void world_put_record(struct packet *p, unsigned section, char *text)
{
    char owner[1024], type_text[16];
    uint32_t ttl;
    int at = 0;
    uint16_t type;
    assert_int_equal(sscanf(text, " %1023s %u %15s %n", owner, &ttl, type_text, &at), 3);
    assert_true(rs_type_parse(type_text, &type));
    packet_count(p, section, 1);
    packet_name(p, owner);
    packet_fixed(p, type, RS_IN, ttl, 0);
    size_t start = p->size;
    world_put_rdata(p, type, text + at);
    rs_put_u16(p->data + start - 2, (uint16_t)(p->size - start));
}

static inline void world_put_section(struct packet *p, unsigned section, char *text)
{
    char *save = NULL;
    for (char *record = strtok_r(text, ";", &save); record != NULL;
         record = strtok_r(NULL, ";", &save)) {
        if (strspn(record, " ") < strlen(record)) {
            char copy[2048];
            snprintf(copy, sizeof(copy), "%s", record);
            world_put_record(p, section, copy);
        }
    }
}

static inline bool world_has_word(const char *text, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        if ((at == text || at[-1] == ' ') && (at[size] == '\0' || at[size] == ' ')) {
            return true;
        }
    }
    return false;
}

static inline uint16_t world_rcode(const char *flags)
{
    static const struct {
        const char *word;
        uint16_t rcode;
    } rcodes[] = {
        {"formerr", RS_FORMERR}, {"servfail", RS_SERVFAIL},   {"nxdomain", RS_NXDOMAIN},
        {"notimp", RS_NOTIMP},   {"refused", RS_REFUSED},     {"yxdomain", RS_YXDOMAIN},
        {"badvers", RS_BADVERS}, {"badcookie", RS_BADCOOKIE}, {"notauth", 9},
        {"rcode13", 13},
    };
    for (unsigned i = 0; i < RT_ARRAY_COUNT(rcodes); i++) {
        if (world_has_word(flags, rcodes[i].word)) {
            return rcodes[i].rcode;
        }
    }
    return RS_NOERROR;
}

/* The reply that `script` describes to `ask`. */
static inline void world_write(struct packet *p, const struct rs_ask *ask, const char *script)
{
    char text[WORLD_TEXT_BYTES], name[RS_NAME_TEXT_BYTES], *sections[4] = {0}, *at = text;
    snprintf(text, sizeof(text), "%s", script);
    for (unsigned i = 0; i < 4 && at != NULL; i++) {
        sections[i] = at;
        at = strstr(at, "/");
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    uint16_t rcode = world_rcode(sections[0]);
    uint16_t flags = 0x8000 | (rcode & 15) | (world_has_word(sections[0], "aa") ? 0x0400 : 0) |
                     (world_has_word(sections[0], "tc") ? 0x0200 : 0) |
                     (world_has_word(sections[0], "ra") ? 0x0080 : 0);
    packet_begin(p, 1, flags);
    if (world_has_word(sections[0], "garbage")) {
        packet_count(p, 1, 9);
        return;
    }
    packet_question(p, rs_name_text(ask->name.wire, name), ask->type, RS_IN);
    for (unsigned i = 1; i < 4; i++) {
        if (sections[i] != NULL) {
            world_put_section(p, i, sections[i]);
        }
    }
    if (ask->has_edns && !world_has_word(sections[0], "noopt")) {
        packet_opt(p, 1232, (uint32_t)(rcode >> 4) << 24, "", 0);
    }
}

/* ---- servers ---- */

static inline bool world_name_fits(const char *pattern, const char *name)
{
    struct rs_name zone, asked;
    if (strcmp(pattern, "*") == 0) {
        return true;
    }
    bool is_subtree = strncmp(pattern, "*.", 2) == 0;
    assert_int_equal(rs_name_parse(is_subtree ? pattern + 2 : pattern, &zone), RT_OK);
    assert_int_equal(rs_name_parse(name, &asked), RT_OK);
    return is_subtree ? rs_name_is_under(asked.wire, zone.wire)
                      : rs_name_equal(asked.wire, zone.wire);
}

static inline bool world_rule_fits(const struct world_rule *rule, const struct world_ask *ask)
{
    char server[RT_ADDR_TEXT_BYTES];
    snprintf(server, sizeof(server), "%.*s", (int)strcspn(ask->server, "@"), ask->server);
    const char *conditions = rule->conditions;
    return (strcmp(rule->who, "*") == 0 || strcmp(rule->who, server) == 0) &&
           (strcmp(rule->type, "*") == 0 || strcmp(rule->type, ask->type) == 0) &&
           world_name_fits(rule->name, ask->name) &&
           (!world_has_word(conditions, "udp") || !ask->is_tcp) &&
           (!world_has_word(conditions, "tcp") || ask->is_tcp) &&
           (!world_has_word(conditions, "edns") || ask->has_edns) &&
           (!world_has_word(conditions, "plain") || !ask->has_edns) &&
           (!world_has_word(conditions, "cookie") || ask->wants_fresh_cookie) &&
           (!world_has_word(conditions, "first") || rule->used == 0);
}

static inline const char *world_script(struct world *w, const struct world_ask *ask)
{
    if (w->hook != NULL) {
        return w->hook(w, ask);
    }
    for (unsigned i = 0; i < w->rules_count; i++) {
        if (world_rule_fits(&w->rules[i], ask)) {
            w->rules[i].used++;
            return w->rules[i].reply;
        }
    }
    return "lost";
}

static inline int world_choose(const struct rs_ask *ask)
{
    for (unsigned i = 0; i < ask->candidates_count; i++) {
        if ((ask->excluded >> i & 1) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static inline struct world_event *world_pend(struct world *w, uint64_t delay_ms)
{
    for (unsigned i = 0; i < RT_ARRAY_COUNT(w->pending); i++) {
        struct world_event *event = &w->pending[i];
        if (!event->is_used) {
            event->is_used = true;
            event->event = (struct rs_event){.random = w->random};
            event->at_ns = w->now_ns + delay_ms * RT_NS_PER_MS;
            return event;
        }
    }
    fail_msg("more events than attempts");
    return NULL;
}

/* The upstream actor's part: sends the ask to one candidate and foresees what comes of it. */
static inline void world_send(struct world *w, const struct rs_ask *ask)
{
    int index = world_choose(ask);
    assert_true(index >= 0);
    assert_true(ask->timeout_ms_max > 0);
    assert_true(w->asks_count < WORLD_LOG_MAX);
    struct world_ask *log = &w->asks[w->asks_count++];
    *log = (struct world_ask){
        .is_tcp = ask->is_tcp,
        .has_edns = ask->has_edns,
        .wants_recursion = ask->wants_recursion,
        .is_cd = ask->is_cd,
        .may_mix_case = ask->may_mix_case,
        .wants_fresh_cookie = ask->wants_fresh_cookie,
    };
    rt_addr_format(&ask->candidates[index], log->server);
    rs_name_text(ask->name.wire, log->name);
    rs_type_text(ask->type, log->type);
    w->tcp_count += ask->is_tcp;

    const char *script = world_script(w, log);
    if (world_has_word(script, "miss")) {
        struct world_event *miss = world_pend(w, 5);
        miss->event.kind = RS_EV_NEAR_MISS;
        miss->event.attempt = ask->attempt;
        miss->event.server_index = (uint8_t)index;
    }
    bool is_lost = world_has_word(script, "lost") || world_has_word(script, "miss");
    struct world_event *pending = world_pend(w, is_lost ? 400 : 10);
    bool is_resting = world_has_word(script, "resting");
    bool has_failed = is_resting || world_has_word(script, "closed");
    pending->event.kind = is_lost ? RS_EV_TIMEOUT : has_failed ? RS_EV_FAILED : RS_EV_REPLY;
    pending->event.why = is_resting ? RT_GONE : RT_REFUSED;
    pending->event.attempt = ask->attempt;
    pending->event.server_index = is_resting ? UINT8_MAX : (uint8_t)index;
    pending->event.is_tcp = ask->is_tcp;
    pending->event.had_edns = ask->has_edns;
    pending->event.is_case_kept = !world_has_word(script, "case");
    if (pending->event.kind == RS_EV_REPLY) {
        world_write(&pending->wire, ask, script);
    }
}

/* ---- the machine and its effects ---- */

static inline void world_store(struct world *w, const struct rs_fx *fx)
{
    static uint8_t batch[256 * 1024];
    struct rs_name name;
    uint32_t size = 0;
    rt_status status;
    assert_int_equal(rs_key_name((struct rs_bytes){fx->key.bytes, fx->key.size}, &name), RT_OK);
    assert_int_equal(rs_batch_append(batch, sizeof(batch), &size, &fx->key, fx->entry), RT_OK);
    struct rs_store *store = w->cache.shards[rs_cache_shard(&w->cache, name.wire)];
    rs_batch_apply(store, batch, size, rs_cache_now_s(&w->cache, w->now_ns), &status);
    assert_int_equal(status, RT_OK);
    assert_int_equal(store->ops->commit(store), RT_OK);
    w->stores_count++;
}

static inline void world_abandon(struct world *w, uint32_t attempt)
{
    w->abandons_count++;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(w->pending); i++) {
        if (w->pending[i].event.attempt == attempt) {
            w->pending[i].is_used = false;
        }
    }
}

/* "owner ttl type rdata; ..." of a list. */
static inline void world_print(const struct rs_rrsets *sets, char out[WORLD_TEXT_BYTES])
{
    size_t at = 0;
    out[0] = '\0';
    for (const struct rs_rrset *set = sets->first; set != NULL; set = set->next) {
        struct rs_rdata rdata;
        for (bool more = rs_rdata_first(set->rdatas, set->rdatas_bytes, &rdata); more;
             more = rs_rdata_next(set->rdatas, set->rdatas_bytes, &rdata)) {
            char owner[RS_NAME_TEXT_BYTES], type[16], value[RS_NAME_TEXT_BYTES] = "...";
            if (set->type == RS_A || set->type == RS_AAAA) {
                struct rt_addr addr = {.family = set->type == RS_A ? 4 : 6};
                memcpy(addr.ip, rdata.data, rdata.size);
                rt_addr_format(&addr, value);
            } else if (set->type == RS_NS || set->type == RS_CNAME || set->type == RS_DNAME) {
                rs_name_text(rdata.data, value);
            }
            at += (size_t)snprintf(out + at, WORLD_TEXT_BYTES - at, "%s%s %u %s %s",
                                   at > 0 ? "; " : "", rs_name_text(set->owner, owner), set->ttl_s,
                                   rs_type_text(set->type, type), value);
            assert_true(at < WORLD_TEXT_BYTES);
        }
    }
}

static inline void world_take_answer(struct world *w, const struct rs_response *response)
{
    w->rcode = response->rcode;
    w->ede = response->ede;
    w->flags = response->flags;
    w->ttl_s_max = response->ttl_s_max;
    world_print(&response->answer, w->answer);
    world_print(&response->authority, w->authority);
    world_print(&response->additional, w->additional);
}

static inline void world_perform(struct world *w, const struct rs_effects *effects)
{
    for (unsigned i = 0; i < effects->count; i++) {
        const struct rs_fx *fx = &effects->items[i];
        switch (fx->kind) {
        case RS_FX_ASK:
            world_send(w, fx->ask);
            break;
        case RS_FX_ABANDON:
            world_abandon(w, fx->attempt);
            break;
        case RS_FX_STORE:
            world_store(w, fx);
            break;
        case RS_FX_LEARN:
            w->learnt |= fx->flag;
            break;
        case RS_FX_ANSWER:
            assert_int_equal(i, effects->count - 1); /* Exactly once, last. */
            world_take_answer(w, effects->response);
            break;
        }
    }
}

static inline struct world_event *world_next(struct world *w)
{
    struct world_event *first = NULL;
    for (unsigned i = 0; i < RT_ARRAY_COUNT(w->pending); i++) {
        struct world_event *event = &w->pending[i];
        if (event->is_used && (first == NULL || event->at_ns < first->at_ns)) {
            first = event;
        }
    }
    return first;
}

/* Asks and runs until the answer is there. Returns its rcode. */
static inline uint16_t world_ask(struct world *w, const char *name, uint16_t type)
{
    static struct world_event now;
    struct rs_question question = {.type = type, .class = RS_IN};
    assert_int_equal(rs_name_parse(name, &question.name), RT_OK);
    rt_arena_init(&w->arena, w->pool, RS_QUERY_ARENA_BYTES);
    struct rs_query_options options = {
        .config = &w->config,
        .hints = &w->config.hints,
        .cache = &w->view,
        .arena = &w->arena,
        .question = &question,
        .is_cd = w->is_cd,
        .is_refresh = w->is_refresh,
    };
    struct rs_query *query = rs_query_new(&options);
    assert_non_null(query);
    memset(w->pending, 0, sizeof(w->pending));
    w->asks_count = w->tcp_count = w->stores_count = w->abandons_count = 0;
    w->learnt = 0;
    uint64_t started_ns = w->now_ns;

    struct rs_event event = {.kind = RS_EV_START, .random = w->random};
    for (enum rs_next next = RS_WAIT;;) {
        struct rs_effects effects = {0};
        event.now_ns = w->now_ns;
        next = rs_query_step(query, &event, &effects);
        rs_cache_view_release(&w->view);
        world_perform(w, &effects);
        if (next == RS_DONE) {
            break;
        }
        struct world_event *pending = world_next(w);
        assert_non_null(pending); /* It waits for something that will come. */
        now = *pending;
        pending->is_used = false;
        w->now_ns = now.at_ns;
        event = now.event;
        event.wire = now.wire.data;
        event.wire_size = (uint32_t)now.wire.size;
    }
    w->took_ns = w->now_ns - started_ns;
    w->budget = *rs_query_budget(query);
    rt_arena_reset(&w->arena);
    return w->rcode;
}

static inline void world_pass(struct world *w, uint64_t seconds)
{
    w->now_ns += seconds * RT_NS_PER_S;
}

/* ---- looking at it ---- */

/* Packets of the last question to that server (NULL: any), for that name (NULL: any). */
static inline unsigned world_count(const struct world *w, const char *server, const char *name)
{
    unsigned count = 0;
    for (unsigned i = 0; i < w->asks_count; i++) {
        size_t size = strcspn(w->asks[i].server, "@");
        count += (server == NULL ||
                  (strlen(server) == size && strncmp(w->asks[i].server, server, size) == 0)) &&
                 (name == NULL || strcmp(w->asks[i].name, name) == 0);
    }
    return count;
}

/* Is there a living entry, and is its text (of the first section) that? */
static inline bool world_cached(struct world *w, const char *name, enum rs_slot slot, uint16_t type,
                                struct rs_entry *out)
{
    struct rs_name wire;
    assert_int_equal(rs_name_parse(name, &wire), RT_OK);
    rt_arena_reset(&w->arena);
    rt_arena_init(&w->arena, w->pool, RS_QUERY_ARENA_BYTES);
    rt_status status = rs_cache_get(&w->view, wire.wire, slot, type,
                                    rs_cache_now_s(&w->cache, w->now_ns), &w->arena, out);
    rs_cache_view_release(&w->view);
    return status == RT_OK;
}

static inline void world_dump(const struct world *w)
{
    for (unsigned i = 0; i < w->asks_count; i++) {
        const struct world_ask *ask = &w->asks[i];
        print_message("  %s %s %s%s%s\n", ask->server, ask->name, ask->type,
                      ask->is_tcp ? " tcp" : "", ask->has_edns ? "" : " plain");
    }
    print_message("  -> rcode %u ede %d: %s | %s\n", w->rcode, w->ede, w->answer, w->authority);
}
