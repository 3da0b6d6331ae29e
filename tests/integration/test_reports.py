#!/usr/bin/python3
"""TLS reports both ways (RFC 8460), with the real programs on loopback.

    test_reports.py [--build DIR] [TEST...]

One line a test; exit 0 when none failed.
"""

import base64
import calendar
import email
import email.policy
import glob
import gzip
import http.server
import json
import os
import re
import signal
import socket
import socketserver
import ssl
import struct
import subprocess
import sys
import threading
import time

import milter_rig
from policyd_rig import Policyd, run, wait_until
from ports import free_port
from test_ledger import Redis

TESTS = []
DAY_S = 86400
PASS = "mx.own.example; dkim=pass header.d=sender.example"


def test(function):
    TESTS.append(function)
    return function


def day(days=0):
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - days * DAY_S))


def hopseal(policyd, *words):
    """Exit code and JSON of a command."""
    done = subprocess.run([policyd.program("hopseal"), "-c", policyd.conf_path, "--json",
                           *words], capture_output=True, text=True, timeout=60)
    assert "Sanitizer" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def screen(policyd, *words):
    return subprocess.run([policyd.program("hopseal"), "-c", policyd.conf_path, *words],
                          capture_output=True, text=True, timeout=60).stdout


# ---------------------------------------------------------------- reports in

def report(number=1, days=1, good=5, bad=2, domain="own.example", contact="sender.example",
           **members):
    return {
        "organization-name": "Sender Inc.",
        "date-range": {"start-datetime": f"{day(days)}T00:00:00Z",
                       "end-datetime": f"{day(days)}T23:59:59Z"},
        "contact-info": f"tls@{contact}", "report-id": f"{number}@{contact}",
        "policies": [{
            "policy": {"policy-type": "sts", "policy-string": ["version: STSv1"],
                       "policy-domain": domain, "mx-host": ["mx.own.example"]},
            "summary": {"total-successful-session-count": good,
                        "total-failure-session-count": bad},
            "failure-details": [{"result-type": "certificate-expired",
                                 "sending-mta-ip": "192.0.2.7",
                                 "receiving-mx-hostname": "mx.own.example",
                                 "failed-session-count": bad}] if bad else []}], **members}


