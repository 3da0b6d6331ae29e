#!/usr/bin/python3
"""The front against clients that Postfix never was: both services of hopseal-policyd.

    test_front.py [--build DIR] [TEST...]

Runs the whole of policyd on loopback ports of its own.  Waits are bounded, nothing is said
about speed.  One line a test; exit 0 when none failed.
"""

import contextlib
import os
import select
import signal
import sys
import time

from policyd_rig import (DUNNO, NOTFOUND, Connection, Names, Policyd, Skip, allow_files,
                         netstring, question, run, wait_until)
from redis_rig import Redis

CLOSED = "bad request, connection closed"
RULED = "ruled.example out level=encrypt\n"     # an answer without any lookup
ENCRYPT = b"10:OK encrypt,"

RCPT = [
    ("request", "smtpd_access_policy"), ("protocol_state", "RCPT"),
    ("protocol_name", "ESMTP"), ("client_address", "203.0.113.7"),
    ("client_name", "mail.example.org"), ("client_port", "40012"),
    ("reverse_client_name", "mail.example.org"), ("server_address", "192.0.2.1"),
    ("server_port", "25"), ("helo_name", "mail.example.org"),
    ("sender", "a@example.org"), ("recipient", "b@known.example"),
    ("recipient_count", "0"), ("queue_id", ""), ("instance", "1a2b.6512.0"),
    ("size", "12345"), ("etrn_domain", ""), ("stress", ""), ("sasl_method", ""),
    ("sasl_username", ""), ("sasl_sender", ""), ("ccert_subject", ""),
    ("ccert_issuer", ""), ("ccert_fingerprint", ""), ("ccert_pubkey_fingerprint", ""),
    ("encryption_protocol", "TLSv1.3"), ("encryption_cipher", "TLS_AES_256_GCM_SHA384"),
    ("encryption_keysize", "256"), ("policy_context", ""),
]
NEWER = [("compatibility_level", "3.6"), ("mail_version", "3.12-20260821")]


def request(attributes=None, **changes):
    """One access request; names that RCPT lacks are added."""
    pairs = dict(RCPT if attributes is None else attributes)
    pairs.update(changes)
    return ("".join(f"{k}={v}\n" for k, v in pairs.items()) + "\n").encode()


# As Postfix 3.4 and 3.7 send it; as 3.8 and later; as 3.12.
SHAPES = [
    request(),
    request(RCPT + NEWER),
    request(RCPT[:-1] + [("tls_sni", "mx.example.org"), RCPT[-1]] + NEWER),
]


@contextlib.contextmanager
def policyd(folder, rules=RULED, **options):
    """One that runs, ends well, and whose front was never replaced."""
    p = Policyd(folder, rules, **options).start()
    front = p.pid("front")
    yield p
    assert p.pid("front") == front, "the front was replaced"
    assert p.end() == 0
    assert "child killed" not in p.log() and "child hangs" not in p.log(), p.log()


@contextlib.contextmanager
def names(**options):
    server = Names(**options)
    try:
        yield server
    finally:
        server.close()


def is_served(p):
    return p.ask("ruled.example") == "OK encrypt"


def is_bounded(p, before, kib):
    now = p.rss()
    assert now - before < kib or p.is_sanitized(), f"{before} KiB are {now} now"


# ------------------------------------------------------------------ socketmap

def refuses(p, address, requests, service):
    """Each of them is closed without an octet and with one line; a neighbour is served."""
    good, answer = (question("ruled.example"), ENCRYPT) if service == "map" else \
        (SHAPES[0], DUNNO)
    with Connection(address) as neighbour:
        for number, (label, data) in enumerate(requests, 1):
            with Connection(address) as c:
                try:
                    c.send(data)
                except (ConnectionResetError, BrokenPipeError):
                    pass
                assert c.end() == b"", f"{label}: an answer"
            p.wait_said(CLOSED, number)
            assert p.count_said(CLOSED) == number, f"{label}: {p.log()[-400:]}"
            neighbour.send(good)
            neighbour.expect(answer)
    assert p.counters()["bad_requests"] == len(requests)


