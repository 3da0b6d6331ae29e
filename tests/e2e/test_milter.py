"""The milter behind a real Postfix: what it adds, removes, tags and refuses.

Mail stays in the queue (defer_transports), where its headers are read.  A stranger is a
client with an address of the bench's network; a client on loopback is one of ours.
"""

import json
import os
import re
import smtplib
import ssl
import subprocess

import examples
from milter import MILTER, Milter
from netns import STRANGER
from postfix import MAIN, REINJECTED
from process import run, wait_until

TESTS = {}
LOOPBACK = "127.0.0.1"
OWN, NOT_MX, GOOD = "user@sender.test", "user@enf-notmx.test", "user@enf-good.test"
INBOUND, NEXT_HOP = "X-Hopseal-Inbound", "X-Hopseal-Next-Hop"
FORGED = ("X-Hopseal-Inbound: tls=forged\r\nx-hopseal-INBOUND : tls=forged\r\n"
          "From: a@b.test\r\nX-HOPSEAL-NEXT-HOP:\r\n policy=forged\r\n"
          "X-Hopseal-Inbound:\ttls=forged\r\n")
TAG = re.compile(r"^policy=sts verdict=undeliverable finding=mx-not-in-policy "
                 r"id=([0-9a-f]{16})$")
TAG_RULE = "enf-notmx.test out action=tag\n"
DEFER_RULE = "enf-notmx.test out action=defer\n"

state = {}


def test(function):
    TESTS[function.__name__] = function
    return function


# The bench with a milter.

def prepare(bench, names):
    leaf = bench.pki.leaf("good", "sender.test")
    state["client"] = client_certificate(bench)
    line = "{ inet:%s:%d, default_action=accept, connect_timeout=2s, command_timeout=5s }"
    bench.postfix.configure(
        smtpd_milters=line % MILTER, non_smtpd_milters=line % MILTER,
        smtpd_tls_security_level="may", smtpd_tls_ask_ccert="yes",
        smtpd_tls_chain_files=f"{leaf.key_path}, {leaf.chain_path}",
        smtpd_tls_CAfile=bench.pki.root_path,
        defer_transports="smtp, discard")
    bench.restart_hopseal(reinject_ports=REINJECTED[1])
    state["milter"] = Milter(bench)
    state["milter"].start()


def restore(bench):
    state["milter"].stop()
    bench.hopseal.write_rules("")
    bench.restart_hopseal()
    bench.postfix.configure(smtpd_milters="", non_smtpd_milters="", defer_transports="",
                            smtpd_tls_security_level="")


def log(bench):
    return state["milter"].log()


def use(bench, rules="", **options):
    """Other rules and options; the milter notices by itself."""
    readings = lambda: log(bench).count("configuration read again")
    bench.hopseal.write_rules(rules)
    bench.restart_hopseal(reinject_ports=REINJECTED[1], **options)
    before = readings()
    os.utime(bench.hopseal.conf_path)   # the reading after this one has seen it all
    wait_until(lambda: readings() > before, 10, "the milter to read its files again")


def client_certificate(bench):
    """A certificate for TLS clients: key and chain."""
    path = lambda suffix: os.path.join(bench.folder, "client." + suffix)
    run("openssl", "req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt",
        "ec_paramgen_curve:P-256", "-subj", "/CN=client.test", "-keyout", path("key"),
        "-out", path("csr"))
    with open(path("ext"), "w") as f:
        f.write("extendedKeyUsage=clientAuth\n")
    issuer = os.path.join(bench.folder, "pki", "intermediate")
    run("openssl", "x509", "-req", "-in", path("csr"), "-CA", issuer + ".pem", "-CAkey",
        issuer + ".key", "-CAcreateserial", "-days", "9", "-extfile", path("ext"), "-out",
        path("pem"))
    with open(path("pem"), "a") as f, open(issuer + ".pem") as g:
        f.write(g.read())
    return path("key"), path("pem")


