#!/usr/bin/python3
"""The mail log in systemd's journal: sums that equal the truth, whatever happens meanwhile.

    test_mail_journal.py [--build DIR] [TEST...]

A journald of our own in a mount namespace, whose /run and /var/log are empty at first; and
a stand-in for journalctl that does what the real one should not.  One line a test; exit 0
when none failed.
"""

import ctypes
import glob
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

from mail_log import MailLog, session_lines
from policyd_rig import IS_ROOT, Policyd, Skip, run, status_of, wait_until
from test_ledger import sums, wait_equal, wait_whole
from test_parent import fake_postconf

JOURNALD = "/lib/systemd/systemd-journald"
SOCKET = "/run/systemd/journal/dev-log"
INSIDE = "HOPSEAL_TEST_INSIDE"
TESTS = []


def test(function):
    TESTS.append(function)
    return function


class Syslog:
    """Takes a file's lines and sends them as syslog(3) does."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def write(self, line):
        text = line.rstrip("\n").replace(" host ", " ", 1)
        while True:
            try:
                self._socket.sendto(b"<22>" + text.encode(), SOCKET)
                return
            except OSError:     # journald is just not there
                time.sleep(0.02)

    def flush(self):
        pass


class Journal(MailLog):
    """The same sessions, in the journal."""

    def __init__(self, seed=1):
        super().__init__("/dev/null", seed)
        self._file.close()
        self._file = Syslog()

    def mark(self, words):
        self._file.write(f"postfix/qmgr[77]: {words}")


class Journald:
    running = []

    def __init__(self, is_persistent=True):
        if os.environ.get(INSIDE) is None:
            raise Skip("no journald of our own")
        for other in list(self.running):
            other.stop()
        for folder in ("/run/log", "/var/log/journal", "/run/systemd/journal"):
            shutil.rmtree(folder, ignore_errors=True)
        os.makedirs("/run/systemd/journald.conf.d", exist_ok=True)
        with open("/run/systemd/journald.conf.d/test.conf", "w") as f:
            f.write("[Journal]\nRateLimitIntervalSec=0\nReadKMsg=no\nAudit=no\n"
                    f"Storage={'persistent' if is_persistent else 'auto'}\n")
        self.start()

    def start(self):
        self._process = subprocess.Popen([JOURNALD], stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
        self.running.append(self)
        wait_until(lambda: os.path.exists(SOCKET), "journald")
        wait_until(self.files, "a file of the journal")
        self.open_for_group()

    @staticmethod
    def open_for_group():
        """What systemd-tmpfiles and its rules do on a whole system."""
        for folder in glob.glob("/run/log/journal") + glob.glob("/var/log/journal"):
            subprocess.run(["chgrp", "-R", "systemd-journal", folder], check=True)
            subprocess.run(["chmod", "-R", "g+rX,g+s", folder], check=True)

    @staticmethod
    def files():
        return glob.glob("/run/log/journal/*/*") + glob.glob("/var/log/journal/*/*")

    @staticmethod
    def newest():
        return subprocess.run(["journalctl", "--quiet", "--lines=1", "--output=cat"],
                              capture_output=True, text=True).stdout

    def rotate(self):
        before = len(self.files())
        self._process.send_signal(signal.SIGUSR2)
        wait_until(lambda: len(self.files()) > before, "another file of the journal")

    def remove_archived(self):
        for path in self.files():
            if "@" in path:
                os.unlink(path)

    def restart(self):
        self.stop()
        self.start()

    def stop(self):
        self.running.remove(self)
        self._process.terminate()
        self._process.wait()


def start(folder, **options):
    return Policyd(folder, **{"aggregates_file": "", **options}).start()


@test
def test_found_by_itself(folder):
    """No file is there, the journal is: all of it is read, rotated or not."""
    journald = Journald()
    log = Journal()
    log.write(1000)
    policyd = start(folder)
    log.start()
    for _ in range(3):
        time.sleep(0.5)
        journald.rotate()
    log.stop()
    wait_whole(policyd, log)
    part = next(p for p in policyd.command("status")["parts"] if p["name"] == "ledger")
    assert "in systemd's journal, all of it read" in part["detail"], part
    assert part["state"] == "ok" and "ledger_log_lag_bytes" not in policyd.counters(), part


@test
def test_clerk_killed(folder):
    """10 times, at any instant, while journald writes, rotates and is started again."""
    journald = Journald()
    log = Journal(2)
    policyd = start(folder, maillog="journal")
    chance = random.Random(3)
    log.start()
    try:
        for turn in range(10):
            time.sleep(1.0 + chance.random() * 0.3)
            policyd.kill_child("clerk")
            if turn % 5 == 2:
                journald.rotate()
            if turn == 5:
                journald.restart()
    finally:
        log.stop()
    wait_whole(policyd, log)


@test
def test_while_away(folder):
    """What was written while no policyd ran is read after, and what was removed is said."""
    journald = Journald()
    log = Journal(4)
    policyd = start(folder, maillog="journal")
    log.write_whole(500)
    wait_equal(policyd, log.truth)
    policyd.end()
    log.write(500)
    journald.rotate()
    log.write_whole(500)
    policyd.start()
    wait_whole(policyd, log)
    policyd.end()
    lost = Journal(5)
    lost.write_whole(500)
    lost.mark("the last of them")
    wait_until(lambda: "the last of them" in journald.newest(), "the lines in the journal")
    journald.rotate()
    journald.remove_archived()
    log.write_whole(500)
    policyd.start()
    policyd.wait_said("lines were missed")
    wait_equal(policyd, log.truth)


@test
def test_flushed_to_disk(folder):
    """From /run to /var, as at the end of each boot's beginning: other numbers, same entries."""
    journald = Journald(is_persistent=False)
    shutil.rmtree("/var/log/journal", ignore_errors=True)
    log = Journal(6)
    policyd = start(folder, maillog="journal")
    log.write_whole(500)
    wait_equal(policyd, log.truth)
    policyd.end()
    os.makedirs("/var/log/journal")
    journald._process.send_signal(signal.SIGUSR1)
    wait_until(lambda: glob.glob("/var/log/journal/*/system.journal"), "the files in /var")
    journald.open_for_group()
    policyd.start()
    log.write_whole(500)
    wait_whole(policyd, log)


