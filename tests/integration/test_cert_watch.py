#!/usr/bin/python3
"""policyd watches our own certificates: files that change, and what others serve.

    test_cert_watch.py [--build DIR] [NAMES]
"""

import os
import shutil
import sys

import certs_rig
from certs_rig import HOST, CertsCase, Server
from policyd_rig import Connection, Names, Policyd, wait_until
from ports import free_port

SOON_S = 30                     # first look, settling, and a machine that is busy
LIFE_S = 45                     # of one that ends meanwhile: behind the first look


class Host:
    """One with a certificate by a link, as certbot has it, and a server for it."""

    def __init__(self, folder, name, leaf, **options):
        self.name, self.folder = name, os.path.join(folder, name)
        os.makedirs(os.path.join(self.folder, "archive"))
        os.makedirs(os.path.join(self.folder, "live"))
        for path in (folder, self.folder):
            os.chmod(path, 0o777)
        self.chain, self.key = (os.path.join(self.folder, "live", n)
                                for n in ("fullchain.pem", "privkey.pem"))
        self.count = 0
        self.install(leaf)
        self.server = Server(leaf)
        self.told = os.path.join(self.folder, "told")
        self.script("alert", f"cat >>{self.told}\n")
        self.script("postconf", f'case " $* " in *" -M "*|*" -Px "*) ;; *) '
                    f'printf "%s\\n" "myhostname = {name}" "mail_version = 3.7.11" \\\n'
                    '"mydestination = own.example" ;; esac\n')
        self.script("postmulti", "exit 127\n")
        self.script("doveconf", "exit 127\n")
        self.policyd = Policyd(self.folder, alert_command=f"{self.folder}/alert",
                               certificate=f"web {self.chain} {self.key} {self.server.port}",
                               **options)

    def script(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write("#!/bin/sh\n" + text)
        os.chmod(path, 0o755)

    def install(self, leaf):
        """A new version of chain and key, to which the links then lead."""
        self.count += 1
        for link, source in ((self.chain, leaf.chain_path), (self.key, leaf.key_path)):
            target = os.path.join(self.folder, "archive", f"{self.count}{os.path.basename(link)}")
            shutil.copy(source, target)
            os.symlink(f"../archive/{os.path.basename(target)}", link + ".new")
            os.rename(link + ".new", link)

    def start(self):
        self.policyd.spawn(env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"})
        return self

    def end(self):
        self.policyd.wait_for_answer()
        self.policyd.end()

    def part(self, name):
        """(state, detail) of a part of the status, or None."""
        for part in self.policyd.command("status")["parts"]:
            if part["name"] == name:
                return part["state"], part["detail"]

    def group(self):
        """What policyd knows of all hosts; nothing while it starts."""
        answer = self.policyd.command("certs", "--group")
        return answer if "hosts" in answer else {"certificates": [], "hosts": []}

    def own(self):
        """What is found of the certificate, or None before the first look."""
        found = [c["findings"] for c in self.group()["certificates"]
                 if c["host"] == self.name and c["name"] == "web"]
        return found[0] if found else None

    def wait_own(self, *findings, seconds=SOON_S):
        try:
            wait_until(lambda: self.own() == list(findings), "it", seconds)
        except AssertionError:
            raise AssertionError(f"{self.own()}, not {findings}: {self.policyd.log()[-600:]}")

    def rcpt(self, instance, client="192.0.2.1"):
        """The access policy's reply to a recipient of ours at the server's port."""
        with Connection(self.policyd.access) as c:
            c.send(f"request=smtpd_access_policy\nprotocol_state=RCPT\n"
                   f"client_address={client}\nclient_name=client.example\n"
                   f"server_port={self.server.port}\ninstance={instance}\n"
                   f"sender=a@client.example\nrecipient=b@own.example\n\n".encode())
            reply = b""
            while not reply.endswith(b"\n\n"):
                reply += c.get(1)
            return reply.decode()

    def changes(self):
        """How often a change was told."""
        return self.policyd.count_said("own certificate: name=web")

    def alerts(self):
        """A line for each change that a person was told of."""
        if not os.path.exists(self.told):
            return []
        with open(self.told) as f:
            return f.read().splitlines()

    def wait_alert(self, finding, seconds=SOON_S):
        wait_until(lambda: any(line.startswith("critical certificate web: ") and
                               finding in line for line in self.alerts()),
                   f"the alert {finding}", seconds)

    def close(self):
        self.policyd.kill_all()
        self.server.close()


class Watch(CertsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        Policyd.build = cls.build
        cls.names = Names()
        cls.options = {"cert_interval": "1h", "mx_ca_file": cls.pki.root_path,
                       "dns_servers": cls.names.option, "alert_quiet": "0s"}
        cls.host = Host(cls.folder, "alone.example", cls.good, **cls.options).start()
        cls.last_day = Host(cls.folder, "night.example", cls.pki.leaf(
            "good", HOST, days=(-1, LIFE_S / 86400), file="last-day"), **cls.options).start()

    @classmethod
    def tearDownClass(cls):
        cls.host.close()
        cls.last_day.close()
        cls.names.close()
        super().tearDownClass()

    def test_files(self):
        """A renewal is noticed at once, and is no alarm; a broken file is."""
        host = self.host
        host.wait_own()
        host.install(self.newer)
        host.wait_own("served-stale")
        self.assertEqual(host.part("certificates")[0], "ok", host.part("certificates"))
        host.server.load(self.newer)
        host.wait_own()
        self.assertEqual((host.changes(), host.alerts()), (0, []))
        os.rename(os.path.dirname(host.chain), host.folder + "/gone")
        host.wait_own("file-unreadable", "served-stale")
        os.rename(host.folder + "/gone", os.path.dirname(host.chain))
        host.wait_own()
        self.assertEqual(host.changes(), 2)
        # What nobody here has renewed.
        host.server.load(self.www)
        os.utime(host.chain)
        host.wait_own("served-stale", "cert-changed")
        wait_until(lambda: host.changes() == 3, "the word of it")
        host.server.load(self.newer)
        os.utime(host.chain)
        host.wait_own()
        host.wait_alert("file-unreadable")
        host.wait_alert("cert-changed")

    def test_the_end(self):
        """One that ends in the night is told of when it ends, not at the next look."""
        self.last_day.wait_alert("cert-expired", LIFE_S + SOON_S)
        first = self.last_day.alerts()[0]
        self.assertIn("finding=cert-expires-soon, ", first)
        self.assertEqual(self.last_day.own(), ["cert-expired"])
        self.assertEqual(self.last_day.changes(), 2)


if __name__ == "__main__":
    sys.exit(certs_rig.main(Watch))
