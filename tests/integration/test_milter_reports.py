#!/usr/bin/python3
"""What the milter sees of TLS reports while many mails pass: those of others, and our own.

    test_milter_reports.py [--build DIR] [TEST...]

A policyd behind it takes them in.  One line a test; exit 0 when none failed.
"""

import sys
import threading

import milter_rig
from policyd_rig import run
from reports_rig import ON, hopseal
from test_reports import Site, attach, report

TESTS = []


def test(function):
    TESTS.append(function)
    return function


@test
def test_parallel(folder):
    """Many mails at one time, ours among them: each report is kept once."""
    with Site(folder, **ON) as site:
        trouble = []

        def bring(thread):
            try:
                for n in range(12):
                    # Two threads bring each report.
                    site.bring(*attach(report(thread // 2 * 100 + n)), piece=100 + thread)
                    with milter_rig.Session(site.socket) as s:
                        s.mail("<reports@us.example>")
                        s.rcpt("<tls@a.example>")
                        s.header("TLS-Report-Submitter", "us.example")
                        s.end()
            except Exception as error:      # shown below
                trouble.append(repr(error))
        threads = [threading.Thread(target=bring, args=(n,)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not trouble, trouble
        assert site.received("--top", "5")[1]["totals"]["reports"] == 6 * 12


@test
def test_own_signature(folder):
    """Whether our own reports leave with a DKIM signature: not known until one was seen, and
    only what our own clients send says something."""
    with Site(folder, **ON) as site:
        def send(*headers, client="127.0.0.1", sender="<Reports@us.example>"):
            with milter_rig.Session(site.socket, client=client) as s:
                s.mail(sender)
                s.rcpt("<tls@a.example>")
                for name, value in (("TLS-Report-Submitter", "us.example"), *headers):
                    s.header(name, value)
                s.ask(b"B", b"a report")
                s.end()

        def part():
            parts = hopseal(site.policyd, "status")[1]["parts"]
            return next(p for p in parts if p["name"] == "reports")
        signature = "v=1; a=rsa-sha256; d=%s; s=x;\r\n\tbh=abc=; b=def="
        assert "DKIM: not known" in part()["detail"], part()
        send(("DKIM-Signature", signature % "us.example"), client="192.0.2.1")
        send(("DKIM-Signature", signature % "us.example"), sender="<other@us.example>")
        assert "DKIM: not known" in part()["detail"], part()
        for domain, signed in (("us.example", True), ("other.example", False),
                               ("Us.Example", True), ("xus.example", False),
                               ("us.example", True), ("example", False)):
            send(("DKIM-Signature", signature % domain))
            assert ("DKIM: signed" in part()["detail"]) == signed, (domain, part())
            assert (part()["state"] == "warning" and "signer" in part()["advice"]) != signed, part()


if __name__ == "__main__":
    sys.exit(run(TESTS))
