"""What hosts are like, and what becomes of mail at intake: looked at, deferred, held, tagged.

A client of our own networks hands in mail over SMTP; rules say what follows when every
host of a domain is bad.
"""

import signal
import smtplib
import time

from domains import BY_NAME
from postfix import send
from process import wait_until

TESTS = {}
RULES = """\
*                    out action=defer
probe-held.test      out action=hold
probe-logged.test    out action=log
probe-off.test       out action=off
probe-late.test      out action=defer until=2020-01-01
"""


def prepare(bench, names):
    bench.hopseal.write_rules(RULES)
    fresh(bench)


def fresh(bench):
    """A Hopseal that has seen no host yet, so that the breaker is far away."""
    bench.restart_hopseal(first_contact_wait="9s", reprobe_after="2s", bad_ttl="60s")


def restore(bench):
    bench.hopseal.write_rules("")


def test(function):
    TESTS[function.__name__] = function
    return function


def rcpt(domain, user="user"):
    """The answer to RCPT TO, as a client of our own networks hears it."""
    with smtplib.SMTP("127.0.0.1", 25, timeout=40) as client:
        client.ehlo("client.sender.test")
        client.mail("probe@sender.test")
        code, text = client.rcpt(f"{user}@{domain}")
        return code, text.decode()


@test
def expired_is_deferred_with_a_reason(bench):
    code, text = rcpt("enf-expired.test")
    assert code == 450, (code, text)
    for words in ("4.7.5 <user@enf-expired.test>: Recipient address rejected: ",
                  "no usable mail host for enf-expired.test: mx.enf-expired.test: "
                  "certificate expired 20", "MTA-STS enforce, policy id 1"):
        assert words in text, text
    assert len(text) < 500, len(text)


@test
def each_trouble_has_its_words(bench):
    for domain, words in (("enf-othername.test", "certificate names other hosts"),
                          ("enf-selfsigned.test", "self-signed"),
                          ("enf-otherca.test", "not trusted"),
                          ("enf-nochain.test", "intermediate"),
                          ("enf-notyet.test", "not yet valid"),
                          ("dane-bad.test", "TLSA")):
        code, text = rcpt(domain)
        assert code == 450 and words in text, (domain, code, text)


@test
def good_and_unpromised_pass(bench):
    for domain in ("enf-good.test", "enf-mixed.test", "dane-good.test", "dane-ee-expired.test",
                   "sts-testing.test", "negative.test", "enf-closed.test"):
        code, text = rcpt(domain)
        assert code == 250, (domain, code, text)


@test
def rules_of_every_kind(bench):
    fresh(bench)
    for domain, wanted in (("probe-held.test", 250), ("probe-logged.test", 250),
                           ("probe-off.test", 250), ("probe-late.test", 450)):
        code, text = rcpt(domain)
        assert code == wanted, (domain, code, text)
    assert bench.hopseal.explain("probe-held.test")["action"] == "hold"
    assert bench.hopseal.explain("probe-logged.test")["action"] == "log"


@test
def once_is_nothing_twice_is_bad(bench):
    name = "enf-nostarttls.test"
    assert rcpt(name)[0] == 250
    assert bench.hopseal.explain(name)["verdict"] == "unknown"
    time.sleep(3)   # reprobe_after, and a second
    wait_until(lambda: rcpt(name)[0] == 450, 20, "deferred when seen twice")


@test
def repaired_is_free_again(bench):
    fresh(bench)
    name = "probe-repaired.test"
    assert rcpt(name)[0] == 450
    domain = BY_NAME[name]
    bench.layout.new_leaf(domain, domain.hosts[0], "good")
    wait_until(lambda: rcpt(name)[0] == 250, 30, "free after its repair")


@test
def a_new_policy_is_fetched_first(bench):
    """Bad under the policy held, but a newer one permits more: nothing is refused."""
    fresh(bench)
    name = "probe-newer.test"
    assert rcpt(name)[0] == 250         # mode none: nobody looks
    body = bench.policy_hosts.table["mta-sts." + name]["body"]
    bench.policy_hosts.change("mta-sts." + name, body=body.replace("none", "enforce"))
    bench.dns.change(bench.layout.zone(BY_NAME[name], ["v=STSv1; id=2;"]))
    time.sleep(2)   # until no resolver holds the record any more: it lives 1 s
    bench.hopseal.command("refresh", name)
    code, text = rcpt(name)
    assert code == 450, (code, text)
    bench.policy_hosts.change("mta-sts." + name, body=body)
    bench.dns.change(bench.layout.zone(BY_NAME[name], ["v=STSv1; id=3;"]))
    time.sleep(3)
    bench.layout.new_leaf(BY_NAME[name], BY_NAME[name].hosts[0], "other-name")
    wait_until(lambda: rcpt(name)[0] == 250, 30, "the newer policy counts")


@test
def scout_killed_defers_nothing(bench):
    fresh(bench)
    bench.hopseal.kill("scout", signal.SIGKILL)
    code, text = rcpt("probe-unseen.test")
    assert code in (250, 450), (code, text)
    wait_until(lambda: rcpt("probe-unseen.test")[0] == 450, 30, "seen by the next scout")


@test
def the_breaker(bench):
    """So much turns bad at once that it must be us: nothing is refused any more."""
    fresh(bench)
    assert rcpt("enf-expired.test")[0] == 450
    bad = [d.name for d in BY_NAME.values() if d.policy and d.policy.mode == "enforce"
           and any(h.cert not in ("good", "wildcard") for h in d.hosts)]
    seen = []
    for name in [*bad, *(d for d in BY_NAME if d not in bad)]:
        bench.hopseal.explain(name)
        seen.append(name)
        if any("breaker: " in line for line in bench.hopseal.log_lines()[-20:]):
            break
    assert len(seen) >= 10, seen
    assert rcpt("enf-expired.test")[0] == 250
    assert bench.hopseal.explain("enf-expired.test")["action"] == "log"


@test
def what_was_let_in_flows(bench):
    queue_id = send("user@enf-good.test")
    assert bench.postfix.fate(queue_id).status == "sent"
