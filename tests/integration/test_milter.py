#!/usr/bin/python3
"""The milter: scenarios of miltertest, trouble of those that it asks, and load.

    test_milter.py [--build DIR] [TEST...]

One line a test; exit 0 when none failed, 77 without miltertest or redis-server.
"""

import os
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

import milter_rig
from milter_rig import Rig, added, judgement
from policyd_rig import Policyd, run_cases
from ports import free_port

SCENARIOS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "milter")
RULES = """tag.example        out  action=tag
asked-tag.example  out  action=tag
all.example        out  action=tag clients=all
asked-all.example  out  action=tag clients=all
own.example        out  action=tag
defer.example      out  action=defer
asked-defer.example out action=defer
unknown.example    out  action=defer
hold.example       out  action=hold
"""
BAD = ("tag", "all", "own", "defer", "hold")
CONTINUE = (b"c", b"")


class Milter(unittest.TestCase):
    """A milter with everything around it, for each test anew."""

    options = {}

    def setUp(self):
        folder = tempfile.mkdtemp(prefix="hm", dir="/tmp")
        self.addCleanup(shutil.rmtree, folder)
        self.rig = Rig(Policyd.program("hopseal-milter"), folder, RULES, **self.options)
        self.addCleanup(self.rig.stop)
        self.rig.start_redis()
        for name in BAD:
            self.rig.cache(name + ".example")
        self.rig.cache("good.example", permitted=True)
        self.rig.start_policyd()
        self.rig.policyd.answers = {
            f"asked-{action}.example": judgement(f"asked-{action}.example", action)
            for action in ("tag", "defer", "all")}
        self.rig.start_milter()
        self.rig.wait_log("site: known=yes")
        self.rig.wait_log("redis: state=up")

    def tearDown(self):
        self.assertIsNone(self.rig.milter.poll(), "the milter has ended")
        self.assertIsNone(re.search("Sanitizer|runtime error|Assertion", self.rig.log()),
                          self.rig.log()[-3000:])

    def scenario(self, name):
        kind, host, port = self.rig.socket.split(":")
        done = subprocess.run(
            ["miltertest", "-D", f"socket={kind}:{port}@{host}", "-s", "/dev/stdin"],
            input=read("session.lua") + read(name + ".lua"), text=True, capture_output=True,
            cwd=SCENARIOS, timeout=60)
        self.assertEqual(done.returncode, 0, f"{done.stdout}{done.stderr}\n"
                         f"{self.rig.log()[-2000:]}")

    def settle(self, **options):
        """Other options, without a restart."""
        self.rig.write_config(**options)
        self.rig.wait_log("configuration read again",
                          self.rig.log().count("configuration read again") + 1)


def read(name):
    with open(os.path.join(SCENARIOS, name)) as f:
        return f.read()


class Scenarios(Milter):
    pass


def add_scenario(name):
    setattr(Scenarios, "test_" + name, lambda self: self.scenario(name))


for scenario in sorted(os.listdir(SCENARIOS)):
    if scenario not in ("session.lua", "judge.lua"):
        add_scenario(scenario.removesuffix(".lua"))


class Judge(Milter):
    options = {"recipient_judge": "milter"}

    def test_judge(self):
        self.scenario("judge")

    def test_fallback_relay(self):
        """At most a tag: the fallback relay delivers in its own way."""
        self.rig.policyd.site = dict(milter_rig.SITE, fallback_relay=True)
        self.rig.wait_log("site: known=yes", 2, 30)
        with self.rig.session() as s:
            replies, changes = s.message("a@defer.example")
        self.assertEqual(replies, [CONTINUE])
        self.assertEqual([name for name, _ in added(changes)], ["X-Hopseal-Next-Hop"])

    def test_breaker(self):
        self.rig.policyd.site = dict(milter_rig.SITE, breaker_open=True)
        self.rig.wait_log("breaker=open", 1, 30)
        with self.rig.session() as s:
            self.assertEqual(s.message("a@defer.example")[0], [CONTINUE])

    def test_due_for_a_look(self):
        """policyd is asked; away, the cached record counts."""
        self.rig.cache("asked-defer.example", permitted=True, refresh_in=-1)
        self.rig.cache("defer.example", refresh_in=-1)
        self.rig.policyd.answers["defer.example"] = b"garbage"
        with self.rig.session() as s:
            replies, _ = s.message("a@asked-defer.example", "a@defer.example")
        self.assertEqual([r[0] for r in replies], [b"y", b"y"])

    def test_percent(self):
        self.rig.policyd.answers["asked-defer.example"]["reason"] = "100%s\x7f\u00e9"
        with self.rig.session() as s:
            replies, _ = s.message("a@asked-defer.example")
        self.assertEqual(replies, [(b"y", b"450 4.7.5 100?s???\0")])


