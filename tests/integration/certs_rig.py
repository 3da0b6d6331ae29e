"""What tests of hopseal certs share: its files, its servers, a run of it.

Postfix and Dovecot are scripts that print settings; the servers are real TLS.
"""

import argparse
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
from pki import Pki
from ports import free_port

HOST = "mail.own.example"
LISTEN = "127.0.0.1:{port} inet n - y - - smtpd\n"


class Server:
    """An SMTP server with STARTTLS; names maps what a client asks for to a leaf.

    others: leaves with keys of other kinds.  ciphers: what it takes, if not the usual.
    """

    def __init__(self, leaf, names=None, oldest=None, others=(), ciphers=None):
        self.port = free_port()
        self.load(leaf, names, oldest, others, ciphers)
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        threading.Thread(target=self._serve, daemon=True).start()

    def load(self, leaf, names=None, oldest=None, others=(), ciphers=None):
        self._context = self._new_context((leaf, *others), oldest, ciphers)
        contexts = {name: self._new_context((other,))
                    for name, other in (names or {}).items()}

        def choose(connection, name, _context):
            connection.context = contexts.get(name, connection.context)
        self._context.sni_callback = choose

    @staticmethod
    def _new_context(leaves, oldest=None, ciphers=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(ciphers or "DEFAULT:@SECLEVEL=0")
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = oldest or ssl.TLSVersion.TLSv1_2
        for leaf in leaves:
            context.load_cert_chain(leaf.chain_path, leaf.key_path)
        return context

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection, self._context),
                             daemon=True).start()

    def _converse(self, connection, context):
        connection.settimeout(10)
        try:
            with connection:
                connection.sendall(b"220 mail ESMTP\r\n")
                while line := self._line(connection):
                    if line.startswith(b"EHLO"):
                        connection.sendall(b"250-mail\r\n250 STARTTLS\r\n")
                    elif line.startswith(b"STARTTLS"):
                        connection.sendall(b"220 go\r\n")
                        connection = context.wrap_socket(connection, server_side=True)
                    else:
                        connection.sendall(b"221 bye\r\n")
                        return
        except (OSError, ValueError):
            pass

    @staticmethod
    def _line(connection):
        line = b""
        while not line.endswith(b"\n"):
            octet = connection.recv(1)
            if not octet:
                return b""
            line += octet
        return line

    def close(self):
        self._listener.close()


class CertsCase(unittest.TestCase):
    build = "build"

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="hopseal-certs")
        cls.pki = Pki(os.path.join(cls.folder, "pki"))
        cls.good = cls.pki.leaf("good", HOST)
        cls.newer = cls.pki.leaf("good", HOST, file="newer")
        cls.www = cls.pki.leaf("good", "www.own.example")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.bin = tempfile.mkdtemp(dir=self.folder)
        self.settings = {"myhostname": HOST, "smtpd_tls_security_level": "may",
                         "mail_version": "3.7.11"}
        self.services, self.doveconf = "", None
        self.servers, self.options = [], {"mx_ca_file": self.pki.root_path}
        self.programs = {"postmulti": "exit 127\n"}     # instead of what is made

    def tearDown(self):
        for server in self.servers:
            server.close()

    def serve(self, leaf, **more):
        server = Server(leaf, **more)
        self.servers.append(server)
        self.services += LISTEN.format(port=server.port)
        return server

    def file(self, name, content=b"", mode=0o600):
        path = os.path.join(self.bin, name)
        with open(path, "wb") as f:
            f.write(content)
        os.chmod(path, mode)
        return path

    def copy(self, leaf, name="cert"):
        """The files of leaf as an installed certificate: settings name them."""
        chain, key = (os.path.join(self.bin, f"{name}.{suffix}")
                      for suffix in ("pem", "key"))
        shutil.copy(leaf.chain_path, chain)
        shutil.copy(leaf.key_path, key)
        os.chmod(key, 0o600)
        self.settings |= {"smtpd_tls_cert_file": chain, "smtpd_tls_key_file": key}
        return chain, key

    def script(self, name, text):
        self.file(name, b"#!/bin/sh\n" + text.encode(), 0o755)

    def run_certs(self, *arguments, before=()):
        """(exit status, what it printed), perhaps behind another command"""
        main_cf = "".join(f"{n} = {v}\n" for n, v in self.settings.items())
        self.file("main.out", main_cf.encode(), 0o644)
        self.file("master.out", self.services.encode(), 0o644)
        self.script("postconf", f"case \" $* \" in *' -M '*) cat {self.bin}/master.out ;; "
                    f"*' -Px '*) ;; *) cat {self.bin}/main.out ;; esac\n")
        if self.doveconf is None:
            self.script("doveconf", "exit 127\n")
        else:
            self.file("dovecot.out", self.doveconf.encode())
            self.script("doveconf", f"case \" $* \" in *' base_dir '*) echo {self.bin} ;; "
                        f"*) cat {self.bin}/dovecot.out ;; esac\n")
        for name, text in self.programs.items():
            self.script(name, text)
        options = [part for name, value in self.options.items()
                   for part in ("-o", f"{name}={value}")]
        done = subprocess.run(
            [*before, os.path.join(self.build, "hopseal"), *options, "certs", *arguments],
            capture_output=True, text=True, timeout=60,
            env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"})
        self.assertNotIn("Sanitizer", done.stderr)
        return done.returncode, done.stdout

    def certs(self, *arguments):
        status, output = self.run_certs("--json", *arguments)
        report = json.loads(output)
        return status, report, report["certificates"]

    def only(self, *arguments):
        status, report, found = self.certs(*arguments)
        self.assertEqual(len(found), 1, found)
        return status, report, found[0]


def main(case):
    """Runs the tests of case, or those that are named; the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    case.build = os.path.abspath(options.build)
    if not shutil.which("openssl"):
        print("openssl is not installed")
        return 77
    suite = unittest.TestSuite(
        map(case, options.names) if options.names
        else unittest.defaultTestLoader.loadTestsFromTestCase(case))
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1
