"""Mail that goes elsewhere than to the MX hosts of its recipient's domain.

A real Postfix with relays, transport tables and aliases; recipients are judged by the
next hop that it chooses.  BROKEN has only a host with an expired certificate, GOOD a
good one, both under an enforced policy; the rule says defer.
"""

import os
import smtplib

from milter import JUDGE, Milter
from netns import STRANGER
from postfix import JUDGED, MAIN, send
from process import run, wait_until

BROKEN, GOOD = "probe-plain.test", "enf-good.test"
RULES = "* out action=defer\npartner.test in require=encrypt action=defer\n"
SETTINGS = ("transport_maps", "relayhost", "sender_dependent_relayhost_maps",
            "sender_dependent_default_transport_maps", "default_transport",
            "virtual_alias_maps", "virtual_mailbox_domains", "recipient_delimiter",
            "virtual_transport")

TESTS = {}


def test(function):
    TESTS[function.__name__] = function
    return function


def prepare(bench, names):
    bench.hopseal.write_rules(RULES)


def restore(bench):
    bench.hopseal.write_rules("")
    run("postconf", "-c", bench.postfix.config_folder, "-X", *SETTINGS)
    bench.postfix.configure(mynetworks="127.0.0.0/8")
    bench.restart_hopseal()


def table(bench, name, lines, kind="hash"):
    """Writes a table into Postfix's folder; what main.cf says of it."""
    path = os.path.join(bench.postfix.config_folder, name)
    with open(path, "w") as f:
        f.write(lines)
    if kind == "hash":
        run("postmap", "-c", bench.postfix.config_folder, f"hash:{path}")
    return f"{kind}:{path}"


def set_up(bench, **settings):
    """Postfix with these settings and nothing else, and a Hopseal that knows them."""
    run("postconf", "-c", bench.postfix.config_folder, "-X", *SETTINGS)
    bench.postfix.configure(**settings)
    bench.restart_hopseal(first_contact_wait="9s")
    wait_until(lambda: next(part for part in bench.hopseal.command("status")[1]["parts"]
                            if part["name"] == "postfix")["ok"], 20, "Postfix's settings")


def rcpt(recipient, sender="user@sender.test", source="127.0.0.1", service=MAIN):
    """The answer to RCPT TO: code and text."""
    with smtplib.SMTP(*service, "client.test", 40, (source, 0)) as client:
        client.ehlo()
        client.mail(sender)
        code, text = client.rcpt(recipient)
        return code, text.decode()


def check(recipient, code, *words, **more):
    got = rcpt(recipient, **more)
    assert got[0] == code and all(word in got[1] for word in words), (recipient, more, got)


def is_deferred_for(recipient, domain, **more):
    check(recipient, 450, f"4.7.5 <{recipient}>: Recipient address rejected: ",
          f"no usable mail host for {domain}: mx.{domain}: certificate expired 20", **more)


@test
def transport_maps(bench):
    """The address, its domain, the parents: each leads where its entry says."""
    set_up(bench, recipient_delimiter="+", transport_maps=table(bench, "transport", f"""
one@{GOOD} smtp:{BROKEN}
.dotted.test smtp:{BROKEN}
{BROKEN} smtp:{GOOD}
kept@{BROKEN} :
gone.test error:5.1.2 it is gone
shut.test discard:
"""))
    is_deferred_for(f"one@{GOOD}", BROKEN)
    is_deferred_for(f"one+more@{GOOD}", BROKEN)
    is_deferred_for("u@any.dotted.test", BROKEN)
    is_deferred_for(f"kept@{BROKEN}", BROKEN)
    for recipient in (f"two@{GOOD}", f"u@{BROKEN}", "u@shut.test"):
        check(recipient, 250)
    check("u@gone.test", 550, "it is gone")


@test
def relayhost(bench):
    """All mail is judged by the relay, whatever its domain is like."""
    set_up(bench, relayhost=BROKEN)
    is_deferred_for(f"u@{GOOD}", BROKEN)
    is_deferred_for("u@whatever.test", BROKEN)
    set_up(bench, relayhost=GOOD)
    check(f"u@{BROKEN}", 250)
    queue_id = send(f"u@{BROKEN}")
    assert bench.postfix.fate(queue_id).relay.startswith(f"mx.{GOOD}["), \
        bench.postfix.fate(queue_id)


@test
def default_transport_to_a_relay(bench):
    set_up(bench, relayhost=GOOD, default_transport=f"smtp:{BROKEN}")
    is_deferred_for(f"u@{GOOD}", BROKEN)


@test
def sender_dependent_relay(bench):
    set_up(bench, relayhost=GOOD, sender_dependent_relayhost_maps=table(
        bench, "relays", f"joe@sender.test {BROKEN}\n@elsewhere.test {BROKEN}\n"
        "dunno@elsewhere.test DUNNO\n"))
    for sender in ("joe@sender.test", "any@elsewhere.test", "JOE@Sender.test"):
        is_deferred_for("u@whatever.test", BROKEN, sender=sender)
    for sender in ("jim@sender.test", "", "dunno@elsewhere.test"):
        check("u@whatever.test", 250, sender=sender)
    fate = bench.postfix.fate(send("u@whatever.test", "dunno@elsewhere.test"))
    assert fate.relay.startswith(f"mx.{GOOD}["), fate


