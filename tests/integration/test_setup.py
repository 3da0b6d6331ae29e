#!/usr/bin/python3
"""hopseal setup on a real Postfix's configuration: shown, applied, taken back.

    test_setup.py [--build DIR] [NAMES]

Each test has a configuration folder of its own, with Debian's master.cf; no Postfix is
started.  Exit 77 without Postfix or root.
"""

import argparse
import json
import os
import resource
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
from ports import free_port

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = "build"
MAIN_CF = """# Mine.
queue_directory = {folder}/spool
myhostname = mail.example
mynetworks = 127.0.0.0/8
# One has been here since 2009.
smtp_tls_policy_maps =
\thash:/etc/postfix/tls
    unionmap:{{ hash:/a, hash:/b }}
smtpd_recipient_restrictions =
\tpermit_mynetworks,
\tcheck_client_access cidr:/etc/postfix/clients,
\treject_unauth_destination
smtpd_milters = inet:127.0.0.1:11332
smtp_tls_loglevel = 0
"""
MASTER_CF = """smtp      inet  n       -       y       -       -       smtpd
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission
# for those who log in
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
  -o { smtpd_milters = { inet:127.0.0.1:8891, connect_timeout = 2s } $other }
127.0.0.1:10025 inet n  -       n       -       -       smtpd
  -o smtpd_recipient_restrictions=permit_mynetworks,reject
  -o smtpd_milters=
smtp      unix  -       -       y       -       -       smtp
"""
SERVICE = "check_policy_service { %s, timeout=10s, default_action=DUNNO }"


class Answers:
    """Stands for policyd's two services, or for another program in their place."""

    def __init__(self, **replies):
        self.endpoints, self._sockets = {}, []
        for name, reply in replies.items():
            listener = socket.create_server(("127.0.0.1", 0))
            self._sockets.append(listener)
            self.endpoints[name] = "inet:127.0.0.1:%d" % listener.getsockname()[1]
            threading.Thread(target=self._serve, args=(listener, reply),
                             daemon=True).start()

    def _serve(self, listener, reply):
        while True:
            try:
                with listener.accept()[0] as s:
                    s.recv(4096)
                    s.sendall(reply)
            except OSError:
                return

    def close(self):
        for listener in self._sockets:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


GOOD = {"map_listen": b"9:NOTFOUND ,", "access_listen": b"action=DUNNO\n\n",
        "milter_listen": b"\0\0\0\x0dO" + bytes(12)}


class SetupTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hs")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        # Postfix's start puts them there, for those that it chroots.
        os.makedirs(self.path("spool/etc"))
        for name in ("hosts", "nsswitch.conf"):
            shutil.copy(f"/etc/{name}", self.path("spool/etc"))
        self.write("main.cf", MAIN_CF.format(folder=self.folder))
        self.write("master.cf", MASTER_CF)
        self.write("hopseal.conf", "")
        self.answers = Answers(**GOOD)
        self.addCleanup(self.answers.close)
        self.options = dict(
            self.answers.endpoints, status_listen="", redis="", dane="off",
            postfix_config_dir=self.folder, maillog=self.path("main.cf"),
            control_listen=f"unix:{self.path('control.sock')}")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def settle(self):
        """Postfix waits until what it reads is some seconds old."""
        for name in "main.cf", "master.cf":
            os.utime(self.path(name), (0, 0))

    def postconf(self, *argv):
        self.settle()
        return subprocess.run(["postconf", "-c", self.folder, *argv], check=True,
                              capture_output=True, text=True).stdout

    def setup_(self, *argv, status=0, **how):
        return self.hopseal("-c", self.path("hopseal.conf"), argv=argv, status=status, **how)

    def hopseal(self, *before, argv, status=0, prefix=(), **how):
        self.settle()
        options = [word for item in self.options.items() for word in ("-o", "=".join(item))]
        done = subprocess.run([*prefix, os.path.join(BUILD, "hopseal"), *before, *options,
                               "setup", *argv], capture_output=True, text=True, **how)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout) if "--json" in argv else done.stdout + done.stderr

    def warnings(self):
        return [w["what"] for w in self.setup_("--json", status=1)["warnings"]]

    def policyd_says(self, line):
        policyd = Answers(control_listen=line)
        self.addCleanup(policyd.close)
        self.options.update(policyd.endpoints)

    def program(self, name, script):
        """A program that is found before the system's."""
        path = os.environ["PATH"]
        self.addCleanup(os.environ.update, PATH=path)
        self.write(name, f"#!/bin/sh\n{script}\n")
        os.chmod(self.path(name), 0o755)
        if not path.startswith(self.folder):
            os.environ["PATH"] = f"{self.folder}:{path}"

    # ------------------------------------------------------------------ shown

    def test_shows(self):
        before = self.read("main.cf"), self.read("master.cf")
        told = self.setup_()
        map_, access = self.options["map_listen"], self.options["access_listen"]
        self.assertIn(f"postconf -c {self.folder} -e 'smtp_tls_policy_maps = "
                      "hash:/etc/postfix/tls, unionmap:{ hash:/a, hash:/b }, "
                      f"socketmap:{map_}:QUERY'\n", told)
        self.assertIn(f"-e 'smtpd_recipient_restrictions = {SERVICE % access}, "
                      "permit_mynetworks, check_client_access cidr:/etc/postfix/clients, "
                      "reject_unauth_destination'\n", told)
        self.assertIn("reinject_ports = 10025\n", told)
        self.assertEqual((self.read("main.cf"), self.read("master.cf")), before)

    def test_a_shell_can_do_it(self):
        """What is printed says the same as what is applied."""
        lines = self.setup_("--lines").replace("postfix -c", "true -c")
        subprocess.run(["sh", "-e"], input=lines, text=True, check=True)
        by_hand = self.postconf("-n"), self.postconf("-P")
        self.assertEqual(self.setup_("--json")["changes"], [])
        self.write("main.cf", MAIN_CF.format(folder=self.folder))
        self.write("master.cf", MASTER_CF)
        self.setup_("--apply")
        self.assertEqual((self.postconf("-n"), self.postconf("-P")), by_hand)

    def test_the_samples_need_nothing(self):
        """conf/postfix, copied by hand, is what setup asks for."""
        for name in GOOD:
            del self.options[name]
        for sample in ((".",), (".", "amavis"), (".", "postscreen"), (".", "chroot")):
            self.write("main.cf", "".join(self.sample(s, "main.cf") for s in sample))
            for name in ("master.cf", "hopseal.conf"):
                self.write(name, self.sample(sample[-1], name))
            told = self.setup_("--lines", "--json")
            self.assertEqual([c["command"] for c in told["changes"]], [], sample)
            self.assertEqual((told["options"], told["warnings"]), ([], []), sample)

    @staticmethod
    def sample(folder, name):
        try:
            with open(os.path.join(TOP, "conf/postfix", folder, name)) as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def test_without_postfix(self):
        self.options["postfix_config_dir"] = self.path("spool")
        told = self.setup_("--json", status=1)
        self.assertIn("Postfix has no main.cf yet", [w["what"] for w in told["warnings"]])
        self.assertIn("no Postfix with a main.cf", self.setup_("--apply", status=2))

    # ---------------------------------------------------------------- applied

    def test_apply_and_revert(self):
        main, master = self.read("main.cf"), self.read("master.cf")
        os.chmod(self.path("main.cf"), 0o604)
        os.chown(self.path("main.cf"), 1234, 4321)
        told = self.setup_("--apply", "--json")
        self.assertTrue(told["done"])
        self.assertFalse(told["reloaded"])
        self.assertEqual(self.read("main.cf.before-hopseal"), main)
        self.assertEqual(self.read("master.cf.before-hopseal"), master)
        self.assertIn(b"# One has been here since 2009.\n", self.read("main.cf"))
        self.assertIn("submission/inet/smtpd_recipient_restrictions = check_policy_service,"
                      "{%s,timeout=10s,default_action=DUNNO},permit_sasl_authenticated,reject\n"
                      % self.options["access_listen"], self.postconf("-P"))
        self.assertIn("127.0.0.1:10025/inet/smtpd_recipient_restrictions = "
                      "permit_mynetworks,reject\n", self.postconf("-P"))
        after = self.read("main.cf"), self.read("master.cf")
        self.assertIn("Nothing to do", self.setup_("--apply"))
        self.assertEqual((self.read("main.cf"), self.read("master.cf")), after)
        told = self.setup_("--revert", "--json")
        self.assertEqual(told["left"], [])
        self.assertIn("smtp_tls_policy_maps", told["restored"])
        self.assertEqual(self.read("main.cf"), main)
        self.assertEqual(self.read("master.cf"), master)
        status = os.stat(self.path("main.cf"))
        self.assertEqual((stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid),
                         (0o604, 1234, 4321))
        self.assertEqual(sorted(os.listdir(self.folder)),
                         ["hopseal.conf", "main.cf", "master.cf", "spool"])
        self.assertIn("Nothing to do", self.setup_("--revert"))

    def test_options_and_the_page(self):
        del self.options["status_listen"]
        before = b"#reinject_ports =\n# Mine.\nuser = 1\n"
        self.write("hopseal.conf", before.decode())
        os.chmod(self.path("hopseal.conf"), 0o604)
        self.policyd_says(b'{"done": true}\n')
        told, password_file = self.setup_("--apply"), self.path("status-password")
        self.assertEqual(self.read("hopseal.conf"),
                         b"#reinject_ports =\nreinject_ports = 10025\n# Mine.\nuser = 1\n"
                         b"status_password_file = %s\n" % password_file.encode())
        self.assertEqual(stat.S_IMODE(os.stat(self.path("hopseal.conf")).st_mode), 0o604)
        self.assertEqual(stat.S_IMODE(os.stat(password_file).st_mode), 0o600)
        password = self.read("status-password").decode().strip()
        self.assertRegex(password, "^[a-z2-9]{16}$")
        self.assertIn("The status page: http://127.0.0.1:8463/, any user name, password "
                      f"{password}\n", told)
        self.assertNotIn("was not told", told)
        self.assertIn("Nothing to do", self.setup_("--apply"))
        self.setup_("--revert")
        self.assertEqual(self.read("hopseal.conf"), before)
        self.assertEqual(sorted(os.listdir(self.folder)),
                         ["hopseal.conf", "main.cf", "master.cf", "spool"])

    def test_the_page_is_there_once_policyd_knows(self):
        del self.options["status_listen"]
        for line in None, b'{"error": "the parent cannot be told"}\n':
            if line is not None:
                self.policyd_says(line)
            told = self.setup_("--apply")
            self.assertIn("hopseal-policyd was not told", told)
            self.assertNotIn("The status page", told)
            self.assertIn("hopseal-policyd was not told", self.setup_("--revert"))

    def test_a_password_is_whole_or_not_there(self):
        """Half of one would be taken for the operator's the next time."""
        del self.options["status_listen"]
        # Python ignores SIGXFSZ, and so does then what it runs.
        self.assertIn("File too large", self.setup_(
            "--apply", status=2, restore_signals=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))))
        self.assertFalse(os.path.exists(self.path("status-password")))
        self.setup_("--apply")
        self.assertRegex(self.read("status-password"), b"^[a-z2-9]{16}\n$")

    def test_a_configuration_that_is_missing(self):
        """Made where an option is set, for all to read, and taken away again."""
        os.remove(self.path("hopseal.conf"))
        etc = shutil.copytree("/etc", self.path("etc"), symlinks=True)
        config = os.path.join(etc, "hopseal/hopseal.conf")
        shutil.rmtree(os.path.dirname(config), ignore_errors=True)
        os.mkdir(os.path.dirname(config))

        def setup(option):
            self.hopseal(argv=[option], prefix=[
                "unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc && exec "$@"', etc])

        before = self.read("main.cf")
        setup("--apply")
        with open(config) as f:
            self.assertEqual(f.read(), "reinject_ports = 10025\n")
        self.assertEqual(stat.S_IMODE(os.stat(config).st_mode), 0o644)
        setup("--revert")
        self.assertEqual(os.listdir(os.path.dirname(config)), [])
        self.options["reinject_ports"] = "10025"
        setup("--apply")
        self.assertNotEqual(self.read("main.cf"), before)
        self.assertEqual(os.listdir(os.path.dirname(config)), [])

    def test_options_beside_others(self):
        del self.options["status_listen"]
        self.write("status-password", "mine\n")
        self.setup_("--apply")
        with open(self.path("hopseal.conf"), "a") as f:
            f.write("user = 1\n")
        told = self.setup_("--revert", "--json")
        self.assertIn("reinject_ports", told["restored"])
        self.assertEqual(self.read("hopseal.conf"), b"user = 1\n")
        self.assertEqual(self.read("status-password"), b"mine\n")

    def test_what_was_changed_since_stays(self):
        before = self.postconf("-n")
        overrides = self.postconf("-P")
        self.setup_("--apply")
        self.postconf("-e", "smtp_tls_security_level = encrypt",
                      "message_size_limit = 1000")
        self.postconf("-P", "submission/inet/smtpd_milters=inet:127.0.0.1:9")
        told = self.setup_("--revert", "--json")
        self.assertEqual(told["left"], ["smtp_tls_security_level",
                                        "submission/inet/smtpd_milters"])
        self.assertEqual(sorted(self.postconf("-n").splitlines()), sorted(
            before.splitlines() + ["message_size_limit = 1000",
                                   "smtp_tls_security_level = encrypt"]))
        self.assertIn("submission/inet/smtpd_recipient_restrictions = "
                      "permit_sasl_authenticated,reject\n", self.postconf("-P"))
        self.assertIn("submission/inet/smtpd_milters = inet:127.0.0.1:9\n",
                      self.postconf("-P"))
        self.assertEqual(overrides.count("\n"), self.postconf("-P").count("\n"))

    def test_applied_twice_it_knows_the_first(self):
        main, master = self.read("main.cf"), self.read("master.cf")
        self.setup_("--apply")
        self.options["map_listen"] = self.options["map_listen"].replace(
            "127.0.0.1", "localhost")
        told = self.setup_("--apply", "--json")
        self.assertEqual([c["name"] for c in told["changes"]], ["smtp_tls_policy_maps"])
        self.setup_("--revert")
        self.assertEqual((self.read("main.cf"), self.read("master.cf")), (main, master))

    def test_applied_twice_with_another_hand_between(self):
        self.setup_("--apply")
        self.postconf("-e", "smtp_tls_policy_maps = hash:/new", "smtp_tls_loglevel = 2")
        told = self.setup_("--apply", "--json")
        self.assertEqual([c["name"] for c in told["changes"]], ["smtp_tls_policy_maps"])
        self.assertEqual(self.setup_("--revert", "--json")["left"], ["smtp_tls_loglevel"])
        self.assertEqual(self.postconf("-h", "smtp_tls_policy_maps"), "hash:/new\n")

    def test_spoilt_state(self):
        self.setup_("--apply")
        after = self.read("main.cf")
        for text in ("", "{", "[]", '{"version": 2, "files": {}, "changes": []}'):
            self.write("hopseal-setup.json", text)
            self.assertIn("not what --apply writes", self.setup_("--revert", status=2))
        self.assertEqual(self.read("main.cf"), after)

    # --------------------------------------------------------------- refusals

    def test_nobody_answers(self):
        before = self.read("main.cf")
        self.options["map_listen"] = f"inet:127.0.0.1:{free_port()}"
        self.assertIn("would defer all mail", self.setup_("--apply", status=2))
        self.assertEqual(self.read("main.cf"), before)
        self.setup_("--apply", "--force")
        self.assertNotEqual(self.read("main.cf"), before)

    def test_not_root(self):
        os.chmod(self.folder, 0o755)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
             shutil.copy(os.path.join(BUILD, "hopseal"), self.folder), "-c",
             self.path("hopseal.conf"), "-o", f"postfix_config_dir={self.folder}", "setup",
             "--apply"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("only root", done.stderr)

    def test_usage(self):
        for argv in (["--apply", "--revert"], ["--lines", "--apply"], ["x"], ["--top", "3"]):
            self.setup_(*argv, status=64)

    # --------------------------------------------------------------- warnings

    def test_warns_of_nothing_where_all_is_well(self):
        self.setup_("--apply")
        self.assertEqual(self.setup_("--json")["warnings"], [])

    def test_warns_of_another_program(self):
        other = Answers(map_listen=b"220 hello\r\n")
        self.addCleanup(other.close)
        self.options.update(other.endpoints)
        port = self.options["map_listen"].rpartition(":")[2]
        warnings = self.warnings()
        self.assertIn(f"map: inet:127.0.0.1:{port}: another answer than ours",
                      "\n".join(warnings))
        self.assertIn(f"map_listen: port {port} is taken by python3", warnings)

    def test_warns_of_redis(self):
        self.options["redis"] = f"unix:{self.path('redis.sock')}"
        self.assertIn(f"redis = unix:{self.path('redis.sock')}: No such file or directory",
                      self.warnings())

    def test_warns_of_redis_and_its_service(self):
        ours = "unix:/run/hopseal/redis.sock"
        for state, redis, words in (
                ("enabled", "", "hopseal-redis runs for nobody: redis = "),
                ("disabled", ours, f"redis = {ours} is the socket of hopseal-redis, which is "
                 "disabled"),
                ("masked", ours, f"redis = {ours} is the socket of hopseal-redis, which is "
                 "masked")):
            self.program("systemctl", f'[ "$2" != hopseal-redis.service ] || echo {state}\n'
                         f"[ {state} = enabled ]")
            self.options["redis"] = redis
            self.assertIn(words, self.warnings())
        self.program("systemctl", "echo masked\nexit 1")
        self.options["redis"] = ""
        self.setup_("--apply")
        self.assertEqual(self.setup_("--json")["warnings"], [])

    def test_warns_of_datagrams_that_systemd_would_have_to_take(self):
        # Only Postfix 3.10 and later have these parameters.
        self.program("postconf", f"""/usr/sbin/postconf "$@" || exit
            case "$*" in *-x*) echo smtp_tlsrpt_enable = yes
            echo smtp_tlsrpt_socket_name = run/tlsrpt;; esac""")
        words = (f"Postfix sends TLSRPT datagrams to {self.path('spool/run/tlsrpt')}, but "
                 "hopseal-tlsrpt.socket is not enabled")
        for state in "disabled", "masked":
            self.program("systemctl", f'[ "$2" != hopseal-tlsrpt.socket ] || echo {state}\n'
                         "exit 1")
            self.assertIn(words, self.warnings())
        self.assertIn(words, self.setup_("--apply"))
        self.assertEqual(self.read("hopseal.conf"), b"reinject_ports = 10025\n")
        self.program("systemctl", "echo enabled")
        self.setup_("--apply")
        self.assertIn(b"tlsrpt_socket = %s/spool/run/tlsrpt\noutbound_source = both\n"
                      % self.folder.encode(), self.read("hopseal.conf"))

    def test_warns_of_a_socket_outside_the_chroot(self):
        self.options["map_listen"] = f"unix:{self.path('map.sock')}"
        self.assertIn(f"map_listen = unix:{self.path('map.sock')}: smtp runs chrooted below "
                      f"{self.path('spool')} and cannot reach it", self.warnings())

    def test_warns_of_a_mail_log_that_is_not_there(self):
        self.options["maillog"] = self.path("no.log")
        self.assertIn(f"the mail log {self.path('no.log')}: No such file or directory",
                      self.warnings())


def main():
    global BUILD
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=BUILD)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    BUILD = os.path.abspath(options.build)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if os.geteuid() != 0 or not shutil.which("postconf"):
        print("needs root and Postfix")
        return 77
    suite = unittest.TestSuite()
    for test in unittest.defaultTestLoader.loadTestsFromTestCase(SetupTest):
        if not options.names or any(name in test.id() for name in options.names):
            suite.addTest(test)
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
