#!/usr/bin/python3
"""The ledger of a running policyd: sums that equal the truth, whatever happens meanwhile.

    test_ledger.py [--build DIR] [TEST...]

The mail log is written here (mail_log.py), rotated and cut; the clerk is killed, Redis is
killed and flushed, the disk is full.  One line a test; exit 0 when none failed.
"""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

from mail_log import DOMAINS, MailLog, session_lines, totals, write_day
from policyd_rig import DUNNO, Connection, Policyd, run, small_disk, wait_until
from redis_rig import Redis
from test_parent import fake_postconf

TESTS = []
SETTLE_S = 40


def test(function):
    TESTS.append(function)
    return function


def report(policyd, *words):
    """The answer; where settings were read meanwhile it asks to be asked once more."""
    answer = policyd.command("report", *words)
    return report(policyd, *words) if "once more" in answer.get("error", "") else answer


def sums(policyd):
    """{direction: {outcome: count}} as the report has them."""
    directions = report(policyd)["directions"]
    return {d: {o: directions[d][o] for o in ("success", "failure", "clear")}
            for d in ("out", "in", "submission")}


def wait_equal(policyd, truth, seconds=SETTLE_S):
    """Wait until the sums equal the truth; they must then stay so."""
    wanted = totals(truth)
    try:
        wait_until(lambda: sums(policyd) == wanted, "the sums", seconds)
    except AssertionError:
        raise AssertionError(f"got {sums(policyd)}, truth {wanted}")
    time.sleep(1.5)
    assert sums(policyd) == wanted, f"then got {sums(policyd)}, truth {wanted}"


def wait_whole(policyd, log):
    """The same, and nothing was missed."""
    wait_equal(policyd, log.truth)
    assert policyd.count_said("lines were missed") == 0, policyd.log()


def has_open(policyd, role, path):
    folder = f"/proc/{policyd.pid(role)}/fd"
    return any(os.path.realpath(os.path.join(folder, fd)) == path for fd in os.listdir(folder))


def start(folder, **options):
    log = MailLog(os.path.join(folder, "mail.log"))
    return log, Policyd(folder, **{"maillog": log.path, "aggregates_file": "",
                                   **options}).start()


@test
def test_nothing(folder):
    """Without a session nothing is well: exit 3."""
    log, policyd = start(folder)
    answer = subprocess.run([policyd.program("hopseal"), "-c", policyd.conf_path, "report"],
                            capture_output=True, text=True)
    assert answer.returncode == 3, answer
    assert "No session was recorded" in answer.stdout, answer.stdout
    log.write_whole(500)
    wait_equal(policyd, log.truth)
    answer = subprocess.run([policyd.program("hopseal"), "-c", policyd.conf_path, "report"],
                            capture_output=True, text=True)
    assert answer.returncode == 1, answer
    assert "cert-expired" in answer.stdout, answer.stdout


@test
def test_no_source(folder):
    """Where nothing says how sessions went, that is unknown."""
    log, policyd = start(folder, maillog="none")

    def said():
        part = next(p for p in policyd.command("status")["parts"] if p["name"] == "ledger")
        return part["state"], part["detail"].partition(":")[0]
    assert said() == ("unknown", "outbound sessions are not counted"), said()
    assert policyd.end() == 0
    log, policyd = start(folder, maillog="none", outbound_source="tlsrpt",
                         tlsrpt_socket=os.path.join(folder, "tlsrpt.sock"))
    assert said() == ("unknown", "inbound sessions are not counted"), said()


@test
def test_report(folder):
    """Domain by domain, finding by finding."""
    log, policyd = start(folder)
    log.write_whole(2000)
    wait_equal(policyd, log.truth)
    rows = {r["domain"]: r for r in report(policyd)["domains"]}
    assert set(rows) == {d for d, _ in log.by_domain}, rows.keys()
    for name, row in rows.items():
        for outcome in ("success", "failure", "clear"):
            assert row[outcome] == log.by_domain[name, outcome], (name, outcome, row)
        for finding in ("cert-expired", "handshake-failed"):
            assert row["findings"].get(finding, 0) == log.failures[name, finding], row
        assert row["failures"].get("certificate-expired", 0) == \
            log.failures[name, "cert-expired"], row
        assert row["since"] <= row["last"], row
        assert [h["host"] for h in row["hosts"]] == [f"mx.{name}"], row
    one = report(policyd, "--domain", DOMAINS[0])
    assert [r["domain"] for r in one["domains"]] == [DOMAINS[0]], one
    assert len(report(policyd, "--top", "3")["domains"]) == 3
    came = report(policyd, "--in")
    assert came["direction"] == "in" and came["totals"]["sessions"] == \
        sum(n for (d, _), n in log.truth.items() if d == "in"), came["totals"]
    assert {r["domain"] for r in came["domains"]} == {f"net{n}.example" for n in range(7)}
    today = time.strftime("%Y-%m-%d", time.gmtime())
    only = report(policyd, "--day", today)
    assert only["day"] == only["until"] == today, only
    for words in (("--day", "2020-01-01"), ("--day", "x"), ("--since", "2999-01-01")):
        assert "error" in policyd.command("report", *words), words


