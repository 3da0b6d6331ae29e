"""hopseal-policyd as a whole, on loopback, with name servers that do as they are told.

Policyd starts it in a folder of its own and reads its log, its processes and its counters.
Names answers DNS.  Connection is a client of either service.  run() runs a file's tests,
run_cases() those of unittest.
"""

import argparse
import contextlib
import glob
import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import unittest

from ports import free_port

USER, SCOUT_USER = 64801, 64802         # accounts of nobody else
IS_ROOT = os.geteuid() == 0
ROLES = ("front", "scout", "clerk")
NOTFOUND = b"9:NOTFOUND ,"
DUNNO = b"action=DUNNO\n\n"
# What none of the programs may ever say.
NEVER_SAID = re.compile(r".*(?:Sanitizer|runtime error:|Assertion|please report|"
                        r"cannot be read: reason).*")
WAIT_S = 40             # for what comes at once where the machine is idle


class Skip(Exception):
    """This test cannot run here."""


def wait_until(ready, what, seconds=WAIT_S):
    """Poll ready() until it is true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = ready()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


def netstring(payload):
    if isinstance(payload, str):
        payload = payload.encode()
    return b"%d:%s," % (len(payload), payload)


def question(key, name="QUERY"):
    return netstring(name.encode() + b" " + (key if isinstance(key, bytes) else key.encode()))


def has_ended(pid):
    """Gone, or only its exit status is left."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


class Names:
    """A name server on loopback: nothing exists, and what is asked for below "slow" is
    answered late, below "silent" never."""

    def __init__(self, slow_s=0.3):
        self._slow_s = slow_s
        self.asked = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.option = "127.0.0.1@%d" % self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                data, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            labels, at = [], 12
            while data[at]:
                labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1").lower())
                at += 1 + data[at]
            self.asked.append(".".join(labels))
            # NXDOMAIN, with the question and nothing else
            reply = data[:2] + b"\x81\x83" + struct.pack("!HHHH", 1, 0, 0, 0) + data[12:at + 5]
            if any(label.startswith("silent") for label in labels):
                continue
            if any(label.startswith("slow") for label in labels):
                threading.Timer(self._slow_s, self._send, (reply, peer)).start()
            else:
                self._send(reply, peer)

    def _send(self, reply, peer):
        try:
            self._socket.sendto(reply, peer)
        except OSError:     # closed
            pass

    def close(self):
        self._socket.close()


