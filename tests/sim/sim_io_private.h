/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* sim_io_private: what the files of sim_io share. */

#include "tests/sim/sim_io.h"

enum sim_handle_kind {
    SIM_HANDLE_DEAD = 0,
    SIM_HANDLE_UDP,
    SIM_HANDLE_LISTENER,
    SIM_HANDLE_STREAM
};

struct sim_datagram {
    struct sim_datagram *next;
    struct rt_addr peer, local;
    uint32_t size;
    uint8_t data[];
};

struct sim_accepted {
    struct sim_accepted *next;
    struct sim_handle *stream; /* reserved already: it hears of its end even before delivery */
};

struct sim_handle {
    struct sim_handle *next; /* in the ready queue, or among the free */
    struct sim_io *self;
    uint32_t index, generation;
    enum sim_handle_kind kind;
    rt_ref owner;
    bool is_queued, is_paused;

    /* UDP */
    struct sim_udp *udp;
    struct rt_addr local;
    struct rt_addr peer; /* family 0: unconnected */
    struct sim_datagram *first, *last;
    uint32_t count;
    rt_status error; /* from ICMP, waiting to be told; RT_OK none */

    /* listener */
    struct sim_listener *listener;
    struct sim_accepted *accepted_first, *accepted_last;

    /* stream */
    struct sim_end *end;
    bool is_connected_due, is_written_due, is_closed_due, is_open, is_accept_due;
    rt_status closed_why;
    struct rt_buf *writes[RT_STREAM_WRITES_MAX]; /* given, and not yet in the window */
    uint64_t writes_end[RT_STREAM_WRITES_MAX];   /* total of bytes up to the end of each */
    uint32_t writes_count;
    uint64_t written; /* bytes given to the net in all */
};

struct sim_file_job;

struct sim_io {
    struct rt_io io; /* first: rt_io pointers are cast back */
    struct sim_net *net;
    struct sim_files *files;
    struct rt_core *core;
    struct rt_prng prng;
    struct rt_addr source_v4, source_v6;
    uint16_t open_fails_permille;
    void (*wake)(void *arg, unsigned index);
    void *arg;
    struct sim_handle **table, *free_handles, *ready_first, *ready_last;
    uint32_t table_count, ready_count;
    uint64_t overflows;
    struct sim_file_job *file_jobs;
    uint8_t read_buffer[RT_STREAM_READ_BYTES];
};

static inline struct sim_io *sim_io_of(struct rt_io *io)
{
    return (struct sim_io *)(void *)io;
}

struct sim_handle *sim_handle_new(struct sim_io *self, enum sim_handle_kind kind, rt_ref owner,
                                  rt_handle *out);
struct sim_handle *sim_handle_find(struct sim_io *self, rt_handle number);
rt_handle sim_handle_number(const struct sim_handle *handle);
void sim_handle_ready(struct sim_handle *handle);
/* rt_core_deliver: the code under test runs inside. */
rt_status sim_io_deliver(struct sim_io *self, rt_ref owner, struct rt_msg *msg);
bool sim_handle_deliver(struct sim_handle *handle, struct rt_msg *msg);
void sim_handle_end(struct sim_handle *handle);
bool sim_io_source(struct sim_io *self, const struct rt_addr *wanted, uint8_t family,
                   struct rt_addr *out);

rt_status sim_io_udp_open(struct rt_io *io, rt_ref owner, const struct rt_udp_options *options,
                          rt_handle *out);
void sim_io_udp_send(struct rt_io *io, rt_handle handle, const struct rt_datagram *items,
                     uint32_t count);
void sim_udp_deliver(struct sim_handle *handle);
void sim_udp_end(struct sim_handle *handle);

rt_status sim_io_tcp_listen(struct rt_io *io, rt_ref owner, const struct rt_tcp_options *options,
                            rt_handle *out);
rt_status sim_io_tcp_connect(struct rt_io *io, rt_ref owner, const struct rt_tcp_options *options,
                             rt_handle *out);
rt_status sim_io_stream_write(struct rt_io *io, rt_handle handle, struct rt_buf *buf);
void sim_io_stream_pause(struct rt_io *io, rt_handle handle, bool is_paused);
uint32_t sim_io_stream_pending(struct rt_io *io, rt_handle handle);
void sim_listener_deliver(struct sim_handle *handle);
void sim_listener_end(struct sim_handle *handle);
void sim_stream_deliver(struct sim_handle *handle);
void sim_stream_end(struct sim_handle *handle);

rt_status sim_io_file_read(struct rt_io *io, rt_ref owner, const char *path, uint32_t size_max,
                           uint64_t cookie);
rt_status sim_io_file_replace(struct rt_io *io, rt_ref owner, const char *path,
                              struct rt_buf *content, uint64_t cookie);
void sim_files_deliver(struct sim_io *self);
void sim_files_drop(struct sim_io *self);
