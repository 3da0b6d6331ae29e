"""A mail log as Postfix writes it, and the truth about it.

session_lines() is one session, write_day() those of a day.
MailLog writes sessions whose lines interleave, as those of many processes do, and counts
what each of them was; it can be rotated in the manners of logrotate while it is written.
"""

import collections
import gzip
import os
import random
import shutil
import threading
import time

CIPHER = "TLS_AES_256_GCM_SHA384 (256/256 bits)"
DOMAINS = [f"d{n}.example" for n in range(12)]
AT_ONE_TIME = 8         # sessions
# Of each kind of session: outcome and finding.
TRUTH = {"good": ("success", None), "trusted": ("success", None),
         "expired": ("failure", "cert-expired"), "clear": ("clear", None),
         "garbage": ("failure", "handshake-failed")}


def totals(counts):
    """Of a Counter of (direction, outcome): {direction: {outcome: count}}."""
    sums = collections.defaultdict(dict)
    for (direction, outcome), count in counts.items():
        sums[direction][outcome] = count
    return {d: {o: sums[d].get(o, 0) for o in ("success", "failure", "clear")}
            for d in ("out", "in", "submission")}


def session_lines(begin, domain, number, kind="good", address="192.0.2.1", queue_id=None):
    """What smtp says of one session, behind begin: "good", "trusted" or "clear"; "expired" or
    "garbage", for which the mail waits."""
    host = f"mx.{domain}[{address}]:25"
    tls = f"TLS connection established to {host}: TLSv1.3 with cipher {CIPHER}"
    to = (f"{begin}{queue_id or f'{number:010X}'}: to=<u@{domain}>, relay={host}, delay=1, "
          "delays=0/0/1/0, ")
    sent = to + "dsn=2.0.0, status=sent (250 ok)"
    return {
        "good": [f"{begin}Verified {tls}", sent],
        "trusted": [f"{begin}Trusted {tls}", sent],
        "clear": [sent],
        "expired": [f"{begin}server certificate verification failed for {host}: certificate has "
                    "expired", f"{begin}Untrusted {tls}",
                    to + "dsn=4.7.5, status=deferred (Server certificate not verified)"],
        "garbage": [f"{begin}SSL_connect error to {host}: -1",
                    f"{begin}warning: TLS library problem: error:0A00010B:SSL routines::wrong "
                    "version number:../ssl/record/ssl3_record.c:354:",
                    to + "dsn=4.7.5, status=deferred (Cannot start TLS: handshake failure)"],
    }[kind]


def write_day(path, date, *sessions):
    """Adds sessions (domain, kind, how often) of that day."""
    each = [(domain, kind) for domain, kind, count in sessions for _ in range(count)]
    with open(path, "a") as f:
        for n, (domain, kind) in enumerate(each):
            begin = f"{date}T12:00:{n % 60:02d}.000000+00:00 host postfix/smtp[{1000 + n}]: "
            f.writelines(line + "\n" for line in session_lines(begin, domain, n, kind))


