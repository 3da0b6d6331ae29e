"""The manuals: well-formed, and of one mind with the programs about the options.

check() yields pairs of a rule and the lines that break it.
"""

import glob
import os
import re
import subprocess

SAMPLE, MANUAL = "conf/hopseal.conf", "docs/hopseal.conf.5"


def check(build):
    for page in sorted(glob.glob("docs/*.[158]")):
        yield f"mandoc -T lint {page}", lint(page)
    done = subprocess.run([os.path.join(build, "hopseal-policyd"), "-d"],
                          capture_output=True, text=True)
    table = dict(line.partition(" = ")[::2] for line in done.stdout.splitlines())
    yield "hopseal-policyd -d prints options", [] if table else [done.stderr]
    yield f"{SAMPLE} has the options and their defaults", list(differences(table, sample()))
    yield f"{MANUAL} has the options and their defaults", list(differences(table, manual()))


def lint(page):
    """Complaints, but for the index of this host's manuals and what it lacks."""
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "style", page],
                          capture_output=True, text=True)
    with open(page) as f:
        ours = re.findall(r"^\.Xr (hopseal\S*) (\d)", f.read(), re.M)
    return [line for line in (done.stdout + done.stderr).splitlines()
            if "referenced manual not found" not in line and "mandoc.db" not in line
            ] + [f"{page}: there is no {name}({section})" for name, section in ours
                 if not os.path.exists(f"docs/{name}.{section}")]


def sample():
    """Options stand behind a "#" without a blank."""
    with open(SAMPLE) as f:
        return dict(re.findall(r"^#([a-z0-9_]+) =[ ]?(.*)$", f.read(), re.M))


def manual():
    """.It Cm NAME, and behind it Pq VALUE when the default is not empty."""
    with open(MANUAL) as f:
        return dict(re.findall(r"^\.It Cm ([a-z0-9_]+)(?: Pq (.*))?$", f.read(), re.M))


def differences(table, other):
    for name in sorted(table.keys() | other.keys()):
        if name not in other:
            yield f"{name}: missing"
        elif name not in table:
            yield f"{name}: there is no such option"
        elif table[name].strip() != other[name].strip():
            yield f"{name}: default is {table[name]!r}, not {other[name]!r}"
