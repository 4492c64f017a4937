/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/io_uring_internal.h"

/* How each core of this process is woken. Process-wide, because a wake may come from any thread
 * and must not touch a struct uring that is being destroyed. 0: no such core; else descriptor + 1.
 * Release in open pairs with acquire in wake: who sees the number may use what it names. */
static struct {
    _Atomic int event_fd, ring_fd;
} wake_ways[RT_CORES_MAX];

/* The ring that this thread may submit to. */
static _Thread_local struct uring *ring_of_thread;

/* ---- the ring ---- */

int uring_ring_open(struct io_uring *ring, uint32_t entries, uint32_t completions)
{
    /* R_DISABLED: the ring is made by whoever composes the program; the thread that enables it,
     * the core's own, becomes the single issuer. */
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED |
                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
        .cq_entries = completions,
    };
    return -io_uring_queue_init_params(entries, ring, &params);
}

static void enable(struct uring *u)
{
    if (u->is_enabled) {
        return;
    }
    /* Debian's liburing 2.3 declares io_uring_enable_rings and does not export it. */
    long result =
        syscall(__NR_io_uring_register, u->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (result != 0) {
        rt_log(RT_LOG_CRIT, "io", "io_uring of core %u cannot start: %s", u->core_index,
               strerror(errno));
    }
    RT_CHECK(result == 0);
    u->has_ring_fd = io_uring_register_ring_fd(&u->ring) == 1; /* Saves a look-up each time. */
    u->is_enabled = true;
    ring_of_thread = u;
}

static void note_submitted(struct uring *u, int result)
{
    u->io.counters.syscalls++;
    if (result >= 0) {
        u->submissions++;
        memset(u->is_wake_queued, 0, sizeof(u->is_wake_queued));
    } else if (result == -ETIME || result == -EINTR) {
        u->submissions++; /* The submissions had been taken before the wait began. */
        memset(u->is_wake_queued, 0, sizeof(u->is_wake_queued));
    } else if (result != -EBUSY && result != -EAGAIN) {
        rt_log_limited(&u->submit_log, u->now_ns, RT_LOG_ERR, "io", "core %u: io_uring_enter: %s",
                       u->core_index, strerror(-result));
    }
}

struct io_uring_sqe *uring_sqe(struct uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
    if (sqe == NULL) {
        enable(u);
        uring_buffers_show(u);
        note_submitted(u, io_uring_submit(&u->ring));
        sqe = io_uring_get_sqe(&u->ring);
    }
    return sqe;
}

bool uring_cancel(struct uring *u, enum uring_op op, uint32_t index)
{
    struct io_uring_sqe *sqe = uring_sqe(u);
    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_cancel64(sqe, uring_data(op, index), 0);
    sqe->user_data = uring_data(URING_NOTHING, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    return true;
}

void uring_close_fd(struct uring *u, int fd)
{
    struct io_uring_sqe *sqe = uring_sqe(u);
    if (sqe == NULL) {
        close(fd);
        return;
    }
    io_uring_prep_close(sqe, fd);
    sqe->user_data = uring_data(URING_NOTHING, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
}

/* ---- waking ---- */

static void wake_by_event(unsigned core_index)
{
    int fd = atomic_load_explicit(&wake_ways[core_index].event_fd, memory_order_acquire) - 1;
    const uint64_t one = 1;
    if (fd >= 0 && write(fd, &one, sizeof(one)) < 0) {
        /* Only a full counter refuses, and then the core has been woken often enough. */
        RT_CHECK(errno == EAGAIN || errno == EINTR);
    }
}

/* Through the ring of the calling thread when it has one: no system call of its own, and one for
 * each target and submission is enough. */
static void uring_wake(struct rt_io *io, unsigned core_index)
{
    (void)io;
    RT_CHECK(core_index < RT_CORES_MAX);
    struct uring *mine = ring_of_thread;
    int fd = atomic_load_explicit(&wake_ways[core_index].ring_fd, memory_order_acquire) - 1;
    if (mine == NULL || fd < 0) {
        wake_by_event(core_index);
        return;
    }
    if (mine->is_wake_queued[core_index]) {
        return;
    }
    struct io_uring_sqe *sqe = uring_sqe(mine);
    if (sqe == NULL) {
        wake_by_event(core_index);
        return;
    }
    io_uring_prep_msg_ring(sqe, fd, 0, uring_data(URING_WOKEN, 0), 0);
    sqe->user_data = uring_data(URING_WAKE_FAILED, core_index);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    mine->is_wake_queued[core_index] = true;
}

static void arm_event(struct uring *u)
{
    struct io_uring_sqe *sqe = u->is_event_armed ? NULL : uring_sqe(u);
    if (sqe != NULL) {
        io_uring_prep_read(sqe, u->event_fd, &u->event_value, sizeof(u->event_value), 0);
        sqe->user_data = uring_data(URING_EVENT, 0);
        u->is_event_armed = true;
    }
}

/* ---- the loop ---- */

void uring_deliver(struct uring *u, rt_handle handle, rt_ref owner, struct rt_msg *msg)
{
    if (rt_core_deliver(u->core, owner, msg) == RT_GONE && handle != RT_HANDLE_NONE) {
        u->io.ops->close(&u->io, handle);
    }
}

static bool advance(struct uring *u, struct uring_handle *handle)
{
    switch (handle->kind) {
    case URING_UDP:
        return uring_udp_advance(u, handle);
    case URING_LISTENER:
        return uring_listener_advance(u, handle);
    case URING_STREAM:
        return uring_stream_advance(u, handle);
    case URING_FREE:
        return true;
    }
    RT_UNREACHABLE("kind outside enum uring_kind");
}

/* Each handle once: one that puts itself on the list again waits for the next poll. */
static void advance_listed(struct uring *u)
{
    struct rt_list work = u->work;
    u->work = (struct rt_list){0};
    struct rt_node *node;
    while ((node = rt_list_take(&work)) != NULL) {
        struct uring_handle *handle = rt_container(node, struct uring_handle, work);
        handle->is_listed = false;
        if (!advance(u, handle)) { /* No submission free: go on next time. */
            uring_handle_list(u, handle);
        }
    }
}

static uint64_t next_own_deadline(struct uring *u)
{
    uint64_t deadline_ns = uring_listener_next_ns(u);
    if (u->lingering.first != NULL) {
        uint64_t linger_ns =
            rt_container(u->lingering.first, struct uring_stream, lingering)->linger_until_ns;
        deadline_ns = linger_ns < deadline_ns ? linger_ns : deadline_ns;
    }
    return deadline_ns;
}

static void submit_and_wait(struct uring *u, uint64_t deadline_ns)
{
    uint64_t own_ns = next_own_deadline(u);
    deadline_ns = own_ns < deadline_ns ? own_ns : deadline_ns;
    bool may_wait = deadline_ns > u->now_ns && u->files_finished == 0 &&
                    rt_list_is_empty(&u->work) && io_uring_cq_ready(&u->ring) == 0;
    if (!may_wait) {
        note_submitted(u, io_uring_submit_and_get_events(&u->ring));
        return;
    }
    uint64_t wait_ns = deadline_ns - u->now_ns;
    struct __kernel_timespec wait = {
        .tv_sec = (long long)(wait_ns / RT_NS_PER_S),
        .tv_nsec = (long long)(wait_ns % RT_NS_PER_S),
    };
    struct io_uring_cqe *cqe;
    bool is_for_ever = deadline_ns == UINT64_MAX;
    note_submitted(
        u, io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, is_for_ever ? NULL : &wait, NULL));
}

static void complete(struct uring *u, const struct io_uring_cqe *cqe)
{
    uint32_t index = (uint32_t)cqe->user_data;
    switch ((enum uring_op)(cqe->user_data >> 56)) {
    case URING_NOTHING:
    case URING_WOKEN:
        return;
    case URING_EVENT:
        u->is_event_armed = false;
        return;
    case URING_WAKE_FAILED: /* It has not polled yet, or its ring is out of memory. */
        wake_by_event(index);
        return;
    case URING_UDP_RECV:
        uring_udp_received(u, &u->handles[index], cqe);
        return;
    case URING_UDP_SEND:
        uring_udp_sent(u, index, cqe->res);
        return;
    case URING_ACCEPT:
        uring_listener_accepted(u, &u->handles[index], cqe);
        return;
    case URING_CONNECT:
        uring_stream_connected(u, &u->handles[index], cqe->res);
        return;
    case URING_STREAM_RECV:
        uring_stream_received(u, &u->handles[index], cqe);
        return;
    case URING_STREAM_SEND:
        uring_stream_sent(u, &u->handles[index], cqe->res);
        return;
    case URING_FILE:
        uring_file_advanced(u, index, cqe->res);
        return;
    }
    RT_UNREACHABLE("completion outside enum uring_op");
}

/* What is there now, and no more: what turns of these add waits for the next poll. */
static void reap(struct uring *u)
{
    struct io_uring_cqe *cqes[64];
    unsigned left = io_uring_cq_ready(&u->ring);
    while (left > 0) {
        unsigned wanted = left < RT_ARRAY_COUNT(cqes) ? left : (unsigned)RT_ARRAY_COUNT(cqes);
        unsigned count = io_uring_peek_batch_cqe(&u->ring, cqes, wanted);
        for (unsigned i = 0; i < count; i++) {
            complete(u, cqes[i]);
        }
        io_uring_cq_advance(&u->ring, count);
        left = count > 0 ? left - count : 0;
    }
}

static void uring_poll(struct rt_io *io, struct rt_core *core, uint64_t deadline_ns)
{
    struct uring *u = uring_of(io);
    u->core = core;
    enable(u);
    u->now_ns = uring_now_ns(io);
    uring_stream_end_lingering(u);
    uring_listener_wake_rested(u);
    arm_event(u);
    uring_buffers_provide(u);
    advance_listed(u);
    uring_buffers_show(u);
    submit_and_wait(u, deadline_ns);
    u->now_ns = uring_now_ns(io);
    reap(u);
    uring_udp_flush(u);
    uring_file_tell(u);
}

/* ---- open and close ---- */

static void uring_close(struct rt_io *io, rt_handle name)
{
    struct uring *u = uring_of(io);
    struct uring_handle *handle = uring_handle_any(u, name);
    if (handle == NULL) {
        return;
    }
    if (handle->kind == URING_STREAM) {
        uring_stream_close(u, handle);
    }
    handle->is_open = false;
    uring_handle_list(u, handle);
}

static void uring_destroy(struct rt_io *io)
{
    struct uring *u = uring_of(io);
    atomic_store_explicit(&wake_ways[u->core_index].ring_fd, 0, memory_order_release);
    atomic_store_explicit(&wake_ways[u->core_index].event_fd, 0, memory_order_release);
    if (u->is_enabled && ring_of_thread == u) {
        io_uring_submit(&u->ring);
        u->submissions++;
    }
    uring_udp_slots_close(u);
    uring_handles_close(u);
    uring_files_close(u);
    if (u->ring.ring_fd > 0) {
        io_uring_queue_exit(&u->ring);
    }
    if (ring_of_thread == u) {
        ring_of_thread = NULL;
    }
    for (unsigned i = 0; i < URING_GROUPS; i++) {
        uring_buffers_close(u, i);
    }
    if (u->event_fd >= 0) {
        close(u->event_fd);
    }
    explicit_bzero(u->random, sizeof(u->random));
    free(u);
}

static const struct rt_io_ops uring_ops = {
    .name = "io_uring",
    .now_ns = uring_now_ns,
    .wall_ms = uring_wall_ms,
    .random = uring_random,
    .udp_open = uring_udp_open,
    .udp_send = uring_udp_send,
    .tcp_listen = uring_tcp_listen,
    .tcp_connect = uring_tcp_connect,
    .stream_write = uring_stream_write,
    .stream_pause = uring_stream_pause,
    .close = uring_close,
    .stream_pending = uring_stream_pending,
    .file_read = uring_file_read,
    .file_replace = uring_file_replace,
    .wake = uring_wake,
    .poll = uring_poll,
    .destroy = uring_destroy,
};

/* Thousands of upstream sockets do not fit into the usual soft limit of 1024. */
static void raise_descriptor_limit(struct uring *u)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    rlim_t soft = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        limit.rlim_cur = soft;
    }
    /* Accepted connections leave a quarter to upstream sockets, files and the rest. */
    rlim_t most = limit.rlim_cur < INT32_MAX ? limit.rlim_cur : INT32_MAX;
    u->accepted_fd_max = (int)(most - most / 4);
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

int uring_ring_open_patiently(struct io_uring *ring, uint32_t entries, uint32_t completions)
{
    const struct timespec pause = {.tv_nsec = 20 * (long)RT_NS_PER_MS};
    int error = uring_ring_open(ring, entries, completions);
    for (unsigned tries = 0; error == ENOMEM && tries < 5; tries++) {
        nanosleep(&pause, NULL);
        error = uring_ring_open(ring, entries, completions);
    }
    return error;
}

/* A small RLIMIT_MEMLOCK makes a small ring. */
static int open_ring_that_fits(struct uring *u, uint32_t entries)
{
    int error = uring_ring_open_patiently(&u->ring, entries, RT_URING_COMPLETIONS);
    for (uint32_t size = RT_URING_COMPLETIONS; error == ENOMEM && size > 256; size /= 2) {
        entries = entries < size / 8 ? entries : size / 8;
        error = uring_ring_open(&u->ring, entries, size / 2);
    }
    return error;
}

static rt_status open_ring(struct uring *u, const struct rt_io_uring_options *options)
{
    char why[512];
    int error = open_ring_that_fits(u, or_default(options->entries, RT_URING_ENTRIES));
    if (error == 0) {
        return RT_OK;
    }
    u->ring.ring_fd = 0;
    rt_status status = uring_explain(error, why, sizeof(why));
    rt_log(RT_LOG_CRIT, "io", "%s", why);
    return status;
}

static rt_status open_memory(struct uring *u, const struct rt_io_uring_options *options)
{
    bool may_register = !options->has_unregistered_buffers;
    rt_status status = uring_buffers_open(
        u, URING_DATAGRAMS, or_default(options->datagram_buffers, RT_URING_DATAGRAM_BUFFERS),
        URING_DATAGRAM_BUFFER_BYTES, may_register);
    if (status == RT_OK) {
        status = uring_buffers_open(u, URING_STREAMS,
                                    or_default(options->stream_buffers, RT_URING_STREAM_BUFFERS),
                                    RT_STREAM_READ_BYTES, may_register);
    }
    if (status == RT_OK) {
        status = uring_handles_open(u, or_default(options->handles_max, RT_IO_HANDLES_MAX),
                                    or_default(options->streams_max, RT_STREAMS_MAX));
    }
    return status == RT_OK ? uring_udp_slots_open(u) : status;
}

rt_status rt_io_uring_open(struct rt_io **out, struct rt_core *core, unsigned core_index,
                           const struct rt_io_uring_options *options)
{
    static const struct rt_io_uring_options defaults;
    options = options != NULL ? options : &defaults;
    RT_CHECK(core_index < RT_CORES_MAX);
    if (atomic_load_explicit(&wake_ways[core_index].event_fd, memory_order_acquire) != 0) {
        return RT_IN_USE;
    }
    struct uring *u = calloc(1, sizeof(*u));
    if (u == NULL) {
        return RT_NO_MEMORY;
    }
    u->io.ops = &uring_ops;
    u->core = core;
    u->bufs = rt_core_bufs(core);
    u->core_index = core_index;
    u->now_ns = uring_now_ns(&u->io);
    u->event_fd = -1;
    raise_descriptor_limit(u);
    rt_status status = open_ring(u, options);
    if (status == RT_OK) {
        status = open_memory(u, options);
    }
    if (status == RT_OK) {
        u->event_fd = eventfd(0, EFD_CLOEXEC);
        status = u->event_fd >= 0 ? RT_OK : RT_FULL;
    }
    if (status != RT_OK) {
        uring_destroy(&u->io);
        return status;
    }
    atomic_store_explicit(&wake_ways[core_index].event_fd, u->event_fd + 1, memory_order_release);
    atomic_store_explicit(&wake_ways[core_index].ring_fd, u->ring.ring_fd + 1,
                          memory_order_release);
    *out = &u->io;
    return RT_OK;
}
