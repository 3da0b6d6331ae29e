#!/usr/bin/python3
"""TLS reports of several hosts that share a Redis: each leaves once.

    test_reports_group.py [--build DIR] [TEST...]

One line a test; exit 0 when none failed.
"""

import sys
import time

from policyd_rig import run, wait_until
from reports_rig import Answers, Sender, Sink, day, unpack
from test_ledger import Redis

TESTS = []


def test(function):
    TESTS.append(function)
    return function


@test
def test_group(folder):
    """Hosts that share a Redis send each report once, also when the sender is killed."""
    names, sink, redis = Answers(), Sink(), Redis(folder)
    domains = [f"d{n}.example" for n in range(8)]
    for name in domains:
        names.report_to(name, f"mailto:tls@{name}")
    try:
        senders = [Sender(folder, names, sink, *((name, "good", n + 1) for name in domains),
                          redis=redis) for n in range(2)]
        wait_until(lambda: len(sink.mails) >= len(domains), "the mails", 120)
        time.sleep(3)
        assert sorted(to for to, _ in sink.mails) == sorted(f"tls@{d}" for d in domains)
        # The sums of both hosts are in each report.
        for name in domains:
            summary = unpack(sink.to(f"tls@{name}")[0])["policies"][0]["summary"]
            assert summary["total-successful-session-count"] == 3, (name, summary)
        # The one that holds the lock ends, Redis forgets all: the other sends nothing twice.
        holder = [s for s in senders if s.book().count(".end\t")]
        assert len(holder) == 1, [s.book() for s in senders]
        for name in domains[:2]:
            assert redis.command("HLEN", f"hopseal:report:{{{name}}}:{day(1)}") == "2"
        redis.command("FLUSHALL")
        for name in domains[:2]:
            wait_until(lambda: redis.command("HLEN", f"hopseal:report:{{{name}}}:{day(1)}") ==
                       "2", "what Redis lacked", 40)
        before = redis.command("GET", "hopseal:report:lock")
        holder[0].stop()
        wait_until(lambda: redis.command("GET", "hopseal:report:lock") not in ("", before),
                   "the other one's lock", 90)
        time.sleep(40)
        assert len(sink.mails) == len(domains), len(sink.mails)
    finally:
        redis.stop()


if __name__ == "__main__":
    sys.exit(run(TESTS))
