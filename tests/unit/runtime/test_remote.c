/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "runtime/remote.h"

struct number_msg {
    struct rt_msg head;
    uint64_t number;
    uint8_t filling[RT_MSG_BYTES_MAX - sizeof(struct rt_msg) - 8];
};
_Static_assert(sizeof(struct number_msg) == RT_MSG_BYTES_MAX, "the largest message there is");

static struct number_msg numbered(uint64_t number)
{
    struct number_msg msg = {.head = RT_MSG_INIT(1, struct number_msg), .number = number};
    memset(msg.filling, (int)(number & 0xFF), sizeof(msg.filling));
    return msg;
}

/* Copies the front message out; the reader of a core does the same into a mailbox. */
static bool take(struct rt_remote *ring, struct number_msg *out, rt_ref *from)
{
    struct rt_remote_slot *slot = rt_remote_front(ring);
    if (slot == NULL) {
        return false;
    }
    memcpy(out, slot->bytes, slot->msg.size);
    *from = slot->msg.from;
    rt_remote_pop(ring);
    return true;
}

/* Full is an answer and leaves no trace; a slot that is free again is used again. */
static void ring_refuses_when_full_and_goes_round(void **state)
{
    (void)state;
    struct rt_remote ring;
    struct number_msg msg, got;
    rt_ref from;
    assert_int_equal(rt_remote_open(&ring, 4), RT_OK);
    uint64_t pushed = 0, taken = 0;
    for (unsigned round = 0; round < 5; round++) {
        while (msg = numbered(pushed), rt_remote_push(&ring, 7, 9, &msg.head) == RT_OK) {
            pushed++;
        }
        assert_int_equal(pushed - taken, 4);
        assert_false(rt_remote_is_empty(&ring));
        for (unsigned i = 0; i < (round < 4 ? 3 : 4); i++) {
            assert_int_equal(rt_remote_front(&ring)->to, 7);
            assert_true(take(&ring, &got, &from));
            assert_int_equal(got.number, taken++);
            assert_int_equal(from, 9);
        }
    }
    assert_true(rt_remote_is_empty(&ring));
    assert_null(rt_remote_front(&ring));
    rt_remote_close(&ring);
}

/* The reader may find no room in the mailbox: the message stays where it is. */
static void front_without_pop_changes_nothing(void **state)
{
    (void)state;
    struct rt_remote ring;
    struct number_msg msg = numbered(5), got;
    rt_ref from;
    assert_int_equal(rt_remote_open(&ring, 2), RT_OK);
    assert_int_equal(rt_remote_push(&ring, 1, 1, &msg.head), RT_OK);
    assert_ptr_equal(rt_remote_front(&ring), rt_remote_front(&ring));
    assert_true(take(&ring, &got, &from));
    assert_int_equal(got.number, 5);
    rt_remote_close(&ring);
}

/* ---- threads ---- */

enum { WRITERS = 4, MESSAGES = 30000 };

struct writer {
    struct rt_remote *ring;
    rt_ref name;
};

static void *write_numbers(void *arg)
{
    struct writer *writer = arg;
    for (uint64_t i = 0; i < MESSAGES; i++) {
        struct number_msg msg = numbered(i);
        while (rt_remote_push(writer->ring, 1, writer->name, &msg.head) != RT_OK) {
            sched_yield();
        }
    }
    return NULL;
}

/* Each writer's messages arrive once, whole and in its order, however the threads interleave.
 * ThreadSanitizer sees here whether the orders on the sequence numbers suffice. */
static void every_writer_is_heard_in_its_own_order(void **state)
{
    (void)state;
    struct rt_remote ring;
    pthread_t threads[WRITERS];
    struct writer writers[WRITERS];
    uint64_t next[WRITERS] = {0}, total = 0;
    assert_int_equal(rt_remote_open(&ring, 64), RT_OK);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.ring = &ring, .name = i};
        pthread_create(&threads[i], NULL, write_numbers, &writers[i]);
    }
    while (total < WRITERS * MESSAGES) {
        struct number_msg got;
        rt_ref from;
        if (!take(&ring, &got, &from)) {
            sched_yield();
            continue;
        }
        RT_CHECK(from < WRITERS && got.number == next[from]);
        RT_CHECK(got.filling[0] == (got.number & 0xFF));
        RT_CHECK(got.filling[sizeof(got.filling) - 1] == (got.number & 0xFF));
        next[from]++;
        total++;
    }
    for (unsigned i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_true(rt_remote_is_empty(&ring));
    rt_remote_close(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ring_refuses_when_full_and_goes_round),
        cmocka_unit_test(front_without_pop_changes_nothing),
        cmocka_unit_test(every_writer_is_heard_in_its_own_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
