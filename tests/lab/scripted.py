#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""scripted: one server that misbehaves on purpose, in another way at each of its addresses (ODD in
internet.py). What real name servers refuse to do is done here."""

import asyncio
import struct

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

import internet

BEHAVIOUR = {number: name for name, number in internet.ODD.items()}


def answer(query, number, flags=dns.flags.QR | dns.flags.AA):
    """The true answer of zone NAME.odd., of which this address is the only server."""
    zone = f"{BEHAVIOUR[number]}.odd."
    question = query.question[0]
    name = question.name.to_text().lower()
    reply = dns.message.make_response(query)
    reply.flags = flags | (query.flags & dns.flags.RD)
    rtype = dns.rdatatype.to_text(question.rdtype)
    records = {(f"www.{zone}", "A"): f"192.0.151.{number}", (f"ns1.{zone}", "A"): internet.v4(9, number),
               (zone, "NS"): f"ns1.{zone}"}
    if not (name == zone or name.endswith("." + zone)):
        reply.set_rcode(dns.rcode.REFUSED)
        reply.flags &= ~dns.flags.AA
    elif (name, rtype) in records:
        reply.answer.append(dns.rrset.from_text(question.name, 300, "IN", rtype, records[name, rtype]))
    else:
        if not any(owner == name for owner, _ in records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        reply.authority.append(dns.rrset.from_text(
            zone, 300, "IN", "SOA", f"ns1.{zone} hostmaster.{zone} 1 7200 3600 1209600 300"))
    return reply


def refer(query, child, servers):
    reply = dns.message.make_response(query)
    reply.flags = dns.flags.QR
    reply.authority.append(dns.rrset.from_text(child, 300, "IN", "NS", *servers))
    return reply


def tcponly(query, number, is_tcp):
    reply = answer(query, number)
    if not is_tcp:
        reply.flags |= dns.flags.TC
        reply.answer, reply.authority = [], []
    return [reply]


def silent(_query, _number, _is_tcp):
    return []


def refused(query, _number, _is_tcp):
    reply = dns.message.make_response(query)
    reply.set_rcode(dns.rcode.REFUSED)
    return [reply]


def servfail(query, _number, _is_tcp):
    reply = dns.message.make_response(query)
    reply.set_rcode(dns.rcode.SERVFAIL)
    return [reply]


def noedns(query, number, _is_tcp):
    if query.edns >= 0:
        query.use_edns(-1)
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.FORMERR)
        return [reply]
    return [answer(query, number)]


def wrongid(query, number, is_tcp):
    reply = answer(query, number)
    if is_tcp:
        return [reply]
    forged = answer(query, number)
    forged.id = (query.id + 1) & 0xFFFF
    for rrset in forged.answer:
        if rrset.rdtype == dns.rdatatype.A:
            forged.answer = [dns.rrset.from_text(rrset.name, 300, "IN", "A", "192.0.2.66")]
    return [forged, reply]


def lowercase(query, number, _is_tcp):
    reply = answer(query, number)
    for rrset in reply.question + reply.answer:
        rrset.name = dns.name.from_text(rrset.name.to_text().lower())
    return [reply]


def slow(query, number, _is_tcp):
    return [0.3, answer(query, number)]


def nxns(query, number, _is_tcp):
    zone = "nxns.odd."
    name = query.question[0].name.to_text().lower()
    if name.count(".") <= 2 or not name.endswith(zone):
        return [answer(query, number)]
    child = ".".join(name.split(".")[-4:])
    servers = [f"n{i}.{child.split('.')[0]}.silent.odd." for i in range(80)]
    return [refer(query, child, servers)]


def endless(query, number, _is_tcp):
    name = query.question[0].name.to_text().lower()
    labels = name.split(".")
    if len(labels) <= 3:
        return [answer(query, number)]
    child = ".".join(labels[-4:])
    return [refer(query, child, [f"ns.x{query.id}.endless.odd."])]


def badcookie(query, _number, _is_tcp):
    reply = dns.message.make_response(query)
    reply.set_rcode(23)
    return [reply]


def tc_forever(query, number, _is_tcp):
    reply = answer(query, number)
    reply.flags |= dns.flags.TC
    reply.answer, reply.authority = [], []
    return [reply]


def closes(query, number, is_tcp):
    return [None] if is_tcp else tc_forever(query, number, is_tcp)


SCRIPT = {name: globals()[name.replace("-", "_")] for name in internet.ODD}


async def perform(number, wire, is_tcp, send):
    """Sends what the script says; None closes, a number waits."""
    try:
        query = dns.message.from_wire(wire, ignore_trailing=True)
    except dns.exception.DNSException:
        return
    for step in SCRIPT[BEHAVIOUR[number]](query, number, is_tcp):
        if isinstance(step, float):
            await asyncio.sleep(step)
        else:
            send(step if step is None else step.to_wire(max_size=65535))


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, number):
        self.number = number

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        asyncio.ensure_future(perform(self.number, data, False,
                                      lambda wire: wire and self.transport.sendto(wire, addr)))


def stream_handler(number):
    async def handle(reader, writer):
        def send(wire):
            if wire is None:
                writer.close()
            else:
                writer.write(struct.pack("!H", len(wire)) + wire)
        try:
            while not writer.is_closing():
                size, = struct.unpack("!H", await reader.readexactly(2))
                await perform(number, await reader.readexactly(size), True, send)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()
    return handle


async def main():
    loop = asyncio.get_running_loop()
    for number in BEHAVIOUR:
        for address in (internet.v4(9, number), internet.v6(9, number)):
            await loop.create_datagram_endpoint(lambda n=number: Datagrams(n), (address, 53))
            await asyncio.start_server(stream_handler(number), address, 53)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
