/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "lua/vm.h"

/* net (modules.md 27.4). Nested address lists and the sugar are in prelude.lua. */

static struct lu_listen *find_listen(struct lu_settings *settings, const struct rt_addr *addr)
{
    for (unsigned i = 0; i < settings->listens_count; i++) {
        if (rt_addr_equal(&settings->listens[i].addr, addr)) {
            return &settings->listens[i];
        }
    }
    return NULL;
}

static const char *bind_remedy(rt_status status)
{
    switch ((int)status) {
    case RT_IN_USE:
        return "another program has it; stop that one (see: ss -lnp) or choose another port";
    case RT_DENIED:
        return "not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE";
    case RT_NO_ROUTE:
        return "this host has no such address; see: ip address, or pass { freebind = true }";
    default:
        return NULL;
    }
}

static int fail_to_bind(lua_State *L, const struct rt_addr *addr, rt_status status)
{
    char text[RT_ADDR_TEXT_BYTES];
    const char *remedy = bind_remedy(status);

    rt_addr_format(addr, text);
    if (remedy != NULL) {
        return lu_fail(L, "net.listen", "failed to bind %s: %s", text, remedy);
    }
    return lu_fail(L, "net.listen", "failed to bind %s: %s; choose another address", text,
                   rt_status_text(status));
}

/* (address, port, freebind) -> true. A pair that listens already is left alone. */
static int net_listen(lua_State *L)
{
    struct lu_vm *vm = lu_vm_of(L);
    struct lu_settings *settings = vm->settings;
    struct lu_listen listen = {.udp = true, .tcp = true, .freebind = lua_toboolean(L, 3)};
    uint16_t port = (uint16_t)lu_integer(L, 2, "net.listen port", 1, 65535);

    lu_address(L, 1, "net.listen", port, &listen.addr);
    if (listen.addr.port == 0) {
        return lu_fail(L, "net.listen", "port 0 cannot be asked; give one from 1 to 65535");
    }
    if (find_listen(settings, &listen.addr) == NULL) {
        if (settings->listens_count == LU_LISTENS_MAX) {
            return lu_fail(L, "net.listen",
                           "more than %d addresses; listen on 0.0.0.0 and ::", LU_LISTENS_MAX);
        }
        rt_status status = vm->options.listen_probe == NULL
                               ? RT_OK
                               : vm->options.listen_probe(vm->options.arg, &listen);
        if (status != RT_OK) {
            return fail_to_bind(L, &listen.addr, status);
        }
        settings->listens[settings->listens_count++] = listen;
    }
    lua_pushboolean(L, true);
    return 1;
}

/* (address[, port]) -> true when something was closed; without port all of the address. */
static int net_close(lua_State *L)
{
    struct lu_vm *vm = lu_vm_of(L);
    struct lu_settings *settings = vm->settings;
    bool has_port = !lua_isnoneornil(L, 2);
    struct rt_addr addr;
    unsigned kept = 0;

    lu_address(L, 1, "net.close", 0, &addr);
    if (has_port) {
        addr.port = (uint16_t)lu_integer(L, 2, "net.close port", 1, 65535);
    }
    for (unsigned i = 0; i < settings->listens_count; i++) {
        const struct lu_listen *listen = &settings->listens[i];
        bool is_it = addr.port != 0 ? rt_addr_equal(&listen->addr, &addr)
                                    : rt_addr_equal_ip(&listen->addr, &addr);
        if (!is_it) {
            settings->listens[kept++] = *listen;
        } else if (vm->options.listen_forget != NULL) {
            vm->options.listen_forget(vm->options.arg, listen);
        }
    }
    lua_pushboolean(L, kept < settings->listens_count);
    settings->listens_count = kept;
    return 1;
}

static void push_ip(lua_State *L, const struct rt_addr *addr)
{
    char text[RT_ADDR_TEXT_BYTES];
    struct rt_addr bare = *addr;

    bare.port = 0;
    lua_pushstring(L, rt_addr_format(&bare, text));
}

static void append_transport(lua_State *L, const struct rt_addr *addr, const char *protocol)
{
    lua_createtable(L, 0, 2);
    lua_pushliteral(L, "dns");
    lua_setfield(L, -2, "kind");
    lua_createtable(L, 0, 4);
    lua_pushstring(L, addr->family == 4 ? "inet4" : "inet6");
    lua_setfield(L, -2, "family");
    push_ip(L, addr);
    lua_setfield(L, -2, "ip");
    lua_pushnumber(L, addr->port);
    lua_setfield(L, -2, "port");
    lua_pushstring(L, protocol);
    lua_setfield(L, -2, "protocol");
    lua_setfield(L, -2, "transport");
    lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
}

/* () -> { { kind = 'dns', transport = { family, ip, port, protocol } }, ... } */
static int net_list(lua_State *L)
{
    const struct lu_settings *settings = lu_settings_of(L);

    lua_newtable(L);
    for (unsigned i = 0; i < settings->listens_count; i++) {
        if (settings->listens[i].udp) {
            append_transport(L, &settings->listens[i].addr, "udp");
        }
        if (settings->listens[i].tcp) {
            append_transport(L, &settings->listens[i].addr, "tcp");
        }
    }
    return 1;
}

