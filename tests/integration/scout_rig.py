"""A scout on its own: the test plays its parent, the front and the clerk, and the world.

Scout starts hopseal-scout and speaks with it.
PolicyHosts is an HTTPS server that sends any octets, also wrong ones, as told.
StrippingResolver and BrokenResolver stand for resolvers that are not fit for DNSSEC.
"""

import array
import queue
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

from frames import CLERK, FRONT, HAS_FD, frame, message_types, read_frame, text

SETTINGS, PEER, LEAVE, TICK, LOG, LOOKUP, RESOLVER, DATE = message_types(
    "SETTINGS", "PEER", "LEAVE", "TICK", "LOG", "LOOKUP", "RESOLVER", "DATE")
# Gives the program its channel as descriptor 3, and no other.
LAUNCHER = """import os, sys
fd = int(sys.argv[1])
os.dup2(fd, 3)
if fd != 3:
    os.close(fd)
os.execv(sys.argv[2], sys.argv[2:])
"""
CHECKS = {0: "unknown", 1: "no", 2: "yes"}


class Peer:
    """One end of a channel; a thread of its own sorts what comes."""

    def __init__(self, on_frame):
        self.socket, self.other = socket.socketpair()
        self._on_frame = on_frame
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, kind, number=0, payload=b""):
        self.socket.sendall(frame(kind, number, payload))

    def _read(self):
        while (got := read_frame(self.socket)) is not None:
            self._on_frame(*got)


def parse_facts(record):
    """The record as a dict; of each host a dict in "hosts", policy lines in "policy"."""
    facts, hosts, policy = {}, [], []
    here = facts
    for line in record.decode().splitlines()[1:]:
        name, value = line.split("=", 1)
        if name == "host":
            here = {"name": value, "address": []}
            hosts.append(here)
        elif name == "policy":
            policy.append(value)
        elif name == "address":
            here[name].append(value)
        elif name in ("preference", "addresses", "host_is_secure", "tlsa", "host_error"):
            here[name] = value
        else:
            facts[name] = value
    facts.update(hosts=hosts, policy=policy, record_text=record.decode())
    return facts


class Scout:
    def __init__(self, program, log_path, env=None, **options):
        self._log = open(log_path, "a", buffering=1)
        self.lines, self.resolver, self.ticks, self.dates = [], None, 0, []
        self._answers, self.news = {}, queue.Queue()
        self._number, self._generation = 0, 0
        self.parent = Peer(self._on_parent)
        child_fd = self.parent.other.fileno()
        self.parent.other.setblocking(False)
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCHER, str(child_fd), program],
            pass_fds=[child_fd], stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=self._log, env=env)
        self.parent.other.close()
        self.configure(**options)
        self._connect(CLERK, self._on_clerk)
        self.connect_front()

    def configure(self, **options):
        self._generation += 1
        options.setdefault("log_level", "debug")
        config = "".join(f"{name} = {value}\n" for name, value in options.items())
        self.parent.send(SETTINGS, 0, struct.pack("!Q", self._generation) +
                         text("test.conf") + text(config) + text("") + text("") +
                         text("") + 2 * (b"\0" + text("")))

    def _connect(self, role, on_frame):
        peer = Peer(on_frame)
        peer.other.setblocking(False)
        fds = array.array("i", [peer.other.fileno()])
        self.parent.socket.sendmsg([frame(PEER | HAS_FD, role)],
                                   [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        peer.other.close()
        return peer

    def connect_front(self):
        self.front = self._connect(FRONT, self._on_front)

    def _on_parent(self, kind, number, payload):
        self.ticks += kind == TICK

    def _on_clerk(self, kind, number, payload):
        if kind == LOG:
            line = payload[9:].decode()
            self.lines.append(line)
            self._log.write(line + "\n")

    def _on_front(self, kind, number, payload):
        if kind == RESOLVER:
            self.resolver = (CHECKS[payload[0]], CHECKS[payload[1]], payload[6:].decode())
        elif kind == DATE:
            host = payload[4:-8].decode()
            self.dates.append((host, struct.unpack("!q", payload[-8:])[0]))
        elif number == 0:
            self.news.put(parse_facts(payload))
        else:
            self._answers[number].put(parse_facts(payload))

    def ask(self, hop, known=None, refresh=False):
        """Send a question; answer() waits for what comes back."""
        self._number += 1
        self._answers[self._number] = queue.Queue()
        self.front.send(LOOKUP, self._number, text(hop) + bytes([refresh]) +
                        text(known["record_text"] if known else ""))
        return self._number

    def answer(self, number, seconds=20):
        return self._answers[number].get(timeout=seconds)

    def look_up(self, hop, known=None, refresh=False):
        return self.answer(self.ask(hop, known, refresh))

    def stop(self, seconds=10):
        self.parent.send(LEAVE)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "killed"


class PolicyHosts:
    """hosts[name] = (Leaf, parts): octets are sent, numbers are seconds to wait."""

    def __init__(self, address, front_leaf):
        self.hosts, self.requests = {}, []
        self._front_leaf = front_leaf
        self._listener = socket.create_server((address, 443), backlog=128)
        threading.Thread(target=self._serve, daemon=True).start()

    def seen(self, name):
        return sum(sni == name for sni, _ in self.requests)

    def _serve(self):
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._converse, args=(connection,),
                             daemon=True).start()

    def _converse(self, connection):
        names = []

        def choose(tls, name, _):
            names.append(name)
            if name not in self.hosts:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            tls.context = context(self.hosts[name][0])
        front = context(self._front_leaf)
        front.sni_callback = choose
        try:
            connection.settimeout(90)
            tls = front.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                part = tls.recv(4096)
                if not part:
                    return
                head += part
            self.requests.append((names[0], head))
            for part in self.hosts[names[0]][1]:
                if isinstance(part, bytes):
                    tls.sendall(part)
                else:
                    time.sleep(part)
            # Without close_notify: what counts is how the answer is framed.
            socket.socket(fileno=tls.detach()).close()
        except (OSError, ValueError):
            connection.close()


def context(leaf):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(leaf.chain_path, leaf.key_path)
    return made


class UdpServer:
    def __init__(self, address, port=53):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            question, peer = self._socket.recvfrom(4096)
            answer = self.answer(question)
            if answer:
                self._socket.sendto(answer, peer)


class StrippingResolver(UdpServer):
    """Asks another resolver without EDNS, so that no signature ever comes back."""

    def __init__(self, address, resolver):
        self._resolver = resolver
        super().__init__(address)

    def answer(self, question):
        end = 12
        while question[end]:
            end += question[end] + 1
        plain = (question[:2] + b"\x01\x00" + question[4:6] + bytes(6) +
                 question[12:end + 5])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream:
            upstream.settimeout(5)
            upstream.sendto(plain, (self._resolver, 53))
            return upstream.recv(4096)


class BrokenResolver(UdpServer):
    """Answers with the question's number and rubbish."""

    def answer(self, question):
        return question[:2] + b"\x81\x80" + b"\xff" * 40
