#!/usr/bin/python3
"""The JSON lines of aggregates_file: each interval, at the day's end, and when the disk is full.

    test_aggregates.py [--build DIR] [TEST...]

A minute passes in three seconds and midnight comes soon (faketime); sessions are written into
the log beforehand.  One line a test; exit 0 when none failed.
"""

import calendar
import fcntl
import json
import os
import struct
import sys
import termios
import time

from mail_log import write_day
from policyd_rig import Policyd, faketime, run, small_disk, wait_until
from test_mail_journal import STAYS, FakeJournalctl, delivery

TESTS = []
SPEED = 20
# As reports_rig's of the same names, on the day of this test.
DAY, BEFORE, AFTER = "2026-06-15", "2026-06-14", "2026-06-16"


def test(function):
    TESTS.append(function)
    return function


class Site:
    """A policyd whose clock runs fast from that time on."""

    def __init__(self, folder, **options):
        os.chmod(folder, 0o777)
        self.path = os.path.join(folder, "aggregates.jsonl")
        self.log = os.path.join(folder, "mail.log")
        open(self.log, "a").close()
        self.policyd = Policyd(folder, **{
            "maillog": self.log, "aggregates_file": self.path, "aggregate_interval": "1m", **options})

    def start(self, at, before=(), **environment):
        self.policyd.start(before=before, env=faketime(
            FAKETIME=f"@{at} x{SPEED}", FAKETIME_DONT_FAKE_MONOTONIC="1", **environment))
        return self

    def stamp(self):
        """Which day had its last word."""
        return os.path.join(self.policyd.folder, "state/ledger/aggregated")

    def write(self, *sessions, day=DAY):
        write_day(self.log, day, *sessions)
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


SESSIONS = ("a.example", "good", 1), ("a.example", "expired", 1), ("b.example", "good", 1)


def counts(line, direction="out"):
    summary = line["summary"].get(direction, line["summary"])
    return (summary["total-successful-session-count"], summary["total-failure-session-count"])


@test
def test_midnight(folder):
    """The day's last word follows its end, once, in RFC 8460's names."""
    site = Site(folder).write(*SESSIONS).start(f"{DAY} 23:57:30")
    wait_until(lambda: len(site.finals()) == 2, "the last word", 40)
    *_, interim = [line for line in site.sums() if not line["final"]]
    assert counts(interim) == (2, 1), interim
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
    site.write(*[(f"d{n}.example", "expired" if n % 2 else "good", 1) for n in range(3000)])
    site.start(f"{AFTER} 09:00:00")
    wait_until(site.finals, "the last word", 30)
    wait_until(lambda: "policy" not in site.finals()[-1], "its sums")
    assert counts(site.finals()[-1]) == (1502, 1501), site.finals()[-1]
    assert len(site.finals()) == 1502 and len(site.lines()) >= before + 1502


@test
def test_journal_after_midnight(folder):
    """The same, when the log is systemd's journal and journalctl is slow to begin."""
    gate = os.path.join(folder, "gate")
    os.mkfifo(gate)
    fake = FakeJournalctl(folder, STAYS, begin=f"open({gate!r}).read()")
    noon = calendar.timegm(time.strptime(DAY, "%Y-%m-%d")) + 12 * 3600
    fake.write([line for n in range(30) for line in delivery(n, noon)])
    site = Site(folder, maillog="journal").start(f"{DAY} 12:30:00", PATH=fake.env["PATH"])
    wait_until(lambda: os.path.exists(site.stamp()), "the day before")
    site.policyd.end()
    before = len(fake.told())
    site.start(f"{AFTER} 00:10:00", PATH=fake.env["PATH"])
    wait_until(lambda: len(fake.told()) > before, "journalctl")
    time.sleep(3)
    assert not site.finals(), "not yet read"
    open(gate, "w").close()
    wait_until(site.finals, "the last word", 30)
    assert counts(site.finals()[-1]) == (30, 0), site.finals()


