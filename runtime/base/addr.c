/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "runtime/base/addr.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Decimal digits only, from `text` up to its end; strtoul would take signs and spaces. */
static bool read_number(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > max) {
            return false;
        }
    }
    *out = value;
    return true;
}

/* Ends `text` at the last `mark` and returns what follows it; NULL without one. */
static char *split_at(char *text, char mark)
{
    char *at = strrchr(text, mark);
    if (at == NULL) {
        return NULL;
    }
    *at = '\0';
    return at + 1;
}

static bool copy_text(char copy[RT_ADDR_TEXT_BYTES], const char *text)
{
    size_t size = strnlen(text, RT_ADDR_TEXT_BYTES);
    if (size == RT_ADDR_TEXT_BYTES) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    return true;
}

static bool read_ip(const char *text, struct rt_addr *out)
{
    if (inet_pton(AF_INET, text, out->ip) == 1) {
        out->family = 4;
        return true;
    }
    if (inet_pton(AF_INET6, text, out->ip) == 1) {
        out->family = 6;
        return true;
    }
    return false;
}

rt_status rt_addr_parse(const char *text, uint16_t port, struct rt_addr *out)
{
    char copy[RT_ADDR_TEXT_BYTES];
    struct rt_addr addr = {.port = port};
    uint64_t number;

    if (!copy_text(copy, text)) {
        return RT_MALFORMED;
    }
    const char *port_text = split_at(copy, '@');
    if (port_text != NULL) {
        if (!read_number(port_text, UINT16_MAX, &number)) {
            return RT_MALFORMED;
        }
        addr.port = (uint16_t)number;
    }
    const char *scope_text = split_at(copy, '%');
    if (scope_text != NULL) {
        if (!read_number(scope_text, UINT32_MAX, &number)) {
            return RT_MALFORMED;
        }
        addr.scope_id = (uint32_t)number;
    }
    if (!read_ip(copy, &addr) || (scope_text != NULL && addr.family != 6)) {
        return RT_MALFORMED;
    }
    *out = addr;
    return RT_OK;
}

const char *rt_addr_format(const struct rt_addr *addr, char text[RT_ADDR_TEXT_BYTES])
{
    char ip[INET6_ADDRSTRLEN];
    if (addr->family != 4 && addr->family != 6) {
        snprintf(text, RT_ADDR_TEXT_BYTES, "(none)");
        return text;
    }
    inet_ntop(addr->family == 4 ? AF_INET : AF_INET6, addr->ip, ip, sizeof(ip));

    size_t used = (size_t)snprintf(text, RT_ADDR_TEXT_BYTES, "%s", ip);
    if (addr->scope_id != 0) {
        used +=
            (size_t)snprintf(text + used, RT_ADDR_TEXT_BYTES - used, "%%%" PRIu32, addr->scope_id);
    }
    if (addr->port != 0) {
        used +=
            (size_t)snprintf(text + used, RT_ADDR_TEXT_BYTES - used, "@%u", (unsigned)addr->port);
    }
    RT_CHECK(used < RT_ADDR_TEXT_BYTES);
    return text;
}

bool rt_addr_equal_ip(const struct rt_addr *a, const struct rt_addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool rt_addr_equal(const struct rt_addr *a, const struct rt_addr *b)
{
    return rt_addr_equal_ip(a, b) && a->scope_id == b->scope_id && a->port == b->port;
}

bool rt_addr_is_any(const struct rt_addr *addr)
{
    static const uint8_t zeroes[sizeof(addr->ip)];
    return memcmp(addr->ip, zeroes, sizeof(zeroes)) == 0;
}

/* The bits of byte `index` that belong to a prefix of `bits` bits. */
static uint8_t mask_of_byte(unsigned bits, unsigned index)
{
    unsigned before = index * 8;
    if (bits <= before) {
        return 0;
    }
    unsigned in_byte = bits - before;
    return in_byte >= 8 ? 0xFF : (uint8_t)(0xFF << (8 - in_byte));
}

rt_status rt_prefix_parse(const char *text, struct rt_prefix *out)
{
    char copy[RT_ADDR_TEXT_BYTES];
    struct rt_prefix prefix = {0};
    uint64_t bits;

    if (!copy_text(copy, text)) {
        return RT_MALFORMED;
    }
    const char *bits_text = split_at(copy, '/');
    if (!read_ip(copy, &prefix.addr)) {
        return RT_MALFORMED;
    }
    bits = prefix.addr.family == 4 ? 32 : 128;
    if (bits_text != NULL && !read_number(bits_text, bits, &bits)) {
        return RT_MALFORMED;
    }
    prefix.bits = (uint8_t)bits;
    for (unsigned i = 0; i < sizeof(prefix.addr.ip); i++) {
        prefix.addr.ip[i] &= mask_of_byte(prefix.bits, i);
    }
    *out = prefix;
    return RT_OK;
}

bool rt_prefix_contains(const struct rt_prefix *prefix, const struct rt_addr *addr)
{
    if (prefix->addr.family != addr->family || addr->family == 0) {
        return false;
    }
    for (unsigned i = 0; i * 8 < prefix->bits; i++) {
        if ((addr->ip[i] & mask_of_byte(prefix->bits, i)) != prefix->addr.ip[i]) {
            return false;
        }
    }
    return true;
}
