# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients over TCP that are slow, greedy, many or rude: they cost little, and others notice nothing."""

import pathlib
import resource
import select
import socket
import struct
import subprocess
import time

import dns.message
import dns.rcode
import pytest
from conftest import TIME_FACTOR, ask, connect, query, read_framed

MIB = 1 << 20
READ_BUFFERS_BYTES = 5 * MIB  # Two cores' shared buffers, touched by whoever comes first.
IS_SANITIZED = TIME_FACTOR > 1  # Shadow memory says nothing about ours.


@pytest.fixture(autouse=True)
def many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def rss(server):
    for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


def settled_rss(server):
    """Once the answer cache has all its pages, which a second thread takes while the cores serve."""
    last, since = rss(server), time.monotonic()
    deadline = since + 10 * TIME_FACTOR
    while time.monotonic() < min(since + 0.5, deadline):
        time.sleep(0.05)
        now = rss(server)
        if now != last:
            last, since = now, time.monotonic()
    return last


def cpu_seconds(server):
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def framed(message):
    wire = message.to_wire()
    return struct.pack("!H", len(wire)) + wire


def kernel_connections():
    """Connections of the server's side that hold memory, in whatever state."""
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    port = f":{53:04X}"
    return sum(1 for f in lines if f[1].endswith(port) and f[3] not in ("06", "0A")
               and int(f[4].split(":")[0], 16) > 0)


def closed_of(socks, seconds):
    """How many of the connections the server has ended within that time."""
    poller = select.poll()
    by_fd = {sock.fileno(): sock for sock in socks}
    for fd in by_fd:
        poller.register(fd, select.POLLRDHUP)
    deadline = time.monotonic() + seconds
    while by_fd and time.monotonic() < deadline:
        for fd, _ in poller.poll(100):
            poller.unregister(fd)
            del by_fd[fd]
    return len(socks) - len(by_fd)


# RFC9293-3.6.1: a client that has sent all it wants to ask may close its half and still reads.
def test_a_half_closed_client_gets_all_its_answers(trouped):
    trouped()
    ask("h00.z00.alpha.")
    slow, fast = query("www.slow.odd.", "A"), query("h00.z00.alpha.", "A")
    with connect() as sock:
        sock.sendall(framed(slow) + framed(fast))
        sock.shutdown(socket.SHUT_WR)
        replies = [dns.message.from_wire(read_framed(sock)) for _ in range(2)]
        assert [r.id for r in replies] == [fast.id, slow.id]
        assert all(r.rcode() == dns.rcode.NOERROR and r.answer for r in replies)
        assert sock.recv(1) == b""


# RFC7766-6.2.2: net.tcp_pipeline bounds what one connection may have open; no value silences it.
@pytest.mark.parametrize("pipeline", [0, 1, 3])
def test_a_small_pipeline_answers_one_after_the_other(trouped, pipeline):
    trouped(extra=f"net.tcp_pipeline({pipeline})\n")
    questions = [query(f"h{n:02}.z00.alpha.", "A") for n in range(10)]
    with connect() as sock:
        sock.sendall(b"".join(framed(q) for q in questions))
        ids = {dns.message.from_wire(read_framed(sock)).id for _ in questions}
    assert ids == {q.id for q in questions}


# A million questions do not fit here; a hundred thousand on one connection make no difference to
# memory, for the next is read only when there is room for its answer (security.md F3).
def test_very_many_questions_on_one_connection_cost_no_memory(trouped):
    server = trouped()
    ask("h00.z00.alpha.")
    block = framed(query("h00.z00.alpha.", "A")) * 500
    before = None
    with connect() as sock:
        for n in range(40 if IS_SANITIZED else 200):
            sock.sendall(block)
            for _ in range(500):
                read_framed_from(sock)
            if n == 10:
                before = settled_rss(server)
    assert IS_SANITIZED or rss(server) - before < 4 * MIB


def read_framed_from(sock, buffers={}):
    data = buffers.setdefault(sock, bytearray())
    while len(data) < 2 or len(data) < 2 + struct.unpack_from("!H", data)[0]:
        part = sock.recv(1 << 16)
        assert part
        data += part
    del data[:2 + struct.unpack_from("!H", data)[0]]