@test
def aliases(bench):
    """An alias to a broken domain defers, one to several only when all are broken."""
    set_up(bench, virtual_alias_maps=table(bench, "virtual", f"""
one@sender.test u@{BROKEN}
deep@sender.test one@sender.test
some@sender.test u@{BROKEN}, u@{GOOD}
here@sender.test u@{BROKEN}, root@sender.test
all@sender.test u@{BROKEN} v@probe-held.test
out@{GOOD} u@{BROKEN}
in@{BROKEN} u@{GOOD}
circle@sender.test circular@sender.test
circular@sender.test circle@sender.test
"""))
    for recipient in ("one@sender.test", "deep@sender.test", "all@sender.test",
                      f"out@{GOOD}", f"u@{BROKEN}"):
        is_deferred_for(recipient, BROKEN)
    for recipient in ("some@sender.test", "here@sender.test", f"in@{BROKEN}",
                      "circle@sender.test", "nobody@sender.test", f"u@{GOOD}"):
        check(recipient, 250)
    # Nobody is deferred who is not ours: a stranger's mail to an alias comes in.
    check("one@sender.test", 250, source=STRANGER)


@test
def unreadable_table(bench):
    """Who may not read a table knows nothing, and says so once."""
    maps = table(bench, "secret", f"{GOOD} smtp:{BROKEN}\n")
    path = maps.removeprefix("hash:") + ".db"
    os.chmod(path, 0o600)
    set_up(bench, transport_maps=maps)
    for user in "abc":
        check(f"{user}@{BROKEN}", 250)
    with open(os.path.join(bench.log_folder, "hopseal.log")) as f:
        log = f.read()
    assert log.count(f"table cannot be asked, what hangs on it is not judged: table={maps}, "
                     "reason=postmap gave no answer: postmap: fatal: open database ") == 1


@test
def own_domains_in_tables(bench):
    """An "in" rule holds for a domain that stands in a table, and for that alone."""
    set_up(bench, virtual_transport="discard:", virtual_mailbox_domains=table(
        bench, "domains", "boxes.test yes\n"))
    check("u@boxes.test", 450, "TLS is required for mail from partner.test",
          sender="a@partner.test", source=STRANGER)
    check("u@boxes.test", 250, sender="a@other.test", source=STRANGER)
    check("u@boxes.test", 250, sender="a@partner.test")


@test
def own_networks_in_tables(bench):
    """Clients of a network in a table are ours; those whom it leaves out are not."""
    listed = table(bench, "more_networks", f"# ours\n{STRANGER}/32\n", "cidr")
    set_up(bench, mynetworks=f"127.0.0.0/8 {listed.removeprefix('cidr:')}")
    is_deferred_for(f"u@{BROKEN}", BROKEN, source=STRANGER)
    cidr = table(bench, "networks", f"{STRANGER}/32 yes\n", "cidr")
    set_up(bench, mynetworks=f"127.0.0.0/8 {cidr}")
    is_deferred_for(f"u@{BROKEN}", BROKEN, source=STRANGER)
    check("u@sender.test", 250, sender="a@partner.test", source=STRANGER)
    set_up(bench, mynetworks=f"127.0.0.0/8 !{STRANGER} {cidr}")
    check("u@sender.test", 450, "TLS is required", sender="a@partner.test", source=STRANGER)


@test
def milter(bench):
    """Where the milter is the judge, it judges the same next hops."""
    set_up(bench, transport_maps=table(bench, "transport", f"""
one@{GOOD} smtp:{BROKEN}
{BROKEN} smtp:{GOOD}
"""), virtual_alias_maps=table(bench, "virtual", f"""
all@sender.test one@{GOOD}
some@sender.test one@{GOOD}, two@{GOOD}
"""))
    judge = Milter(bench, "judge", RULES, milter_listen="inet:%s:%d" % JUDGE,
                   recipient_judge="milter", first_contact_wait="4s")
    for domain in BROKEN, GOOD:     # the milter waits for less long than a first look may take
        bench.hopseal.explain(domain)
    judge.start()
    try:
        for recipient in f"one@{GOOD}", "all@sender.test":
            check(recipient, 450, "4.7.5", f"no usable mail host for {BROKEN}", service=JUDGED)
        for recipient in f"two@{GOOD}", f"u@{BROKEN}", "some@sender.test":
            check(recipient, 250, service=JUDGED)
    finally:
        judge.stop()


@test
def explained(bench):
    """The admin is told where mail goes instead, and by what."""
    set_up(bench, relayhost=GOOD)
    exit_code, answer = bench.hopseal.command("explain", BROKEN)
    assert answer["route"] == {"state": "elsewhere", "next_hops": [GOOD],
                               "because": "relayhost"}, answer["route"]
    assert answer["action"] == "log" and answer["access"] is None, answer
    answer = bench.hopseal.command("explain", GOOD)[1]
    assert answer["route"]["state"] == "direct" and answer["access"] == "DUNNO", answer
