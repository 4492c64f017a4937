/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/desk_wait.h"

#include <string.h>

enum {
    DESK_WAITERS_PER_QUERY_MAX = 1000, /* Hard, as BIND's: one slow name is not worth all of us. */
    DESK_OWED_TRIES = 500, /* A listener that is full for a second has lost its clients anyway. */
    DESK_WAITERS_PER_ADDRESS_MAX =
        200,                           /* All desks: the pulse that a forged source can call for. */
    DESK_WAITERS_PER_ADDRESS_MIN = 50, /* One desk: names do not spread evenly over many cores. */
};

/* One client that waits: in its group, or (owed) for room in its listener's mailbox. */
#define waiter_MAGIC UINT32_C(0x57414954)
struct waiter {
    uint32_t magic;
    uint16_t tries;            /* owed */
    int16_t ede;               /* owed */
    struct desk_group *group;  /* NULL: owed */
    struct rt_node in_group;   /* or in the list of the owed */
    struct rt_node by_age;     /* of the unverified */
    uint64_t cookie, trace_id; /* of its DESK_ASK */
    uint64_t merge_key;        /* 0: never merged */
    uint64_t address_key;      /* 0: not counted against its address */
    struct rt_buf *buf;        /* owed: the answer, or NULL for SERVFAIL */
    struct asker asker;
};

/* ---- sending ---- */

static rt_status send_answer(struct rt_ctx *ctx, const struct asker *asker, uint64_t cookie,
                             uint64_t trace_id, struct rt_buf *buf, int16_t ede)
{
    struct desk_answer msg = {
        .head = RT_MSG_INIT(DESK_ANSWER, struct desk_answer),
        .ede = ede,
        .asker = *asker,
    };
    msg.head.cookie = cookie;
    msg.head.trace_id = trace_id;
    msg.head.buf = buf != NULL ? rt_buf_ref(buf) : NULL;

    rt_status status = rt_send(ctx, asker->listener, &msg.head);
    if (status != RT_OK) {
        rt_buf_unref(rt_bufs(ctx), msg.head.buf);
    }
    return status;
}

rt_status desk_wait_reply(struct rt_ctx *ctx, const struct desk_ask *ask, struct rt_buf *buf,
                          int16_t ede)
{
    return send_answer(ctx, &ask->asker, ask->head.cookie, ask->head.trace_id, buf, ede);
}

/* ---- how many wait for one address ---- */

static bool is_loopback(const struct rt_addr *addr)
{
    static const uint8_t v6[16] = {[15] = 1};
    return addr->family == 4 ? addr->ip[0] == 127 : memcmp(addr->ip, v6, sizeof(v6)) == 0;
}

/* Whose replies would meet: one IPv4 address, one IPv6 network. 0: proven to be no forgery, or this
 * host, which nobody else can send from. */
static uint64_t address_key(struct desk_wait *wait, const struct asker *asker)
{
    uint8_t bytes[9] = {asker->peer.family};

    if ((asker->flags & (ASKER_VERIFIED | ASKER_INTERNAL)) != 0 || is_loopback(&asker->peer)) {
        return 0;
    }
    memcpy(bytes + 1, asker->peer.ip, asker->peer.family == 4 ? 4 : 8);
    uint64_t key = rt_siphash(&wait->key, bytes, sizeof(bytes));
    return key != 0 ? key : 1;
}

static void count_address(struct desk_wait *wait, uint64_t key, int delta)
{
    uint32_t count = 0;

    if (key == 0) {
        return;
    }
    (void)rt_map_get(&wait->by_address, key, &count);
    count = (uint32_t)((int64_t)count + delta);
    if (count == 0) {
        rt_map_remove(&wait->by_address, key);
    } else {
        rt_status status = rt_map_put(&wait->by_address, key, count);
        RT_CHECK(status == RT_OK); /* As many keys as waiters. */
    }
}

