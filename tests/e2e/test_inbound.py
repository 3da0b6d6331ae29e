"""The operator's "in" rules on mail that a real Postfix takes in for its own domain.

A stranger is a client with an address of the bench's network.  Each test has a sender's
domain, and so a rule, of its own.
"""

import smtplib
import ssl

from netns import STRANGER
from process import run, wait_until
from test_milter import client_certificate

TESTS = {}
LOOPBACK = "127.0.0.1"
OWN = "user@sender.test"
NOT_ENCRYPTED = "this session is not encrypted"
RULES = """encrypt.test in require=encrypt action=defer
.encrypt.test in require=encrypt action=reject reason="see https://partner.test/tls"
new.test in min_tls=1.3 action=reject
known.test in require=clientcert action=defer
hold.test in require=encrypt action=hold
log.test in require=encrypt action=log
tag.test in require=encrypt action=tag
over.test in require=encrypt action=reject until=2020-12-31
"""

state = {}


def test(function):
    TESTS[function.__name__] = function
    return function


def prepare(bench, names):
    leaf = bench.pki.leaf("good", "mx.sender.test")
    state["client"] = client_certificate(bench)
    bench.postfix.configure(
        smtpd_tls_security_level="may", smtpd_tls_ask_ccert="yes",
        smtpd_tls_chain_files=f"{leaf.key_path}, {leaf.chain_path}",
        smtpd_tls_CAfile=bench.pki.root_path)
    bench.hopseal.write_rules(RULES)
    bench.restart_hopseal()
    wait_for(450, "a@encrypt.test")     # own domains come from postconf


def restore(bench):
    bench.hopseal.write_rules("")
    bench.restart_hopseal()
    bench.postfix.configure(smtpd_tls_security_level="", smtpd_tls_ask_ccert="no")


class Client(smtplib.SMTP):
    def __init__(self, source=STRANGER, tls=None, certificate=None):
        """tls: None, or the newest version that is spoken."""
        super().__init__("127.0.0.1", 25, "client.test", 60, (source, 0))
        self.ehlo()
        if tls:
            context = ssl._create_unverified_context()
            context.maximum_version = tls
            if certificate:
                context.load_cert_chain(certificate[1], certificate[0])
            self.starttls(context=context)
            self.ehlo()

    def ask(self, sender, recipient=OWN):
        """The answer to one recipient: code and text."""
        self.rset()
        self.mail(sender)
        code, text = self.rcpt(recipient)
        return code, text.decode()

    def hand_in(self, sender, *recipients):
        """One mail to those who take it; its queue id."""
        self.rset()
        self.mail(sender)
        for recipient in recipients or (OWN,):
            self.rcpt(recipient)
        code, text = self.data("Subject: inbound\r\n\r\nbody\r\n")
        assert code == 250, (code, text)
        return text.decode().split("queued as ")[1]


TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def answer(sender, recipient=OWN, **how):
    with Client(**how) as client:
        return client.ask(sender, recipient)


def wait_for(code, sender):
    wait_until(lambda: answer(sender)[0] == code, 15, f"{code} for {sender}")


def check_refused(got, code, sender, why, recipient=OWN):
    enhanced = {450: "4.7.0", 530: "5.7.0"}[code]
    domain = sender.partition("@")[2]
    want = (f"{enhanced} <{recipient}>: Recipient address rejected: "
            f"TLS is required for mail from {domain}: {why}")
    assert got == (code, want), got


def check_taken(got):
    assert got[0] == 250, got


def wait_logged(lines, *parts):
    """Wait until one of lines() has all parts."""
    wait_until(lambda: any(all(part in line for part in parts) for line in lines()), 15,
               f"{parts} in the log")


# What a session must have.

@test
def in_clear(bench):
    sender = "ann@encrypt.test"
    check_refused(answer(sender), 450, sender, NOT_ENCRYPTED)
    wait_logged(bench.hopseal.log_lines, "inbound: domain=encrypt.test, client=unknown["
                f"{STRANGER}], line=1, action=defer, reason=TLS is required")
    wait_logged(bench.postfix.lines, "NOQUEUE: reject: RCPT from", NOT_ENCRYPTED)


@test
def starttls(bench):
    for version in TLS12, TLS13:
        with Client(tls=version) as client:
            fate = bench.postfix.fate(client.hand_in("ann@encrypt.test"))
        assert fate.status == "sent", fate


