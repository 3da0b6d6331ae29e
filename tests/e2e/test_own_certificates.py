"""hopseal certs and the deploy hook, at three Postfix instances and Dovecot of our own.

Each state is produced, found with its finding, mended by the command that is advised,
and found mended.  own.test's mail hosts are the first and the third instance.
"""

import json
import os
import subprocess
import time

import mail_system
from domains import BY_NAME
from process import run

NAME, HOST, SECOND_HOST = "own.test", "mail.own.test", "mail2.own.test"
HOOK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf",
                    "certbot-deploy-hook")
# live/NAME: the kind of its leaf, and its names.
LEAVES = {"mail": ("good", HOST), "rsa": ("rsa", HOST), "mail2": ("good", SECOND_HOST),
          "www": ("good", "www.own.test", "shop.own.test", "imap.own.test", HOST),
          "client": ("good", SECOND_HOST)}
# What hopseal certs calls them.
RSA, ECDSA, TABLE = "postfix smtp RSA", "postfix smtp ECDSA", "postfix SNI"
SUBMISSION, SUBMISSIONS = "postfix-in submission", "postfix-in submissions"
INLINE, SECOND_MX, CLIENT = "postfix-in SNI", "postfix-out smtp", "postfix-out client"
DOVECOT, DOVECOT_RSA, DOVECOT_NAME = "dovecot mail", "dovecot rsa", "dovecot www"
SERVED = {
    ECDSA: {25}, RSA: {25}, TABLE: {25}, SUBMISSION: {587}, SUBMISSIONS: {465},
    INLINE: {587}, SECOND_MX: {25}, CLIENT: set(),
    **dict.fromkeys((DOVECOT, DOVECOT_RSA, DOVECOT_NAME), {143, 993, 110, 995})}

TESTS = {}
system = None


def test(function):
    def runs(bench):
        if missing := mail_system.why_not():
            return missing
        try:
            function(bench)
        except Exception:
            begin_again(bench)      # the next one finds all well
            raise
    TESTS[function.__name__] = runs
    return function


def prepare(bench, names):
    global system
    if mail_system.why_not():
        return
    addresses = [bench.layout.addresses[name][0] for name in (HOST, SECOND_HOST)]
    folder = os.path.join(bench.folder, "own")
    system = mail_system.MailSystem(folder, bench.log_folder, addresses)
    system.conf = os.path.join(folder, "hopseal.conf")
    os.makedirs(os.path.join(folder, "bin"))
    begin_again(bench)
    script("hopseal", f'exec {os.path.abspath(bench.build)}/hopseal -c {system.conf} "$@" '
           f'$([ "$1" != lint ] || echo --ca {bench.pki.root_path})')


def script(name, text):
    """A program that the hook finds before others."""
    path = os.path.join(system.folder, "bin", name)
    with open(path, "w") as f:
        f.write(f"#!/bin/sh\n{text}\n")
    os.chmod(path, 0o755)


def configure(bench, own_domains):
    bench.hopseal.write_options(system.conf, postfix_config_dir="", milter_listen="",
                                mx_ca_file=bench.pki.root_path, own_domains=own_domains,
                                log_level="warn")


def begin_again(bench):
    """Everything new, and served."""
    system.stop()
    script("doveadm", 'exec /usr/bin/doveadm "$@"')
    configure(bench, "localhost")
    for name in LEAVES:
        renew(bench, name)
    system.write_sni("www.own.test")
    system.start()


def restore(bench):
    if system:
        system.stop()


def leaf(bench, name, kind=None):
    """A new one, of another kind perhaps."""
    return bench.pki.leaf(kind or LEAVES[name][0], *LEAVES[name][1:], file=f"own-{name}")


def renew(bench, name, kind=None, **others):
    """What certbot leaves behind; the folder."""
    return system.install(name, leaf(bench, name, kind), **others)


def publish(bench, *names):
    """own.test with TLSA records of these, or of all that should have one."""
    z = bench.layout.zone(BY_NAME[NAME])
    for name in names or ("mail", "rsa", "mail2"):
        z.lines.append(f"_25._tcp.{LEAVES[name][1]}. TLSA 3 1 1 "
                       f"{bench.pki.digest(f'own-{name}', 1, 1)}")
    bench.dns.change(z)


# What is told.

