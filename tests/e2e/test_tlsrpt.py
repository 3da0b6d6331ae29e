"""Postfix 3.10 and the map's longer answers: every domain of the table, and a few more.

Postfix must take each answer of QUERYwithTLSRPT, do with the mail what the table says
but for SKIPPED, and report to TLSRPT the very policy that the answer held.
"""

import os
import re
import signal
from dataclasses import replace

import expect
from domain import DEFERRED, SENT
from domains import BY_NAME, DOMAINS, MAP_SAYS_TEMP, VERIFIED
from hopseal import MAP
from postfix import send
from process import wait_until
from test_domains import rules
from tlsrpt_socket import TlsrptSocket

RECORD = "v=TLSRPTv1; rua=mailto:reports@sender.test"
STS = 2                         # a policy-type

# From 3.10.5 on Postfix itself compares MX hosts with the patterns (RFC 8461, 4.1), and
# does not connect to one that matches none: that host, and what is not as in the table.
UNABLE = "server unavailable or unable to receive mail"
SKIPPED = {
    "enf-notmx.test": ("mx.enf-notmx.test", {"reason": UNABLE, "log": ""}),
    "enf-wild2.test": ("a.b.enf-wild2.test",
                       {"fate": DEFERRED, "reason": UNABLE, "log": ""}),
    "enf-mixed-mx.test": ("mx1.enf-mixed-mx.test", {}),
}

# Where no TLS was tried, Postfix reports nothing; each host and address is a report more.
UNREPORTED = ("enf-closed.test", "enf-tarpit.test", "enf-notmx.test", "enf-wild2.test",
              "dane-bogus.test", "dane-servfail.test", "dane-servfail-sts.test", "plain.test",
              "null-mx.test", "no-such.test", "dns-lame.test")
REPORTS = {"enf-mixed.test": (2,), "all-bad.test": (3,), "addresses-bad.test": (2,),
           "addresses.test": (1, 2),    # whichever comes first
           **dict.fromkeys(UNREPORTED, (0,))}

queue_ids = {}
reports = None                  # a TlsrptSocket


def prepare(bench, names):
    global reports
    reports = TlsrptSocket(os.path.join(bench.folder, "pf/spool/tlsrpt"))
    for domain in DOMAINS:
        if domain.zone in ("signed", "unsigned"):
            zone = bench.layout.zone(domain)
            zone.lines.append(f'_smtp._tls TXT "{RECORD}"')
            bench.dns.change(zone)
    bench.postfix.configure(smtp_tls_policy_maps="socketmap:inet:%s:%d:QUERYwithTLSRPT" % MAP,
                            smtp_tlsrpt_enable="yes", smtp_tlsrpt_socket_name="tlsrpt")
    bench.hopseal.write_rules(rules("log"))
    bench.restart_hopseal(reprobe_after=f"{expect.REPROBE_AFTER_S}s")
    queue_ids.update(bench.postfix.send_all(
        [f"tlsrpt@{n}" for n in names if n in BY_NAME]))


def check_domain(domain):
    skipped, changes = SKIPPED.get(domain.name, (None, {}))
    wanted = replace(domain.expect, **changes)

    def test(bench):
        if any(h.ipv6 for h in domain.hosts) and not bench.has_ipv6:
            return "no IPv6"
        expect.check(bench, domain, wanted, queue_ids[f"tlsrpt@{domain.name}"])
        assert is_refused(bench, domain.name) == (wanted.reason == MAP_SAYS_TEMP)
        found = skipped_hosts(bench, domain.name)
        assert found == ([skipped] if skipped else []), f"skipped {found}, not {skipped}"
        check_reports(bench, domain.name, REPORTS.get(domain.name, (1,)),
                      wanted.fate == SENT)
    return test


TESTS = {d.name: check_domain(d) for d in DOMAINS if d.expect}