@test
def test_rotation(folder):
    """Renamed and copied in the middle of sessions, with late lines in the old file."""
    log, policyd = start(folder)
    wait_until(lambda: has_open(policyd, "clerk", log.path), "the log's opening")
    log.start()
    for turn in range(8):
        time.sleep(0.7)
        log.rename() if turn % 2 else log.copy_and_cut()
    log.stop()
    wait_whole(policyd, log)


@test
def test_rotation_while_away(folder):
    """Several rotations, one of them compressed, while no policyd is there."""
    log, policyd = start(folder)
    log.write(500)
    wait_until(lambda: policyd.command("report")["totals"]["sessions"] > 0, "a session")
    time.sleep(1.5)
    policyd.end()
    log.write(500)
    log.rename(late_lines=0)
    log.write(500)
    time.sleep(0.02)
    log.rename(late_lines=0)
    log.compress(2)
    log.write(500)
    policyd.start()
    log.write_whole(500)
    wait_whole(policyd, log)
    # What cannot be had any more is said.
    policyd.end()
    for name in os.listdir(folder):
        if name.startswith("mail.log."):
            os.unlink(os.path.join(folder, name))
    log.rename(late_lines=0)
    os.unlink(log.path + ".1")
    policyd.start()
    policyd.wait_said("lines were missed")


@test
def test_reload_without_log(folder):
    """Reading ends, and goes on where it was; a log that is not there is said."""
    log, policyd = start(folder)
    log.write_whole(500)
    wait_equal(policyd, log.truth)
    policyd.reload(maillog="none")
    wait_until(lambda: not has_open(policyd, "clerk", log.path), "the end of reading")
    log.write_whole(500)
    policyd.reload()
    wait_equal(policyd, log.truth)
    part = lambda: next(p for p in policyd.command("status")["parts"] if p["name"] == "ledger")
    policyd.reload(maillog=log.path + ".other")
    wait_until(lambda: "no mail log: No such file" in part()["detail"], "the complaint")
    policyd.reload()
    wait_until(lambda: part()["state"] == "ok", "the log")
    log.write_whole(500)
    wait_equal(policyd, log.truth)
    assert policyd.count_said("lines were missed") == 0, policyd.log()


@test
def test_postfix_tells_late(folder):
    """The log is read when it is known what it does not say."""
    path = os.path.join(folder, "mail.log")
    write_day(path, time.strftime("%Y-%m-%d", time.gmtime()), ("a.example", "good", 5),
              ("b.example", "clear", 10))
    env = fake_postconf(folder, "bin", "sleep 2; echo mail_version = 3.7.11; "
                        "echo smtp_tls_loglevel = 0")
    policyd = Policyd(folder, maillog=path, aggregates_file="").start(env=env)
    wait_until(lambda: sums(policyd)["out"]["success"] == 5, "the sessions")
    assert sums(policyd)["out"]["clear"] == 0, sums(policyd)


@test
def test_clerk_killed(folder):
    """20 times, at any instant, while the log is written and rotated."""
    os.chmod(folder, 0o777)
    aggregates = os.path.join(folder, "aggregates.jsonl")
    log, policyd = start(folder, aggregates_file=aggregates, aggregate_interval="1m")
    chance = random.Random(20)
    log.start()
    for turn in range(20):
        time.sleep(1.0 + chance.random() * 0.3)
        policyd.kill_child("clerk")
        if turn % 5 == 2:
            log.rename()
        if turn % 5 == 4:
            log.copy_and_cut()
    log.stop()
    wait_whole(policyd, log)
    check_aggregates(log, aggregates)


