"""Ports for the servers of a test."""

import random
import socket

_marks = []


def free_port(host="127.0.0.1"):
    """A port that nobody listens on; until we end nobody else is given it.

    It lies below those that the kernel gives to outgoing connections, so that none of these
    takes it before its server does.  Other tests that run in this network see our mark, a
    socket without a file."""
    while True:
        port = random.randrange(20000, 32000)
        mark = socket.socket(socket.AF_UNIX)
        try:
            mark.bind(f"\0hopseal-test-port-{port}")
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
                s.bind((host, port))
        except OSError:
            mark.close()
            continue
        _marks.append(mark)
        return port
