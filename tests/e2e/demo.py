#!/usr/bin/python3
"""The demo: mails to good and bad domains, and what came of each, as one table.

    demo.py [--build DIR]

All of it happens on the bench (bench.py), in namespaces of its own.  A row is a domain
of the end-to-end tests under a shorter name, and is judged as there.  The client is no
neighbour and speaks TLS to Postfix, so that the milter, where it is built, has something to say.
Exit 0 when every row ended as expected, 2 where no bench can be made.
"""

import signal
signal.signal(signal.SIGINT, signal.SIG_DFL)    # Ctrl-C is silent while Python loads, too

import argparse
import concurrent.futures
import datetime
import itertools
import os
import re
import smtplib
import socket
import ssl
import subprocess
import sys
import textwrap
from dataclasses import dataclass, replace

import bench
import expect
import netns
from domain import NOTFOUND, SENT, Domain, Expect
from domains import BY_NAME, UNTRUSTED, VERIFIED
from hopseal import ACCESS
from process import Process, run

WIDTH = 100
CLIENT = "10.99.0.2"
MILTER = ("127.0.0.1", 8464)
INBOUND, NEXT_HOP = "X-Hopseal-Inbound", "X-Hopseal-Next-Hop"
EXPLAINED = "notmx.test"

# The last one only with a milter: numbers of the headers that are listed below.
COLUMNS = (("domain", 13), ("what is wrong", 19), ("the map's answer", 24),
           ("what became of the mail", 33), ("hdr", 3))


@dataclass(frozen=True)
class Row:
    domain: Domain
    wrong: str
    inbound_tls: bool = True        # the client hands the mail in over TLS
    headers: tuple = (INBOUND,)     # what the milter adds


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
    Row(like("enf-notmx.test", EXPLAINED), "MX not in policy", headers=(INBOUND, NEXT_HOP)),
    Row(like("enf-nostarttls.test", "notls.test"), "no STARTTLS"),
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


def rules(has_milter):
    """The operator's table, a line each."""
    until = datetime.date.today() + datetime.timedelta(days=30)
    lines = [f'ruled.test out level=may until={until} reason="their CA, ticket 4711"']
    if has_milter:
        lines.append(f"{EXPLAINED} out action=tag clients=all")
    return lines


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
        self.rules = rules(self.has_milter)
        self.columns = COLUMNS if self.has_milter else COLUMNS[:-1]
        self.notes = []             # each header once, in the order in which they came

    def start(self):
        """Postfix lets the client relay; then Hopseal, which asks Postfix for its settings."""
        b = self.bench
        leaf = b.pki.leaf("good", "sender.test")
        permit = f"check_client_access inline:{{{CLIENT}=OK}}, reject"
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
            # Until their headers are read: the log shortens them, and what is sent is gone.
            settings["smtpd_end_of_data_restrictions"] = "check_client_access static:HOLD"
        b.postfix.configure(**settings)
        b.hopseal.write_rules("\n".join(self.rules) + "\n")
        b.hopseal.start()
        if self.has_milter:
            argv = [os.path.join(b.build, "hopseal-milter"), "-c", b.hopseal.conf_path]
            self.milter = Process("milter", argv, b.log_folder)
            self.milter.wait_ready(milter_listens)

    def run(self):
        """How many rows did not end as expected."""
        self.start()
        at_once = concurrent.futures.ThreadPoolExecutor(8).map
        answers = list(at_once(self.bench.hopseal.ask, (r.domain.name for r in ROWS)))
        queue_ids = list(at_once(self.hand_in, ROWS))
        headers = list(at_once(self.headers, queue_ids))
        self.release()
        print("\n" + self.paint("bold", self.line([name for name, _ in self.columns])))
        surprises = [row for row, *got in zip(ROWS, answers, queue_ids, headers)
                     if not self.show(row, *got)]
        self.show_notes()
        return len(surprises)

    def hand_in(self, row):
        """Give a mail to Postfix, as a client from elsewhere; its queue id."""
        recipient = f"user@{row.domain.name}"
        with smtplib.SMTP("127.0.0.1", 25, "client.test", 60, (CLIENT, 0)) as smtp:
            if row.inbound_tls:
                context = ssl.create_default_context(cafile=self.bench.pki.root_path)
                context.check_hostname = False
                smtp.starttls(context=context)
            smtp.ehlo("client.test")
            for code, text in (smtp.mail("user@client.test"), smtp.rcpt(recipient),
                               smtp.data(f"To: {recipient}\r\nSubject: demo\r\n\r\ndemo\r\n")):
                if code // 100 != 2:
                    raise smtplib.SMTPResponseException(code, text)
            return text.decode().split("queued as ")[1]

    def headers(self, queue_id):
        """What the milter added to a mail on hold."""
        if not self.has_milter:
            return ()
        text = run("postcat", "-c", self.bench.postfix.config_folder, "-hq", queue_id)
        lines = re.sub(r"\n[ \t]+", " ", text).splitlines()
        return tuple(line for line in lines if line.startswith("X-Hopseal-"))

    def release(self):
        if self.has_milter:
            run("postsuper", "-c", self.bench.postfix.config_folder, "-H", "ALL")
            self.bench.postfix.flush()

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

    def show(self, row, answer, queue_id, headers):
        """Print a row; whether it ended as expected."""
        delivery = self.bench.postfix.fate(queue_id)
        fate, colour = self.fate(row.domain, delivery)
        self.notes += [h for h in headers if h not in self.notes]
        marks = ",".join(str(n) for n, h in enumerate(self.notes, 1) if h in headers)
        cells = (row.domain.name, row.wrong, told(row.domain, answer), fate, marks)
        print(self.line(cells, ("bold", "", "", colour)), flush=True)
        try:
            expect.check(self.bench, row.domain, row.domain.expect, queue_id)
            names = sorted(h.split(":")[0] for h in headers)
            wanted = sorted(row.headers) if self.has_milter else []
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
        print("\n… is the domain's name.  The rules:")
        for rule in self.rules:
            print(hanging("     ", rule))
        if self.notes:
            print("The headers added:")
        for number, header in enumerate(self.notes, 1):
            print(hanging(f"{number:3}  ", header))

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


def milter_listens():
    try:
        with socket.create_connection(MILTER, 1):
            return True
    except OSError:
        return False


def run_inside(folder, build):
    print("A Postfix, name servers, policy hosts and MX hosts in a network of their own.\n"
          f"Nothing of this host is touched.  {len(ROWS)} mails to good and bad domains:",
          flush=True)
    demo = Demo(folder, build)
    surprises = demo.run()
    demo.show_explain()
    if surprises:
        print(demo.paint("red", f"\n{surprises} of {len(ROWS)} rows did not end as expected."))
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