def look(*options):
    """The report, and its certificates by name; Dovecot's by the folder they lie in."""
    done = subprocess.run([os.path.join(system.folder, "bin", "hopseal"), *options, "certs",
                           "--json"], capture_output=True, text=True, timeout=60)
    report = json.loads(done.stdout)
    found = {}
    for c in report["certificates"]:
        name = c["name"]
        if name == "dovecot":
            name += " " + os.path.basename(os.path.dirname(c["file"]))
        if c["sni"] == "shop.own.test":
            name += " " + c["sni"]
        found[name] = c
    return report, found


def critical(certificate):
    return {p["finding"]: p["advice"] for p in certificate["problems"]
            if p["severity"] == "critical"}


def check(wanted, *options):
    """Exactly these are critical: {name: {findings}}.  {name: advice of its first}"""
    report, found = look(*options)
    told = {name: set(critical(c)) for name, c in found.items() if critical(c)}
    assert told == wanted, json.dumps({n: found[n]["problems"] for n in told})
    well = ("good", "warnings") if options else ("good",)
    assert report["overall"] in (("broken",) if wanted else well), report
    return {name: next(iter(critical(found[name]).values())) for name in wanted}


def mend(advices):
    """Do what is advised, each thing once."""
    for advice in dict.fromkeys(advices.values()):
        run("sh", "-c", advice)


def all_is_well(deadline_s=10):
    """Soon: a reload is done a moment after it was asked for."""
    end = time.monotonic() + deadline_s
    while True:
        try:
            return check({})
        except AssertionError:
            if time.monotonic() > end:
                raise
        time.sleep(0.5)


# The states.

@test
def every_certificate_on_every_port(bench):
    report, found = look()
    assert report["overall"] == "good", report
    assert set(found) == set(SERVED), set(found) ^ set(SERVED)
    for name, ports in SERVED.items():
        served = found[name]["served"]
        assert {s["port"] for s in served} == ports, (name, served)
        assert all(s["finding"] == "ok" for s in served), (name, served)
        assert found[name]["file"].endswith("/fullchain.pem"), found[name]["file"]
    assert found[ECDSA]["served"][0]["seen"]["id"] != found[RSA]["served"][0]["seen"]["id"]


@test
def renewed_and_not_reloaded(bench):
    renew(bench, "mail")
    advices = check(dict.fromkeys((ECDSA, SUBMISSION, DOVECOT), {"served-stale"}))
    assert advices == {
        ECDSA: "postfix reload", DOVECOT: "doveadm reload",
        SUBMISSION: f"postfix -c {system.second.config_folder} reload"}, advices
    run("sh", "-c", advices[ECDSA])
    run("sh", "-c", advices[SUBMISSION])
    check({DOVECOT: {"served-stale"}})
    run("sh", "-c", advices[DOVECOT])
    all_is_well()


@test
def one_key_of_two(bench):
    """Clients with RSA alone get the old one; all others see nothing of it."""
    renew(bench, "rsa")
    advices = check(dict.fromkeys((RSA, DOVECOT_RSA), {"served-stale"}))
    mend(advices)
    all_is_well()


@test
def reloaded_but_the_table_is_old(bench):
    renew(bench, "www")
    stale = dict.fromkeys((INLINE, SUBMISSIONS, DOVECOT_NAME), {"served-stale"})
    advices = check({TABLE: {"sni-map-stale"}, **stale})
    del advices[TABLE]
    mend({"first": "postfix reload", **advices})
    advices = check({TABLE: {"sni-map-stale"}})
    assert advices[TABLE] == f"postmap -F hash:{system.sni_table} && postfix reload"
    # An index that only looks new.
    os.utime(system.sni_table + ".db")
    assert check({TABLE: {"sni-map-stale"}}) == advices
    mend(advices)
    all_is_well()


@test
def a_name_is_missing(bench):
    """In the index, and in what runs: both serve the default."""
    system.write_sni("www.own.test", "shop.own.test")
    shop = TABLE + " shop.own.test"
    advices = check({TABLE: {"sni-map-stale"}, shop: {"sni-map-stale", "sni-missing"}})
    mend(advices)
    all_is_well()
    master_cf = system.second.read("master.cf")
    entry = master_cf[master_cf.index("{ www"):master_cf.index("} }") + 1]
    system.second.write("master.cf", master_cf.replace(
        entry, entry + " " + entry.replace("www.own", "shop.own")))
    advices = check({INLINE + " shop.own.test": {"sni-missing"}})
    mend(advices)
    all_is_well()
    system.write_sni("www.own.test")
    system.second.write("master.cf", master_cf)
    mend(advices | {TABLE: f"postmap -F hash:{system.sni_table}"})
    all_is_well()


