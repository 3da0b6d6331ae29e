#!/usr/bin/python3
"""TLS reports of others (RFC 8460), through a real milter to a real policyd.

    test_reports.py [--build DIR] [TEST...]

One line a test; exit 0 when none failed.
"""

import base64
import glob
import gzip
import json
import os
import struct
import subprocess
import sys

import milter_rig
from policyd_rig import Policyd, run, wait_until
from ports import free_port
from reports_rig import DAY_S, day, hopseal, screen
from test_ledger import Redis

TESTS = []
PASS = "mx.own.example; dkim=pass header.d=sender.example"


def test(function):
    TESTS.append(function)
    return function


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
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, TSAN_OPTIONS="report_thread_leaks=0 "
                         f"suppressions={milter_rig.SUPPRESSIONS}"))
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


def multipart(kind, *headers, body, text="A report"):
    """The headers of a mail and its two parts."""
    return [("Content-Type", kind)], (
        f"This is MIME\r\n--=_x:1\r\nContent-Type: text/plain; charset=UTF-8\r\n\r\n{text}\r\n"
        f"--=_x:1\r\n" + "".join(f"{h}\r\n" for h in headers) + "\r\n").encode() + body + \
        b"\r\n--=_x:1--\r\n"


@test
def test_shapes(folder):
    """As large senders write them: what is a report is found, whatever says so."""
    name = f"sender.example!own.example!{DAY_S}!{2 * DAY_S - 1}!001.json.gz"
    submitter = ("TLS-Report-Submitter", "sender.example")
    report_type = 'multipart/report; boundary="=_x:1"; report-type=tlsrpt'
    mixed = 'multipart/mixed;\r\n\tboundary="=_x:1"'

    def packed(n, change=None):
        document = report(n)
        if change is not None:
            change(document)
        return base64.encodebytes(gzip.compress(json.dumps(document).encode()))

    def as_microsoft(document):
        """No offset, no mx-host, no details, an id that is no msg-id."""
        for key in document["date-range"]:
            document["date-range"][key] = document["date-range"][key].rstrip("Z")
        del document["policies"][0]["policy"]["mx-host"]
        del document["policies"][0]["failure-details"]
        document["report-id"] = "133144+own.example"

    def as_prose(document):
        """Members by the names of RFC 8460's text, strings for arrays and numbers."""
        policy = document["policies"][0]
        policy["policy"]["mx-host-pattern"] = policy["policy"].pop("mx-host")[0]
        policy["policy"]["policy-string"] = "version: STSv1"
        policy["summary"] = {k: str(v) for k, v in policy["summary"].items()}
        policy["failure-details"][0]["additional-info-uri"] = "https://sender.example/?x=1"
    attachment = f'Content-Disposition: attachment; filename="{name}"'
    shapes = {
        "Google": multipart(
            report_type, f'Content-Type: application/tlsrpt+gzip; name="{name}"', attachment,
            "Content-Transfer-Encoding: base64", "Content-ID: <1@sender.example>",
            body=packed(1)),
        "Microsoft": multipart(
            'multipart/report; report-type="tlsrpt"; boundary="=_x:1"',
            f'Content-Type: application/tlsrpt+gzip;\r\n\tname="{name}"',
            "Content-Transfer-Encoding: BASE64", attachment, body=packed(2, as_microsoft)),
        "the prose's names": multipart(
            report_type, "Content-Type: application/tlsrpt+gzip",
            "Content-Transfer-Encoding: base64", body=packed(3, as_prose)),
        "application/gzip with a name": multipart(
            mixed, f"Content-Type: application/gzip; name={name}", attachment,
            "Content-Transfer-Encoding: base64", body=packed(4)),
        "octet-stream with a name": multipart(
            mixed, "Content-Type: application/octet-stream", attachment,
            "Content-Transfer-Encoding: base64", body=packed(5)),
        "x-gzip, known by the header": multipart(
            mixed, "Content-Type: application/x-gzip", "Content-Transfer-Encoding: base64",
            body=packed(6)),
        "the mail itself": ([("Content-Type", "application/tlsrpt+gzip"),
                             ("Content-Transfer-Encoding", "base64")], packed(7)),
        "JSON with a byte order mark": ([("Content-Type", "application/tlsrpt+json")],
                                        b"\xef\xbb\xbf" + json.dumps(report(8)).encode()),
        "lines of LF alone": tuple(
            part.replace(b"\r\n", b"\n") if isinstance(part, bytes) else part
            for part in multipart(report_type, "Content-Type: application/tlsrpt+gzip",
                                  "Content-Transfer-Encoding: base64", body=packed(9))),
        "base64 in one line": multipart(
            report_type, "Content-Type: application/tlsrpt+gzip",
            "Content-Transfer-Encoding: base64", body=packed(10).replace(b"\n", b"")),
        "binary": multipart(
            report_type, "Content-Type: application/tlsrpt+gzip",
            "Content-Transfer-Encoding: binary", body=gzip.compress(json.dumps(
                report(11)).encode())),
    }
    with Site(folder) as site:
        for n, (shape, (headers, body)) in enumerate(shapes.items(), 1):
            site.bring([submitter, *headers], body)
            totals = site.received()[1]["totals"]
            assert (totals["reports"], totals["success"], totals["failure"]) == \
                (n, 5 * n, 2 * n), (shape, totals)


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
        mbox = "".join(f"From x Sat Nov 21 00:00:00 2026\n{text}\n\n" for text in (
            mail + "\n" + attach(report(4))[1].decode(), "Subject: x\n\n>From here\nFrom there",
            mail + "\n" + attach(report(5))[1].decode()))
        code, answer = hopseal(site.policyd, "report", "--import", write("mbox", mbox.encode()))
        assert code == 0 and answer["skipped"] == 1, answer
        assert [r["report_id"] for r in answer["reports"]] == ["4@sender.example",
                                                               "5@sender.example"], answer
        assert site.received()[1]["totals"]["reports"] == 3
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


if __name__ == "__main__":
    sys.exit(run(TESTS))