@test
def test_other_source_before(folder):
    """From a file to the journal that has the same lines, and back: nothing counts twice."""
    journald = Journald()
    path = os.path.join(folder, "mail.log")
    log, journal = MailLog(path, 7), Journal(7)
    for both in (log, journal):
        both.write_whole(500)
    policyd = start(folder, maillog=path)
    wait_equal(policyd, log.truth)
    policyd.reload(maillog="journal")
    policyd.wait_said("is read in the journal from here on")
    time.sleep(1)
    journal.write_whole(500)
    wait_equal(policyd, journal.truth)
    log.write_whole(500)
    policyd.reload(maillog=path)
    policyd.wait_said("is read in its file from here on")
    time.sleep(1)
    log.write_whole(500)
    wait_equal(policyd, log.truth)


@test
def test_postfix_tells_late(folder):
    """Its maillog_file is waited for, and kept when Postfix cannot be asked again: the
    journal never takes its place."""
    Journald()
    path, broken = (os.path.join(folder, name) for name in ("mail.log", "broken"))
    log, journal = MailLog(path, 8), Journal(9)
    env = fake_postconf(folder, "bin", f"[ ! -e {broken} ] || exit 1; sleep 2; "
                        f"echo mail_version = 3.7.11; echo maillog_file = {path}")
    policyd = Policyd(folder, aggregates_file="").start(env=env)
    log.write_whole(500)
    wait_equal(policyd, log.truth)
    policyd.end()
    log.write_whole(500)
    journal.write_whole(100)
    policyd.start(env=env)
    wait_equal(policyd, log.truth)
    open(broken, "w").close()
    policyd.reload()
    policyd.wait_said("Postfix's settings are not known")
    wait_equal(policyd, log.truth)
    log.write_whole(500)
    wait_whole(policyd, log)


@test
def test_file_away(folder):
    """A file found by itself is not given up while it is rotated, and until its next line."""
    Journald()
    log = MailLog("/var/log/mail.log", 10)
    env = fake_postconf(folder, "bin", "echo mail_version = 3.7.11")
    policyd = Policyd(folder, aggregates_file="").start(env=env)
    try:
        for _ in range(2):
            log.write_whole(500)
            wait_equal(policyd, log.truth)
            log.rename_and_wait(4)
        log.write_whole(500)
        wait_whole(policyd, log)
    finally:
        for path in glob.glob("/var/log/mail.log*"):
            os.unlink(path)


# ------------------------------------------------------ a journalctl that misbehaves

