"""Ports for the servers of a test."""

import random
import socket

_given = set()


def free_port(host="127.0.0.1"):
    """A port that nobody listens on, never the same twice.

    It lies below those that the kernel gives to outgoing connections, so that none of these
    takes it before its server does."""
    while True:
        port = random.randrange(20000, 32000)
        if port in _given:
            continue
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as s:
            try:
                s.bind((host, port))
            except OSError:
                continue
        _given.add(port)
        return port
