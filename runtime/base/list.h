/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* list: an intrusive doubly linked list. A node is in at most one list; an unlinked node is zero. */

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/check.h"

struct rt_node {
    struct rt_node *prev, *next; /* private */
};

struct rt_list {
    struct rt_node *first, *last; /* private; zeroed memory is an empty list */
};

#define rt_container(pointer, type, field) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, field)))

static inline bool rt_list_is_empty(const struct rt_list *list)
{
    return list->first == NULL;
}

static inline void rt_list_append(struct rt_list *list, struct rt_node *node)
{
    RT_CHECK(node->prev == NULL && node->next == NULL && list->first != node);
    node->prev = list->last;
    if (list->last != NULL) {
        list->last->next = node;
    } else {
        list->first = node;
    }
    list->last = node;
}

static inline void rt_list_remove(struct rt_list *list, struct rt_node *node)
{
    if (node->prev != NULL) {
        node->prev->next = node->next;
    } else {
        RT_CHECK(list->first == node);
        list->first = node->next;
    }
    if (node->next != NULL) {
        node->next->prev = node->prev;
    } else {
        RT_CHECK(list->last == node);
        list->last = node->prev;
    }
    node->prev = node->next = NULL;
}

/* The first node, taken out; NULL when empty. */
static inline struct rt_node *rt_list_take(struct rt_list *list)
{
    struct rt_node *node = list->first;
    if (node != NULL) {
        rt_list_remove(list, node);
    }
    return node;
}
