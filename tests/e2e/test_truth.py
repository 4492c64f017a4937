# SPDX-License-Identifier: GPL-3.0-or-later
"""The zone data are the truth: thousands of different questions, cold, warm and after a restart."""

import asyncio

import dns.rcode
import dns.rdata
import dns.rdatatype
import internet
from conftest import TIME_FACTOR, ask_many

ZONES = internet.internet()
ORACLE = internet.Oracle(ZONES)
QUESTIONS = internet.questions(ZONES)


def as_set(records):
    return {(owner.lower(), rtype, dns.rdata.from_text("IN", rtype, rdata).to_digestable())
            for owner, rtype, rdata in records}


def got_set(reply):
    return {(rrset.name.to_text().lower(), dns.rdatatype.to_text(rrset.rdtype), rdata.to_digestable())
            for rrset in reply.answer for rdata in rrset}


def differences(questions, replies):
    for (name, rtype), reply in zip(questions, replies):
        truth = ORACLE.ask(name, rtype)
        if reply is None:
            yield f"{name} {rtype}: no answer"
        elif dns.rcode.to_text(reply.rcode()) != truth.rcode:
            yield f"{name} {rtype}: {dns.rcode.to_text(reply.rcode())}, not {truth.rcode}"
        elif got_set(reply) != as_set(truth.answer):
            yield f"{name} {rtype}: {sorted(got_set(reply))}, not {truth.answer}"


def wrong(questions):
    return list(differences(questions, asyncio.run(ask_many(questions, window=64 // TIME_FACTOR))))


def core_cpu(pid):
    """CPU ticks of each thread of the process."""
    import pathlib
    ticks = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
        name = (task / "comm").read_text().strip()
        ticks[name] = ticks.get(name, 0) + int(fields[11]) + int(fields[12])
    return ticks


# 5,000 different questions in the lab; every core takes its part (RFC1034, RFC2308, RFC4592, RFC6672,
# RFC3597, RFC3901: zones on IPv4 only, IPv6 only and both).
def test_every_answer_is_what_the_zone_data_say(trouped, upstream):
    server = trouped()
    assert len(set(QUESTIONS)) >= 5000
    bad = wrong(QUESTIONS)
    assert not bad, f"{len(bad)} wrong: {bad[:10]}"
    cold = upstream.packets()
    assert cold > 0
    bad = wrong(QUESTIONS[::-1])
    assert not bad, f"{len(bad)} wrong when warm: {bad[:10]}"
    assert upstream.packets() - cold <= len(QUESTIONS) // 100
    busy = [name for name, ticks in core_cpu(server.process.pid).items() if ticks > 0]
    assert len([name for name in busy if "core" in name]) >= 2, busy


# RFC4343: letters of the question come back as they were sent; the cache does not care for them.
def test_letter_case_is_kept_in_the_reply_and_ignored_in_the_cache(trouped, upstream):
    from conftest import ask
    trouped(extra="modules.unload('priming')\n")
    ask("h01.z00.alpha.")
    before = upstream.packets()
    reply = ask("H01.z00.ALPHA.")
    assert reply.question[0].name.to_text() == "H01.z00.ALPHA."
    assert reply.answer and upstream.packets() == before


# 0x20: the letters that we mix into our questions are nobody else's business. Servers compress alias
# targets against them.
def test_mixed_letters_of_our_questions_never_reach_a_client(trouped):
    from conftest import ask
    trouped()
    for tld in ("alpha", "beta", "gamma", "delta"):
        for number in range(0, 24, 2):
            reply = ask(f"c1.z{number:02}.{tld}.")
            text = "".join(rrset.to_text() for rrset in reply.answer)
            for word in (" IN ", "CNAME ", "A "):
                text = text.replace(word, " ")
            assert len(reply.answer) == 4 and text == text.lower()


# An ISP's cache is its capital: after a restart it answers without asking anybody.
def test_a_restart_serves_from_the_cache_without_a_packet(trouped, upstream, tmp_path):
    questions = QUESTIONS[:2000]
    first = trouped(folder=tmp_path, extra="modules.unload('priming')\n")
    assert not wrong(questions)
    assert first.stop() == 0
    before = upstream.packets()
    trouped(folder=tmp_path, extra="modules.unload('priming')\n")
    bad = wrong(questions)
    assert not bad, bad[:10]
    assert upstream.packets() == before
