"""What hosts are like, and what becomes of mail at intake: looked at, deferred, held, tagged.

A client of our own networks hands in mail over SMTP; rules say what follows when every
host of a domain is bad.  What is like what stands in the table of domains; here it changes.
Scenarios have a domain each and wait together; the other tests need a Hopseal of their own.
"""

import concurrent.futures
import signal
import smtplib
import time

from domains import BY_NAME
from postfix import MAIN, send
from process import run, wait_until

REPROBE_AFTER_S = 2
BREAKER_HOSTS = 20
RULES = """\
*                    out action=defer
probe-held.test      out action=hold
probe-logged.test    out action=log until=2099-12-31
probe-off.test       out action=off
probe-level.test     out level=may action=defer
probe-late.test      out action=off until=2020-01-01
.probe-below.test    out action=log
probe-verify.test    out require=verify action=defer
probe-encrypt.test   out require=encrypt action=defer
"""

TESTS, scenarios, outcomes = {}, {}, {}


def prepare(bench, names):
    bench.hopseal.write_rules(RULES)
    fresh(bench)
    with concurrent.futures.ThreadPoolExecutor(len(scenarios)) as pool:
        outcomes.update({name: pool.submit(scenario, bench)
                         for name, scenario in scenarios.items() if name in names})


def fresh(bench, **options):
    """A Hopseal that has seen no host yet, so that the breaker is far away."""
    bench.restart_hopseal(**{"first_contact_wait": "9s", "bad_ttl": "60s",
                             "reprobe_after": f"{REPROBE_AFTER_S}s", **options})


def restore(bench):
    bench.hopseal.write_rules("")


def test(function):
    TESTS[function.__name__] = function
    return function


def scenario(function):
    """One that changes nothing for others."""
    scenarios[function.__name__] = function
    TESTS[function.__name__] = lambda bench: outcomes[function.__name__].result()
    return function


def rcpt(domain, user="user"):
    """The answer to RCPT TO, as a client of our own networks hears it."""
    with smtplib.SMTP(*MAIN, timeout=40) as client:
        client.ehlo("client.sender.test")
        client.mail("probe@sender.test")
        code, text = client.rcpt(f"{user}@{domain}")
        return code, text.decode()


def check_rcpt(domain, code, *parts):
    got = rcpt(domain)
    assert got[0] == code and all(part in got[1] for part in parts), (domain, got)


def next_look():
    """A bad host is looked at again when somebody asks from now on; times are whole."""
    time.sleep(REPROBE_AFTER_S + 1)


def check_free_again(name, since):
    """A repaired host's mail is taken as soon as reprobe_after is over."""
    wait_until(lambda: rcpt(name)[0] == 250, 30, f"{name} to be free after its repair")
    seconds = time.monotonic() - since
    assert seconds < REPROBE_AFTER_S + 4, f"free after {seconds:.1f} s"


# Scenarios.

@scenario
def expired_is_deferred_with_a_reason(bench):
    code, text = rcpt("probe-plain.test")
    assert code == 450 and len(text) < 500, (code, text)
    for words in ("4.7.5 <user@probe-plain.test>: Recipient address rejected: ",
                  "no usable mail host for probe-plain.test: mx.probe-plain.test: "
                  "certificate expired 20", "MTA-STS enforce, policy id 1)"):
        assert words in text, text


@scenario
def repaired_is_free_again(bench):
    name = "probe-repaired.test"
    check_rcpt(name, 450)
    bench.layout.change(BY_NAME[name], "good")
    check_free_again(name, time.monotonic())


@scenario
def refused_starttls_once_counts_not(bench):
    name = "probe-454-once.test"
    check_rcpt(name, 250)
    assert bench.hopseal.explain(name)["verdict"] == "unknown"
    bench.layout.change(BY_NAME[name], "good")
    next_look()
    check_rcpt(name, 250)
    wait_until(lambda: bench.hopseal.explain(name)["verdict"] == "deliverable", 10,
               "the host to be seen as good")


