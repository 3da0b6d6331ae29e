#!/usr/bin/python3
"""hopseal check against real name servers and mail hosts that misbehave.

    test_check.py [--build DIR] [--logs DIR] [NAMES]

Runs in namespaces of its own (as root; exit 77 without), with the name servers and
certificates of tests/e2e.  Prints one line a check; exit 1 when one failed.
"""

import concurrent.futures
import json
import os
import resource
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

import inside
import netns
from dns import Dns, Zone
from pki import Leaf, Pki
from process import run
from scout_rig import PolicyHosts

LINE, TLS, DRAIN, FLOOD, LATE = "line", "tls", "drain", "flood", "late"    # the first one
HELLO = [b"220 mx ESMTP\r\n", LINE, b"250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n", LINE]
GOOD = HELLO + [b"220 go\r\n", TLS, LINE, b"221 bye\r\n"]


def weak_hello(suite):
    """A ServerHello of TLS 1.2 that takes this cipher suite."""
    body = b"\x03\x03" + bytes(32) + b"\0" + suite + b"\0"
    hello = b"\x02" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x03" + len(hello).to_bytes(2, "big") + hello


# Mail hosts: name, certificate, port, what they say, the finding, a part of the reason.
HOSTS = [
    ("good", "good", 25, GOOD, "ok", ""),
    ("odd", "good", 25, [b"220-hello\n", b"220-", b"there\r\nrubbish\r\n220\r\n", LINE,
                         b"250-mx\r\n250-starttls yes\r\n250 OK\r\n", LINE, b"250 well\r\n",
                         TLS, LINE], "ok", ""),
    ("no-starttls", "good", 25, [HELLO[0], LINE, b"250-mx STARTTLS\r\n250 SIZE\r\n", LINE],
     "starttls-missing", "not offered"),
    ("refused", "good", 25, HELLO + [b"454 4.7.0 not now\r\n", LINE], "starttls-refused",
     "454 4.7.0 not now"),
    ("refused-5", "good", 25, HELLO + [b"554 no\r\n"], "starttls-refused", "554 no"),
    ("injected", "good", 25, HELLO + [b"220 go\r\n250 injected\r\n", TLS],
     "starttls-injection", "in clear"),
    ("banner-5", "good", 25, [b"554 go away\r\n", LINE], "unreachable", "554 go away"),
    ("banner-4", "good", 25, [b"421-busy\r\n421 busy\r\n"], "unreachable", "421 busy"),
    ("closes", "good", 25, [], "unreachable", "closed"),
    ("ehlo-5", "good", 25, [HELLO[0], LINE, b"502 what?\r\n", LINE], "unreachable", "502"),
    ("ehlo-cut", "good", 25, [HELLO[0], LINE, b"250-mx\r\n250-STARTTLS\r\n"],
     "unreachable", "closed"),
    ("starttls-cut", "good", 25, HELLO, "starttls-refused", "closed"),
    ("drops", "good", 25, HELLO + [b"220 go\r\n"], "handshake-failed", ""),
    ("endless", "good", 25, [b"220-", FLOOD], "unreachable", "16 KiB"),
    ("silent", "good", 25, [DRAIN], "unreachable", "within 15 s"),
    ("drips", "good", 25, [b"220-a\r\n", 4] * 9, "unreachable", "within 15 s"),
    ("stuck", "good", 25, HELLO + [b"220 go\r\n", DRAIN], "handshake-failed",
     "within 15 s"),
    ("rubbish", "good", 25, HELLO + [b"220 go\r\n", 0.5, b"this is no TLS\r\n", DRAIN],
     "handshake-failed", ""),
    ("expired", "expired", 25, GOOD, "cert-expired", "expired 20"),
    ("not-yet", "not-yet", 25, GOOD, "cert-not-yet-valid", "not valid before 20"),
    ("other-name", "other-name", 25, GOOD, "cert-name-mismatch", "is for other.example"),
    ("both", "expired-other-name", 25, GOOD, "cert-expired", ""),
    ("other-ca", "other-ca", 25, GOOD, "cert-untrusted", "other"),
    ("self-signed", "self-signed", 25, GOOD, "cert-self-signed", ""),
    ("no-chain", "no-chain", 25, GOOD, "cert-", ""),
    ("expired-issuer", "expired-issuer", 25, GOOD, "cert-expired",
     "intermediate O=Bench, CN=expired-ca expired 20"),
    ("constrained", "constrained", 25, GOOD, "cert-untrusted",
     "outside an issuer's name constraints"),
    ("tls1.0", "good", 25, GOOD, "protocol-old", "TLSv1"),
    ("chain-100", "good", 25, GOOD, "ok", ""),
    ("chain-2000", "good", 25, GOOD, "handshake-failed", ""),
    ("rc4", "good", 25, HELLO + [b"220 go\r\n", weak_hello(b"\0\x05"), DRAIN],
     "cipher-weak", "only weak ciphers: RC4-SHA at best"),
    ("smtps", "good", 465, [TLS, b"220 mx\r\n", LINE], "ok", ""),
    ("submission", "good", 587, GOOD, "ok", ""),
    ("imaps", "expired", 993, [TLS, b"* OK hi\r\n", LINE], "cert-expired", ""),
    ("imap", "good", 143, [b"* OK hi\r\n", LINE, b"* CAPABILITY x\r\na OK go\r\n", TLS, LINE],
     "ok", ""),
    ("imap-none", "good", 143, [b"* PREAUTH hi\r\n", LINE], "unreachable", "PREAUTH"),
    ("pop3", "good", 110, [b"+OK hi\r\n", LINE, b"+OK go\r\n", TLS, LINE], "ok", ""),
    ("pop3-none", "good", 110, [b"+OK hi\r\n", LINE, b"-ERR what?\r\n"], "starttls-missing",
     "-ERR what?"),
    ("pop3s", "good", 995, [TLS, b"+OK hi\r\n", LINE], "ok", ""),
]

