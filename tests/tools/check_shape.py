#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""check_shape: rules that a machine can hold. Exit 1 on: a file without licence line, a header
without #pragma once, a banned function, allocation where pools are the rule, a header that does not
compile alone. Prints, for people, the longest files and functions (never an error)."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = ("runtime", "resolver", "lua", "actors", "tests", "bench", "third_party")
BANNED = {
    "strcpy": "snprintf or memcpy with a size", "strcat": "snprintf", "sprintf": "snprintf",
    "gets": "fgets", "rand": "rt_random or rt_prng", "random": "rt_random or rt_prng",
    "time": "rt_wall_ms", "gettimeofday": "rt_wall_ms", "alloca": "an arena", "strtok": "strtok_r",
    "atoi": "strtol with its errors", "system": "nothing",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
ALLOCATION = re.compile(r"(?<![\w.>])(malloc|calloc|realloc|strdup|strndup)\s*\(")
# Where memory may be taken from libc: what opens once and lives as long as the process.
MAY_ALLOCATE = re.compile((ROOT / "tests/tools/may_allocate.txt").read_text().strip().replace("\n", "|"))


def sources(*suffixes):
    for folder in OURS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file() and "corpus" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), path


def without_comments(text):
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', text)
    return re.sub(r"//[^\n]*", "", text)


def complaints():
    for name, path in sources(".c", ".h", ".py", ".sh", ".lua"):
        head = path.read_text(encoding="utf-8")[:300]
        if "SPDX-License-Identifier: GPL-3.0-or-later" not in head:
            yield f"{name}: the licence line is missing"
    for name, path in sources(".c", ".h"):
        text = path.read_text(encoding="utf-8")
        if name.endswith(".h") and "#pragma once" not in text:
            yield f"{name}: #pragma once is missing"
        if name.startswith("tests/"):
            continue  # tests may be plain: their input is their own
        code = without_comments(text)
        for number, line in enumerate(code.splitlines(), 1):
            for found in CALL.finditer(line):
                yield f"{name}:{number}: {found[1]}(): use {BANNED[found[1]]}"
            if name.split("/")[0] in ("runtime", "resolver", "actors") and ALLOCATION.search(line) \
                    and not MAY_ALLOCATE.fullmatch(name):
                yield f"{name}:{number}: memory comes from pools and arenas"


def lonely_headers():
    flags = subprocess.run(["pkg-config", "--cflags", "luajit"], text=True, capture_output=True,
                           check=False).stdout.split()
    for name, path in sources(".h"):
        if name.startswith(("tests/", "bench/")):
            continue
        done = subprocess.run(
            ["cc", "-std=gnu17", "-D_GNU_SOURCE", f"-I{ROOT}", *flags, "-fsyntax-only", "-x", "c", "-"],
            input=f'#include "{name}"\n#include "{name}"\n', text=True, capture_output=True, check=False)
        if done.returncode != 0:
            yield f"{name}: does not compile alone:\n{done.stderr.strip()}"


def longest():
    files, functions = [], []
    for name, path in sources(".c"):
        lines = path.read_text(encoding="utf-8").splitlines()
        files.append((len(lines), name))
        start, title = None, ""
        for number, line in enumerate(lines, 1):
            if re.match(r"^[a-zA-Z_].*\)\s*$", line):
                title = re.sub(r"\(.*", "", line).split()[-1].lstrip("*")
            if line == "{":
                start = number
            if line == "}" and start:
                functions.append((number - start, f"{name}: {title}"))
                start = None
    for what, rows in (("files", files), ("functions", functions)):
        print(f"longest {what}:")
        for size, name in sorted(rows, reverse=True)[:8]:
            print(f"  {size:5} {name}")


def main():
    bad = list(complaints()) + list(lonely_headers())
    longest()
    print("\n".join(bad) if bad else "shape holds")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
