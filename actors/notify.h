/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* notify: tells the service manager how we are (the protocol of sd_notify(3)): "READY=1" when every
 * core listens, "STOPPING=1" when draining. Nothing happens without NOTIFY_SOCKET. */

void notify_send(const char *state);