@test
def postfix_is_stopped(bench):
    system.second.stop()
    advices = check({name: {"not-served"} for name in look()[1] if
                     name.startswith("postfix-in")})
    assert all("see that the server runs" in a for a in advices.values()), advices
    # One that is not to run is not missed.
    run("postconf", "-c", system.second.config_folder, "-e", "multi_instance_enable=no")
    all_is_well()
    system.second.restore()
    system.second.start()
    all_is_well()


@test
def another_key(bench):
    """Postfix goes on until it is reloaded, and then offers no TLS."""
    other = leaf(bench, "www").key_path
    renew(bench, "mail2", key_path=other)
    renew(bench, "rsa", key_path=other)
    check(dict.fromkeys((SECOND_MX, RSA, DOVECOT_RSA), {"key-mismatch", "served-stale"}))
    renew(bench, "rsa")
    run("doveadm", "reload")
    run("postfix", "reload")        # all instances
    advices = check({SECOND_MX: {"key-mismatch", "not-served"}})
    assert "install the key" in advices[SECOND_MX], advices
    problem = look()[1][SECOND_MX]["problems"][1]
    assert "454 4.7.0 TLS not available" in problem["words"], problem
    renew(bench, "mail2")
    system.third.postfix("reload")
    all_is_well()


@test
def no_intermediate(bench):
    folder = renew(bench, "mail2", "hidden-issuer-url")
    system.third.postfix("reload")
    advices = check({SECOND_MX: {"cert-chain-incomplete"}})
    assert "fullchain.pem" in advices[SECOND_MX]
    with open(os.path.join(folder, "fullchain.pem"), "a") as f:
        f.write(open(os.path.join(bench.pki.folder, "hidden-ca.pem")).read())
    check({SECOND_MX: {"served-stale"}})
    system.third.postfix("reload")
    all_is_well()


@test
def expired(bench):
    renew(bench, "mail2", "expired")
    renew(bench, "client", "expired")
    system.third.postfix("reload")
    check({SECOND_MX: {"cert-expired"}, CLIENT: {"cert-expired"}})
    renew(bench, "mail2")
    renew(bench, "client")
    system.third.postfix("reload")
    all_is_well()


@test
def more_is_offered_than_should_be(bench):
    """Old versions are warned of, anonymous suites on port 25 not; no TLS at all is worse."""
    system.third.configure("smtpd_tls_protocols=>=TLSv1", "smtpd_tls_exclude_ciphers=")
    report, found = look()
    assert report["overall"] == "warnings", report["overall"]
    words = [p["words"] for p in found[SECOND_MX]["problems"]]
    assert words == ["port 25 offers TLSv1", "port 25 offers TLSv1.1"], words
    system.third.configure("smtpd_tls_security_level=")
    check({SECOND_MX: {"not-served"}})
    system.third.configure("smtpd_tls_protocols=>=TLSv1.2", "smtpd_tls_exclude_ciphers=aNULL",
                           "smtpd_tls_security_level=may")
    all_is_well()


# What own.test promises.

PROMISED = ("-o", f"own_domains={NAME}")


@test
def records_of_the_old_key(bench):
    """The new one is not to be served before its record is there."""
    publish(bench)
    check({}, *PROMISED)
    renew(bench, "mail")
    others = dict.fromkeys((SUBMISSION, DOVECOT), {"served-stale"})
    advices = check({ECDSA: {"tlsa-mismatch", "served-stale"}, **others}, *PROMISED)
    assert "do not reload before its TTL is over" in advices[ECDSA], advices
    publish(bench)
    # The one that is served has lost its record.
    advices = check({ECDSA: {"served-stale"}, **others}, *PROMISED)
    mend(advices)
    check({}, *PROMISED)


@test
def a_host_that_the_policy_lacks(bench):
    body = "version: STSv1\r\nmode: enforce\r\nmx: {}\r\nmax_age: 604800\r\n"
    both = bench.policy_hosts.table[f"mta-sts.{NAME}"]["body"]
    bench.policy_hosts.change(f"mta-sts.{NAME}", body=body.format(HOST))
    bench.dns.change(bench.layout.zone(BY_NAME[NAME]))
    report = look(*PROMISED)[0]
    domain, = report["domains"]
    assert [(p["finding"], p["host"]) for p in domain["problems"]
            if p["severity"] == "critical"] == [("mx-legacy", SECOND_HOST)], domain
    bench.policy_hosts.change(f"mta-sts.{NAME}", body=both)
    domain, = look(*PROMISED)[0]["domains"]
    assert not [p for p in domain["problems"] if p["severity"] == "critical"], domain


