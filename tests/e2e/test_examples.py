"""The examples of README, docs, manuals and samples, run on the bench: settings are taken,
commands do not fail, output and log lines have the shape of the real ones.  And the names
of metrics and of JSON's members are those that there are.

What an example writes below /etc/hopseal goes to a folder of the bench, and where it names
a domain of nobody's it is one of the bench's.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import time

import examples
from hopseal import STATUS
from postfix import MASTER_CF, send
from process import run, wait_until
from test_next_hops import is_deferred_for

TESTING = "sts-testing.test"
GOOD, BROKEN, FORGOTTEN = "enf-good.test", "enf-expired.test", "enf-signed.test"
MAILBOX = f"examples@{GOOD}"        # not one whose mails other tests count
# One has pictures only; the other is what tests/package/first-hour does.
PASSED_OVER = ("docs/architecture.md", "docs/first-hour.md")
# Commands that another test runs, with the words by which it does; for make's the command
# behind the target.
ELSEWHERE = {
    "make demo": ("tests/integration/test_demo.py", 'os.path.join(E2E, "demo.py"), "--build"'),
    "make run": ("tests/integration/test_run.py", '"conf/run"), "--build", build, "--run"'),
    "make deb": ("tests/package/root.py", 'os.path.join(TOP, "conf", "debian", "build")'),
    "apt install": ("tests/package/root.py", 'self.apt("install", '),
    "make && make install": ("tests/integration/test_shell.py", '(("install", False), '),
    "systemd-sysusers": ("tests/integration/test_shell.py", 'said("systemd-sysusers", '),
}
NOT_HERE = {
    "systemctl": "there is no systemd here",
    "journalctl": "there is no systemd here",
    "curl -s 'https://": "there is no Internet here",
}
# Output that another test holds against the real one, with its words.
SHOWN_ELSEWHERE = {
    ("README.md", "domain "): (
        "tests/integration/test_demo.py",
        'e.page == "README.md" and e.text.startswith("domain ")'),
    ("docs/hopseal-milter.8", "X-Hopseal-"): (
        "tests/e2e/test_milter.py",
        'e.page == "docs/hopseal-milter.8" and e.text.startswith("X-Hopseal-")'),
    ("docs/hopseal-rules.5", "TLS is required"): (
        "tests/integration/test_in_rules.py",
        "TLS is required for mail from partner.example: this session is not encrypted"),
}
# What must be true behind a command.
AFTER = {"postfix reload": lambda bench: is_delivered(bench),
         "* out action=defer": lambda bench: is_deferred(bench),
         "ACL SETUSER hopseal": lambda bench: rights_suffice(bench)}
# What is true only while Redis is away.
REDIS_AWAY = "down: the server closed the connection", "redis: state=down"

TESTS, state = {}, {}


def test(function):
    TESTS[function.__name__] = function
    return function


def prepare(bench, names):
    """A mail to a good and a bad domain, and the files that examples name."""
    state["main.cf"] = read(bench.postfix.config_folder, "main.cf")
    state["folder"] = folder = os.path.join(bench.folder, "examples")
    for name in ("etc", "bin", "run"):
        os.makedirs(os.path.join(folder, name))
    os.symlink(os.path.abspath(bench.build), os.path.join(folder, "build"))
    os.symlink(bench.hopseal.conf_path, os.path.join(folder, "run", "hopseal.conf"))
    os.symlink(bench.hopseal.rules_path, os.path.join(folder, "etc", "rules"))
    leaf = bench.pki.leaf("good", "mx.example.com")
    shutil.copy(leaf.chain_path, os.path.join(folder, "fullchain.pem"))
    for name, text in (
            ("etc/password", "secret\n"), ("etc/redis.password", "secret\n"),
            ("mta-sts.txt", "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 604800\n"),
            ("bin/page-me", "#!/bin/sh\ncat >/dev/null\n"),
            ("FILE", "Subject: no report\n\nbody\n"), ("list.json", "[]\n"),
            # 0 to 2 is what hopseal says of others; 3 that it knows nothing, such as of
            # yesterday.
            ("bin/hopseal", '#!/bin/sh\n"$BUILD/hopseal" -c "$CONF" "$@"\nstatus=$?\n'
                            '[ $status -lt 3 ] || [ "$1 $status" = "report 3" ] || '
                            'exit $status\n'),
            ("bin/redis-cli", f'#!/bin/sh\nexec {shutil.which("redis-cli")} -e '
                              f'-s {bench.redis.path} "$@"\n')):
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
        if name.startswith("bin/"):
            os.chmod(os.path.join(folder, name), 0o755)
    bench.restart_hopseal(status_password_file=os.path.join(folder, "etc", "password"))
    for recipient in MAILBOX, f"user@{BROKEN}":
        bench.postfix.fate(send(recipient))
    wait_until(lambda: bench.hopseal.command("report")[1]["totals"]["failure"], 20,
               "the ledger to have counted")


def restore(bench):
    for name, text in ("main.cf", state["main.cf"]), ("master.cf", MASTER_CF):
        with open(os.path.join(bench.postfix.config_folder, name), "w") as f:
            f.write(text)
    bench.hopseal.write_rules("")
    bench.postfix.stop()
    bench.postfix.start()
    bench.restart_hopseal()


def read(folder, name):
    with open(os.path.join(folder, name)) as f:
        return f.read()


def find_words(where, words):
    assert words in read(examples.TOP, where), f"{where} lacks {words}"


def here(bench, text):
    """The same in the bench's places."""
    for there, place in (
            ("/etc/hopseal/", state["folder"] + "/etc/"),
            ("/run/hopseal/redis.sock", bench.redis.path),
            ("/etc/ssl/certs/ca-certificates.crt", bench.pki.root_path),
            ("/var/log/mail.log", bench.postfix.log_path),
            ("/var/spool/postfix/", bench.folder + "/pf/spool/"),
            ("forget --policy example.com", f"forget --policy {FORGOTTEN}"),
            ("mail.example.com:imaps", "mx.enf-good.test:smtp"),
            ("your.domain", GOOD)):
        text = text.replace(there, place)
    text = re.sub(r"\buntil=\d+", "until=2099", text)
    return re.sub(r"\bexample\.(?:com|org)\b", GOOD, text)


