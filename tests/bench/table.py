"""The table of results: each measurement beside its base, the ratio, and what is wanted."""

import statistics


class Table:
    def __init__(self):
        self._rows, self.missed = [], 0

    def heading(self, text):
        print(f"\n{text}", flush=True)
        print(f"  {'':46} {'base':>10} {'hopseal':>10} {'ratio':>7}  wanted", flush=True)

    def ratio(self, what, pairs, at_most=None, at_least=None, form="{:.3f}"):
        """Pairs of (base, ours), one a round; the median ratio is what counts."""
        ratio = statistics.median(ours / base for base, ours in pairs)
        base, ours = (statistics.median(values) for values in zip(*pairs))
        self._print(what, form.format(base), form.format(ours), f"{ratio:.2f}", ratio,
                    at_most, at_least)

    def value(self, what, values, unit, at_most=None, at_least=None, form="{:.2f}"):
        """A measurement with nothing beside it."""
        median = statistics.median(values)
        self._print(what, "", form.format(median), unit, median, at_most, at_least)

    def note(self, text):
        print(f"  ({text})", flush=True)

    def _print(self, what, base, ours, ratio, got, at_most, at_least):
        wanted, is_good = "", True
        if at_most is not None:
            wanted, is_good = f"<= {at_most:g}", got <= at_most
        elif at_least is not None:
            wanted, is_good = f">= {at_least:g}", got >= at_least
        if not is_good:
            wanted += "  MISSED"
            self.missed += 1
        print(f"  {what:46} {base:>10} {ours:>10} {ratio:>7}  {wanted}".rstrip(), flush=True)