def test_bad_netstrings(folder):
    with policyd(folder) as p:
        refuses(p, p.map, [
            ("letters", b"abc:QUERY a.example,"),
            ("hexadecimal", b"0x17:QUERY a.example,"),
            ("plus", b"+5:QUERY,"),
            ("minus", b"-5:QUERY,"),
            ("blank first", b" 15:QUERY a.example,"),
            ("zeros first", b"0015:QUERY a.example,"),
            ("a zero", b"0:,"),
            ("2^64 + 15", b"18446744073709551631:QUERY a.example,"),
            ("no length", b":QUERY a.example,"),
            ("no colon", b"15QUERY a.example,"),
            ("no comma", b"15:QUERY a.example;"),
            ("no blank", b"5:QUERY,"),
            ("no octets of a map", b"1:a,"),
            ("NUL in the key", netstring(b"QUERY a\0b.example")),
            ("NUL in the map", netstring(b"QUE\0RY a.example")),
            ("an HTTP client", b"GET / HTTP/1.0\r\n\r\n"),
            ("a TLS client", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)),
            ("too long by its length", b"10241:"),
            ("64 MiB of digits", b"1" * (64 << 20)),
            ("64 MiB behind a good length", b"10240:QUERY " + b"x" * (64 << 20)),
        ], "map")


def test_good_before_bad(folder):
    """What was asked before the nonsense is answered, and no more."""
    with policyd(folder) as p, Connection(p.map) as c:
        c.send(question("ruled.example") * 2 + b"5:QUERY," + question("ruled.example"))
        assert c.end() == ENCRYPT * 2


def test_unknown_map(folder):
    with policyd(folder) as p, Connection(p.map) as c:
        for name in ("query", "QUERYX", "", "QUERY\n", "\"QUERY\"", "x" * 5000):
            got = c.ask("ruled.example", name)
            assert got.startswith("PERM unknown map "), (name, got)
            assert len(got) < 200 and got.isprintable(), (name, got)
        assert c.ask("ruled.example", "postfix") == "OK encrypt"
        assert p.lookups() == 0


def test_keys_without_lookup(folder):
    keys = [
        ".parent.example", ".example", "[192.0.2.1]", "[192.0.2.1]:25", "192.0.2.1",
        "[IPv6:2001:db8::1]", "[2001:db8::1]:25", "2001:db8::1", "user@example.com",
        "@example.com", b"\xff\xfe\x80", b"a\x01b.example", "a b.example", "a.example ",
        "", " ", "example", "host.local", "host.internal", "/var/spool/postfix/lmtp",
        "x" * 64 + ".example", "a..example", "[mx.example", "[mx.example]25", "[]",
        "a.example:0", "a.example:65536", "a.example:smtps", "a.example:25:25",
        b"\xc3\x28.example", "a\r\nb.example", "x" * 10001, "x." * 5000 + "example",
        "*.example", "a_b .example", "\u202e.example", "xn--\u00fc.example",
    ]
    with policyd(folder) as p, Connection(p.map) as c:
        for key in keys:
            for name in ("QUERY", "QUERYwithTLSRPT", "postfix"):
                c.send(question(key, name))
                c.expect(NOTFOUND)
        counters = p.counters()
        assert counters["lookups"] == 0, counters
        assert counters["cache_entries"] == 0, counters