# What to do where the finding's own advice would mislead: host, a part of it.
ADVICE = {
    "expired": "renew the certificate",
    "expired-issuer": "replace the expired intermediate",
    "constrained": "that senders trust for this name",
    "dane-other": "publish TLSA 3 1 1 ",
}

# Certificates that no authority would make: name, its extensions, the finding, a reason.
HOSTILE = [
    ("names-10000", "subjectAltName = @names\n[names]\n" + "\n".join(
        f"DNS.{n} = n{n:04}.x" for n in range(1, 10000)) +
     "\nDNS.10000 = names-10000.hosts.test\n", "ok", ""),
    ("name-nul", "subjectAltName = DER:" + bytes(
        [0x30, 0x20, 0x82, 0x1e, *b"name-nul.hosts.test\0.evil.test"]).hex() + "\n",
     "cert-name-mismatch", "certificate has no DNS names"),
    ("cn-only", "", "cert-name-mismatch", "this host is in its common name only"),
    ("size-1m", "subjectAltName = DNS:size-1m.hosts.test\nnsComment = " + "x" * 2 ** 20 +
     "\n", "handshake-failed", "excessive message size"),
]

POLICY = b"version: STSv1\r\nmode: %s\r\nmx: *.hosts.test\r\nmax_age: 604800\r\n"

# Domains: name, MX hosts, policy mode (none: no record), overall, findings in it.
DOMAINS = [
    ("plain", ["good"], None, "good", []),
    ("plain-bad", ["no-starttls"], None, "warnings", ["starttls-missing"]),
    ("enforced", ["good"], b"enforce", "good", []),
    ("enforced-bad", ["expired"], b"enforce", "broken", ["cert-expired"]),
    ("enforced-late", ["late-expired"], b"enforce", "broken", ["cert-expired"]),
    ("enforced-half", ["good", "expired"], b"enforce", "warnings", ["cert-expired"]),
    ("testing-bad", ["expired"], b"testing", "warnings", ["cert-expired"]),
    ("five", ["good", "odd", "five-a", "five-b", "five-c"], b"enforce", "good", []),
    ("gone", ["closed-port"], None, "broken", ["unreachable"]),
    ("special", ["loopback"], None, "broken", ["unreachable"]),
    ("link", ["link-local"], None, "broken", ["unreachable"]),
    ("inside", ["private"], None, "broken", ["unreachable"]),
    ("loop", ["loop"], None, "broken", ["unknown"]),
    ("dane", ["dane-expired"], None, "good", []),
    ("dane-bad", ["dane-other"], None, "broken", ["tlsa-mismatch"]),
    ("mixed-up", ["five-a", "mixed-up"], b"enforce", "warnings", ["cert-name-mismatch"]),
    ("renewed", ["renewed", "left-behind"], b"enforce", "warnings", ["cert-inactive"]),
]


