/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* bind: the sockets of net.listen, bound while the configuration runs, so that a line that cannot
 * be obeyed can be named; later taken over by the listeners of each core.
 *
 * Each core gets sockets of its own, which share the port by SO_REUSEPORT. That option would also
 * let a second trouped steal half of the clients: so every address is first bound without it.
 * TCP sockets are bound here and listen much later (actors/supervisor.h).
 *
 * Memory   One table of file descriptors, grown while the configuration runs. */

#include "lua/hook.h"

struct bind;

RT_MUST_USE rt_status bind_open(struct bind **out, unsigned workers_count);

/* Closes what nobody took. */
void bind_close(struct bind *bind);

/* Binds `listen` for all cores. RT_IN_USE, RT_DENIED, RT_NO_ROUTE, RT_FULL (file descriptors),
 * RT_IO_ERROR; then nothing is left bound. */
RT_MUST_USE rt_status bind_add(struct bind *bind, const struct lu_listen *listen);

/* Closes what bind_add bound for this address. */
void bind_forget(struct bind *bind, const struct lu_listen *listen);

/* The socket of that core, which is the caller's from now on; -1 when there is none (any more). */
int bind_take(struct bind *bind, unsigned worker, const struct rt_addr *addr, bool is_tcp);
