/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runtime/base/addr.h"
#include "runtime/base/check.h"
#include "tests/sim/dns.h"

struct sim_record *sim_records_add(struct sim_records *list, const struct sim_name *owner,
                                   uint16_t type, uint32_t ttl_s, const void *rdata, size_t size)
{
    if (list->count == list->room) {
        list->room = list->room == 0 ? 8 : list->room * 2;
        list->items = realloc(list->items, list->room * sizeof(list->items[0]));
        RT_CHECK(list->items != NULL);
    }
    struct sim_record *record = &list->items[list->count++];
    *record = (struct sim_record){.owner = *owner, .type = type, .class = RS_IN, .ttl_s = ttl_s};
    record->rdata = malloc(size + 1);
    RT_CHECK(record->rdata != NULL);
    memcpy(record->rdata, rdata, size);
    record->rdata_size = (uint16_t)size;
    return record;
}

void sim_records_free(struct sim_records *list)
{
    for (unsigned i = 0; i < list->count; i++) {
        free(list->items[i].rdata);
    }
    free(list->items);
    memset(list, 0, sizeof(*list));
}

bool sim_record_equal(const struct sim_record *a, const struct sim_record *b)
{
    return a->type == b->type && a->rdata_size == b->rdata_size &&
           sim_name_equal(&a->owner, &b->owner) && memcmp(a->rdata, b->rdata, a->rdata_size) == 0;
}

/* ---- text ---- */

/* The next word, or quoted text, into `word`; NULL at the end of the line or at a comment. */
static const char *next_word(const char *at, char *word, size_t room, bool *is_quoted)
{
    size_t used = 0;

    while (*at == ' ' || *at == '\t' || *at == '(' || *at == ')') {
        at++;
    }
    if (*at == '\0' || *at == ';' || *at == '\n' || *at == '\r') {
        return NULL;
    }
    *is_quoted = *at == '"';
    at += *is_quoted ? 1 : 0;
    while (*at != '\0' && *at != '\n' && *at != '\r') {
        if (*is_quoted ? *at == '"' : (isspace((unsigned char)*at) || *at == ';')) {
            break;
        }
        if (*is_quoted && *at == '\\' && at[1] != '\0') {
            at++;
        }
        if (used + 1 < room) {
            word[used++] = *at;
        }
        at++;
    }
    word[used] = '\0';
    return *is_quoted && *at == '"' ? at + 1 : at;
}

struct rdata_cursor {
    const char *at;
    const struct sim_name *origin;
    uint8_t *out;
    size_t size;
    bool is_bad;
};

static bool read_word(struct rdata_cursor *c, char *word, size_t room)
{
    bool is_quoted;
    const char *next = c->is_bad ? NULL : next_word(c->at, word, room, &is_quoted);

    if (next == NULL) {
        return false;
    }
    c->at = next;
    return true;
}

static void put_bytes(struct rdata_cursor *c, const void *bytes, size_t size)
{
    if (c->size + size > SIM_RDATA_BYTES_MAX) {
        c->is_bad = true;
        return;
    }
    memcpy(c->out + c->size, bytes, size);
    c->size += size;
}

