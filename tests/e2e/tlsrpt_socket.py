"""What stands at the other end of Postfix's TLSRPT socket: it keeps every datagram.

Postfix sends one after each TLS handshake with a domain that asks for reports
(TLSRPT_README), and drops it where nobody reads.
"""

import json
import os
import socket
import threading


class TlsrptSocket:
    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        os.chmod(path, 0o666)
        self._datagrams = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            self._datagrams.append(json.loads(self._socket.recv(1 << 20)))

    def of(self, domain):
        """The datagrams about a domain, the last one last."""
        return [d for d in self._datagrams if d["d"] == domain]
