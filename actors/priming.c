/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/priming.h"

#include <string.h>

#include "actors/desk_msg.h"
#include "actors/services.h"
#include "resolver/message.h"
#include "runtime/base/log.h"

#define priming_MAGIC UINT32_C(0x5052494d)

enum {
    MAILBOX_CAP = 256, /* one answer for each question of a round, twice */
    DNS_PORT = 53,
    REPLY_BYTES_MAX = 16 * 1024, /* a root NS set fits 1 kB */
    QUESTIONS_MAX = 2 * RS_HINTS_MAX,
};

enum phase {
    PHASE_RESTS,     /* until the timer */
    PHASE_ASKS_NS,   /* one question is open */
    PHASE_ASKS_ADDR, /* one for each name and family */
};

/* The cookie of a question says which round it belongs to, so that a late answer is known. */
struct priming {
    uint32_t magic;
    enum phase phase;
    uint32_t round;
    unsigned open_count, failed_count;
    uint32_t ttl_s; /* the smallest of the NS set */
    rt_timer timer; /* next round, or the end of patience */
    bool is_primed; /* what was found is in force, not what is configured */
    struct rs_hints found;
    uint64_t answered[(QUESTIONS_MAX + 63) / 64]; /* one bit for each question of the round */
};

static const uint16_t address_types[2] = {RS_A, RS_AAAA};

static void start_timer(struct rt_ctx *ctx, struct priming *self, uint64_t seconds)
{
    rt_timer_cancel(ctx, &self->timer);
    self->timer = rt_timer_start(ctx, seconds * RT_NS_PER_S, self->round);
    if (self->timer == 0) {
        rt_fail(ctx, "no timer for priming");
    }
}

/* ---- asking ---- */

static uint64_t cookie_of(const struct priming *self, unsigned index)
{
    return (uint64_t)self->round << 32 | index;
}

/* False: the question did not leave. */
static bool ask(struct rt_ctx *ctx, struct priming *self, const struct rs_name *name, uint16_t type,
                unsigned index)
{
    const struct cast *cast = services_of(ctx)->cast;
    unsigned home = services_home(cast, name->wire, name->size);
    struct desk_ask msg = {.head = RT_MSG_INIT(DESK_ASK, struct desk_ask)};
    struct asker *asker = &msg.asker;

    msg.head.cookie = cookie_of(self, index);
    msg.head.trace_id = rt_random_u64(ctx);
    asker->listener = rt_self(ctx);
    asker->handle = cookie_of(self, index); /* comes back in DESK_ANSWER */
    asker->since_ns = rt_now_ns(ctx);
    asker->id = (uint16_t)index; /* equal questions of one client are told apart by it */
    asker->type = type;
    asker->class = RS_IN;
    /* RFC9609-3.1: RD is for resolvers; ours are asked by ourselves. RFC9609-3.3: with EDNS. */
    asker->payload = RS_UDP_PAYLOAD_BYTES;
    asker->flags = ASKER_RD | ASKER_EDNS | ASKER_VERIFIED;
    asker->name_size = name->size;
    memcpy(asker->name, name->wire, name->size);
    return rt_send(ctx, cast->desk[home], &msg.head) == RT_OK;
}

static void rest_after_failure(struct rt_ctx *ctx, struct priming *self, const char *what)
{
    rt_log(RT_LOG_WARNING, "priming", "cannot resolve %s, next priming query in %d seconds", what,
           PRIMING_RETRY_S);
    self->phase = PHASE_RESTS;
    start_timer(ctx, self, PRIMING_RETRY_S);
}

