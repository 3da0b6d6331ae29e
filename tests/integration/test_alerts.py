#!/usr/bin/python3
"""Who is told of alerts: by command, mail and webhook, as options say, and what if not.

    test_alerts.py [--build DIR] [TEST...]

One line a test; exit 0 when none failed.
"""

import base64
import json
import os
import re
import signal
import struct
import sys
import time

import clerk_rig as rig
from alerts_rig import Listener, Told
from frames import message_types
from policyd_rig import Policyd, run, wait_until
from reports_rig import Answers, Web, screen

SECRET = "s3cr3t"
VERDICT, CERTS, CERT_ENDS = message_types("VERDICT", "CERTS", "CERT_ENDS")
TESTS = []


def test(function):
    TESTS.append(function)
    return function


@test
def test_channels(folder):
    """The test message: to each of them, whole; what one answers otherwise is said."""
    names, web = Answers(), Web(folder, "hook.us.example")
    url = web.url.replace("https://", f"https://user:{SECRET}@")
    told = Told(folder, alert_mailto="ops@us.example, root", dns_servers=names.option,
                tls_ca_file=web.ca_file, alert_webhook=f"{url}/200?{SECRET}")
    told.policyd.options["alert_command"] = told.program
    told.policyd.write_conf()
    told.start()
    code, said = told.test_alert()
    assert code == 0 and len(re.findall(r"^ *\w+ +sent ", said, re.M)) == 4, said.splitlines()
    assert re.search(r"^ *webhook +sent +hook.us.example:\d+: status 200$", said, re.M), said
    with open(told.said) as f:
        assert re.match(r"ok\|test: somebody has asked .*\nok test: somebody", f.read())
    for to in ("ops@us.example", "root"):
        mail, = told.sink.to(to)
        assert mail["From"].addresses[0].addr_spec == "tls@us.example", mail
        assert mail["Auto-Submitted"] == "auto-generated" and mail["TLS-Required"] == "No"
        assert mail.get_content_type() == "text/plain" and mail["Date"].datetime is not None
        assert not mail.defects and "ok test: somebody has asked" in mail.get_content()
    assert "MAIL FROM:<tls@us.example>\r\n" in told.sink.lines
    (path, headers, body), = web.posts
    assert headers["Content-Type"] == "application/json" and path == f"/200?{SECRET}"
    assert base64.b64decode(headers["Authorization"].split()[1]) == f"user:{SECRET}".encode()
    document = json.loads(body)
    assert set(document) == {"version", "id", "host", "time", "severity", "summary", "count",
                             "alerts"}, document
    assert document["version"] == 1 and document["count"] == 1, document
    assert document["alerts"][0]["kind"] == "test" and document["alerts"][0]["subject"] is None
    # Each answer that is none, and what it says.
    reads = 0
    for word, words in (("404", "status 404"), ("503", "status 503"), ("302", "status 302"),
                        ("reset", ""), ("hang", "")):
        before = len(web.posts)
        told.policyd.write_conf(alert_webhook=f"{url}/{word}",
                                alert_mailto="later@us.example")
        told.policyd.process.send_signal(signal.SIGHUP)
        told.policyd.wait_said("settings read again", count=1 + reads)
        reads += 1
        time.sleep(0.5)     # the clerk hears of it after the parent
        code, said = told.test_alert("--json")
        ends = {d["way"]: d for d in json.loads(said)["destinations"]}
        assert code == 2 and ends["command"]["ok"], (word, said)
        assert not ends["webhook"]["ok"] and words in ends["webhook"]["answer"], (word, said)
        assert ends["mail"]["answer"] == "451 4.3.0 later", (word, said)
        assert len(web.posts) == before + 1, (word, web.paths())
        assert SECRET not in said, said
    state = os.path.join(told.policyd.options["state_dir"], "alerts.json")
    for text in (told.policyd.log(), screen(told.policyd, "status"), open(state).read()):
        assert SECRET not in text, text


@test
def test_plain_webhook(folder):
    """In clear to loopback; elsewhere it is refused, with line and reason."""
    told = Told(folder)
    for url, why in (("http://hook.us.example/", "unless its host is loopback"),
                     ("http://127.0.0.1@192.0.2.1/", "unless its host is loopback"),
                     ("ftp://127.0.0.1/", "must begin with https:// or http://"),
                     ("https://", "names no host")):
        told.policyd.write_conf(alert_webhook=url)
        status, said = told.policyd.refuse("-n")
        assert status != 0 and "alert_webhook = " in said and why in said, (url, said)
    for mailbox in ("a@b@c.example", "<a@b.example>", "a b@c..example", "@b.example"):
        told.policyd.write_conf(alert_mailto=mailbox)
        status, said = told.policyd.refuse("-n")
        assert status != 0 and "must be a plain mailbox" in said, (mailbox, said)
    listener = Listener()
    told.policyd.write_conf(alert_webhook=f"http://localhost:{listener.port}/x")
    told.start()
    code, said = told.test_alert()
    assert code == 0 and f"localhost:{listener.port}: status 204" in said, said
    assert json.loads(listener.bodies[0])["alerts"][0]["kind"] == "test"