@test
def reject_with_the_operators_words(bench):
    sender = "ann@mail.encrypt.test"
    check_refused(answer(sender), 530, sender,
                  f"{NOT_ENCRYPTED} (see https://partner.test/tls)")
    check_taken(answer(sender, tls=TLS13))


@test
def too_old(bench):
    sender = "ann@new.test"
    check_refused(answer(sender), 530, sender, NOT_ENCRYPTED)
    check_refused(answer(sender, tls=TLS12), 530, sender, "TLSv1.2 is older than TLSv1.3")
    check_taken(answer(sender, tls=TLS13))


@test
def client_certificate_asked_for(bench):
    sender = "ann@known.test"
    check_refused(answer(sender), 450, sender, NOT_ENCRYPTED)
    check_refused(answer(sender, tls=TLS13), 450, sender, "no client certificate was sent")
    for version in TLS12, TLS13:
        check_taken(answer(sender, tls=version, certificate=state["client"]))


@test
def client_certificate_not_trusted(bench):
    sender = "ann@known.test"
    for kind in "self-signed", "other-ca", "expired", "good":   # good is for servers only
        leaf = bench.pki.leaf(kind, f"{kind}.known.test")
        got = answer(sender, tls=TLS13, certificate=(leaf.key_path, leaf.chain_path))
        check_refused(got, 450, sender, "the client certificate is not trusted here")


@test
def same_connection_before_and_after_starttls(bench):
    sender = "ann@encrypt.test"
    with Client() as client:
        check_refused(client.ask(sender), 450, sender, NOT_ENCRYPTED)
        client.starttls(context=ssl._create_unverified_context())
        client.ehlo()
        check_taken(client.ask(sender))


# Actions that take the mail.

@test
def hold(bench):
    with Client() as client:
        queue_id = client.hand_in("ann@hold.test")
    assert any(queue_id in line and '"hold"' in line for line in bench.postfix.queued())
    wait_logged(bench.postfix.lines, "NOQUEUE: hold: RCPT from", "held, TLS is required")
    run("postsuper", "-c", bench.postfix.config_folder, "-d", queue_id)


@test
def log_and_tag(bench):
    for action in "log", "tag":
        check_taken(answer(f"ann@{action}.test"))
        wait_logged(bench.hopseal.log_lines, f"inbound: domain={action}.test",
                    f"action={action}")


# Whom no rule concerns.

@test
def others(bench):
    check_taken(answer("ann@other.test"))
    check_taken(answer(""))
    check_taken(answer("ann@encrypt.test", source=LOOPBACK))
    got = answer("ann@encrypt.test", "user@elsewhere.test")
    assert "Relay access denied" in got[1], got


@test
def authenticated(bench):
    with Client(tls=TLS12) as client:
        client.login("joe", "secret")
        check_taken(client.ask("ann@new.test"))


@test
def postmaster_and_abuse(bench):
    """The others of the same mail are judged all the same."""
    sender = "ann@encrypt.test"
    check_taken(answer(sender, "abuse@sender.test"))
    with Client() as client:
        check_taken(client.ask(sender, "Postmaster@sender.test"))
        check_refused((lambda r: (r[0], r[1].decode()))(client.rcpt(OWN)), 450, sender,
                      NOT_ENCRYPTED)
        queue_id = client.hand_in(sender, OWN, "postmaster@sender.test")
    assert bench.postfix.fate(queue_id).recipient == "postmaster@sender.test"
    assert len(bench.postfix.deliveries(queue_id)) == 1


# The file.

@test
def past_its_date(bench):
    check_taken(answer("ann@over.test"))


@test
def reload(bench):
    sender = "ann@reload.test"
    check_taken(answer(sender))
    bench.hopseal.write_rules(RULES + "reload.test in require=encrypt action=reject\n")
    wait_for(530, sender)
    bench.hopseal.write_rules(RULES + "reload.test in require=encypt action=defer\n")
    wait_logged(bench.hopseal.log_lines, "did you mean", "encrypt")
    check_refused(answer(sender), 530, sender, NOT_ENCRYPTED)
    bench.hopseal.write_rules(RULES)
    wait_for(250, sender)


@test
def without_policyd(bench):
    """default_action=DUNNO: who is not asked refuses nothing."""
    bench.hopseal.stop()
    check_taken(answer("ann@encrypt.test"))
    bench.restart_hopseal()
    wait_for(450, "ann@encrypt.test")
