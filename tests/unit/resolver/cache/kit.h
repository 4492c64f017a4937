/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* kit: what the tests of the cache share: names and sets from text, arenas, scratch folders. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolver/cache/entry.h"
#include "runtime/base/arena.h"

/* ---- memory ---- */

struct kit {
    struct rt_arena_pool *pool;
    struct rt_arena arena;
};

static inline int kit_setup(void **state)
{
    struct kit *kit = calloc(1, sizeof(*kit));
    assert_non_null(kit);
    assert_int_equal(rt_arena_pool_open(&kit->pool, 64, 4), RT_OK);
    rt_arena_init(&kit->arena, kit->pool, 1 << 20);
    *state = kit;
    return 0;
}

static inline int kit_teardown(void **state)
{
    struct kit *kit = *state;
    rt_arena_reset(&kit->arena);
    rt_arena_pool_close(kit->pool);
    free(kit);
    return 0;
}

/* ---- names and sets ---- */

static inline struct rs_name kit_name(const char *text)
{
    struct rs_name name;
    assert_int_equal(rs_name_parse(text, &name), RT_OK);
    return name;
}

/* A name that lives as long as the arena. */
static inline const uint8_t *kit_wire(struct kit *kit, const char *text)
{
    struct rs_name name = kit_name(text);
    return rt_arena_copy(&kit->arena, name.wire, name.size);
}

static inline struct rs_rrset *kit_a(struct kit *kit, const char *owner, uint32_t ttl_s,
                                     const char *last_octet)
{
    uint8_t ip[4] = {192, 0, 2, (uint8_t)atoi(last_octet)};
    return rs_rrset_new(&kit->arena, kit_name(owner).wire, RS_A, ttl_s, ip, sizeof(ip));
}

/* CNAME, DNAME, NS, PTR. */
static inline struct rs_rrset *kit_target(struct kit *kit, const char *owner, uint16_t type,
                                          uint32_t ttl_s, const char *target)
{
    struct rs_name name = kit_name(target);
    return rs_rrset_new(&kit->arena, kit_name(owner).wire, type, ttl_s, name.wire, name.size);
}

static inline struct rs_rrset *kit_soa(struct kit *kit, const char *zone, uint32_t ttl_s,
                                       uint32_t minimum)
{
    struct rs_name host = kit_name("ns.example."), mail = kit_name("mail.example.");
    uint8_t data[2 * RS_NAME_BYTES_MAX + 20] = {0};
    size_t size = 0;
    memcpy(data, host.wire, host.size);
    size += host.size;
    memcpy(data + size, mail.wire, mail.size);
    size += mail.size + 20;
    for (unsigned i = 0; i < 4; i++) {
        data[size - 1 - i] = (uint8_t)(minimum >> 8 * i);
    }
    return rs_rrset_new(&kit->arena, kit_name(zone).wire, RS_SOA, ttl_s, data, (uint16_t)size);
}

/* ---- entries ---- */

static inline struct rs_entry kit_positive(struct kit *kit, struct rs_rrset *set, uint8_t rank,
                                           uint64_t made_s)
{
    struct rs_entry entry = {
        .kind = RS_KIND_RRSET,
        .rank = rank,
        .ttl_s = set->ttl_s,
        .made_s = made_s,
        .origin = kit_wire(kit, "example."),
    };
    set->rank = rank;
    rs_rrsets_append(&entry.sets, set);
    return entry;
}

static inline struct rs_entry kit_denial(struct kit *kit, enum rs_kind kind, uint32_t ttl_s,
                                         uint64_t made_s)
{
    struct rs_entry entry = {
        .kind = (uint8_t)kind,
        .rank = RS_RANK_AUTHORITY,
        .ttl_s = ttl_s,
        .made_s = made_s,
        .origin = kit_wire(kit, "example."),
    };
    rs_rrsets_append(&entry.sets, kit_soa(kit, "example.", 3600, ttl_s));
    return entry;
}

static inline struct rs_entry kit_failure(struct kit *kit, uint32_t ttl_s, uint64_t made_s)
{
    return (struct rs_entry){
        .kind = RS_KIND_FAILURE,
        .ttl_s = ttl_s,
        .made_s = made_s,
        .origin = kit_wire(kit, "."),
        .failure = {.ede = RS_EDE_NO_REACHABLE_AUTHORITY, .times = 1},
    };
}

enum { KIT_VALUE_BYTES = 40 * 1024 };

static inline struct rs_bytes kit_write(struct kit *kit, const struct rs_entry *entry)
{
    uint8_t room[KIT_VALUE_BYTES];
    size_t size;
    assert_int_equal(rs_entry_write(entry, room, sizeof(room), &size), RT_OK);
    return (struct rs_bytes){rt_arena_copy(&kit->arena, room, size), size};
}

/* ---- folders ---- */

struct kit_folder {
    char path[64];
};

static inline struct kit_folder kit_folder_make(void)
{
    struct kit_folder folder = {"/tmp/troupe-test-XXXXXX"};
    assert_non_null(mkdtemp(folder.path));
    return folder;
}

static inline void kit_folder_remove(const struct kit_folder *folder)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder->path);
    assert_int_equal(system(command), 0);
}

#define KIT_TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
