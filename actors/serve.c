/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/serve.h"

#include <string.h>

#include "resolver/cache/lookup.h"

enum {
    ANY_TTL_S = 3600, /* Long: nobody should ask again. */
    OPT_ROOM = 128,   /* OPT with a cookie (43), an EDE without its text (6), and room to spare. */
};

static const struct rs_config *config_of(const struct services *services)
{
    return &services->settings->resolver;
}

/* ---- reading ---- */

/* RFC5358-4: recursion is for our own clients; everybody else is refused, over every transport. */
static bool is_admitted(const struct services *services, const struct rt_addr *peer)
{
    const struct lu_settings *settings = services->settings;
    for (unsigned i = 0; i < settings->acl_count; i++) {
        if (rt_prefix_contains(&settings->acl[i], peer)) {
            return true;
        }
    }
    return false;
}

static void make_cookie(const struct services *services, struct serve *serve, const uint8_t *client,
                        uint64_t wall_ms)
{
    memcpy(serve->cookie, client, RS_COOKIE_CLIENT_BYTES);
    rs_cookie_make(&config_of(services)->cookie_secret, client, &serve->peer,
                   (uint32_t)(wall_ms / RT_MS_PER_S), serve->cookie + RS_COOKIE_CLIENT_BYTES);
    serve->cookie_size = sizeof(serve->cookie);
}

/* RFC7873-5.2.3, -5.2.4: a missing, old or foreign server cookie is answered with a fresh one; only
 * a good one says that the address is no forgery. RFC9018-4.3: after half an hour it is renewed. */
static void read_cookie(struct services *services, struct serve *serve, uint64_t wall_ms)
{
    const struct rs_edns *edns = &serve->request.edns;
    enum rs_cookie found =
        rs_cookie_check(&config_of(services)->cookie_secret, edns->cookie, edns->cookie_size,
                        &serve->peer, (uint32_t)(wall_ms / RT_MS_PER_S));

    if (found == RS_COOKIE_VALID || found == RS_COOKIE_RENEW) {
        serve->is_verified = true;
        SERVICE_COUNT(services, cookies_valid);
    }
    if (found == RS_COOKIE_VALID && edns->cookie_size == sizeof(serve->cookie)) {
        memcpy(serve->cookie, edns->cookie, sizeof(serve->cookie));
        serve->cookie_size = sizeof(serve->cookie);
    } else if (found != RS_COOKIE_NONE) {
        make_cookie(services, serve, edns->cookie, wall_ms);
    }
}

static void error(struct serve *serve, uint16_t rcode, int ede)
{
    serve->kind = SERVE_ERROR;
    serve->rcode = rcode;
    serve->ede = ede;
}

/* Whether a well-formed request is a question that we resolve. */
static void judge(struct services *services, struct serve *serve)
{
    const struct rs_request *request = &serve->request;

    if (!request->has_question) {
        error(serve, RS_NOERROR, RS_EDE_NONE); /* RFC7873-5.4: only a cookie is wanted. */
        return;
    }
    if (!request->wants_recursion) {
        /* Looking into our cache is nobody's business (security.md I6). */
        error(serve, RS_REFUSED, RS_EDE_NOT_AUTHORITATIVE);
        return;
    }
    serve->kind = SERVE_ASK;
    if (services->answers != NULL) {
        serve->key =
            rs_answers_key(services->answers, request->name, request->name_size, request->type,
                           request->class, request->edns.is_dnssec_ok, request->is_cd);
        rs_answers_prefetch(services->answers, serve->key);
    }
}

void serve_read(struct services *services, const struct serve_from *from, const uint8_t *wire,
                size_t size, uint64_t wall_ms, struct serve *out)
{
    uint16_t rcode = RS_NOERROR;
    int ede = RS_EDE_NONE;
    enum rs_verdict verdict = rs_request_read(wire, size, &out->request, &rcode, &ede);

    out->kind = SERVE_DROP;
    out->peer = from->peer;
    out->local = from->local;
    out->handle = from->handle;
    out->is_tcp = from->is_tcp;
    out->is_verified = from->is_tcp;
    out->cookie_size = 0;
    out->answer = NULL;
    if (verdict == RS_REQUEST_DROP || from->peer.port == 0) {
        SERVICE_COUNT(services, dropped);
        return;
    }
    if (from->is_tcp) {
        SERVICE_COUNT(services, questions_tcp);
    } else {
        SERVICE_COUNT(services, questions_udp);
    }
    if (out->request.edns.cookie_size >= RS_COOKIE_CLIENT_BYTES) {
        read_cookie(services, out, wall_ms);
    }
    if (!is_admitted(services, &from->peer)) {
        error(out, RS_REFUSED, RS_EDE_PROHIBITED);
    } else if (verdict == RS_REQUEST_ERROR) {
        error(out, rcode, ede);
    } else if (from->is_cut) {
        error(out, RS_FORMERR, RS_EDE_NONE);
    } else {
        judge(services, out);
    }
}

