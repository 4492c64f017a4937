/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* listener_udp has no message of its own: it hears RT_IO_DATAGRAMS from its socket, DESK_ANSWER
 * (actors/desk_msg.h), RT_MSG_UNDELIVERED and RT_MSG_DRAIN. It says SUPERVISOR_READY from start().
 */
#include "actors/desk_msg.h"
