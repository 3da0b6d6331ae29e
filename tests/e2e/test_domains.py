"""Every domain of the table: one mail, the map's answers, explain, and intake under rules.

Postfix is set up for DANE.  The rules say defer, for users who log in, to the access
service and to one milter, and tag to another milter, whose mails go out.  The domains
come in batches, each to a Hopseal that has seen nothing: more than BREAKER_HOSTS bad hosts
within an hour, and it would rather believe that something is wrong here.
"""

import concurrent.futures

import expect
from domains import BY_NAME, DOMAINS
from hopseal import MAP
from milter import JUDGE, Milter
from postfix import TAGGED, User, send
from socketmap import Client

BREAKER_HOSTS = 20
FIRST = "enf-good.test"     # its intermediate is known then, which enf-nochain does not send
outcomes, milters = {}, []


def rules(action):
    """The table of rules: this action for all."""
    lines = [f"* out action={action}"]
    lines += [f"{d.name} out action={action} {d.rule}" for d in DOMAINS if d.rule]
    return "\n".join(lines) + "\n"


def batches(domains):
    """Those that take long first, so that they wait together; each has FIRST before it."""
    batch, hosts = [], 1
    for domain in sorted(domains, key=lambda d: not (d.counts_twice or d.is_tarpit())):
        count = len(domain.mx_names())
        if hosts + count >= BREAKER_HOSTS:
            yield batch
            batch, hosts = [], 1
        batch.append(domain)
        hosts += count
    yield batch


def prepare(bench, names):
    bench.hopseal.write_rules(rules("defer"))
    milters[:] = [  # of postfix.TAGGED and JUDGED
        Milter(bench, rules=rules("tag")),
        Milter(bench, "judge", rules("defer"), milter_listen="inet:%s:%d" % JUDGE,
               recipient_judge="milter")]
    for milter in milters:
        milter.start()
    wanted = [BY_NAME[n] for n in names if n in BY_NAME
              and (bench.has_ipv6 or not any(h.ipv6 for h in BY_NAME[n].hosts))]
    with concurrent.futures.ThreadPoolExecutor(BREAKER_HOSTS) as pool:
        for batch in batches(wanted):
            bench.restart_hopseal(reprobe_after=f"{expect.REPROBE_AFTER_S}s",
                                  first_contact_wait="5s")
            for milter in milters:
                milter.wait_knows_dane()
            expect.explained(bench, BY_NAME[FIRST])
            for domain in batch:
                outcomes[domain.name] = pool.submit(look, bench, domain)
            concurrent.futures.wait([outcomes[d.name] for d in batch])


def restore(bench):
    for milter in milters:
        milter.stop()
    milters.clear()
    bench.hopseal.write_rules("")


def look(bench, domain):
    """One mail, which flows whatever becomes of it, and all that is said of it."""
    if not domain.is_tarpit():
        expect.explained(bench, domain)
    queue_id = send(f"user@{domain.name}", smtp=User(TAGGED))
    expect.check(bench, domain, domain.expect, queue_id)
    expect.check_intake(bench, domain, queue_id)


def check_domain(name):
    def test(bench):
        if name not in outcomes:
            return "no IPv6"
        outcomes[name].result()
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


TESTS = {d.name: check_domain(d.name) for d in DOMAINS if d.expect}
TESTS["keys"] = keys