/* ---- this core's caches ---- */

/* Packs into the turn's arena, in the least of three sizes that fits. */
static const struct rs_answer *pack(struct services *services, const struct rs_response *response,
                                    const struct rs_question *question, bool is_dnssec_ok,
                                    uint64_t now_ns)
{
    static const uint32_t room[] = {RT_BUF_SMALL_BYTES, RT_ARENA_CHUNK_BYTES / 2,
                                    RT_BUF_HUGE_BYTES};

    for (unsigned i = 0; i < RT_ARRAY_COUNT(room); i++) {
        size_t size = 0;
        uint8_t *out = rt_arena_alloc(&services->turn, room[i]);
        if (out == NULL) {
            return NULL;
        }
        if (rs_answer_pack(response, question, is_dnssec_ok, now_ns, out, room[i], &size) ==
            RT_OK) {
            return (const struct rs_answer *)(const void *)out;
        }
    }
    return NULL;
}

static void name_of_question(struct rs_question *out, const uint8_t *name, uint16_t type,
                             uint16_t class)
{
    rs_name_copy(&out->name, name);
    out->type = type;
    out->class = class;
}

/* Reads the shards directly: any core may read any of them. */
static const struct rs_answer *find_in_shards(struct services *services,
                                              const struct serve_question *asked, uint64_t now_ns)
{
    struct rs_question question;
    struct rs_name last;
    struct rs_response response = {.ttl_s_max = UINT32_MAX, .ede = RS_EDE_NONE};

    if (services->view.cache == NULL) {
        return NULL;
    }
    name_of_question(&question, asked->name, asked->type, asked->class);
    enum rs_found found =
        rs_lookup(&services->view, &question, rs_cache_now_s(services->view.cache, now_ns),
                  &services->turn, &response, &last);
    if (found != RS_FOUND_ANSWER && found != RS_FOUND_FAILURE) {
        return NULL;
    }
    if (found == RS_FOUND_FAILURE) {
        response.rcode = RS_SERVFAIL;
        response.flags |= RS_ANSWER_UNCACHED; /* The shard knows when to try again, not we. */
    }
    return pack(services, &response, &question, asked->is_dnssec_ok, now_ns);
}

const struct rs_answer *serve_find(struct services *services, const struct serve_question *question,
                                   uint64_t now_ns)
{
    const struct rs_answer *answer = NULL;

    if (!config_of(services)->use_cache) {
        return NULL;
    }
    if (services->answers != NULL) {
        answer =
            rs_answers_get(services->answers, question->key, question->name, question->name_size,
                           question->type, question->is_dnssec_ok, question->is_cd, now_ns);
    }
    if (answer != NULL) {
        SERVICE_COUNT(services, hits_answer_cache);
        return answer;
    }
    answer = find_in_shards(services, question, now_ns);
    if (answer != NULL) {
        SERVICE_COUNT(services, hits_shard);
        if (services->answers != NULL) {
            rs_answers_put(services->answers, question->key, answer, question->is_dnssec_ok,
                           question->is_cd, now_ns);
        }
    }
    return answer;
}

/* RFC8482-4.2: one HINFO in place of everything that a name has. */
static const struct rs_answer *answer_any(struct services *services,
                                          const struct rs_request *request, uint64_t now_ns)
{
    static const uint8_t hinfo[] = {7, 'R', 'F', 'C', '8', '4', '8', '2', 0};
    struct rs_question question;
    struct rs_response response = {
        .rcode = RS_NOERROR,
        .flags = RS_ANSWER_UNCACHED, /* A stream of random names must not empty the cache. */
        .ttl_s_max = UINT32_MAX,
        .ede = RS_EDE_NONE,
    };

    name_of_question(&question, request->name, request->type, request->class);
    struct rs_rrset *set =
        rs_rrset_new(&services->turn, request->name, RS_HINFO, ANY_TTL_S, hinfo, sizeof(hinfo));
    if (set == NULL) {
        return NULL;
    }
    rs_rrsets_append(&response.answer, set);
    return pack(services, &response, &question, false, now_ns);
}

