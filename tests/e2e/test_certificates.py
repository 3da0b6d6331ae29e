"""What became of a host's certificate since the last look: warned of, and no mail kept back."""

from domains import BY_NAME
from process import wait_until

TESTS = {}


def prepare(bench, names):
    bench.restart_hopseal(good_ttl="1s", reprobe_after="1s")


def restore(bench):
    pass


def test(function):
    TESTS[function.__name__] = function
    return function


def warned(bench, name, word):
    return [w for w in bench.hopseal.explain(name)["warnings"] if w.startswith(word)]


def serve(bench, name, *leaves):
    """A leaf for each of the domain's hosts, in their order."""
    for host, leaf in zip(BY_NAME[name].hosts, leaves):
        host_name = BY_NAME[name].host_name(host)
        for address in bench.layout.addresses[host_name]:
            bench.mx_hosts.put(address, host_name, leaf)
    bench.mx_hosts.save()


def wait_for_look(bench, name):
    """Until its certificates are those of now; no look before is under way."""
    def times():
        return [a["time"] for h in bench.hopseal.explain(name)["hosts"] for a in h["addresses"]]
    before = times()
    wait_until(lambda: all(now and now > then for now, then in zip(times(), before) if then)
               and all(times()), 15, "a new look")


@test
def a_change_that_nobody_expects(bench):
    """Another key for the same name, three months before the end."""
    name = "enf-good.test"
    wait_until(lambda: bench.hopseal.explain(name)["verdict"] == "deliverable", 15, "good")
    assert not warned(bench, name, "cert-changed")
    bench.layout.change(BY_NAME[name], "good")
    wait_until(lambda: warned(bench, name, "cert-changed"), 15, "the warning")
    lines = [line for line in bench.hopseal.log_lines()
             if f"cert-changed: host=mx.{name}" in line]
    assert len(lines) == 1, lines
    assert bench.hopseal.explain(name)["verdict"] == "deliverable"


@test
def one_was_left_behind(bench):
    """Two hosts have the same certificate, and one of them another for the same names."""
    name = "enf-several.test"
    names = [BY_NAME[name].host_name(host) for host in BY_NAME[name].hosts]
    old = bench.pki.leaf("good", *names, days=(-60, 29), file="left-behind-old")
    new = bench.pki.leaf("good", *names, file="left-behind-new")
    serve(bench, name, old, old)
    wait_for_look(bench, name)
    assert not warned(bench, name, "cert-inactive")
    serve(bench, name, new, old)
    wait_until(lambda: warned(bench, name, "cert-inactive"), 15, "the warning")
    warning, = warned(bench, name, "cert-inactive")
    assert names[1] in warning.split(" has ")[0] and names[0] in warning, warning
    assert not warned(bench, name, "cert-changed")
    assert any(f"cert-inactive: domain={name}, host={names[1]}" in line
               for line in bench.hopseal.log_lines())
    serve(bench, name, new, new)
    wait_until(lambda: not warned(bench, name, "cert-inactive"), 15, "no warning any more")
