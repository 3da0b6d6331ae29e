"""Processes that the bench starts, and waiting with a bound.

A Process has its output in a file of the log folder and is ended by its own pid.
wait_until() polls; it is the only way in which the bench waits.
"""

import os
import signal
import subprocess
import time


class Timeout(Exception):
    """What was waited for did not come."""


def wait_until(ready, seconds, what):
    """Poll ready() until it is true and return its value."""
    end = time.monotonic() + seconds
    while True:
        value = ready()
        if value:
            return value
        if time.monotonic() > end:
            raise Timeout(f"waited {seconds:g} s for {what}")
        time.sleep(0.05)


def run(*argv, **options):
    """Run a command that must succeed; its standard output."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: exit {done.returncode}: "
                           f"{(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


class Process:
    def __init__(self, name, argv, log_folder, env=None):
        self.name = name
        self.log_path = os.path.join(log_folder, name + ".log")
        with open(self.log_path, "ab") as log:
            self._child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=subprocess.STDOUT, env=env)
        self.pid = self._child.pid

    def alive(self):
        return self._child.poll() is None

    def wait_ready(self, ready, seconds=20):
        """Poll ready() while the process lives."""
        def check():
            if not self.alive():
                raise RuntimeError(f"{self.name} ended with {self._child.returncode}: "
                                   f"{self.tail(5)}")
            return ready()
        wait_until(check, seconds, f"{self.name} to answer")

    def send_signal(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def stop(self, number=signal.SIGTERM, seconds=15):
        """End it and return its exit status; killed when it does not end in time."""
        self.send_signal(number)
        self.send_signal(signal.SIGCONT)
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
            raise Timeout(f"{self.name} did not end within {seconds} s of signal {number}")

    def tail(self, count):
        with open(self.log_path, errors="replace") as f:
            return "".join(f.readlines()[-count:]).strip()
