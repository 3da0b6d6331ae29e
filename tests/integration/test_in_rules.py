#!/usr/bin/python3
"""The access service by "in" rules: who is judged, by what, and what Postfix is told.

    test_in_rules.py [--build DIR] [TEST...]
"""

import contextlib
import re
import sys

from policyd_rig import DUNNO, Connection, Policyd, run, wait_until

STRANGER = "198.51.100.7"
PARTNER = "partner.example in require=encrypt action=defer\n"
NOT_ENCRYPTED = "TLS is required for mail from partner.example: this session is not encrypted"
REFUSED = f"450 4.7.0 {NOT_ENCRYPTED}"

# As Postfix 3.7 asks about a session in clear.
RCPT = {
    "request": "smtpd_access_policy", "protocol_state": "RCPT", "protocol_name": "ESMTP",
    "client_address": STRANGER, "client_name": "mx.partner.example", "client_port": "40012",
    "reverse_client_name": "mx.partner.example", "server_address": "192.0.2.1",
    "server_port": "25", "helo_name": "mx.partner.example",
    "sender": "ann@partner.example", "recipient": "bob@own.example",
    "recipient_count": "0", "queue_id": "", "instance": "a1.69211f3c.4b2.0",
    "size": "4711", "etrn_domain": "", "stress": "", "sasl_method": "",
    "sasl_username": "", "sasl_sender": "", "ccert_subject": "", "ccert_issuer": "",
    "ccert_fingerprint": "", "ccert_pubkey_fingerprint": "", "encryption_protocol": "",
    "encryption_cipher": "", "encryption_keysize": "0", "policy_context": "",
}
TLS13 = {"encryption_protocol": "TLSv1.3", "encryption_keysize": "256",
         "encryption_cipher": "TLS_AES_256_GCM_SHA384"}
TLS12 = {"encryption_protocol": "TLSv1.2", "encryption_keysize": "256",
         "encryption_cipher": "ECDHE-RSA-AES256-GCM-SHA384"}
DIGESTS = {"ccert_fingerprint": ":".join(["5A"] * 32),
           "ccert_pubkey_fingerprint": ":".join(["A5"] * 32)}


def ask(p, **changes):
    """What Postfix is told of one recipient; an attribute of None is left out."""
    attributes = {k: v for k, v in {**RCPT, **changes}.items() if v is not None}
    with Connection(p.access) as c:
        c.send("".join(f"{k}={v}\n" for k, v in attributes.items()).encode() + b"\n")
        c.half_close()
        reply = c.end().decode()
    assert reply.startswith("action=") and reply.endswith("\n\n"), reply
    return reply.removeprefix("action=").removesuffix("\n\n")


def check(p, cases):
    for label, want, changes in cases:
        got = ask(p, **changes)
        assert got == want, f"{label}: got {got!r}, want {want!r}"


@contextlib.contextmanager
def policyd(folder, rules, **options):
    options = {"own_domains": "own.example b\u00fccher.example",
               "own_networks": "192.0.2.0/24", "reinject_ports": "10025 10026", **options}
    p = Policyd(folder, rules, **options).start()
    yield p
    assert p.end() == 0


def test_requirements(folder):
    rules = (PARTNER + "new.example in min_tls=1.3 action=reject\n"
             "known.example in require=clientcert min_tls=1.2 action=hold reason=\"#12\"\n")
    new, known = {"sender": "a@new.example"}, {"sender": "a@known.example"}
    trusted = {"ccert_subject": "mx.known.example", "ccert_issuer": "Some+20CA", **DIGESTS}
    required = "TLS is required for mail from"
    with policyd(folder, rules) as p:
        check(p, [
            ("in clear", REFUSED, {}),
            ("TLS", "DUNNO", TLS13),
            ("another sender", "DUNNO", {"sender": "ann@other.example"}),
            ("older", f"530 5.7.0 {required} new.example: TLSv1.2 is older than TLSv1.3",
             {**new, **TLS12}),
            ("new", "DUNNO", {**new, **TLS13}),
            ("no certificate", f"HOLD held, {required} known.example: "
             "no client certificate was sent (#12)", {**known, **TLS12}),
            ("not trusted", f"HOLD held, {required} known.example: "
             "the client certificate is not trusted here (#12)",
             {**known, **TLS12, **DIGESTS}),
            ("trusted", "DUNNO", {**known, **TLS12, **trusted}),
            ("trusted, without common name", "DUNNO",
             {**known, **TLS12, **trusted, "ccert_subject": ""}),
        ])
        counters = p.counters()
        assert counters["access_deferred"] == counters["access_rejected"] == 1, counters
        assert counters["access_held"] == 2 and counters["access_dunno"] == 5, counters
        assert counters["lookups"] == 0


def test_unknown_never_defers(folder):
    """A Postfix that says nothing of TLS is no proof that there was none."""
    rules = PARTNER + "known.example in require=clientcert action=reject\n"
    silent = {name: None for name in RCPT if name.startswith(("encryption_", "ccert_"))}
    with policyd(folder, rules) as p:
        check(p, [
            ("built without TLS", "DUNNO", silent),
            ("nothing of the protocol", "DUNNO", {"encryption_protocol": None}),
            ("nothing of certificates", "DUNNO",
             {**TLS13, "sender": "a@known.example", "ccert_subject": None,
              "ccert_issuer": None, "ccert_fingerprint": None}),
            ("no client address", "DUNNO", {"client_address": "unknown"}),
        ])
    with policyd(folder, rules, inbound_tls="unknown") as p:
        check(p, [("behind a proxy", "DUNNO", {})])