/* The desks take the new set as a whole. */
static void publish(struct rt_ctx *ctx, const struct rs_hints *hints)
{
    const struct cast *cast = services_of(ctx)->cast;
    struct rt_buf *buf = rt_buf_new(rt_bufs(ctx), sizeof(*hints));

    if (buf == NULL) {
        return; /* The old set stays; the next round tries again. */
    }
    memcpy(buf->data, hints, sizeof(*hints));
    buf->size = sizeof(*hints);
    for (unsigned i = 0; i < cast->workers_count; i++) {
        struct desk_roots msg = {.head = RT_MSG_INIT(DESK_ROOTS, struct desk_roots)};
        msg.head.buf = rt_buf_ref(buf);
        if (rt_send(ctx, cast->desk[i], &msg.head) != RT_OK) {
            rt_buf_unref(rt_bufs(ctx), msg.head.buf);
        }
    }
    rt_buf_unref(rt_bufs(ctx), buf);
}

/* The roots in force do not answer: what is configured may, and the next round asks it. */
static void fall_back(struct rt_ctx *ctx, struct priming *self)
{
    if (self->is_primed) {
        publish(ctx, &services_of(ctx)->settings->resolver.hints);
        self->is_primed = false;
    }
    rest_after_failure(ctx, self, "'.' NS");
}

static void begin_round(struct rt_ctx *ctx, struct priming *self)
{
    static const struct rs_name root = {.size = 1};

    self->round++;
    self->phase = PHASE_ASKS_NS;
    self->open_count = 1;
    self->failed_count = 0;
    memset(&self->found, 0, sizeof(self->found));
    memset(self->answered, 0, sizeof(self->answered));
    if (ask(ctx, self, &root, RS_NS, 0)) {
        start_timer(ctx, self, PRIMING_PATIENCE_S);
    } else {
        rest_after_failure(ctx, self, "'.' NS");
    }
}

/* ---- reading an answer ---- */

/* The answer as RRsets in the turn's arena; false: there is none to use. */
static bool read_answer(struct rt_ctx *ctx, const struct desk_answer *msg, struct rs_message *out)
{
    struct services *services = services_of(ctx);
    const struct rs_reply_options options = {.size_max = REPLY_BYTES_MAX,
                                             .payload = RS_UDP_PAYLOAD_BYTES};
    struct rs_request request;

    if (msg->head.buf == NULL) {
        return false;
    }
    uint8_t *wire = rt_arena_alloc(&services->turn, REPLY_BYTES_MAX);
    if (wire == NULL) {
        return false;
    }
    asker_to_request(&msg->asker, &request);
    size_t size = rs_answer_reply((const struct rs_answer *)(const void *)msg->head.buf->data,
                                  &request, &options, rt_now_ns(ctx), wire);
    return rs_message_read(wire, size, &services->turn, out) == RT_OK && out->rcode == RS_NOERROR &&
           !out->is_truncated;
}

static void add_name(struct priming *self, const struct rs_rdata *rdata)
{
    struct rs_hints *found = &self->found;

    if (found->count < RS_HINTS_MAX && rs_name_check(rdata->data, rdata->size) == rdata->size) {
        rs_name_copy(&found->items[found->count++].name, rdata->data);
    }
}

static void add_address(const struct rs_config *config, struct rs_hint *hint,
                        const struct rs_rdata *rdata)
{
    struct rt_addr addr = {.family = rdata->size == 4 ? 4 : 6, .port = DNS_PORT};

    if ((rdata->size != 4 && rdata->size != 16) || hint->addrs_count == RS_HINT_ADDRS_MAX) {
        return;
    }
    memcpy(addr.ip, rdata->data, rdata->size);
    if (!rs_config_is_forbidden_server(config, &addr)) {
        hint->addrs[hint->addrs_count++] = addr;
    }
}

/* ---- the rounds ---- */

/* Names that the configuration knows too keep its addresses when nobody could be asked for them
 * now: else one bad moment would leave us with the few roots that did answer, for the TTL of the
 * set. */
static void keep_configured(struct rs_hints *found, const struct rs_hints *configured)
{
    for (unsigned i = 0; i < found->count; i++) {
        for (unsigned j = 0; found->items[i].addrs_count == 0 && j < configured->count; j++) {
            if (rs_name_equal(found->items[i].name.wire, configured->items[j].name.wire)) {
                found->items[i] = configured->items[j];
            }
        }
    }
}

