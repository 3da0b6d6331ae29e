"""What answers cost: from memory, over new connections, under a steady load, from Redis."""

import re
import subprocess

import records
from hopseal import ACCESS, MAP
from rig import ACCESS_PORT, ANY_CPU, MAP_PORT, Asker, inet

KNOWN = 2000                    # domains of each kind
KINDS = {"n": "not found", "p": "policy"}
RULES = "* out action=defer\n"
STEADY_RATE, STEADY_CONNECTIONS, NEW_DOMAINS_RATE = 20000, 64, 50
MAP_LIMIT, ACCESS_LIMIT = inet(("127.0.0.1", MAP_PORT)), inet(("127.0.0.1", ACCESS_PORT))


class Answers:
    def __init__(self, rig, table, rounds, seconds):
        self._rig, self._table, self._rounds, self._seconds = rig, table, rounds, seconds

    def prepare(self):
        """A policyd that has all known domains in memory, and the constant responders."""
        rig = self._rig
        rig.hopseal.write_rules(RULES)
        rig.redis.command("FLUSHALL")
        for kind in KINDS:
            records.write(rig.redis.path, kind, KNOWN)
        rig.restart()
        for kind in KINDS:
            rig.ask_all([records.name(kind, i) for i in range(KNOWN)])

    def _pairs(self, kind, reply=None):
        """Questions about known domains in no order that a processor could foresee."""
        order = [i * 773 % KNOWN for i in range(KNOWN)]
        names = [records.name(kind, i) for i in order]
        return self._rig.write_pairs(
            f"map-{kind}-{'limit' if reply else 'ours'}",
            [(records.map_question(n), reply or records.map_answer(kind, n)) for n in names])

    def _rounds_of(self, base, ours, *options, connections, seconds=None):
        """Interleaved rounds; each is (endpoint, pairs, pid)."""
        def one(endpoint, pairs, pid):
            return self._rig.load(endpoint, pairs, *options, pids=[pid],
                                  seconds=seconds or self._seconds, connections=connections)
        return [(one(*base), one(*ours)) for _ in range(self._rounds)]

    def _show(self, what, rounds, cpu_at_most=None, rate_at_least=None):
        cpu = lambda r: r["cpu_s"] / r["requests"] * 1e5
        self._table.ratio(f"{what}: CPU s per 100,000",
                          [(cpu(b), cpu(o)) for b, o in rounds], at_most=cpu_at_most)
        self._table.ratio(f"{what}: requests/s", [(b["rate"], o["rate"]) for b, o in rounds],
                          at_least=rate_at_least, form="{:.0f}")
        self._table.times(what, *zip(*rounds), ("p50", "p99"))

    def _map_sides(self, kind):
        """(base, ours) for questions of a kind, the constant reply as long as ours."""
        reply = records.map_answer(kind, records.name(kind, 0))
        self._rig.start_constants(reply.decode(), records.DUNNO.decode())
        return ((MAP_LIMIT, self._pairs(kind, reply), self._rig.constants()[0]),
                (inet(MAP), self._pairs(kind), self._rig.front()))

    def map_answers(self, counts=(1, 10, 100, 1000)):
        for kind, word in KINDS.items():
            base, ours = self._map_sides(kind)
            for count in counts:
                rounds = self._rounds_of(base, ours, connections=count)
                self._show(f"map, {word}, {count:,} conn.", rounds, 1.15, 0.90)
                if count == 1000:
                    even = [tuple(r["least"] / r["most"] for r in pair) for pair in rounds]
                    self._table.ratio(f"map, {word}, {count:,} conn.: least / most served",
                                      even, form="{:.2f}")

    def access_answers(self):
        names = [records.name("p" if i % 4 == 0 else "n", i * 773 % KNOWN)
                 for i in range(KNOWN)]
        pairs = self._rig.write_pairs("access", [(records.access_question(name, i),
                                                  records.DUNNO)
                                                 for i, name in enumerate(names)])
        self._map_sides("n")
        base = (ACCESS_LIMIT, pairs, self._rig.constants()[1])
        ours = (inet(ACCESS), pairs, self._rig.front())
        for count in (10, 50):
            self._show(f"access, {count} conn.",
                       self._rounds_of(base, ours, connections=count), rate_at_least=0.85)

    def new_connections(self):
        base, ours = self._map_sides("n")
        rounds = self._rounds_of(base, ours, "-1", connections=10)
        self._show("a connection per request", rounds, rate_at_least=0.85)

    def steady_load(self):
        base, ours = self._map_sides("n")
        seconds = self._seconds * 1.5
        for scout_works in (False, True):
            rounds = []
            for _ in range(self._rounds):
                rounds.append(tuple(self._steady(side, seconds, scout_works)
                                    for side in (base, ours)))
            what = "20,000/s" + (", 50 new domains/s" if scout_works else "")
            self._table.ratio(f"{what}: p99, us", [(b["p99_us"], o["p99_us"])
                                                   for b, o in rounds],
                              at_most=1.5, form="{:.0f}")
            self._table.times(what, *zip(*rounds), ("p50", "p999"))
            self._table.ratio(f"{what}: answered/s", [(b["rate"], o["rate"])
                                                      for b, o in rounds], form="{:.0f}")

    def prepared_load(self, seconds, rate):
        """A function that measures steady answers of the policyd that runs."""
        for kind in KINDS:
            records.write(self._rig.redis.path, kind, KNOWN)
        self._rig.ask_all([records.name("n", i) for i in range(KNOWN)])
        side = inet(MAP), self._pairs("n"), self._rig.front()
        return lambda: self._steady(side, seconds, False, rate)

    def _steady(self, side, seconds, scout_works, rate=STEADY_RATE):
        endpoint, pairs, pid = side
        load = lambda: self._rig.load(endpoint, pairs, "-r", str(rate), pids=[pid],
                                      seconds=seconds, connections=STEADY_CONNECTIONS)
        if not scout_works:
            return load()
        names = self._rig.cold_domains(int((seconds + 0.3) * NEW_DOMAINS_RATE))
        with Asker(names, NEW_DOMAINS_RATE):
            return load()

    def from_redis(self, count=40000):
        """Records that Redis holds and memory does not, against plain GETs of the same."""
        rig = self._rig
        rig.stop_constants()
        records.write(rig.redis.path, "n", count)
        rig.restart(cache_entries=100)
        rig.place(apart=False)
        names = [records.name("n", i) for i in range(count)]
        pairs = rig.write_pairs("redis", [(records.map_question(n),
                                           records.map_answer("n", n)) for n in names])
        for connections in (10, 100):
            gets, ours = [], []
            for _ in range(self._rounds):
                gets.append(self._redis_benchmark(connections, names[0]))
                ours.append(rig.load(inet(MAP), pairs, pids=[rig.front()],
                                     seconds=self._seconds, connections=connections,
                                     cpus=ANY_CPU))
            what = f"from Redis, {connections} conn."
            self._table.ratio(f"{what}: requests/s",
                              list(zip(gets, (o["rate"] for o in ours))), at_least=0.7,
                              form="{:.0f}")
            self._table.value(f"{what}: front's CPU each",
                              [o["cpu_s"] / o["requests"] * 1e6 for o in ours], "us")
        self._table.note("base: redis-benchmark -P 1 GET; nothing is bound to a processor")

    def _redis_benchmark(self, connections, name):
        done = subprocess.run(
            ["redis-benchmark", "-s", self._rig.redis.path, "-P", "1", "-c", str(connections),
             "-n", str(int(60000 * self._seconds)), "GET", f"hopseal:facts:{{{name}}}"],
            capture_output=True, text=True, check=True, timeout=60)
        return float(re.search(r"([\d.]+) requests per second", done.stdout)[1])
