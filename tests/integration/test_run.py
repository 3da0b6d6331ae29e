#!/usr/bin/python3
"""make run: what it starts, says, writes and leaves.

    test_run.py [--build DIR]
"""

import argparse
import base64
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request

sys.dont_write_bytecode = True
from policyd_rig import WAIT_S, wait_until
from ports import free_port

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class Run:
    """conf/run in a folder that no other account may enter."""

    started = []

    def __init__(self, build, folder, **options):
        self.build, self.folder = build, os.path.join(folder, "run")
        options = {"map_listen": f"inet:127.0.0.1:{free_port()}",
                   "access_listen": f"inet:127.0.0.1:{free_port()}",
                   "milter_listen": f"inet:127.0.0.1:{free_port()}",
                   "status_listen": f"inet:127.0.0.1:{free_port()}", **options}
        argv = [os.path.join(TOP, "conf/run"), "--build", build, "--run", self.folder]
        for item in options.items():
            argv += ["-o", "=".join(item)]
        self._log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=self._log,
                                        stderr=subprocess.STDOUT)
        self.started.append(self.process)

    def output(self):
        self._log.seek(0)
        return self._log.read()

    def wait_said(self, text):
        wait_until(lambda: text in self.output() or self.process.poll() is not None,
                   f"{text!r}")
        assert text in self.output(), f"never said {text!r}: {self.output()}"

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def children(self):
        """{name: pid} of what it started."""
        done = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(self.process.pid)],
                              capture_output=True, text=True)
        return {name: int(pid) for pid, name in map(str.split, done.stdout.splitlines())}

    def status(self):
        done = subprocess.run([os.path.join(self.build, "hopseal"), "-c",
                               os.path.join(self.folder, "hopseal.conf"), "status"],
                              capture_output=True, text=True)
        return done.stdout


def is_gone(pid):
    return not os.path.exists(f"/proc/{pid}")


def test_starts_and_stops(build, folder):
    run = Run(build, folder)
    run.wait_said("Ctrl-C stops it")
    assert re.search(r"^ *redis +ok ", run.status(), re.M), run.status()
    assert re.search(r"^  postconf -e 'smtp_tls_policy_maps = .*socketmap:inet:127",
                     run.output(), re.M), run.output()
    assert re.search(r"^  postconf -e 'smtpd_milters = .*inet:127", run.output(), re.M)
    run.wait_said("site: known=")       # the milter's word about policyd
    with open(os.path.join(run.folder, "rules")) as mine, \
            open(os.path.join(TOP, "conf/rules")) as sample:
        assert mine.read() == sample.read()
    children = run.children()
    assert run.end(signal.SIGINT) == 0, run.output()
    assert all(map(is_gone, children.values())), children


def test_page(build, folder):
    """Its address and password are printed, and let in; nobody else may read them."""
    run = Run(build, folder)
    run.wait_said("Ctrl-C stops it")
    address, password = re.search(r"(http://\S+)\n +(\S+)\n", run.output()).groups()
    word = base64.b64encode(f"me:{password}".encode()).decode()
    request = urllib.request.Request(address, headers={"Authorization": "Basic " + word})
    with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
        assert b"<title>Hopseal</title>" in answer.read()
    assert os.stat(os.path.join(run.folder, "password")).st_mode & 0o777 == 0o600
    run.end()
    again = Run(build, folder)
    again.wait_said(password)
    again.end()


def test_rules_stay(build, folder):
    os.makedirs(os.path.join(folder, "run"))
    with open(os.path.join(folder, "run/rules"), "w") as f:
        f.write("mine.example out level=encrypt\n")
    run = Run(build, folder)
    run.wait_said("Ctrl-C stops it")
    assert run.end() == 0
    with open(os.path.join(folder, "run/rules")) as f:
        assert f.read() == "mine.example out level=encrypt\n"


def test_what_comes_back(build, folder):
    run = Run(build, folder)
    run.wait_said("Ctrl-C stops it")
    for name in ("redis-server", "hopseal-milter"):
        old = run.children()[name]
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: run.children().get(name, old) != old, f"a new {name}")
    assert run.end() == 0


def test_without_milter(build, folder):
    run = Run(build, folder, milter_listen="")
    run.wait_said("Ctrl-C stops it")
    assert "hopseal-milter" not in run.children()
    assert "smtpd_milters" not in run.output(), run.output()
    assert run.end() == 0


def test_ends_with_policyd(build, folder):
    run = Run(build, folder)
    run.wait_said("Ctrl-C stops it")
    children = run.children()
    os.kill(children["hopseal-policyd"], signal.SIGKILL)
    assert run.process.wait(WAIT_S) == 1
    assert "hopseal-policyd ended with -9" in run.output()
    assert all(map(is_gone, children.values())), children


def test_killed_it_leaves_nothing(build, folder):
    run = Run(build, folder)
    run.wait_said("Ctrl-C stops it")
    children = run.children()
    run.end(signal.SIGKILL)
    wait_until(lambda: all(map(is_gone, children.values())), "the end of all")


def test_port_taken(build, folder):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        for option in ("map_listen", "milter_listen"):
            run = Run(build, folder, **{option: f"inet:127.0.0.1:{port}"})
            assert run.process.wait(WAIT_S) == 1
            for part in (f"{option}: port {port} is taken by python3",
                         f"(process {os.getpid()})", "make run RUN_OPTIONS="):
                assert part in run.output(), run.output()


def test_refusals(build, folder):
    for options, said in (
            ({"no_such_option": "1"}, "unknown option"),
            ({"map_deadline": "soon"}, "map_deadline = soon"),
    ):
        run = Run(build, folder, **options)
        assert run.process.wait(WAIT_S) == 1
        assert said in run.output(), run.output()
    run = Run(build, os.path.join(folder, "long" * 25))
    assert run.process.wait(WAIT_S) == 1
    assert "107 bytes" in run.output(), run.output()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    build = os.path.abspath(parser.parse_args().build)
    if not shutil.which("redis-server"):
        print("redis-server is not installed")
        return 77
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            # 0700 and owned by us, as /root is
            with tempfile.TemporaryDirectory(prefix="hr") as folder:
                try:
                    test(build, folder)
                finally:
                    while Run.started:
                        Run.started.pop().terminate()
            print(f"ok {name}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
