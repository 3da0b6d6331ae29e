"""Two hosts on one Redis: what one learns, refreshes or forgets is the other's too.

The second host is a second policyd in the same namespace, with ports and folders of its own.
"""

import concurrent.futures
import os
import time

from domain import NOTFOUND, secure
from domains import BY_NAME
from hopseal import Hopseal
from process import wait_until

SECOND_MAP = ("127.0.0.1", 9461)
REPROBE_AFTER_S = 3
TESTS = {}
second = None


def prepare(bench, names):
    global second
    folder = os.path.join(bench.folder, "second")
    os.makedirs(folder)
    times = {"reprobe_after": f"{REPROBE_AFTER_S}s"}
    bench.restart_hopseal(**times)
    options = dict(bench.hopseal.options, **times)
    for name in ("map_listen", "control_listen", "run_dir", "state_dir", "rules_file"):
        del options[name]
    options["access_listen"] = "inet:127.0.0.1:9462"
    options["status_listen"] = "inet:127.0.0.1:9463"
    second = Hopseal(folder, bench.log_folder, bench.build, "hopseal2", SECOND_MAP, **options)
    second.start()


def restore(bench):
    second.stop()


def test(function):
    TESTS[function.__name__] = function
    return function


def fetches(bench, name):
    return len(bench.policy_hosts.requests("mta-sts." + name))


@test
def one_looks_up_for_both(bench):
    """The second host answers from Redis; the policy is fetched once."""
    answer = secure(BY_NAME["shared.test"])
    before = fetches(bench, "shared.test")
    assert bench.hopseal.ask("shared.test") == answer
    wait_until(lambda: any("facts:{shared.test}" in k for k in bench.redis.keys()), 10,
               "the record in Redis")
    assert second.ask("shared.test") == answer
    wait_until(lambda: fetches(bench, "shared.test") > before, 5, "the request's line")
    assert fetches(bench, "shared.test") == before + 1
    counters = second.command("status")[1]["counters"]
    assert counters["cache_hits"] >= 1, counters


@test
def forget_reaches_the_other(bench):
    answer = secure(BY_NAME["shared.test"])
    assert second.ask("shared.test") == answer
    bench.dns.change(bench.layout.zone(BY_NAME["shared.test"], []))
    time.sleep(2)  # until no resolver holds the record any more: it lives 1 s
    assert bench.hopseal.command("forget", "shared.test", "--policy")[1]["done"] is True
    wait_until(lambda: second.ask("shared.test") == NOTFOUND, 20, "the other forgot")
    bench.dns.change(bench.layout.zone(BY_NAME["shared.test"], None))
    time.sleep(2)
    assert second.command("refresh", "shared.test")[1]["done"] is True
    wait_until(lambda: bench.hopseal.ask("shared.test") == answer, 20,
               "the first learned it again")


@test
def refreshed_ahead_of_expiry_by_one(bench):
    """Nobody asks, and the policy is fetched before it ends: once for both."""
    name = "ahead.test"
    answer = secure(BY_NAME[name])
    assert bench.hopseal.ask(name) == answer
    wait_until(lambda: any("facts:{%s}" % name in k for k in bench.redis.keys()), 10,
               "the record in Redis")
    assert second.ask(name) == answer
    first = fetches(bench, name)
    wait_until(lambda: fetches(bench, name) > first, 35, "a fetch that nobody asked for")
    time.sleep(3)
    assert fetches(bench, name) == first + 1, "both fetched"
    for host in (bench.hopseal, second):
        wait_until(lambda: host.explain(name)["mta_sts"]["state"] == "present", 5,
                   "the policy")


def probes_of(host, name):
    return sum(f"probed: host=mx.{name}" in line for line in host.log_lines())


@test
def a_host_seen_by_one_is_known_to_the_other(bench):
    """One connection to the MX host serves both."""
    name = "enf-expired.test"
    assert bench.hopseal.explain(name)["verdict"] == "undeliverable"
    wait_until(lambda: any("facts:{%s}" % name in k for k in bench.redis.keys()), 10,
               "the record in Redis")
    told = second.explain(name)
    assert told["verdict"] == "undeliverable", told
    assert told["hosts"][0]["addresses"][0]["finding"] == "cert-expired", told
    assert probes_of(bench.hopseal, name) > 0 and probes_of(second, name) == 0


@test
def a_host_repaired_for_one_is_free_for_the_other(bench):
    """What the one saw first, the other does not believe for longer."""
    name = "probe-repaired.test"
    assert bench.hopseal.explain(name)["verdict"] == "undeliverable"
    wait_until(lambda: second.explain(name)["verdict"] == "undeliverable", 10, "both to know")
    bench.layout.change(BY_NAME[name], "good")
    time.sleep(REPROBE_AFTER_S + 1)
    wait_until(lambda: bench.hopseal.explain(name)["verdict"] == "deliverable", 20,
               "the first to see it")
    wait_until(lambda: second.explain(name)["verdict"] == "deliverable", 10,
               "the other to know")
    assert probes_of(second, name) == 0
    bench.layout.change(BY_NAME[name], "expired")


@test
def what_was_seen_is_forgotten_by_both(bench):
    """After a forget on one host both look at the MX host anew, once for both."""
    name = "probe-unseen.test"
    for host in (bench.hopseal, second):
        wait_until(lambda: host.explain(name)["verdict"] == "undeliverable", 10, "both to know")
    bench.layout.change(BY_NAME[name], "good")
    assert second.command("forget", name)[1]["done"] is True
    for host in (bench.hopseal, second):
        wait_until(lambda: host.explain(name)["verdict"] == "deliverable", 20,
                   "a look at the new certificate")
    bench.layout.change(BY_NAME[name], "expired")
