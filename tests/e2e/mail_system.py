"""A mail system of our own, to be looked at: three Postfix instances and Dovecot.

As a host has them: postmulti and doveconf find them at their usual places, which
are the bench's own mounts.  The first instance takes mail in, with an RSA and an ECDSA
certificate on one port and a hash table of names; the second is for users, with
overrides in master.cf and an inline table; the third is the second mail host, and shows a
certificate when it sends.  Certificates lie as certbot has them: live/NAME/fullchain.pem.
"""

import contextlib
import os
import shutil
import socket
import subprocess

from postfix import MASTER_CF
from process import Process, run, wait_until

MAIN_CF = """compatibility_level = 3.6
queue_directory = {folder}/spool-{name}
data_directory = {folder}/data-{name}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {logs}/{name}.log
maillog_file_prefixes = {logs}
multi_instance_enable = yes
myhostname = {host}
mydestination =
inet_interfaces = {address}
inet_protocols = ipv4
alias_maps =
max_use = 10000
max_idle = 1h
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_exclude_ciphers = aNULL
"""

# What each instance has beside the above.  A service has one process, which lives until
# it is told to reload: it cannot happen on the new certificate by itself.
FIRST = """multi_instance_directories = {folder}/postfix-in {folder}/postfix-out
multi_instance_wrapper = $command_directory/postmulti -p --
smtpd_tls_chain_files = {live}/rsa/privkey.pem, {live}/rsa/fullchain.pem,
    {live}/mail/privkey.pem, {live}/mail/fullchain.pem
tls_server_sni_maps = hash:{folder}/postfix/sni
"""
FIRST_SERVICES = "smtp inet n - n - 1 smtpd\n"
SECOND = """multi_instance_name = postfix-in
smtpd_tls_cert_file = {live}/mail/fullchain.pem
smtpd_tls_key_file = {live}/mail/privkey.pem
"""
SECOND_SERVICES = """submission inet n - n - 1 smtpd
  -o {{ tls_server_sni_maps = inline:{{ {{ www.own.test =
    {live}/www/privkey.pem {live}/www/fullchain.pem }} }} }}
submissions inet n - n - 1 smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_tls_chain_files={live}/www/privkey.pem,{live}/www/fullchain.pem
"""
THIRD = """multi_instance_name = postfix-out
smtpd_tls_chain_files = {live}/mail2/privkey.pem, {live}/mail2/fullchain.pem
smtp_tls_chain_files = {live}/client/privkey.pem, {live}/client/fullchain.pem
"""

DOVECOT_CONF = """protocols = imap pop3
base_dir = {folder}/dovecot/run
state_dir = {folder}/dovecot/state
log_path = {logs}/dovecot.log
listen = 127.0.0.1
ssl = yes
ssl_cert = <{live}/mail/fullchain.pem
ssl_key = <{live}/mail/privkey.pem
ssl_alt_cert = <{live}/rsa/fullchain.pem
ssl_alt_key = <{live}/rsa/privkey.pem
local_name imap.own.test {{
  ssl_cert = <{live}/www/fullchain.pem
  ssl_key = <{live}/www/privkey.pem
}}
mail_location = maildir:{folder}/dovecot/mail
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/dovecot/mail
}}
"""

NEEDED = ("dovecot", "doveconf", "doveadm", "postmulti")


def why_not():
    missing = [program for program in NEEDED if not shutil.which(program)]
    return f"missing programs: {' '.join(missing)}" if missing else ""


def greets(address, port):
    try:
        with socket.create_connection((address, port), 5) as s:
            return s.recv(1) != b"" if port in (25, 587, 143, 110) else True
    except OSError:
        return False


