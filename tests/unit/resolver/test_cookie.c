/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resolver/cookie.h"
#include "resolver/limits.h"

static size_t from_hex(const char *hex, uint8_t *out)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return size;
}

static struct rt_siphash_key secret_of(const char *hex)
{
    struct rt_siphash_key secret;
    assert_int_equal(from_hex(hex, secret.bytes), sizeof(secret.bytes));
    return secret;
}

/* Addresses of the RFC's examples, written out: the parser has tests of its own. */
static const struct rt_addr client_a1 = {.family = 4, .port = 4711, .ip = {198, 51, 100, 100}};
static const struct rt_addr client_a3 = {.family = 4, .port = 53, .ip = {203, 0, 113, 203}};
static const struct rt_addr client_a4 = {.family = 6,
                                         .port = 1024,
                                         .ip = {0x20, 0x01, 0x0d, 0xb8, 0x02, 0x20, 0, 1, 0x59,
                                                0xde, 0xd0, 0xf4, 0x87, 0x69, 0x82, 0xb8}};

static void expect_made(const struct rt_siphash_key *secret, const char *client_hex,
                        const struct rt_addr *addr, uint32_t now_s, const char *server_hex)
{
    uint8_t client[8], expected[16], made[16];
    from_hex(client_hex, client);
    from_hex(server_hex, expected);
    rs_cookie_make(secret, client, addr, now_s, made);
    assert_memory_equal(made, expected, sizeof(made));
}

/* RFC9018-A.1: learning a new server cookie. Servers of different makers behind one address must
 * make the same cookies, so every byte counts. */
static void rfc9018_a1_new_server_cookie(void **state)
{
    (void)state;
    struct rt_siphash_key secret = secret_of("e5e973e5a6b2a43f48e7dc849e37bfcf");
    expect_made(&secret, "2464c4abcf10c957", &client_a1, 1559731985,
                "010000005cf79f111f8130c3eee29480");
}

/* RFC9018-A.2: 40 minutes later the cookie still holds, and is renewed. */
static void rfc9018_a2_renewed_after_forty_minutes(void **state)
{
    (void)state;
    struct rt_siphash_key secret = secret_of("e5e973e5a6b2a43f48e7dc849e37bfcf");
    uint8_t cookie[24];
    from_hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480", cookie);
    assert_int_equal(rs_cookie_check(&secret, cookie, 24, &client_a1, 1559734385), RS_COOKIE_RENEW);
    expect_made(&secret, "2464c4abcf10c957", &client_a1, 1559734385,
                "010000005cf7a871d4a564a1442aca77");
}

/* RFC9018-A.3: reserved bytes that are not zero are part of the hash, and of no concern. */
static void rfc9018_a3_other_reserved_bytes(void **state)
{
    (void)state;
    struct rt_siphash_key secret = secret_of("e5e973e5a6b2a43f48e7dc849e37bfcf");
    uint8_t cookie[24];
    from_hex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", cookie);
    assert_int_equal(rs_cookie_check(&secret, cookie, 24, &client_a3, 1559727985 + 60),
                     RS_COOKIE_VALID);
    expect_made(&secret, "fc93fc62807ddb86", &client_a3, 1559734700,
                "010000005cf7a9acf73a7810aca2381e");
}

/* RFC9018-A.4: IPv6, and a secret that was replaced: the old one still knows its own. */
static void rfc9018_a4_ipv6_and_two_secrets(void **state)
{
    (void)state;
    struct rt_siphash_key old = secret_of("dd3bdf9344b678b185a6f5cb60fca715");
    struct rt_siphash_key new = secret_of("445536bcd2513298075a5d379663c962");
    uint8_t cookie[24];
    from_hex("22681ab97d52c298010000005cf7c57926556bd0934c72f8", cookie);
    assert_int_equal(rs_cookie_check(&old, cookie, 24, &client_a4, 1559741961), RS_COOKIE_VALID);
    assert_int_equal(rs_cookie_check(&new, cookie, 24, &client_a4, 1559741961), RS_COOKIE_INVALID);
    expect_made(&new, "22681ab97d52c298", &client_a4, 1559741961,
                "010000005cf7c609a6bb79d16625507a");
}

