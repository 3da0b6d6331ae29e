#!/usr/bin/python3
"""hopseal-scout against real name servers and a policy host that misbehaves.

    test_scout.py [--build DIR] [--logs DIR]

Runs in namespaces of its own (as root; exit 77 without), with the name servers and
certificates of tests/e2e.  Prints one line a check; exit 1 when one failed.
"""

import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))

import inside
import netns
from dns import Dns, Zone
from pki import Pki
from process import run, wait_until
from scout_rig import BrokenResolver, PolicyHosts, Scout, StrippingResolver

STRIPPING, BROKEN, SILENT = "10.99.0.61", "10.99.0.62", "10.99.0.63"
USABLE = f"TLSA 3 1 1 {'ab' * 32}"
UNUSABLE = f"TLSA 1 1 1 {'ab' * 32}"
BODY = b"version: STSv1\r\nmode: enforce\r\nmx: *.example\r\nmax_age: 604800\r\n"
HOST = ["@ MX 10 mx", "mx A 10.99.9.1"]

# The zones: name, kind, lines.
ZONES = [
    ("plain.test", "signed", HOST),
    ("unsigned.test", "unsigned", HOST + [f"_25._tcp.mx {USABLE}"]),
    ("usable.test", "signed", HOST + [f"_25._tcp.mx {USABLE}"]),
    ("unusable.test", "signed", HOST + [f"_25._tcp.mx {UNUSABLE}"]),
    ("some.test", "signed", HOST + ["@ MX 20 second", "second AAAA fd99::2",
                                    f"_25._tcp.second {USABLE}"]),
    ("ports.test", "signed", HOST + [f"_587._tcp.mx {USABLE}"]),
    ("bogus.test", "bogus", HOST),
    ("null.test", "signed", ["@ MX 0 ."]),
    ("implicit.test", "signed", ["@ A 10.99.9.1", f"_25._tcp {USABLE}"]),
    ("empty.test", "signed", []),
    ("nohost.test", "signed", ["@ MX 10 gone"]),
    # aliases: RFC 7672, 2.2.2
    ("target.test", "signed", ["mx A 10.99.9.1", f"_25._tcp.mx {USABLE}",
                               "bare A 10.99.9.1"]),
    ("alias-end.test", "signed", ["@ MX 10 mx", "mx CNAME mx.target.test."]),
    ("alias-begin.test", "signed", ["@ MX 10 mx", "mx CNAME bare.target.test.",
                                    f"_25._tcp.mx {USABLE}"]),
    ("alias-out.test", "signed", ["@ MX 10 mx", "mx CNAME mx.unsigned.test.",
                                  f"_25._tcp.mx {USABLE}"]),
    # TLSA that fails: delays for a signed host, means nothing for another
    ("lame.test", "signed", HOST),
    ("_tcp.mx.lame.test", "lame", []),
    ("lame-unsigned.test", "unsigned", HOST),
    ("_tcp.mx.lame-unsigned.test", "lame", []),
    ("many.test", "signed", [f"@ MX {n} h{n}" for n in range(100)] +
     [f"h{n} A 10.99.8.{n}" for n in range(100)]),
]

