/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/servers.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t none = UINT32_MAX;

static uint32_t heads_for(uint32_t capacity)
{
    uint32_t heads = 16;
    while (heads < capacity) {
        heads *= 2;
    }
    return heads;
}

static void forget_all(struct rs_servers *servers)
{
    servers->count = 0;
    servers->newest = servers->oldest = none;
    memset(servers->heads, 0xFF, (servers->heads_mask + 1) * sizeof(*servers->heads));
    memset(servers->families, 0, sizeof(servers->families));
}

rt_status rs_servers_open(struct rs_servers **out, uint32_t capacity,
                          const struct rt_siphash_key *key)
{
    RT_CHECK(capacity > 0 && capacity <= UINT32_C(1) << 24);
    uint32_t heads = heads_for(capacity);
    struct rs_servers *servers = calloc(1, sizeof(*servers));
    if (servers == NULL) {
        return RT_NO_MEMORY;
    }
    servers->heads = calloc(heads, sizeof(*servers->heads));
    servers->records = calloc(capacity, sizeof(*servers->records));
    if (servers->heads == NULL || servers->records == NULL) {
        rs_servers_close(servers);
        return RT_NO_MEMORY;
    }
    servers->key = *key;
    servers->capacity = capacity;
    servers->heads_mask = heads - 1;
    forget_all(servers);
    *out = servers;
    return RT_OK;
}

void rs_servers_close(struct rs_servers *servers)
{
    if (servers != NULL) {
        free(servers->heads);
        free(servers->records);
        free(servers);
    }
}

void rs_servers_clear(struct rs_servers *servers)
{
    forget_all(servers);
}

uint32_t rs_servers_count(const struct rs_servers *servers)
{
    return servers->count;
}

/* Keyed, so that nobody who owns many addresses can aim them at one chain. Written out byte by
 * byte: a struct may have padding, and port and scope belong to the identity. */
static uint32_t *head_of(const struct rs_servers *servers, const struct rt_addr *addr)
{
    uint8_t bytes[1 + 2 + 4 + 16];
    bytes[0] = addr->family;
    memcpy(bytes + 1, &addr->port, 2);
    memcpy(bytes + 3, &addr->scope_id, 4);
    memcpy(bytes + 7, addr->ip, 16);
    uint64_t hash = rt_siphash(&servers->key, bytes, sizeof(bytes));
    return &servers->heads[hash & servers->heads_mask];
}

static bool is_same(const struct rt_addr *a, const struct rt_addr *b)
{
    return a->family == b->family && a->port == b->port && a->scope_id == b->scope_id &&
           memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

struct rs_server *rs_servers_find(const struct rs_servers *servers, const struct rt_addr *addr)
{
    uint32_t steps = 0;
    for (uint32_t at = *head_of(servers, addr); at != none; at = servers->records[at].hash_next) {
        RT_CHECK(++steps <= servers->capacity);
        if (is_same(&servers->records[at].addr, addr)) {
            return &servers->records[at];
        }
    }
    return NULL;
}

static void unlink_from_order(struct rs_servers *servers, uint32_t at)
{
    struct rs_server *server = &servers->records[at];
    if (server->newer != none) {
        servers->records[server->newer].older = server->older;
    } else {
        servers->newest = server->older;
    }
    if (server->older != none) {
        servers->records[server->older].newer = server->newer;
    } else {
        servers->oldest = server->newer;
    }
}

static void link_as_newest(struct rs_servers *servers, uint32_t at)
{
    struct rs_server *server = &servers->records[at];
    server->newer = none;
    server->older = servers->newest;
    if (servers->newest != none) {
        servers->records[servers->newest].newer = at;
    } else {
        servers->oldest = at;
    }
    servers->newest = at;
}

static void unlink_from_chain(struct rs_servers *servers, uint32_t at)
{
    uint32_t *link = head_of(servers, &servers->records[at].addr);
    while (*link != at) {
        RT_CHECK(*link != none);
        link = &servers->records[*link].hash_next;
    }
    *link = servers->records[at].hash_next;
}

static uint32_t take_record(struct rs_servers *servers)
{
    if (servers->count < servers->capacity) {
        return servers->count++;
    }
    uint32_t at = servers->oldest;
    unlink_from_order(servers, at);
    unlink_from_chain(servers, at);
    return at;
}

struct rs_server *rs_servers_touch(struct rs_servers *servers, const struct rt_addr *addr)
{
    struct rs_server *server = rs_servers_find(servers, addr);
    if (server != NULL) {
        uint32_t at = (uint32_t)(server - servers->records);
        if (servers->newest != at) {
            unlink_from_order(servers, at);
            link_as_newest(servers, at);
        }
        return server;
    }
    uint32_t at = take_record(servers);
    uint32_t *head = head_of(servers, addr);
    server = &servers->records[at];
    *server = (struct rs_server){.addr = *addr, .hash_next = *head};
    *head = at;
    link_as_newest(servers, at);
    return server;
}
