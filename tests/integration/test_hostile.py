#!/usr/bin/python3
"""Every kind of rude client at once, while good ones are served and nothing grows.

    test_hostile.py [--build DIR] [--minutes N] [TEST...]

Offenders are functions of one act each, repeated by a thread of their own until time is
up, on both services, in a process apart.  Meanwhile good clients ask and are answered, and
the front's memory is sampled: the second half needs no more than the first.  In the end it
holds as many descriptors as before.
"""

import argparse
import contextlib
import multiprocessing
import random
import select
import sys
import threading
import time

from policyd_rig import (DUNNO, Connection, Skip, allow_files, question, run,
                         wait_until)
from test_front import ENCRYPT, RULED, SHAPES, names, policyd

SECONDS = 12                    # of sampling, when no --minutes are given
SETTLING_S = 11                 # the front closes what was begun after ten seconds
IDLE, BEGUN, DEAF, GOOD = 800, 40, 6, 20
# For 99 of 100 good questions, and for all: on a machine that is busy with other things.
ANSWER_S, LONGEST_S = 1, 10
GROWTH_KIB = 1500
EVEN = 0.6                      # the least served, of the most: 0.9 on an idle machine
MAP_QUESTION, ACCESS_QUESTION = question("ruled.example"), SHAPES[0]
MALFORMED = [
    b"abc:QUERY a.example,", b"-5:QUERY,", b"0x17:QUERY a.example,", b"0:,", b":,",
    b"18446744073709551631:QUERY a.example,", b"15:QUERY a.example;", b"5:QUERY,",
    b"99999999999999999999", b"10241:", b"20:QUERY a\0b.example    ,",
    b"GET / HTTP/1.0\r\n\r\n", b"EHLO client.example\r\n", b"\n\n", b"=\n\n",
    b"request=junk\n\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    ACCESS_QUESTION.replace(b"RCPT", b"R\0PT"), b"request=smtpd_access_policy\nnothing\n\n",
]


class Target:
    """One of the two services, and what a good client asks and gets there."""

    def __init__(self, address, asked, answer):
        self.address, self.asked, self.answer = address, asked, answer

    def connect(self):
        return Connection(self.address, timeout=20)


# ------------------------------------------------------------------ offenders

def sends_nonsense(target, rng):
    with target.connect() as c:
        c.send(rng.choice(MALFORMED))
        c.half_close()
        c.end()


def sends_noise(target, rng):
    with target.connect() as c:
        c.send(rng.randbytes(rng.randrange(1, 20000)))
        c.half_close()
        c.end()


def sends_without_end(target, rng):
    """A length that is allowed, or digits, or an attribute: and then far more."""
    with target.connect() as c:
        c.send(rng.choice([b"10240:QUERY ", b"1", b"request=smtpd_access_policy\nstress="]))
        for _ in range(64):
            c.send(b"1" * 65536)


def sends_octets(target, rng):
    """A good question, an octet at a time."""
    with target.connect() as c:
        for octet in target.asked[:120 + rng.randrange(60)]:
            c.send(bytes([octet]))
            time.sleep(0.002)


def sends_halves(target, rng):
    """Half a question, a pause, the rest and half of the next."""
    with target.connect() as c:
        at = rng.randrange(1, len(target.asked))
        c.send(target.asked[:at])
        for _ in range(10):
            time.sleep(0.01)
            c.send(target.asked[at:] + target.asked[:at])
            c.expect(target.answer)


def sends_half_and_leaves(target, rng):
    for _ in range(50):
        c = target.connect()
        c.send(target.asked[:rng.randrange(1, len(target.asked))])
        rng.choice([c.close, c.drop])()


def begins_and_stays(target, rng):
    """Until the front has had enough."""
    crowd = [target.connect() for _ in range(BEGUN)]
    for c in crowd:
        c.send(target.asked[:rng.randrange(1, len(target.asked))])
    for c in crowd:
        c.end()
        c.close()


def closes_at_once(target, rng):
    for _ in range(100):
        target.connect().close()


