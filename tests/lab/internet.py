# SPDX-License-Identifier: GPL-3.0-or-later
"""internet: the small Internet of the lab, as a description: which zones exist, what is in them, who
serves them, and so what every question must be answered with. No files, no processes.

Everything follows from index numbers: the same description gives the same Internet, always.

Addresses are private (10.53.0.0/16, fd53::/64) and exist only in the lab's network namespace:
    10.53.0.1-13   the 13 root addresses           10.53.2.x  zone servers (nsd)
    10.53.1.x      servers of the TLDs             10.53.3.x  zone servers (knotd)
    10.53.9.x      the scripted server             10.53.100.x  for resolvers, 10.53.200.x for clients
and fd53::R:N is the IPv6 twin of 10.53.R.N.
"""

from dataclasses import dataclass, field

ROOT_SERVERS = 13
ZONES_PER_TLD = 25
HOSTS_PER_ZONE = 24
TTL = 3600
GREEK = ("alpha", "beta", "gamma", "delta")
SIGNED_TLDS = ("gamma", "delta")
WORD = "abcdefghijklm"


def v4(row, number):
    return f"10.53.{row}.{number}"


def v6(row, number):
    return f"fd53::{row}:{number:x}"


@dataclass
class Zone:
    name: str                                    # with final dot
    servers: list                                # [(ns name, [addresses])] as the parent publishes
    hosted_on: list                              # names of server processes that load it
    signed: bool = False
    nsec3: bool = False
    records: list = field(default_factory=list)  # (owner, type, rdata text), without SOA and NS
    children: list = field(default_factory=list)

    def soa(self):
        return f"{self.servers[0][0]} hostmaster.{self.name if self.name != '.' else ''} " \
               "2026010101 7200 3600 1209600 300"


@dataclass
class Truth:
    name: str
    type: str
    rcode: str
    answer: list  # (owner, type, rdata text), the whole chain, unsorted


def root():
    servers = [(f"{WORD[i]}.root-lab.", [v4(0, i + 1), v6(0, i + 1)]) for i in range(ROOT_SERVERS)]
    return Zone(".", servers, ["root"], signed=True)


def tlds():
    zones = [Zone(f"{name}.", [(f"ns{k}.nic.{name}.", [v4(1, 2 * i + k), v6(1, 2 * i + k)])
                               for k in (1, 2)],
                  ["tld-nsd" if i < 2 else "tld-knot"], signed=name in SIGNED_TLDS,
                  nsec3=name == "delta")
             for i, name in enumerate(GREEK)]
    zones.append(Zone("six.", [("ns1.nic.six.", [v6(1, 21)])], ["tld-nsd"]))  # no IPv4 at all
    zones.append(Zone("odd.", [("ns1.nic.odd.", [v4(1, 22), v6(1, 22)])], ["tld-nsd"]))
    zones.append(Zone("root-lab.", [("a.root-lab.", [v4(0, 1), v6(0, 1)])], ["root"]))
    return zones


def zone_servers(tld, number, name):
    """How a zone is delegated: every fifth zone has a difficulty of its own."""
    a, b = v4(2, number % 8 + 1), v4(3, number % 8 + 1)
    a6, b6 = v6(2, number % 8 + 1), v6(3, number % 8 + 1)
    usual = [(f"ns1.{name}", [a, a6]), (f"ns2.{name}", [b, b6])]
    difficulty = number % 10
    if difficulty == 1:  # glueless: its servers' names live in another TLD
        other = GREEK[(GREEK.index(tld) + 1) % 4]
        return [(f"ns1.z{number - 1:02}.{other}.", []), (f"ns2.z{number - 1:02}.{other}.", [])]
    if difficulty == 3:  # reachable by IPv6 only
        return [(f"ns1.{name}", [a6]), (f"ns2.{name}", [b6])]
    if difficulty == 5:  # one server is lame: it answers, but does not have the zone
        return [(f"lame.{name}", [v4(9, 3)]), usual[1]]
    if difficulty == 7:  # one server is dead: it never answers
        return [(f"dead.{name}", [v4(9, 2)]), usual[0]]
    return usual


