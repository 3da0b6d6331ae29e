#!/usr/bin/python3
"""The admin's command and the clerk that answers it.

    test_ctl.py [--build DIR] [TEST...]

Runs hopseal and the clerk of hopseal-policyd, whose parent, front and scout are played here
(clerk_rig.py).  One line a test; exit 0 when none failed.
"""

import ctypes
import json
import os
import pty
import select
import subprocess
import tempfile
import time
import unittest

import clerk_rig as rig
from policyd_rig import Policyd, run_cases, wait_until

NOW = int(time.time())
SILENCE_S = 9           # the clerk waits a bit longer for the front

POLICY_FACTS = f"""hopseal-facts 1
next_hop=example.com
looked_at={NOW - 60}
refresh_at={NOW + 600}
learned_at={NOW - 60}
mx=present
dane=none
record=present
record_id=20260101
host=mx.example.com
preference=10
addresses=present
tlsa=none
address=192.0.2.1
address=2001:db8::1
finding=ok
seen_at={NOW - 120}
not_after={NOW + 864000}
host=mx.other.example
preference=20
addresses=present
tlsa=none
address=192.0.2.2
policy_id=20260101
fetched_at={NOW - 3600}
expires_at={NOW + 82800}
refetch_at={NOW + 40000}
policy=version: STSv1
policy=mode: enforce
policy=mx: *.example.com
policy=max_age: 86400
"""

NO_POLICY_FACTS = f"""hopseal-facts 1
next_hop=example.com
looked_at={NOW - 60}
learned_at={NOW - 60}
mx=present
dane=none
record=present
record_id=1
fetch_failed_id=1
fetch_failed_at={NOW - 30}
fetch_failed_count=2
fetch_finding=policy-fetch-failed
fetch_error=HTTP status 404
"""

DANE_FACTS = f"""hopseal-facts 1
next_hop=[mx.example.com]:25
looked_at={NOW - 60}
refresh_at={NOW + 600}
learned_at={NOW - 60}
mx=present
mx_secure=1
dane=usable-all
record=unknown
record_error=SERVFAIL
host=mx.example.com
preference=0
addresses=present
secure=1
tlsa=usable
address=192.0.2.1
finding=cert-expired
dane_finding=ok
seen_at={NOW - 182}
seen_count=1
not_after={NOW - 864000}
detail=CN=R3
"""

RULES = """bank.example       out  action=defer require=verify reason="as agreed"
.partner.example   in   require=encrypt action=defer
.partner.example   out  action=tag
old.example        out  level=may until=2020-01-01
*                  out  action=log
.weak.example      out  action=defer
a.weak.example     out  require=verify
"""


def hopseal(*words, stdin=b"", env=None):
    """Exit code, standard output, standard error."""
    done = subprocess.run([Policyd.program("hopseal"), *words], input=stdin,
                          capture_output=True, timeout=60, env=env)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def lint(*words, stdin=b""):
    status, out, err = hopseal("lint", *words, stdin=stdin)
    assert status == 0, (status, out, err)
    assert out.count("\n") == 1, out
    return json.loads(out)


GOOD_POLICY = b"version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 86400\n"


