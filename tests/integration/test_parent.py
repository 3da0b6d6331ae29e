#!/usr/bin/python3
"""The parent of hopseal-policyd: its start and end, its children, reloads, privileges.

    test_parent.py [--build DIR] [TEST...]

What needs root is skipped without.  One line a test; exit 0 when none failed.
"""

import fcntl
import os
import re
import signal
import socket
import sys
import time

from policyd_rig import (IS_ROOT, NOTFOUND, ROLES, SCOUT_USER, USER, WAIT_S, Connection,
                         Names, Policyd, Skip, has_ended, question, run,
                         status_of, wait_until)
from ports import free_port

RULED = "ruled.example out level=encrypt\n"     # an answer without any lookup
# capability.h: DAC_READ_SEARCH is 2, SETGID 6, SETUID 7.
PARENT_CAPS = 1 << 2 | 1 << 6 | 1 << 7
EX_USAGE, EX_CONFIG = 64, 78


def needs_root():
    if not IS_ROOT:
        raise Skip("not root")


def mode_and_owner(path):
    st = os.stat(path)
    return oct(st.st_mode & 0o7777), st.st_uid, st.st_gid


def environment(pid):
    with open(f"/proc/{pid}/environ") as f:
        return f.read()


def answers(p):
    return p.ask("ruled.example") == "OK encrypt"


# ------------------------------------------------------------------ processes

def test_processes(folder):
    """Four processes, each with its own account and no more than it needs."""
    needs_root()
    p = Policyd(folder, RULED).start()
    parent = status_of(p.process.pid)
    assert parent["Name"] == "hopseal-policyd"
    assert set(parent["Uid"].split()) == {"0"}
    for name in "CapPrm", "CapEff":
        assert int(parent[name], 16) == PARENT_CAPS, (name, parent[name])
    assert int(parent["CapBnd"], 16) & ~PARENT_CAPS == 0, parent["CapBnd"]
    assert int(parent["CapInh"], 16) == int(parent["CapAmb"], 16) == 0
    own = os.getpriority(os.PRIO_PROCESS, 0)
    for role, user in (("front", USER), ("scout", SCOUT_USER), ("clerk", USER)):
        status = status_of(p.pid(role))
        assert status["Name"] == f"hopseal-{role}"
        for name in "Uid", "Gid":
            assert status[name].split() == [str(user)] * 4, (role, name, status[name])
        assert status["Groups"].split() == [str(user)], (role, status["Groups"])
        for name in "CapPrm", "CapEff", "CapInh", "CapAmb":
            assert int(status[name], 16) == 0, (role, name)
        assert status["NoNewPrivs"] == "1", role
        assert int(status["PPid"]) == p.process.pid
        nice = max(own, {"scout": 10, "clerk": 5}.get(role, own))
        wait_until(lambda: os.getpriority(os.PRIO_PROCESS, p.pid(role)) == nice,
                   f"the {role} at nice {nice}")
    wait_until(lambda: "Postfix's settings" in p.log(), "the first lines")
    if "built for a sanitizer" not in p.log():
        wait_until(lambda: status_of(p.pid("scout"))["Seccomp"] == "2", "the filter")
    assert p.end() == 0


