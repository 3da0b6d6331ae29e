#!/usr/bin/python3
"""hopseal certs against files in every state and servers that serve others.

    test_certs.py [--build DIR] [NAMES]

Postfix and Dovecot are scripts that print settings; the servers are real TLS.
"""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

import certs_rig
from certs_rig import HERE, HOST, LISTEN, CertsCase
from ports import free_port


class Certs(CertsCase):
    # ------------------------------------------------------------ all is well

    def test_good(self):
        chain, _ = self.copy(self.good)
        server = self.serve(self.good)
        status, report, cert = self.only()
        self.assertEqual((status, report["overall"], cert["finding"], cert["findings"]),
                         (0, "good", "ok", []), report)
        self.assertEqual(cert["file"], chain)
        self.assertIn(cert["days"], (89, 90))
        self.assertEqual({(s["port"], s["finding"]) for s in cert["served"]},
                         {(server.port, "ok")})
        self.assertEqual({s["sni"] for s in cert["served"]},
                         {None, "unknown-name.hopseal.invalid"})

    def test_first_line(self):
        self.copy(self.good)
        self.serve(self.good)
        status, output = self.run_certs("-w", "20", "-c", "10")
        self.assertEqual(status, 0, output)
        self.assertRegex(output.splitlines()[0],
                         r"^HOPSEAL OK - 1 certificates \| days=(89|90);20;10;0$")

    def test_thresholds(self):
        self.copy(self.good)
        self.serve(self.good)
        for arguments, want in ((("-w", "100"), 1), (("-c", "100"), 2),
                                (("--warn", "10"), 0), (("-w", "soon"), 64)):
            self.assertEqual(self.run_certs(*arguments)[0], want, arguments)

    def test_two_keys(self):
        rsa = self.pki.leaf("rsa1024", HOST, file="small")
        with open(self.file("both.pem"), "wb") as f:
            for path in (self.good.key_path, self.good.chain_path, rsa.key_path,
                         rsa.chain_path):
                with open(path, "rb") as part:
                    f.write(part.read())
        self.settings["smtpd_tls_chain_files"] = f.name
        server = self.serve(self.good, others=(rsa,))
        status, _, found = self.certs()
        self.assertEqual([c["findings"] for c in found], [[], ["key-small"]], found)
        self.assertEqual(status, 1)
        name = f"postfix 127.0.0.1:{server.port}"
        self.assertEqual([c["name"] for c in found], [f"{name} ECDSA", f"{name} RSA"])
        # Each kind of client gets its own: one of them is stale, or is not there.
        server.load(self.newer, others=(rsa,))
        found = self.certs()[2]
        self.assertEqual([c["findings"] for c in found], [["served-stale"], ["key-small"]])
        server.load(self.good)
        found = self.certs()[2]
        self.assertEqual([c["findings"] for c in found],
                         [[], ["key-small", "served-stale"]])
        self.assertIn("serves none with a key of this kind (RSA)",
                      found[1]["problems"][1]["words"])

    # ------------------------------------------------------------- on disk

    def test_files(self):
        self.serve(self.good)
        link = os.path.join(self.bin, "dangling")
        os.symlink("/nowhere/fullchain.pem", link)
        with open(self.good.key_path, "rb") as f:
            key = f.read()
        for path, words in (
                (self.file("empty"), "no certificate"),
                (self.bin, "directory"),
                (self.file("binary", bytes(range(256)) * 40), "no certificate"),
                (self.file("long", b"-" * (11 << 20)), "1 MiB"),
                (self.file("key", key), "no certificate"),
                (link, "No such file"),
                (self.file("cut", b"-----BEGIN CERTIFICATE-----\nMIIB\n"), ""),
        ):
            self.settings["smtpd_tls_cert_file"] = path
            status, _, cert = self.only()
            self.assertEqual((status, cert["findings"], cert["not_after"], cert["days"]),
                             (2, ["file-unreadable", "served-stale"], None, None), path)
            self.assertIn(words.lower(), cert["problems"][0]["words"].lower(), path)

    def finding_of(self, leaf, served=None):
        self.services = ""
        self.copy(leaf)
        self.serve(served or leaf)
        return self.only()[2]

    def test_kinds(self):
        for kind, finding in (("expired", "cert-expired"), ("other-name",
                              "cert-name-mismatch"), ("self-signed", "cert-self-signed"),
                              ("other-ca", "cert-untrusted"),
                              ("hidden-issuer-url", "cert-chain-incomplete"),
                              ("client-only", "cert-purpose")):
            cert = self.finding_of(self.pki.leaf(kind, HOST, file=kind))
            self.assertEqual(cert["finding"], finding, cert)
            self.assertTrue(cert["problems"][0]["advice"], cert)

    def test_ends_soon(self):
        for days, finding, severity in (((-70, 20), "cert-expires-soon", "warning"),
                                        ((-89, 1), "cert-expires-soon", "critical"),
                                        ((-60, 30), "ok", None)):
            cert = self.finding_of(self.pki.leaf("good", HOST, days=days, file="soon"))
            self.assertEqual(cert["finding"], finding, cert)
            self.assertEqual([p["severity"] for p in cert["problems"]],
                             [severity] if severity else [])

    def test_keys(self):
        self.serve(self.good)
        chain, key = self.copy(self.good)
        os.chmod(key, 0o644)
        self.assertEqual(self.only()[2]["findings"], ["key-exposed"])
        shutil.copy(self.www.key_path, key)
        os.chmod(key, 0o600)
        self.assertEqual(self.only()[2]["findings"], ["key-mismatch"])
        self.file(key, b"rubbish")
        self.assertEqual(self.only()[2]["findings"], ["file-unreadable"])
        os.unlink(key)
        self.assertEqual(self.only()[2]["findings"], ["file-unreadable"])

    # ------------------------------------------------------------- as served

    def test_stale_and_mended(self):
        server = self.serve(self.good)
        self.copy(self.newer)
        status, _, cert = self.only()
        self.assertEqual((status, cert["findings"]), (2, ["served-stale"]), cert)
        self.assertIn("postfix reload", cert["problems"][0]["advice"])
        server.load(self.newer)
        self.assertEqual(self.only()[2]["findings"], [])

    def test_chain_as_served(self):
        """The file is mended, and the server goes on without the intermediate."""
        server = self.serve(self.good)
        chain, _ = self.copy(self.good)
        with open(chain, "a") as f, \
                open(os.path.join(self.pki.folder, "other.pem")) as more:
            f.write(more.read())
        cert = self.only()[2]
        self.assertEqual(cert["findings"], ["chain-unused", "served-stale"], cert)
        self.assertIn(f"port {server.port} serves it without all", cert["problems"][1]["words"])

    def test_not_served(self):
        self.copy(self.good)
        self.services = LISTEN.format(port=free_port())
        status, _, cert = self.only()
        self.assertEqual((status, cert["findings"]), (2, ["not-served"]), cert)

    def test_sni(self):
        self.copy(self.good)
        www, key = (self.file(name) for name in ("www.pem", "www.key"))
        shutil.copy(self.www.chain_path, www)
        shutil.copy(self.www.key_path, key)
        source = self.file("sni", f"www.own.example {key} {www}\n".encode())
        index = self.file("sni.db")
        self.settings["tls_server_sni_maps"] = f"hash:{source}"
        server = self.serve(self.good)

        def findings():
            _, _, found = self.certs()
            return [c["findings"] for c in found if c["sni"] == "www.own.example"][0]
        self.assertEqual(findings(), ["sni-missing"])
        server.load(self.good, {"www.own.example": self.www})
        self.assertEqual(findings(), [])
        made = os.stat(source).st_mtime_ns
        os.utime(index, ns=(made, made))
        self.assertEqual(findings(), [])
        os.utime(index, ns=(made - 1, made - 1))
        self.assertEqual(findings(), ["sni-map-stale"])
        os.unlink(index)
        self.assertEqual(findings(), ["sni-map-stale"])

    def test_old_versions(self):
        self.copy(self.good)
        self.serve(self.good, oldest=ssl.TLSVersion.TLSv1)
        status, _, cert = self.only()
        self.assertEqual((status, cert["findings"]), (1, ["protocol-old"]), cert)
        self.assertEqual([p["words"].split(" offers ")[1] for p in cert["problems"]],
                         ["TLSv1", "TLSv1.1"])

    def test_suites(self):
        """Without a certificate anybody could answer for us."""
        self.copy(self.good)
        self.serve(self.good, ciphers="ALL:aNULL:@SECLEVEL=0")
        status, _, cert = self.only()
        self.assertEqual((status, cert["findings"]), (1, ["cipher-weak"]), cert)
        self.assertIn("offers TLS without a certificate: ", cert["problems"][0]["words"])

    def test_tarpit(self):
        """A port that says nothing holds nobody up for long, and is asked but once."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.copy(self.good)
            self.services = LISTEN.format(port=listener.getsockname()[1])
            started = time.monotonic()
            status, _, cert = self.only()
            self.assertLess(time.monotonic() - started, 28)
        self.assertEqual((status, cert["findings"], len(cert["served"])),
                         (2, ["not-served"], 1), cert)

    def test_no_answer(self):
        """What nobody has answered for is no good news."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            self.copy(self.good)
            self.services = LISTEN.format(port=port)
            self.script("scout", f'exec timeout 2 {self.build}/hopseal-scout "$@"\n')
            self.options["scout_program"] = os.path.join(self.bin, "scout")
            status, report, cert = self.only()
        self.assertEqual((status, report["overall"], cert["findings"]),
                         (1, "warnings", ["unknown"]), cert)
        self.assertEqual(cert["problems"][0]["words"], f"port {port}: no answer in time")
        self.assertEqual([s["finding"] for s in cert["served"]], ["unknown"])

    def test_unknown_domain(self):
        """What a domain of ours promises could not be looked at: that is no good news."""
        self.copy(self.good)
        self.serve(self.good)
        self.options |= {"own_domains": "own.example", "dns_servers": "127.0.0.1@1"}
        status, report, cert = self.only()
        self.assertEqual((cert["finding"], report["domains"][0]["overall"]), ("ok", "unknown"),
                         report)
        self.assertEqual((status, report["overall"]), (3, "unknown"))

    # ------------------------------------------------------------- discovery

    def test_dovecot(self):
        server = self.serve(self.good)
        self.services = ""
        path = self.file("dove.pem")
        shutil.copy(self.good.chain_path, path)
        self.doveconf = (f"protocols = submission\nssl_cert = <{path}\n"
                         "service submission-login {\n  inet_listener submission {\n"
                         f"    port = {server.port}\n  }}\n}}\n")
        status, _, cert = self.only()
        self.assertEqual((status, cert["name"], cert["findings"]), (0, "dovecot", []), cert)
        server.load(self.newer)
        cert = self.only()[2]
        self.assertEqual(cert["findings"], ["served-stale"])
        self.assertEqual(cert["problems"][0]["advice"], "doveadm reload")
        # A protocol's own, and one of which nobody knows where it is served.
        own = self.file("own.pem")
        shutil.copy(self.newer.chain_path, own)
        self.doveconf += f"protocol submission {{\n  ssl_cert = <{own}\n}}\n"
        status, report, found = self.certs()
        self.assertEqual((status, [c["findings"] for c in found]), (0, [[], []]), report)
        self.doveconf += "local 192.0.2.0/24 {\n  ssl_cert = </nowhere\n}\n"
        status, report, _ = self.certs()
        self.assertEqual((status, report["partial"]), (3, True), report)

    def test_option(self):
        server = self.serve(self.good)
        self.services = ""
        self.options["certificate"] = \
            f"web {self.good.chain_path} {self.good.key_path} {server.port}"
        status, _, cert = self.only()
        self.assertEqual((status, cert["name"], cert["findings"]), (0, "web", []), cert)

    def test_partial(self):
        """A program that fails or hangs has not said that there is nothing else."""
        server = self.serve(self.good)
        self.services = ""
        self.options["certificate"] = \
            f"web {self.good.chain_path} {self.good.key_path} {server.port}"
        for name, text in (("postmulti", "exit 1\n"), ("doveconf", "exit 89\n"),
                           ("doveconf", "kill -9 $$\n"), ("doveconf", "exec sleep 99\n"),
                           ("postconf", "exit 1\n"), ("postconf", 'case "$*" in -M*) '
                            'exit 1 ;; esac\n')):
            self.programs = {"postmulti": "exit 127\n", name: text}
            started = time.monotonic()
            status, report, cert = self.only()
            self.assertLess(time.monotonic() - started, 30)
            self.assertEqual((status, report["overall"], report["partial"], cert["finding"]),
                             (3, "unknown", True, "ok"), (name, text))
        status, output = self.run_certs()
        self.assertRegex(output, "^HOPSEAL UNKNOWN - 1 certificates, there may be more ")
        # Nor is it better than the rest.
        server.load(self.newer)
        self.assertEqual(self.only()[0], 2)

    def test_partial_maps(self):
        """A table of names whose source cannot be read."""
        self.copy(self.good)
        self.serve(self.good)
        for table in ("mysql:/etc/sni.cf", f"hash:{self.bin}/nowhere"):
            self.settings["tls_server_sni_maps"] = table
            status, report, cert = self.only()
            self.assertEqual((status, report["partial"], cert["finding"]), (3, True, "ok"), table)

    # ------------------------------------------------------------- the hook

    def hook(self, lineage, seconds=4):
        """conf/certbot-deploy-hook, with programs that note that they were called."""
        self.calls = self.file("calls")
        for name in ("postfix", "postmap", "doveadm"):
            self.script(name, f'echo {name} "$@" >>{self.calls}\n'
                        f'[ ! -e {self.bin}/on-{name} ] || . {self.bin}/on-{name}\n')
        ours = " ".join(f"-o {name}={value}" for name, value in self.options.items())
        self.script("hopseal", f'exec {os.path.join(self.build, "hopseal")} {ours} "$@" '
                    f'$([ "$1" != lint ] || echo --ca {self.pki.root_path})\n')
        self.run_certs()        # writes postconf and its friends
        return self.run_hook(lineage, seconds)

    def run_hook(self, lineage, seconds=4):
        done = subprocess.run(
            [os.path.join(HERE, "..", "..", "conf", "certbot-deploy-hook")],
            capture_output=True, text=True, timeout=60,
            env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}",
                 "RENEWED_LINEAGE": lineage, "RENEWED_DOMAINS": HOST,
                 "HOPSEAL_HOOK_SECONDS": str(seconds)})
        with open(self.calls) as f:
            return done.returncode, done.stderr, f.read()

    def lineage(self, leaf, key=None):
        """A folder as certbot makes it, which the settings name."""
        folder = os.path.join(self.bin, "live")
        os.makedirs(folder, exist_ok=True)
        chain, private = (os.path.join(folder, n) for n in ("fullchain.pem", "privkey.pem"))
        shutil.copy(leaf.chain_path, chain)
        shutil.copy(key or leaf.key_path, private)
        os.chmod(private, 0o600)
        self.settings |= {"smtpd_tls_cert_file": chain, "smtpd_tls_key_file": private}
        return folder

    def test_hook(self):
        """Reload, and the server takes the new one a moment later."""
        server = self.serve(self.good)
        folder = self.lineage(self.newer)
        self.doveconf = ""
        self.file("master.pid")
        timer = threading.Timer(2, server.load, (self.newer,))
        timer.start()
        status, said, calls = self.hook(folder, seconds=20)
        timer.join()
        self.assertEqual(status, 0, said)
        self.assertIn("postfix -c", calls)
        self.assertIn("doveadm reload", calls)

    def test_hook_refuses(self):
        """What is wrong with the new one is said, and nobody is told to take it."""
        self.serve(self.good)
        for leaf, key, words in (
                (self.newer, self.good.key_path, "key-mismatch"),
                (self.pki.leaf("other-name", HOST, file="misnamed"), None,
                 f"{HOST}: cert-name-mismatch"),
                (self.pki.leaf("expired", HOST, file="expired"), None, "cert-expired")):
            status, said, calls = self.hook(self.lineage(leaf, key))
            self.assertEqual((status, calls), (1, ""), said)
            self.assertIn(words, said)
            self.assertIn("nothing was reloaded", said)

    def test_hook_stuck(self):
        """A port that goes on with the old one makes the renewal fail, loudly."""
        self.serve(self.good)
        status, said, calls = self.hook(self.lineage(self.newer), seconds=2)
        self.assertEqual(status, 1)
        self.assertIn("served-stale", said)
        self.assertIn("reload", calls)

    def test_hook_finds_nothing(self):
        """Whatever else is said: no certificate was looked at."""
        self.hook("")
        for said in ("HOPSEAL WARNING - no certificates found: is\nfine.test  warnings",
                     "HOPSEAL CRITICAL - no certificates found: is\n", ""):
            self.script("hopseal", f"echo '{said}'\n")
            done = self.run_hook("")
            self.assertEqual(done[0], 1, done)
            self.assertIn("found no certificate", done[1])

    def test_nothing(self):
        for programs in ({}, {"postconf": "exit 127\n"}):
            self.programs |= programs
            status, report, found = self.certs()
            self.assertEqual((status, report["overall"], found, report["partial"]),
                             (3, "unknown", [], False))
        status, output = self.run_certs()
        self.assertEqual(status, 3)
        self.assertTrue(output.startswith("HOPSEAL UNKNOWN - no certificates found"), output)


if __name__ == "__main__":
    sys.exit(certs_rig.main(Certs))
