#!/usr/bin/python3
"""hopseal certs and what our domains promise: with DNS, policy hosts and mail hosts.

    test_certs_promise.py [--build DIR] [NAMES]

Wants root: name servers, hosts and policies live in a network namespace.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

import inside
import netns
import policyd_rig
from dns import Dns, Zone
from pki import Pki
from scout_rig import PolicyHosts
from test_check import GOOD, MailHost

DAY_S = 86400
RUA = '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@fine.test"'
POLICY = b"version: STSv1\r\nmode: %s\r\nmx: *.hosts.test\r\nmx: mx.unsigned.test\r\n" \
    b"max_age: %d\r\n"

# Our domains: MX hosts (a second one is a fallback), mode, the TLS-RPT record.
DOMAINS = {
    "fine": (["here"], "enforce", RUA),
    "plain": (["here"], None, ""),
    "no-rua": (["here"], "enforce", ""),
    "bad-rua": (["here"], "enforce", '_smtp._tls TXT "v=TLSRPTv1; rua=ftp://x"'),
    "half-rua": (["here"], "enforce",
                 '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:TLS@fine.test,nonsense"'),
    "elsewhere": (["here"], "enforce",
                  '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@other.test"'),
    "fallback": (["here", "expired"], "enforce", RUA),
    "legacy": (["here", "other"], "enforce", RUA),
    "gateway": (["other"], "enforce", RUA),
    "trial": (["here"], "testing", RUA),
    "vain": (["mx.unsigned.test."], "enforce", RUA),
    "vain-mx": (["tlsa"], "enforce", RUA),
}

# As smtpd says that a client did not trust us.
REFUSAL = "".join(f"TIME mx postfix/smtpd[7]: {line}\n" for line in (
    "connect from c.test[192.0.2.8]", "SSL_accept error from c.test[192.0.2.8]: -1",
    "warning: TLS library problem: error:0A000418:SSL routines::tlsv1 alert unknown ca:"
    "../ssl/record/rec_layer_s3.c:1586:SSL alert number 48:",
    "lost connection after STARTTLS from c.test[192.0.2.8]",
    "disconnect from c.test[192.0.2.8] ehlo=1 starttls=0/1 commands=1/2"))


def stamp(days=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * DAY_S))


def refusal(reason, host, days=0.1, count=2, service="smtpd"):
    """A peer's; its address goes with the first letter of its name."""
    address = f"192.0.2.{ord(host[0])}" if host[0] != "x" else None
    return {"host": host, "address": address, "service": service, "reason": reason,
            "count": count, "since": stamp(days + 0.05), "last": stamp(days)}


class Control:
    """What answers on policyd's control socket: answers by command and direction."""

    def __init__(self, path, answers):
        self._answers, self.asked = answers, []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rw") as f:
                question = json.loads(f.readline())
                self.asked.append(question)
                key = question.get("direction", question["command"])
                f.write(json.dumps(self._answers.get(key, {"error": "no"})) + "\n")
                f.flush()

    def close(self):
        self._listener.close()


