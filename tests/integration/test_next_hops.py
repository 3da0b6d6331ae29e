#!/usr/bin/python3
"""Where mail goes by Postfix's tables: asked by the clerk, awaited by the front, bounded.

    test_next_hops.py [--build DIR] [TEST...]

postconf and postmap are scripts; what they are asked stands in files.  The way is read
where the milter reads it, on the control socket, and felt by lookups that begin.
"""

import json
import os
import select
import signal
import socket
import sys
import threading
import time

from policyd_rig import (DUNNO, Connection, Names, Policyd, run, wait_until)

POSTCONF = """#!/bin/sh
[ "$1" = -M ] && {{ echo 'smtp unix - - y - - smtp'; echo 'slow unix - - y - - smtp'; exit; }}
cat <<'END'
mail_version = 3.7.11
myhostname = own.example
mydestination = own.example
mynetworks = 127.0.0.0/8
{settings}
END
"""
# Answers as postmap -q - does, from lines "TABLE KEY VALUE"; the last table always has one.
POSTMAP = """#!/bin/sh
while [ "$1" != - ]; do shift; done
echo run >>{folder}/runs
{before}
awk -v table="$2" -v nothing="${{3#static:}}" -v asked={folder}/asked '
    NR == FNR {{ if ($1 == table) values[$2] = substr($0, length($1 $2) + 3); next }}
    {{ print $0 >>asked
       print $0 "\\t" ($0 in values ? values[$0] : nothing) }}' {folder}/table -
{after}
"""


class Rig:
    """A policyd whose Postfix says settings and whose tables hold lines."""

    def __init__(self, folder, settings, lines="", before="", after="", rules="", **options):
        self.folder = os.path.join(folder, "bin")
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o777)    # its account writes what it was asked
        self.write("table", lines)
        self.write("postconf", POSTCONF.format(settings=settings))
        self.write("postmap", POSTMAP.format(folder=self.folder, before=before, after=after))
        self.policyd = Policyd(folder, rules, **options)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as f:
            f.write(text)
        os.chmod(os.path.join(self.folder, name), 0o755)

    def __enter__(self):
        self.policyd.start(env=dict(os.environ, PATH=self.folder + ":/usr/bin:/bin"))
        wait_until(lambda: self.ask("site").get("known"), "Postfix's settings")
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            assert self.policyd.end() == 0

    def ask(self, command, **members):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(self.policyd.options["control_listen"].removeprefix("unix:"))
            s.sendall(json.dumps({"command": command, **members}).encode() + b"\n")
            return json.loads(s.makefile().readline())

    def route(self, recipient, sender="me@own.example", client="192.0.2.1"):
        return self.ask("route", recipient=recipient, sender=sender, client=client)

    def way(self, recipient, **members):
        """The next hops, or the word for none."""
        answer = self.route(recipient, **members)
        return " ".join(answer["next_hops"]) or answer["state"]

    def count(self, name):
        try:
            with open(os.path.join(self.folder, name)) as f:
                return len(f.readlines())
        except FileNotFoundError:
            return 0


def rcpt(recipient, **changes):
    attributes = {"request": "smtpd_access_policy", "protocol_state": "RCPT",
                  "client_address": "203.0.113.7", "sender": "me@own.example",
                  "recipient": recipient, "instance": recipient, "sasl_username": "me",
                  "server_port": "587", **changes}
    return "".join(f"{n}={v}\n" for n, v in attributes.items()).encode() + b"\n"


def test_ways(folder):
    with Rig(folder, "transport_maps = hash:t\nrelayhost = [relay.example]\n"
             "virtual_alias_maps = hash:v\nsender_dependent_relayhost_maps = hash:s",
             "hash:t a.example smtp:b.example:587\nhash:t .c.example slow:[d.example]\n"
             "hash:v x@own.example y@a.example, z@e.example\nhash:s boss@own.example [f.example]\n"
             ) as r:
        assert not r.ask("site")["plain"]
        for recipient, want in (("u@a.example", "b.example:587"),
                                ("u@sub.c.example", "[d.example]:25"),
                                ("u@other.example", "[relay.example]:25"),
                                ("x@own.example", "b.example:587 [relay.example]:25"),
                                ("u@own.example", "none"), ("u", "none")):
            assert r.way(recipient) == want, (recipient, r.route(recipient))
        assert r.way("u@other.example", sender="boss@own.example") == "[f.example]:25"
        explained = r.policyd.command("explain", "a.example")
        assert explained["route"]["state"] == "unknown", explained["route"]
        assert explained["access"] == "DUNNO"


def test_nothing_asked(folder):
    """Where all stands in main.cf nobody runs postmap, a relay included."""
    with Rig(folder, "relayhost = [relay.example]:587") as r:
        assert r.way("u@a.example") == "[relay.example]:587"
        explained = r.policyd.command("explain", "a.example")
        assert explained["route"] == {"state": "elsewhere", "because": "relayhost",
                                      "next_hops": ["[relay.example]:587"]}
        assert explained["access"] is None
        assert r.count("runs") == 0


