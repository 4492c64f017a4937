/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/sim/trace.h"

#include <inttypes.h>
#include <string.h>

void sim_trace_init(struct sim_trace *trace)
{
    memset(trace, 0, sizeof(*trace));
    trace->hash = UINT64_C(0x9e3779b97f4a7c15);
}

bool sim_trace_json(struct sim_trace *trace, const char *path)
{
    trace->json = fopen(path, "w");
    if (trace->json == NULL) {
        return false;
    }
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n", trace->json);
    return true;
}

void sim_trace_deinit(struct sim_trace *trace)
{
    if (trace->json != NULL) {
        fputs("\n]}\n", trace->json);
        fclose(trace->json);
        trace->json = NULL;
    }
}

void sim_trace_mix(struct sim_trace *trace, uint64_t word)
{
    uint64_t x = trace->hash ^ word; /* The finaliser of MurmurHash3: every bit moves every bit. */

    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    x ^= x >> 33;
    trace->hash = x + UINT64_C(0x9e3779b97f4a7c15);
}

void sim_trace_bytes(struct sim_trace *trace, const void *data, size_t size)
{
    const uint8_t *at = data;
    uint64_t word;

    for (; size >= sizeof(word); size -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        sim_trace_mix(trace, word);
    }
    word = (uint64_t)size << 56;
    memcpy(&word, at, size); /* at most 7 bytes: the top one stays the length */
    sim_trace_mix(trace, word);
}

void sim_trace_note(struct sim_trace *trace, uint64_t at_ns, enum sim_note note, uint64_t a,
                    uint64_t b)
{
    trace->events++;
    sim_trace_mix(trace, at_ns);
    sim_trace_mix(trace, ((uint64_t)note << 56) ^ a);
    sim_trace_mix(trace, b);
}

static void put_json_text(FILE *file, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', file);
        }
        fputc((unsigned char)*text < 0x20 ? ' ' : *text, file);
    }
}

void sim_trace_span(struct sim_trace *trace, const char *track, const char *name, uint64_t from_ns,
                    uint64_t to_ns, const char *detail)
{
    if (trace->text != NULL) {
        fprintf(trace->text, "%12.6f %-10s %s %s\n", (double)from_ns / 1e9, track, name,
                detail == NULL ? "" : detail);
    }
    if (trace->json == NULL) {
        return;
    }
    fputs(trace->has_json_events ? ",\n" : "", trace->json);
    trace->has_json_events = true;
    fputs("{\"ph\":\"X\",\"pid\":1,\"tid\":\"", trace->json);
    put_json_text(trace->json, track);
    fputs("\",\"name\":\"", trace->json);
    put_json_text(trace->json, name);
    fprintf(trace->json, "\",\"ts\":%" PRIu64 ".%03u,\"dur\":%" PRIu64 ".%03u", from_ns / 1000,
            (unsigned)(from_ns % 1000), (to_ns - from_ns) / 1000,
            (unsigned)((to_ns - from_ns) % 1000));
    if (detail != NULL) {
        fputs(",\"args\":{\"detail\":\"", trace->json);
        put_json_text(trace->json, detail);
        fputs("\"}", trace->json);
    }
    fputs("}", trace->json);
}