def check_aggregates(log, path):
    """The sums of the next full minute, a line for each domain that failed and one for all."""
    size = os.path.getsize(path) if os.path.exists(path) else 0
    wait_until(lambda: os.path.exists(path) and os.path.getsize(path) > size, "aggregates", 65)
    with open(path) as f:
        f.seek(size)
        *domains, last = map(json.loads, f)
    assert {d["policy"]["policy-domain"] for d in domains} == {d for d, _ in log.failures}
    for line in domains:
        name = line["policy"]["policy-domain"]
        summary, details = line["summary"], line["failure-details"]
        assert summary["total-failure-session-count"] == log.by_domain[name, "failure"], line
        assert summary["total-successful-session-count"] == log.by_domain[name, "success"], line
        assert sum(d["failed-session-count"] for d in details) == \
            log.by_domain[name, "failure"], line
        assert {d["result-type"] for d in details} <= {"certificate-expired",
                                                      "validation-failure"}, line
    assert {d: last["summary"][d].get("total-successful-session-count", 0)
            for d in ("out", "in")} == {d: log.truth[d, "success"] for d in ("out", "in")}, last
    assert last["date-range"]["start-datetime"].endswith("T00:00:00Z") and not last["final"]


@test
def test_restart(folder):
    """Ended and started: the same sums, and the files of the ledger are few."""
    log, policyd = start(folder)
    log.write_whole(3000)
    wait_equal(policyd, log.truth)
    policyd.end()
    policyd.start()
    wait_equal(policyd, log.truth)
    ledger = os.path.join(policyd.folder, "state/ledger")
    assert {n.split(".")[0] for n in os.listdir(ledger)} <= {"journal", "lock", "writer"} | \
        {time.strftime("%Y-%m-%d", time.gmtime())}, os.listdir(ledger)


@test
def test_hosts_share(folder):
    """Two hosts, one Redis that is killed, comes back empty, and is flushed."""
    redis = Redis(folder)
    logs, hosts = [], []
    for n in (1, 2):
        logs.append(MailLog(os.path.join(folder, f"mail{n}.log"), seed=n))
        hosts.append(Policyd(folder, maillog=logs[-1].path, aggregates_file="",
                             redis=f"unix:{redis.path}").start())
    for log in logs:
        log.write_whole(1000)
    both = logs[0].truth + logs[1].truth
    for host in hosts:
        wait_equal(host, both)
        assert report(host)["note"] is None
    redis.stop()
    wait_until(lambda: report(hosts[0])["note"] is not None, "word of Redis")
    wait_equal(hosts[0], logs[0].truth)
    logs[1].write_whole(500)
    redis.start()
    both = logs[0].truth + logs[1].truth
    for host in hosts:
        wait_equal(host, both)
    redis.command("FLUSHALL")
    logs[0].write_whole(300)
    both = logs[0].truth + logs[1].truth
    for host in hosts:
        wait_equal(host, both)
    # The clerk of one is killed with Redis away: nothing is lost or told twice.
    redis.stop()
    logs[0].write(300)
    os.kill(hosts[0].pid("clerk"), signal.SIGKILL)
    logs[0].finish()
    redis.start()
    both = logs[0].truth + logs[1].truth
    for host in hosts:
        wait_equal(host, both)
    # Every key has a life.
    keys = redis.command("KEYS", "hopseal:tally:*").split()
    assert keys and all(int(redis.command("TTL", key)) > 0 for key in keys), keys
    redis.stop()


