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
    failed, skipped = [], []
    for name, end in ends.items():
        error = end.exception()
        if isinstance(error, Skip):
            skipped.append(f"{name}: {error}")
        elif error:
            failed.append(f"{name}: {first_line(error)}")
    if failed:
        raise AssertionError("; ".join(failed))
    if skipped:
        raise Skip("; ".join(skipped))