# hop, what is wanted of the facts: "host.X" is of the first host, "~" a part of a word
DNS_CASES = [
    ("plain.test", {"mx": "present", "mx_is_secure": "1", "dane": "none",
                    "record": "absent", "host.host_is_secure": "1", "host.tlsa": "none"}),
    ("unsigned.test", {"mx_is_secure": None, "dane": "none", "host.tlsa": "none"}),
    ("usable.test", {"dane": "usable-all", "host.tlsa": "usable"}),
    ("unusable.test", {"dane": "none-usable", "host.tlsa": "unusable"}),
    ("some.test", {"dane": "usable-some"}),
    ("ports.test", {"dane": "none"}),
    ("ports.test:587", {"dane": "usable-all"}),
    ("[mx.ports.test]:587", {"dane": "usable-all", "mx": "present",
                             "host.name": "mx.ports.test"}),
    ("bogus.test", {"mx": "unknown", "dane": "unknown", "dane_error": "~bogus"}),
    ("null.test", {"mx": "absent", "mx_is_null": "1", "dane": "none"}),
    ("implicit.test", {"mx": "present", "mx_is_implicit": "1", "dane": "usable-all"}),
    ("empty.test", {"mx": "absent", "mx_is_implicit": "1"}),
    ("nowhere.test", {"mx": "absent", "mx_error": "~does not exist",
                      "mx_is_implicit": None}),
    ("nohost.test", {"mx": "present", "dane": "none", "host.addresses": "absent"}),
    ("alias-end.test", {"dane": "usable-all"}),
    ("alias-begin.test", {"dane": "usable-all"}),
    ("alias-out.test", {"dane": "usable-all", "host.host_is_secure": None}),
    ("lame.test", {"dane": "unknown", "host.tlsa": "unknown", "dane_error": "~TLSA of"}),
    ("lame-unsigned.test", {"dane": "none", "host.tlsa": "none"}),
    ("many.test", {"mx": "present", "hosts_are_cut": "1", "host.name": "h0.many.test"}),
]


def http(*fields, status="200 OK", body=BODY, length=True, type="text/plain"):
    lines = [f"HTTP/1.1 {status}"] + ([f"Content-Type: {type}"] if type else [])
    lines += [f"Content-Length: {len(body)}"] if length else []
    return "\r\n".join(lines + list(fields)).encode() + b"\r\n\r\n" + body


CHUNKED = http("Transfer-Encoding: chunked", length=False, body=b"")
DRIPS = [f"drip{i:02}" for i in range(90)]
FAILED, INVALID, WEBPKI = ("policy-fetch-failed", "policy-invalid",
                           "policy-webpki-invalid")

