#!/usr/bin/python3
"""The scout hands a mail to report_relay or posts a report, and the other side does what it
likes.

    test_errands.py [--build DIR] [TEST...]

The test plays the clerk (scout_rig.py).  Each relay fails at one step in one manner; what
matters is whether the scout says that it was surely not taken, or that nobody can tell.
One line a test; exit 0 when none failed.
"""

import array
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

from frames import HAS_FD, frame, message_types, text
from policyd_rig import Policyd, Skip, faketime, run, wait_until
from reports_rig import Answers, Web
from scout_rig import Scout

TESTS = []
STEPS = ("banner", "EHLO", "MAIL", "RCPT", "DATA", "end")
DONE, FAILED, DOUBTFUL = 1, 2, 3
MAIL = b"Subject: x\r\n\r\n.a line\r\n.\r\nand more\r\n" + b"y" * 70 * 1000 + b"\r\n"
ERRAND, ERRAND_DONE = message_types("ERRAND", "ERRAND_DONE")


def test(function):
    TESTS.append(function)
    return function


class Relay:
    """A mail server that answers each step as told: a reply, "close", "reset", "hang", or an
    Event to wait for; tls is an SSL context, or a reply to STARTTLS, or "garbage"."""

    def __init__(self, address="127.0.0.1", tls=None, extra="", **answers):
        self._answers, self._tls, self._extra = answers, tls, extra
        self.lines, self.mails, self.was_tls = [], [], []
        if address.startswith("/"):
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(address)
            self.endpoint = f"unix:{address}"
        else:
            self._socket = socket.socket()
            self._socket.bind((address, 0))
            self.endpoint = "inet:%s:%d" % self._socket.getsockname()
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _say(self, connection, step, good):
        """False when the conversation is over."""
        answer = self._answers.get(step, good)
        if answer == "hang":
            time.sleep(600)
        if isinstance(answer, threading.Event):
            answer.wait()
            answer = good
        if answer == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if answer in ("close", "reset"):
            connection.close()
            return False
        connection.sendall(answer.encode() + b"\r\n")
        return True

    def _begin_tls(self, connection):
        if isinstance(self._tls, str) and self._tls != "garbage":
            connection.sendall(self._tls.encode() + b"\r\n")
            return connection
        connection.sendall(b"220 go on\r\n")
        if self._tls == "garbage":
            connection.sendall(b"\0" * 200)
            time.sleep(0.3)
            return None
        return self._tls.wrap_socket(connection, server_side=True)

    def _converse(self, connection):
        try:
            if not self._say(connection, "banner", "220 relay"):
                return
            is_tls, file = False, connection.makefile("rb")
            while line := file.readline():
                self.lines.append(line.decode().rstrip("\r\n"))
                verb = line.split()[0].decode()
                if verb == "STARTTLS":
                    before, connection = connection, self._begin_tls(connection)
                    if connection is None:
                        before.close()
                        return
                    is_tls = connection is not before
                    file = connection.makefile("rb")
                elif verb == "EHLO":
                    offers = "".join(f"250-{word}\r\n" for word in self._extra.split("|") if word)
                    if self._tls and not is_tls:
                        offers += "250-STARTTLS\r\n"
                    if not self._say(connection, "EHLO", f"250-relay\r\n{offers}250 8BITMIME"):
                        return
                elif verb == "DATA":
                    if not self._say(connection, "DATA", "354 go on"):
                        return
                    data = b""
                    while not data.endswith(b"\r\n.\r\n"):
                        data += file.readline()
                    self.mails.append(data[:-3].replace(b"\r\n..", b"\r\n."))
                    self.was_tls.append(is_tls)
                    if not self._say(connection, "end", "250 queued"):
                        return
                elif not self._say(connection, verb, "250 ok"):
                    return
        except OSError:
            pass


