/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/mailbox.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/poison.h"

_Static_assert(offsetof(struct rt_mail, msg) % 16 == 0, "messages are as aligned as malloc's");

rt_status rt_mail_pool_open(struct rt_mail_pool *pool, size_t msg_bytes_max, uint32_t count)
{
    RT_CHECK(count > 0);
    RT_CHECK(msg_bytes_max >= sizeof(struct rt_msg));
    size_t stride = (offsetof(struct rt_mail, msg) + msg_bytes_max + 15) & ~(size_t)15;
    *pool = (struct rt_mail_pool){
        .blocks = aligned_alloc(16, stride * count),
        .stride = stride,
        .msg_bytes_max = msg_bytes_max,
        .count = count,
    };
    return pool->blocks != NULL ? RT_OK : RT_NO_MEMORY;
}

void rt_mail_pool_close(struct rt_mail_pool *pool)
{
    if (pool->blocks != NULL) {
        RT_CHECK(pool->in_use == 0);
        rt_unpoison(pool->blocks, pool->stride * pool->count);
    }
    free(pool->blocks);
    *pool = (struct rt_mail_pool){0};
}

struct rt_mail *rt_mail_take(struct rt_mail_pool *pool)
{
    struct rt_mail *mail = pool->free;
    if (mail != NULL) {
        pool->free = mail->next;
    } else if (pool->touched < pool->count) {
        mail = (struct rt_mail *)(void *)(pool->blocks + pool->stride * pool->touched++);
        mail->home = pool;
    } else {
        return NULL;
    }
    rt_unpoison(mail->bytes, pool->msg_bytes_max);
    pool->in_use++;
    if (pool->in_use > pool->in_use_max) {
        pool->in_use_max = pool->in_use;
    }
    mail->next = NULL;
    mail->to = RT_REF_NONE;
    return mail;
}

void rt_mail_give(struct rt_mail *mail)
{
    struct rt_mail_pool *pool = mail->home;
    RT_CHECK(pool->in_use > 0);
    rt_poison(mail->bytes, pool->msg_bytes_max);
    mail->next = pool->free;
    pool->free = mail;
    pool->in_use--;
}

void rt_mail_fill(struct rt_mail *mail, const struct rt_msg *msg)
{
    RT_CHECK(msg->size >= sizeof(struct rt_msg));
    RT_CHECK(msg->size <= mail->home->msg_bytes_max);
    memcpy(mail->bytes, msg, msg->size);
}

void rt_mailbox_push(struct rt_mailbox *box, struct rt_mail *mail)
{
    RT_CHECK(mail->next == NULL);
    if (box->last != NULL) {
        box->last->next = mail;
    } else {
        box->first = mail;
    }
    box->last = mail;
    box->count++;
    if (box->count > box->high) {
        box->high = box->count;
    }
}

struct rt_mail *rt_mailbox_pop(struct rt_mailbox *box)
{
    struct rt_mail *mail = box->first;
    if (mail == NULL) {
        return NULL;
    }
    RT_CHECK(box->count > 0);
    box->first = mail->next;
    if (box->first == NULL) {
        box->last = NULL;
    }
    box->count--;
    mail->next = NULL;
    return mail;
}
