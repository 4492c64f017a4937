#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""rfc_trace: where each RFC is fulfilled and where that is tested, from citations in the source
("RFC9156-2.3"). Prints a table; with --check exits 1 when an RFC that is due has no test."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CITATION = re.compile(r"RFC(\d{3,5})(?:-([\d.]*\d))?")

DUE = {  # RFCs that the resolver fulfils today, each with a test that cites it
    1034: "core resolution", 1536: "manners", 3225: "DO", 4035: "DO and the parent's side of a cut",
    6724: "address choice", 8305: "address choice",
    1035: "messages", 1123: "TTL 0", 4697: "no aggressive re-query",
    2181: "RRsets, ranking", 2308: "negative caching", 9520: "failure caching", 6891: "EDNS",
    8906: "no silence", 9715: "no fragmentation", 3597: "unknown types", 4343: "letter case",
    4592: "wildcards", 5452: "forgery resilience", 7873: "cookies", 9018: "server cookies",
    9156: "QNAME minimisation", 9609: "priming", 6672: "DNAME", 6604: "rcode of aliases",
    9460: "SVCB", 8482: "ANY", 9619: "QDCOUNT", 7766: "TCP", 9210: "TCP is required",
    5358: "no open resolver", 5625: "proxies in between", 9267: "RDATA anti-patterns",
    3901: "both families", 8085: "UDP guidance", 6698: "types passed intact",
    6895: "meta types", 5936: "AXFR from clients", 8020: "NXDOMAIN cut",
}


def citations():
    """{rfc: {"code": set, "test": set}} of file names."""
    found = {}
    for folder in ("runtime", "resolver", "actors", "lua", "tests"):
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix not in (".c", ".h", ".py", ".rpl", ".lua") or "/tools/" in name:
                continue
            kind = "test" if name.startswith("tests/") else "code"
            for number, _section in CITATION.findall(path.read_text(encoding="utf-8")):
                found.setdefault(int(number), {"code": set(), "test": set()})[kind].add(name)
    return found


def main():
    found = citations()
    print(f"{'RFC':>6}  {'code':>4}  {'tests':>5}  where it is tested")
    for number in sorted(set(found) | set(DUE)):
        row = found.get(number, {"code": (), "test": ()})
        print(f"{number:6}  {len(row['code']):4}  {len(row['test']):5}  {' '.join(sorted(row['test'])[:3])}")
    missing = [f"RFC{n} ({text})" for n, text in DUE.items() if not found.get(n, {}).get("test")]
    if missing:
        print("no test cites: " + ", ".join(missing))
    return 1 if missing and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
