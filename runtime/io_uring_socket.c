/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "runtime/io_uring_internal.h"

rt_status uring_status(int error)
{
    switch (error) {
    case 0:
        return RT_OK;
    case EADDRINUSE:
    case EEXIST:
        return RT_IN_USE;
    case EACCES:
    case EPERM:
    case EROFS:
        return RT_DENIED;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH:
        return RT_NO_ROUTE;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
        return RT_FULL;
    case ENOMEM:
        return RT_NO_MEMORY;
    case ECONNREFUSED:
        return RT_REFUSED;
    case ECONNABORTED:
    case ECONNRESET:
    case EPIPE:
        return RT_RESET;
    case ETIMEDOUT:
        return RT_TIMEOUT;
    case ENOENT:
    case ENOTDIR:
        return RT_NOT_FOUND;
    case ENOSPC:
    case EDQUOT:
        return RT_NO_SPACE;
    default:
        return RT_IO_ERROR;
    }
}

/* ---- addresses ---- */

socklen_t uring_sockaddr_from(union uring_sockaddr *out, const struct rt_addr *addr)
{
    memset(out, 0, sizeof(*out));
    if (addr->family == 6) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(addr->port);
        out->v6.sin6_scope_id = addr->scope_id;
        memcpy(&out->v6.sin6_addr, addr->ip, 16);
        return sizeof(out->v6);
    }
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(addr->port);
    memcpy(&out->v4.sin_addr, addr->ip, 4);
    return sizeof(out->v4);
}

/* A scope belongs to link-local addresses only: RFC4007-6 knows others, nobody uses them. */
static uint32_t scope_of(const struct in6_addr *ip, uint32_t index)
{
    return IN6_IS_ADDR_LINKLOCAL(ip) ? index : 0;
}

void uring_sockaddr_to(const union uring_sockaddr *from, struct rt_addr *out)
{
    *out = (struct rt_addr){0};
    if (from->any.sa_family == AF_INET6) {
        out->family = 6;
        out->port = ntohs(from->v6.sin6_port);
        out->scope_id = scope_of(&from->v6.sin6_addr, from->v6.sin6_scope_id);
        memcpy(out->ip, &from->v6.sin6_addr, 16);
    } else if (from->any.sa_family == AF_INET) {
        out->family = 4;
        out->port = ntohs(from->v4.sin_port);
        memcpy(out->ip, &from->v4.sin_addr, 4);
    }
}

/* The control message that makes a reply leave from `local`; returns its size. */
size_t uring_control_from(uint8_t *out, const struct rt_addr *local)
{
    memset(out, 0, URING_CONTROL_BYTES);
    struct cmsghdr *head = (struct cmsghdr *)(void *)out;
    if (local->family == 6) {
        struct in6_pktinfo info = {.ipi6_ifindex = local->scope_id};
        memcpy(&info.ipi6_addr, local->ip, 16);
        *head = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IPV6, IPV6_PKTINFO};
        memcpy(CMSG_DATA(head), &info, sizeof(info));
        return CMSG_SPACE(sizeof(info));
    }
    struct in_pktinfo info = {0};
    memcpy(&info.ipi_spec_dst, local->ip, 4);
    *head = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IP, IP_PKTINFO};
    memcpy(CMSG_DATA(head), &info, sizeof(info));
    return CMSG_SPACE(sizeof(info));
}

/* The address a datagram was sent to; *out stays as it is without one. */
void uring_control_to(const struct msghdr *msg, uint16_t port, struct rt_addr *out)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(msg); at != NULL;
         at = CMSG_NXTHDR((struct msghdr *)msg, at)) {
        if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(at), sizeof(info));
            *out = (struct rt_addr){.family = 4, .port = port};
            memcpy(out->ip, &info.ipi_addr, 4);
        } else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(at), sizeof(info));
            *out = (struct rt_addr){.family = 6, .port = port};
            out->scope_id = scope_of(&info.ipi6_addr, info.ipi6_ifindex);
            memcpy(out->ip, &info.ipi6_addr, 16);
        }
    }
}

/* ---- sockets ---- */

static int enable_option(int fd, int level, int name)
{
    const int on = 1;
    return setsockopt(fd, level, name, &on, sizeof(on));
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value));
}

static int family_of(const struct rt_addr *addr)
{
    return addr->family == 6 ? AF_INET6 : AF_INET;
}

/* Blocking sockets, adopted ones too: the ring waits for them, we never do. */
static int open_socket(const struct rt_addr *addr, int type, int adopt_fd)
{
    if (adopt_fd >= 0) {
        int flags = fcntl(adopt_fd, F_GETFL);
        if (flags < 0 || fcntl(adopt_fd, F_SETFL, flags & ~O_NONBLOCK) < 0) {
            return -1;
        }
        return adopt_fd;
    }
    return socket(family_of(addr), type | SOCK_CLOEXEC, 0);
}

