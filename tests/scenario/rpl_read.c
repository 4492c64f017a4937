/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libzscanner/scanner.h>

#include "tests/scenario/rpl.h"

enum { RPL_DEFAULT_TTL = 3600, RPL_WORDS_MAX = 32 };

struct reader {
    FILE *file;
    char *line; /* without comment, trimmed */
    size_t room;
    unsigned number;
    char *error;
    zs_scanner_t scanner;
};

static bool fail(struct reader *reader, const char *format, ...)
{
    va_list args;
    int used = snprintf(reader->error, 256, "line %u: ", reader->number);

    va_start(args, format);
    vsnprintf(reader->error + used, 256 - (size_t)used, format, args);
    va_end(args);
    return false;
}

static void *allocate(size_t count, size_t size)
{
    void *block = calloc(count, size);
    if (block == NULL) {
        abort();
    }
    return block;
}

/* A semicolon starts a comment, except inside a quoted string. */
static void cut_comment(char *line)
{
    bool is_quoted = false;
    for (char *at = line; *at != '\0'; at++) {
        if (*at == '"') {
            is_quoted = !is_quoted;
        } else if (*at == ';' && !is_quoted) {
            *at = '\0';
            return;
        }
    }
}

/* The next line with something on it. */
static bool next_line(struct reader *reader)
{
    while (getline(&reader->line, &reader->room, reader->file) >= 0) {
        reader->number++;
        cut_comment(reader->line);
        char *from = reader->line;
        while (isspace((unsigned char)*from)) {
            from++;
        }
        size_t size = strlen(from);
        while (size > 0 && isspace((unsigned char)from[size - 1])) {
            size--;
        }
        memmove(reader->line, from, size);
        reader->line[size] = '\0';
        if (size > 0) {
            return true;
        }
    }
    return false;
}

/* True when the line begins with `word`; *rest is what follows. */
static bool starts_with(const struct reader *reader, const char *word, const char **rest)
{
    size_t size = strlen(word);
    if (strncmp(reader->line, word, size) != 0 ||
        (reader->line[size] != '\0' && !isspace((unsigned char)reader->line[size]))) {
        return false;
    }
    const char *at = reader->line + size;
    while (isspace((unsigned char)*at)) {
        at++;
    }
    if (rest != NULL) {
        *rest = at;
    }
    return true;
}

/* ---- settings ---- */

static void add_setting(struct rpl_scenario *out, char *line)
{
    char *colon = strchr(line, ':');
    if (colon == NULL || colon == line) {
        return; /* "server:" and the like say nothing */
    }
    char *name_end = colon;
    char *value = colon + 1;
    while (isspace((unsigned char)*value) || *value == '"') {
        value++;
    }
    char *comment = strstr(value, " #");
    char *tab_comment = strstr(value, "\t#");
    if (comment == NULL || (tab_comment != NULL && tab_comment < comment)) {
        comment = tab_comment;
    }
    size_t size = comment != NULL ? (size_t)(comment - value) : strlen(value);
    while (size > 0 && (isspace((unsigned char)value[size - 1]) || value[size - 1] == '"')) {
        size--;
    }
    if (size == 0) {
        return;
    }
    struct rpl_setting *setting = allocate(1, sizeof(*setting));
    setting->name = strndup(line, (size_t)(name_end - line));
    setting->value = strndup(value, size);
    struct rpl_setting **last = &out->settings;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = setting;
}

const struct rpl_setting *rpl_setting(const struct rpl_scenario *scenario,
                                      const struct rpl_setting *from, const char *name)
{
    for (const struct rpl_setting *at = from != NULL ? from : scenario->settings; at != NULL;
         at = at->next) {
        if (strcmp(at->name, name) == 0) {
            return at;
        }
    }
    return NULL;
}

/* ---- records ---- */