@scenario
def refused_starttls_twice_counts(bench):
    name = "probe-454.test"
    check_rcpt(name, 250)
    next_look()
    wait_until(lambda: rcpt(name)[0] == 450, 20, "deferred when seen twice")
    check_rcpt(name, 450, "STARTTLS offered, then refused")
    bench.layout.change(BY_NAME[name], "good")
    check_free_again(name, time.monotonic())
    # One refusal after a good look is the first one again.
    bench.layout.change(BY_NAME[name], "good", "refuse-starttls")
    next_look()
    check_rcpt(name, 250)


def end_soon(bench, name, seconds=6):
    """A certificate that was seen as good; wait for its end."""
    bench.layout.change(BY_NAME[name], "good", days=(-1, seconds / 86400))
    ends = time.monotonic() + seconds
    seen = bench.hopseal.explain(name)
    assert seen["verdict"] == "deliverable", seen
    check_rcpt(name, 250)
    return ends


@scenario
def ends_while_cached_and_was_renewed(bench):
    name = "probe-renewed.test"
    ends = end_soon(bench, name)
    before = bench.hopseal.explain(name)["hosts"][0]["addresses"][0]
    bench.layout.change(BY_NAME[name], "good")
    while time.monotonic() < ends + 2:
        check_rcpt(name, 250)
        time.sleep(0.5)
    after = bench.hopseal.explain(name)
    assert after["verdict"] == "deliverable", after
    after = after["hosts"][0]["addresses"][0]
    assert after["time"] > before["time"] and after["not_after"] > before["not_after"], after


@scenario
def ends_while_cached_and_was_not_renewed(bench):
    name = "probe-ended.test"
    ends = end_soon(bench, name)
    while time.monotonic() < ends - 1:
        check_rcpt(name, 250)
        time.sleep(0.5)
    wait_until(lambda: rcpt(name)[0] == 450, 10, "deferred after its certificate's end")
    assert time.monotonic() > ends - 1, "deferred before its certificate's end"
    check_rcpt(name, 450, "certificate expired 20")


@scenario
def one_bad_address_of_several(bench):
    name = "probe-addresses.test"
    bench.layout.change(BY_NAME[name], "expired", at=1)
    check_rcpt(name, 250)
    host = bench.hopseal.explain(name)["hosts"][0]
    findings = {a["finding"] for a in host["addresses"]}
    assert (host["finding"], findings) == ("ok", {"ok", "cert-expired"}), host
    assert bench.postfix.fate(send(f"user@{name}")).status == "sent"


@scenario
def a_new_policy_is_fetched_first(bench):
    """Bad under the policy held, but a newer one permits more: nothing is refused."""
    name = "probe-newer.test"
    check_rcpt(name, 250)               # mode none: nobody looks
    body = bench.policy_hosts.table["mta-sts." + name]["body"]
    bench.policy_hosts.change("mta-sts." + name, body=body.replace("none", "enforce"))
    bench.dns.change(bench.layout.zone(BY_NAME[name], ["v=STSv1; id=2;"]))
    time.sleep(2)   # until no resolver holds the record any more: it lives 1 s
    bench.hopseal.command("refresh", name)
    check_rcpt(name, 450)
    bench.policy_hosts.change("mta-sts." + name, body=body)
    bench.dns.change(bench.layout.zone(BY_NAME[name], ["v=STSv1; id=3;"]))
    time.sleep(3)
    bench.layout.change(BY_NAME[name], "other-name")
    wait_until(lambda: rcpt(name)[0] == 250, 30, "the newer policy counts")