def attach(document, media="application/tlsrpt+gzip", encoding="base64"):
    """Headers and body of a multipart/report."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    if "gzip" in media:
        data = gzip.compress(data)
    if encoding == "base64":
        data = base64.encodebytes(data)
    headers = [("TLS-Report-Domain", "own.example"),
               ("TLS-Report-Submitter", "sender.example"),
               ("Content-Type", 'multipart/report; report-type="tlsrpt"; boundary="b"')]
    body = (b"--b\r\nContent-Type: text/plain\r\n\r\nA report.\r\n--b\r\nContent-Type: " +
            media.encode() + b"\r\nContent-Transfer-Encoding: " + encoding.encode() +
            b"\r\n\r\n" + data + b"\r\n--b--\r\n")
    return headers, body


class Site:
    """policyd, perhaps Redis, and a milter that both read one configuration."""

    def __init__(self, folder, redis=None, **options):
        self.socket = f"inet:127.0.0.1:{free_port()}"
        self.policyd = Policyd(
            folder, milter_listen=self.socket, report_addresses="tlsrpt@own.example, b@c.example",
            authserv_id="mx.own.example", maillog="none", aggregates_file="",
            redis=f"unix:{redis.path}" if redis else "", **options).start()
        self.milter = None

    def __enter__(self):
        with open(self.policyd.log_path, "ab") as log:
            self.milter = subprocess.Popen(
                [self.policyd.program("hopseal-milter"), "-c", self.policyd.conf_path],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: "site: known=" in self.policyd.log(), "the milter's site")
        return self

    def __exit__(self, *_):
        assert self.milter.poll() is None, self.policyd.log()[-2000:]
        self.milter.terminate()
        self.milter.wait(20)

    def bring(self, headers, body, recipient="tlsrpt@own.example", auth=PASS, steps=0,
              piece=65535):
        """One mail; what the milter changed, and the steps it asked for."""
        with milter_rig.Session(self.socket, client="192.0.2.1", steps=steps) as s:
            s.mail()
            s.rcpt(f"<{recipient}>")
            for name, value in [("Authentication-Results", auth)] * bool(auth) + headers:
                s.header(name, value)
            for at in range(0, len(body), piece):
                if s.ask(b"B", body[at:at + piece])[0] == b"s":
                    break
            changes, reply = s.end()
            assert reply[0] in b"ac", reply
            return changes, struct.unpack("!III", s.offered[:12])[2]

    def received(self, *words):
        return hopseal(self.policyd, "report", "--received", *words)


@test
def test_received(folder):
    """A verified report is in the sum, once; the mail goes on as it was."""
    with Site(folder) as site:
        code, answer = site.received()
        assert code == 3 and answer["totals"]["reports"] == 0, answer
        changes, _ = site.bring(*attach(report()))
        assert [c for c, _ in changes] == [b"i"], changes     # X-Hopseal-Inbound alone
        site.bring(*attach(report()))
        site.bring(*attach(report(2, bad=0), media="application/tlsrpt+json", encoding="8bit"),
                   recipient="B@C.EXAMPLE", piece=100)
        code, answer = site.received("--day", "yesterday")
        assert code == 1, answer
        assert answer["totals"] == {"reports": 2, "success": 10, "failure": 2,
                                    "failures": {"certificate-expired": 2}}, answer["totals"]
        assert answer["unverified"]["reports"] == 0, answer
        assert answer["domains"] == [{
            "domain": "own.example", "policy": "sts", "success": 10, "failure": 2,
            "failures": {"certificate-expired": 2}, "hosts": {"mx.own.example": 2}}], answer
        assert [r["report_id"] for r in answer["reports"]] == ["1@sender.example",
                                                               "2@sender.example"], answer
        text = screen(site.policyd, "report", "--received")
        assert "2 reports, 10 sessions succeeded, 2 failed" in text, text
        assert "2 certificate-expired at mx.own.example from 192.0.2.7" in text, text
        assert site.received("--day", "today")[1]["totals"]["reports"] == 0
        assert site.received("--domain", "other.example")[1]["totals"]["reports"] == 0


@test
def test_not_verified(folder):
    """What nobody vouches for is shown apart and in no sum, until somebody does."""
    with Site(folder) as site:
        for auth in ("", "mx.own.example; dkim=fail header.d=sender.example",
                     "mx.own.example; dkim=pass header.d=evil.example",
                     "evil.example; dkim=pass header.d=sender.example"):
            site.bring(*attach(report()), auth=auth)
        code, answer = site.received()
        assert code == 3, (code, answer)
        assert answer["totals"]["reports"] == 0 and answer["domains"] == [], answer
        assert answer["unverified"] == {"reports": 1, "success": 5, "failure": 2}, answer
        assert "Not verified, and in no sum" in screen(site.policyd, "report", "--received")
        site.bring(*attach(report()))
        answer = site.received()[1]
        assert answer["totals"]["reports"] == 1 and answer["unverified"]["reports"] == 0, answer


@test
def test_other_mail(folder):
    """Only mail to report_addresses is looked into, and only when it may hold a report."""
    with Site(folder) as site:
        headers, body = attach(report())
        site.bring(headers, body, recipient="user@own.example")
        site.bring([("Content-Type", "text/plain")], b"hello\r\n" * 1000)
        site.bring([("Content-Type", "application/tlsrpt+json")], b"{nonsense")
        bomb = gzip.compress(bytes(64 * 1024 * 1024))
        site.bring([("Content-Type", "application/tlsrpt+gzip"),
                    ("Content-Transfer-Encoding", "base64")], base64.encodebytes(bomb))
        site.bring(headers, b"x" * (17 * 1024 * 1024))
        assert "the mail is longer than 16 MiB" in site.policyd.log()
        assert site.received()[1]["unverified"]["reports"] == 0
        assert site.received()[1]["totals"]["reports"] == 0
        site.bring(headers, body)
        assert site.received()[1]["totals"]["reports"] == 1


@test
def test_steps(folder):
    """The body is asked for where report_addresses is set, and nowhere else."""
    nobody, skip = 0x10, 0x400
    with Site(folder) as site:
        _, steps = site.bring(*attach(report()), steps=nobody | skip)
        assert not steps & nobody and steps & skip, hex(steps)
        assert site.received()[1]["totals"]["reports"] == 1
        with milter_rig.Session(site.socket, steps=nobody | skip) as s:
            s.mail()
            s.rcpt("<user@own.example>")
            assert s.ask(b"B", b"x" * 1000)[0] == b"s", "no more of this body"
        site.policyd.write_conf(report_addresses=None)

        def asks_no_body():
            with milter_rig.Session(site.socket, steps=nobody | skip) as s:
                return struct.unpack("!III", s.offered[:12])[2] & nobody
        wait_until(asks_no_body, "the changed configuration", 30)


@test
def test_hostile(folder):
    """Texts of strangers are bounded and quoted wherever they are shown."""
    evil = "\x1b[31m\r\nX-Evil: 1\x00\u202e" + "ü" * 100
    with Site(folder) as site:
        document = report(**{"organization-name": evil, "report-id": evil})
        document["policies"][0]["policy"]["policy-domain"] = evil
        document["policies"][0]["failure-details"] = [
            {"result-type": evil, "failure-reason-code": evil * 20,
             "failed-session-count": 2 ** 63 - 1}] * 200
        site.bring(*attach(json.dumps(document).replace("\\u0000", "").encode(),
                           media="application/tlsrpt+json"))
        answer = site.received()[1]
        assert answer["totals"]["reports"] == 1, answer
        assert len(answer["reports"][0]["policies"][0]["failures"]) <= 10
        for text in (json.dumps(answer), screen(site.policyd, "report", "--received"),
                     site.policyd.log()):
            assert "\x1b" not in text and "\u202e" not in text, text[:500]
        many = report(2)
        many["policies"] *= 101
        site.bring(*attach(many))
        wait_until(lambda: "more policies than are kept" in site.policyd.log(), "the reason")
        site.bring(*attach(report(3, days=50)))
        site.bring(*attach(report(4, days=-2)))
        assert site.policyd.log().count("the report is of a day that is not kept") == 2
        assert site.received()[1]["totals"]["reports"] == 1


@test
def test_import(folder):
    """A mail, JSON or gzip from disk."""
    def write(name, data):
        path = os.path.join(folder, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    with Site(folder) as site:
        headers, body = attach(report(3))
        mail = "".join(f"{n}: {v}\r\n" for n, v in [("Authentication-Results", PASS)] + headers)
        for name, data, verified in (
                ("json", json.dumps(report(1)).encode(), False),
                ("gz", gzip.compress(json.dumps(report(2)).encode()), False),
                ("eml", mail.encode() + b"\r\n" + body, True)):
            code, answer = hopseal(site.policyd, "report", "--import", write(name, data))
            assert code == 0 and answer["done"], answer
            assert [r["verified"] for r in answer["reports"]] == [verified], answer
        answer = site.received()[1]
        assert answer["totals"]["reports"] == 1, answer
        assert answer["unverified"]["reports"] == 2, answer
        assert hopseal(site.policyd, "report", "--import", write("no", b"nothing"))[0] == 2
        assert hopseal(site.policyd, "report", "--import", folder + "/absent")[0] == 64


@test
def test_received_shared(folder):
    """Two hosts show what both took in; Redis away or flushed costs nothing."""
    redis = Redis(folder)
    try:
        with Site(folder, redis) as a, Site(folder, redis) as b:
            a.bring(*attach(report(1)))
            b.bring(*attach(report(2)))
            b.bring(*attach(report(1)))
            for site in (a, b):
                wait_until(lambda: site.received()[1]["totals"]["reports"] == 2, "both reports")
            redis.stop()
            a.bring(*attach(report(3)))
            answer = a.received()[1]
            assert answer["totals"]["reports"] >= 2 and "Redis is away" in answer["note"], answer
            redis.start()       # and has forgotten all
            for site in (a, b):
                wait_until(lambda: site.received()[1]["totals"]["reports"] == 3,
                           "what Redis lacked", 60)
            life = int(redis.command("TTL", f"hopseal:received:{day(1)}"))
            assert 39 * DAY_S < life <= 41 * DAY_S, life
    finally:
        redis.stop()


@test
def test_received_restart(folder):
    """What was taken in is there after a kill."""
    with Site(folder) as site:
        site.bring(*attach(report(1)))
        os.kill(site.policyd.children()["clerk"], 9)
        wait_until(lambda: len(site.policyd.children()) == 3, "a new clerk")
        wait_until(lambda: site.received()[0] == 1, "its answer")
        site.bring(*attach(report(1)))
        assert site.received()[1]["totals"]["reports"] == 1
        names = glob.glob(site.policyd.options["state_dir"] + "/received-*")
        assert [os.path.basename(n) for n in names] == [f"received-{day(1)}"], names


# --------------------------------------------------------------- reports out

class Answers(threading.Thread):
    """A name server on loopback: TXT records as given, 127.0.0.1 for every other name."""

    def __init__(self):
        super().__init__(daemon=True)
        self.records, self.asked = {}, []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.option = "127.0.0.1@%d" % self._socket.getsockname()[1]
        self.start()

    def report_to(self, domain, *uris):
        self.records[f"_smtp._tls.{domain}"] = "v=TLSRPTv1; rua=" + ",".join(uris)

    def run(self):
        while True:
            query, peer = self._socket.recvfrom(4096)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
                at += 1 + query[at]
            kind, = struct.unpack("!H", query[at + 1:at + 3])
            name = ".".join(labels)
            data = b""
            if kind == 16 and name in self.records:
                record = self.records[name].encode()
                data = b"".join(bytes([len(record[n:n + 255])]) + record[n:n + 255]
                                for n in range(0, len(record), 255))
                self.asked.append(name)
            elif kind == 1 and name and not name.startswith("_"):
                data = bytes([127, 0, 0, 1])
            answer = (b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
                      if data else b"")
            rcode = b"\x81\x80" if data or not name.startswith("_") else b"\x81\x83"
            self._socket.sendto(query[:2] + rcode + struct.pack("!HHHH", 1, bool(data), 0, 0) +
                                query[12:at + 5] + answer, peer)


class Sink(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A mail server: what it took, by recipient; "later" is refused, "drop" not answered."""

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line):
            self.wfile.write(line.encode() + b"\r\n")

        def handle(self):
            recipient = ""
            self.say("220 sink")
            for line in self.rfile:
                word = line.split(b" ")[0].strip().upper()
                self.server.lines.append(line.decode())
                if word == b"EHLO":
                    self.say("250-sink\r\n250 8BITMIME")
                elif word == b"RCPT":
                    recipient = line.decode().split("<")[1].split(">")[0]
                    self.say("451 4.3.0 later" if recipient.startswith("later") else "250 ok")
                elif word == b"DATA":
                    self.say("354 go on")
                    data = b""
                    while not data.endswith(b"\r\n.\r\n"):
                        data += self.rfile.readline()
                    self.server.mails.append((recipient, data[:-3].replace(b"\r\n..", b"\r\n.")))
                    if recipient.startswith("drop"):
                        return
                    self.say("250 taken")
                elif word == b"QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

    daemon_threads, allow_reuse_address = True, True

    def __init__(self):
        self.mails, self.lines = [], []
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.option = "inet:127.0.0.1:%d" % self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def to(self, recipient):
        return [email.message_from_bytes(data, policy=email.policy.default)
                for to, data in self.mails if to == recipient]


