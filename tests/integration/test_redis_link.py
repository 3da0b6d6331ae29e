#!/usr/bin/python3
"""The link to Redis against a real server that comes, goes, sleeps, fills and is demoted.

    tests/integration/test_redis_link.py [--build DIR]

The driver is built with the address and undefined sanitizers, whatever DIR was built with.
"""

import argparse
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from ports import free_port

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SOURCES = ["tests/integration/redis_link_driver.c", "shared/io/redis_link.c",
           "shared/io/redis_reply.c", "shared/io/redis_address.c", "shared/io/endpoint.c",
           "shared/buffer.c", "shared/text.c", "shared/xalloc.c"]
SKIPPED = 77

DEADLINE_MS = 1000              # the driver's
SLACK_MS = 4000                 # for a busy machine
AT_ONCE_MS = DEADLINE_MS - 1    # nobody has waited
folder = driver_path = None


class Server:
    """A redis-server of our own on a unix socket and a port of loopback."""

    def __init__(self, *options):
        self.socket = os.path.join(folder, "redis.sock")
        self.port = free_port()
        self._options, self._process = options, None

    def start(self, *options):
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1",
             "--unixsocket", self.socket, "--save", "", "--dir", folder,
             *self._options, *options], stdout=subprocess.DEVNULL)
        return self

    def wait(self):
        """Until it answers a client of ours, whatever it says."""
        for _ in range(500):
            try:
                self.command("PING")
                return self
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("redis-server does not start")

    def command(self, *words):
        """One inline command over the unix socket; the first line of its answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(self.socket)
            s.sendall(" ".join(words).encode() + b"\r\n")
            return s.makefile().readline().strip()

    def signal(self, number):
        self._process.send_signal(number)

    def stop(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if os.path.exists(self.socket):
            os.unlink(self.socket)


class Link:
    """The driver, with its lines in a queue."""

    def __init__(self, address, user="", password="", *channel):
        self._process = subprocess.Popen([driver_path, address, user, password, *channel],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True)
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))

    def say(self, *lines):
        self._process.stdin.write("".join(line + "\n" for line in lines))
        self._process.stdin.flush()

    def line(self, seconds=10):
        return self._lines.get(timeout=seconds)

    def silent(self, seconds):
        """True when nothing is said for so long."""
        try:
            self._lines.get(timeout=seconds)
            return False
        except queue.Empty:
            return True

    def ask(self, name, *words):
        self.say(" ".join(["ask", name, *words]))

    def close(self):
        """The driver's own end, with what the sanitizers say."""
        self._process.stdin.close()
        errors = self._process.stderr.read()
        status = self._process.wait(timeout=10)
        self._process.stdout.close()
        self._process.stderr.close()
        return status, errors


