#!/usr/bin/python3
"""The demo: mails to good and bad domains and what came of each, then what rules make of it.

    demo.py [--build DIR]

All of it happens on the bench (bench.py), in namespaces of its own.  A row is a domain
of the end-to-end tests under a shorter name, and is judged as there.  The client is no
neighbour and speaks TLS to Postfix, so that the milter, where it is built, has something to
say; no rule concerns it.  The rules concern a user who logs in, and a partner's server.
Exit 0 when everything came out as expected, 2 where no bench can be made.
"""

import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)    # Ctrl-C is silent while Python loads, too

import argparse
import concurrent.futures
import datetime
import email
import itertools
import os
import re
import smtplib
import ssl
import subprocess
import sys
import textwrap
from dataclasses import dataclass, replace

import bench
import netns
from domain import NOTFOUND, SENT, Domain, Expect
from domains import BY_NAME, UNKNOWN, UNTRUSTED, VERIFIED
from expect import NEXT_HOP, check
from hopseal import ACCESS
from milter import MILTER, Milter
from netns import STRANGER
from postfix import MAIN, User, send
from process import run, wait_until

WIDTH = 100
INBOUND = "X-Hopseal-Inbound"
EXPLAINED = "notmx.test"

# The last one only with a milter: numbers of the headers that are listed below.
COLUMNS = (("domain", 13), ("what is wrong", 19), ("the map's answer", 24),
           ("what became of the mail", 33), ("hdr", 3))


@dataclass(frozen=True)
class Row:
    domain: Domain
    wrong: str
    inbound_tls: bool = True        # the client hands the mail in over TLS


def like(model, name, **changed):
    """The domain of the tests with that name, under a shorter one."""
    domain = BY_NAME[model]
    short = lambda text: text.replace(model, name)
    if domain.policy:
        policy = replace(domain.policy, mx=tuple(map(short, domain.policy.mx)))
        domain = replace(domain, policy=policy)
    return replace(domain, name=name, other_keys=(), **{
        "expect": replace(domain.expect, relay=short(domain.expect.relay)), **changed})


ROWS = (
    Row(like("plain.test", "plain.test"), "no policy, no TLS", inbound_tls=False),
    Row(like("enf-good.test", "good.test"), "nothing (MTA-STS)"),
    Row(like("enf-expired.test", "expired.test"), "expired certificate"),
    Row(like("enf-othername.test", "misnamed.test"), "wrong name"),
    Row(like("enf-selfsigned.test", "selfmade.test"), "self-signed"),
    Row(like("enf-notmx.test", EXPLAINED), "MX not in policy"),
    # Once seen, it counts only when it is seen again.
    Row(like("enf-nostarttls.test", "notls.test", counts_twice=False,
             expect=replace(BY_NAME["enf-nostarttls.test"].expect, explain=UNKNOWN)),
        "no STARTTLS"),
    Row(like("enf-mixed.test", "mixed.test"), "first MX expired"),
    Row(like("sts-testing.test", "testing.test"), "expired, testing"),
    Row(like("pol-refused.test", "sts-down.test"), "policy host is down"),
    Row(like("dane-good.test", "dane.test"), "self-signed, DANE"),
    Row(like("dane-bad.test", "dane-bad.test"), "TLSA of other key"),
    Row(like("dane-bogus.test", "bogus.test"), "bogus DNSSEC"),
    Row(like("enf-selfsigned.test", "ruled.test",
             expect=Expect(log=UNTRUSTED, query="OK may", explain={"verdict": "unknown"})),
        "self-signed, a rule"),
)


@dataclass(frozen=True)
class Intake:
    """A rule, and what it says to whom it concerns."""
    pattern: str
    words: str
    said: str                       # a pattern of the whole
    why: str = ""
    needs_milter: bool = False


NO_HOST = r"no usable mail host for {0}: mx\.{0}: {1} \((issuer .+, )?MTA-STS enforce, .+\)"
INTAKE = (
    Intake("expired.test", "out action=defer", r"450 4\.7\.5 <user@.+>: .+ rejected: " +
           NO_HOST.format("expired.test", r"certificate expired 20[\d-]+")),
    Intake("selfmade.test", "out action=hold", "on hold: Recipient address held, " +
           NO_HOST.format("selfmade.test", "certificate self-signed")),
    Intake(EXPLAINED, "out action=tag", f"{NEXT_HOP}: policy=sts verdict=undeliverable "
           "finding=mx-not-in-policy id=[0-9a-f]+", needs_milter=True),
    Intake("testing.test", "out action=defer", r"250 2\.1\.5 Ok",
           " (while a policy is tested no mail is stopped)"),
    Intake("partner.test", "in require=encrypt action=defer", r"450 4\.7\.0 <user@.+>: .+ "
           "rejected: TLS is required for mail from partner.test: this session is not "
           "encrypted"),
)


def rules(intakes):
    """The operator's table, a line each."""
    until = datetime.date.today() + datetime.timedelta(days=30)
    return [f'ruled.test out level=may until={until} reason="their CA, ticket 4711"',
            *(f"{i.pattern} {i.words}" for i in intakes)]