class Files(Milter):
    def test_rules_change(self):
        with self.rig.session() as s:
            self.assertEqual(added(s.message("a@defer.example")[1]), [])
            self.rig.write_rules("defer.example out action=tag\n")
            self.rig.wait_log("configuration read again: rules=1")
            self.assertEqual(len(added(s.message("a@defer.example")[1])), 1)

    def test_a_message_keeps_its_setup(self):
        with self.rig.session() as s:
            s.mail()
            self.rig.write_rules("")
            self.rig.wait_log("configuration read again: rules=0")
            s.rcpt("<a@tag.example>")
            self.assertEqual(len(added(s.end()[0])), 1)
            self.assertEqual(added(s.message("a@tag.example")[1]), [])

    def test_bad_files(self):
        self.rig.write_rules("tag.example out action=tga\n")
        self.rig.wait_log("the old configuration and rules stay in force")
        self.rig.write_config(redis="garbage")
        self.rig.wait_log("the old configuration and rules stay in force", 2)
        time.sleep(2.5)
        self.assertEqual(self.rig.log().count("stay in force"), 2)
        self.assertIn("/rules:1: ", self.rig.log())
        with self.rig.session() as s:
            self.assertEqual(len(added(s.message("a@tag.example")[1])), 1)

    def test_other_redis(self):
        self.settle(redis="")
        with self.rig.session() as s:
            self.assertEqual(added(s.message("a@tag.example")[1]), [])
        self.settle(redis=f"unix:{self.rig.path('redis.sock')}")
        self.rig.wait_log("redis: state=up", 2)
        with self.rig.session() as s:
            self.assertEqual(len(added(s.message("a@tag.example")[1])), 1)

    def test_inbound_tls_unknown(self):
        self.settle(inbound_tls="unknown")
        with self.rig.session(client="192.0.2.1") as s:
            _, changes = s.message("a@own.example", headers=[("X-HOPSEAL-INBOUND", "x")])
        self.assertEqual([c for c, _ in changes], [b"m"])

    def test_our_certificate_has_ended(self):
        """At one port: mail from outside is marked there, and only with "tag"."""
        def inbound(port, client="192.0.2.1"):
            macros = (("{client_connections}", "1"), ("{daemon_port}", port))
            with self.rig.session(client=client, macros=macros) as s:
                replies, changes = s.message("a@own.example")
            self.assertEqual(replies, [CONTINUE])
            return [value for _, value in added(changes)]
        self.rig.policyd.site = dict(milter_rig.SITE, expired_ports=[25])
        self.rig.wait_log("site: known=yes", 2, 30)
        self.assertEqual(inbound("25"), ["tls=none"])
        self.settle(local_cert_action="tag")
        self.assertEqual(inbound("25"), ["tls=none our-cert=expired"])
        self.assertEqual(inbound("587"), ["tls=none"])
        self.assertEqual(inbound("25", "127.0.0.1"), [])
        self.assertIn("our-cert=expired", self.rig.log())