class Client(smtplib.SMTP):
    def __init__(self, source=STRANGER, tls=False, certificate=None, to=MAIN):
        super().__init__(*to, "client.test", 60, (source, 0))
        self.ehlo()
        if tls:
            context = ssl._create_unverified_context()
            if certificate:
                context.load_cert_chain(certificate[1], certificate[0])
            self.starttls(context=context)
            self.ehlo()

    def hand_in(self, bench, *recipients, sender="a@b.test", headers=""):
        """One mail; its headers as they are in the queue."""
        self.take(self.mail(sender))
        for recipient in recipients or (OWN,):
            self.take(self.rcpt(recipient))
        text = self.take(self.data(headers + "Subject: milter\r\n\r\nbody\r\n"))
        return headers_of(bench, text.split("queued as ")[1])

    def take(self, reply):
        if reply[0] // 100 != 2:
            raise smtplib.SMTPResponseException(*reply)
        return reply[1].decode()


def headers_of(bench, queue_id):
    state["queue_id"] = queue_id
    return bench.postfix.headers(queue_id)


def check(mail, inbound, next_hop=()):
    """inbound: the one value or None; next_hop: values or patterns."""
    got = mail.get_all(INBOUND, [])
    assert got == ([] if inbound is None else [inbound]), got
    got = mail.get_all(NEXT_HOP, [])
    assert len(got) == len(next_hop), got
    for value, wanted in zip(got, next_hop):
        assert wanted.search(value) if hasattr(wanted, "search") else wanted == value, got


# How mail came in.

@test
def as_in_the_manual(bench):
    """Both headers, as hopseal-milter(8) shows them."""
    use(bench, "enf-expired.test out action=tag\n")
    with Client(tls=True) as client:
        got = [f"{INBOUND}: {client.hand_in(bench)[INBOUND]}"]
    bench.hopseal.explain("enf-expired.test")
    with Client(LOOPBACK) as client:
        mail = client.hand_in(bench, "user@enf-expired.test")
        got.append(f"{NEXT_HOP}: {mail[NEXT_HOP]}")
    shown = [" ".join(e.text.split()) for e in examples.all_examples()
             if e.page == "docs/hopseal-milter.8" and e.text.startswith("X-Hopseal-")]
    line = examples.difference(shown, [" ".join(header.split()) for header in got])
    assert len(shown) == 2 and not line, (line, got)


@test
def plaintext(bench):
    with Client() as client:
        check(client.hand_in(bench), "tls=none")


@test
def starttls(bench):
    with Client(tls=True) as client:
        check(client.hand_in(bench), "tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 "
              "client-cert=unverified-or-none")


@test
def client_certificate_verified(bench):
    with Client(tls=True, certificate=state["client"]) as client:
        value = client.hand_in(bench)[INBOUND]
    assert value.startswith("tls=TLSv1.3 ") and value.endswith(" client-cert=verified"), value


@test
def client_certificate_of_a_server(bench):
    leaf = bench.pki.leaf("self-signed", "stranger.test")
    with Client(tls=True, certificate=(leaf.key_path, leaf.chain_path)) as client:
        value = client.hand_in(bench)[INBOUND]
    assert value.endswith(" client-cert=unverified-or-none"), value


@test
def forged_headers(bench):
    with Client() as client:
        mail = client.hand_in(bench, headers=FORGED)
    check(mail, "tls=none")
    assert mail["From"] == "a@b.test" and mail["Subject"] == "milter", mail.items()


@test
def two_mails_over_one_connection(bench):
    with Client(tls=True) as client:
        first = client.hand_in(bench, headers=FORGED)
        client.take(client.mail("a@b.test"))
        client.rset()
        second = client.hand_in(bench, sender="")
    check(first, second[INBOUND])
    check(second, "tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256 "
          "client-cert=unverified-or-none")