class Instance:
    def __init__(self, folder, name, settings, services, address, ports, **values):
        self.config_folder = os.path.join(folder, name)
        self._address, self._ports = address, ports
        values.update(folder=folder, name=name, address=address)
        shutil.copytree("/etc/postfix", self.config_folder)     # what Postfix lists of itself
        for path in (f"spool-{name}", f"data-{name}"):
            os.makedirs(os.path.join(folder, path))
        run("chown", "postfix", os.path.join(folder, f"data-{name}"))
        self._main_cf = (MAIN_CF + settings).format(**values)
        self._master_cf = services.format(**values) + MASTER_CF[MASTER_CF.index("pickup"):]

    def path(self, name):
        return os.path.join(self.config_folder, name)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def read(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def configure(self, *settings):
        """Change main.cf, and tell Postfix."""
        run("postconf", "-c", self.config_folder, "-e", *settings)
        self.postfix("reload")

    def postfix(self, *words):
        return run("postfix", "-c", self.config_folder, *words)

    def restore(self):
        """As it was made."""
        self.write("main.cf", self._main_cf)
        self.write("master.cf", self._master_cf)

    def start(self):
        self.postfix("start")
        wait_until(lambda: all(greets(self._address, port) for port in self._ports), 20,
                   f"{self.config_folder} to answer")

    def stop(self):
        self.postfix("stop")


class MailSystem:
    """addresses: of mail.own.test and mail2.own.test.  Before start() come install() of
    all that lies in live, and write_sni().
    """

    def __init__(self, folder, log_folder, addresses):
        self.folder, self.log_folder = folder, log_folder
        self.live = os.path.join(folder, "live")
        for address in addresses:   # inet_interfaces wants them at an interface
            run("ip", "address", "add", f"{address}/32", "dev", "lo")
        values = {"logs": log_folder, "live": self.live}
        self.first = Instance(folder, "postfix", FIRST, FIRST_SERVICES, addresses[0], (25,),
                              host="mail.own.test", **values)
        self.second = Instance(folder, "postfix-in", SECOND, SECOND_SERVICES, addresses[0],
                               (465, 587), host="mail.own.test", **values)
        self.third = Instance(folder, "postfix-out", THIRD, FIRST_SERVICES, addresses[1],
                              (25,), host="mail2.own.test", **values)
        self.instances = (self.first, self.second, self.third)
        self.sni_table = self.first.path("sni")
        self._undo = contextlib.ExitStack()
        self._mounts = {self.first.config_folder: "/etc/postfix",
                        os.path.join(folder, "dovecot"): "/etc/dovecot"}
        for name in ("run", "state", "mail"):
            os.makedirs(os.path.join(folder, "dovecot", name))
        with open(os.path.join(folder, "dovecot", "dovecot.conf"), "w") as f:
            f.write(DOVECOT_CONF.format(folder=folder, **values))

    def install(self, name, leaf, chain_path=None, key_path=None):
        """As certbot does: a new chain and key, at the old place.  Returns the folder."""
        folder = os.path.join(self.live, name)
        os.makedirs(folder, exist_ok=True)
        for file, path, mode in (("fullchain.pem", chain_path or leaf.chain_path, 0o644),
                                 ("privkey.pem", key_path or leaf.key_path, 0o600)):
            new = os.path.join(folder, file + ".new")
            shutil.copy(path, new)
            os.chmod(new, mode)
            os.rename(new, os.path.join(folder, file))
        return folder

    def write_sni(self, *names):
        """The source of the hash table."""
        with open(self.sni_table, "w") as f:
            for name in names:
                f.write(f"{name} {self.live}/www/privkey.pem {self.live}/www/fullchain.pem\n")

    def start(self):
        for ours, usual in self._mounts.items():
            run("mount", "--bind", ours, usual)
            self._undo.callback(run, "umount", usual)
        for instance in self.instances:
            instance.restore()
        run("postmap", "-F", f"hash:{self.sni_table}")
        for instance in self.instances:
            # A test may have stopped it.
            self._undo.callback(subprocess.run, [
                "postfix", "-c", instance.config_folder, "stop"], capture_output=True)
            instance.start()
        dovecot = Process("dovecot-master", ["dovecot", "-F"], self.log_folder)
        self._undo.callback(dovecot.stop)
        dovecot.wait_ready(lambda: greets("127.0.0.1", 143) and greets("127.0.0.1", 110))

    def stop(self):
        """Undoes what start() did, as far as it came."""
        self._undo.close()
