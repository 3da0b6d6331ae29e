"""What a row of the table of domains can say, and the answers that follow from it.

A Domain is what the world publishes (zone, hosts, records, policy, each with its
faults); an Expect is what a mail to it, the map and `hopseal explain` must come to.
layout.py turns a Domain into DNS records and server settings.
"""

import re
from dataclasses import dataclass, field

SENT, DEFERRED, BOUNCED = "sent", "deferred", "bounced"
NOTFOUND = "NOTFOUND "
DANE, DANE_ONLY = "OK dane", "OK dane-only"
TEMP = re.compile(r"TEMP \S.* \S.*")


@dataclass(frozen=True)
class Host:
    """An MX host.  The name is relative to the domain; empty, it is the domain itself."""
    name: str = "mx"
    preference: int = 10        # None: in the zone, but not among the MX records
    cert: str = "good"          # pki.KINDS
    fault: str = ""             # mx_host
    tlsa: tuple = ()            # "3 1 1 key|wrong", "2 0 1 ca"; "lame": lookup fails
    alias: str = ""             # the name is a CNAME for this one, which has the rest
    ipv6: bool = False          # an IPv6 address only
    more: tuple = ()            # certificates at further addresses


@dataclass(frozen=True)
class Policy:
    mode: str = "enforce"
    mx: tuple = ()              # default: the names of all MX hosts
    max_age: int = 604800
    lines: tuple = ()           # instead of all of the above
    cert: str = "good"          # of the policy host
    reachable: bool = True
    alias: str = ""             # the policy host's name is a CNAME for this one
    faults: dict = field(default_factory=dict)      # policy_host


@dataclass(frozen=True)
class Expect:
    fate: str = SENT
    reason: str = ""            # words in the delivery status
    log: str = ""               # words in a mail log line about one of the hosts
    relay: str = ""             # the host that the mail went to or failed at last
    query: object = NOTFOUND    # text, pattern, or function of the Domain
    tlsrpt: object = None       # the same for QUERYwithTLSRPT; None: as query
    explain: dict = field(default_factory=dict)     # "dane.state": text or pattern
    finding: str = ""           # what is wrong with the first host of an undeliverable
    words: str = ""             # the same for a person, a pattern; default expect.WORDS


@dataclass(frozen=True)
class Domain:
    name: str
    expect: Expect = None       # None: only there for others, or for other tests
    zone: str = "unsigned"      # signed, bogus (wrong DS), lame (no answers), none
    hosts: tuple = (Host(),)
    mx: tuple = ()              # further MX records: (preference, full name)
    null_mx: bool = False
    policy: Policy = None
    records: tuple = None       # TXT at _mta-sts; default one good one if there is a policy
    record_alias: str = ""      # _mta-sts is a CNAME for this name
    other_keys: tuple = ()      # keys with the same answer from the map
    ttl_s: int = 300
    rule: str = ""              # words of the operator's rule beside the action
    counts_twice: bool = False  # the trouble counts only when it was seen twice
    expect_dane_off: Expect = None      # with smtp_dns_support_level unset

    def host_name(self, host):
        return f"{host.name}.{self.name}" if host.name else self.name

    def mx_names(self):
        """The names of all MX hosts, the preferred first."""
        rows = [(h.preference, self.host_name(h)) for h in self.hosts
                if h.preference is not None]
        return [name for _, name in sorted(rows + list(self.mx))]

    def is_tarpit(self):
        return any(h.fault == "tarpit" for h in self.hosts)

    def txt(self):
        if self.records is not None:
            return self.records
        return ("v=STSv1; id=1;",) if self.policy else ()

    def policy_lines(self):
        p = self.policy
        if p.lines:
            return p.lines
        return ("version: STSv1", f"mode: {p.mode}",
                *(f"mx: {m}" for m in p.mx or self.mx_names()),
                f"max_age: {p.max_age}")

    def patterns(self):
        return [line[4:] for line in self.policy_lines() if line.startswith("mx: ")]


# What the map must say where the policy governs.

def secure(domain):
    names = [p.removeprefix("*") for p in domain.patterns()]
    return f"OK secure match={':'.join(names)} servername=hostname"


def _sts_attributes(domain):
    words = ["policy_type=sts", f"policy_domain={domain.name}"]
    words += [f"mx_host_pattern={p}" for p in domain.patterns()]
    words += [f"{{ policy_string = {line} }}" for line in domain.policy_lines()
              if "{" not in line and "}" not in line]
    return " ".join(words)


def secure_tlsrpt(domain):
    return f"{secure(domain)} {_sts_attributes(domain)}"


def testing_tlsrpt(domain):
    return f"OK may {_sts_attributes(domain)}"