def shell(bench, command):
    folder = state["folder"]
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here(bench, command)], cwd=folder,
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        env={"PATH": f"{folder}/bin:{os.environ['PATH']}", "BUILD": bench.build,
             "CONF": bench.hopseal.conf_path, "MAIL_CONFIG": bench.postfix.config_folder})


def is_delivered(bench):
    fate = bench.postfix.fate(send(MAILBOX))
    assert fate.status == "sent", fate


def is_deferred(bench):
    """A changed rule is noticed within a second."""
    time.sleep(1)
    is_deferred_for(f"u@{BROKEN}", BROKEN)


def rights_suffice(bench):
    """All that Hopseal asks of Redis it may, as that user."""
    password = os.path.join(state["folder"], "etc", "acl.password")
    with open(password, "w") as f:
        f.write("PASSWORD\n")
    before = len(bench.hopseal.log_lines())
    bench.restart_hopseal(redis_user="hopseal", redis_password_file=password, report="on",
                          report_organization="Bench", report_contact="a@sender.test",
                          report_sender="a@sender.test")
    try:
        is_delivered(bench)
        for words in ("explain", GOOD), ("refresh", GOOD), ("forget", GOOD), ("report",), (
                "report", "--received"):
            assert bench.hopseal.command(*words)[0] in (0, 1, 3), words
        assert redis_is_up(bench)
        denied = bench.redis.command("ACL", "LOG")
        assert not denied, denied
        assert not any("NOPERM" in line for line in bench.hopseal.log_lines()[before:])
    finally:
        bench.restart_hopseal(status_password_file=os.path.join(state["folder"], "etc",
                                                                "password"))


def redis_is_up(bench):
    parts = bench.hopseal.command("status")[1]["parts"]
    return next(part["ok"] for part in parts if part["name"] == "redis")


def run_commands(bench, text):
    """All that can be run here, as one script; why the rest was not."""
    script, reasons = "", set()
    for line in text.splitlines():
        words = next((w for w in (*ELSEWHERE, *NOT_HERE) if line.startswith(w)), None)
        if words in ELSEWHERE:
            find_words(*ELSEWHERE[words])
        elif words in NOT_HERE:
            reasons.add(NOT_HERE[words])
        else:
            script += line + "\n"
    done = shell(bench, script)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stdout}{done.stderr}"
    for words, check in AFTER.items():
        if words in script:
            check(bench)
    return "" if script.strip() else ", ".join(sorted(reasons))


