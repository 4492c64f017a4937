/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* io_uring_internal: the inside of runtime/io_uring.h, for its own files only.
 *
 * How a handle lives: calls of the interface change what is wanted (is_open, is_paused, a longer
 * write queue) and put the handle on the work list. At the start of poll each handle on the list
 * advances: it submits what brings the kernel closer to what is wanted. Completions change what is,
 * deliver events and put the handle back on the list. A slot is free again when it is not open and
 * nothing is in flight for it: so a completion always finds the handle it belongs to, and a
 * descriptor is never closed under a submission that names it. */

#include <liburing.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "runtime/base/clock.h"
#include "runtime/base/list.h"
#include "runtime/base/log.h"
#include "runtime/base/pool.h"
#include "runtime/io_uring.h"

/* What a completion is about: the upper byte of its user data; the lower four are an index. */
enum uring_op {
    URING_NOTHING,     /* nobody waits for it: cancel, close, provide buffers */
    URING_EVENT,       /* the eventfd was written: another thread woke us */
    URING_WOKEN,       /* posted by another core's ring */
    URING_WAKE_FAILED, /* our wake of core `index` did not reach it */
    URING_UDP_RECV,    /* handle */
    URING_UDP_SEND,    /* send slot */
    URING_ACCEPT,      /* handle */
    URING_CONNECT,     /* handle */
    URING_STREAM_RECV, /* handle */
    URING_STREAM_SEND, /* handle */
    URING_FILE,        /* file operation */
};

static inline uint64_t uring_data(enum uring_op op, uint32_t index)
{
    return (uint64_t)op << 56 | index;
}

union uring_sockaddr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* ---- buffers: io_uring_buffers.c ---- */

enum uring_group { URING_DATAGRAMS, URING_STREAMS, URING_GROUPS };

enum {
    URING_NAME_BYTES = 32,    /* a sockaddr_in6, rounded so that what follows is aligned */
    URING_CONTROL_BYTES = 64, /* one IPV6_PKTINFO or IP_PKTINFO, with its header */
    URING_BUFFERS_MAX = 4096, /* in one group */
    /* The kernel's header, sender and control bytes come before a datagram in its buffer. */
    URING_DATAGRAM_BUFFER_BYTES = RT_DATAGRAM_BYTES_MAX + 128,
};

_Static_assert(sizeof(union uring_sockaddr) <= URING_NAME_BYTES, "a name fits");
_Static_assert(sizeof(struct io_uring_recvmsg_out) + URING_NAME_BYTES + URING_CONTROL_BYTES +
                       RT_DATAGRAM_BYTES_MAX <=
                   URING_DATAGRAM_BUFFER_BYTES,
               "the longest datagram fits behind what the kernel writes before it");

struct uring_buffers {
    struct io_uring_buf_ring *ring; /* NULL: provided one by one */
    uint8_t *memory;
    uint32_t count, size;
    int returned; /* added to the ring, not yet shown to the kernel */
    uint16_t group;
    uint32_t waiting_count; /* provided one by one, and no submission was free */
    uint16_t waiting[URING_BUFFERS_MAX];
};

/* ---- datagrams ---- */

struct uring_send_slot {
    uint32_t handle_index;
    uint32_t next_free;
    bool is_used;
    uint64_t submission; /* not handed to the kernel while equal to the ring's */
    struct msghdr msg;
    struct iovec iov;
    union uring_sockaddr peer;
    _Alignas(8) uint8_t control[URING_CONTROL_BYTES];
    uint8_t data[RT_DATAGRAM_BYTES_MAX];
};

/* Datagrams of one unconnected socket on their way to its owner. */
struct uring_batch {
    rt_handle handle; /* 0: unused */
    uint32_t count;
    struct rt_datagram items[RT_DATAGRAM_BATCH];
    uint16_t buffers[RT_DATAGRAM_BATCH];
};
enum { URING_BATCHES = 4 }; /* Listening sockets of a core that are busy at once. */

/* ---- streams ---- */

enum uring_phase {
    URING_CONNECTING,
    URING_OPEN,
    URING_DRAINING,  /* closed by the owner or the peer; queued writes leave */
    URING_FINISHING, /* our FIN is out; waits for the peer's, so that no reset eats the answer */
    URING_DEAD,
};

struct uring_stream {
    enum uring_phase phase;
    bool is_connecting; /* the armed submission is a connect */
    bool is_sending, is_send_cancelled, has_peer_finished;
    bool tells_end; /* its owner goes on writing when the peer has finished */
    bool has_held;  /* bytes that came while paused */
    bool is_accepted;
    uint16_t held_buffer;
    uint32_t held_size;
    uint32_t queue_head, queue_count, pending_bytes;
    uint32_t sent_of_first; /* bytes of the first queued buf that have left */
    struct rt_buf *queue[RT_STREAM_WRITES_MAX];
    struct msghdr msg; /* of the send in flight */
    struct iovec iov[RT_STREAM_WRITES_MAX];
    union uring_sockaddr peer; /* of the connect in flight */
    struct rt_addr peer_addr, local_addr;
    uint64_t linger_until_ns;
    struct rt_node lingering; /* in uring.lingering while DRAINING or FINISHING */
    struct rt_node accepted;  /* in the listener's held list until it is resumed */
    uint32_t index;           /* of its handle */
};