def is_refused(bench, name):
    """True if Postfix found fault with an answer, be it only a warning."""
    words = f'smtp_tls_policy_maps, next-hop destination "{name}"'
    return any(words in line for line in bench.postfix.lines())


def skipped_hosts(bench, name):
    pattern = re.compile(r"warning: MX name '([^']*)' does not match STS MX pattern for "
                         f"'{re.escape(name)}'")
    return sorted({m[1] for line in bench.postfix.lines() if (m := pattern.search(line))})


def policy_in(answer):
    """What a datagram must say of the policy in the map's answer; None without one."""
    if "policy_type=sts" not in answer:
        return None
    return {"policy-type": STS,
            "policy-domain": re.search(r" policy_domain=(\S+)", answer)[1],
            "policy-string": re.findall(r" \{ policy_string = (.*?) \}", answer),
            "mx-host": re.findall(r" mx_host_pattern=(\S+)", answer)}


def check_reports(bench, name, counts, is_success):
    """As many datagrams, each with the policy of the map's answer; how the last ended."""
    wait_until(lambda: len(reports.of(name)) >= counts[0], 5, f"{counts} reports of {name}")
    datagrams = reports.of(name)
    assert len(datagrams) in counts, datagrams
    wanted = policy_in(bench.hopseal.ask(name, "QUERYwithTLSRPT"))
    for datagram in datagrams:
        assert datagram["pr"] == RECORD, datagram
        policy, = datagram["policies"]
        if wanted:
            got = {key: policy.get(key) for key in wanted}
            assert got == wanted, f"reported {got}, sent {wanted}"
        else:
            assert policy["policy-type"] != STS, policy
    if datagrams:
        assert (policy["f"] == 0) == is_success, policy


# Answers that no domain of the table gets.

def test(function):
    TESTS[function.__name__] = function
    return function


def check_sent(bench, name):
    """A mail goes out verified, and is reported; the answer that made it so."""
    before = len(reports.of(name))
    fate = bench.postfix.fate(send(f"more@{name}"))
    assert fate.status == SENT, fate
    assert any(f"{VERIFIED} mx.{name}[" in line for line in bench.postfix.lines())
    assert not is_refused(bench, name)
    check_reports(bench, name, (before + 1,), True)
    return bench.hopseal.ask(name, "QUERYwithTLSRPT")


def publish_policy(bench, name, *lines):
    """Add lines to a domain's policy; a character of a body is an octet."""
    body = "".join(line + "\r\n" for line in (*BY_NAME[name].policy_lines(), *lines))
    bench.policy_hosts.change("mta-sts." + name, body=body.encode().decode("latin-1"))


@test
def rule_beside_policy(bench):
    bench.hopseal.write_rules("enf-good.test out min_tls=1.2\n")
    bench.hopseal.process.send_signal(signal.SIGHUP)
    wait_until(lambda: " protocols=" in bench.hopseal.ask("enf-good.test"), 20, "the rule")
    answer = check_sent(bench, "enf-good.test")
    assert " protocols=" in answer and " policy_type=sts" in answer, answer
    bench.hopseal.write_rules("")
    bench.hopseal.process.send_signal(signal.SIGHUP)


@test
def any_character(bench):
    """All printable text is passed on, but for a line with a brace."""
    line = "x-note: a, b;  c=d \"e\" 'f' \\n $g %s <i> mx_host=j.test"
    publish_policy(bench, "change.test", line, line + " }", line + " ${k}", line + " \u00fc")
    answer = check_sent(bench, "change.test")
    assert answer.count("x-note") == 1 and line in answer, answer


@test
def long_policy(bench):
    """An answer too long for Postfix leaves the last lines out."""
    publish_policy(bench, "cached.test",
                   *(f"mx: {'x' * 50}.{i:03}.example" for i in range(600)))
    answer = check_sent(bench, "cached.test")
    assert 99000 < len(answer) <= 100000, len(answer)
