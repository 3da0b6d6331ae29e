"""The ledger against what the MX hosts themselves noted: outcome by outcome, domain by domain.

Many deliveries at once, connections used again, TLS sessions resumed, the log rotated, clerk
and Redis killed meanwhile.  With Postfix 3.10 (run-3.10) also from its TLSRPT datagrams alone
and from both; a batch of datagrams may go with each clerk that is killed, a line of the log not.
"""

import collections
import concurrent.futures
import json
import os
import random
import signal
import threading
import time

import netns
from domains import BY_NAME
from hopseal import MAP
from process import Timeout, run, wait_until
from test_ledger import IN_THE_LOG, counts, grown

NAMES = ("enf-good.test", "enf-signed.test", "enf-expired.test", "enf-othername.test",
         "enf-selfsigned.test", "enf-nostarttls.test", "enf-454.test", "enf-garbage.test",
         "dane-good.test", "dane-bad.test", "both-good.test", "plain.test")
AT_ONCE = 30
BATCH = 32                      # datagrams that may be in a clerk's hand
RECORD = "v=TLSRPTv1; rua=mailto:reports@sender.test"
QUEUE_LENGTH = "/proc/sys/net/unix/max_dgram_qlen"
TESTS = {}

has_tlsrpt = False


def test(function):
    TESTS[function.__name__.replace("_", "-")] = function
    return function


def prepare(bench, names):
    global has_tlsrpt
    postconf = lambda *argv: run("postconf", "-c", bench.postfix.config_folder, *argv)
    has_tlsrpt = "smtp_tlsrpt_enable" in postconf("-d")
    postconf("-M", "tlsproxy/unix=tlsproxy unix - - n - 0 tlsproxy")
    settings = {"smtp_tls_session_cache_database": "btree:${data_directory}/smtp_scache",
                "initial_destination_concurrency": AT_ONCE,
                "default_destination_concurrency_failed_cohort_limit": 100}
    if has_tlsrpt:
        settings |= {"smtp_tls_policy_maps": "socketmap:inet:%s:%d:QUERYwithTLSRPT" % MAP,
                     "smtp_tlsrpt_enable": "yes", "smtp_tlsrpt_socket_name": "run/tlsrpt"}
        spool = os.path.join(bench.folder, "pf/spool/run")
        os.makedirs(spool, exist_ok=True)
        # Where the test of the map's answers has not been.
        for name in NAMES:
            zone = bench.layout.zone(BY_NAME[name])
            line = f'_smtp._tls TXT "{RECORD}"'
            if line not in zone.lines:
                zone.lines.append(line)
                bench.dns.change(zone)
        with open(QUEUE_LENGTH, "w") as f:
            f.write("512")
    bench.postfix.configure(**settings)


def restore(bench):
    run("postconf", "-c", bench.postfix.config_folder, "-MX", "tlsproxy/unix")
    run("postconf", "-c", bench.postfix.config_folder, "-X",
        "smtp_tls_session_cache_database", "smtp_tls_connection_reuse",
        "default_destination_concurrency_failed_cohort_limit")
    bench.postfix.configure(initial_destination_concurrency=5)
    bench.restart_hopseal()


# ------------------------------------------------------------------------ truth

def outcome(session):
    """How the host saw it end, where a policy asks for TLS or, for plain.test, nothing does."""
    if session["starttls"] in ("failed", "refused"):
        return "failure"
    if session["starttls"] == "ok":
        return "success" if session["mails"] else "failure"
    return "clear" if session["mails"] else "failure"


def noted(bench):
    """What the hosts noted of Postfix's sessions."""
    return [s for s in bench.mx_hosts.sessions(netns.SENDER)
            if s["host"].partition(".")[2] in NAMES]


def truth(sessions, counts_clear=True):
    """{domain: {outcome or finding: count}}"""
    found = {name: collections.Counter() for name in NAMES}
    for session in sessions:
        name = session["host"].partition(".")[2]
        ended = outcome(session)
        if ended == "clear" and not counts_clear:
            continue
        found[name][ended] += 1
        if ended == "failure":
            finding = BY_NAME[name].expect.finding
            # Of the certificate of a resumed session Postfix knows no more.
            found[name]["cert-untrusted" if session["resumed"] else
                        IN_THE_LOG.get(finding, finding)] += 1
    return {name: dict(sums) for name, sums in found.items()}


