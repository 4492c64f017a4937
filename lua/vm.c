/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lua/vm.h"

#include <errno.h>
#include <luajit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/base/clock.h"
#include "runtime/base/log.h"

/* Monotonic; the watchdog of a running file is the only one here who looks at a clock. */
static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * RT_NS_PER_S + (uint64_t)now.tv_nsec;
}

/* lua_Alloc with a bound: an endless table ends as "not enough memory" in the user's line. */
static void *bounded_alloc(void *arg, void *old, size_t old_size, size_t size)
{
    struct lu_vm *vm = arg;

    if (size == 0) {
        free(old);
        vm->bytes -= old_size;
        return NULL;
    }
    if (size > old_size && size - old_size > vm->bytes_max - vm->bytes) {
        return NULL;
    }
    void *block = realloc(old, size);
    if (block != NULL) {
        vm->bytes = vm->bytes - old_size + size;
    }
    return block;
}

/* Which VM a state belongs to: by the address of this constant in the registry. */
static const char vm_key;

struct lu_vm *lu_vm_of(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)(uintptr_t)&vm_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    struct lu_vm *vm = lua_touserdata(L, -1);
    lua_pop(L, 1);
    RT_CHECK(vm != NULL);
    return vm;
}

struct lu_settings *lu_settings_of(lua_State *L)
{
    return lu_vm_of(L)->settings;
}

/* ---- mistakes ---- */

/* Pushes "file:line: " of the innermost frame of a user's file; our own chunks are named "=...". */
static void push_where(lua_State *L)
{
    lua_Debug frame;

    for (int level = 0; lua_getstack(L, level, &frame) != 0; level++) {
        lua_getinfo(L, "Sl", &frame);
        if (frame.currentline > 0 && frame.source[0] == '@') {
            lua_pushfstring(L, "%s:%d: ", frame.source + 1, frame.currentline);
            return;
        }
    }
    lua_pushliteral(L, "");
}