class Clerk:
    """The clerk's part: errands, and what became of them."""

    def __init__(self, folder, env=None, **options):
        os.chmod(folder, 0o755)
        self._scout = Scout(Policyd.program("hopseal-scout"), os.path.join(folder, "scout.log"),
                            env, **{"dns_servers": "127.0.0.1@9", **options})
        self.begin()

    def begin(self):
        """As a clerk that knows nothing, in place of the one there is."""
        self._number, self._answers = 0, {}
        self._channel = self._scout._connect(3, self._on_frame)

    def _on_frame(self, kind, number, payload):
        if kind == ERRAND_DONE:
            size, = struct.unpack("!I", payload[1:5])
            self._answers[number] = payload[0], payload[5:5 + size].decode()

    def send(self, endpoint, fd=None):
        self._number += 1
        payload = (b"\1" + text("a@b.example") + text(endpoint) + text("me@x.example") +
                   text("x.example") + struct.pack("!I", len(MAIL)) + MAIL)
        if fd is None:
            self._channel.send(ERRAND, self._number, payload)
        else:
            data = frame(ERRAND | HAS_FD, self._number, payload)
            fds = array.array("i", [fd])
            sent = self._channel.socket.sendmsg(
                [data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
            self._channel.socket.sendall(data[sent:])
        return self._number

    def wait_resolver(self):
        """Until it knows that nothing is signed here."""
        wait_until(lambda: self._scout.resolver, "the resolver", 30)

    def post(self, url):
        self._number += 1
        self._channel.send(ERRAND, self._number, b"\2" + text(url) + 3 * text("") + text("gzip"))
        return self._number

    def outcome(self, number, seconds=40):
        return wait_until(lambda: self._answers.get(number), f"the end of errand {number}",
                          seconds)

    def ended(self):
        """Errands in the order of their ends."""
        return list(self._answers)

    def carry(self, endpoint, **more):
        return self.outcome(self.send(endpoint, **more))

    def stop(self):
        self._scout.stop()


def own_address():
    """One of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
        except OSError:
            raise Skip("this machine has loopback alone")
        return s.getsockname()[0]


def server_context(folder):
    path = os.path.join(folder, "relay")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", path + ".key", "-out",
                    path + ".pem", "-days", "9", "-subj", "/CN=nobody"], check=True,
                   capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path + ".pem", path + ".key")
    return context


@test
def test_taken(folder):
    """The whole mail, its dots as they were; the size is said where that is offered."""
    clerk, plain, sized = Clerk(folder), Relay(), Relay(extra="SIZE 100000|PIPELINING")
    assert clerk.carry(plain.endpoint) == (DONE, "250 queued")
    assert plain.mails == [MAIL], len(plain.mails[0])
    assert plain.lines[:4] == ["EHLO x.example", "MAIL FROM:<me@x.example>",
                               "RCPT TO:<a@b.example>", "DATA"], plain.lines[:4]
    assert clerk.carry(sized.endpoint) == (DONE, "250 queued")
    assert f"MAIL FROM:<me@x.example> SIZE={len(MAIL)}" in sized.lines, sized.lines[:4]
    wait_until(lambda: "QUIT" in sized.lines, "QUIT")
    clerk.stop()


@test
def test_refused(folder):
    """A 4xx (greylisting) or 5xx at any step, and what is no reply: surely not taken."""
    clerk, waiting = Clerk(folder), []
    for step in STEPS:
        for answer in ("451 4.7.1 greylisted", "552 5.3.4 too big", "x" * 20000):
            waiting.append((step, answer, clerk.send(Relay(**{step: answer}).endpoint)))
    for step, answer, number in waiting:
        outcome, words = clerk.outcome(number)
        wanted = DOUBTFUL if step == "end" and answer[0] == "x" else FAILED
        assert outcome == wanted, (step, answer[:20], outcome, words)
        assert answer[0] == "x" or words == answer, (step, words)
    clerk.stop()


@test
def test_cut(folder):
    """Closed or reset: not taken up to the final dot; behind it nobody can tell."""
    clerk, waiting = Clerk(folder), []
    for step in STEPS:
        for manner in ("close", "reset"):
            waiting.append((step, manner, clerk.send(Relay(**{step: manner}).endpoint)))
    for step, manner, number in waiting:
        outcome, words = clerk.outcome(number)
        assert outcome == (DOUBTFUL if step == "end" else FAILED), (step, manner, words)
    outcome, words = clerk.carry("inet:127.0.0.1:9")
    assert outcome == FAILED and "refused" in words, words
    clerk.stop()


@test
def test_next_clerk(folder):
    """The end of an errand of a clerk that is gone is not told to the next, which has an errand
    of that number, too."""
    clerk, before, later = Clerk(folder), threading.Event(), threading.Event()
    old, new = Relay(end=before), Relay(MAIL=later)
    assert clerk.send(old.endpoint) == 1
    wait_until(lambda: old.mails, "the mail of the first clerk")
    clerk.begin()
    assert clerk.send(new.endpoint) == 1
    before.set()
    wait_until(lambda: "QUIT" in old.lines, "the end of its errand")
    assert clerk.carry(Relay().endpoint)[0] == DONE
    assert clerk.ended() == [2], clerk.ended()
    later.set()
    assert clerk.outcome(1) == (DONE, "250 queued") and new.mails == [MAIL]
    clerk.stop()


def fast_clerk(folder, speed, **options):
    """The scout's time runs so many times as fast."""
    return Clerk(folder, faketime(FAKETIME=f"+0 x{speed}"), **options)


@test
def test_post_hang(folder):
    """Who takes all of a report and does not answer for a minute is in doubt; who does not even
    take it is not."""
    names, web = Answers(), Web(folder, "report.a.example")
    silent = socket.create_server(("127.0.0.1", 0))
    clerk = fast_clerk(folder, 6, dns_servers=names.option, allow_networks="127.0.0.0/8",
                       tls_ca_file=web.ca_file)
    clerk.wait_resolver()
    numbers = [clerk.post(url) for url in (
        f"{web.url}/hang", f"{web.url}/200",
        "https://report.a.example:%d/" % silent.getsockname()[1])]
    assert [clerk.outcome(n)[0] for n in numbers] == [DOUBTFUL, DONE, FAILED]
    assert sorted(web.paths()) == ["/200", "/hang"]
    clerk.stop()


@test
def test_hang(folder):
    """No answer for a minute ends it, behind the final dot for ten (the clock runs fast)."""
    clerk = fast_clerk(folder, 40)
    waiting = {step: clerk.send(Relay(**{step: "hang"}).endpoint) for step in STEPS}
    for step in STEPS[:-1]:
        assert clerk.outcome(waiting[step], 60) == (FAILED, "no answer in time"), step
    assert clerk.outcome(waiting["end"], 60)[0] == DOUBTFUL
    assert clerk.ended()[-1] == waiting["end"], clerk.ended()
    clerk.stop()


@test
def test_tls(folder):
    """Over a network by TLS where it is offered; where it fails, in clear all the same."""
    clerk, context, address = Clerk(folder), server_context(folder), own_address()
    good, local = Relay(address, context), Relay("127.0.0.1", context)
    assert clerk.carry(good.endpoint) == (DONE, "250 queued")
    assert good.was_tls == [True] and good.mails == [MAIL]
    assert good.lines.count("EHLO x.example") == 2, good.lines[:5]
    assert clerk.carry(local.endpoint)[0] == DONE and local.was_tls == [False]
    for tls in ("454 4.7.0 not now", "garbage"):
        relay = Relay(address, tls)
        assert clerk.carry(relay.endpoint) == (DONE, "250 queued"), tls
        assert relay.was_tls == [False] and relay.mails == [MAIL], tls
    for step in ("MAIL", "end"):
        for manner in ("close", "451 later"):
            relay = Relay(address, context, **{step: manner})
            assert clerk.carry(relay.endpoint)[0] == (
                DOUBTFUL if (step, manner) == ("end", "close") else FAILED), (step, manner)
    clerk.stop()


@test
def test_unix(folder):
    """At a unix socket: by the connection that the clerk has made, and no other."""
    clerk, path = Clerk(folder), os.path.join(folder, "relay.sock")
    relay = Relay(path)
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        number = clerk.send(relay.endpoint, fd=s.fileno())
    assert clerk.outcome(number) == (DONE, "250 queued")
    assert relay.mails == [MAIL]
    outcome, words = clerk.carry(relay.endpoint)
    assert outcome == FAILED and "no connection" in words, words
    clerk.stop()


if __name__ == "__main__":
    sys.exit(run(TESTS))