static void read_number(struct rdata_cursor *c, unsigned bytes)
{
    char word[64];
    char *end = word;
    uint8_t big[4];
    unsigned long number = read_word(c, word, sizeof(word)) ? strtoul(word, &end, 10) : 0;

    if (end == word || *end != '\0') {
        c->is_bad = true;
        return;
    }
    for (unsigned i = 0; i < bytes; i++) {
        big[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    }
    put_bytes(c, big, bytes);
}

static void read_name(struct rdata_cursor *c)
{
    char word[1010];
    struct sim_name name;

    if (!read_word(c, word, sizeof(word)) || !sim_name_parse(word, c->origin, &name)) {
        c->is_bad = true;
        return;
    }
    put_bytes(c, name.wire, name.size);
}

static void read_addr(struct rdata_cursor *c, uint8_t family)
{
    char word[64];
    struct rt_addr addr;

    if (!read_word(c, word, sizeof(word)) || rt_addr_parse(word, 0, &addr) != RT_OK ||
        addr.family != family) {
        c->is_bad = true;
        return;
    }
    put_bytes(c, addr.ip, family == 4 ? 4 : 16);
}

static void read_texts(struct rdata_cursor *c)
{
    char word[300];
    unsigned count = 0;

    for (; read_word(c, word, sizeof(word)); count++) {
        size_t size = strlen(word) > 255 ? 255 : strlen(word);
        uint8_t length = (uint8_t)size;
        put_bytes(c, &length, 1);
        put_bytes(c, word, size);
    }
    c->is_bad |= count == 0;
}

/* RFC3597-5: \# length hex ... */
static void read_generic(struct rdata_cursor *c)
{
    char word[2 * SIM_RDATA_BYTES_MAX + 1];

    if (!read_word(c, word, sizeof(word)) || strcmp(word, "\\#") != 0 ||
        !read_word(c, word, sizeof(word))) {
        c->is_bad = true;
        return;
    }
    size_t wanted = strtoul(word, NULL, 10);
    while (read_word(c, word, sizeof(word))) {
        for (const char *at = word;
             isxdigit((unsigned char)at[0]) && isxdigit((unsigned char)at[1]); at += 2) {
            char hex[3] = {at[0], at[1], '\0'};
            uint8_t byte = (uint8_t)strtoul(hex, NULL, 16);
            put_bytes(c, &byte, 1);
        }
    }
    c->is_bad |= c->size != wanted;
}

static void read_rdata(struct rdata_cursor *c, uint16_t type)
{
    switch (type) {
    case RS_A:
        read_addr(c, 4);
        return;
    case RS_AAAA:
        read_addr(c, 6);
        return;
    case RS_NS:
    case RS_CNAME:
    case RS_DNAME:
    case RS_PTR:
        read_name(c);
        return;
    case RS_MX:
        read_number(c, 2);
        read_name(c);
        return;
    case RS_SRV:
        read_number(c, 2);
        read_number(c, 2);
        read_number(c, 2);
        read_name(c);
        return;
    case RS_SOA:
        read_name(c);
        read_name(c);
        for (unsigned i = 0; i < 5; i++) {
            read_number(c, 4);
        }
        return;
    case RS_TXT:
    case RS_HINFO:
        read_texts(c);
        return;
    default:
        c->is_bad = true;
    }
}

bool sim_rdata_parse(uint16_t type, const char *text, const struct sim_name *origin,
                     uint8_t rdata[SIM_RDATA_BYTES_MAX], size_t *size)
{
    struct rdata_cursor c = {.at = text, .origin = origin, .out = rdata};
    char first[16];
    bool is_quoted;

    if (next_word(text, first, sizeof(first), &is_quoted) != NULL && strcmp(first, "\\#") == 0) {
        read_generic(&c);
    } else {
        read_rdata(&c, type);
    }
    *size = c.size;
    return !c.is_bad;
}

/* TYPE names beyond what the zones of this folder use: by number, as in RFC3597. */
bool sim_type_parse(const char *text, uint16_t *out)
{
    static const struct {
        const char *name;
        uint16_t type;
    } names[] = {
        {"A", RS_A},         {"NS", RS_NS},       {"CNAME", RS_CNAME}, {"SOA", RS_SOA},
        {"PTR", RS_PTR},     {"HINFO", RS_HINFO}, {"MX", RS_MX},       {"TXT", RS_TXT},
        {"AAAA", RS_AAAA},   {"SRV", RS_SRV},     {"DNAME", RS_DNAME}, {"DS", RS_DS},
        {"HTTPS", RS_HTTPS}, {"SVCB", RS_SVCB},   {"ANY", RS_ANY},     {"DNSKEY", RS_DNSKEY},
    };

    for (unsigned i = 0; i < RT_ARRAY_COUNT(names); i++) {
        if (strcasecmp(text, names[i].name) == 0) {
            *out = names[i].type;
            return true;
        }
    }
    if (strncasecmp(text, "TYPE", 4) == 0 && isdigit((unsigned char)text[4])) {
        *out = (uint16_t)strtoul(text + 4, NULL, 10);
        return true;
    }
    return false;
}

bool sim_record_parse(const char *line, const struct sim_name *origin, uint32_t ttl_default,
                      struct sim_records *out)
{
    char word[1010];
    bool is_quoted;
    struct sim_name owner;
    uint8_t rdata[SIM_RDATA_BYTES_MAX];
    size_t size;
    uint16_t type;
    uint32_t ttl_s = ttl_default;

    line = next_word(line, word, sizeof(word), &is_quoted);
    if (line == NULL || !sim_name_parse(word, origin, &owner)) {
        return false;
    }
    for (;;) {
        line = next_word(line, word, sizeof(word), &is_quoted);
        if (line == NULL) {
            return false;
        }
        if (isdigit((unsigned char)word[0])) {
            ttl_s = (uint32_t)strtoul(word, NULL, 10);
        } else if (strcasecmp(word, "IN") != 0) {
            break;
        }
    }
    if (!sim_type_parse(word, &type) || !sim_rdata_parse(type, line, origin, rdata, &size)) {
        return false;
    }
    sim_records_add(out, &owner, type, ttl_s, rdata, size);
    return true;
}
