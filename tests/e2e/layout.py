"""From rows of domains to records, certificates and servers.

Gives each host an address, makes its certificate, fills the tables of the MX hosts
and policy hosts, and words each domain's zone.  Knows no process.
"""

import itertools

import netns
from dns import Zone

TLSA_WRONG = "ab" * 32


class Layout:
    def __init__(self, domains, pki, mx_hosts, policy_hosts):
        self._pki, self._mx_hosts, self._policy_hosts = pki, mx_hosts, policy_hosts
        self._count = itertools.count(1)
        self.domains = {d.name: d for d in domains}
        self.addresses = {}             # host name -> its addresses
        good = [f"mta-sts.{d.name}" for d in domains
                if d.policy and d.policy.cert == "good"]
        self._good_policy_leaf = pki.leaf("good", *good) if good else None
        for domain in domains:
            self._place_hosts(domain)
            self._place_policy(domain)

    def _place_hosts(self, domain):
        for host in domain.hosts:
            name = domain.host_name(host)
            self.addresses[name] = []
            for i, cert in enumerate((host.cert, *host.more)):
                n = next(self._count)
                address = (f"fd99:e2e::1:{n:x}" if host.ipv6
                           else f"10.99.{1 + n // 250}.{1 + n % 250}")
                leaf = self._pki.leaf(cert, name, file=f"{name}.{i}" if i else name)
                self.addresses[name].append(address)
                self._mx_hosts.put(address, name, leaf, host.fault)

    def _place_policy(self, domain):
        policy, name = domain.policy, f"mta-sts.{domain.name}"
        if policy is None or not policy.reachable:
            return
        leaf = (self._good_policy_leaf if policy.cert == "good"
                else self._pki.leaf(policy.cert, name))
        body = "".join(line + "\r\n" for line in domain.policy_lines())
        self._policy_hosts.put(name, leaf, body, **policy.faults)

    def change(self, domain, cert="good", fault="", days=None, at=0):
        """Another certificate or fault for a domain's first host, at one of its addresses."""
        name = domain.host_name(domain.hosts[0])
        leaf = self._pki.leaf(cert, name, days=days, file=f"{name}.{at}" if at else name)
        self._mx_hosts.put(self.addresses[name][at], name, leaf, fault)
        self._mx_hosts.save()

    def zones(self):
        zones = [self.zone(d) for d in self.domains.values()]
        for domain in self.domains.values():
            for host in domain.hosts:
                if "lame" in host.tlsa:
                    lame = Zone(f"_tcp.{domain.host_name(host)}", "lame", [], 300)
                    lame.has_ds = domain.zone == "signed"
                    zones.append(lame)
        return [z for z in zones if z.kind != "none"]

    def zone(self, domain, records=None):
        """The domain's zone; records replaces its TXT records at _mta-sts."""
        lines = []
        for host in domain.hosts:
            lines += self._host_lines(domain, host)
        if domain.null_mx:
            lines.append("@ MX 0 .")
        lines += [f"@ MX {preference} {name}." for preference, name in domain.mx]
        lines += [f'_mta-sts TXT {text if text.startswith(QUOTE) else quoted(text)}'
                  for text in (domain.txt() if records is None else records)]
        if domain.record_alias:
            lines.append(f"_mta-sts CNAME {domain.record_alias}.")
        if domain.policy:
            policy = domain.policy
            address = netns.POLICY_HOST if policy.reachable else netns.NOBODY
            lines.append(f"mta-sts CNAME {policy.alias}." if policy.alias
                         else f"mta-sts A {address}")
        return Zone(domain.name, domain.zone, lines, domain.ttl_s)

    def _host_lines(self, domain, host):
        name = domain.host_name(host)
        lines, at = [], name + "."
        if host.preference is not None and host.name:
            lines.append(f"@ MX {host.preference} {at}")
        if host.alias:
            lines.append(f"{at} CNAME {host.alias}.")
            at = host.alias + "."
        lines += [f"{at} {'AAAA' if host.ipv6 else 'A'} {a}" for a in self.addresses[name]]
        lines += [f"_25._tcp.{at} TLSA {self._tlsa(name, text)}"
                  for text in host.tlsa if text != "lame"]
        return lines

    def _tlsa(self, name, text):
        usage, selector, matching, what = text.split()
        if what == "wrong":
            digest = TLSA_WRONG
        elif what == "ca":
            digest = self._pki.digest("other", int(selector), int(matching))
        else:
            digest = self._pki.digest(name, int(selector), int(matching))
        return f"{usage} {selector} {matching} {digest}"


QUOTE = '"'


def quoted(text):
    return QUOTE + text.replace("\\", "\\\\").replace(QUOTE, "\\" + QUOTE) + QUOTE
