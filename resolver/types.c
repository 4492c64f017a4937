/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/types.h"

#include <stddef.h>
#include <stdio.h>
#include <strings.h>

#include <libknot/codes.h>
#include <libknot/descriptor.h>

/* What libknot 3.2 has no name for. */
static const struct {
    uint16_t type;
    char text[14];
} extra_types[] = {
    {RS_SIG, "SIG"}, {RS_NXNAME, "NXNAME"}, {RS_MAILB, "MAILB"}, {RS_MAILA, "MAILA"}};

enum { EXTRA_TYPES_COUNT = sizeof(extra_types) / sizeof(extra_types[0]) };

const char *rs_type_text(uint16_t type, char text[16])
{
    for (unsigned i = 0; i < EXTRA_TYPES_COUNT; i++) {
        if (extra_types[i].type == type) {
            snprintf(text, 16, "%s", extra_types[i].text);
            return text;
        }
    }
    if (knot_rrtype_to_string(type, text, 16) < 0) {
        snprintf(text, 16, "TYPE%u", type); /* RFC3597-5 */
    }
    return text;
}

const char *rs_rcode_text(uint16_t rcode, char text[16])
{
    const knot_lookup_t *known = knot_lookup_by_id(knot_rcode_names, rcode);
    if (known != NULL) {
        snprintf(text, 16, "%s", known->name);
    } else {
        snprintf(text, 16, "RCODE%u", rcode);
    }
    return text;
}

bool rs_type_parse(const char *text, uint16_t *out)
{
    for (unsigned i = 0; i < EXTRA_TYPES_COUNT; i++) {
        if (strcasecmp(extra_types[i].text, text) == 0) {
            *out = extra_types[i].type;
            return true;
        }
    }
    return knot_rrtype_from_string(text, out) == 0;
}
