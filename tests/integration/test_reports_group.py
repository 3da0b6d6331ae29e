#!/usr/bin/python3
"""TLS reports of several hosts that share a Redis: each leaves once.

    test_reports_group.py [--build DIR] [TEST...]

What takes half a minute each, to be sure of the lock, happens at one time.  One line a
test; exit 0 when none failed.
"""

import os
import signal
import sys
import threading
import time

from policyd_rig import run, wait_until
from redis_rig import Redis
from reports_rig import Answers, Sender, Sink, day, unpack
from together import together

LOCK = "hopseal:report:lock"
CASES = []


def case(function):
    CASES.append(function)
    return function


@case
def sender_killed(folder):
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
        holder = [s for s in senders if s.book().count(".end\t")]
        assert len(holder) == 1, [s.book() for s in senders]
        marks = lambda: [redis.command("HLEN", f"hopseal:report:{{{name}}}:{day(1)}")
                         for name in domains]
        assert marks() == ["2"] * len(domains), marks()
        # Redis forgets all, and who sent them is killed: the other sends nothing twice.
        redis.command("FLUSHALL")
        wait_until(lambda: marks() == ["2"] * len(domains), "what Redis lacked", 40)
        names.asked.clear()
        holder[0].policyd.kill_all()
        redis.command("DEL", LOCK)      # its minute is over
        wait_until(lambda: len(set(names.asked)) == len(domains), "the other one", 120)
        time.sleep(3)
        assert len(sink.mails) == len(domains), len(sink.mails)
    finally:
        redis.stop()


class SlowSink(Sink):
    """Takes mails, and says so when it may."""

    class Handler(Sink.Handler):
        def say(self, line):
            if "queued as" in line:
                self.server.may_answer.wait()
            super().say(line)

    def __init__(self):
        self.may_answer = threading.Event()
        super().__init__()


@case
def sender_stopped(folder):
    """It stands still amid a report until its lock has gone to the other host, and then goes
    on: what that one has sent meanwhile it does not send again.
    """
    names, redis, sinks = Answers(), Redis(folder), (SlowSink(), SlowSink())
    names.report_to("a.example", "mailto:first@a.example", "mailto:second@a.example")
    try:
        senders = [Sender(folder, names, sink, ("a.example", "good", 1), redis=redis)
                   for sink in sinks]
        wait_until(lambda: any(sink.mails for sink in sinks), "the first mail", 60)
        n = next(n for n in range(2) if sinks[n].mails)
        # The parent, too: it replaces a clerk that hangs.
        parent, clerk = senders[n].policyd.process.pid, senders[n].policyd.pid("clerk")
        for pid in (parent, clerk):
            os.kill(pid, signal.SIGSTOP)
        redis.command("DEL", LOCK)      # its minute is over
        sinks[1 - n].may_answer.set()
        senders[1 - n].wait_ends(1, 120)
        sinks[n].may_answer.set()
        os.kill(clerk, signal.SIGCONT)
        senders[n].wait_ends(1)
        assert [[to for to, _ in sinks[i].mails] for i in (n, 1 - n)] == \
            [["first@a.example"], ["second@a.example"]], (sinks[0].mails, sinks[1].mails)
    finally:
        redis.stop()


def test_group(folder):
    together(folder, CASES)


if __name__ == "__main__":
    sys.exit(run([test_group]))
