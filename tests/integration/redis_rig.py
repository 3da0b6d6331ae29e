"""A Redis for tests, that keeps nothing."""

import os
import signal
import subprocess

from policyd_rig import Skip, wait_until


class Redis:
    """A redis-server that keeps nothing."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "redis.sock")
        self._process = None
        self.start()

    def start(self):
        argv = ["redis-server", "--port", "0", "--unixsocket", self.path, "--unixsocketperm",
                "777", "--save", "", "--dir", os.path.dirname(self.path)]
        try:
            self._process = subprocess.Popen(argv, stdout=subprocess.DEVNULL,
                                             stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            raise Skip("redis-server is not installed")
        wait_until(lambda: self.command("PING") == "PONG", "redis-server")

    def command(self, *words):
        return subprocess.run(["redis-cli", "-s", self.path, *words], capture_output=True,
                              text=True).stdout.strip()

    def pause(self):
        """It takes what is sent, and does not answer."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    def stop(self):
        self._process.kill()
        self._process.wait()
