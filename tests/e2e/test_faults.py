"""Things change and break while mail flows: records, policies, Redis, DNS, our processes.

Each test leaves the bench as it found it, with Hopseal running; what it needs to be
cached it caches itself.  Nothing here measures time: waits are bounds, not promises.
"""

import signal
import time

from domain import NOTFOUND, secure
from domains import BY_NAME
from hopseal import MAP
from postfix import send
from process import wait_until
from socketmap import Client
from stream import Stream

TESTS = {}


def prepare(bench, names):
    bench.restart_hopseal()


def restore(bench):
    bench.dns.resume()


def test(function):
    TESTS[function.__name__] = function
    return function


def cached(bench, name):
    """Have a domain's policy cached; what the map says for it."""
    answer = bench.hopseal.ask(name)
    assert answer == secure(BY_NAME[name]), answer
    return answer


def publish(bench, name, records):
    """Replace the domain's records at _mta-sts."""
    bench.dns.change(bench.layout.zone(BY_NAME[name], records))


def refresh(bench, name):
    code, answer = bench.hopseal.command("refresh", name)
    assert answer.get("done") is True, (code, answer)


def redis_part(bench):
    """What `hopseal status` says of Redis."""
    return next(p for p in bench.hopseal.command("status")[1]["parts"] if p["name"] == "redis")


def wait_answer(bench, name, wanted, seconds=20):
    wait_until(lambda: bench.hopseal.ask(name) == wanted, seconds,
               f"{wanted!r} for {name}, got {bench.hopseal.ask(name)!r}")


# Policies and records that change.

@test
def new_id_while_cached(bench):
    name = "change.test"
    old = cached(bench, name)
    body = bench.policy_hosts.table["mta-sts." + name]["body"]
    new = old.replace("match=", "match=first.change.test:")
    bench.policy_hosts.change("mta-sts." + name, body=body.replace(
        "mx: ", "mx: first.change.test\r\nmx: ", 1))
    # The policy alone says nothing: its id is what announces a change.
    publish(bench, name, ["v=STSv1; id=2;"])
    refresh(bench, name)
    wait_answer(bench, name, new)
    # A new id whose policy cannot be had changes nothing.
    bench.policy_hosts.change("mta-sts." + name, status=500)
    publish(bench, name, ["v=STSv1; id=3;"])
    refresh(bench, name)
    assert bench.hopseal.ask(name) == new
    assert "policy-fetch-failed" in str(bench.hopseal.explain(name)["mta_sts"]["error"])
    # Neither does one that is broken.
    bench.policy_hosts.change("mta-sts." + name, status=200, body="version: STSv1\n")
    publish(bench, name, ["v=STSv1; id=4;"])
    refresh(bench, name)
    assert bench.hopseal.ask(name) == new
    # Mode none replaces it.
    bench.policy_hosts.change("mta-sts." + name,
                              body="version: STSv1\nmode: none\nmax_age: 86400\n")
    publish(bench, name, ["v=STSv1; id=5;"])
    refresh(bench, name)
    wait_answer(bench, name, NOTFOUND)


@test
def record_removed_while_cached(bench):
    name = "remove.test"
    answer = cached(bench, name)
    for records in ([], ["v=STSv1; id=1;", "v=STSv1; id=2;"], ["v=STSv1; id=-;"]):
        publish(bench, name, records)
        refresh(bench, name)
        assert bench.hopseal.ask(name) == answer, records
    bench.dns.fail("_mta-sts." + name)
    try:
        refresh(bench, name)
        assert bench.hopseal.ask(name) == answer, "SERVFAIL"
    finally:
        bench.dns.mend("_mta-sts." + name)
    # It still is enforced, not just answered.
    bench.layout.change(BY_NAME[name], "expired")
    fate = bench.postfix.fate(send(f"user@{name}"))
    assert fate.status == "deferred" and "not verified" in fate.reason, fate


@test
def policy_expires(bench):
    name = "expire.test"
    cached(bench, name)
    expires = bench.hopseal.explain(name)["mta_sts"]["expires"]
    assert expires, "explain has no mta_sts.expires"
    publish(bench, name, [])
    bench.policy_hosts.change("mta-sts." + name, status=404)
    time.sleep(BY_NAME[name].policy.max_age + 1)
    wait_answer(bench, name, NOTFOUND)


@test
def forget(bench):
    name = "forget.test"
    answer = cached(bench, name)
    # An unexpired policy stays until another fetch succeeds.
    publish(bench, name, [])
    assert bench.hopseal.command("forget", name)[1].get("done") is True
    assert bench.hopseal.ask(name) == answer
    time.sleep(2)  # until no resolver holds the record any more: it lives 1 s
    assert bench.hopseal.command("forget", name, "--policy")[1].get("done") is True
    wait_answer(bench, name, NOTFOUND)
    # What was known not to be is forgotten too.
    publish(bench, name, None)
    time.sleep(2)
    assert bench.hopseal.command("forget", name)[1].get("done") is True
    wait_answer(bench, name, answer)


