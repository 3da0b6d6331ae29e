"""The MX hosts: one SMTP server with STARTTLS, an own certificate and fault per address.

MxHosts writes the table of hosts and starts this file as a program, which reads the
table again whenever it changes.  Each mail taken in becomes a line of JSON, and so does each
conversation at its end: how far it came with TLS, and how many mails.
Faults: no-starttls, refuse-starttls (454), garbage (after 220), drop (after 220),
inject (a reply behind that 220), tls1.0, tls1.1, weak-ciphers (only triple DES and RC4),
closed (nobody listens), slow-banner, tarpit (a greeting that never ends).
"""

import json
import os
import selectors
import socket
import ssl
import sys
import threading
import time

from OpenSSL import SSL

from process import Process

TIMEOUT_S = 30
OLD = {"tls1.0": ssl.TLSVersion.TLSv1, "tls1.1": ssl.TLSVersion.TLSv1_1}
WEAK_SUITES = (b"\0\x0a", b"\0\x05")      # triple DES and RC4, with RSA and SHA-1


class MxHosts:
    def __init__(self, folder, log_folder):
        self._table_path = os.path.join(folder, "mx.json")
        self.mails_path = os.path.join(log_folder, "mx-mails.jsonl")
        self.sessions_path = os.path.join(log_folder, "mx-sessions.jsonl")
        self._log_folder = log_folder
        self.table = {}

    def put(self, address, name, leaf, fault=""):
        """Set a host; takes effect for the next connection after save()."""
        self.table[address] = {"name": name, "chain": leaf.chain_path,
                               "key": leaf.key_path, "staple": leaf.staple_path,
                               "fault": fault}

    def save(self):
        with open(self._table_path + ".new", "w") as f:
            json.dump(self.table, f)
        os.rename(self._table_path + ".new", self._table_path)

    def start(self):
        self.save()
        for path in (self.mails_path, self.sessions_path):
            open(path, "w").close()
        argv = ["/usr/bin/python3", __file__, self._table_path, self.mails_path,
                self.sessions_path]
        self.process = Process("mx", argv, self._log_folder)
        self.process.wait_ready(lambda: "ready" in self.process.tail(1))

    def mails(self, recipient=None):
        return [m for m in read_lines(self.mails_path) if recipient in (None, m["recipient"])]

    def sessions(self, peer):
        """What the hosts noted of those from an address, in the order of their ends."""
        return [s for s in read_lines(self.sessions_path) if s["peer"] == peer]


def read_lines(path):
    with open(path) as f:
        return [json.loads(line) for line in f if line.endswith("\n")]


# The program.

class Table:
    """The file of hosts, read again when it changed; keeps one TLS context a host."""

    def __init__(self, path):
        self._path, self._stamp, self._contexts = path, None, {}
        self._lock = threading.Lock()
        self.hosts = {}
        self.refresh()

    def refresh(self):
        """True if the file was read again."""
        with self._lock:
            stamp = os.stat(self._path).st_mtime_ns
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            with open(self._path) as f:
                self.hosts = json.load(f)
            return True

    def context(self, host):
        with self._lock:
            key = (host["chain"], os.stat(host["chain"]).st_mtime_ns, host["fault"])
            if key not in self._contexts:
                self._contexts[key] = server_context(host["chain"], host["key"])
                if host["fault"] in OLD:
                    self._contexts[key].minimum_version = OLD[host["fault"]]
                    self._contexts[key].maximum_version = OLD[host["fault"]]
            return self._contexts[key]


def server_context(chain, key):
    """For any certificate, be it as weak as it likes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(chain, key)
    return context


def stapling(connection, host):
    """A TLS session with a stapled OCSP response, which Python's own module cannot do."""
    with open(host["staple"], "rb") as f:
        staple = f.read()
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_privatekey_file(host["key"])
    context.use_certificate_chain_file(host["chain"])
    context.set_ocsp_server_callback(lambda *_: staple)
    connection.settimeout(None)
    session = SSL.Connection(context, connection)
    session.set_accept_state()
    session.do_handshake()
    session.version = session.get_protocol_version_name
    return session


def weak_hello(hello):
    """The answer to a ClientHello: one of WEAK_SUITES, else the alert that there is none."""
    begin = 46 + hello[43]      # behind the session's id and the length
    end = begin + int.from_bytes(hello[begin - 2:begin], "big")
    offered = [hello[i:i + 2] for i in range(begin, end, 2)]
    for suite in WEAK_SUITES:
        if suite in offered:
            body = b"\x03\x03" + bytes(32) + b"\0" + suite + b"\0"
            message = b"\x02" + len(body).to_bytes(3, "big") + body
            return b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message
    return b"\x15\x03\x03\0\x02\x02\x28"


