/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lua/zone_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libzscanner/scanner.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "resolver/types.h"

enum { DNS_PORT = 53, TTL_S_DEFAULT = 3600000 };

bool lu_hints_add(struct rs_hints *hints, const struct rs_name *name, const struct rt_addr *addr)
{
    struct rs_hint *hint = NULL;

    for (unsigned i = 0; i < hints->count && hint == NULL; i++) {
        if (rs_name_equal(hints->items[i].name.wire, name->wire)) {
            hint = &hints->items[i];
        }
    }
    if (hint == NULL) {
        if (hints->count == RS_HINTS_MAX) {
            return false;
        }
        hint = &hints->items[hints->count++];
        hint->name = *name;
        hint->addrs_count = 0;
    }
    for (unsigned i = 0; i < hint->addrs_count; i++) {
        if (rt_addr_equal(&hint->addrs[i], addr)) {
            return true;
        }
    }
    if (hint->addrs_count == RS_HINT_ADDRS_MAX) {
        return false;
    }
    hint->addrs[hint->addrs_count++] = *addr;
    return true;
}

/* One record that the scanner has read. Returns false when the hints are full. */
static bool add_record(const zs_scanner_t *scanner, struct rs_hints *hints)
{
    struct rt_addr addr = {.port = DNS_PORT};
    struct rs_name name;

    if (scanner->r_class != RS_IN) {
        return true;
    }
    if (scanner->r_type == RS_A && scanner->r_data_length == 4) {
        addr.family = 4;
    } else if (scanner->r_type == RS_AAAA && scanner->r_data_length == 16) {
        addr.family = 6;
    } else {
        return true;
    }
    memcpy(addr.ip, scanner->r_data, scanner->r_data_length);
    if (rs_name_check(scanner->r_owner, scanner->r_owner_length) == 0) {
        return true;
    }
    rs_name_copy(&name, scanner->r_owner);
    return lu_hints_add(hints, &name, &addr);
}

static rt_status scan(zs_scanner_t *scanner, const char *text, size_t size, struct rs_hints *hints,
                      char reason[LU_REASON_BYTES])
{
    if (zs_init(scanner, ".", RS_IN, TTL_S_DEFAULT) != 0 ||
        zs_set_input_string(scanner, text, size) != 0) {
        snprintf(reason, LU_REASON_BYTES, "%s", zs_strerror(scanner->error.code));
        return RT_NO_MEMORY;
    }
    while (zs_parse_record(scanner) == 0) {
        switch (scanner->state) {
        case ZS_STATE_DATA:
            if (!add_record(scanner, hints)) {
                snprintf(reason, LU_REASON_BYTES, "line %llu: more than %d names or %d addresses",
                         (unsigned long long)scanner->line_counter, RS_HINTS_MAX,
                         RS_HINT_ADDRS_MAX);
                return RT_FULL;
            }
            break;
        case ZS_STATE_EOF:
            return RT_OK;
        case ZS_STATE_ERROR:
            snprintf(reason, LU_REASON_BYTES, "line %llu: %s",
                     (unsigned long long)scanner->line_counter, zs_strerror(scanner->error.code));
            return RT_MALFORMED;
        case ZS_STATE_INCLUDE:
            snprintf(reason, LU_REASON_BYTES, "line %llu: $INCLUDE is not followed",
                     (unsigned long long)scanner->line_counter);
            return RT_MALFORMED;
        case ZS_STATE_NONE:
        case ZS_STATE_STOP:
            snprintf(reason, LU_REASON_BYTES, "the text is not complete");
            return RT_MALFORMED;
        }
    }
    snprintf(reason, LU_REASON_BYTES, "line %llu: %s", (unsigned long long)scanner->line_counter,
             zs_strerror(scanner->error.code));
    return RT_MALFORMED;
}

rt_status lu_zone_text_hints(const char *text, size_t size, struct rs_hints *hints,
                             char reason[LU_REASON_BYTES])
{
    /* Both are too large for the stack. */
    zs_scanner_t *scanner = calloc(1, sizeof(*scanner));
    struct rs_hints *found = calloc(1, sizeof(*found));
    rt_status status = RT_NO_MEMORY;

    if (scanner != NULL && found != NULL) {
        status = scan(scanner, text, size, found, reason);
        zs_deinit(scanner);
    } else {
        snprintf(reason, LU_REASON_BYTES, "out of memory");
    }
    if (status == RT_OK && found->count == 0) {
        snprintf(reason, LU_REASON_BYTES, "no A or AAAA record in it");
        status = RT_NOT_FOUND;
    }
    if (status == RT_OK) {
        *hints = *found;
    }
    free(found);
    free(scanner);
    return status;
}

/* Regular files only, and not endless ones: a pipe or a device would hold the start for ever. */
static rt_status read_whole(int fd, char **text, size_t *size, char reason[LU_REASON_BYTES])
{
    struct stat info;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        snprintf(reason, LU_REASON_BYTES, "not a regular file");
        return RT_UNSUPPORTED;
    }
    if (info.st_size > LU_ZONE_BYTES_MAX) {
        snprintf(reason, LU_REASON_BYTES, "larger than %d bytes", LU_ZONE_BYTES_MAX);
        return RT_FULL;
    }
    *text = malloc((size_t)info.st_size + 1);
    ssize_t got = *text == NULL ? -1 : read(fd, *text, (size_t)info.st_size);
    if (got < 0) {
        snprintf(reason, LU_REASON_BYTES, "%s", strerror(errno));
        free(*text);
        return RT_IO_ERROR;
    }
    *size = (size_t)got;
    return RT_OK;
}

rt_status lu_zone_file_hints(const char *path, struct rs_hints *hints, char reason[LU_REASON_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *text;
    size_t size;

    if (fd < 0) {
        snprintf(reason, LU_REASON_BYTES, "%s", strerror(errno));
        return errno == ENOENT ? RT_NOT_FOUND : RT_DENIED;
    }
    rt_status status = read_whole(fd, &text, &size, reason);
    close(fd);
    if (status == RT_OK) {
        status = lu_zone_text_hints(text, size, hints, reason);
        free(text);
    }
    return status;
}
