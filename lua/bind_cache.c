/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lua/vm.h"

/* cache (modules.md 27.5). The store itself opens when the configuration is complete; here it is
 * checked as far as the file system tells, so that the user's line can be named. */

#define SIZE_MIN       8192.0
#define SIZE_MAX_BYTES 70368744177664.0 /* 64 TiB: what LMDB maps on a 64-bit machine */
enum { SIZE_DEFAULT = 10 << 20, TTL_S_LIMIT = 0x7fffffff };

static int need_open(lua_State *L, const char *option)
{
    if (!lu_settings_of(L)->has_cache) {
        return lu_fail(L, option,
                       "no cache is open yet, use cache.open() or cache.size, etc.; "
                       "put that line above this one");
    }
    return 0;
}

/* Writable, or missing in a folder that is writable. */
static bool is_usable(const char *path)
{
    char parent[LU_PATH_BYTES];
    struct stat info;

    if (stat(path, &info) == 0) {
        return S_ISDIR(info.st_mode) && access(path, W_OK | X_OK) == 0;
    }
    snprintf(parent, sizeof(parent), "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash == NULL) {
        return access(".", W_OK | X_OK) == 0;
    }
    slash[slash == parent ? 1 : 0] = '\0';
    return access(parent, W_OK | X_OK) == 0;
}

static int fail_path(lua_State *L, const char *option, const char *path)
{
    char folder[LU_PATH_BYTES];

    if (getcwd(folder, sizeof(folder)) == NULL) {
        snprintf(folder, sizeof(folder), "?");
    }
    return lu_fail(L, option,
                   "can't open cache path '%s'; working directory '%s'; "
                   "give a folder that exists and may be written to",
                   path, folder);
}

/* "lmdb://[path]" to a path; without one the working folder. */
static const char *path_of(lua_State *L, const char *option, const char *uri)
{
    if (strncmp(uri, "lmdb://", 7) == 0) {
        uri += 7;
    } else if (strstr(uri, "://") != NULL) {
        lu_fail(L, option, "unsupported cache backend '%s'; use 'lmdb://path'", uri);
    }
    const char *path = uri[0] != '\0' ? uri : lu_vm_of(L)->options.rundir;
    if (path == NULL) {
        path = ".";
    }
    if (strlen(path) >= LU_PATH_BYTES - 1) {
        lu_fail(L, option, "the path is longer than %d bytes; choose a shorter one",
                LU_PATH_BYTES - 2);
    }
    if (!is_usable(path)) {
        fail_path(L, option, path);
    }
    return path;
}

static void open_at(lua_State *L, const char *option, lua_Number size, const char *path)
{
    struct lu_settings *settings = lu_settings_of(L);

    if (!(size >= SIZE_MIN && size <= SIZE_MAX_BYTES)) {
        lu_fail(L, option, "the size must be from 8192 bytes to 64 TiB; write for example 100*MB");
    }
    settings->has_cache = true;
    settings->cache_bytes = (uint64_t)size;
    memmove(settings->cache_path, path, strlen(path) + 1);
}

static lua_Number size_argument(lua_State *L, int index, const char *option)
{
    if (lua_type(L, index) != LUA_TNUMBER) {
        lu_fail(L, option, "expected a size in bytes, got %s; write for example 100*MB",
                luaL_typename(L, index));
    }
    return lua_tonumber(L, index);
}

static const char *uri_argument(lua_State *L, int index, const char *option)
{
    if (lua_type(L, index) != LUA_TSTRING) {
        lu_fail(L, option, "expected a text, got %s; use 'lmdb://path'", luaL_typename(L, index));
    }
    return lua_tostring(L, index);
}

/* (max_size[, uri]) -> true */
static int cache_open(lua_State *L)
{
    lua_Number size = size_argument(L, 1, "cache.open");
    const char *uri = lua_isnoneornil(L, 2) ? "lmdb://" : uri_argument(L, 2, "cache.open");

    open_at(L, "cache.open", size, path_of(L, "cache.open", uri));
    lua_pushboolean(L, true);
    return 1;
}

/* cache.size = n: the storage is kept. */
static int cache_set_size(lua_State *L)
{
    struct lu_settings *settings = lu_settings_of(L);
    lua_Number size = size_argument(L, 1, "cache.size");
    const char *path =
        settings->has_cache ? settings->cache_path : path_of(L, "cache.size", "lmdb://");

    open_at(L, "cache.size", size, path);
    return 0;
}

