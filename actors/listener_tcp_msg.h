/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "runtime/actor.h"

/* DESK_ANSWER (desk_msg.h) reaches it too. */
#define LISTENER_TCP_MESSAGES(X)                                                                   \
    X(LISTENER_TCP_OPEN, struct rt_msg) /* supervisor -> listener: everything else stands; listen. \
                                           Answered by SUPERVISOR_READY */

enum listener_tcp_msg_type {
    LISTENER_TCP_INVALID = 0,
#define X(name, type) name,
    LISTENER_TCP_MESSAGES(X)
#undef X
};