class Paint:
    """Colours, on a terminal that wants them (https://no-color.org)."""

    CODES = {"bold": 1, "red": 31, "green": 32, "yellow": 33}

    def __init__(self):
        self._is_on = (sys.stdout.isatty() and not os.environ.get("NO_COLOR")
                       and os.environ.get("TERM") != "dumb")

    def __call__(self, colour, text):
        return f"\033[{self.CODES[colour]}m{text}\033[m" if self._is_on and colour else text


class Demo:
    def __init__(self, folder, build):
        self.paint = Paint()
        self.has_milter = os.access(os.path.join(build, "hopseal-milter"), os.X_OK)
        self.bench = bench.Bench(folder, build, [row.domain for row in ROWS])
        self.intakes = [i for i in INTAKE if self.has_milter or not i.needs_milter]
        self.columns = COLUMNS if self.has_milter else COLUMNS[:-1]
        self.notes = []             # each header once, in the order in which they came

    def start(self):
        """Postfix lets the client relay; then Hopseal, which asks Postfix for its settings."""
        b = self.bench
        leaf = b.pki.leaf("good", "sender.test")
        permit = f"check_client_access inline:{{{STRANGER}=OK}}, reject"
        settings = {
            "smtpd_tls_security_level": "may",
            "smtpd_tls_chain_files": f"{leaf.key_path}, {leaf.chain_path}",
            "smtpd_relay_restrictions": permit,
            "smtpd_recipient_restrictions":
                "check_policy_service { inet:%s:%d, timeout=10s, default_action=DUNNO }, "
                % ACCESS + permit,
        }
        if self.has_milter:
            settings["smtpd_milters"] = ("{ inet:%s:%d, default_action=accept, "
                                         "connect_timeout=2s, command_timeout=5s }" % MILTER)
        b.postfix.configure(**settings)
        b.hopseal.write_rules("\n".join(rules(self.intakes)) + "\n")
        b.hopseal.start()
        if self.has_milter:
            Milter(b).start()

    def run(self):
        """How many rows did not end as expected."""
        self.start()
        at_once = concurrent.futures.ThreadPoolExecutor(8).map
        answers = list(at_once(self.bench.hopseal.ask, (r.domain.name for r in ROWS)))
        queue_ids = list(at_once(self.hand_in, ROWS))
        print("\n" + self.paint("bold", self.line([name for name, _ in self.columns])))
        surprises = [row for row, *got in zip(ROWS, answers, queue_ids)
                     if not self.show(row, *got)]
        self.show_notes()
        surprises += [i for i in self.intakes if not self.show_intake(i)]
        return len(surprises)

    def hand_in(self, row):
        """Give a mail to Postfix, as a client from elsewhere; its queue id."""
        smtp = smtplib.SMTP(*MAIN, "client.test", 60, (STRANGER, 0))
        if row.inbound_tls:
            context = ssl.create_default_context(cafile=self.bench.pki.root_path)
            context.check_hostname = False
            smtp.starttls(context=context)
        return send(f"user@{row.domain.name}", "user@client.test", smtp)

    def headers(self, delivery):
        """What the milter added to a mail that is in the queue or arrived."""
        if delivery.status == SENT:
            text = self.bench.mx_hosts.mails(delivery.recipient)[-1]["head"]
            mail = email.message_from_string(text)
        else:
            mail = self.bench.postfix.headers(delivery.queue_id)
        return tuple(f"{name}: {' '.join(value.split())}" for name, value in mail.items()
                     if name.startswith("X-Hopseal-"))

    # The table.

    def line(self, cells, colours=()):
        """One row of the table, in as many lines as its longest cell needs."""
        wrapped = [textwrap.wrap(cell, width, break_on_hyphens=False, max_lines=2,
                                 placeholder="…") or [""]
                   for cell, (_, width) in zip(cells, self.columns)]
        lines = []
        for parts in itertools.zip_longest(*wrapped, fillvalue=""):
            padded = [p.ljust(width) for p, (_, width) in zip(parts, self.columns)]
            painted = [self.paint(colour, p) for p, colour
                       in itertools.zip_longest(padded, colours, fillvalue="")]
            lines.append("  ".join(painted).rstrip())
        return "\n".join(lines)

    def show(self, row, answer, queue_id):
        """Print a row; whether it ended as expected."""
        delivery = self.bench.postfix.fate(queue_id)
        headers = self.headers(delivery)
        fate, colour = self.fate(row.domain, delivery)
        self.notes += [h for h in headers if h not in self.notes]
        marks = ",".join(str(n) for n, h in enumerate(self.notes, 1) if h in headers)
        cells = (row.domain.name, row.wrong, told(row.domain, answer), fate, marks)
        print(self.line(cells, ("bold", "", "", colour)), flush=True)
        try:
            check(self.bench, row.domain, row.domain.expect, queue_id)
            names = [h.split(":")[0] for h in headers]
            wanted = [INBOUND] * self.has_milter
            assert names == wanted, f"headers {names}, not {wanted}"
        except AssertionError as e:
            print(self.paint("red", f"    not as expected: {e}"))
            for line in self.bench.evidence([row.domain.name, queue_id]):
                if line.startswith("mail.log"):
                    print(f"    {line}")
            return False
        return True

    def fate(self, domain, delivery):
        """What became of the mail, and its colour."""
        lines = self.bench.postfix.lines()
        if delivery.status != SENT:
            return f"{delivery.status}: {reason(delivery, lines)}", "yellow"
        by = delivery.relay.split(".")[0]
        by = f" by {by}" if len(domain.hosts) > 1 else ""
        if any(f"{VERIFIED} {delivery.relay}" in line for line in lines):
            return "sent over verified TLS" + by, "green"
        if any(f"TLS connection established to {delivery.relay}" in line for line in lines):
            return "sent over unverified TLS" + by, ""
        return "sent without TLS" + by, ""

    def show_notes(self):
        """What the table leaves out."""
        print("\n… is the domain's name.")
        if self.notes:
            print("The headers added:")
        for number, header in enumerate(self.notes, 1):
            print(hanging(f"{number:3}  ", header))

    # The rules.

    def show_intake(self, intake):
        """Print a rule and what it comes to; whether that was expected."""
        if intake == self.intakes[0]:
            print("\nRules, and what a user hears who logs in and writes to such a domain, "
                  "or a partner's\nserver that writes to ours:\n\n"
                  f"  {self.paint('bold', rules(())[0])}\n"
                  "      the mail in the table above went out, whatever the certificate")
        said = self.take_in(intake)
        print(f"  {self.paint('bold', f'{intake.pattern} {intake.words}')}\n"
              + hanging("      ", said + intake.why), flush=True)
        if re.fullmatch(intake.said, said):
            return True
        print(self.paint("red", f"    not as expected: {intake.said}"))
        return False

    def take_in(self, intake):
        """What becomes of a mail at intake, in one line."""
        recipient = f"user@{intake.pattern}"
        if intake.words.startswith("in"):
            with smtplib.SMTP(*MAIN, "partner.test", 60, (STRANGER, 0)) as partner:
                partner.ehlo()
                partner.mail(recipient)
                code, text = partner.rcpt("user@sender.test")
                return f"{code} {text.decode()}"
        if "hold" not in intake.words and "tag" not in intake.words:
            with User() as user:
                return "%d %s" % user.ask(recipient)
        queue_id = send(recipient, "joe@sender.test", User())
        if "hold" in intake.words:
            return "on hold: " + wait_until(lambda: self.held(recipient), 10, "the log line")
        return " ".join(h for h in self.headers(self.bench.postfix.fate(queue_id))
                        if h.startswith(NEXT_HOP))

    def held(self, recipient):
        """Postfix's words for a mail that it puts on hold."""
        for line in self.bench.postfix.lines():
            if m := re.search(f": hold: RCPT from [^<]*<{recipient}>: (.*); from=", line):
                return m[1]
        return None

    def show_explain(self):
        """The beginning of what the command says."""
        program = os.path.join(self.bench.build, "hopseal")
        done = subprocess.run([program, "-c", self.bench.hopseal.conf_path, "explain",
                               EXPLAINED], capture_output=True, text=True, timeout=60)
        print("\n" + self.paint("bold", f"$ hopseal explain {EXPLAINED}"))
        for line in done.stdout.splitlines()[:3]:
            label = re.match(r"  \S+ +|", line)[0]
            print(hanging(label, line[len(label):]))
        print("  ...")


