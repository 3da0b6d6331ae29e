"""Every domain of the table: one mail, the map's answers and explain.

Postfix is set up for DANE.  All mails are handed in before the first is judged.
"""

import expect
from domains import DOMAINS
from hopseal import MAP
from socketmap import Client

queue_ids = {}


def prepare(bench, names):
    bench.restart_hopseal()
    recipients = [f"user@{n}" for n in names if n in TESTS]
    queue_ids.update(bench.postfix.send_all([r for r in recipients if r != "user@keys"]))


def check_domain(domain):
    def test(bench):
        if any(h.ipv6 for h in domain.hosts) and not bench.has_ipv6:
            return "no IPv6"
        expect.check(bench, domain, domain.expect, queue_ids[f"user@{domain.name}"])
    return test


def keys(bench):
    """Keys other than a domain's name; which of them may be looked up at all."""
    wanted = {
        ".enf-good.test": "NOTFOUND ", "user@enf-good.test": "NOTFOUND ",
        "[10.99.1.1]": "NOTFOUND ", "[10.99.1.1]:25": "NOTFOUND ",
        "[IPv6:fd99:e2e::1]:25": "NOTFOUND ", "localhost": "NOTFOUND ",
        "printer.local": "NOTFOUND ", "db.internal": "NOTFOUND ", "enf-good": "NOTFOUND ",
        "x" * 300 + ".test": "NOTFOUND ", "a\x01b.test": "NOTFOUND ",
        # A smart host is the policy domain itself (RFC 8461, 3.4).
        "[mx.enf-good.test]": "NOTFOUND ",
        "[mx.dane-good.test]": "OK dane-only", "[mx.dane-good.test]:25": "OK dane-only",
        "[mx.dane-good.test]:587": "NOTFOUND ", "dane-good.test:25": "OK dane-only",
        "dane-good.test:587": "NOTFOUND ",
    }
    client = Client(MAP)
    got = {key: client.ask("QUERY", key) for key in wanted}
    assert got == wanted, {k: (got[k], wanted[k]) for k in wanted if got[k] != wanted[k]}
    assert client.ask("postfix", "enf-notyet.test") == client.ask("QUERY", "enf-notyet.test")
    answer = client.ask("no-such-map", "enf-good.test")
    assert answer.startswith("PERM ") and "no-such-map" in answer, answer
    client.close()


TESTS = {d.name: check_domain(d) for d in DOMAINS if d.expect}
TESTS["keys"] = keys
