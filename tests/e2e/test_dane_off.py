"""A Postfix without smtp_dns_support_level: DANE must be off, and MTA-STS decides.

Answering `dane` to such a Postfix would defer mail or send it unauthenticated.
"""

import expect
from domains import DOMAINS

queue_ids = {}


def prepare(bench, names):
    bench.postfix.configure(smtp_dns_support_level="")
    bench.restart_hopseal()
    # Other recipients than before, so that the MX hosts' notes can be told apart.
    queue_ids.update(bench.postfix.send_all([f"dane-off@{n}" for n in names]))


def restore(bench):
    bench.postfix.configure(smtp_dns_support_level="dnssec")


def check_domain(domain):
    def test(bench):
        expect.check(bench, domain, domain.expect_dane_off,
                     queue_ids[f"dane-off@{domain.name}"])
    return test


TESTS = {d.name: check_domain(d) for d in DOMAINS if d.expect_dane_off}
