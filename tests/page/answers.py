"""Answers of /api/v1/ for states that a real policyd is seldom in: many failures, hostile
names, nothing at all.  Their shape is held to the real ones by test_page.py."""

import time

HOSTILE = ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>.example",
           "a\u202eelpmaxe.moc", "\u200f\u05d0\u05d1.example", "x" * 63 + "." + "y" * 63 + "." +
           "z" * 63 + "." + "w" * 61, "=cmd|'/c calc'!A1", "\"';--&amp;.example",
           "javascript:alert(1)", "xn--bcher-kva.example", "../../etc/passwd", "#/system")
DAYS = 30


def at(seconds_ago):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds_ago))


def day(days_ago):
    return at(days_ago * 86400)[:10]


def sums(*counts):
    success, failure, clear, unknown = (*map(int, counts), 0, 0, 0, 0)[:4]
    sessions = success + failure + clear + unknown
    return {"sessions": sessions, "success": success, "failure": failure, "clear": clear,
            "unknown": unknown, "encrypted": success + unknown, "verified": success,
            "by_probe": 0, "protocols": {"TLSv1.3": success, "TLSv1.2": unknown}
            if sessions else {}}


def directions(scale=1):
    return {"out": sums(9000 * scale, 37 * scale, 310 * scale, 2400 * scale),
            "in": sums(0, 12 * scale, 900 * scale, 15000 * scale),
            "submission": sums(0, 0, 0, 400 * scale), "local": sums(0, 0, 5 * scale)}


def row(domain, failure=0, success=0, findings=(), policy="sts"):
    return {"domain": domain, "policy": policy, "success": success, "failure": failure,
            "clear": 0, "unknown": 0, "failures": {"certificate-expired": failure},
            "findings": {f: failure for f in findings},
            "hosts": [{"host": f"mx.{domain}", "success": success, "failure": failure,
                       "other": 0, "findings": {}}],
            "reasons": {f"certificate verification failed for mx.{domain}": failure}
            if failure else {},
            "since": at(7200) if failure else None, "last": at(300) if failure else None}


def report(rows, sent=None, domain=None):
    rows = [r for r in rows if domain in (None, r["domain"])]
    return {"day": day(1), "until": day(0), "direction": "out", "domains": rows,
            "totals": (sent or directions())["out"], "directions": sent or directions(),
            "our_certificate": [], "domain_count": len(rows), "note": None}


def part(name, state="ok", detail="", advice=None):
    return {"name": name, "ok": state == "ok", "detail": detail, "state": state,
            "advice": advice}


def status(*parts):
    return {"ok": True, "parts": [part("policyd", detail="version 0.1.0"), *parts],
            "state": "ok", "counters": {"map_requests": 1234567}, "time": at(0)}


def days(scale=1):
    return {"days": [{"day": day(n), "directions": directions(scale * (3 + n % 7) / 5)
                      if n % 6 else directions(0)} for n in range(DAYS - 1, -1, -1)],
            "is_complete": True}


def certificate(name, left, finding="ok"):
    return {"name": name, "file": f"/etc/ssl/certs/{name}.pem", "sni": None,
            "finding": finding, "findings": [finding], "not_after": at(-86400 * left),
            "days": left, "served": [{"port": 25, "sni": None, "finding": finding}],
            "names": [], "issuer": "CN=Test CA", "stage": 0, "problems": []}


def certs(*items):
    """Of two hosts, one of which is silent."""
    def host(name, heard):
        return {"host": name, "here": heard, "heard": heard, "seen_at": at(90),
                "overall": "good", "left_out": None}
    return {"certificates": [{**item, "host": "mx1.example.org"} for item in items],
            "hosts": [host("mx1.example.org", True), host("mx2.example.org", False)],
            "overall": "good", "note": None}


def received(reports=()):
    return {"day": day(29), "until": day(0), "direction": "received", "domains": [],
            "reports": list(reports), "totals": {"reports": len(reports), "success": 120,
                                                 "failure": 3, "failures":
                                                 {"certificate-expired": 3}},
            "unverified": {"reports": 0, "success": 0, "failure": 0}, "note": None}


def one_report(organization, domain):
    return {"organization": organization, "submitter": organization, "verified": True,
            "report_id": "1", "contact": None, "start": at(90000), "end": at(3600),
            "received": at(1800), "policies": [
                {"domain": domain, "type": "sts", "success": 120, "failure": 3, "failures": [
                    {"result_type": "certificate-expired", "count": 3, "host": None,
                     "sending_address": None, "reason": None, "additional": None}]}]}