def test_front_looks_up_the_next_hop(folder):
    """An authenticated client's recipient starts a look at where its mail goes, and only
    there; a content filter's way back starts none."""
    server = Names()
    with Rig(folder, "transport_maps = hash:t", "hash:t a.example smtp:b.example\n",
             rules="* out action=defer\n", dns_servers=server.option,
             reinject_ports="10026") as r:
        for request in (rcpt("u@a.example", server_port="10026"),
                        rcpt("u@a.example", sasl_username=""), rcpt("u@a.example")):
            with Connection(r.policyd.access) as c:
                c.send(request)
                c.expect(DUNNO)
        wait_until(lambda: any("b.example" in name for name in server.asked), "a look")
        assert not any("a.example" in name for name in server.asked), server.asked
        assert r.policyd.lookups() == 1
    server.close()


def test_unknown(folder):
    """What postmap does not clearly say is unknown, and never "not there"."""
    cases = {"failing": ("exit 1", ""), "killed": ("kill -9 $$", ""),
             "silent": ("exit 0", ""), "rubbish": ("head -c 5000 /dev/urandom; exit 0", ""),
             "loud": ("exec cat /dev/zero", ""), "fails late": ("", "exit 1"),
             "another key": ("echo 'x@y\tsmtp:[evil.example]'; exit 0", ""),
             "hanging": ("exec sleep 600", ""), "lingering": ("sleep 600 & exec sleep 600", "")}
    for name, (before, after) in cases.items():
        sub = os.path.join(folder, name.replace(" ", "-"))
        os.mkdir(sub)
        os.chmod(sub, 0o755)
        with Rig(sub, "transport_maps = hash:t", "hash:t a.example smtp:b.example\n",
                 before, after) as r:
            for recipient in "u@a.example", "u@c.example":
                since = time.monotonic()
                answer = r.route(recipient)
                assert answer["state"] == "unknown" and not answer["next_hops"], (name, answer)
                assert time.monotonic() - since < 15, name
            assert r.policyd.count_said("table cannot be asked") == 1, name
            assert r.policyd.count_said("table=hash:t, reason=postmap ") == 1, name
            part = next(p for p in r.policyd.command("status")["parts"]
                        if p["name"] == "next_hops")
            assert part["state"] == "warning" and "log has the reason" in part["advice"], part
            assert part["detail"].startswith("table hash:t cannot be asked"), part


def test_proxymap(folder):
    """A proxymap that cannot be reached is left out."""
    with Rig(folder, "transport_maps = proxy:hash:t\nqueue_directory = " + folder,
             "hash:t a.example smtp:b.example\nproxy:hash:t a.example smtp:c.example\n") as r:
        assert r.way("u@a.example") == "b.example"
        os.mkdir(os.path.join(folder, "private"))
        path = os.path.join(folder, "private", "proxymap")
        with open(path, "w"):
            os.chmod(path, 0o666)
        r.policyd.process.send_signal(signal.SIGHUP)
        wait_until(lambda: r.way("u@a.example") == "c.example", "the table by proxymap")


def test_missing_postmap(folder):
    with Rig(folder, "transport_maps = hash:t") as r:
        os.unlink(os.path.join(r.folder, "postmap"))
        assert r.way("u@a.example") == "unknown"
        assert r.policyd.count_said("postmap could not be run") == 1


def test_hanging_table_holds_up_no_other(folder):
    """Postfix waits at most first_contact_wait, and for no other table longer."""
    with Rig(folder, "transport_maps = hash:t\nsender_dependent_relayhost_maps = ldap:s",
             "hash:t a.example smtp:b.example\n", '[ "$2" = ldap:s ] && exec sleep 600',
             rules="* out action=defer\n", first_contact_wait="1s") as r:
        since = time.monotonic()
        with Connection(r.policyd.access) as c, Connection(r.policyd.map) as other:
            c.send(rcpt("u@a.example"))
            meanwhile = 0
            while not select.select([c.socket], [], [], 0.05)[0]:
                assert other.ask(".example") == "NOTFOUND "
                meanwhile += 1
            c.expect(DUNNO)
        assert 0.8 < time.monotonic() - since < 10, time.monotonic() - since
        assert meanwhile > 3, meanwhile


def test_kept_and_asked_again(folder):
    """An answer serves for a while; a reload asks anew."""
    with Rig(folder, "transport_maps = hash:t", "hash:t a.example smtp:b.example\n") as r:
        for _ in range(20):
            assert r.way("u@a.example") == "b.example"
        assert r.count("runs") == 1
        r.write("table", "hash:t a.example smtp:c.example\n")
        r.policyd.process.send_signal(signal.SIGHUP)
        wait_until(lambda: r.way("u@a.example") == "c.example", "the new table's answer")


