"""The policy hosts: one HTTPS server that tells them apart by SNI (RFC 8461, 3.3).

PolicyHosts writes the table of hosts and starts this file as a program, which reads
the table again whenever it changes.  Each request becomes a line of JSON.
A host's row: chain, key, status, type, body, headers, delay_s (before the answer),
chunked, close (the connection after the request, without an answer).
"""

import json
import os
import socket
import ssl
import sys
import threading
import time

from mx_host import Table, server_context
from process import Process

TIMEOUT_S = 20
PATH = "/.well-known/mta-sts.txt"


class PolicyHosts:
    def __init__(self, folder, log_folder, address):
        self._table_path = os.path.join(folder, "policy.json")
        self.requests_path = os.path.join(log_folder, "policy-requests.jsonl")
        self._log_folder, self._address = log_folder, address
        self.table = {}

    def put(self, name, leaf, body, **faults):
        """Set what the host of that name answers; takes effect after save()."""
        self.table[name] = dict({"chain": leaf.chain_path, "key": leaf.key_path,
                                 "body": body, "status": 200, "type": "text/plain",
                                 "headers": {}, "delay_s": 0, "chunked": False,
                                 "close": False, "fault": ""}, **faults)

    def change(self, name, **changed):
        self.table[name].update(changed)
        self.save()

    def save(self):
        with open(self._table_path + ".new", "w") as f:
            json.dump(self.table, f)
        os.rename(self._table_path + ".new", self._table_path)

    def start(self):
        self.save()
        open(self.requests_path, "w").close()
        argv = ["/usr/bin/python3", __file__, self._address, self._table_path,
                self.requests_path]
        self.process = Process("policy-host", argv, self._log_folder)
        self.process.wait_ready(lambda: "ready" in self.process.tail(1))

    def requests(self, name=None):
        """The requests seen so far, of one host or of all."""
        with open(self.requests_path) as f:
            requests = [json.loads(line) for line in f if line.endswith("\n")]
        return [r for r in requests if name in (None, r["sni"])]


# The program.

def answer(host, path):
    """The octets that this host sends for a request of that path."""
    if path != PATH and "other" not in path:
        return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    status = host["status"] if path == PATH else 200
    body = host["body"].encode("latin-1")
    lines = [f"HTTP/1.1 {status} bench", f"Content-Type: {host['type']}",
             "Connection: close"]
    lines += [f"{name}: {value}" for name, value in host["headers"].items()]
    if host["chunked"]:
        lines.append("Transfer-Encoding: chunked")
        middle = len(body) // 2
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part)
                        for part in (body[:middle], body[middle:], b""))
    else:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def converse(connection, table, front_context, requests):
    names = []

    def choose(tls, name, _):
        host = table.hosts.get(name)
        names.append(name)
        if host is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        tls.context = table.context(host)
    try:
        connection.settimeout(TIMEOUT_S)
        table.refresh()
        context = front_context()
        context.sni_callback = choose
        connection = context.wrap_socket(connection, server_side=True)
        head = b""
        while b"\r\n\r\n" not in head and len(head) < 16384:
            part = connection.recv(4096)
            if not part:
                return
            head += part
        lines = head.decode("latin-1").split("\r\n")
        host = table.hosts[names[0]]
        path = lines[0].split(" ")[1]
        requests.write(json.dumps({"sni": names[0], "path": path, "time": time.time(),
                                   "headers": [h for h in lines[1:] if h]}) + "\n")
        time.sleep(host["delay_s"])
        if not host["close"]:
            connection.sendall(answer(host, path))
            connection.unwrap()
    except (OSError, ValueError, KeyError, IndexError) as e:
        print(f"{names}: {e}", flush=True)
    finally:
        connection.close()


def main(address, table_path, requests_path):
    table = Table(table_path)
    requests = open(requests_path, "a", buffering=1)
    any_host = next(iter(table.hosts.values()))
    front_context = lambda: server_context(any_host["chain"], any_host["key"])
    listener = socket.create_server((address, 443), backlog=128)
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=converse, daemon=True,
                         args=(connection, table, front_context, requests)).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