class Web(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Takes posts over TLS; the path says how it answers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.posts.append((self.path, self.headers, body))
            word = self.path.strip("/")
            if word == "reset":
                self.connection.unwrap = None
                self.connection.close()
            elif word == "hang":
                time.sleep(90)
            else:
                self.send_response(int(word) if word.isdigit() else 200)
                if word == "302":
                    self.send_header("Location", "/200")
                self.send_header("Content-Length", "0")
                self.end_headers()

        do_GET = do_POST

        def log_message(self, *_):
            pass

    daemon_threads = True

    def __init__(self, folder, name):
        self.posts = []
        path = os.path.join(folder, name)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", path + ".key", "-out",
                        path + ".pem", "-days", "9", "-subj", f"/CN={name}", "-addext",
                        f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
        self.ca_file = path + ".pem"
        super().__init__(("127.0.0.1", 0), self.Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path + ".pem", path + ".key")
        self.socket = context.wrap_socket(self.socket, server_side=True,
                                          do_handshake_on_connect=False)
        self.url = f"https://{name}:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass

    def paths(self):
        return [path for path, _, _ in self.posts]


def write_log(path, *sessions, days=1):
    """Sessions (domain, kind, how often) of a past day."""
    pid = 1000
    with open(path, "a") as f:
        for domain, kind, count in sessions:
            for n in range(count):
                pid += 1
                host = f"mx.{domain}[192.0.2.1]:25"
                begin = f"{day(days)}T12:00:{n % 60:02d}.000000+00:00 host postfix/smtp[{pid}]: "
                if kind == "expired":
                    f.write(f"{begin}server certificate verification failed for {host}: "
                            "certificate has expired\n")
                trust = "Untrusted" if kind == "expired" else "Verified"
                f.write(f"{begin}{trust} TLS connection established to {host}: TLSv1.3 with "
                        "cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n")
                status = ("dsn=4.7.5, status=deferred (Server certificate not verified)"
                          if kind == "expired" else "dsn=2.0.0, status=sent (250 ok)")
                f.write(f"{begin}{pid:010X}: to=<u@{domain}>, relay={host}, delay=1, "
                        f"delays=0/0/1/0, {status}\n")


ON = {"report": "on", "report_organization": "Us, Inc.", "report_contact": "tls@us.example",
      "report_sender": "reports@us.example", "report_window": "1s"}


class Sender:
    """A policyd that knows yesterday's sessions and sends reports about them."""

    def __init__(self, folder, names, sink, *sessions, redis=None, **options):
        log = os.path.join(folder, f"mail.log.{free_port()}")
        write_log(log, *sessions)
        self.policyd = Policyd(
            folder, maillog=log, aggregates_file="", dns_servers=names.option,
            report_relay=sink.option, redis=f"unix:{redis.path}" if redis else "",
            allow_networks="127.0.0.0/8", **{**ON, **options})
        self.policyd.write_conf(report="off")
        self.policyd.start()
        wait_until(lambda: "resolver checked" in self.policyd.log(), "the resolver", 30)
        self.on()

    def on(self):
        self.policyd.write_conf()
        self.policyd.process.send_signal(signal.SIGHUP)
        return self

    def stop(self):
        self.policyd.end()

    def start(self):
        self.policyd.write_conf(report="off")
        before = self.policyd.log().count("resolver checked")
        self.policyd.start()
        wait_until(lambda: self.policyd.log().count("resolver checked") > before,
                   "the resolver", 30)
        self.on()

    def book(self):
        path = os.path.join(self.policyd.options["state_dir"], "reports-sent")
        if not os.path.exists(path):
            return ""
        with open(path) as f:
            return f.read()

    def rewrite_book(self, change):
        path = os.path.join(self.policyd.options["state_dir"], "reports-sent")
        text = change(self.book())
        with open(path, "w") as f:
            f.write(text)

    def wait_ends(self, count, seconds=60):
        wait_until(lambda: self.book().count(".end\t") >= count, f"{count} ends in the book",
                   seconds)
        time.sleep(2)       # and no more than these
        assert self.book().count(".end\t") == count, self.book()


# RFC 8460, 4.4: each member, its type, and whether it may be missing.
MEMBERS = {
    "": {"organization-name": str, "date-range": dict, "contact-info": str,
         "report-id": str, "policies": list},
    "date-range": {"start-datetime": str, "end-datetime": str},
    "policies": {"policy": dict, "summary": dict, "failure-details": list},
    "policy": {"policy-type": str, "policy-string": list, "policy-domain": str,
               "mx-host": list},
    "summary": {"total-successful-session-count": int, "total-failure-session-count": int},
    "failure-details": {"result-type": str, "failed-session-count": int,
                        "sending-mta-ip": None, "receiving-mx-hostname": None,
                        "receiving-mx-helo": None, "receiving-ip": None,
                        "additional-information": None, "failure-reason-code": None},
}
RESULT_TYPES = {
    "starttls-not-supported", "certificate-host-mismatch", "certificate-expired",
    "certificate-not-trusted", "validation-failure", "tlsa-invalid", "dnssec-invalid",
    "dane-required", "sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"}


def check_schema(value, name=""):
    wanted = MEMBERS[name]
    assert set(value) <= set(wanted), (name, set(value) - set(wanted))
    for member, kind in wanted.items():
        if kind is None:
            assert isinstance(value.get(member, ""), str), (name, member)
            continue
        assert isinstance(value.get(member), kind), (name, member, value.get(member))
        if kind is dict:
            check_schema(value[member], member)
        elif member in MEMBERS:
            for item in value[member]:
                check_schema(item, member)
    if name == "":
        for time_text in value["date-range"].values():
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time_text), time_text
        assert re.fullmatch(r"[^@\s]+@[^@\s]+", value["report-id"]), value["report-id"]
    if name == "policy":
        assert value["policy-type"] in ("sts", "tlsa", "no-policy-found"), value
    if name == "failure-details":
        assert value["result-type"] in RESULT_TYPES, value


