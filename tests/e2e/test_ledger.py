"""The ledger against the truth: after a mail to each domain the tallies are what its hosts did.

Counted from the log of a real Postfix, while the clerk is killed.  What Postfix cannot see
(testing mode, policies that cannot be had, hosts that are not in one) our own looks add.
"""

import collections
import signal
import time

from domain import DEFERRED, NOTFOUND, SENT
from domains import BY_NAME, DOMAINS
from postfix import send
from process import Timeout, wait_until

# The log tells less than a look at the host ...
IN_THE_LOG = {"cert-chain-incomplete": "cert-untrusted", "cipher-weak": "handshake-failed"}
# ... and Postfix tries both hosts, the first in vain.
TWO_HOSTS = {"enf-mixed.test": {"success": 1, "failure": 1, "cert-expired": 1}}
# Connections that said nothing about TLS.
NO_SESSION = ("closed", "tarpit")

before, got = {}, {}


def wanted(domain):
    """What must be counted for one mail; None where more than one host may be tried."""
    e = domain.expect
    if domain.name in TWO_HOSTS:
        return TWO_HOSTS[domain.name]
    if len(domain.mx_names()) > 1 or domain.hosts and domain.hosts[0].more:
        return None
    fault = domain.hosts[0].fault if domain.hosts else ""
    if fault in NO_SESSION:
        return {}
    if e.fate == SENT and domain.policy and domain.policy.mode == "testing" and \
            e.query == NOTFOUND:
        return {"failure": 1, "cert-expired": 1}
    if e.fate == SENT:
        missing = getattr(e.explain.get("mta_sts.error"), "pattern", None)
        return {"clear" if fault == "no-starttls" else "success": 1,
                **({missing: 1} if missing else {})}
    if e.fate == DEFERRED and e.finding:
        return {"failure": 1, IN_THE_LOG.get(e.finding, e.finding): 1}
    return {}


def counts(bench):
    """{domain: {outcome or finding: count}}"""
    _, answer = bench.hopseal.command("report")
    found = {}
    for row in answer["domains"]:       # one for each type of policy
        outcomes = {o: row[o] for o in ("success", "failure", "clear", "unknown")}
        sums = found.setdefault(row["domain"], collections.Counter())
        sums.update({k: n for k, n in {**row["findings"], **outcomes}.items() if n})
    return found


def grown(new, old):
    return {k: n - old.get(k, 0) for k, n in new.items() if n > old.get(k, 0)}


def prepare(bench, names):
    bench.restart_hopseal()
    domains = [BY_NAME[n] for n in names if n in BY_NAME]
    # The map's answers first: a mail then meets a policy that is known.
    for domain in domains:
        bench.hopseal.ask(domain.name)
    before.update(counts(bench))
    half = len(domains) // 2
    queue_ids = {}
    for part in (domains[:half], domains[half:]):
        queue_ids.update(bench.postfix.send_all([f"ledger@{d.name}" for d in part], 30))
        bench.hopseal.wait_replaced("clerk", bench.hopseal.kill("clerk", signal.SIGKILL))
    for queue_id in queue_ids.values():
        bench.postfix.fate(queue_id)
    sums = {d.name: wanted(d) for d in domains}

    def settled():
        now = counts(bench)
        got.update({n: grown(now.get(n, {}), before.get(n, {})) for n in sums})
        return all(w is None or got[n] == w for n, w in sums.items())
    try:
        wait_until(settled, 10, "the tallies")
    except Timeout:
        pass    # each test says it of its domain


def check_domain(domain):
    def test(bench):
        if any(h.ipv6 for h in domain.hosts) and not bench.has_ipv6:
            return "no IPv6"
        assert got[domain.name] == wanted(domain), \
            f"counted {got[domain.name]}, not {wanted(domain)}"
    return test


def report_exits(bench):
    """Failures are exit 1, and the screen names them."""
    status, answer = bench.hopseal.command("report", "--day", "today",
                                           "--domain", "enf-expired.test")
    assert status == 1, status
    row, = answer["domains"]
    assert row["failures"] == {"certificate-expired": row["failure"]}, row
    assert [h["host"] for h in row["hosts"]] == ["mx.enf-expired.test"], row
    status, answer = bench.hopseal.command("report", "--domain", "never-mailed.test")
    assert status == 3 and answer["domains"] == [], (status, answer)


def status_part(bench):
    """The log was found by itself and is read to its end."""
    def part():
        _, answer = bench.hopseal.command("status")
        return next(p for p in answer["parts"] if p["name"] == "ledger")
    wait_until(lambda: ", 0 octets of the log to read" in part()["detail"], 10, part())
    assert part()["state"] == "ok", part()


