#!/usr/bin/python3
"""Reports as RFC 8460 wants them, from datagrams as Postfix sends them, read by Python's json.

    test_rfc8460.py [--build DIR] [TEST...]

What would be sent (report --rfc8460) is held against the RFC's list of members
(reports_rig.py) and against what was put in.  One line a test; exit 0 when none failed.
"""

import json
import sys

from policyd_rig import run, wait_until
from reports_rig import ON, check_schema
from test_ledger import start_tlsrpt

TESTS = []
TLSA, STS, NO_POLICY = 1, 2, 9
RECORD, OTHER_RECORD = (f"v=TLSRPTv1; rua=mailto:{to}@a.example" for to in ("one", "two"))
POLICY = ["version: STSv1", "mode: enforce", "mx: *.a.example", "max_age: 86400"]
PRINTS = ["3 1 1 " + "AB" * 32, "2 1 1 " + "CD" * 32]
CODES = {201: "starttls-not-supported", 202: "certificate-host-mismatch",
         203: "certificate-not-trusted", 204: "certificate-expired", 205: "validation-failure",
         301: "sts-policy-fetch-error", 302: "sts-policy-invalid", 303: "sts-webpki-invalid",
         304: "tlsa-invalid", 305: "dnssec-invalid", 306: "dane-required"}


def test(function):
    TESTS.append(function)
    return function


def session(policy, *failures, record=RECORD, domain="a.example"):
    return json.dumps({"dpv": "1", "d": domain, "pr": record, "policies": [
        {**policy, "t": int(bool(failures)), "f": len(failures),
         **({"failure-details": failures} if failures else {})}]}).encode()


def sts(**members):
    return {"policy-type": STS, "policy-domain": "a.example", "policy-string": POLICY,
            "mx-host": ["*.a.example"], **members}


class Site:
    def __init__(self, folder):
        _, self.policyd, self.sender = start_tlsrpt(
            folder, outbound_source="tlsrpt", **{n: v for n, v in ON.items() if n != "report"})

    def send(self, *datagrams):
        for data in datagrams:
            self.sender.send(data)
        wait_until(lambda: self.policyd.command("status")["counters"]["ledger_datagrams"] >=
                   self.sender.sent, "the datagrams")
        return self

    def documents(self, domain="a.example"):
        documents = self.policyd.command("report", "--rfc8460", "--day", "today", "--domain",
                                         domain)["reports"]
        for document in documents:
            check_schema(document)
        return documents


@test
def test_policies(folder):
    """Each policy that was applied has an element, its texts line by line."""
    site = Site(folder).send(
        session(sts()), session(sts()),
        session(sts(**{"policy-string": POLICY[:3] + ["max_age: 1"]})),
        session({"policy-type": TLSA, "policy-domain": "mx.a.example", "policy-string": PRINTS}),
        session({"policy-type": NO_POLICY}), session({"policy-type": NO_POLICY}))
    document, = site.documents()
    assert document["organization-name"] == "Us, Inc." and \
        document["contact-info"] == "tls@us.example", document
    got = {(p["policy"]["policy-type"], p["policy"]["policy-domain"],
            tuple(p["policy"]["policy-string"])): (p["policy"].get("mx-host"), *p["summary"].values())
           for p in document["policies"]}
    assert got == {
        ("sts", "a.example", tuple(POLICY)): (["*.a.example"], 2, 0),
        ("sts", "a.example", tuple(POLICY[:3] + ["max_age: 1"])): (["*.a.example"], 1, 0),
        ("tlsa", "mx.a.example", tuple(PRINTS)): (None, 1, 0),
        ("no-policy-found", "a.example", ()): (None, 2, 0)}, got


@test
def test_records(folder):
    """One report for each record text, of stable and different ids, also after a restart."""
    site = Site(folder).send(session(sts()), session(sts(), record=OTHER_RECORD),
                             session(sts(), record=OTHER_RECORD),
                             session(sts(), domain="B.example."))
    before = site.documents()
    assert sorted(d["policies"][0]["summary"]["total-successful-session-count"]
                  for d in before) == [1, 2], before
    ids = [d["report-id"] for d in before + site.documents("b.example")]
    assert len(set(ids)) == 3 and all(i.endswith("@us.example") for i in ids), ids
    site.policyd.end()
    site.policyd.start()
    assert site.documents() == before


@test
def test_failures(folder):
    """Each result-type by its name; equal failures are one detail, with all that is known."""
    where = {"s": "192.0.2.25", "n": "mx.a.example", "r": "2001:db8::1", "f": "the reason"}
    site = Site(folder).send(
        *(session(sts(), {"c": code, **where}) for code in CODES for _ in range(3)),
        session(sts(), {"c": 999, **where}), session(sts(), {"c": 203}))
    policy, = site.documents()[0]["policies"]
    assert policy["summary"]["total-failure-session-count"] == 3 * len(CODES) + 2, policy
    for code, name in CODES.items():
        detail, = [d for d in policy["failure-details"] if d["result-type"] == name and
                   d.get("receiving-ip") and "999" not in d["failure-reason-code"]]
        assert detail["failed-session-count"] == 3, detail
        assert (detail["sending-mta-ip"], detail["receiving-mx-hostname"],
                detail["receiving-ip"]) == ("192.0.2.25", "mx.a.example", "2001:db8::1"), detail
        assert "the reason" in detail["failure-reason-code"], detail
    bare, = [d for d in policy["failure-details"] if "receiving-ip" not in d]
    assert bare["result-type"] == "certificate-not-trusted", bare


@test
def test_bounds(folder):
    """Thousands of addresses and reasons are a bounded list, exact in sum."""
    site = Site(folder).send(*(
        session(sts(), {"c": 204, "n": f"mx{n}.a.example", "r": f"192.0.{n % 250}.{n // 250}",
                        "f": "\x1b\r\n\u00fc" * 500 + str(n)}) for n in range(3000)))
    policy, = site.documents()[0]["policies"]
    details = policy["failure-details"]
    assert policy["summary"]["total-failure-session-count"] == 3000
    assert sum(d["failed-session-count"] for d in details) == 3000 and len(details) < 700
    assert all("\x1b" not in json.dumps(d) for d in details)
    assert len(json.dumps(policy)) < 2 ** 20


if __name__ == "__main__":
    sys.exit(run(TESTS))