/* RFC9018-4.3: an hour back and five minutes ahead are the borders, also where 32 bits wrap. */
static void age_decides_between_valid_renew_and_invalid(void **state)
{
    (void)state;
    struct rt_siphash_key secret = secret_of("00112233445566778899aabbccddeeff");
    const uint32_t times[] = {1559731985, 10, UINT32_MAX - 10};
    for (unsigned t = 0; t < sizeof(times) / sizeof(times[0]); t++) {
        uint32_t made_s = times[t];
        uint8_t cookie[24] = {1, 2, 3, 4, 5, 6, 7, 8};
        rs_cookie_make(&secret, cookie, &client_a1, made_s, cookie + 8);
        const struct {
            int32_t age_s;
            enum rs_cookie expected;
        } rows[] = {
            {0, RS_COOKIE_VALID},      {1800, RS_COOKIE_VALID},        {1801, RS_COOKIE_RENEW},
            {3600, RS_COOKIE_RENEW},   {3601, RS_COOKIE_INVALID},      {-300, RS_COOKIE_VALID},
            {-301, RS_COOKIE_INVALID}, {INT32_MAX, RS_COOKIE_INVALID},
        };
        for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            assert_int_equal(
                rs_cookie_check(&secret, cookie, 24, &client_a1, made_s + (uint32_t)rows[i].age_s),
                rows[i].expected);
        }
    }
}

/* Forged, foreign or damaged cookies must never pass for a verified address (security row F8). */
static void no_changed_byte_and_no_other_client_is_accepted(void **state)
{
    (void)state;
    struct rt_siphash_key secret = secret_of("00112233445566778899aabbccddeeff");
    uint8_t cookie[24] = {9, 8, 7, 6, 5, 4, 3, 2};
    rs_cookie_make(&secret, cookie, &client_a1, 1000000, cookie + 8);
    assert_int_equal(rs_cookie_check(&secret, cookie, 24, &client_a1, 1000000), RS_COOKIE_VALID);
    for (unsigned bit = 0; bit < 24 * 8; bit++) {
        cookie[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(rs_cookie_check(&secret, cookie, 24, &client_a1, 1000000),
                         RS_COOKIE_INVALID);
        cookie[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(rs_cookie_check(&secret, cookie, 24, &client_a3, 1000000), RS_COOKIE_INVALID);
    struct rt_addr other_port = client_a1; /* NAT changes ports: they do not count. */
    other_port.port++;
    assert_int_equal(rs_cookie_check(&secret, cookie, 24, &other_port, 1000000), RS_COOKIE_VALID);
}

/* RFC7873-4: the option is 8 bytes, or 16 to 40; a server cookie of another size is not ours. */
static void size_tells_the_kinds_apart(void **state)
{
    (void)state;
    struct rt_siphash_key secret = secret_of("00112233445566778899aabbccddeeff");
    uint8_t cookie[64] = {0};
    assert_int_equal(rs_cookie_check(&secret, cookie, 0, &client_a1, 5), RS_COOKIE_NONE);
    assert_int_equal(rs_cookie_check(&secret, cookie, 8, &client_a1, 5), RS_COOKIE_CLIENT);
    for (uint8_t size = 1; size <= 40; size++) {
        if (size != 8) {
            assert_int_equal(rs_cookie_check(&secret, cookie, size, &client_a1, 5),
                             RS_COOKIE_INVALID);
        }
    }
}

/* RFC7873-4.1: servers must not be able to track us by comparing what we showed them. */
static void client_cookie_differs_by_server_and_by_key(void **state)
{
    (void)state;
    struct rt_siphash_key key = secret_of("00112233445566778899aabbccddeeff");
    struct rt_siphash_key next = secret_of("00112233445566778899aabbccddeef0");
    uint8_t first[8], again[8], other[8], rekeyed[8];
    rs_cookie_client(&key, &client_a1, first);
    rs_cookie_client(&key, &client_a1, again);
    rs_cookie_client(&key, &client_a3, other);
    rs_cookie_client(&next, &client_a1, rekeyed);
    assert_memory_equal(first, again, 8);
    assert_memory_not_equal(first, other, 8);
    assert_memory_not_equal(first, rekeyed, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc9018_a1_new_server_cookie),
        cmocka_unit_test(rfc9018_a2_renewed_after_forty_minutes),
        cmocka_unit_test(rfc9018_a3_other_reserved_bytes),
        cmocka_unit_test(rfc9018_a4_ipv6_and_two_secrets),
        cmocka_unit_test(age_decides_between_valid_renew_and_invalid),
        cmocka_unit_test(no_changed_byte_and_no_other_client_is_accepted),
        cmocka_unit_test(size_tells_the_kinds_apart),
        cmocka_unit_test(client_cookie_differs_by_server_and_by_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