class Lint(unittest.TestCase):
    def check(self, rows, *words):
        for label, stdin, wanted in rows:
            with self.subTest(label):
                got = lint(*words, stdin=stdin)
                self.assertEqual({k: got[k] for k in wanted}, wanted, got)
                self.assertEqual(got["error"] is None, got["valid"], got)

    def test_sts_record(self):
        bad = {"present": True, "valid": False, "id": None}
        none = {"present": False, "valid": False, "id": None}
        self.check((
            ("quoted", b'"v=STSv1; id=ab12;"\n', {"present": True, "valid": True, "id": "ab12"}),
            ("literal", b"v=STSv1; id=ab12", {"valid": True, "id": "ab12"}),
            ("joined strings", b'"v=STS" "v1; id=ab" "cd;"', {"valid": True, "id": "abcd"}),
            ("decimal escape", b'"v=STSv1; id=\\097b"', {"valid": True, "id": "ab"}),
            ("beside others", b'"hello"\n"v=STSv1; id=a"\n', {"valid": True, "id": "a"}),
            ("bare version beside a record", b'"v=STSv1"\n"v=STSv1; id=1"',
             {"present": True, "valid": True, "id": "1"}),
            ("blank before the semicolon", b"v=STSv1 ; id=1", {"present": True, "id": "1"}),
            ("two", b'"v=STSv1; id=a"\n"v=STSv1; id=a"\n', bad),
            ("no id", b"v=STSv1;", bad),
            ("bad id", b"v=STSv1; id=a-b", bad),
            ("id too long", b"v=STSv1; id=" + b"a" * 33, bad),
            ("NUL", b"v=STSv1; id=a\0", bad),
            ("version in lower case", b"v=stsv1; id=a", none),
            ("version 12", b"v=STSv12; id=a", none),
            ("bare version", b'"v=STSv1"', none),
            ("empty", b"", none),
            ("only line ends", b"\n\n\n", none),
            ("binary", bytes(range(256)), none),
            ("quote not closed", b'"v=STSv1; id=a', none),
            ("too long", b"v=STSv1; id=a\n" * 100000, none),
        ), "sts-record")

    def test_sts_policy(self):
        bad = dict.fromkeys(("version", "mode", "mx", "max_age"), None) | {"valid": False}
        self.check((
            ("good", GOOD_POLICY, {"valid": True, "version": "STSv1", "mode": "enforce",
                                   "mx": ["*.example.com"], "max_age": 86400}),
            ("CRLF", GOOD_POLICY.replace(b"\n", b"\r\n"), {"valid": True}),
            ("max_age capped", GOOD_POLICY.replace(b"86400", b"9999999999"),
             {"max_age": 31557600}),
            ("none without mx", b"version: STSv1\nmode: none\nmax_age: 1\n",
             {"valid": True, "mode": "none", "mx": []}),
            ("empty", b"", bad),
            ("no mode", GOOD_POLICY.replace(b"mode", b"mood"), bad),
            ("injection", GOOD_POLICY.replace(b"*.example.com", b"a match=b"), bad),
            ("brace", GOOD_POLICY.replace(b"*.example.com", b"a}{"), bad),
            ("NUL", GOOD_POLICY.replace(b"enforce", b"enforce\0"), bad),
            ("binary", bytes(range(256)), bad),
            ("one octet too long", GOOD_POLICY + b"x: " + b"y" * 65536, bad),
            ("3 MB", GOOD_POLICY * 50000, bad),
        ), "sts-policy")

    def test_mx(self):
        for pattern, host, wanted in (
                ("*.example.com", "mx.example.com", True),
                ("*.example.com", "MX.Example.COM.", True),
                ("mx.example.com", "mx.example.com", True),
                ("*.example.com", "a.b.example.com", False),
                ("*.example.com", "example.com", False),
                ("*.example.com", ".example.com", False),
                ("*", "mx.example.com", False),
                ("", "", False),
                ("mx*.example.com", "mx1.example.com", False),
                ("*.2.1", "192.0.2.1", False),
                ("-x.example.com", "--json", False)):
            with self.subTest(f"{pattern} {host}"):
                self.assertEqual(lint("mx", "--", pattern, host), {"match": wanted})

    def test_map_reply(self):
        def row(label, version, reply, valid, level=None, attributes=None):
            with self.subTest(label):
                got = lint("map-reply", version, stdin=reply)
                self.assertEqual((got["valid"], got["level"], got["attributes"]),
                                 (valid, level, attributes), got)
                self.assertEqual(got["error"] is None, valid, got)
        row("secure", "3.7", b"OK secure match=.a.example:b servername=hostname\n", True,
            "secure", {"match": ".a.example:b", "servername": "hostname"})
        row("repeated", "3.7", b"OK secure match=a match=b match=c", True, "secure",
            {"match": ["a", "b", "c"]})
        row("braces", "3.10", b"OK may policy_type=sts {policy_string = mode: none}", True,
            "may", {"policy_type": "sts", "policy_string": "mode: none"})
        row("too new", "3.7", b"OK may policy_type=sts", False)
        row("not found", "3.12-20260821", b"NOTFOUND ", True)
        row("temporary", "3.4", b"TEMP try again", True)
        row("bad level", "3.7", b"OK strict", False)
        row("empty match", "3.7", b"OK secure match=", False)
        row("empty", "3.7", b"", False)
        row("NUL", "3.7", b"OK may\0", False)
        row("not UTF-8", "3.7", b"OK may ciphers=\xff", False)
        row("too long", "3.7", b"OK may ciphers=" + b"x" * 3000000, False)

    def test_usage(self):
        for words in (("lint",), ("lint", "frob"), ("lint", "mx", "a"), ("lint", "sts"),
                      ("lint", "mx", "a", "b", "c"), ("lint", "sts-policy", "-", "x"),
                      ("lint", "map-reply"), ("lint", "map-reply", "new"),
                      ("lint", "sts-policy", "/nonexistent"), ("lint", "sts-policy", "/"),
                      ("lint", "--frob", "sts-policy")):
            with self.subTest(" ".join(words)):
                status, out, err = hopseal(*words)
                self.assertEqual((status, out), (64, ""))
                self.assertTrue(err)
        self.assertIn("sts-record, sts-policy, mx, map-reply", hopseal("lint", "frob")[2])

    def test_file_and_json(self):
        with tempfile.NamedTemporaryFile() as f:
            f.write(GOOD_POLICY)
            f.flush()
            for words in (("sts-policy", f.name), ("sts-policy", "--json", f.name)):
                self.assertTrue(lint(*words)["valid"])
        self.assertTrue(lint("sts-policy", "-", stdin=GOOD_POLICY)["valid"])