bool desk_wait_is_flood(struct desk_wait *wait, const struct desk_ask *ask)
{
    uint32_t count = 0, share = DESK_WAITERS_PER_ADDRESS_MAX / wait->desks_count;
    uint64_t key = address_key(wait, &ask->asker);

    share = share > DESK_WAITERS_PER_ADDRESS_MIN ? share : DESK_WAITERS_PER_ADDRESS_MIN;
    return key != 0 && rt_map_get(&wait->by_address, key, &count) && count >= share;
}

/* ---- the end of a wait ---- */

static void forget(struct rt_ctx *ctx, struct desk_wait *wait, struct waiter *waiter)
{
    rt_buf_unref(rt_bufs(ctx), waiter->buf);
    waiter->magic = 0;
    rt_pool_give(&wait->waiters, waiter);
}

static void drop(struct rt_ctx *ctx, struct desk_wait *wait, struct waiter *waiter)
{
    SERVICE_COUNT(wait->services, dropped);
    rt_trace(ctx, waiter->trace_id, "desk_drop", waiter->tries, 0);
    forget(ctx, wait, waiter);
}

/* Out of its group and of what finds it there. */
static void detach(struct desk_wait *wait, struct waiter *waiter)
{
    rt_list_remove(&waiter->group->waiters, &waiter->in_group);
    waiter->group->count--;
    waiter->group = NULL;
    if ((waiter->asker.flags & ASKER_VERIFIED) == 0) {
        rt_list_remove(&wait->unverified, &waiter->by_age);
    }
    if (waiter->merge_key != 0) {
        rt_map_remove(&wait->by_client, waiter->merge_key);
    }
    count_address(wait, waiter->address_key, -1);
}

static void answer(struct rt_ctx *ctx, struct desk_wait *wait, struct waiter *waiter,
                   struct rt_buf *buf, int16_t ede)
{
    detach(wait, waiter);
    rt_status status = send_answer(ctx, &waiter->asker, waiter->cookie, waiter->trace_id, buf, ede);
    if (status == RT_FULL) {
        waiter->buf = buf != NULL ? rt_buf_ref(buf) : NULL;
        waiter->ede = ede;
        rt_list_append(&wait->owed, &waiter->in_group);
    } else if (status != RT_OK) {
        drop(ctx, wait, waiter); /* Its listener is gone, and so is its socket. */
    } else {
        forget(ctx, wait, waiter);
    }
}

unsigned desk_wait_answer(struct rt_ctx *ctx, struct desk_wait *wait, struct desk_group *group,
                          unsigned serves, struct rt_buf *buf, int16_t ede)
{
    unsigned found = 0;

    for (struct rt_node *node = group->waiters.first, *next; node != NULL; node = next) {
        struct waiter *waiter = rt_container(node, struct waiter, in_group);
        unsigned wants =
            (waiter->asker.flags & ASKER_DO) != 0 ? DESK_FOR_DNSSEC_OK : DESK_FOR_PLAIN;
        next = node->next;
        if ((serves & wants) != 0) {
            found |= wants;
            answer(ctx, wait, waiter, buf, ede);
        }
    }
    return found;
}

void desk_wait_retry(struct rt_ctx *ctx, struct desk_wait *wait)
{
    while (desk_wait_owes(wait)) {
        struct waiter *waiter = rt_container(wait->owed.first, struct waiter, in_group);
        rt_status status = send_answer(ctx, &waiter->asker, waiter->cookie, waiter->trace_id,
                                       waiter->buf, waiter->ede);
        rt_list_remove(&wait->owed, &waiter->in_group);
        if (status == RT_OK) {
            forget(ctx, wait, waiter);
        } else if (status == RT_FULL && ++waiter->tries < DESK_OWED_TRIES) {
            rt_list_append(&wait->owed, &waiter->in_group); /* Another listener may have room. */
            return;
        } else {
            drop(ctx, wait, waiter);
        }
    }
}

/* ---- the beginning ---- */

/* The same client with the same question, ID and wishes: repeated, not asked anew. Questions over
 * TCP are never merged: their connection counts them. */
