#!/usr/bin/python3
"""The JSON lines of aggregates_file: each interval, at the day's end, and when the disk is full.

    test_aggregates.py [--build DIR] [TEST...]

A minute passes in three seconds and midnight comes soon (faketime); sessions are written into
the log beforehand.  One line a test; exit 0 when none failed.
"""

import glob
import json
import os
import signal
import subprocess
import sys
import time

from policyd_rig import IS_ROOT, Policyd, Skip, run, wait_until

TESTS = []
SPEED = 20
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
# As reports_rig's of the same names, on the day of this test.
DAY, BEFORE, AFTER = "2026-06-15", "2026-06-14", "2026-06-16"


def test(function):
    TESTS.append(function)
    return function


def write_log(path, day, *sessions):
    with open(path, "a") as f:
        for n, (domain, is_good) in enumerate(sessions):
            host = f"mx.{domain}[192.0.2.1]:25"
            begin = f"{day}T12:00:{n % 60:02d}.000000+00:00 host postfix/smtp[{1000 + n}]: "
            if not is_good:
                f.write(f"{begin}server certificate verification failed for {host}: "
                        "certificate has expired\n")
            f.write(f"{begin}{'Verified' if is_good else 'Untrusted'} TLS connection established "
                    f"to {host}: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
                    f"{begin}{n:010X}: to=<u@{domain}>, relay={host}, delay=1, delays=0/0/1/0, " +
                    ("dsn=2.0.0, status=sent (250 ok)\n" if is_good else
                     "dsn=4.7.5, status=deferred (Server certificate not verified)\n"))


class Site:
    """A policyd whose clock runs fast from that time on."""

    def __init__(self, folder, **options):
        if not FAKETIME or Policyd.is_sanitized():
            raise Skip("libfaketime is not installed, or has no room beside a sanitizer")
        os.chmod(folder, 0o777)
        self.path = os.path.join(folder, "aggregates.jsonl")
        self.log = os.path.join(folder, "mail.log")
        open(self.log, "a").close()
        self.policyd = Policyd(folder, maillog=self.log, **{
            "aggregates_file": self.path, "aggregate_interval": "1m", **options})

    def start(self, at):
        self.policyd.start(env=dict(
            os.environ, TZ="UTC", LD_PRELOAD=FAKETIME[0], FAKETIME=f"@{at} x{SPEED}",
            FAKETIME_DONT_FAKE_MONOTONIC="1", FAKETIME_NO_CACHE="1"))
        return self

    def write(self, *sessions, day=DAY):
        write_log(self.log, day, *sessions)
        return self

    def lines(self, path=None):
        """All of them; each is whole."""
        if not os.path.exists(path or self.path):
            return []
        with open(path or self.path) as f:
            return [json.loads(line) for line in f]

    def sums(self, path=None):
        return [line for line in self.lines(path) if "policy" not in line]

    def finals(self):
        return [line for line in self.lines() if line["final"]]


SESSIONS = ("a.example", True), ("a.example", False), ("b.example", True)


def counts(line, direction="out"):
    summary = line["summary"].get(direction, line["summary"])
    return (summary["total-successful-session-count"], summary["total-failure-session-count"])


@test
def test_midnight(folder):
    """The day's last word follows its end, once, in RFC 8460's names."""
    site = Site(folder).write(*SESSIONS).start(f"{DAY} 23:58:30")
    wait_until(lambda: len(site.finals()) == 2, "the last word", 30)
    interim = [line for line in site.sums() if not line["final"]]
    assert {counts(line) for line in interim} == {(2, 1)}, interim
    domain, summary = site.finals()
    assert counts(summary) == (2, 1) and counts(summary, "in") == (0, 0), summary
    assert domain["policy"] == {"policy-type": None, "policy-domain": "a.example"}, domain
    assert domain["direction"] == "out" and counts(domain) == (1, 1), domain
    assert domain["failure-details"] == [{
        "result-type": "certificate-expired", "receiving-mx-hostname": "mx.a.example",
        "receiving-ip": "192.0.2.1", "failure-reason-code": "certificate has expired",
        "failed-session-count": 1, "finding": "cert-expired", "service": None,
        "by-probe": False}], domain
    for line in domain, summary:
        assert line["date-range"] == {"start-datetime": f"{DAY}T00:00:00Z",
                                      "end-datetime": f"{AFTER}T00:00:00Z"}, line
    site.policyd.end()
    site.start(f"{AFTER} 00:10:00")
    time.sleep(3.5)             # a minute and more of the new day
    assert len(site.finals()) == 2, "said once"
    assert all(line["final"] or line["date-range"]["start-datetime"].startswith(DAY) or
               counts(line) == (0, 0) for line in site.sums()), site.sums()