class Command(unittest.TestCase):
    def test_usage(self):
        for words, wanted in (((), "usage:"), (("lnit",), 'did you mean "lint"?'),
                              (("statsu",), 'did you mean "status"?'),
                              (("frobnicate",), "hopseal --help"), (("explain",), "usage:"),
                              (("explain", "a.example", "b.example"), "usage:"),
                              (("status", "x"), "usage:"),
                              (("explain", "--clear", "x.y"), "usage:"),
                              (("-x",), "invalid option"),
                              (("explain", "--policy", "a.example"), "usage:"),
                              (("explain", "-o", "mapp_listen=x", "a.example"),
                               "map_listen"),
                              (("explain", "192.0.2.1"), "192.0.2.1: "),
                              (("explain", "[192.0.2.1]"), "[192.0.2.1]: "),
                              (("refresh", "user@a.example"), "user@a.example: "),
                              (("rules", ".example"), ".example: "),
                              (("forget", ""), ": ")):
            with self.subTest(" ".join(words)):
                status, out, err = hopseal(*words)
                self.assertEqual((status, out), (64, ""), err)
                self.assertIn(wanted, err)
                status, out, err = hopseal(*words, "--json")
                self.assertEqual((status, list(json.loads(out))), (64, ["error"]), err)
                self.assertIn(wanted, err)

    def test_usage_of_lint_in_json(self):
        for words in (("lint", "mx", "a"), ("lint", "frob"), ("lint", "sts-policy", "/")):
            status, out, _ = hopseal("--json", *words)
            self.assertEqual((status, list(json.loads(out))), (64, ["error"]))

    def test_broken_configuration(self):
        with tempfile.NamedTemporaryFile() as f:
            f.write(b"redis = unix:/x\nmapp_listen = x\n")
            f.flush()
            status, out, err = hopseal("-c", f.name, "status")
            self.assertEqual((status, out), (3, ""))
            self.assertIn(f"{f.name}:2: ", err)
            status, out, err = hopseal("-c", f.name, "status", "--json")
            self.assertEqual(status, 3)
            self.assertIn(f"{f.name}:2: ", json.loads(out)["error"])
            self.assertIn(f"{f.name}:2: ", err)

    def test_help(self):
        self.assertEqual(hopseal("-V")[0], 0)
        status, out, _ = hopseal("--help")
        self.assertEqual(status, 0)
        for name in ("explain", "status", "refresh", "forget", "rules", "lint"):
            self.assertIn(name, out)
            self.assertTrue(hopseal(name, "--help")[1].startswith(f"usage: hopseal {name}"))

    def test_policyd_away(self):
        with tempfile.TemporaryDirectory() as folder:
            where = f"control_listen=unix:{folder}/control.sock"
            for command in (("explain", "a.example"), ("status",), ("rules", "a.example"),
                            ("refresh", "a.example"), ("forget", "a.example")):
                status, out, err = hopseal(*command, "-o", where)
                self.assertEqual((status, out), (3, ""))
                self.assertIn(folder, err)
                self.assertIn("start", err)
                status, out, _ = hopseal("--json", *command, "-o", where)
                self.assertEqual(status, 3)
                self.assertIn(folder, json.loads(out)["error"])
        self.assertEqual(hopseal("status", "-o", "control_listen=")[0], 3)
        self.assertEqual(hopseal("status", "-c", "/nonexistent")[0], 3)


class WithClerk(unittest.TestCase):
    site_text = ("mail_version = 3.7.11\nmyhostname = mail.example.net\n"
                 "smtp_tls_security_level = may\nsmtp_dns_support_level = dnssec\n"
                 "smtp_host_lookup = dns\n")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        # Postfix's account asks, too.
        os.chmod(self.folder, 0o755)
        config = (f"postfix_config_dir = {self.folder}\noutbound_source = tlsrpt\n"
                  "inbound_source = access\n")
        self.endpoints = {}
        for name, answer in (("map", b"9:NOTFOUND ,"), ("access", b"action=DUNNO\n\n"),
                             ("milter", b"\0\0\0\rO" + bytes(12))):
            endpoint = rig.Endpoint(os.path.join(self.folder, name), answer)
            self.addCleanup(endpoint.close)
            os.chmod(os.path.join(self.folder, name), 0o777)
            self.endpoints[name] = endpoint
            config += f"{name}_listen = {endpoint.option}\n"
        self.clerk = rig.Clerk([Policyd.program("hopseal-policyd"), "--clerk", "1", "0"],
                               self.folder, RULES, self.site_text, config)
        self.addCleanup(self.end)

    def end(self):
        status = self.clerk.stop()
        self.assertEqual(status, 0, self.clerk.log())

    def front(self, answer):
        return self.peer(rig.FRONT, answer if callable(answer) else lambda *question: answer)

    def peer(self, role, answer):
        peer = rig.Peer(self.clerk, role, answer)
        self.addCleanup(peer.leave)
        return peer

    def run_json(self, *words):
        status, out, err = hopseal("-c", self.clerk.conf_path, "--json", *words)
        return status, json.loads(out)

    def run_text(self, *words, **more):
        return hopseal("-c", self.clerk.conf_path, *words, **more)