class Session:
    """One SMTP conversation."""

    def __init__(self, connection, address, host, table, mails):
        self._socket, self._address, self._host = connection, address, host
        self._table, self._mails = table, mails
        self._read = b""
        self._tls = False
        self.note = {"host": host["name"], "starttls": None, "resumed": None, "mails": 0}
        self._sni = None
        self._recipients = []

    def _say(self, *lines):
        self._socket.sendall("".join(line + "\r\n" for line in lines).encode())

    def _line(self):
        while b"\n" not in self._read:
            part = self._socket.recv(4096)
            if not part:
                raise ConnectionError("the client is gone")
            self._read += part
        line, _, self._read = self._read.partition(b"\n")
        return line.decode(errors="replace").rstrip("\r")

    def serve(self):
        if self._host["fault"] == "slow-banner":
            time.sleep(3)
        while self._host["fault"] == "tarpit":
            self._say("220-wait")
            time.sleep(12)
        self._say(f"220 {self._host['name']} ESMTP bench")
        while True:
            line = self._line()
            verb = line.split(" ")[0].upper()
            if verb == "EHLO":
                offer = self._host["fault"] != "no-starttls" and not self._tls
                self._say(f"250-{self._host['name']}", *["250-STARTTLS"] * offer,
                          "250-SMTPUTF8", "250 8BITMIME")
            elif verb == "STARTTLS":
                if not self._start_tls():
                    return
            elif verb == "RCPT":
                self._recipients.append(line[line.index("<") + 1:line.index(">")])
                self._say("250 2.1.5 Ok")
            elif verb == "DATA":
                self._take_mail()
            elif verb == "RSET":
                self._recipients = []
                self._say("250 2.0.0 Ok")
            elif verb == "QUIT":
                self._say("221 2.0.0 Bye")
                return
            elif verb in ("HELO", "MAIL", "NOOP"):
                self._say("250 2.0.0 Ok")
            else:
                self._say("502 5.5.1 Unknown command")

    def _start_tls(self):
        """False when the conversation is over."""
        fault = self._host["fault"]
        if fault == "refuse-starttls":
            self.note["starttls"] = "refused"
            self._say("454 4.7.0 TLS not available due to temporary reason")
            return True
        self.note["starttls"] = "failed"
        self._say("220 2.0.0 Ready to start TLS",
                  *["250 2.0.0 injected"] * (fault == "inject"))
        if fault == "drop":
            return False
        if fault == "weak-ciphers":
            self._socket.sendall(weak_hello(self._socket.recv(4096)))
            return False
        if fault == "garbage":
            self._socket.sendall(b"this is no handshake\r\n" * 20)
            self._socket.settimeout(1)
            self._socket.recv(4096)
            return False
        if self._host["staple"]:
            self._socket = stapling(self._socket, self._host)
        else:
            context = self._table.context(self._host)

            def note(connection, name, _):
                self._sni = name
            context.sni_callback = note
            self._socket = context.wrap_socket(self._socket, server_side=True)
            self.note["resumed"] = self._socket.session_reused
        self._read = b""
        self._tls = True
        self.note["starttls"] = "ok"
        return True

    def _take_mail(self):
        self._say("354 End data with <CR><LF>.<CR><LF>")
        head, body, in_head = [], [], True
        while (line := self._line()) != ".":
            in_head = in_head and line != ""
            (head if in_head else body).append(line)
        for recipient in self._recipients:
            self._mails.write(json.dumps({
                "host": self._host["name"], "address": self._address,
                "recipient": recipient, "head": "\n".join(head), "body": "\n".join(body),
                "tls": self._socket.version() if self._tls else None,
                "sni": self._sni}) + "\n")
        self.note["mails"] += 1
        self._recipients = []
        self._say("250 2.0.0 Ok")


def converse(connection, table, mails, sessions):
    peer = connection.getpeername()[0]
    session = None
    try:
        connection.settimeout(TIMEOUT_S)
        table.refresh()
        address = connection.getsockname()[0]
        host = table.hosts[address]
        session = Session(connection, address, host, table, mails)
        session.serve()
    except (OSError, ValueError, SSL.Error) as e:
        print(f"{connection!r}: {e}", flush=True)
    finally:
        connection.close()
        if session:
            sessions.write(json.dumps({"peer": peer, **session.note}) + "\n")


def main(table_path, mails_path, sessions_path):
    table = Table(table_path)
    mails, sessions = (open(path, "a", buffering=1) for path in (mails_path, sessions_path))
    selector = selectors.DefaultSelector()
    listeners = {}

    def listen():
        wanted = {a for a, h in table.hosts.items() if h["fault"] != "closed"}
        for address in set(listeners) - wanted:
            selector.unregister(listeners[address])
            listeners.pop(address).close()
        for address in wanted - set(listeners):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            listeners[address] = socket.create_server((address, 25), family=family,
                                                      backlog=64)
            selector.register(listeners[address], selectors.EVENT_READ)

    listen()
    print("ready", flush=True)
    while True:
        for key, _ in selector.select(0.3):
            connection, _ = key.fileobj.accept()
            threading.Thread(target=converse,
                             args=(connection, table, mails, sessions),
                             daemon=True).start()
        if table.refresh():
            listen()


if __name__ == "__main__":
    main(*sys.argv[1:])
