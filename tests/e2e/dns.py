"""The name servers: NSD with a root, `test.` and child zones, behind a validating unbound.

A Zone is its records and how it hangs below its parent: unsigned, signed, bogus
(signed, but the parent's DS is wrong) or lame (delegated, but answered with SERVFAIL).
Each signed zone has one ECDSA key.  change() publishes a new version at once.
"""

import os
import shutil
import signal
import time

import netns
from process import Process, run

NSD_CONF = """server:
  ip-address: {address}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/nsd.xfrd"
  zonelistfile: "{folder}/nsd.zones"
  xfrdir: "{folder}"
  server-count: 1
  verbosity: 1
remote-control:
  control-enable: yes
  control-interface: "{folder}/nsd.ctl"
# Its file never exists, so that NSD answers SERVFAIL.
pattern:
  name: lame
  zonefile: "{folder}/missing"
"""

UNBOUND_CONF = """server:
  interface: {address}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: ""
  use-syslog: no
  access-control: 0.0.0.0/0 allow
  access-control: ::0/0 allow
  num-threads: 1
  do-ip6: no
  root-hints: "{folder}/hints"
  trust-anchor-file: "{anchor}"
  local-zone: "test." nodefault
  do-not-query-localhost: no
  module-config: "validator iterator"
  val-bogus-ttl: 5
  val-log-level: 1
  cache-max-negative-ttl: 5
remote-control:
  control-enable: yes
  control-use-cert: no
  control-interface: "{folder}/unbound.ctl"
"""


class Zone:
    def __init__(self, name, kind, lines, ttl_s):
        self.name, self.kind, self.lines, self.ttl_s = name, kind, lines, ttl_s
        self.has_ds = kind in ("signed", "bogus")


class Dns:
    def __init__(self, folder, log_folder):
        self._folder, self._log_folder = folder, log_folder
        self._zones, self._serial = {}, int(time.time()) - 10**6
        self.anchor_path = os.path.join(folder, "root.ds")
        os.makedirs(folder)

    def start(self, zones):
        """Sign and serve these zones, and what is above them."""
        self._zones = {z.name: z for z in zones}
        self._zones["test"] = Zone("test", "signed", [f"ns A {netns.NAME_SERVER}"], 300)
        self._zones["."] = Zone(".", "signed", [], 300)
        for name, zone in self._zones.items():
            if zone.kind != "lame":
                self._write(name)
        self._start_nsd()
        self._start_unbound()

    def change(self, zone):
        """Serve this version of a zone from now on; the resolver forgets the old one."""
        self._zones[zone.name] = zone
        self._publish(zone.name)

    def fail(self, name):
        """Let every question for a name below a zone end in SERVFAIL, until mend()."""
        self._zones[name] = Zone(name, "lame", [], 1)
        self._control("nsd", "addzone", name, "lame")
        self._publish(self._parent(name))

    def mend(self, name):
        del self._zones[name]
        self._control("nsd", "delzone", name)
        self._publish(self._parent(name))

    def _publish(self, name):
        self._write(name)
        self._control("nsd", "reload", name)
        self._nsd.wait_ready(lambda: self._soa(name) == self._serial)
        self.flush(name)

    def flush(self, name="."):
        """Make the resolver forget a zone and all below it."""
        self._control("unbound", "flush_zone", name)

    def pause(self):
        """The resolver answers nobody until resume()."""
        self.resolver.send_signal(signal.SIGSTOP)

    def resume(self):
        self.resolver.send_signal(signal.SIGCONT)

    def _path(self, name, suffix):
        return os.path.join(self._folder, f"{'root' if name == '.' else name}.{suffix}")

    def _parent(self, name):
        """The zone that delegates this one."""
        labels = name.split(".")
        for i in range(1, len(labels)):
            if ".".join(labels[i:]) in self._zones:
                return ".".join(labels[i:])
        return "."

    def _write(self, name):
        zone = self._zones[name]
        self._serial += 1
        origin = name if name == "." else name + "."
        lines = [f"$ORIGIN {origin}", f"$TTL {zone.ttl_s}",
                 f"@ SOA ns.test. admin.test. {self._serial} 3600 600 86400 "
                 f"{min(zone.ttl_s, 60)}", "@ NS ns.test."]
        if name == ".":
            lines.append(f"ns.test. A {netns.NAME_SERVER}")
        for child in self._zones.values():
            if child.name not in (".", name) and self._parent(child.name) == name:
                lines.append(f"{child.name}. NS ns.test.")
                lines += self._ds(child)
        lines += zone.lines
        text, served = self._path(name, "zone"), self._path(name, "served")
        if zone.kind in ("signed", "bogus"):
            key = self._key(name)
            lines.append(f"$INCLUDE {key}.key")
        with open(text, "w") as f:
            f.write("\n".join(lines) + "\n")
        if zone.kind == "unsigned":
            shutil.copy(text, served)
        else:
            run("dnssec-signzone", "-z", "-P", "-o", origin, "-f", served, text, key,
                cwd=self._folder)

    def _key(self, name):
        """The zone's key file, without suffix; made with its DS at first use."""
        note = self._path(name, "keyname")
        if not os.path.exists(note):
            key = run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK",
                      "-K", self._folder, name).strip()
            with open(self._path(name, "ds"), "w") as f:
                f.write(run("dnssec-dsfromkey", "-2",
                            os.path.join(self._folder, key + ".key")))
            with open(note, "w") as f:
                f.write(key)
        with open(note) as f:
            return os.path.join(self._folder, f.read())

    def _ds(self, child):
        if not child.has_ds:
            return []
        if child.kind != "signed":
            return [f"{child.name}. DS 12345 13 2 {'cd' * 32}"]
        self._key(child.name)
        with open(self._path(child.name, "ds")) as f:
            return [f.read().strip()]

    def _start_nsd(self):
        conf = self._path("nsd", "conf")
        with open(conf, "w") as f:
            f.write(NSD_CONF.format(address=netns.NAME_SERVER, folder=self._folder))
            for name, zone in self._zones.items():
                f.write(f'zone:\n  name: "{name}"\n  ' + (
                    "include-pattern: lame\n" if zone.kind == "lame" else
                    f'zonefile: "{self._path(name, "served")}"\n'))
        self._nsd = Process("nsd", ["nsd", "-d", "-c", conf], self._log_folder)
        self._nsd.wait_ready(lambda: self._soa("test"))

    def _start_unbound(self):
        conf = self._path("unbound", "conf")
        with open(os.path.join(self._folder, "hints"), "w") as f:
            f.write(f". 3600 NS ns.test.\nns.test. 3600 A {netns.NAME_SERVER}\n")
        with open(conf, "w") as f:
            f.write(UNBOUND_CONF.format(address=netns.RESOLVER, folder=self._folder,
                                        anchor=self.anchor_path))
        self.resolver = Process("unbound", ["unbound", "-d", "-c", conf],
                                self._log_folder)
        self.resolver.wait_ready(lambda: " ad;" in self.dig("test", "SOA", "+adflag"))

    def dig(self, name, kind, *options, server=netns.RESOLVER):
        """What dig prints, for checks and for people."""
        try:
            return run("dig", f"@{server}", "+time=1", "+tries=1", *options, name, kind)
        except RuntimeError:
            return ""

    def _soa(self, name):
        words = self.dig(name, "SOA", "+short", "+norec",
                         server=netns.NAME_SERVER).split()
        return int(words[2]) if len(words) == 7 else None

    def _control(self, program, *words):
        run(program + "-control", "-c", self._path(program, "conf"), *words)
