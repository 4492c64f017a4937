/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/check.h"
#include "tests/sim/judge.h"

enum { HOSTS = 200, FIRST_PORT = 1024, PATIENCE_MS = 10000, RETRY_MS = 1500, PAYLOAD = 1232 };

struct connection {
    struct connection *next;
    struct sim_clients *clients;
    unsigned number; /* 0: of one question only */
    struct rt_addr server;
    bool is_deaf;
    struct sim_end *end; /* NULL: closed */
    uint32_t size;
    uint8_t bytes[2 + 65535];
};

struct item { /* one question */
    struct sim_question public;
    struct sim_clients *clients;
    struct rt_addr local;
    struct sim_udp *udp;
    struct connection *connection; /* NULL: over UDP, or not yet */
    unsigned tries;
    uint8_t sent[600];
    uint32_t sent_size;
    char name[1010];
};

struct sim_clients {
    struct sim_net *net;
    struct rt_prng prng;
    struct item **items;
    unsigned count, room, waiting;
    struct connection *connections;
    void (*on_end)(void *arg, const struct sim_question *question);
    void *arg;
};

/* Client `number`'s own address and port; few hosts, so that limits per client stay testable. */
static struct rt_addr client_addr(unsigned number, uint8_t family)
{
    unsigned host = number % HOSTS;
    struct rt_addr addr = {.family = family,
                           .port = (uint16_t)(FIRST_PORT + number / HOSTS % 60000)};

    if (family == 4) {
        addr.ip[0] = 10;
        addr.ip[2] = 1;
        addr.ip[3] = (uint8_t)(host + 1);
    } else {
        addr.ip[0] = 0xfd;
        addr.ip[14] = 1;
        addr.ip[15] = (uint8_t)(host + 1);
    }
    return addr;
}

static void finish(struct item *item, enum sim_verdict verdict)
{
    struct sim_clients *clients = item->clients;

    if (item->public.verdict != SIM_WAITING) {
        return;
    }
    item->public.verdict = verdict;
    item->public.answered_ns = sim_net_now_ns(clients->net);
    clients->waiting--;
    sim_trace_note(sim_net_trace(clients->net), item->public.answered_ns, SIM_NOTE_CLIENT,
                   item->public.id, (uint64_t)verdict << 16 | item->public.rcode);
    if (sim_trace_is_watched(sim_net_trace(clients->net))) {
        static const char *const names[] = {"waiting", "lost",  "right",
                                            "failed",  "wrong", "unjudged"};
        char detail[1100];
        snprintf(detail, sizeof(detail), "%s type %u: %s %s", item->name, item->public.ask.type,
                 names[verdict], item->public.why != NULL ? item->public.why : "");
        sim_trace_span(sim_net_trace(clients->net), "clients", "question", item->public.asked_ns,
                       item->public.answered_ns, detail);
    }
    if (clients->on_end != NULL) {
        clients->on_end(clients->arg, &item->public);
    }
}

static void ask_over_tcp(struct item *item);
static void send_try(void *arg, uint64_t number);

static void take_answer(struct item *item, const uint8_t *wire, uint32_t size, bool is_tcp)
{
    struct sim_message message;
    struct sim_question *public = &item->public;
    bool is_readable = sim_message_read(wire, size, &message);

    bool is_cut = is_readable && (message.flags & SIM_TC) != 0 && !is_tcp;

    public->was_truncated |= is_cut;
    if (is_cut && !public->ask.keeps_truncated &&
        (public->verdict == SIM_WAITING || item->connection != NULL)) {
        if (item->connection == NULL) {
            ask_over_tcp(item);
        }
        sim_message_free(&message);
        return;
    }
    public->answers++;
    if (public->wire == NULL) {
        public->wire = malloc(size + 1);
        RT_CHECK(public->wire != NULL);
        memcpy(public->wire, wire, size);
        public->wire_size = size;
        public->rcode = message.rcode;
        public->ede = message.ede;
        finish(item, sim_judge(public, is_readable ? &message : NULL, &public->why));
    }
    sim_message_free(&message);
}

/* ---- UDP ---- */

