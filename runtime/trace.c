/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/trace.h"

#include <inttypes.h>
#include <stdlib.h>

#include "runtime/core.h"
#include "runtime/io.h"

_Static_assert((RT_TRACE_EVENTS & (RT_TRACE_EVENTS - 1)) == 0, "an index is a mask away");

rt_status rt_trace_open(struct rt_trace_ring *ring, unsigned core_index)
{
    *ring = (struct rt_trace_ring){
        .events = aligned_alloc(64, RT_TRACE_EVENTS * sizeof(struct rt_trace_event)),
        .core_index = core_index,
    };
    return ring->events != NULL ? RT_OK : RT_NO_MEMORY;
}

void rt_trace_close(struct rt_trace_ring *ring)
{
    free(ring->events);
    ring->events = NULL;
}

void rt_trace_add(struct rt_trace_ring *ring, const struct rt_trace_event *event)
{
    ring->events[ring->count & (RT_TRACE_EVENTS - 1)] = *event;
    ring->count++;
    if (__builtin_expect(ring->tap != NULL, 0)) {
        ring->tap(ring->tap_arg, ring->core_index, event);
    }
}

uint32_t rt_trace_count(const struct rt_trace_ring *ring)
{
    return ring->count < RT_TRACE_EVENTS ? (uint32_t)ring->count : RT_TRACE_EVENTS;
}

const struct rt_trace_event *rt_trace_back(const struct rt_trace_ring *ring, uint32_t age)
{
    RT_CHECK(age < rt_trace_count(ring));
    return &ring->events[(ring->count - 1 - age) & (RT_TRACE_EVENTS - 1)];
}

const char *rt_trace_msg_name(const struct rt_actor_type *type, uint16_t msg_type)
{
    switch (msg_type) {
    case RT_MSG_TIMER:
        return "RT_MSG_TIMER";
    case RT_MSG_UNDELIVERED:
        return "RT_MSG_UNDELIVERED";
    case RT_MSG_CHILD_ENDED:
        return "RT_MSG_CHILD_ENDED";
    case RT_MSG_DRAIN:
        return "RT_MSG_DRAIN";
    case RT_IO_DATAGRAMS:
        return "RT_IO_DATAGRAMS";
    case RT_IO_ACCEPTED:
        return "RT_IO_ACCEPTED";
    case RT_IO_CONNECTED:
        return "RT_IO_CONNECTED";
    case RT_IO_READ:
        return "RT_IO_READ";
    case RT_IO_WRITTEN:
        return "RT_IO_WRITTEN";
    case RT_IO_CLOSED:
        return "RT_IO_CLOSED";
    case RT_IO_ENDED:
        return "RT_IO_ENDED";
    case RT_IO_FILE:
        return "RT_IO_FILE";
    default: /* A number, not an enum: the receiver's own list knows it. */
        return type->msg_name(msg_type);
    }
}

/* ---- Chrome JSON: one process for each core, one track for each actor ---- */

/* Names are constant texts of this program: nothing in them needs escaping. */
static void write_event(const struct rt_trace_event *event, unsigned core_index, FILE *out)
{
    const char *name = "";
    char phase = 'i';
    switch ((enum rt_trace_kind)event->kind) {
    case RT_TRACE_TURN:
        name = event->type->name;
        phase = 'X';
        break;
    case RT_TRACE_RECEIVE:
        name = rt_trace_msg_name(event->type, event->msg_type);
        break;
    case RT_TRACE_MOMENT:
    case RT_TRACE_LIFE:
        name = event->what;
        break;
    }
    fprintf(out, "{\"name\":\"%s\",\"ph\":\"%c\",\"pid\":%u,\"tid\":%u,\"ts\":%" PRIu64 ".%03u",
            name, phase, core_index, (unsigned)(event->actor >> 32 & 0xFFFFFF), event->at_ns / 1000,
            (unsigned)(event->at_ns % 1000));
    if (phase == 'X') {
        fprintf(out, ",\"dur\":%u.%03u", event->duration_ns / 1000, event->duration_ns % 1000);
    } else {
        fputs(",\"s\":\"t\"", out);
    }
    fprintf(out,
            ",\"args\":{\"actor\":\"%s\",\"question\":%" PRIu64 ",\"a\":%" PRIu64 ",\"b\":%" PRIu64
            "}},\n",
            event->type->name, event->trace_id, event->a, event->b);
}

void rt_trace_write_events(const struct rt_trace_ring *ring, FILE *out)
{
    for (uint32_t age = rt_trace_count(ring); age-- > 0;) {
        write_event(rt_trace_back(ring, age), ring->core_index, out);
    }
}
