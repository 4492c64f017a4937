/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* fake_io: an io without a world. Alone on one thread its clock is virtual: waiting for a deadline
 * means being there. With threads it waits on a condition variable until somebody wakes it. */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/base/prng.h"
#include "runtime/core.h"

struct fake_world {
    unsigned cores_count;
    bool is_threaded;
    struct rt_machine *machine;
    struct fake_io *ios[RT_CORES_MAX];
};

struct fake_io {
    struct rt_io base;
    struct fake_world *world;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool is_woken;
    uint64_t now_ns, polls;
    uint64_t waits_every; /* with threads: only each n-th poll waits; 0: all do */
    struct rt_prng prng;
    void (*on_poll)(struct rt_core *core, void *arg); /* once: where events would be delivered */
    void *on_poll_arg;
    bool *is_destroyed;
};

static inline uint64_t fake_now_ns(struct rt_io *base)
{
    struct fake_io *io = (struct fake_io *)base;
    if (io->world->is_threaded) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * RT_NS_PER_S + (uint64_t)t.tv_nsec;
    }
    return io->now_ns;
}

static inline uint64_t fake_wall_ms(struct rt_io *base)
{
    return 1700000000000 + fake_now_ns(base) / RT_NS_PER_MS;
}

static inline void fake_random(struct rt_io *base, void *out, size_t size)
{
    struct fake_io *io = (struct fake_io *)base;
    for (size_t i = 0; i < size; i++) {
        ((uint8_t *)out)[i] = (uint8_t)rt_prng_next(&io->prng);
    }
}

static inline void fake_wake(struct rt_io *base, unsigned core_index)
{
    struct fake_io *io = ((struct fake_io *)base)->world->ios[core_index];
    pthread_mutex_lock(&io->lock);
    io->is_woken = true;
    pthread_cond_signal(&io->woken);
    pthread_mutex_unlock(&io->lock);
}

static inline void fake_wait(struct fake_io *io, uint64_t deadline_ns)
{
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / RT_NS_PER_S),
                             .tv_nsec = (long)(deadline_ns % RT_NS_PER_S)};
    pthread_mutex_lock(&io->lock);
    while (!io->is_woken && fake_now_ns(&io->base) < deadline_ns) {
        if (deadline_ns == UINT64_MAX) {
            pthread_cond_wait(&io->woken, &io->lock);
        } else {
            pthread_cond_timedwait(&io->woken, &io->lock, &until);
        }
    }
    io->is_woken = false;
    pthread_mutex_unlock(&io->lock);
}

static inline void fake_poll(struct rt_io *base, struct rt_core *core, uint64_t deadline_ns)
{
    struct fake_io *io = (struct fake_io *)base;
    io->polls++;
    if (io->world->is_threaded && deadline_ns > 0) {
        if (io->waits_every == 0 || io->polls % io->waits_every == 0) {
            fake_wait(io, deadline_ns);
        }
    } else if (!io->world->is_threaded && deadline_ns != UINT64_MAX && deadline_ns > io->now_ns) {
        io->now_ns = deadline_ns;
    }
    if (io->on_poll != NULL) {
        void (*on_poll)(struct rt_core *, void *) = io->on_poll;
        io->on_poll = NULL;
        on_poll(core, io->on_poll_arg);
    }
}

static inline void fake_destroy(struct rt_io *base)
{
    struct fake_io *io = (struct fake_io *)base;
    pthread_mutex_destroy(&io->lock);
    pthread_cond_destroy(&io->woken);
    if (io->is_destroyed != NULL) {
        *io->is_destroyed = true;
    }
    free(io);
}

static inline struct fake_io *fake_io_new(struct fake_world *world, unsigned index)
{
    static const struct rt_io_ops ops = {
        .name = "fake",
        .now_ns = fake_now_ns,
        .wall_ms = fake_wall_ms,
        .random = fake_random,
        .wake = fake_wake,
        .poll = fake_poll,
        .destroy = fake_destroy,
    };
    struct fake_io *io = calloc(1, sizeof(*io));
    pthread_condattr_t monotonic;
    io->base.ops = &ops;
    io->world = world;
    io->now_ns = RT_NS_PER_S;
    rt_prng_init(&io->prng, index + 1);
    pthread_mutex_init(&io->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&io->woken, &monotonic);
    pthread_condattr_destroy(&monotonic);
    world->ios[index] = io;
    return io;
}

/* A machine of small pools with a fake io on each core; `services` is what rt_services gives. */
static inline void fake_world_open(struct fake_world *world, unsigned cores_count, bool is_threaded,
                                   void *services)
{
    const struct rt_machine_options options = {
        .cores_count = cores_count,
        .bufs = {.small_count = 64, .large_count = 4, .huge_count = 2},
        .arena_small_count = 8,
        .arena_large_count = 2,
        .msgs_per_core = 1024,
        .timers_per_core = 256,
    };
    *world = (struct fake_world){.cores_count = cores_count, .is_threaded = is_threaded};
    RT_CHECK(rt_machine_open(&world->machine, &options) == RT_OK);
    for (unsigned i = 0; i < cores_count; i++) {
        rt_core_attach(rt_machine_core(world->machine, i), &fake_io_new(world, i)->base, services);
    }
}

static inline struct rt_core *fake_core(struct fake_world *world, unsigned index)
{
    return rt_machine_core(world->machine, index);
}

/* Loop turns on all cores, in turn, until none has work; no time passes. */
static inline void fake_run(struct fake_world *world)
{
    for (bool has_work = true; has_work;) {
        has_work = false;
        for (unsigned i = 0; i < world->cores_count; i++) {
            has_work = rt_core_turn(fake_core(world, i), 0) || has_work;
        }
        for (unsigned i = 0; i < world->cores_count; i++) {
            has_work = rt_core_has_work(fake_core(world, i)) || has_work;
        }
    }
}

/* Lets the clocks of all cores run to `now_ns`, firing timers on the way. */
static inline void fake_run_until(struct fake_world *world, uint64_t now_ns)
{
    for (;;) {
        fake_run(world);
        uint64_t next_ns = now_ns;
        for (unsigned i = 0; i < world->cores_count; i++) {
            uint64_t due_ns = rt_core_next_deadline(fake_core(world, i));
            next_ns = due_ns < next_ns ? due_ns : next_ns;
        }
        for (unsigned i = 0; i < world->cores_count; i++) {
            if (world->ios[i]->now_ns < next_ns) {
                world->ios[i]->now_ns = next_ns;
            }
        }
        if (next_ns == now_ns) {
            fake_run(world);
            return;
        }
    }
}