static void on_datagram(void *arg, const struct rt_addr *peer, const struct rt_addr *local,
                        const uint8_t *data, uint32_t size)
{
    struct item *item = arg;

    (void)local;
    if (rt_addr_equal(peer, &item->public.ask.server) && size >= 2 &&
        memcmp(data, item->sent, 2) == 0) {
        take_answer(item, data, size, false);
    }
}

static const struct sim_udp_ops udp_ops = {.datagram = on_datagram};

static bool may_try_again(const struct item *item)
{
    return item->public.verdict == SIM_WAITING &&
           item->tries < (item->public.ask.tries != 0 ? item->public.ask.tries : 1);
}

static void try_later(struct item *item)
{
    uint32_t retry_ms = item->public.ask.retry_ms != 0 ? item->public.ask.retry_ms : RETRY_MS;

    sim_net_after(item->clients->net, retry_ms * RT_NS_PER_MS, send_try, item, 0);
}

static void send_try(void *arg, uint64_t number)
{
    struct item *item = arg;

    (void)number;
    if (item->connection != NULL || !may_try_again(item)) {
        return;
    }
    item->tries++;
    if (item->public.ask.is_tcp) {
        ask_over_tcp(item);
        return;
    }
    sim_net_send(item->clients->net, &item->local, &item->public.ask.server, item->sent,
                 item->sent_size);
    if (may_try_again(item)) {
        try_later(item);
    }
}

/* ---- TCP ---- */

static struct item *find_by_id(struct connection *connection, const uint8_t *wire)
{
    for (unsigned i = connection->clients->count; i > 0; i--) {
        struct item *item = connection->clients->items[i - 1];
        if (item->connection == connection && memcmp(item->sent, wire, 2) == 0) {
            return item;
        }
    }
    return NULL;
}

static void on_readable(void *arg)
{
    struct connection *connection = arg;
    uint32_t got;

    while (!connection->is_deaf && connection->end != NULL &&
           (got = sim_end_read(connection->end, connection->bytes + connection->size,
                               (uint32_t)sizeof(connection->bytes) - connection->size)) > 0) {
        connection->size += got;
        for (;;) {
            uint32_t length = (uint32_t)connection->bytes[0] << 8 | connection->bytes[1];
            if (connection->size < 2 || connection->size < 2 + length) {
                break;
            }
            struct item *item = length < 2 ? NULL : find_by_id(connection, connection->bytes + 2);
            if (item != NULL) {
                take_answer(item, connection->bytes + 2, length, true);
            }
            connection->size -= 2 + length;
            memmove(connection->bytes, connection->bytes + 2 + length, connection->size);
        }
    }
    if (connection->end != NULL && connection->number == 0 && connection->size == 0 &&
        !connection->is_deaf) {
        sim_end_close(connection->end, false);
        connection->end = NULL;
    }
}

static void on_closed(void *arg, rt_status why)
{
    struct connection *connection = arg;

    (void)why;
    connection->end = NULL;
    for (unsigned i = 0; i < connection->clients->count; i++) {
        struct item *item = connection->clients->items[i];
        if (item->connection != connection) {
            continue;
        }
        if (may_try_again(item)) { /* as stubs do: anew, from the first transport */
            item->connection = NULL;
            try_later(item);
        } else {
            finish(item, SIM_LOST);
        }
    }
}

static const struct sim_end_ops end_ops = {.readable = on_readable, .closed = on_closed};

static struct connection *find_connection(struct item *item)
{
    struct sim_clients *clients = item->clients;
    unsigned number = item->public.ask.connection;
    struct connection *at = number == 0 ? NULL : clients->connections;

    while (at != NULL && !(at->number == number && at->end != NULL)) {
        at = at->next;
    }
    if (at == NULL) {
        at = calloc(1, sizeof(*at));
        RT_CHECK(at != NULL);
        at->clients = clients;
        at->number = number;
        at->server = item->public.ask.server;
        at->is_deaf = item->public.ask.is_deaf;
        at->next = clients->connections;
        clients->connections = at;
        rt_status status =
            sim_connect(clients->net, &item->local, &at->server, &end_ops, at, &at->end);
        RT_CHECK(status == RT_OK);
    }
    return at;
}

