/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* dns: as much of the DNS wire format as authorities and clients in a simulation need. Written
 * apart from resolver/ on purpose: a shared mistake would hide itself.
 *
 * Names are uncompressed wire bytes in lower case, except in what a client or resolver sent.
 * Numbers of types and rcodes are those of resolver/types.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resolver/types.h"

struct sim_name {
    uint8_t size; /* bytes used, the root label included; 0: no name */
    uint8_t wire[255];
};

/* "www.example." or "www" below `origin` (NULL: the root), "@" for the origin itself, \DDD escapes.
 * False: no name. */
bool sim_name_parse(const char *text, const struct sim_name *origin, struct sim_name *out);
struct sim_name sim_name(const char *text); /* ends the process when it is none */
const char *sim_name_text(const struct sim_name *name, char text[1010]);
bool sim_name_equal(const struct sim_name *a, const struct sim_name *b); /* both lower case */
bool sim_name_is_under(const struct sim_name *name, const struct sim_name *zone);
unsigned sim_name_labels(const struct sim_name *name);
struct sim_name sim_name_parent(const struct sim_name *name, unsigned labels);
void sim_name_lower(struct sim_name *name);
/* "label" in front of `name`; false when too long. */
bool sim_name_child(const char *label, const struct sim_name *name, struct sim_name *out);
/* RFC6672-2.2; false when the result is too long. */
bool sim_name_substitute(const struct sim_name *name, const struct sim_name *from,
                         const struct sim_name *to, struct sim_name *out);

/* ---- records ---- */

enum { SIM_RDATA_BYTES_MAX = 1200 };

struct sim_record {
    struct sim_name owner;
    uint16_t type, class;
    uint8_t section; /* 0 answer, 1 authority, 2 additional */
    uint32_t ttl_s;
    uint16_t rdata_size;
    uint8_t *rdata; /* names inside uncompressed and lower case; own memory */
};

struct sim_records {
    struct sim_record *items;
    unsigned count, room;
};

struct sim_record *sim_records_add(struct sim_records *list, const struct sim_name *owner,
                                   uint16_t type, uint32_t ttl_s, const void *rdata, size_t size);
void sim_records_free(struct sim_records *list);
/* Same owner, type and rdata; TTLs do not count. */
bool sim_record_equal(const struct sim_record *a, const struct sim_record *b);

/* Reads the rdata of "A 192.0.2.1", "MX 10 mail", "SOA ns mbox 1 2 3 4 5", "TXT "a b"", "\# 4
 * 01020304". Names are relative to `origin`. False: not understood. */
bool sim_rdata_parse(uint16_t type, const char *text, const struct sim_name *origin,
                     uint8_t rdata[SIM_RDATA_BYTES_MAX], size_t *size);

/* One line "owner [ttl] [IN] TYPE rdata". Also used by scenario files. */
bool sim_record_parse(const char *line, const struct sim_name *origin, uint32_t ttl_default,
                      struct sim_records *out);

/* "AAAA", "TYPE65400". */
bool sim_type_parse(const char *text, uint16_t *out);

/* ---- messages ---- */

enum sim_flag {
    SIM_QR = 0x8000,
    SIM_AA = 0x0400,
    SIM_TC = 0x0200,
    SIM_RD = 0x0100,
    SIM_RA = 0x0080,
    SIM_AD = 0x0020,
    SIM_CD = 0x0010,
};

struct sim_message {
    uint16_t id, flags; /* with opcode and low rcode as they came */
    uint16_t rcode;     /* with the upper bits of EDNS */
    uint8_t opcode;
    uint16_t question_count;
    struct sim_name name_as_sent, name;
    uint16_t type, class;
    bool has_edns, is_dnssec_ok;
    uint8_t edns_version;
    uint16_t payload; /* 512 without EDNS */
    uint8_t cookie_size;
    uint8_t cookie[40];
    int ede;                    /* -1 none */
    struct sim_records records; /* all sections in order, OPT not among them */
};

/* False: not a whole well-formed message. Frees nothing it did not take; sim_message_free always.
 */
bool sim_message_read(const uint8_t *wire, size_t size, struct sim_message *out);
void sim_message_free(struct sim_message *message);

struct sim_writer {
    uint8_t *wire;
    uint32_t size, room;
    bool is_overfull; /* sticky: something did not fit */
    bool is_compressing;
    uint16_t seen[128]; /* offsets of names that may be pointed to */
    unsigned seen_count;
};

/* Starts a message; `name` NULL: no question. */
void sim_write_begin(struct sim_writer *writer, uint8_t *wire, uint32_t room, uint16_t id,
                     uint16_t flags, const struct sim_name *name, uint16_t type, uint16_t class);
/* Sections must come in order. */
void sim_write_record(struct sim_writer *writer, unsigned section, const struct sim_record *record);
void sim_write_opt(struct sim_writer *writer, uint16_t payload, uint16_t rcode, bool is_dnssec_ok,
                   const void *options, uint16_t options_size);
/* Only header and question stay, with TC. */
void sim_write_truncate(struct sim_writer *writer);

/* "? www.example. A" or "NOERROR aa www.example. A 2/1/3", for people. */
void sim_dns_describe(const uint8_t *wire, size_t size, char *text, size_t room);