@test
def test_stamp_damaged(folder):
    """Which day had its last word cannot be read: it is said, and the next one waits."""
    site = Site(folder).write(*SESSIONS).start(f"{DAY} 12:30:00")
    wait_until(site.lines, "a first line", 30)
    site.policyd.end()
    with open(site.stamp(), "r+") as stamp:
        day = stamp.read()
        assert day == BEFORE, day
        stamp.truncate(0)
        site.start(f"{AFTER} 00:10:00")
        site.policyd.wait_said("aggregates are not written")
        stamp.seek(0)
        stamp.write(day)
    wait_until(lambda: len(site.finals()) == 2, "the last word", 30)


@test
def test_rotation(folder):
    """Renamed or cut: the next lines stand in a new file, and none is torn."""
    site = Site(folder).write(*SESSIONS).start(f"{DAY} 12:30:00")
    wait_until(site.lines, "a first line", 30)
    old = site.path + ".1"
    os.rename(site.path, old)
    wait_until(site.lines, "a line in the new file", 30)
    count = len(site.lines(old))
    assert count % 2 == 0 == len(site.lines()) % 2, "a domain's and the sums"
    os.truncate(site.path, 0)               # copytruncate
    wait_until(site.lines, "a line after the cut", 30)
    assert len(site.lines()) % 2 == 0 and len(site.lines(old)) == count


@test
def test_interval(folder):
    """Another interval counts from the next reload on; none at all ends it."""
    site = Site(folder, aggregate_interval="1h").write(*SESSIONS).start(f"{DAY} 12:30:00")
    time.sleep(4)
    assert not site.lines(), "no hour has passed"
    site.policyd.reload(aggregate_interval="1m")
    wait_until(lambda: len(site.sums()) >= 2, "two minutes", 30)
    first, second = (line["date-range"]["end-datetime"] for line in site.sums()[:2])
    assert second[:17] > first[:17], (first, second)
    site.policyd.reload(aggregates_file="")

    def is_quiet():
        count = len(site.lines())
        time.sleep(4)
        return len(site.lines()) == count
    wait_until(is_quiet, "the end of the lines")


@test
def test_disk_full(folder):
    """What does not fit whole is not there; said once, and written when there is room."""
    with small_disk(folder, "64k") as disk:
        with open(f"{disk}/ballast", "wb", buffering=0) as ballast:
            ballast.write(bytes(60 * 1024))
        site = Site(folder, aggregates_file=f"{disk}/lines").write(
            *[(f"d{n}.example", "expired", 1) for n in range(50)])
        site.path = f"{disk}/lines"
        site.start(f"{DAY} 12:30:00")
        site.policyd.wait_said("aggregates are not written")
        time.sleep(7)
        assert site.policyd.count_said("aggregates are not written") == 1
        assert site.lines() == [], "half of it was taken back"
        os.unlink(f"{disk}/ballast")
        site.policyd.wait_said("aggregates are written again")
        assert len(site.lines()) % 51 == 0 and counts(site.lines()[50]) == (0, 50)


@test
def test_slow_reader(folder):
    """Nobody reads standard error for a while: the clerk goes on, and no line is torn."""
    site = Site(folder, aggregates_file="journal", log_level="error")
    site.write(*[(f"d{n}.example", "expired", 1) for n in range(1000)])
    path = os.path.join(folder, "stderr")
    os.mkfifo(path)
    with open(path, "rb", opener=lambda *a: os.open(path, os.O_RDONLY | os.O_NONBLOCK)) as pipe:
        site.start(f"{DAY} 12:30:00", before=("sh", "-c", f'exec "$@" 2>{path}', "sh"))
        room = fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
        told = lambda: struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"1234"))[0]
        wait_until(lambda: told() > room // 2, "a pipe that fills")
        clerk = site.policyd.pid("clerk")
        time.sleep(4)                       # more than a child is waited for
        assert site.policyd.pid("clerk") == clerk and "parts" in site.policyd.command("status")
        os.set_blocking(pipe.fileno(), True)
        lines = []
        while not lines or "policy" in lines[-1]:
            lines.append(json.loads(pipe.readline()))
    assert counts(lines.pop()) == (0, 1000)
    assert len({line["policy"]["policy-domain"] for line in lines}) == len(lines) == 1000


if __name__ == "__main__":
    sys.exit(run(TESTS))