def test_one_entry(folder):
    """Spellings of one name are one entry; a host and a port are others."""
    with names() as server, policyd(folder, dns_servers=server.option) as p, \
            Connection(p.map) as c:
        for keys in (["b\u00fccher.example", "B\u00dcCHER.example.", "xn--bcher-kva.example",
                      "XN--BCHER-KVA.EXAMPLE.", "b\u00fccher\u3002example",
                      "xn--bcher-kva.example:25", "xn--bcher-kva.example:smtp"],
                     ["[mx.example.com]", "[MX.example.com.]:25", "[mx.Example.com]:smtp"],
                     ["[mx.example.com]:587", "[mx.example.com]:submission"],
                     ["mx.example.com"], ["mx.example.com:587"]):
            before = p.lookups()
            for key in keys:
                for name in ("QUERY", "QUERYwithTLSRPT"):
                    assert c.ask(key, name) == "NOTFOUND ", key
            assert p.lookups() == before + 1, keys


def test_order(folder):
    """Replies keep the order of the questions, also while the first one waits."""
    def three(number):
        return (question(f"slow{number}.example") + question("a.example", "NONE") +
                question("ruled.example"))

    with names() as server, policyd(folder, dns_servers=server.option) as p:
        with Connection(p.map) as c:
            for number, octets in ((1, 1000), (2, 1), (3, 7)):
                data = three(number)
                for at in range(0, len(data), octets):
                    c.send(data[at:at + octets])
                assert c.reply() == "NOTFOUND "
                assert c.reply().startswith("PERM ")
                c.expect(ENCRYPT)
        assert p.lookups() == 3


def test_split_anywhere(folder):
    with policyd(folder) as p, Connection(p.map) as c:
        data = question("ruled.example") * 3
        for at in range(1, len(data)):
            c.send(data[:at])
            c.send(data[at:])
            c.expect(ENCRYPT * 3)


def test_waiting_together(folder):
    """A hundred who wait for the same name cost one lookup; those who leave are no loss."""
    with names() as server, policyd(folder, dns_servers=server.option) as p:
        clients = [Connection(p.map) for _ in range(100)]
        for c in clients:
            c.send(question("slow.example"))
        wait_until(lambda: p.lookups() == 1, "the lookup")
        for c in clients[::3]:
            c.drop()
        for i, c in enumerate(clients):
            if i % 3:
                c.expect(NOTFOUND)
                c.close()
        assert p.lookups() == 1


def test_late_lookup(folder):
    """At map_deadline there is an answer: with DANE off and nothing known, not found."""
    with names() as server, policyd(folder, dns_servers=server.option,
                                    map_deadline="1s") as p, Connection(p.map) as c:
        c.send(question("silent.example") + question("ruled.example"))
        assert not select.select([c.socket], [], [], 0.3)[0]
        c.expect(NOTFOUND + ENCRYPT)


def deaf_client(p, patience_s=0.1):
    """One that asks until nothing more is taken; and how many octets were."""
    block = question("ruled.example") * 2000
    c, sent = Connection(p.map), 0
    c.socket.setblocking(False)
    while select.select([], [c.socket], [], patience_s)[1]:
        sent += c.socket.send(block[sent % len(block):])
        assert sent < 64 << 20, "it reads for ever"
    c.socket.settimeout(20)
    return c, sent


def test_never_reads(folder):
    """Who does not read his replies is not read from either, and costs a bounded amount."""
    with policyd(folder) as p:
        assert is_served(p)
        before = p.rss()
        deaf = [deaf_client(p) for _ in range(10)]
        is_bounded(p, before, 10 * 400)
        assert is_served(p)
        # Whoever reads in time gets all that he asked for.
        c, sent = deaf[-1]
        whole = sent // len(question("ruled.example"))
        got = c.get(whole * len(ENCRYPT))
        assert got == ENCRYPT * whole, len(got)
        for c, _ in deaf:
            c.drop()
        wait_until(lambda: p.counters()["connections"] == 0, "the end of all")
        is_bounded(p, before, 3000)


