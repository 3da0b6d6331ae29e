#!/usr/bin/python3
"""hopseal certs against every chain of tests/zoo, and against whatever else may lie there.

    test_certs_zoo.py [--build DIR] [NAMES]

The zoo is of 2040, where faketime takes the command.
"""

import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import unittest

import certs_rig
from certs_rig import HERE, HOST, LISTEN, CertsCase

MAKE = os.path.join(HERE, "..", "zoo", "make")
AT = "2040-01-01T00:00:00Z"
# Chains that no file could hold as they are: of CRLs, of stores, of other names.
NO_CHAINS = {"trust", "crl", "crl-old", "known", "ca"}
# What certs says beside what lint says of a chain alone.
OF_CERTS = {"cert-expires-soon"}
# Warnings of lint that certs does not have: no name is asked for here.
OF_LINT = {"cert-name-mismatch", "name-in-cn", "name-malformed", "name-of-other-host",
           "crl-unusable", "staple-unusable"}
PROGRAMS = ("postconf", "doveconf", "postmulti")


def answering(steps):
    """A server that says these, a line of the client between, to everybody; its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def converse(connection):
        with connection:
            connection.settimeout(10)
            try:
                for step in steps:
                    connection.sendall(step)
                    connection.recv(4096)
            except OSError:
                pass

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=converse, args=(connection,), daemon=True).start()
    threading.Thread(target=serve, daemon=True).start()
    return listener


class Zoo(CertsCase):
    def test_zoo(self):
        """As lint, which the unit test's table shares with it, judges them."""
        with open(os.path.join(self.build, "hopseal"), "rb") as f:
            if not shutil.which("faketime") or b"__asan_init" in f.read():
                self.skipTest("no faketime, or a build that bears no preloading")
        zoo = os.path.join(self.folder, "zoo")
        subprocess.run([MAKE, zoo], check=True)
        names = {os.path.basename(p)[:-4]: p for p in sorted(glob.glob(f"{zoo}/*.pem"))}
        trust = names["trust"]
        for name in NO_CHAINS & set(names):
            del names[name]
        self.assertGreaterEqual(len(names), 60)
        self.options["mx_ca_file"] = trust
        self.options["certificate"] = ", ".join(f"{n} {p}" for n, p in names.items())
        status, output = self.run_certs("--json", "--no-keys", before=("faketime", AT))
        self.assertEqual(status, 2, output)
        found = {c["name"]: c for c in json.loads(output)["certificates"]}
        self.assertEqual(set(found), set(names))
        for name, path in names.items():
            done = subprocess.run(
                [os.path.join(self.build, "hopseal"), "lint", "cert", "--host", HOST, "--at",
                 AT, "--ca", trust, path], capture_output=True, text=True, timeout=30)
            lint = json.loads(done.stdout)
            self.assertEqual(
                sorted(set(found[name]["findings"]) - OF_CERTS),
                sorted(set(lint["findings"] + lint["warnings"]) - OF_LINT), name)
            for problem in found[name]["problems"]:
                self.assertTrue(problem["words"] and problem["advice"], problem)

    def test_ca_file(self):
        """Trust that is none, or gone: nobody vouches for what is served, and that is said."""
        self.copy(self.good)
        self.serve(self.good)
        for path in (self.file("rubbish", b"\0\1\2"), "/nowhere/ca.pem"):
            self.options["mx_ca_file"] = path
            status, report, cert = self.only()
            self.assertNotEqual((status, report["overall"]), (0, "good"), path)
            self.assertIn("cert-untrusted", cert["findings"], cert)

    def test_replaced(self):
        """While a renewal writes: the old one, the new one, or words; never anything else."""
        chain, key = self.copy(self.good)
        self.serve(self.good)
        contents = []
        for leaf in (self.good, self.newer):
            with open(leaf.chain_path, "rb") as f, open(leaf.key_path, "rb") as g:
                contents.append((f.read(), g.read()))
        stop = threading.Event()

        def write():
            while not stop.wait(0.0005):
                for one in contents:
                    for path, text in zip((chain, key), one):
                        with open(path, "wb") as f:
                            f.write(text[:500])
                            f.flush()
                            f.write(text[500:])
        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(20):
                status, _, cert = self.only()
                self.assertIn(status, (0, 2))
                self.assertLessEqual(set(cert["findings"]), {
                    "file-unreadable", "key-mismatch", "served-stale", "cert-untrusted",
                    "cert-chain-incomplete"})
        finally:
            stop.set()
            writer.join()

    @unittest.skipIf(os.geteuid() != 0, "not root")
    def test_no_permission(self):
        chain, _ = self.copy(self.good)
        self.services = LISTEN.format(port=25)
        for path in (self.folder, self.bin):
            os.chmod(path, 0o755)
        os.chmod(chain, 0o600)
        status, output = self.run_certs("--json", before=(
            "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
        cert, = json.loads(output)["certificates"]
        self.assertEqual((status, cert["finding"]), (2, "file-unreadable"), cert)
        self.assertIn("Permission denied", cert["problems"][0]["words"])
        self.assertIn("as root", cert["problems"][0]["advice"])

    def test_strange_servers(self):
        """Each is told apart from one that serves what it should."""
        self.copy(self.good)
        for steps, words in (
                ([b"220 mx\r\n", b"250 mx\r\n"], "STARTTLS not offered"),
                ([b"220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"454 no\r\n"], "454"),
                ([b"220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"220 go\r\n", b"HTTP/1.1 no\r\n"],
                 "handshake"),
                ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "banner"),
                ([bytes(range(256)) * 100], "")):
            listener = answering(steps)
            self.services = LISTEN.format(port=listener.getsockname()[1])
            status, _, cert = self.only()
            listener.close()
            self.assertEqual((status, cert["finding"]), (2, "not-served"), (steps, cert))
            self.assertIn(words, cert["problems"][0]["words"])
            self.assertIn("its log says why", cert["problems"][0]["advice"])

    def test_postconf(self):
        """Rubbish, failure and silence of programs: no certificate, soon and in words."""
        for script, names in (("head -c 100000 /dev/urandom\n", PROGRAMS),
                              ("exit 127\n", PROGRAMS), ("kill -9 $$\n", PROGRAMS),
                              ("exec sleep 60\n", ("doveconf",))):
            for name in names:
                self.script(name, script)
            started = time.monotonic()
            done = subprocess.run(
                [os.path.join(self.build, "hopseal"), "certs"], capture_output=True,
                text=True, timeout=60,
                env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"})
            self.assertEqual(done.returncode, 3, script)
            self.assertIn("no certificates found", done.stdout)
            self.assertLess(time.monotonic() - started, 15)


if __name__ == "__main__":
    sys.exit(certs_rig.main(Zoo))
