#!/usr/bin/python3
"""The status port: metrics, health, the JSON of the commands, and who may ask for them.

    test_http.py [--build DIR] [TEST...]

A real policyd, asked over sockets by the polite and the rude.  One line a test; exit 0 when
none failed.
"""

import base64
import http.client
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from mail_log import MailLog
from policyd_rig import Connection, Names, Policyd, Skip, run, wait_until
from ports import free_port

TESTS = []
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PASSWORD = "correct: horse"
CONNECTIONS_MAX = 64


def test(function):
    TESTS.append(function)
    return function


class Port:
    """A policyd with a status port, and how to ask it."""

    def __init__(self, folder, password=PASSWORD, host="127.0.0.1", **options):
        self.address = (host, free_port())
        if password:
            path = os.path.join(folder, "password")
            with open(path, "w") as f:
                f.write(password + "\nnot this\n")
            options["status_password_file"] = path
        options.setdefault("maillog", "none")
        self.policyd = Policyd(folder, status_listen="inet:%s:%d" % self.address, **options)
        self.policyd.start()
        # The clerk is the last to be ready.
        wait_until(self.is_there, "the status port")

    def is_there(self):
        try:
            return self.get("/health", None).status in (200, 401, 503)
        except OSError:
            return False

    def get(self, path, password=PASSWORD, headers=(), method="GET", timeout=30):
        connection = http.client.HTTPConnection(*self.address, timeout=timeout)
        headers = dict(headers)
        if password is not None:
            word = base64.b64encode(b"anyone:" + password.encode()).decode()
            headers["Authorization"] = "Basic " + word
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        answer.body = answer.read()
        connection.close()
        return answer

    def json(self, path):
        answer = self.get(path)
        assert answer.getheader("Content-Type") == "application/json", answer.headers
        return answer.status, json.loads(answer.body)

    def metrics(self):
        return parse_metrics(self.get("/metrics", None).body.decode())


# ------------------------------------------------- a strict reader of the text format

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL},?)*)\}})? (\S+)")


def parse_metrics(text):
    """{(name, ((label, value), ...)): number}; asserts Prometheus' format 0.0.4."""
    types, samples, closed, family = {}, {}, set(), None
    assert text.endswith("\n"), "no line end at the end"
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, words = line.split(" ", 3)
            assert name not in closed and words, f"{line}: family in two places"
            if family:
                closed.add(family)
            family = name
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and name not in types, line
            assert kind in ("counter", "gauge", "histogram"), line
            types[name] = kind
            continue
        found = SAMPLE.fullmatch(line)
        assert found, f"no sample: {line!r}"
        name = found[1]
        base = re.sub(r"_(bucket|sum|count)$", "", name) if name not in types else name
        assert base == family and base in types, f"{line}: outside of its family"
        assert (types[base] == "counter") == base.endswith("_total"), line
        labels = tuple((m[1], m[2]) for m in re.finditer(LABEL, found[2] or ""))
        assert len({label for label, _ in labels}) == len(labels), line
        assert (name, labels) not in samples, f"{line}: twice"
        samples[name, labels] = float(found[5])
    check_histograms(types, samples)
    return samples


def check_histograms(types, samples):
    for family in (name for name, kind in types.items() if kind == "histogram"):
        series = {}
        for (name, labels), value in samples.items():
            if name == family + "_bucket":
                rest = tuple(pair for pair in labels if pair[0] != "le")
                series.setdefault(rest, []).append((float(dict(labels)["le"]), value))
        assert series, family
        for rest, buckets in series.items():
            assert buckets == sorted(buckets) and buckets[-1][0] == math.inf, buckets
            assert [v for _, v in buckets] == sorted(v for _, v in buckets), buckets
            assert samples[family + "_count", rest] == buckets[-1][1], (family, rest)
            assert (family + "_sum", rest) in samples, (family, rest)


# --------------------------------------------------------------------------- who may ask

