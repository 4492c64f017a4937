/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lua/vm.h"
#include "runtime/base/log.h"

/* The functions without a table of their own (modules.md 27.8). */

/* ---- option: query flags by name (modules.md 29.4) ---- */

/* X(name, field, value the field has when the flag is on) */
#define FLAGS(X)                                                                                   \
    X("NO_MINIMIZE", minimize, false)                                                              \
    X("NO_0X20", mix_case, false)                                                                  \
    X("NO_IPV4", use_ipv4, false)                                                                  \
    X("NO_IPV6", use_ipv6, false)                                                                  \
    X("NO_EDNS", use_edns, false)                                                                  \
    X("SAFEMODE", use_edns, false)                                                                 \
    X("NO_CACHE", use_cache, false)                                                                \
    X("TCP", always_tcp, true)                                                                     \
    X("ALLOW_LOCAL", allow_local, true)

static bool *flag_field(struct rs_config *config, const char *name, bool *on)
{
#define X(flag, field, value)                                                                      \
    if (strcasecmp(name, flag) == 0) {                                                             \
        *on = (value);                                                                             \
        return &config->field;                                                                     \
    }
    FLAGS(X)
#undef X
    return NULL;
}

/* Flags that exist but describe the state of one query, or belong to parts that are not there. */
static bool is_other_flag(const char *name)
{
    static const char *const names[] = {
        "NO_THROTTLE", "RESOLVED",      "AWAIT_IPV4",  "AWAIT_IPV6",     "AWAIT_CUT",
        "CACHED",      "EXPIRING",      "DNSSEC_WANT", "DNSSEC_BOGUS",   "DNSSEC_INSECURE",
        "DNSSEC_CD",   "STUB",          "ALWAYS_CUT",  "DNSSEC_WEXPAND", "BADCOOKIE_AGAIN",
        "CNAME",       "REORDER_RR",    "TRACE",       "DNSSEC_NODS",    "DNSSEC_OPTOUT",
        "NONAUTH",     "FORWARD",       "DNS64_MARK",  "CACHE_TRIED",    "NO_NS_FOUND",
        "NO_ANSWER",   "DNS64_DISABLE",
    };
    for (unsigned i = 0; i < RT_ARRAY_COUNT(names); i++) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_value(lua_State *L)
{
    if (lua_isnoneornil(L, 2)) {
        return false;
    }
    if (!lua_isboolean(L, 2)) {
        lua_getglobal(L, "tostring");
        lua_pushvalue(L, 2);
        lua_call(L, 1, 1);
        lu_fail(L, "option", "invalid option value: %s; give true or false", lua_tostring(L, -1));
    }
    return true;
}

static bool glue_option(lua_State *L, uint8_t *mode, uint8_t which)
{
    if (has_value(L)) {
        if (lua_toboolean(L, 2)) {
            *mode = which;
        } else if (*mode == which) {
            *mode = RS_GLUE_NORMAL;
        }
    }
    return *mode == which;
}

/* (NAME[, boolean]) -> boolean */
static int misc_option(lua_State *L)
{
    struct rs_config *config = &lu_settings_of(L)->resolver;
    const char *name = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : "";
    bool on = false;
    bool *field = flag_field(config, name, &on);

    if (field != NULL) {
        if (has_value(L)) {
            *field = lua_toboolean(L, 2) ? on : !on;
        }
        lua_pushboolean(L, *field == on);
    } else if (strcasecmp(name, "STRICT") == 0) {
        lua_pushboolean(L, glue_option(L, &config->glue_mode, RS_GLUE_STRICT));
    } else if (strcasecmp(name, "PERMISSIVE") == 0) {
        lua_pushboolean(L, glue_option(L, &config->glue_mode, RS_GLUE_PERMISSIVE));
    } else if (is_other_flag(name)) {
        if (has_value(L) && lua_toboolean(L, 2)) {
            return lu_fail(L, "option", "%s cannot be set for all questions; remove it", name);
        }
        lua_pushboolean(L, false);
    } else {
        return lu_fail(L, "option", "invalid option name: %s; lua/README.md lists the names", name);
    }
    return 1;
}

/* ([mode]) -> mode */
static int misc_mode(lua_State *L)
{
    static const char *const names[] = {
        [RS_GLUE_NORMAL] = "normal",
        [RS_GLUE_STRICT] = "strict",
        [RS_GLUE_PERMISSIVE] = "permissive",
    };
    struct rs_config *config = &lu_settings_of(L)->resolver;

    if (lua_gettop(L) > 0) {
        const char *wanted = lua_tostring(L, 1);
        unsigned found = 0;
        while (found < RT_ARRAY_COUNT(names) &&
               (wanted == NULL || strcmp(wanted, names[found]) != 0)) {
            found++;
        }
        if (found == RT_ARRAY_COUNT(names)) {
            return lu_fail(L, "mode",
                           "unsupported mode: %s; choose 'normal', 'strict' or 'permissive'",
                           wanted != NULL ? wanted : luaL_typename(L, 1));
        }
        config->glue_mode = (uint8_t)found;
    }
    lua_pushstring(L, names[config->glue_mode]);
    return 1;
}

/* ([boolean]) -> boolean */
static int misc_verbose(lua_State *L)
{
    struct lu_settings *settings = lu_settings_of(L);

    if (lua_gettop(L) > 0) {
        if (!lua_isboolean(L, 1)) {
            return lu_fail(L, "verbose", "expected a boolean, got %s; give true or false",
                           luaL_typename(L, 1));
        }
        settings->verbose = lua_toboolean(L, 1);
        rt_log_level_set(settings->verbose ? RT_LOG_DEBUG : RT_LOG_NOTICE);
    }
    lua_pushboolean(L, settings->verbose);
    return 1;
}

/* ([name]) -> name */
static int misc_hostname(lua_State *L)
{
    struct lu_settings *settings = lu_settings_of(L);
    struct rs_name checked;

    if (lua_gettop(L) > 1) {
        return lu_fail(L, "hostname", "too many arguments; hostname([fqdn])");
    }
    if (lua_gettop(L) == 1) {
        const char *name = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : "";
        if (name[0] == '\0' || strlen(name) >= sizeof(settings->hostname) ||
            rs_name_parse(name, &checked) != RT_OK) {
            return lu_fail(L, "hostname", "'%s' is not a domain name; write 'dns.example.com'",
                           name);
        }
        snprintf(settings->hostname, sizeof(settings->hostname), "%s", name);
    }
    if (settings->hostname[0] == '\0' &&
        gethostname(settings->hostname, sizeof(settings->hostname) - 1) != 0) {
        snprintf(settings->hostname, sizeof(settings->hostname), "localhost");
    }
    lua_pushstring(L, settings->hostname);
    return 1;
}

/* (name) -> wire form, lower case; nil when it is no name */
static int misc_todname(lua_State *L)
{
    struct rs_name name;
    const char *text = lua_type(L, 1) == LUA_TSTRING ? lua_tostring(L, 1) : NULL;

    if (text == NULL || strlen(text) != lua_objlen(L, 1) || rs_name_parse(text, &name) != RT_OK) {
        lua_pushnil(L);
    } else {
        lua_pushlstring(L, (const char *)name.wire, name.size);
    }
    return 1;
}

/* ---- saying things ---- */

/* string.format(...) with all arguments. */
static const char *format_arguments(lua_State *L, const char *option)
{
    if (lua_gettop(L) == 0) {
        lu_fail(L, option, "nothing to say; %s(format, ...)", option);
    }
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "format");
    lua_insert(L, 1);
    lua_pop(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return lua_tostring(L, -1);
}

static int misc_log(lua_State *L)
{
    fprintf(stdout, "%s\n", format_arguments(L, "log"));
    fflush(stdout);
    return 0;
}

static int misc_warn(lua_State *L)
{
    fprintf(stderr, "%s\n", format_arguments(L, "warn"));
    return 0;
}

static int misc_panic(lua_State *L)
{
    const char *text = format_arguments(L, "panic");

    return lu_fail(L, "error", "%s; the configuration called panic() here", text);
}

/* ---- for prelude.lua ---- */

/* (option, text): raises text with the user's file and line. */
static int misc_fail(lua_State *L)
{
    return lu_fail(L, luaL_checkstring(L, 1), "%s", luaL_checkstring(L, 2));
}

/* ([boolean]) -> is the root primed (RFC9609)? */
static int misc_prime(lua_State *L)
{
    struct rs_config *config = &lu_settings_of(L)->resolver;

    if (lua_isboolean(L, 1)) {
        config->prime = lua_toboolean(L, 1);
    }
    lua_pushboolean(L, config->prime);
    return 1;
}

static int misc_getenv(lua_State *L)
{
    lua_pushstring(L, lua_type(L, 1) == LUA_TSTRING ? getenv(lua_tostring(L, 1)) : NULL);
    return 1;
}

static int misc_package_version(lua_State *L)
{
    lua_pushliteral(L, TROUPE_VERSION);
    return 1;
}

void lu_push_misc(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"option", misc_option},
        {"mode", misc_mode},
        {"verbose", misc_verbose},
        {"hostname", misc_hostname},
        {"todname", misc_todname},
        {"log", misc_log},
        {"warn", misc_warn},
        {"panic", misc_panic},
        {"package_version", misc_package_version},
        {"fail", misc_fail},
        {"prime", misc_prime},
        {"getenv", misc_getenv},
        {NULL, NULL},
    };
    lua_newtable(L);
    luaL_register(L, NULL, functions);
}