# security.md F1 and scoreboard 34: each costs at most 4 KiB and ends; UDP is unaffected.
def test_slow_loris_clients_cost_little_and_end(trouped):
    server = trouped(extra="net.tcp_in_idle(3000)\n")
    ask("h00.z00.alpha.")
    before, count = settled_rss(server), 400 if IS_SANITIZED else 2000
    socks = [connect() for _ in range(count)]
    message = framed(query("h00.z00.alpha.", "A"))
    end = time.monotonic() + 2
    for byte in message[:3]:
        for sock in socks:
            try:
                sock.send(bytes([byte]))
            except OSError:
                pass
        start = time.monotonic()
        ask("h00.z00.alpha.", seconds=2 * TIME_FACTOR)
        assert time.monotonic() - start < 0.5 * TIME_FACTOR
        time.sleep(max(0.0, min(0.6, end - time.monotonic())))
    assert IS_SANITIZED or rss(server) - before < count * 4096 + READ_BUFFERS_BYTES
    assert closed_of(socks, 8 * TIME_FACTOR) == count
    assert ask_over_tcp("h00.z00.alpha.").answer


def ask_over_tcp(name):
    with connect() as sock:
        sock.sendall(framed(query(name, "A")))
        return dns.message.from_wire(read_framed(sock))


# security.md F2 and scoreboard 35: replies do not pile up, and the connection ends: when they fit
# into the kernel's buffers (TCP_USER_TIMEOUT), and when the rest waits with us.
@pytest.mark.parametrize("questions", [1000, 5000])
def test_clients_that_never_read_cost_little_and_end(trouped, questions):
    server = trouped()
    big = query("many.z00.alpha.", "TXT")
    with connect() as sock:
        sock.sendall(framed(big))
        assert dns.message.from_wire(read_framed(sock)).answer
    before, socks, block = settled_rss(server), [], framed(big) * questions
    for _ in range(50 if IS_SANITIZED else 200):
        sock = connect()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        try:
            sock.send(block)
        except BlockingIOError:
            pass
        socks.append(sock)
    most, start = 0, time.monotonic()
    while time.monotonic() < start + 3:
        ask("h00.z00.alpha.", seconds=2 * TIME_FACTOR)
        most = max(most, rss(server))
        time.sleep(0.1)
    assert IS_SANITIZED or most - before < 32 * MIB, (most - before) / MIB
    while kernel_connections() > 0:  # Not even the kernel keeps anything for them.
        assert time.monotonic() < start + 13 * TIME_FACTOR, kernel_connections()
        time.sleep(0.1)
    assert ask_over_tcp("h00.z00.alpha.").answer


# security.md F7 and scoreboard 24: out of descriptors is a state, not an accident: no spinning, UDP
# and resolution go on, TCP is back as soon as there is room.
def test_few_descriptors_and_many_clients(trouped, monkeypatch):
    popen = subprocess.Popen

    def limited(*arguments, **options):
        return popen(*arguments, preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (256, 256)), **options)

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", limited)
        server = trouped()
    ask("h00.z00.alpha.")
    socks = []
    for _ in range(1000):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex((server.address, 53))
        socks.append(sock)
    time.sleep(0.5)
    cpu, start = cpu_seconds(server), time.monotonic()
    for n in range(20):
        reply = ask(f"h{n:02}.z01.alpha.", seconds=4 * TIME_FACTOR)  # Upstream has sockets, too.
        assert reply.answer, (time.monotonic() - start, reply.to_text())
        time.sleep(0.05)
    spent = (cpu_seconds(server) - cpu) / (time.monotonic() - start)
    assert IS_SANITIZED or spent < 0.5, spent
    for sock in socks:
        sock.close()
    deadline = time.monotonic() + 2 * TIME_FACTOR
    while True:
        try:
            assert ask_over_tcp("h00.z00.alpha.").answer
            break
        except (OSError, AssertionError):
            assert time.monotonic() < deadline
            time.sleep(0.1)