static void ask_over_tcp(struct item *item)
{
    uint8_t prefix[2] = {(uint8_t)(item->sent_size >> 8), (uint8_t)item->sent_size};

    item->connection = find_connection(item);
    sim_end_write(item->connection->end, prefix, sizeof(prefix));
    if (item->connection->end != NULL) { /* The first write may have met a reset. */
        sim_end_write(item->connection->end, item->sent, item->sent_size);
    }
}

/* ---- asking ---- */

static void lose_patience(void *arg, uint64_t number)
{
    (void)number;
    finish(arg, SIM_LOST);
}

static void start(void *arg, uint64_t number)
{
    struct item *item = arg;
    uint32_t patience_ms = item->public.ask.patience_ms;

    (void)number;
    item->public.asked_ns = sim_net_now_ns(item->clients->net);
    sim_net_after(item->clients->net, (patience_ms != 0 ? patience_ms : PATIENCE_MS) * RT_NS_PER_MS,
                  lose_patience, item, 0);
    send_try(item, 0);
}

/* The name with its letters as the test wrote them: sim_name_parse lowers. */
static struct sim_name spelled(const struct item *item)
{
    struct sim_name name = item->public.name;
    const char *at = item->name;
    bool is_plain = strchr(at, '\\') == NULL;

    for (unsigned i = 0; is_plain && i < name.size && name.wire[i] != 0; i += name.wire[i] + 1u) {
        memcpy(name.wire + i + 1, at, name.wire[i]);
        at += name.wire[i] + 1u;
    }
    return name;
}

static void write_question(struct item *item)
{
    struct sim_question *public = &item->public;
    const struct sim_ask *ask = &public->ask;
    struct sim_writer writer;
    unsigned flags = (ask->no_rd ? 0 : SIM_RD) | (ask->is_cd ? SIM_CD : 0u);

    if (ask->wire != NULL) {
        RT_CHECK(ask->wire_size <= sizeof(item->sent) && ask->wire_size >= 2);
        memcpy(item->sent, ask->wire, ask->wire_size);
        item->sent_size = ask->wire_size;
        public->id = (uint16_t)(item->sent[0] << 8 | item->sent[1]);
        return;
    }
    public->name_as_sent = spelled(item);
    sim_write_begin(&writer, item->sent, sizeof(item->sent), public->id, (uint16_t)flags,
                    &public->name_as_sent, ask->type, ask->class != 0 ? ask->class : RS_IN);
    if (!ask->no_edns) {
        sim_write_opt(&writer, ask->payload != 0 ? ask->payload : PAYLOAD, 0, ask->is_dnssec_ok,
                      NULL, 0);
    }
    item->sent_size = writer.size;
}

/* Questions that share a connection are told apart by their ID (RFC7766-6.2.1). */
static uint16_t unused_id(struct sim_clients *clients, const struct sim_ask *ask)
{
    uint16_t id = (uint16_t)rt_prng_next(&clients->prng);

    for (unsigned i = 0; ask->connection != 0 && i < clients->count; i++) {
        const struct sim_question *other = &clients->items[i]->public;
        if (other->ask.connection == ask->connection && other->id == id) {
            id++;
            i = 0;
        }
    }
    return id;
}

static struct item *item_new(struct sim_clients *clients)
{
    struct item *item = calloc(1, sizeof(*item));

    if (clients->count == clients->room) {
        clients->room = clients->room == 0 ? 64 : clients->room * 2;
        clients->items = realloc(clients->items, clients->room * sizeof(clients->items[0]));
    }
    RT_CHECK(item != NULL && clients->items != NULL);
    item->clients = clients;
    clients->items[clients->count++] = item;
    clients->waiting++;
    return item;
}