static bool add_rr(struct reader *reader, struct rpl_entry *entry, enum rpl_section section,
                   const struct rpl_rr *rr)
{
    unsigned count = entry->counts[section];
    struct rpl_rr *grown = realloc(entry->rrs[section], (count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return fail(reader, "out of memory");
    }
    grown[count] = *rr;
    entry->rrs[section] = grown;
    entry->counts[section] = count + 1;
    return true;
}

static bool read_question(struct reader *reader, struct rpl_entry *entry)
{
    char name[1024], class[64], type[64];
    struct rpl_rr rr = {.class = KNOT_CLASS_IN};

    int words = sscanf(reader->line, "%1023s %63s %63s", name, class, type);
    if (words == 2) { /* class left out */
        memcpy(type, class, sizeof(type));
    } else if (words != 3 || knot_rrclass_from_string(class, &rr.class) != 0) {
        return fail(reader, "not a question: %s", reader->line);
    }
    if (knot_dname_from_str(rr.owner, name, sizeof(rr.owner)) == NULL ||
        knot_rrtype_from_string(type, &rr.type) != 0) {
        return fail(reader, "not a question: %s", reader->line);
    }
    return add_rr(reader, entry, RPL_QUESTION, &rr);
}

/* Some scenarios wrap keys and signatures at any letter; the scanner wants whole quartets. */
static void join_base64(char *text)
{
    static const struct {
        const char *type;
        unsigned fields;                       /* before the base64 */
    } kinds[] = {{"RRSIG", 8}, {"DNSKEY", 3}}; /* RRSIG DNSKEY ... is the former */

    for (unsigned i = 0; i < RT_ARRAY_COUNT(kinds); i++) {
        char *at = strstr(text, kinds[i].type);
        if (at == NULL || at == text || !isspace((unsigned char)at[-1])) {
            continue;
        }
        for (unsigned field = 0; field <= kinds[i].fields && at != NULL; field++) {
            at = strpbrk(at, " \t");
            at = at != NULL ? at + strspn(at, " \t") : NULL;
        }
        if (at == NULL) {
            return;
        }
        char *to = at;
        for (; *at != '\0'; at++) {
            if (!isspace((unsigned char)*at)) {
                *to++ = *at;
            }
        }
        *to = '\0';
        return;
    }
}

/* Records over several lines, in parentheses, become one line without them. */
static bool join_lines(struct reader *reader, char *text, size_t room)
{
    size_t size = 0;
    int depth = 0;

    do {
        bool is_quoted = false;
        for (const char *at = reader->line; *at != '\0'; at++) {
            is_quoted ^= *at == '"';
            if (!is_quoted && (*at == '(' || *at == ')')) {
                depth += *at == '(' ? 1 : -1;
            } else if (size + 2 < room) {
                text[size++] = *at;
            }
        }
        text[size++] = ' ';
    } while (depth > 0 && size + 2 < room && next_line(reader));
    text[size] = '\0';
    return depth == 0 || fail(reader, "parentheses do not match");
}

/* The scanner wants unusual letters of names as \\DDD; some scenarios have them bare. */
static void escape_names(const char *from, char *to, size_t room)
{
    const char *nsec = strstr(from, "NSEC"), *rrsig = strstr(from, "RRSIG");
    bool is_nsec =
        nsec != NULL && isspace((unsigned char)nsec[4]) && (rrsig == NULL || rrsig > nsec);
    bool is_owner = true;
    size_t size = 0;

    for (; *from != '\0' && size + 6 < room; from++) {
        is_owner = is_owner && !isspace((unsigned char)*from);
        if ((is_owner || is_nsec) && strchr("!+#~", *from) != NULL) {
            size += (size_t)snprintf(to + size, room - size, "\\%03u", (unsigned char)*from);
        } else {
            to[size++] = *from;
        }
    }
    to[size] = '\0';
}

static bool read_record(struct reader *reader, struct rpl_entry *entry, enum rpl_section section)
{
    static char joined[70000], text[80000];
    zs_scanner_t *scanner = &reader->scanner;

    if (!join_lines(reader, joined, sizeof(joined))) {
        return false;
    }
    join_base64(joined);
    escape_names(joined, text, sizeof(text) - 2);
    int size = (int)strlen(text);
    text[size++] = '\n';
    text[size] = '\0';

    if (zs_set_input_string(scanner, text, (size_t)size) != 0 || zs_parse_record(scanner) != 0 ||
        scanner->state != ZS_STATE_DATA) {
        return fail(reader, "not a record: %s", zs_strerror(scanner->error.code));
    }
    struct rpl_rr rr = {
        .type = scanner->r_type,
        .class = scanner->r_class,
        .ttl = scanner->r_ttl,
        .size = (uint16_t)scanner->r_data_length,
        .rdata = allocate(1, scanner->r_data_length + 1),
    };
    memcpy(rr.owner, scanner->r_owner, scanner->r_owner_length);
    memcpy(rr.rdata, scanner->r_data, scanner->r_data_length);
    return add_rr(reader, entry, section, &rr);
}

static bool read_raw(struct reader *reader, struct rpl_entry *entry)
{
    if (!next_line(reader)) {
        return fail(reader, "RAW without bytes");
    }
    size_t digits = strlen(reader->line);
    entry->raw = allocate(1, digits / 2 + 1);
    for (size_t i = 0; i + 1 < digits; i += 2) {
        unsigned byte;
        if (sscanf(reader->line + i, "%2x", &byte) != 1) {
            return fail(reader, "RAW is not hexadecimal");
        }
        entry->raw[entry->raw_size++] = (uint8_t)byte;
    }
    return true;
}

/* ---- entries ---- */

struct word {
    const char *text;
    unsigned value;
};

static const struct word match_words[] = {
    {"opcode", RPL_MATCH_OPCODE},
    {"qtype", RPL_MATCH_QTYPE},
    {"qname", RPL_MATCH_QNAME},
    {"qcase", RPL_MATCH_QCASE},
    {"subdomain", RPL_MATCH_SUBDOMAIN},
    {"flags", RPL_MATCH_FLAGS},
    {"rcode", RPL_MATCH_RCODE},
    {"question", RPL_MATCH_QUESTION},
    {"answer", RPL_MATCH_ANSWER},
    {"authority", RPL_MATCH_AUTHORITY},
    {"additional", RPL_MATCH_ADDITIONAL},
    {"all", RPL_MATCH_ALL},
    {"edns", RPL_MATCH_EDNS},
    {"nsid", RPL_MATCH_NSID},
    {"TCP", RPL_MATCH_TCP},
    {"UDP", RPL_MATCH_UDP},
    {"ttl", 0},
    {NULL, 0},
};

static const struct word flag_words[] = {
    {"QR", RPL_QR}, {"AA", RPL_AA}, {"TC", RPL_TC}, {"RD", RPL_RD}, {"RA", RPL_RA},
    {"AD", RPL_AD}, {"CD", RPL_CD}, {"DO", RPL_DO}, {NULL, 0},
};

static const struct word rcode_words[] = {
    {"NOERROR", 0}, {"FORMERR", 1},  {"SERVFAIL", 2}, {"NXDOMAIN", 3},   {"NOTIMP", 4},
    {"NOTIMPL", 4}, {"REFUSED", 5},  {"YXDOMAIN", 6}, {"YXRRSET", 7},    {"NXRRSET", 8},
    {"NOTAUTH", 9}, {"NOTZONE", 10}, {"BADVERS", 16}, {"BADCOOKIE", 23}, {NULL, 0},
};

static const struct word *find_word(const struct word *words, const char *text)
{
    for (; words->text != NULL; words++) {
        if (strcasecmp(words->text, text) == 0) {
            return words;
        }
    }
    return NULL;
}

static bool read_match(struct reader *reader, struct rpl_entry *entry, char *words)
{
    for (char *save, *word = strtok_r(words, " \t", &save); word != NULL;
         word = strtok_r(NULL, " \t", &save)) {
        const struct word *known = find_word(match_words, word);
        if (known == NULL) {
            return fail(reader, "unknown MATCH word %s", word);
        }
        entry->match |= known->value;
    }
    return true;
}

static bool read_reply(struct reader *reader, struct rpl_entry *entry, char *words)
{
    for (char *save, *word = strtok_r(words, " \t", &save); word != NULL;
         word = strtok_r(NULL, " \t", &save)) {
        const struct word *flag = find_word(flag_words, word);
        const struct word *rcode = find_word(rcode_words, word);
        if (flag != NULL) {
            entry->flags |= flag->value;
        } else if (rcode != NULL) {
            entry->rcode = (uint16_t)rcode->value;
        } else if (strcmp(word, "NOTIFY") == 0) {
            entry->opcode = KNOT_OPCODE_NOTIFY;
        } else if (strcmp(word, "QUERY") != 0) {
            return fail(reader, "unknown REPLY word %s", word);
        }
    }
    return true;
}

static bool read_adjust(struct reader *reader, struct rpl_entry *entry, char *words)
{
    for (char *save, *word = strtok_r(words, " \t", &save); word != NULL;
         word = strtok_r(NULL, " \t", &save)) {
        if (strcmp(word, "copy_id") == 0) {
            entry->copy_id = true;
        } else if (strcmp(word, "copy_query") == 0) {
            entry->copy_query = true;
        } else if (strcmp(word, "do_not_answer") == 0) {
            entry->is_silent = true;
        } else {
            return fail(reader, "unknown ADJUST word %s", word);
        }
    }
    return true;
}

static bool read_section_name(struct reader *reader, const char *name, enum rpl_section *section)
{
    static const char *const names[] = {"QUESTION", "ANSWER", "AUTHORITY", "ADDITIONAL"};
    for (unsigned i = 0; i < RPL_SECTIONS; i++) {
        if (strcmp(name, names[i]) == 0) {
            *section = (enum rpl_section)i;
            return true;
        }
    }
    return fail(reader, "unknown SECTION %s", name);
}

/* Every record of an entry starts from the same defaults. */
static bool reset_scanner(struct reader *reader)
{
    zs_deinit(&reader->scanner);
    return zs_init(&reader->scanner, ".", KNOT_CLASS_IN, RPL_DEFAULT_TTL) == 0 ||
           fail(reader, "out of memory");
}

/* After ENTRY_BEGIN. */
static struct rpl_entry *read_entry(struct reader *reader)
{
    struct rpl_entry *entry = allocate(1, sizeof(*entry));
    enum rpl_section section = RPL_QUESTION;
    const char *rest;
    bool is_good = reset_scanner(reader);

    entry->line = reader->number;
    while (is_good && (is_good = next_line(reader) || fail(reader, "ENTRY_END is missing"))) {
        if (starts_with(reader, "ENTRY_END", NULL)) {
            return entry;
        } else if (starts_with(reader, "MATCH", &rest)) {
            is_good = read_match(reader, entry, (char *)rest);
        } else if (starts_with(reader, "ADJUST", &rest)) {
            is_good = read_adjust(reader, entry, (char *)rest);
        } else if (starts_with(reader, "REPLY", &rest)) {
            is_good = read_reply(reader, entry, (char *)rest);
        } else if (starts_with(reader, "SECTION", &rest)) {
            is_good = read_section_name(reader, rest, &section);
        } else if (starts_with(reader, "MANDATORY", NULL)) {
            entry->is_mandatory = true;
        } else if (starts_with(reader, "RAW", NULL)) {
            is_good = read_raw(reader, entry);
        } else if (section == RPL_QUESTION) {
            is_good = read_question(reader, entry);
        } else {
            is_good = read_record(reader, entry, section);
        }
    }
    return NULL; /* the half-read entry is the program's to lose: it ends */
}

/* ---- ranges and steps ---- */

static bool read_range(struct reader *reader, struct rpl_scenario *out, const char *numbers)
{
    struct rpl_range *range = allocate(1, sizeof(*range));
    struct rpl_entry **last = &range->entries;
    const char *rest;

    if (sscanf(numbers, "%u %u", &range->from, &range->to) != 2) {
        free(range);
        return fail(reader, "RANGE_BEGIN wants two numbers");
    }
    range->next = NULL;
    struct rpl_range **at = &out->ranges;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = range;
    while (next_line(reader)) {
        if (starts_with(reader, "RANGE_END", NULL)) {
            return true;
        } else if (starts_with(reader, "ADDRESS", &rest)) {
            range->addrs = realloc(range->addrs, (range->addrs_count + 1) * sizeof(*range->addrs));
            if (rt_addr_parse(rest, 53, &range->addrs[range->addrs_count]) != RT_OK) {
                return fail(reader, "not an address: %s", rest);
            }
            range->addrs_count++;
        } else if (starts_with(reader, "ENTRY_BEGIN", NULL)) {
            if ((*last = read_entry(reader)) == NULL) {
                return false;
            }
            last = &(*last)->next;
        } else {
            return fail(reader, "unexpected in a range: %s", reader->line);
        }
    }
    return fail(reader, "RANGE_END is missing");
}

static bool read_step(struct reader *reader, struct rpl_scenario *out, const char *rest)
{
    struct rpl_step *step = allocate(1, sizeof(*step));
    char kind[64] = "";
    int used = 0;

    step->line = reader->number;
    struct rpl_step **at = &out->steps;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = step;
    if (sscanf(rest, "%u %63s %n", &step->number, kind, &used) < 2) {
        return fail(reader, "STEP wants a number and a kind");
    }
    if (strcmp(kind, "TIME_PASSES") == 0) {
        step->kind = RPL_TIME_PASSES;
        return sscanf(rest + used, "ELAPSE %lu", &step->elapse_s) == 1 ||
               fail(reader, "TIME_PASSES wants ELAPSE and seconds");
    } else if (strcmp(kind, "QUERY") == 0) {
        step->kind = RPL_QUERY;
    } else if (strcmp(kind, "CHECK_ANSWER") == 0) {
        step->kind = RPL_CHECK_ANSWER;
    } else if (strcmp(kind, "REPLY") == 0) {
        step->kind = RPL_REPLY;
    } else if (strcmp(kind, "CHECK_OUT_QUERY") == 0) {
        step->kind = RPL_CHECK_OUT_QUERY;
    } else {
        return fail(reader, "unknown STEP %s", kind);
    }
    if (!next_line(reader) || !starts_with(reader, "ENTRY_BEGIN", NULL)) {
        return fail(reader, "STEP %s wants an entry", kind);
    }
    step->entry = read_entry(reader);
    return step->entry != NULL;
}

static bool read_body(struct reader *reader, struct rpl_scenario *out)
{
    const char *rest;
    while (next_line(reader)) {
        if (starts_with(reader, "SCENARIO_END", NULL)) {
            return true;
        } else if (starts_with(reader, "RANGE_BEGIN", &rest)) {
            if (!read_range(reader, out, rest)) {
                return false;
            }
        } else if (starts_with(reader, "STEP", &rest)) {
            if (!read_step(reader, out, rest)) {
                return false;
            }
        } else {
            return fail(reader, "unexpected: %s", reader->line);
        }
    }
    return fail(reader, "SCENARIO_END is missing");
}

bool rpl_read(const char *path, struct rpl_scenario *out, char error[256])
{
    struct reader reader = {.file = fopen(path, "r"), .error = error};
    const char *rest;
    bool is_good = false;

    memset(out, 0, sizeof(*out));
    if (reader.file == NULL) {
        snprintf(error, 256, "%s", strerror(errno));
        return false;
    }
    if (zs_init(&reader.scanner, ".", KNOT_CLASS_IN, RPL_DEFAULT_TTL) != 0) {
        abort();
    }
    while (next_line(&reader) && !starts_with(&reader, "CONFIG_END", NULL)) {
        add_setting(out, reader.line);
    }
    if (next_line(&reader) && starts_with(&reader, "SCENARIO_BEGIN", &rest)) {
        snprintf(out->title, sizeof(out->title), "%s", rest);
        is_good = read_body(&reader, out);
    } else {
        fail(&reader, "SCENARIO_BEGIN is missing");
    }
    zs_deinit(&reader.scanner);
    free(reader.line);
    fclose(reader.file);
    return is_good;
}

/* ---- the end ---- */

static void free_entry(struct rpl_entry *entry)
{
    for (unsigned section = 0; section < RPL_SECTIONS; section++) {
        for (unsigned i = 0; i < entry->counts[section]; i++) {
            free(entry->rrs[section][i].rdata);
        }
        free(entry->rrs[section]);
    }
    free(entry->raw);
    free(entry);
}

void rpl_free(struct rpl_scenario *scenario)
{
    for (struct rpl_setting *at = scenario->settings, *next; at != NULL; at = next) {
        next = at->next;
        free(at->name);
        free(at->value);
        free(at);
    }
    for (struct rpl_range *at = scenario->ranges, *next; at != NULL; at = next) {
        next = at->next;
        for (struct rpl_entry *entry = at->entries, *following; entry != NULL; entry = following) {
            following = entry->next;
            free_entry(entry);
        }
        free(at->addrs);
        free(at);
    }
    for (struct rpl_step *at = scenario->steps, *next; at != NULL; at = next) {
        next = at->next;
        if (at->entry != NULL) {
            free_entry(at->entry);
        }
        free(at);
    }
    memset(scenario, 0, sizeof(*scenario));
}