class Connection:
    """A client on (host, port) or the path of a unix socket."""

    def __init__(self, address, timeout=WAIT_S):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket(socket.AF_INET6 if ":" in address[0]
                                        else socket.AF_INET)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(timeout)
        self.socket.connect(address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def get(self, size):
        """Exactly so many octets, fewer only at the end."""
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                break
            data += more
        return data

    def expect(self, want):
        got = self.get(len(want))
        assert got == want, f"got {got[:200]!r}, want {want[:200]!r}"

    def reply(self):
        """The payload of one netstring."""
        digits = b""
        while not digits.endswith(b":"):
            octet = self.get(1)
            assert octet, f"closed after {digits!r}"
            digits += octet
        payload = self.get(int(digits[:-1]))
        self.expect(b",")
        return payload.decode()

    def ask(self, key, name="QUERY"):
        self.send(question(key, name))
        return self.reply()

    def end(self):
        """What comes until the other side closes, or forgets us."""
        data = b""
        try:
            while more := self.socket.recv(65536):
                data += more
        except (ConnectionResetError, BrokenPipeError):
            pass
        return data

    def is_open(self):
        """True when nothing came and nobody closed."""
        self.socket.setblocking(False)
        try:
            got = self.socket.recv(1, socket.MSG_PEEK)
            assert not got, f"unasked: {got!r}"
            return False
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        finally:
            self.socket.settimeout(WAIT_S)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def drop(self):
        """Closes with a reset, which leaves nothing behind here."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Policyd:
    """One hopseal-policyd.  Options are added to those that keep it off this machine."""

    build = "build"
    running = []

    def __init__(self, folder, rules="", **options):
        self.folder = tempfile.mkdtemp(dir=folder)
        os.chmod(self.folder, 0o755)
        self.conf_path = os.path.join(self.folder, "hopseal.conf")
        self.rules_path = os.path.join(self.folder, "rules")
        self.log_path = os.path.join(self.folder, "log")
        self.map = ("127.0.0.1", free_port())
        self.access = ("127.0.0.1", free_port())
        self.options = {
            "map_listen": "inet:%s:%d" % self.map,
            "access_listen": "inet:%s:%d" % self.access,
            "control_listen": f"unix:{self.folder}/run/control.sock",
            "status_listen": "",
            "user": USER, "scout_user": SCOUT_USER, "socket_owner": f"{USER}:{USER}",
            "scout_program": self.program("hopseal-scout"),
            "run_dir": f"{self.folder}/run", "state_dir": f"{self.folder}/state",
            "rules_file": self.rules_path, "redis": "", "dane": "off",
            "dns_servers": "127.0.0.1@9", "cert_interval": "0", "log_target": "stderr", "log_level": "debug",
            **options,
        }
        self.process = None
        self.write_conf()
        self.write_rules(rules)

    @classmethod
    def program(cls, name):
        return os.path.join(os.path.abspath(cls.build), name)

    @classmethod
    def is_sanitized(cls):
        """A sanitizer's build: its memory says nothing about ours."""
        with open(cls.program("hopseal-policyd"), "rb") as f:
            return b"__asan_init" in f.read()

    def write_conf(self, extra="", **options):
        lines = [f"{name} = {value}\n" for name, value in
                 dict(self.options, **options).items() if value is not None]
        with open(self.conf_path, "w") as f:
            f.write("".join(lines) + extra)

    def write_rules(self, text):
        with open(self.rules_path + ".new", "w") as f:
            f.write(text)
        os.rename(self.rules_path + ".new", self.rules_path)

    def reload(self, **options):
        """With these options changed; it is asked to, and perhaps under way."""
        self.write_conf(**options)
        self.process.send_signal(signal.SIGHUP)

    # -- starting and ending

    def argv(self, *arguments):
        return [self.program("hopseal-policyd"), "-c", self.conf_path, *arguments]

    def spawn(self, *arguments, before=(), **popen):
        """Start it, perhaps behind another command, and wait for nothing."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*before, *self.argv(*arguments)],
                                            stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, **popen)
        self.running.append(self)
        return self

    def start(self, *arguments, **popen):
        """Start it and wait until it answers."""
        self.spawn(*arguments, **popen)
        self.wait_for_answer()
        wait_until(lambda: len(self.children()) == len(ROLES), "all children")
        return self

    def wait_for_answer(self):
        def answers():
            assert self.process.poll() is None, \
                f"it ended with {self.process.returncode}: {self.log()[-600:]}"
            try:
                with Connection(self.map) as c:
                    return c.ask(".example") == "NOTFOUND "
            except (OSError, AssertionError):
                return False
        wait_until(answers, "the map")

    def end(self, number=signal.SIGTERM, seconds=WAIT_S):
        """Its exit status; its children are gone too."""
        children = self.children()
        self.process.send_signal(number)
        status = self.process.wait(seconds)
        for role, pid in children.items():
            wait_until(lambda: has_ended(pid), f"the end of the {role}")
        if self in self.running:
            self.running.remove(self)
        return status

    def kill_all(self):
        children = self.children()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in children.values():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        if self in self.running:
            self.running.remove(self)

    def refuse(self, *arguments, **run):
        """Start it where it must not start; exit status and all that it said."""
        done = subprocess.run(self.argv(*arguments), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=WAIT_S, **run)
        return done.returncode, done.stdout

    # -- its processes

    def children(self):
        """{role: pid}"""
        if self.process is None:
            return {}
        found = {}
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
                pids = [int(pid) for pid in f.read().split()]
        except OSError:
            return {}
        for pid in pids:
            name = status_of(pid).get("Name", "")
            for role in ROLES:
                if name == f"hopseal-{role}" and not has_ended(pid):
                    found[role] = pid
        return found

    def pid(self, role):
        return wait_until(lambda: self.children().get(role), f"a {role}")

    def wait_replaced(self, role, old, seconds=WAIT_S):
        return wait_until(lambda: self.children().get(role, old) != old and
                          self.children().get(role), f"another {role}", seconds)

    def kill_child(self, role):
        """And wait for its successor."""
        pid = self.pid(role)
        os.kill(pid, signal.SIGKILL)
        return self.wait_replaced(role, pid)

    def rss(self, role="front"):
        """KiB in memory."""
        return int(status_of(self.pid(role))["VmRSS"].split()[0])

    def fd_count(self, role="front"):
        return len(os.listdir(f"/proc/{self.pid(role)}/fd"))

    def limit_files(self, soft, role="front"):
        """Sets the soft limit of descriptors of a running process; the one before."""
        pid = self.pid(role)
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)[0] if not IS_ROOT else \
            int(re.search(r"Max open files +(\d+)", open(f"/proc/{pid}/limits").read())[1])
        # Its own account may do it, where root is short of a capability.
        as_user = {"user": USER, "group": USER, "extra_groups": []} if IS_ROOT else {}
        subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={soft}:"], check=True, **as_user)
        return before

    # -- what it says

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def count_said(self, text):
        return self.log().count(text)

    def wait_said(self, text, count=1, seconds=WAIT_S):
        wait_until(lambda: self.count_said(text) >= count,
                   f"{count} times {text!r} in the log", seconds)

    def wait_said_only(self, text, count=1):
        self.wait_said(text, count)
        assert self.count_said(text) == count, f"{text!r} {self.count_said(text)} times"

    def command(self, *words):
        """hopseal with --json; what it prints."""
        done = subprocess.run([self.program("hopseal"), "-c", self.conf_path, *words,
                               "--json"], capture_output=True, text=True, timeout=30)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"hopseal {words}: {done.returncode} {done.stdout!r} "
                                 f"{done.stderr!r}")

    def counters(self):
        """Of the status, asked without hopseal: that would have Postfix asked, too."""
        try:
            with Connection(self.options["control_listen"].removeprefix("unix:"), 30) as c:
                c.send(b'{"command": "status"}\n')
                return json.loads(c.socket.makefile().readline())["counters"]
        except (OSError, ValueError) as error:
            raise AssertionError(f"status: {error}")

    def lookups(self):
        return self.counters()["lookups"]

    def ask(self, key, name="QUERY"):
        with Connection(self.map) as c:
            return c.ask(key, name)


def faketime(**settings):
    """The environment in which a program's clock shows what they say (libfaketime)."""
    library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not library or Policyd.is_sanitized():
        raise Skip("libfaketime is not installed, or has no room beside a sanitizer")
    return dict(os.environ, TZ="UTC", LD_PRELOAD=library[0], FAKETIME_NO_CACHE="1", **settings)


@contextlib.contextmanager
def small_disk(folder, size):
    """A disk of its own, which ends with each policyd; size as mount(8) has it."""
    if not IS_ROOT:
        raise Skip("not root")
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "none", disk],
                      capture_output=True).returncode != 0:
        raise Skip("no tmpfs can be mounted")
    try:
        yield disk
    finally:
        for policyd in list(Policyd.running):
            policyd.kill_all()
        subprocess.run(["umount", "-l", disk], capture_output=True)


