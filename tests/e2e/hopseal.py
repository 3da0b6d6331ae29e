"""hopseal-policyd under test, and the admin's command.

Writes its configuration, starts and stops it, tells its processes apart, and asks the
map and `hopseal`.
"""

import json
import os
import subprocess

import netns
import socketmap
from process import Process, wait_until

MAP, ACCESS, STATUS = ("127.0.0.1", 8461), ("127.0.0.1", 8462), ("127.0.0.1", 8463)
USER, SCOUT_USER = 64801, 64802     # accounts of nobody else
PARTS = ("front", "scout", "clerk")


class Hopseal:
    def __init__(self, folder, log_folder, build, name="hopseal", map_address=MAP,
                 **options):
        self._name, self._map = name, map_address
        self._program = lambda name: os.path.join(os.path.abspath(build), name)
        self._folder, self._log_folder = folder, log_folder
        self.conf_path = os.path.join(folder, "hopseal.conf")
        self.rules_path = os.path.join(folder, "rules")
        self.process = None
        for name in ("run", "state"):
            os.makedirs(os.path.join(folder, name))
        self.options = {
            "map_listen": "inet:%s:%d" % map_address,
            "access_listen": "inet:%s:%d" % ACCESS,
            "control_listen": f"unix:{folder}/run/control.sock",
            "user": USER, "scout_user": SCOUT_USER, "socket_owner": f"{USER}:postfix",
            "scout_program": self._program("hopseal-scout"),
            "run_dir": f"{folder}/run", "state_dir": f"{folder}/state",
            "rules_file": self.rules_path,
            "dns_servers": netns.RESOLVER,
            "allow_networks": f"{netns.NETWORK}, {netns.NETWORK6}",
            "log_target": "stderr", "log_level": "debug",
            # The machine may be slow: what has to be in time is tested on its own.
            "map_deadline": "30s",
            "probe_rate": 6000, "cert_interval": 0,
        }
        self.options.update(options)
        self.write_rules("")

    def write_rules(self, text):
        with open(self.rules_path, "w") as f:
            f.write(text)

    def write_options(self, path, **options):
        """A configuration file, with these options in addition."""
        with open(path, "w") as f:
            for name, value in dict(self.options, **options).items():
                f.write(f"{name} = {value}\n")

    def start(self, **options):
        """Start with these options in addition and wait until the map answers."""
        self.write_options(self.conf_path, **options)
        argv = [self._program("hopseal-policyd"), "-c", self.conf_path]
        self.process = Process(self._name, argv, self._log_folder)
        self.process.wait_ready(self.answers)

    def stop(self):
        if self.process:
            self.process.stop()
            self.process = None

    def answers(self):
        try:
            return socketmap.ask(self._map, "QUERY", ".test", 5) == "NOTFOUND "
        except OSError:
            return False

    def ask(self, key, name="QUERY", timeout=40):
        return socketmap.ask(self._map, name, key, timeout)

    def pid_of(self, part):
        """The pid of the front, scout or clerk; None while there is none."""
        name = f"hopseal-{part}"[:15]
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/stat") as f:
                    comm, rest = f.read().split("(", 1)[1].rsplit(") ", 1)
            except OSError:
                continue
            state, parent = rest.split()[:2]
            if comm == name and state != "Z" and int(parent) == self.process.pid:
                return int(entry)
        return None

    def kill(self, part, number):
        """Send a signal to one part; the pid it had."""
        pid = wait_until(lambda: self.pid_of(part), 15, f"a {part}")
        os.kill(pid, number)
        return pid

    def wait_replaced(self, part, pid, seconds=15):
        """Wait until another process is that part."""
        return wait_until(lambda: self.pid_of(part) not in (None, pid), seconds,
                          f"a new {part} after pid {pid}")

    def command(self, *words):
        """Run hopseal with --json; its exit code and its answer."""
        done = subprocess.run([self._program("hopseal"), "-c", self.conf_path,
                               *words, "--json"],
                              capture_output=True, text=True, timeout=60)
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError:
            raise AssertionError(f"hopseal {' '.join(words)}: exit {done.returncode}, "
                                 f"no JSON: {done.stdout[:200]!r} {done.stderr[:300]!r}")

    def explain(self, domain):
        return self.command("explain", domain)[1]

    def log_lines(self):
        with open(os.path.join(self._log_folder, f"{self._name}.log"), errors="replace") as f:
            return f.read().splitlines()