# The deploy hook, as certbot runs it.

def hook(name, seconds=10):
    """Its exit status, and what it said."""
    folder = os.path.join(system.folder, "bin")
    done = subprocess.run([HOOK], capture_output=True, text=True, timeout=60, env={
        **os.environ, "PATH": f"{folder}:{os.environ['PATH']}",
        "RENEWED_LINEAGE": os.path.join(system.live, name),
        "RENEWED_DOMAINS": " ".join(LEAVES[name][1:]), "HOPSEAL_HOOK_SECONDS": str(seconds)})
    return done.returncode, done.stderr


def served(*names):
    """What is served now, by certificate and port."""
    return {(name, s["port"], s["sni"]): s["seen"] and s["seen"]["id"]
            for name, c in look()[1].items() if name in names for s in c["served"]}


def reloads():
    """How often somebody was told to reload."""
    count = 0
    for name in ("postfix.log", "postfix-in.log", "postfix-out.log", "dovecot.log"):
        with open(os.path.join(system.log_folder, name)) as f:
            count += sum("reload -- version" in line or "SIGHUP received" in line for line in f)
    return count


def deploy(name):
    status, said = hook(name)
    assert status == 0, said
    all_is_well()


@test
def the_hook_deploys(bench):
    """Everywhere: two keys of a port, tables, overrides, Dovecot.  Twice does no harm."""
    renew(bench, "mail")
    renew(bench, "rsa")
    deploy("rsa")
    renew(bench, "www")
    deploy("www")
    deploy("www")
    assert not os.path.exists(system.sni_table + ".new")


@test
def the_hook_in_bad_order(bench):
    """Somebody has reloaded before, and two were renewed at once."""
    renew(bench, "www")
    renew(bench, "mail")
    run("postfix", "reload")
    run("doveadm", "reload")
    deploy("www")


@test
def the_hook_refuses(bench):
    """Nobody is told of what would be worse; and what was served is served still."""
    every = (TABLE, DOVECOT_NAME)
    other_key = leaf(bench, "client").key_path
    before, count = served(*every), reloads()
    for how, word in (({"key_path": other_key}, "key-mismatch"),
                      ({"kind": "hidden-issuer-url"}, "cert-chain-incomplete"),
                      ({"kind": "other-name"}, "cert-name-mismatch")):
        renew(bench, "www", **how)
        status, said = hook("www")
        assert status == 1 and word in said and "nothing was reloaded" in said, (word, said)
    assert reloads() == count and served(*every) == before
    renew(bench, "www")
    deploy("www")


@test
def the_hook_waits_for_the_records(bench):
    publish(bench)
    before = served(DOVECOT)
    renew(bench, "mail")
    configure(bench, NAME)
    status, said = hook("mail")
    assert status == 1 and f"{ECDSA}: tlsa-mismatch" in said, said
    assert served(DOVECOT) == before
    publish(bench)
    status, said = hook("mail")
    assert status == 0, said
    configure(bench, "localhost")
    all_is_well()


@test
def the_hook_and_a_stuck_port(bench):
    """All others have the new one, and what certbot shows says which has not."""
    renew(bench, "mail")
    script("doveadm", "exit 0")     # Dovecot does not hear of it
    status, said = hook("mail", seconds=2)
    assert status == 1 and "dovecot: served-stale: port 993 serves another one" in said, said
    assert "postfix" not in said, said
    script("doveadm", 'exec /usr/bin/doveadm "$@"')
    check({DOVECOT: {"served-stale"}})
    deploy("mail")


@test
def the_hook_and_old_trouble(bench):
    """What is wrong elsewhere, and was so before, keeps no new certificate back."""
    renew(bench, "client", "expired")
    system.second.stop()
    renew(bench, "www")
    status, said = hook("www")
    assert status == 0 and f"warning: {CLIENT}: cert-expired" in said, said
    found = look()[1]
    assert found[TABLE]["finding"] == found[DOVECOT_NAME]["finding"] == "ok"
    system.second.start()
    renew(bench, "client")
    all_is_well()
    # A table that cannot be made is left as it was.
    before = served(TABLE)
    with open(system.sni_table, "a") as f:
        f.write("shop.own.test /nowhere.pem\n")
    status, said = hook("www", seconds=0)
    assert status == 1 and "the old table is left" in said, said
    assert served(TABLE) == before
    system.write_sni("www.own.test")
    deploy("www")