def test_many_recipients(folder):
    """10,000 of them: few runs, bounded memory, and each is answered."""
    count = 10000
    with Rig(folder, "transport_maps = hash:t", "hash:t .example slow:[b.lan]\n",
             rules="* out action=defer\n", first_contact_wait="5s") as r:
        assert r.way("u@a.example") == "[b.lan]:25"
        before = r.policyd.rss("clerk")
        since = time.monotonic()

        def feed(part):
            with Connection(r.policyd.access, 60) as c:
                for i in range(part, count, 20):
                    c.send(rcpt(f"u{i}@n{i}.example"))
                    c.expect(DUNNO)

        feeders = [threading.Thread(target=feed, args=(i,)) for i in range(20)]
        for feeder in feeders:
            feeder.start()
        for feeder in feeders:
            feeder.join(120)
            assert not feeder.is_alive()
        seconds = time.monotonic() - since
        assert r.policyd.counters()["access_requests"] == count
        assert r.count("runs") < count / 4, r.count("runs")
        print(f"# {count} recipients in {seconds:.1f} s, {r.count('runs')} runs of postmap, "
              f"{r.policyd.rss('clerk') - before} KiB", flush=True)
        assert Policyd.is_sanitized() or r.policyd.rss("clerk") - before < 16384


def test_clerk_killed(folder):
    """A clerk that dies while it is asked: no answer is no judgement; the next one is."""
    with Rig(folder, "transport_maps = hash:t", "hash:t a.example smtp:b.example\n",
             "[ -e {0}/slow ] && exec sleep 600".format(os.path.join(folder, "bin")),
             rules="* out action=defer\n", first_contact_wait="9s") as r:
        r.write("slow", "")
        with Connection(r.policyd.access) as c:
            c.send(rcpt("u@a.example"))
            wait_until(lambda: r.count("runs") > 0, "postmap")
            clerk = r.policyd.pid("clerk")
            os.kill(clerk, signal.SIGKILL)
            since = time.monotonic()
            c.expect(DUNNO)
            assert time.monotonic() - since < 8
        os.unlink(os.path.join(r.folder, "slow"))
        r.policyd.wait_replaced("clerk", clerk)
        wait_until(lambda: r.way("u@a.example") == "b.example", "the next clerk's answer")


def test_own_domains_and_networks(folder):
    with Rig(folder, "virtual_mailbox_domains = hash:d\nmynetworks = 127.0.0.0/8 cidr:n",
             "hash:d boxes.example yes\ncidr:n 192.0.2.1 yes\n") as r:
        for recipient, client, want in (
                ("u@boxes.example", "192.0.2.1", ("present", "present", "none")),
                ("u@boxes.example", "192.0.2.2", ("absent", "present", "none")),
                ("u@own.example", "127.0.0.1", ("present", "present", "none")),
                ("u@a.example", "192.0.2.2", ("absent", "absent", "known"))):
            answer = r.route(recipient, client=client)
            got = answer["client"], answer["domain"], answer["state"]
            assert got == want, (recipient, client, answer)


def test_options_stand_in(folder):
    """own_domains, own_networks and next_hops answer instead of tables."""
    with Rig(folder, "virtual_mailbox_domains = hash:d\nmynetworks = cidr:n\n", "",
             "exit 1", own_domains="boxes.example", own_networks="192.0.2.0/24",
             next_hops="a.example=[relay.example]:587") as r:
        assert r.way("u@boxes.example") == "none"
        assert r.way("u@a.example") == "[relay.example]:587"
        assert r.way("u@b.example") == "b.example"
        assert r.route("u@b.example")["client"] == "present"
        assert r.count("runs") == 0


def test_instances(folder):
    """Two that agree are one; two that differ are unknown."""
    with Rig(folder, "$(true)", postfix_config_dir="/one /two") as r:
        assert r.way("u@a.example") == "a.example"
        r.write("postconf", '#!/bin/sh\necho mail_version = 3.7.11\n'
                'echo relayhost = "$([ "$3" = /two ] && echo relay.example)"\n')
        r.policyd.process.send_signal(signal.SIGHUP)
        wait_until(lambda: r.way("u@a.example") == "unknown", "two ways")
        assert r.route("u@a.example")["because"] == "several instances of Postfix"


def test_instances_found(folder):
    """Without postfix_config_dir Postfix says itself which instances it has."""
    with Rig(folder, "multi_instance_directories = /etc/postfix-out") as r:
        with open(os.path.join(r.folder, "postconf"), "w") as f:
            f.write("#!/bin/sh\necho \"$@\" >>%s/dirs\necho mail_version = 3.7.11\n"
                    "echo multi_instance_directories = /etc/postfix-out\n" % r.folder)
        r.policyd.process.send_signal(signal.SIGHUP)
        wait_until(lambda: r.count("dirs") == 4, "questions to both")
        with open(os.path.join(r.folder, "dirs")) as f:
            assert "-x -c /etc/postfix-out" in f.read()


if __name__ == "__main__":
    sys.exit(run([test for name, test in list(globals().items())
                  if name.startswith("test_")]))