class Run:
    """From here on: what was counted against what was noted."""

    def __init__(self, bench, **options):
        self.bench = bench
        bench.restart_hopseal(**options)
        for name in NAMES:
            bench.hopseal.ask(name)
        self._counted = counts(bench)
        self._noted = len(noted(bench))
        self._clear = options.get("outbound_source") != "tlsrpt"
        self._mails = []

    def send(self, count, names=NAMES):
        """So many mails to each, handed in at once, each of which is then tried."""
        mails = [f"truth{len(self._mails)}-{n}@{name}" for n in range(count)
                 for name in names]
        self._mails += mails
        self.bench.postfix.send_all(mails, AT_ONCE)
        is_tried = lambda mail: json.loads(mail)["queue_name"] == "deferred"
        wait_until(lambda: all(map(is_tried, self.bench.postfix.queued())), 60, "the mails")

    def sessions(self):
        return noted(self.bench)[self._noted:]

    def got(self):
        now = counts(self.bench)
        return {name: grown(now.get(name, {}), self._counted.get(name, {}))
                for name in NAMES}

    def wanted(self):
        return truth(self.sessions(), self._clear)

    def settled(self, seconds):
        """What was counted and noted: the same a moment long, or all that time was not."""
        try:
            wait_until(lambda: self.got() == self.wanted(), seconds, "the tallies")
            time.sleep(1.5)
        except Timeout:
            pass
        return self.got(), self.wanted()

    def check(self, seconds=25):
        got, wanted = self.settled(seconds)
        wrong = {n: (got[n], wanted[n]) for n in NAMES if got[n] != wanted[n]}
        assert not wrong, f"counted and noted: {wrong}"
        assert sum(map(len, wanted.values())) >= len(NAMES), wanted


def in_background(function):
    """A future: whoever asks for its result hears of its failure."""
    pool = concurrent.futures.ThreadPoolExecutor(1)
    future = pool.submit(function)
    pool.shutdown(wait=False)
    return future


# ------------------------------------------------------------------------ the log

@test
def at_once(bench):
    """30 deliveries at once."""
    r = Run(bench)
    r.send(5)
    r.check()


@test
def reused_and_resumed(bench):
    """Connections that carry several mails, and sessions that are resumed, count once each."""
    r = Run(bench)
    r.send(2)
    bench.postfix.configure(smtp_tls_connection_reuse="yes")
    r.send(4, ("enf-good.test", "dane-good.test"))
    for _ in range(3):
        r.send(8, ("enf-good.test", "enf-expired.test", "dane-good.test"))
    bench.postfix.configure(smtp_tls_connection_reuse="no")     # ends those that are open
    r.check()
    sessions = r.sessions()
    assert any(s["mails"] > 1 for s in sessions), "no connection was used again"
    assert any(s["resumed"] for s in sessions), "no session was resumed"


@test
def log_rotated(bench):
    """Renamed and compressed by Postfix itself while mail goes out."""
    r = Run(bench)
    for _ in range(3):
        sending = in_background(lambda: r.send(2))
        time.sleep(random.random())
        bench.postfix.rotate_log()
        # What its queue manager had in hand, which was started anew, waits for a queue run.
        while not sending.done():
            bench.postfix.flush()
            concurrent.futures.wait([sending], 2)
        sending.result()
    r.check()


def kill_at_random(bench, clerks, redises):
    """The clerk and Redis, while mail goes out."""
    def kill_redis():
        for _ in range(redises):
            time.sleep(0.3 + random.random())
            bench.redis.stop(signal.SIGKILL)
            time.sleep(random.random())
            bench.redis.start()
    other = in_background(kill_redis)
    for _ in range(clerks):
        # Slow enough to be started again at once each time.
        time.sleep(1.0 + random.random() * 0.4)
        bench.hopseal.wait_replaced("clerk", bench.hopseal.kill("clerk", signal.SIGKILL))
    other.result()


def send_meanwhile(r, act):
    """Mail after mail until act is done."""
    is_done = threading.Event()

    def send():
        while not is_done.is_set():
            r.send(1)
    sending = in_background(send)
    try:
        act()
    finally:
        is_done.set()
        sending.result()