@test
def test_disk_full(folder):
    """Nothing can be written: counted in memory, said once, exact after."""
    with small_disk(folder, "256k") as disk:
        log, policyd = start(folder, state_dir=f"{disk}/state")
        log.write(300)
        wait_until(lambda: report(policyd)["totals"]["sessions"] > 0, "a session")
        with open(f"{disk}/ballast", "wb", buffering=0) as ballast:
            for size in (4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        ballast.write(bytes(size))
        log.write(4000)
        policyd.wait_said("stays in memory until the disk takes it")
        log.finish()
        wait_equal(policyd, log.truth)
        # Killed now, all of it is read again.
        policyd.kill_child("clerk")
        wait_equal(policyd, log.truth)
        os.unlink(f"{disk}/ballast")
        policyd.wait_said("the disk takes it again")
        log.write_whole(300)
        wait_equal(policyd, log.truth)
        policyd.kill_child("clerk")
        wait_equal(policyd, log.truth)


# Datagrams that end other receivers, and more of the kind.
HOSTILE = [
    b"", b"{", b'{"d": "a.example", "pr": "\xff', b"7", b"null", b'"x"', b"[]",
    b'{"d":"a.example","pr":"v","policies":[1]}',
    b'{"d":"a.example","pr":"v","policies":{}}',
    b'{"d":7,"pr":"v","policies":[{"policy-type":9,"t":0,"f":0}]}',
    b'{"d":"a.example","pr":"v","policies":[{"policy-type":9,"t":0,"f":{}}]}',
    b'{"d":"a.example","pr":"v","policies":[{"policy-type":9,"t":0}]}',
    b'{"d":"a.example","pr":"v","policies":[]}',
    b'{"dpv":"2","d":"a.example","pr":"v","policies":[{"policy-type":9,"t":0,"f":0}]}',
    b"[" * 100000 + b"]" * 100000, b"\0" * 100, b"{}" * 1000, bytes(range(256)) * 100,
]


def datagram(domain, failed=False, **failure):
    policy = {"policy-type": 2, "policy-domain": domain, "policy-string": [
        "version: STSv1", "mode: enforce", f"mx: mx.{domain}", "max_age: 86400"],
        "mx-host": [f"mx.{domain}"], "t": int(failed), "f": int(failed)}
    if failed:
        policy["failure-details"] = [{"c": 204, "n": f"mx.{domain}", "r": "192.0.2.1",
                                      "f": "certificate has expired", **failure}]
    return json.dumps({"dpv": "1", "d": domain, "pr": "v=TLSRPTv1; rua=mailto:r@example.com",
                       "policies": [policy]}).encode()


class Sender:
    """Sends until the socket takes it, and counts."""

    def __init__(self, path):
        self.path, self.sent = path, 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def send(self, data):
        while True:
            try:
                self._socket.sendto(data, socket.MSG_DONTWAIT, self.path)
                break
            except BlockingIOError:
                time.sleep(0.001)
        self.sent += 1


def start_tlsrpt(folder, **options):
    path = os.path.join(folder, "tlsrpt.sock")
    log, policyd = start(folder, tlsrpt_socket=path, **options)
    sender = Sender(path)
    wait_until(lambda: os.path.exists(path), "the socket")
    return log, policyd, sender


@test
def test_datagrams(folder):
    """Every kind is counted or refused, and none of them ends the reading."""
    log, policyd, sender = start_tlsrpt(folder, outbound_source="tlsrpt")
    clerk = policyd.pid("clerk")
    for data in HOSTILE:
        sender.send(data)
        sender.send(datagram("good.example"))
    sender.send(datagram("bad.example", failed=True))
    sender.send(datagram("bad.example", failed=True, c=999))
    wait_until(lambda: report(policyd)["totals"]["sessions"] == len(HOSTILE) + 2,
               "all that can be read")
    rows = {r["domain"]: r for r in report(policyd)["domains"]}
    assert rows["good.example"]["success"] == len(HOSTILE), rows
    assert rows["good.example"]["policy"] == "sts", rows
    assert rows["bad.example"]["failures"] == {"certificate-expired": 1,
                                               "validation-failure": 1}, rows
    assert policyd.pid("clerk") == clerk
    # What the log says of mail that went out is not counted beside.
    log.write_whole(500)
    wait_until(lambda: sums(policyd)["in"]["success"] == log.truth["in", "success"], "in")
    assert report(policyd)["totals"]["sessions"] == len(HOSTILE) + 2


@test
def test_datagrams_killed(folder):
    """At most the batch in hand is lost with each clerk, and nothing counted twice."""
    log, policyd, sender = start_tlsrpt(folder, outbound_source="tlsrpt")
    stop = threading.Event()

    def send():
        while not stop.wait(0.002):
            for n in range(4):
                sender.send(datagram(DOMAINS[n]))
    thread = threading.Thread(target=send)
    thread.start()
    kills = 5
    for _ in range(kills):
        time.sleep(1.2)
        policyd.kill_child("clerk")
    stop.set()
    thread.join()
    wait_until(lambda: report(policyd)["totals"]["sessions"] >= sender.sent - 32 * kills,
               "the datagrams")
    time.sleep(1)
    got = report(policyd)["totals"]["sessions"]
    assert got <= sender.sent, (got, sender.sent)


@test
def test_both(folder):
    """A session that Postfix has reported is counted from its datagram alone."""
    log, policyd, sender = start_tlsrpt(folder, outbound_source="both")

    def write(first, count, reported):
        stamp = time.strftime("%b %e %H:%M:%S", time.localtime())
        with open(log.path, "a") as f:
            for n in range(first, first + count):
                smtp = f"{stamp} host postfix/smtp[{n + 500}]: "
                lines = session_lines(smtp, "a.example", n)
                if n < first + reported:
                    lines.insert(1, f"{smtp}TLSRPT: status=success, domain=a.example, "
                                 "receiving_mx=mx.a.example[192.0.2.1]")
                f.writelines(line + "\n" for line in lines)
    write(0, 20, reported=12)
    for n in range(9):
        sender.send(datagram("a.example"))
    wait_until(lambda: report(policyd)["totals"]["success"] == 8 + 9, "8 and 9 sessions")
    # What a clerk that is killed had in hand the next one says, and once.
    time.sleep(1.5)
    policyd.kill_child("clerk")
    policyd.wait_said("sessions are missing that Postfix has reported: lost=3")
    time.sleep(1.5)
    policyd.kill_child("clerk")
    write(20, 2, reported=1)
    policyd.wait_said("sessions are missing that Postfix has reported: lost=1,")
    assert policyd.counters()["ledger_datagrams_lost"] == 1
    assert report(policyd)["totals"]["success"] == 8 + 9 + 1


def access_request(n, recipient=0, **attributes):
    """smtpd's question at a recipient of the n-th session."""
    values = {"request": "smtpd_access_policy", "protocol_state": "RCPT",
              "protocol_name": "ESMTP", "client_address": f"198.51.100.{n % 250}",
              "client_name": f"mail{n}.net{n % 3}.example", "sender": "a@example.net",
              "recipient": "b@own.example", "instance": f"{n:x}.5f.{recipient}",
              "encryption_protocol": "", "encryption_cipher": "", **attributes}
    return "".join(f"{k}={v}\n" for k, v in values.items()).encode() + b"\n"


@test
def test_our_certificate(folder):
    """Clients that refuse it, at each service, with their address and words."""
    log, policyd = start(folder)
    sample = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          "../data/log_sessions/dovecot-2.3.log")
    stamp = time.strftime("%b %e %H:%M:%S", time.localtime())
    with open(sample) as f:
        lines = [stamp + line[15:] for line in f if "unknown ca" in line]
    for service, name in (("smtpd", "postfix"), ("submission/smtpd", "postfix")):
        smtpd = f"{stamp} host {name}/{service}[77]:"
        lines += [f"{smtpd} connect from c.net.example[192.0.2.8]\n",
                  f"{smtpd} SSL_accept error from c.net.example[192.0.2.8]: -1\n",
                  f"{smtpd} warning: TLS library problem: error:0A000415:SSL routines::"
                  "sslv3 alert certificate expired:../ssl/record/rec_layer_s3.c:1586:"
                  "SSL alert number 45:\n",
                  f"{smtpd} lost connection after STARTTLS from c.net.example[192.0.2.8]\n",
                  f"{smtpd} disconnect from c.net.example[192.0.2.8] ehlo=1 starttls=0/1 "
                  "commands=1/2\n"]
    with open(log.path, "a") as f:
        f.write("".join(lines))
    refusals = lambda: report(policyd)["our_certificate"]
    wait_until(lambda: sum(r["count"] for r in refusals()) == 10, "all refusals")
    by_service = {r["service"]: r for r in refusals()}
    assert set(by_service) == {"smtpd", "submission", "imap", "pop3"}, refusals()
    assert by_service["imap"]["reason"] == "unknown ca", refusals()
    assert by_service["smtpd"]["reason"] == "certificate expired", refusals()
    assert {r["address"] for r in refusals()} == {"192.0.2.8", "192.0.2.9"}, refusals()


