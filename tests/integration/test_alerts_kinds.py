#!/usr/bin/python3
"""What is told by alerts: Redis, resolver, domains, ledger, refusals, how often and by whom.

    test_alerts_kinds.py [--build DIR] [TEST...]

Domains break and mend by their records in Redis.  Each kind has a policyd of its own; they
wait together.  One line a test; exit 0 when none failed.
"""

import json
import os
import signal
import sys
import time

from alerts_rig import Domains, Listener, Told
from policyd_rig import Names, run, wait_until
from ports import free_port
from redis_rig import Redis
from reports_rig import Sink, hopseal, write_log
from together import together

KINDS = []


def kind(function):
    KINDS.append(function)
    return function


def alerts_part(policyd):
    status = hopseal(policyd, "status")[1]
    part, = [p for p in status["parts"] if p["name"] == "alerts"]
    return part, status["counters"]


@kind
def redis_away(folder):
    """Away for longer than alert_after, and back: each told once, also over a restart."""
    redis, listener = Redis(folder), Listener()
    listener.answers = [503]
    told = Told(folder, redis=f"unix:{redis.path}",
                alert_webhook=f"http://127.0.0.1:{listener.port}/").start()
    try:
        wait_until(lambda: hopseal(told.policyd, "status")[1]["counters"]["redis_up"], "Redis")
        time.sleep(1)
        assert not told.lines(), told.lines()
        redis.stop()
        line, = told.wait_line(r"critical redis: ")
        assert "-> start Redis or mend the option redis" in line, line
        wait_until(lambda: "alert not sent yet: way=webhook, to=127.0.0.1:" in
                   told.policyd.log(), "the failure")
        part, counters = alerts_part(told.policyd)
        assert part["state"] == "warning" and "status 503" in part["detail"], part
        assert counters["alerts_webhook_failed"] == 1 and counters["alerts_mail_sent"] == 1
        told.policyd.end()
        told.start()
        wait_until(lambda: len(listener.bodies) == 2, "the second try", 45)
        first, again = map(json.loads, listener.bodies)
        assert first["id"] == again["id"] and first["alerts"] == again["alerts"], again
        time.sleep(1)
        assert len(told.mails()) == 1, told.mails()
        assert alerts_part(told.policyd)[0]["state"] == "ok"
        redis.start()
        told.wait_line(r"ok redis: .*up and writable")
        time.sleep(2)
        assert len(told.lines()) == 2, told.lines()
    finally:
        redis.stop()


@kind
def resolver_away(folder):
    """Nobody answers DNS; then somebody does."""
    told = Told(folder, dns_servers=f"127.0.0.1@{free_port()}").start()
    line, = told.wait_line(r"critical resolver: ", 40)
    assert "-> if this stays, see dns_servers" in line, line
    names = Names()
    told.policyd.write_conf(dns_servers=names.option)
    told.policyd.process.send_signal(signal.SIGHUP)
    told.wait_line(r"ok resolver: ", 40)
    assert len(told.lines()) == 2, told.lines()
    names.close()


@kind
def domains_break(folder):
    """Domains that are mailed to: by one host of the group, in one message, once."""
    redis, sink = Redis(folder), Sink()
    log, domains = os.path.join(folder, "mail.log"), Domains(redis)
    mailed = [f"d{n}.example" for n in range(12)]
    write_log(log, *((name, "good", 1) for name in mailed))
    hosts = []
    for n in range(2):
        place = os.path.join(folder, str(n))
        os.mkdir(place)
        hosts.append(Told(place, sink=sink, redis=f"unix:{redis.path}", maillog=log,
                          aggregates_file="").start())
    told = hosts[0]
    try:
        for host in hosts:
            wait_until(lambda: host.policyd.command("report", "--day", "yesterday")["totals"]
                       ["sessions"] >= 12, "the ledger", 30)
        for name in mailed + ["stranger.example"]:
            domains.put(name, "ok")
            for host in hosts:
                assert host.policyd.ask(name).startswith("OK secure"), name
        for name in mailed[:-1] + ["stranger.example"]:
            domains.put(name, "cert-expired")
        told.wait_line(r"warning domain d0\.example: no usable mail host for d0\.example: "
                       r"mx\.d0\.example: .*expired")
        time.sleep(6)
        assert sorted(line.split(":")[0] for line in told.lines("domain")) == sorted(
            f"warning domain {name}" for name in mailed[:-1]), told.lines()
        assert len(told.mails()) <= 2 * len(hosts), "grouped"
        for host in hosts:
            host.policyd.end()
            host.start()
        for name in mailed[:-1]:
            domains.put(name, "ok")
            for host in hosts:
                host.policyd.ask(name)
        wait_until(lambda: sum(line.startswith("ok domain") for line in told.lines()) == 11,
                   "their recovery", 30)
        time.sleep(4)
        assert len(told.lines("domain")) == 22, told.lines()
        assert redis.command("EXISTS", "hopseal:alert:{d0.example}:deliverable") == "1"
        assert redis.command("EXISTS", "hopseal:alert:{d0.example}:undeliverable") == "0"
        # Mail to one that is bad already: the next look tells it.
        write_log(log, ("stranger.example", "good", 1))
        for host in hosts:
            wait_until(lambda: host.policyd.command("report", "--day", "yesterday")["totals"]
                       ["sessions"] >= 13, "the ledger", 30)
        for host in hosts:
            host.policyd.ask("stranger.example")
        told.wait_line(r"warning domain stranger\.example: ")
    finally:
        redis.stop()


@kind
def log_silenced(folder):
    """Postfix asks and asks, and its log says nothing."""
    redis = Redis(folder)
    log, domains = os.path.join(folder, "mail.log"), Domains(redis)
    told = Told(folder, redis=f"unix:{redis.path}", maillog=log, alert_silence="3s",
                aggregates_file="")
    write_log(log, ("a.example", "good", 1))
    told.start()
    try:
        domains.put("a.example", "ok")
        wait_until(lambda: told.policyd.ask("a.example") and told.lines(), "the alert", 30)
        line, = told.wait_line(r"warning ledger: ")
        assert "mail flows and no TLS session is recorded; last session " in line, line
        assert "-> see that maillog is where Postfix's log goes to" in line, line
        for n in range(8):
            write_log(log, ("a.example", "good", 1))
            time.sleep(0.5)
        told.wait_line(r"ok ledger: sessions are recorded again")
    finally:
        redis.stop()


@kind
def certificate_refused(folder):
    """Clients that refuse our certificate."""
    log = os.path.join(folder, "mail.log")
    told = Told(folder, maillog=log, aggregates_file="")
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00", time.gmtime())
    begin = f"{now} host dovecot: imap-login: Disconnected: user=<>, rip=192.0.2.9, "
    with open(log, "w") as f:
        f.write((begin + "lip=192.0.2.1, TLS handshaking: SSL_accept() failed: error:0A000412:"
                 "SSL routines::ssl/tls alert bad certificate: SSL alert number 42, "
                 "session=<x>\n") * 3)
    told.start()
    line, = told.wait_line(r"warning refusal imap: 3 sessions within an hour ")
    assert '"bad certificate" by ' in line and "[192.0.2.9]" in line, line


def test_kinds(folder):
    """All of them at one time."""
    together(folder, KINDS)


if __name__ == "__main__":
    sys.exit(run([test_kinds]))
