/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* qmin: how much of a name to show to the servers of a zone (QNAME minimisation).
 *
 * RFC      9156. Relaxed: whatever a server says about a shortened name that is not a referral, a
 *          proof that the name has no such type, or an answer, the whole name is asked next; an
 *          NXDOMAIN is believed only for the whole name (servers that deny empty non-terminals). */

#include <stdbool.h>
#include <stdint.h>

struct rs_qmin {
    bool is_off;    /* by configuration, for forwarders, or after an odd reply in this zone */
    uint8_t steps;  /* shortened names shown for this name so far */
    uint8_t labels; /* of the name shown last; 0 none in this zone */
};

/* Labels of `name` to ask for in `zone`, counted from the root. All of them: ask the question. */
unsigned rs_qmin_labels(const struct rs_qmin *qmin, const uint8_t *name, const uint8_t *zone);

/* The type to ask for a shortened name in the place of `type`: never the question's own, so that
 * a parent cannot tell what was asked. */
uint16_t rs_qmin_type(uint16_t type);