class Alone:
    """A clerk of its own, and what its program was told."""

    def __init__(self, folder):
        self.folder, self.said = folder, os.path.join(folder, "said")
        program = os.path.join(folder, "told")
        with open(program, "w") as f:
            f.write(f"#!/bin/sh\necho \"$2\" >>{self.said}\ncat >>{self.said}\n")
        os.chmod(program, 0o755)
        self.option = f"alert_command = {program}\n"

    def start(self, config):
        return rig.Clerk([Policyd.program("hopseal-policyd"), "--clerk", "1", "0"], self.folder,
                         config=config + "alert_after = 1s\nalert_quiet = 1s\n")

    def changes(self):
        if not os.path.exists(self.said):
            return []
        with open(self.said) as f:
            return [line for line in f.read().splitlines() if re.match("critical|warning|ok", line)]


@test
def test_breaker(folder):
    """So much fails at once that it must be us: one alert, and none for each domain."""
    alone, state = Alone(folder), [rig.BAD]
    changes, kept = alone.changes, os.path.join(folder, "alerts.json")
    os.mkdir(kept)      # so that it cannot be written
    clerk = alone.start(alone.option)
    front = rig.Peer(clerk, rig.FRONT, lambda *_: rig.part("cache", rig.OK) + rig.part(
        "breaker", state[0], "25 of 30 hosts turned bad within an hour", "look at the time"))

    wait_until(changes, "the breaker", 20)
    for n in range(300):
        front.send(VERDICT, rig.text(f"d{n}.example") + rig.u8(1) + rig.text("expired"))
    time.sleep(7)
    assert changes() == ["critical breaker: 25 of 30 hosts turned bad within an hour -> look "
                         "at the time"], changes()
    assert clerk.log().count("alerts are not kept") == 1, clerk.log()
    os.rmdir(kept)
    wait_until(lambda: os.path.exists(kept), "what was not kept at first", 20)
    state[0] = rig.OK
    wait_until(lambda: len(changes()) == 2, "its end", 20)
    assert changes()[1].startswith("ok breaker: "), changes()
    assert clerk.stop() == 0, clerk.log()


def certs_report(is_good):
    """A look at two certificates, one of them on port 25, and one domain."""
    def problems(word):
        return [] if is_good else [{"finding": word, "severity": "critical", "words": "so it is",
                                    "advice": "mend it"}]

    return json.dumps({"certificates": [
        {"name": name, "file": f"/{name}.pem", "sni": None, "id": name, "days": 0, "stage": 0,
         "finding": "ok" if is_good else "cert-expired", "problems": problems("cert-expired"),
         "findings": [] if is_good else ["cert-expired"],
         "served": [{"port": 25, "address": "127.0.0.1", "sni": None, "finding": "ok", "seen": {
             "id": name, "not_after": "2026-01-01T00:00:00Z"}}] if name == "a" else []}
        for name in "ab"], "domains": [
        {"domain": "us.example", "overall": "good" if is_good else "broken",
         "problems": problems("sts-mx-missing")}]}).encode()


@test
def test_first_option(folder):
    """What was wrong before anybody was to be told, once; and where a certificate has ended."""
    alone = Alone(folder)

    def start(config):
        clerk = alone.start(config)
        return clerk, rig.Peer(clerk, rig.FRONT, lambda *_: rig.part("cache", rig.OK))

    def wait_told():
        """And for the program's end: a clerk that does not know of it tells again."""
        wait_until(lambda: sum(int(n) for n in re.findall(r"alert sent: .*changes=(\d+)",
                                                          clerk.log())) == 3, "all three", 20)

    clerk, front = start("")
    for count in (1, 2):        # of a domain at the second look
        clerk.tell(CERTS, certs_report(False))
        wait_until(lambda: [k for k, _ in front.heard].count(CERT_ENDS) == count, "the look", 20)
    assert clerk.log().count("own certificate: ") == 2, clerk.log()
    assert clerk.log().count("own domain: ") == 1, clerk.log()
    assert clerk.stop() == 0, clerk.log()
    clerk, front = start(alone.option)
    wait_until(lambda: front.heard, "the ends", 20)
    ends = CERT_ENDS, struct.pack("!HQ", 25, 1767225600)
    assert front.heard == [ends], front.heard
    clerk.tell(CERTS, certs_report(False))
    wait_told()
    clerk.tell(CERTS, certs_report(False))
    assert clerk.stop() == 0, clerk.log()
    clerk, front = start(alone.option)
    clerk.tell(CERTS, certs_report(False))
    clerk.tell(CERTS, certs_report(True))
    wait_told()
    assert [line.split(":")[0] for line in alone.changes()] == [
        f"{severity} {subject}" for severity in ("critical", "ok")
        for subject in ("certificate a", "certificate b", "promise us.example")], alone.changes()
    assert clerk.stop() == 0, clerk.log()


if __name__ == "__main__":
    sys.exit(run(TESTS))
