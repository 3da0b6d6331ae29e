#!/usr/bin/python3
"""hopseal lint log on the logs of real deliveries in tests/data/log_sessions.

    test_lint_log.py [--build DIR] [TEST...]

Exit 0 when no test failed.
"""

import collections
import json
import os
import subprocess
import tempfile
import unittest

from policyd_rig import Policyd, run_cases

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/log_sessions")
FIELDS = ["time", "direction", "host", "address", "port", "domain", "queue_id", "finding",
          "trust", "protocol", "cipher", "bits", "reason", "status"]
BERLIN = "CET-1CEST,M3.5.0,M10.5.0/3"
LINE = ("2026-11-22T04:18:45+01:00 mx postfix/smtp[1]: Verified TLS connection established "
        "to mx.example.com[192.0.2.1]:25: TLSv1.3 with cipher X (256/256 bits)\n")


def hopseal(*words, stdin=b"", zone="UTC"):
    done = subprocess.run([Policyd.program("hopseal"), "lint", "log", *words],
                          input=stdin, capture_output=True, timeout=30,
                          env=dict(os.environ, TZ=zone))
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def lint(*words, **more):
    status, out, err = hopseal(*words, **more)
    assert (status, err) == (0, ""), (status, out, err)
    return [json.loads(line) for line in out.splitlines()]


class LintLog(unittest.TestCase):
    maxDiff = None

    def test_whole_object(self):
        found = [s for s in lint(os.path.join(DATA, "postfix-3.12.log"))
                 if s["domain"] == "sts-expired.test"]
        self.assertEqual([list(s) for s in found], [FIELDS])
        year = found[0].pop("time")
        self.assertRegex(year, r"^\d{4}-11-21T23:40:19Z$")
        self.assertEqual(found, [{
            "direction": "out", "host": "mx.sts-expired.test", "address": "10.99.1.2",
            "port": 25, "domain": "sts-expired.test", "queue_id": "86A4352461F",
            "finding": "cert-expired", "trust": "untrusted", "protocol": "TLSv1.3",
            "cipher": "TLS_AES_256_GCM_SHA384", "bits": 256,
            "reason": "certificate has expired", "status": "deferred"}])

    def test_one_object_a_handshake(self):
        for version, count in (("3.7", 15), ("3.12", 15), ("3.7-inbound", 15)):
            with self.subTest(version):
                found = lint(os.path.join(DATA, f"postfix-{version}.log"))
                self.assertEqual(len(found), count)
                # A delivery or client in clear, for which nobody wanted TLS, is none.
                self.assertNotIn("plain.test", [s["domain"] for s in found])

    def test_inbound(self):
        found = lint(os.path.join(DATA, "postfix-3.7-inbound.log"))
        self.assertEqual({s["direction"] for s in found}, {"local"})
        self.assertEqual({s["port"] for s in found}, {None})
        self.assertEqual([s["trust"] for s in found].count("trusted"), 4)

    def test_dovecot(self):
        """Of a real Dovecot 2.3: by TLS at once and after STARTTLS, with clients that refuse it."""
        found = lint(os.path.join(DATA, "dovecot-2.3.log"))
        self.assertEqual({s["direction"] for s in found}, {"submission"})
        reasons = collections.Counter(s["reason"] for s in found)
        self.assertEqual(reasons["tlsv1 alert unknown ca"], 8)
        self.assertEqual(reasons[None], 3)
        findings = collections.Counter(s["finding"] for s in found)
        self.assertEqual(findings, {"ok": 3, "handshake-failed": 11, "protocol-old": 2})

    def test_times(self):
        plain = LINE.replace("2026-11-22T04:18:45+01:00", "Nov 22 04:18:45")
        for zone, line, want in ((BERLIN, LINE, "2026-11-22T03:18:45Z"),
                                 (BERLIN, plain, "-11-22T03:18:45Z"),
                                 (BERLIN, plain.replace("Nov", "Jul"),
                                  "-07-22T02:18:45Z"),
                                 ("UTC", plain, "-11-22T04:18:45Z")):
            with self.subTest(zone=zone, line=line[:25]):
                found = lint(stdin=line.encode(), zone=zone)
                self.assertEqual([s["time"][-len(want):] for s in found], [want])

    def test_what_is_no_log(self):
        for name, text in (("nothing", b""), ("no line end", LINE[:60].encode()),
                           ("octets", bytes(range(256)) * 1000),
                           ("another program", b"Nov 22 04:18:45 mx sshd[1]: hello\n")):
            with self.subTest(name):
                self.assertEqual(lint(stdin=text), [])

    def test_overlong_line_is_skipped(self):
        text = b"Nov 22 04:18:45 mx postfix/smtp[1]: " + b"x" * 200000
        found = lint(stdin=text + LINE.encode() + LINE.replace("mx.", "mx2.").encode())
        self.assertEqual([s["host"] for s in found], ["mx2.example.com"])

    def test_as_it_comes(self):
        """A session is printed when its last line is read, not at the end."""
        delivery = (LINE[:47] + "ABCDE1: to=<u@example.com>, relay=mx.example.com"
                    "[192.0.2.1]:25, delays=0/0/0/0, status=sent (ok)\n")
        with subprocess.Popen([Policyd.program("hopseal"), "lint", "log"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            child.stdin.write((LINE + delivery).encode())
            child.stdin.flush()
            found = json.loads(child.stdout.readline())
            self.assertEqual((found["domain"], found["status"]), ("example.com", "sent"))
            child.stdin.close()
            self.assertEqual(child.stdout.read(), b"")

    def test_what_cannot_be_read(self):
        with tempfile.TemporaryDirectory() as folder:
            for words in ((folder,), (os.path.join(folder, "none"),), ("a", "b"),
                          ("--host", "x", folder)):
                with self.subTest(words):
                    status, out, err = hopseal(*words)
                    self.assertEqual((status, out), (64, ""))
                    self.assertTrue(err)


if __name__ == "__main__":
    run_cases()