/* All questions of the round are answered, or patience has ended. */
static void end_round(struct rt_ctx *ctx, struct priming *self)
{
    const struct rs_config *config = &services_of(ctx)->settings->resolver;
    struct rs_hints *found = &self->found;
    unsigned kept = 0, addrs = 0;

    keep_configured(found, &config->hints);
    for (unsigned i = 0; i < found->count; i++) {
        if (found->items[i].addrs_count > 0) {
            addrs += found->items[i].addrs_count;
            found->items[kept++] = found->items[i];
        }
    }
    found->count = (uint8_t)kept;
    if (kept == 0) {
        rest_after_failure(ctx, self, "any root server address");
        return;
    }
    publish(ctx, found);
    self->is_primed = true;
    rt_trace(ctx, 0, "primed", kept, addrs);
    rt_log(RT_LOG_INFO, "priming", "%u root servers with %u addresses", kept, addrs);
    /* modules.md 19.2: again after the smallest TTL, which max_ttl bounds and 1 s. */
    uint32_t ttl_s = self->ttl_s < config->ttl_s_max ? self->ttl_s : config->ttl_s_max;
    self->phase = PHASE_RESTS;
    if (self->failed_count > 0 && ttl_s > PRIMING_RETRY_S) {
        ttl_s = PRIMING_RETRY_S; /* Not the whole truth: soon again. */
    }
    start_timer(ctx, self, ttl_s > 0 ? ttl_s : 1);
}

static void one_answered(struct rt_ctx *ctx, struct priming *self)
{
    RT_CHECK(self->open_count > 0);
    if (--self->open_count == 0) {
        end_round(ctx, self);
    }
}

static void warn_address(struct priming *self, unsigned index)
{
    char name[RS_NAME_TEXT_BYTES], type[16];

    self->failed_count++;
    rt_log(RT_LOG_WARNING, "priming", "cannot resolve address '%s', type: %s",
           rs_name_text(self->found.items[index / 2].name.wire, name),
           rs_type_text(address_types[index % 2], type));
}

/* RFC9609-3.3: the addresses of the names may be missing in the answer, so each is asked for. */
static void ask_addresses(struct rt_ctx *ctx, struct priming *self)
{
    const struct rs_config *config = &services_of(ctx)->settings->resolver;
    const bool wanted[2] = {config->use_ipv4, config->use_ipv6};
    unsigned sent = 0;

    self->phase = PHASE_ASKS_ADDR;
    self->round++;
    memset(self->answered, 0, sizeof(self->answered));
    for (unsigned index = 0; index < 2 * (unsigned)self->found.count; index++) {
        if (!wanted[index % 2]) {
            continue;
        }
        if (ask(ctx, self, &self->found.items[index / 2].name, address_types[index % 2], index)) {
            sent++;
        } else {
            warn_address(self, index);
        }
    }
    self->open_count = sent;
    if (sent == 0) {
        end_round(ctx, self);
    } else {
        start_timer(ctx, self, PRIMING_PATIENCE_S);
    }
}

static void on_servers(struct rt_ctx *ctx, struct priming *self, const struct desk_answer *msg)
{
    static const uint8_t root[1];
    struct rs_message message;
    struct rs_rrset *set = NULL;

    if (read_answer(ctx, msg, &message)) {
        set = rs_rrsets_find(&message.answer, root, RS_NS);
    }
    if (set == NULL) {
        fall_back(ctx, self);
        return;
    }
    struct rs_rdata rdata;
    self->ttl_s = set->ttl_s;
    for (bool more = rs_rdata_first(set->rdatas, set->rdatas_bytes, &rdata); more;
         more = rs_rdata_next(set->rdatas, set->rdatas_bytes, &rdata)) {
        add_name(self, &rdata);
    }
    ask_addresses(ctx, self);
}