@test
def test_password(folder):
    """Without it metrics and health alone; no way around it."""
    port = Port(folder)
    for path in ("/metrics", "/health"):
        assert port.get(path, None).status == 200, path
    closed = ("/", "/page.js", "/api/v1/status", "/api/v1/check?domain=a.example", "/nothing",
              "//metrics", "/metrics/", "/api/../metrics", "/Metrics")
    for path in closed:
        answer = port.get(path, None)
        assert answer.status == 401, (path, answer.status)
        assert answer.getheader("WWW-Authenticate").startswith("Basic "), answer.headers
    wrong = ("", "c", PASSWORD[:-1], PASSWORD + "x", PASSWORD + "\0", "not this",
             2 * PASSWORD)
    for password in wrong:
        assert port.get("/", password).status == 401, password
    for word in ("", "Basic", "Basic !!!", "Bearer " + PASSWORD, "Basic " + "A" * 6000,
                 "Basic " + base64.b64encode(PASSWORD.encode()[9:]).decode()):
        assert port.get("/", None, {"Authorization": word}).status == 401, word
    assert port.get("/").status == 200
    port.policyd.wait_said_only("a wrong password was given")
    assert PASSWORD not in port.policyd.log()


@test
def test_without_password_file(folder):
    port = Port(folder, password=None)
    for path in ("/metrics", "/health"):
        assert port.get(path, None).status == 200, path
    for path in ("/", "/api/v1/status"):
        for password in (None, "", PASSWORD):
            answer = port.get(path, password)
            assert answer.status == 403 and b"status_password_file" in answer.body, path


@test
def test_password_changes(folder):
    """A reload takes the new one; an empty file is refused and the old one stays."""
    port = Port(folder)
    path = port.policyd.options["status_password_file"]
    with open(path, "w") as f:
        f.write("\nsecret\n")
    port.policyd.process.send_signal(signal.SIGHUP)
    port.policyd.wait_said("its first line is empty")
    assert port.get("/").status == 200
    with open(path, "w") as f:
        f.write("another")
    port.policyd.process.send_signal(signal.SIGHUP)
    wait_until(lambda: port.get("/").status == 401, "the new password")
    assert port.get("/", "another").status == 200


@test
def test_other_hosts(folder):
    """From another address nothing without the password, and never a port without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
        except OSError:
            raise Skip("no address but loopback's")
        own = s.getsockname()[0]
    refused = Policyd(folder, status_listen=f"inet:{own}:{free_port()}")
    status, words = refused.refuse()
    assert status == 78 and "it needs status_password_file" in words, words
    port = Port(folder, host=own)
    for path in ("/metrics", "/health", "/"):
        assert port.get(path, None).status == 401, path
        assert port.get(path).status == 200, path


@test
def test_host_header(folder):
    """DNS rebinding: names that are not ours are refused, even with the password."""
    port = Port(folder)
    number = port.address[1]
    for host in ("localhost", f"localhost:{number}", f"127.0.0.1:{number}", "LOCALHOST",
                 f"[::1]:{number}", "192.0.2.7", socket.gethostname()):
        assert port.get("/metrics", None, {"Host": host}).status == 200, host
    for host in ("evil.example", f"evil.example:{number}", "localhost.evil.example",
                 "127.0.0.1.evil.example", "", ".", "local", "evil.example:127.0.0.1"):
        assert port.get("/metrics", headers={"Host": host}).status == 403, host
        assert port.get("/api/v1/status", headers={"Host": host}).status == 403, host


@test
def test_other_pages(folder):
    """A page of somebody else's in a browser that knows the password."""
    port = Port(folder)
    for site, want in (("cross-site", 403), ("same-site", 403), ("same-origin", 200),
                       ("none", 200)):
        got = port.get("/api/v1/status", headers={"Sec-Fetch-Site": site}).status
        assert got == want, (site, got)


@test
def test_headers(folder):
    """Each answer forbids what the page does not need."""
    port = Port(folder)
    for path in ("/", "/metrics", "/api/v1/status", "/nothing"):
        answer = port.get(path)
        policy = answer.getheader("Content-Security-Policy")
        assert policy.startswith("default-src 'none'; script-src 'self'"), policy
        assert "unsafe" not in policy and "frame-ancestors 'none'" in policy, policy
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Cache-Control") == "no-store"
        assert answer.getheader("Set-Cookie") is None


# ------------------------------------------------------------------------ slow and rude

def raw(port, data, timeout=10):
    with Connection(port.address, timeout) as c:
        c.send(data)
        return c.end()