class Rig:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.pki = Pki(os.path.join(folder, "pki"))
        self.dns = Dns(os.path.join(folder, "dns"), os.path.join(folder))
        self.policies = PolicyHosts(netns.POLICY_HOST, self.pki.leaf("good", "front.test"))
        self.postfix = os.path.join(folder, "postfix")
        os.makedirs(self.postfix)
        self.write_main()
        open(os.path.join(self.postfix, "master.cf"), "w").close()
        self.bin = os.path.join(folder, "bin")      # a host without Dovecot
        os.makedirs(self.bin)
        with open(os.path.join(self.bin, "doveconf"), "w") as f:
            f.write("#!/bin/sh\nexit 127\n")
        os.chmod(f.name, 0o755)
        os.environ["PATH"] = f"{self.bin}:{os.environ['PATH']}"
        lines, self.leaves = [], {}
        for number, (name, kind) in enumerate((("here", "good"), ("other", "good"),
                                               ("expired", "expired"), ("tlsa", "good"),
                                               ("inner", "good"), ("unsigned", "good"))):
            host = f"{name}.hosts.test" if name != "unsigned" else "mx.unsigned.test"
            address = f"10.99.20.{number + 1}"
            leaf = self.leaves[name] = self.pki.leaf(kind, host)
            MailHost(address, 25, GOOD, leaf)
            lines.append(f"{name} A {address}")
        tlsa = "TLSA 3 1 1 " + self.pki.digest("tlsa.hosts.test", 1, 1)
        zones = [Zone("hosts.test", "signed", [*lines, f"_25._tcp.tlsa {tlsa}"], 300),
                 Zone("unsigned.test", "unsigned", [
                     "mx A 10.99.20.6", "_25._tcp.mx TLSA 3 1 1 " +
                     self.pki.digest("mx.unsigned.test", 1, 1)], 300)]
        for name, (hosts, mode, rua) in DOMAINS.items():
            records = [f"@ MX {10 * n + 10} {h if h.endswith('.') else h + '.hosts.test.'}"
                       for n, h in enumerate(hosts)] + ([rua] if rua else [])
            if mode:
                self.set_policy(name, mode)
                records += ['_mta-sts TXT "v=STSv1; id=1;"',
                            f"mta-sts A {netns.POLICY_HOST}"]
            zones.append(Zone(f"{name}.test", "unsigned" if name == "vain-mx" else "signed",
                              records, 300))
        self.dns.start(zones)

    def set_policy(self, name, mode, max_age=604800):
        full = f"mta-sts.{name}.test"
        body = POLICY % (mode.encode(), max_age)
        self.policies.hosts[full] = (self.pki.leaf("good", full), [
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
            % len(body) + body])

    def write_main(self, extra=""):
        with open(os.path.join(self.postfix, "main.cf"), "w") as f:
            f.write("compatibility_level = 3.6\nmyhostname = here.hosts.test\n"
                    f"mydestination =\nsmtp_tls_CAfile = {self.pki.root_path}\n{extra}")

    def options(self, *names, **more):
        here = self.leaves["here"]
        return {"allow_networks": netns.NETWORK, "tls_ca_file": self.pki.root_path,
                "mx_ca_file": self.pki.root_path, "postfix_config_dir": self.postfix,
                "dns_trust_anchor": self.dns.anchor_path,
                "certificate": f"mx {here.chain_path} {here.key_path}",
                "own_domains": " ".join(f"{n}.test" for n in names),
                "control_listen": "", "report_addresses": "tls@fine.test", **more}


