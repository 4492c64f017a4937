#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""check_layers: who may include whom. Prints each line that crosses a layer the wrong way; exit 1.

actors -> lua -> resolver -> runtime/base, and actors -> runtime. One actor sees another only
through its messages. Each library from outside is included in one place.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')

MAY = {  # layer: layers it may include
    "base": {"base"},
    "runtime": {"base", "runtime"},
    "resolver": {"base", "resolver"},
    "lua": {"base", "resolver", "lua"},
    "actors": {"base", "runtime", "resolver", "actors", "lua"},
    "tests": {"base", "runtime", "resolver", "lua", "actors", "tests"},
}
MAY["bench"] = MAY["tests"] | {"bench"}

OUTSIDE = {  # library header prefix: the files that may include it
    "liburing": re.compile(r"runtime/io_uring\w*\.[ch]"),
    "libknot": re.compile(r"resolver/|tests/"),
    "lmdb": re.compile(r"resolver/cache/store_lmdb\.c|tests/unit/resolver/cache/"),
    "luajit": re.compile(r"lua/"), "lua.": re.compile(r"lua/"), "lauxlib": re.compile(r"lua/"),
    "lualib": re.compile(r"lua/"), "libzscanner": re.compile(r"lua/|tests/"),
    "cmocka": re.compile(r"tests/"),
}

# What describes an actor to those that start it; everything else of an actor is private to it.
COMPOSITION = {"actors/troupe.c", "actors/main.c", "actors/daemon.c"}
SPAWNS = {("actors/desk.c", "actors/query.h")}  # who gives birth to whom at run time
SHARED_ACTOR_HEADERS = {  # not actors but pieces and services that actors share
    line.split("#")[0].strip()
    for line in (ROOT / "tests/tools/shared_headers.txt").read_text().splitlines() if line.strip()
}


def layer(path):
    top = path.split("/")[0]
    return "base" if path.startswith("runtime/base/") else top


def complaints(path, text):
    mine = layer(path)
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        kind, target = found.groups()
        where = f"{path}:{number}"
        if kind == "<":
            for prefix, allowed in OUTSIDE.items():
                if target.startswith(prefix) and not allowed.match(path):
                    yield f"{where}: <{target}> belongs to {allowed.pattern}"
            if mine in ("resolver",) and target in (
                    "time.h", "sys/socket.h", "pthread.h", "threads.h", "sys/random.h"):
                yield f"{where}: resolver/ knows no clock, socket, thread or randomness: <{target}>"
            continue
        if "/" not in target or target.startswith("."):
            yield f"{where}: include by path from the root: \"{target}\""
            continue
        if layer(target) not in MAY.get(mine, set()):
            yield f"{where}: {mine} must not include \"{target}\""
        if mine == "actors" and target.startswith("lua/") and target != "lua/hook.h" \
                and path not in COMPOSITION:
            yield f"{where}: actors see lua through lua/hook.h only"
        if mine == "actors" and target.startswith("actors/") and path not in COMPOSITION:
            own = re.sub(r"(_msg)?\.[ch]$", "", path.split("/")[-1])
            other = re.sub(r"\.h$", "", target.split("/")[-1])
            family = other == own or other.split("_")[0] == own.split("_")[0]
            if not family and not other.endswith("_msg") and target not in SHARED_ACTOR_HEADERS \
                    and (path, target) not in SPAWNS:
                yield f"{where}: another actor is known by its messages: \"{target}\""


def main():
    bad = []
    for folder in ("runtime", "resolver", "lua", "actors", "tests", "bench"):
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            name = path.relative_to(ROOT).as_posix()
            bad += complaints(name, path.read_text(encoding="utf-8"))
    print("\n".join(bad) if bad else "layers hold")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