class MailLog:
    def __init__(self, path, seed=1):
        self.path = path
        self.truth = collections.Counter()          # (direction, outcome)
        self.failures = collections.Counter()       # (domain, finding)
        self.by_domain = collections.Counter()      # (domain, outcome), of "out"
        self._random = random.Random(seed)
        self._pid = 1000 * seed
        self._active = []
        self._lock = threading.Lock()
        self._file = open(path, "a")
        self._stop = threading.Event()
        self._thread = None

    # -- sessions: lines of one process, in their order

    def _out(self, pid):
        domain = self._random.choice(DOMAINS)
        kind = self._random.choice(tuple(TRUTH))
        lines = session_lines(f"postfix/smtp[{pid}]: ", domain, pid, kind,
                              f"192.0.2.{pid % 250}")
        return lines, "out", domain, *TRUTH[kind]

    def _in(self, pid):
        client = f"mail{pid}.net{pid % 7}.example[198.51.100.{pid % 250}]"
        smtpd = f"postfix/smtpd[{pid}]"
        lines = [f"{smtpd}: connect from {client}"]
        if self._random.random() < 0.7:
            lines.append(f"{smtpd}: Anonymous TLS connection established from {client}: "
                         f"TLSv1.3 with cipher {CIPHER}")
            lines.append(f"{smtpd}: disconnect from {client} ehlo=2 starttls=1 mail=1 rcpt=1 "
                         "data=1 quit=1 commands=7")
            outcome = "success"
        else:
            lines.append(f"{smtpd}: disconnect from {client} ehlo=1 mail=1 rcpt=1 data=1 "
                         "quit=1 commands=5")
            outcome = "clear"
        return lines, "in", None, outcome, None

    def _begin(self):
        self._pid += 1
        make = self._out if self._random.random() < 0.6 else self._in
        lines, direction, domain, outcome, finding = make(self._pid)
        self.truth[direction, outcome] += 1
        if domain:
            self.by_domain[domain, outcome] += 1
        if finding:
            self.failures[domain, finding] += 1
        self._active.append(lines)

    def _write_line(self, text):
        stamp = time.strftime("%b %e %H:%M:%S", time.localtime())
        self._file.write(f"{stamp} host {text}\n")
        if self._random.random() < 0.3:
            self._file.write(f"{stamp} host postfix/qmgr[77]: ABCDEF: removed\n")

    def step(self):
        """One line of some session."""
        if len(self._active) < AT_ONE_TIME:
            self._begin()
        lines = self._random.choice(self._active)
        self._write_line(lines.pop(0))
        if not lines:
            self._active.remove(lines)

    def write(self, steps):
        with self._lock:
            for _ in range(steps):
                self.step()
            self._file.flush()

    def write_whole(self, steps):
        """And end all sessions."""
        self.write(steps)
        self.finish()

    def finish(self):
        """The rest of all sessions that have begun."""
        with self._lock:
            for lines in self._active:
                for line in lines:
                    self._write_line(line)
            self._active = []
            self._file.flush()

    # -- in the background

    def start(self, steps_per_turn=20, pause_s=0.05):
        def run():
            while not self._stop.wait(pause_s):
                self.write(steps_per_turn)
        self._stop.clear()
        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join()
        self.finish()

    # -- rotation

    def _shift(self):
        for n in range(8, 0, -1):
            for suffix in ("", ".gz"):
                if os.path.exists(f"{self.path}.{n}{suffix}"):
                    os.rename(f"{self.path}.{n}{suffix}", f"{self.path}.{n + 1}{suffix}")

    def rename(self, late_lines=5, wait_s=0.0):
        """As logrotate: renamed, made anew; who writes notices some lines later."""
        with self._lock:
            self._shift()
            os.rename(self.path, self.path + ".1")
            new = open(self.path, "a")
            for _ in range(late_lines):
                self.step()
            self._file.flush()
            time.sleep(wait_s)
            self._file.close()
            self._file = new

    def rename_and_wait(self, wait_s):
        """The same without making it anew: that is done with the next line."""
        with self._lock:
            self._shift()
            os.rename(self.path, self.path + ".1")
            time.sleep(wait_s)
            self._file.close()
            self._file = open(self.path, "a")

    def copy_and_cut(self):
        """As logrotate's copytruncate."""
        with self._lock:
            self._file.flush()
            self._shift()
            shutil.copy2(self.path, self.path + ".1")
            os.truncate(self.path, 0)

    def compress(self, n):
        """As gzip does with an older one."""
        path = f"{self.path}.{n}"
        status = os.stat(path)
        with open(path, "rb") as plain, gzip.open(path + ".gz", "wb") as packed:
            shutil.copyfileobj(plain, packed)
        os.utime(path + ".gz", ns=(status.st_atime_ns, status.st_mtime_ns))
        os.unlink(path)
