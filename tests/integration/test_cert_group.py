#!/usr/bin/python3
"""Three hosts share what they find of their own certificates, over restarts and losses.

    test_cert_group.py [--build DIR] [NAMES]

The first look comes ten seconds after a start, so all are started together.
"""

import os
import shutil
import subprocess
import sys

import certs_rig
from certs_rig import CertsCase
from policyd_rig import Names, Policyd, wait_until
from redis_rig import Redis
from test_cert_watch import SOON_S, Host


class Group(CertsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        Policyd.build = cls.build
        cls.old = cls.pki.leaf("expired", certs_rig.HOST, file="ended")
        cls.redis, cls.names = Redis(cls.folder), Names()
        cls.three = [Host(cls.folder, f"mx{n}.example", leaf, cert_interval="3s",
                          local_cert_action="tag",
                          redis=f"unix:{cls.redis.path}", mx_ca_file=cls.pki.root_path,
                          dns_servers=cls.names.option).start()
                     for n, leaf in enumerate((cls.good, cls.old, cls.newer), 1)]

    @classmethod
    def tearDownClass(cls):
        for host in cls.three:
            host.close()
        cls.redis.stop()
        cls.names.close()
        super().tearDownClass()

    def test_group(self):
        """Each of three hosts tells of its own, once, whatever is restarted; all show all."""
        for host in self.three:
            wait_until(lambda h=host: h.own() is not None, "a look", SOON_S)
        for host in self.three:
            wait_until(lambda h=host: len(h.group()["hosts"]) == 3, "three hosts", SOON_S)
            seen = {c["host"]: c["finding"] for c in host.group()["certificates"]}
            self.assertEqual(seen, {"mx1.example": "ok", "mx2.example": "cert-expired",
                                    "mx3.example": "ok"})
        self.assertEqual(self.three[0].part("group")[0], "warning")
        self.assertIn("mx2.example", self.three[0].part("group")[1])
        # Mail that comes in there is marked, once each; elsewhere it is not.
        for host, instance, want in ((self.three[1], "1", "PREPEND X-Hopseal-Inbound: "
                                      "our-cert=expired"),
                                     (self.three[1], "1", "DUNNO"),
                                     (self.three[1], "2", "PREPEND X-Hopseal-Inbound: "
                                      "our-cert=expired"),
                                     (self.three[0], "3", "DUNNO")):
            self.assertEqual(host.rcpt(instance), f"action={want}\n\n")
        wait_until(self.three[1].alerts, "the alert", SOON_S)
        for host in self.three:
            host.end()
        # One has lost what it told: it hears it from what it told others.
        state = self.three[1].policyd.options["state_dir"]
        os.unlink(f"{state}/certificates.json")
        shutil.rmtree(f"{state}/ledger")
        for host in self.three:
            host.start()
        for host in self.three:
            wait_until(lambda h=host: h.own() is not None and len(h.group()["hosts"]) == 3,
                       "three hosts again", SOON_S)
        self.assertEqual([h.changes() for h in self.three], [0, 1, 0])
        self.redis.command("FLUSHALL")
        self.three[2].end()
        wait_until(lambda: self.silent(self.three[0]) == ["mx3.example"], "the end of mx3",
                   SOON_S)
        self.assertEqual(self.three[0].part("group")[0], "warning")
        wait_until(lambda: self.shown(self.three[0]).returncode == 2, "mx2, heard of", SOON_S)
        self.assertRegex(self.shown(self.three[0]).stdout, r"(?s)^HOPSEAL CRITICAL - 1 of 3 certificates.*"
                         r"\nmx2\.example +web .*cert-expired.*\nmx1\.example +web .*"
                         r"\nmx3\.example +not heard of since 20")
        wait_until(lambda: len(self.redis.command("KEYS", "hopseal:certs:*").split()) == 3,
                   "two records and a list", SOON_S)
        self.assertEqual([len(h.alerts()) for h in self.three], [0, 1, 0])

    @staticmethod
    def shown(host):
        return subprocess.run(host.policyd.argv("certs", "--group"), text=True,
                              executable=Policyd.program("hopseal"), capture_output=True)

    @staticmethod
    def silent(host):
        return [h["host"] for h in host.group()["hosts"] if not h["heard"]]


if __name__ == "__main__":
    sys.exit(certs_rig.main(Group))
