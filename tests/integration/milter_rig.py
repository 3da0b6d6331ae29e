"""A milter on its own: Redis is real, policyd is played, and so is the MTA.

Rig keeps all in one folder; Policyd answers on the control socket; Session speaks the
milter protocol (version 6, no step left out but the body) as an MTA does.
"""

import json
import os
import signal
import socket
import socketserver
import struct
import subprocess
import threading
import time

from policyd_rig import wait_until
from redis_rig import Redis
from ports import free_port

SUPPRESSIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                            "milter.suppressions")

NOW = int(time.time())
SITE = {"known": True, "plain": True, "own_domains": ["own.example"],
        "own_networks": ["198.51.100.7/32", "2001:db8:1::/64"], "dane": "absent",
        "level": "may", "fallback_relay": False, "strict": False, "breaker_open": False,
        "answers_nobody": False, "stale_ttl": 86400, "good_ttl": 86400, "bad_ttl": 3600,
        "reprobe_after": 600}
ADDHDRS, CHGHDRS, QUARANTINE, SETSYMLIST = 0x01, 0x10, 0x20, 0x100
ACTIONS = ADDHDRS | CHGHDRS | QUARANTINE | SETSYMLIST


def facts(domain, permitted=False, refresh_in=3600):
    """The cache's record of a domain whose one MX is, or is not, in its policy."""
    mx = f"mx.{domain}" if permitted else f"other.{domain}"
    return f"""hopseal-facts 1
next_hop={domain}
looked_at={NOW - 60}
refresh_at={NOW + refresh_in}
learned_at={NOW - 60}
mx=present
dane=none
record=present
record_id=20260101
host=mx.{domain}
preference=10
addresses=present
tlsa=none
address=192.0.2.1
policy_id=20260101
fetched_at={NOW - 3600}
expires_at={NOW + 82800}
refetch_at={NOW + 40000}
policy=version: STSv1
policy=mode: enforce
policy=mx: {mx}
policy=max_age: 86400
"""


def judgement(domain, action, verdict="undeliverable", finding="cert-expired"):
    return {"domain": domain, "action": action, "policy": "sts", "verdict": verdict,
            "finding": finding, "reason": f"no usable mail host for {domain}"}