class MailHost:
    """Says the same to everybody who connects to one address and port."""

    def __init__(self, address, port, steps, leaf, versions=None):
        self.steps, self.count, self.heard = steps, 0, b""
        self.now, self.most = 0, 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if versions:
            self._context.set_ciphers("DEFAULT:@SECLEVEL=0")
            self._context.minimum_version = self._context.maximum_version = versions
        self._context.load_cert_chain(leaf.chain_path, leaf.key_path)
        self._listener = socket.create_server((address, port), backlog=64)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection, _ = self._listener.accept()
            self.count += 1
            threading.Thread(target=self._converse, args=(connection,),
                             daemon=True).start()

    def _converse(self, connection):
        connection.settimeout(40)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            for step in self.steps:
                if isinstance(step, bytes):
                    connection.sendall(step)
                elif step == LINE:
                    line = b""
                    while not line.endswith(b"\n"):
                        line += connection.recv(1) or b"\n"
                    self.heard += line
                elif step == LATE:
                    time.sleep(1.2 if self.count == 1 else 0)
                elif step == TLS:
                    connection = self._context.wrap_socket(connection, server_side=True)
                elif step == DRAIN:
                    while connection.recv(4096):
                        pass
                elif step == FLOOD:
                    while True:
                        connection.sendall(b"x" * 4096)
                else:
                    time.sleep(step)
        except (OSError, ValueError):
            pass
        self.now -= 1
        connection.close()


class Rig:
    def __init__(self, program, folder, logs):
        self.program = program
        self.pki = Pki(os.path.join(folder, "pki"))
        self.dns = Dns(os.path.join(folder, "dns"), logs)
        self.hosts, self._lines = {}, []
        self.postfix = os.path.join(folder, "postfix")
        os.makedirs(self.postfix)
        self.set_protocols(">=TLSv1.2")
        open(os.path.join(self.postfix, "master.cf"), "w").close()
        for name, kind, port, steps, *_ in HOSTS:
            self.add_host(name, kind, port, steps)
        for name in ("five-a", "five-b", "five-c"):
            self.add_host(name, "good", 25, GOOD)
        for name in ("dane-expired", "dane-other"):
            self.add_host(name, "expired", 25, GOOD)
        self.add_host("late-expired", "expired", 25, [LATE, *GOOD])
        # Another MX's certificate; and an old one for the names of both.
        both = ["renewed.hosts.test", "left-behind.hosts.test"]
        for name, leaf in (("mixed-up", self.pki.leaf("good", "five-a.hosts.test")),
                           ("renewed", self.pki.leaf("good", *both)),
                           ("left-behind", self.pki.leaf("good", *reversed(both),
                                                           days=(-80, 5)))):
            self.add_host(name, "", 25, GOOD, leaf)
        digest = self.pki.digest("dane-expired.hosts.test", 1, 1)
        self._lines += [f"_25._tcp.dane-expired TLSA 3 1 1 {digest}",
                        f"_25._tcp.dane-other TLSA 3 1 1 {'ab' * 32}",
                        "closed-port A 10.99.21.1", "loopback A 127.0.0.1"]
        policies = PolicyHosts(netns.POLICY_HOST, self.pki.leaf("good", "front.test"))
        for name, extensions, *_ in HOSTILE:
            self.add_host(name, "", 25, GOOD, hostile_leaf(self.pki, name, extensions))
        self._lines += ["link-local A 169.254.1.1", "link-local AAAA fe80::1",
                        "private A 10.1.2.3", "loop CNAME loop2", "loop2 CNAME loop",
                        *[f"m{n} A 10.99.20.1" for n in range(500)]]
        zones = [Zone("hosts.test", "signed", self._lines, 300),
                 Zone("crowd.test", "signed", [
                     f"@ MX {n} m{n}.hosts.test." for n in range(500)], 300),
                 Zone("null.test", "signed", ["@ MX 0 ."], 300),
                 Zone("bogus.test", "bogus", ["@ MX 10 good.hosts.test."], 300),
                 Zone("no-policy.test", "signed", [
                     "@ MX 10 good.hosts.test.", '_mta-sts TXT "v=STSv1; id=1;"',
                     f"mta-sts A {netns.POLICY_HOST}"], 300)]
        for name, hosts, mode, *_ in DOMAINS:
            lines = [f"@ MX 10 {host}.hosts.test." for host in hosts]
            lines.append('_smtp._tls TXT "v=TLSRPTv1;rua=mailto:tls@example.com"')
            if mode:
                full = f"mta-sts.{name}.test"
                body = POLICY % mode
                policies.hosts[full] = (self.pki.leaf("good", full), [
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d"
                    b"\r\n\r\n" % len(body) + body])
                lines += ['_mta-sts TXT "v=STSv1; id=1;"',
                          f"mta-sts A {netns.POLICY_HOST}"]
            zones.append(Zone(f"{name}.test", "signed", lines, 300))
        self.dns.start(zones)

    def set_protocols(self, setting):
        with open(os.path.join(self.postfix, "main.cf"), "w") as f:
            f.write("compatibility_level = 3.6\nmyhostname = probe.example\n"
                    f"smtp_tls_CAfile = {self.pki.root_path}\n"
                    f"smtp_tls_mandatory_protocols = {setting}\n")

    def add_host(self, name, kind, port, steps, leaf=None):
        address = f"10.99.20.{len(self.hosts) + 1}"
        leaf = leaf or self.pki.leaf(kind, f"{name}.hosts.test")
        if name.startswith("chain-"):
            with open(leaf.chain_path) as f:
                chain = f.read()
            first = chain.index("-----BEGIN", 10)
            with open(leaf.chain_path, "w") as f:
                f.write(chain[:first] + chain[first:] * int(name[6:]))
        self._lines.append(f"{name} A {address}")
        self.hosts[name] = MailHost(address, port, steps, leaf,
                                    ssl.TLSVersion.TLSv1 if name == "tls1.0" else None)

    def check(self, target, *options):
        argv = [self.program, "-o", f"allow_networks={netns.NETWORK}",
                "-o", f"tls_ca_file={self.pki.root_path}",
                "-o", f"postfix_config_dir={self.postfix}",
                "-o", f"dns_trust_anchor={self.dns.anchor_path}", *options, "check", target]
        started = time.monotonic()
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
        return done, time.monotonic() - started

    def check_json(self, target, *options):
        done, seconds = self.check(target, "--json", *options)
        try:
            return json.loads(done.stdout), done, seconds
        except ValueError:
            return {"hosts": [], "findings": [], "problems": []}, done, seconds


