# SPDX-License-Identifier: GPL-3.0-or-later
"""The process in a rough world: killed, confined, poor, and not alone."""

import ctypes
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import dns.message
import dns.rcode
import internet
import pytest
from conftest import ADDRESS, CONFIG, TIME_FACTOR, Trouped, ask, connect, exchange, query, read_framed

NOBODY = 20000 + os.getpid() % 40000  # A user of our own: locked memory is counted for each.


needs_users = pytest.mark.skipif(
    os.getuid() != 0 or open("/proc/self/uid_map", encoding="ascii").read().split()[2] == "1",
    reason="there is only one user here")


def give_to_nobody(folder, monkeypatch):
    """The folder, and a program to run in it: the way to ours may be closed to others."""
    os.chown(folder, NOBODY, NOBODY)
    monkeypatch.setenv("TROUPED", shutil.copy(os.environ["TROUPED"], folder))
    for parent in (folder, *folder.parents):
        if parent.stat().st_mode & 0o005 != 0o005:
            os.chmod(parent, parent.stat().st_mode | 0o055)
    return folder


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def config_in(folder, text=CONFIG):
    (folder / "config").write_text(text.format(
        address=ADDRESS, address6=internet.v6(100, 1), hints=os.environ["LAB_HINTS"]))
    return folder


def run_to_its_end(folder, preexec=None):
    return subprocess.run([os.environ["TROUPED"], "-n", "-f", "2", "-c", "config", str(folder)], text=True,
                          capture_output=True, timeout=20 * TIME_FACTOR, preexec_fn=preexec, check=False)


class Confined(Trouped):
    """Started with `preexec` in its child."""

    def __init__(self, folder, preexec, **options):
        super().__init__(folder, **options)
        self.preexec = preexec

    def spawn(self):
        popen = subprocess.Popen
        try:
            subprocess.Popen = lambda *a, **k: popen(*a, preexec_fn=self.preexec, **k)
            return super().spawn()
        finally:
            subprocess.Popen = popen


# Scoreboard 22: a kill at any moment, under load, costs what is under way and nothing else: the
# cache is opened again, the ports are free again, no answer is wrong afterwards.
def test_twenty_kills_under_load(trouped):
    names = [f"h{n % 30:02}.z{n // 30:02}.alpha." for n in range(600)]
    over = threading.Event()

    def load():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((internet.v4(200, 2), 0))
            n = 0
            while not over.is_set():
                sock.sendto(query(names[n % len(names)], "A").to_wire(), (ADDRESS, 53))
                n += 1
                if n % 16 == 0:
                    time.sleep(0.002)

    thread = threading.Thread(target=load)
    server = trouped()
    thread.start()
    try:
        for n in range(20 if TIME_FACTOR == 1 else 5):
            time.sleep(0.05 + n % 4 * 0.05)
            server.stop(signal.SIGKILL)
            server.start()
            assert ask(names[n]).answer
    finally:
        over.set()
        thread.join()
    assert "moved aside" not in server.log_text()
    assert server.stop() == 0


# Stopping is quick also with thousands of connections, of which many wait for an answer.
def test_term_ends_it_within_a_second_with_thousands_of_connections(trouped):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
    server, socks = trouped(), []
    wire = query("www.silent.odd.", "A").to_wire()
    for n in range(400 if TIME_FACTOR > 1 else 3000):
        sock = connect()
        if n % 2 == 0:
            sock.send(struct.pack("!H", len(wire)) + wire)
        socks.append(sock)
    start = time.monotonic()
    assert server.stop() == 0
    spent = time.monotonic() - start
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for sock in socks:
        sock.close()
    assert spent < 1.0 * TIME_FACTOR


# While it drains, connections that wait for nothing end and new ones are refused, so that clients
# turn to another server at once; who waits for an answer gets one (RFC7766-6.2.4).
def test_a_draining_server_takes_no_more_connections(trouped):
    server = trouped()
    ask("h00.z00.alpha.")
    wire = query("www.silent.odd.", "A").to_wire()
    with connect() as idle, connect() as waiting:
        waiting.sendall(struct.pack("!H", len(wire)) + wire)
        time.sleep(0.1)
        server.process.send_signal(signal.SIGTERM)
        idle.settimeout(0.5 * TIME_FACTOR)
        assert idle.recv(1) == b""
        assert server.process.poll() is None
        deadline = time.monotonic() + 0.4 * TIME_FACTOR  # The cores hear of the drain one by one.
        with pytest.raises(OSError):
            while time.monotonic() < deadline:
                connect(seconds=0.5).close()
        reply = dns.message.from_wire(read_framed(waiting))
        assert reply.rcode() == dns.rcode.SERVFAIL
    assert server.process.wait(10 * TIME_FACTOR) == 0