def test_networks_not_known(folder):
    """Where postconf cannot be asked, any client may be one of ours."""
    with policyd(folder, PARTNER, own_networks=None,
                 postfix_config_dir="/nonexistent") as p:
        check(p, [("a stranger", "DUNNO", {})])


def test_exceptions(folder):
    with policyd(folder, PARTNER + "* in require=encrypt action=reject\n") as p:
        check(p, [
            ("a stranger", REFUSED, {}),
            ("authenticated", "DUNNO", {"sasl_method": "PLAIN", "sasl_username": "ann"}),
            ("our network", "DUNNO", {"client_address": "192.0.2.77"}),
            ("loopback", "DUNNO", {"client_address": "127.0.0.1"}),
            ("loopback, v6", "DUNNO", {"client_address": "::1"}),
            ("handed back by a filter", "DUNNO", {"server_port": "10026"}),
            ("another port", REFUSED, {"server_port": "1002"}),
            ("a v6 stranger", REFUSED, {"client_address": "2001:db8::1"}),
            ("the null sender", "DUNNO", {"sender": ""}),
            ("a sender without domain", "DUNNO", {"sender": "ann"}),
            ("a sender at an address", "DUNNO", {"sender": "ann@[192.0.2.9]"}),
            ("postmaster", "DUNNO", {"recipient": "PostMaster@own.example"}),
            ("abuse", "DUNNO", {"recipient": "abuse@own.example"}),
            ("no domain of ours", "DUNNO", {"recipient": "bob@other.example"}),
            ("no domain", "DUNNO", {"recipient": "bob"}),
            ("our domain in U-labels", REFUSED, {"recipient": "bob@b\u00fccher.example"}),
            ("our domain in capitals", REFUSED, {"recipient": "bob@OWN.Example"}),
        ])
        for state in ("CONNECT", "EHLO", "MAIL", "DATA", "END-OF-MESSAGE", "VRFY"):
            check(p, [(state, "DUNNO", {"protocol_state": state})])
    with policyd(folder, PARTNER, recipient_judge="milter") as p:
        check(p, [("another judge", "DUNNO", {})])


def test_own_domains_are_private_too(folder):
    with policyd(folder, PARTNER, own_domains="corp.lan") as p:
        check(p, [("a private domain", REFUSED, {"recipient": "bob@corp.lan"}),
                  ("one of somebody else", "DUNNO", {"recipient": "bob@other.lan"})])


def test_actions_and_log(folder):
    rules = "".join(f"{action}.example in require=encrypt action={action}\n"
                    for action in ("defer", "reject", "hold", "tag", "log", "off"))
    told = {"defer": "450 4.7.0 ", "reject": "530 5.7.0 ", "hold": "HOLD held, "}
    with policyd(folder, rules) as p:
        for line, action in enumerate(told | {"tag": 0, "log": 0}, 1):
            text = (f"TLS is required for mail from {action}.example: "
                    "this session is not encrypted")
            check(p, [(action, told[action] + text if action in told else "DUNNO",
                       {"sender": f"a@{action}.example"})])
            p.wait_said(f"inbound: domain={action}.example, "
                        f"client=mx.partner.example[{STRANGER}], line={line}, "
                        f"action={action}, reason={text}")
        check(p, [("off", "DUNNO", {"sender": "a@off.example"})])
        check(p, [("kept", "DUNNO", {"sender": "a@defer.example", **TLS13})])
        p.command("status")
        assert p.count_said("inbound: ") == 5, p.log()


def test_strange_names(folder):
    """What a stranger chooses cannot break the reply, the log, or Postfix's line."""
    rules = "* in require=encrypt action=defer reason=\"" + "why " * 200 + "\"\n"
    with policyd(folder, rules) as p:
        for changes in (
                {}, {"sender": "a@" + ".".join(["a" * 63] * 3) + ".example"},
                {"recipient": "b" * 64 + "@own.example"},
                {"recipient": "b" * 300 + "@own.example"},
                {"client_name": "mx, action=x\r\x1b[2J"}, {"client_name": "n" * 5000},
                {"recipient": "b" * 9000 + "@own.example"}):
            recipient = changes.get("recipient", RCPT["recipient"])
            told = ask(p, **changes)
            assert re.match(r"450 4\.7\.0 TLS is required for mail from [ -~]*\.\.\.$",
                            told), told
            line = told.replace("4.7.0 ", f"4.7.0 <{recipient}>: Recipient address rejected: ")
            assert len(line) + 2 < 500 or len(recipient) > 300, (len(line), line)
        p.command("status")
        assert p.count_said("inbound: ") == 7 and "\x1b" not in p.log()


def test_reload_and_until(folder):
    with policyd(folder, "") as p:
        check(p, [("no rule", "DUNNO", {})])
        p.write_rules(PARTNER)
        wait_until(lambda: ask(p) == REFUSED, "the new rule")
        p.write_rules(PARTNER.replace("defer", "dfer"))
        p.wait_said("did you mean")
        check(p, [("a bad file changes nothing", REFUSED, {})])
        p.write_rules(PARTNER.replace("\n", " until=2020-01-01\n"))
        wait_until(lambda: ask(p) == "DUNNO", "the rule that is over")
        p.write_rules(PARTNER.replace("\n", " until=2099-01-01\n"))
        wait_until(lambda: ask(p) == REFUSED, "the rule with a date")


if __name__ == "__main__":
    sys.exit(run([test for name, test in list(globals().items())
                  if name.startswith("test_")]))