def run_dialogue(bench, text):
    for command, shown in examples.dialogue(text):
        done = shell(bench, command.replace("build/hopseal -c run/hopseal.conf", "hopseal")
                     .replace("build/hopseal", "hopseal"))
        assert done.returncode == 0, f"exit {done.returncode}: {done.stdout}{done.stderr}"
        line = examples.difference(here(bench, "\n".join(shown)).splitlines(),
                                   done.stdout.splitlines())
        assert not line, f"{command}: not in its place: {line} -- {done.stdout}"


def take_rules(bench, text):
    take_options(bench, "", text)


def take_options(bench, text, rules=""):
    """policyd has nothing to say to this configuration."""
    conf, rules_path = (os.path.join(state["folder"], n) for n in ("test.conf", "test.rules"))
    for path, content in (conf, text), (rules_path, rules):
        with open(path, "w") as f:
            f.write(here(bench, content) + "\n")
    done = subprocess.run([os.path.join(bench.build, "hopseal-policyd"), "-n", "-c", conf,
                           "-o", f"rules_file={rules_path}"], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr


def take_main_cf(bench, text):
    """postconf knows these settings, and postmap the map."""
    folder = os.path.join(state["folder"], "main")
    os.makedirs(folder, exist_ok=True)
    for name, content in (("main.cf", text + "\n"), ("master.cf", "")):
        with open(os.path.join(folder, name), "w") as f:
            f.write(content)
    done = subprocess.run(["postconf", "-c", folder, "-n"], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    for name in map(examples.ASSIGNMENT.match, examples.logical_lines(text)):
        assert f"{name[1]} = " in done.stdout, done.stdout


def find_in_logs(bench, text):
    for line in text.splitlines():
        wait_until(lambda: is_logged(bench, line), 10, f"the line {line}")


def is_logged(bench, line):
    start = re.match(r"\w+", line)[0]
    return any(not examples.difference([line], [log[log.find(start):]])
               for log in bench.postfix.lines() + bench.hopseal.log_lines() if start in log)


def alert_is_told(bench, text):
    """alert_command hears of an expired certificate."""
    told, program = (os.path.join(state["folder"], name) for name in ("told", "bin/tell"))
    with open(program, "w") as f:
        f.write(f"#!/bin/sh\ncat >>{told}\n")
    os.chmod(program, 0o755)
    os.chmod(state["folder"], 0o777)
    leaf = bench.pki.leaf("expired", "web.test")
    bench.restart_hopseal(alert_command=program, alert_after="0s", alert_quiet="0s",
                          certificate=f"web {leaf.chain_path} {leaf.key_path}",
                          cert_interval="1h", mx_ca_file=bench.pki.root_path)
    wait_until(lambda: os.path.exists(told) and "certificate web" in read("", told), 40,
               "the alert")
    real = [line for line in read("", told).splitlines() if "certificate web" in line]
    assert not examples.difference(text.splitlines(), real), real


def find_members(_bench, text):
    """Each is spelled in the sources of those who write such JSON."""
    source = "".join(read(examples.TOP, path) for path in glob.glob(
        "policyd/clerk/**/*.c", root_dir=examples.TOP, recursive=True))
    missing = [name for name in names_in(json.loads(text)) if f'"{name}"' not in source]
    assert not missing, missing


def run_example(bench, example):
    for (page, words), (where, proof) in SHOWN_ELSEWHERE.items():
        if example.page == page and example.text.startswith(words):
            find_words(where, proof)
            return ""
    if example.text.startswith("critical certificate "):
        return alert_is_told(bench, example.text)
    options = {line.split(" ")[0] for line in
               run(os.path.join(bench.build, "hopseal-policyd"), "-d").splitlines()}
    kind = examples.kind(example.text, options)
    return {"hopseal.conf": take_options, "rules": take_rules, "main.cf": take_main_cf,
            "log": find_in_logs, "dialogue": run_dialogue,
            "json": find_members, "commands": run_commands}[kind](bench, example.text)


def test_of(example):
    def run_it(bench):
        if not any(words in example.text for words in REDIS_AWAY):
            return run_example(bench, example)
        wait_until(lambda: redis_is_up(bench) and not bench.hopseal.command(
            "report")[1]["note"], 20, "front and clerk to have it")
        bench.redis.stop()
        try:
            wait_until(lambda: not redis_is_up(bench), 20, "Redis to be missed")
            return run_example(bench, example)
        finally:
            bench.redis.start()
            wait_until(lambda: redis_is_up(bench), 20, "Redis to be back")
    return run_it


for one in examples.all_examples():
    if one.page not in PASSED_OVER:
        TESTS[f"{one.page}:{one.line}"] = test_of(one)


@test
def metrics_are_named(bench):
    """docs/api.md has each metric that there is now, and no other than the source has."""
    table = read(examples.TOP, "docs/api.md").partition("| metric ")[2]
    named = {name for row in re.findall(r"^\| (`.*?) \|", table, re.M)
             for name in re.findall(r"`(\w+)`", row)}
    page = run("curl", "-sf", "http://%s:%d/metrics" % STATUS)
    there = set(re.findall(r"^# TYPE hopseal_(\w+)", page, re.M))
    assert not there - named, there - named
    source = read(examples.TOP, "policyd/clerk/http/metrics.c")
    assert all(name in there or f'"{name}' in source or f"hopseal_{name}" in source
               for name in named), named - there



@test
def sample_rules(bench):
    """Those of conf/rules, without the sign that puts them out of force."""
    take_rules(bench, re.sub(r"^#(?=\S+\s+(?:in|out)\s)", "", read(examples.TOP, "conf/rules"),
                             flags=re.M))


@test
def sample_options(bench):
    """Those of conf/hopseal.conf, likewise."""
    take_options(bench, re.sub(r"^#(?=\w+ =)", "", read(examples.TOP, "conf/hopseal.conf"),
                               flags=re.M))



# What shows the members that hopseal(1) promises, where the bench has it to show.
MEMBERS = {"explain": ("explain", BROKEN), "check": ("check", BROKEN), "status": ("status",),
           "rules": ("rules", BROKEN), "refresh": ("refresh", GOOD), "report": ("report",),
           "setup": ("setup",)}
# What Postfix logs of a client that does not trust us.
REFUSAL = """{at} sender postfix/smtpd[7]: connect from c.test[192.0.2.8]
{at} sender postfix/smtpd[7]: SSL_accept error from c.test[192.0.2.8]: -1
{at} sender postfix/smtpd[7]: warning: TLS library problem: error:0A000418:SSL routines::\
tlsv1 alert unknown ca:../ssl/record/rec_layer_s3.c:1586:SSL alert number 48:
{at} sender postfix/smtpd[7]: disconnect from c.test[192.0.2.8] ehlo=1 starttls=0/1 commands=1/2
"""


@test
def members_are_there(bench):
    """Each name that the manual's part about JSON sets as code."""
    bench.hopseal.write_rules(f"{BROKEN} out action=log\n")
    wait_until(lambda: bench.hopseal.command("rules", BROKEN)[1].get("rule"), 5, "the rule")
    bench.hopseal.explain(TESTING)      # what is known beforehand counts for the mail
    bench.postfix.fate(send(f"examples@{TESTING}"))
    with open(bench.postfix.log_path, "a") as log:
        log.write(REFUSAL.format(at=time.strftime("%b %e %H:%M:%S")))
    wait_until(lambda: all(bench.hopseal.command("report")[1][name]
                           for name in ("if_enforced", "our_certificate")), 20, "the counts")
    text = read(examples.TOP, "docs/hopseal.1").partition(".Sh JSON")[2]
    entries = dict(re.findall(r"^\.It Cm (\w+)(?: , .*)?\n((?:(?!\.It |\.El).*\n)*)", text, re.M))
    for command, words in MEMBERS.items():
        named = set(re.findall(r"(?<!\S)\w+(?= [,;.)]|$)", "\n".join(re.findall(
            r"^\.Li (.*)", entries[command], re.M)), re.M))
        missing = named - set(names_in(bench.hopseal.command(*words)[1])) - {"probe"}
        assert len(named) > 1 and not missing, (command, missing)


def names_in(value):
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else (
            value if isinstance(value, list) else ()):
        yield from names_in(inner)


@test
def shapes(_bench):
    """What does not stand there is missed."""
    assert not examples.difference(["a 1 x", "...", "c"], ["a 22 x", "b", "c"])
    assert examples.difference(["a", "c"], ["a", "b", "c"]) == "c"
    assert examples.difference(["a y"], ["a x"]) == "a y"