def test_half_closed(folder):
    """Who says that he will ask no more still gets his answers."""
    with names() as server, policyd(folder, dns_servers=server.option) as p:
        for asked, answer in ((question("ruled.example") * 3, ENCRYPT * 3),
                              (question("slow1.example"), NOTFOUND),
                              (question("slow2.example") + question("ruled.example"),
                               NOTFOUND + ENCRYPT),
                              (question("ruled.example") + b"15:QUE", ENCRYPT), (b"", b"")):
            with Connection(p.map) as c:
                c.send(asked)
                c.half_close()
                assert c.end() == answer
        with Connection(p.access) as c:
            c.send(SHAPES[0])
            c.half_close()
            assert c.end() == DUNNO
        assert p.count_said(CLOSED) == 0, "an end is no mistake"


def test_begun_and_idle(folder):
    """A begun request is complete in 10 s or ends, and so does who takes no reply; idle
    connections and busy ones stay."""
    with policyd(folder) as p:
        idle = [Connection(p.map), Connection(p.access), Connection(p.map)]
        assert idle[2].ask("ruled.example") == "OK encrypt"
        busy = Connection(p.map), Connection(p.access)
        begun = [(Connection(p.map), b"1"), (Connection(p.map), b"15:QUERY a.exampl"),
                 (Connection(p.access), b"request=smtpd_access_policy\n"),
                 (Connection(p.access), b"r")]
        deaf, _ = deaf_client(p, 1)
        drip_map, drip_access = Connection(p.map), Connection(p.access)
        for c, data in begun:
            c.send(data)
        drip_map.send(b"5000:QUERY ")
        drip_access.send(b"request=smtpd_access_policy\nstress=")
        busy[0].send(question("ruled.example")[:9])
        busy[1].send(SHAPES[0][:9])
        start = time.monotonic()
        while any(c.is_open() for c in [c for c, _ in begun] + [drip_map, drip_access]):
            assert time.monotonic() < start + 60, "kept open by drops"
            # Never a whole request in hand, and yet each is soon complete.
            busy[0].send(question("ruled.example")[9:] + question("ruled.example")[:9])
            busy[0].expect(ENCRYPT)
            busy[1].send(SHAPES[0][9:] + SHAPES[0][:9])
            busy[1].expect(DUNNO)
            for c in drip_map, drip_access:
                with contextlib.suppress(OSError):
                    c.send(b"x")
            time.sleep(0.5)
        assert time.monotonic() > start + 8, "closed far too early"
        for c in [c for c, _ in begun] + [drip_map, drip_access]:
            assert c.end() == b""
        p.wait_said_only("request not complete in time", 6)
        p.wait_said_only("replies not taken in time")
        deaf.end()
        assert all(c.is_open() for c in idle)
        assert idle[0].ask("ruled.example") == "OK encrypt"
        idle[1].send(SHAPES[1])
        idle[1].expect(DUNNO)


# -------------------------------------------------------------- crowds and limits

def test_silent_crowd(folder):
    """Ten thousand who say nothing cost little each and nobody else anything."""
    limit = allow_files(20000)
    count = min(10000, limit - 300)
    if count < 500:
        raise Skip(f"only {limit} descriptors")
    with policyd(folder) as p:
        assert is_served(p)
        before, crowd = p.rss(), []
        for i in range(count):
            crowd.append(Connection(p.map if i % 2 else p.access))
            if i % 1000 == 0:
                assert is_served(p)
        wait_until(lambda: p.counters()["connections"] == count, "all of them")
        assert is_served(p)
        is_bounded(p, before, count)
        # One in twenty begins a request and leaves it there.
        for c in crowd[::20]:
            c.send(b"1")
        assert is_served(p)
        assert all(c.is_open() for c in crowd[::50])
        for c in crowd:
            c.drop()
        wait_until(lambda: p.counters()["connections"] == 0, "the end of all")
        if count < 10000:
            print(f"# {count} connections: our own limit is {limit}")


