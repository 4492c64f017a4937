/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* trace: what happened in a simulated run, as one hash, and for people as Chrome JSON or as lines.
 *
 * Order    The hash depends on virtual time, bytes and numbers only, never on an address in memory:
 *          the same seed gives the same hash with address randomisation on. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct sim_trace {
    uint64_t hash, events;
    FILE *json; /* NULL: none */
    FILE *text; /* NULL: none; one line for each datagram and stream event */
    bool has_json_events;
};

enum sim_note { /* What kind of thing a noted moment is; the hash covers it. */
                SIM_NOTE_SENT = 1,
                SIM_NOTE_LOST,
                SIM_NOTE_ARRIVED,
                SIM_NOTE_ICMP,
                SIM_NOTE_CONNECT,
                SIM_NOTE_ACCEPT,
                SIM_NOTE_CONNECTED,
                SIM_NOTE_SEGMENT,
                SIM_NOTE_CLOSED,
                SIM_NOTE_DELIVERED, /* to an actor, through the io */
                SIM_NOTE_TURN,      /* a core had a loop turn */
                SIM_NOTE_CLIENT,    /* a client asked or heard */
                SIM_NOTE_FAULT,     /* the driver broke something */
};

void sim_trace_init(struct sim_trace *trace);

/* The JSON file is opened here and closed by deinit; false: cannot be written. */
bool sim_trace_json(struct sim_trace *trace, const char *path);
void sim_trace_deinit(struct sim_trace *trace);

void sim_trace_mix(struct sim_trace *trace, uint64_t word);
void sim_trace_bytes(struct sim_trace *trace, const void *data, size_t size);
void sim_trace_note(struct sim_trace *trace, uint64_t at_ns, enum sim_note note, uint64_t a,
                    uint64_t b);

/* For people only; the hash does not see it. `track` is a row in the viewer. `detail` may be NULL.
 */
void sim_trace_span(struct sim_trace *trace, const char *track, const char *name, uint64_t from_ns,
                    uint64_t to_ns, const char *detail);

static inline bool sim_trace_is_watched(const struct sim_trace *trace)
{
    return trace->json != NULL || trace->text != NULL;
}