def status_of(pid):
    """/proc/PID/status as a dict; empty when there is no such process."""
    try:
        with open(f"/proc/{pid}/status") as f:
            return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    except OSError:
        return {}


def allow_files(wanted):
    """Raise our own limit of descriptors as far as it goes; what it is then."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
        except (ValueError, OSError):
            pass
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


def first_line(error):
    words = str(error).splitlines() or [type(error).__name__]
    frame = traceback.extract_tb(error.__traceback__)[-1]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if os.path.basename(frame.filename).startswith("test_"):
            break
    kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
    return f"{kind}{words[0] if words else ''} (line {frame.lineno})"


def run(tests):
    """Run functions that take a folder; one line each, exit 1 when one failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("tests", nargs="*", help="names; all without")
    options = parser.parse_args()
    Policyd.build = options.build
    failed = 0
    for test in tests:
        name = test.__name__.removeprefix("test_")
        if options.tests and name not in options.tests:
            continue
        folder = tempfile.mkdtemp(prefix="hopseal-")
        os.chmod(folder, 0o755)
        logs = {}
        try:
            test(folder)
            verdict = f"ok {name}"
        except Skip as error:
            verdict = f"skip {name}: {error}"
        except Exception as error:
            verdict = f"not ok {name}: {first_line(error)}"
        for policyd in list(Policyd.running):
            policyd.kill_all()
        for entry in os.listdir(folder):
            path = os.path.join(folder, entry, "log")
            if os.path.isfile(path):
                with open(path, errors="replace") as f:
                    logs[entry] = f.read()
        said = NEVER_SAID.search("".join(logs.values()))
        if said and verdict.startswith("ok"):
            verdict = f"not ok {name}: {said[0]}"
        print(verdict, flush=True)
        if verdict.startswith("not ok"):
            failed += 1
            for text in logs.values():
                print("".join(f"# {line}\n" for line in text.splitlines()[-25:]), end="")
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


def run_cases():
    """The cases of the program's file, or those that are named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    options, rest = parser.parse_known_args()
    Policyd.build = options.build
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