@test
def loopback(bench):
    with Client(LOOPBACK) as client:
        mail = client.hand_in(bench, headers=INBOUND + ": tls=mine\r\n")
    check(mail, "tls=mine")


@test
def authenticated(bench):
    with Client(tls=True) as client:
        client.login("joe", "secret")
        mail = client.hand_in(bench, headers=NEXT_HOP + ": mine\r\n")
    check(mail, None, ["mine"])


@test
def reinjected(bench):
    with Client(to=REINJECTED) as client:
        mail = client.hand_in(bench, headers=INBOUND + ": tls=before\r\n")
    check(mail, "tls=before")


@test
def behind_a_proxy(bench):
    use(bench, inbound_tls="unknown")
    with Client() as client:
        mail = client.hand_in(bench, headers=FORGED)
    check(mail, None)
    use(bench)


# Recipients.

@test
def tag(bench):
    use(bench, TAG_RULE)
    with Client(LOOPBACK) as client:
        mail = client.hand_in(bench, NOT_MX, "other@enf-notmx.test", GOOD)
        check(mail, None, [TAG])
        tag_id = TAG.search(mail[NEXT_HOP])[1]
        assert f"id={tag_id}, reason=no usable mail host for enf-notmx.test" in log(bench)
        assert f"tagged: queue_id={state['queue_id']}, id={tag_id}" in log(bench)
        check(client.hand_in(bench, GOOD), None)


@test
def blind_copies_stay_blind(bench):
    """Nothing in the mail or in a refusal speaks of another recipient or its host."""
    use(bench, TAG_RULE + "enf-expired.test out action=defer\n", recipient_judge="milter")
    bench.hopseal.explain("enf-expired.test")
    with Client(LOOPBACK) as client:
        client.take(client.mail("a@b.test"))
        for recipient in (GOOD, NOT_MX):
            client.take(client.rcpt(recipient))
        code, text = client.rcpt("user@enf-expired.test")
        assert code == 450 and b"enf-notmx" not in text and b"enf-good" not in text, text
        text = client.take(client.data(f"To: {GOOD}\r\nSubject: x\r\n\r\nx\r\n"))
    mail = headers_of(bench, text.split("queued as ")[1])
    check(mail, None, [TAG])
    assert "notmx" not in mail.as_string().replace("finding=mx-not-in-policy", ""), mail
    assert "enf-expired" not in mail.as_string(), mail


@test
def what_a_probe_saw_is_tagged(bench):
    """The milter reads what policyd's probe saw: an expired certificate under enforce."""
    use(bench, "enf-expired.test out action=tag\n")
    seen = bench.hopseal.explain("enf-expired.test")
    assert seen["verdict"] == "undeliverable" and seen["action"] == "tag", seen
    with Client(LOOPBACK) as client:
        mail = client.hand_in(bench, "user@enf-expired.test")
    header = mail[NEXT_HOP]
    assert header.startswith("policy=sts verdict=undeliverable finding=cert-expired id="), header
    assert "enf-expired" not in header, header


@test
def what_a_probe_saw_is_deferred(bench):
    use(bench, "enf-expired.test out action=defer\n", recipient_judge="milter")
    assert bench.hopseal.explain("enf-expired.test")["verdict"] == "undeliverable"
    with Client(LOOPBACK) as client:
        client.take(client.mail("a@b.test"))
        code, text = client.rcpt("user@enf-expired.test")
    assert code == 450 and b"mx.enf-expired.test: certificate expired 20" in text, (code, text)


@test
def strangers_are_not_tagged(bench):
    use(bench, TAG_RULE)
    with Client(to=REINJECTED, source=LOOPBACK) as client:
        check(client.hand_in(bench, NOT_MX), None)


