/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/io_uring_internal.h"

/* Anonymous memory: page-aligned as registering wants it, and untouched pages cost nothing. */
static void *map_pages(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory != MAP_FAILED ? memory : NULL;
}

static size_t ring_bytes(const struct uring_buffers *buffers)
{
    return buffers->count * sizeof(struct io_uring_buf);
}

static bool register_ring(struct uring *u, struct uring_buffers *buffers)
{
    struct io_uring_buf_ring *ring = map_pages(ring_bytes(buffers));
    if (ring == NULL) {
        return false;
    }
    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)ring,
        .ring_entries = buffers->count,
        .bgid = buffers->group,
    };
    int error = -io_uring_register_buf_ring(&u->ring, &registration, 0);
    if (error != 0) {
        rt_log(RT_LOG_INFO, "io", "core %u: buffers are provided one by one (%s)", u->core_index,
               error == ENOMEM ? "RLIMIT_MEMLOCK is small" : strerror(error));
        munmap(ring, ring_bytes(buffers));
        return false;
    }
    io_uring_buf_ring_init(ring);
    buffers->ring = ring;
    return true;
}

/* Old-style provided buffers: a submission for each return, but no pinned page. */
static bool provide(struct uring *u, struct uring_buffers *buffers, uint32_t first, uint32_t count)
{
    struct io_uring_sqe *sqe = uring_sqe(u);
    if (sqe == NULL) {
        return false;
    }
    io_uring_prep_provide_buffers(sqe, buffers->memory + (size_t)first * buffers->size,
                                  (int)buffers->size, (int)count, buffers->group, (int)first);
    sqe->user_data = uring_data(URING_NOTHING, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    return true;
}

rt_status uring_buffers_open(struct uring *u, enum uring_group group, uint32_t count, uint32_t size,
                             bool may_register)
{
    RT_CHECK(count > 0 && (count & (count - 1)) == 0 && count <= URING_BUFFERS_MAX);
    struct uring_buffers *buffers = &u->buffers[group];
    *buffers = (struct uring_buffers){.count = count, .size = size, .group = (uint16_t)group};
    buffers->memory = map_pages((size_t)count * size);
    if (buffers->memory == NULL) {
        return RT_NO_MEMORY;
    }
    if (may_register && register_ring(u, buffers)) {
        for (uint32_t i = 0; i < count; i++) {
            uring_buffer_return(u, group, i);
        }
        uring_buffers_show(u);
        return RT_OK;
    }
    return provide(u, buffers, 0, count) ? RT_OK : RT_NO_MEMORY;
}

void uring_buffers_close(struct uring *u, enum uring_group group)
{
    struct uring_buffers *buffers = &u->buffers[group];
    if (buffers->ring != NULL) {
        munmap(buffers->ring, ring_bytes(buffers));
    }
    if (buffers->memory != NULL) {
        munmap(buffers->memory, (size_t)buffers->count * buffers->size);
    }
    *buffers = (struct uring_buffers){0};
}

void uring_buffer_return(struct uring *u, enum uring_group group, uint32_t index)
{
    struct uring_buffers *buffers = &u->buffers[group];
    RT_CHECK(index < buffers->count);
    if (buffers->ring == NULL) {
        if (!provide(u, buffers, index, 1)) {
            buffers->waiting[buffers->waiting_count++] = (uint16_t)index;
        }
        return;
    }
    io_uring_buf_ring_add(buffers->ring, uring_buffer(u, group, index), buffers->size,
                          (uint16_t)index, io_uring_buf_ring_mask(buffers->count),
                          buffers->returned);
    buffers->returned++;
}

void uring_buffers_show(struct uring *u)
{
    for (unsigned i = 0; i < URING_GROUPS; i++) {
        struct uring_buffers *buffers = &u->buffers[i];
        if (buffers->returned > 0) {
            io_uring_buf_ring_advance(buffers->ring, buffers->returned);
            buffers->returned = 0;
        }
    }
}

void uring_buffers_provide(struct uring *u)
{
    for (unsigned i = 0; i < URING_GROUPS; i++) {
        struct uring_buffers *buffers = &u->buffers[i];
        while (buffers->waiting_count > 0 &&
               provide(u, buffers, buffers->waiting[buffers->waiting_count - 1], 1)) {
            buffers->waiting_count--;
        }
    }
}

void uring_buffer_discard(struct uring *u, enum uring_group group, const struct io_uring_cqe *cqe)
{
    if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
        uring_buffer_return(u, group, uring_buffer_of(cqe));
    }
}
