# SPDX-License-Identifier: GPL-3.0-or-later
"""The process: command line, errors that help, start order, stop."""

import os
import re
import signal
import subprocess
import time

from conftest import ADDRESS, TIME_FACTOR, Trouped, ask

PROGRAM = os.environ["TROUPED"]


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=20 * TIME_FACTOR,
                          check=False, **options)


def test_version_and_help_exit_0():
    assert re.search(r"\d+\.\d+\.\d+", run("-V").stdout)
    done = run("-h")
    assert done.returncode == 0 and "RUNDIR" in done.stdout


# CORE-19: a Lua error is exit 1 with file and line.
def test_a_broken_config_names_file_and_line(tmp_path):
    (tmp_path / "config").write_text("\n\nnet.bufsize(100)\n")
    done = run("-n", "-c", "config", str(tmp_path))
    assert done.returncode == 1
    assert re.search(r"config:3:.*bufsize", done.stderr), done.stderr


def test_an_address_in_use_is_said_at_start(trouped, tmp_path):
    trouped()
    (tmp_path / "two").mkdir()
    second = Trouped(tmp_path / "two").spawn()
    assert second.process.wait(10 * TIME_FACTOR) == 1
    assert re.search(rf"config:\d+:.*{re.escape(ADDRESS)}", second.log_text()), second.log_text()


# Drains and exits 0 within a second, also with questions under way.
def test_term_ends_it_within_a_second(trouped):
    import socket
    from conftest import query
    server = trouped()
    ask("h00.z00.alpha.")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(query("www.silent.odd.", "A").to_wire(), (ADDRESS, 53))
        time.sleep(0.1)
        start = time.monotonic()
        assert server.stop(signal.SIGTERM) == 0
        assert time.monotonic() - start < 1.0 * TIME_FACTOR


# Introspection: a trace for a Chrome-style viewer, counters and actors in the log.
def test_signals_show_what_it_is_doing(trouped, tmp_path):
    import json
    server = trouped()
    ask("c1.z00.alpha.")
    server.process.send_signal(signal.SIGUSR1)
    server.process.send_signal(signal.SIGUSR2)
    deadline = time.monotonic() + 10
    while not ((tmp_path / "trace.json").exists() and "listener_tcp" in server.log_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.2)
    trace = json.loads((tmp_path / "trace.json").read_text())
    events = trace["traceEvents"] if isinstance(trace, dict) else trace
    assert any("DESK_ASK" in event.get("name", "") for event in events)
    assert re.search(r"hits_answer_cache\s+\d+", server.log_text())
