#!/usr/bin/python3
"""The sender: a private Postfix with its own configuration, queue, data and log.

Takes mail in on 127.0.0.1:25 of the namespace, delivers by real MX lookups and asks
the TLS policy map and the access policy service.  Reads the fate of each mail from its log.
"""

import concurrent.futures
import email
import os
import re
import smtplib
import sys
import threading
from dataclasses import dataclass

import netns
import sasl
from process import run, wait_until

MAIN_CF = """compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {log}
maillog_file_prefixes = {log_folder}
myhostname = sender.test
mydestination = sender.test
local_transport = discard
alias_maps =
alias_database =
local_recipient_maps =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = all
smtp_bind_address = {sender}
smtp_bind_address6 = {sender6}
smtp_tls_security_level = may
smtp_tls_CAfile = {ca}
smtp_tls_loglevel = 1
smtp_dns_support_level = dnssec
smtp_tls_policy_maps = socketmap:{map}:QUERY
smtp_connect_timeout = 5s
smtp_starttls_timeout = 10s
smtp_helo_timeout = 5s
smtpd_recipient_restrictions =
    check_policy_service {{ {access}, timeout=10s, default_action=DUNNO }},
    permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:{sasl}
smtpd_relay_before_recipient_restrictions = yes
smtpd_client_connection_count_limit = 0
initial_destination_concurrency = 5
in_flow_delay = 0
enable_long_queue_ids = yes
"""

# What asks the access service; what asks a milter instead; and a content filter's way back.
MAIN, JUDGED, TAGGED, REINJECTED = (("127.0.0.1", port) for port in (25, 10027, 10028, 10026))

MASTER_CF = """127.0.0.1:25 inet n - n - - smtpd
127.0.0.1:10026 inet n - n - - smtpd
127.0.0.1:10027 inet n - n - - smtpd
  -o smtpd_milters=inet:127.0.0.1:8465 -o milter_default_action=accept
  -o smtpd_recipient_restrictions=$smtpd_relay_restrictions
127.0.0.1:10028 inet n - n - - smtpd
  -o smtpd_milters=inet:127.0.0.1:8464 -o milter_default_action=accept
  -o smtpd_recipient_restrictions=$smtpd_relay_restrictions
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - 30 smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

DELIVERY = re.compile(
    r"/(?:smtp|error|discard)\[\d+\]: (?P<queue_id>\w+): to=<(?P<recipient>[^>]*)>,"
    r".* relay=(?P<relay>[^,]+),.* dsn=(?P<dsn>[\d.]+),"
    r" status=(?P<status>\w+) \((?P<reason>.*)\)$")


@dataclass
class Delivery:
    queue_id: str
    recipient: str
    relay: str
    dsn: str
    status: str
    reason: str


def send(recipient, sender="user@sender.test", smtp=None):
    """Hand in one mail; its queue id.  SMTPResponseException if refused."""
    with smtp or smtplib.SMTP(*MAIN, timeout=60) as smtp:
        smtp.ehlo_or_helo_if_needed()
        for code, text in (smtp.mail(sender), smtp.rcpt(recipient),
                           smtp.data(f"From: {sender}\r\nTo: {recipient}\r\n"
                                     "Subject: bench\r\n\r\nbench\r\n")):
            if code // 100 != 2:
                raise smtplib.SMTPResponseException(code, text)
        return text.decode().split("queued as ")[1]


class User(smtplib.SMTP):
    """Somebody from elsewhere who logs in."""

    def __init__(self, service=MAIN):
        super().__init__(*service, "client.test", 60, (netns.STRANGER, 0))
        self.login("joe", "secret")

    def ask(self, recipient):
        """The answer to RCPT TO: code and text."""
        self.rset()
        self.mail("joe@sender.test")
        code, text = self.rcpt(recipient)
        return code, text.decode()


class Postfix:
    def __init__(self, folder, log_folder, ca_path, map_endpoint, access_endpoint):
        self.config_folder = os.path.join(folder, "etc")
        self.log_path = os.path.join(log_folder, "mail.log")
        for name in ("etc", "spool", "data"):
            os.makedirs(os.path.join(folder, name))
        os.chmod(os.path.join(folder, "data"), 0o700)
        run("chown", "postfix", os.path.join(folder, "data"))
        self._write("main.cf", MAIN_CF.format(
            folder=folder, log=self.log_path, log_folder=log_folder, ca=ca_path,
            sender=netns.SENDER, sender6=netns.SENDER6, map=map_endpoint,
            access=access_endpoint, sasl="%s:%d" % sasl.ADDRESS))
        self._write("master.cf", MASTER_CF)
        self._read, self._deliveries, self._lines = 0, {}, []
        self._lock = threading.Lock()

    def _write(self, name, text):
        with open(os.path.join(self.config_folder, name), "w") as f:
            f.write(text)

    def _postfix(self, *words):
        return run("postfix", "-c", self.config_folder, *words)

    def start(self):
        self._postfix("start")
        wait_until(self._greets, 20, "Postfix to answer")

    def stop(self):
        self._postfix("stop")

    def configure(self, **settings):
        """Change main.cf and have every process started anew, at once."""
        run("postconf", "-c", self.config_folder, "-e",
            *(f"{name}={value}" for name, value in settings.items()))
        self._postfix("stop")
        self.start()

    def _greets(self):
        try:
            with smtplib.SMTP("127.0.0.1", 25, timeout=5):
                return True
        except (OSError, smtplib.SMTPException):
            return False

    def send_all(self, recipients, at_once=6):
        """Hand in a mail for each; {recipient: queue id}."""
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            return dict(zip(recipients, pool.map(send, recipients)))

    def headers(self, queue_id):
        """The headers of a mail in the queue."""
        return email.message_from_string(run("postcat", "-c", self.config_folder, "-hq",
                                             queue_id))

    def rotate_log(self):
        """As its own command does: renamed, begun anew and compressed."""
        self._postfix("logrotate")

    def flush(self):
        run("postqueue", "-c", self.config_folder, "-f")

    def queued(self):
        """The mails still in the queue."""
        return [line for line in run("postqueue", "-c", self.config_folder, "-j").split("\n")
                if line]

    def empty_queue(self):
        run("postsuper", "-c", self.config_folder, "-d", "ALL")

    def lines(self):
        """All lines of the mail log."""
        with self._lock:
            try:
                f = open(self.log_path, errors="replace")
            except FileNotFoundError:       # just rotated
                return self._lines
            with f:
                if os.fstat(f.fileno()).st_size < self._read:
                    self._read = 0
                f.seek(self._read)
                new = f.read()
            new = new[:new.rfind("\n") + 1]
            self._read += len(new.encode(errors="replace"))
            for line in new.splitlines():
                self._lines.append(line)
                if m := DELIVERY.search(line):
                    d = Delivery(**m.groupdict())
                    self._deliveries.setdefault(d.queue_id, []).append(d)
            return self._lines

    def deliveries(self, queue_id):
        """Every attempt so far, the last one last."""
        self.lines()
        return self._deliveries.get(queue_id, [])

    def fate(self, queue_id, seconds=60):
        """The first attempt's outcome, awaited."""
        return wait_until(lambda: self.deliveries(queue_id), seconds,
                          f"an outcome of mail {queue_id}")[0]

    def wait_sent(self, queue_ids, seconds=60):
        """Wait until each of these is delivered, however many attempts it takes."""
        def unsent():
            return [q for q in queue_ids
                    if not any(d.status == "sent" for d in self.deliveries(q))]
        wait_until(lambda: not unsent(), seconds, f"delivery of {len(queue_ids)} mails")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(send(argument))
