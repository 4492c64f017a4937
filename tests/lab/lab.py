#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lab: builds the Internet that internet.py describes out of real name servers (nsd, knotd) and one
scripted server, inside a network namespace of its own.

    lab.py build DIR              zone files, signatures, server configurations
    lab.py run DIR -- COMMAND     a new namespace, the servers in it, then COMMAND; ends with it

Works as root and, through a user namespace, without. Everything it starts lives in a process
namespace that ends with the command: nothing is left behind.
"""

import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import dns.dnssec
import dns.name
import dns.rdata

import internet

HERE = pathlib.Path(__file__).resolve().parent
KEY_TIMES = [f"{event}=t-1d" for event in ("created", "publish", "ready", "active")]
RESOLVERS = [internet.v4(100, n) for n in range(1, 9)]
CLIENTS = [internet.v4(200, n) for n in range(1, 9)]
READY_SECONDS = 20


# ---- build: description -> files ----

def zone_text(zone, ds_of):
    lines = [f"$TTL {internet.TTL}", f"{zone.name} SOA {zone.soa()}"]
    lines += [f"{zone.name} NS {name}" for name, _ in zone.servers]
    lines += [f"{owner} {rtype} {rdata}"
              for owner, rtype, rdata in zone.records + internet.addresses_inside(zone)]
    for child in zone.children:
        lines += [f"{child.name} NS {name}" for name, _ in child.servers]
        if child.signed:
            lines.append(f"{child.name} DS {ds_of(child.name)}")
        for name, addresses in child.servers:
            if name.endswith("." + child.name) or (zone.name == "." and name.endswith(".root-lab.")):
                lines += [f"{name} {'AAAA' if ':' in a else 'A'} {a}" for a in addresses]
    return "\n".join(dict.fromkeys(lines)) + "\n"


def zone_file(zone):
    return (zone.name.rstrip(".") or "root") + ".zone"


class Signer:
    """Signs with one key for all zones, through Knot's offline tools."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("db", "unsigned"):
            (folder / name).mkdir()
        policies = "".join(
            f"  - id: {name}\n    manual: on\n    single-type-signing: on\n"
            "    reproducible-signing: on\n    rrsig-lifetime: 3650d\n    rrsig-refresh: 1d\n"
            f"    nsec3: {nsec3}\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n"
            for name, nsec3 in (("nsec", "off"), ("nsec3", "on")))
        self.head = f"database:\n  storage: {folder}/db\npolicy:\n{policies}zone:\n"
        self.dnskey = None

    def run(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"lab: {' '.join(map(str, command))}: {done.stdout}{done.stderr}")
        return done.stdout

    def sign(self, zone, text, output):
        source = self.folder / "unsigned" / zone_file(zone)
        source.write_text(text)
        config = self.folder / "signer.conf"
        config.write_text(
            f"{self.head}  - domain: {zone.name}\n    storage: {self.folder}\n    file: {source}\n"
            f"    dnssec-signing: on\n    dnssec-policy: {'nsec3' if zone.nsec3 else 'nsec'}\n")
        self.run("keymgr", "-c", config, zone.name, "import-pem", HERE / "key.pem",
                 "algorithm=ecdsap256sha256", "ksk=yes", "zsk=yes", *KEY_TIMES)
        self.run("kzonesign", "-c", config, "-o", output.parent, zone.name)
        produced = output.parent / f"{zone.name}zone" if zone.name == "." else \
            output.parent / f"{zone.name.rstrip('.')}.zone"
        if produced != output and produced.exists():
            produced.rename(output)

    def ds(self, name):
        """DS of our one key at `name`; the key is learnt from the first DNSKEY that was asked for."""
        if self.dnskey is None:
            text = subprocess.run(["openssl", "pkey", "-in", HERE / "key.pem", "-pubout", "-outform",
                                   "DER"], capture_output=True, check=True).stdout
            import base64
            self.dnskey = base64.b64encode(text[-64:]).decode()
        key = dns.rdata.from_text("IN", "DNSKEY", f"257 3 13 {self.dnskey}")
        return dns.dnssec.make_ds(dns.name.from_text(name), key, "SHA256").to_text()


def build(folder):
    """Makes `folder` anew unless it was built from exactly these sources."""
    stamp = hashlib.sha256(b"".join(p.read_bytes() for p in sorted(HERE.glob("*"))
                                    if p.is_file())).hexdigest()
    if (folder / "stamp").exists() and (folder / "stamp").read_text() == stamp:
        return
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "zones").mkdir(parents=True)
    zones = internet.internet()
    signer = Signer(folder)
    for zone in zones:
        text = zone_text(zone, signer.ds)
        output = folder / "zones" / zone_file(zone)
        if zone.signed:
            signer.sign(zone, text, output)
        else:
            output.write_text(text)
    hints = "".join(f". 3600000 NS {n}\n" + "".join(
        f"{n} 3600000 {'AAAA' if ':' in a else 'A'} {a}\n" for a in addresses)
        for n, addresses in zones[0].servers)
    (folder / "root.hints").write_text(hints)
    (folder / "root.ds").write_text(f". IN DS {signer.ds('.')}\n")
    (folder / "stamp").write_text(stamp)


