"""Compares what came of a mail, of the map and of `hopseal explain` with a row.

check() collects all differences of a domain before it fails, so that one run shows
everything that is wrong with it.
"""

import re

from domain import DEFERRED, SENT, Expect
from postfix import Delivery


def matches(wanted, got, domain):
    """wanted is a text, a pattern, a function of the domain, or any other value."""
    if callable(wanted):
        wanted = wanted(domain)
    if isinstance(wanted, re.Pattern):
        return isinstance(got, str) and bool(wanted.search(got))
    return type(wanted) is type(got) and wanted == got


def shown(wanted, domain):
    return repr(wanted(domain) if callable(wanted) else getattr(wanted, "pattern", wanted))


def field(value, path):
    """The value at a dotted path, or a text that says where it ends."""
    for step in path.split("."):
        try:
            value = value[int(step) if isinstance(value, list) else step]
        except (KeyError, IndexError, TypeError, ValueError):
            return f"(no {step})"
    return value


def check(bench, domain, expect: Expect, queue_id):
    wrong = list(_mail(bench, domain, expect, queue_id))
    wrong += _map(bench, domain, expect)
    wrong += _explain(bench, domain, expect)
    assert not wrong, "; ".join(wrong)


def _mail(bench, domain, expect, queue_id):
    got: Delivery = bench.postfix.fate(queue_id)
    if got.status != expect.fate:
        yield f"mail {got.status} ({got.reason}), not {expect.fate}"
    elif expect.reason not in got.reason:
        yield f"mail {got.status} ({got.reason}), without {expect.reason!r}"
    if expect.relay and not got.relay.startswith(expect.relay + "["):
        yield f"mail went to {got.relay}, not {expect.relay}"
    names = domain.mx_names() + [h.alias for h in domain.hosts if h.alias]
    if expect.log and not any(
            expect.log in line and any(f" {n}[" in line for n in names)
            for line in bench.postfix.lines()):
        yield f"mail log without {expect.log!r}"
    mails = bench.mx_hosts.mails(got.recipient)
    if len(mails) != (1 if expect.fate == "sent" else 0):
        yield f"the MX hosts got the mail {len(mails)} times"
    for mail in mails:
        if not matches("NOTFOUND ", expect.query, domain) and not mail["tls"]:
            yield f"{mail['host']} got the mail without TLS"


def _map(bench, domain, expect):
    tlsrpt = expect.query if expect.tlsrpt is None else expect.tlsrpt
    for name, wanted in (("QUERY", expect.query), ("QUERYwithTLSRPT", tlsrpt)):
        for key in (domain.name, *domain.other_keys):
            got = bench.hopseal.ask(key, name)
            if not matches(wanted, got, domain):
                yield f"{name} {key}: {got!r}, not {shown(wanted, domain)}"


def verdict(domain, expect):
    """What hosts that were looked at come to, unless the row says something else.

    Without a promise nobody looks, and nothing is undeliverable.
    """
    query = expect.query(domain) if callable(expect.query) else expect.query
    if not isinstance(query, str) or not query.startswith("OK"):
        return "unknown"
    return {SENT: "deliverable", DEFERRED: "undeliverable"}[expect.fate]


def _explain(bench, domain, expect):
    got = bench.hopseal.explain(domain.name)
    wanted = {"domain": domain.name, "verdict": verdict(domain, expect),
              "map.QUERY": expect.query, **expect.explain}
    for path, value in wanted.items():
        found = field(got, path)
        if path.startswith("map.") and isinstance(found, str):
            found = found if found.startswith("OK") else found.strip() + " "
        if not matches(value, found, domain):
            yield f"explain {path}: {found!r}, not {shown(value, domain)}"
