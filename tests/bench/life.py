"""What policyd takes: memory, time to start, time to come back, work for a new domain."""

import os
import signal
import socket
import statistics
import time

import records
from hopseal import MAP
from process import Process, wait_until
from rig import Asker, cpu_s, memory

MANY = 50000                    # entries whose memory is measured
IDLE = 1000                     # connections
MB = 1e6


class Life:
    def __init__(self, rig, table, rounds):
        self._rig, self._table, self._rounds = rig, table, rounds

    def memory(self):
        """Of the front, as it fills."""
        rig, rows = self._rig, []
        rig.hopseal.write_rules("")
        rig.redis.command("FLUSHALL")
        records.write(rig.redis.path, "p", 1000)
        rig.restart()
        rows.append(("empty", 7, memory(rig.front())))
        rig.ask_all([records.name("p", i) for i in range(1000)])
        rows.append(("1,000 policies", 7.5, memory(rig.front())))
        before = memory(rig.front())[0]
        idle = [socket.create_connection(MAP) for _ in range(IDLE)]
        rig.ask_all([".test"])
        time.sleep(0.1)
        rows.append(("and 1,000 idle connections", 8.5, memory(rig.front())))
        a_connection = (memory(rig.front())[0] - before) / IDLE
        for s in idle:
            s.close()
        for what, wanted, (rss, pss) in rows:
            self._table.value(f"front, {what}: VmRSS", [rss / MB], "MB", at_most=wanted)
            self._table.value(f"front, {what}: Pss", [pss / MB], "MB")
        self._table.value("an idle connection", [a_connection], "bytes", at_most=512,
                          form="{:.0f}")

    def entries(self):
        """Memory of an entry: its share of what MANY of them need."""
        for kind, what, wanted in (
                ("n", "a negative entry", 160),
                ("p", "a policy, with its record and its reply", 320 + len(
                    records.policy(records.name("p", 0))) + len(
                    records.map_answer("p", records.name("p", 0))))):
            self._rig.redis.command("FLUSHALL")
            records.write(self._rig.redis.path, kind, MANY)
            self._rig.restart(log_level="warn", cache_bytes="512M")
            before = memory(self._rig.front())[0]
            names = [records.name(kind, i) for i in range(MANY)]
            self._rig.ask_all(names)
            each = (memory(self._rig.front())[0] - before) / MANY
            self._table.value(what, [each], "bytes", at_most=wanted, form="{:.0f}")

    def start(self):
        """From the start of the program to the first answer that Redis knew."""
        rig, took, round_trips = self._rig, [], []
        rig.place(apart=False)
        records.write(rig.redis.path, "p", MANY)
        for i in range(self._rounds):
            round_trips.append(self._redis_round_trip_s())
            took.append(self._start_once(records.name("p", i)))
        self._table.value(f"start to first answer, {MANY:,} in Redis",
                          [t * 1000 for t in took], "ms",
                          at_most=10 + statistics.median(round_trips) * 1000)
        after = []
        for i in range(self._rounds):
            after.append(self._kill_once(records.name("p", i)) * 1000)
        self._table.value("front killed to first answer", after, "ms", at_most=100)

    def _redis_round_trip_s(self):
        began = time.monotonic()
        self._rig.redis.command("PING")
        return time.monotonic() - began

    def _start_once(self, name):
        hopseal = self._rig.hopseal
        hopseal.stop()
        began = time.monotonic()
        hopseal.process = Process("hopseal", [
            os.path.join(self._rig.build, "hopseal-policyd"), "-c", hopseal.conf_path],
            self._rig.logs)
        return first_answer(name) - began

    def _kill_once(self, name):
        pid = wait_until(self._rig.front, 5, "a front")
        # Three ends within three seconds would make the parent slow down.
        time.sleep(1.1)
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        return first_answer(name) - began

    def cold(self, count):
        """Processor time for a domain that nobody knows: DNS, then its policy host."""
        rig = self._rig
        rig.redis.command("FLUSHALL")
        rig.restart(dane="auto")
        pids = rig.front(), rig.hopseal.pid_of("scout")
        rig.ask_all(rig.cold_domains(10))
        before = [cpu_s(pid) for pid in pids]
        names = rig.cold_domains(count)
        with Asker(names, 100):
            pass
        answers = rig.ask_all(names)
        assert all(a.startswith("OK secure match=mx.") for a in answers), set(answers)
        used = [(cpu_s(pid) - b) / count * 1000 for pid, b in zip(pids, before)]
        self._table.value("cold lookup: scout, DNS and fetch", [used[1]], "ms")
        self._table.value("cold lookup: front", [used[0]], "ms")
        self._table.value("cold lookup: both", [sum(used)], "ms", at_most=0.8)


def first_answer(name):
    """When an answer about a policy comes; keeps trying."""
    question, wanted = records.map_question(name), records.map_answer("p", name)
    while True:
        try:
            with socket.create_connection(MAP, 5) as s:
                s.sendall(question)
                if s.recv(4096) == wanted:
                    return time.monotonic()
        except OSError:
            time.sleep(0.0005)
