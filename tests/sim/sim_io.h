/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* sim_io: the second implementation of runtime/io.h: one core's view of a simulated network. The
 * code under test is the same; only clocks, randomness, sockets, files and wake-ups are ours.
 *
 * Memory   Tests may allocate: handles and queues grow. The bounds that actors rely on (writes
 *          queued on a stream, datagrams in one delivery, room of a socket) hold all the same. */

#include "runtime/core.h"
#include "tests/sim/net.h"

struct sim_files; /* What the disk holds; shared by all cores and by a troupe's next life. */
struct sim_files *sim_files_new(void);
void sim_files_free(struct sim_files *files);
void sim_files_put(struct sim_files *files, const char *path, const void *data, uint32_t size);

struct sim_io_options {
    struct sim_net *net;
    struct sim_files *files; /* may be NULL: every file is missing */
    struct rt_core *core;
    unsigned core_index;
    uint64_t seed;
    struct rt_addr source_v4, source_v6;     /* of this host; family 0: no such network here */
    uint16_t open_fails_permille;            /* sockets that cannot be opened: RT_FULL */
    void (*wake)(void *arg, unsigned index); /* core `index` has to look */
    void *arg;
};

enum {
    SIM_IO_SOCKET_DATAGRAMS = 512, /* Unread datagrams of one socket; then they are lost, as in a
                                      kernel with its usual 212,992 bytes. */
};

/* Above zero while the code of the simulator runs, and not the code under test: what allocates then
 * is not the resolver's doing (alloc.c). */
extern unsigned sim_io_outside;

/* Destroyed by its core (rt_io_ops.destroy). */
struct rt_io *sim_io_open(const struct sim_io_options *options);

/* Something waits to be delivered: the core should have a turn. */
bool sim_io_has_work(const struct rt_io *io);
/* From now on so many of a thousand sockets cannot be opened. */
void sim_io_open_fails(struct rt_io *io, uint16_t permille);
/* Datagrams that found a full socket. */
uint64_t sim_io_overflows(const struct rt_io *io);