def unpack(mail):
    """The report in a mail, as the email module finds it."""
    assert mail.get_content_type() == "multipart/report", mail["Content-Type"]
    assert mail.get_param("report-type") == "tlsrpt", mail["Content-Type"]
    words, part = mail.iter_parts()
    assert words.get_content_type() == "text/plain"
    assert part.get_content_type() == "application/tlsrpt+gzip", part["Content-Type"]
    document = json.loads(gzip.decompress(part.get_content()))
    check_schema(document)
    begin, end = (calendar.timegm(time.strptime(document["date-range"][n], "%Y-%m-%dT%H:%M:%SZ"))
                  for n in ("start-datetime", "end-datetime"))
    sender, domain, first, last, *_ = part.get_filename().split("!")
    assert (sender, domain) == ("us.example", mail["TLS-Report-Domain"]), part.get_filename()
    assert (int(first), int(last)) == (begin, end), part.get_filename()
    assert mail["TLS-Report-Submitter"] == "us.example" and mail["TLS-Required"] == "No"
    assert mail["Subject"].split() == [
        "Report", "Domain:", domain, "Submitter:", "us.example", "Report-ID:",
        f"<{document['report-id']}>"], mail["Subject"]
    return document


@test
def test_dry_run(folder):
    """--rfc8460 prints what would be sent, and sends nothing."""
    names, sink = Answers(), Sink()
    sender = Sender(folder, names, sink, ("a.example", "good", 7), ("a.example", "expired", 3),
                    ("b.example", "good", 1), report="off")
    policyd = sender.policyd

    def ask():
        code, answer = hopseal(policyd, "report", "--rfc8460", "--day", "yesterday",
                               "--domain", "a.example")
        return answer["reports"] if code == 0 else None
    wait_until(lambda: (ask() or [{"policies": [{"summary": {}}]}])[0]["policies"][0]["summary"]
               .get("total-failure-session-count") == 3, "yesterday's sums", 30)
    document, = ask()
    check_schema(document)
    assert document["organization-name"] == "Us, Inc.", document
    assert document["contact-info"] == "tls@us.example", document
    assert document["date-range"] == {"start-datetime": f"{day(1)}T00:00:00Z",
                                      "end-datetime": f"{day(1)}T23:59:59Z"}, document
    policy, = document["policies"]
    assert policy["policy"]["policy-type"] == "no-policy-found", policy
    assert policy["policy"]["policy-domain"] == "a.example", policy
    assert policy["summary"]["total-successful-session-count"] == 7, policy
    failure, = policy["failure-details"]
    assert failure["result-type"] == "certificate-expired", failure
    assert failure["failed-session-count"] == 3, failure
    assert failure["receiving-mx-hostname"] == "mx.a.example", failure
    assert json.loads(screen(policyd, "report", "--rfc8460", "--domain", "a.example",
                             "--day", "yesterday")) == document
    assert hopseal(policyd, "report", "--rfc8460", "--domain", "c.example")[0] == 3
    assert hopseal(policyd, "report", "--rfc8460")[0] == 3
    assert not sink.mails and not names.asked