@test
def defer(bench):
    use(bench, DEFER_RULE, recipient_judge="milter")
    with Client(LOOPBACK) as client:
        client.take(client.mail("a@b.test"))
        code, text = client.rcpt(NOT_MX)
        assert code == 450 and text.startswith(
            b"4.7.5 no usable mail host for enf-notmx.test: mx.enf-notmx.test: "), text
        client.take(client.rcpt(GOOD))
    with Client(tls=True) as client:
        client.login("joe", "secret")
        client.take(client.mail("a@b.test"))
        assert client.rcpt(NOT_MX)[0] == 450


@test
def defer_is_the_access_services(bench):
    use(bench, DEFER_RULE)
    with Client(LOOPBACK) as client:
        client.take(client.mail("a@b.test"))
        code, text = client.rcpt(NOT_MX)
    assert code == 450 and b"Recipient address rejected: no usable" in text, text


@test
def hold(bench):
    use(bench, "enf-notmx.test out action=hold\n", recipient_judge="milter")
    with Client(LOOPBACK) as client:
        client.hand_in(bench, NOT_MX)
    assert f"held: queue_id={state['queue_id']}" in log(bench)
    assert any(state["queue_id"] in line and '"hold"' in line
               for line in bench.postfix.queued()), bench.postfix.queued()
    run("postsuper", "-c", bench.postfix.config_folder, "-d", "ALL")


@test
def sendmail(bench):
    """No smtpd, so nobody hears a 4xx: tags, no deferral."""
    use(bench, DEFER_RULE, recipient_judge="milter")
    deferred = log(bench).count("action=defer")
    check(through_sendmail(bench, NOT_MX), None)
    assert log(bench).count("action=defer") == deferred
    use(bench, TAG_RULE, recipient_judge="milter")
    check(through_sendmail(bench, NOT_MX), None, [TAG])


def through_sendmail(bench, recipient):
    before = set(queue_ids(bench, recipient))
    done = subprocess.run(["sendmail", "-C", bench.postfix.config_folder, "-f", OWN, recipient],
                          input="Subject: milter\n\nbody\n", text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    new = wait_until(lambda: set(queue_ids(bench, recipient)) - before, 20,
                     "the mail in the queue")
    return headers_of(bench, new.pop())


def queue_ids(bench, recipient):
    """Of deferred mails: their headers are complete."""
    mails = map(json.loads, bench.postfix.queued())
    return [m["queue_id"] for m in mails if m["queue_name"] == "deferred"
            and any(r["address"] == recipient for r in m["recipients"])]


@test
def bad_rules_are_refused(bench):
    use(bench, TAG_RULE)
    bench.hopseal.write_rules("enf-notmx.test out action=tga\n")
    wait_until(lambda: "the old configuration and rules stay in force" in log(bench), 10,
               "the milter to refuse the rules")
    with Client(LOOPBACK) as client:
        check(client.hand_in(bench, NOT_MX), None, [TAG])
    assert log(bench).count("the old configuration and rules stay") == 1


# Without the others.

@test
def redis_killed(bench):
    use(bench, TAG_RULE)
    with Client(LOOPBACK) as client:
        check(client.hand_in(bench, NOT_MX), None, [TAG])
        bench.redis.stop()
        check(client.hand_in(bench, NOT_MX), None, [TAG])
        check(client.hand_in(bench, GOOD), None)
        bench.redis.start()
        check(client.hand_in(bench, NOT_MX), None, [TAG])


@test
def policyd_killed(bench):
    use(bench, TAG_RULE + "* out action=tag\n")
    with Client(LOOPBACK) as client:
        check(client.hand_in(bench, NOT_MX), None, [TAG])
        bench.hopseal.stop()
        # What is in Redis still counts; the rest is unknown.
        check(client.hand_in(bench, NOT_MX), None, [TAG])
        check(client.hand_in(bench, "user@never-seen.test"), None)
        bench.redis.stop()
        check(client.hand_in(bench, NOT_MX), None)
    with Client() as client:
        check(client.hand_in(bench, headers=FORGED), "tls=none")
    bench.redis.start()