class Policyd(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers "site" and "explain"; answers may be changed, delay_s makes it slow."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                asked = json.loads(line)
                self.server.asked.append(asked)
                time.sleep(self.server.delay_s)
                if asked["command"] == "site":
                    answer = self.server.site
                else:
                    answer = self.server.answers.get(asked["domain"]) or judgement(
                        asked["domain"], "log", "unknown", "unknown")
                try:
                    raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                    self.wfile.write(raw + b"\n")
                except OSError:
                    return

    daemon_threads, request_queue_size = True, 128

    def __init__(self, path):
        self.site, self.answers, self.asked, self.delay_s = SITE, {}, [], 0
        super().__init__(path, self.Handler)
        os.chmod(path, 0o777)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()
        os.unlink(self.server_address)


class Rig:
    def __init__(self, program, folder, rules="", listen=None, **options):
        self.program, self.folder = program, folder
        os.chmod(folder, 0o755)
        self.path = lambda name: os.path.join(folder, name)
        self.socket = listen or f"inet:127.0.0.1:{free_port()}"
        self.options = {
            "milter_listen": self.socket, "redis": f"unix:{self.path('redis.sock')}",
            "control_listen": f"unix:{self.path('control.sock')}",
            "rules_file": self.path("rules"), "log_target": "stderr", "log_level": "debug",
            "user": "nobody", "reinject_ports": "10025, 10026", "first_contact_wait": "2s"}
        self.redis = self.milter = self.policyd = None
        self.write_rules(rules)
        self.write_config(**options)

    def write_rules(self, text):
        self._write("rules", text)

    def write_config(self, **options):
        self._write("hopseal.conf", "".join(
            f"{name} = {value}\n" for name, value in dict(self.options, **options).items()))

    def _write(self, name, text):
        with open(self.path(name + ".new"), "w") as f:
            f.write(text)
        os.rename(self.path(name + ".new"), self.path(name))

    def start_policyd(self):
        self.policyd = Policyd(self.path("control.sock"))

    def start_redis(self):
        if self.redis is None:
            self.redis = Redis(self.folder)
        else:
            self.redis.start()

    def cache(self, domain, **how):
        assert self.redis.command("SET", f"hopseal:facts:{{{domain}}}",
                                  facts(domain, **how)) == "OK"

    def start_milter(self, *arguments, wait=True):
        before = self.log().count("started: ")
        with open(self.path("log"), "ab") as log:
            self.milter = subprocess.Popen(
                [self.program, "-c", self.path("hopseal.conf"), *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                # libmilter leaves the thread behind that waited for its signals
                env=dict(os.environ, TSAN_OPTIONS="report_thread_leaks=0 "
                         f"suppressions={SUPPRESSIONS}"))
        if wait:
            wait_until(lambda: self.log().count("started: ") > before or
                       self.milter.poll() is not None, "the milter")
            assert self.milter.poll() is None, self.log()

    def stop_milter(self, number=signal.SIGTERM):
        self.milter.send_signal(number)
        return self.milter.wait(20)

    def stop(self):
        if self.milter:
            self.milter.kill()
            self.milter.wait()
        if self.redis:
            self.redis.stop()
        if self.policyd:
            self.policyd.stop()

    def log(self):
        if not os.path.exists(self.path("log")):
            return ""
        with open(self.path("log"), errors="replace") as f:
            return f.read()

    def wait_log(self, text, count=1, seconds=15):
        wait_until(lambda: self.log().count(text) >= count, f"{text!r} in the log", seconds)

    def session(self, **how):
        return Session(self.socket, **how)


class Session:
    """One connection of an MTA; each step gives the reply's command and data."""

    def __init__(self, where, client="127.0.0.1", macros=(("{client_connections}", "1"),),
                 actions=ACTIONS, steps=0, version=6):
        kind, rest = where.split(":", 1)
        if kind == "unix":
            self._sock = socket.socket(socket.AF_UNIX)
            self._sock.settimeout(20)
            self._sock.connect(rest)
        else:
            host, port = rest.rsplit(":", 1)
            self._sock = socket.create_connection((host.strip("[]"), int(port)), 20)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.seconds = 0
        self.offered = self.ask(b"O", struct.pack("!III", version, actions, steps))[1]
        self.macros("C", *macros)
        family = b"6" if ":" in client else b"4"
        self.connected = self.ask(b"C", b"client.test\0" + family + struct.pack("!H", 4000) +
                                  client.encode() + b"\0")

    def close(self):
        self._send(b"Q", b"")
        self._sock.close()

    def abandon(self):
        self._sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _send(self, command, data):
        self._sock.sendall(struct.pack("!I", len(data) + 1) + command + data)

    def _read(self, count):
        data = b""
        while len(data) < count:
            more = self._sock.recv(count - len(data))
            if not more:
                raise EOFError("the milter hung up")
            data += more
        return data

    def _reply(self):
        length, = struct.unpack("!I", self._read(4))
        data = self._read(length)
        return data[:1], data[1:]

    def ask(self, command, data=b""):
        begin = time.monotonic()
        self._send(command, data)
        reply = self._reply()
        self.seconds = time.monotonic() - begin
        return reply

    def macros(self, stage, *pairs):
        self._send(b"D", stage.encode() + b"".join(
            f"{name}\0{value}\0".encode() for name, value in pairs))

    def mail(self, sender="<a@b.test>", **macros):
        self.macros("M", *((f"{{{name}}}", value) for name, value in macros.items()))
        return self.ask(b"M", sender.encode() + b"\0")

    def rcpt(self, address):
        return self.ask(b"R", address.encode() + b"\0")

    def header(self, name, value):
        return self.ask(b"L", name.encode() + b"\0" + value.encode() + b"\0")

    def end(self, queue_id="4abc"):
        """(changes, reply): (command, data) of each change before the reply."""
        self.macros("E", ("i", queue_id))
        self._send(b"E", b"")
        changes = []
        while True:
            command, data = self._reply()
            if command not in b"himq+-":
                return changes, (command, data)
            changes.append((command, data))

    def message(self, *recipients, headers=()):
        """One message; the replies to its recipients, and its changes."""
        self.mail()
        replies = [self.rcpt(f"<{r}>") for r in recipients]
        for name, value in headers:
            self.header(name, value)
        return replies, self.end()[0]


def added(changes):
    """Names and values of the headers that are inserted."""
    return [tuple(data[4:].rstrip(b"\0").decode().split("\0"))
            for command, data in changes if command == b"i"]