/* A name without an address of this family is no failure. */
static void on_address(struct rt_ctx *ctx, struct priming *self, unsigned index,
                       const struct desk_answer *msg)
{
    const struct rs_config *config = &services_of(ctx)->settings->resolver;
    struct rs_message message;

    if (msg == NULL || !read_answer(ctx, msg, &message)) {
        warn_address(self, index);
    } else {
        struct rs_hint *hint = &self->found.items[index / 2];
        for (const struct rs_rrset *set = message.answer.first; set != NULL; set = set->next) {
            struct rs_rdata rdata;
            bool more = set->type == address_types[index % 2] &&
                        rs_rdata_first(set->rdatas, set->rdatas_bytes, &rdata);
            for (; more; more = rs_rdata_next(set->rdatas, set->rdatas_bytes, &rdata)) {
                add_address(config, hint, &rdata);
            }
        }
    }
    one_answered(ctx, self);
}

/* An answer, or (msg NULL) the news that the question was lost. */
static void on_result(struct rt_ctx *ctx, struct priming *self, uint64_t cookie,
                      const struct desk_answer *msg)
{
    unsigned index = (unsigned)(cookie & UINT32_MAX);

    if (cookie >> 32 != self->round || self->phase == PHASE_RESTS) {
        return; /* of a round that is over */
    }
    RT_CHECK(index < QUESTIONS_MAX);
    uint64_t bit = UINT64_C(1) << (index % 64);
    if ((self->answered[index / 64] & bit) != 0) {
        return;
    }
    self->answered[index / 64] |= bit;
    if (self->phase == PHASE_ASKS_ADDR) {
        on_address(ctx, self, index, msg);
    } else if (msg != NULL) {
        on_servers(ctx, self, msg);
    } else {
        fall_back(ctx, self);
    }
}

static void on_timer(struct rt_ctx *ctx, struct priming *self, uint64_t round)
{
    if (round != self->round) {
        return;
    }
    self->timer = 0;
    switch (self->phase) {
    case PHASE_RESTS:
        begin_round(ctx, self);
        return;
    case PHASE_ASKS_NS:
        fall_back(ctx, self);
        return;
    case PHASE_ASKS_ADDR:
        end_round(ctx, self);
        return;
    }
}

/* ---- the actor ---- */

static rt_status priming_start(struct rt_ctx *ctx, void *state, const void *args)
{
    struct priming *self = state;

    (void)args;
    self->magic = priming_MAGIC;
    /* A round that a former life left open must not be mistaken for ours. */
    self->round = (uint32_t)rt_random_u64(ctx);
    begin_round(ctx, self);
    return RT_OK;
}

static void priming_receive(struct rt_ctx *ctx, void *state, struct rt_msg *msg)
{
    struct priming *self = rt_cast(priming, state);

    switch (msg->type) {
    case DESK_ANSWER: {
        const struct desk_answer *answer = (const struct desk_answer *)(const void *)msg;
        on_result(ctx, self, answer->asker.handle, answer);
        return;
    }
    case RT_MSG_UNDELIVERED:
        if (((const struct rt_msg_undelivered *)(const void *)msg)->lost_type == DESK_ASK) {
            on_result(ctx, self, msg->cookie, NULL);
        }
        return;
    case RT_MSG_TIMER:
        on_timer(ctx, self, msg->cookie);
        return;
    }
    RT_UNREACHABLE("priming hears only desks and the runtime");
}

static const char *priming_msg_name(uint16_t type)
{
    return type == DESK_ANSWER ? "DESK_ANSWER" : "?";
}

const struct rt_actor_type priming_type = {
    .name = "priming",
    .state_size = sizeof(struct priming),
    .actors_max = 1,
    .mailbox_cap = MAILBOX_CAP,
    .restart = RT_RESTART_ALWAYS,
    .msg_name = priming_msg_name,
    .start = priming_start,
    .receive = priming_receive,
};
