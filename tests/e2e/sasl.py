"""Who may log in at the sender's Postfix: everybody, with any password.

Speaks Dovecot's authentication protocol for one mechanism, PLAIN.
"""

import socketserver
import threading

ADDRESS = ("127.0.0.1", 12345)


class SaslServer(socketserver.ThreadingTCPServer):
    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\n"
                             b"COOKIE\t" + b"0" * 32 + b"\nDONE\n")
            for line in self.rfile:
                words = line.decode().rstrip("\n").split("\t")
                if words[0] == "AUTH":
                    self.wfile.write(f"OK\t{words[1]}\tuser=joe\n".encode())

    daemon_threads = True

    def __init__(self):
        super().__init__(ADDRESS, self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
