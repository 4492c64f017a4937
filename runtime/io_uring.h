/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* io_uring: runtime/io.h on one io_uring per core (Linux 6.1 or later).
 *
 *   io_uring.c          ring, loop, wake-up
 *   io_uring_clock.c    clocks and randomness
 *   io_uring_check.c    may this process use io_uring, and if not, what to do about it
 *   io_uring_buffers.c  buffers that the kernel picks from when bytes arrive
 *   io_uring_handle.c   handles: index, generation, work list
 *   io_uring_socket.c   addresses, options and error numbers
 *   io_uring_udp.c, io_uring_listen.c, io_uring_stream.c, io_uring_file.c
 *
 * liburing is included by these files (through io_uring_internal.h) and by nobody else.
 *
 * Memory   About 12 MiB for each core, all of it when the ring opens; pages that are never used
 *          stay untouched. Nothing is pinned but the rings; if even that exceeds RLIMIT_MEMLOCK,
 *          buffers are provided one by one instead.
 * Threads  open: before the core's thread runs. The thread of the first poll becomes the ring's
 *          only issuer (IORING_SETUP_SINGLE_ISSUER); no function but wake may be called from
 *          another one after that. destroy: when that thread is past its last poll.
 * Why      multishot recvmsg: one submission for any number of datagrams. Batches of replies go by
 *          sendmmsg (no copy, no completion), single ones through the ring. */

#include "runtime/core.h"
#include "runtime/io.h"

struct rt_io_uring_options {   /* 0 means the value of runtime/limits.h */
    uint32_t entries;          /* power of two */
    uint32_t datagram_buffers; /* power of two */
    uint32_t stream_buffers;   /* power of two */
    uint32_t handles_max, streams_max;
    bool has_unregistered_buffers; /* for tests: as if registering had failed with ENOMEM */
};

/* Makes the io of `core`, whose number is `core_index`. `options` may be NULL. Also raises the soft
 * limit of file descriptors to the hard one.
 *
 * Returns  RT_OK
 *          RT_DENIED, RT_UNSUPPORTED, RT_NO_MEMORY  logged with what to do about it
 *          RT_IN_USE  another open ring of this process has that core_index */
RT_MUST_USE rt_status rt_io_uring_open(struct rt_io **out, struct rt_core *core,
                                       unsigned core_index,
                                       const struct rt_io_uring_options *options);

/* Can this process use io_uring as troupe needs it? Otherwise `why` gets one line with reason and
 * remedy, and the status is RT_DENIED (sysctl, seccomp), RT_UNSUPPORTED (kernel) or
 * RT_NO_MEMORY. */
RT_MUST_USE rt_status rt_io_uring_check(char *why, size_t size);
