/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "actors/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/log.h"

struct thread {
    struct rt_core *core;
    pthread_t id;
    int cpu; /* -1: wherever the kernel likes */
};

struct threads {
    unsigned count;
    struct thread items[];
};

unsigned threads_cpus(void)
{
    cpu_set_t allowed;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        return 1;
    }
    int count = CPU_COUNT(&allowed);
    return count > 0 ? (unsigned)count : 1;
}

/* The CPU number `index`, counted among the allowed ones and over again from the first. */
static int nth_cpu(unsigned index)
{
    cpu_set_t allowed;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        return -1;
    }
    unsigned wanted = index % threads_cpus();
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && wanted-- == 0) {
            return cpu;
        }
    }
    return -1;
}

static void *run(void *arg)
{
    struct thread *thread = arg;
    char name[16];

    snprintf(name, sizeof(name), thread->cpu >= 0 ? "core-%u" : "control-%u",
             rt_core_number(thread->core));
    pthread_setname_np(pthread_self(), name);
    if (thread->cpu >= 0) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(thread->cpu, &one);
        if (pthread_setaffinity_np(pthread_self(), sizeof(one), &one) != 0) {
            rt_log(RT_LOG_WARNING, "system", "core %u cannot be pinned to CPU %d",
                   rt_core_number(thread->core), thread->cpu);
        }
    }
    rt_core_run(thread->core);
    return NULL;
}

rt_status threads_start(struct threads **out, struct rt_machine *machine, unsigned pinned_count)
{
    unsigned count = rt_machine_cores_count(machine);
    struct threads *threads = calloc(1, sizeof(*threads) + count * sizeof(threads->items[0]));

    if (threads == NULL) {
        return RT_NO_MEMORY;
    }
    for (unsigned i = 0; i < count; i++) {
        struct thread *thread = &threads->items[i];
        thread->core = rt_machine_core(machine, i);
        thread->cpu = i < pinned_count ? nth_cpu(i) : -1;
        if (pthread_create(&thread->id, NULL, run, thread) != 0) {
            threads_stop(threads);
            return RT_NO_MEMORY;
        }
        threads->count++;
    }
    *out = threads;
    return RT_OK;
}

void threads_stop(struct threads *threads)
{
    for (unsigned i = 0; i < threads->count; i++) {
        rt_core_stop(threads->items[i].core);
    }
    for (unsigned i = 0; i < threads->count; i++) {
        pthread_join(threads->items[i].id, NULL);
    }
    free(threads);
}