@test
def test_access(folder):
    """Without a log that can be read: from smtpd's questions, each session once."""
    log, policyd = start(folder, inbound_source="access", own_domains="own.example")
    tls = {"encryption_protocol": "TLSv1.3", "encryption_cipher": "TLS_AES_256_GCM_SHA384"}
    with Connection(policyd.access) as c:
        for n in range(90):
            for recipient in range(3):
                c.send(access_request(n, recipient, **(tls if n % 3 else {})))
                c.expect(DUNNO)
        for n in range(100, 110):
            c.send(access_request(n, sasl_username="joe", **tls))
            c.expect(DUNNO)
        # Before TLS may be there, a question says nothing.
        c.send(access_request(200, protocol_state="CONNECT"))
        c.expect(DUNNO)
    log.write_whole(300)
    wanted = {"in": {"success": 60, "failure": 0, "clear": 30},
              "submission": {"success": 10, "failure": 0, "clear": 0},
              "out": totals(log.truth)["out"]}
    try:
        wait_until(lambda: sums(policyd) == wanted, "the sums")
    except AssertionError:
        raise AssertionError(f"got {sums(policyd)}, wanted {wanted}")
    policyd.kill_child("clerk")
    wait_until(lambda: sums(policyd) == wanted, "the same after a kill")


if __name__ == "__main__":
    sys.exit(run(TESTS))