int lu_fail(lua_State *L, const char *option, const char *format, ...)
{
    char text[LU_ERROR_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    push_where(L);
    lua_pushfstring(L, "%s: %s", option, text);
    lua_concat(L, 2);
    return lua_error(L);
}

lua_Number lu_integer(lua_State *L, int index, const char *option, lua_Number low, lua_Number high)
{
    lua_Number value = lua_tonumber(L, index);

    if (lua_type(L, index) != LUA_TNUMBER || !(value >= low && value <= high) ||
        value != (lua_Number)(int64_t)value) {
        lu_fail(L, option, "expected a whole number; give one from %.0f to %.0f", low, high);
    }
    return value;
}

int lu_property_u32(lua_State *L, const char *option, uint32_t *value, uint32_t low, uint32_t high)
{
    if (lua_gettop(L) > 0) {
        *value = (uint32_t)lu_integer(L, 1, option, low, high);
    }
    lua_pushnumber(L, *value);
    return 1;
}

/* ---- life ---- */

/* The count hook, every LU_HOOK_STEPS instructions. A pcall() in the user's file cannot swallow the
 * end of its time: from then on every instruction raises it again. */
static void on_steps(lua_State *L, lua_Debug *frame)
{
    struct lu_vm *vm = lu_vm_of(L);
    (void)frame;

    if (now_ns() >= vm->deadline_ns) {
        lua_sethook(L, on_steps, LUA_MASKCOUNT, 1);
        lu_fail(L, "configuration", "it runs without end; look for a loop here");
    }
}

static int protected_open(lua_State *L)
{
    struct lu_vm *vm = lua_touserdata(L, 1);

    lua_pushlightuserdata(L, (void *)(uintptr_t)&vm_key);
    lua_pushlightuserdata(L, vm);
    lua_rawset(L, LUA_REGISTRYINDEX);
    luaL_openlibs(L);
    /* Compiled code does not count instructions, and no configuration needs to be fast. */
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);

    static void (*const parts[])(lua_State *) = {lu_push_net,    lu_push_cache,    lu_push_hints,
                                                 lu_push_worker, lu_push_forwards, lu_push_misc};
    static const char *const names[] = {"net", "cache", "hints", "worker", "forwards", "misc"};
    const struct lu_source *source = &lu_source_prelude;
    if (luaL_loadbuffer(L, source->begin, (size_t)(source->end - source->begin), source->name)) {
        return lua_error(L);
    }
    lua_newtable(L);
    for (unsigned i = 0; i < RT_ARRAY_COUNT(parts); i++) {
        parts[i](L);
        lua_setfield(L, -2, names[i]);
    }
    source = &lu_source_policy;
    if (luaL_loadbuffer(L, source->begin, (size_t)(source->end - source->begin), source->name)) {
        return lua_error(L);
    }
    lua_setfield(L, -2, "policy");
    lua_pushboolean(L, vm->options.is_pure);
    lua_setfield(L, -2, "is_pure");
    lua_call(L, 1, 1);
    vm->environment_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

rt_status lu_open(struct lu_vm **out, const struct lu_options *options)
{
    struct lu_vm *vm = calloc(1, sizeof(*vm));
    if (vm == NULL) {
        return RT_NO_MEMORY;
    }
    vm->options = *options;
    vm->settings = options->settings;
    vm->bytes_max = options->is_pure ? LU_VM_PURE_BYTES_MAX : LU_VM_BYTES_MAX;
    vm->state = lua_newstate(bounded_alloc, vm);
    if (vm->state == NULL) {
        free(vm);
        return RT_NO_MEMORY;
    }
    int failure = lua_cpcall(vm->state, protected_open, vm);
    if (failure != 0) {
        rt_log(RT_LOG_CRIT, "lua", "prelude: %s", lua_tostring(vm->state, -1));
        RT_CHECK(failure == LUA_ERRMEM); /* Anything else is a mistake in our own Lua. */
        lu_close(vm);
        return RT_NO_MEMORY;
    }
    *out = vm;
    return RT_OK;
}

void lu_close(struct lu_vm *vm)
{
    if (vm != NULL) {
        lua_close(vm->state);
        free(vm);
    }
}

/* ---- running ---- */

/* Does it begin with "file:line:"? */
static bool has_position(const char *text)
{
    for (const char *colon = strchr(text, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
        size_t digits = strspn(colon + 1, "0123456789");
        if (digits > 0 && colon[1 + digits] == ':') {
            return true;
        }
    }
    return false;
}

/* Called where the error was raised: the last moment in which the line is known. */
static int add_position(lua_State *L)
{
    if (lua_tostring(L, 1) == NULL) {
        lua_pushliteral(L, "error() was called with something that is no text");
        lua_replace(L, 1);
    }
    if (!has_position(lua_tostring(L, 1))) {
        push_where(L);
        lua_pushliteral(L, "configuration: ");
        lua_pushvalue(L, 1);
        lua_concat(L, 3);
    }
    return 1;
}

/* What the user reads: the message, and for Lua's own messages, which know no remedy, a general
 * one. */
static void error_text(lua_State *L, int failure, const char *chunk_name,
                       char error[LU_ERROR_BYTES])
{
    const char *text = failure == LUA_ERRMEM ? "not enough memory" : lua_tostring(L, -1);
    const char *remedy = "";
    char position[LU_PATH_BYTES + 32] = "";

    if (text == NULL) {
        text = "an error without a text";
    }
    if (!has_position(text)) { /* of the file as a whole */
        snprintf(position, sizeof(position), "%s:0: configuration: ", chunk_name);
    }
    if (strstr(text, "; ") == NULL) {
        remedy = failure == LUA_ERRSYNTAX ? "; correct the Lua syntax of this line"
                 : failure == LUA_ERRMEM  ? "; look for a table or a text that grows without end"
                                          : "; correct this line, lua/README.md lists the options";
    }
    snprintf(error, LU_ERROR_BYTES, "%s%s%s", position, text, remedy);
}

static rt_status run_loaded(struct lu_vm *vm, int failure, const char *chunk_name,
                            char error[LU_ERROR_BYTES])
{
    lua_State *L = vm->state;

    if (failure == 0) {
        uint32_t ms = vm->options.run_ms_max != 0 ? vm->options.run_ms_max : LU_RUN_MS_MAX;
        vm->deadline_ns = now_ns() + ms * RT_NS_PER_MS;
        lua_rawgeti(L, LUA_REGISTRYINDEX, vm->environment_ref);
        lua_setfenv(L, -2);
        lua_pushcfunction(L, add_position);
        lua_insert(L, 1);
        lua_sethook(L, on_steps, LUA_MASKCOUNT, LU_HOOK_STEPS);
        failure = lua_pcall(L, 0, 0, 1);
        lua_sethook(L, NULL, 0, 0);
    }
    if (failure != 0) {
        error_text(L, failure, chunk_name, error);
        lua_settop(L, 0);
        lua_gc(L, LUA_GCCOLLECT, 0); /* LuaJIT does not when memory runs out */
        return RT_MALFORMED;
    }
    lua_settop(L, 0);
    return RT_OK;
}

rt_status lu_run_text(struct lu_vm *vm, const char *text, const char *chunk_name,
                      char error[LU_ERROR_BYTES])
{
    char source[LU_PATH_BYTES + 1];

    /* Text only: LuaJIT trusts bytecode blindly. */
    snprintf(source, sizeof(source), "@%s", chunk_name);
    return run_loaded(vm, luaL_loadbufferx(vm->state, text, strlen(text), source, "t"), chunk_name,
                      error);
}

rt_status lu_run_file(struct lu_vm *vm, const char *path, char error[LU_ERROR_BYTES])
{
    FILE *file = fopen(path, "re");

    if (file == NULL) {
        snprintf(error, LU_ERROR_BYTES, "%s:0: configuration: %s; check the path given with -c",
                 path, strerror(errno));
        return RT_NOT_FOUND;
    }
    fclose(file);
    return run_loaded(vm, luaL_loadfilex(vm->state, path, "t"), path, error);
}