def nsd_config(folder, work, addresses, zones):
    ips = "".join(f"    ip-address: {a}\n" for a in addresses)
    names = "".join(f"zone:\n    name: \"{z.name}\"\n    zonefile: {zone_file(z)}\n" for z in zones)
    return (f"server:\n{ips}    port: 53\n    server-count: 1\n    username: \"\"\n    hide-version: yes\n"
            f"    zonesdir: {folder}/zones\n    database: \"\"\n    pidfile: {work}/pid\n"
            f"    xfrdfile: {work}/xfrd\n    zonelistfile: {work}/zones\n"
            f"    xfrdir: {work}\n    rrl-ratelimit: 0\n    verbosity: 0\n"
            "    ipv4-edns-size: 1232\n    ipv6-edns-size: 1232\n"
            f"remote-control:\n    control-enable: no\n{names}")


def knot_config(folder, work, addresses, zones):
    ips = "".join(f"    listen: {a}@53\n" for a in addresses)
    names = "".join(f"  - domain: {z.name}\n    file: {folder}/zones/{zone_file(z)}\n" for z in zones)
    return (f"server:\n    rundir: {work}\n    udp-workers: 1\n    tcp-workers: 1\n"
            f"    background-workers: 1\n{ips}log:\n  - target: stderr\n    any: error\n"
            f"database:\n    storage: {work}\n"
            "template:\n  - id: default\n    zonefile-sync: -1\n    journal-content: none\n"
            f"zone:\n{names}")


def row(number, *hosts):
    return [version(number, host) for host in hosts for version in (internet.v4, internet.v6)]


CONFIGS = {"nsd": nsd_config, "knot": knot_config}
SERVERS = {
    "root": ("nsd", row(0, *range(1, internet.ROOT_SERVERS + 1))),
    "tld-nsd": ("nsd", row(1, 1, 2, 3, 4, 21, 22)),
    "tld-knot": ("knot", row(1, 5, 6, 7, 8)),
    "zones-nsd": ("nsd", row(2, *range(1, 9))),
    "zones-knot": ("knot", row(3, *range(1, 9))),
    "subs-knot": ("knot", row(3, 9)),
}
SCRIPTED = row(9, *range(1, 14))


# ---- run: files -> processes in a namespace ----

def enter(argv):
    """Starts this program again as process 1 of new network and process namespaces."""
    flags = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        flags = ["--user", "--map-root-user"] + flags
    os.execvp("unshare", ["unshare", *flags, sys.executable, __file__, "inside", *argv])


def set_up_network():
    addresses = [a for _, ips in SERVERS.values() for a in ips] + SCRIPTED + RESOLVERS + CLIENTS
    addresses += [internet.v6(100, 1), internet.v6(200, 1)]
    batch = "link set lo up\n" + "".join(
        f"addr add {a}/{128 if ':' in a else 32} dev lo{' nodad' if ':' in a else ''}\n"
        for a in addresses)
    subprocess.run(["ip", "-batch", "-"], input=batch, text=True, check=True)


def start_servers(folder, work):
    """`work` is this run's own, so that several labs can live on the same zone files at once."""
    processes = []
    zones = internet.internet()
    for name, (kind, addresses) in SERVERS.items():
        config = work / f"{name}.conf"
        (work / name).mkdir()
        config.write_text(CONFIGS[kind](folder, work / name, addresses,
                                        [z for z in zones if name in z.hosted_on]))
        command = ["nsd", "-d", "-c", config] if kind == "nsd" else ["knotd", "-c", config]
        log = open(work / f"{name}.log", "w")
        processes.append((name, addresses[0], subprocess.Popen(command, stdout=log, stderr=log)))
    log = open(work / "scripted.log", "w")
    processes.append(("scripted", internet.v4(9, 8), subprocess.Popen(
        [sys.executable, HERE / "scripted.py"], stdout=log, stderr=log)))
    return processes


def wait_until_ready(work, processes):
    """Every server answers a question about the root or says that it does not know."""
    query = bytes.fromhex("00010000000100000000000000000600 01".replace(" ", ""))
    deadline = time.monotonic() + READY_SECONDS
    for name, address, process in processes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.2)
            while True:
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"lab: server {name} does not answer at {address}:\n"
                             + (work / f"{name}.log").read_text())
                try:
                    sock.connect((address, 53))
                    sock.send(query)
                    sock.recv(4096)
                    break
                except OSError:
                    time.sleep(0.05)


def inside(folder, command):
    set_up_network()
    with tempfile.TemporaryDirectory(prefix="troupe-lab-", ignore_cleanup_errors=True) as work:
        work = pathlib.Path(work)
        processes = start_servers(folder, work)
        wait_until_ready(work, processes)
        (work / "tmp").mkdir()
        environment = dict(os.environ, LAB_DIR=str(folder), LAB_HINTS=str(folder / "root.hints"),
                           TMPDIR=str(work / "tmp"))
        status = subprocess.run(command, env=environment, check=False).returncode
        for _, _, process in processes:
            process.kill()
            process.wait()
    sys.exit(status if status >= 0 else 128 - status)


def main(argv):
    if len(argv) >= 2 and argv[0] == "build":
        build(pathlib.Path(argv[1]).resolve())
    elif len(argv) >= 4 and argv[0] == "run" and argv[2] == "--":
        folder = pathlib.Path(argv[1]).resolve()
        build(folder)
        enter([str(folder), *argv[3:]])
    elif len(argv) >= 3 and argv[0] == "inside":
        inside(pathlib.Path(argv[1]), argv[2:])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
