"""How much mail Postfix takes in through hopseal-milter, and through a bare filter that
inserts the same header.

The client is a stranger, as only its mail gets the header; mails are for our own domain and
thrown away there, so that nothing is measured but the way in.
"""

import os
import subprocess
import time

import netns
from process import Process, run, wait_until
from rig import can_connect, inet

MILTER, BARE = ("127.0.0.1", 8464), ("127.0.0.1", 18464)
ENTRY = (netns.SENDER, 25)      # who connects to it comes from it, not from loopback
# So many that the time a single mail takes, 90 ms of mostly waiting, is not what counts.
SESSIONS, MAIL_BYTES, WARM_UP = 90, 4000, 180
OWN = "user@sender.test"
HEADER = ("X-Hopseal-Inbound", "tls=none")
ENTRY_NAME = "%s:%d/inet" % ENTRY


class Milter:
    def __init__(self, rig, table):
        self._rig, self._table = rig, table

    def rate(self, rounds, mails):
        rig = self._rig
        rig.stop_constants()
        rig.restart(dane="auto", own_networks="127.0.0.0/8")
        filters = self._start_filters()
        self._open_entry()
        rig.place(apart=False)
        for address in filters:
            self._check_header(address)
        rates, times = [], []
        for _ in range(rounds):
            round_ = [self._round_once(filters[at], at, mails) for at in (BARE, MILTER)]
            rates.append(tuple(rate for rate, _ in round_))
            times.append(tuple(cpu for _, cpu in round_))
        self._table.ratio("mails/s taken in", rates, at_least=0.95, form="{:.0f}")
        self._table.ratio("the filter's CPU s per 1,000 mails", times)
        rig.postfix.configure(smtpd_milters="")
        rig.postfix.stop()
        run("postconf", "-c", rig.postfix.config_folder, "-MX", ENTRY_NAME)
        for process in filters.values():
            process.stop()

    def _start_filters(self):
        """{address: process}"""
        rig = self._rig
        program = lambda name: os.path.join(rig.build, name)
        argvs = {MILTER: [program("hopseal-milter"), "-c", rig.hopseal.conf_path],
                 BARE: [program("tests/bench/bare_milter"), "inet:%d@%s" % BARE[::-1],
                        *HEADER]}
        found = {}
        for address, argv in argvs.items():
            found[address] = Process(os.path.basename(argv[0]), argv, rig.logs)
            found[address].wait_ready(lambda: can_connect(address))
        with open(found[MILTER].log_path) as log:
            wait_until(lambda: "site: known=yes" in log.read(), 30, "the site's settings")
        return found

    def _open_entry(self):
        postfix = self._rig.postfix
        run("postconf", "-c", postfix.config_folder, "-M",
            f"{ENTRY_NAME}={ENTRY_NAME.split('/')[0]} inet n - n - - smtpd")
        postfix.start()
        postfix.configure(smtpd_recipient_restrictions="reject_unauth_destination",
                          smtpd_relay_restrictions="reject_unauth_destination")

    def _use(self, address, **settings):
        # With a filter that does not answer no mail would come in, and none be counted.
        self._rig.postfix.configure(
            smtpd_milters=f"{{ {inet(address)}, default_action=tempfail }}", **settings)

    def _check_header(self, address):
        """The filter does what is measured."""
        postfix = self._rig.postfix
        self._use(address, milter_header_checks="static:WARN")
        wanted = "milter-header-warning: header %s: %s " % HEADER
        count = lambda: sum(wanted in line for line in postfix.lines())
        before = count()
        take_in(1)
        wait_until(lambda: count() > before, 10, f"{wanted!r} of {inet(address)}")
        postfix.configure(milter_header_checks="")

    def _round_once(self, process, address, mails):
        """(mails a second, processor seconds per 1,000 mails) with this filter."""
        postfix = self._rig.postfix
        self._use(address)
        take_in(WARM_UP)
        wait_until(lambda: not postfix.queued(), 30, "an empty queue")
        cpu_before, began = cpu_s(process.pid), time.monotonic()
        take_in(mails)
        seconds = time.monotonic() - began
        cpu = cpu_s(process.pid) - cpu_before
        wait_until(lambda: not postfix.queued(), 60, "an empty queue")
        return mails / seconds, cpu * 1000 / mails


def take_in(mails):
    subprocess.run(["smtp-source", "-s", str(SESSIONS), "-m", str(mails), "-l",
                    str(MAIL_BYTES), "-f", "user@stranger.test", "-t", OWN, inet(ENTRY)],
                   check=True)


def cpu_s(pid):
    """Processor time so far, with that of threads that have ended (clock_getcpuclockid)."""
    return time.clock_gettime(~pid << 3 | 2)