FAKE = """#!/usr/bin/python3
import json, os, select, sys
begin = [a for a in sys.argv if a.startswith(("--cursor=", "--lines="))]
with open({told!r}, "a") as f:
    f.write(" ".join(begin) + " " + " ".join(map(str, os.getgroups())) + "\\n")
with open({entries!r}) as f:
    lines = f.read().splitlines(True)
cursor = begin[-1].partition("=")[2]
at = [n for n, line in enumerate(lines) if cursor and '"' + cursor + '"' in line]
{begin}
sys.stdout.write("".join(lines[at[0] if at else 0:]))
sys.stdout.flush()
{end}
"""

# As the real one, until nobody reads.
STAYS = "p = select.poll(); p.register(1, 0); p.poll()"


def entry(n, message, at, pid=None, **more):
    return json.dumps({
        "__CURSOR": f"s=1;i={n:x};b=2;m={n + 1:x};t=4;x=5", "__REALTIME_TIMESTAMP":
        str(int(at * 1e6)), "SYSLOG_IDENTIFIER": "postfix/smtp", "SYSLOG_PID": str(pid or n),
        "MESSAGE": message, **more}) + "\n"


def delivery(n, at):
    """The lines of one verified session."""
    return [entry(2 * n + i, line, at, n + 1)
            for i, line in enumerate(session_lines("", "d1.example", n))]


class FakeJournalctl:
    """First in PATH: prints entries, then ends.  begin and end: what it does before and after."""

    def __init__(self, folder, end="", begin=""):
        self.entries = os.path.join(folder, "entries")
        self.told_path = os.path.join(folder, "told")
        path = os.path.join(folder, "bin", "journalctl")
        os.makedirs(os.path.dirname(path))
        open(self.told_path, "w").close()
        os.chmod(self.told_path, 0o666)
        self.write([])
        with open(path, "w") as f:
            f.write(FAKE.format(told=self.told_path, entries=self.entries, begin=begin,
                                end=end))
        os.chmod(path, 0o755)
        self.env = {**os.environ, "PATH": f"{os.path.dirname(path)}:{os.environ['PATH']}"}

    def write(self, lines):
        with open(self.entries, "w") as f:
            f.write("".join(lines))

    def told(self):
        with open(self.told_path) as f:
            return f.read().splitlines()


@test
def test_ends_again_and_again(folder):
    """journalctl ends after each of its outputs: it is asked anew, nothing counts twice."""
    fake = FakeJournalctl(folder)
    now = time.time()
    lines = [line for n in range(40) for line in delivery(n, now)]
    policyd = Policyd(folder, maillog="journal", aggregates_file="")
    fake.write(lines[:20])
    policyd.start(env=fake.env)
    wait_until(lambda: sums(policyd)["out"]["success"] == 10, "10 sessions")
    fake.write(lines[:61])
    wait_until(lambda: sums(policyd)["out"]["success"] == 30, "30 sessions")
    fake.write(lines)
    wait_until(lambda: sums(policyd)["out"]["success"] == 40, "40 sessions")
    told = fake.told()
    assert told[0].startswith("--lines=all ") and \
        told[1].startswith("--lines=all --cursor=s=1;i=13;"), told
    assert policyd.count_said("lines were missed") == 0, policyd.log()


def journalctls(policyd):
    """Also those that have ended and are not reaped."""
    with open(f"/proc/{policyd.process.pid}/task/{policyd.process.pid}/children") as f:
        return [int(pid) for pid in f.read().split()
                if status_of(pid).get("Name") == "journalctl"]


@test
def test_reload_without_log(folder):
    """Reading ends, nothing is left of journalctl, and it goes on where it was."""
    fake = FakeJournalctl(folder, STAYS)
    lines = [line for n in range(20) for line in delivery(n, time.time())]
    policyd = Policyd(folder, maillog="journal", aggregates_file="")
    fake.write(lines[:20])
    policyd.start(env=fake.env)
    wait_until(lambda: sums(policyd)["out"]["success"] == 10, "10 sessions")
    policyd.reload(maillog="none")
    wait_until(lambda: not journalctls(policyd), "its end")
    fake.write(lines)
    policyd.reload()
    wait_until(lambda: sums(policyd)["out"]["success"] == 20, "20 sessions")
    assert "--cursor=s=1;i=13;" in fake.told()[-1], fake.told()