/* ---- handles: io_uring_handle.c ---- */

enum uring_kind { URING_FREE, URING_UDP, URING_LISTENER, URING_STREAM };

struct uring_handle {
    uint32_t generation; /* never 0 once it was in use */
    uint32_t next_free;
    enum uring_kind kind;
    int fd;
    rt_ref owner;
    uint32_t in_flight;
    bool is_open;       /* as its owner sees it */
    bool is_armed;      /* a receive or an accept is in the kernel */
    bool is_cancelling; /* ... and is being taken back */
    bool is_paused;
    bool is_listed;    /* in uring.work */
    bool is_connected; /* UDP */
    bool wants_local;  /* UDP */
    bool tells_end;    /* LISTENER */
    rt_status notice;  /* UDP: an error to tell the owner of; RT_OK none */
    struct rt_node work;
    struct rt_addr local;        /* UDP: where it is bound; family 0 when wildcard */
    uint16_t port;               /* UDP: where it is bound */
    uint64_t rest_until_ns;      /* LISTENER */
    struct rt_node resting;      /* LISTENER: in uring.resting */
    struct rt_list held;         /* LISTENER: accepted while paused */
    struct uring_stream *stream; /* STREAM */
};

/* ---- files ---- */

enum uring_file_step {
    URING_FILE_OPEN,
    URING_FILE_MOVE, /* reads or writes */
    URING_FILE_SYNC,
    URING_FILE_RENAME,
};

struct uring_file {
    bool is_used, is_replace;
    enum uring_file_step step;
    int fd;
    uint32_t moved, size_max;
    rt_ref owner;
    uint64_t cookie;
    struct rt_buf *buf;
    rt_status status; /* of a finished one */
    bool is_finished; /* waits for its turn to be told */
    char path[RT_FILE_PATH_MAX];
    char temporary[RT_FILE_PATH_MAX];
};

/* ---- the io of one core ---- */

struct uring {
    struct rt_io io; /* first: the interface's pointer is ours */
    struct io_uring ring;
    struct rt_core *core;
    struct rt_buf_pool *bufs;
    unsigned core_index;
    bool is_enabled, has_ring_fd;
    uint64_t now_ns;
    uint64_t submissions;

    int event_fd;
    bool is_event_armed;
    uint64_t event_value;
    bool is_wake_queued[RT_CORES_MAX];

    struct uring_buffers buffers[URING_GROUPS];
    struct msghdr recvmsg_shape; /* how the kernel lays out a datagram in its buffer */
    struct uring_batch batches[URING_BATCHES];
    unsigned next_batch;
    struct uring_send_slot *slots;
    uint32_t free_slot;

    struct uring_handle *handles;
    uint32_t handles_max, handles_touched, free_handle;
    struct rt_pool streams;
    uint32_t held_count, held_max;
    int accepted_fd_max;                   /* descriptors above it are kept for the others */
    uint32_t accepted_count, accepted_max; /* streams, likewise */
    struct rt_list work, lingering, resting;
    uint32_t files_finished; /* owners of so many files are to be told */

    struct uring_file files[RT_FILE_OPS_MAX];
    uint32_t files_sequence;

    uint8_t random[512];
    uint32_t random_left;
    struct rt_log_limit accept_log, submit_log;
};

static inline struct uring *uring_of(struct rt_io *io)
{
    return (struct uring *)io;
}

/* io_uring_clock.c */
uint64_t uring_now_ns(struct rt_io *io);
uint64_t uring_wall_ms(struct rt_io *io);
void uring_random(struct rt_io *io, void *out, size_t size);

/* io_uring_check.c: why a ring could not be opened (a positive errno), and what to do about it. */
rt_status uring_explain(int error, char *why, size_t size);

/* A disabled ring; 0, or a positive errno. */
int uring_ring_open(struct io_uring *ring, uint32_t entries, uint32_t completions);

/* As uring_ring_open. Locked memory comes back some milliseconds after the process that used it has
 * ended: a restart waits for its predecessor's. */
int uring_ring_open_patiently(struct io_uring *ring, uint32_t entries, uint32_t completions);

/* A submission to fill, its user data set; NULL when the kernel takes none now. */
struct io_uring_sqe *uring_sqe(struct uring *u);

/* Runs a turn of `owner`; when it has ended, the handle closes. */
void uring_deliver(struct uring *u, rt_handle handle, rt_ref owner, struct rt_msg *msg);

/* Cancels what was submitted with this user data; false: no submission free. */
bool uring_cancel(struct uring *u, enum uring_op op, uint32_t index);

rt_status uring_buffers_open(struct uring *u, enum uring_group group, uint32_t count, uint32_t size,
                             bool may_register);
