"""The samples of conf/postfix, as a real Postfix runs them.

Each is laid over the bench's Postfix: its main.cf by name, its services in place of those
of the same name and type.  Wherever mail of a client of ours comes in it is judged, BROKEN
by the rule, and mail to GOOD goes out over verified TLS.
"""

import os
import re
import shutil
import smtplib
import subprocess

from postfix import MASTER_CF, User, send
from process import run, wait_until
from test_next_hops import BROKEN, GOOD, check, is_deferred_for

SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../conf/postfix")
NOT_THEIRS = ("config_directory", "smtp_tls_CAfile")    # the bench has its own
BROKEN_RULE = "* out action=defer\n"
VERIFIED = "Verified TLS connection established to mx." + GOOD

TESTS = {}


def test(function):
    TESTS[function.__name__] = function
    return function


def prepare(bench, names):
    bench.hopseal.write_rules(BROKEN_RULE)
    with open(os.path.join(bench.postfix.config_folder, "main.cf")) as f:
        bench.own_main_cf = f.read()


def restore(bench):
    bench.hopseal.write_rules("")
    write(bench, "main.cf", bench.own_main_cf)
    write(bench, "master.cf", MASTER_CF)
    bench.postfix.stop()
    bench.postfix.start()
    bench.restart_hopseal()


def write(bench, name, text):
    with open(os.path.join(bench.postfix.config_folder, name), "w") as f:
        f.write(text)


def read(path):
    with open(os.path.join(SAMPLES, path)) as f:
        return f.read()


def settings(bench, main_cf, master_cf=""):
    """{name: value} of samples, to which postconf has nothing to say."""
    folder = os.path.join(bench.folder, "sample")
    os.makedirs(folder, exist_ok=True)
    for name, text in (("main.cf", main_cf), ("master.cf", master_cf)):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
    for what in "-M", "-P", "-n":
        done = subprocess.run(["postconf", "-c", folder, what], capture_output=True,
                              text=True)
        assert done.returncode == 0 and not done.stderr, done.stderr
    found = dict(line.split(" = ", 1) for line in done.stdout.splitlines() if " = " in line)
    return {name: value for name, value in found.items() if name not in NOT_THEIRS}


def services(text):
    """{(name, type): its lines} of a master.cf."""
    found, key = {}, None
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if not line[0].isspace():
            key = tuple(line.split()[:2])
            found[key] = ""
        found[key] += line + "\n"
    return found


