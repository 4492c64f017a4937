# SPDX-License-Identifier: GPL-3.0-or-later
"""The client side on real sockets: transports, sizes, odd questions."""

import socket
import struct
import time

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import internet
from conftest import ADDRESS, ask, ask_tcp, connect, exchange, query, read_framed


# RFC7766-6.2.1.1: pipelined questions on one connection; a slow one does not hold up a fast one.
def test_tcp_answers_pipelined_questions_out_of_order(trouped):
    trouped()
    ask("h00.z00.alpha.")
    slow, fast = query("www.slow.odd.", "A"), query("h00.z00.alpha.", "A")
    replies = ask_tcp([slow, fast])
    assert [r.id for r in replies] == [fast.id, slow.id]
    assert all(r.rcode() == dns.rcode.NOERROR and r.answer for r in replies)


# RFC7766-8: the length and the message may come in any pieces.
def test_tcp_takes_a_message_in_single_bytes(trouped):
    trouped()
    wire = query("h00.z00.alpha.", "A").to_wire()
    with connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in struct.pack("!H", len(wire)) + wire:
            sock.sendall(bytes([byte]))
            time.sleep(0.002)
        assert dns.message.from_wire(read_framed(sock)).answer


# Slow-loris: a connection that never completes a message is closed.
def test_tcp_closes_a_client_that_never_finishes_its_message(trouped):
    trouped(extra="net.tcp_in_idle(1000)\n")
    with connect() as sock:
        sock.sendall(b"\0")
        sock.settimeout(8)
        assert sock.recv(1) == b""


# RFC1035-4.2.1 and RFC9715: 512 bytes without EDNS, 1232 at most with it, then TC and TCP.
def test_udp_replies_stay_within_the_size_the_client_can_take(trouped):
    trouped()
    for options, limit in (({"edns": False}, 512), ({"payload": 512}, 512), ({"payload": 4096}, 1232)):
        wire = exchange(query("z00.gamma.", "DNSKEY", want_dnssec=options.get("edns", 0) is not False,
                              **options).to_wire())
        assert wire is not None and len(wire) <= limit
    reply, = ask_tcp([query("many.z00.alpha.", "TXT")])
    assert reply.answer and not reply.flags & dns.flags.TC


# RFC8906-7: no odd question is met with silence.
def test_odd_questions_get_the_right_rcode(trouped):
    trouped()
    update = query("z00.alpha.", "SOA")
    update.set_opcode(dns.opcode.UPDATE)
    notify = query("z00.alpha.", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    chaos = query("version.bind.", "TXT", rdclass=dns.rdataclass.CH)
    version1 = query("h00.z00.alpha.", "A")
    version1.ednsflags |= 1 << 16
    two = dns.message.make_query("h00.z00.alpha.", "A")
    wire_two = bytearray(two.to_wire())
    wire_two[5] = 2
    wire_two += two.to_wire()[12:]
    cases = [
        (update.to_wire(), dns.rcode.NOTIMP), (notify.to_wire(), dns.rcode.NOTIMP),
        (chaos.to_wire(), dns.rcode.REFUSED), (version1.to_wire(), dns.rcode.BADVERS),
        (bytes(wire_two), dns.rcode.FORMERR),                                  # RFC9619
        (query("z00.alpha.", "AXFR").to_wire(), dns.rcode.REFUSED),            # RFC5936
        (query("z00.alpha.", "IXFR").to_wire(), dns.rcode.REFUSED),
        (query("h00.z00.alpha.", "A", flags=0).to_wire(), dns.rcode.REFUSED),  # RD=0
    ]
    for wire, rcode in cases:
        reply = exchange(wire)
        assert reply is not None, rcode
        got = dns.message.from_wire(reply, ignore_trailing=True).rcode() if rcode != dns.rcode.BADVERS \
            else dns.message.from_wire(reply).rcode()
        assert got == rcode, (rcode, got)


# RFC8482: ANY over UDP is one small record, never an amplifier.
def test_any_is_answered_minimally(trouped):
    trouped()
    wire = exchange(query("z00.gamma.", "ANY").to_wire())
    assert len(wire) <= 512
    assert sum(len(rrset) for rrset in dns.message.from_wire(wire).answer) <= 1


# RFC7873-5.2.3, RFC9018: a client cookie comes back with a server cookie that is accepted later.
def test_cookies_are_answered(trouped):
    import dns.edns
    trouped()
    client = bytes(range(8))
    reply = ask("h00.z00.alpha.", options=[dns.edns.GenericOption(10, client)])
    cookie, = [option for option in reply.options if option.otype == 10]
    data = cookie.to_wire()
    assert data[:8] == client and len(data) == 24
    again = ask("h00.z00.alpha.", options=[dns.edns.GenericOption(10, data)])
    assert again.rcode() == dns.rcode.NOERROR
    assert again.options


# RFC5358: who is not in the access list is refused.
def test_a_stranger_is_refused(trouped):
    import subprocess
    subprocess.run(["ip", "addr", "add", "198.51.100.1/32", "dev", "lo"], check=True)
    trouped()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("198.51.100.1", 0))
        sock.settimeout(5)
        sock.sendto(query("h00.z00.alpha.", "A").to_wire(), (ADDRESS, 53))
        assert dns.message.from_wire(sock.recv(4096)).rcode() == dns.rcode.REFUSED


# IP_PKTINFO: with a wildcard listener the reply comes from the address that was asked.
def test_a_wildcard_listener_replies_from_the_asked_address(trouped):
    server = trouped(config="net.listen('{address}', 53)\nnet.listen('0.0.0.0', 5300)\nhints.root_file('{hints}')\ncache.size = 8*MB\n")
    assert server
    for address in (ADDRESS, internet.v4(100, 2)):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((internet.v4(200, 1), 0))
            sock.connect((address, 5300))
            sock.settimeout(5)
            sock.send(query("h00.z00.alpha.", "A").to_wire())
            assert dns.message.from_wire(sock.recv(4096)).answer


# RFC3901-4: clients on IPv6 are served as those on IPv4, over both transports.
def test_ipv6_clients_are_served(trouped):
    address = internet.v6(100, 1)
    trouped(extra=f"net.listen('{address}', 53)\n")
    wire = query("h00.z00.alpha.", "A").to_wire()
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.bind((internet.v6(200, 1), 0))
        sock.settimeout(8)
        sock.sendto(wire, (address, 53))
        assert dns.message.from_wire(sock.recv(4096)).answer
    with socket.create_connection((address, 53), 8) as sock:
        sock.sendall(struct.pack("!H", len(wire)) + wire)
        assert dns.message.from_wire(read_framed(sock)).answer