void uring_buffers_close(struct uring *u, enum uring_group group);
static inline uint8_t *uring_buffer(struct uring *u, enum uring_group group, uint32_t index)
{
    return u->buffers[group].memory + (size_t)index * u->buffers[group].size;
}
void uring_buffer_return(struct uring *u, enum uring_group group, uint32_t index);
void uring_buffers_provide(struct uring *u); /* those for which no submission was free */
void uring_buffers_show(struct uring *u);    /* lets the kernel see what was returned */
/* The buffer of a completion goes back unread. */
void uring_buffer_discard(struct uring *u, enum uring_group group, const struct io_uring_cqe *cqe);
static inline uint16_t uring_buffer_of(const struct io_uring_cqe *cqe)
{
    return (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
}

rt_status uring_handles_open(struct uring *u, uint32_t handles_max, uint32_t streams_max);
void uring_handles_close(struct uring *u);
/* A handle that owns `fd`; NULL when there is none left (and for streams, no stream). */
struct uring_handle *uring_handle_new(struct uring *u, enum uring_kind kind, int fd, rt_ref owner);
void uring_handle_release(struct uring *u, struct uring_handle *handle);
void uring_handle_list(struct uring *u, struct uring_handle *handle);
/* The open handle of that kind, or NULL. */
struct uring_handle *uring_handle_find(struct uring *u, rt_handle handle, enum uring_kind kind);
struct uring_handle *uring_handle_any(struct uring *u, rt_handle handle);
rt_handle uring_handle_name(const struct uring *u, const struct uring_handle *handle);
static inline uint32_t uring_handle_index(const struct uring *u, const struct uring_handle *handle)
{
    return (uint32_t)(handle - u->handles);
}
/* Closes a descriptor together with the next submission. */
void uring_close_fd(struct uring *u, int fd);

rt_status uring_status(int error); /* a positive errno */
socklen_t uring_sockaddr_from(union uring_sockaddr *out, const struct rt_addr *addr);
void uring_sockaddr_to(const union uring_sockaddr *from, struct rt_addr *out);
size_t uring_control_from(uint8_t *out, const struct rt_addr *local);
void uring_control_to(const struct msghdr *msg, uint16_t port, struct rt_addr *out);
rt_status uring_udp_socket(const struct rt_udp_options *options, int *out);
rt_status uring_listen_socket(const struct rt_tcp_options *options, int *out);
rt_status uring_connect_socket(const struct rt_tcp_options *options, int *out);

rt_status uring_udp_open(struct rt_io *io, rt_ref owner, const struct rt_udp_options *options,
                         rt_handle *out);
void uring_udp_send(struct rt_io *io, rt_handle handle, const struct rt_datagram *items,
                    uint32_t count);
bool uring_udp_advance(struct uring *u, struct uring_handle *handle);
void uring_udp_received(struct uring *u, struct uring_handle *handle,
                        const struct io_uring_cqe *cqe);
void uring_udp_sent(struct uring *u, uint32_t slot_index, int result);
void uring_udp_flush(struct uring *u); /* delivers the batches */
rt_status uring_udp_slots_open(struct uring *u);
void uring_udp_slots_close(struct uring *u); /* what was never submitted leaves directly */

rt_status uring_tcp_listen(struct rt_io *io, rt_ref owner, const struct rt_tcp_options *options,
                           rt_handle *out);
bool uring_listener_advance(struct uring *u, struct uring_handle *handle);
void uring_listener_accepted(struct uring *u, struct uring_handle *handle,
                             const struct io_uring_cqe *cqe);
void uring_listener_wake_rested(struct uring *u);
uint64_t uring_listener_next_ns(const struct uring *u);

rt_status uring_tcp_connect(struct rt_io *io, rt_ref owner, const struct rt_tcp_options *options,
                            rt_handle *out);
rt_status uring_stream_write(struct rt_io *io, rt_handle handle, struct rt_buf *buf);
void uring_stream_pause(struct rt_io *io, rt_handle handle, bool is_paused);
uint32_t uring_stream_pending(struct rt_io *io, rt_handle handle);
bool uring_stream_advance(struct uring *u, struct uring_handle *handle);
void uring_stream_connected(struct uring *u, struct uring_handle *handle, int result);
void uring_stream_received(struct uring *u, struct uring_handle *handle,
                           const struct io_uring_cqe *cqe);
void uring_stream_sent(struct uring *u, struct uring_handle *handle, int result);
void uring_stream_close(struct uring *u, struct uring_handle *handle);
void uring_stream_end_lingering(struct uring *u);
void uring_stream_release(struct uring *u, struct uring_handle *handle); /* before the slot goes */
void uring_stream_flush_at_exit(struct uring *u, struct uring_handle *handle);

rt_status uring_file_read(struct rt_io *io, rt_ref owner, const char *path, uint32_t size_max,
                          uint64_t cookie);
rt_status uring_file_replace(struct rt_io *io, rt_ref owner, const char *path,
                             struct rt_buf *content, uint64_t cookie);
void uring_file_advanced(struct uring *u, uint32_t index, int result);
void uring_file_tell(struct uring *u); /* delivers what finished */
void uring_files_close(struct uring *u);