void serve_look(struct services *services, struct serve *serve, uint64_t now_ns)
{
    const struct rs_request *request = &serve->request;

    if (serve->kind != SERVE_ASK) {
        return;
    }
    if (request->type == RS_ANY) {
        serve->answer = answer_any(services, request, now_ns);
        if (serve->answer == NULL) {
            error(serve, RS_SERVFAIL, RS_EDE_OTHER);
            return;
        }
    } else {
        struct serve_question question = {
            .name = request->name,
            .name_size = request->name_size,
            .type = request->type,
            .class = request->class,
            .is_dnssec_ok = request->edns.is_dnssec_ok,
            .is_cd = request->is_cd,
            .key = serve->key,
        };
        serve->answer = serve_find(services, &question, now_ns);
    }
    if (serve->answer != NULL) {
        serve->kind = SERVE_ANSWER;
    }
}

/* ---- replying ---- */

static uint32_t payload_of(const struct services *services)
{
    uint32_t payload = config_of(services)->payload_down;
    payload = payload < RT_DATAGRAM_BYTES_MAX ? payload : RT_DATAGRAM_BYTES_MAX;
    return payload > RS_UDP_PLAIN_BYTES ? payload : RS_UDP_PLAIN_BYTES;
}

/* RFC6891-6.2.5: what the client can take; RFC9715-3.1: but never what the path would fragment. */
static uint32_t room_udp(const struct services *services, const struct rs_edns *edns)
{
    uint32_t payload = payload_of(services);
    if (!edns->is_present || edns->payload < RS_UDP_PLAIN_BYTES) {
        return RS_UDP_PLAIN_BYTES; /* RFC6891-6.2.3: less than 512 counts as 512. */
    }
    return edns->payload < payload ? edns->payload : payload;
}

uint32_t serve_room(const struct services *services, const struct serve *serve)
{
    if (!serve->is_tcp) {
        return room_udp(services, &serve->request.edns);
    }
    if (serve->kind != SERVE_ANSWER) {
        return RS_UDP_PLAIN_BYTES;
    }
    uint32_t room = 12u + serve->answer->body_size + serve->answer->ede_text_size + OPT_ROOM;
    room = room > RS_UDP_PLAIN_BYTES ? room : RS_UDP_PLAIN_BYTES;
    return room < RS_MESSAGE_BYTES_MAX ? room : RS_MESSAGE_BYTES_MAX;
}

static void count_reply(struct services *services, const struct serve *serve)
{
    bool is_answer = serve->kind == SERVE_ANSWER;
    uint16_t rcode = is_answer ? serve->answer->rcode : serve->rcode;

    if (rcode == RS_SERVFAIL) {
        SERVICE_COUNT(services, answers_servfail);
    } else if (rcode == RS_NXDOMAIN) {
        SERVICE_COUNT(services, answers_nxdomain);
    } else if (rcode == RS_REFUSED) {
        SERVICE_COUNT(services, refused);
    } else if (rcode != RS_NOERROR) {
        SERVICE_COUNT(services, errors);
    } else if (is_answer && serve->answer->ancount > 0) {
        SERVICE_COUNT(services, answers_noerror);
    } else {
        SERVICE_COUNT(services, answers_nodata);
    }
}

uint32_t serve_write(struct services *services, const struct serve *serve, uint32_t room,
                     uint64_t now_ns, uint8_t *out)
{
    RT_CHECK(serve->kind == SERVE_ANSWER || serve->kind == SERVE_ERROR);
    RT_CHECK(room >= RS_UDP_PLAIN_BYTES);
    struct rs_reply_options options = {
        .size_max = room,
        .payload = (uint16_t)payload_of(services),
        .cookie_size = serve->cookie_size,
    };
    memcpy(options.cookie, serve->cookie, serve->cookie_size);

    size_t size = serve->kind == SERVE_ANSWER
                      ? rs_answer_reply(serve->answer, &serve->request, &options, now_ns, out)
                      : rs_error_reply(&serve->request, serve->rcode, serve->ede, &options, out);
    RT_CHECK(size > 0 && size <= room);
    count_reply(services, serve);
    return (uint32_t)size;
}