@test
def slow_policy_host(bench):
    """The first answer is in time, though not known; the mail goes out later."""
    bench.restart_hopseal(map_deadline="2s")
    name = "late.test"
    queue_id = send(f"user@{name}")
    first = bench.postfix.fate(queue_id)
    assert first.status == "deferred", first
    assert f"first lookup of {name} not finished" in "\n".join(bench.postfix.lines())
    wait_answer(bench, name, secure(BY_NAME[name]), 30)
    bench.postfix.flush()
    bench.postfix.wait_sent([queue_id])
    bench.restart_hopseal()


# The operator's table.

@test
def rules(bench):
    hopseal = bench.hopseal
    cached(bench, "cached.test")
    hopseal.write_rules("cached.test out level=may reason=\"their CA, ticket 4711\"\n"
                        "negative.test out require=encrypt min_tls=1.2\n"
                        ".stream.test out level=dane-only\n"
                        "stream-plain.test out action=off\n")
    hopseal.process.send_signal(signal.SIGHUP)
    wait_answer(bench, "cached.test", "OK may")
    assert hopseal.ask("negative.test") == \
        "OK encrypt protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1", hopseal.ask("negative.test")
    assert hopseal.ask("sub.stream.test") == "OK dane-only"
    assert hopseal.ask("stream-plain.test") == NOTFOUND
    found = hopseal.command("rules", "cached.test")[1]
    assert (found["pattern"], found["line"]) == ("cached.test", 1), found
    # A bad file is refused whole, and says where.
    hopseal.write_rules("cached.test out level=encrypt\nnegative.test out levle=may\n")
    hopseal.process.send_signal(signal.SIGHUP)
    wait_until(lambda: any(f"{hopseal.rules_path}:2:" in line
                           for line in hopseal.log_lines()), 15, "the complaint in the log")
    assert hopseal.ask("cached.test") == "OK may"
    hopseal.write_rules("")
    hopseal.process.send_signal(signal.SIGHUP)
    wait_answer(bench, "cached.test", secure(BY_NAME["cached.test"]))


# Redis.

@test
def redis_killed(bench):
    bench.hopseal.ask("stream.test")
    with Stream(bench) as stream:
        time.sleep(0.5)
        bench.redis.stop(signal.SIGKILL)
        time.sleep(1.5)
        bench.redis.start()
        # It came back empty: what the front holds is written again.
        wait_until(lambda: any("stream.test" in k for k in bench.redis.keys()), 45,
                   "the policy of stream.test in Redis again")
    stream.check()


@test
def redis_hangs(bench):
    with Stream(bench) as stream:
        time.sleep(0.5)
        bench.redis.process.send_signal(signal.SIGSTOP)
        try:
            answer = bench.hopseal.ask("hanging.test")
            time.sleep(2)
        finally:
            bench.redis.process.send_signal(signal.SIGCONT)
    stream.check()
    assert answer == secure(BY_NAME["hanging.test"]), answer


@test
def redis_absent_at_start(bench):
    bench.hopseal.stop()
    bench.redis.stop()
    bench.hopseal.start()
    cached(bench, "cached.test")
    assert bench.hopseal.ask("negative.test") == NOTFOUND
    bench.redis.start()
    wait_until(lambda: any("cached.test" in k for k in bench.redis.keys()), 45,
               "the policy of cached.test in Redis")


@test
def redis_holds_what_others_wrote(bench):
    cached(bench, "cached.test")
    keys = wait_until(bench.redis.keys, 10, "keys in Redis")
    bench.hopseal.stop()
    for i, key in enumerate(keys):
        bench.redis.command("DEL", key)
        bench.redis.command(*(("SET", key, "\x00\xff{garbage" * 50), ("LPUSH", key, "x"),
                              ("HSET", key, "version", "999"))[i % 3])
    bench.hopseal.start()
    cached(bench, "cached.test")
    with Stream(bench) as stream:
        time.sleep(0.5)
    stream.check()


@test
def redis_read_only(bench):
    """A replica of nobody: it answers READONLY to each write."""
    bench.redis.command("CONFIG", "SET", "replica-read-only", "yes")
    bench.redis.command("REPLICAOF", "127.0.0.1", "1")
    try:
        with Stream(bench) as stream:
            assert bench.hopseal.ask("forget.test") == secure(BY_NAME["forget.test"])
            time.sleep(0.5)
        stream.check()
    finally:
        bench.redis.command("REPLICAOF", "NO", "ONE")
    refresh(bench, "forget.test")       # something to write
    wait_until(lambda: redis_part(bench)["ok"], 30, "Redis is well again")


@test
def redis_flushed(bench):
    """Nobody tells us; policies that are held are written back all the same."""
    cached(bench, "restart.test")
    wait_until(lambda: any("restart.test" in k for k in bench.redis.keys()), 10,
               "the policy in Redis")
    bench.redis.command("FLUSHALL")
    wait_until(lambda: any("restart.test" in k for k in bench.redis.keys()), 60,
               "the policy back in Redis")


