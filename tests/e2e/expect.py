"""Compares what came of a mail, of the map and of `hopseal explain` with a row.

check() collects all differences of a domain before it fails, so that one run shows
everything that is wrong with it.  check_intake() does the same for what becomes of mail
at intake under rules that say defer, and tag.
"""

import email
import re
import time

from domain import DEFERRED, NOTFOUND, SENT, Expect
from postfix import JUDGED, Delivery, User

REPROBE_AFTER_S = 2
NEXT_HOP = "X-Hopseal-Next-Hop"
REPLY_MAX_BYTES = 500

# What a person is told of each finding.
DAY = r"20\d\d-\d\d-\d\d"
WORDS = {
    "cert-expired": rf"(certificate|intermediate .+) expired {DAY}",
    "cert-not-yet-valid": f"certificate not valid before {DAY}",
    "cert-name-mismatch": "certificate (is for|has no DNS names).*",
    "cert-self-signed": "certificate self-signed",
    "cert-untrusted": r"certificate (issuer not trusted|chain not valid): .+",
    "cert-chain-incomplete": "intermediate certificate not sent: .+",
    "cert-weak": r"certificate signature or key weak: key .+ \d+ bits, signature .+",
    "cert-purpose": "certificate not for TLS servers",
    "cert-revoked": "certificate revoked",
    "staple-missing": "required OCSP staple missing",
    "starttls-missing": "STARTTLS not offered",
    "starttls-refused": r"STARTTLS offered, then refused: 454 .+",
    "starttls-injection": "data in clear after STARTTLS",
    "cipher-weak": r"only weak ciphers: \S+ at best",
    "handshake-failed": "TLS handshake failed: .+",
    "mx-not-in-policy": "host not in the MTA-STS policy",
    "tlsa-mismatch": "no TLSA record matches the certificate",
}


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


def explained(bench, domain):
    """What `hopseal explain` says when the hosts were seen as often as it takes."""
    for _ in range(3):
        got = bench.hopseal.explain(domain.name)
        if not domain.counts_twice or got["verdict"] != "unknown":
            break
        time.sleep(REPROBE_AFTER_S + 1)     # times are whole seconds
    return got


def _explain(bench, domain, expect):
    got = explained(bench, domain)
    wanted = {"domain": domain.name, "verdict": verdict(domain, expect),
              "map.QUERY": expect.query, **expect.explain}
    for path, value in wanted.items():
        found = field(got, path)
        if path.startswith("map.") and isinstance(found, str):
            found = found if found.startswith("OK") else found.strip() + " "
        if not matches(value, found, domain):
            yield f"explain {path}: {found!r}, not {shown(value, domain)}"


# Mail at intake.

def _is_undeliverable(domain, expect):
    return expect.explain.get("verdict", verdict(domain, expect)) == "undeliverable"


def check_intake(bench, domain, queue_id):
    """A user who logs in is refused, by the access service and by the milter, or tagged."""
    expect = domain.expect
    wrong = list(_refusal(domain, expect))
    wrong += _tag(bench, domain, expect, queue_id)
    assert not wrong, "; ".join(wrong)


def _refusal(domain, expect):
    recipient = f"user@{domain.name}"
    with User() as user:
        code, text = user.ask(recipient)
    with User(JUDGED) as user:
        by_milter = user.ask(recipient)
    # Testing never stops mail (RFC 8461, 5).
    if not _is_undeliverable(domain, expect) or expect.query == NOTFOUND:
        if (code, by_milter[0]) != (250, 250):
            yield f"refused: {code} {text}, {by_milter}"
        return
    host, *others = map(re.escape, domain.mx_names())
    others = f"; {len(others)} other hosts? (are|is) bad too" if others else ""
    promise = "DANE at " if "dane" in str(expect.query) else "MTA-STS enforce, policy id "
    wanted = (f"4.7.5 (<{re.escape(recipient)}>: Recipient address rejected: )"
              f"no usable mail host for {re.escape(domain.name)}: {host}: "
              rf"{expect.words or WORDS[expect.finding]} \((issuer .+, )?{promise}.+\){others}")
    match = re.fullmatch(wanted, text)
    if code != 450 or not match:
        yield f"refused with {code} {text!r}, not {wanted}"
    elif by_milter != (450, text.replace(match[1], "")):
        yield f"the milter said {by_milter}, not {text!r}"
    if len(f"450 {text}\r\n") > REPLY_MAX_BYTES or not text.isascii():
        yield f"no line of SMTP: {text!r}"


def _tag(bench, domain, expect, queue_id):
    """The header of a mail that is in the queue or arrived."""
    if expect.fate not in (DEFERRED, SENT):
        return
    recipient = bench.postfix.fate(queue_id).recipient
    if expect.fate == DEFERRED:
        mail = bench.postfix.headers(queue_id)
    else:
        mail = email.message_from_string(bench.mx_hosts.mails(recipient)[-1]["head"])
    got = mail.get_all(NEXT_HOP, [])
    if not _is_undeliverable(domain, expect):
        if got:
            yield f"tagged: {got}"
        return
    policy = "dane" if "dane" in str(expect.query) else "sts"
    wanted = f"policy={policy} verdict=undeliverable finding={expect.finding} id=[0-9a-f]{{16}}"
    if len(got) != 1 or not re.fullmatch(wanted, got[0]):
        yield f"tagged {got}, not {wanted}"
