"""A private Redis on a unix socket, with nothing on disk: killed, it comes back empty."""

import os
import signal
import socket

from process import Process


class Redis:
    def __init__(self, folder, log_folder):
        self.path = os.path.join(folder, "redis.sock")
        self._folder, self._log_folder = folder, log_folder
        self.process = None

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        argv = ["redis-server", "--port", "0", "--unixsocket", self.path,
                "--unixsocketperm", "777", "--save", "", "--appendonly", "no",
                "--dir", self._folder]
        self.process = Process("redis", argv, self._log_folder)
        self.process.wait_ready(lambda: self.command("PING") == "PONG")

    def stop(self, number=signal.SIGKILL):
        self.process.stop(number)

    def command(self, *words):
        """Send one command and return its reply, or None when Redis is away."""
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5)
                s.connect(self.path)
                s.sendall(b"*%d\r\n" % len(words) + b"".join(
                    b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words))
                with s.makefile("rb") as replies:
                    return self._reply(replies)
        except OSError:
            return None

    def _reply(self, replies):
        line = replies.readline().decode().rstrip("\r\n")
        kind, rest = line[:1], line[1:]
        if kind == "$":
            if rest == "-1":
                return None
            octets = replies.read(int(rest) + 2)[:-2]
            return octets.decode("utf-8", "replace")
        if kind == "*":
            return [self._reply(replies) for _ in range(int(rest))]
        return int(rest) if kind == ":" else rest

    def keys(self, pattern="hopseal:*"):
        return sorted(self.command("KEYS", pattern) or [])
