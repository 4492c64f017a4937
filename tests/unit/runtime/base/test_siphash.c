/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "runtime/base/siphash.h"

static struct rt_siphash_key counting_key(void)
{
    struct rt_siphash_key key;
    for (unsigned i = 0; i < 16; i++) {
        key.bytes[i] = (uint8_t)i;
    }
    return key;
}

/* The reference vectors of SipHash-2-4 (key 00..0f, message 00, 01, ... of each length). */
static void reference_vectors_hold(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint64_t hash;
    } vectors[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)},
        {2, UINT64_C(0x0d6c8009d9a94f5a)},  {7, UINT64_C(0xab0200f58b01d137)},
        {8, UINT64_C(0x93f5f5799a932462)},  {9, UINT64_C(0x9e0082df0ba9e4b0)},
        {15, UINT64_C(0xa129ca6149be45e5)}, {63, UINT64_C(0x958a324ceb064572)},
    };
    struct rt_siphash_key key = counting_key();
    uint8_t message[64];
    for (unsigned i = 0; i < sizeof(message); i++) {
        message[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        assert_true(rt_siphash(&key, message, vectors[i].size) == vectors[i].hash);
    }
}

/* RFC9018-A.1: the server cookie of the example is the SipHash of its parts, low byte first. */
static void server_cookie_of_rfc9018_holds(void **state)
{
    (void)state;
    static const struct rt_siphash_key key = {{0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f, 0x48,
                                               0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf}};
    static const uint8_t input[] = {
        0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57, /* client cookie */
        0x01, 0x00, 0x00, 0x00,                         /* version, reserved */
        0x5c, 0xf7, 0x9f, 0x11,                         /* time */
        198,  51,   100,  100,                          /* client address */
    };
    static const uint8_t expected[] = {0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80};
    uint64_t hash = rt_siphash(&key, input, sizeof(input));
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(hash >> (8 * i));
    }
    assert_memory_equal(bytes, expected, sizeof(expected));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_vectors_hold),
        cmocka_unit_test(server_cookie_of_rfc9018_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