def listening_ports(pid):
    """TCP ports of loopback on which a process holds a listener."""
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f][1:]
    ports = {row[9]: int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A"}
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        target = os.readlink(f"/proc/{pid}/fd/{fd}")
        inode = target.removeprefix("socket:[").removesuffix("]")
        found |= {ports[inode]} if inode in ports else set()
    return found


def test_descriptors(folder):
    """Listeners are the parent's and the front's; what leaked into us reaches no child."""
    needs_root()
    leak = os.open(os.path.join(folder, "leak"), os.O_RDWR | os.O_CREAT)
    os.set_inheritable(leak, True)
    p = Policyd(folder, RULED).start(close_fds=True)
    ports = {p.map[1], p.access[1]}
    assert listening_ports(p.process.pid) == ports
    assert listening_ports(p.pid("front")) == ports
    for role in "scout", "clerk":
        assert listening_ports(p.pid(role)) == set(), role
    assert answers(p) and p.counters()
    # A child that comes later gets no more than the first one.
    for role in "front", "clerk":
        count, old = p.fd_count(role), p.pid(role)
        os.kill(old, signal.SIGKILL)
        p.wait_replaced(role, old)
        assert answers(p) and p.counters()
        wait_until(lambda: p.fd_count(role) == count, f"{count} descriptors of the {role}")
    parent_count = len(os.listdir(f"/proc/{p.process.pid}/fd"))
    old = p.pid("scout")
    os.kill(old, signal.SIGKILL)
    p.wait_replaced("scout", old)
    wait_until(lambda: len(os.listdir(f"/proc/{p.process.pid}/fd")) == parent_count,
               "no more descriptors in the parent")
    os.close(leak)
    assert p.end() == 0


def test_not_root(folder):
    """Started by an ordinary user all run as he, and say so once."""
    as_user = {}
    p = Policyd(folder, RULED)
    if IS_ROOT:
        os.chown(p.folder, USER, USER)
        as_user = {"user": USER, "group": USER, "extra_groups": []}
    p.map = f"{p.folder}/map.sock"
    p.write_conf(map_listen=f"unix:{p.map}", user="no-such-user", scout_user="nor-this",
                 socket_owner="nor:these")
    p.start(**as_user)
    uid = str(USER if IS_ROOT else os.getuid())
    for pid in [p.process.pid, *p.children().values()]:
        status = status_of(pid)
        assert set(status["Uid"].split()) == {uid}, status["Uid"]
        assert int(status["CapEff"], 16) == 0
        if pid != p.process.pid:
            assert status["NoNewPrivs"] == "1"
    p.wait_said_only("not started as root")
    assert answers(p)
    for role in ROLES:
        old = p.pid(role)
        os.kill(old, signal.SIGKILL)
        p.wait_replaced(role, old)
    assert p.end() == 0


def test_killed_children(folder):
    """Each child is replaced at once, and knows its settings and the others again."""
    with_names = Names()
    p = Policyd(folder, RULED, dns_servers=with_names.option).start()
    for number, role in enumerate(ROLES):
        old = p.pid(role)
        os.kill(old, signal.SIGKILL)
        # The listener never went away: who comes now is answered by the next one.
        assert answers(p)
        p.wait_replaced(role, old)
        p.wait_said(f"child killed: role={role}, pid={old}, signal=9")
        assert p.ask(f"n{number}.example") == "NOTFOUND "
        assert p.counters()["map_requests"] > 0
    assert "again and again" not in p.log()
    assert p.end() == 0
    with_names.close()


def test_crash_loop(folder):
    """The fourth crash within 3 s is paused for; after a good run all is as before."""
    p = Policyd(folder, RULED).start()
    paused, crashes = "child crashes again and again: role=scout, restart_in=1s", 0
    while paused not in p.log():
        old = p.pid("scout")
        os.kill(old, signal.SIGKILL)
        crashes += 1
        wait_until(lambda: paused in p.log() or p.children().get("scout", old) != old,
                   "another scout")
    assert 4 <= crashes < 40, crashes       # more where the machine is slow
    assert answers(p)
    p.wait_replaced("scout", old)
    time.sleep(3.2)
    old = p.pid("scout")
    os.kill(old, signal.SIGKILL)
    p.wait_replaced("scout", old)
    assert p.count_said("again and again") == 1
    assert p.end() == 0


def test_hanging_children(folder):
    """A child that is alive but does nothing is replaced too; others work meanwhile."""
    p = Policyd(folder, RULED).start()
    idle = Connection(p.map)
    time.sleep(0.7)     # while they start they have more time
    old = {role: p.pid(role) for role in ROLES}
    for pid in old.values():
        os.kill(pid, signal.SIGSTOP)
    with Connection(p.map) as c:
        c.send(question("ruled.example"))
        for role in ROLES:
            p.wait_replaced(role, old[role])
        c.expect(b"10:OK encrypt,")
    assert idle.end() == b""
    for role in ROLES:
        p.wait_said(f"child hangs and is replaced: role={role}, pid={old[role]}")
    assert "child killed" not in p.log(), "one line for one event"
    assert p.end() == 0


def test_parent_stopped(folder):
    """A parent that was held up does not blame its children."""
    p = Policyd(folder, RULED).start()
    before = p.children()
    p.process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    assert answers(p)
    p.process.send_signal(signal.SIGCONT)
    time.sleep(1.5)
    assert p.children() == before
    assert answers(p)
    assert p.end() == 0


def test_parent_killed(folder):
    """Without their parent the children leave, and the next start finds its sockets."""
    p = Policyd(folder, RULED).start()
    children = p.children()
    p.process.kill()
    p.process.wait()
    for role, pid in children.items():
        wait_until(lambda: has_ended(pid), f"the end of the {role}")
    p.start()
    assert answers(p) and p.counters()
    assert p.end() == 0


def test_log_survives_clerk(folder):
    """Lines that nobody could write are written by the next clerk."""
    p = Policyd(folder, RULED).start()
    clerk = p.pid("clerk")
    os.kill(clerk, signal.SIGSTOP)
    for _ in range(3):
        with Connection(p.map) as c:
            c.send(b"x")
            assert c.end() == b""
    p.wait_replaced("clerk", clerk)
    with Connection(p.map) as c:
        c.send(b"y")
        assert c.end() == b""
    p.wait_said("bad request, connection closed")
    assert p.end() == 0


# ------------------------------------------------------------------- sockets

def test_log_target(folder):
    """It is the target of all processes, whose lines the clerk writes under its own name."""
    p = Policyd(folder, RULED).start()
    p.wait_said("hopseal/clerk[")
    p.wait_said("hopseal/scout[")
    assert p.end() == 0
    if os.path.exists("/dev/log"):
        raise Skip("syslog is there, and lines would go to it")
    p = Policyd(folder, RULED, log_target="syslog").start()
    p.end()
    assert not p.log(), p.log()


def test_unix_sockets(folder):
    needs_root()
    p = Policyd(folder, RULED, socket_owner="64803:64804", socket_mode="0640")
    p.map, p.access = f"{p.folder}/map.sock", f"{p.folder}/access.sock"
    p.write_conf(map_listen=f"unix:{p.map}", access_listen=f"unix:{p.access}")
    for how in signal.SIGTERM, signal.SIGKILL, signal.SIGTERM:
        p.start()
        assert mode_and_owner(p.map) == ("0o640", 64803, 64804)
        assert mode_and_owner(p.access) == ("0o640", 64803, 64804)
        assert mode_and_owner(f"{p.folder}/run/control.sock") == ("0o660", 0, USER)
        assert answers(p) and p.counters()
        # Another one that wants the same sockets.
        status, said = p.refuse()
        assert status == 1 and "Address already in use" in said, (status, said)
        assert answers(p)
        p.end(how)
        for path in p.map, p.access, f"{p.folder}/run/control.sock":
            assert os.path.exists(path) == (how == signal.SIGKILL), (how, path)
    with open(p.map + ".file", "w") as f:
        f.write("not ours")
    p.write_conf(map_listen=f"unix:{p.map}.file")
    status, said = p.refuse()
    assert status == 1 and "map_listen: unix:" in said, (status, said)
    assert os.path.getsize(p.map + ".file") == 8


def test_nodes_of_others(folder):
    """What somebody else put where our nodes were stays; a folder of another gives them up."""
    needs_root()
    p = Policyd(folder, RULED)
    os.mkdir(f"{p.folder}/run")
    os.chown(f"{p.folder}/run", USER, USER)
    path, pid_path = f"{p.folder}/run/control.sock", f"{p.folder}/run/policyd.pid"
    p.start()
    assert p.end() == 0
    assert os.listdir(f"{p.folder}/run") == []
    p.start()
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        with open(pid_path, "w") as f:
            f.write("1\n")
        assert p.end() == 0
    assert sorted(os.listdir(f"{p.folder}/run")) == ["control.sock", "policyd.pid"]


def test_many_listeners(folder):
    """IPv4, IPv6 and a unix socket of one option, all served, none twice."""
    p = Policyd(folder, RULED)
    try:
        v6 = ("::1", free_port("::1"))
    except OSError:
        raise Skip("no IPv6")
    path = f"{p.folder}/map.sock"
    p.write_conf(map_listen="%s, inet:[::1]:%d unix:%s" % (p.options["map_listen"], v6[1],
                                                           path))
    p.start()
    for address in p.map, v6, path:
        with Connection(address) as c:
            assert c.ask("ruled.example") == "OK encrypt", address
    assert p.end() == 0


def test_folders(folder):
    """Made where they are missing, and open to Postfix whatever the caller's umask."""
    needs_root()
    p = Policyd(folder, RULED)
    p.start(umask=0o077)
    assert mode_and_owner(f"{p.folder}/run") == ("0o755", 0, 0)
    assert mode_and_owner(f"{p.folder}/state") == ("0o750", USER, USER)
    pid_path = f"{p.folder}/run/policyd.pid"
    with open(pid_path) as f:
        assert f.read() == f"{p.process.pid}\n"
    assert mode_and_owner(pid_path)[0] == "0o644"
    assert p.end() == 0
    assert not os.path.exists(pid_path)


def test_ports_in_use(folder):
    p = Policyd(folder, RULED)
    with socket.create_server(p.map), socket.create_server(p.access):
        status, said = p.refuse()
    assert status == 1, said
    for option, port in ("map_listen", p.map[1]), ("access_listen", p.access[1]):
        assert f"{option}: inet:127.0.0.1:{port}: Address already in use" in said, said
    p.start()
    assert p.end() == 0


def test_socket_activation(folder):
    """Listeners of the service manager are taken by their names, others left alone."""
    p = Policyd(folder, RULED)
    control_path = f"{p.folder}/given.sock"
    given = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    given.append(socket.socket(socket.AF_UNIX))
    given[3].bind(control_path)
    given[3].listen()
    if IS_ROOT:
        os.chown(control_path, USER, USER)
    other, access, first = (s.getsockname() for s in given[:3])
    high = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 100) for s in given]
    # What the options name is taken by somebody else, so it cannot be ours.
    taken = socket.create_server(p.map), socket.create_server(p.access)

    def place():
        for number, fd in enumerate(high):
            os.dup2(fd, 3 + number)

    env = dict(os.environ, LISTEN_FDS="4", LISTEN_FDNAMES="other:access:map:control")
    p.map, p.access = first, access
    p.start(before=["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"], env=env,
            pass_fds=(3, 4, 5, 6), preexec_fn=place)
    for s in given[:3]:
        s.close()
    assert answers(p)
    with Connection(p.access) as c:
        c.send(b"request=smtpd_access_policy\n\n")
        c.expect(b"action=DUNNO\n\n")
    p.options["control_listen"] = f"unix:{control_path}"
    p.write_conf()
    assert p.counters()["map_requests"] > 0
    old = p.pid("front")
    os.kill(old, signal.SIGKILL)
    assert answers(p)
    for role in ROLES if IS_ROOT else ("front", "clerk"):
        assert other[1] not in listening_ports(p.pid(role)), role
        assert "LISTEN_FDS" not in environment(p.pid(role)), role
    for fd in high:
        os.close(fd)
    given[3].close()
    assert p.end() == 0
    # With another process's number they are not for us.
    status, said = p.refuse(env=dict(env, LISTEN_PID="1"))
    assert status == 1 and "map_listen" in said, (status, said)
    for s in taken:
        s.close()


