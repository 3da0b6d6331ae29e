#!/usr/bin/python3
"""The ledger over days: midnight, a clock that jumps, a month, a day without Redis, a full journal.

    test_ledger_days.py [--build DIR] [TEST...]

The clock is moved through a file (libfaketime); the log's lines have times of their own.
One line a test; exit 0 when none failed.
"""

import collections
import glob
import os
import sys
import time

from mail_log import session_lines
from policyd_rig import Policyd, faketime, run, wait_until
from test_ledger import Redis, Sender, datagram

TESTS = []
DAY_S = 86400
BEGIN = (int(time.time()) // DAY_S - 31) * DAY_S   # Redis, whose clock is right, keeps 40 days


def test(function):
    TESTS.append(function)
    return function


def date(at):
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def session(n, at):
    """The two lines of one verified session."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at))
    return session_lines(f"{stamp} host postfix/smtp[{1000 + n}]: ", "a.example", n)


class Site:
    """A policyd with a clock that can be set."""

    def __init__(self, folder, **options):
        os.chmod(folder, 0o777)
        self._clock = os.path.join(folder, f"clock{len(Policyd.running)}")
        self.log = os.path.join(folder, f"mail{len(Policyd.running)}.log")
        self.socket = os.path.join(folder, f"tlsrpt{len(Policyd.running)}.sock")
        open(self.log, "a").close()
        self.policyd = Policyd(folder, **{
            "maillog": self.log, "aggregates_file": "", "tlsrpt_socket": self.socket,
            "socket_mode": "0666", "log_level": "info", **options})

    def start(self, at):
        self.set_clock(at)
        self.policyd.start(env=faketime(FAKETIME_TIMESTAMP_FILE=self._clock,
                                        FAKETIME_DONT_FAKE_MONOTONIC="1"))
        return self

    def set_clock(self, at):
        """From now on it is that time, and goes on."""
        with open(self._clock + ".new", "w") as f:
            f.write(f"{at - time.time():+.0f}\n")
        os.rename(self._clock + ".new", self._clock)

    def write(self, lines):
        with open(self.log, "a") as f:
            f.writelines(line + "\n" for line in lines)

    def count(self, at):
        """Sessions of that day."""
        answer = self.policyd.command("report", "--day", date(at))
        return answer["totals"]["sessions"] if "totals" in answer else 0

    def wait_counts(self, wanted, seconds=20):
        """{time: sessions of its day}; they must stay so."""
        got = lambda: {at: self.count(at) for at in wanted}
        try:
            wait_until(lambda: got() == wanted, "the sums", seconds)
        except AssertionError:
            raise AssertionError(f"got {got()}, wanted {wanted}")
        time.sleep(1.5)
        assert got() == wanted, f"then got {got()}, wanted {wanted}"


@test
def test_midnight(folder):
    """Each session's own time says its day, also of lines that are late or begun before."""
    site = Site(folder).start(BEGIN + DAY_S - 30)
    end = BEGIN + DAY_S
    sessions = [session(n, end - 20 + n) for n in range(40)]    # 20 of each day
    half = [lines for n in range(0, 20) for lines in sessions[n]]
    site.write(half[:30])
    site.wait_counts({BEGIN: 15})
    # The day changes while sessions are under way, and the clerk is killed on its way.
    begun = session(90, end - 1)
    site.write(begun[:1])
    site.set_clock(end + 5)
    site.policyd.kill_child("clerk")
    site.write([line for n in range(20, 30) for line in sessions[n]])
    site.write(half[30:])           # what was late
    site.policyd.kill_child("clerk")
    site.write(begun[1:])
    site.write([line for n in range(30, 40) for line in sessions[n]])
    site.wait_counts({BEGIN: 21, end: 20})
    site.policyd.end()
    site.start(end + 60)
    site.wait_counts({BEGIN: 21, end: 20})


@test
def test_clock_jumps(folder):
    """Forth and back by hours, days and years: every datagram is in some day, once."""
    site = Site(folder, outbound_source="tlsrpt", maillog="none").start(BEGIN + 3600)
    sender = Sender(site.socket)
    wait_until(lambda: os.path.exists(site.socket), "the socket")
    wanted = collections.Counter()
    for at in (BEGIN, BEGIN + 2 * DAY_S, BEGIN - DAY_S, BEGIN, BEGIN + 38 * DAY_S,
               BEGIN + 30 * DAY_S):
        site.set_clock(at + 600)
        time.sleep(0.1)
        for _ in range(10):
            sender.send(datagram("a.example"))
        wanted[at] += 10
        wait_until(lambda: site.count(at) == wanted[at], "the datagrams")
    site.policyd.kill_child("clerk")
    # Days to come are none to report.
    site.set_clock(BEGIN + 38 * DAY_S + 600)
    site.wait_counts(dict(wanted))
    # Back behind all that is kept.
    site.set_clock(BEGIN - 365 * DAY_S + 600)
    time.sleep(0.1)
    sender.send(datagram("a.example"))
    site.wait_counts({BEGIN - 365 * DAY_S: 1})
    site.set_clock(BEGIN + 38 * DAY_S + 600)
    site.wait_counts(dict(wanted))


@test
def test_month(folder):
    """Thirty changes of the day; each day's sums are its own, and what is too old goes."""
    site = Site(folder, outbound_source="tlsrpt", maillog="none").start(BEGIN)
    sender = Sender(site.socket)
    wait_until(lambda: os.path.exists(site.socket), "the socket")
    wanted = {}
    for n in range(30):
        at = BEGIN + n * DAY_S + 1
        site.set_clock(at)
        time.sleep(0.05)
        for k in range(1 + n % 4):
            sender.send(datagram(f"d{k}.example", failed=n % 7 == 0))
        wanted[at] = 1 + n % 4
        wait_until(lambda: site.count(at) == wanted[at], "the datagrams")
        if n == 15:
            site.policyd.end()
            site.start(at + 10)
            wait_until(lambda: os.path.exists(site.socket), "the socket")
    got = {at: site.count(at) for at in wanted}
    assert got == wanted, f"got {got}, wanted {wanted}"
    one = site.policyd.command("report", "--since", date(BEGIN), "--domain", "d0.example")
    assert one["totals"]["sessions"] == 30, one["totals"]
    assert one["totals"]["failure"] == len(range(0, 30, 7)), one["totals"]


@test
def test_redis_away_for_a_day(folder):
    """Over a change of the day: another host has it all when Redis is back."""
    redis = Redis(folder)
    address = f"unix:{redis.path}"
    sites = [Site(folder, redis=address).start(BEGIN + 3600)]
    sites.append(Site(folder, redis=address).start(BEGIN + 3600))
    writer, reader = sites
    writer.write([line for n in range(10) for line in session(n, BEGIN + 3600)])
    reader.wait_counts({BEGIN: 10})
    redis.stop()
    writer.write([line for n in range(20, 25) for line in session(n, BEGIN + 7200)])
    for site in sites:
        site.set_clock(BEGIN + DAY_S + 3600)
    writer.write([line for n in range(30, 37) for line in session(n, BEGIN + DAY_S + 10)])
    writer.wait_counts({BEGIN: 15, BEGIN + DAY_S: 7})
    writer.policyd.kill_child("clerk")
    for site in sites:
        site.set_clock(BEGIN + 2 * DAY_S + 3600)
    redis.start()
    writer.write([line for n in range(40, 43) for line in session(n, BEGIN + 2 * DAY_S)])
    reader.wait_counts({BEGIN: 15, BEGIN + DAY_S: 7, BEGIN + 2 * DAY_S: 3})
    redis.stop()


@test
def test_journal_full(folder):
    """Grown to its bound it begins anew behind the files of days; killed then, all is there."""
    site = Site(folder, outbound_source="tlsrpt", maillog="none").start(BEGIN + 3600)
    sender = Sender(site.socket)
    wait_until(lambda: os.path.exists(site.socket), "the socket")
    ledger = os.path.join(site.policyd.folder, "state/ledger")
    day = os.path.join(ledger, date(BEGIN))
    journal = lambda: sum(os.path.getsize(p) for p in glob.glob(f"{ledger}/journal.*"))
    peak = 0
    while not os.path.exists(day):
        assert sender.sent < 400000, f"no file of a day with a journal of {peak}"
        for n in range(2000):
            sender.send(datagram(f"d{n % 500}.example", failed=True))
        peak = max(peak, journal())
    wait_until(lambda: journal() < peak / 2, "a shorter journal")
    for n in range(1000):
        sender.send(datagram(f"d{n % 500}.example"))
    site.wait_counts({BEGIN: sender.sent})
    site.policyd.kill_child("clerk")
    site.wait_counts({BEGIN: sender.sent})
    assert peak > 8 << 20, peak


if __name__ == "__main__":
    sys.exit(run(TESTS))