def resets(target, rng):
    """With the answer on its way."""
    for _ in range(50):
        c = target.connect()
        c.send(target.asked * rng.randrange(0, 30))
        c.drop()


def never_reads(target, rng):
    """Asks until nothing more is taken, and stays."""
    crowd = [target.connect() for _ in range(DEAF)]
    for c in crowd:
        c.socket.setblocking(False)
        with contextlib.suppress(OSError):
            while select.select([], [c.socket], [], 0.05)[1]:
                c.socket.send(target.asked * 200)
    time.sleep(rng.uniform(0, 2))
    for c in crowd:
        c.drop()


def floods(target, rng):
    """Thousands of questions at once, all answers read."""
    with target.connect() as c:
        count = rng.randrange(1, 2000)
        sender = threading.Thread(target=c.send, args=(target.asked * count,))
        sender.start()
        got = c.get(len(target.answer) * count)
        sender.join()
        assert got == target.answer * count, len(got)


def says_nothing(target, rng):
    crowd = [target.connect() for _ in range(IDLE // 2)]
    time.sleep(rng.uniform(1, 3))
    for c in crowd:
        rng.choice([c.close, c.drop])()


def leaves_while_waiting(target, rng):
    """Asks what takes long to find out."""
    for _ in range(20):
        c = target.connect()
        c.send(question(f"silent{rng.randrange(50)}.example"))
        time.sleep(0.01)
        c.drop()


OFFENDERS = [sends_nonsense, sends_noise, sends_without_end, sends_octets, sends_halves,
             sends_half_and_leaves, begins_and_stays, closes_at_once, resets, never_reads,
             floods, says_nothing, leaves_while_waiting]


class Crowd:
    """Threads that repeat an act on a target until they are to stop."""

    def __init__(self):
        self._stop, self._threads = threading.Event(), []
        self.acts, self.failures = {}, []

    def add(self, act, target, pause_s):
        self.acts.setdefault(act.__name__, 0)
        thread = threading.Thread(target=self._run, args=(act, target, pause_s))
        self._threads.append(thread)
        thread.start()

    def _run(self, act, target, pause_s):
        rng = random.Random(f"{act.__name__} {target.address}")
        while not self._stop.wait(pause_s):
            try:
                act(target, rng)
            except (ConnectionResetError, BrokenPipeError, TimeoutError):
                pass            # that is what they asked for
            except Exception as error:
                self.failures.append(f"{act.__name__}: {error}")
            self.acts[act.__name__] += 1

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


def offend(targets, stop, results):
    """A process of its own: the good ones shall wait for the front, not for these."""
    crowd = Crowd()
    for target in targets:
        for act in OFFENDERS:
            crowd.add(act, target, 0.05)
    stop.wait()
    crowd.stop()
    results.put((crowd.acts, crowd.failures))


@contextlib.contextmanager
def offenders(targets):
    """They are at it; yields what is filled with (acts, failures) in the end."""
    fork = multiprocessing.get_context("fork")
    stop, results, done = fork.Event(), fork.Queue(), []
    process = fork.Process(target=offend, args=(targets, stop, results), daemon=True)
    process.start()
    try:
        yield done
    finally:
        stop.set()
        done.extend(results.get(timeout=60))
        process.join()


class Good:
    """Clients that stay connected, ask now and then, and time the answers."""

    def __init__(self, target):
        self._target, self.took_s = target, []
        self._clients = [target.connect() for _ in range(GOOD)]

    def __call__(self, target, rng):
        began = time.monotonic()
        try:
            c = rng.choice(self._clients) if rng.random() < 0.8 else target.connect()
            c.send(target.asked)
            c.expect(target.answer)
        except OSError as error:
            raise AssertionError(f"after {time.monotonic() - began:.1f} s: {error}")
        self.took_s.append(time.monotonic() - began)
        if c not in self._clients:
            c.close()

    __name__ = "good"

    def close(self):
        for c in self._clients:
            c.close()


def sample(p, seconds):
    """(KiB, descriptors) of the front, twice a second."""
    samples, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        samples.append((p.rss(), p.fd_count()))
        time.sleep(0.5)
    return samples


def check_flat(p, samples):
    """The second half needs no more memory than the first.  Descriptors come and go with
    the crowds, so that two moments say nothing: what leaks of them is left in the end."""
    first, second = samples[:len(samples) // 2], samples[len(samples) // 2:]
    for name, half in (("first", first), ("second", second)):
        kib, fds = zip(*half)
        print(f"# front, {name} half: {min(kib)} to {max(kib)} KiB, {min(fds)} to "
              f"{max(fds)} descriptors")
    assert max(second)[0] - max(first)[0] <= GROWTH_KIB or p.is_sanitized(), "the front grows"


def check_times(took_s):
    took_s.sort()
    parts = ", ".join(f"{part:.1%} within {took_s[int(len(took_s) * part)] * 1000:.1f} ms"
                      for part in (0.5, 0.99, 0.999))
    print(f"# {len(took_s)} good questions: {parts}, the longest {took_s[-1] * 1000:.0f} ms")
    assert took_s[int(len(took_s) * 0.99)] < ANSWER_S, "good clients wait"
    assert took_s[-1] < LONGEST_S, f"a good client waited {took_s[-1]:.2f} s"


def test_all_at_once(folder):
    if allow_files(4000) < 3000:
        raise Skip("too few descriptors")
    with names() as server, policyd(folder, RULED, dns_servers=server.option,
                                    map_deadline="1s", log_level="warn") as p:
        targets = [Target(p.map, MAP_QUESTION, ENCRYPT),
                   Target(p.access, ACCESS_QUESTION, DUNNO)]
        assert p.ask("ruled.example") == "OK encrypt"
        fds_before, good = p.fd_count(), [Good(target) for target in targets]
        with offenders(targets) as done:
            crowd = Crowd()
            for target, clients in zip(targets, good):
                crowd.add(clients, target, 0.005)
            try:
                time.sleep(SETTLING_S)
                samples = sample(p, SECONDS)
            finally:
                crowd.stop()
        for clients in good:
            clients.close()
        acts, failures = done
        print("# acts: " + ", ".join(f"{name} {count}" for name, count in acts.items()))
        check_flat(p, samples)
        check_times(good[0].took_s + good[1].took_s)
        failures += crowd.failures
        assert not failures, failures[:3]
        assert all(acts.values()), acts
        wait_until(lambda: p.fd_count() <= fds_before + 1, "the end of all")
        assert p.counters()["connections"] == 0


def answers_each(target, count, seconds):
    """Of COUNT connections that ask again as soon as they are answered."""
    clients = {c.socket.fileno(): c for c in (target.connect() for _ in range(count))}
    answers, poll = dict.fromkeys(clients, 0), select.epoll()
    for fd, c in clients.items():
        poll.register(fd, select.EPOLLIN)
        c.send(target.asked)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for fd, _ in poll.poll(1):
            clients[fd].expect(target.answer)
            answers[fd] += 1
            clients[fd].send(target.asked)
    for c in clients.values():
        c.close()
    return answers.values()


def test_served_evenly(folder):
    """A thousand connections, three times: other work on the machine disturbs one of them,
    a front that starves somebody does so each time."""
    count = 1000
    if allow_files(2 * count) < count + 100:
        raise Skip("too few descriptors")
    with policyd(folder, RULED) as p:
        for target in (Target(p.map, MAP_QUESTION, ENCRYPT),
                       Target(p.access, ACCESS_QUESTION, DUNNO)):
            shares = []
            for _ in range(3):
                answers = answers_each(target, count, 2)
                shares.append(min(answers) / max(answers))
                print(f"# {count} connections: {min(answers)} to {max(answers)} answers each")
            assert max(shares) >= EVEN, "some are starved"


def main():
    global SECONDS
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--minutes", type=float)
    options, rest = parser.parse_known_args()
    if options.minutes:
        SECONDS = options.minutes * 60
    sys.argv[1:] = rest
    return run([test_all_at_once, test_served_evenly])


if __name__ == "__main__":
    sys.exit(main())
