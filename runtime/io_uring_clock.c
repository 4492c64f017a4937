/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "runtime/io_uring_internal.h"

uint64_t uring_now_ns(struct rt_io *io)
{
    (void)io;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * RT_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* The only place that reads wall time; through libc, so that a preloaded clock can move it. */
uint64_t uring_wall_ms(struct rt_io *io)
{
    (void)io;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * RT_MS_PER_S + (uint64_t)now.tv_nsec / RT_NS_PER_MS;
}

static void fill_random(void *out, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = getrandom((uint8_t *)out + done, size - done, 0);
        /* Without randomness every ID could be guessed: better no resolver than that. */
        RT_CHECK(got > 0 || errno == EINTR);
        done += got > 0 ? (size_t)got : 0;
    }
}

/* Blocks of getrandom: a system call for some hundred questions, not for each. Bytes are wiped when
 * they are handed out, so that a later look into our memory does not tell IDs and ports. */
void uring_random(struct rt_io *io, void *out, size_t size)
{
    struct uring *u = uring_of(io);
    if (size > sizeof(u->random) / 4) {
        fill_random(out, size);
        return;
    }
    if (size > u->random_left) {
        fill_random(u->random, sizeof(u->random));
        u->random_left = sizeof(u->random);
    }
    u->random_left -= (uint32_t)size;
    memcpy(out, u->random + u->random_left, size);
    explicit_bzero(u->random + u->random_left, size);
}
