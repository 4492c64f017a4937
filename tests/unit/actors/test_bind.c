/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/bind.h"

/* A loopback address of our own, so that parallel tests do not meet. */
static struct lu_listen listen_at(const char *text)
{
    struct lu_listen listen = {.udp = true, .tcp = true};
    assert_int_equal(rt_addr_parse(text, 5353, &listen.addr), RT_OK);
    return listen;
}

static struct bind *open_bind(unsigned workers)
{
    struct bind *bind;
    assert_int_equal(bind_open(&bind, workers), RT_OK);
    return bind;
}

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof(value);
    assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

/* Each core has sockets of its own, shared by SO_REUSEPORT; TCP is bound but does not listen. */
static void every_core_gets_both_sockets_once(void **state)
{
    (void)state;
    struct bind *bind = open_bind(2);
    struct lu_listen listen = listen_at("127.83.1.1");
    assert_int_equal(bind_add(bind, &listen), RT_OK);
    for (unsigned worker = 0; worker < 2; worker++) {
        int udp = bind_take(bind, worker, &listen.addr, false);
        int tcp = bind_take(bind, worker, &listen.addr, true);
        assert_true(udp >= 0 && tcp >= 0);
        assert_int_equal(option_of(udp, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
        assert_int_equal(option_of(udp, SOL_SOCKET, SO_REUSEPORT), 1);
        assert_int_equal(option_of(tcp, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
        assert_int_equal(option_of(tcp, SOL_SOCKET, SO_ACCEPTCONN), 0);
        assert_int_equal(bind_take(bind, worker, &listen.addr, false), -1);
        close(udp);
        close(tcp);
    }
    assert_int_equal(bind_take(bind, 2, &listen.addr, false), -1);
    bind_close(bind);
}

/* SO_REUSEPORT would let a second trouped take half of the questions without a word. */
static void second_process_is_noticed(void **state)
{
    (void)state;
    struct bind *first = open_bind(2), *second = open_bind(2);
    struct lu_listen listen = listen_at("127.83.1.2");
    assert_int_equal(bind_add(first, &listen), RT_OK);
    assert_int_equal(bind_add(second, &listen), RT_IN_USE);
    bind_close(first);
    assert_int_equal(bind_add(second, &listen), RT_OK); /* The refusal left nothing behind. */
    bind_close(second);
}

/* 0.0.0.0 beside 127.0.0.1 is one configuration, not two programs. */
static void wildcard_beside_an_address_is_ours(void **state)
{
    (void)state;
    struct bind *bind = open_bind(1);
    struct lu_listen any = listen_at("0.0.0.0@5399"), one = listen_at("127.83.1.3@5399");
    assert_int_equal(bind_add(bind, &one), RT_OK);
    assert_int_equal(bind_add(bind, &any), RT_OK);
    bind_close(bind);
}

static void forgotten_addresses_are_free_again(void **state)
{
    (void)state;
    struct bind *first = open_bind(1), *second = open_bind(1);
    struct lu_listen listen = listen_at("127.83.1.4");
    assert_int_equal(bind_add(first, &listen), RT_OK);
    bind_forget(first, &listen);
    bind_forget(first, &listen);
    assert_int_equal(bind_add(second, &listen), RT_OK);
    bind_close(first);
    bind_close(second);
}

static void foreign_addresses_need_freebind(void **state)
{
    (void)state;
    struct bind *bind = open_bind(1);
    struct lu_listen listen = listen_at("198.51.100.83");
    assert_int_equal(bind_add(bind, &listen), RT_NO_ROUTE);
    listen.freebind = true;
    assert_int_equal(bind_add(bind, &listen), RT_OK);
    bind_close(bind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_core_gets_both_sockets_once),
        cmocka_unit_test(second_process_is_noticed),
        cmocka_unit_test(wildcard_beside_an_address_is_ours),
        cmocka_unit_test(forgotten_addresses_are_free_again),
        cmocka_unit_test(foreign_addresses_need_freebind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
