#!/usr/bin/python3
"""A socketmap client: asks a map as Postfix does (socketmap_table(5)).

One netstring "NAME KEY" out, one netstring back, over a connection that stays.
"""

import socket
import sys


class Client:
    """endpoint is (host, port) or the path of a unix socket."""

    def __init__(self, endpoint, timeout=40):
        family = socket.AF_UNIX if isinstance(endpoint, str) else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        self._socket.connect(endpoint)
        self._file = self._socket.makefile("rb")

    def ask(self, name, key):
        """The answer's payload, blank at its end included."""
        request = f"{name} {key}".encode()
        self._socket.sendall(b"%d:%s," % (len(request), request))
        digits = b""
        while not digits.endswith(b":"):
            octet = self._file.read(1)
            if not octet or len(digits) > 9:
                raise ConnectionError(f"no netstring but {digits + octet!r}")
            digits += octet
        payload = self._file.read(int(digits[:-1]))
        if self._file.read(1) != b",":
            raise ConnectionError("netstring without its comma")
        return payload.decode()

    def close(self):
        self._file.close()
        self._socket.close()


def ask(endpoint, name, key, timeout=40):
    """One question on a connection of its own."""
    client = Client(endpoint, timeout)
    try:
        return client.ask(name, key)
    finally:
        client.close()


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        for map_name in ("QUERY", "QUERYwithTLSRPT"):
            print(ask(("127.0.0.1", 8461), map_name, argument))