def hostile_leaf(pki, name, extensions):
    path = os.path.join(pki.folder, name)
    with open(path + ".ext", "w") as f:
        f.write(f"extendedKeyUsage = serverAuth\n{extensions}")
    run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-noenc", "-keyout", path + ".key", "-out", path + ".csr",
        "-subj", f"/CN={name}.hosts.test")
    issuer = os.path.join(pki.folder, "intermediate")
    run("openssl", "x509", "-req", "-in", path + ".csr", "-days", "9", "-out", path + ".pem",
        "-CA", issuer + ".pem", "-CAkey", issuer + ".key", "-extfile", path + ".ext")
    with open(path + ".chain", "w") as chain:
        for part in path, issuer:
            with open(part + ".pem") as f:
                chain.write(f.read())
    return Leaf(path + ".chain", path + ".key")


class Checks:
    def __init__(self):
        self.failed = 0

    def __call__(self, label, is_ok, note=""):
        print(f"{'ok' if is_ok else 'not ok'} {label}" +
              (f"\n# {note}" if note != "" and not is_ok else ""), flush=True)
        self.failed += not is_ok


def test_hosts(rig, check):
    """All together, as some of them take their time."""
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(rig.check_json, f"{name}.hosts.test:{port}",
                             "-o", "log_level=debug")
                 for name, _, port, *_ in HOSTS]
    for (name, _, _, _, finding, words), future in zip(HOSTS, asked):
        report, done, seconds = future.result()
        addresses = [a for h in report["hosts"] for a in h["addresses"]]
        got = addresses[0] if addresses else {}
        is_ok = got.get("finding", "").startswith(finding) and \
            words in (got.get("reason") or "")
        check(f"{name}: {finding}", is_ok, f"{got.get('finding')} {got.get('reason')} "
              f"{done.stderr[-1500:]}")
        overall = "good" if finding == "ok" else "broken"
        allowed = (overall, "warnings") if finding == "ok" else (overall,)
        check(f"{name}: overall", report.get("overall") in allowed,
              f"{report.get('overall')} {report['problems']}")
        check(f"{name}: in time", seconds < 60, seconds)
        check(f"{name}: each problem has advice",
              all(len(p["advice"]) > 10 for p in report["problems"]), report["problems"])