@test
def test_mail(folder):
    """A domain that asks for it gets one report a destination, and it says what was counted."""
    names, sink = Answers(), Sink()
    names.report_to("a.example", "mailto:tls@a.example", "mailto:x%2Cy@a.example!1m",
                    "http://no.example/", "mailto:tiny@a.example!10")
    names.report_to("b.example", "mailto:tls@b.example")
    names.report_to("off.example", "mailto:tls@off.example")
    names.report_to("moved.example", "mailto:tls@moved.example")
    sender = Sender(folder, names, sink, ("a.example", "good", 7), ("a.example", "expired", 3),
                    ("b.example", "good", 1), ("c.example", "good", 1),
                    ("off.example", "good", 1), ("moved.example", "good", 1),
                    report_rules="off.example=off, moved.example=mailto:other@us.example")
    wait_until(lambda: len(sink.mails) >= 4, "the mails", 40)
    sender.wait_ends(5)         # and one that is too long for its destination
    mail, = sink.to("tls@a.example")
    document = unpack(mail)
    summary = document["policies"][0]["summary"]
    assert summary == {"total-successful-session-count": 7,
                       "total-failure-session-count": 3}, document
    assert mail["From"] == "reports@us.example" and mail["To"] == "tls@a.example"
    assert "MAIL FROM:<reports@us.example>\r\n" in sink.lines
    assert unpack(sink.to("\"x,y\"@a.example")[0]) == document
    assert unpack(sink.to("other@us.example")[0])["policies"][0]["policy"]["policy-domain"] == \
        "moved.example"
    assert unpack(sink.to("tls@b.example")[0])["report-id"] != document["report-id"]
    assert not sink.to("tls@off.example") and not sink.to("tls@moved.example")
    assert len({m["Message-ID"] for _, d in sink.mails
                for m in [email.message_from_bytes(d)]}) == len(sink.mails)
    status = hopseal(sender.policyd, "status")[1]
    part, = [p for p in status["parts"] if p["name"] == "reports"]
    assert part["detail"].startswith("4 sent, 1 tries failed"), part
    sender.stop()
    sender.start()
    time.sleep(6)
    assert len(sink.mails) == 4, "a restart sends nothing again"
    assert "longer than the destination permits" in sender.policyd.log()