@test
def test_rude(folder):
    """What is no GET is refused, and the next one is answered."""
    port = Port(folder)
    host = b"Host: localhost\r\n\r\n"
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE", "PATCH"):
        got = port.get("/metrics", method=method).status
        assert got >= 400, (method, got)
    for question in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n" + host,
                     b"GET http://evil.example/metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n",
                     b"GET /metrics HTTP/1.1\r\n" + b"X: " + b"y" * 9000 + b"\r\n" + host,
                     b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + host,
                     b"GET /metrics HTTP/1.1\r\nContent-Length: 99999999\r\n" + host,
                     b"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + host +
                     b"5\r\nhello\r\n0\r\n\r\n",
                     b"GET /%00%ff%zz?%=&&&=%00 HTTP/1.1\r\n" + host,
                     b"GET * HTTP/1.1\r\n" + host, b"\x16\x03\x01\x02\x00\x01\x00" + b"\0" * 99,
                     b"\0" * 20000):
        with Connection(port.address, 3) as c:
            c.send(question)
            c.half_close()
            answer = c.end()
        assert b"200 OK" not in answer[:20], question[:60]
        assert port.get("/health", None).status == 200
    for name in ("domain", "day", "since", "top", "direction"):
        for value in ("%00", "%ff", "a" * 5000, "<script>", "%e2%80%ae", "-1", "9" * 30):
            for path in ("explain", "report", "check", "received", "rules"):
                got = port.get(f"/api/v1/{path}?{name}={value}")
                assert got.status in (200, 400), (path, name, value, got.status)
                json.loads(got.body)


@test
def test_slow(folder):
    """Many who begin and never end keep nobody out, and Postfix not at all."""
    port = Port(folder)
    slow = []
    for _ in range(3 * CONNECTIONS_MAX):
        c = Connection(port.address)
        c.send(b"GET /metrics HTTP/1.1\r\nX: ")
        slow.append(c)
    assert port.get("/health", None, timeout=8).status == 200
    before = time.monotonic()
    assert port.policyd.ask(".example") == "NOTFOUND "
    assert time.monotonic() - before < 5
    # A drop now and then does not help: the whole request has its time.
    def drip():
        try:
            while True:
                slow[-1].send(b"y")
                time.sleep(0.5)
        except OSError:
            pass
    threading.Thread(target=drip, daemon=True).start()
    wait_until(lambda: not slow[-2].is_open() and not slow[-1].is_open(),
               "the end of the slow", 40)
    for c in slow:
        c.close()
    assert port.get("/health", None).status == 200
    wait_until(lambda: port.policyd.fd_count("clerk") < 60, "their descriptors", 40)


@test
def test_unread(folder):
    """Who does not read his answers is let go, and holds up nobody."""
    port = Port(folder)
    c = socket.socket()
    c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    c.connect(port.address)
    c.settimeout(5)
    before = port.policyd.rss("clerk")
    try:
        for _ in range(2000):
            c.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    except OSError:
        pass
    assert port.get("/health", None).status == 200
    if not port.policyd.is_sanitized():
        assert port.policyd.rss("clerk") < before + 8192, "answers pile up"
    c.close()


# ----------------------------------------------------------------------------- answers

@test
def test_metrics(folder):
    """An independent reader takes them; they count what happened; few, however many domains."""
    names = Names()
    port = Port(folder, dns_servers=names.option)
    before = port.metrics()
    asked = ("hopseal_requests_total", (("service", "map"),))
    for n in range(100):
        port.policyd.ask(f"d{n}.example")
    # For a second an answer is good for all.
    wait_until(lambda: port.metrics()[asked] == before[asked] + 100, "all that was asked")
    after = port.metrics()
    answers = sum(v for (name, labels), v in after.items() if name == "hopseal_answers_total"
                  and ("service", "map") in labels)
    assert answers == after[asked], (answers, after[asked])
    assert after["hopseal_answer_seconds_count", (("service", "map"),)] == answers
    looked = after["hopseal_lookups_total", (("result", "answered"),)]
    assert looked >= 100 and after["hopseal_lookup_seconds_count", ()] == looked, looked
    assert set(after) == set(before), "a series for a domain"
    assert not [labels for _, labels in after if "example" in str(labels)]
    assert len(after) < 400, len(after)
    for name in ("reports_sent", "reports_received", "session_failures", "probes",
                 "cache_hits", "redis_questions", "process_restarts"):
        assert any(n == f"hopseal_{name}_total" for n, _ in after), name
    names.close()


