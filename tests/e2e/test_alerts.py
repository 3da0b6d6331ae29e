"""Alerts with a real Postfix: a domain that is mailed to breaks and is mended, told by mail.

The mail goes through the Postfix under test to a mailbox at one of the bench's MX hosts, and
is in no count.
"""

import email
import email.policy
import re
import time

from domains import BY_NAME
from process import wait_until

TESTS = {}
BROKEN, MAILBOX = "enf-signed.test", "ops@enf-good.test"


def test(function):
    TESTS[function.__name__] = function
    return function


def prepare(bench, names):
    pass


def restore(bench):
    bench.layout.change(BY_NAME[BROKEN], "good")
    bench.restart_hopseal()


def told(bench):
    """The changes that came by mail."""
    found = []
    for mail in bench.mx_hosts.mails(MAILBOX):
        message = email.message_from_string(f"{mail['head']}\n\n{mail['body']}",
                                            policy=email.policy.default)
        assert message["Auto-Submitted"] == "auto-generated", mail["head"]
        assert message["From"].addresses[0].username == "postmaster", mail["head"]
        found += re.findall(r"(?m)^\d{4}-\S+ (\w+ domain .*?)\r?$", message.get_content())
    return found


def look_until(bench, cert, words):
    """The host's certificate is another one: mail asks, the host is looked at, it is told."""
    bench.layout.change(BY_NAME[BROKEN], cert)

    def is_told():
        bench.hopseal.explain(BROKEN)
        return [line for line in told(bench) if line.startswith(words)]
    return wait_until(is_told, 60, f"{words!r}, got {told(bench)}")


def sessions(bench):
    _, report = bench.hopseal.command("report", "--domain", "enf-good.test")
    return report["totals"]["sessions"]


@test
def domain_breaks_and_is_mended(bench):
    bench.restart_hopseal(alert_mailto=MAILBOX, alert_after="2s", alert_quiet="2s",
                          good_ttl="2s", reprobe_after="1s", bad_ttl="60s")
    assert bench.postfix.send_all([f"user@{BROKEN}"], 30)
    time.sleep(3)
    before = sessions(bench)
    line, = look_until(bench, "expired", f"warning domain {BROKEN}: ")
    assert "no usable mail host" in line and "certificate expired" in line, line
    line, = look_until(bench, "good", f"ok domain {BROKEN}: ")
    assert line.endswith("its mail is no longer kept back"), line
    time.sleep(5)
    assert len(told(bench)) == 2, told(bench)
    assert sessions(bench) == before, "the alerts' own sessions are counted"
    code, status = bench.hopseal.command("status")
    part, = [p for p in status["parts"] if p["name"] == "alerts"]
    assert part["state"] == "ok" and status["counters"]["alerts_mail_sent"] == 2, part