def test_advice(rig, check):
    for name, words in ADVICE.items():
        got = [p["advice"] for p in rig.check_json(f"{name}.hosts.test:25")[0]["problems"]]
        check(f"{name}: {words}", len(got) == 1 and words in got[0], got)
    rig.set_protocols("")
    got = rig.check_json("tls1.0.hosts.test:25")[0]["problems"][0]["advice"]
    check("tls1.0: offer TLS 1.2", "offer TLS 1.2" in got, got)
    rig.set_protocols(">=TLSv1.2")


def test_details(rig, check):
    report, done, seconds = rig.check_json("good.hosts.test:smtp")
    host = report["hosts"][0]
    address = host["addresses"][0]
    check("protocol and cipher", host["protocol"] == "TLSv1.3" and
          host["cipher"].startswith("TLS_"), host)
    check("key exchange", bool(address["key_exchange"]), address)
    check("the chain", len(host["chain"]) == 2 and host["chain"][0]["used"] and
          host["chain"][0]["not_after"] == address["not_after"], host["chain"])
    check("names", address["names"] == ["good.hosts.test"], address["names"])
    check("versions", address["offers"] == {
        "TLSv1": False, "TLSv1.1": False, "TLSv1.2": True, "TLSv1.3": True,
        "weak_ciphers": False}, address["offers"])
    check("without SNI", address["without_sni"] == "ok", address)
    check("stages", set(address["ms"]) == {"connect", "banner", "ehlo", "starttls",
                                           "handshake", "quit"}, address["ms"])
    check("exit status", done.returncode == 0, done)
    both = rig.check_json("both.hosts.test:25")[0]["hosts"][0]["addresses"][0]
    check("all findings, in order",
          both["findings"] == ["cert-expired", "cert-name-mismatch"], both["findings"])
    old = rig.check_json("tls1.0.hosts.test:25")[0]["hosts"][0]["addresses"][0]
    check("an old version is named", old["protocol"] == "TLSv1", old)
    weak = rig.check_json("rc4.hosts.test:25")[0]
    check("a weak cipher is named", weak["hosts"][0]["addresses"][0]["offers"][
        "weak_ciphers"] and "RC4-SHA" in weak["problems"][0]["reason"], weak)


def test_protocols(rig, check):
    """What the site's smtp_tls_mandatory_protocols make of the same hosts."""
    for setting, name, finding, protocol, words in (
            (">=TLSv1.2", "tls1.0", "protocol-old", "TLSv1", "smtp_tls_mandatory_protocols"),
            # Permitted, but OpenSSL refuses it where Postfix verifies.
            ("", "tls1.0", "handshake-failed", "TLSv1", "TLSv1 at best"),
            ("!TLSv1.3", "good", "ok", "TLSv1.2", ""),
            ("<=TLSv1.2", "good", "ok", "TLSv1.2", "")):
        rig.set_protocols(setting)
        report = rig.check_json(f"{name}.hosts.test:25")[0]
        host = report["hosts"][0]
        got = host["addresses"][0]
        check(f"protocols {setting!r}: {name}: {finding}", host["finding"] == finding and
              host["protocol"] == protocol and words in (got["reason"] or ""), host)
    rig.set_protocols(">=TLSv1.2")


def test_hostile(rig, check):
    """Bounded time and memory, a finding, and no more."""
    for name, _, finding, words in HOSTILE:
        report, done, seconds = rig.check_json(f"{name}.hosts.test:25")
        got = report["hosts"][0]["addresses"][0]
        check(f"{name}: {finding}", got["finding"] == finding and
              words in (got["reason"] or ""), (got["finding"], got["reason"], done.stderr))
        check(f"{name}: in time", seconds < 30, seconds)
    report, done, seconds = rig.check_json("crowd.test")
    check("500 MX: some are looked at", 0 < len(report["hosts"]) <= 64 and
          report["hosts"][0]["finding"] == "cert-name-mismatch", len(report["hosts"]))
    check("500 MX: in time", seconds < 100, seconds)
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    check("in little memory", most < 128 * 1024, most)


def test_revoked(rig, check):
    ca = ["openssl", "ca", "-config", os.path.join(rig.pki.folder, "intermediate.cnf")]
    crl = os.path.join(rig.pki.folder, "intermediate.crl")
    env = dict(os.environ, SAN="DNS:none.example")
    leaf = os.path.join(rig.pki.folder, "submission.hosts.test.pem")
    run(*ca, "-revoke", leaf, env=env)
    run(*ca, "-gencrl", "-crldays", "30", "-out", crl, env=env)
    for name, port, finding in (("submission", 587, "cert-revoked"), ("good", 25, "ok")):
        report = rig.check_json(f"{name}.hosts.test:{port}", "-o", f"crl_file={crl}")[0]
        check(f"revocation list: {finding}", report["hosts"][0]["finding"] == finding,
              report["problems"])


