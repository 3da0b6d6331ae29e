"""A test in a network of its own, with the bench's addresses (tests/e2e/netns.py)."""

import argparse
import os
import sys
import tempfile

import netns


def main(test):
    """test(build, folder, logs, names) once more in there; its exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--logs", help="folder for the logs of servers")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", help="of tests; all without")
    options = parser.parse_args()
    if not options.inside:
        why = netns.why_not()
        if why:
            print(f"no namespaces: {why}")
            return 77
        return netns.run_inside(["/usr/bin/python3", os.path.abspath(sys.argv[0]), "--inside",
                                 *sys.argv[1:]])
    netns.become_init()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        netns.set_up(folder)
        logs = os.path.abspath(options.logs or os.path.join(folder, "logs"))
        os.makedirs(logs, exist_ok=True)
        return test(os.path.abspath(options.build), folder, logs, options.names)