# --------------------------------------------------------------- the operator

def test_service_manager(folder):
    """READY, RELOADING, WATCHDOG and STOPPING, by path and by abstract name."""
    for number, path in enumerate((os.path.join(folder, "notify"),
                                   f"@hopseal-test-{os.getpid()}")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path.replace("@", "\0"))
            manager.settimeout(WAIT_S)

            def expect(state):
                while (got := manager.recv(200).decode()) == "WATCHDOG=1":
                    assert state != got
                assert got == state, (got, state)

            env = dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="400000")
            p = Policyd(folder, RULED).start(env=env)
            expect("READY=1")
            assert [manager.recv(200) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            p.process.send_signal(signal.SIGHUP)
            expect("RELOADING=1")
            expect("READY=1")
            for role in ROLES if IS_ROOT else ("front", "clerk"):
                assert "NOTIFY_SOCKET" not in environment(p.pid(role)), role
            p.process.send_signal(signal.SIGTERM)
            expect("STOPPING=1")
            assert p.end() == 0


def test_sigterm_in_hand(folder):
    """Who waits for an answer gets it; who waits for nothing is let go."""
    server = Names(slow_s=1.5)
    p = Policyd(folder, RULED, dns_servers=server.option, map_deadline="3s").start()
    slow, silent, idle, begun = (Connection(p.map) for _ in range(4))
    slow.send(question("slow.example") + question("ruled.example"))
    silent.send(question("silent.example"))
    begun.send(b"15:QUE")
    wait_until(lambda: p.lookups() == 2, "the lookups")
    p.process.send_signal(signal.SIGTERM)
    assert idle.end() == b"" and begun.end() == b""
    assert slow.end() == NOTFOUND + b"10:OK encrypt,"
    assert silent.end() == NOTFOUND
    assert p.end(signal.SIGCONT) == 0
    assert "left" in p.log().splitlines()[-1]
    server.close()


def test_sigterm_scout_hangs(folder):
    for roles in ["scout"], ROLES:
        p = Policyd(folder, RULED).start()
        time.sleep(0.7)     # while they start they have more time
        for role in roles:
            os.kill(p.pid(role), signal.SIGSTOP)
        assert p.end() == 0


def test_second_sigterm(folder):
    """The second one waits for nobody; ^C is the same."""
    server = Names()
    for number in signal.SIGTERM, signal.SIGINT:
        p = Policyd(folder, RULED, dns_servers=server.option, map_deadline="60s").start()
        with Connection(p.map) as c:
            c.send(question("silent.example"))
            wait_until(lambda: p.lookups() == 1, "the lookup")
            p.process.send_signal(number)
            p.wait_said("leaving: signal=")
            assert c.is_open() and p.process.poll() is None
            assert p.end(number) == 0
            assert c.end() == b""
    server.close()


def test_sighup(folder):
    """Options and rules are new, connections and what is known are the old ones."""
    server = Names()
    p = Policyd(folder, RULED, dns_servers=server.option).start()
    children = p.children()
    with Connection(p.map) as c, Connection(p.map) as waiting:
        assert c.ask("ruled.example") == "OK encrypt"
        assert c.ask("known.example") == "NOTFOUND "
        waiting.send(question("slow.example"))
        wait_until(lambda: p.lookups() == 2, "both lookups")
        p.write_rules("ruled.example out level=verify\n* in action=log\n")
        p.write_conf(private_zones="corp.example", connection_limit="5000",
                     map_listen="inet:127.0.0.1:1")
        p.process.send_signal(signal.SIGHUP)
        p.wait_said("settings read again: because=SIGHUP, rules=2")
        waiting.expect(NOTFOUND)
        wait_until(lambda: c.ask("ruled.example") == "OK verify", "the new rule")
        lookups = p.lookups()
        assert c.ask("host.corp.example") == c.ask("known.example") == "NOTFOUND "
        assert p.lookups() == lookups
        p.wait_said("changed listeners, users and programs take effect at the next start")
        p.write_conf(connection_limit="10")
        p.process.send_signal(signal.SIGHUP)
        p.wait_said("settings read again: because=SIGHUP", 2)
        crowd = [Connection(p.map) for _ in range(40)]
        assert crowd[-1].ask("ruled.example") == "OK verify"
        assert p.counters()["connections"] == 10
    assert p.children() == children
    assert p.end() == 0
    server.close()


def test_sighup_storm(folder):
    """A hundred reloads during requests: every answer is the old or the new one."""
    p = Policyd(folder, RULED).start()
    children = p.children()
    with Connection(p.map) as c:
        for number in range(100):
            p.write_rules(f"ruled.example out level={('encrypt', 'verify')[number % 2]}\n")
            p.process.send_signal(signal.SIGHUP)
            for _ in range(20):
                assert c.ask("ruled.example") in ("OK encrypt", "OK verify")
        wait_until(lambda: c.ask("ruled.example") == "OK verify", "the last rules")
    assert p.children() == children
    assert p.end() == 0


def test_rules_by_themselves(folder):
    """A changed table is noticed without a signal: replaced, rewritten, gone, back."""
    p = Policyd(folder, RULED).start()
    p.write_rules("ruled.example out level=verify\n")
    wait_until(lambda: p.ask("ruled.example") == "OK verify", "the replaced table")
    with open(p.rules_path, "w") as f:
        f.write("ruled.example out level=secure match=nexthop\n")
    wait_until(lambda: p.ask("ruled.example") == "OK secure match=nexthop",
               "the rewritten table")
    os.unlink(p.rules_path)
    p.wait_said("settings stay as they were: because=rules_file")
    assert p.ask("ruled.example") == "OK secure match=nexthop"
    p.write_rules(RULED)
    wait_until(lambda: answers(p), "the table that came back")
    assert p.end() == 0


def test_rule_that_does_less(folder):
    """A rule that raises the map but lets mail in is warned of at each load."""
    p = Policyd(folder, RULED).start()
    p.write_rules(f"{RULED}* out action=defer\nweak.example out require=verify\n")
    p.wait_said("rule does less than it seems: ")
    assert "pattern=weak.example, because=action=log lets mail in" in p.log(), p.log()
    assert p.end() == 0


def configuration_part(p):
    return next(part for part in p.command("status")["parts"]
                if part["name"] == "configuration")


def test_broken_reload(folder):
    """A mistake is told with file and line, once; the old settings stay in force."""
    p = Policyd(folder, RULED).start()
    children = p.children()
    p.write_rules("# one\nruled.example sideways level=may\nb.example out level=loud\n"
                  "c.example out until=soon\n")
    p.wait_said("settings stay as they were: because=rules_file")
    for line in 2, 3, 4:
        assert f"{p.rules_path}:{line}: " in p.log() or \
            f"{p.rules_path}, line {line}: " in p.log(), p.log()
    time.sleep(2.2)
    assert p.count_said("settings stay as they were") == 1
    assert answers(p)
    # Status tells it as long as it is so, whoever the clerk is.
    for _ in range(2):
        part = configuration_part(p)
        assert part["state"] == "warning" and part["detail"].startswith(
            f"hopseal.conf or rules on disk are refused, the old stay: {p.rules_path}:2: "), part
        assert f"hopseal-policyd -n -c {p.conf_path}" in part["advice"], part
        old = p.pid("clerk")
        os.kill(old, signal.SIGKILL)
        wait_until(lambda: p.children().get("clerk", old) != old, "another clerk")
    children = p.children()
    p.write_rules(RULED)
    p.wait_said("settings read again: because=rules_file")
    wait_until(lambda: configuration_part(p)["ok"], "a good configuration")
    p.write_conf("map_deadlin = 3s\n", l1_ttl="never")
    p.process.send_signal(signal.SIGHUP)
    p.wait_said("settings stay as they were: because=SIGHUP")
    assert 'did you mean "map_deadline"' in p.log(), p.log()
    assert re.search(re.escape(p.conf_path) + r"(:|, line )\d+: .*l1_ttl", p.log()), p.log()
    os.unlink(p.conf_path)
    p.process.send_signal(signal.SIGHUP)
    p.wait_said("settings stay as they were: because=SIGHUP", 2)
    assert answers(p) and p.children() == children
    p.write_conf()
    p.process.send_signal(signal.SIGHUP)
    p.wait_said("settings read again: because=SIGHUP")
    assert p.end() == 0


def test_broken_start(folder):
    """All mistakes of configuration, options and rules at once, and the exit status."""
    p = Policyd(folder, "a.example out level=loud\nb.example sideways\n")
    p.write_conf("map_listn = inet:127.0.0.1:1\n", l1_ttl="never", dane="perhaps",
                 connection_limit="-1")
    for arguments in (["-o", "statedir=/x"], ["-n", "-o", "statedir=/x"]):
        status, said = p.refuse(*arguments)
        assert status == EX_CONFIG, (status, said)
        for part in ('"map_listn" (did you mean "map_listen"?)', "l1_ttl", "dane",
                     "connection_limit", '"statedir" (did you mean "state_dir"?)',
                     f"{p.rules_path}:1: ", f"{p.rules_path}:2: "):
            assert part in said, (part, said)
        assert re.search(re.escape(p.conf_path) + r":\d+: ", said), said
        lines = said.splitlines()
        assert len(lines) == len(set(lines)), f"said twice: {said}"


BAD_VALUES = {
    "allow_networks": "10.0.0.0/33", "own_networks": "bogus/99", "dns_servers": "300.1.1.1",
    "reinject_ports": "99999", "own_domains": "@@", "next_hops": "xx", "private_zones": "b@",
    "socket_owner": "a:b:c", "user": "0", "scout_user": "root",
}
NAMED_FILES = ("dns_trust_anchor", "tls_ca_file", "mx_ca_file", "crl_file")


def test_bad_values(folder):
    """What would silently protect less is refused: with -n, at the start, at a reload."""
    p = Policyd(folder, RULED).start()
    gone = f"{p.folder}/gone"
    p.write_conf(**BAD_VALUES, **dict.fromkeys(NAMED_FILES, gone), tls_ca_path=p.conf_path)
    said = [p.refuse(*arguments) for arguments in (["-n"], [])]
    p.process.send_signal(signal.SIGHUP)
    p.wait_said("settings stay as they were: because=SIGHUP")
    for status, words in *said, (EX_CONFIG, p.log()):
        assert status == EX_CONFIG, (status, words)
        for name, value in BAD_VALUES.items():
            assert re.search(rf"{re.escape(p.conf_path)}:\d+: {name} = {value}: ", words), \
                (name, words)
        for name in NAMED_FILES:
            assert f"{name} = {gone}: No such file" in words, (name, words)
        assert f"tls_ca_path = {p.conf_path}: Not a directory" in words, words
    assert answers(p) and p.end() == 0
    p.write_conf(map_listen="", access_listen="")
    status, words = p.refuse()
    assert status == EX_CONFIG and "map_listen and access_listen are both empty" in words, words


def test_no_redis(folder):
    p = Policyd(folder, RULED).start()
    p.wait_said("redis: off, memory only: a restart forgets all policies")
    assert p.end() == 0


def test_unreadable(folder):
    p = Policyd(folder, RULED)
    for what, options in (("rules", {"rules_file": f"{p.folder}/none"}),
                          ("rules", {"rules_file": p.folder}),
                          ("password", {"redis_password_file": f"{p.folder}/none"})):
        p.write_conf(**options)
        status, said = p.refuse()
        assert status == EX_CONFIG, (what, status, said)
        assert list(options.values())[0] + ": " in said, said
    p.write_conf()
    with open(p.rules_path, "wb") as f:
        f.write(b"a.example out level=may\n\0")
    status, said = p.refuse()
    assert status == EX_CONFIG and "NUL" in said, (status, said)
    os.unlink(p.conf_path)
    status, said = p.refuse()
    assert status == EX_CONFIG and p.conf_path in said, (status, said)


def test_missing_accounts_and_programs(folder):
    needs_root()
    p = Policyd(folder, RULED, user="nobody-of-that-name", scout_user="neither",
                scout_program=f"{folder}/no-scout")
    status, said = p.refuse()
    assert status == 1, (status, said)
    for part in ("user = nobody-of-that-name: there is no user",
                 "scout_user = neither: there is no user",
                 f"scout_program = {folder}/no-scout: No such file"):
        assert part in said, (part, said)
    assert not os.path.exists(f"{p.folder}/run"), "something was left behind"


def test_useless_scout(folder):
    """A scout that cannot run: a growing pause, and answers without it."""
    program = os.path.join(folder, "scout")
    with open(program, "w") as f:
        f.write("no program\n")
    os.chmod(program, 0o755)
    p = Policyd(folder, RULED, scout_program=program, map_deadline="1s").spawn()
    p.wait_for_answer()
    p.wait_said("child ended: role=scout", 4)
    p.wait_said("child crashes again and again: role=scout, restart_in=1s")
    assert answers(p)
    assert p.ask("a.example") == "NOTFOUND "
    p.wait_said("child crashes again and again: role=scout, restart_in=2s")
    assert p.end() == 0


def test_command_line(folder):
    p = Policyd(folder, RULED, map_deadline="7s")
    version = p.refuse("-V")
    assert version[0] == 0 and re.fullmatch(r"hopseal-policyd [\d.]+\n", version[1]), version
    assert p.refuse("--version") == version
    status, said = p.refuse("--help")
    assert status == 0 and "usage: hopseal-policyd" in said, (status, said)
    status, defaults = p.refuse("-d")
    assert status == 0 and "map_listen = inet:127.0.0.1:8461\n" in defaults
    assert "map_deadline = 5s\n" in defaults and "connection_limit = 16000\n" in defaults
    status, changed = p.refuse("-n", "-o", "l1_ttl=30s")
    assert status == 0
    for line in ("map_deadline = 7s", "l1_ttl = 30s", f"rules_file = {p.rules_path}"):
        assert line in changed.splitlines(), (line, changed)
    assert "connection_limit" not in changed and "outbound_source" not in changed
    assert p.refuse("-n", "-o", "rules_file=")[0] == 0
    for arguments in (["-x"], ["extra"], ["-o"], ["-n", "extra"]):
        status, said = p.refuse(*arguments)
        assert status == EX_USAGE and "usage: hopseal-policyd" in said, (status, said)
    p.start("-o", "private_zones = corp.example")
    assert p.ask("a.corp.example") == "NOTFOUND " and p.lookups() == 0
    # The override outlives a reload.
    p.process.send_signal(signal.SIGHUP)
    p.wait_said("settings read again")
    assert p.ask("b.corp.example") == "NOTFOUND " and p.lookups() == 0
    assert p.end() == 0


# ------------------------------------------------------------------- postconf

def fake_postconf(folder, name, script):
    path = os.path.join(folder, name)
    os.mkdir(path)
    with open(os.path.join(path, "postconf"), "w") as f:
        f.write(f"#!/bin/sh\n{script}\n")
    os.chmod(os.path.join(path, "postconf"), 0o755)
    return dict(os.environ, PATH=path + ":/usr/bin:/bin")


def postfix_part(p):
    return next(part for part in p.command("status")["parts"] if part["name"] == "postfix")


def test_postconf(folder):
    """Postfix's settings are good to know and never waited for."""
    scripts = {
        "good": ("echo mail_version = 3.7.11; echo myhostname = mx.example.org; "
                 "echo smtp_tls_security_level = may", None),
        "missing": (None, "could not be run"),
        "failing": ("exit 1", "postconf failed without a word; run it by hand, without -c"),
        "complaining": (r"printf 'postconf: fatal: \033x\nmore\n' >&2; exit 1",
                        "postconf failed (postconf: fatal: ?x); run it by hand, without -c"),
        "loud": ("head -c 200000 /dev/zero | tr '\\0' x >&2; exit 1", "postconf failed (xxx"),
        "killed": ("kill -9 $$", "postconf failed"),
        "rubbish": ("head -c 100000 /dev/urandom", "no mail_version"),
        "silent": ("exit 0", "no mail_version"),
        "endless": ("exec cat /dev/zero", "more than 256 KiB"),
        "hanging": ("exec sleep 600", "10 s"),
        "closes": ("exec >&-; exec sleep 600", "does not end"),
    }
    running = {}
    for name, (script, _) in scripts.items():
        env = fake_postconf(folder, f"{name}.bin", script or "")
        if script is None:
            env["PATH"] = os.path.join(folder, "nowhere")
        running[name] = Policyd(folder, RULED).start(env=env)
        assert answers(running[name]), name
    for name, (_, words) in scripts.items():
        p = running[name]
        if words:
            wait_until(lambda: "Postfix's settings are not known" in p.log() and
                       words in p.log(), f"the warning about {name}", 20)
            assert words in postfix_part(p)["detail"], (name, postfix_part(p))
        elif name == "good":
            wait_until(lambda: postfix_part(p)["ok"], "Postfix's settings")
            assert "mx.example.org, version 3.7" in postfix_part(p)["detail"]
        assert answers(p), name
        assert p.count_said("Postfix's settings are not known") == bool(words), name
        assert p.end() == 0, name
    # While it hangs, SIGHUP and SIGTERM are heard, and nothing of it stays.
    p = running["hanging"].start(env=dict(os.environ, PATH=os.path.join(
        folder, "hanging.bin") + ":/usr/bin:/bin"))

    def asked():
        with open(f"/proc/{p.process.pid}/task/{p.process.pid}/children") as f:
            return set(f.read().split()) - set(map(str, p.children().values()))

    first = wait_until(asked, "postconf")
    p.process.send_signal(signal.SIGHUP)
    wait_until(lambda: asked() and asked() != first, "another postconf")
    last = asked()
    assert p.end() == 0
    for pid in first | last:
        wait_until(lambda: has_ended(int(pid)), "the end of postconf")


def test_postconf_fails_later(folder):
    """What Postfix said before holds, and why it says no more is told, once for each reason."""
    broken = os.path.join(folder, "broken")
    env = fake_postconf(folder, "bin", f"[ ! -e {broken} ] || {{ cat {broken} >&2; exit 1; }}; "
                        "echo mail_version = 3.7.11; echo smtp_dns_support_level = dnssec; "
                        "echo smtp_host_lookup = dns")
    p = Policyd(folder, RULED, dane="auto").start(env=env)
    wait_until(lambda: postfix_part(p)["ok"], "Postfix's settings")
    for words in ("one", "other"):
        with open(broken, "w") as f:
            f.write(words)
        p.reload()
        wait_until(lambda: f"postconf failed ({words})" in postfix_part(p)["detail"], words)
        dane = next(part for part in p.command("status")["parts"] if part["name"] == "dane")
        assert "unknown" not in dane["detail"], dane
    os.unlink(broken)
    p.reload()
    wait_until(lambda: postfix_part(p)["ok"], "Postfix's settings again")
    assert p.count_said("Postfix's settings are not known") == 2, p.log()
    assert p.end() == 0


def test_failing_instance(folder):
    """Which of the folders it was is said."""
    env = fake_postconf(folder, "bin", 'echo mail_version = 3.7.11; [ "$3" = /etc/one ] || '
                        '{ echo "open $3: none" >&2; exit 1; }')
    p = Policyd(folder, RULED, postfix_config_dir="/etc/one /etc/two").start(env=env)
    p.wait_said("postconf failed (open /etc/two: none); run it by hand with -c /etc/two")
    assert p.end() == 0


def test_instances(folder):
    """postfix_config_dir is a list: each is asked, and all is put together."""
    env = fake_postconf(folder, "bin", 'echo mail_version = 3.7.11; echo mydestination = '
                        '"$(basename "$3")".example; echo "$@" >>' + folder + '/asked')
    p = Policyd(folder, RULED, postfix_config_dir="/etc/one, /etc/two").start(env=env)
    wait_until(lambda: postfix_part(p)["ok"], "Postfix's settings")
    with open(os.path.join(folder, "asked")) as f:
        asked = f.read().splitlines()
    assert [line.split()[:3] for line in asked] == [
        [what, "-c", dir] for dir in ("/etc/one", "/etc/two") for what in ("-x", "-M")], asked
    assert p.end() == 0


if __name__ == "__main__":
    sys.exit(run([test for name, test in list(globals().items())
                  if name.startswith("test_")]))