/* cache.storage = uri: the size is kept. */
static int cache_set_storage(lua_State *L)
{
    struct lu_settings *settings = lu_settings_of(L);
    const char *uri = uri_argument(L, 1, "cache.storage");
    const char *path = path_of(L, "cache.storage", uri);

    open_at(L, "cache.storage",
            settings->has_cache ? (lua_Number)settings->cache_bytes : (lua_Number)SIZE_DEFAULT,
            path);
    return 0;
}

static int cache_current_size(lua_State *L)
{
    const struct lu_settings *settings = lu_settings_of(L);

    if (settings->has_cache) {
        lua_pushnumber(L, (lua_Number)settings->cache_bytes);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

static int cache_current_storage(lua_State *L)
{
    const struct lu_settings *settings = lu_settings_of(L);

    if (settings->has_cache) {
        lua_pushfstring(L, "lmdb://%s", settings->cache_path);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

/* () -> was it open? What is on disk stays there. */
static int cache_close(lua_State *L)
{
    struct lu_settings *settings = lu_settings_of(L);

    lua_pushboolean(L, settings->has_cache);
    settings->has_cache = false;
    return 1;
}

/* DECIDE-24: it is LMDB, so it may say so. */
static int cache_backends(lua_State *L)
{
    lua_createtable(L, 0, 1);
    lua_pushboolean(L, true);
    lua_setfield(L, -2, "lmdb");
    return 1;
}

/* While a configuration file runs nothing has been read or written yet. */
static int cache_count(lua_State *L)
{
    need_open(L, "cache.count");
    lua_pushnumber(L, 0);
    return 1;
}

static int cache_stats(lua_State *L)
{
    static const char *const names[] = {
        "hit",   "miss",       "insert",        "delete",        "open",
        "close", "count",      "count_entries", "clear",         "commit",
        "read",  "read_miss",  "write",         "remove",        "remove_miss",
        "match", "match_miss", "read_leq",      "read_leq_miss", "usage_percent",
    };
    need_open(L, "cache.stats");
    lua_createtable(L, 0, RT_ARRAY_COUNT(names));
    for (unsigned i = 0; i < RT_ARRAY_COUNT(names); i++) {
        lua_pushnumber(L, 0);
        lua_setfield(L, -2, names[i]);
    }
    return 1;
}

static int cache_max_ttl(lua_State *L)
{
    struct rs_config *config = &lu_settings_of(L)->resolver;

    need_open(L, "cache.max_ttl");
    if (lua_gettop(L) > 0 && lua_tonumber(L, 1) < config->ttl_s_min) {
        return lu_fail(L, "cache.max_ttl", "below cache.min_ttl, which is %u s; lower that first",
                       config->ttl_s_min);
    }
    return lu_property_u32(L, "cache.max_ttl", &config->ttl_s_max, 1, TTL_S_LIMIT);
}

static int cache_min_ttl(lua_State *L)
{
    struct rs_config *config = &lu_settings_of(L)->resolver;

    need_open(L, "cache.min_ttl");
    if (lua_gettop(L) > 0 && lua_tonumber(L, 1) > config->ttl_s_max) {
        return lu_fail(L, "cache.min_ttl", "above cache.max_ttl, which is %u s; raise that first",
                       config->ttl_s_max);
    }
    return lu_property_u32(L, "cache.min_ttl", &config->ttl_s_min, 0, TTL_S_LIMIT);
}

static int cache_ns_tout(lua_State *L)
{
    need_open(L, "cache.ns_tout");
    return lu_property_u32(L, "cache.ns_tout", &lu_settings_of(L)->resolver.ns_rest_ms, 1,
                           TTL_S_LIMIT);
}

static int cache_get(lua_State *L)
{
    need_open(L, "cache.get");
    return lu_fail(L, "cache.get", "Function not implemented; ask with kdig instead");
}

static int cache_clear(lua_State *L)
{
    need_open(L, "cache.clear");
    return lu_fail(L, "cache.clear",
                   "not available in this version; stop troupe and remove the folder %s/shard-*",
                   lu_settings_of(L)->cache_path);
}

void lu_push_cache(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"open", cache_open},
        {"close", cache_close},
        {"set_size", cache_set_size},
        {"set_storage", cache_set_storage},
        {"current_size", cache_current_size},
        {"current_storage", cache_current_storage},
        {"backends", cache_backends},
        {"count", cache_count},
        {"stats", cache_stats},
        {"max_ttl", cache_max_ttl},
        {"min_ttl", cache_min_ttl},
        {"ns_tout", cache_ns_tout},
        {"get", cache_get},
        {"clear", cache_clear},
        {NULL, NULL},
    };
    lua_newtable(L);
    luaL_register(L, NULL, functions);
}
