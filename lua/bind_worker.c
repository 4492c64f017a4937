/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/resource.h>
#include <unistd.h>

#include "lua/vm.h"

/* worker (modules.md 27.8). The configuration runs once for all cores, so `id` is that of the
 * thread it runs on: 0. */

static int worker_get(lua_State *L)
{
    char folder[LU_PATH_BYTES];

    lua_createtable(L, 0, 4);
    lua_pushnumber(L, 0);
    lua_setfield(L, -2, "id");
    lua_pushnumber(L, getpid());
    lua_setfield(L, -2, "pid");
    lua_pushnumber(L, lu_settings_of(L)->workers_count);
    lua_setfield(L, -2, "count");
    lua_pushstring(L, getcwd(folder, sizeof(folder)) != NULL ? folder : ".");
    lua_setfield(L, -2, "cwd");
    return 1;
}

static lua_Number seconds(const struct timeval *time)
{
    return (lua_Number)time->tv_sec + (lua_Number)time->tv_usec / 1e6;
}

/* No core answers questions while a configuration file runs: what counts them is zero. */
static int worker_stats(lua_State *L)
{
    static const char *const names[] = {"udp",     "tcp",        "tls",     "ipv4",   "ipv6",
                                        "timeout", "concurrent", "queries", "dropped"};
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    const struct {
        const char *name;
        lua_Number value;
    } used[] = {
        {"usertime", seconds(&usage.ru_utime)},
        {"systime", seconds(&usage.ru_stime)},
        {"pagefaults", (lua_Number)usage.ru_majflt},
        {"swaps", (lua_Number)usage.ru_nswap},
        {"csw", (lua_Number)(usage.ru_nvcsw + usage.ru_nivcsw)},
        {"rss", (lua_Number)usage.ru_maxrss * 1024},
    };
    lua_createtable(L, 0, RT_ARRAY_COUNT(names) + RT_ARRAY_COUNT(used));
    for (unsigned i = 0; i < RT_ARRAY_COUNT(names); i++) {
        lua_pushnumber(L, 0);
        lua_setfield(L, -2, names[i]);
    }
    for (unsigned i = 0; i < RT_ARRAY_COUNT(used); i++) {
        lua_pushnumber(L, used[i].value);
        lua_setfield(L, -2, used[i].name);
    }
    return 1;
}

void lu_push_worker(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, worker_get);
    lua_setfield(L, -2, "get");
    lua_pushcfunction(L, worker_stats);
    lua_setfield(L, -2, "stats");
}
