"""What is measured and what it is measured against, in namespaces of their own.

A Rig starts Redis, name servers, policy hosts, Postfix and policyd (all from tests/e2e)
and the constant responder.  Servers have one processor, those who ask them another.
"""

import json
import os
import socket
import subprocess
import threading
import time

import bench                    # tests/e2e's
import netns
import socketmap
from dns import Dns, Zone
from hopseal import ACCESS, MAP, Hopseal
from pki import Pki
from policy_host import PolicyHosts
from postfix import Postfix
from process import Process, wait_until
from redis import Redis
from sasl import SaslServer

import records

SERVER_CPU, CLIENT_CPU, ANY_CPU = {0}, {1}, {0, 1}
SERVERS = ("hopseal-policyd", "hopseal-front", "hopseal-scout", "hopseal-clerk",
           "constant", "redis-server")
MAP_PORT, ACCESS_PORT = 18461, 18462            # of the constant responder
COLD_DOMAINS_A_LEAF = 20
MAIL_DOMAIN, SINK = "mail.test", "10.99.7.1"    # nothing but an MX

why_not = bench.why_not


def inet(address):
    return "inet:%s:%d" % address


class Rig:
    def __init__(self, folder, build, cold_count):
        self.folder, self.build = folder, build
        self.logs = os.path.join(folder, "log")
        os.makedirs(self.logs)
        netns.set_up(folder)
        self.redis = Redis(folder, self.logs)
        self.redis.start()
        self._constants = []
        self._next_cold, self.cold_count = 0, cold_count
        self._start_strangers()
        self.sasl = SaslServer()        # smtpd does not start without
        self.postfix = Postfix(os.path.join(folder, "pf"), self.logs, self.ca_path,
                               inet(MAP), inet(ACCESS))
        self.hopseal = Hopseal(folder, self.logs, build, redis=f"unix:{self.redis.path}",
                               dns_trust_anchor=self.dns.anchor_path,
                               tls_ca_file=self.ca_path, map_deadline="5s",
                               postfix_config_dir=self.postfix.config_folder,
                               own_networks="192.0.2.0/24", log_level="info")

    def _start_strangers(self):
        """Domains that nobody has asked for yet, with policies, and their hosts."""
        pki = Pki(os.path.join(self.folder, "pki"))
        hosts = PolicyHosts(self.folder, self.logs, netns.POLICY_HOST)
        lines = []
        for first in range(0, max(self.cold_count, 1), COLD_DOMAINS_A_LEAF):
            names = [self._cold(i) for i in range(first, first + COLD_DOMAINS_A_LEAF)]
            leaf = pki.leaf("good", *(f"mta-sts.{name}" for name in names))
            for name in names:
                hosts.put(f"mta-sts.{name}", leaf, records.policy_text(f"mx.{name}"))
                label = name.split(".")[0]
                lines += [f"{label} MX 10 mx.{label}", f"mx.{label} A {netns.NOBODY}",
                          f'_mta-sts.{label} TXT "v=STSv1; id=1;"',
                          f"mta-sts.{label} A {netns.POLICY_HOST}"]
        # As long as a system's own list of authorities.
        self.ca_path = os.path.join(self.folder, "ca.pem")
        with open(self.ca_path, "w") as f:
            for path in ("/etc/ssl/certs/ca-certificates.crt", pki.root_path):
                if os.path.exists(path):
                    with open(path) as part:
                        f.write(part.read())
        self.dns = Dns(os.path.join(self.folder, "dns"), self.logs)
        self.dns.start([
            Zone("cold.test", "unsigned", lines, 3600),
            Zone(MAIL_DOMAIN, "unsigned", ["@ MX 10 mx", f"mx A {SINK}"], 3600)])
        hosts.start()

    def _cold(self, i):
        return f"c{i:05}.cold.test"

    def cold_domains(self, count):
        """The next domains that nobody has asked for."""
        first, self._next_cold = self._next_cold, self._next_cold + count
        assert self._next_cold <= self.cold_count, "too few cold domains"
        return [self._cold(i) for i in range(first, self._next_cold)]

    # -- policyd

    def restart(self, **options):
        """A policyd that has nothing in memory yet."""
        self.hopseal.stop()
        self.hopseal.start(**options)
        wait_until(lambda: all(self.hopseal.pid_of(p) for p in ("front", "scout", "clerk")),
                   10, "policyd's processes")
        os.setpriority(os.PRIO_PROCESS, self.hopseal.pid_of("scout"), 10)
        self.place()

    def front(self):
        return self.hopseal.pid_of("front")

    # -- the limit

    def start_constants(self, map_reply, access_reply):
        """Constant responders with these replies."""
        self.stop_constants()
        program = os.path.join(self.build, "tests/bench/constant")
        for port, end, reply in ((MAP_PORT, ",", map_reply),
                                 (ACCESS_PORT, "\n\n", access_reply)):
            endpoint = ("127.0.0.1", port)
            process = Process("constant", [program, inet(endpoint), end, reply], self.logs)
            process.wait_ready(lambda: can_connect(endpoint))
            self._constants.append(process)
        self.place()

    def constants(self):
        """The pids: map, access."""
        return [process.pid for process in self._constants]

    def stop_constants(self):
        while self._constants:
            self._constants.pop().stop()

    # -- processors

    def place(self, apart=True):
        """Everything of this namespace where it belongs; or anywhere."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/comm") as f:
                    cpus = SERVER_CPU if f.read().strip() in SERVERS else CLIENT_CPU
                for task in os.listdir(f"/proc/{pid}/task"):
                    os.sched_setaffinity(int(task), cpus if apart else ANY_CPU)
            except (FileNotFoundError, ProcessLookupError):
                pass

    # -- asking

    def write_pairs(self, name, pairs):
        """A file for load."""
        path = os.path.join(self.folder, name + ".pairs")
        with open(path, "wb") as f:
            for octets in (o for pair in pairs for o in pair):
                f.write(b"%d:%s," % (len(octets), octets))
        return path

    def load(self, endpoint, pairs, *options, pids=(), seconds=1.0, connections=1,
             cpus=CLIENT_CPU):
        """One run of the load generator; what it saw."""
        argv = [os.path.join(self.build, "tests/bench/load"), "-s", str(seconds), "-c",
                str(connections), *options]
        for pid in pids:
            argv += ["-p", str(pid)]
        done = subprocess.run(argv + [endpoint, pairs], capture_output=True, text=True,
                              timeout=seconds + 60,
                              preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)} {pairs}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def ask_all(self, names):
        """Each name once on one connection; the answers."""
        client = socketmap.Client(MAP)
        answers = [client.ask("QUERY", name) for name in names]
        client.close()
        return answers


class Asker:
    """Asks for new domains at a steady rate while something else is measured."""

    def __init__(self, names, rate):
        self._names, self._interval_s, self._clients = names, 1 / rate, []
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        due = time.monotonic()
        for name in self._names:
            client = socket.create_connection(MAP)
            client.sendall(records.map_question(name))
            self._clients.append(client)
            due += self._interval_s
            time.sleep(max(0, due - time.monotonic()))

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._thread.join()
        for client in self._clients:
            client.close()


def can_connect(address):
    try:
        socket.create_connection(address, 1).close()
        return True
    except OSError:
        return False


def cpu_s(pid):
    """Processor time of a process so far, with all its threads."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def memory(pid):
    """(VmRSS, Pss) in bytes."""
    with open(f"/proc/{pid}/smaps_rollup") as f:
        fields = dict(line.split()[:2] for line in f if line[:3] in ("Rss", "Pss"))
    return int(fields["Rss:"]) * 1024, int(fields["Pss:"]) * 1024
