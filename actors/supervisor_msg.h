/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "runtime/actor.h"

/* The supervisor: start order, readiness, drain and stop. It lives on the control core. */
#define SUPERVISOR_MESSAGES(X)                                                                    \
    X(SUPERVISOR_READY, struct supervisor_ready) /* listener -> supervisor: its sockets are open */ \
    X(SUPERVISOR_STOP, struct rt_msg)            /* control -> supervisor: drain, then stop all */  \
    X(SUPERVISOR_DRAINED, struct rt_msg)         /* desk -> supervisor: no query is left */

enum supervisor_msg_type {
    SUPERVISOR_INVALID = 0,
#define X(name, type) name,
    SUPERVISOR_MESSAGES(X)
#undef X
};

struct supervisor_ready {
    struct rt_msg head;
    rt_status status; /* RT_OK, or why it cannot listen: then troupe does not start */
};