@test
def test_prometheus_client(folder):
    """Prometheus' own reader, where it is installed."""
    try:
        from prometheus_client.parser import text_string_to_metric_families
    except ImportError:
        raise Skip("python3-prometheus-client is not installed")
    port = Port(folder)
    text = port.get("/metrics", None).body.decode()
    families = list(text_string_to_metric_families(text))
    got = {(s.name, tuple(s.labels.items())): s.value for f in families for s in f.samples}
    assert got == parse_metrics(text)


@test
def test_sessions(folder):
    """The ledger's counts, by direction, outcome, result-type and version."""
    log = MailLog(os.path.join(folder, "mail.log"))
    port = Port(folder, maillog=log.path, aggregates_file="")
    log.write(500)
    log.finish()
    wanted = {("hopseal_sessions_total", (("direction", d), ("outcome", o))): n
              for (d, o), n in log.truth.items()}
    wait_until(lambda: wanted.items() <= port.metrics().items(), "the sessions")
    metrics = port.metrics()
    failed = sum(n for (d, o), n in log.truth.items() if o == "failure")
    assert sum(v for (name, _), v in metrics.items()
               if name == "hopseal_session_failures_total") == failed


@test
def test_alerts_and_dashboard(folder):
    """Each metric, and each label's value, that Prometheus' rules and Grafana's dashboard
    name is one that a policyd with Redis and a certificate shows."""
    chain = os.path.join(folder, "chain.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=mail.example", "-days",
                    "40", "-keyout", chain + ".key", "-out", chain], check=True,
                   capture_output=True)
    os.chmod(chain, 0o644)
    port = Port(folder, redis=f"unix:{folder}/nobody.sock", certificate=f"mail {chain}",
                cert_interval="1h")
    left = wait_until(lambda: [value for (name, labels), value in port.metrics().items()
                               if name == "hopseal_certificate_days_left" and
                               ("file", chain) in labels], "the certificate", 40)
    assert left == [39.0] or left == [40.0], left
    samples = [(name, dict(labels)) for name, labels in port.metrics()]
    for path, kind in ("prometheus-alerts.yml", "expr: (?:>-\n)?((?:.|\n)*?)\n +(?:for|labels):"), \
            ("grafana-dashboard.json", '"(?:expr|query)": "((?:[^"\\\\]|\\\\.)*)"'):
        with open(os.path.join(TOP, "conf", path)) as f:
            found = [text.replace('\\"', '"') for text in re.findall(kind, f.read())]
        questions = [text for text in found if "hopseal_" in text]
        assert len(questions) > 10, (path, found)
        for question in questions:
            for name, selector in re.findall(r"(hopseal_\w+)(?:\{([^}]*)\})?", question):
                wanted = dict(re.findall(r'(\w+)="([^"$]*)"', selector))
                assert any(name == n and wanted.items() <= labels.items()
                           for n, labels in samples), (path, name, wanted)
    alerts = open(os.path.join(TOP, "conf", "prometheus-alerts.yml")).read()
    for by, _ in re.findall(r"by \(([\w, ]+)\)|labels\.(\w+)", alerts):
        for label in filter(None, re.split(", *", by)):
            assert label == "instance" or any(label in labels for _, labels in samples), label


@test
def test_health(folder):
    port = Port(folder)
    assert json.loads(port.get("/health", None).body) == {"ok": True, "reasons": []}
    port = Port(folder, redis=f"unix:{folder}/nobody.sock")
    def answer():
        got = port.get("/health", None)
        return got.status == 503 and json.loads(got.body)
    body = wait_until(answer, "bad health")
    assert not body["ok"] and [r["name"] for r in body["reasons"]] == ["redis"], body