static int bind_to(int fd, const struct rt_addr *addr)
{
    union uring_sockaddr local;
    socklen_t size = uring_sockaddr_from(&local, addr);
    return bind(fd, &local.any, size);
}

/* What must be set before bind. */
static int set_sharing(int fd, const struct rt_addr *local, bool reuse_port)
{
    if (reuse_port && enable_option(fd, SOL_SOCKET, SO_REUSEPORT) != 0) {
        return -1;
    }
    /* IPv4 has sockets of its own; mapped addresses would confuse every access rule. */
    return local->family == 6 ? enable_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) : 0;
}

/* RFC9715-3.1: neither fragments nor believes a forged "packet too big". Best effort: kernels that
 * refuse it still send. */
static void forbid_fragments(int fd, uint8_t family)
{
    if (family == 6) {
        (void)set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT);
    } else {
        (void)set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
    }
}

/* Bursts of clients' questions wait in the kernel while the core works; best effort. */
static void enlarge_queues(int fd)
{
    const int bytes = 4 * 1024 * 1024;
    if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes) != 0) {
        (void)set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes);
    }
    if (set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes) != 0) {
        (void)set_option(fd, SOL_SOCKET, SO_SNDBUF, bytes);
    }
}

static int set_up_udp(int fd, const struct rt_udp_options *options)
{
    const struct rt_addr *local = &options->local;
    forbid_fragments(fd, local->family);
    if (options->wants_local &&
        (local->family == 6 ? enable_option(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO)
                            : enable_option(fd, IPPROTO_IP, IP_PKTINFO)) != 0) {
        return -1;
    }
    if (options->adopt_fd < 0 &&
        (set_sharing(fd, local, options->reuse_port) != 0 || bind_to(fd, local) != 0)) {
        return -1;
    }
    if (options->peer.family == 0) {
        enlarge_queues(fd);
        return 0;
    }
    union uring_sockaddr peer;
    socklen_t size = uring_sockaddr_from(&peer, &options->peer);
    return connect(fd, &peer.any, size);
}

/* An adopted descriptor stays the caller's when this fails. */
static rt_status finish(int fd, int result, int adopt_fd, int *out)
{
    if (result != 0) {
        rt_status status = uring_status(errno);
        if (fd >= 0 && fd != adopt_fd) {
            close(fd);
        }
        return status;
    }
    *out = fd;
    return RT_OK;
}

rt_status uring_udp_socket(const struct rt_udp_options *options, int *out)
{
    int fd = open_socket(&options->local, SOCK_DGRAM, options->adopt_fd);
    int result = fd >= 0 ? set_up_udp(fd, options) : -1;
    return finish(fd, result, options->adopt_fd, out);
}

/* Accepted sockets inherit these: two system calls less for each connection. */
static int set_up_stream(int fd)
{
    (void)set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, RT_STREAM_USER_TIMEOUT_MS);
    return enable_option(fd, IPPROTO_TCP, TCP_NODELAY);
}

static int set_up_listener(int fd, const struct rt_tcp_options *options)
{
    /* Left alone, the kernel would keep megabytes for each client that does not read. */
    (void)set_option(fd, SOL_SOCKET, SO_SNDBUF, RT_STREAM_SEND_BYTES);
    if (set_up_stream(fd) != 0) {
        return -1;
    }
    if (options->adopt_fd < 0 && (enable_option(fd, SOL_SOCKET, SO_REUSEADDR) != 0 ||
                                  set_sharing(fd, &options->local, options->reuse_port) != 0 ||
                                  bind_to(fd, &options->local) != 0)) {
        return -1;
    }
    return listen(fd, options->backlog > 0 ? (int)options->backlog : SOMAXCONN);
}

rt_status uring_listen_socket(const struct rt_tcp_options *options, int *out)
{
    int fd = open_socket(&options->local, SOCK_STREAM, options->adopt_fd);
    int result = fd >= 0 ? set_up_listener(fd, options) : -1;
    return finish(fd, result, options->adopt_fd, out);
}

static int set_up_connection(int fd, const struct rt_tcp_options *options)
{
    if (set_up_stream(fd) != 0) {
        return -1;
    }
    if (options->local.family == 0) {
        return 0;
    }
    if (options->local.port == 0) { /* The kernel chooses a port at connect, when it knows both
                                       ends: far more connections fit. */
        (void)enable_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    }
    return bind_to(fd, &options->local);
}

rt_status uring_connect_socket(const struct rt_tcp_options *options, int *out)
{
    int fd = open_socket(&options->peer, SOCK_STREAM, -1);
    int result = fd >= 0 ? set_up_connection(fd, options) : -1;
    return finish(fd, result, -1, out);
}
