/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* judge: is this the answer to that question, and is it true? */

#include "tests/sim/client.h"

/* `message` NULL: the bytes were no message. `why`: constant text for anything but SIM_RIGHT. */
enum sim_verdict sim_judge(const struct sim_question *question, const struct sim_message *message,
                           const char **why);