# One writer for each cache: a second process says so and leaves the first one alone.
def test_a_second_process_on_one_cache_is_refused(trouped, tmp_path):
    server = trouped()
    other = tmp_path / "other"
    other.mkdir()
    config_in(other, CONFIG.replace("cache.size = 64 * MB", f"cache.open(64 * MB, 'lmdb://{tmp_path}')")
              .replace("'{address}', 53", f"'{internet.v4(100, 2)}', 53"))
    done = run_to_its_end(other)
    assert done.returncode == 1
    assert "cache.storage" in done.stderr and str(tmp_path) in done.stderr and "stop" in done.stderr
    assert ask("h00.z00.alpha.").answer
    assert server.process.poll() is None


def forbid_io_uring():
    """A seccomp filter like Docker's default one: io_uring_setup (425) fails with EPERM."""
    load, equal, ret = 0x20, 0x15, 0x06
    program = b"".join(struct.pack("<HBBI", *line) for line in (
        (load, 0, 0, 0), (equal, 0, 1, 425), (ret, 0, 0, 0x00050000 | 1), (ret, 0, 0, 0x7FFF0000)))
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("<HxxxxxxQ", 4, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, header) == 0   # PR_SET_SECCOMP, SECCOMP_MODE_FILTER


def test_without_io_uring_one_line_says_why(tmp_path):
    done = run_to_its_end(config_in(tmp_path), forbid_io_uring)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if "io_uring" in line]
    assert len(lines) == 1 and "seccomp" in lines[0] and "profile" in lines[0], done.stderr


# RLIMIT_MEMLOCK binds who has no CAP_IPC_LOCK; buffers that cannot be pinned are no reason not to run.
@needs_users
@pytest.mark.parametrize("limit", [256 << 10, 8 << 20])
def test_an_unprivileged_user_with_little_locked_memory(tmp_path, monkeypatch, limit):
    folder = tmp_path / "home"
    folder.mkdir()
    hints = tmp_path / "hints"
    shutil.copy(os.environ["LAB_HINTS"], hints)
    os.chmod(hints, 0o644)
    give_to_nobody(folder, monkeypatch)

    def drop():
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (limit, limit))
        become_nobody()

    config = f"net.listen('{{address}}', 5353)\nhints.root_file('{hints}')\ncache.size = 8 * MB\n" \
             "net.outgoing_v4('{address}')\nnet.outgoing_v6('{address6}')\n"
    server = Confined(folder, drop, config=config)
    try:
        for _ in range(4):  # What its predecessor had locked comes back only after its end.
            server.start()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind((internet.v4(200, 1), 0))
                sock.settimeout(8)
                sock.sendto(query("h00.z00.alpha.", "A").to_wire(), (ADDRESS, 5353))
                assert struct.unpack("!H", sock.recv(4096)[6:8])[0] == 1
            server.stop(signal.SIGKILL)
        server.start()
    finally:
        assert server.stop() == 0


# A user who may not bind port 53 hears which line it was and what helps.
@needs_users
def test_a_port_that_is_not_permitted_is_explained(tmp_path, monkeypatch):
    subprocess.run(["sysctl", "-q", "net.ipv4.ip_unprivileged_port_start=1024"], check=False)
    done = run_to_its_end(give_to_nobody(config_in(tmp_path), monkeypatch), become_nobody)
    assert done.returncode == 1
    assert "net.listen" in done.stderr and "1024" in done.stderr, done.stderr


# Signals to ask for a report, one after the other, are no reason to miss a question.
def test_reports_do_not_disturb(trouped):
    server = trouped()
    ask("h00.z00.alpha.")
    for n in range(40):
        server.process.send_signal(signal.SIGUSR2 if n % 2 else signal.SIGUSR1)
        assert exchange(query("h00.z00.alpha.", "A").to_wire(), seconds=2 * TIME_FACTOR)
    assert server.process.poll() is None


# security.md J4: what is written in the folder does not go through a link that points elsewhere.
def test_the_trace_follows_no_link(trouped, tmp_path):
    server = trouped()
    victims = []
    for name in ("trace.json", "trace.json.new"):
        victim = tmp_path / f"victim of {name}"
        victim.write_text("precious")
        (tmp_path / name).symlink_to(victim)
        victims.append(victim)
    server.process.send_signal(signal.SIGUSR1)
    deadline = time.monotonic() + 5 * TIME_FACTOR
    while "wrote trace.json" not in server.log_text():
        assert time.monotonic() < deadline, server.log_text()
        time.sleep(0.02)
    assert [victim.read_text() for victim in victims] == ["precious"] * 2
    assert (tmp_path / "trace.json").stat().st_size > 1000
