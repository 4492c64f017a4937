/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/bind.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/log.h"

enum { BIND_RETRY_MS = 20, BIND_TRIES = 25 }; /* half a second in all */

struct bound {
    struct rt_addr addr;
    int fds[]; /* workers x (UDP, TCP); -1: taken or not wanted */
};

struct bind {
    unsigned workers_count;
    unsigned count;
    struct bound *items[LU_LISTENS_MAX];
};

static int *fd_of(struct bound *item, unsigned worker, bool is_tcp)
{
    return &item->fds[2 * worker + (is_tcp ? 1 : 0)];
}

rt_status bind_open(struct bind **out, unsigned workers_count)
{
    struct bind *bind = calloc(1, sizeof(*bind));
    if (bind == NULL) {
        return RT_NO_MEMORY;
    }
    bind->workers_count = workers_count;
    *out = bind;
    return RT_OK;
}

static void close_bound(const struct bind *bind, struct bound *item)
{
    for (unsigned i = 0; i < 2 * bind->workers_count; i++) {
        if (item->fds[i] >= 0) {
            close(item->fds[i]);
        }
    }
    free(item);
}

void bind_close(struct bind *bind)
{
    for (unsigned i = 0; i < bind->count; i++) {
        close_bound(bind, bind->items[i]);
    }
    free(bind);
}

/* ---- one socket ---- */

static rt_status status_of(int error)
{
    switch (error) {
    case EADDRINUSE:
        return RT_IN_USE;
    case EACCES:
    case EPERM:
        return RT_DENIED;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EINVAL: /* a link-local address without its interface */
    case ENODEV:
        return RT_NO_ROUTE;
    case EMFILE:
    case ENFILE:
        return RT_FULL;
    default:
        return RT_IO_ERROR;
    }
}

static socklen_t to_sockaddr(const struct rt_addr *addr, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (addr->family == 4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(addr->port);
        memcpy(&v4->sin_addr, addr->ip, 4);
        return sizeof(*v4);
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(addr->port);
    v6->sin6_scope_id = addr->scope_id;
    memcpy(&v6->sin6_addr, addr->ip, 16);
    return sizeof(*v6);
}

static bool set_option(int fd, int level, int name)
{
    const int on = 1;
    return setsockopt(fd, level, name, &on, sizeof(on)) == 0;
}

/* SO_REUSEADDR, TCP only: connections of a former life in TIME_WAIT do not hold the port. IPv6
 * sockets are for IPv6 alone, whatever the host's default is. */
static bool set_options(int fd, const struct lu_listen *listen, bool is_tcp, bool is_shared)
{
    return (!is_tcp || set_option(fd, SOL_SOCKET, SO_REUSEADDR)) &&
           (!is_shared || set_option(fd, SOL_SOCKET, SO_REUSEPORT)) &&
           (listen->addr.family != 6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
           (!listen->freebind || set_option(fd, SOL_IP, IP_FREEBIND));
}

static rt_status open_one(const struct lu_listen *listen, bool is_tcp, bool is_shared, int *out)
{
    int domain = listen->addr.family == 4 ? AF_INET : AF_INET6;
    int type = (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    struct sockaddr_storage address;
    socklen_t size = to_sockaddr(&listen->addr, &address);
    int fd = socket(domain, type, 0);

    if (fd < 0) {
        return status_of(errno);
    }
    if (!set_options(fd, listen, is_tcp, is_shared) ||
        bind(fd, (struct sockaddr *)(void *)&address, size) != 0) {
        rt_status status = status_of(errno);
        close(fd);
        return status;
    }
    *out = fd;
    return RT_OK;
}

/* ---- all sockets of an address ---- */

/* The same port at the wildcard address and at another one may both be ours. */
static bool overlaps_own(const struct bind *bind, const struct rt_addr *addr)
{
    for (unsigned i = 0; i < bind->count; i++) {
        const struct rt_addr *own = &bind->items[i]->addr;
        if (own->family == addr->family && own->port == addr->port &&
            (rt_addr_is_any(own) || rt_addr_is_any(addr))) {
            return true;
        }
    }
    return false;
}

/* Does somebody else have it? A socket that does not share tells. The kernel lets go of a killed
 * process's io_uring sockets a little after its end (about 20 ms), so a restart is patient. */
static rt_status probe(const struct bind *bind, const struct lu_listen *listen, bool is_tcp)
{
    const struct timespec pause = {.tv_nsec = BIND_RETRY_MS * 1000000L};
    rt_status status = RT_IN_USE;
    int fd;

    if (overlaps_own(bind, &listen->addr)) {
        return RT_OK;
    }
    for (unsigned tries = 0; status == RT_IN_USE && tries < BIND_TRIES; tries++) {
        if (tries > 0) {
            nanosleep(&pause, NULL);
        }
        status = open_one(listen, is_tcp, false, &fd);
    }
    if (status == RT_OK) {
        close(fd);
    }
    return status;
}

static rt_status bind_all(const struct bind *bind, const struct lu_listen *listen,
                          struct bound *item)
{
    for (unsigned t = 0; t < 2; t++) {
        bool is_tcp = t == 1;
        if (!(is_tcp ? listen->tcp : listen->udp)) {
            continue;
        }
        rt_status status = probe(bind, listen, is_tcp);
        for (unsigned i = 0; i < bind->workers_count && status == RT_OK; i++) {
            status = open_one(listen, is_tcp, true, fd_of(item, i, is_tcp));
        }
        if (status != RT_OK) {
            return status;
        }
    }
    return RT_OK;
}

rt_status bind_add(struct bind *bind, const struct lu_listen *listen)
{
    if (bind->count == LU_LISTENS_MAX) {
        return RT_FULL;
    }
    unsigned fds_count = 2 * bind->workers_count;
    struct bound *item = malloc(sizeof(*item) + fds_count * sizeof(item->fds[0]));
    if (item == NULL) {
        return RT_NO_MEMORY;
    }
    item->addr = listen->addr;
    for (unsigned i = 0; i < fds_count; i++) {
        item->fds[i] = -1;
    }
    rt_status status = bind_all(bind, listen, item);
    if (status != RT_OK) {
        close_bound(bind, item);
        return status;
    }
    bind->items[bind->count++] = item;
    return RT_OK;
}

static struct bound **find(struct bind *bind, const struct rt_addr *addr)
{
    for (unsigned i = 0; i < bind->count; i++) {
        if (rt_addr_equal(&bind->items[i]->addr, addr)) {
            return &bind->items[i];
        }
    }
    return NULL;
}

void bind_forget(struct bind *bind, const struct lu_listen *listen)
{
    struct bound **item = find(bind, &listen->addr);

    if (item != NULL) {
        close_bound(bind, *item);
        *item = bind->items[--bind->count];
    }
}

int bind_take(struct bind *bind, unsigned worker, const struct rt_addr *addr, bool is_tcp)
{
    struct bound **item = find(bind, addr);

    if (item == NULL || worker >= bind->workers_count) {
        return -1;
    }
    int *slot = fd_of(*item, worker, is_tcp);
    int fd = *slot;
    *slot = -1;
    return fd;
}
