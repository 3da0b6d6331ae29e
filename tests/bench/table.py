"""The tables of results, in Markdown: each measurement beside its base, the ratio, and what
is wanted.  docs/performance.md ends with the last ones as they were printed."""

import os
import platform
import statistics
import subprocess
import time

WIDTHS = (47, 14, 14, 7, 0)


class Table:
    def __init__(self):
        self.missed = 0

    def heading(self, text):
        print(f"\n**{text}**\n")
        self._print("what", "base", "Hopseal", "ratio", "wanted")
        print("|" + "|".join("-" * (width + 2) for width in WIDTHS[:-1]) + "|---|",
              flush=True)

    def ratio(self, what, pairs, at_most=None, at_least=None, form="{:.3f}"):
        """Pairs of (base, ours), one a round; the median ratio is what counts."""
        ratio = statistics.median(ours / base for base, ours in pairs)
        base, ours = (statistics.median(values) for values in zip(*pairs))
        self._row(what, form.format(base), form.format(ours), f"{ratio:.2f}", ratio, at_most,
                  at_least)

    def times(self, what, base, ours, points):
        """Medians of percentiles, side by side."""
        self._print(f"{what}: {', '.join(points)}, us", *(
            " / ".join(f"{statistics.median(r[f'{point}_us'] for r in rounds):.0f}"
                       for point in points) for rounds in (base, ours)), "", "")

    def value(self, what, values, unit, at_most=None, at_least=None, form="{:.2f}"):
        """A measurement with nothing beside it."""
        median = statistics.median(values)
        self._row(what, "", f"{form.format(median)} {unit}".strip(), "", median, at_most,
                  at_least)

    def note(self, text):
        print(f"\n({text})", flush=True)

    def _row(self, what, base, ours, ratio, got, at_most, at_least):
        wanted, is_good = "", True
        if at_most is not None:
            wanted, is_good = f"at most {at_most:.4g}", got <= at_most
        elif at_least is not None:
            wanted, is_good = f"at least {at_least:g}", got >= at_least
        if not is_good:
            wanted += ", **missed**"
            self.missed += 1
        self._print(what, base, ours, ratio, wanted)

    def _print(self, *cells):
        padded = [cell.ljust(width) if i == 0 else cell.rjust(width)
                  for i, (cell, width) in enumerate(zip(cells, WIDTHS))]
        print("| " + " | ".join(padded) + " |", flush=True)


def conditions():
    """When and on what, for whoever reads the figures later."""
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":", 1)[1].strip() for line in f
                      if line.startswith("model name")), platform.machine())
    with open("/etc/os-release") as f:
        system = next(line.split("=", 1)[1].strip().strip('"') for line in f
                      if line.startswith("PRETTY_NAME="))
    versions = ", ".join(f"{name} {version(*argv)}" for name, argv in (
        ("gcc", ("gcc", "-dumpfullversion")),
        ("libevent", ("dpkg-query", "-Wf", "${Version}", "libevent-core-2.1-7")),
        ("Redis", ("dpkg-query", "-Wf", "${Version}", "redis-server")),
        ("Postfix", ("postconf", "-hd", "mail_version"))))
    return (f"{time.strftime('%-d %B %Y')}: {os.cpu_count()} processors ({model}), Linux "
            f"{platform.release()}, {system}, {versions}.")


def version(*argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True)
        return done.stdout.strip().split("-")[0].split(":")[-1] or "?"
    except OSError:
        return "?"


def load():
    """How busy the machine was in the last minute, by whomever."""
    return f"load {os.getloadavg()[0]:.1f}"
