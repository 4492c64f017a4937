/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/check.h"
#include "tests/sim/dns.h"

static bool append_name(struct sim_name *out, const struct sim_name *tail)
{
    if (out->size + tail->size > sizeof(out->wire)) {
        return false;
    }
    memcpy(out->wire + out->size, tail->wire, tail->size);
    out->size = (uint8_t)(out->size + tail->size);
    return true;
}

/* One label up to a dot or the end; the length byte first. NULL: malformed. */
static const char *parse_label(const char *at, struct sim_name *out)
{
    unsigned length_at = out->size, length = 0;

    if (out->size + 1u > sizeof(out->wire)) {
        return NULL;
    }
    out->size++;
    while (*at != '\0' && *at != '.') {
        int byte = (unsigned char)*at++;
        if (byte == '\\' && isdigit((unsigned char)at[0]) && isdigit((unsigned char)at[1]) &&
            isdigit((unsigned char)at[2])) {
            byte = (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
            at += 3;
        } else if (byte == '\\' && *at != '\0') {
            byte = (unsigned char)*at++;
        }
        if (byte > 255 || ++length > 63 || out->size + 1u >= sizeof(out->wire)) {
            return NULL;
        }
        out->wire[out->size++] = (uint8_t)tolower(byte);
    }
    out->wire[length_at] = (uint8_t)length;
    return length == 0 ? NULL : at;
}

bool sim_name_parse(const char *text, const struct sim_name *origin, struct sim_name *out)
{
    static const struct sim_name root = {.size = 1};

    out->size = 0;
    if (strcmp(text, "@") == 0 || strcmp(text, ".") == 0) {
        *out = text[0] == '@' && origin != NULL ? *origin : root;
        return true;
    }
    while (*text != '\0') {
        text = parse_label(text, out);
        if (text == NULL) {
            return false;
        }
        if (text[0] == '.' && text[1] == '\0') {
            return append_name(out, &root);
        }
        text += *text == '.' ? 1 : 0;
    }
    return out->size > 0 && append_name(out, origin != NULL ? origin : &root);
}

struct sim_name sim_name(const char *text)
{
    struct sim_name name;

    RT_CHECK(sim_name_parse(text, NULL, &name));
    return name;
}

const char *sim_name_text(const struct sim_name *name, char text[1010])
{
    char *at = text;

    for (unsigned i = 0; i < name->size && name->wire[i] != 0; i += name->wire[i] + 1u) {
        for (unsigned j = 1; j <= name->wire[i]; j++) {
            uint8_t byte = name->wire[i + j];
            if (byte == '.' || byte == '\\') {
                *at++ = '\\';
                *at++ = (char)byte;
            } else if (byte > 0x20 && byte < 0x7f) {
                *at++ = (char)byte;
            } else {
                at += sprintf(at, "\\%03u", byte);
            }
        }
        *at++ = '.';
    }
    if (at == text) {
        *at++ = '.';
    }
    *at = '\0';
    return text;
}

bool sim_name_equal(const struct sim_name *a, const struct sim_name *b)
{
    return a->size == b->size && memcmp(a->wire, b->wire, a->size) == 0;
}

unsigned sim_name_labels(const struct sim_name *name)
{
    unsigned labels = 0;

    for (unsigned i = 0; i < name->size && name->wire[i] != 0; i += name->wire[i] + 1u) {
        labels++;
    }
    return labels;
}

struct sim_name sim_name_parent(const struct sim_name *name, unsigned labels)
{
    struct sim_name parent = {0};
    unsigned at = 0;

    for (; labels > 0 && name->wire[at] != 0; labels--) {
        at += name->wire[at] + 1u;
    }
    parent.size = (uint8_t)(name->size - at);
    memcpy(parent.wire, name->wire + at, parent.size);
    return parent;
}

bool sim_name_is_under(const struct sim_name *name, const struct sim_name *zone)
{
    unsigned at = 0;

    while (name->size - at > zone->size) {
        at += name->wire[at] + 1u;
    }
    return name->size - at == zone->size && memcmp(name->wire + at, zone->wire, zone->size) == 0;
}

void sim_name_lower(struct sim_name *name)
{
    for (unsigned i = 0; i < name->size && name->wire[i] != 0; i += name->wire[i] + 1u) {
        for (unsigned j = 1; j <= name->wire[i]; j++) {
            name->wire[i + j] = (uint8_t)tolower(name->wire[i + j]);
        }
    }
}

bool sim_name_child(const char *label, const struct sim_name *name, struct sim_name *out)
{
    struct sim_name child = {0};
    size_t size = strlen(label);

    if (size == 0 || size > 63 || size + 1 + name->size > sizeof(child.wire)) {
        return false;
    }
    child.wire[0] = (uint8_t)size;
    memcpy(child.wire + 1, label, size);
    child.size = (uint8_t)(size + 1);
    RT_CHECK(append_name(&child, name));
    *out = child;
    return true;
}

bool sim_name_substitute(const struct sim_name *name, const struct sim_name *from,
                         const struct sim_name *to, struct sim_name *out)
{
    struct sim_name result = {0};

    RT_CHECK(sim_name_is_under(name, from));
    result.size = (uint8_t)(name->size - from->size);
    memcpy(result.wire, name->wire, result.size);
    if (!append_name(&result, to)) {
        return false;
    }
    *out = result;
    return true;
}
