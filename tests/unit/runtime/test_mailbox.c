/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/mailbox.h"

struct number_msg {
    struct rt_msg head;
    uint64_t number;
};

static struct rt_mail *mail_of(struct rt_mail_pool *pool, uint64_t number)
{
    struct number_msg msg = {.head = RT_MSG_INIT(1, struct number_msg), .number = number};
    struct rt_mail *mail = rt_mail_take(pool);
    if (mail != NULL) {
        rt_mail_fill(mail, &msg.head);
    }
    return mail;
}

static uint64_t number_of(const struct rt_mail *mail)
{
    return ((const struct number_msg *)(const void *)&mail->msg)->number;
}

/* The order between two actors is the order of their mailbox. */
static void messages_leave_in_the_order_they_came(void **state)
{
    (void)state;
    struct rt_mail_pool pool;
    struct rt_mailbox box = {.cap = 3};
    assert_int_equal(rt_mail_pool_open(&pool, RT_MSG_BYTES_MAX, 4), RT_OK);
    assert_null(rt_mailbox_pop(&box));
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t i = 0; i < 3; i++) {
            assert_false(rt_mailbox_is_full(&box));
            rt_mailbox_push(&box, mail_of(&pool, round * 10 + i));
        }
        assert_true(rt_mailbox_is_full(&box));
        for (uint64_t i = 0; i < 3; i++) {
            struct rt_mail *mail = rt_mailbox_pop(&box);
            assert_int_equal(number_of(mail), round * 10 + i);
            rt_mail_give(mail);
        }
        assert_null(rt_mailbox_pop(&box));
    }
    assert_int_equal(box.high, 3);
    rt_mail_pool_close(&pool); /* Checks that every block is back. */
}

/* The news of a child's end passes the bound: losing it would leave clients without an answer. */
static void push_beyond_the_bound_is_the_callers_choice(void **state)
{
    (void)state;
    struct rt_mail_pool pool;
    struct rt_mailbox box = {.cap = 1};
    assert_int_equal(rt_mail_pool_open(&pool, RT_MSG_BYTES_MAX, 2), RT_OK);
    rt_mailbox_push(&box, mail_of(&pool, 1));
    assert_true(rt_mailbox_is_full(&box));
    rt_mailbox_push(&box, mail_of(&pool, 2));
    assert_true(rt_mailbox_is_full(&box));
    assert_int_equal(box.high, 2);
    rt_mail_give(rt_mailbox_pop(&box));
    rt_mail_give(rt_mailbox_pop(&box));
    rt_mail_pool_close(&pool);
}

/* All mailboxes of a core share one bound of memory, and a block goes back to where it is from. */
static void pool_gives_null_at_its_end_and_blocks_know_their_home(void **state)
{
    (void)state;
    struct rt_mail_pool large, small;
    assert_int_equal(rt_mail_pool_open(&large, RT_MSG_BYTES_MAX, 2), RT_OK);
    assert_int_equal(rt_mail_pool_open(&small, sizeof(struct rt_msg_child_ended), 1), RT_OK);
    struct rt_mail *a = rt_mail_take(&large), *b = rt_mail_take(&large), *c = rt_mail_take(&small);
    assert_null(rt_mail_take(&large));
    assert_null(rt_mail_take(&small));
    rt_mail_give(a);
    assert_null(rt_mail_take(&small));
    rt_mail_give(c);
    assert_ptr_equal(rt_mail_take(&small), c);
    assert_ptr_equal(rt_mail_take(&large), a);
    rt_mail_give(a);
    rt_mail_give(b);
    rt_mail_give(c);
    assert_int_equal(large.in_use_max, 2);
    rt_mail_pool_close(&large);
    rt_mail_pool_close(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_leave_in_the_order_they_came),
        cmocka_unit_test(push_beyond_the_bound_is_the_callers_choice),
        cmocka_unit_test(pool_gives_null_at_its_end_and_blocks_know_their_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
