#!/usr/bin/python3
"""What shells read: the completion of hopseal, and the init scripts.

    test_shell.py [--build DIR]
"""

import argparse
import glob
import os
import shutil
import subprocess
import sys
import tempfile

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


def run(*argv, **options):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def test_completion(build):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "hopseal")
        with open(path, "w") as f:
            f.write(run(os.path.join(build, "hopseal"), "completion", "bash"))
        run("bash", "-n", path)
        for words, want in COMPLETIONS:
            got = set(run("bash", "-c", OFFER, "bash", path, "hopseal", *words).split())
            assert got == want, (words, got)
        open(os.path.join(folder, "ca.pem"), "w").close()
        for words in (["lint", "--ca", "ca"], ["-c", "ca"]):
            got = run("bash", "-c", OFFER, "bash", path, "hopseal", *words, cwd=folder)
            assert got == "ca.pem\n", (words, got)


def test_completion_has_all_commands(build):
    program = os.path.join(build, "hopseal")
    script = run(program, "completion", "bash")
    commands = [line.split()[0] for line in run(program, "--help").splitlines()
                if line[:2] == "  " and line[2] != " "]
    assert len(commands) > 10, commands
    for command in commands:
        assert f"\n\t{command})\t" in script, command


def test_other_shells(build):
    done = subprocess.run([os.path.join(build, "hopseal"), "completion", "fish"],
                          capture_output=True, text=True)
    assert done.returncode == 64 and "only bash" in done.stderr, done


def test_init_scripts(_build):
    scripts = glob.glob(os.path.join(TOP, "conf/openrc/*"))
    assert len(scripts) == 2, scripts
    for script in scripts:
        run("sh", "-n", script)
        assert os.access(script, os.X_OK), script


def test_install(build):
    """OpenRC's scripts only when asked for, and everything in its place."""
    with tempfile.TemporaryDirectory() as folder:
        make = ("make", "-s", "-C", TOP, f"O={build}", f"DESTDIR={folder}", "PREFIX=/usr")
        for target, is_there in (("install", False), ("install-openrc", True)):
            # Another prefix would build all anew.
            run(*make, "-o", "all", "-o", "manuals", target)
            script = os.path.join(folder, "etc/init.d/hopseal-policyd")
            assert os.path.exists(script) == is_there, target
        with open(script) as f:
            assert "command=/usr/sbin/hopseal-policyd\n" in f.read()
        run("bash", "-n", os.path.join(folder,
                                       "usr/share/bash-completion/completions/hopseal"))
        if shutil.which("systemd-sysusers") and os.geteuid() == 0:
            for name in "passwd", "group":
                shutil.copy(f"/etc/{name}", os.path.join(folder, "etc"))
            run("systemd-sysusers", f"--root={folder}", stderr=subprocess.DEVNULL)
            run("systemd-tmpfiles", "--create", f"--root={folder}")
            assert os.path.isdir(os.path.join(folder, "var/lib/hopseal"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    build = os.path.abspath(parser.parse_args().build)
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test(build)
            print(f"ok {name}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