/* ([downstream[, upstream]]) -> both. One number sets both ways. */
static int net_bufsize(lua_State *L)
{
    struct rs_config *config = &lu_settings_of(L)->resolver;

    if (lua_gettop(L) > 2) {
        return lu_fail(L, "net.bufsize",
                       "too many arguments; net.bufsize([downstream[, upstream]])");
    }
    if (lua_gettop(L) > 0) {
        uint16_t down = (uint16_t)lu_integer(L, 1, "net.bufsize", RS_UDP_PLAIN_BYTES, 65535);
        uint16_t up = down;
        if (lua_gettop(L) > 1) {
            up = (uint16_t)lu_integer(L, 2, "net.bufsize", RS_UDP_PLAIN_BYTES, 65535);
        }
        config->payload_down = down;
        config->payload_up = up;
    }
    lua_pushnumber(L, config->payload_down);
    lua_pushnumber(L, config->payload_up);
    return 2;
}

static int net_tcp_pipeline(lua_State *L)
{
    return lu_property_u32(L, "net.tcp_pipeline", &lu_settings_of(L)->tcp_pipeline, 0, 65535);
}

static int net_tcp_in_idle(lua_State *L)
{
    return lu_property_u32(L, "net.tcp_in_idle", &lu_settings_of(L)->tcp_idle_ms, 1, 86400000);
}

static int outgoing(lua_State *L, const char *option, uint8_t family, struct rt_addr *value)
{
    if (lua_gettop(L) > 0 && lua_isnil(L, 1)) {
        memset(value, 0, sizeof(*value));
    } else if (lua_gettop(L) > 0) {
        struct rt_addr addr;
        lu_address(L, 1, option, 0, &addr);
        if (addr.family != family || addr.port != 0) {
            return lu_fail(L, option, "'%s' will not do; give an IPv%d address without port",
                           lua_tostring(L, 1), family);
        }
        *value = addr;
    }
    if (value->family == 0) {
        lua_pushnil(L);
    } else {
        push_ip(L, value);
    }
    return 1;
}

static int net_outgoing_v4(lua_State *L)
{
    return outgoing(L, "net.outgoing_v4", 4, &lu_settings_of(L)->outgoing_v4);
}

static int net_outgoing_v6(lua_State *L)
{
    return outgoing(L, "net.outgoing_v6", 6, &lu_settings_of(L)->outgoing_v6);
}

/* ('ipv4' or 'ipv6'[, boolean]) -> boolean: are servers of that family asked? */
static int net_family(lua_State *L)
{
    struct rs_config *config = &lu_settings_of(L)->resolver;
    bool is_v4 = strcmp(luaL_checkstring(L, 1), "ipv4") == 0;
    bool *value = is_v4 ? &config->use_ipv4 : &config->use_ipv6;

    if (lua_gettop(L) > 1) {
        if (!lua_isboolean(L, 2)) {
            return lu_fail(L, is_v4 ? "net.ipv4" : "net.ipv6",
                           "expected a boolean, got %s; assign true or false", luaL_typename(L, 2));
        }
        *value = lua_toboolean(L, 2);
    }
    lua_pushboolean(L, *value);
    return 1;
}

/* ([{ '10.0.0.0/8', ... }]) -> the list in force: RFC5358-4: only these clients are served. */
static int net_allow(lua_State *L)
{
    struct lu_settings *settings = lu_settings_of(L);

    if (lua_gettop(L) > 0) {
        struct rt_prefix acl[LU_ACL_MAX];
        if (!lua_istable(L, 1)) {
            return lu_fail(L, "net.allow", "expected a list; write net.allow{'10.0.0.0/8', '::1'}");
        }
        size_t count = lua_objlen(L, 1);
        if (count > LU_ACL_MAX) {
            return lu_fail(L, "net.allow", "%zu prefixes; join them, at most %d fit", count,
                           LU_ACL_MAX);
        }
        for (size_t i = 0; i < count; i++) {
            lua_rawgeti(L, 1, (int)i + 1);
            const char *text = lua_tostring(L, -1);
            if (text == NULL || rt_prefix_parse(text, &acl[i]) != RT_OK) {
                return lu_fail(
                    L, "net.allow",
                    "'%s' is not a prefix; write it as '192.0.2.0/24' or '2001:db8::/32'",
                    text != NULL ? text : luaL_typename(L, -1));
            }
            lua_pop(L, 1);
        }
        memcpy(settings->acl, acl, count * sizeof(acl[0]));
        settings->acl_count = (unsigned)count;
    }
    lua_createtable(L, (int)settings->acl_count, 0);
    for (unsigned i = 0; i < settings->acl_count; i++) {
        push_ip(L, &settings->acl[i].addr);
        lua_pushfstring(L, "%s/%d", lua_tostring(L, -1), settings->acl[i].bits);
        lua_rawseti(L, -3, (int)i + 1);
        lua_pop(L, 1);
    }
    return 1;
}

void lu_push_net(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"listen", net_listen},
        {"close", net_close},
        {"list", net_list},
        {"interfaces", lu_net_interfaces},
        {"bufsize", net_bufsize},
        {"tcp_pipeline", net_tcp_pipeline},
        {"tcp_in_idle", net_tcp_in_idle},
        {"outgoing_v4", net_outgoing_v4},
        {"outgoing_v6", net_outgoing_v6},
        {"family", net_family},
        {"allow", net_allow},
        {NULL, NULL},
    };
    lua_newtable(L);
    luaL_register(L, NULL, functions);
}
