/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* packet: a plain builder of DNS messages for tests, good and bad ones alike: it checks nothing. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/name.h"
#include "resolver/types.h"
#include "resolver/wire.h"
#include "runtime/base/arena.h"

struct packet {
    size_t size;
    uint8_t data[70000];
};

static inline void packet_bytes(struct packet *packet, const void *bytes, size_t size)
{
    assert_true(size <= sizeof(packet->data) - packet->size);
    memcpy(packet->data + packet->size, bytes, size);
    packet->size += size;
}

static inline void packet_u8(struct packet *packet, uint8_t value)
{
    packet_bytes(packet, &value, 1);
}

static inline void packet_u16(struct packet *packet, uint16_t value)
{
    uint8_t bytes[2];
    rs_put_u16(bytes, value);
    packet_bytes(packet, bytes, sizeof(bytes));
}

static inline void packet_u32(struct packet *packet, uint32_t value)
{
    packet_u16(packet, (uint16_t)(value >> 16));
    packet_u16(packet, (uint16_t)value);
}

static inline void packet_begin(struct packet *packet, uint16_t id, uint16_t flags)
{
    packet->size = 0;
    packet_u16(packet, id);
    packet_u16(packet, flags);
    packet_u32(packet, 0);
    packet_u32(packet, 0);
}

/* Adds to QDCOUNT, ANCOUNT, NSCOUNT or ARCOUNT: index 0 to 3. */
static inline void packet_count(struct packet *packet, unsigned index, int more)
{
    uint8_t *at = packet->data + 4 + 2 * index;
    rs_put_u16(at, (uint16_t)(rs_get_u16(at) + more));
}

/* Letters as given; labels split at dots, nothing escaped; "." is the root. */
static inline void packet_name(struct packet *packet, const char *text)
{
    while (*text != '\0' && *text != '.') {
        const char *dot = strchr(text, '.');
        size_t size = dot != NULL ? (size_t)(dot - text) : strlen(text);
        packet_u8(packet, (uint8_t)size);
        packet_bytes(packet, text, size);
        text += size + (dot != NULL);
    }
    packet_u8(packet, 0);
}

static inline void packet_pointer(struct packet *packet, size_t target)
{
    packet_u16(packet, (uint16_t)(0xC000 | target));
}

static inline void packet_question(struct packet *packet, const char *name, uint16_t type,
                                   uint16_t class)
{
    packet_count(packet, 0, 1);
    packet_name(packet, name);
    packet_u16(packet, type);
    packet_u16(packet, class);
}

/* Everything between the owner and the RDATA. */
static inline void packet_fixed(struct packet *packet, uint16_t type, uint16_t class, uint32_t ttl,
                                uint16_t rdata_size)
{
    packet_u16(packet, type);
    packet_u16(packet, class);
    packet_u32(packet, ttl);
    packet_u16(packet, rdata_size);
}

/* A record of section 1 (answer) to 3 (additional), class IN. */
static inline void packet_record(struct packet *packet, unsigned section, const char *owner,
                                 uint16_t type, uint32_t ttl, const void *rdata, uint16_t size)
{
    packet_count(packet, section, 1);
    packet_name(packet, owner);
    packet_fixed(packet, type, RS_IN, ttl, size);
    packet_bytes(packet, rdata, size);
}

/* A record whose RDATA is one name. */
static inline void packet_record_name(struct packet *packet, unsigned section, const char *owner,
                                      uint16_t type, uint32_t ttl, const char *target)
{
    packet_count(packet, section, 1);
    packet_name(packet, owner);
    packet_fixed(packet, type, RS_IN, ttl, 0);
    size_t at = packet->size;
    packet_name(packet, target);
    rs_put_u16(packet->data + at - 2, (uint16_t)(packet->size - at));
}

static inline void packet_opt(struct packet *packet, uint16_t payload, uint32_t ttl,
                              const void *options, uint16_t size)
{
    packet_count(packet, 3, 1);
    packet_u8(packet, 0);
    packet_fixed(packet, RS_OPT, payload, ttl, size);
    packet_bytes(packet, options, size);
}

/* The uncompressed wire form of a text. */
static inline struct rs_name packet_wire_name(const char *text)
{
    struct rs_name name;
    assert_int_equal(rs_name_parse(text, &name), RT_OK);
    return name;
}

/* One arena for a test program, emptied between uses. */
struct packet_arena {
    struct rt_arena_pool *pool;
    struct rt_arena arena;
};

static inline void packet_arena_open(struct packet_arena *room)
{
    assert_int_equal(rt_arena_pool_open(&room->pool, 64, 16), RT_OK);
    rt_arena_init(&room->arena, room->pool, 1024 * 1024);
}

static inline void packet_arena_close(struct packet_arena *room)
{
    rt_arena_reset(&room->arena);
    rt_arena_pool_close(room->pool);
}
