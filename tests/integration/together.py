"""Tests that mostly wait, at one time."""

import concurrent.futures
import glob
import os

from policyd_rig import Skip, first_line


def together(folder, functions):
    """Each in a folder of its own.  What failed is told before what was skipped."""
    with concurrent.futures.ThreadPoolExecutor(len(functions)) as pool:
        ends = {}
        for function in functions:
            place = os.path.join(folder, function.__name__)
            os.mkdir(place)
            os.chmod(place, 0o755)
            ends[function.__name__] = pool.submit(function, place)
    # Where the runner looks for logs.
    for n, path in enumerate(glob.glob(folder + "/*/**/log", recursive=True)):
        os.symlink(os.path.dirname(path), os.path.join(folder, str(n)))
    errors = {name: end.exception() for name, end in ends.items() if end.exception()}
    failed = [f"{name}: {first_line(error)}" for name, error in errors.items()
              if not isinstance(error, Skip)]
    if failed:
        raise AssertionError("; ".join(failed))
    for name, error in errors.items():
        raise Skip(f"{name}: {error}")