/* ---- to the desk and back ---- */

static void fill_asker(struct rt_ctx *ctx, const struct serve *serve, struct asker *asker)
{
    asker_from_request(asker, &serve->request);
    asker->listener = rt_self(ctx);
    asker->handle = serve->handle;
    asker->peer = serve->peer;
    asker->local = serve->local;
    asker->since_ns = rt_now_ns(ctx);
    asker->flags |=
        (uint8_t)((serve->is_tcp ? ASKER_TCP : 0) | (serve->is_verified ? ASKER_VERIFIED : 0));
}

rt_status serve_ask_desk(struct rt_ctx *ctx, struct serve_underway *underway, struct serve *serve)
{
    struct services *services = services_of(ctx);
    const struct rs_request *request = &serve->request;
    struct desk_ask ask = {.head = RT_MSG_INIT(DESK_ASK, struct desk_ask)};
    uint64_t cookie = ++underway->next;
    unsigned home = services_home(services->cast, request->name, request->name_size);

    fill_asker(ctx, serve, &ask.asker);
    ask.head.cookie = cookie;
    ask.head.trace_id = rt_self(ctx) >> 32 << 32 | (uint32_t)cookie; /* core, slot, number */
    SERVICE_COUNT(services, misses);
    rt_trace(ctx, ask.head.trace_id, "listener_miss", request->type, home);

    rt_status status = rt_send(ctx, services->cast->desk[home], &ask.head);
    if (status != RT_OK) {
        SERVICE_COUNT(services, shed);
        error(serve, RS_SERVFAIL, RS_EDE_OTHER);
    } else if (home != services->worker) { /* Only such a message can be lost later. */
        struct serve_sent *sent = &underway->sent[cookie % SERVE_UNDERWAY];
        sent->cookie = cookie;
        sent->asker = ask.asker;
    }
    return status;
}

/* The request again, from what travelled with it. */
static void from_asker(struct services *services, const struct asker *asker, uint64_t wall_ms,
                       struct serve *out)
{
    asker_to_request(asker, &out->request);
    out->kind = SERVE_ERROR;
    out->rcode = RS_SERVFAIL;
    out->ede = RS_EDE_OTHER;
    out->answer = NULL;
    out->peer = asker->peer;
    out->local = asker->local;
    out->handle = asker->handle;
    out->is_tcp = (asker->flags & ASKER_TCP) != 0;
    out->is_verified = (asker->flags & ASKER_VERIFIED) != 0;
    out->cookie_size = 0;
    if (asker->cookie_size == RS_COOKIE_CLIENT_BYTES) {
        make_cookie(services, out, asker->cookie, wall_ms);
    }
}

void serve_answered(struct services *services, const struct desk_answer *msg, uint64_t now_ns,
                    uint64_t wall_ms, struct serve *out)
{
    from_asker(services, &msg->asker, wall_ms, out);
    if (msg->head.buf == NULL) {
        out->ede = msg->ede;
        return;
    }
    out->kind = SERVE_ANSWER;
    out->answer = (const struct rs_answer *)(const void *)msg->head.buf->data;
    RT_CHECK(out->answer->magic == rs_answer_MAGIC); /* Ours, from another core at most. */

    const struct rs_request *request = &out->request;
    if (services->answers != NULL && config_of(services)->use_cache &&
        services_home(services->cast, request->name, request->name_size) != services->worker) {
        struct rs_answer_key key =
            rs_answers_key(services->answers, request->name, request->name_size, request->type,
                           request->class, request->edns.is_dnssec_ok, request->is_cd);
        rs_answers_put(services->answers, key, out->answer, request->edns.is_dnssec_ok,
                       request->is_cd, now_ns);
    }
}

bool serve_undelivered(struct services *services, struct serve_underway *underway,
                       const struct rt_msg_undelivered *msg, uint64_t wall_ms, struct serve *out)
{
    struct serve_sent *sent = &underway->sent[msg->head.cookie % SERVE_UNDERWAY];

    SERVICE_COUNT(services, shed);
    if (msg->lost_type != DESK_ASK || sent->cookie != msg->head.cookie || sent->cookie == 0) {
        SERVICE_COUNT(services, dropped); /* Its place was taken: the client will ask again. */
        return false;
    }
    from_asker(services, &sent->asker, wall_ms, out);
    sent->cookie = 0;
    return true;
}