def second_level(tld):
    zones = []
    for number in range(ZONES_PER_TLD):
        name = f"z{number:02}.{tld}."
        zone = Zone(name, zone_servers(tld, number, name), ["zones-nsd", "zones-knot"],
                    signed=tld in SIGNED_TLDS and number % 2 == 0, nsec3=number % 4 == 0)
        zone.records = content(tld, number, name)
        zones.append(zone)
    return zones


def content(tld, number, zone):
    other_tld = GREEK[(GREEK.index(tld) + 1) % 4]
    neighbour = f"z{(number + 2) % ZONES_PER_TLD // 2 * 2:02}.{other_tld}."
    index = GREEK.index(tld) * ZONES_PER_TLD + number
    records = [(zone, "MX", f"10 h00.{zone}"), (zone, "TXT", f'"zone {index}"')]
    for host in range(HOSTS_PER_ZONE):
        owner = f"h{host:02}.{zone}"
        records.append((owner, "A", f"192.0.{index}.{host}"))
        if host % 2 == 0:
            records.append((owner, "AAAA", f"2001:db8:{index:x}::{host:x}"))
    records += [
        (f"c1.{zone}", "CNAME", f"c2.{zone}"), (f"c2.{zone}", "CNAME", f"c3.{zone}"),
        (f"c3.{zone}", "CNAME", f"h00.{zone}"),
        (f"across.{zone}", "CNAME", f"h01.{neighbour}"),
        (f"nowhere.{zone}", "CNAME", f"missing.{zone}"),
        (f"*.wild.{zone}", "A", f"192.0.{index}.200"), (f"*.wild.{zone}", "TXT", '"wild"'),
        (f"deep.below.ent.{zone}", "A", f"192.0.{index}.201"),
        (f"_sip._udp.{zone}", "SRV", f"1 2 5060 h02.{zone}"),
        (f"multi.{zone}", "A", f"192.0.{index}.202"), (f"multi.{zone}", "A", f"192.0.{index}.203"),
        (f"many.{zone}", "TXT", '"' + "x" * 200 + '"'), (f"odd-type.{zone}", "TYPE65400", r"\# 3 abcdef"),
    ]
    if number % 2 == 0:
        records.append((f"moved.{zone}", "DNAME", neighbour))
    return records


def six_zones():
    zone = Zone("v6only.six.", [("ns1.v6only.six.", [v6(2, 1)])], ["zones-nsd"])
    zone.records = [("www.v6only.six.", "A", "192.0.150.1"), ("www.v6only.six.", "AAAA", "2001:db8:150::1")]
    return [zone]


# What the scripted server does at each of its addresses; zone NAME.odd. is delegated to it.
ODD = {
    "tcponly": 1, "silent": 2, "refused": 3, "servfail": 4, "noedns": 5, "wrongid": 6,
    "lowercase": 7, "slow": 8, "nxns": 9, "endless": 10, "badcookie": 11, "tc-forever": 12,
    "closes": 13,
}


def odd_zones():
    zones = []
    for name, number in ODD.items():
        zone = Zone(f"{name}.odd.", [(f"ns1.{name}.odd.", [v4(9, number)])], ["scripted"])
        zone.records = [(f"www.{name}.odd.", "A", f"192.0.151.{number}")]
        zones.append(zone)
    return zones


def subzones(parents):
    """Third level: every eighth zone delegates `sub` to the other kind of server."""
    zones = []
    for index, parent in enumerate(parents):
        if index % 8 == 0:
            name = f"sub.{parent.name}"
            zone = Zone(name, [(f"ns.{name}", [v4(3, 9), v6(3, 9)])], ["subs-knot"])
            zone.records = [(f"www.{name}", "A", f"192.0.152.{index}")]
            parent.children.append(zone)
            zones.append(zone)
    return zones


def internet():
    """All zones, root first; children of each zone are set."""
    top, first = root(), tlds()
    top.children = first
    zones = [top] + first
    middle = []
    by_name = {zone.name: zone for zone in zones}
    for tld in GREEK:
        middle += second_level(tld)
    for zone in middle + six_zones() + odd_zones():
        parent = zone.name.split(".", 1)[1]
        by_name[parent].children.append(zone)
        zones.append(zone)
    return zones + subzones(middle)