# name of the domain, kind of certificate, what is sent, finding ("" for a policy), words
FETCH_CASES = [
    ("good", "good", [http()], "", ""),
    ("chunks", "good", [CHUNKED, b"20\r\n" + BODY[:32] + b"\r\n%x\r\n" % (len(BODY) - 32) +
                        BODY[32:] + b"\r\n0\r\n\r\n"], "", ""),
    ("parameters", "good", [http(type="Text/Plain; Charset=UTF-8; x=y")], "", ""),
    ("continue", "good", [b"HTTP/1.1 100 Continue\r\n\r\n", http()], "", ""),
    ("hints", "good", [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", http()], "", ""),
    ("status404", "good", [http(status="404 Not Found")], FAILED, "HTTP status 404"),
    ("status206", "good", [http(status="206 Partial")], FAILED, "HTTP status 206"),
    ("redirect", "good", [http("Location: https://mta-sts.good.sts.test/",
                               status="301 Moved")], FAILED, "redirects"),
    ("html", "good", [http(type="text/html")], INVALID, "text/html"),
    ("untyped", "good", [http(type="")], INVALID, "media type is missing"),
    ("gzip", "good", [http("Content-Encoding: gzip")], INVALID, "Content-Encoding"),
    ("endless", "good", [http(length=False)], FAILED, "neither Content-Length"),
    ("two-lengths", "good", [http("Content-Length: 5")], FAILED, ""),
    ("cut", "good", [http()[:-10]], FAILED, ""),
    ("cut-chunk", "good", [CHUNKED, b"%x\r\n" % len(BODY) + BODY[:20]], FAILED, ""),
    ("big", "good", [http(body=b"x" * 65537)], INVALID, "64 KiB"),
    ("big-chunks", "good", [CHUNKED] + [b"8000\r\n" + b"x" * 32768 + b"\r\n"] * 3,
     INVALID, "64 KiB"),
    ("flood", "good", [b"HTTP/1.1 200 OK\r\n"] + [b"X: " + b"y" * 8000 + b"\r\n"] * 3,
     FAILED, "16 KiB"),
    ("rubbish", "good", [b"220 mx.example ESMTP\r\n"], FAILED, ""),
    ("silent", "good", [], FAILED, ""),
    ("grammar", "good", [http(body=BODY.replace(b"enforce", b"Enforce"))], INVALID,
     "RFC 8461"),
    ("inject", "good", [http(body=BODY.replace(b"*.example", b"a servername=b"))],
     INVALID, "RFC 8461"),
    ("expired", "expired", [http()], WEBPKI, "expired 20"),
    ("not-yet", "not-yet", [http()], WEBPKI, "not valid before 20"),
    ("other-name", "other-name", [http()], WEBPKI, "does not name that host"),
    ("self-signed", "self-signed", [http()], WEBPKI, "self-signed"),
    ("other-ca", "other-ca", [http()], WEBPKI, "not trusted"),
    ("no-chain", "no-chain", [http()], WEBPKI, "intermediate was not sent"),
    ("no-names", "no-names", [http()], WEBPKI, "does not name that host"),
    ("no-sni", None, [], FAILED, ""),
]


class Rig:
    def __init__(self, program, folder, logs):
        self.logs, self.program = logs, program
        self.pki = Pki(os.path.join(folder, "pki"))
        self.dns = Dns(os.path.join(folder, "dns"), logs)
        good = [f"mta-sts.{name}.sts.test" for name, kind, *_ in FETCH_CASES
                if kind == "good"]
        self.good = self.pki.leaf("good", *good)
        self.policies = PolicyHosts(netns.POLICY_HOST, self.good)
        zones = [Zone(name, kind, lines, 300) for name, kind, lines in ZONES]
        for name, kind, parts, *_ in FETCH_CASES:
            if kind is not None:
                self.policies.hosts[f"mta-sts.{name}.sts.test"] = (self.leaf(kind, name),
                                                                   parts)
        self.dns.start(zones + [self.sts_zone("1")])
        StrippingResolver(STRIPPING, netns.RESOLVER)
        BrokenResolver(BROKEN)
        self.options = {"allow_networks": netns.NETWORK,
                        "tls_ca_file": self.pki.root_path,
                        "dns_trust_anchor": self.dns.anchor_path}

    def leaf(self, kind, name):
        if kind == "good":
            return self.good
        if kind == "no-names":          # only a CN, which must not count
            leaf = self.pki.leaf("good", "other.example")
            path = os.path.join(self.pki.folder, "other.example")
            run("openssl", "req", "-new", "-key", path + ".key", "-subj",
                f"/CN=mta-sts.{name}.sts.test", "-out", path + ".csr",
                "-config", os.path.join(self.pki.folder, "root.cnf"),
                env=dict(os.environ, SAN="DNS:none.example"))
            run("openssl", "x509", "-req", "-in", path + ".csr", "-days", "9",
                "-CA", os.path.join(self.pki.folder, "intermediate.pem"),
                "-CAkey", os.path.join(self.pki.folder, "intermediate.key"),
                "-out", path + ".pem")
            with open(leaf.chain_path, "w") as chain:
                for part in (path, os.path.join(self.pki.folder, "intermediate")):
                    with open(part + ".pem") as f:
                        chain.write(f.read())
            return leaf
        return self.pki.leaf(kind, f"mta-sts.{name}.sts.test")

    def sts_zone(self, id):
        lines = []
        for name in [name for name, *_ in FETCH_CASES] + DRIPS:
            lines += [f"{name} MX 10 mx.plain.test.",
                      f'_mta-sts.{name} TXT "v=STSv1; id={id};"',
                      f"mta-sts.{name} A {netns.POLICY_HOST}"]
        return Zone("sts.test", "signed", lines, 1)

    def scout(self, **options):
        return Scout(self.program, os.path.join(self.logs, "scout.log"),
                     **dict(self.options, **options))


class Checks:
    def __init__(self):
        self.failed = 0

    def __call__(self, label, is_ok, note=""):
        print(f"{'ok' if is_ok else 'not ok'} {label}" +
              (f"\n# {note}" if not is_ok else ""), flush=True)
        self.failed += not is_ok

    def facts(self, label, facts, wanted):
        for name, want in wanted.items():
            hosts = facts["hosts"] or [{}]
            got = hosts[0].get(name[5:]) if name.startswith("host.") else facts.get(name)
            is_ok = want[1:] in (got or "") if (want or "").startswith("~") else got == want
            self(f"{label}: {name}", is_ok, f"got {got!r}, want {want!r}")


def test_sandbox(rig, check, scout):
    with open(f"/proc/{scout.process.pid}/status") as f:
        status = dict(line.split(":\t", 1) for line in f.read().splitlines()
                      if ":\t" in line)
    check("process name", status["Name"] == "hopseal-scout", status["Name"])
    check("no new privileges", status["NoNewPrivs"] == "1")
    skipped = any("without system call filter" in line for line in scout.lines)
    check("system call filter, or a line that says why not",
          (status["Seccomp"] == "2") != skipped)
    check("it ticks", wait_until(lambda: scout.ticks > 1, 5, "ticks"))


def test_resolver(rig, check, scout):
    wait_until(lambda: scout.resolver, 10, "the resolver message")
    check("both resolvers validate", scout.resolver[:2] == ("yes", "yes"),
          scout.resolver)


def test_dns(rig, check, scout):
    numbers = [scout.ask(hop) for hop, _ in DNS_CASES]
    for number, (hop, wanted) in zip(numbers, DNS_CASES):
        check.facts(hop, scout.answer(number), wanted)


def test_fetch(rig, check, scout):
    numbers = [scout.ask(f"{name}.sts.test") for name, *_ in FETCH_CASES]
    for number, (name, _, _, finding, words) in zip(numbers, FETCH_CASES):
        facts = scout.answer(number)
        check.facts(name, facts, {"record": "present", "record_id": "1",
                                  "fetch_finding": finding or None})
        check(f"{name}: words", words in facts.get("fetch_error", ""),
              facts.get("fetch_error"))
        check(f"{name}: policy", bool(facts["policy"]) == (finding == ""),
              facts["policy"])
        if finding:
            check(f"{name}: words are there", len(facts["fetch_error"]) > 10)
    head = dict(rig.policies.requests)["mta-sts.good.sts.test"]
    check("the request", head.startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n") and
          b"Connection: close" in head and b"If-" not in head and
          b"Accept-Encoding" not in head, head)


def test_refetch(rig, check, scout):
    host = "mta-sts.good.sts.test"
    held = scout.look_up("good.sts.test", refresh=True)
    count = rig.policies.seen(host)
    scout.look_up("good.sts.test", held)
    check("same id: no fetch", rig.policies.seen(host) == count)
    numbers = [scout.ask("good.sts.test", refresh=True) for _ in range(5)]
    got = [scout.answer(n) for n in numbers]
    check("asked five times, fetched once", rig.policies.seen(host) == count + 1 and
          all(f["policy"] for f in got), rig.policies.seen(host) - count)

    bad = scout.look_up("status404.sts.test")
    seen = rig.policies.seen("mta-sts.status404.sts.test")
    again = scout.look_up("status404.sts.test", bad)
    check("after a failure: waits", seen == rig.policies.seen("mta-sts.status404.sts.test")
          and again["fetch_failed_at"] == bad["fetch_failed_at"])
    forced = scout.look_up("status404.sts.test", bad, refresh=True)
    check("after a failure: refresh does not wait", forced["fetch_failed_count"] == "2")

    rig.dns.change(rig.sts_zone("2"))
    time.sleep(2.5)                     # the record's TTL
    renewed = scout.look_up("status404.sts.test", forced)
    check.facts("new id is fetched at once", renewed,
                {"fetch_failed_id": "2", "fetch_failed_count": "1"})
    rig.policies.hosts[host] = (rig.good, [http(status="500 Oops")])
    kept = scout.look_up("good.sts.test", held)
    check("failed refresh keeps the policy", kept["policy"] and kept["policy_id"] == "1"
          and kept["fetch_finding"] == FAILED, kept)
    warned = lambda: any("could not be refreshed" in line for line in scout.lines)
    check("and is warned about", wait_until(warned, 30, "the warning"))
    rig.policies.hosts[host] = (rig.good, [http()])


def test_dates(rig, check, scout):
    """What a policy host says of the time, and only with a policy."""
    def date(seconds):
        return time.strftime("Date: %a, %d %b %Y %H:%M:%S GMT",
                             time.gmtime(time.time() + seconds))

    host = "mta-sts.good.sts.test"
    for label, sent, wanted in (
            ("none said", [http()], None),
            ("the same", [http(date(0))], 0),
            ("ours is behind", [http(date(3600))], -3600),
            ("ours is ahead", [http(date(-3600))], 3600),
            ("from a cache", [http(date(-3600), "Age: 3600")], 0),
            ("when the header came", [http(date(0))[:-5], 3.0, BODY[-5:]], 0),
            ("beyond words", [http("Date: yesterday")], None),
            ("without a policy", [http(date(0), status="404 Not Found")], None)):
        rig.policies.hosts[host] = (rig.good, sent)
        scout.dates.clear()
        scout.look_up("good.sts.test", refresh=True)
        got = [(address, round(ahead, -1)) for address, ahead in scout.dates]
        check(f"date: {label}", got == ([] if wanted is None else
                                        [(netns.POLICY_HOST, wanted)]), scout.dates)
    rig.policies.hosts[host] = (rig.good, [http()])


def test_slow(rig, check, scout):
    """A policy host that takes its time does not hold up the rest."""
    host = "mta-sts.good.sts.test"
    rig.policies.hosts[host] = (rig.good, [12.0, http()])
    begin = time.monotonic()
    early = scout.look_up("good.sts.test")
    check("slow policy host: early answer after 4 s", 3 < time.monotonic() - begin < 12)
    check.facts("early answer", early, {"record": "present", "mx": "present",
                                        "fetch_finding": None})
    check("early answer: no policy", not early["policy"])
    late = scout.look_up("good.sts.test")
    check("late asker is told at once", time.monotonic() - begin < 12)
    news = scout.news.get(timeout=40)
    check("the policy comes later, unasked", bool(news["policy"]) and
          news["next_hop"] == "good.sts.test" and not late["policy"])
    rig.policies.hosts[host] = (rig.good, [http()])


def test_drips(rig, check):
    """Hosts that drip hold up nobody for long, and too many of them are given up."""
    names = [f"mta-sts.{name}.sts.test" for name in DRIPS]
    leaf = rig.pki.leaf("good", *names)
    for name in names:
        rig.policies.hosts[name] = (leaf, [b"HTTP/1.1 200 OK\r\n"] +
                                    [1.0, b"X: y\r\n"] * 50)
    scout = rig.scout()
    for name in DRIPS[:20]:
        scout.ask(f"{name}.sts.test")
    wait_until(lambda: sum(map(rig.policies.seen, names)) == 16, 30, "16 fetches")
    begin = time.monotonic()
    scout.ask("good.sts.test")
    facts = scout.news.get(timeout=30)      # what was fetched after the first answer
    check("20 drips: another host is fetched", facts["next_hop"] == "good.sts.test" and
          facts["policy"] and time.monotonic() - begin < 20, facts)
    for name in DRIPS[20:]:
        scout.ask(f"{name}.sts.test")
    facts = scout.news.get(timeout=40)
    check("90 drips: the first are given up", facts["next_hop"].startswith("drip") and
          facts["fetch_finding"] == FAILED and time.monotonic() - begin < 40, facts)
    scout.stop()


def test_reload(rig, check, scout):
    numbers = [scout.ask(hop) for hop, _ in DNS_CASES]
    scout.configure(**dict(rig.options, allow_networks=""))
    for number in numbers:
        scout.answer(number)
    check("reload in the middle: all are answered", True)
    facts = scout.look_up("good.sts.test", refresh=True)
    check.facts("special-use address", facts, {"fetch_finding": FAILED,
                                               "fetch_error": "~allow_networks"})
    scout.configure(**rig.options)
    facts = scout.look_up("good.sts.test", refresh=True)
    check("and allowed again", bool(facts["policy"]))


def test_front_returns(rig, check, scout):
    for hop, _ in DNS_CASES:
        scout.ask(hop, refresh=True)
    scout.front.socket.close()
    scout.connect_front()
    check.facts("a new front is answered", scout.look_up("plain.test"), {"mx": "present"})


def test_no_dns(rig, check, scout):
    held = scout.look_up("good.sts.test")
    time.sleep(2.5)                     # the scout's own cache keeps a TTL of 1 s for 2
    rig.dns.pause()
    begin = time.monotonic()
    facts = scout.look_up("good.sts.test", held)
    took = time.monotonic() - begin
    rig.dns.resume()
    check("resolver hangs: answer in time", took < 25, took)
    check.facts("resolver hangs", facts, {"mx": "present", "mx_error": "~MX of",
                                          "record": "unknown"})
    check("resolver hangs: policy stays", bool(facts["policy"]))
    delay = int(facts["refresh_at"]) - int(facts["looked_at"])
    check("resolver hangs: look again soon", delay == 10, delay)


def test_resolv_conf(rig, check, scout):
    """The file changes under a running scout, which follows it as Postfix does."""
    with open("/etc/resolv.conf") as f:
        good = f.read()
    for label, text, want in (("to a bad server", f"nameserver {BROKEN}\n", "unknown"),
                              ("and back", good, "present")):
        with open("/etc/resolv.conf", "w") as f:
            f.write(text)
        check.facts(f"resolv.conf changes {label}", scout.look_up("usable.test"),
                    {"mx": want})


def test_stripping(rig, check):
    """A resolver without DNSSEC: found out, and MTA-STS goes on without DANE."""
    scout = rig.scout(dns_servers=STRIPPING)
    wait_until(lambda: scout.resolver, 20, "the resolver message")
    check("stripping resolver", scout.resolver[:2] == ("no", "yes"), scout.resolver)
    facts = scout.look_up("good.sts.test")
    check.facts("stripping resolver", facts, {"mx": "present", "dane": "unknown",
                                              "record": "present"})
    check("stripping resolver: policy", bool(facts["policy"]))
    check("stripping resolver: it leaves", scout.stop() == 0)


def test_no_anchor(rig, check):
    scout = rig.scout(dns_trust_anchor="/nowhere/root.key")
    wait_until(lambda: scout.resolver, 20, "the resolver message")
    check("no trust anchor", scout.resolver[0] == "no" and "/nowhere" in scout.resolver[2],
          scout.resolver)
    check.facts("no trust anchor", scout.look_up("plain.test"), {"mx": "present"})
    check("no trust anchor: it leaves", scout.stop() == 0)


def test_bad_resolvers(rig, check):
    for label, address in (("rubbish", BROKEN), ("silence", SILENT)):
        scout = rig.scout(dns_servers=address)
        begin = time.monotonic()
        facts = scout.look_up("plain.test")
        took = time.monotonic() - begin
        check(f"resolver answers {label}: in time", took < 25, took)
        check.facts(f"resolver answers {label}", facts, {"mx": "unknown",
                                                         "dane": "unknown"})
        wait_until(lambda: scout.resolver, 20, "the resolver message")
        check(f"resolver answers {label}: unknown", scout.resolver[0] == "unknown",
              scout.resolver)
        check(f"resolver answers {label}: it leaves", scout.stop() == 0)


def test_many(rig, check, scout):
    """More next hops than are looked at together; none is lost."""
    numbers = [scout.ask(f"n{i}.plain.test") for i in range(300)]
    got = [scout.answer(n, 60) for n in numbers]
    check("300 next hops", all(f["mx"] == "absent" for f in got))


TESTS = (test_resolver, test_sandbox, test_dns, test_fetch, test_refetch, test_dates,
         test_slow, test_reload, test_front_returns, test_no_dns, test_many,
         test_resolv_conf)
TESTS_ALONE = (test_drips, test_stripping, test_no_anchor, test_bad_resolvers)


def run_tests(build, folder, logs, _names):
    check, rig = Checks(), Rig(os.path.join(build, "hopseal-scout"), folder, logs)
    scout = rig.scout()
    for test in TESTS:
        test(rig, check, scout)
    check("it leaves", scout.stop() == 0)
    for test in TESTS_ALONE:
        test(rig, check)
    if check.failed:
        with open(os.path.join(logs, "scout.log"), errors="replace") as f:
            print("".join("# " + line for line in f.readlines()[-60:]))
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(inside.main(run_tests))
