/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/authority.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/check.h"

enum { ZONES_MAX = 128, WIRE_BYTES_MAX = 65535 };

struct sim_authority {
    struct sim_authority_options options;
    struct sim_server *server;
    struct sim_zone *zones[ZONES_MAX];
    unsigned zones_count;
    uint64_t questions;
};

struct reply { /* being written */
    struct sim_authority *self;
    const struct sim_message *query;
    const struct sim_server_query *source;
    struct sim_found found;
    struct sim_writer writer;
    uint8_t wire[WIRE_BYTES_MAX];
};

static bool behaves(const struct sim_authority *self, unsigned behaviour)
{
    return (self->options.behaviour & behaviour) != 0;
}

/* What is true for this server, before it misbehaves. */
static void look_up(struct reply *reply)
{
    struct sim_authority *self = reply->self;
    const struct sim_message *query = reply->query;

    if (self->options.improvise != NULL &&
        self->options.improvise(self->options.improvise_arg, query, &reply->source->local,
                                &reply->found)) {
        return;
    }
    const struct sim_zone *zone =
        sim_zones_find(self->zones, self->zones_count, &query->name, query->type);
    if (zone == NULL || query->class != RS_IN) {
        reply->found.rcode = RS_REFUSED;
        return;
    }
    sim_zone_lookup(zone, &query->name, query->type, &reply->found);
}

static void refer_upward(struct reply *reply)
{
    struct sim_name root = sim_name("."), target = sim_name("a.root-servers.invalid.");
    struct sim_record *record =
        sim_records_add(&reply->found.records, &root, RS_NS, 3600, target.wire, target.size);

    record->section = 1;
}

static void find_answer(struct reply *reply)
{
    struct sim_authority *self = reply->self;

    if (behaves(self, SIM_REFUSES)) {
        reply->found.rcode = RS_REFUSED;
    } else if (behaves(self, SIM_SERVFAILS)) {
        reply->found.rcode = RS_SERVFAIL;
    } else if (behaves(self, SIM_NOT_QUERY)) {
        reply->found.rcode = RS_NOTIMP;
    } else if (behaves(self, SIM_LAME_UPWARD)) {
        refer_upward(reply);
    } else if (!behaves(self, SIM_LAME)) {
        look_up(reply);
    }
}

/* ---- cookies: the server part is a hash of the client's address and part ---- */