@test
def killed(bench):
    """The clerk at 20 random moments, Redis at 10: from the log all is exact."""
    r = Run(bench)
    send_meanwhile(r, lambda: kill_at_random(bench, 20, 10))
    r.check(40)


# ----------------------------------------------------------- datagrams, Postfix 3.10

def tlsrpt_options(bench, source):
    # The folder's accounts have other numbers.
    return {"outbound_source": source, "socket_mode": "0666",
            "tlsrpt_socket": os.path.join(bench.folder, "pf/spool/run/tlsrpt")}


def sessions_in(sums):
    return sum(sums.get(o, 0) for o in ("success", "failure", "clear"))


def ledger_counters(bench):
    _, status = bench.hopseal.command("status")
    return {k: v for k, v in status["counters"].items() if k.startswith("ledger_")}


@test
def datagrams(bench):
    """From the datagrams alone; a resumed session counts where Postfix tells of it."""
    if not has_tlsrpt:
        return "Postfix without TLSRPT: make e2e-3.10"
    bench.postfix.configure(smtp_tlsrpt_skip_reused_handshakes="no")
    r = Run(bench, **tlsrpt_options(bench, "tlsrpt"))
    r.send(5)
    r.check()
    bench.postfix.configure(smtp_tlsrpt_skip_reused_handshakes="yes")


@test
def both(bench):
    """Each session once: resumed ones and those in clear, of which no datagram tells, too."""
    if not has_tlsrpt:
        return "Postfix without TLSRPT: make e2e-3.10"
    r = Run(bench, **tlsrpt_options(bench, "both"))
    r.send(5)
    r.send(2)
    r.check()
    counters = ledger_counters(bench)
    assert 0 < counters["ledger_datagrams"] < len(r.sessions()), counters
    assert counters["ledger_datagrams_lost"] == 0, counters


@test
def lost_datagrams(bench):
    """Nobody hears them for a while: how many is said, and no more is missing."""
    if not has_tlsrpt:
        return "Postfix without TLSRPT: make e2e-3.10"
    bench.postfix.configure(smtp_tlsrpt_skip_reused_handshakes="no")
    options = tlsrpt_options(bench, "both")
    r = Run(bench, **options)
    r.send(1)
    r.check()
    path = options["tlsrpt_socket"]
    os.rename(path, path + ".away")
    r.send(2, ("enf-good.test", "dane-good.test"))
    os.rename(path + ".away", path)
    wait_until(lambda: ledger_counters(bench)["ledger_datagrams_lost"] > 0, 30, "the loss")
    lost = ledger_counters(bench)["ledger_datagrams_lost"]
    got, wanted = r.got(), r.wanted()
    missing = sum(sessions_in(wanted[name]) - sessions_in(got[name]) for name in NAMES)
    assert lost == missing > 0, (lost, missing)
    bench.postfix.configure(smtp_tlsrpt_skip_reused_handshakes="yes")


def check_killed(bench, source):
    """At most the batch in hand goes with each clerk, and nothing counts twice."""
    bench.postfix.configure(smtp_tlsrpt_skip_reused_handshakes="no")
    r = Run(bench, **tlsrpt_options(bench, source))
    kills = 10
    send_meanwhile(r, lambda: kill_at_random(bench, kills, 5))
    got, wanted = r.settled(15)
    for name in NAMES:
        assert all(count <= wanted[name].get(key, 0) for key, count in got[name].items()), \
            (name, got[name], wanted[name])
    total = sum(map(sessions_in, wanted.values()))
    missing = total - sum(map(sessions_in, got.values()))
    # A batch is in hand for less than a millisecond.
    assert total > 0 and missing <= min(BATCH * kills, total // 20), (missing, total)
    if source == "both":
        lost = lambda: ledger_counters(bench)["ledger_datagrams_lost"]
        wait_until(lambda: lost() >= missing, 30, "the loss")
        assert lost() == missing, (lost(), missing)
    bench.postfix.configure(smtp_tlsrpt_skip_reused_handshakes="yes")


@test
def datagrams_killed(bench):
    if not has_tlsrpt:
        return "Postfix without TLSRPT: make e2e-3.10"
    check_killed(bench, "tlsrpt")


@test
def both_killed(bench):
    """And how many is said by the clerk that is there in the end."""
    if not has_tlsrpt:
        return "Postfix without TLSRPT: make e2e-3.10"
    check_killed(bench, "both")
