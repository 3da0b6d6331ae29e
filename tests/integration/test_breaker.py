#!/usr/bin/python3
"""The breaker of a front whose parent, scout and clerk are played here.

    test_breaker.py [--build DIR] [TEST...]

One line a test; exit 0 when none failed.
"""

import struct
import tempfile
import threading
import time
import unittest

import clerk_rig as rig
from frames import CLERK, message_types
from policyd_rig import Policyd, run_cases, wait_until

DATE, = message_types("DATE")
HOUR = 3600
AHEAD = "our clock is 1h 0m ahead of the dates of 5 policy hosts"


class Asker(rig.Peer):
    """The clerk of the front: asks, and keeps what is logged."""

    def __init__(self, front):
        self.log, self._answers, self._number = [], {}, 0
        self._came = threading.Condition()
        super().__init__(front, CLERK, None)

    def _serve(self):
        while (got := rig.read_frame(self._sock)) is not None:
            kind, number, payload = got
            if kind == rig.LOG:
                self.log.append(payload[9:].decode())
            elif kind == rig.ANSWER:
                with self._came:
                    self._answers[number] = payload
                    self._came.notify()

    def ask(self, command, hop=""):
        self._number += 1
        number = self._number
        self.send(rig.QUESTION, rig.u8(command) + rig.text(hop) + rig.u8(0), number)
        with self._came:
            assert self._came.wait_for(lambda: number in self._answers, 10), "no answer"
            return self._answers.pop(number)

    def breaker(self):
        """The part's state and detail."""
        status = self.ask(rig.STATUS)
        at = status.index(rig.text("breaker")) + len(rig.text("breaker"))
        length, = struct.unpack("!I", status[at + 1:at + 5])
        return status[at], status[at + 5:at + 5 + length].decode()


class Breaker(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.front = rig.Clerk([Policyd.program("hopseal-policyd"), "--front", "0", "0"],
                               folder.name)
        self.addCleanup(self.end)
        self.scout = rig.Peer(self.front, rig.SCOUT, None)
        self.clerk = Asker(self.front)
        self.addCleanup(self.scout.leave)
        self.addCleanup(self.clerk.leave)

    def end(self):
        self.assertEqual(self.front.stop(), 0, self.front.log())

    def dates(self, first, count, ahead_s):
        """Hosts of their own, from the first on, say what time it is."""
        for i in range(first, first + count):
            self.scout.send(DATE, rig.text(f"192.0.2.{i}") + struct.pack("!q", ahead_s))
        time.sleep(0.3)     # another channel than the question's: for what must not change

    def wait_breaker(self, state):
        wait_until(lambda: self.clerk.breaker()[0] == state, f"state {state} of the breaker")

    def logged(self, words):
        return [line for line in self.clerk.log if words in line]

    def test_opens_and_closes(self):
        self.assertEqual(self.clerk.breaker(), (rig.OK, "closed"))
        self.dates(1, 4, HOUR)
        self.assertEqual(self.clerk.breaker(), (rig.OK, "closed"))
        self.dates(5, 1, HOUR)
        self.wait_breaker(rig.BAD)
        self.assertEqual(self.clerk.breaker(),
                         (rig.BAD, "open, nothing is deferred or held: " + AHEAD))
        self.assertEqual(self.clerk.ask(rig.SITE)[5], 1)
        self.assertIn(rig.text(AHEAD), self.clerk.ask(rig.EXPLAIN, "a.local"))
        self.dates(1, 2, 0)
        self.assertEqual(self.clerk.breaker()[0], rig.BAD)
        self.dates(3, 1, 0)
        self.wait_breaker(rig.OK)
        self.assertEqual(self.clerk.breaker(), (rig.OK, "closed"))
        self.assertEqual(self.clerk.ask(rig.SITE)[5], 0)
        self.assertEqual(len(self.logged("breaker: " + AHEAD)), 1)
        self.assertEqual(len(self.logged("breaker: closed again")), 1)

    def test_clear(self):
        self.assertEqual(self.clerk.ask(rig.CLEAR), rig.outcome(True))
        self.dates(1, 5, HOUR)
        self.wait_breaker(rig.BAD)
        self.assertEqual(self.clerk.ask(rig.CLEAR), rig.outcome(True, AHEAD))
        self.assertEqual(self.clerk.ask(rig.SITE)[5], 0)
        self.dates(1, 4, HOUR)
        time.sleep(1.5)     # it judges each second
        self.assertEqual(self.clerk.breaker(), (rig.OK, "closed"))
        self.dates(5, 1, HOUR)
        self.wait_breaker(rig.BAD)
        self.assertEqual(len(self.logged("breaker: closed by hand")), 1)

    def test_nonsense(self):
        for _ in range(9):
            self.scout.send(DATE, b"")
            self.scout.send(DATE, rig.text("mta-sts.a.example") + struct.pack("!q", HOUR))
            self.scout.send(DATE, rig.text("192.0.2.1") + struct.pack("!q", 1 << 62))
        self.dates(1, 4, HOUR)
        self.assertEqual(self.clerk.breaker(), (rig.OK, "closed"))


if __name__ == "__main__":
    run_cases()