unsigned sim_clients_ask(struct sim_clients *clients, const struct sim_ask *ask)
{
    struct item *item = item_new(clients);
    struct sim_question *public = &item->public;
    unsigned number = clients->count - 1;

    public->ask = *ask;
    public->ede = -1;
    snprintf(item->name, sizeof(item->name), "%s", ask->name != NULL ? ask->name : ".");
    public->ask.name = item->name;
    public->name = sim_name(item->name);
    public->id = unused_id(clients, ask);
    write_question(item);
    public->ask.wire = ask->wire != NULL ? item->sent : NULL;
    item->local = client_addr(number, ask->server.family);
    sim_net_claim(clients->net, &item->local, SIM_SIDE_CLIENT);
    if (!ask->is_tcp) {
        rt_status status =
            sim_udp_open(clients->net, &item->local, NULL, false, &udp_ops, item, &item->udp);
        RT_CHECK(status == RT_OK);
    }
    if (ask->delay_ns == 0) {
        start(item, 0);
    } else {
        public->asked_ns = sim_net_now_ns(clients->net) + ask->delay_ns;
        sim_net_after(clients->net, ask->delay_ns, start, item, 0);
    }
    return number;
}

/* ---- looking ---- */

static int compare_ms(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

    return x < y ? -1 : x > y;
}

static void count_verdict(struct sim_tally *tally, enum sim_verdict verdict)
{
    switch (verdict) {
    case SIM_WAITING:
        tally->waiting++;
        return;
    case SIM_LOST:
        tally->lost++;
        return;
    case SIM_RIGHT:
        tally->right++;
        return;
    case SIM_FAILED:
        tally->failed++;
        return;
    case SIM_WRONG:
        tally->wrong++;
        return;
    case SIM_UNJUDGED:
        tally->unjudged++;
        return;
    }
}

struct sim_tally sim_clients_tally(const struct sim_clients *clients, unsigned first)
{
    struct sim_tally tally = {0};
    unsigned *ms = calloc(clients->count + 1, sizeof(*ms));

    RT_CHECK(ms != NULL);
    for (unsigned i = first; i < clients->count; i++) {
        const struct sim_question *question = &clients->items[i]->public;
        tally.asked++;
        count_verdict(&tally, question->verdict);
        if (question->answers > 0 && question->verdict != SIM_LOST) {
            ms[tally.answers++] =
                (unsigned)((question->answered_ns - question->asked_ns) / RT_NS_PER_MS);
        }
        tally.duplicates += question->answers > 1 ? question->answers - 1 : 0;
    }
    qsort(ms, tally.answers, sizeof(*ms), compare_ms);
    if (tally.answers > 0) {
        tally.answer_ms_max = ms[tally.answers - 1];
        tally.answer_ms_99 = ms[(tally.answers - 1) * 99 / 100];
        tally.answer_ms_50 = ms[(tally.answers - 1) / 2];
    }
    free(ms);
    return tally;
}

const struct sim_question *sim_clients_question(const struct sim_clients *clients, unsigned number)
{
    RT_CHECK(number < clients->count);
    return &clients->items[number]->public;
}

unsigned sim_clients_count(const struct sim_clients *clients)
{
    return clients->count;
}

unsigned sim_clients_waiting(const struct sim_clients *clients)
{
    return clients->waiting;
}

void sim_clients_on_end(struct sim_clients *clients,
                        void (*call)(void *arg, const struct sim_question *question), void *arg)
{
    clients->on_end = call;
    clients->arg = arg;
}

struct sim_clients *sim_clients_open(struct sim_net *net, uint64_t seed)
{
    struct sim_clients *clients = calloc(1, sizeof(*clients));

    RT_CHECK(clients != NULL);
    clients->net = net;
    rt_prng_init(&clients->prng, seed ^ UINT64_C(0x636c69656e747300));
    return clients;
}

void sim_clients_close(struct sim_clients *clients)
{
    for (unsigned i = 0; i < clients->count; i++) {
        struct item *item = clients->items[i];
        if (item->udp != NULL) {
            sim_udp_close(item->udp);
        }
        free(item->public.wire);
        free(item);
    }
    while (clients->connections != NULL) {
        struct connection *connection = clients->connections;
        clients->connections = connection->next;
        if (connection->end != NULL) {
            sim_end_close(connection->end, true);
        }
        free(connection);
    }
    free(clients->items);
    free(clients);
}