@test
def test_away_at_midnight(folder):
    """A clerk that was away says it later, when it has read what the log has of that day."""
    site = Site(folder).write(*SESSIONS).start(f"{DAY} 12:30:00")
    wait_until(site.lines, "a first line", 30)
    site.policyd.end()
    before = len(site.lines())
    assert not site.finals()
    site.write(*[(f"d{n}.example", n % 2 == 0) for n in range(3000)])
    site.start(f"{AFTER} 09:00:00")
    wait_until(site.finals, "the last word", 30)
    wait_until(lambda: "policy" not in site.finals()[-1], "its sums")
    assert counts(site.finals()[-1]) == (1502, 1501), site.finals()[-1]
    assert len(site.finals()) == 1502 and len(site.lines()) >= before + 1502


@test
def test_rotation(folder):
    """Renamed or cut: the next lines stand in a new file, and none is torn."""
    site = Site(folder).write(*SESSIONS).start(f"{DAY} 12:30:00")
    wait_until(site.lines, "a first line", 30)
    os.rename(site.path, site.path + ".1")
    wait_until(site.lines, "a line in the new file", 30)
    assert len(site.lines(site.path + ".1")) == 2 == len(site.lines())
    os.truncate(site.path, 0)               # copytruncate
    wait_until(site.lines, "a line after the cut", 30)
    assert len(site.lines()) == 2


@test
def test_interval(folder):
    """Another interval counts from the next reload on; none at all ends it."""
    site = Site(folder, aggregate_interval="1h").write(*SESSIONS).start(f"{DAY} 12:30:00")
    time.sleep(4)
    assert not site.lines(), "no hour has passed"
    site.policyd.write_conf(aggregate_interval="1m")
    site.policyd.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(site.sums()) >= 2, "two minutes", 30)
    first, second = (line["date-range"]["end-datetime"] for line in site.sums()[:2])
    assert second[:17] > first[:17], (first, second)
    site.policyd.write_conf(aggregates_file="")
    site.policyd.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    size = len(site.lines())
    time.sleep(4)
    assert len(site.lines()) == size


@test
def test_disk_full(folder):
    """What does not fit whole is not there; said once, and written when there is room."""
    if not IS_ROOT:
        raise Skip("not root")
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0777", "none", disk],
                      capture_output=True).returncode != 0:
        raise Skip("no tmpfs can be mounted")
    try:
        with open(f"{disk}/ballast", "wb", buffering=0) as ballast:
            ballast.write(bytes(60 * 1024))
        site = Site(folder, aggregates_file=f"{disk}/lines").write(
            *[(f"d{n}.example", False) for n in range(50)])
        site.path = f"{disk}/lines"
        site.start(f"{DAY} 12:30:00")
        site.policyd.wait_said("aggregates are not written")
        time.sleep(7)
        assert site.policyd.count_said("aggregates are not written") == 1
        assert site.lines() == [], "half of it was taken back"
        os.unlink(f"{disk}/ballast")
        site.policyd.wait_said("aggregates are written again")
        assert len(site.lines()) % 51 == 0 and counts(site.lines()[50]) == (0, 50)
    finally:
        for policyd in list(Policyd.running):
            policyd.kill_all()
        subprocess.run(["umount", "-l", disk], capture_output=True)


if __name__ == "__main__":
    sys.exit(run(TESTS))