@scenario
def rules_of_every_kind(bench):
    for name, code, action in (("probe-held.test", 250, "hold"),
                               ("probe-logged.test", 250, "log"),
                               ("probe-off.test", 250, "off"),
                               ("probe-level.test", 250, "log"),
                               ("probe-late.test", 450, "defer"),
                               ("x.probe-below.test", 250, "log"),
                               ("probe-below.test", 450, "defer")):
        check_rcpt(name, code)
        told = bench.hopseal.explain(name)
        assert told["action"] == action, (name, told["action"])
    assert any("warning: rule is past its date and ignored: " in line and "probe-late" in line
               for line in bench.hopseal.log_lines()), "no warning"


@scenario
def held_with_a_reason(bench):
    queue_id = send("user@probe-held.test")
    assert any(queue_id in line and '"hold"' in line for line in bench.postfix.queued())
    words = ("held, no usable mail host for probe-held.test: mx.probe-held.test: certificate "
             "expired 20")
    wait_until(lambda: any("hold: RCPT" in line and words in line
                           for line in bench.postfix.lines()), 10, f"{words!r} in the log")
    run("postsuper", "-c", bench.postfix.config_folder, "-d", queue_id)


@scenario
def what_a_rule_requires(bench):
    """Without a promise of theirs; and the mail's fate is the same."""
    check_rcpt("probe-verify.test", 450, "no usable mail host for probe-verify.test: "
               "mx.probe-verify.test: certificate expired 20", "line 8: require=verify)")
    check_rcpt("probe-encrypt.test", 250)
    next_look()
    wait_until(lambda: rcpt("probe-encrypt.test")[0] == 450, 10, "no TLS seen twice")
    check_rcpt("probe-encrypt.test", 450, "STARTTLS not offered", "require=encrypt)")


@scenario
def recipients_do_not_hear_of_each_other(bench):
    """Of two recipients one is deferred, and the text speaks of no other."""
    with smtplib.SMTP(*MAIN, timeout=40) as client:
        client.ehlo("client.sender.test")
        client.mail("probe@sender.test")
        assert client.rcpt("friend@probe-below.test")[0] == 450
        code, text = client.rcpt("user@probe-plain.test")
        assert code == 450 and b"probe-below" not in text, text
        assert client.rcpt("user@stream.test")[0] == 250
        code, text = client.data("To: user@stream.test\r\nSubject: x\r\n\r\nx\r\n")
    queue_id = text.decode().split("queued as ")[1]
    assert bench.postfix.fate(queue_id).status == "sent"
    mail, = bench.mx_hosts.mails("user@stream.test")[-1:]
    assert "probe-" not in mail["head"], mail["head"]


# What Postfix does not mind, or what a daemon's probe does not ask for.
CHECKED = {
    "enf-good.test": ("good", []), "enf-weak-ciphers.test": ("broken", ["cipher-weak"]),
    "crl-revoked.test": ("warnings", ["cert-revoked"]),
    "staple-none.test": ("warnings", ["staple-missing"]),
    "rsa1024.test": ("warnings", ["key-small"]),
    "cn-only.test": ("warnings", ["cert-name-mismatch"]),
    "hidden-issuer-url.test": ("broken", ["cert-chain-incomplete"]),
    "all-bad.test": ("broken", ["cert-name-mismatch", "cert-expired", "cert-self-signed"]),
}


@scenario
def a_full_look_from_outside(bench):
    """`hopseal check` asks no daemon, and says more than keeps mail from going out."""
    for name, wanted in CHECKED.items():
        told = bench.hopseal.command("check", name)[1]
        assert (told["overall"], told["findings"]) == wanted, (name, told)
        assert all(p["advice"] for p in told["problems"]), told["problems"]


FORGED = """\
{now} sender postfix/smtp[1]: Untrusted TLS connection established to \
mx.probe-plain.test[{bad}]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
{now} sender postfix/smtp[1]: 4jXGforged1: to=<a@probe-plain.test>, \
relay=mx.probe-plain.test[{bad}]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 Ok)
{now} sender postfix/smtp[2]: server certificate verification failed for \
mx.stream.test[{good}]:25: certificate has expired
{now} sender postfix/smtp[2]: Untrusted TLS connection established to \
mx.stream.test[{good}]:25: TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)
{now} sender postfix/smtp[2]: 4jXGforged2: to=<a@stream.test>, \
relay=mx.stream.test[{good}]:25, delay=1, delays=0/0/0/1, dsn=4.7.5, status=deferred \
(Server certificate not verified)
"""


