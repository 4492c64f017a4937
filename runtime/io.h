/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* io: the seam to the world: clocks, randomness, datagrams, streams, files, waking another core.
 *
 * Two implementations: runtime/io_uring.c (one ring per core) and the simulator's, which runs a
 * whole network, its clients and its authorities in virtual time from one seed. Actors see no
 * difference.
 *
 * Memory   An implementation allocates everything when it opens. Handles, datagram slots and write
 *          queues are bounded (runtime/limits.h).
 * Threads  Each rt_io belongs to one core; only `wake` may be called from others.
 * Events   What happens on a handle is delivered to its owner as a message of a type below, in a
 *          turn of its own (rt_core_deliver), never from inside a call of this interface. Pointers
 *          in such a message live until receive returns. After close() nothing more comes. */

#include "runtime/actor.h"
#include "runtime/base/addr.h"

/* Index and generation; a stale handle is harmless: sends and closes on it are ignored. */
typedef uint64_t rt_handle;
#define RT_HANDLE_NONE ((rt_handle)0)

enum rt_io_msg_type {
    RT_IO_DATAGRAMS = RT_MSG_IO_FIRST, /* struct rt_io_datagrams */
    RT_IO_ACCEPTED,                    /* struct rt_io_accepted */
    RT_IO_CONNECTED,                   /* struct rt_io_stream: the connection stands */
    RT_IO_READ,                        /* struct rt_io_read */
    RT_IO_WRITTEN,                     /* struct rt_io_stream: the write queue went empty */
    RT_IO_CLOSED,                      /* struct rt_io_stream: ended by peer or error (`why`); the
                                          handle is dead already */
    RT_IO_ENDED,                       /* struct rt_io_stream: the peer has said all it will say
                                          (half-close); writing goes on until the owner closes.
                                          Only for streams of a listener with tells_end */
    RT_IO_FILE,                        /* struct rt_io_file */
};

struct rt_datagram {
    struct rt_addr peer;  /* sender, or receiver when sending (ignored on a connected socket) */
    struct rt_addr local; /* where it arrived, family 0 when unknown; reply from there */
    uint8_t *data;        /* the receiver may scribble on it during the turn */
    uint32_t size;
    bool is_cut;          /* longer than RT_DATAGRAM_BYTES_MAX: the rest is lost */
};

struct rt_io_datagrams {
    struct rt_msg head;
    rt_handle handle;
    uint32_t count; /* 1..RT_DATAGRAM_BATCH; 0 with `why` set: an error arrived on the socket */
    rt_status why;  /* RT_OK, or RT_REFUSED / RT_NO_ROUTE from ICMP on a connected socket */
    struct rt_datagram *items;
};

struct rt_io_accepted {
    struct rt_msg head;
    rt_handle listener, stream; /* the stream belongs to the listener's owner */
    struct rt_addr peer, local;
};

struct rt_io_stream {
    struct rt_msg head;
    rt_handle handle;
    rt_status why; /* RT_OK; for CLOSED: RT_CLOSED (in order), RT_RESET, RT_REFUSED, ... */
};

struct rt_io_read {
    struct rt_msg head;
    rt_handle handle;
    uint8_t *data;
    uint32_t size; /* at least 1 */
};

struct rt_io_file {
    struct rt_msg head; /* head.cookie is the one given; head.buf the content that was read */
    rt_status status;
};

struct rt_udp_options {
    struct rt_addr local; /* family required; port 0 only with a peer (and then still unwise) */
    struct rt_addr peer;  /* family 0: unconnected */
    int adopt_fd;         /* a bound socket to take over instead of opening one, or -1 */
    bool reuse_port;      /* share the port with the other cores */
    bool wants_local;     /* fill rt_datagram.local (wildcard listeners) */
};

struct rt_tcp_options {
    struct rt_addr local; /* listen: required; connect: source, family 0 for any */
    struct rt_addr peer;  /* connect only */
    int adopt_fd;         /* listen only: a bound socket, or -1 */
    bool reuse_port;
    bool tells_end; /* listen only: a peer that ends its direction gives RT_IO_ENDED instead of
                       RT_IO_CLOSED, where the network knows one direction from both */
    uint32_t backlog;
};

struct rt_io;
struct rt_core;

struct rt_io_ops {
    const char *name;

    uint64_t (*now_ns)(struct rt_io *io);
    uint64_t (*wall_ms)(struct rt_io *io);
    void (*random)(struct rt_io *io, void *out, size_t size);

    /* Opens, binds, connects at once. RT_IN_USE, RT_DENIED, RT_NO_ROUTE, RT_FULL (handles or file
     * descriptors exhausted). Reading starts by itself. */
    rt_status (*udp_open)(struct rt_io *io, rt_ref owner, const struct rt_udp_options *options,
                          rt_handle *out);

    /* Copies and sends up to RT_DATAGRAM_BATCH datagrams, at the latest when the loop turn ends.
     * What the kernel refuses is lost like any datagram, and counted. */
    void (*udp_send)(struct rt_io *io, rt_handle handle, const struct rt_datagram *items,
                     uint32_t count);

    rt_status (*tcp_listen)(struct rt_io *io, rt_ref owner, const struct rt_tcp_options *options,
                            rt_handle *out);

    /* RT_IO_CONNECTED or RT_IO_CLOSED follows. */
    rt_status (*tcp_connect)(struct rt_io *io, rt_ref owner, const struct rt_tcp_options *options,
                             rt_handle *out);

    /* Queues the bytes of `buf`; its reference moves on RT_OK. RT_FULL: RT_STREAM_WRITES_MAX bufs
     * wait already; go on after RT_IO_WRITTEN. RT_GONE: dead handle. */
    rt_status (*stream_write)(struct rt_io *io, rt_handle handle, struct rt_buf *buf);

    /* Back-pressure: no RT_IO_READ (and no RT_IO_ACCEPTED on a listener) until resumed. */
    void (*stream_pause)(struct rt_io *io, rt_handle handle, bool is_paused);

    /* Ends the handle now; queued writes of a stream still get RT_STREAM_LINGER to leave. */
    void (*close)(struct rt_io *io, rt_handle handle);

    /* Bytes queued for writing on the stream: who does not read shows here. */
    uint32_t (*stream_pending)(struct rt_io *io, rt_handle handle);

    /* Reads a whole file (at most size_max bytes, else RT_FULL), or replaces one atomically
     * (temporary file, fsync, rename). Answered by one RT_IO_FILE. */
    rt_status (*file_read)(struct rt_io *io, rt_ref owner, const char *path, uint32_t size_max,
                           uint64_t cookie);
    rt_status (*file_replace)(struct rt_io *io, rt_ref owner, const char *path,
                              struct rt_buf *content, uint64_t cookie);

    /* From any thread: the core `core_index` leaves its wait soon. Spurious wakes are fine. A core
     * that sends calls it on its own io; injection and stop, from any thread, call it on the io of
     * the core to be woken (`core_index` is its own then). */
    void (*wake)(struct rt_io *io, unsigned core_index);

    /* Submits what is queued, waits for events until `deadline_ns` (0: does not wait) and delivers
     * them through rt_core_deliver. */
    void (*poll)(struct rt_io *io, struct rt_core *core, uint64_t deadline_ns);

    void (*destroy)(struct rt_io *io);
};

struct rt_io {
    const struct rt_io_ops *ops;
    struct rt_io_counters {
        uint64_t datagrams_in, datagrams_out, datagrams_lost, bytes_in, bytes_out;
        uint64_t streams_opened, streams_accepted, streams_closed, syscalls;
        uint64_t handles_open;
    } counters;
};