def failure_is_probed(bench):
    """A host that was good fails for Postfix: it is looked at again at once."""
    domain = BY_NAME["hanging.test"]
    bench.restart_hopseal(reprobe_after="1s")
    finding = lambda: bench.hopseal.explain(domain.name)["hosts"][0]["finding"]
    wait_until(lambda: finding() == "ok", 20, "a good host")
    bench.layout.change(domain, "expired")
    try:
        time.sleep(2)
        assert finding() == "ok", "it was looked at without a reason"
        bench.postfix.fate(send(f"ledger@{domain.name}"))
        wait_until(lambda: finding() == "cert-expired", 10, "another look")
    finally:
        bench.layout.change(domain, "good")


def verified_is_good(bench):
    """A host that our look found bad is good again with Postfix's first verified session."""
    domain = BY_NAME["hanging.test"]
    bench.layout.change(domain, "expired")
    try:
        bench.restart_hopseal()     # a look is due in ten minutes, and nobody waits for one
        finding = lambda: bench.hopseal.explain(domain.name)["hosts"][0]["finding"]
        wait_until(lambda: finding() == "cert-expired", 20, "a bad host")
        bench.layout.change(domain, "good")
        time.sleep(2)
        assert finding() == "cert-expired", "it was looked at without a reason"
        assert bench.postfix.fate(send(f"ledger@{domain.name}")).status == SENT
        wait_until(lambda: finding() == "ok", 10, "a good host")
        assert bench.hopseal.explain(domain.name)["verdict"] == "deliverable"
    finally:
        bench.layout.change(domain, "good")


def without_log_level(bench):
    """A Postfix that does not log TLS: nothing is known, and the setting is named."""
    bench.postfix.configure(smtp_tls_loglevel="0")
    try:
        bench.restart_hopseal()
        site = lambda: bench.hopseal.command("status")[1]["parts"]
        part = lambda: next(p for p in site() if p["name"] == "ledger")
        wait_until(lambda: "does not log TLS" in part()["detail"], 10, "the setting")
        begin = counts(bench).get("enf-good.test", {})
        assert bench.postfix.fate(send("ledger@enf-good.test")).status == SENT
        wait_until(lambda: part()["state"] == "unknown", 10, "what is not known")
        assert "smtp_tls_loglevel=1" in part()["advice"], part()
        assert counts(bench).get("enf-good.test", {}) == begin, "a guess was counted"
    finally:
        bench.postfix.configure(smtp_tls_loglevel="1")


FORGED = """{stamp} sender postfix/smtp[{pid}]: certificate verification failed for {host}: \
certificate has expired
{stamp} sender postfix/smtp[{pid}]: Untrusted TLS connection established to {host}: TLSv1.3 \
with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
{stamp} sender postfix/smtp[{pid}]: {pid:010X}: to=<u@{domain}>, relay={host}, delay=1, \
delays=0/0/1/0, dsn=4.7.5, status=deferred (Server certificate not verified)
"""


def forged_defers_nothing(bench):
    """Whatever a local user writes into the log: a look at the host is due, no more."""
    domain = BY_NAME["enf-good.test"]
    bench.restart_hopseal(reprobe_after="1s")
    explain = lambda: bench.hopseal.explain(domain.name)
    wait_until(lambda: explain()["verdict"] == "deliverable", 20, "a good host")
    time.sleep(1.5)
    address = explain()["hosts"][0]["addresses"][0]["address"]
    failures = lambda: counts(bench).get(domain.name, {}).get("failure", 0)
    begin = failures()
    with open(bench.postfix.log_path, "a") as log:
        for pid in range(90000, 90050):
            log.write(FORGED.format(stamp=time.strftime("%b %e %H:%M:%S"), pid=pid,
                                    host=f"mx.{domain.name}[{address}]:25",
                                    domain=domain.name))
    wait_until(lambda: failures() == begin + 50, 10, "the forged sessions")
    for _ in range(10):
        assert explain()["verdict"] != "undeliverable", explain()
        time.sleep(0.2)
    wait_until(lambda: explain()["verdict"] == "deliverable", 10, "another look")


TESTS = {d.name: check_domain(d) for d in DOMAINS
         if d.expect and wanted(d) is not None and not d.is_tarpit()}
TESTS |= {"report-exits": report_exits, "status-part": status_part,
          "failure-is-probed": failure_is_probed, "verified-is-good": verified_is_good,
          "without-log-level": without_log_level,
          "forged-defers-nothing": forged_defers_nothing}