def hanging(label, text):
    return textwrap.fill(text, WIDTH, initial_indent=label,
                         subsequent_indent=" " * len(label), break_on_hyphens=False)


def told(domain, answer):
    """The map's answer without what is the same everywhere."""
    if answer == NOTFOUND:
        return "not found"
    return (answer.removeprefix("OK ").removesuffix(" servername=hostname")
            .replace(f".{domain.name}", ".…"))


def reason(delivery, lines):
    """Why it waits, in Postfix's words: what was wrong with the certificate is in its log."""
    for line in lines:
        _, found, why = line.partition(f"verification failed for {delivery.relay}: ")
        if found:
            return re.sub(r"^num=\d+:", "", why)
    why = delivery.reason.removeprefix("Host or domain name not found. ")
    return re.split(" by host |: Host not found", why)[0]


def run_inside(folder, build):
    print("A Postfix, name servers, policy hosts and MX hosts in a network of their own.\n"
          f"Nothing of this host is touched.  {len(ROWS)} mails to good and bad domains:",
          flush=True)
    demo = Demo(folder, build)
    surprises = demo.run()
    demo.show_explain()
    if surprises:
        print(demo.paint("red", f"\n{surprises} did not end as expected."))
        return 1
    print("\nGo on: `make run` starts Hopseal here and prints the lines for this host's "
          "Postfix.")
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if options.inside:
        netns.become_init()
        return run_inside(options.inside, options.build)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if why := bench.why_not():
        print(f"no demo here: {why}", file=sys.stderr)
        return 2
    return bench.in_namespaces([os.path.abspath(__file__), *sys.argv[1:]])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