class RedisLink(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.links = []

    def tearDown(self):
        for link in self.links:
            self.assertEqual(link.close(), (0, ""))
        self.server.stop()

    def link(self, address=None, *arguments):
        self.links.append(Link(address or "unix:" + self.server.socket, *arguments))
        return self.links[-1]

    def expect(self, link, pattern, seconds=10):
        line = link.line(seconds)
        match = re.fullmatch(pattern, line)
        self.assertIsNotNone(match, f"got {line!r}, want {pattern!r}")
        return match

    def expect_reply(self, link, name, answer, at_most_ms=DEADLINE_MS + SLACK_MS):
        match = self.expect(link, f"reply {name} {answer} after ([0-9]+)")
        self.assertLessEqual(int(match[1]), at_most_ms)
        return int(match[1])

    def up(self, *arguments):
        link = self.link(*arguments)
        self.expect(link, "state up connected")
        return link

    def test_answers(self):
        self.server.start().wait()
        link = self.up()
        link.ask("a", "SET", "k", "value")
        link.ask("b", "GET", "k")
        link.ask("c", "GET", "absent")
        link.ask("d", "HGET", "k", "field")
        link.ask("e", "MGET", "k", "absent")
        link.ask("f", "MULTI")
        link.ask("g", "INCR", "n")
        link.ask("h", "EXEC")
        for name, answer in (("a", "OK"), ("b", "value"), ("c", "nil"),
                             ("d", "WRONGTYPE .*"), ("e", "array of 2"), ("f", "OK"),
                             ("g", "QUEUED"), ("h", "array of 1")):
            self.expect_reply(link, name, answer)

    def test_tcp_and_database(self):
        self.server.start().wait()
        for host in "127.0.0.1", "localhost":
            # localhost is perhaps first ::1, where nobody listens.
            link = self.up(f"redis://{host}:{self.server.port}/3")
            link.ask("a", "SET", "k", "v")
            self.expect_reply(link, "a", "OK")
        self.assertEqual(self.server.command("EXISTS", "k"), ":0")
        link = self.link(f"redis://127.0.0.1:{self.server.port}/99")
        self.expect(link, "state refused ERR .*out of range.*")
        link.ask("b", "GET", "k")
        self.expect_reply(link, "b", "none", AT_ONCE_MS)

    def test_absent_then_there(self):
        link = self.link()
        link.ask("a", "GET", "k")
        self.assertEqual({link.line(), re.sub(" after .*", "", link.line())},
                         {"state down No such file or directory", "reply a none"})
        link.ask("b", "GET", "k")
        self.expect_reply(link, "b", "none", AT_ONCE_MS)
        self.assertTrue(link.silent(1), "the state is told once")
        self.server.start().wait()
        self.expect(link, "state up connected")
        link.ask("c", "GET", "k")
        self.expect_reply(link, "c", "nil")

    def test_killed(self):
        self.server.start().wait()
        link = self.up()
        self.server.stop()
        self.expect(link, "state down the server closed the connection")
        self.server.start().wait()
        self.expect(link, "state up connected")

    def test_asleep(self):
        self.server.start().wait()
        link = self.up()
        self.server.signal(signal.SIGSTOP)
        link.ask("a", "SET", "k", "late")
        time.sleep(0.1)
        link.ask("b", "GET", "k")
        self.expect(link, f"state down no answer within {DEADLINE_MS} ms")
        self.assertGreaterEqual(self.expect_reply(link, "a", "none"), DEADLINE_MS)
        self.expect_reply(link, "b", "none")
        # The kernel still accepts connections: nobody is to wait for those.
        for i in range(20):
            link.ask(f"c{i}", "GET", "k")
            self.expect_reply(link, f"c{i}", "none", AT_ONCE_MS)
            time.sleep(0.05)
        self.server.signal(signal.SIGCONT)
        self.expect(link, "state up connected")
        link.ask("d", "GET", "k")
        self.expect_reply(link, "d", "late")

    def test_many(self):
        self.server.start().wait()
        link = self.up()
        for _ in range(5):
            link.say("burst 1000 INCR n")
            self.expect(link, "burst 1000 0 after [0-9]+")
        link.say("burst 1500 INCR n")
        self.expect(link, "burst 1024 476 after [0-9]+")
        link.ask("a", "GET", "n")
        self.expect_reply(link, "a", "6024")

    def test_cancel(self):
        self.server.start().wait()
        link = self.up()
        self.server.signal(signal.SIGSTOP)
        link.ask("a", "INCR", "n")
        link.ask("b", "INCR", "n")
        link.ask("c", "INCR", "n")
        link.say("cancel b")
        time.sleep(0.05)
        self.server.signal(signal.SIGCONT)
        self.expect_reply(link, "a", "1")
        self.expect_reply(link, "c", "3")

    def test_news(self):
        self.server.start().wait()
        news = self.up(None, "", "", "hopseal:test")
        link = self.up()
        link.ask("a", "PUBLISH", "hopseal:test", "one")
        self.expect_reply(link, "a", "1")
        self.expect(news, "message one")
        self.server.stop()
        self.expect(news, "state down .*")
        self.expect(link, "state down .*")
        self.server.start().wait()
        self.expect(news, "state up connected")
        self.expect(link, "state up connected")
        link.ask("b", "PUBLISH", "hopseal:test", "two")
        self.expect_reply(link, "b", "1")
        self.expect(news, "message two")

    def test_replica(self):
        self.server.start().wait()
        link = self.up()
        self.server.command("SET", "k", "v")
        self.server.command("REPLICAOF", "127.0.0.1", "1")
        link.ask("a", "SET", "k", "x")
        self.expect(link, "state read-only READONLY .*")
        self.expect_reply(link, "a", "READONLY .*")
        link.ask("b", "GET", "k")
        self.expect_reply(link, "b", "v")
        self.expect(self.link(), "state read-only the server is a replica")
        self.server.command("CONFIG", "SET", "replica-serve-stale-data", "no")
        link.ask("c", "GET", "k")
        self.expect(link, "state loading MASTERDOWN .*")
        self.expect_reply(link, "c", "MASTERDOWN .*")
        self.server.command("REPLICAOF", "NO", "ONE")
        link.ask("d", "GET", "k")
        self.expect(link, "state up it works again")
        self.expect_reply(link, "d", "v")

    def test_full(self):
        self.server.start("--maxmemory-policy", "noeviction").wait()
        link = self.up()
        link.ask("a", "SET", "k", "v")
        self.expect_reply(link, "a", "OK")
        self.server.command("CONFIG", "SET", "maxmemory", "1")
        link.ask("b", "SET", "k", "w")
        self.expect(link, "state full OOM .*")
        self.expect_reply(link, "b", "OOM .*")
        link.ask("c", "GET", "k")
        self.expect_reply(link, "c", "v")
        link.ask("d", "SET", "k", "w")
        self.expect_reply(link, "d", "OOM .*")
        self.server.command("CONFIG", "SET", "maxmemory", "0")
        link.ask("e", "SET", "k", "w")
        self.expect(link, "state up it works again")
        self.expect_reply(link, "e", "OK")

    def test_loading(self):
        self.server.start("--rdbcompression", "no").wait()
        for i in range(300):
            self.server.command("SET", f"k{i}", "x" * 2000)
        self.assertEqual(self.server.command("SAVE"), "+OK")
        self.server.stop()
        self.server.start("--key-load-delay", "5000",
                          "--loading-process-events-interval-bytes", "1024").wait()
        link = self.link()
        self.expect(link, "state loading LOADING .*")
        link.ask("a", "GET", "k1")
        self.expect_reply(link, "a", "none", AT_ONCE_MS)
        self.expect(link, "state up connected", 20)

    def test_password(self):
        self.server.start("--requirepass", "secret", "--user", "hopseal", "on", ">other",
                          "~hopseal:*", "+@read", "+@write", "+@connection").wait()
        self.expect(self.link(), "state refused NOAUTH .*")
        self.expect(self.link(None, "", "wrong"), "state refused WRONGPASS .*")
        self.expect(self.link(None, "hopseal", "secret"), "state refused WRONGPASS .*")
        self.up(None, "", "secret")
        link = self.up(None, "hopseal", "other")
        link.ask("a", "SET", "hopseal:k", "v")
        self.expect_reply(link, "a", "OK")
        link.ask("b", "SET", "k", "v")
        self.expect(link, "state refused NOPERM .*")
        self.expect_reply(link, "b", "NOPERM .*")


def main():
    global folder, driver_path
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    os.chdir(TOP)
    if shutil.which("redis-server") is None:
        print("redis-server is not installed")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix="hopseal-redis-") as folder:
        driver_path = os.path.join(folder, "driver")
        subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-I.",
                        "-O1", "-g", "-fsanitize=address,undefined",
                        "-fno-sanitize-recover=all", *SOURCES, "-o", driver_path,
                        "-levent_core", "-lhiredis"], check=True)
        program = unittest.main(argv=[sys.argv[0], *options.tests], exit=False)
    sys.exit(not program.result.wasSuccessful())


if __name__ == "__main__":
    main()