@test
def test_https(folder):
    """A POST with the right type; only a status of success is one, redirects are none."""
    names, sink = Answers(), Sink()
    web, other = Web(folder, "report.a.example"), Web(folder, "other.example")
    for word in ("200", "204", "302", "404", "503", "reset"):
        names.report_to(f"d{word}.example", f"{web.url}/{word}")
    names.report_to("wrong.example", f"{other.url}/200")
    names.report_to("closed.example", "https://report.a.example:9/")
    sender = Sender(folder, names, sink, *((name.removeprefix("_smtp._tls."), "good", 1)
                                           for name in list(names.records)),
                    tls_ca_file=web.ca_file)
    sender.wait_ends(8, 90)
    assert sorted(web.paths()) == sorted(f"/{w}" for w in ("200", "204", "302", "404", "503",
                                                           "reset")), web.paths()
    assert not other.posts, "its certificate is not trusted"
    path, headers, body = [p for p in web.posts if p[0] == "/200"][0]
    assert headers["Content-Type"] == "application/tlsrpt+gzip", headers
    document = json.loads(gzip.decompress(body))
    check_schema(document)
    ends = dict(re.findall(r"\t(\S+)\.example\t\S+\.end\t(\w+)", sender.book()))
    assert ends == {"d200": "sent", "d204": "sent", "d302": "failed", "d404": "failed",
                    "d503": "failed", "dreset": "doubtful", "wrong": "failed",
                    "closed": "failed"}, ends
    assert "report may or may not have come through" in sender.policyd.log()