@test
def redis_holds_garbage(bench):
    """What stands under our keys is somebody else's: looked up as if it were not there."""
    name = "stream.test"
    for garbage in ("", "hopseal-facts 1", "hopseal-facts 9\nnext_hop=stream.test\n",
                    "hopseal-facts 1\nnext_hop=other.test\nlooked_at=1\n", "\x00" * 100,
                    "hopseal-facts 1\nnext_hop=stream.test\nlooked_at=99999999999999999999\n"):
        bench.restart_hopseal()
        bench.redis.command("SET", "hopseal:facts:{%s}" % name, garbage)
        assert bench.hopseal.ask(name) == secure(BY_NAME[name]), garbage
    bench.restart_hopseal()
    bench.redis.command("LPUSH", "hopseal:facts:{%s}" % name, "a list")
    assert bench.hopseal.ask(name) == secure(BY_NAME[name])


@test
def redis_full(bench):
    """Out of memory, as far as writing goes."""
    bench.redis.command("CONFIG", "SET", "maxmemory", "1")
    try:
        with Stream(bench) as stream:
            assert bench.hopseal.ask("restart.test") == secure(BY_NAME["restart.test"])
            time.sleep(0.5)
        stream.check()
    finally:
        bench.redis.command("CONFIG", "SET", "maxmemory", "0")


# Our own processes.

def killed_during_deliveries(bench, part, times):
    with Stream(bench) as stream:
        for _ in range(times):
            time.sleep(1.1)
            pid = bench.hopseal.kill(part, signal.SIGKILL)
            bench.hopseal.wait_replaced(part, pid)
    stream.check()


@test
def scout_killed(bench):
    killed_during_deliveries(bench, "scout", 3)
    bench.hopseal.command("forget", "forget.test", "--policy")
    wait_answer(bench, "forget.test", secure(BY_NAME["forget.test"]))


@test
def clerk_killed(bench):
    killed_during_deliveries(bench, "clerk", 3)
    wait_until(lambda: bench.hopseal.explain("stream.test").get("domain"), 10, "explain")


@test
def front_killed_20_times(bench):
    for name in ("stream.test", "stream-plain.test", "stream-dane.test"):
        bench.hopseal.ask(name)
    killed_during_deliveries(bench, "front", 20)


@test
def front_stopped(bench):
    with Stream(bench) as stream:
        time.sleep(0.5)
        pid = bench.hopseal.kill("front", signal.SIGSTOP)
        bench.hopseal.wait_replaced("front", pid)
        time.sleep(0.5)
    stream.check()


@test
def reload_during_deliveries(bench):
    client = Client(MAP)
    client.ask("QUERY", "stream.test")
    with Stream(bench) as stream:
        for _ in range(5):
            time.sleep(0.4)
            bench.hopseal.process.send_signal(signal.SIGHUP)
    stream.check()
    assert client.ask("QUERY", "stream.test") == secure(BY_NAME["stream.test"])
    client.close()


@test
def policyd_stopped_and_started(bench):
    """What is deferred meanwhile goes out at the next try; nothing is lost or bounced."""
    names = ("stream.test", "stream-plain.test", "stream-dane.test")
    for name in names:
        bench.hopseal.ask(name)
    bench.hopseal.stop()
    queue_ids = [send(f"user@{name}") for name in names * 2]
    for queue_id in queue_ids:
        first = bench.postfix.fate(queue_id)
        assert first.status == "deferred", first
    bench.hopseal.start()
    bench.postfix.flush()
    bench.postfix.wait_sent(queue_ids)


@test
def policies_survive_restart_without_dns(bench):
    answer = cached(bench, "restart.test")
    wait_until(lambda: any("restart.test" in k for k in bench.redis.keys()), 10,
               "the policy of restart.test in Redis")
    bench.hopseal.stop()
    bench.dns.pause()
    try:
        bench.hopseal.start(map_deadline="3s")
        assert bench.hopseal.ask("restart.test") == answer
        assert "policy_type=sts" in bench.hopseal.ask("restart.test", "QUERYwithTLSRPT")
    finally:
        bench.dns.resume()
    bench.restart_hopseal()


# DNS.

@test
def dns_dead(bench):
    bench.restart_hopseal(map_deadline="3s")
    answer = cached(bench, "cached.test")
    assert bench.hopseal.ask("negative.test") == NOTFOUND
    assert bench.hopseal.ask("stream-dane.test") == "OK dane-only"
    bench.dns.pause()
    try:
        client = Client(MAP, timeout=10)
        assert client.ask("QUERY", "cached.test") == answer
        assert client.ask("QUERY", "negative.test") == NOTFOUND
        assert client.ask("QUERY", "stream-dane.test") == "OK dane-only"
        unknown = client.ask("QUERY", "never-asked-before.test")
        assert unknown.startswith("TEMP ") and len(unknown.split()) > 3, unknown
        # It does not wear off when the records' lifetimes are over.
        time.sleep(3)
        refresh(bench, "cached.test")
        assert client.ask("QUERY", "cached.test") == answer
        refresh(bench, "negative.test")
        assert client.ask("QUERY", "negative.test") == NOTFOUND
        client.close()
    finally:
        bench.dns.resume()
    bench.dns.flush()
    wait_answer(bench, "never-asked-before.test", NOTFOUND, 40)
    bench.restart_hopseal()
