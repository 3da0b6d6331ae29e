"""The frames of shared/frame.h, in which our processes speak, and their types by name."""

import os
import re
import struct

FRONT, SCOUT, CLERK = 1, 2, 3       # enum role
HAS_FD = 0x80                       # in a type: a descriptor comes with it


def message_types(*names):
    """The numbers of MESSAGE_..., as shared/message.h has them."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../shared/message.h")
    with open(path) as f:
        order = re.findall(r"^\tMESSAGE_(\w+)", f.read(), re.M)
    return [1 + order.index(name) for name in names]


def text(value):
    raw = value.encode()
    return struct.pack("!I", len(raw)) + raw


def frame(kind, number=0, payload=b""):
    return struct.pack("!BBHIQ", 1, kind, 0, len(payload), number) + payload


def read_frame(sock):
    """(type, number, payload), or None at the end."""
    def exactly(count):
        data = b""
        while len(data) < count:
            more = sock.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data
    try:
        _, kind, _, length, number = struct.unpack("!BBHIQ", exactly(16))
        return kind, number, exactly(length)
    except (EOFError, OSError):
        return None
