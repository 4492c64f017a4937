/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/peek.h"

#include "resolver/edns.h"
#include "resolver/wire.h"

static void skip_questions(struct rs_wire *wire, unsigned count)
{
    for (unsigned i = 0; i < count && !wire->is_bad; i++) {
        rs_wire_skip_name(wire);
        rs_wire_bytes(wire, 4);
    }
}

static void skip_records(struct rs_wire *wire, unsigned count)
{
    struct rs_wire_record record;
    for (unsigned i = 0; i < count && !wire->is_bad; i++) {
        rs_wire_skip_name(wire);
        rs_wire_record(wire, &record);
    }
}

bool rs_peek_edns(const uint8_t *data, size_t size, struct rs_edns *out)
{
    struct rs_wire wire = rs_wire_open(data, (uint32_t)size);
    unsigned counts[4];

    rs_edns_init(out);
    rs_wire_bytes(&wire, 4); /* ID and flags */
    for (unsigned i = 0; i < 4; i++) {
        counts[i] = rs_wire_u16(&wire);
    }
    skip_questions(&wire, counts[0]);
    skip_records(&wire, counts[1] + counts[2]);
    for (unsigned i = 0; i < counts[3] && !wire.is_bad; i++) {
        struct rs_wire_record record;
        rs_wire_skip_name(&wire);
        rs_wire_record(&wire, &record);
        if (!wire.is_bad && record.type == RS_OPT) {
            if (rs_edns_read(out, &record, data + record.rdata_at)) {
                return true;
            }
            rs_edns_init(out);
            return false;
        }
    }
    return !wire.is_bad;
}