class Explain(WithClerk):
    def test_policy(self):
        reply = "OK secure match=.example.com servername=hostname"
        front = self.front(rig.explanation(POLICY_FACTS, reply, reply + " policy_type=sts"))
        status, got = self.run_json("explain", "Example.COM.")
        self.assertEqual(front.asked, [(rig.EXPLAIN, "example.com", 0)])
        self.assertEqual(list(got)[:11], ["domain", "verdict", "degraded", "action", "reason",
                                          "rule", "dane", "mta_sts", "hosts", "map", "access"])
        self.assertEqual(got["domain"], "example.com")
        self.assertEqual((status, got["verdict"], got["degraded"]), (1, "deliverable", True))
        self.assertEqual(got["dane"]["state"], "none")
        sts = got["mta_sts"]
        self.assertEqual((sts["state"], sts["record"], sts["id"], sts["mode"], sts["mx"],
                          sts["max_age"], sts["error"]),
                         ("present", "present", "20260101", "enforce", ["*.example.com"],
                          86400, None))
        self.assertRegex(sts["expires"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        first, second = got["hosts"]
        self.assertEqual((first["host"], first["preference"], first["in_policy"],
                          first["finding"]), ("mx.example.com", 10, True, "ok"))
        self.assertEqual([(a["address"], a["finding"], a["source"]) for a in first["addresses"]],
                         [("192.0.2.1", "unknown", None), ("2001:db8::1", "ok", "probe")])
        self.assertIsNone(first["addresses"][0]["time"])
        self.assertEqual((second["in_policy"], second["finding"]), (False, "mx-not-in-policy"))
        self.assertEqual(got["map"], {"QUERY": reply, "QUERYwithTLSRPT":
                                      reply + " policy_type=sts"})
        self.assertEqual(got["access"], "DUNNO")
        self.assertTrue(got["rule"].startswith("*"))
        status, out, _ = self.run_text("explain", "example.com")
        self.assertEqual(status, 1)
        self.assertRegex(out, r"2001:db8::1 +verified \(probe, seen 2m \d+s ago, not after "
                         r"\d{4}-\d\d-\d\d, which is in (9d 23h|10d 0h)\)")
        self.assertRegex(out, r"192\.0\.2\.1 +not looked at yet\n")
        for words in ("example.com: deliverable, degraded", reply, "lasts another 2",
                      "present, id 20260101, DNS answered 1m", "asked again in ",
                      "fetched 1h", "mx.other.example", "memory", "access"):
            self.assertIn(words, out)
        self.assertNotIn("\033", out)

    def test_nothing_known(self):
        self.front(rig.explanation(query="TEMP first lookup of a.example not finished",
                                   source="none", error="the scout is away"))
        status, got = self.run_json("explain", "a.example")
        self.assertEqual((status, got["verdict"], got["hosts"]), (3, "unknown", []))
        self.assertEqual(got["dane"]["state"], "unknown")
        self.assertEqual(got["mta_sts"]["state"], "unknown")
        self.assertIsNone(got["mta_sts"]["expires"])
        self.assertEqual(got["lookup_error"], "the scout is away")
        self.assertEqual(self.run_text("explain", "a.example")[0], 3)

    def test_record_without_policy(self):
        self.front(rig.explanation(NO_POLICY_FACTS))
        sts = self.run_json("explain", "example.com")[1]["mta_sts"]
        self.assertEqual((sts["state"], sts["record"], sts["id"], sts["mode"], sts["mx"]),
                         ("unknown", "present", "1", None, None))
        self.assertEqual(sts["error"], "policy-fetch-failed: HTTP status 404")
        self.assertIn("HTTP status 404", self.run_text("explain", "example.com")[1])

    def test_what_governs(self):
        """An address is shown by the light of DANE where DANE governs."""
        self.front(rig.explanation(DANE_FACTS))
        got = self.run_json("explain", "[mx.example.com]")[1]
        self.assertIsNone(got["mx"])
        self.assertEqual((got["policy"], got["dane"]["state"]), ("dane", "usable-all"))
        self.assertEqual(got["dane"]["learned"], got["looked_at"])
        self.assertEqual(got["dane"]["refresh"], got["refresh_at"])
        self.assertEqual(got["mta_sts"]["error"], "MTA-STS record unknown: SERVFAIL")
        self.assertIsNone(got["mta_sts"]["record_learned"])
        address = got["hosts"][0]["addresses"][0]
        self.assertEqual([address[name] for name in ("finding", "webpki_finding",
                                                     "dane_finding", "source", "issuer")],
                         ["ok", "cert-expired", "ok", "probe", "CN=R3"])
        out = self.run_text("explain", "[mx.example.com]")[1]
        day = time.strftime("%Y-%m-%d", time.gmtime(NOW - 864000))
        self.assertRegex(out, r"192\.0\.2\.1 +verified \(probe, seen 3m \d+s ago, "
                         rf"not after {day}, issuer CN=R3\)")
        for words in ("no MX look-up: a host by name", "MTA-STS record unknown: SERVFAIL",
                      "usable-all, DNS answered 1m", "asked again in "):
            self.assertIn(words, out)

    def test_warnings(self):
        self.front(rig.explanation())
        self.assertEqual(self.run_json("explain", "b.weak.example")[1]["warnings"], [])
        warnings = self.run_json("explain", "a.weak.example")[1]["warnings"]
        self.assertEqual(len(warnings), 1)
        self.assertIn("line 6, less specific, has action=defer", warnings[0])
        self.assertIn(warnings[0], self.run_text("explain", "a.weak.example")[1])
        self.assertEqual(self.run_json("rules", "a.weak.example")[1]["warning"], warnings[0])
        self.assertIn(warnings[0], self.run_text("rules", "a.weak.example")[1])
        self.assertIsNone(self.run_json("rules", "b.weak.example")[1]["warning"])

    def test_breaker(self):
        self.front(rig.explanation(breaker="our clock is 1h 0m behind\n"))
        words = "the breaker is open, nothing is deferred or held: our clock is 1h 0m behind?"
        self.assertEqual(self.run_json("explain", "a.example")[1]["warnings"], [words])
        self.assertIn(words, self.run_text("explain", "a.example")[1])

    def test_dane_off(self):
        self.front(rig.explanation(POLICY_FACTS, dane=1))
        self.assertEqual(self.run_json("explain", "example.com")[1]["dane"]["state"], "off")

    def test_expired_policy_is_none(self):
        old = POLICY_FACTS.replace(f"fetched_at={NOW - 3600}", f"fetched_at={NOW - 90000}")
        old = old.replace(f"expires_at={NOW + 82800}", f"expires_at={NOW - 3600}")
        self.front(rig.explanation(old))
        got = self.run_json("explain", "example.com")[1]
        self.assertEqual((got["mta_sts"]["state"], got["mta_sts"]["mode"]), ("unknown", None))
        self.assertIsNone(got["hosts"][0]["in_policy"])

    def test_keys(self):
        front = self.front(rig.explanation())
        for key, hop in (("[mx.example.com]", "[mx.example.com]:25"),
                         ("[MX.example.com]:submission", "[mx.example.com]:587"),
                         ("example.com:587", "example.com:587"),
                         ("b\u00fccher.example", "xn--bcher-kva.example")):
            got = self.run_json("explain", key)[1]
            self.assertEqual(front.asked[-1][1], hop)
            self.assertEqual(got["next_hop"], hop)

    def test_hostile_texts(self):
        self.front(rig.explanation(query="OK may \033[31m\"\\\u00e9\n", source="x" * 5000))
        got = self.run_json("explain", "a.example")[1]
        self.assertEqual(got["map"]["QUERY"], "OK may ?[31m\"\\???")
        self.assertNotIn("\033", self.run_text("explain", "a.example")[1])

    def test_broken_answers(self):
        for payload in (b"", b"\0", rig.explanation() + b"x", rig.explanation("nonsense"),
                        rig.explanation(dane=9), b"\xff" * 100):
            front = self.front(payload)
            status, got = self.run_json("explain", "a.example")
            self.assertEqual(status, 3)
            self.assertIn("error", got)
            front.leave()

    def test_terminal(self):
        self.front(rig.explanation(POLICY_FACTS))
        for env, coloured in (({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({}, False),
                              ({"TERM": "xterm", "NO_COLOR": "1"}, False)):
            child, fd = pty.fork()
            if child == 0:
                os.execve(Policyd.program("hopseal"), ["hopseal", "-c",
                          self.clerk.conf_path, "explain", "example.com"], env)
            out = b""
            try:
                while more := os.read(fd, 65536):
                    out += more
            except OSError:     # the other end of a terminal is gone
                pass
            os.close(fd)
            os.waitpid(child, 0)
            self.assertIn(b"example.com", out)
            self.assertEqual(b"\033[" in out, coloured, env)


class RefreshAndForget(WithClerk):
    def test_done(self):
        front = self.front(rig.outcome(True))
        self.assertEqual(self.run_json("refresh", "a.example")[0], 0)
        self.assertEqual(self.run_json("forget", "a.example")[1],
                         {"domain": "a.example", "done": True, "reason": None})
        self.assertEqual(self.run_text("forget", "--policy", "a.example")[0], 0)
        self.assertEqual(front.asked, [(rig.REFRESH, "a.example", 0),
                                       (rig.FORGET, "a.example", 0),
                                       (rig.FORGET, "a.example", 1)])

    def test_not_done(self):
        self.front(rig.outcome(False, "the scout is away"))
        status, got = self.run_json("refresh", "a.example")
        self.assertEqual((status, got["done"]), (2, False))
        status, _, err = self.run_text("refresh", "a.example")
        self.assertEqual(status, 2)
        self.assertIn("the scout is away", err)


class Rules(WithClerk):
    def test_which(self):
        for domain, pattern, direction, line in (
                ("bank.example", "bank.example", "out", 1),
                ("sub.bank.example", "*", "out", 5),
                ("a.partner.example", ".partner.example", "out", 3),
                ("old.example", "*", "out", 5)):
            with self.subTest(domain):
                status, got = self.run_json("rules", domain)
                self.assertEqual((status, got["pattern"], got["direction"], got["line"]),
                                 (0, pattern, direction, line))
                self.assertTrue(got["rule"].startswith(pattern))
        got = self.run_json("rules", "bank.example")[1]
        self.assertEqual(got["reason"], "as agreed")
        self.assertIsNone(got["also"])
        got = self.run_json("rules", "x.partner.example")[1]["also"]
        self.assertEqual((got["direction"], got["line"]), ("in", 2))
        self.assertEqual(self.run_json("rules", "old.example")[1]["past_line"], 4)

    def test_for_people(self):
        out = self.run_text("rules", "old.example")[1]
        self.assertIn("line 5", out)
        self.assertIn("line 4 would apply", out)
        self.assertIn("as agreed", self.run_text("rules", "bank.example")[1])


class Status(WithClerk):
    def parts(self, got):
        """Those of an answer by name; each that is not well says what to do."""
        for part in got["parts"]:
            self.assertEqual(part["ok"] is True, part["advice"] is None, part)
        return {p["name"]: p for p in got["parts"]}

    def all_well(self, validates=2, postfix_ad=2):
        self.front(rig.part("redis", rig.OK, "unix:/run/redis.sock") +
                   rig.counter("cache_hits", 12))
        scout = self.peer(rig.SCOUT, lambda *question: None)
        scout.send(rig.RESOLVER, rig.u8(validates, postfix_ad) + rig.text("127.0.0.1"))
        self.clerk.tell(rig.CHILDREN, json.dumps({"children": [
            {"name": name, "pid": 4711, "restarts": 2, "up_since": time.strftime(
                "%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW - 11100))}
            for name in ("front", "scout", "clerk")]}).encode())
        wait_until(lambda: all(words in json.dumps(self.clerk.ask(
            {"version": 1, "command": "status"})) for words in ("pid 4711", "127.0.0.1")),
                   "the resolver and the children")

    def test_parts(self):
        self.all_well()
        status, got = self.run_json("status")
        parts = self.parts(got)
        for name in ("policyd", "front", "scout", "clerk", "redis", "resolver", "dane",
                     "postfix"):
            self.assertIs(parts[name]["ok"], True, parts[name])
        self.assertRegex(parts["front"]["detail"],
                         r"^pid 4711, up 3h [5-9]m, restarted 2 times$")
        self.assertEqual(parts["dane"]["detail"], "on")
        # One rule is past its date.
        self.assertEqual((status, got["ok"]), (1, False))
        self.assertIs(parts["rules"]["ok"], False)
        self.assertIn("line 4", parts["rules"]["detail"])
        self.assertEqual(got["counters"]["cache_hits"], 12)
        status, out, _ = self.run_text("status")
        self.assertEqual(status, 1)
        for words in ("redis", "-> remove", " a look\n"):
            self.assertIn(words, out)
        self.assertNotIn("cache_hits", out)

    def test_resolver(self):
        for validates, postfix_ad, resolver, dane, wanted in (
                (1, 1, False, False, 1), (2, 1, True, False, 1), (0, 0, None, None, 3),
                (2, 0, True, None, 3)):
            self.all_well(validates, postfix_ad)
            status, got = self.run_json("status")
            parts = self.parts(got)
            self.assertEqual((status, parts["resolver"]["ok"], parts["dane"]["ok"]),
                             (wanted, resolver, dane))

    def test_endpoints(self):
        self.all_well()
        parts = self.parts(self.run_json("status")[1])
        for name, begin in (("map", b"13:QUERY hopseal,"),
                            ("access", b"request=smtpd_access_policy\n"),
                            ("milter", b"\0\0\0\rO\0\0\0\6")):
            self.assertRegex(parts[name]["detail"], r"^unix:.*/%s: answers, \d+ ms$" % name)
            self.assertEqual((parts[name]["ok"], parts[name]["advice"]), (True, None))
            self.assertTrue(self.endpoints[name].asked[0].startswith(begin))

    def test_endpoints_in_trouble(self):
        self.all_well()
        milter = self.endpoints["milter"]
        with open(os.path.join(self.folder, "main.cf"), "w") as f:
            f.write("compatibility_level = 2\n")
        for name, answer, words in (("map", b"4:OK x,", "another answer than ours"),
                                    ("map", None, "no answer"), ("map", b"", "no answer"),
                                    ("access", b"action=OK\n\n", "another answer"),
                                    ("milter", b"\0\0\0\1r", "another answer")):
            with self.subTest(name, answer=answer):
                endpoint = self.endpoints[name]
                right, endpoint.answer = endpoint.answer, answer
                status, got = self.run_json("status")
                part = self.parts(got)[name]
                self.assertIn(words, part["detail"])
                self.assertEqual((part["ok"], part["state"], status), (False, *(
                    ("warning", 1) if name == "milter" else ("critical", 2))))
                self.assertTrue(part["advice"])
                endpoint.answer = right
        milter.answer = None
        for main_cf, master_cf in (
                (f"smtpd_milters = {{ {milter.option}, default_action=accept }}\n", ""),
                (f"ours = {milter.option}\nsmtpd_milters = inet:h:1, $ours\n", ""),
                (f"ours = {milter.option}\n",
                 "smtp inet n - n - - smtpd\n  -o smtpd_milters=$ours\n")):
            self.postfix(main_cf, master_cf)
            status, got = self.run_json("status")
            self.assertEqual((status, self.parts(got)["milter"]["state"]), (2, "critical"))
        milter.close()
        self.assertIn("Connection refused", self.run_text("status")[1])

    def postfix(self, main_cf="", master_cf="", has_map=True):
        """Postfix's settings: it asks the map, and what is given beside."""
        spool = os.path.join(self.folder, "spool", "etc")
        os.makedirs(spool, exist_ok=True)
        with open(os.path.join(self.folder, "main.cf"), "w") as f:
            f.write(f"compatibility_level = 2\nqueue_directory = {self.folder}/spool\n")
            if has_map:
                f.write(f"smtp_tls_policy_maps = socketmap:{self.endpoints['map'].option}:"
                        "QUERY\n")
            f.write(main_cf)
        with open(os.path.join(self.folder, "master.cf"), "w") as f:
            f.write(master_cf)

    def judged(self, name, *words):
        part = self.parts(self.run_json("status", *words)[1])[name]
        return part["state"], part["detail"], part["advice"] or ""

    def test_who_is_not_asked(self):
        self.all_well()
        self.postfix()
        self.assertEqual(self.judged("map")[0], "ok")
        self.assertRegex(self.judged("access")[1], " ms; Postfix does not ask it$")
        self.postfix(has_map=False)
        state, detail, advice = self.judged("map")
        self.assertEqual(state, "warning")
        self.assertRegex(detail, " ms; Postfix does not ask it$")
        self.assertIn("hopseal setup --apply", advice)

    @unittest.skipIf(os.geteuid() != 0, "not root")
    def test_asked_as_postfix(self):
        self.all_well()
        self.postfix()
        os.chmod(os.path.join(self.folder, "map"), 0o700)
        state, detail, advice = self.judged("map")
        self.assertEqual(state, "critical")
        self.assertTrue(detail.endswith("/map: Permission denied"), detail)
        self.assertIn("see socket_owner and socket_mode", advice)

    @unittest.skipIf(os.geteuid() != 0, "not root")
    def test_asked_below_the_queue_directory(self):
        self.all_well()
        chrooted = "smtp unix - - y - - smtp\n"
        self.postfix("", chrooted)
        state, detail, _ = self.judged("map")
        self.assertEqual(state, "critical")
        self.assertTrue(detail.endswith("/map: No such file or directory"), detail)
        inside = rig.Endpoint(os.path.join(self.folder, "spool", "map"), b"9:NOTFOUND ,")
        self.addCleanup(inside.close)
        os.chmod(os.path.join(self.folder, "spool", "map"), 0o777)
        self.postfix("smtp_tls_policy_maps = socketmap:unix:map:QUERY\n", chrooted,
                     has_map=False)
        state, detail, _ = self.judged("map", "-o", f"map_listen={inside.option}")
        self.assertEqual(state, "ok", detail)

    def test_name_servers_of_the_chroot(self):
        self.all_well()
        copy = os.path.join(self.folder, "spool", "etc", "resolv.conf")
        self.postfix("", "smtp unix - - y - - smtp\n")
        with open("/etc/resolv.conf", "rb") as f:
            same = f.read()
        for content, state, words in ((None, "warning", "which is not there"),
                                      (b"x", "warning", "is not as /etc/resolv.conf"),
                                      (same, "ok", "is as /etc/resolv.conf")):
            if content is not None:
                with open(copy, "wb") as f:
                    f.write(content)
            got = self.judged("chroot")
            self.assertEqual(got[0], state)
            self.assertIn(words, got[1])
            self.assertEqual("copy /etc/resolv.conf there" in got[2], state != "ok")

    @unittest.skipIf(os.geteuid() != 0, "not root")
    def test_tables_before_ours(self):
        self.all_well()
        option = f"socketmap:{self.endpoints['map'].option}:QUERY"
        self.postfix(f"smtp_tls_policy_maps = inline:{{ x=may }}, {option}\n", has_map=False)
        self.assertEqual(self.judged("tables")[0], "ok")
        self.postfix(f"smtp_tls_policy_maps = hash:/nowhere/tls, {option}\n", has_map=False)
        self.assertEqual(self.judged("tables")[:2], (
            "critical", "smtp_tls_policy_maps: hash:/nowhere/tls cannot be asked"))
        self.assertIn("Postfix defers all mail", self.judged("tables")[2])

    @unittest.skipIf(os.geteuid() != 0, "not root")
    def test_little_room(self):
        self.all_well()
        self.assertEqual(self.judged("disk")[0], "ok")
        small = os.path.join(self.folder, "small")
        os.mkdir(small)
        for size, state in (("200m", "warning"), ("10m", "critical")):
            done = subprocess.run(
                ["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size={size} x {small} && "
                 f"exec {Policyd.program('hopseal')} -c {self.clerk.conf_path} -o "
                 f"state_dir={small} --json status"], capture_output=True, text=True)
            part = self.parts(json.loads(done.stdout))["disk"]
            self.assertEqual(part["state"], state, part)
            self.assertIn("make room", part["advice"])

    def test_clock(self):
        """Well where the kernel says that somebody keeps it right."""
        self.all_well()
        timex = (ctypes.c_int * 64)()
        is_kept = ctypes.CDLL(None).adjtimex(timex) not in (-1, 5)
        state, detail, advice = self.judged("time")
        self.assertEqual(state, "ok" if is_kept else "warning")
        self.assertEqual("nothing keeps the clock right" in detail, not is_kept)
        self.assertEqual("set-ntp" in advice, not is_kept)

    def test_endpoint_that_is_none(self):
        self.all_well()
        self.assertNotIn("milter", self.parts(self.run_json(
            "status", "-o", "milter_listen=")[1]))
        got = self.run_json("status", "-o", "map_listen=unix:/nowhere/map")[1]
        self.assertEqual(self.parts(got)["map"]["detail"], "unix:/nowhere/map: No such file or directory")

    def test_clear(self):
        front = self.front(rig.outcome(True, "5 of 20 hosts turned bad within an hour"))
        self.assertEqual(self.run_json("status", "--clear"), (0, {
            "done": True, "cleared": "5 of 20 hosts turned bad within an hour"}))
        self.assertEqual(self.run_text("status", "--clear")[:2], (
            0, "closed the breaker: 5 of 20 hosts turned bad within an hour\n"))
        self.assertEqual(front.asked, [(rig.CLEAR, "", 0)] * 2)

    def test_clear_of_nothing(self):
        self.front(rig.outcome(True))
        self.assertEqual(self.run_json("status", "--clear")[1],
                         {"done": True, "cleared": None})
        self.assertIn("closed already", self.run_text("status", "--clear")[1])

    def test_clear_without_front(self):
        status, got = self.run_json("status", "--clear")
        self.assertEqual((status, got), (3, {"error": "the front is away"}))

    def test_front_away(self):
        begin = time.monotonic()
        status, got = self.run_json("status")
        self.assertLess(time.monotonic() - begin, SILENCE_S)
        self.assertEqual((status, got["ok"]), (2, False))
        self.assertIs(self.parts(got)["front"]["ok"], False)
        self.assertIn("->", self.run_text("status")[1])

    def test_broken_status(self):
        self.front(rig.part("redis", rig.BAD, "gone", "start it") + b"\x07")
        parts = self.run_json("status")[1]["parts"]
        self.assertIn("its status cannot be read", [p["detail"] for p in parts])
        self.assertIs(self.parts({"parts": parts})["redis"]["ok"], False)


class Front(WithClerk):
    """The front comes, goes and is silent."""

    ask = {"version": 1, "command": "explain", "domain": "a.example"}

    def test_away(self):
        begin = time.monotonic()
        self.assertEqual(self.clerk.ask(self.ask), {"error": "the front is away"})
        self.assertLess(time.monotonic() - begin, SILENCE_S)

    def test_returns(self):
        silent = self.front(lambda *question: None)
        with self.clerk.connect() as sock:
            sock.sendall(json.dumps(self.ask).encode() + b"\n")
            wait_until(lambda: silent.asked, "the question")
            silent.leave()
            self.front(rig.explanation())
            self.assertEqual(json.loads(rig.read_line(sock))["domain"], "a.example")

    def test_silent(self):
        self.front(lambda *question: None)
        begin = time.monotonic()
        self.assertIn("did not answer", self.clerk.ask(self.ask)["error"])
        self.assertLess(SILENCE_S, time.monotonic() - begin)
        # hopseal itself waits for 20 s.
        self.assertLess(time.monotonic() - begin, 20)

    def test_silent_status(self):
        self.front(lambda *question: None)
        begin = time.monotonic()
        parts = self.clerk.ask({"version": 1, "command": "status"})["parts"]
        self.assertLess(time.monotonic() - begin, SILENCE_S)
        self.assertIn("does not answer", [p["detail"] for p in parts])

    def test_log(self):
        front = self.front(b"")
        line = rig.text("lookup: domain=a.example\033[0m")
        front.send(rig.LOG, rig.u8(2) + b"\0\0\x12\x67" + line)
        front.send(rig.LOG, rig.u8(9) + b"\0\0\x12\x67" + line)
        front.send(rig.LOG, b"")
        wait_until(lambda: self.clerk.log().count("cannot be read") == 2, "the last line")
        log = self.clerk.log()
        self.assertIn("front[4711]: lookup: domain=a.example?[0m", log)
        self.assertEqual(log.count("lookup:"), 1)


class Rudeness(WithClerk):
    """Whoever reaches the control socket cannot hurt the others."""

    def well(self):
        got = self.clerk.ask({"version": 1, "command": "rules", "domain": "bank.example"})
        self.assertEqual(got["line"], 1)

    def test_bad_requests(self):
        deep = b"[" * 30000
        for line, words in (
                (b"", "not one JSON object"), (b"garbage", "not one JSON object"),
                (bytes(range(1, 10)), "not one JSON object"), (b"\0\0", "not one"),
                (b"[]", "no object"), (b"1", "not one"), (b'"x"', "not one"),
                (deep, "not one JSON object"), (b"{}", "no command"),
                (b'{"command": 1}', "type"), (b'{"command": "frob"}', "unknown command"),
                (b'{"command": "status", "command": "status"}', "not one"),
                (b'{"version": 2, "command": "status"}', "version"),
                (b'{"command": "explain"}', "no domain"),
                (b'{"command": "explain", "domain": 7}', "type"),
                (b'{"command": "explain", "domain": ""}', "empty"),
                (b'{"command": "explain", "domain": "a\\u0000b.example"}', "not one"),
                (b'{"command": "explain", "domain": "\xff.example"}', "not one"),
                (b'{"command": "explain", "domain": "' + b"a" * 60000 + b'"}', "too long"),
                (b'{"command": "rules", "domain": ".example"}', "parent"),
                (b'{"command": "status"} {}', "not one")):
            with self.subTest(line[:40]):
                self.assertIn(words, self.clerk.ask(line + b"\n")["error"])
        self.well()

    def test_one_line_after_the_other(self):
        line = b'{"command": "rules", "domain": "bank.example"}\n'
        with self.clerk.connect() as sock:
            stream = sock.makefile("rb")
            sock.sendall(line * 500)
            for _ in range(500):
                self.assertEqual(json.loads(stream.readline())["line"], 1)
            for octet in line:
                sock.sendall(bytes((octet,)))
            sock.shutdown(1)        # nothing more to ask; the answer still comes
            self.assertEqual(json.loads(stream.readline())["line"], 1)
            self.assertEqual(stream.readline(), b"")

    def test_huge_line(self):
        with self.clerk.connect() as sock:
            try:
                sock.sendall(b"x" * 10000000)
            except OSError:
                pass
        self.well()
        with self.clerk.connect() as sock:
            sock.sendall(b"x" * 65536)
            self.assertIn("longer than", json.loads(rig.read_line(sock))["error"])
            self.assertEqual(rig.read_line(sock), b"")

    def test_half_a_line(self):
        with self.clerk.connect() as sock:
            sock.sendall(b'{"command": ')
        with self.clerk.connect() as sock:
            begin = time.monotonic()
            sock.sendall(b'{"command": ')
            time.sleep(5)
            sock.sendall(b" ")          # a drip prolongs nothing
            self.well()
            self.assertIn("10 s", json.loads(rig.read_line(sock))["error"])
            self.assertLess(time.monotonic() - begin, 15)

    def test_who_does_not_read(self):
        big = rig.explanation(query="OK may ciphers=" + "x" * 90000)
        self.front(big)
        line = b'{"command": "explain", "domain": "a.example"}\n'
        with self.clerk.connect() as sock:
            sock.sendall(line * 1000)
            self.well()
            # Closed in the midst once the time is over.
            end = select.poll()
            end.register(sock, 0)
            wait_until(lambda: end.poll(0), "the end")
            received = 0
            try:
                while more := sock.recv(1 << 20):
                    received += len(more)
            except OSError:
                pass
            self.assertLess(received, 1000 * len(big))
        self.well()

    def test_a_hundred_connections(self):
        socks = [self.clerk.connect() for _ in range(100)]
        self.well()
        # The 64 that are left are the latest; each is served.
        for sock in socks[-60:]:
            sock.sendall(b'{"command": "rules", "domain": "bank.example"}\n')
            self.assertEqual(json.loads(rig.read_line(sock))["line"], 1)
        self.assertEqual(rig.read_line(socks[0]), b"")
        for sock in socks:
            sock.close()
        self.well()

    def test_reload(self):
        self.assertEqual(self.clerk.ask({"version": 1, "command": "reload"}), {"done": True})
        wait_until(lambda: rig.RELOAD in [kind for kind, _, _ in self.clerk.received],
                   "word to the parent")


if __name__ == "__main__":
    run_cases()
