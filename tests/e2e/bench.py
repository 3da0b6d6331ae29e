#!/usr/bin/python3
"""The bench: a real Postfix, Hopseal and a small internet, inside namespaces of its own.

Bench starts its parts (certificates, DNS, policy hosts, MX hosts, Redis, Postfix) in one
temporary folder; tests start bench.hopseal as they need it.  Run as a program it starts
everything and a shell, or a command, inside; when that ends, all of it is gone:

    bench.py [--build DIR] [--keep] [--no-hopseal] [COMMAND...]
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile

import netns
from dns import Dns
from hopseal import ACCESS, MAP, Hopseal
from layout import Layout
from mx_host import MxHosts
from pki import Pki
from policy_host import PolicyHosts
from postfix import Postfix
from redis import Redis
from sasl import SaslServer

PROGRAMS = ("dig", "dnssec-signzone", "ip", "nsd", "openssl", "postfix", "redis-server",
            "setpriv", "unbound", "unshare")


def why_not():
    """Why no bench can be made here, or an empty text."""
    missing = [p for p in PROGRAMS if not shutil.which(p)]
    return f"missing programs: {' '.join(missing)}" if missing else netns.why_not()


class Bench:
    """Everything but Hopseal, started.  folder is a new empty one with a short path."""

    def __init__(self, folder, build, domains):
        self.folder, self.build = folder, build
        self.log_folder = os.path.join(folder, "log")
        os.makedirs(self.log_folder, exist_ok=True)
        path = lambda name: os.path.join(folder, name)
        self.has_ipv6 = netns.set_up(folder)
        self.pki = Pki(path("pki"))
        self.mx_hosts = MxHosts(folder, self.log_folder)
        self.policy_hosts = PolicyHosts(folder, self.log_folder, netns.POLICY_HOST)
        self.layout = Layout(domains, self.pki, self.mx_hosts, self.policy_hosts)
        self.dns = Dns(path("dns"), self.log_folder)
        self.redis = Redis(folder, self.log_folder)
        self.sasl = SaslServer()
        self.postfix = Postfix(path("pf"), self.log_folder, self.pki.root_path,
                               "inet:%s:%d" % MAP, "inet:%s:%d" % ACCESS)
        self.hopseal = Hopseal(folder, self.log_folder, build,
                               redis=f"unix:{self.redis.path}",
                               dns_trust_anchor=self.dns.anchor_path,
                               tls_ca_file=self.pki.root_path,
                               crl_file=self.pki.make_crl(),
                               postfix_config_dir=self.postfix.config_folder)
        self.dns.start(self.layout.zones())
        self.mx_hosts.start()
        self.policy_hosts.start()
        self.redis.start()
        self.postfix.start()

    def restart_hopseal(self, **options):
        """A Hopseal that knows nothing yet."""
        self.hopseal.stop()
        self.redis.command("FLUSHALL")
        self.hopseal.start(**options)

    def evidence(self, words):
        """The log lines that mention one of words, newest last, and the last ones."""
        found = []
        for name in ("mail.log", "hopseal.log"):
            try:
                with open(os.path.join(self.log_folder, name), errors="replace") as f:
                    lines = f.read().splitlines()
            except OSError:
                continue
            hits = [line for line in lines if any(w in line for w in words)]
            found += [f"{name}: {line[:400]}" for line in hits[-12:] or lines[-8:]]
        return found


def in_namespaces(argv, keep=False, logs=None):
    """Run this program again inside, with a folder that is removed afterwards.

    argv gets `--inside FOLDER` added.  The logs are copied to the folder logs.
    """
    folder = tempfile.mkdtemp(prefix="hs", dir="/tmp")
    os.chmod(folder, 0o755)
    try:
        return netns.run_inside(["/usr/bin/python3", *argv[:1], "--inside", folder,
                                 *argv[1:]])
    finally:
        if logs and os.path.isdir(os.path.join(folder, "log")):
            shutil.rmtree(logs, ignore_errors=True)
            shutil.copytree(os.path.join(folder, "log"), logs)
        if keep:
            print(f"# kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def shell(folder, options):
    """Start all and run a command inside."""
    from domains import DOMAINS
    bench = Bench(folder, options.build, DOMAINS)
    if not options.no_hopseal:
        bench.hopseal.start()
    if not options.command:
        for domain in DOMAINS:
            print(f"{domain.name:32} {' '.join(domain.mx_names())}")
    print(f"# folder {folder}, logs {bench.log_folder}, hopseal.conf "
          f"{bench.hopseal.conf_path}\n# try: ./postfix.py user@enf-good.test; "
          "tail $LOGS/mail.log; dig MX enf-good.test; ./socketmap.py dane-good.test", flush=True)
    os.environ.update(MAIL_CONFIG=bench.postfix.config_folder, LOGS=bench.log_folder,
                      HOPSEAL_CONF=bench.hopseal.conf_path)
    # Ctrl-C is for the command, which gets the default back.
    signal.signal(signal.SIGINT, lambda *_: None)
    command = options.command or [os.environ.get("SHELL", "/bin/sh")]
    return os.spawnvp(os.P_WAIT, command[0], command)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--keep", action="store_true", help="leave the folder")
    parser.add_argument("--no-hopseal", action="store_true")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if options.inside:
        netns.become_init()
        return shell(options.inside, options)
    if why := why_not():
        print(f"no bench here: {why}", file=sys.stderr)
        return 2
    return in_namespaces([os.path.abspath(__file__), *sys.argv[1:]], options.keep)


if __name__ == "__main__":
    sys.exit(main())
