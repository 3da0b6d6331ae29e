"""What the tests of alerts have in common: who is told, and domains that break and mend."""

import http.server
import os
import re
import subprocess
import threading
import time

from policyd_rig import Names, Policyd, wait_until
from reports_rig import Sink


class Told:
    """A policyd whose alerts go to a program, a mailbox and a webhook of the test's own."""

    def __init__(self, folder, **options):
        self.sink = options.pop("sink", None) or Sink()
        self.program = os.path.join(folder, "told")
        self.said = self.program + ".said"
        with open(self.program, "w") as f:
            f.write(f'#!/bin/sh\n{{ echo "$1|$2"; cat; }} >>{self.said}\n')
        os.chmod(self.program, 0o755)
        os.chmod(folder, 0o777)
        self.names = Names()
        self.policyd = Policyd(folder, **{
            "dns_servers": self.names.option, "report_relay": self.sink.option,
            "report_sender": "tls@us.example", "alert_mailto": "ops@us.example",
            "alert_after": "1s", "alert_quiet": "2s", "maillog": "none", **options})

    def start(self):
        before = self.policyd.log().count("resolver checked") if self.policyd.process else 0
        self.policyd.start()
        wait_until(lambda: self.policyd.log().count("resolver checked") > before,
                   "the resolver", 30)
        time.sleep(1)       # it may be set up once more for that
        return self

    def mails(self, to="ops@us.example"):
        return [m.get_content() for m in self.sink.to(to)]

    def lines(self, kind=""):
        """Each change that was told, without its time: "critical redis: ..."."""
        return [line.split(" ", 1)[1] for mail in self.mails() for line in mail.splitlines()
                if re.match(r"\d{4}-\S+ \w+ " + kind, line)]

    def wait_line(self, pattern, seconds=30):
        return wait_until(lambda: [line for line in self.lines() if re.match(pattern, line)],
                          f"{pattern!r} in {self.lines()}", seconds)

    def test_alert(self, *words):
        done = subprocess.run([self.policyd.program("hopseal"), "-c", self.policyd.conf_path,
                               "status", "--test-alert", *words], capture_output=True,
                              text=True, timeout=40)
        return done.returncode, done.stdout


class Listener:
    """Takes posts over plain HTTP; answers what it is told to, 204 without."""

    def __init__(self):
        outer = self
        self.bodies, self.answers = [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()


class Domains:
    """Policies and looks at mail hosts, as they stand in Redis."""

    def __init__(self, redis):
        self.redis, self.at = redis, int(time.time()) - 300

    def put(self, name, finding):
        self.at += 1
        record = f"""hopseal-facts 1
next_hop={name}
looked_at={self.at}
refresh_at={self.at + 3600}
learned_at={self.at}
mx=present
dane=none
record=present
record_id=1
host=mx.{name}
preference=10
addresses=present
tlsa=none
address=192.0.2.1
finding={finding}
seen_at={self.at}
not_after={self.at + (-9 if finding == "cert-expired" else 80000)}
seen_count=1
policy_id=1
fetched_at={self.at}
expires_at={self.at + 86400}
refetch_at={self.at + 40000}
policy=version: STSv1
policy=mode: enforce
policy=mx: mx.{name}
policy=max_age: 86400
"""
        self.redis.command("SET", f"hopseal:facts:{{{name}}}", record, "EX", "9999")
        self.redis.command("PUBLISH", "hopseal:changes", f"changed {'0' * 16} {name}")
