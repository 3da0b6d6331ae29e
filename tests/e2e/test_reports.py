"""TLS reports with a real Postfix: sent through it, also where TLS fails, and taken in from it.

Yesterday's sessions are written into Postfix's log; the reports about them go to the MX host
of a domain whose certificate has expired, by the sample transport of conf/postfix.
"""

import email
import email.policy
import gzip
import json
import os
import re
import smtplib
import time

from hopseal import USER
from milter import MILTER, Milter
from netns import STRANGER
from process import run, wait_until

TESTS = {}
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SAMPLE = os.path.join(TOP, "conf", "postfix", "hopseal-report.cf")
DOMAIN, SENDER, MAILBOX = "enf-expired.test", "tlsrpt@sender.test", "tlsrpt@sender.test"
YESTERDAY = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
GOOD, EXPIRED = 5, 2
REPORT = {
    "organization-name": "Elsewhere",
    "date-range": {"start-datetime": f"{YESTERDAY}T00:00:00Z",
                   "end-datetime": f"{YESTERDAY}T23:59:59Z"},
    "contact-info": "tls@elsewhere.test", "report-id": "1@elsewhere.test",
    "policies": [{
        "policy": {"policy-type": "sts", "policy-domain": "sender.test"},
        "summary": {"total-successful-session-count": 9, "total-failure-session-count": 1},
        "failure-details": [{"result-type": "starttls-not-supported",
                             "failed-session-count": 1}]}]}


def test(function):
    TESTS[function.__name__] = function
    return function


def prepare(bench, names):
    os.chown(bench.hopseal.options["state_dir"], USER, USER)
    with open(SAMPLE) as f:
        transport = f.read()
    with open(os.path.join(bench.postfix.config_folder, "master.cf"), "a") as f:
        f.write(re.sub(r"(?m)^(hopseal-report unix -    -       )y", r"\1n", transport))
    main_cf = re.search(r"sender_dependent_default_transport_maps =\n#\s*(.*)", transport)[1]
    line = "{ inet:%s:%d, default_action=accept, connect_timeout=2s, command_timeout=5s }"
    bench.postfix.configure(
        sender_dependent_default_transport_maps=main_cf.replace("tlsrpt@example.org", SENDER),
        smtpd_milters=line % MILTER)
    write_log(bench.postfix.log_path)


def restore(bench):
    run("postconf", "-c", bench.postfix.config_folder, "-X",
        "sender_dependent_default_transport_maps", "smtpd_milters")
    run("postconf", "-c", bench.postfix.config_folder, "-MX", "hopseal-report/unix")
    bench.postfix.stop()
    bench.postfix.start()
    bench.restart_hopseal()


def sessions_today(bench):
    """Other tests had some."""
    _, today = bench.hopseal.command("report", "--day", "today", "--domain", DOMAIN)
    return today["totals"]["sessions"]


def write_log(path):
    """Yesterday's sessions."""
    host = f"mx.{DOMAIN}[192.0.2.1]:25"
    with open(path, "a") as f:
        for n in range(GOOD + EXPIRED):
            begin = f"{YESTERDAY}T12:00:{n:02d}.000000+00:00 bench postfix/smtp[{70000 + n}]: "
            if n < EXPIRED:
                f.write(f"{begin}server certificate verification failed for {host}: "
                        "certificate has expired\n")
            trust = "Untrusted" if n < EXPIRED else "Verified"
            f.write(f"{begin}{trust} TLS connection established to {host}: TLSv1.3 with cipher "
                    "TLS_AES_256_GCM_SHA384 (256/256 bits)\n")
            status = ("dsn=4.7.5, status=deferred (Server certificate not verified)"
                      if n < EXPIRED else "dsn=2.0.0, status=sent (250 ok)")
            f.write(f"{begin}{70000 + n:010X}: to=<u@{DOMAIN}>, relay={host}, delay=1, "
                    f"delays=0/0/1/0, {status}\n")


@test
def sent(bench):
    """A report comes through where a mail would wait, and its own session is not counted."""
    bench.restart_hopseal()
    time.sleep(5)
    before = sessions_today(bench)
    bench.restart_hopseal(
        report="on", report_organization="Bench", report_contact=SENDER, report_sender=SENDER,
        report_relay="inet:127.0.0.1:25", report_window="1s",
        report_rules=f"{DOMAIN}=mailto:tls@{DOMAIN}")
    mail, = wait_until(lambda: bench.mx_hosts.mails(f"tls@{DOMAIN}"), 120, "the report")
    message = email.message_from_string(f"{mail['head']}\n\n{mail['body']}",
                                        policy=email.policy.default)
    assert message.get_content_type() == "multipart/report", message["Content-Type"]
    assert message.get_param("report-type") == "tlsrpt", message["Content-Type"]
    assert message["TLS-Report-Domain"] == DOMAIN, mail["head"]
    assert message["TLS-Report-Submitter"] == "sender.test", mail["head"]
    assert message["TLS-Required"] == "No", mail["head"]
    part, = [p for p in message.iter_parts() if "tlsrpt" in p.get_content_type()]
    report = json.loads(gzip.decompress(part.get_content()))
    sums = [p["summary"] for p in report["policies"]]
    assert sum(s["total-successful-session-count"] for s in sums) == GOOD, report
    assert sum(s["total-failure-session-count"] for s in sums) == EXPIRED, report
    assert report["date-range"]["start-datetime"] == f"{YESTERDAY}T00:00:00Z", report
    assert any("postfix/hopseal-report/smtp" in line and "status=sent" in line
               for line in bench.postfix.lines()), "not by its transport"
    time.sleep(5)
    assert sessions_today(bench) == before, "the report's own session is counted"
    assert len(bench.mx_hosts.mails(f"tls@{DOMAIN}")) == 1


@test
def received(bench):
    """A report in a mail from outside is taken in; the mail goes on."""
    bench.restart_hopseal(report_addresses=MAILBOX, authserv_id="verifier.test")
    milter = Milter(bench)
    milter.start()
    try:
        with smtplib.SMTP("127.0.0.1", 25, "client.test", 60, (STRANGER, 0)) as smtp:
            smtp.sendmail("tls@elsewhere.test", [MAILBOX], (
                "Authentication-Results: verifier.test; dkim=pass header.d=elsewhere.test\r\n"
                "From: tls@elsewhere.test\r\nTLS-Report-Submitter: elsewhere.test\r\n"
                "Content-Type: application/tlsrpt+json\r\n\r\n" + json.dumps(REPORT)))
        _, answer = bench.hopseal.command("report", "--received")
        assert answer["totals"] == {"reports": 1, "success": 9, "failure": 1,
                                    "failures": {"starttls-not-supported": 1}}, answer
        wait_until(lambda: any("discard" in line and f"to=<{MAILBOX}>" in line and
                               "status=sent" in line for line in bench.postfix.lines()), 20,
                   "the mail itself")
    finally:
        milter.stop()
