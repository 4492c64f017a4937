# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end-to-end tests share: a running trouped inside the lab, and ways to ask it."""

import asyncio
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
import internet  # noqa: E402

ADDRESS = internet.v4(100, 1)
TIME_FACTOR = int(os.environ.get("TIME_FACTOR", "1"))  # sanitizer builds are slower
READY_SECONDS = 20 * TIME_FACTOR
CONFIG = """
net.listen('{address}', 53)
hints.root_file('{hints}')
cache.size = 64 * MB
net.outgoing_v4('{address}')
net.outgoing_v6('{address6}')
"""


class Trouped:
    """One process with its folder."""

    def __init__(self, folder, config=None, extra="", cores=2, address=ADDRESS):
        self.folder, self.cores, self.address = folder, cores, address
        self.config = (config if config is not None else CONFIG).format(
            address=address, address6=internet.v6(100, 1), hints=os.environ["LAB_HINTS"]) + extra
        self.process = None

    def spawn(self):
        (self.folder / "config").write_text(self.config)
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [os.environ["TROUPED"], "-n", "-f", str(self.cores), "-c", "config", str(self.folder)],
            stdout=self.log, stderr=self.log)
        return self

    def start(self):
        """Spawns and waits until it says that every core listens."""
        log = self.folder / "log"
        old = log.stat().st_size if log.exists() else 0
        self.spawn()
        deadline = time.monotonic() + READY_SECONDS
        while b"ready: " not in log.read_bytes()[old:]:
            assert self.process.poll() is None, f"trouped ended: {self.log_text()}"
            assert time.monotonic() < deadline, f"trouped is not ready: {self.log_text()}"
            time.sleep(0.01)
        return self

    def stop(self, how=signal.SIGTERM, seconds=10 * TIME_FACTOR):
        self.process.send_signal(how)
        return self.process.wait(seconds)

    def log_text(self):
        return (self.folder / "log").read_text(errors="replace")


@pytest.fixture
def trouped(tmp_path):
    """Starts any number of processes; what a test leaves running is ended."""
    running = []

    def start(**options):
        folder = options.pop("folder", tmp_path)
        one = Trouped(folder, **options).start()
        running.append(one)
        return one

    yield start
    for one in running:
        if one.process.poll() is None:
            one.stop(signal.SIGKILL)
        text = one.log_text()
        print(text)  # pytest shows it when the test failed
        assert "check failed" not in text and "Sanitizer" not in text, text[-4000:]


def connect(address=ADDRESS, seconds=8):
    """From a client's address: the resolver's own is for what it asks (Upstream counts that)."""
    return socket.create_connection((address, 53), seconds, source_address=(internet.v4(200, 1), 0))


def query(name, rtype, **options):
    return dns.message.make_query(name, rtype, use_edns=options.pop("edns", 0),
                                  payload=options.pop("payload", 1232), **options)


def exchange(wire, address=ADDRESS, seconds=6):
    """One datagram there and one back; None when nothing comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((internet.v4(200, 1), 0))
        sock.settimeout(seconds)
        sock.sendto(wire, (address, 53))
        try:
            return sock.recv(65535)
        except socket.timeout:
            return None


def ask(name, rtype="A", seconds=8, address=ADDRESS, **options):
    message = query(name, rtype, **options)
    wire = exchange(message.to_wire(), address, seconds)
    assert wire is not None, f"no answer to {name} {rtype}"
    reply = dns.message.from_wire(wire)
    assert message.is_response(reply)
    return reply


def ask_tcp(messages, address=ADDRESS, seconds=8):
    """All messages in one write on one connection; the replies in order of arrival."""
    with connect(address, seconds) as sock:
        sock.settimeout(seconds)
        sock.sendall(b"".join(struct.pack("!H", len(w)) + w for w in (m.to_wire() for m in messages)))
        return [dns.message.from_wire(read_framed(sock)) for _ in messages]


def read_framed(sock):
    size, = struct.unpack("!H", read_exactly(sock, 2))
    return read_exactly(sock, size)


def read_exactly(sock, size):
    data = b""
    while len(data) < size:
        part = sock.recv(size - len(data))
        assert part, "connection closed early"
        data += part
    return data


class Crowd(asyncio.DatagramProtocol):
    """Asks many questions over one socket, a window of them at a time."""

    def __init__(self):
        self.waiting = {}

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        future = self.waiting.pop(struct.unpack("!H", data[:2])[0], None)
        if future is not None and not future.done():
            future.set_result(data)


async def ask_many(questions, window=64, sockets=8, seconds=8, address=ADDRESS, **options):
    """Replies (or None) in the order of the questions, from several source ports."""
    loop = asyncio.get_running_loop()
    crowds = [(await loop.create_datagram_endpoint(
        Crowd, local_addr=(internet.v4(200, i % 8 + 1), 0), remote_addr=(address, 53)))[1]
        for i in range(sockets)]
    replies = [None] * len(questions)
    gate = asyncio.Semaphore(window)

    async def one(index, name, rtype):
        crowd = crowds[index % sockets]
        message = query(name, rtype, **options)
        message.id = index // sockets & 0xFFFF
        async with gate:
            future = crowd.waiting[message.id] = loop.create_future()
            crowd.transport.sendto(message.to_wire())
            try:
                replies[index] = dns.message.from_wire(await asyncio.wait_for(future, seconds))
            except asyncio.TimeoutError:
                pass

    await asyncio.gather(*(one(i, *q) for i, q in enumerate(questions)))
    for crowd in crowds:
        crowd.transport.close()
    return replies


class Upstream:
    """Counts the packets that the resolver sends to name servers, with the kernel's own counters."""

    def __init__(self):
        rules = "add table inet lab\nadd chain inet lab out { type filter hook output priority 0; }\n"
        rules += "".join(
            f"add rule inet lab out {family} saddr {source} {proto} dport 53 {extra} counter\n"
            for family, source in (("ip", ADDRESS), ("ip6", internet.v6(100, 1)))
            for proto, extra in (("udp", ""), ("tcp", "tcp flags syn / syn,ack")))
        subprocess.run(["nft", "delete", "table", "inet", "lab"], capture_output=True, check=False)
        subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)

    def packets(self):
        text = subprocess.run(["nft", "list", "table", "inet", "lab"], capture_output=True, text=True,
                              check=True).stdout
        return sum(int(word) for line in text.splitlines() if "counter packets" in line
                   for word in [line.split("packets")[1].split()[0]])


@pytest.fixture
def upstream():
    return Upstream()
