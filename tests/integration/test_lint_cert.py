#!/usr/bin/python3
"""hopseal lint cert and cert-name on the zoo of tests/zoo/make.

    test_lint_cert.py [--build DIR] [TEST...]

Exit 0 when no test failed.
"""

import json
import os
import subprocess
import tempfile
import time
import unittest

from policyd_rig import Policyd, run_cases

ZOO = None
NOW = "2040-01-01T00:00:00Z"
HOST = "mx.example.com"


def hopseal(*words, stdin=b""):
    done = subprocess.run([Policyd.program("hopseal"), "lint", *words], input=stdin,
                          capture_output=True, timeout=30)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def lint(*words, stdin=b""):
    status, out, err = hopseal(*words, stdin=stdin)
    assert (status, err) == (0, ""), (status, out, err)
    assert out.count("\n") == 1, out
    return json.loads(out)


def path(name):
    return os.path.join(ZOO, name + ".pem")


def read(*names):
    parts = []
    for name in names:
        with open(path(name), "rb") as f:
            parts.append(f.read())
    return b"".join(parts)


def cert(name, *words, host=HOST, at=NOW, ca="trust"):
    return lint("cert", "--host", host, "--at", at, "--ca", path(ca), *words, path(name))


class Cert(unittest.TestCase):
    maxDiff = None

    def test_whole_object(self):
        self.assertEqual(cert("good"), {
            "finding": "ok", "findings": [], "warnings": [],
            "not_before": "2039-01-01T00:00:00Z", "not_after": "2041-01-01T00:00:00Z",
            "names": [HOST], "issuer": "C=DE, O=Zoo, CN=Issuer", "error": None})

    def test_first_and_all(self):
        got = cert("self-signed-expired")
        self.assertEqual(got["finding"], "cert-self-signed")
        self.assertEqual(got["findings"], ["cert-self-signed", "cert-expired",
                                           "cert-name-mismatch"])

    def test_path_not_leaf(self):
        got = cert("expired-issuer")
        self.assertEqual((got["finding"], got["not_after"]),
                         ("cert-expired", "2039-01-01T00:00:00Z"))

    def test_warnings(self):
        self.assertEqual(cert("rsa1024")["warnings"], ["key-small"])
        self.assertEqual(cert("cn-only")["warnings"], ["name-in-cn"])

    def test_host_as_people_write_it(self):
        for host, finding in (("MX.Example.COM.", "ok"), ("192.0.2.1", "cert-name-mismatch"),
                              ("", "cert-name-mismatch"), ("a b", "cert-name-mismatch")):
            with self.subTest(host):
                self.assertEqual(cert("good", host=host)["finding"], finding)
        self.assertEqual(cert("a-label", host="mx.b\u00fccher.example")["finding"], "ok")

    def test_time(self):
        for at, finding in (("2040-01-01", "ok"), ("2041-01-01T00:00:00Z", "ok"),
                            ("2041-01-01T00:00:01Z", "cert-expired"),
                            ("2041-01-01T01:00:01+02:00", "ok"),
                            ("2041-01-01T01:00:01+01:00", "cert-expired"),
                            ("2038-12-31T23:59:59Z", "cert-not-yet-valid")):
            with self.subTest(at):
                self.assertEqual(cert("good", at=at)["finding"], finding)
        now = lint("cert", "--host", HOST, "--ca", path("trust"), path("good"))
        self.assertEqual(now["finding"] == "cert-not-yet-valid",
                         time.time() < time.mktime((2039, 1, 1, 0, 0, 0, 0, 0, 0)))

    def test_system_store(self):
        got = lint("cert", "--host", HOST, "--at", NOW, path("good-with-root"))
        self.assertEqual(got["finding"], "cert-untrusted")

    def test_crl_beside_trust(self):
        with tempfile.NamedTemporaryFile(suffix=".pem") as f:
            f.write(read("trust", "crl"))
            f.flush()
            got = lint("cert", "--host", HOST, "--at", NOW, "--ca", f.name, path("revoked"))
        self.assertEqual(got["finding"], "cert-revoked")

    def test_text_around(self):
        chain = b"subject=mx\n" + read("good") + b"\nthe end\n"
        got = lint("cert", "--host", HOST, "--at", NOW, "--ca", path("trust"), stdin=chain)
        self.assertEqual(got["finding"], "ok")

    def test_no_certificate(self):
        half = read("good")[:300]
        for label, stdin, error in (
                ("nothing", b"", "no certificate in it"),
                ("text", b"hello", "no certificate in it"),
                ("NULs", b"\0" * 1000, "no certificate in it"),
                ("cut", half, "a PEM block cannot be read"),
                ("CRL", read("crl"), "no certificate in it"),
                ("no DER", b"-----BEGIN CERTIFICATE-----\nMAA=\n"
                           b"-----END CERTIFICATE-----\n", "no certificate"),
                ("too long", b"\n" * (1024 * 1024 + 1),
                 "the certificates are longer than 1 MiB")):
            with self.subTest(label):
                got = lint("cert", "--host", HOST, "--ca", path("trust"), stdin=stdin)
                self.assertEqual((got["finding"], got["findings"], got["not_after"],
                                  got["issuer"], got["error"]),
                                 ("unknown", [], None, None, error))
                got = lint("cert-name", "--host", HOST, stdin=stdin)
                self.assertEqual(got, {"match": False, "matched": None, "error": error})

    def test_large(self):
        started = time.monotonic()
        self.assertEqual(len(cert("many-names")["names"]), 256)
        self.assertEqual(cert("large")["finding"], "ok")
        self.assertEqual(cert("hundred")["warnings"], ["chain-cut", "chain-unused"])
        self.assertLess(time.monotonic() - started, 20)

    def test_usage(self):
        for words in (("cert",), ("cert", path("good")), ("cert", "--host"),
                      ("cert", "--host", HOST, "--at", "now", path("good")),
                      ("cert", "--host", HOST, "--at", "", path("good")),
                      ("cert", "--host", HOST, "--ca", "/nonexistent", path("good")),
                      ("cert", "--host", HOST, "--ca", "/", path("good")),
                      ("cert", "--host", HOST, "--ca", __file__, path("good")),
                      ("cert", "--host", HOST, path("good"), path("good")),
                      ("cert", "--host", HOST, "/nonexistent"),
                      ("cert-name", path("good")),
                      ("cert-name", "--host", HOST, "--ca", path("trust"), path("good")),
                      ("sts-policy", "--host", HOST)):
            with self.subTest(" ".join(words)):
                status, out, err = hopseal(*words)
                self.assertEqual((status, out), (64, ""))
                self.assertTrue(err)


class CertName(unittest.TestCase):
    def test_rows(self):
        for name, host, matched in (
                ("good", HOST, HOST),
                ("wildcard", HOST, "*.example.com"),
                ("wildcard", "a.mx.example.com", None),
                ("wildcard", "example.com", None),
                ("upper-case", "MX.example.com.", HOST),
                ("several-names", "x.b.example.com", "*.b.example.com"),
                ("cn-only", HOST, None),
                ("nul", HOST, None),
                ("address", "192.0.2.1", None),
                ("address-wildcard", "192.0.2.1", None),
                ("wildcard-part", HOST, None),
                ("wildcard-top", "example.com", None),
                ("empty-name", "", None),
                # whoever signed it, and whenever it ends
                ("self-signed-expired", "other.example", "other.example")):
            with self.subTest(f"{name} {host}"):
                self.assertEqual(lint("cert-name", "--host", host, path(name)),
                                 {"match": matched is not None, "matched": matched,
                                  "error": None})


def main():
    global ZOO
    with tempfile.TemporaryDirectory() as ZOO:
        here = os.path.dirname(os.path.abspath(__file__))
        subprocess.run([os.path.join(here, "../zoo/make"), ZOO], check=True)
        run_cases()


if __name__ == "__main__":
    main()