def test_domains(rig, check):
    exits, took_s = {"good": 0, "warnings": 1, "broken": 2}, []
    for name, hosts, mode, overall, findings in DOMAINS:
        report, done, seconds = rig.check_json(f"{name}.test")
        check(f"{name}: {overall}", report.get("overall") == overall and
              done.returncode == exits[overall],
              f"{report.get('overall')} {done.returncode} {report['problems']} {done.stderr}")
        check(f"{name}: findings", report["findings"] == findings, report["findings"])
        check(f"{name}: hosts", sorted(h["host"] for h in report["hosts"]) ==
              sorted(f"{h}.hosts.test" for h in hosts), report["hosts"])
        check(f"{name}: MTA-STS", report["mta_sts"]["mode"] ==
              (mode.decode() if mode else None), report["mta_sts"])
        check(f"{name}: TLS-RPT", report["tlsrpt"]["state"] == "present", report["tlsrpt"])
        took_s.append(seconds)
    check("most under 3 s", sorted(took_s)[len(took_s) // 2] < 3, took_s)
    dane = rig.check_json("dane.test")[0]
    check("DANE: state", dane["dane"]["state"] == "usable-all", dane["dane"])
    mixed = rig.check_json("mixed-up.test")[0]["problems"][0]
    check("whose certificate it is", mixed["reason"] == "certificate is for five-a.hosts.test, "
          "another MX of the domain", mixed)
    left = [p for p in rig.check_json("renewed.test")[0]["problems"]
            if p["finding"] == "cert-inactive"]
    check("who was left behind", len(left) == 1 and left[0]["host"] ==
          "left-behind.hosts.test" and "renewed.hosts.test has a newer" in left[0]["reason"],
          left)
    check("DANE: the record that matched", dane["hosts"][0]["addresses"][0]["dane"]
          ["match"].startswith("3 1 1"), dane["hosts"])


def test_no_mail(rig, check):
    for target, overall, finding, status in (
            ("null.test", "good", None, 0),
            ("nowhere.test", "broken", "unreachable", 2),
            ("bogus.test", "broken", "dnssec-invalid", 2),
            ("no-policy.test", "broken", "policy-fetch-failed", 2)):
        report, done, _ = rig.check_json(target)
        check(target, report.get("overall") == overall and done.returncode == status and
              (finding is None or finding in report["findings"]),
              f"{report.get('overall')} {report['findings']} {done.returncode}")


def test_for_people(rig, check):
    done, _ = rig.check("enforced-bad.test")
    check("people: the word first", done.stdout.startswith("enforced-bad.test: broken\n"),
          done.stdout)
    check("people: what to do", "-> renew the certificate" in done.stdout, done.stdout)
    check("people: nothing to complain of",
          all("scout runs as root" in line for line in done.stderr.splitlines()),
          done.stderr)
    check("people: no line is long",
          all(len(line) <= 160 for line in done.stdout.splitlines()), done.stdout)
    for target in ("user@example.com", "10.99.20.1:25", "good.hosts.test:nonsense", ""):
        check(f"usage: {target!r}", rig.check(target)[0].returncode == 64)
    done, _ = rig.check("plain.test", "-o", "scout_program=/nowhere")
    check("no scout: unknown", done.returncode == 3 and "hopseal-scout" in done.stderr, done)


def test_polite(rig, check):
    host = rig.hosts["good"]
    before, host.most = host.count, 0
    rig.check("plain.test")
    check("few connections a host", host.count - before <= 6, host.count - before)
    # The end of one may be noticed here after the begin of the next.
    check("one after the other", host.most <= 2, host.most)
    check("it says who it is, and QUIT", b"EHLO probe.example\r\n" in host.heard and
          b"QUIT\r\n" in host.heard, host.heard[-300:])


def run_tests(build, folder, logs, names):
    warnings.simplefilter("ignore", DeprecationWarning)         # TLS 1.0
    check, rig = Checks(), Rig(os.path.join(build, "hopseal"), folder, logs)
    tests = (test_details, test_hosts, test_advice, test_protocols, test_hostile, test_revoked,
             test_domains, test_no_mail, test_for_people, test_polite)
    for test in tests:
        if not names or test.__name__[len("test_"):] in names:
            test(rig, check)
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(inside.main(run_tests))
