/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "runtime/core_parts.h"

/* Everything that all cores will ever need is allocated here, most of it untouched: a page that no
 * actor, message or timer has used yet costs no memory. */

static uint32_t count_or(uint32_t count, uint32_t standard)
{
    return count > 0 ? count : standard;
}

static rt_status core_open_memory(struct rt_core *core, const struct rt_machine_options *options)
{
    uint32_t msgs = count_or(options->msgs_per_core, RT_MSGS_PER_CORE);
    uint32_t timers = count_or(options->timers_per_core, RT_TIMERS_PER_CORE);

    core->actors = malloc(RT_ACTORS_PER_CORE_MAX * sizeof(struct rt_actor));
    if (core->actors == NULL || rt_buf_pool_open(&core->bufs, &options->bufs) != RT_OK ||
        rt_arena_pool_open(&core->arenas, options->arena_small_count, options->arena_large_count) !=
            RT_OK ||
        rt_mail_pool_open(&core->mails, RT_MSG_BYTES_MAX, msgs) != RT_OK ||
        rt_mail_pool_open(&core->obituaries, sizeof(struct rt_msg_child_ended),
                          RT_ACTORS_PER_CORE_MAX) != RT_OK ||
        rt_timers_open(&core->timers, timers) != RT_OK ||
        rt_remote_open(&core->remote, RT_REMOTE_SLOTS) != RT_OK ||
        rt_remote_open(&core->inject, RT_INJECT_SLOTS) != RT_OK ||
        rt_trace_open(&core->trace, core->index) != RT_OK) {
        return RT_NO_MEMORY;
    }
    return RT_OK;
}

static rt_status core_open(struct rt_machine *machine, unsigned index,
                           const struct rt_machine_options *options)
{
    size_t size = (sizeof(struct rt_core) + 63) & ~(size_t)63;
    struct rt_core *core = aligned_alloc(64, size);
    if (core == NULL) {
        return RT_NO_MEMORY;
    }
    memset(core, 0, sizeof(*core));
    core->magic = rt_core_MAGIC;
    core->index = index;
    core->machine = machine;
    core->is_now_stale = core->is_wall_stale = true;
    machine->cores[index] = core;
    machine->cores_count = index + 1; /* rt_machine_close takes it from here. */
    return core_open_memory(core, options);
}

rt_status rt_machine_open(struct rt_machine **out, const struct rt_machine_options *options)
{
    RT_CHECK(options->cores_count >= 1 && options->cores_count <= RT_CORES_MAX);
    struct rt_machine *machine = calloc(1, sizeof(*machine));
    if (machine == NULL) {
        return RT_NO_MEMORY;
    }
    for (unsigned i = 0; i < options->cores_count; i++) {
        rt_status status = core_open(machine, i, options);
        if (status != RT_OK) {
            rt_machine_close(machine);
            return status;
        }
    }
    *out = machine;
    return RT_OK;
}

static void core_destroy_io(struct rt_core *core)
{
    if (core->io != NULL) {
        core->io->ops->destroy(core->io);
        core->io = NULL;
    }
}

static void core_close(struct rt_core *core)
{
    rt_trace_close(&core->trace);
    rt_remote_close(&core->inject);
    rt_remote_close(&core->remote);
    rt_timers_close(&core->timers);
    for (uint32_t i = 0; i < core->kinds_count; i++) {
        rt_pool_close(&core->kinds[i].states);
    }
    rt_mail_pool_close(&core->obituaries);
    rt_mail_pool_close(&core->mails);
    if (core->arenas != NULL) {
        rt_arena_pool_close(core->arenas);
    }
    if (core->bufs != NULL) {
        rt_buf_pool_close(core->bufs);
    }
    free(core->actors);
    free(core);
}

/* In steps over all cores: bufs of one core may be held by actors, rings and write queues of any
 * other, and every pool checks at its end that all its blocks are back. */
void rt_machine_close(struct rt_machine *machine)
{
    for (unsigned i = 0; i < machine->cores_count; i++) {
        rt_core_stop_actors(machine->cores[i]);
    }
    for (unsigned i = 0; i < machine->cores_count; i++) {
        rt_post_drop_all(machine->cores[i]);
        core_destroy_io(machine->cores[i]);
    }
    for (unsigned i = 0; i < machine->cores_count; i++) {
        core_close(machine->cores[i]);
    }
    free(machine);
}

struct rt_core *rt_machine_core(struct rt_machine *machine, unsigned index)
{
    RT_CHECK(index < machine->cores_count);
    return machine->cores[index];
}

unsigned rt_machine_cores_count(const struct rt_machine *machine)
{
    return machine->cores_count;
}

void rt_core_attach(struct rt_core *core, struct rt_io *io, void *services)
{
    RT_CHECK(core->io == NULL && io != NULL);
    core->io = io;
    core->services = services;
}