def hold(pid):
    """Trace it: its parent does not hear of its end before we have."""
    ptrace = ctypes.CDLL(None).ptrace
    ptrace.argtypes = [ctypes.c_long] * 4
    if ptrace(0x4206, pid, 0, 0) == -1:     # PTRACE_SEIZE
        raise Skip("no other process can be traced")


@test
def test_does_not_end(folder):
    """A killed journalctl that stays, as on a sick disk: nobody waits for it, and two are
    not followed by a third."""
    fake = FakeJournalctl(folder, STAYS)
    now = time.time()
    policyd = Policyd(folder, maillog="journal", aggregates_file="")
    fake.write(delivery(1, now))
    policyd.start(env=fake.env)
    wait_until(lambda: sums(policyd)["out"]["success"] == 1, "1 session")
    pid, = journalctls(policyd)
    hold(pid)
    policyd.kill_child("clerk")
    wait_until(lambda: len(fake.told()) == 2, "another journalctl")
    policyd.kill_child("front")
    policyd.kill_child("clerk")
    part = lambda: next(p for p in policyd.command("status")["parts"] if p["name"] == "ledger")
    wait_until(lambda: "does not end" in part()["detail"], "the complaint")
    assert len(fake.told()) == 2, fake.told()
    fake.write(delivery(1, now) + delivery(2, now))
    os.waitpid(pid, 0)
    wait_until(lambda: sums(policyd)["out"]["success"] == 2, "2 sessions")
    assert len(journalctls(policyd)) == 1, journalctls(policyd)


@test
def test_hostile_entries(folder):
    """No JSON, wrong types, huge, without time or cursor: passed over."""
    fake = FakeJournalctl(folder, STAYS)
    now = time.time()
    first, second = delivery(1, now)
    wrong = ["\n", "{\n", "[]\n", "7\n", '{"__CURSOR": 7}\n', "x" * 300000 + "\n",
             entry(1, "m", now, __CURSOR="a b"), entry(1, "m", now, __CURSOR="c" * 600),
             entry(1, None, now), entry(1, [1, 2], now), entry(1, ["a", "b"], now),
             entry(1, "m", now, __REALTIME_TIMESTAMP="-1"),
             entry(1, "m", now, SYSLOG_PID="99999999999999999999"),
             '{"__CURSOR": "' + "\\u0000" * 9 + '"}\n', "\0" * 50 + "\n", "\xff\n"]
    policyd = Policyd(folder, maillog="journal", aggregates_file="")
    fake.write([first, *wrong, second])
    policyd.start(env=fake.env)
    wait_until(lambda: sums(policyd)["out"]["success"] == 1, "the session")


@test
def test_wrong_clock(folder):
    """A clock that was years ahead or behind: the present, or a day that is not kept."""
    fake = FakeJournalctl(folder, STAYS)
    now = time.time()
    times = [now, now + 5 * 365 * 86400, now - 86400, 1000, now + 60]
    policyd = Policyd(folder, maillog="journal", aggregates_file="")
    fake.write([line for n, at in enumerate(times) for line in delivery(n, at)])
    policyd.start(env=fake.env)
    wait_until(lambda: policyd.counters().get("ledger_sessions_too_old") == 1, "the old one")
    day = lambda at: time.strftime("%Y-%m-%d", time.gmtime(at))
    count = lambda at: policyd.command("report", "--day", day(at))["totals"]["success"]
    wait_until(lambda: count(now - 86400) == 1, "yesterday's")
    assert count(now) + (count(now + 60) if day(now) != day(now + 60) else 0) == 3


@test
def test_without_journalctl(folder):
    """It is said, and nothing else suffers."""
    policyd = Policyd(folder, maillog="journal", aggregates_file="")
    policyd.start(env={**os.environ, "PATH": folder})
    part = lambda: next(p for p in policyd.command("status")["parts"] if p["name"] == "ledger")
    wait_until(lambda: "journalctl" in part()["detail"], part())
    assert part()["state"] == "warning", part()


def go_inside():
    """Once more in a mount namespace, where there can be one."""
    if os.environ.get(INSIDE) or not IS_ROOT or not os.path.exists(JOURNALD):
        return
    script = 'mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/log && exec "$@"'
    inside = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    if subprocess.run([*inside, "true"], capture_output=True).returncode == 0:
        os.execvpe(inside[0], [*inside, sys.executable, *sys.argv],
                   {**os.environ, INSIDE: "1"})


if __name__ == "__main__":
    go_inside()
    status = run(TESTS)
    for journald in list(Journald.running):
        journald.stop()
    sys.exit(status)
