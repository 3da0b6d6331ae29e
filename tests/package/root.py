"""A Debian of its own below a folder, and our package in it.

make() builds the folder once; Root is a copy to live in.  The parts of Hopseal are
started as systemd would, with the rights that their units leave them.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "e2e"))
import postfix310

SUITE = "bookworm"
COMMAND_S = 900
KEPT_CAPS = "-all,+setuid,+setgid,+dac_read_search"
AS_USER = "setpriv --reuid=hopseal --regid=hopseal --init-groups --bounding-set=-all " \
          "--no-new-privs --inh-caps=-all"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
               "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}


def make(build):
    """Why there can be no such folder below build, or an empty text."""
    postfix310.SUITE, postfix310.PACKAGES = SUITE, "ca-certificates"
    os.makedirs(build, exist_ok=True)
    return ("not root" if os.geteuid() != 0 else
            postfix310.make(os.path.join(build, SUITE)))


class Root:
    """What is below path."""

    def __init__(self, path):
        self.path = path

    def copy_from(self, build):
        """Begin with a fresh one."""
        shutil.rmtree(self.path, ignore_errors=True)
        subprocess.run(["cp", "-a", os.path.join(build, SUITE), self.path], check=True)

    def at(self, name):
        return os.path.join(self.path, name.lstrip("/"))

    def run(self, *argv, may_fail=False):
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", f"--root={self.path}",
             "--mount-proc", *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=COMMAND_S,
            env=ENVIRONMENT)
        assert may_fail or done.returncode == 0, f"{' '.join(argv)}:\n{done.stdout}"
        return done.stdout

    def apt(self, *argv):
        return self.run("apt-get", "-q", "-y", "-o", "Dpkg::Options::=--force-confold", *argv)

    def install(self, deb):
        shutil.copy(deb, self.at("tmp/hopseal.deb"))
        return self.apt("install", "--no-install-recommends", "/tmp/hopseal.deb")

    def unit(self, name, key):
        with open(self.at(f"lib/systemd/system/{name}")) as f:
            return re.findall(rf"^{key}=(.*)$", f.read(), re.M)

    def facts(self, name):
        """Mode, owner and group, as stat prints them."""
        return self.run("stat", "-c", "%a %U:%G", name).strip()

    def commands(self):
        """What systemd does, for a shell: Redis, policyd behind its sockets, the milter."""
        sockets, names = [], []
        for name in ("map", "access", "control", "status"):
            sockets += ["-l", self.unit(f"hopseal-{name}.socket", "ListenStream")[0]]
            names += self.unit(f"hopseal-{name}.socket", "FileDescriptorName")
        policyd, milter, redis = (self.unit(f"hopseal-{name}.service", "ExecStart")[0]
                                  for name in ("policyd", "milter", "redis"))
        return {"redis": f"{AS_USER} {redis} --supervised no",
                "policyd": f"setpriv --bounding-set={KEPT_CAPS} --no-new-privs "
                           f"systemd-socket-activate {' '.join(sockets)} "
                           f"--fdname={':'.join(names)} {policyd}",
                "milter": f"{AS_USER} {milter}"}

    def remove(self):
        shutil.rmtree(self.path)


def build_deb(build, version):
    folder = os.path.join(build, "deb-" + version)
    done = subprocess.run([os.path.join(TOP, "conf", "debian", "build"), folder, version],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return glob.glob(f"{folder}/hopseal_{version}_*.deb")[0]
