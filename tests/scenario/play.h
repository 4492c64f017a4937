/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* play: one scenario against a whole troupe in the simulator. Virtual time: TIME_PASSES moves the
 * clock, and nothing waits. */

#include "tests/scenario/rpl.h"

enum play_result { PLAY_PASS, PLAY_FAIL, PLAY_SKIP };

struct play_verdict {
    enum play_result result;
    char reason[640]; /* of FAIL and SKIP */
};

/* Plays with `cores` workers; without a query-minimization setting it plays with both. */
void play_scenario(struct rpl_scenario *scenario, unsigned cores, struct play_verdict *verdict);
