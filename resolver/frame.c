/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/frame.h"

static bool is_on_stack(const struct rs_query *q, const uint8_t *name, uint16_t type)
{
    for (unsigned i = 0; q->frames[0] != NULL && i <= q->depth; i++) {
        if (q->frames[i]->type == type && rs_name_equal(q->frames[i]->name.wire, name)) {
            return true;
        }
    }
    return false;
}

struct rs_frame *rs_frame_push(struct rs_query *q, const uint8_t *name, uint16_t type)
{
    unsigned depth = q->frames[0] == NULL ? 0 : q->depth + 1;
    if (depth > RS_DEPTH_MAX || is_on_stack(q, name, type)) {
        return NULL;
    }
    struct rs_frame *frame = rt_arena_alloc(q->arena, sizeof(*frame));
    if (frame == NULL) {
        rs_query_no_memory(q);
        return NULL;
    }

    frame->is_address = depth > 0;
    frame->type = type;
    frame->labels_max = UINT32_MAX;
    frame->response = (struct rs_response){.ttl_s_max = UINT32_MAX, .ede = RS_EDE_NONE};
    rs_name_copy(&frame->name, name);
    q->depth = depth;
    q->frames[depth] = frame;
    return frame;
}

void rs_frame_pop(struct rs_query *q)
{
    RT_CHECK(q->depth > 0);
    q->frames[q->depth--] = NULL;
}

bool rs_frame_waits_for(const struct rs_query *q, const uint8_t *zone)
{
    for (unsigned i = 0; i < q->depth; i++) {
        if (rs_name_equal(q->frames[i]->cut->zone, zone)) {
            return true;
        }
    }
    return false;
}

void rs_query_give_up(struct rs_query *q, int ede, const char *text)
{
    if (!q->is_over) {
        q->is_over = true;
        q->ede = ede;
        q->ede_text = text;
    }
}

void rs_query_no_memory(struct rs_query *q)
{
    q->is_overloaded |= !rt_arena_is_spent(q->arena);
    rs_query_give_up(q, RS_EDE_OTHER, "out of memory");
}
