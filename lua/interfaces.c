/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "lua/vm.h"

/* The address of `entry` as text; a link-local one with its interface. False: none. */
static bool address_text(const struct ifaddrs *entry, char *text, size_t capacity)
{
    char ip[INET6_ADDRSTRLEN];

    if (entry->ifa_addr->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)entry->ifa_addr;
        inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof(ip));
        snprintf(text, capacity, "%s", ip);
        return true;
    }
    if (entry->ifa_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)entry->ifa_addr;
        inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof(ip));
        if (v6->sin6_scope_id != 0) {
            snprintf(text, capacity, "%s%%%s", ip, entry->ifa_name);
        } else {
            snprintf(text, capacity, "%s", ip);
        }
        return true;
    }
    return false;
}

static void set_mac(lua_State *L, const struct sockaddr_ll *link)
{
    char mac[18];

    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", link->sll_addr[0],
             link->sll_addr[1], link->sll_addr[2], link->sll_addr[3], link->sll_addr[4],
             link->sll_addr[5]);
    lua_pushstring(L, mac);
    lua_setfield(L, -2, "mac");
}

/* Adds to the interface's table, which is on the stack. */
static void add_address(lua_State *L, const struct ifaddrs *entry)
{
    char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];

    if (address_text(entry, text, sizeof(text))) {
        lua_getfield(L, -1, "addr");
        lua_pushstring(L, text);
        lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
        lua_pop(L, 1);
    } else if (entry->ifa_addr->sa_family == AF_PACKET) {
        const struct sockaddr_ll *link = (const struct sockaddr_ll *)(const void *)entry->ifa_addr;
        if (link->sll_halen == 6) {
            set_mac(L, link);
        }
    }
}

int lu_net_interfaces(lua_State *L)
{
    struct ifaddrs *entries;

    if (getifaddrs(&entries) != 0) {
        return lu_fail(L, "net.interfaces", "the system does not tell; give addresses instead");
    }
    lua_newtable(L);
    for (const struct ifaddrs *entry = entries; entry != NULL; entry = entry->ifa_next) {
        if (entry->ifa_addr == NULL) {
            continue;
        }
        lua_getfield(L, -1, entry->ifa_name);
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            lua_createtable(L, 0, 2);
            lua_newtable(L);
            lua_setfield(L, -2, "addr");
            lua_pushvalue(L, -1);
            lua_setfield(L, -3, entry->ifa_name);
        }
        add_address(L, entry);
        lua_pop(L, 1);
    }
    freeifaddrs(entries);
    return 1;
}
