/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolver/qmin.h"

#include "resolver/limits.h"
#include "resolver/name.h"
#include "resolver/types.h"

/* RFC9156-2.3: the first steps add one label each, the later ones share what is left, so that a
 * name of 127 labels costs no more steps than one of ten. */
static unsigned labels_to_add(unsigned steps, unsigned left)
{
    if (steps < RS_QMIN_ONE_LABEL) {
        return 1;
    }
    if (steps >= RS_QMIN_STEPS_MAX) {
        return left;
    }
    unsigned share = left / (RS_QMIN_STEPS_MAX - steps);
    return share > 0 ? share : 1;
}

unsigned rs_qmin_labels(const struct rs_qmin *qmin, const uint8_t *name, const uint8_t *zone)
{
    unsigned all = rs_name_labels(name), known = rs_name_labels(zone);
    if (qmin->labels > known) {
        known = qmin->labels;
    }
    if (qmin->is_off || known + 1 >= all) {
        return all;
    }

    unsigned labels = known + labels_to_add(qmin->steps, all - known);
    if (labels >= all) {
        return all;
    }
    /* RFC9156-2.3: labels with an underscore are no delegation points in practice. */
    const uint8_t *shown = rs_name_parent(name, all - labels);
    return shown[1] == '_' ? all : labels;
}

uint16_t rs_qmin_type(uint16_t type)
{
    /* RFC9156-2.1: any type without relation to the question will do. A hides the other half of a
     * client's address lookup among the most common questions there are; NS is what the walk
     * wants to know, and says nothing about the rest. */
    return type == RS_AAAA ? RS_A : RS_NS;
}
