"""The status page beside the answers: how soon it is there, what a scrape takes, and what
its readers cost Postfix, with a ledger of many domains."""

import base64
import concurrent.futures
import http.client
import json
import os
import sys
import threading
import time

from hopseal import STATUS
from process import wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../page"))
import browser

DOMAINS, READERS, READ_EVERY_S, LOG_S = 100000, 50, 15, 300
PASSWORD = "bench"
# What the first view asks for, and again each READ_EVERY_S.
VIEW = ("status", "report?top=200", "days", "certificates", "received")
# The page's own numbers, from the browser.
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
FILLED = "!document.querySelector('.loading') && performance.now()"


class Page:
    """A policyd with a password and a mail log."""

    def __init__(self, rig, table, rounds, seconds):
        self._rig, self._table, self._rounds, self._seconds = rig, table, rounds, seconds
        self._log = os.path.join(rig.folder, "page.log")
        password = os.path.join(rig.folder, "password")
        with open(password, "w") as f:
            f.write(PASSWORD)
        open(self._log, "w").close()
        rig.restart(status_listen="inet:%s:%d" % STATUS, status_password_file=password,
                    maillog=self._log)
        word = base64.b64encode(f"x:{PASSWORD}".encode()).decode()
        self._headers = {"Authorization": "Basic " + word}

    # -- asking

    def _get(self, connection, path):
        begin = time.monotonic()
        connection.request("GET", path, headers=self._headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, f"{path}: {answer.status} {body[:200]}"
        return (time.monotonic() - begin) * 1e3, body

    def _milliseconds(self, path, pause_s=0.0):
        """Of each of some questions; pause_s lets what is kept of an answer go."""
        connection, took = http.client.HTTPConnection(*STATUS, timeout=60), []
        for _ in range(max(self._rounds, 3)):
            time.sleep(pause_s)
            took.append(self._get(connection, path)[0])
        return took

    def _sessions(self):
        _, body = self._get(http.client.HTTPConnection(*STATUS, timeout=60), "/api/v1/status")
        return json.loads(body)["counters"].get("ledger_sessions_out", 0)

    # -- measuring

    def scrape(self):
        few = self._milliseconds("/metrics", 1.1)
        began = time.monotonic()
        self._write_sessions()
        wait_until(lambda: self._sessions() >= DOMAINS, LOG_S, "the ledger")
        self._table.value(f"{DOMAINS:,} sessions of as many domains read from the log",
                          [time.monotonic() - began], "s")
        many = self._milliseconds("/metrics", 1.1)
        self._table.ratio(f"a scrape, ms; base: no domain, then {DOMAINS:,}",
                          list(zip(few, many)), at_most=2, form="{:.1f}")
        self._table.value("a scrape", many, "ms", at_most=20)
        for path in VIEW:
            self._table.value(f"/api/v1/{path}",
                              self._milliseconds(f"/api/v1/{path}", 5.1), "ms")

    def _write_sessions(self):
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000000+00:00", time.gmtime())
        with open(self._log, "a") as log:
            for i in range(DOMAINS):
                smtp, host = f"{now} bench postfix/smtp[{i % 50 + 1000}]:", f"mx.d{i}.example"
                log.write(f"{smtp} Verified TLS connection established to {host}[192.0.2.1]:25: "
                          "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n"
                          f"{smtp} {i:010X}: to=<u@d{i}.example>, relay={host}[192.0.2.1]:25, "
                          "delay=1, delays=0/0/1/0, dsn=2.0.0, status=sent (250 ok)\n")

    def first_paint(self):
        if not browser.program():
            self._table.note("no browser: chromium is not installed")
            return
        viewer, painted, filled = browser.Browser(self._rig.folder), [], []
        try:
            for _ in range(self._rounds + 1):
                page = viewer.page(authorization=self._headers["Authorization"])
                page.open("http://%s:%d/" % STATUS)
                filled.append(page.wait(FILLED, "the first view", 60))
                painted.append(page.wait(PAINTED, "the first paint"))
                page.close()
        finally:
            viewer.close()
        # The first one starts the browser's own processes.
        self._table.value("first paint in Chromium", painted[1:], "ms", at_most=200,
                          form="{:.0f}")
        self._table.value("all of the first view there", filled[1:], "ms", form="{:.0f}")

    def beside_answers(self, load):
        """load() measures the map's answers, without and with readers."""
        self._rig.place(apart=False)    # as on a host
        rounds = []
        for _ in range(self._rounds):
            alone = load()
            with Readers(self._get):
                rounds.append((alone, load()))
        self._table.ratio(f"p99 of map answers, us; base: nobody reads, then {READERS}",
                          [(a["p99_us"], b["p99_us"]) for a, b in rounds], at_most=1.1,
                          form="{:.0f}")
        self._table.times("map answers", *zip(*rounds), ("p50", "p999"))


class Readers:
    """Pages that are open and ask again, as many an hour as real ones would."""

    def __init__(self, get):
        self._get, self._stop = get, threading.Event()
        self._connections = [http.client.HTTPConnection(*STATUS, timeout=60)
                             for _ in range(READERS)]
        self._pool = concurrent.futures.ThreadPoolExecutor(1)

    def _run(self):
        turn = 0
        while not self._stop.wait(READ_EVERY_S / READERS):
            for path in VIEW:
                self._get(self._connections[turn % READERS], "/api/v1/" + path)
            turn += 1

    def __enter__(self):
        for connection in self._connections:
            self._get(connection, "/api/v1/status")
        self._reading = self._pool.submit(self._run)

    def __exit__(self, *_):
        self._stop.set()
        self._pool.shutdown()
        for connection in self._connections:
            connection.close()
        self._reading.result()      # fails where an answer was none