def set_up(bench, *paths, settings_beside={}, **options):
    """Postfix with these samples over the bench's own settings, and Hopseal with options."""
    theirs = {}
    write(bench, "main.cf", bench.own_main_cf)
    own = services(MASTER_CF)
    for path in paths:
        if path.endswith(("master.cf", "hopseal-report.cf")):
            settings(bench, "", read(path))
            own.update(services(read(path)))
        else:
            theirs.update(settings(bench, read(path)))
    if ("smtp", "inet") in own:
        del own["127.0.0.1:25", "inet"]
    write(bench, "master.cf", "".join(own.values()))
    fill_chroot(bench)
    bench.postfix.configure(**theirs, **settings_beside)
    done = subprocess.run(["postfix", "-c", bench.postfix.config_folder, "check"],
                          capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout + done.stderr, done
    bench.restart_hopseal(first_contact_wait="9s", **options)
    wait_until(lambda: part(bench, "postfix")["ok"], 20, "Postfix's settings")


def fill_chroot(bench):
    """What Debian copies there."""
    folder = os.path.join(os.path.dirname(bench.postfix.config_folder), "spool", "etc")
    os.makedirs(folder, exist_ok=True)
    for name in ("resolv.conf", "services", "hosts", "nsswitch.conf"):
        shutil.copy(f"/etc/{name}", folder)


def part(bench, name):
    return next(p for p in bench.hopseal.command("status")[1]["parts"] if p["name"] == name)


def is_protected(bench, service=("127.0.0.1", 25)):
    """The rule at intake, the map at delivery."""
    is_deferred_for(f"u@{BROKEN}", BROKEN, service=service)
    check(f"u@{GOOD}", 250, service=service)


def goes_out_verified(bench, port=25, client=None):
    before = len(bench.postfix.lines())
    client = client or smtplib.SMTP("127.0.0.1", port, timeout=60)
    fate = bench.postfix.fate(send(f"u@{GOOD}", smtp=client))
    assert fate.status == "sent", fate
    assert any(VERIFIED in line for line in bench.postfix.lines()[before:]), fate


@test
def plain(bench):
    set_up(bench, "main.cf")
    is_protected(bench)
    goes_out_verified(bench)


@test
def submission(bench):
    """Their own lists of restrictions ask, too; TLS there is left out, as in the bench."""
    set_up(bench, "main.cf", "master.cf")
    run("postconf", "-c", bench.postfix.config_folder, "-P",
        "submission/inet/smtpd_tls_security_level=none",
        "submissions/inet/smtpd_tls_wrappermode=no")
    bench.postfix.stop()
    bench.postfix.start()
    for port in 587, 465:
        with User(("127.0.0.1", port)) as user:
            code, text = user.ask(f"u@{BROKEN}")
            assert code == 450 and "no usable mail host" in text, text
        goes_out_verified(bench, client=User(("127.0.0.1", port)))


@test
def amavis(bench):
    """The mail waits for the filter; what that hands back is not judged again."""
    set_up(bench, "main.cf", "amavis/main.cf", "amavis/master.cf",
           **options("amavis"))
    is_protected(bench)
    assert ":10024: Connection refused" in bench.postfix.fate(send(f"u@{GOOD}")).reason
    bench.postfix.empty_queue()
    check(f"u@{BROKEN}", 250, service=("127.0.0.1", 10025))
    goes_out_verified(bench, 10025)


@test
def postscreen(bench):
    set_up(bench, "main.cf", "postscreen/main.cf", "postscreen/master.cf")
    is_protected(bench)
    assert any("postscreen[" in line and "CONNECT" in line for line in bench.postfix.lines())
    goes_out_verified(bench)


@test
def several(bench):
    """Both instances are asked, and a mail is judged where they are of one mind."""
    first = bench.postfix.config_folder
    second = first + "-out"
    shutil.rmtree(second, ignore_errors=True)
    set_up(bench, "main.cf")
    shutil.copytree(first, second)
    run("postconf", "-c", second, "-e", *(f"{name}={value}" for name, value in
                                         settings(bench, read("several/main.cf")).items()))
    assert options("several")["postfix_config_dir"].count("/etc/postfix") == 2
    bench.restart_hopseal(first_contact_wait="9s", postfix_config_dir=f"{first}, {second}")
    wait_until(lambda: part(bench, "postfix")["ok"], 20, "both Postfixes' settings")
    assert part(bench, "dane")["ok"], part(bench, "dane")
    is_protected(bench)
    goes_out_verified(bench)
    sends(bench, second)


def sends(bench, instance):
    """One that listens nowhere."""
    folders = {name: f"{instance}-{name}" for name in ("queue_directory", "data_directory")}
    for folder in folders.values():
        os.makedirs(folder, exist_ok=True)
    os.chmod(folders["data_directory"], 0o700)
    shutil.chown(folders["data_directory"], "postfix")
    run("postconf", "-c", instance, "-e", *map("=".join, folders.items()))
    before = len(bench.postfix.lines())
    run("postfix", "-c", instance, "start")
    try:
        run("sendmail", "-C", instance, "-f", "user@sender.test", f"u@{GOOD}",
            input="Subject: out\n\nout\n")
        wait_until(lambda: any("postfix-out/smtp" in line and "status=sent" in line
                               for line in bench.postfix.lines()[before:]), 30, "the mail")
    finally:
        run("postfix", "-c", instance, "stop")
    assert any("postfix-out/smtp" in line and VERIFIED in line
               for line in bench.postfix.lines()[before:])


@test
def hopseal_report(bench):
    """A report goes out over the TLS that there is, by a transport of its own."""
    [maps] = re.findall(r"^#   sender_dependent_default_transport_maps =\n#\s+(.*)$",
                        read("hopseal-report.cf"), re.M)
    set_up(bench, "main.cf", "hopseal-report.cf", settings_beside={
        "sender_dependent_default_transport_maps":
            maps.replace("tlsrpt@example.org", "tlsrpt@sender.test")})
    fate = bench.postfix.fate(send(f"u@{BROKEN}", sender="tlsrpt@sender.test"))
    assert fate.status == "sent", fate
    assert any("/hopseal-report/smtp[" in line and "Untrusted TLS" in line
               for line in bench.postfix.lines())
    is_protected(bench)


@test
def chroot(bench):
    """Sockets below the queue directory, asked by chrooted processes."""
    spool = os.path.join(os.path.dirname(bench.postfix.config_folder), "spool")
    folder = os.path.join(spool, "hopseal")
    os.makedirs(folder, exist_ok=True)
    shutil.chown(folder, "root", "postfix")
    os.chmod(folder, 0o750)
    places = {name: value.replace("/var/spool/postfix", spool)
              for name, value in options("chroot").items() if name.endswith("_listen")}
    places["map_listen"] += ", inet:127.0.0.1:8461"     # at which the bench asks
    set_up(bench, "chroot/main.cf", "chroot/master.cf", **places)
    assert re.search(r"^smtp +unix .* y .* smtp$", run(
        "postconf", "-c", bench.postfix.config_folder, "-M", "smtp/unix"), re.M)
    is_protected(bench)
    goes_out_verified(bench)


def options(sample):
    """{name: value} of its hopseal.conf."""
    return dict(re.findall(r"^([a-z_]+) = (.*)$", read(f"{sample}/hopseal.conf"), re.M))
