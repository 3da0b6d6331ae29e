"""How much mail Postfix moves, with Hopseal and without: smtp-source to smtp-sink."""

import subprocess
import time

from hopseal import ACCESS, MAP
from process import Process, wait_until
from rig import MAIL_DOMAIN, SINK, can_connect, inet

SESSIONS, MAIL_BYTES = 20, 4000
WITHOUT = {"smtp_tls_policy_maps": "",
           "smtpd_recipient_restrictions": "permit_mynetworks, reject"}
WITH = {"smtp_tls_policy_maps": f"socketmap:{inet(MAP)}:QUERY",
        "smtpd_recipient_restrictions":
            f"check_policy_service {{ {inet(ACCESS)}, timeout=10s, default_action=DUNNO }}, "
            "permit_mynetworks, reject"}


class Mail:
    def __init__(self, rig, table):
        self._rig, self._table = rig, table

    def rate(self, rounds, mails):
        rig = self._rig
        rig.stop_constants()
        rig.restart(dane="auto", own_networks="127.0.0.0/8")
        sink = Process("sink", ["smtp-sink", "-u", "postfix", f"{SINK}:25", "256"], rig.logs)
        sink.wait_ready(lambda: can_connect((SINK, 25)))
        rig.postfix.start()
        rig.place(apart=False)
        rates = []
        for _ in range(rounds):
            rates.append(tuple(self._rate_once(settings, mails)
                               for settings in (WITHOUT, WITH)))
        self._table.ratio("mails/s", rates, at_least=0.92, form="{:.0f}")
        self._table.note("map and access policy asked for each mail; nothing is bound to a "
                         "processor")
        rig.postfix.stop()
        sink.stop()

    def _rate_once(self, settings, mails):
        postfix = self._rig.postfix
        postfix.configure(**settings)
        subprocess.run(source(20), check=True)      # processes are there after these
        wait_until(lambda: not postfix.queued(), 30, "an empty queue")
        wanted = self._sent() + mails
        began = time.monotonic()
        subprocess.run(source(mails), check=True)
        wait_until(lambda: self._sent() >= wanted, 120, f"{mails} mails")
        return mails / (time.monotonic() - began)

    def _sent(self):
        return sum("status=sent" in line for line in self._rig.postfix.lines())


def source(mails):
    return ["smtp-source", "-s", str(SESSIONS), "-m", str(mails), "-l", str(MAIL_BYTES),
            "-f", "user@sender.test", "-t", f"user@{MAIL_DOMAIN}", "inet:127.0.0.1:25"]