static uint64_t server_cookie(const struct reply *reply)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (unsigned i = 0; i < 16; i++) {
        hash = (hash ^ reply->source->peer.ip[i]) * UINT64_C(0x100000001b3);
    }
    for (unsigned i = 0; i < 8; i++) {
        hash = (hash ^ reply->query->cookie[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static bool is_cookie_right(const struct reply *reply)
{
    uint64_t wanted = server_cookie(reply);

    return reply->query->cookie_size == 16 && memcmp(reply->query->cookie + 8, &wanted, 8) == 0;
}

static void put_opt(struct reply *reply)
{
    struct sim_authority *self = reply->self;
    uint16_t payload = self->options.payload != 0 ? self->options.payload : 1232;
    uint8_t options[4 + 16] = {0, 10, 0, 16};
    uint64_t cookie = server_cookie(reply);
    bool has_cookie =
        behaves(self, SIM_COOKIES | SIM_COOKIES_ONLY) && reply->query->cookie_size >= 8;

    if (!reply->query->has_edns || behaves(self, SIM_NO_EDNS | SIM_FORMERR_EDNS)) {
        return;
    }
    memcpy(options + 4, reply->query->cookie, 8);
    memcpy(options + 12, &cookie, 8);
    sim_write_opt(&reply->writer, payload, reply->found.rcode, reply->query->is_dnssec_ok, options,
                  has_cookie ? sizeof(options) : 0);
}

static uint16_t reply_flags(const struct reply *reply)
{
    unsigned flags = SIM_QR | (reply->query->flags & SIM_RD) | (reply->found.rcode & 0xFu);

    if (behaves(reply->self, SIM_RECURSES)) {
        return (uint16_t)(flags | SIM_RA);
    }
    return (uint16_t)(flags | (reply->found.is_authoritative ? SIM_AA : 0));
}

static uint32_t room_for(const struct reply *reply)
{
    if (reply->source->is_tcp) {
        return WIRE_BYTES_MAX;
    }
    if (!reply->query->has_edns || behaves(reply->self, SIM_NO_EDNS | SIM_FORMERR_EDNS)) {
        return 512;
    }
    return reply->query->payload;
}

/* Sections in order. What does not fit of the first two makes TC (RFC2181-9); of the additional
 * section it is left out. */
static void write_records(struct reply *reply)
{
    struct sim_writer *writer = &reply->writer;

    for (unsigned section = 0; section < 3; section++) {
        for (unsigned i = 0; i < reply->found.records.count; i++) {
            struct sim_writer before = *writer;
            if (reply->found.records.items[i].section != section) {
                continue;
            }
            sim_write_record(writer, section, &reply->found.records.items[i]);
            if (writer->is_overfull && section == 2) {
                *writer = before;
                return;
            }
        }
    }
}

static void write_reply(struct reply *reply, uint16_t id, bool is_truncated)
{
    struct sim_name name = reply->query->name_as_sent;
    uint32_t room = room_for(reply);
    uint32_t opt_bytes = reply->query->has_edns ? 11 + 20 : 0;

    if (behaves(reply->self, SIM_WRONG_CASE)) {
        sim_name_lower(&name);
    }
    sim_write_begin(&reply->writer, reply->wire, room - opt_bytes, id, reply_flags(reply), &name,
                    reply->query->type, reply->query->class);
    if (!is_truncated) {
        write_records(reply);
    }
    if (is_truncated || reply->writer.is_overfull) {
        sim_write_truncate(&reply->writer);
    }
    reply->writer.room = room;
    put_opt(reply);
}

static void send_reply(struct reply *reply)
{
    uint64_t delay_ns = reply->self->options.slow_ms * RT_NS_PER_MS;

    sim_server_reply(reply->source, reply->wire, reply->writer.size, delay_ns);
}

/* Somebody guesses: the right question, a wrong ID, an address of his own. */
static void send_forgery(struct reply *reply)
{
    static const uint8_t evil[4] = {203, 0, 113, 66};
    struct sim_found empty = {0}, truth = reply->found;

    reply->found = empty;
    reply->found.is_authoritative = true;
    sim_records_add(&reply->found.records, &reply->query->name, RS_A, 86400, evil, sizeof(evil));
    write_reply(reply, (uint16_t)(reply->query->id ^ 0x5555), false);
    sim_server_reply(reply->source, reply->wire, reply->writer.size, 0);
    sim_found_free(&reply->found);
    reply->found = truth;
}

static void answer(struct reply *reply)
{
    struct sim_authority *self = reply->self;
    bool is_tcp = reply->source->is_tcp;

    if (behaves(self, SIM_FORMERR_EDNS) && reply->query->has_edns) {
        reply->found.rcode = RS_FORMERR;
    } else if (behaves(self, SIM_COOKIES_ONLY) && !is_tcp && !is_cookie_right(reply) &&
               reply->query->cookie_size >= 8) {
        reply->found.rcode = RS_BADCOOKIE;
    } else {
        find_answer(reply);
    }
    if (behaves(self, SIM_WRONG_ID_FIRST) && !is_tcp) {
        send_forgery(reply);
    }
    write_reply(reply, reply->query->id, behaves(self, SIM_TC_ALWAYS) && !is_tcp);
    send_reply(reply);
    sim_found_free(&reply->found);
}

static void send_garbage(const struct sim_server_query *query)
{
    uint8_t bytes[40];

    memset(bytes, 0xC0, sizeof(bytes)); /* The right ID, then pointers that point at themselves. */
    memcpy(bytes, query->wire, 2);
    bytes[2] = 0x84;
    sim_server_reply(query, bytes, sizeof(bytes), 0);
}

static void respond(void *arg, const struct sim_server_query *query)
{
    static struct reply reply; /* one thread; too large for a stack */
    struct sim_authority *self = arg;
    struct sim_message message;

    if (!sim_message_read(query->wire, query->size, &message) || message.question_count != 1 ||
        (message.flags & SIM_QR) != 0) {
        sim_message_free(&message);
        return;
    }
    struct sim_authority_question question = {.message = &message, .query = query};
    self->questions++;
    if (self->options.observe != NULL) {
        self->options.observe(self->options.observe_arg, &question);
    }
    if (behaves(self, SIM_GARBAGE)) {
        send_garbage(query);
    } else if (!behaves(self, SIM_DEAD) && !(behaves(self, SIM_TCP_ONLY) && !query->is_tcp)) {
        reply.self = self;
        reply.query = &message;
        reply.source = query;
        memset(&reply.found, 0, sizeof(reply.found));
        answer(&reply);
    }
    sim_message_free(&message);
    if (query->is_tcp && behaves(self, SIM_TCP_CLOSES)) {
        sim_server_hang_up(query);
    }
}

struct sim_authority *sim_authority_open(const struct sim_authority_options *options)
{
    struct sim_authority *self = calloc(1, sizeof(*self));

    RT_CHECK(self != NULL);
    self->options = *options;
    self->server = sim_server_open(options->net, respond, self);
    return self;
}

void sim_authority_close(struct sim_authority *authority)
{
    sim_server_close(authority->server);
    free(authority);
}

void sim_authority_listen(struct sim_authority *authority, const struct rt_addr *addr)
{
    sim_server_listen(authority->server, addr, true,
                      (authority->options.behaviour & SIM_UDP_ONLY) == 0);
}

void sim_authority_serve(struct sim_authority *authority, struct sim_zone *zone)
{
    for (unsigned i = 0; i < authority->zones_count; i++) {
        if (authority->zones[i] == zone) {
            return;
        }
    }
    RT_CHECK(authority->zones_count < ZONES_MAX);
    authority->zones[authority->zones_count++] = zone;
}

void sim_authority_drop(struct sim_authority *authority, const struct sim_zone *zone)
{
    for (unsigned i = 0; i < authority->zones_count; i++) {
        if (authority->zones[i] == zone) {
            authority->zones[i] = authority->zones[--authority->zones_count];
            return;
        }
    }
}

void sim_authority_behave(struct sim_authority *authority, unsigned behaviour, uint32_t slow_ms)
{
    authority->options.behaviour = behaviour;
    authority->options.slow_ms = slow_ms;
}

unsigned sim_authority_behaviour(const struct sim_authority *authority)
{
    return authority->options.behaviour;
}

uint64_t sim_authority_questions(const struct sim_authority *authority)
{
    return authority->questions;
}