@scenario
def a_forged_log_line_changes_no_verdict(bench):
    """Any local user may write to the mail log."""
    hosts = {"probe-plain.test": "undeliverable", "stream.test": "deliverable"}
    for name, verdict in hosts.items():
        wait_until(lambda: bench.hopseal.explain(name)["verdict"] == verdict, 10, verdict)
    addresses = bench.layout.addresses
    with open(bench.postfix.log_path, "a") as f:
        f.write(FORGED.format(now=time.strftime("%b %d %H:%M:%S"),
                              bad=addresses["mx.probe-plain.test"][0],
                              good=addresses["mx.stream.test"][0]))
    for _ in range(4):
        time.sleep(0.5)
        for name, verdict in hosts.items():
            assert bench.hopseal.explain(name)["verdict"] == verdict, name
    check_rcpt("probe-plain.test", 450)
    check_rcpt("stream.test", 250)


# What needs a Hopseal of its own.

@test
def rules_read_again(bench):
    """By a change of the file, and by a signal; a broken table is refused whole."""
    fresh(bench)
    hopseal, name = bench.hopseal, "probe-plain.test"
    check_rcpt(name, 450)
    hopseal.write_rules(RULES + f"{name} out action=log\n")
    wait_until(lambda: rcpt(name)[0] == 250, 5, "the new rule, noticed")
    hopseal.write_rules(RULES + f"{name} out action=defer\nother.test out acton=defer\n")
    where = f"{hopseal.rules_path}:{len(RULES.splitlines()) + 2}:"
    wait_until(lambda: any(where in line for line in hopseal.log_lines()), 5, where)
    check_rcpt(name, 250)
    hopseal.write_rules(RULES)
    hopseal.process.send_signal(signal.SIGHUP)
    wait_until(lambda: rcpt(name)[0] == 450, 5, "the old rules")


@test
def first_contact_wait_bounds_a_whole_mail(bench):
    """A slow host holds nobody up for longer, however many recipients a mail has."""
    fresh(bench, first_contact_wait="1s")
    with smtplib.SMTP(*MAIN, timeout=40) as client:
        client.ehlo("client.sender.test")
        client.mail("probe@sender.test")
        since = time.monotonic()
        for name in ("probe-slow.test", "enf-tarpit.test", "enf-slow.test"):
            assert client.rcpt(f"user@{name}")[0] == 250, name
        seconds = time.monotonic() - since
    assert 0.9 < seconds < 2.5, f"{seconds:.1f} s"
    wait_until(lambda: rcpt("probe-slow.test")[0] == 450, 20, "what the slow host is like")


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
    started = len(bench.hopseal.log_lines())
    fresh(bench)
    check_rcpt("enf-expired.test", 450)
    bad = [d.name for d in BY_NAME.values() if d.hosts and d.policy and not d.counts_twice
           and d.expect and d.expect.finding.startswith("cert-")][:BREAKER_HOSTS]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(bench.hopseal.explain, bad))
    opened = lambda: [line for line in bench.hopseal.log_lines()[started:]
                      if "breaker: " in line and "error: " in line]
    wait_until(opened, 10, "the breaker to open")
    check_rcpt("enf-expired.test", 250)
    assert bench.hopseal.explain("enf-expired.test")["action"] == "log"
    assert bench.hopseal.explain("enf-expired.test")["verdict"] == "undeliverable"
    assert len(opened()) == 1, opened()
    bench.hopseal.command("status", "--clear")
    check_rcpt("enf-expired.test", 450)


@test
def what_was_let_in_flows(bench):
    queue_id = send("user@enf-good.test")
    assert bench.postfix.fate(queue_id).status == "sent"