class Trouble(Milter):
    """Those that are asked are away, slow, or talk nonsense."""

    options = {"recipient_judge": "milter"}
    IN_TIME_S = 8           # first_contact_wait, and what a busy machine adds

    def one(self, *recipients):
        with self.rig.session() as s:
            begin = time.monotonic()
            replies, _ = s.message(*recipients)
            self.assertLess(time.monotonic() - begin, self.IN_TIME_S)
        return [r[0] for r in replies]

    def test_redis_killed(self):
        self.rig.redis.stop()
        self.rig.policyd.answers["defer.example"] = judgement("defer.example", "defer")
        self.assertEqual(self.one("a@defer.example", "b@unknown.example"), [b"y", b"c"])
        self.rig.start_redis()
        self.rig.cache("hold.example")
        self.rig.wait_log("redis: state=up", 2, 60)

    def test_redis_hangs(self):
        self.rig.redis.pause()
        self.assertEqual(self.one(*(f"a@{n}.example" for n in ("defer", "hold", "tag", "all"))),
                         [b"c"] * 4)
        self.rig.redis.resume()

    def test_policyd_killed(self):
        self.rig.policyd.stop()
        self.rig.policyd = None
        self.assertEqual(self.one("a@defer.example", "a@asked-defer.example"),
                         [b"y", b"c"])

    def test_policyd_slow(self):
        """In sum first_contact_wait a message, whatever is asked."""
        self.rig.policyd.delay_s = 30
        asked = [f"a@asked{n}.example" for n in range(9)]
        self.assertEqual(self.one("a@defer.example", *asked), [b"y"] + [b"c"] * 9)

    def test_policyd_talks_nonsense(self):
        answers = (b"", b"{}", b"[1]", b'{"error": "no"}', b"x" * 3000000, b'{"action": 1}',
                   {**judgement("a", "defer"), "finding": "bad"},
                   {**judgement("a", "reject")}, {**judgement("a", "defer"), "policy": None})
        for answer in answers:
            self.rig.policyd.answers["asked-defer.example"] = answer
            self.assertEqual(self.one("a@asked-defer.example"), [b"c"])

    def test_redis_talks_nonsense(self):
        for record in ("", "garbage", "hopseal-facts 99\n", "hopseal-facts 1\nmx=perhaps\n"):
            self.rig.redis.command("SET", "hopseal:facts:{defer.example}", record)
            self.assertEqual(self.one("a@defer.example"), [b"c"])
        self.rig.redis.command("DEL", "hopseal:facts:{defer.example}")
        self.rig.redis.command("LPUSH", "hopseal:facts:{defer.example}", "a list")
        self.assertEqual(self.one("a@defer.example"), [b"c"])

    def test_nobody_is_there_at_the_start(self):
        self.rig.stop_milter()
        self.rig.redis.stop()
        self.rig.policyd.stop()
        os.unlink(self.rig.path("redis.sock"))
        self.rig.policyd = None
        self.rig.start_milter()
        self.assertEqual(self.one("a@defer.example"), [b"c"])
        with self.rig.session(client="192.0.2.1") as s:
            _, changes = s.message("a@all.example")
        self.assertEqual(added(changes), [("X-Hopseal-Inbound", "tls=none")])
        self.rig.start_policyd()
        self.rig.wait_log("site: known=yes", 2)

    def test_an_older_mta(self):
        """It offers less than we like."""
        for actions, version in ((0x11, 6), (0x01, 2), (0, 2)):
            with self.rig.session(client="192.0.2.1", actions=actions, version=version) as s:
                replies, changes = s.message("a@own.example")
                self.assertEqual(replies, [CONTINUE])


class Load(Milter):
    CONNECTIONS, MESSAGES = 50, 12

    def test_fifty_connections(self):
        """While Redis, policyd and the files come and go."""
        failures = []

        def one(number):
            try:
                with self.rig.session(client="192.0.2.1" if number % 2 else "127.0.0.1") as s:
                    for _ in range(self.MESSAGES):
                        s.message("a@tag.example", "a@asked-tag.example", "a@good.example",
                                  "a@all.example", headers=[("X-Hopseal-Inbound", "x")] * 3)
            except Exception as e:
                failures.append(repr(e))

        threads = [threading.Thread(target=one, args=(n,)) for n in range(self.CONNECTIONS)]
        for thread in threads:
            thread.start()
        for i in range(3):
            self.rig.write_rules(RULES + f"# {i}\n")
            self.rig.policyd.site = dict(milter_rig.SITE, strict=bool(i % 2))
            self.rig.redis.stop()
            time.sleep(1.2)
            self.rig.start_redis()
            self.settle(l1_ttl=f"{70 + i}s")
        for thread in threads:
            thread.join(120)
        self.assertEqual(failures, [])

    def test_silent_ones(self):
        """Connections that say nothing cost nobody else anything."""
        port = int(self.rig.socket.rsplit(":")[-1])
        socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
        with self.rig.session() as s:
            self.assertEqual(len(added(s.message("a@tag.example")[1])), 1)
            self.assertLess(s.seconds, 5)
        for sock in socks:
            sock.close()

    def test_gone_in_the_middle(self):
        port = int(self.rig.socket.rsplit(":")[-1])
        packet = b"\0\0\0\x0dO\0\0\0\6\0\0\1\x31\0\0\0\0"
        for length in range(1, len(packet)):
            with socket.create_connection(("127.0.0.1", port)) as sock:
                sock.sendall(packet[:length])
        for step in range(4):
            s = self.rig.session()
            if step > 0:
                s.mail()
            if step > 1:
                s.rcpt("<a@tag.example>")
            if step > 2:
                s.header("X-Hopseal-Inbound", "x")
            s.abandon()
        with self.rig.session() as s:
            self.assertEqual(len(added(s.message("a@tag.example")[1])), 1)


