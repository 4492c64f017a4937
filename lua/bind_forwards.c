/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "lua/vm.h"
#include "runtime/base/log.h"

/* What policy.lua builds on: names whose questions go to chosen servers. */

enum { DNS_PORT = 53, TARGETS_MAX = 4 };

/* (option, target) -> nothing: modules.md 3.4 gives the wording. */
static void read_target(lua_State *L, const char *option, int index, struct rt_addr *out)
{
    const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;

    if (text == NULL || !lu_address_parse(text, DNS_PORT, out) || out->port == 0) {
        lu_fail(L, option,
                "target '%s' is not a valid IP address; write '192.0.2.1' or "
                "'192.0.2.1@5353'",
                text != NULL ? text : luaL_typename(L, index));
    }
}

/* (option, { target, ... }): raises what is wrong with them. */
static int forwards_check(lua_State *L)
{
    const char *option = luaL_checkstring(L, 1);
    size_t count = lua_objlen(L, 2);
    struct rt_addr addr;

    if (count == 0) {
        return lu_fail(L, option, "no target; give one to %d addresses", TARGETS_MAX);
    }
    if (count > TARGETS_MAX) {
        return lu_fail(L, option, "at most %d %s targets are supported; leave some out",
                       TARGETS_MAX, option + strlen("policy."));
    }
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, (int)i);
        read_target(L, option, -1, &addr);
        lua_pop(L, 1);
    }
    return 0;
}

/* The wire form of the name at `index`, from the wire form that todname() gave. */
static void read_wire_name(lua_State *L, int index, struct rs_name *out)
{
    size_t size = 0;
    const char *wire = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &size) : NULL;

    if (wire == NULL || rs_name_check((const uint8_t *)wire, size) != size) {
        lu_fail(L, "policy.suffix",
                "a name is not in wire form; write {todname('example.com')} or "
                "policy.todnames({'example.com'})");
    }
    rs_name_copy(out, (const uint8_t *)wire);
}

/* (wire name, 'FORWARD' or 'STUB', { target, ... }). The first rule that fits a name decides, as
 * everywhere in policy; a rule below an earlier one would never be reached and is left out. */
static int forwards_add(lua_State *L)
{
    struct rs_config *config = &lu_settings_of(L)->resolver;
    struct rs_forward forward = {0};
    char name[RS_NAME_TEXT_BYTES];

    read_wire_name(L, 1, &forward.name);
    forward.mode =
        strcmp(luaL_checkstring(L, 2), "STUB") == 0 ? RS_FORWARD_STUB : RS_FORWARD_RECURSE;
    size_t count = lua_objlen(L, 3);
    RT_CHECK(count >= 1 && count <= TARGETS_MAX); /* forwards_check saw it */
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 3, (int)i + 1);
        read_target(L, "policy.add", -1, &forward.addrs[i]);
        lua_pop(L, 1);
    }
    forward.addrs_count = (uint8_t)count;
    if (rs_config_forward(config, forward.name.wire) != NULL) {
        rt_log(RT_LOG_WARNING, "policy",
               "an earlier rule decides for %s: this one is never reached",
               rs_name_text(forward.name.wire, name));
        return 0;
    }
    if (config->forwards_count == RS_FORWARDS_MAX) {
        return lu_fail(L, "policy.add", "more than %d names; join them under a common suffix",
                       RS_FORWARDS_MAX);
    }
    config->forwards[config->forwards_count++] = forward;
    return 0;
}

void lu_push_forwards(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, forwards_check);
    lua_setfield(L, -2, "check");
    lua_pushcfunction(L, forwards_add);
    lua_setfield(L, -2, "add");
}
