/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua/root_hints.h"
#include "lua/vm.h"
#include "lua/zone_file.h"

/* hints.root and hints.root_file (modules.md 1.2): where resolving starts. */

enum { DNS_PORT = 53 };

static void push_addr(lua_State *L, const struct rt_addr *addr)
{
    char text[RT_ADDR_TEXT_BYTES];
    struct rt_addr shown = *addr;

    if (shown.port == DNS_PORT) {
        shown.port = 0; /* as the user wrote it */
    }
    lua_pushstring(L, rt_addr_format(&shown, text));
}

static void push_hints(lua_State *L, const struct rs_hints *hints)
{
    char text[RS_NAME_TEXT_BYTES];

    lua_createtable(L, 0, hints->count);
    for (unsigned i = 0; i < hints->count; i++) {
        const struct rs_hint *hint = &hints->items[i];
        lua_createtable(L, hint->addrs_count, 0);
        for (unsigned a = 0; a < hint->addrs_count; a++) {
            push_addr(L, &hint->addrs[a]);
            lua_rawseti(L, -2, (int)a + 1);
        }
        lua_setfield(L, -2, rs_name_text(hint->name.wire, text));
    }
}

/* Adds the address at the top of the stack. What is no address is skipped silently. */
static void add_address(lua_State *L, struct rs_hints *hints, const struct rs_name *name)
{
    struct rt_addr addr;

    if (lua_type(L, -1) != LUA_TSTRING || !lu_address_parse(lua_tostring(L, -1), DNS_PORT, &addr)) {
        return;
    }
    if (!lu_hints_add(hints, name, &addr)) {
        lu_fail(L, "hints.root", "more than %d names or %d addresses for a name; leave some out",
                RS_HINTS_MAX, RS_HINT_ADDRS_MAX);
    }
}

/* Key and value of one pair are on the stack. */
static void add_pair(lua_State *L, struct rs_hints *hints)
{
    struct rs_name name;

    if (lua_type(L, -2) != LUA_TSTRING || rs_name_parse(lua_tostring(L, -2), &name) != RT_OK) {
        return;
    }
    if (!lua_istable(L, -1)) {
        add_address(L, hints, &name);
        return;
    }
    size_t count = lua_objlen(L, -1);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, (int)i);
        add_address(L, hints, &name);
        lua_pop(L, 1);
    }
}

static int by_name(const void *a, const void *b)
{
    return rs_name_compare(((const struct rs_hint *)a)->name.wire,
                           ((const struct rs_hint *)b)->name.wire);
}

/* ([{ ['name'] = 'addr' or { 'addr', ... } }]) -> the set in force, new or old. */
static int hints_root(lua_State *L)
{
    struct rs_hints *hints = &lu_settings_of(L)->resolver.hints;

    if (lua_istable(L, 1)) {
        /* Lua frees it, also when an error is raised on the way. */
        struct rs_hints *fresh = lua_newuserdata(L, sizeof(*fresh));
        memset(fresh, 0, sizeof(*fresh));
        for (lua_pushnil(L); lua_next(L, 1) != 0; lua_pop(L, 1)) {
            add_pair(L, fresh);
        }
        /* Lua tables have no order; the same file shall always give the same resolver. */
        qsort(fresh->items, fresh->count, sizeof(fresh->items[0]), by_name);
        *hints = *fresh;
    } else if (!lua_isnoneornil(L, 1)) {
        return lu_fail(L, "hints.root",
                       "expected a table, got %s; write hints.root({ ['name'] = 'address' })",
                       luaL_typename(L, 1));
    }
    push_hints(L, hints);
    return 1;
}

/* ([path]) -> ''. Without a path the compiled-in hints. */
static int hints_root_file(lua_State *L)
{
    struct rs_hints *hints = &lu_settings_of(L)->resolver.hints;
    char reason[LU_REASON_BYTES] = "";

    if (lua_isnoneornil(L, 1)) {
        lu_root_hints(hints);
    } else {
        if (lua_type(L, 1) != LUA_TSTRING) {
            return lu_fail(L, "hints.root_file", "expected a path, got %s; write it as a text",
                           luaL_typename(L, 1));
        }
        const char *path = lua_tostring(L, 1);
        if (lu_zone_file_hints(path, hints, reason) != RT_OK) {
            return lu_fail(L, "hints.root_file",
                           "error when opening '%s': %s; give a zone file with the addresses of "
                           "the root servers",
                           path, reason);
        }
    }
    lua_pushliteral(L, "");
    return 1;
}

void lu_push_hints(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"root", hints_root},
        {"root_file", hints_root_file},
        {NULL, NULL},
    };
    lua_newtable(L);
    luaL_register(L, NULL, functions);
}
