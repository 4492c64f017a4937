#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the seeds of the wire-format fuzz targets: corpus/{message,request,name,answer}/.

The seeds are committed; run this again after changing it. One seed for each feature, small, so that
mutations reach the interesting places quickly."""

import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"
A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, DNAME, OPT, DS, RRSIG, NSEC, TSIG = (
    1, 2, 5, 6, 12, 15, 16, 28, 33, 39, 41, 43, 46, 47, 250)


def name(text):
    labels = [label for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def record(owner, rtype, ttl, rdata, rclass=1):
    owner = owner if isinstance(owner, bytes) else name(owner)
    return owner + struct.pack("!HHIH", rtype, rclass, ttl, len(rdata)) + rdata


def question(text, rtype=A, rclass=1):
    return name(text) + struct.pack("!HH", rtype, rclass)


def message(flags, asked, answer=(), authority=(), additional=()):
    head = struct.pack("!HHHHHH", 0x1234, flags, len(asked), len(answer), len(authority),
                       len(additional))
    return head + b"".join([*asked, *answer, *authority, *additional])


def option(code, data):
    return struct.pack("!HH", code, len(data)) + data


def opt(options=b"", payload=1232, ttl=0):
    return record(b"\0", OPT, ttl, options, payload)


def rrsig(covered):
    return (struct.pack("!HBBIIIH", covered, 13, 2, 300, 2000000000, 1000000000, 4711) +
            name("example") + b"signature")


WWW = [question("www.example")]
POINTER = b"\xc0\x0c"  # to the question
SOA_RDATA = name("ns.example") + name("h.example") + struct.pack("!IIIII", 1, 2, 3, 4, 5)

REPLIES = {
    "address": message(0x8400, WWW, [record(POINTER, A, 300, b"\1\2\3\4")]),
    "addresses": message(0x8400, WWW, [record(POINTER, A, 300 + i, bytes([10, 0, 0, i]))
                                       for i in range(8)]),
    "chain": message(0x8180, WWW, [record(POINTER, CNAME, 60, b"\1b\xc0\x10"),
                                   record(b"\1b\xc0\x10", A, 60, b"\1\2\3\4")]),
    "referral": message(0x8000, WWW, [], [record(b"\xc0\x10", NS, 86400, b"\2ns\xc0\x10")],
                        [record("ns.example", A, 86400, b"\5\6\7\x08"),
                         record("ns.example", AAAA, 86400, bytes(15) + b"\1"), opt()]),
    "nxdomain": message(0x8403, WWW, [], [record("example", SOA, 900, SOA_RDATA)]),
    "signed": message(0x84a0, WWW,
                      [record(POINTER, A, 300, b"\1\2\3\4"), record(POINTER, RRSIG, 300, rrsig(A))],
                      [record("example", NSEC, 60, name("a.example") + b"\0\1\x40"),
                       record("example", RRSIG, 60, rrsig(NSEC))], [opt(ttl=0x8000)]),
    "orphans": message(0x8400, [question("example", RRSIG)],
                       [record("example", RRSIG, 60, rrsig(SOA)),
                        record("example", RRSIG, 60, rrsig(NS))]),
    "dname": message(0x8400, WWW, [record("example", DNAME, 60, name("example.net"))]),
    "mx_srv": message(0x8400, WWW,
                      [record(POINTER, MX, 60, b"\0\x0a\2mx\xc0\x10"),
                       record(POINTER, SRV, 60, bytes(6) + name("s.example"))]),
    "naptr": message(0x8400, WWW, [record(POINTER, 35, 60, bytes(4) + b"\1a\1b\1c" + POINTER)]),
    "old_types": message(0x8400, WWW, [record(POINTER, t, 60, POINTER) for t in (3, 4, 7, 8, 9, 12)] +
                         [record(POINTER, t, 60, POINTER + POINTER) for t in (14, 17)]),
    "unknown": message(0x8400, [question("x", 65400)], [record(POINTER, 65400, 60, bytes(range(64)))]),
    "text": message(0x8400, WWW, [record(POINTER, TXT, 60, b"\5hello\0")]),
    "cookie_ede": message(0x8405, WWW, [], [], [opt(option(10, bytes(24)) + option(15, b"\0\x16why"))]),
    "badvers": message(0x8400, WWW, [], [], [opt(ttl=0x01000000)]),
    "tsig": message(0x8400, WWW, [], [], [record("key", TSIG, 0, b"abc", 255)]),
    "no_question": message(0x8001, []),
    "ttl_top_bit": message(0x8400, WWW, [record(POINTER, A, 0xFFFFFFFF, b"\1\2\3\4")]),
    "unequal_ttls": message(0x8400, WWW, [record(POINTER, A, 9, b"\1\2\3\4"),
                                          record("WWW.EXAMPLE", A, 3, b"\1\2\3\5"),
                                          record(POINTER, A, 6, b"\1\2\3\4")]),
    "pointer_loop": message(0x8400, WWW, [record(b"\xc0\x1d", A, 9, b"\1\2\3\4")]),
    "pointer_forward": message(0x8400, WWW, [record(b"\xc0\x40", A, 9, b"\1\2\3\4")]),
    "long_name": message(0x8400, [question(".".join(["a" * 63] * 3 + ["b" * 61]))]),
}

REQUESTS = {
    "plain": message(0x0100, WWW),
    "mixed_case": message(0x0110, [question("wWw.eXaMpLe", AAAA)]),
    "edns": message(0x0120, WWW, additional=[opt(ttl=0x8000)]),
    "cookie": message(0x0100, WWW, additional=[opt(option(10, b"abcdefgh"))]),
    "server_cookie": message(0x0100, WWW, additional=[opt(option(10, bytes(24)))]),
    "cookie_only": message(0x0100, [], additional=[opt(option(10, b"abcdefgh"))]),
    "options": message(0x0100, WWW, additional=[opt(b"".join(option(c, b"x" * c) for c in range(20)))]),
    "version": message(0x0100, WWW, additional=[opt(ttl=0x00010000)]),
    "two_opt": message(0x0100, WWW, additional=[opt(), opt()]),
    "two_questions": message(0x0100, WWW + WWW),
    "notify": message(0x2000, [question("example", SOA)], [record("example", SOA, 1, SOA_RDATA)]),
    "update": message(0x2800, [question("example", SOA)]),
    "axfr": message(0x0000, [question("example", 252)]),
    "ixfr": message(0x0000, [question("example", 251)], [], [record("example", SOA, 1, SOA_RDATA)]),
    "any": message(0x0100, [question("example", 255)]),
    "nxname": message(0x0100, [question("example", 128)], additional=[opt()]),
    "chaos": message(0x0100, [question("id.server", TXT, 3)]),
    "tsig": message(0x0100, WWW, additional=[record("key", TSIG, 0, b"abc", 255)]),
    "root": message(0x0100, [question("", NS)]),
    "longest": message(0x0100, [question(".".join(["a" * 63] * 3 + ["b" * 61]))], additional=[opt()]),
    "trailing": message(0x0100, WWW) + b"\0",
    "response": message(0x8100, WWW),
}

NAMES = {
    "root": b"\0",
    "simple": name("www.example.com"),
    "pair": name("a.example") + name("B.EXAMPLE"),
    "odd": b"\5a.b\n\0\3com\0",
    "longest": name(".".join(["a" * 63] * 3 + ["b" * 61])),
    "deepest": name(".".join(["a"] * 127)),
    "text": b"www.Example.\\065\\.b",
    "escapes": b"\\000\\255.*._tcp.",
    "compressed": b"\0\x15" + bytes(12) + name("example") + b"\3www\xc0\x0c",
}


def write(entry, seeds):
    folder = CORPUS / entry
    folder.mkdir(parents=True, exist_ok=True)
    for title, data in seeds.items():
        (folder / title).write_bytes(data)


write("message", REPLIES)
write("request", REQUESTS)
write("name", NAMES)
for number, (title, data) in enumerate(sorted(REPLIES.items())):
    write("answer", {title: bytes([number * 3 & 15, number * 8 & 255, 0, number]) + data})