class Promises(unittest.TestCase):
    rig = None

    def run_certs(self, *names, json_too=True, publish=False, **more):
        options = [part for name, value in self.rig.options(*names, **more).items()
                   for part in ("-o", f"{name}={value}")]
        done = subprocess.run(
            [os.path.join(self.rig.build, "hopseal"), *options,
             *(["--json"] if json_too else []), "certs",
             *(["--publish"] if publish else [])],
            capture_output=True, text=True, timeout=120)
        self.assertNotIn("Sanitizer", done.stderr)
        if publish:
            return done.returncode, done.stdout
        return done.returncode, json.loads(done.stdout) if json_too else done.stdout

    def words(self, report, name=None):
        """(finding, host) of each problem of a domain, and all words."""
        problems = [p for d in report["domains"] if name in (None, d["domain"][:-5])
                    for p in d["problems"]]
        return ([(p["finding"], p["host"]) for p in problems],
                " ".join(p["words"] for p in problems))

    def ask_with(self, answers, *names, **more):
        path = os.path.join(tempfile.mkdtemp(dir=self.rig.folder), "control")
        control = Control(path, answers)
        try:
            return self.run_certs(*names, control_listen=f"unix:{path}", **more)
        finally:
            control.close()

    # ------------------------------------------------------------ DNS and hosts

    def test_good(self):
        status, report = self.run_certs("fine", "plain")
        self.assertEqual((status, report["overall"], self.words(report)[0]),
                         (0, "good", []), report)
        self.assertEqual([(d["mode"], d["id"], len(d["policy_hash"] or ""))
                          for d in report["domains"]],
                         [("enforce", "1", 16), (None, None, 0)])
        self.assertIsNone(report["refused"])

    def test_tlsrpt(self):
        status, report = self.run_certs("no-rua", "bad-rua", "half-rua", "elsewhere")
        self.assertEqual(status, 1)
        for name, want in (("no-rua", "tlsrpt-missing"), ("bad-rua", "tlsrpt-invalid"),
                           ("half-rua", "tlsrpt-invalid"),
                           ("elsewhere", "tlsrpt-elsewhere")):
            self.assertEqual(self.words(report, name)[0], [(want, None)], name)
        self.assertIn("tls@other.test", self.words(report, "elsewhere")[1])
        # Who takes none in wants them somewhere else.
        status, report = self.run_certs("elsewhere", report_addresses="")
        self.assertEqual((status, self.words(report)[0]), (0, []))

    def test_vain_tlsa(self):
        _, report = self.run_certs("vain", "vain-mx")
        self.assertIn(("dane-without-dnssec", "mx.unsigned.test"),
                      self.words(report, "vain")[0])
        self.assertIn("its name is without DNSSEC", self.words(report, "vain")[1])
        self.assertIn(("dane-without-dnssec", "tlsa.hosts.test"),
                      self.words(report, "vain-mx")[0])
        self.assertIn("the MX record is", self.words(report, "vain-mx")[1])

    def test_legacy(self):
        """Another host's certificate at another's address, beside ours."""
        status, report = self.run_certs("legacy", "gateway")
        self.assertEqual((status, self.words(report, "legacy")[0],
                          self.words(report, "gateway")[0]),
                         (1, [("mx-legacy", "other.hosts.test")], []), report)
        status, report = self.run_certs("legacy", own_networks="10.99.20.2/32")
        self.assertEqual((status, self.words(report)[0]), (0, []), report)

    def test_fallback(self):
        _, report = self.run_certs("fallback")
        problems = report["domains"][0]["problems"]
        self.assertIn(("cert-expired", "expired.hosts.test", True),
                      [(p["finding"], p["host"], p["fallback"]) for p in problems])
        _, screen = self.run_certs("fallback", json_too=False)
        self.assertIn("expired.hosts.test (a fallback)", screen)

    def test_publish(self):
        """Of the key that is served and of the next one, each record once; all domains alike."""
        next_one = self.rig.pki.leaf("wildcard", "here.hosts.test", file="next")
        here = self.rig.leaves["here"]
        _, lines = self.run_certs("fine", "trial", "vain-mx", publish=True, certificate=", ".join(
            f"{n} {leaf.chain_path} {leaf.key_path}"
            for n, leaf in (("mx", here), ("next", next_one))))
        digests = [self.rig.pki.digest(n, 1, 1).upper() for n in ("here.hosts.test", "next")]
        fine = lines[:lines.index("; trial.test")]
        self.assertEqual([line.split()[-1] for line in fine.splitlines() if " IN TLSA " in line],
                         digests, lines)
        for name in ("fine", "trial"):
            self.assertIn(f'_smtp._tls.{name}.test. IN TXT "v=TLSRPTv1; '
                          'rua=mailto:tls@fine.test"', lines)
            self.assertRegex(lines, rf'_mta-sts.{name}.test. IN TXT "v=STSv1; id=\d+;"')
        self.assertIn(";   mode: testing\n;   mx: here.hosts.test\n;   max_age", lines)
        self.assertEqual(lines.count("no DNSSEC"), 1)

    def test_publish_unknown(self):
        """What a domain promises now is not known: no record takes its place.  Nobody is asked
        for what is not printed."""
        full = "mta-sts.trial.test"
        policy = self.rig.policies.hosts.pop(full)
        path = os.path.join(tempfile.mkdtemp(dir=self.rig.folder), "control")
        control = Control(path, {})
        try:
            status, lines = self.run_certs("trial", "plain", publish=True, json_too=False,
                                           control_listen=f"unix:{path}")
        finally:
            self.rig.policies.hosts[full] = policy
            control.close()
        self.assertEqual(status, 3, lines)
        self.assertIn("; trial.test: nothing to publish: its MTA-STS policy is not known", lines)
        self.assertNotIn("trial.test. IN", lines)
        self.assertIn("_mta-sts.plain.test. IN", lines)
        self.assertEqual(control.asked, [])
        status, lines = self.run_certs("trial", publish=True, json_too=False,
                                       dns_servers="127.0.0.1@1")
        self.assertEqual((status, lines), (3, "; trial.test: nothing to publish: its MX records "
                                              "are not known now\n\n"))
        status, lines = self.run_certs("fine", "gone.hosts", publish=True)
        self.assertEqual(status, 0)
        self.assertIn("; gone.hosts.test: nothing to publish: it takes no mail\n", lines)

    # ------------------------------------------------------- what policyd knows

    def state(self, name, **more):
        return {"domains": {f"{name}.test": {"mode": "testing", "since": stamp(40), "id": "1",
                                             **more}}}

    def test_testing(self):
        row = {"domain": "trial.test", "policy": "sts", "success": 90, "failure": 0,
               "failures": {}}
        for received, words, advice in (
                ([row], "none of 90 sessions that others reported would have failed: it is "
                        "safe to enforce", "mode: enforce"),
                ([{**row, "failure": 10, "failures": {"certificate-expired": 10}}],
                 "10 of 100 sessions that others reported would have failed: "
                 "certificate-expired 10; told by Sender, Inc.", "mend that first"),
                ([], "no TLS report tells how it went", "report_addresses"),
                ([{**row, "policy": "no-policy-found"}], "no TLS report", "")):
            status, report = self.ask_with({
                "own-promises": self.state("trial"),
                "received": {"domains": received, "reports": [
                    {"organization": "Sender, Inc.", "verified": True, "policies": [
                        {"domain": "trial.test", "failure": 10}]},
                    {"organization": "Nobody", "verified": False, "policies": [
                        {"domain": "trial.test", "failure": 10}]}]}}, "trial")
            self.assertEqual((status, self.words(report)[0]), (1, [("testing-forever", None)]))
            self.assertIn("mode testing for 40 days", self.words(report)[1])
            self.assertIn(words, self.words(report)[1])
            self.assertNotIn("Nobody", self.words(report)[1])
            self.assertIn(advice, report["domains"][0]["problems"][0]["advice"])

    def test_testing_is_not_forever(self):
        """Not a month yet, nothing to ask, another mode before, no answer at all."""
        received = {"domains": [], "reports": []}
        for answers in ({"own-promises": self.state("trial", since=stamp(29)),
                         "received": received},
                        {"own-promises": self.state("trial", mode="enforce"),
                         "received": received},
                        {"own-promises": self.state("fine"), "received": received},
                        {"own-promises": self.state("trial")}, {}):
            status, report = self.ask_with(answers, "trial")
            self.assertEqual((status, self.words(report)[0]), (0, []), answers)

    def test_id_unchanged(self):
        _, report = self.run_certs("fine")
        known = report["domains"][0]["policy_hash"]
        for more, want in (({"policy_hash": "0" * 16}, ["record-id-unchanged"]),
                           ({"policy_hash": known}, []),
                           ({"policy_hash": "0" * 16, "id": "2"}, []), ({}, [])):
            _, report = self.ask_with({"own-promises": self.state("fine", **more)}, "fine")
            self.assertEqual([word for word, _ in self.words(report)[0]], want, more)

    def test_refused(self):
        """A day's refusals by reason and port; a single peer may be wrong itself."""
        def ask(*refusals):
            return self.ask_with({"own-promises": {"domains": {}},
                                  "in": {"our_certificate": refusals}}, "fine")
        status, report = ask(refusal("unknown ca", "a.test"),
                             refusal("unknown ca", "b.test", days=0.5, count=3),
                             refusal("unknown ca", "c.test", service="imap"),
                             refusal("certificate expired", "d.test", days=1.1))
        self.assertEqual((status, report["overall"]), (1, "warnings"))
        self.assertEqual([(r["reason"], r["service"], r["count"], r["peers"], r["host"],
                           r["severity"]) for r in report["refused"]],
                         [("unknown ca", "smtpd", 5, 2, "a.test", "warning"),
                          ("unknown ca", "imap", 2, 1, "c.test", "info")])
        self.assertEqual(report["refused"][0]["since"][:13], stamp(0.55)[:13])
        # One that comes again and again is one, by its address or, without, its name.
        for rows, peers in ((("a.test",), 1), (("a.test", "a.test", "a2.test"), 1),
                            (("x.test", "x.test"), 1), (("x.test", "x2.test"), 2)):
            status, report = ask(*(refusal("unknown ca", host) for host in rows))
            self.assertEqual((status, report["refused"][0]["peers"],
                              report["refused"][0]["count"]),
                             (int(peers > 1), peers, 2 * len(rows)), rows)
        # Nor was there another one when the only other row is of long ago.
        status, report = ask(refusal("unknown ca", "a.test", days=1.1),
                             refusal("unknown ca", "a.test"))
        self.assertEqual((status, report["refused"][0]["peers"]), (0, 1))
        self.assertEqual(ask()[1]["refused"], [])

    # -------------------------------------------------------------- next hops

    def test_next_hops(self):
        table = os.path.join(self.rig.folder, "transport")
        with open(table, "w") as f:
            f.write("a.test relay:[inner.hosts.test]\nb.test smtp:[inner.hosts.test]:25\n"
                    "c.test :[expired.hosts.test]\nd.test local:\ne.test error:no\n"
                    "f.test smtp:\ng.test relay:[10.1.2.3]\nh.test relay:[closed.hosts.test]\n")
        self.rig.write_main(f"transport_maps = texthash:{table}, regexp:/nowhere\n")
        try:
            status, report = self.run_certs("fine")
            _, screen = self.run_certs("fine", json_too=False)
        finally:
            self.rig.write_main()
        self.assertEqual((status, report["overall"]), (0, "good"), report)
        found = {h["next_hop"]: (h["for"], h["overall"],
                                 [p["finding"] for p in h["problems"]])
                 for h in report["next_hops"]}
        self.assertIn(found["[inner.hosts.test]:25"],
                      (("a.test", "good", []), ("b.test", "good", [])))
        self.assertEqual(found["[expired.hosts.test]:25"],
                         ("c.test", "broken", ["cert-expired"]))
        self.assertEqual(found["[closed.hosts.test]:25"][2], ["unreachable"])
        self.assertEqual(found["[10.1.2.3]"], ("g.test", "unknown", ["unknown"]))
        self.assertEqual(len(found), 4, found)
        self.assertIn("[inner.hosts.test]:25     as a next hop it is good", screen)

    # --------------------------------------------------- with a real policyd

    def test_policyd(self):
        """It keeps what it has seen, over a restart, and is asked for it."""
        policyd_rig.Policyd.build = self.rig.build
        log = os.path.join(self.rig.folder, "mail.log")
        open(log, "w").close()
        options = self.rig.options("trial", cert_interval="5s", dns_servers="", maillog=log)
        del options["control_listen"]
        policyd = policyd_rig.Policyd(self.rig.folder, **options)
        kept = os.path.join(policyd.folder, "state", "promises.json")

        def certs():
            done = subprocess.run(
                [os.path.join(self.rig.build, "hopseal"), "-c", policyd.conf_path, "--json",
                 "certs"], capture_output=True, text=True, timeout=120)
            return json.loads(done.stdout)

        def status():
            done = subprocess.run([os.path.join(self.rig.build, "hopseal"), "-c",
                                   policyd.conf_path, "--json", "status"],
                                  capture_output=True, text=True, timeout=60)
            return " ".join(p["detail"] for p in json.loads(done.stdout)["parts"]
                            if p["name"] == "certificates")
        try:
            policyd.start()
            policyd_rig.wait_until(lambda: os.path.exists(kept), "the first look", 40)
            with open(kept) as f:
                state = json.load(f)["trial.test"]
            self.assertEqual((state["mode"], state["id"]), ("testing", "1"))
            self.assertEqual((certs()["refused"], self.words(certs())[0]), ([], []))
            with open(log, "a") as f:
                f.write(REFUSAL.replace("TIME", time.strftime("%b %e %H:%M:%S")))
            refused, = policyd_rig.wait_until(lambda: certs()["refused"], "the log", 20)
            self.assertEqual((refused["reason"], refused["service"], refused["host"],
                              refused["count"], refused["severity"]),
                             ("unknown ca", "smtpd", "c.test", 1, "info"))
            self.rig.set_policy("trial", "testing", max_age=700000)
            policyd.end()
            policyd.start()
            self.assertEqual(self.words(certs())[0], [("record-id-unchanged", None)])
            policyd.end()
            with open(kept, "w") as f:
                json.dump({"trial.test": {**state, "since": stamp(50)}}, f)
            policyd.start()
            self.assertIn(("testing-forever", None), self.words(certs())[0])
            policyd_rig.wait_until(lambda: "trial.test: " in status(), "its own look", 40)
            told = lambda: policyd.log().count("own domain: name=trial.test, findings=")
            before = told()
            policyd_rig.wait_until(lambda: told() > before, "the line", 30)
            time.sleep(6)
            self.assertEqual(told(), before + 1)
            self.assertIn("testing-forever", policyd.log())
        finally:
            self.rig.set_policy("trial", "testing")
            policyd.kill_all()


def run_tests(build, folder, _logs, names):
    Promises.rig = Rig(build, folder)
    suite = unittest.TestSuite(
        map(Promises, names) if names
        else unittest.defaultTestLoader.loadTestsFromTestCase(Promises))
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(inside.main(run_tests))
