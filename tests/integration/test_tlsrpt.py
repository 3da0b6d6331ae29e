#!/usr/bin/python3
"""TLS reports: what is written as Python's email, gzip and json read it, and hopseal lint.

    test_tlsrpt.py [--build DIR] [TEST...]

The driver that writes mails is built with the address and undefined sanitizers, whatever DIR
was built with.
"""

import argparse
import email
import email.policy
import email.utils
import glob
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SOURCES = ["tests/integration/report_mail_driver.c",
           *(f"shared/tlsrpt/{name}.c" for name in ("report_mail", "report", "mime", "gzip",
                                                    "json_read")),
           "shared/host_name.c", "shared/buffer.c", "shared/text.c", "shared/xalloc.c"]
BUILD = "build"
driver = None

POLICY = {
    "policy": {"policy-type": "sts", "policy-string": ["version: STSv1", "mode: enforce"],
               "policy-domain": "a.example", "mx-host": ["*.a.example"]},
    "summary": {"total-successful-session-count": 2 ** 32 + 1,
                "total-failure-session-count": 3},
    "failure-details": [
        {"result-type": "certificate-expired", "sending-mta-ip": "192.0.2.1",
         "receiving-mx-hostname": "mx.a.example", "receiving-mx-helo": "a \"b\"\r\n\x1b\x7f ü",
         "receiving-ip": "2001:db8::1", "failed-session-count": 2,
         "additional-information": "evidence=probe", "failure-reason-code": "x_y"},
        {"result-type": "starttls-not-supported", "failed-session-count": 1}]}
NO_POLICY = {
    "policy": {"policy-type": "no-policy-found", "policy-string": [],
               "policy-domain": "a.example"},
    "summary": {"total-successful-session-count": 0, "total-failure-session-count": 0},
    "failure-details": []}
REPORT = {
    "organization-name": "Exämple, Inc.",
    "date-range": {"start-datetime": "2026-11-20T00:00:00Z",
                   "end-datetime": "2026-11-20T23:59:59Z"},
    "contact-info": "tls@x.example", "report-id": "2026-11-20.a.example@x.example",
    "policies": [POLICY, NO_POLICY]}