def explain(domain, verdict="undeliverable", finding="cert-expired"):
    return {"domain": domain, "verdict": verdict, "degraded": False, "action": "defer",
            "reason": f"every MX fails: {finding} at mx.{domain}", "rule": None,
            "dane": {"state": "absent", "site": "on", "learned": at(600), "refresh": at(-600),
                     "error": None},
            "mta_sts": {"state": "present", "record": "present", "id": "20260101",
                        "mode": "enforce", "mx": [f"mx.{domain}"], "max_age": 604800,
                        "fetched": at(86400), "expires": at(-500000), "error": None,
                        "record_id": "20260101", "record_learned": at(600),
                        "record_refresh": at(-600)},
            "hosts": [{"host": f"mx.{domain}", "preference": 10, "in_policy": True,
                       "finding": finding, "address_state": "present", "tlsa": "absent",
                       "secure": False, "error": None, "addresses": [
                           {"address": "192.0.2.25", "finding": finding, "source": "probe",
                            "time": at(300), "not_after": at(90000), "webpki_finding": finding,
                            "dane_finding": "unknown", "issuer": "CN=R3",
                            "reason": "certificate has expired", "count": 3}]}],
            "map": {"QUERY": f"OK secure match=mx.{domain} servername=hostname",
                    "QUERYwithTLSRPT": "OK secure"},
            "access": "DEFER_IF_PERMIT 4.7.5 certificate expired", "next_hop": domain,
            "policy": "sts", "finding": finding, "rule_line": None, "warnings": [],
            "mx": {"state": "present", "secure": False, "implicit": False, "null": False,
                   "cut": False, "learned": at(600), "refresh": at(-600), "error": None},
            "source": "memory", "looked_at": at(600), "refresh_at": at(-600),
            "lookup_error": None, "route": {"state": "direct", "next_hops": [domain],
                                            "because": "the recipient's domain"},
            "time": at(0)}


def everything():
    """A busy day with some trouble."""
    rows = [row("broken.example", 41, 0, ["cert-expired"]),
            row("partly.example", 3, 877, ["starttls-missing", "handshake-failed"]),
            *(row(f"fine{n}.example", 0, 500 - n, policy="tlsa") for n in range(30))]
    return {
        "/api/v1/status": status(part("redis", "warning", "unix:/run/hopseal/redis.sock, 12 ms",
                                      "see that it may be written"), part("front")),
        "/api/v1/report": report(rows),
        f"/api/v1/report?since={day(29)}&domain=broken.example": report(
            rows, domain="broken.example"),
        "/api/v1/days": days(),
        "/api/v1/certificates": certs(certificate("mail.example.org", 61),
                               certificate("old.example.org", 6, "cert-expired")),
        "/api/v1/received": received([one_report("Example Mail", "example.org")]),
        "/api/v1/explain": explain("broken.example"),
        "/api/v1/check": {"domain": "broken.example", "next_hop": "broken.example",
                          "service": "smtp", "overall": "broken", "findings": ["cert-expired"],
                          "problems": [{"finding": "cert-expired", "warning": False,
                                        "host": "mx.broken.example", "address": "192.0.2.25",
                                        "reason": "certificate has expired",
                                        "advice": "renew it"}], "hosts": [], "time": at(1),
                          "mx": None, "mta_sts": None, "tlsrpt": None, "dane": None},
    }


def hostile():
    answers = everything()
    answers["/api/v1/report"] = report([row(name, 3, 1, ["cert-expired"]) for name in HOSTILE])
    answers["/api/v1/report"]["our_certificate"] = [
        {"host": name, "address": None, "service": "smtp", "reason": name, "count": 1,
         "since": at(9), "last": at(1)} for name in HOSTILE]
    answers["/api/v1/certificates"] = certs(*(certificate(name, 9) for name in HOSTILE))
    answers["/api/v1/received"] = received([one_report(name, name) for name in HOSTILE])
    answers["/api/v1/status"] = status(*(part(name, "critical", name, name)
                                         for name in HOSTILE))
    return answers


def nothing():
    none = {name: sums() for name in ("out", "in", "submission", "local")}
    empty = received()
    empty["totals"] = {"reports": 0, "success": 0, "failure": 0, "failures": {}}
    return {
        "/api/v1/status": status(), "/api/v1/report": report([], none),
        "/api/v1/days": {"days": [{"day": day(n), "directions": none}
                                  for n in range(DAYS - 1, -1, -1)], "is_complete": True},
        "/api/v1/certificates": certs(), "/api/v1/received": empty,
    }
