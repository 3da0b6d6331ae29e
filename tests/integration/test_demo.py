#!/usr/bin/python3
"""make demo: its table, its manners on a terminal, and that nothing of it stays.

    test_demo.py [--build DIR]
"""

import argparse
import os
import pty
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
E2E = os.path.join(HERE, "..", "e2e")
sys.path.insert(0, E2E)

import bench
import demo
import examples
from policyd_rig import wait_until

RUN_S = 60
PYTHON = "/usr/bin/python3"
SKIPPED = 77


class Run:
    """The demo, with its output in a file or on a terminal."""

    started = []

    def __init__(self, build, terminal=False, **env):
        argv = [PYTHON, os.path.join(E2E, "demo.py"), "--build", build]
        self._output, out = pty.openpty() if terminal else os.pipe()
        environ = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out,
                                        stderr=out, start_new_session=True,
                                        env={**environ, "TERM": "xterm", **env})
        os.close(out)
        self.started.append(self.process)
        self.text = ""
        self.folder = wait_until(self._find_folder, "the demo's folder", RUN_S)

    def _find_folder(self):
        """The program's child carries it on its command line."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            words = command_line(pid)
            if "--inside" in words and parent(pid) == self.process.pid:
                return words[words.index("--inside") + 1]
        assert self.process.poll() is None, self.read_until(None)
        return None

    def read_until(self, words):
        """Read on until these come, or to the end."""
        while words is None or words not in self.text:
            try:
                octets = os.read(self._output, 65536)
            except OSError:         # a terminal's end
                octets = b""
            if not octets:
                break
            self.text += octets.decode(errors="replace")
        assert words is None or words in self.text, f"no {words!r} in {self.text}"
        return self.text

    def end(self):
        """Its exit status, after what it left has been looked for."""
        status = self.process.wait(RUN_S)
        assert not os.path.exists(self.folder), f"{self.folder} is left"
        wait_until(lambda: not processes_of(self.folder), "the end of all processes", RUN_S)
        return status


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as f:
            return f.read().split("\0")
    except OSError:
        return []


def parent(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return int(f.read().rsplit(") ", 1)[1].split()[1])
    except OSError:
        return None


def processes_of(folder):
    return [pid for pid in filter(str.isdigit, os.listdir("/proc"))
            if any(folder in word for word in command_line(pid))]


def test_table(build):
    started = time.monotonic()
    run = Run(build)
    text = run.read_until(None)
    assert run.end() == 0, text
    assert time.monotonic() - started < RUN_S
    first_words = [line.split(" ")[0] for line in text.splitlines()]
    for row in demo.ROWS:
        assert row.domain.name in first_words, f"no {row.domain.name} in {text}"
    [shown] = [e.text for e in examples.all_examples()
               if e.page == "README.md" and e.text.startswith("domain ")]
    line = examples.difference(["...", *shown.splitlines()], text.splitlines())
    assert not line, f"README.md has another line: {line} -- {text}"
    too_wide = [line for line in text.splitlines() if len(line) > demo.WIDTH]
    assert not too_wide, too_wide
    assert "\033" not in text, text
    assert f"{demo.EXPLAINED}: undeliverable" in text, text


def test_interrupted(build):
    for at in ("Nothing of this host", "what became of the mail", "mixed.test"):
        run = Run(build, terminal=True)
        run.read_until(at)
        os.killpg(run.process.pid, signal.SIGINT)   # as a terminal does
        text = run.read_until(None)
        assert run.end() == 130, text
        assert "Traceback" not in text, text


def test_colours(build):
    for env, wanted in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
        run = Run(build, terminal=True, **env)
        run.read_until("good.test")
        assert ("\033[" in run.text) is wanted, (env, run.text)
        run.process.terminate()
        run.read_until(None)
        run.end()


def test_refusals(_build):
    not_root = "import os; os.geteuid = lambda: 1; import demo, sys; sys.exit(demo.main())"
    for argv, path, said in (
            ([PYTHON, "-c", not_root], os.environ["PATH"], "not root"),
            ([PYTHON, "demo.py"], "/nonexistent", "missing programs: "),
    ):
        done = subprocess.run(argv, cwd=E2E, env=dict(os.environ, PATH=path),
                              capture_output=True, text=True)
        assert done.returncode == 2 and said in done.stderr, (argv, done)
        assert "Traceback" not in done.stderr and not done.stdout, done


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    build = os.path.abspath(parser.parse_args().build)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if why := bench.why_not():
        print(f"no bench here: {why}")
        return SKIPPED
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            try:
                test(build)
            finally:
                while Run.started:
                    Run.started.pop().terminate()
            print(f"ok {name}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
