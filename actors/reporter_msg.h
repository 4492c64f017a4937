/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "runtime/actor.h"

struct report_core;

/* The reporter of a core: what only that core may read of itself. */
#define REPORTER_MESSAGES(X)                                                                       \
    X(REPORTER_LOOK, struct reporter_look) /* a thread outside -> reporter; fills `into` */

enum reporter_msg_type {
    REPORTER_INVALID = 0,
#define X(name, type) name,
    REPORTER_MESSAGES(X)
#undef X
};

/* `into` belongs to the reporter until it has raised into->is_filled. */
struct reporter_look {
    struct rt_msg head;
    struct report_core *into;
};