@test
def test_hang(folder):
    """Who takes all of a report and never answers is in doubt, and gets it once."""
    names, sink = Answers(), Sink()
    web = Web(folder, "report.a.example")
    names.report_to("hang.example", f"{web.url}/hang")
    sender = Sender(folder, names, sink, ("hang.example", "good", 1), tls_ca_file=web.ca_file)
    sender.wait_ends(1, 90)
    assert "doubtful" in sender.book() and web.paths() == ["/hang"], sender.book()


@test
def test_retry(folder):
    """What was surely not taken is tried again, with pauses, and given up after a day."""
    names, sink = Answers(), Sink()
    names.report_to("a.example", "mailto:later@a.example", "mailto:drop@a.example",
                    "mailto:good@a.example")
    sender = Sender(folder, names, sink, ("a.example", "good", 2))
    sender.wait_ends(3)
    assert re.search(r"\.1\.end\tfailed \d+ 451 4\.3\.0 later\n", sender.book()), sender.book()
    assert len(sink.to("drop@a.example")) == 1 and "doubtful" in sender.book()
    sender.stop()
    # As if it had been 400 s ago.
    sender.rewrite_book(lambda book: re.sub(
        r"(begun|failed) (\d+)", lambda m: f"{m[1]} {int(m[2]) - 400}", book))
    sender.start()
    wait_until(lambda: ".2.end\tfailed" in sender.book(), "the second try", 40)
    time.sleep(2)
    assert len(sink.to("good@a.example")) == 1 and len(sink.to("drop@a.example")) == 1
    assert sum("RCPT TO:<later" in line for line in sink.lines) == 2, sink.lines