class Program(unittest.TestCase):
    def setUp(self):
        self.program = Policyd.program("hopseal-milter")
        self.folder = tempfile.mkdtemp(prefix="hm", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.folder)

    def run_it(self, *arguments):
        return subprocess.run([self.program, *arguments], capture_output=True, text=True,
                              timeout=20)

    def rig(self, **options):
        rig = Rig(self.program, self.folder, **options)
        self.addCleanup(rig.stop)
        return rig

    def test_options(self):
        self.assertTrue(self.run_it("-V").stdout.startswith("hopseal-milter "))
        self.assertIn("milter_listen = inet:127.0.0.1:8464\n", self.run_it("-d").stdout)
        self.assertEqual(self.run_it("-n", "-o", "strict=yes", "-o", "rules_file=").stdout,
                         "rules_file = \nstrict = yes\n")
        self.assertEqual(self.run_it("-x").returncode, 64)
        self.assertEqual(self.run_it("extra").returncode, 64)
        self.assertEqual(self.run_it("-c", "/nowhere/hopseal.conf").returncode, 78)
        done = self.run_it("-n", "-o", "milter_lisen=unix:/x")
        self.assertEqual(done.returncode, 78)
        self.assertIn('did you mean "milter_listen"', done.stderr)

    def test_no_socket(self):
        for listen, why in (("", "is empty"), ("inet:192.0.2.1:8464", "cannot listen")):
            rig = self.rig(listen=listen or None)
            rig.write_config(milter_listen=listen)
            rig.start_milter(wait=False)
            self.assertEqual(rig.milter.wait(20), 69)
            self.assertIn(why, rig.log())

    def test_listens_on_that_host_alone(self):
        for address in ("127.0.0.1", "[::1]"):
            port = free_port()
            rig = self.rig(listen=f"inet:{address}:{port}")
            rig.start_milter()
            listening = subprocess.run(["ss", "-ltnHp"], capture_output=True,
                                       text=True).stdout.splitlines()
            ours = [line.split()[3] for line in listening if f"pid={rig.milter.pid}," in line]
            self.assertEqual(ours, [f"{address}:{port}"])
            with rig.session() as s:
                self.assertEqual(s.message("a@b.example")[0], [CONTINUE])
            self.assertEqual(rig.stop_milter(), 0)

    def test_unix_socket(self):
        path = os.path.join(self.folder, "milter.sock")
        rig = self.rig(listen=f"unix:{path}", socket_owner="nobody", socket_mode="0640")
        rig.start_milter()
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o640)
        with rig.session() as s:
            self.assertEqual(s.message("a@b.example")[0], [CONTINUE])
        done = self.run_it("-c", rig.path("hopseal.conf"))
        self.assertEqual(done.returncode, 69)
        self.assertIn("another one listens", done.stderr)
        with rig.session() as s:
            self.assertEqual(s.message("a@b.example")[0], [CONTINUE])
        rig.milter.kill()
        rig.milter.wait()
        rig.start_milter()      # over the dead one's node
        with rig.session() as s:
            self.assertEqual(s.message("a@b.example")[0], [CONTINUE])

    def test_signals(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            rig = self.rig()
            rig.start_milter()
            with rig.session() as s:
                s.mail()
            self.assertEqual(rig.stop_milter(number), 0)


def main():
    missing = [p for p in ("miltertest", "redis-server", "ss") if not shutil.which(p)]
    if missing:
        print(f"missing programs: {' '.join(missing)}")
        sys.exit(77)
    run_cases()


if __name__ == "__main__":
    main()
