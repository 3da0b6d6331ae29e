#!/usr/bin/python3
"""What a look at our own certificates costs: 1,000 on disk, 100 served endpoints.

    tests/bench/own_certs.py [--build DIR] [--certificates N] [--endpoints N]

By hand, as tests/bench/run measures what answers cost.  The servers run here too, so that
the wall time is an upper bound; processor time and memory are those of hopseal and its
scout alone.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, "..", "integration"), os.path.join(HERE, "..", "e2e")]
from certs_rig import HOST, Server
from pki import Pki

LIMITS = {"seconds": 60, "core_percent": 5, "MiB": 40}


def make(folder, count, endpoints):
    """The option: all are on disk, the first ones served; and a PKI's root."""
    pki = Pki(os.path.join(folder, "pki"))
    leaf = pki.leaf("good", HOST)
    items, servers = [], []
    for n in range(count):
        chain, key = (os.path.join(folder, f"{n}.{suffix}") for suffix in ("pem", "key"))
        # A hundred different ones; reading and judging cost the same for each.
        if n < 100:
            leaf = pki.leaf("good", HOST, file=f"leaf{n}")
        shutil.copy(leaf.chain_path, chain)
        shutil.copy(leaf.key_path, key)
        item = f"c{n} {chain} {key}"
        if n < endpoints:
            servers.append(Server(leaf))
            item += f" {servers[-1].port}"
        items.append(item)
    return pki.root_path, ",\n    ".join(items), servers


class Memory(threading.Thread):
    """The most that each program had, while it ran."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self._pid, self.peaks, self.is_over = pid, {}, False

    def run(self):
        while not self.is_over:
            for pid in (self._pid, *self._children()):
                try:
                    with open(f"/proc/{pid}/status") as f:
                        status = dict(line.split(":\t", 1) for line in f if ":\t" in line)
                    name, kib = status["Name"].strip(), int(status["VmHWM"].split()[0])
                    self.peaks[name] = max(self.peaks.get(name, 0), kib / 1024)
                except (OSError, KeyError):
                    continue
            time.sleep(0.05)

    def _children(self):
        try:
            with open(f"/proc/{self._pid}/task/{self._pid}/children") as f:
                return f.read().split()
        except OSError:
            return []


def look(build, conf, env):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    process = subprocess.Popen(
        [os.path.join(build, "hopseal"), "-c", conf, "--json", "--no-keys", "certs"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    memory = Memory(process.pid)
    memory.start()
    output, errors = process.communicate()
    seconds = time.monotonic() - started
    memory.is_over = True
    memory.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = sum(getattr(after, f) - getattr(before, f) for f in ("ru_utime", "ru_stime"))
    return json.loads(output), len(output), seconds, cpu, memory.peaks


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--certificates", type=int, default=1000)
    parser.add_argument("--endpoints", type=int, default=100)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="hopseal-bench")
    try:
        root, listed, servers = make(folder, options.certificates, options.endpoints)
        conf = os.path.join(folder, "hopseal.conf")
        with open(conf, "w") as f:
            f.write(f"certificate = {listed}\nmx_ca_file = {root}\n"
                    "dns_servers = 127.0.0.1@9\ndane = off\n")
        for name in ("postconf", "postmulti", "doveconf"):
            with open(os.path.join(folder, name), "w") as f:
                f.write("#!/bin/sh\nexit 127\n")
            os.chmod(f.name, 0o755)
        env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        report, size, seconds, cpu, peaks = look(os.path.abspath(options.build), conf, env)
    finally:
        shutil.rmtree(folder)
    served = [s["finding"] for c in report["certificates"] for s in c["served"]]
    print(f"{len(report['certificates'])} certificates, {report['overall']}; "
          f"{len(served)} answers of {options.endpoints} endpoints, "
          f"{sum(f != 'ok' for f in served)} not ok; {size / 1e6:.1f} MB of JSON")
    print(f"a round: {seconds:.1f} s, processor {cpu:.1f} s: {100 * cpu / 300:.1f} % of a core "
          f"each five minutes, {100 * cpu / 3600:.2f} % each hour")
    print("memory: " + ", ".join(f"{name} {mib:.0f} MiB" for name, mib in peaks.items()))
    assert len(report["certificates"]) == options.certificates, "not all certificates"
    assert sum(bool(c["served"]) for c in report["certificates"]) == options.endpoints and \
        set(served) == {"ok"}, "not all endpoints"
    is_ok = (seconds < LIMITS["seconds"] and 100 * cpu / 300 < LIMITS["core_percent"] and
             max(peaks.values()) < LIMITS["MiB"])
    print("within its limits" if is_ok else f"beyond its limits: {LIMITS}")
    return 0 if is_ok else 1


if __name__ == "__main__":
    sys.exit(main())