static uint64_t merge_key(struct desk_wait *wait, uint32_t group_number, const struct asker *asker)
{
    struct {
        struct rt_addr peer;
        rt_ref listener;
        uint32_t group;
        uint16_t id;
        uint16_t flags;
    } client = {
        .peer = asker->peer,
        .listener = asker->listener,
        .group = group_number,
        .id = asker->id,
        .flags = asker->flags,
    };
    _Static_assert(sizeof(client) == 24 + 8 + 4 + 2 + 2, "no padding is hashed");

    if ((asker->flags & (ASKER_TCP | ASKER_INTERNAL)) != 0) {
        return 0;
    }
    uint64_t key = rt_siphash(&wait->key, &client, sizeof(client));
    return key != 0 ? key : 1;
}

/* A free waiter, if need be that of the unverified client that waits longest. */
static struct waiter *take(struct rt_ctx *ctx, struct desk_wait *wait, bool is_verified)
{
    struct waiter *waiter = rt_pool_take(&wait->waiters);
    if (waiter != NULL || !is_verified || rt_list_is_empty(&wait->unverified)) {
        return waiter;
    }
    SERVICE_COUNT(wait->services, shed);
    answer(ctx, wait, rt_container(wait->unverified.first, struct waiter, by_age), NULL,
           RS_EDE_OTHER);
    return rt_pool_take(&wait->waiters); /* NULL when its listener was full, too. */
}

bool desk_wait_add(struct rt_ctx *ctx, struct desk_wait *wait, struct desk_group *group,
                   uint32_t group_number, const struct desk_ask *ask)
{
    bool is_verified = (ask->asker.flags & ASKER_VERIFIED) != 0;
    uint64_t key = merge_key(wait, group_number, &ask->asker);
    uint32_t index = 0;

    if (key != 0 && rt_map_get(&wait->by_client, key, &index)) {
        return true; /* It keeps its place and its age; one answer serves both copies. */
    }
    if (group->count >= DESK_WAITERS_PER_QUERY_MAX) {
        return false;
    }
    struct waiter *waiter = take(ctx, wait, is_verified);
    if (waiter == NULL) {
        return false;
    }
    waiter->magic = waiter_MAGIC;
    waiter->group = group;
    waiter->cookie = ask->head.cookie;
    waiter->trace_id = ask->head.trace_id;
    waiter->asker = ask->asker;
    if (key != 0 &&
        rt_map_put(&wait->by_client, key, rt_pool_index(&wait->waiters, waiter)) == RT_OK) {
        waiter->merge_key = key;
    }
    waiter->address_key = address_key(wait, &ask->asker);
    count_address(wait, waiter->address_key, 1);
    rt_list_append(&group->waiters, &waiter->in_group);
    group->count++;
    if (!is_verified) {
        rt_list_append(&wait->unverified, &waiter->by_age);
    }
    return true;
}

/* ---- life ---- */

rt_status desk_wait_open(struct desk_wait *wait, struct services *services,
                         const struct rt_siphash_key *key, uint32_t waiters_max)
{
    unsigned desks_count = services->cast->workers_count;
    *wait = (struct desk_wait){
        .services = services, .key = *key, .desks_count = desks_count > 0 ? desks_count : 1};
    rt_status status = rt_pool_open(&wait->waiters, sizeof(struct waiter), waiters_max);
    if (status != RT_OK) {
        return status;
    }
    status = rt_map_open(&wait->by_client, waiters_max);
    if (status != RT_OK) {
        goto undo_waiters;
    }
    status = rt_map_open(&wait->by_address, waiters_max);
    if (status != RT_OK) {
        goto undo_by_client;
    }
    return RT_OK;

undo_by_client:
    rt_map_close(&wait->by_client);
undo_waiters:
    rt_pool_close(&wait->waiters);
    return status;
}

void desk_wait_close(struct rt_ctx *ctx, struct desk_wait *wait)
{
    desk_wait_retry(ctx, wait);
    while (desk_wait_owes(wait)) {
        drop(ctx, wait, rt_container(rt_list_take(&wait->owed), struct waiter, in_group));
    }
    RT_CHECK(wait->waiters.in_use == 0 && wait->by_address.count == 0);
    rt_map_close(&wait->by_address);
    rt_map_close(&wait->by_client);
    rt_pool_close(&wait->waiters);
}
