/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/scenario/play.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lua/hook.h"
#include "tests/sim/server.h"
#include "tests/sim/sim.h"

enum {
    PLAY_SEED = 1,
    PLAY_LATENCY_US = 1000,
    PLAY_PATIENCE_MS = 5000, /* An unanswered client question after this is a mismatch. */
    PLAY_SETTLE_MS = 20000,  /* What a question still does after its answer ends by then. */
    PLAY_PAYLOAD = 4096,     /* Scenarios answer without regard to the asked EDNS size. */
};

struct stage {
    struct rpl_scenario *scenario;
    struct play_verdict *verdict;
    struct sim *sim;
    struct sim_server *server;
    unsigned step; /* the current step's number: which ranges live */
    bool is_minimizing;
    int question;        /* the last QUERY; -1 none */
    char undefined[256]; /* the first question that no living range answers */
};

static bool fail(struct stage *stage, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool fail(struct stage *stage, const char *format, ...)
{
    va_list args;
    stage->verdict->result = PLAY_FAIL;
    va_start(args, format);
    vsnprintf(stage->verdict->reason, sizeof(stage->verdict->reason), format, args);
    va_end(args);
    return false;
}

/* ---- the servers ---- */

static struct rpl_entry *entry_of_range(struct stage *stage, const struct sim_server_query *query,
                                        bool *has_range)
{
    char why[512];
    for (struct rpl_range *range = stage->scenario->ranges; range != NULL; range = range->next) {
        if (stage->step < range->from || stage->step > range->to) {
            continue;
        }
        for (unsigned i = 0; i < range->addrs_count; i++) {
            if (!rt_addr_equal_ip(&range->addrs[i], &query->local)) {
                continue;
            }
            *has_range = true;
            for (struct rpl_entry *entry = range->entries; entry != NULL; entry = entry->next) {
                if (rpl_entry_matches(entry, query->wire, query->size, query->is_tcp, why)) {
                    return entry;
                }
            }
            return NULL; /* No second range is tried. */
        }
    }
    return NULL;
}

/* STEP n REPLY: answers once, whoever is asked. */
static struct rpl_entry *entry_of_step(struct stage *stage, const struct sim_server_query *query)
{
    char why[512];
    for (struct rpl_step *step = stage->scenario->steps; step != NULL; step = step->next) {
        if (step->kind == RPL_REPLY && step->number >= stage->step && !step->entry->is_used &&
            rpl_entry_matches(step->entry, query->wire, query->size, query->is_tcp, why)) {
            return step->entry;
        }
    }
    return NULL;
}

static void note_undefined(struct stage *stage, const struct sim_server_query *query)
{
    char name[KNOT_DNAME_TXT_MAXLEN + 1] = "?", type[16] = "?", addr[RT_ADDR_TEXT_BYTES];

    if (stage->undefined[0] != '\0') {
        return;
    }
    int size = query->size > 12
                   ? knot_dname_wire_check(query->wire + 12, query->wire + query->size, NULL)
                   : 0;
    if (size > 0 && (uint32_t)size + 16 <= query->size) {
        knot_dname_to_str(name, query->wire + 12, sizeof(name));
        knot_rrtype_to_string(knot_wire_read_u16(query->wire + 12 + size), type, sizeof(type));
    }
    snprintf(stage->undefined, sizeof(stage->undefined), "%.120s %s at %s in step %u", name, type,
             rt_addr_format(&query->local, addr), stage->step);
}

static void reply_servfail(const struct sim_server_query *query)
{
    uint8_t wire[512];
    uint32_t size = query->size < sizeof(wire) ? query->size : sizeof(wire);

    if (size < 12) {
        return;
    }
    memcpy(wire, query->wire, size);
    knot_wire_set_qr(wire);
    knot_wire_set_rcode(wire, KNOT_RCODE_SERVFAIL);
    sim_server_reply(query, wire, size, 0);
}

static void respond(void *arg, const struct sim_server_query *query)
{
    static uint8_t wire[UINT16_MAX];
    struct stage *stage = arg;
    bool has_range = false;
    struct rpl_entry *entry = entry_of_range(stage, query, &has_range);

    if (entry == NULL && !has_range) {
        entry = entry_of_step(stage, query);
    }
    if (entry == NULL) {
        note_undefined(stage, query);
        reply_servfail(query);
        return;
    }
    entry->is_used = true;
    if (entry->is_silent) {
        return;
    }
    size_t size = rpl_entry_reply(entry, query->wire, query->size, wire, sizeof(wire));
    if (size > 0) {
        sim_server_reply(query, wire, (uint32_t)size, 0);
    }
}

static void listen_once(struct stage *stage, const struct rt_addr *addr)
{
    struct rt_addr at = *addr;

    at.port = 53;
    if (!sim_net_has(sim_network(stage->sim), &at)) {
        sim_server_listen(stage->server, &at, true, true);
    }
}

/* With scripted replies any address that is named somewhere may be asked. */
static void listen_at_records(struct stage *stage, const struct rpl_entry *entry)
{
    for (unsigned section = RPL_ANSWER; section < RPL_SECTIONS; section++) {
        for (unsigned i = 0; i < entry->counts[section]; i++) {
            const struct rpl_rr *rr = &entry->rrs[section][i];
            struct rt_addr addr = {.family = rr->type == KNOT_RRTYPE_A ? 4 : 6};
            if ((rr->type == KNOT_RRTYPE_A && rr->size == 4) ||
                (rr->type == KNOT_RRTYPE_AAAA && rr->size == 16)) {
                memcpy(addr.ip, rr->rdata, rr->size);
                listen_once(stage, &addr);
            }
        }
    }
}

static void open_servers(struct stage *stage)
{
    const struct rpl_scenario *scenario = stage->scenario;

    stage->server = sim_server_open(sim_network(stage->sim), respond, stage);
    for (struct rpl_range *range = scenario->ranges; range != NULL; range = range->next) {
        for (unsigned i = 0; i < range->addrs_count; i++) {
            listen_once(stage, &range->addrs[i]);
        }
    }
    for (struct rpl_step *step = scenario->steps; step != NULL; step = step->next) {
        if (step->kind == RPL_REPLY) {
            listen_at_records(stage, step->entry);
        }
    }
}

/* ---- settings ---- */

static bool says(const struct rpl_scenario *scenario, const char *name, const char *value)
{
    const struct rpl_setting *setting = rpl_setting(scenario, NULL, name);
    return setting != NULL && strncasecmp(setting->value, value, strlen(value)) == 0;
}

/* The next features line after `at` (NULL: the first), under either of its names. */
static const struct rpl_setting *next_feature(const struct rpl_scenario *scenario,
                                              const struct rpl_setting *at)
{
    at = at != NULL ? at->next : scenario->settings;
    while (at != NULL && strcmp(at->name, "features") != 0 &&
           strcmp(at->name, "feature-list") != 0) {
        at = at->next;
    }
    return at;
}

/* What a scenario wants that a later version of troupe will have; NULL: nothing. */
static const char *missing_feature(const struct rpl_scenario *scenario)
{
    static const struct {
        const char *key, *why;
    } later[] = {
        {"dns64", "needs module dns64"},
        {"renumber", "needs module renumber"},
        {"workarounds", "needs module workarounds"},
        {"static_hint", "needs module hints"},
    };
    if (rpl_setting(scenario, NULL, "trust-anchor") != NULL) {
        return "needs DNSSEC validation (trust-anchor)";
    }
    if (rpl_setting(scenario, NULL, "domain-insecure") != NULL) {
        return "needs DNSSEC validation (domain-insecure)";
    }
    for (const struct rpl_setting *at = next_feature(scenario, NULL); at != NULL;
         at = next_feature(scenario, at)) {
        if (strncmp(at->value, "policy", 6) == 0 && strstr(at->value, "policy.FORWARD") == NULL &&
            strstr(at->value, "policy.STUB") == NULL) {
            return "needs module policy";
        }
        for (unsigned i = 0; i < RT_ARRAY_COUNT(later); i++) {
            if (strncmp(at->value, later[i].key, strlen(later[i].key)) == 0) {
                return later[i].why;
            }
        }
    }
    return strstr(scenario->title, "sentinel") != NULL ? "needs module ta_sentinel" : NULL;
}

/* `key = value` of a features line; false: another key. */
static bool feature_number(const char *text, const char *key, uint32_t *out)
{
    size_t size = strlen(key);
    if (strncmp(text, key, size) != 0) {
        return false;
    }
    text += size + strspn(text + size, " =");
    *out = (uint32_t)strtoul(text, NULL, 10);
    return true;
}

/* Policy lines are configuration: they run in the configuration language. */
static void run_policy(struct lu_settings *settings, const char *text)
{
    char line[512], error[LU_ERROR_BYTES];
    struct lu_vm *vm;
    struct lu_options options = {.settings = settings, .rundir = "."};

    text += strcspn(text, "=") + 1;
    snprintf(line, sizeof(line), "%s", text);
    char *colon = strstr(line, "policy:add");
    if (colon != NULL) {
        colon[6] = '.';
    }
    if (lu_open(&vm, &options) != RT_OK) {
        abort();
    }
    if (lu_run_text(vm, line, "policy", error) != RT_OK) {
        fprintf(stderr, "%s\n", error);
        abort();
    }
    lu_close(vm);
}

static void add_forward(struct rs_config *config, const struct rpl_scenario *scenario)
{
    const struct rpl_setting *name = rpl_setting(scenario, NULL, "stub-name");
    struct rs_forward *forward = &config->forwards[config->forwards_count];

    for (const struct rpl_setting *at = rpl_setting(scenario, NULL, "forward-addr"); at != NULL;
         at = at->next != NULL ? rpl_setting(scenario, at->next, "forward-addr") : NULL) {
        if (forward->addrs_count < RS_FORWARD_ADDRS_MAX &&
            rt_addr_parse(at->value, 53, &forward->addrs[forward->addrs_count]) == RT_OK) {
            forward->addrs_count++;
        }
    }
    if (forward->addrs_count > 0) {
        forward->mode = RS_FORWARD_RECURSE;
        if (rs_name_parse(name != NULL ? name->value : ".", &forward->name) == RT_OK) {
            config->forwards_count++;
        }
    }
}

static void configure(void *arg, struct lu_settings *settings)
{
    struct stage *stage = arg;
    const struct rpl_scenario *scenario = stage->scenario;
    struct rs_config *config = &settings->resolver;

    config->prime = false;
    config->mix_case = false;
    config->minimize = stage->is_minimizing;
    config->payload_down = PLAY_PAYLOAD;
    config->use_ipv4 = !says(scenario, "do-ip4", "no") && !says(scenario, "do-ip4", "false");
    config->use_ipv6 = !says(scenario, "do-ip6", "no") && !says(scenario, "do-ip6", "false");
    config->allow_local = says(scenario, "do-not-query-localhost", "off") ||
                          says(scenario, "do-not-query-localhost", "no");
    add_forward(config, scenario);
    for (const struct rpl_setting *at = next_feature(scenario, NULL); at != NULL;
         at = next_feature(scenario, at)) {
        if (!feature_number(at->value, "min_ttl", &config->ttl_s_min) &&
            !feature_number(at->value, "max_ttl", &config->ttl_s_max) &&
            strncmp(at->value, "policy", 6) == 0) {
            run_policy(settings, at->value);
        }
    }
}

/* The wall clock at the start; 0: the simulator's own. */
static uint64_t start_wall_ms(const struct rpl_scenario *scenario)
{
    const struct rpl_setting *date = rpl_setting(scenario, NULL, "val-override-date");
    const struct rpl_setting *stamp = rpl_setting(scenario, NULL, "val-override-timestamp");
    struct tm tm = {0};

    if (stamp != NULL && stamp->value[0] != '-') {
        return strtoull(stamp->value, NULL, 10) * 1000;
    }
    if (date == NULL || date->value[0] == '-' ||
        strptime(date->value, "%Y%m%d%H%M%S", &tm) == NULL) {
        return 0;
    }
    return (uint64_t)timegm(&tm) * 1000;
}

/* ---- the steps ---- */

static void do_query(struct stage *stage, const struct rpl_step *step)
{
    uint8_t wire[UINT16_MAX];
    size_t size = rpl_entry_query(step->entry, (uint16_t)step->number, wire, sizeof(wire));
    bool has_question = step->entry->raw == NULL && step->entry->counts[RPL_QUESTION] > 0;
    char name[KNOT_DNAME_TXT_MAXLEN + 1] = ".";

    if (has_question) {
        knot_dname_to_str(name, step->entry->rrs[RPL_QUESTION][0].owner, sizeof(name));
    }
    stage->question = (int)sim_ask_with(
        stage->sim, &(struct sim_ask){
                        .name = name,
                        .type = has_question ? step->entry->rrs[RPL_QUESTION][0].type : 1,
                        .wire = wire,
                        .wire_size = (uint32_t)size,
                        .keeps_truncated = true,
                        .patience_ms = PLAY_PATIENCE_MS,
                    });
    sim_run_quiet(stage->sim, PLAY_SETTLE_MS);
}

static bool do_check(struct stage *stage, const struct rpl_step *step)
{
    char why[512];

    if (stage->question < 0) {
        return fail(stage, "step %u (line %u): nothing was asked", step->number, step->line);
    }
    const struct sim_question *question =
        sim_clients_question(sim_clients(stage->sim), (unsigned)stage->question);
    if (question->wire == NULL) {
        return fail(stage, "step %u (line %u): no answer within %u ms", step->number, step->line,
                    PLAY_PATIENCE_MS);
    }
    return rpl_entry_matches(step->entry, question->wire, question->wire_size, false, why) ||
           fail(stage, "step %u (line %u): %s", step->number, step->line, why);
}

static void do_wait(struct stage *stage, uint64_t seconds)
{
    for (; seconds > 86400; seconds -= 86400) {
        sim_run(stage->sim, 86400 * 1000);
    }
    sim_run(stage->sim, (unsigned)seconds * 1000);
}

static bool do_steps(struct stage *stage)
{
    for (const struct rpl_step *step = stage->scenario->steps; step != NULL; step = step->next) {
        stage->step = step->number;
        switch (step->kind) {
        case RPL_QUERY:
            do_query(stage, step);
            break;
        case RPL_CHECK_ANSWER:
            if (!do_check(stage, step)) {
                return false;
            }
            break;
        case RPL_TIME_PASSES:
            do_wait(stage, step->elapse_s);
            break;
        case RPL_REPLY:
        case RPL_CHECK_OUT_QUERY:
            break;
        }
    }
    return true;
}

static bool mandatory_are_used(struct stage *stage)
{
    for (struct rpl_range *range = stage->scenario->ranges; range != NULL; range = range->next) {
        for (struct rpl_entry *entry = range->entries; entry != NULL; entry = entry->next) {
            if (entry->is_mandatory && !entry->is_used) {
                return fail(stage, "the mandatory entry at line %u was never used", entry->line);
            }
        }
    }
    return true;
}

static void reset_entries(struct rpl_scenario *scenario)
{
    for (struct rpl_range *range = scenario->ranges; range != NULL; range = range->next) {
        for (struct rpl_entry *entry = range->entries; entry != NULL; entry = entry->next) {
            entry->is_used = false;
        }
    }
    for (struct rpl_step *step = scenario->steps; step != NULL; step = step->next) {
        if (step->entry != NULL) {
            step->entry->is_used = false;
        }
    }
}

static void play_once(struct stage *stage, unsigned cores)
{
    struct sim_path path = {.latency_us_min = PLAY_LATENCY_US, .latency_us_max = PLAY_LATENCY_US};
    const struct rpl_setting *root = rpl_setting(stage->scenario, NULL, "stub-addr");

    reset_entries(stage->scenario);
    stage->sim = sim_new(&(struct sim_options){
        .seed = PLAY_SEED,
        .cores = cores,
        .client = path,
        .upstream = path,
        .wall_ms = start_wall_ms(stage->scenario),
        .configure = configure,
        .arg = stage,
    });
    open_servers(stage);
    if (root != NULL) {
        const struct rpl_setting *name = rpl_setting(stage->scenario, NULL, "stub-name");
        char hint[300];
        snprintf(hint, sizeof(hint), "%s%s", name != NULL ? name->value : "k.root-servers.net.",
                 name != NULL && name->value[strlen(name->value) - 1] != '.' ? "." : "");
        sim_hint(stage->sim, hint, root->value);
    }
    sim_start(stage->sim);
    if (do_steps(stage) && mandatory_are_used(stage) && stage->undefined[0] != '\0') {
        fail(stage, "undefined answers: %s", stage->undefined);
    }
    sim_server_close(stage->server);
    sim_free(stage->sim);
}

void play_scenario(struct rpl_scenario *scenario, unsigned cores, struct play_verdict *verdict)
{
    const char *missing = missing_feature(scenario);
    bool is_fixed = rpl_setting(scenario, NULL, "query-minimization") != NULL;
    bool is_on =
        says(scenario, "query-minimization", "on") || says(scenario, "query-minimization", "yes");

    memset(verdict, 0, sizeof(*verdict));
    if (missing != NULL) {
        verdict->result = PLAY_SKIP;
        snprintf(verdict->reason, sizeof(verdict->reason), "%s", missing);
        return;
    }
    for (int minimize = 0; minimize <= 1 && verdict->result == PLAY_PASS; minimize++) {
        if (is_fixed && is_on != (minimize == 1)) {
            continue;
        }
        struct stage stage = {
            .scenario = scenario, .verdict = verdict, .is_minimizing = minimize, .question = -1};
        play_once(&stage, cores);
        if (verdict->result == PLAY_FAIL && !is_fixed) {
            char reason[sizeof(verdict->reason)];
            memcpy(reason, verdict->reason, sizeof(reason));
            snprintf(verdict->reason, sizeof(verdict->reason), "%.600s (minimisation %s)", reason,
                     minimize ? "on" : "off");
        }
    }
}