def test_connection_limit(folder):
    """At the limit the one silent for longest goes; those who wait are not silent."""
    with names() as server, policyd(folder, dns_servers=server.option,
                                    map_deadline="2s", connection_limit=20) as p:
        waiting = Connection(p.map)
        waiting.send(question("silent.example"))
        wait_until(lambda: p.lookups() == 1, "the lookup")
        crowd = [Connection(p.map) for _ in range(19)]
        for c in crowd[1:] + crowd[:1]:
            assert c.ask("ruled.example") == "OK encrypt"
        for i in range(1, 4):
            crowd.append(Connection(p.map))
            assert crowd[-1].ask("ruled.example") == "OK encrypt"
            assert crowd[i].end() == b""
            assert all(c.is_open() for c in crowd[i + 1:] + crowd[:1])
        waiting.expect(NOTFOUND)
        p.wait_said("connection_limit reached")
        begin = time.monotonic()
        flood = [Connection(p.map) for _ in range(300)]
        assert flood[-1].ask("ruled.example") == "OK encrypt"
        assert p.counters()["connections"] == 20
        assert p.count_said("connection_limit reached") <= \
            time.monotonic() - begin + 5, "a line a second at most"


def test_out_of_descriptors(folder):
    """Without descriptors: one line, those who are there are served, and it goes on."""
    with policyd(folder) as p:
        old = Connection(p.map)
        assert old.ask("ruled.example") == "OK encrypt"
        before = p.limit_files(p.fd_count() + 5)
        crowd = [Connection(p.map) for _ in range(40)]
        for c in crowd:
            c.send(question("ruled.example"))
        p.wait_said("connections cannot be accepted")
        for _ in range(15):
            assert old.ask("ruled.example") == "OK encrypt"
            time.sleep(0.1)
        assert p.count_said("connections cannot be accepted") == 1
        served, _, _ = select.select([c.socket for c in crowd], [], [], 0)
        assert 0 < len(served) < 10, len(served)
        p.limit_files(before)
        for c in crowd:
            c.expect(ENCRYPT)
        p.wait_said("connections are accepted again")
        assert is_served(p)


def test_descriptors_below_limit(folder):
    """connection_limit beyond what the system gives: the silent go, nobody is locked out."""
    if os.geteuid() != 0:
        raise Skip("not root")
    # Whoever may not raise the limit: root without SYS_RESOURCE.
    p = Policyd(folder, RULED)
    p.start(before=["prlimit", "--nofile=300:300", "setpriv",
                    "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"])
    p.wait_said("connection_limit is more than the system's limit")
    crowd = [Connection(p.map) for _ in range(400)]
    assert crowd[-1].ask("ruled.example") == "OK encrypt"
    assert not crowd[0].is_open()
    old = p.pid("scout")
    os.kill(old, signal.SIGKILL)
    p.wait_replaced("scout", old)
    assert crowd[-1].ask("ruled.example") == "OK encrypt"
    assert p.end() == 0


