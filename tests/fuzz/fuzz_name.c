/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "resolver/wire.h"
#include "tests/fuzz/room.h"

/* Any bytes as a name: in wire form, in text, and inside of a message with pointers. */

static void check_pair(const uint8_t *a, const uint8_t *b)
{
    struct rs_name out;
    int order = rs_name_compare(a, b), reverse = rs_name_compare(b, a);
    RT_CHECK((order < 0) == (reverse > 0) && (order == 0) == rs_name_equal(a, b));
    unsigned common = rs_name_common(a, b);
    RT_CHECK(common == rs_name_common(b, a));
    RT_CHECK(rs_name_is_under(a, b) == (common == rs_name_labels(b)));
    if (rs_name_substitute(a, b, (const uint8_t *)"\7example", &out) == RT_OK) {
        RT_CHECK(rs_name_is_under(a, b) && rs_name_check(out.wire, out.size) == out.size);
        RT_CHECK(rs_name_is_under(out.wire, (const uint8_t *)"\7example"));
    }
}

static void check_name(const uint8_t *name, size_t size)
{
    char text[RS_NAME_TEXT_BYTES];
    struct rs_name copy, back;

    RT_CHECK(rs_name_size(name) == size && size <= RS_NAME_BYTES_MAX);
    rs_name_copy(&copy, name);
    RT_CHECK(rs_name_equal(name, copy.wire) && copy.size == size);
    RT_CHECK(strlen(rs_name_text(name, text)) < sizeof(text));
    RT_CHECK(rs_name_parse(text, &back) == RT_OK && back.size == size);
    RT_CHECK(memcmp(back.wire, copy.wire, size) == 0);

    const uint8_t bits[32] = {0x5A, 0xFF, 0x01};
    rs_name_mix_case(copy.wire, bits);
    RT_CHECK(rs_name_equal(name, copy.wire));
    if (rs_name_wildcard(name, &copy) == RT_OK) {
        RT_CHECK(rs_name_is_under(copy.wire, name) && copy.size == size + 2);
        check_pair(copy.wire, name);
    }
    check_pair(name, rs_name_parent(name, 1));
}

static void check_text(const uint8_t *data, size_t size)
{
    char text[1100];
    struct rs_name name;
    if (size < sizeof(text)) {
        memcpy(text, data, size);
        text[size] = '\0';
        if (rs_name_parse(text, &name) == RT_OK) {
            check_name(name.wire, name.size);
        }
    }
}

/* The first two bytes say where in the rest a name begins. */
static void check_compressed(const uint8_t *data, size_t size)
{
    if (size < 2 || size > RS_MESSAGE_BYTES_MAX) {
        return;
    }
    uint8_t name[RS_NAME_BYTES_MAX];
    struct rs_wire wire = rs_wire_open(data + 2, (uint32_t)size - 2);
    uint32_t at = rs_get_u16(data) % ((uint32_t)size - 1);
    wire.at = at;
    uint8_t name_size = rs_wire_name(&wire, wire.size, name);
    if (name_size > 0) {
        RT_CHECK(wire.at > at && wire.at <= wire.size);
        RT_CHECK(rs_name_check(name, name_size) == name_size);
        check_name(name, name_size);
        uint32_t end = wire.at;
        wire.at = at;
        rs_wire_skip_name(&wire);
        RT_CHECK(!wire.is_bad && wire.at == end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t name_size = rs_name_check(data, size);
    if (name_size > 0) {
        check_name(data, name_size);
        size_t second = rs_name_check(data + name_size, size - name_size);
        if (second > 0) {
            check_pair(data, data + name_size);
        }
    }
    check_text(data, size);
    check_compressed(data, size);
    return 0;
}
