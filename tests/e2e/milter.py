"""hopseal-milter under test, with the bench's configuration or one of its own."""

import os

from process import Process, wait_until

MILTER = ("127.0.0.1", 8464)
JUDGE = ("127.0.0.1", 8465)     # of postfix.JUDGED


class Milter:
    def __init__(self, bench, name="milter", rules=None, **options):
        """With rules it has files of its own; options are in addition to Hopseal's."""
        self.name, self._bench = name, bench
        self.conf_path = bench.hopseal.conf_path
        if rules is not None:
            self.conf_path = os.path.join(bench.folder, name + ".conf")
            options["rules_file"] = os.path.join(bench.folder, name + ".rules")
            with open(options["rules_file"], "w") as f:
                f.write(rules)
            bench.hopseal.write_options(self.conf_path, **options)

    def start(self):
        """Start and wait until it has learned from Hopseal, where that runs, of its Postfix."""
        before = len(self.log())
        program = os.path.join(self._bench.build, "hopseal-milter")
        self._process = Process(self.name, [program, "-c", self.conf_path],
                                self._bench.log_folder)
        if self._bench.hopseal.process:
            wait_until(lambda: "site: known=yes" in self.log()[before:], 20,
                       f"{self.name} to know its Postfix")

    def wait_knows_dane(self):
        """After a start of Hopseal, which learns that first."""
        self._bench.hopseal.ask("no-such.test")
        wait_until(lambda: " dane=present" in self.log().rpartition(" site: ")[2], 20,
                   f"{self.name} to know that DANE can be used")

    def stop(self):
        self._process.stop()

    def log(self):
        try:
            with open(os.path.join(self._bench.log_folder, self.name + ".log"),
                      errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""
