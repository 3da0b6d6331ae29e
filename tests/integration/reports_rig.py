"""What the tests of TLS reports have in common: whom reports go to, and who sends them.

Answers is a name server, Sink a mail server, Web takes posts; each does as its test wants.
Sender is a policyd that knows yesterday's sessions; unpack() reads a report mail by Python's
modules and RFC 8460's list of members.
"""

import calendar
import email
import email.policy
import gzip
import http.server
import ipaddress
import json
import os
import re
import socket
import socketserver
import ssl
import struct
import subprocess
import threading
import time

from mail_log import write_day
from policyd_rig import Policyd, wait_until
from ports import free_port

DAY_S = 86400


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
                    self.say("250 2.0.0 Ok: queued as 4Report%d" % len(self.server.mails))
                elif word == b"QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

    daemon_threads, allow_reuse_address = True, True

    def __init__(self, path=None):
        self.mails, self.lines = [], []
        if path is not None:
            self.address_family = socket.AF_UNIX
        super().__init__(path or ("127.0.0.1", 0), self.Handler)
        self.option = f"unix:{path}" if path else "inet:127.0.0.1:%d" % self.server_address[1]
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
    write_day(path, day(days), *sessions)


ON = {"report": "on", "report_organization": "Us, Inc.", "report_contact": "tls@us.example",
      "report_sender": "reports@us.example", "report_window": "1s"}


class Sender:
    """A policyd that knows yesterday's sessions and sends reports about them."""

    def __init__(self, folder, names, sink, *sessions, redis=None, env=None, **options):
        log = os.path.join(folder, f"mail.log.{free_port()}")
        write_log(log, *sessions)
        self.policyd = Policyd(
            folder, aggregates_file="", dns_servers=names.option,
            report_relay=sink.option, redis=f"unix:{redis.path}" if redis else "",
            allow_networks="127.0.0.0/8", **{"maillog": log, **ON, **options})
        self.policyd.write_conf(report="off")
        self.policyd.start(env=env)
        wait_until(lambda: "resolver checked" in self.policyd.log(), "the resolver", 30)
        self.on()

    def on(self):
        self.policyd.reload()
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
        if member == "mx-host" and value["policy-type"] != "sts":
            assert member not in value, value
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
        assert value["contact-info"].split("@")[1:] == ["us.example"], value["contact-info"]
        begin, end = (value["date-range"][n + "-datetime"] for n in ("start", "end"))
        assert begin[10:] == "T00:00:00Z" and end == begin[:10] + "T23:59:59Z", (begin, end)
    if name == "policy":
        assert value["policy-type"] in ("sts", "tlsa", "no-policy-found"), value
        assert value["policy-domain"] == value["policy-domain"].lower() and \
            value["policy-domain"].isascii(), value
        assert value["policy-string"] or value["policy-type"] != "sts", value
    if name == "summary":
        assert all(count >= 0 for count in value.values()), value
    if name == "failure-details":
        assert value["result-type"] in RESULT_TYPES and value["failed-session-count"] > 0, value
        for member in ("sending-mta-ip", "receiving-ip"):
            if member in value:
                ipaddress.ip_address(value[member])
    if name == "policies":
        # Details count sessions; of one that failed there may be several, never none.
        assert sum(d["failed-session-count"] for d in value["failure-details"]) >= \
            value["summary"]["total-failure-session-count"], value


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
    assert re.fullmatch(r"[\w.-]+![\w.-]+!\d+!\d+(![A-Za-z0-9]+)?\.json\.gz",
                        part.get_filename()), part.get_filename()
    sender, domain, first, last, *_ = part.get_filename().split("!")
    assert (sender, domain) == ("us.example", mail["TLS-Report-Domain"]), part.get_filename()
    assert (int(first), int(last)) == (begin, end), part.get_filename()
    assert mail["TLS-Report-Submitter"] == "us.example" and mail["TLS-Required"] == "No"
    assert mail["Subject"].split() == [
        "Report", "Domain:", domain, "Submitter:", "us.example", "Report-ID:",
        f"<{document['report-id']}>"], mail["Subject"]
    return document
