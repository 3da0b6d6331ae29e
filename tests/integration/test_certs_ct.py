#!/usr/bin/python3
"""hopseal certs --ct: what monitors of certificate transparency list.

    test_certs_ct.py [--build DIR] [NAMES]
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys

import certs_rig
from certs_rig import HOST, LISTEN, CertsCase

ISSUER = "O=Bench, CN=intermediate"


def x509(leaf, *words):
    return subprocess.run(["openssl", "x509", "-in", leaf.chain_path, *words],
                          check=True, capture_output=True).stdout


def serial(leaf):
    return x509(leaf, "-noout", "-serial").decode().strip().partition("=")[2].lower().lstrip("0")


def der(leaf):
    return x509(leaf, "-outform", "DER")


def tbs(leaf):
    """What the issuer signed: the first element of the whole."""
    whole = der(leaf)
    return whole[4:4 + 4 + int.from_bytes(whole[6:8], "big")]


def hexadecimal(octets):
    return hashlib.sha256(octets).hexdigest()


def spotter(*names, after="2036-01-30T00:00:00Z", **more):
    return {"id": "1", "dns_names": names, "not_before": "2026-11-01T00:00:00Z",
            "not_after": after, **more}


def crt_sh(number, *names, issuer=ISSUER):
    return {"issuer_ca_id": 1, "issuer_name": issuer, "common_name": names[0],
            "name_value": "\n".join(names), "id": 7, "serial_number": number,
            "not_before": "2026-11-01T00:00:00", "not_after": "2036-01-30T00:00:00"}


class Transparency(CertsCase):
    def setUp(self):
        super().setUp()
        self.copy(self.good)
        self.services = LISTEN.format(port=25)
        self.options["own_domains"] = "own.example"

    def ask(self, *listed):
        path = self.file("list.json", json.dumps(listed).encode())
        status, output = self.run_certs("--json", "--ct", path)
        return status, json.loads(output)

    def test_known(self):
        """By each thing that a monitor may tell of it; letter case does not matter."""
        number = serial(self.good)
        for entry in (spotter(HOST, cert_sha256=hexadecimal(der(self.good)).upper()),
                      spotter(HOST, cert_sha256="ab" * 32,
                              tbs_sha256=hexadecimal(tbs(self.good))),
                      spotter(HOST, cert={"type": "cert", "data": base64.b64encode(
                          der(self.good)).decode()}),
                      crt_sh(number.upper(), HOST), crt_sh("00" + number, HOST)):
            status, report = self.ask(entry)
            self.assertEqual((status, report["overall"], report["unknown"],
                              report["known"]), (0, "good", [], 1), (entry, report))

    def test_unknown(self):
        """For a name that we use it is critical, for others of the domain a warning."""
        number = serial(self.good)
        for entry, want, severity in (
                (spotter(HOST, cert_sha256="ab" * 32), 2, "critical"),
                (spotter("*.OWN.example", tbs_sha256="ab" * 32), 2, "critical"),
                (spotter("mta-sts.own.example"), 2, "critical"),
                (crt_sh(number + "1", HOST), 2, "critical"),
                (crt_sh(number, HOST, issuer="O=Other, CN=intermediate"), 2, "critical"),
                (spotter("www.other.example", "www.own.example"), 1, "warning"),
                (spotter("own.example"), 1, "warning")):
            status, report = self.ask(entry)
            self.assertEqual((status, [u["severity"] for u in report["unknown"]]),
                             (want, [severity]), (entry, report))

    def test_no_concern(self):
        for entry, member in ((spotter("other.example"), "elsewhere"),
                              (spotter("notown.example"), "elsewhere"),
                              (spotter(HOST, after="2026-11-02T00:00:00Z"), "expired")):
            status, report = self.ask(entry)
            self.assertEqual((status, report[member], report["unknown"]), (0, 1, []), report)
        self.assertEqual(self.ask()[0], 0)

    def test_same_twice(self):
        """crt.sh lists precertificate and certificate."""
        _, report = self.ask(crt_sh("5", HOST), crt_sh("05", HOST), crt_sh("6", HOST))
        self.assertEqual([u["serial"] for u in report["unknown"]], ["5", "6"])

    def test_earlier_one(self):
        """What certbot keeps beside the one in use is known; keys are left alone."""
        archive = os.path.join(self.bin, "archive")
        os.makedirs(archive)
        for name, leaf in (("cert1.pem", self.newer), ("fullchain2.pem", self.good)):
            shutil.copy(leaf.chain_path, os.path.join(archive, name))
        shutil.copy(self.www.chain_path, os.path.join(archive, "privkey1.pem"))
        link = os.path.join(self.bin, "live.pem")
        os.symlink(os.path.join(archive, "fullchain2.pem"), link)
        self.settings["smtpd_tls_cert_file"] = link
        status, report = self.ask(*(crt_sh(serial(leaf), HOST) for leaf in
                                    (self.newer, self.good, self.www)))
        self.assertEqual((status, report["known"], [u["serial"] for u in report["unknown"]]),
                         (2, 2, [serial(self.www)]), report)

    def test_many(self):
        """Not all are told; what they are worth is."""
        status, report = self.ask(*(crt_sh(f"{n:x}", "www.own.example")
                                    for n in range(1, 1006)), crt_sh("fff", HOST))
        self.assertEqual((status, len(report["unknown"]), report["left_out"]), (2, 1000, 6))

    def test_star(self):
        """Ours has a star: a name below is not in use here for that alone."""
        self.copy(self.pki.leaf("wildcard", HOST, file="star"))
        for name, want in (("www.own.example", 1), ("*.own.example", 2), (HOST, 2)):
            self.assertEqual(self.ask(crt_sh("5", name))[0], want, name)

    def test_people(self):
        path = self.file("list.json", json.dumps(
            [crt_sh("5", HOST, "\x1b[2J.own.example"), 5]).encode())
        status, output = self.run_certs("--ct", path)
        self.assertEqual(status, 2)
        self.assertTrue(output.startswith(
            "1 certificates for our names are not known here"), output)
        self.assertIn(f"{HOST}, from 2026-11-01 to 2036-01-30", output)
        self.assertIn("1 of the list could not be read", output)
        self.assertNotIn("\x1b", output)

    def test_no_list(self):
        """What is none is unknown, with words, never good."""
        for path, words in ((self.file("empty"), "grammar"), (self.bin, "directory"),
                            (self.file("page", b"<html>"), "grammar"),
                            (self.file("object", b'{"code":"rate_limited"}'), "no array"),
                            (self.file("long", b" " * (17 << 20)), "16 MiB"),
                            (os.path.join(self.bin, "nowhere"), "No such file")):
            status, output = self.run_certs("--json", "--ct", path)
            self.assertEqual(status, 3, path)
            self.assertIn(words.lower(), json.loads(output)["error"].lower(), path)

    def test_nothing_to_compare_with(self):
        self.settings = {"mail_version": "3.7.11"}
        self.options = {}
        status, output = self.run_certs("--json", "--ct", self.file("list", b"[]"))
        self.assertEqual(status, 3)
        self.assertIn("own_domains", json.loads(output)["error"])


if __name__ == "__main__":
    sys.exit(certs_rig.main(Transparency))
