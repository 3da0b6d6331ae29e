"""A clerk on its own: the test plays its parent, and the front and the scout when asked.

The payloads are those of policyd/process/.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import threading

from frames import FRONT, HAS_FD, SCOUT, frame, message_types, read_frame, text

SETTINGS, PEER, LEAVE, TICK, CHILDREN, LOG, RESOLVER, QUESTION, ANSWER, RELOAD = message_types(
    "SETTINGS", "PEER", "LEAVE", "TICK", "CHILDREN", "LOG", "RESOLVER", "QUESTION", "ANSWER",
    "RELOAD")
EXPLAIN, REFRESH, FORGET, STATUS, SITE, CLEAR = range(1, 7)
BAD, OK, UNKNOWN, WARNING = range(4)

# Puts two descriptors at 3 and 4 and becomes the program.
LAUNCHER = """
import fcntl, os, sys
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD_CLOEXEC, 100) for fd in sys.argv[1:3]]
os.closerange(3, 100)
os.dup2(high[0], 3)
os.dup2(high[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def u8(*values):
    return bytes(values)


def site(dane=2, level=2):
    """struct tls_site as a payload holds it."""
    return u8(dane, level, 0, 0, 0, 0, 0) + struct.pack("!IIII", 86400, 86400, 3600, 600)


def explanation(facts="", query="NOTFOUND ", tlsrpt=None, access="DUNNO", source="memory",
                dane=2, breaker="", error=""):
    return (text(facts) + text(query) + text(query if tlsrpt is None else tlsrpt) +
            text(access) + text(source) + site(dane) + text(breaker) + text(error))


def outcome(done, error=""):
    return u8(int(done)) + text(error)


def part(name, state, detail="", advice=""):
    return u8(0) + text(name) + u8(state) + text(detail) + text(advice)


def counter(name, value):
    return u8(1) + text(name) + struct.pack("!Q", value)


class Peer:
    """Front or scout: answer(command, hop, flags) gives the payload, or None for silence."""

    def __init__(self, rig, role, answer):
        self.asked, self.heard = [], []     # questions; frames that are none
        self._sock, theirs = socket.socketpair()
        self._answer = answer
        socket.send_fds(rig.parent, [frame(PEER | HAS_FD, role)], [theirs.fileno()])
        theirs.close()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while (got := read_frame(self._sock)) is not None:
            kind, number, payload = got
            if kind != QUESTION:
                self.heard.append((kind, payload))
                continue
            length, = struct.unpack("!I", payload[1:5])
            question = (payload[0], payload[5:5 + length].decode(), payload[-1])
            self.asked.append(question)
            answer = self._answer(*question)
            if answer is not None:
                self.send(ANSWER, answer, number)

    def send(self, kind, payload, number=0):
        self._sock.sendall(frame(kind, number, payload))

    def leave(self):
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:     # the clerk was faster
            pass
        self._sock.close()


class Endpoint:
    """A unix socket that says the same to whoever says something; None: nothing."""

    def __init__(self, path, answer):
        self.option, self.answer, self.asked = f"unix:{path}", answer, []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(8)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with sock:
                self.asked.append(sock.recv(4096))
                if self.answer is None:
                    sock.recv(1)
                else:
                    sock.sendall(self.answer)

    def close(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:     # the test has closed it
            pass
        self._listener.close()


class Clerk:
    """One running clerk with its control socket in folder."""

    def __init__(self, argv, folder, rules="", site_text="", config=""):
        self.path = os.path.join(folder, "control.sock")
        self.conf_path = os.path.join(folder, "hopseal.conf")
        self.log_path = os.path.join(folder, "log")
        self.received = []
        config = (f"control_listen = unix:{self.path}\nlog_target = stderr\n"
                  f"rules_file = {folder}/rules\nstate_dir = {folder}\nmaillog = none\n"
                  "redis =\n" + config)
        with open(self.conf_path, "w") as f:
            f.write(config)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(128)
        self._listener.setblocking(False)
        self.parent, theirs = socket.socketpair()
        self._start(argv, theirs)
        theirs.close()
        self.parent.sendall(frame(SETTINGS, 0, struct.pack("!Q", 1) + b"".join(
            map(text, (self.conf_path, config, "", rules, site_text))) + 2 * (u8(0) + text(""))))
        threading.Thread(target=self._listen_to_child, daemon=True).start()

    def _start(self, argv, theirs):
        """Descriptors 3 and 4 are the parent's channel and the listener."""
        fds = theirs.fileno(), self._listener.fileno()
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", LAUNCHER, *map(str, fds), *argv],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=fds)

    def _listen_to_child(self):
        while (got := read_frame(self.parent)) is not None:
            if got[0] != TICK:
                self.received.append(got)

    def tell(self, kind, payload):
        self.parent.sendall(frame(kind, 0, payload))

    def connect(self, timeout=20):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        sock.connect(self.path)
        return sock

    def ask(self, request, timeout=20):
        """The answer to one request, given as an object or as raw bytes."""
        if not isinstance(request, bytes):
            request = json.dumps(request).encode() + b"\n"
        with self.connect(timeout) as sock:
            sock.sendall(request)
            return json.loads(read_line(sock))

    def log(self):
        with open(self.log_path) as f:
            return f.read()

    def stop(self):
        """Ends it as the parent does; its exit status."""
        self.parent.sendall(frame(LEAVE))
        status = self.process.wait(10)
        self.parent.close()
        self._listener.close()
        os.unlink(self.path)
        return status


def read_line(sock):
    """A line without its end; b"" when the other side closed."""
    data = b""
    while not data.endswith(b"\n"):
        more = sock.recv(65536)
        if not more:
            break
        data += more
    return data.rstrip(b"\n")
