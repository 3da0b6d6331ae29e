#!/usr/bin/python3
"""What shells read: the completion of hopseal, and the init scripts; and what is installed.

    test_shell.py [--build DIR] [TEST...]

One line a test; exit 0 when none failed.
"""

import glob
import os
import shutil
import subprocess
import sys

from policyd_rig import IS_ROOT, Policyd, Skip, run

TESTS = []
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# Sets what bash sets for a completion function, and prints what that offers.
OFFER = """
. "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hopseal
printf '%s\\n' "${COMPREPLY[@]}"
"""
COMPLETIONS = (
    (["sta"], {"status"}),
    (["st", "x", "--cle"], set()),
    (["status", "--c"], {"--clear"}),
    (["setup", "--"], {"--json", "--help", "--apply", "--revert", "--lines", "--force"}),
    (["-c", "file", "set"], {"setup"}),
    (["-o", "user", "=", "me", "expl"], {"explain"}),
    (["--json", "check", "--"], {"--json", "--help"}),
    (["lint", "sts-"], {"sts-record", "sts-policy"}),
    (["lint", "mx", "sts-"], set()),
    (["lint", "--host", "mx.example", "cert"], {"cert", "cert-name"}),
    (["lint", "--host", ""], set()),
    (["-o", "map_l"], {"map_listen="}),
    (["completion", ""], {"-c", "-o", "--json", "--help", "bash"}),
)


def test(function):
    TESTS.append(function)
    return function


def said(*argv, **options):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def hopseal(*words):
    return said(Policyd.program("hopseal"), *words)


@test
def test_completion(folder):
    path = os.path.join(folder, "hopseal")
    with open(path, "w") as f:
        f.write(hopseal("completion", "bash"))
    said("bash", "-n", path)
    for words, want in COMPLETIONS:
        got = set(said("bash", "-c", OFFER, "bash", path, "hopseal", *words).split())
        assert got == want, (words, got)
    open(os.path.join(folder, "ca.pem"), "w").close()
    for words in (["lint", "--ca", "ca"], ["-c", "ca"]):
        got = said("bash", "-c", OFFER, "bash", path, "hopseal", *words, cwd=folder)
        assert got == "ca.pem\n", (words, got)


@test
def test_completion_has_all_commands(_folder):
    script = hopseal("completion", "bash")
    commands = [line.split()[0] for line in hopseal("--help").splitlines()
                if line[:2] == "  " and line[2] != " "]
    assert len(commands) > 10, commands
    for command in commands:
        assert f"\n\t{command})\t" in script, command


@test
def test_other_shells(_folder):
    done = subprocess.run([Policyd.program("hopseal"), "completion", "fish"],
                          capture_output=True, text=True)
    assert done.returncode == 64 and "only bash" in done.stderr, done


@test
def test_init_scripts(_folder):
    scripts = glob.glob(os.path.join(TOP, "conf/openrc/*"))
    assert len(scripts) == 2, scripts
    for script in scripts:
        said("sh", "-n", script)
        assert os.access(script, os.X_OK), script


def install(folder, target):
    # Another prefix would build all anew.
    said("make", "-s", "-C", TOP, f"O={os.path.abspath(Policyd.build)}", f"DESTDIR={folder}",
         "PREFIX=/usr", "-o", "all", "-o", "manuals", target)


@test
def test_install(folder):
    """OpenRC's scripts only when asked for, and everything in its place."""
    script = os.path.join(folder, "etc/init.d/hopseal-policyd")
    for target, is_there in (("install", False), ("install-openrc", True)):
        install(folder, target)
        assert os.path.exists(script) == is_there, target
    with open(script) as f:
        assert "command=/usr/sbin/hopseal-policyd\n" in f.read()
    said("bash", "-n", os.path.join(folder, "usr/share/bash-completion/completions/hopseal"))


@test
def test_accounts(folder):
    """They and their folders, as systemd makes them."""
    if not IS_ROOT or not shutil.which("systemd-sysusers"):
        raise Skip("not root" if not IS_ROOT else "systemd-sysusers is not installed")
    install(folder, "install")
    for name in "passwd", "group":
        shutil.copy(f"/etc/{name}", os.path.join(folder, "etc"))
    said("systemd-sysusers", f"--root={folder}", stderr=subprocess.DEVNULL)
    said("systemd-tmpfiles", "--create", f"--root={folder}")
    assert os.path.isdir(os.path.join(folder, "var/lib/hopseal"))


if __name__ == "__main__":
    sys.exit(run(TESTS))
