# SPDX-License-Identifier: GPL-3.0-or-later
"""Name servers that misbehave: what is behind them still resolves where it can, fails in time where
it cannot, and never costs more than the budget of one question."""

import time

import dns.rcode
import internet
import pytest
from conftest import TIME_FACTOR, ask

PACKETS_MAX = 64  # RS_BUDGET_PACKETS


def address_of(reply):
    return [rdata.address for rrset in reply.answer for rdata in rrset if rrset.rdtype == 1]


# RFC7766 (TCP when truncated), RFC6891 (FORMERR without OPT means no EDNS), RFC5452 (wrong ID),
# 0x20 with memory, slow servers.
@pytest.mark.parametrize("kind", ["tcponly", "noedns", "wrongid", "lowercase", "slow"])
def test_a_strange_server_is_still_understood(trouped, upstream, kind):
    trouped()
    reply = ask(f"www.{kind}.odd.")
    assert address_of(reply) == [f"192.0.151.{internet.ODD[kind]}"]
    assert upstream.packets() <= PACKETS_MAX


# RFC9520: the failure is told at once the second time, without another packet.
@pytest.mark.parametrize("kind", ["silent", "refused", "servfail", "badcookie", "tc-forever", "closes"])
def test_a_broken_server_gives_servfail_within_the_budget_and_is_not_asked_again(trouped, upstream, kind):
    trouped(extra="modules.unload('priming')\n")
    start = time.monotonic()
    reply = ask(f"www.{kind}.odd.", seconds=10)
    assert reply.rcode() == dns.rcode.SERVFAIL and not reply.answer
    assert time.monotonic() - start < 8
    spent = upstream.packets()
    assert 0 < spent <= PACKETS_MAX
    start = time.monotonic()
    assert ask(f"www.{kind}.odd.").rcode() == dns.rcode.SERVFAIL
    assert time.monotonic() - start < 0.5 * TIME_FACTOR
    assert upstream.packets() == spent


# NXNSAttack (CVE-2020-12667) and endless delegation (CVE-2014-8500).
@pytest.mark.parametrize("name", ["a.nxns.odd.", "x.y.z.nxns.odd.", "a.b.c.d.e.f.g.h.endless.odd."])
def test_a_hostile_tree_stays_within_the_budget(trouped, upstream, name):
    trouped(extra="modules.unload('priming')\n")
    assert ask(name, seconds=10).rcode() == dns.rcode.SERVFAIL
    assert upstream.packets() <= PACKETS_MAX
