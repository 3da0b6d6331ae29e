"""The ledger: datagrams beside a bare reader, sessions one by one, the log's lines, memory.

Sender and readers come before all others on this machine: what is lost is theirs.
"""

import json
import os
import subprocess
import time

from process import wait_until
from rig import CLIENT_CPU, SERVER_CPU, cpu_s, memory

QUEUE_LENGTH = "/proc/sys/net/unix/max_dgram_qlen"
RATE, DOMAINS, MANY = 20000, 1000, 100000
MB = 1e6
PRIORITY = -10


def be_first(cpus):
    os.sched_setaffinity(0, cpus)
    os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)


class Ledger:
    def __init__(self, rig, table, rounds, seconds):
        self._rig, self._table, self._rounds = rig, table, rounds
        self._count = int(RATE * seconds * 5)
        self._program = os.path.join(rig.build, "tests/bench/sessions")
        self._bare_path = os.path.join(rig.folder, "bare.sock")
        self._path = os.path.join(rig.folder, "tlsrpt.sock")

    def all(self):
        for queue in (512, 10):
            self._start(queue)
            pairs = [(self._bare(), self._ours()) for _ in range(self._rounds)]
            self._row_of(queue, pairs)
        self._lines()
        self._tally()
        self._one_by_one()
        self._memory()

    # -- what runs

    def _start(self, queue=512):
        with open(QUEUE_LENGTH, "w") as f:
            f.write(str(queue))
        self._rig.redis.command("FLUSHALL")
        self._rig.restart(outbound_source="tlsrpt", tlsrpt_socket=self._path,
                          socket_mode="0666", maillog="none", aggregates_file="",
                          log_level="warn")
        wait_until(lambda: os.path.exists(self._path), 10, "the socket")
        os.setpriority(os.PRIO_PROCESS, self._clerk(), PRIORITY)
        time.sleep(1)

    def _run(self, *words):
        done = subprocess.run([self._program, *map(str, words)], capture_output=True,
                              text=True, timeout=300, check=True,
                              preexec_fn=lambda: be_first(CLIENT_CPU))
        return json.loads(done.stdout.splitlines()[-1])

    def _send(self, path, count=None, rate=RATE, domains=DOMAINS):
        return self._run("send", path, count or self._count, rate, domains)

    def _received(self):
        _, status = self._rig.hopseal.command("status")
        return status["counters"]["ledger_datagrams"]

    def _clerk(self):
        return self._rig.hopseal.pid_of("clerk")

    def _bare(self):
        """(CPU s a datagram, share lost)"""
        reader = subprocess.Popen([self._program, "read", self._bare_path,
                                   str(self._count)], stdout=subprocess.PIPE, text=True,
                                  preexec_fn=lambda: be_first(SERVER_CPU))
        reader.stdout.readline()
        sent = self._send(self._bare_path)
        got = json.loads(reader.communicate(timeout=60)[0])
        return got["cpu_s"] / got["received"], sent["dropped"] / self._count

    def _ours(self):
        before, cpu_before = self._received(), cpu_s(self._clerk())
        sent = self._send(self._path)
        time.sleep(0.3)
        cpu = cpu_s(self._clerk()) - cpu_before
        got = self._received() - before
        assert got == sent["sent"], f"{got} of {sent}"
        return cpu / got, sent["dropped"] / self._count

    # -- rows

    def _row_of(self, queue, pairs):
        if queue == 512:
            self._table.ratio(f"a datagram at {RATE:,}/s, CPU us",
                              [(b[0] * 1e6, o[0] * 1e6) for b, o in pairs], at_most=1.25)
            self._table.value("lost of them, queue of 512: a bare reader",
                              [100 * b[1] for b, _ in pairs], "%")
            self._table.value("the same: Hopseal", [100 * o[1] for _, o in pairs], "%",
                              at_most=0)
        else:
            base = [100 * b[1] for b, _ in pairs]
            self._table.value("lost, queue of 10: a bare reader", base, "%")
            self._table.value("the same: Hopseal", [100 * o[1] for _, o in pairs], "%",
                              at_most=max(base))

    def _lines(self):
        runs = [self._run("lines", 1000000) for _ in range(self._rounds)]
        self._table.value("the mail log, a fifth about TLS: lines/s",
                          [r["lines"] / r["cpu_s"] for r in runs], "", at_least=1e6,
                          form="{:,.0f}")
        self._table.value("the same: sessions/s", [r["sessions"] / r["cpu_s"] for r in runs],
                          "", form="{:,.0f}")

    def _tally(self):
        runs = [self._run("tally", 1000000, DOMAINS) for _ in range(self._rounds)]
        self._table.value("sessions counted/s", [r["sessions"] / r["cpu_s"] for r in runs],
                          "", at_least=3e5, form="{:,.0f}")

    def _one_by_one(self):
        """1,000 sessions a second, each a record of the journal, whose own share is not told
        apart here; Redis is away, so that nothing else is done with them.
        """
        self._rig.restart(outbound_source="tlsrpt", tlsrpt_socket=self._path, redis="",
                          socket_mode="0666", maillog="none", aggregates_file="",
                          log_level="warn")
        wait_until(lambda: os.path.exists(self._path), 10, "the socket")
        time.sleep(1)
        shares = []
        for _ in range(self._rounds):
            before = cpu_s(self._clerk())
            sent = self._send(self._path, 5000, 1000)
            shares.append(100 * (cpu_s(self._clerk()) - before) / sent["seconds"])
        self._table.value("clerk at 1,000 sessions/s, each a datagram: CPU", shares,
                          "% of one")

    def _memory(self):
        self._start()
        redis = lambda: int(next(line.split(":")[1] for line in self._rig.redis.command(
            "INFO", "memory").splitlines() if line.startswith("used_memory:")))
        before, redis_before = memory(self._clerk())[0], redis()
        self._run("fill", self._path, MANY, MANY)
        keys = lambda: self._rig.redis.command("DBSIZE") or 0
        wait_until(lambda: keys() >= MANY, 120, f"{MANY} domains in Redis")
        time.sleep(5)
        self._table.value("clerk, empty: VmRSS", [before / MB], "MB")
        self._table.value(f"clerk, {MANY:,} domains in a day: VmRSS",
                          [memory(self._clerk())[0] / MB], "MB", at_most=64)
        self._table.value("Redis for them", [(redis() - redis_before) / MB], "MB",
                          at_most=100)