@test
def test_commands(folder):
    """Under /api/v1/ stands what the commands say."""
    names = Names()
    port = Port(folder, rules="ruled.example out require=verify\n", dns_servers=names.option)
    for path, words in (("status", ("status",)), ("report", ("report",)),
                        ("explain?domain=a.example", ("explain", "a.example")),
                        ("report?direction=in&day=today", ("report", "--in", "--day", "today")),
                        ("rules?domain=ruled.example", ("rules", "ruled.example")),
                        ("check?domain=a.example", ("check", "a.example"))):
        status, over_http = port.json(f"/api/v1/{path}")
        said = port.policyd.command(*words)
        assert status == 200, (path, status, over_http)
        assert list(over_http) == list(said), (path, list(over_http), list(said))
        if path.startswith("check"):
            assert over_http["mx"] and over_http["mta_sts"], over_http
    for path, words in (("explain", "no domain"), ("explain?domain=", "no domain"),
                        ("report?day=2020-01-01", "day"), ("report?top=0", "top"),
                        ("report?direction=up", "direction"), ("check", "no domain")):
        status, over_http = port.json(f"/api/v1/{path}")
        assert status == 400 and list(over_http) == ["error"], (path, status, over_http)
    assert port.json("/api/v1/nothing")[0] == 404
    names.close()


@test
def test_check_bounds(folder):
    """One check at a time for a domain, few at once."""
    names = Names(slow_s=1.5)
    port = Port(folder, dns_servers=names.option)
    got = []
    def check(domain):
        got.append((domain, *port.json(f"/api/v1/check?domain={domain}")))
    threads = [threading.Thread(target=check, args=(f"slow{n % 9}.example",))
               for n in range(18)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    good = {}
    for domain, status, answer in got:
        assert status in (200, 503), (domain, status, answer)
        if status == 200:
            good.setdefault(domain, []).append(answer)
    assert 1 <= len(good) <= 4, good
    assert all(answer == same[0] for same in good.values() for answer in same), good
    names.close()


@test
def test_days(folder):
    """Thirty days, today last, counted while somebody looks."""
    log = MailLog(os.path.join(folder, "mail.log"))
    port = Port(folder, maillog=log.path, aggregates_file="")
    log.write(200)
    log.finish()
    wait_until(lambda: port.json("/api/v1/report")[1]["totals"]["sessions"] > 0, "sessions")
    def complete():
        _, days = port.json("/api/v1/days")
        return days if days["is_complete"] else None
    days = wait_until(complete, "all days")["days"]
    assert len(days) == 30 and days[-1]["day"] == time.strftime("%Y-%m-%d", time.gmtime())
    assert days[0]["directions"]["out"]["sessions"] == 0


@test
def test_unix_socket(folder):
    """A port that is a path; and words for the check that look like options."""
    path = os.path.join(folder, "password")
    with open(path, "w") as f:
        f.write(PASSWORD)
    policyd = Policyd(folder, maillog="none", status_password_file=path)
    policyd.write_conf(status_listen=f"unix:{policyd.folder}/run/status.sock")
    policyd.start()
    def ask(target, *headers):
        with Connection(f"{policyd.folder}/run/status.sock") as c:
            lines = [f"GET {target} HTTP/1.0", *headers, "", ""]
            c.send("\r\n".join(lines).encode())
            return c.end().decode()
    wait_until(lambda: " 200 OK" in ask("/metrics"), "metrics")
    word = base64.b64encode(f"x:{PASSWORD}".encode()).decode()
    for domain in ("-h", "--help", "-c/etc/shadow", "-", "--", "-o%20x"):
        answer = ask(f"/api/v1/check?domain={domain}", f"Authorization: Basic {word}")
        assert " 400 " in answer and '{"error"' in answer, (domain, answer)


@test
def test_whoever_comes_next(folder):
    """A command gets the descriptor of a connection that we have just closed."""
    port = Port(folder)
    for _ in range(10):
        port.get("/health", None, {"Connection": "close"})
        begin = time.monotonic()
        port.policyd.command("rules", "x.example")
        assert time.monotonic() - begin < 15, "the command was not heard"


@test
def test_clerk_dies(folder):
    """The port is the parent's: whoever asks meanwhile is answered by the next clerk."""
    port = Port(folder)
    pid = port.policyd.pid("clerk")
    os.kill(pid, 9)
    assert port.get("/metrics", None).status == 200
    assert port.policyd.wait_replaced("clerk", pid)
    restarts = port.metrics()["hopseal_process_restarts_total", (("process", "clerk"),)]
    assert restarts == 1, restarts


if __name__ == "__main__":
    sys.exit(run(TESTS))