def test_flat(folder):
    """A hundred thousand requests and twenty thousand connects leave nothing behind."""
    def requests(count):
        with Connection(p.map) as m, Connection(p.access) as a:
            for _ in range(count // 2000):
                m.send(question("ruled.example") * 1000)
                a.send(SHAPES[2] * 1000)
                m.expect(ENCRYPT * 1000)
                a.expect(DUNNO * 1000)

    def connects(count):
        for i in range(count):
            c = Connection(p.map if i % 2 else p.access)
            if i % 3 == 0:
                c.send(b"15:QUE")
            c.drop()

    def settled():
        wait_until(lambda: p.counters()["connections"] == 0, "the end of all")
        return p.rss(), p.fd_count()

    with policyd(folder) as p:
        requests(10000)
        connects(2000)
        rss, fds = settled()
        requests(100000)
        connects(20000)
        _, now_fds = settled()
        assert now_fds == fds, (fds, now_fds)
        is_bounded(p, rss, 1024)
        asked = p.counters()["access_requests"]
        assert 55000 <= asked < 55100, asked        # and what status itself asks


def test_many_names(folder):
    """Names that nobody can look up: the lookups are bounded, the book is, others go on."""
    with names() as server, policyd(folder, dns_servers=server.option, map_deadline="1s",
                                    own_networks="203.0.113.0/24", cache_entries=1000) as p:
        assert is_served(p)
        before = p.rss()
        # Intake does not wait without a rule, so each request is another name.
        with Connection(p.access) as a:
            for batch in range(20):
                a.send(b"".join(request(recipient=f"x@n{batch}-{i}.silent.example")
                                for i in range(1000)))
                a.expect(DUNNO * 1000)
        assert is_served(p)
        counters = p.counters()
        assert counters["lookups"] <= 4096, counters
        assert counters["cache_entries"] <= 4096 + 1000, counters
        is_bounded(p, before, 20000)


# --------------------------------------------------------------------- access

def test_access_shapes(folder):
    with policyd(folder, "* out action=defer\n") as p, Connection(p.access) as c:
        for shape in SHAPES:
            for at in range(1, len(shape)):
                c.send(shape[:at])
                c.send(shape[at:])
                c.expect(DUNNO)
            c.send(shape * 50)
            c.expect(DUNNO * 50)
            for octet in shape:
                c.send(bytes([octet]))
            c.expect(DUNNO)
        assert p.counters()["bad_requests"] == 0


def test_access_refused(folder):
    body = SHAPES[1]
    with policyd(folder) as p:
        refuses(p, p.access, [
            ("no request=", request(RCPT[1:])),
            ("request= empty", request(request="")),
            ("another request", request(request="junk")),
            ("another request in the end", body[:-1] + b"request=smtpd_access\n\n"),
            ("only the empty line", b"\n\n"),
            ("a line without =", body[:-1] + b"nothing\n\n"),
            ("NUL in a value", request(sender="a\0b")),
            ("NUL in a name", body[:-1] + b"a\0b=c\n\n"),
            ("64 KiB in one value", request(stress="x" * 65536)),
            ("64 KiB of lines", b"a=b\n" * 16384),
            ("64 MiB without an end", b"stress=" + b"x" * (64 << 20)),
            ("garbage", bytes(range(1, 256)).replace(b"=", b"") * 4 + b"\n\n"),
            ("an HTTP client", b"GET / HTTP/1.0\nHost: a\n\n"),
        ], "access")


def test_access_odd_but_fine(folder):
    """What a coming Postfix, or a mail of today, may well send."""
    with policyd(folder, "* out action=defer clients=all\n") as p, \
            Connection(p.access) as c:
        for label, data in (
                ("unknown attributes", request(x_new="1", tls_new_thing="a=b=c")),
                ("all empty", request([("request", "smtpd_access_policy")] +
                                      [(name, "") for name, _ in RCPT[1:]])),
                ("only request=", b"request=smtpd_access_policy\n\n"),
                ("a name without a name", request()[:-1] + b"=x\n\n"),
                ("UTF-8 recipient", request(recipient="\u00fc@b\u00fccher.example")),
                ("UTF-8 broken", request(recipient="@@").replace(
                    b"recipient=@@", b"recipient=\xc3\x28@\xff.example")),
                ("no @", request(recipient="postmaster")),
                ("nothing behind @", request(recipient="a@")),
                ("two @", request(recipient='"a@b"@c.example')),
                ("literal", request(recipient="a@[192.0.2.1]")),
                ("very long recipient", request(recipient="a" * 30000 + "@c.example")),
                ("very long domain", request(recipient="a@" + "c." * 10000 + "example")),
                ("sender with text of ours", request(sender="action=REJECT")),
                ("CR at the ends", request(stress="yes\r")),
                ("no address", request(client_address="unknown")),
                ("v6", request(client_address="2001:db8::7", sasl_username="")),
                ("just below 64 KiB", request(stress="x" * (65400 - len(request())))),
                *((state, request(protocol_state=state)) for state in (
                    "CONNECT", "EHLO", "HELO", "MAIL", "DATA", "END-OF-MESSAGE", "VRFY",
                    "ETRN", "", "X")),
        ):
            c.send(data)
            try:
                c.expect(DUNNO)
            except (AssertionError, OSError) as error:
                raise AssertionError(f"{label}: {error}; {p.log()[-200:]}")
        assert p.counters()["lookups"] == 0


def test_access_unknown_never_defers(folder):
    """Hosts that nobody has looked at are unknown: no rule defers for them."""
    with names() as server, policyd(folder, "* out action=defer clients=all\n",
                                    dns_servers=server.option, first_contact_wait="1s",
                                    own_networks="203.0.113.0/24") as p, \
            Connection(p.access) as c:
        for recipient in ("a@none.example", "a@slow.example", "a@silent.example",
                          "b@silent.example", "c@silent2.example"):
            c.send(request(recipient=recipient, sasl_username="me"))
            c.expect(DUNNO)
            c.send(request(recipient=recipient))
            c.expect(DUNNO)
        counters = p.counters()
        assert counters["access_deferred"] == counters["access_held"] == 0, counters


def test_access_enforce_never_defers(folder):
    """The same for a domain whose policy is known: shared by another host, in Redis."""
    redis = Redis(folder)
    try:
        now = int(time.time())
        record = (f"hopseal-facts 1\nnext_hop=sts.example\nlooked_at={now}\n"
                  f"refresh_at={now + 600}\nlearned_at={now}\nmx=present\ndane=none\n"
                  f"record=present\nrecord_id=1\nhost=mx.sts.example\npreference=10\n"
                  f"addresses=present\ntlsa=none\naddress=192.0.2.9\npolicy_id=1\n"
                  f"fetched_at={now}\nexpires_at={now + 86400}\nrefetch_at={now + 43200}\n"
                  "policy=version: STSv1\npolicy=mode: enforce\npolicy=mx: mx.sts.example\n"
                  "policy=max_age: 86400\n")
        redis.command("SET", "hopseal:facts:{sts.example}", record, "EX", "3600")
        with policyd(folder, "* out action=defer clients=all\n",
                     redis=f"unix:{redis.path}") as p:
            wait_until(lambda: p.ask("sts.example").startswith(
                "OK secure match=mx.sts.example"), "the record in Redis")
            with Connection(p.access) as c:
                for changes in ({}, {"sasl_username": "me"}):
                    c.send(request(recipient="a@sts.example", **changes))
                    c.expect(DUNNO)
            counters = p.counters()
            assert counters["access_deferred"] == counters["access_held"] == 0
    finally:
        redis.stop()


def test_access_strangers(folder):
    """Strangers start no lookup; our own users and networks do, one each name."""
    with names() as server, policyd(folder, "* out action=defer clients=all\n",
                                    dns_servers=server.option,
                                    own_networks="192.0.2.0/24 [2001:db8::]/64") as p, \
            Connection(p.access) as c:
        for changes in ({}, {"client_address": "2001:db8:1::1"},
                        {"client_address": "192.0.3.1"}, {"sasl_method": "PLAIN"},
                        {"sasl_sender": "me"}, {"client_address": "::ffff:192.0.3.1"}):
            c.send(request(recipient="a@stranger.example", **changes))
            c.expect(DUNNO)
        assert p.lookups() == 0
        assert server.asked == [] or not any("stranger" in name for name in server.asked)
        for number, changes in enumerate((
                {"sasl_username": "me"}, {"client_address": "192.0.2.77"},
                {"client_address": "2001:db8::7"}), 1):
            for _ in range(2):
                c.send(request(recipient=f"a@ours{number}.example", **changes))
                c.expect(DUNNO)
            assert p.lookups() == number, changes


def test_neither_service_speaks_the_other(folder):
    with policyd(folder) as p:
        with Connection(p.map) as c:
            c.send(SHAPES[0])
            assert c.end() == b""
        with Connection(p.access) as c:
            c.send(question("ruled.example") + b"\n\n")
            assert c.end() == b""


if __name__ == "__main__":
    sys.exit(run([test for name, test in list(globals().items())
                  if name.startswith("test_")]))
