/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/list.h"

struct item {
    int number;
    struct rt_node node;
};

/* Ready queues and timer slots take from the front and remove from the middle. */
static void list_keeps_order_and_lets_go_of_any_node(void **state)
{
    (void)state;
    struct rt_list list = {0};
    struct item items[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    assert_true(rt_list_is_empty(&list));
    assert_null(rt_list_take(&list));
    for (unsigned i = 0; i < 4; i++) {
        rt_list_append(&list, &items[i].node);
    }
    rt_list_remove(&list, &items[2].node);
    rt_list_append(&list, &items[2].node);
    static const int expected[] = {0, 1, 3, 2};
    for (unsigned i = 0; i < 4; i++) {
        struct rt_node *node = rt_list_take(&list);
        assert_int_equal(rt_container(node, struct item, node)->number, expected[i]);
        assert_null(node->next);
    }
    assert_true(rt_list_is_empty(&list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_keeps_order_and_lets_go_of_any_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
