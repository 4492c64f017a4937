/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* listener_tcp: answers the TCP clients of one address on one core (RFC7766).
 *
 * Questions of a connection are answered as their answers come, in any order. A connection takes no
 * more questions while tcp_pipeline of them are open, or while its client does not read replies.
 *
 * Memory   Connections, waiting replies and askers on their way come from pools of fixed size.
 * Full     Connections: the one that has been idle longest gives way; without an idle one the new
 *          one is closed. Desk: as for listener_udp.
 * Time     Idle connections end after tcp_idle_ms (less under pressure), half-sent questions and
 *          unread replies after a fixed time (limits in listener_tcp.c). */

#include "lua/hook.h"
#include "runtime/actor.h"

/* As struct listener_udp_args. The socket opens on LISTENER_TCP_OPEN; after a restart at once. */
struct listener_tcp_args {
    unsigned listen_index;
    const struct lu_listen *listen;
    int adopt_fd;
    bool was_opened; /* private, false */
};

extern const struct rt_actor_type listener_tcp_type;