@test
def test_killed(folder):
    """Killed between sending and noting: in doubt, never twice, and it is said."""
    names, sink = Answers(), Sink()
    names.report_to("a.example", "mailto:good@a.example")
    sender = Sender(folder, names, sink, ("a.example", "good", 2))
    sender.wait_ends(1)
    sender.stop()
    # As if the end had not been noted, an hour ago; the book's last line is torn.
    sender.rewrite_book(lambda book: re.sub(r"begun (\d+)", lambda m: f"begun {int(m[1]) - 3600}",
                                            "".join(line for line in book.splitlines(True)
                                                    if ".end\t" not in line)) + "20778\ta.ex")
    sender.start()
    wait_until(lambda: "doubtful" in sender.book(), "the doubt", 40)
    time.sleep(2)
    assert len(sink.mails) == 1, sink.mails
    assert "may or may not have come through" in sender.policyd.log()


@test
def test_group(folder):
    """Hosts that share a Redis send each report once, also when the sender is killed."""
    names, sink, redis = Answers(), Sink(), Redis(folder)
    domains = [f"d{n}.example" for n in range(8)]
    for name in domains:
        names.report_to(name, f"mailto:tls@{name}")
    try:
        senders = [Sender(folder, names, sink, *((name, "good", n + 1) for name in domains),
                          redis=redis) for n in range(2)]
        wait_until(lambda: len(sink.mails) >= len(domains), "the mails", 120)
        time.sleep(3)
        assert sorted(to for to, _ in sink.mails) == sorted(f"tls@{d}" for d in domains)
        # The sums of both hosts are in each report.
        for name in domains:
            summary = unpack(sink.to(f"tls@{name}")[0])["policies"][0]["summary"]
            assert summary["total-successful-session-count"] == 3, (name, summary)
        # The one that holds the lock ends, Redis forgets all: the other sends nothing twice.
        holder = [s for s in senders if s.book().count(".end\t")]
        assert len(holder) == 1, [s.book() for s in senders]
        for name in domains[:2]:
            assert redis.command("HLEN", f"hopseal:report:{{{name}}}:{day(1)}") == "2"
        redis.command("FLUSHALL")
        for name in domains[:2]:
            wait_until(lambda: redis.command("HLEN", f"hopseal:report:{{{name}}}:{day(1)}") ==
                       "2", "what Redis lacked", 40)
        before = redis.command("GET", "hopseal:report:lock")
        holder[0].stop()
        wait_until(lambda: redis.command("GET", "hopseal:report:lock") not in ("", before),
                   "the other one's lock", 90)
        time.sleep(40)
        assert len(sink.mails) == len(domains), len(sink.mails)
    finally:
        redis.stop()


if __name__ == "__main__":
    sys.exit(run(TESTS))
