/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "lua/vm.h"

/* "fe80::1%eth0@53" becomes "fe80::1%2@53": the rest of troupe knows interface numbers only. */
static bool number_scope(const char *text, char *out, size_t capacity)
{
    const char *percent = strchr(text, '%');
    const char *port = strchr(text, '@');
    char name[IF_NAMESIZE];

    if (percent == NULL || (percent[1] >= '0' && percent[1] <= '9')) {
        return snprintf(out, capacity, "%s", text) < (int)capacity;
    }
    size_t size =
        (port != NULL && port > percent) ? (size_t)(port - percent - 1) : strlen(percent + 1);
    if (size == 0 || size >= sizeof(name)) {
        return false;
    }
    memcpy(name, percent + 1, size);
    name[size] = '\0';
    unsigned number = if_nametoindex(name);
    return number != 0 && snprintf(out, capacity, "%.*s%%%u%s", (int)(percent - text), text, number,
                                   percent + 1 + size) < (int)capacity;
}

bool lu_address_parse(const char *text, uint16_t port, struct rt_addr *out)
{
    char numbered[2 * RT_ADDR_TEXT_BYTES];

    return number_scope(text, numbered, sizeof(numbered)) &&
           rt_addr_parse(numbered, port, out) == RT_OK;
}

void lu_address(lua_State *L, int index, const char *option, uint16_t port, struct rt_addr *out)
{
    if (lua_type(L, index) != LUA_TSTRING) {
        lu_fail(L, option, "bad type for address: %s; give a text such as '127.0.0.1'",
                luaL_typename(L, index));
    }
    const char *text = lua_tostring(L, index);
    if (!lu_address_parse(text, port, out)) {
        lu_fail(L, option, "'%s' is not an IP address; write it as '192.0.2.1' or '2001:db8::1'",
                text);
    }
}
