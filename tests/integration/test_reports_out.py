#!/usr/bin/python3
"""TLS reports that go out (RFC 8460): to whom, what they say, and what is tried again.

    test_reports_out.py [--build DIR] [TEST...]

One line a test; exit 0 when none failed.
"""

import email
import gzip
import json
import os
import re
import sys
import time

from mail_log import session_lines
from policyd_rig import run, wait_until
from reports_rig import (Answers, Sender, Sink, Web, check_schema, day, hopseal, screen,
                         unpack)
from test_mail_journal import STAYS, FakeJournalctl, delivery

TESTS = []


def test(function):
    TESTS.append(function)
    return function


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
def test_log_not_read(folder):
    """Nothing is sent before all of the day was read: no report can be corrected."""
    names, sink = Answers(), Sink()
    names.report_to("d1.example", "mailto:tls@d1.example")
    gate = os.path.join(folder, "gate")
    os.mkfifo(gate)
    os.chmod(folder, 0o755)
    fake = FakeJournalctl(folder, STAYS, begin=f"open({gate!r}).read()")
    fake.write([line for n in range(20) for line in delivery(n, time.time() - 86400)])
    Sender(folder, names, sink, maillog="journal", env=fake.env)
    time.sleep(4)
    open(gate, "w").close()
    wait_until(lambda: sink.mails, "the mail")
    summary = unpack(sink.to("tls@d1.example")[0])["policies"][0]["summary"]
    assert summary["total-successful-session-count"] == 20, summary


@test
def test_own_mail(folder):
    """The session of a report in the mail log is counted nowhere, or reports would be about
    reports for ever; also when the clerk is killed meanwhile."""
    names, sink = Answers(), Sink()
    names.report_to("a.example", "mailto:tls@a.example")
    sender = Sender(folder, names, sink, ("a.example", "good", 1))
    policyd, log = sender.policyd, sender.policyd.options["maillog"]
    sender.wait_ends(1)

    def deliver(queue_id, pid):
        begin = time.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00 host ", time.gmtime())
        with open(log, "a") as f:
            f.writelines(line + "\n" for line in session_lines(
                f"{begin}postfix/smtp[{pid}]: ", "a.example", pid, queue_id=queue_id))

    def today():
        return hopseal(policyd, "report", "--day", "today")[1]["totals"]["sessions"]
    deliver("4Report1", 5001)
    deliver("4Other", 5002)
    wait_until(lambda: today() == 1, "the other session")
    policyd.kill_child("clerk")
    deliver("4Report1", 5003)
    deliver("4Another", 5004)
    wait_until(lambda: today() == 2, "another session")
    time.sleep(1)
    assert today() == 2


@test
def test_unix_relay(folder):
    """A relay at a unix socket takes reports; while nobody listens there none is taken."""
    path = os.path.join(folder, "relay.sock")
    names, sink = Answers(), Sink(path)
    os.chmod(folder, 0o755)
    os.chmod(path, 0o777)
    names.report_to("a.example", "mailto:tls@a.example")
    sender = Sender(folder, names, sink, ("a.example", "good", 1))
    sender.wait_ends(1)
    assert unpack(sink.to("tls@a.example")[0]) and "sent" in sender.book(), sender.book()
    sender.stop()
    os.unlink(path)
    other = Sender(folder, names, sink, ("a.example", "good", 1))
    other.wait_ends(1)
    assert re.search(r"\.end\tfailed \d+ No such file", other.book()), other.book()


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
    # What surely failed is tried again after five minutes, and nothing else is.
    sender.stop()
    sender.rewrite_book(lambda book: re.sub(
        r"(begun|failed) (\d+)", lambda m: f"{m[1]} {int(m[2]) - 400}", book))
    sender.start()
    again = {"d302", "d404", "d503", "wrong", "closed"}
    wait_until(lambda: sender.book().count(".2.end\tfailed") == len(again), "second tries", 60)
    assert set(re.findall(r"\t(\S+)\.example\t\S+\.2\.end", sender.book())) == again
    assert sorted(web.paths()) == sorted(["/200", "/204", "/reset"] + 2 * ["/302", "/404", "/503"])
    assert len({(p, body) for p, _, body in web.posts}) == 6, "the same octets each time"


@test
def test_retry(folder):
    """What was surely not taken is tried again after a pause, and nothing else is."""
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


if __name__ == "__main__":
    sys.exit(run(TESTS))
