/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* vm: what the bindings of the configuration language share: the VM behind a lua_State, its limits,
 * and the one way to report a mistake in the user's file.
 *
 * Private to lua/. LuaJIT's headers are seen in this folder only. */

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "lua/hook.h"

enum {
    LU_VM_BYTES_MAX = 256 << 20,     /* A configuration is text and tables; more is a mistake. */
    LU_VM_PURE_BYTES_MAX = 16 << 20, /* Of one that nobody vouches for. */
    LU_RUN_MS_MAX = 10000,           /* A file that runs longer loops for ever. */
    LU_HOOK_STEPS = 100000,          /* VM instructions between two looks at the clock. */
};

struct lu_vm {
    lua_State *state;
    struct lu_options options;
    struct lu_settings *settings;
    size_t bytes, bytes_max; /* memory of the Lua heap */
    uint64_t deadline_ns;    /* of the file that runs */
    int environment_ref;     /* globals as user files see them */
};

struct lu_vm *lu_vm_of(lua_State *L);
struct lu_settings *lu_settings_of(lua_State *L);

/* Raises "file:line: option: text" where file and line are the user's, not those of our Lua. The
 * text ends with "; " and a remedy. Does not return; int so that bindings can `return` it. */
__attribute__((format(printf, 3, 4))) int lu_fail(lua_State *L, const char *option,
                                                  const char *format, ...);

/* The integer argument `index` of `option` within [low, high], or lu_fail. */
lua_Number lu_integer(lua_State *L, int index, const char *option, lua_Number low, lua_Number high);

/* A getter and setter in one: without argument `*value` is pushed, with one it is set. Returns the
 * number of results. */
int lu_property_u32(lua_State *L, const char *option, uint32_t *value, uint32_t low, uint32_t high);

/* The address argument `index`, or lu_fail. An interface name may follow "%". */
void lu_address(lua_State *L, int index, const char *option, uint16_t port, struct rt_addr *out);

/* The same from text; false when it is no address. */
bool lu_address_parse(const char *text, uint16_t port, struct rt_addr *out);

/* Each pushes one table of C functions that prelude.lua builds on. */
void lu_push_net(lua_State *L);
void lu_push_cache(lua_State *L);
void lu_push_hints(lua_State *L);
void lu_push_worker(lua_State *L);
void lu_push_forwards(lua_State *L);
void lu_push_misc(lua_State *L);

/* Pushes { name = { addr = {...}, mac = '...' } }. */
int lu_net_interfaces(lua_State *L);

/* Our own Lua files, embedded at build time. */
struct lu_source {
    const char *name;
    const char *begin, *end;
};
extern const struct lu_source lu_source_prelude, lu_source_policy;