class Oracle:
    """What the zone data say. Knows nothing of packets, servers and caches."""

    def __init__(self, zones):
        self.zones = {zone.name: zone for zone in zones}
        self.data = {}
        for zone in zones:
            records = self.data.setdefault(zone.name, {})
            for owner, rtype, rdata in zone.records + addresses_inside(zone):
                records.setdefault(owner, {}).setdefault(rtype, []).append(rdata)
            records.setdefault(zone.name, {})["NS"] = [name for name, _ in zone.servers]

    def zone_of(self, name):
        while name not in self.zones:
            name = name.split(".", 1)[1] or "."
        return name

    def find(self, zone, name):
        """The record sets at `name`, {} for an empty non-terminal, None for no such name."""
        records = self.data[zone]
        if name in records:
            return records[name]
        if any(owner.endswith("." + name) for owner in records):
            return {}
        parent = name
        while parent != zone:
            parent = parent.split(".", 1)[1]
            if "*." + parent in records:
                return records["*." + parent]
            if parent in records or any(owner.endswith("." + parent) for owner in records):
                return None
        return None

    def dname_above(self, zone, name):
        for owner, sets in self.data[zone].items():
            if "DNAME" in sets and name.endswith("." + owner):
                return owner, sets["DNAME"][0]
        return None

    def ask(self, name, rtype):
        answer, asked = [], name
        for _ in range(12):
            zone = self.zone_of(name)
            moved = self.dname_above(zone, name)
            if moved:
                owner, target = moved
                answer.append((owner, "DNAME", target))
                new = name[:-len(owner)] + target
                answer.append((name, "CNAME", new))
                name = new
                continue
            sets = self.find(zone, name)
            if sets is None:
                return Truth(asked, rtype, "NXDOMAIN", answer)
            if rtype in sets:
                return Truth(asked, rtype, "NOERROR", answer + [(name, rtype, r) for r in sets[rtype]])
            if "CNAME" not in sets:
                return Truth(asked, rtype, "NOERROR", answer)
            answer.append((name, "CNAME", sets["CNAME"][0]))
            name = sets["CNAME"][0]
        return Truth(asked, rtype, "SERVFAIL", [])


def addresses_inside(zone):
    """Address records of a zone's own servers, as far as their names lie in the zone."""
    inside = []
    for name, addresses in zone.servers:
        if zone.name != "." and not (name.endswith("." + zone.name) or name == zone.name):
            continue
        if zone.name == ".":
            continue  # root-lab. is a zone of its own
        for address in addresses:
            inside.append((name, "AAAA" if ":" in address else "A", address))
    if zone.name == "root-lab.":
        for i in range(1, ROOT_SERVERS):
            inside += [(f"{WORD[i]}.root-lab.", "A", v4(0, i + 1)),
                       (f"{WORD[i]}.root-lab.", "AAAA", v6(0, i + 1))]
    return inside


def questions(zones):
    """Thousands of different questions, of every kind the lab has."""
    asked = []
    for zone in zones:
        if "zones-nsd" not in zone.hosted_on or zone.name.endswith(".six."):
            continue
        name = zone.name
        asked += [(f"h{host:02}.{name}", rtype) for host in range(HOSTS_PER_ZONE)
                  for rtype in (("A", "AAAA") if host < 12 else ("A",))]
        asked += [(name, "MX"), (name, "TXT"), (name, "NS"), (f"c1.{name}", "A"), (f"c2.{name}", "AAAA"),
                  (f"across.{name}", "A"), (f"nowhere.{name}", "A"), (f"x.wild.{name}", "A"),
                  (f"y.z.wild.{name}", "TXT"), (f"x.wild.{name}", "MX"), (f"ent.{name}", "A"),
                  (f"below.ent.{name}", "TXT"), (f"deep.below.ent.{name}", "A"),
                  (f"_sip._udp.{name}", "SRV"), (f"multi.{name}", "A"), (f"many.{name}", "TXT"),
                  (f"odd-type.{name}", "TYPE65400"), (f"nope.{name}", "A"), (f"nope.h00.{name}", "A"),
                  (f"h01.{name}", "MX"), (f"h03.moved.{name}", "A"), (f"gone.moved.{name}", "TXT")]
    return asked