def write(report, *words):
    """Exit code, the mail, complaints."""
    done = subprocess.run([driver, *words], input=json.dumps(report).encode(),
                          capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr.decode()


def lint(kind, stdin):
    done = subprocess.run([os.path.join(BUILD, "hopseal"), "lint", kind], input=stdin,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done
    assert done.stdout.count(b"\n") == 1, done
    return json.loads(done.stdout)


def data(pattern):
    for path in sorted(glob.glob(f"tests/data/{pattern}")):
        with open(path, "rb") as f:
            yield os.path.basename(path), f.read()


class Mail(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        status, cls.octets, err = write(REPORT, "tls@x.example", '"a,b"@c.example', "a.example",
                                        "x.example")
        assert status == 0, err
        cls.mail = email.message_from_bytes(cls.octets, policy=email.policy.SMTP)

    def test_lines(self):
        self.octets.decode("ascii")
        self.assertEqual(re.findall(rb"(?<!\r)\n|\r(?!\n)", self.octets), [])
        self.assertLessEqual(max(map(len, self.octets.split(b"\r\n"))), 998)

    def test_headers(self):
        """RFC 8460, 5.3; RFC 8689, 5."""
        self.assertEqual(self.mail.defects, [])
        for name, wanted in (
                ("From", "tls@x.example"), ("To", '"a,b"@c.example'),
                ("Subject", "Report Domain: a.example Submitter: x.example "
                            "Report-ID: <2026-11-20.a.example@x.example>"),
                ("TLS-Report-Domain", "a.example"), ("TLS-Report-Submitter", "x.example"),
                ("TLS-Required", "No"), ("MIME-Version", "1.0"),
                ("Message-ID", "<m1@x.example>"), ("Auto-Submitted", "auto-generated")):
            with self.subTest(name):
                self.assertEqual(self.mail.get_all(name), [wanted])
                self.assertEqual(self.mail[name].defects, ())
        self.assertEqual(self.mail["To"].addresses[0].username, "a,b")
        self.assertEqual(email.utils.parsedate_to_datetime(self.mail["Date"]).isoformat(),
                         "2026-11-21T01:02:03+00:00")
        self.assertEqual(self.mail.get_content_type(), "multipart/report")
        self.assertEqual(self.mail["Content-Type"].params["report-type"], "tlsrpt")

    def test_parts(self):
        words, file = self.mail.iter_parts()
        self.assertEqual(words.get_content_type(), "text/plain")
        self.assertIn("a.example", words.get_content())
        self.assertEqual(file.get_content_type(), "application/tlsrpt+gzip")
        self.assertEqual(file.get_content_disposition(), "attachment")
        self.assertEqual(file.get_filename(),
                         "x.example!a.example!1795132800!1795219199!20261120aexamplexexample"
                         ".json.gz")
        self.assertEqual(file["Content-Type"].params["name"], file.get_filename())
        self.assertEqual(file["Content-Transfer-Encoding"], "base64")
        self.assertEqual(json.loads(gzip.decompress(file.get_content())), REPORT)

    def test_lint_agrees(self):
        got = lint("tlsrpt-report", self.octets)
        self.assertTrue(got["valid"], got)
        self.assertEqual((got["error"], got["remark"]), (None, None))
        self.assertEqual(got["report_id"], REPORT["report-id"])

    def test_many_policies(self):
        """A report beyond what the part for people tells."""
        report = REPORT | {"policies": [POLICY | {"failure-details":
                                                  POLICY["failure-details"] * 20}] * 10}
        status, octets, err = write(report, "a@x.example", "b@c.example", "a.example",
                                    "x.example")
        self.assertEqual(status, 0, err)
        mail = email.message_from_bytes(octets, policy=email.policy.SMTP)
        file = list(mail.iter_parts())[1]
        self.assertEqual(json.loads(gzip.decompress(file.get_content())), report)

    def test_injection(self):
        for words in (("a@x.example\r\nBcc: y@y.example", "b@c.example", "d.example", "x.example"),
                      ("a@x.example", "b@c.example\n", "d.example", "x.example"),
                      ("a@x.example", "b@c.example", "d.example\r\n\r\nx", "x.example"),
                      ("a@x.example", "b@c.example", "d.example", "x\ry"),
                      ("ü@x.example", "b@c.example", "d.example", "x.example")):
            with self.subTest(repr(words)):
                status, octets, err = write(REPORT, *words)
                self.assertEqual((status, octets), (1, b""))
                self.assertIn("of the report's mail", err)
        status, octets, _ = write(REPORT | {"report-id": "1>\r\nBcc: y@y.example"},
                                  "a@x.example", "b@c.example", "d.example", "x.example")
        self.assertEqual((status, octets), (1, b""))


class Lint(unittest.TestCase):
    def check(self, kind, rows):
        for label, stdin, wanted in rows:
            with self.subTest(label):
                got = lint(kind, stdin)
                self.assertEqual({k: got[k] for k in wanted}, wanted, got)
                self.assertEqual(got["error"] is None, got["valid"], got)

    def test_record(self):
        bad = {"valid": False, "rua": None}
        self.check("tlsrpt-record", (
            ("as dig prints it", b'"v=TLSRPTv1; rua=mailto:a@b.example"\n',
             {"valid": True, "rua": ["mailto:a@b.example"], "remark": None}),
            ("joined, beside others", b'"v=spf1"\n"v=TLS" "RPTv1;rua=mail" "to:a@b.example;"',
             {"rua": ["mailto:a@b.example"]}),
            ("blanks, fields and lists", b"v=TLSRPTv1 ; x=y ; rua=mailto:a@b.example , "
             b"https://c.example/; rua=mailto:d@e.example",
             {"rua": ["mailto:a@b.example", "https://c.example/", "mailto:d@e.example"]}),
            ("decoded once", b"v=TLSRPTv1;rua=mailto:a%252Cb%2Cc@d.example",
             {"rua": ["mailto:a%2Cb,c@d.example"]}),
            ("a bad one beside a good one", b"v=TLSRPTv1;rua=http://a.example/,mailto:a@b.example",
             {"rua": ["mailto:a@b.example"],
              "remark": "RFC 8460 3: a destination is neither mailto: nor https:"}),
            ("an encoded line end", b"v=TLSRPTv1;rua=mailto:a%0D%0Ab@c.example", bad),
            ("a bare address", b"v=TLSRPTv1;rua=a@b.example", bad),
            ("two", b"v=TLSRPTv1;rua=mailto:a@b.example\n" * 2, bad),
            ("none", b"v=spf1 -all", bad),
            ("empty", b"", bad),
            ("binary", bytes(range(256)), bad),
            ("NUL", b"v=TLSRPTv1;rua=mailto:a@b.example\0", bad),
            ("too long", b"v=TLSRPTv1;rua=mailto:a@b.example," * 40000, bad),
        ))

    def test_report(self):
        names = ("organization", "contact", "start", "end", "report_id", "policies")
        bad = dict.fromkeys(names) | {"valid": False}
        good = {"valid": True, "organization": "Exämple, Inc.", "contact": "tls@x.example",
                "start": "2026-11-20T00:00:00Z", "end": "2026-11-20T23:59:59Z",
                "report_id": REPORT["report-id"], "remark": None, "policies": [
                    {"type": "sts", "domain": "a.example", "success": 2 ** 32 + 1, "failure": 3,
                     "failures": {"certificate-expired": 2, "starttls-not-supported": 1}},
                    {"type": "no-policy-found", "domain": "a.example", "success": 0,
                     "failure": 0, "failures": {}}]}
        text = json.dumps(REPORT).encode()
        east = json.dumps(REPORT).replace("00:00:00Z", "02:00:00+02:00").encode()
        self.check("tlsrpt-report", (
            ("plain", text, good),
            ("indented, behind a byte order mark",
             b"\xef\xbb\xbf\n" + json.dumps(REPORT, indent=1).encode(), good),
            ("gzip", gzip.compress(text), good),
            ("another offset", east, good),
            ("cut", text[:-1], bad), ("gzip, cut", gzip.compress(text)[:-1], bad),
            ("empty", b"", bad), ("an array", b"[]", bad), ("null", b"null", bad),
            ("an empty object", b"{}", bad), ("binary", bytes(range(256)), bad),
            ("100,000 brackets", b"[" * 100000, bad),
            ("100,000 brackets within", b'{"x":' + b"[" * 100000, bad),
            ("128 MiB of zeros", gzip.compress(bytes(128 << 20)), bad),
            ("128 MiB of blanks", gzip.compress(b"{" + b" " * (128 << 20)), bad),
            ("17 MiB", b"{" + b" " * (17 << 20), bad),
        ))
        for name in ("organization-name", "report-id", "date-range", "policies"):
            with self.subTest(f"without {name}"):
                got = lint("tlsrpt-report", json.dumps(
                    {k: v for k, v in REPORT.items() if k != name}).encode())
                self.assertEqual({k: got[k] for k in bad}, bad)
                self.assertIn(name, got["error"])

    def test_mails(self):
        for name, octets in data("tlsrpt_report_mail/*"):
            with self.subTest(name):
                got = lint("tlsrpt-report", octets)
                self.assertEqual(got["valid"], name.endswith(".ok"), got)
                self.assertEqual(got["report_id"], "r1@x.example" if got["valid"] else None)

    def test_saved_reports(self):
        for name, octets in data("tlsrpt_report/*.json"):
            with self.subTest(name):
                self.assertTrue(lint("tlsrpt-report", octets)["valid"])

    def test_datagram(self):
        findings = {
            "dane-mismatch": "tlsa-mismatch", "expired": "cert-expired",
            "incomplete-chain": "cert-untrusted", "no-handshake": "handshake-failed",
            "no-starttls": "starttls-missing", "other-name": "cert-name-mismatch",
            "self-signed": "cert-self-signed", "sha1": "cert-untrusted"}
        seen = set()
        for name, octets in data("tlsrpt_datagram/3.12-*"):
            name = name.removeprefix("3.12-")
            with self.subTest(name):
                got = lint("datagram", octets + b"\n")
                self.assertTrue(got["valid"], got)
                policy, = got["policies"]
                self.assertEqual([f["finding"] for f in policy["failures"]],
                                 [findings[name]] if name in findings else [])
                self.assertEqual(policy["failed"], name in findings)
                seen.add(name)
        self.assertLessEqual(set(findings), seen)

    def test_hostile_datagrams(self):
        """What ends another receiver, and more of the kind."""
        bad = {"valid": False, "domain": None, "record": None, "policies": None}
        good = (b'{"d":"a.test","pr":"v=TLSRPTv1","policies":[{"policy-type":2,"f":0}]}')
        self.check("datagram", (
            ("good", good, {"valid": True, "domain": "a.test", "record": "v=TLSRPTv1",
                            "policies": [{"type": "sts", "domain": "a.test", "strings": [],
                                          "mx": [], "failed": False, "failures": []}]}),
            ("an octet that is no UTF-8", good.replace(b"v=", b"\xff="),
             {"valid": True, "record": "?=TLSRPTv1", "remark": "some octets are no UTF-8"}),
            ("empty", b"", bad), ("truncated", good[:-1], bad), ("a number", b"1", bad),
            ("null", b"null", bad), ("an empty array", b"[]", bad),
            ("policies of numbers", good.replace(b"[{", b"[1,{"), bad),
            ("numeric d", good.replace(b'"a.test"', b"1"), bad),
            ("object f", good.replace(b"0}", b"{}}"), bad),
            ("no f", good.replace(b',"f":0', b""), bad),
            ("another version", good.replace(b"{", b'{"dpv":"2",', 1), bad),
            ("deep", good[:-1] + b',"x":' + b"[" * 100000 + b"]" * 100000 + b"}", bad),
            ("too long", good + b" " * (256 * 1024), bad),
        ))


def main():
    global BUILD, driver
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    BUILD = os.path.abspath(options.build)
    os.chdir(TOP)
    with tempfile.TemporaryDirectory(prefix="hopseal-tlsrpt-") as folder:
        driver = os.path.join(folder, "driver")
        subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", "-I.",
                        "-O1", "-g", "-fsanitize=address,undefined",
                        "-fno-sanitize-recover=all", *SOURCES, "-o", driver,
                        "-ljansson", "-lz", "-lidn2"], check=True)
        program = unittest.main(argv=[sys.argv[0], *options.tests], exit=False)
    sys.exit(not program.result.wasSuccessful())


if __name__ == "__main__":
    main()
