"""hopseal setup on the bench's running Postfix: applied it asks, taken back it does not."""

import os
import re

from postfix import MASTER_CF, send
from test_next_hops import BROKEN, GOOD, check, is_deferred_for
from process import wait_until

BROKEN_RULE = "* out action=defer\n"
# What the bench's main.cf has of ours.
OURS = re.compile(r"^(smtp_tls_policy_maps|smtp_dns_support_level|smtp_tls_loglevel|"
                  r"smtpd_relay_before_recipient_restrictions) = .*\n|"
                  r"^    check_policy_service .*\n", re.M)
# Restrictions of its own, which are to be found in master.cf.
OWN_LIST = ("127.0.0.1", 10029)
OWN_LIST_SERVICE = """0.0.0.0:10029 inet n - n - - smtpd
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
"""
# The Internet's root, which the bench's is not.
WRONG_ANCHOR = (". IN DS 20326 8 2 "
                "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n")
VERIFIED = "Verified TLS connection established to mx." + GOOD

TESTS = {}


def test(function):
    TESTS[function.__name__] = function
    return function


def path(bench, name):
    return os.path.join(bench.postfix.config_folder, name)


def read(bench, name):
    with open(path(bench, name)) as f:
        return f.read()


def write(bench, name, text):
    with open(path(bench, name), "w") as f:
        f.write(text)


def restart(bench, main_cf, master_cf):
    write(bench, "main.cf", main_cf)
    write(bench, "master.cf", master_cf)
    bench.postfix.stop()
    bench.postfix.start()


def prepare(bench, names):
    bench.hopseal.write_rules(BROKEN_RULE)
    bench.own_main_cf = read(bench, "main.cf")


def restore(bench):
    bench.hopseal.write_rules("")
    restart(bench, bench.own_main_cf, MASTER_CF)
    bench.restart_hopseal()


def is_sent(bench):
    """How GOOD gets a mail: the lines of the log about it."""
    before = len(bench.postfix.lines())
    fate = bench.postfix.fate(send(f"u@{GOOD}"))
    assert fate.status == "sent", fate
    return "\n".join(bench.postfix.lines()[before:])


def can_dane(bench):
    return any(part["name"] == "dane" and part["ok"]
               for part in bench.hopseal.command("status")[1]["parts"])


@test
def applied_and_taken_back(bench):
    main_cf = OURS.sub("", bench.own_main_cf)
    restart(bench, main_cf, MASTER_CF + OWN_LIST_SERVICE)
    bench.restart_hopseal(first_contact_wait="9s", milter_listen="")
    check(f"u@{BROKEN}", 250)
    assert VERIFIED not in is_sent(bench) and not can_dane(bench)
    code, told = bench.hopseal.command("setup", "--apply")
    assert code == 0 and told["done"] and told["reloaded"], told
    names = [change["name"] for change in told["changes"]]
    assert names == ["smtp_tls_policy_maps", "smtp_dns_support_level",
                     "smtp_tls_dane_insecure_mx_policy", "smtpd_recipient_restrictions",
                     "smtp_tls_loglevel", "smtpd_tls_loglevel",
                     "0.0.0.0:10029/inet/smtpd_recipient_restrictions"], names
    # policyd has been told, and knows now that Postfix can do DANE.
    wait_until(lambda: can_dane(bench), 20, "what Postfix can do now")
    # Processes that were at work before end with their client.
    wait_until(lambda: VERIFIED in is_sent(bench), 60, "a delivery that asked")
    for service in ("127.0.0.1", 25), OWN_LIST:
        is_deferred_for(f"u@{BROKEN}", BROKEN, service=service)
        check(f"u@{GOOD}", 250, service=service)
    code, told = bench.hopseal.command("setup", "--revert")
    assert code == 0 and told["done"] and told["reloaded"] and not told["left"], told
    assert read(bench, "main.cf") == main_cf
    assert read(bench, "master.cf") == MASTER_CF + OWN_LIST_SERVICE
    wait_until(lambda: VERIFIED not in is_sent(bench), 60, "a delivery that did not ask")
    check(f"u@{BROKEN}", 250)


def warnings(bench, *options):
    return [w["what"] for w in bench.hopseal.command(*options, "setup")[1]["warnings"]]


@test
def looks_at_the_host(bench):
    """A resolver that validates is nothing to speak of; one that cannot is."""
    restart(bench, OURS.sub("", bench.own_main_cf), MASTER_CF)
    bench.restart_hopseal(milter_listen="")
    assert warnings(bench) == [], warnings(bench)
    anchor = os.path.join(bench.folder, "wrong.key")
    with open(anchor, "w") as f:
        f.write(WRONG_ANCHOR)
    os.chmod(anchor, 0o644)
    found = warnings(bench, "-o", f"dns_trust_anchor={anchor}")
    assert len(found) == 1 and "the resolver does not validate" in found[0], found
    bench.redis.stop()
    found = warnings(bench)
    bench.redis.start()
    assert len(found) == 1 and found[0].startswith("redis = unix:"), found


@test
def refused_while_nobody_answers(bench):
    restart(bench, OURS.sub("", bench.own_main_cf), MASTER_CF)
    bench.hopseal.stop()
    before = read(bench, "main.cf")
    code, told = bench.hopseal.command("setup", "--apply")
    assert code == 2 and "defer all mail" in told["error"], told
    assert read(bench, "main.cf") == before
